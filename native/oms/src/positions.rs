//! What each account has of each instrument, to the last unit of money; `docs/oms.md` section 5.

use omni_types::{AccountId, InstrumentId, Money, Qty, Side, Ticks};

/// A position of an account in an instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Lots: + long, − short.
    pub qty: i64,
    /// Lots ever bought.
    pub bought: i64,
    /// Lots ever sold.
    pub sold: i64,
    /// Money paid for the open lots; never negative.
    pub cost: Money,
    /// Profit of the closed lots.
    pub realised: Money,
}

/// All positions that were ever touched by a fill.
#[derive(Clone, Debug)]
pub struct Positions {
    n_instruments: usize,
    /// By account, then instrument: 0, or the place in `touched` plus 1.
    places: Vec<u32>,
    touched: Vec<Position>,
    tick_values: Vec<Money>,
}

impl Position {
    /// Average price of the open lots, in ticks; NaN when there are none.
    pub fn average_price(&self, tick_value: Money) -> f64 {
        self.cost.0 as f64 / (self.qty.unsigned_abs() as f64 * tick_value.0 as f64)
    }

    /// Profit of the open lots if they were closed at `reference`.
    pub fn unrealised(&self, reference: Ticks, tick_value: Money) -> Money {
        let profit = worth(reference, self.qty.unsigned_abs(), tick_value).saturating_sub(self.cost.0);
        Money(if self.qty < 0 { profit.saturating_neg() } else { profit })
    }

    /// Takes over a fill and returns the profit it realised.
    ///
    /// Sums beyond what 128 bits hold stay at the end of the range: a loss must never turn into a profit.
    #[inline]
    pub(crate) fn fill(&mut self, side: Side, price: Ticks, qty: Qty, tick_value: Money) -> Money {
        let change = side.sign() * qty.0;
        let total = match side {
            Side::Buy => &mut self.bought,
            Side::Sell => &mut self.sold,
        };
        *total = total.saturating_add(qty.0);
        let held = self.qty.unsigned_abs();
        let closes = if self.qty.signum() * change < 0 { held.min(qty.0 as u64) } else { 0 };
        let mut realised = 0;
        if closes > 0 {
            let released = self.release(held, closes);
            let gain = worth(price, closes, tick_value).saturating_sub(released);
            realised = if self.qty < 0 { gain.saturating_neg() } else { gain };
            self.realised.0 = self.realised.0.saturating_add(realised);
        }
        let opens = qty.0 as u64 - closes;
        if opens > 0 {
            self.cost.0 = self.cost.0.saturating_add(worth(price, opens, tick_value));
        }
        self.qty = self.qty.saturating_add(change);
        Money(realised)
    }

    /// Takes the cost of `closes` of the `held` lots out: ⌊cost/held⌋·closes + ⌊(cost mod held)·closes/held⌋, which is all of it for all lots.
    #[inline]
    fn release(&mut self, held: u64, closes: u64) -> i128 {
        let released = if closes == held {
            self.cost.0
        } else {
            let (cost, held, closes) = (self.cost.0 as u128, u128::from(held), u128::from(closes));
            (cost / held * closes + cost % held * closes / held) as i128
        };
        self.cost.0 -= released;
        released
    }
}

impl Positions {
    /// None yet, for instruments with these tick values.
    pub(crate) fn new(n_accounts: usize, tick_values: Vec<Money>) -> Self {
        let n_instruments = tick_values.len();
        Self { n_instruments, places: vec![0; n_accounts * n_instruments], touched: Vec::new(), tick_values }
    }

    /// The position of an account in an instrument, or `None` if no fill ever touched it.
    pub fn get(&self, account: AccountId, instrument: InstrumentId) -> Option<&Position> {
        let (account, instrument) = (account.0 as usize, instrument.0 as usize);
        if instrument >= self.n_instruments {
            return None;
        }
        let place = *self.places.get(account * self.n_instruments + instrument)?;
        self.touched.get((place as usize).wrapping_sub(1))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.touched.len()
    }

    /// Whether there was no fill yet.
    pub fn is_empty(&self) -> bool {
        self.touched.is_empty()
    }

    /// Those that were ever touched, by account, then instrument.
    pub fn iter(&self) -> impl Iterator<Item = (AccountId, InstrumentId, &Position)> + '_ {
        let touched = self.places.iter().enumerate().filter(|&(_, &place)| place > 0);
        touched.map(|(at, &place)| {
            let (account, instrument) = (at / self.n_instruments, at % self.n_instruments);
            (AccountId(account as u32), InstrumentId(instrument as u32), &self.touched[place as usize - 1])
        })
    }

    /// Takes over a fill and returns the profit it realised.
    #[inline]
    pub(crate) fn fill(&mut self, account: AccountId, instrument: InstrumentId, side: Side, price: Ticks, qty: Qty) -> Money {
        let tick_value = self.tick_values[instrument.0 as usize];
        self.touch(account, instrument).fill(side, price, qty, tick_value)
    }

    /// The position of a known account in a known instrument, made if there was none.
    #[inline]
    pub(crate) fn touch(&mut self, account: AccountId, instrument: InstrumentId) -> &mut Position {
        let place = &mut self.places[account.0 as usize * self.n_instruments + instrument.0 as usize];
        if *place == 0 {
            self.touched.push(Position::default());
            *place = self.touched.len() as u32;
        }
        &mut self.touched[*place as usize - 1]
    }
}

/// price·lots·tick_value. The product of the first two always fits.
#[inline]
fn worth(price: Ticks, lots: u64, tick_value: Money) -> i128 {
    let ticks = i128::from(price.0) * i128::from(lots);
    match (i64::try_from(ticks), i64::try_from(tick_value.0)) {
        // Nearly always, and a single multiplication.
        (Ok(ticks), Ok(tick_value)) => i128::from(ticks) * i128::from(tick_value),
        _ => ticks.saturating_mul(tick_value.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(position: &mut Position, side: Side, price: i64, qty: i64) -> i128 {
        position.fill(side, Ticks(price), Qty(qty), Money(10)).0
    }

    #[test]
    fn a_sale_through_zero_opens_the_other_way() {
        let mut position = Position::default();
        assert_eq!(fill(&mut position, Side::Buy, 100, 3), 0);
        assert_eq!(fill(&mut position, Side::Buy, 101, 1), 0);
        assert_eq!(position.cost, Money(3 * 1_000 + 1_010));
        // Closes 4 that cost 4,010 for 4·102·10 = 4,080, and opens 2 short at 102.
        assert_eq!(fill(&mut position, Side::Sell, 102, 6), 70);
        assert_eq!(position, Position { qty: -2, bought: 4, sold: 6, cost: Money(2_040), realised: Money(70) });
        assert_eq!(position.average_price(Money(10)), 102.0);
        // A short loses when the price rises.
        assert_eq!(position.unrealised(Ticks(105), Money(10)), Money(-60));
        assert_eq!(fill(&mut position, Side::Buy, 105, 1), -30);
        assert_eq!(position, Position { qty: -1, bought: 5, sold: 6, cost: Money(1_020), realised: Money(40) });
    }

    #[test]
    fn what_does_not_divide_stays_with_the_rest() {
        let mut position = Position { qty: 3, cost: Money(100), ..Position::default() };
        // ⌊100/3⌋·2 + ⌊1·2/3⌋ = 66.
        assert_eq!(fill(&mut position, Side::Sell, 5, 2), 100 - 66);
        assert_eq!(position.cost, Money(34));
        assert_eq!(fill(&mut position, Side::Sell, 5, 1), 50 - 34);
        assert_eq!((position.qty, position.cost), (0, Money(0)));
    }

    #[test]
    fn the_largest_sums_stop_at_the_end_of_the_range() {
        let mut position = Position::default();
        let tick_value = Money((1 << 90) - 1);
        for _ in 0..10_000 {
            position.fill(Side::Sell, Ticks(1), Qty(1 << 50), tick_value);
        }
        for _ in 0..30_000 {
            position.fill(Side::Buy, Ticks(1 << 50), Qty(1 << 50), tick_value);
        }
        assert_eq!(position.realised, Money(i128::MIN));
        assert_eq!(position.cost, Money(i128::MAX));
    }

    #[test]
    fn untouched_positions_are_not_there() {
        let mut positions = Positions::new(2, vec![Money(1); 3]);
        positions.fill(AccountId(1), InstrumentId(2), Side::Buy, Ticks(4), Qty(5));
        positions.fill(AccountId(0), InstrumentId(1), Side::Sell, Ticks(4), Qty(5));
        let touched: Vec<_> = positions.iter().map(|(account, instrument, at)| (account.0, instrument.0, at.qty)).collect();
        assert_eq!(touched, [(0, 1, -5), (1, 2, 5)]);
        assert_eq!(positions.get(AccountId(0), InstrumentId(0)), None);
        assert_eq!(positions.get(AccountId(0), InstrumentId(4)), None);
        assert_eq!(positions.get(AccountId(9), InstrumentId(0)), None);
    }
}
