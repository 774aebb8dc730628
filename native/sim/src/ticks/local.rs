//! What we know of our account.

use omni_types::{Money, Side};

use super::book::Depth;
use super::recorder::Sample;
use super::venue::Fees;

#[derive(Clone, Copy, Debug, Default)]
struct Holding {
    lots: i64,
    /// Paid for the open lots, in ticks times lots.
    cost: i128,
    /// The last mid we knew, twice.
    twice_mid: i64,
}

/// Cash and positions, exact to the last unit of money.
#[derive(Clone, Debug)]
pub struct Account {
    cash: Money,
    fees: Money,
    traded: Money,
    n_fills: u64,
    lots_traded: i64,
    holdings: Vec<Holding>,
    tick_values: Vec<Money>,
    schedule: Fees,
}

impl Account {
    pub(crate) fn new(cash: Money, tick_values: Vec<Money>, schedule: Fees) -> Self {
        let holdings = vec![Holding::default(); tick_values.len()];
        Self { cash, fees: Money::ZERO, traded: Money::ZERO, n_fills: 0, lots_traded: 0, holdings, tick_values, schedule }
    }

    /// Cash, fees paid.
    pub fn cash(&self) -> Money {
        self.cash
    }

    /// Fees paid; negative when rebates are more.
    pub fn fees(&self) -> Money {
        self.fees
    }

    /// Value of all fills.
    pub fn traded(&self) -> Money {
        self.traded
    }

    /// How many fills there were.
    pub fn n_fills(&self) -> u64 {
        self.n_fills
    }

    /// Lots of all fills.
    pub fn lots_traded(&self) -> i64 {
        self.lots_traded
    }

    /// Signed lots held.
    #[inline]
    pub fn lots(&self, instrument: u16) -> i64 {
        self.holdings[usize::from(instrument)].lots
    }

    /// Average price of the open lots, ticks; NaN when flat.
    pub fn average_price(&self, instrument: u16) -> f64 {
        let holding = &self.holdings[usize::from(instrument)];
        holding.cost as f64 / holding.lots as f64
    }

    /// Cash plus positions at their mids. A position whose mid was never known counts at what was paid for it.
    pub(crate) fn equity(&self, depths: &[Depth]) -> Money {
        let mut equity = self.cash.0;
        for ((holding, depth), tick_value) in self.holdings.iter().zip(depths).zip(&self.tick_values) {
            if holding.lots != 0 {
                let twice = depth.twice_mid().unwrap_or(holding.twice_mid);
                equity += match twice {
                    0 => holding.cost * tick_value.0,
                    _ => i128::from(holding.lots) * i128::from(twice) * tick_value.0 / 2,
                };
            }
        }
        Money(equity)
    }

    pub(crate) fn sample(&mut self, ts: i64, depths: &[Depth]) -> Sample {
        for (holding, depth) in self.holdings.iter_mut().zip(depths) {
            holding.twice_mid = depth.twice_mid().unwrap_or(holding.twice_mid);
        }
        Sample {
            ts,
            equity: self.equity(depths).to_f64(),
            cash: self.cash.to_f64(),
            position: self.holdings[0].lots,
            twice_mid: self.holdings[0].twice_mid,
        }
    }

    /// Take over a fill; returns its fee in currency, and the profit it realised.
    pub(crate) fn fill(&mut self, instrument: u16, side: Side, price: i64, qty: i64, is_maker: bool) -> (f64, Money) {
        let tick_value = self.tick_values[usize::from(instrument)];
        let value = Money(i128::from(price) * i128::from(qty) * tick_value.0);
        let fee = self.schedule.of(is_maker, value.to_f64().abs(), qty);
        let fee_money = Money::from_f64(fee).unwrap_or(Money::ZERO);
        self.cash.0 -= i128::from(side.sign()) * value.0 + fee_money.0;
        self.fees += fee_money;
        self.traded += value;
        self.n_fills += 1;
        self.lots_traded = self.lots_traded.saturating_add(qty);

        let holding = &mut self.holdings[usize::from(instrument)];
        let (held, change) = (holding.lots, side.sign() * qty);
        let closed = if held.signum() * change.signum() < 0 { held.abs().min(qty) } else { 0 };
        let mut realised = 0;
        if closed > 0 {
            // What does not divide stays with the rest.
            let released = holding.cost * i128::from(closed) / i128::from(held.abs());
            realised = -(released + i128::from(change.signum() * closed) * i128::from(price));
            holding.cost -= released;
        }
        holding.cost += i128::from(change.signum() * (qty - closed)) * i128::from(price);
        holding.lots += change;
        (fee, Money(realised * tick_value.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_trip_realises_its_profit_and_pays_its_fees() {
        let unit = Money::from_f64(0.5).unwrap();
        let fees = Fees { maker_rate: -0.001, taker_rate: 0.002, ..Fees::default() };
        let mut account = Account::new(Money::from_f64(1_000.0).unwrap(), vec![unit], fees);
        assert_eq!(account.fill(0, Side::Sell, 100, 4, true), (-0.2, Money::ZERO));
        assert_eq!((account.lots(0), account.average_price(0)), (-4, 100.0));
        // 3 bought back at 90 and 3 more: 3 · 10 ticks · 0.5.
        let (fee, realised) = account.fill(0, Side::Buy, 90, 3, false);
        assert!((fee - 0.27).abs() < 1e-12);
        assert_eq!(realised.to_f64(), 15.0);
        let (_, realised) = account.fill(0, Side::Buy, 110, 3, false);
        assert_eq!((realised.to_f64(), account.lots(0), account.average_price(0)), (-5.0, 2, 110.0));
        assert_eq!(account.cash().to_f64(), 1_000.0 + 200.0 - 135.0 - 165.0 + 0.2 - 0.27 - 0.33);
    }
}
