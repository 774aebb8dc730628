//! Cash, positions and marks, exact to the last money unit.

use omni_types::{Money, Ticks};

#[derive(Clone, Copy, Debug)]
struct Position {
    /// Signed lots.
    lots: i64,
    /// Last mark; zero before the first.
    mark: i64,
    /// Money per lot and tick.
    unit: i128,
    /// Average entry price, ticks; meaningless when flat.
    average: f64,
}

/// The account of a run.
#[derive(Clone, Debug)]
pub struct Ledger {
    cash: Money,
    /// Σ lots × mark, kept current as marks and positions change.
    holdings: i128,
    /// Σ |lots| × mark.
    gross: i128,
    commission: Money,
    slippage: Money,
    n_open: usize,
    n_closing_fills: usize,
    positions: Vec<Position>,
}

impl Ledger {
    /// An account with `cash` and no positions; `units` are the values of one lot at one tick of each instrument.
    pub fn new(cash: Money, units: impl Iterator<Item = Money>) -> Self {
        let positions = units.map(|unit| Position { lots: 0, mark: 0, unit: unit.0, average: f64::NAN }).collect();
        Self {
            cash,
            holdings: 0,
            gross: 0,
            commission: Money::ZERO,
            slippage: Money::ZERO,
            n_open: 0,
            n_closing_fills: 0,
            positions,
        }
    }

    /// Cash.
    #[inline]
    pub fn cash(&self) -> Money {
        self.cash
    }

    /// Cash plus the positions at their marks.
    #[inline]
    pub fn equity(&self) -> Money {
        Money(self.cash.0 + self.holdings)
    }

    /// Σ |position| × mark.
    #[inline]
    pub fn gross(&self) -> Money {
        Money(self.gross)
    }

    /// Commissions paid so far.
    pub fn commission(&self) -> Money {
        self.commission
    }

    /// Slippage paid so far: distance between the prices met and the prices paid, times quantity.
    pub fn slippage(&self) -> Money {
        self.slippage
    }

    /// Number of instruments with a position.
    #[inline]
    pub fn n_open(&self) -> usize {
        self.n_open
    }

    /// Number of fills that closed a position or a part of one.
    pub fn n_closing_fills(&self) -> usize {
        self.n_closing_fills
    }

    /// Signed lots held of an instrument.
    #[inline]
    pub fn lots(&self, symbol: usize) -> i64 {
        self.positions[symbol].lots
    }

    /// Last mark of an instrument; zero before its first bar.
    #[inline]
    pub fn mark_of(&self, symbol: usize) -> Ticks {
        Ticks(self.positions[symbol].mark)
    }

    /// Average entry price of the open position in ticks; NaN when flat.
    pub fn average_price_ticks(&self, symbol: usize) -> f64 {
        let position = &self.positions[symbol];
        if position.lots == 0 { f64::NAN } else { position.average }
    }

    /// Set the price at which an instrument is valued.
    #[inline]
    pub fn mark(&mut self, symbol: usize, price: Ticks) {
        let position = &mut self.positions[symbol];
        let change = price.0 - position.mark;
        position.mark = price.0;
        if position.lots != 0 {
            let value = i128::from(position.lots) * i128::from(change) * position.unit;
            self.holdings += value;
            self.gross += if position.lots > 0 { value } else { -value };
        }
    }

    /// Equity as a function of the mark of an instrument that is the only one held: its value at a mark of zero, and per tick.
    #[inline]
    pub fn equity_by_mark(&self, symbol: usize) -> (Money, Money) {
        let position = &self.positions[symbol];
        (self.cash, Money(i128::from(position.lots) * position.unit))
    }

    /// Book a fill of `lots` (signed) at `price`, which the market showed at `met`.
    #[inline]
    pub fn fill(&mut self, symbol: usize, lots: i64, price: Ticks, met: Ticks, commission: Money) {
        let position = &mut self.positions[symbol];
        let (held, now) = (position.lots, position.lots + lots);
        let value = i128::from(lots) * position.unit;
        self.cash.0 -= value * i128::from(price.0) + commission.0;
        self.commission += commission;
        self.slippage.0 += value * i128::from(price.0 - met.0);
        self.holdings += value * i128::from(position.mark);
        self.gross += i128::from(now.abs() - held.abs()) * i128::from(position.mark) * position.unit;
        self.n_open = self.n_open + usize::from(now != 0) - usize::from(held != 0);

        position.lots = now;
        if held.signum() * lots.signum() >= 0 {
            let before = if held == 0 { 0.0 } else { position.average * held as f64 };
            position.average = (before + price.0 as f64 * lots as f64) / now as f64;
        } else {
            self.n_closing_fills += 1;
            if now.signum() == lots.signum() {
                position.average = price.0 as f64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One instrument quoted in cents, 1,000 in cash.
    fn ledger() -> Ledger {
        let mut ledger = Ledger::new(Money::from_f64(1_000.0).unwrap(), [Money::from_f64(0.01).unwrap()].into_iter());
        ledger.mark(0, Ticks(1_000));
        ledger
    }

    fn fill(ledger: &mut Ledger, lots: i64, price: i64, commission: f64) {
        ledger.fill(0, lots, Ticks(price), Ticks(price), Money::from_f64(commission).unwrap());
    }

    #[test]
    fn a_round_trip_leaves_its_profit_in_cash() {
        let mut ledger = ledger();
        fill(&mut ledger, 10, 1_000, 1.0);
        fill(&mut ledger, -10, 1_100, 2.0);
        assert_eq!(ledger.cash().to_f64(), 1_007.0);
        assert_eq!((ledger.n_open(), ledger.n_closing_fills()), (0, 1));
    }

    #[test]
    fn the_average_price_is_of_what_was_added() {
        let mut ledger = ledger();
        fill(&mut ledger, 10, 1_000, 0.0);
        fill(&mut ledger, 30, 1_200, 0.0);
        fill(&mut ledger, -20, 900, 0.0);
        assert_eq!(ledger.average_price_ticks(0), 1_150.0);
        fill(&mut ledger, -25, 900, 0.0);
        assert_eq!((ledger.lots(0), ledger.average_price_ticks(0)), (-5, 900.0));
        fill(&mut ledger, 5, 900, 0.0);
        assert!(ledger.average_price_ticks(0).is_nan());
    }

    #[test]
    fn equity_is_cash_plus_marked_positions() {
        let mut ledger = ledger();
        fill(&mut ledger, -20, 1_000, 0.5);
        ledger.mark(0, Ticks(1_250));
        assert_eq!(ledger.cash().to_f64(), 1_199.5);
        assert_eq!(ledger.equity().to_f64(), 1_199.5 - 250.0);
        assert_eq!(ledger.gross().to_f64(), 250.0);
    }
}
