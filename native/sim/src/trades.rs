//! Trades: positions, or parts of them, that were closed, at average cost; derived from the fills of a run when somebody asks.

use omni_types::{Money, Ticks};

use crate::models::split_lots;
use crate::record::TradeRecord;

/// What the open position of one instrument cost, exact to the last money unit.
#[derive(Clone, Copy, Debug)]
pub struct CostBasis {
    /// Money per lot and tick.
    unit: i128,
    /// Signed lots.
    lots: i64,
    /// Signed cost of the position, money units, commissions apart.
    cost: i128,
    /// Commissions of entering it.
    commission: i128,
    /// Step in which it was opened from flat.
    step_entry: u32,
}

impl CostBasis {
    /// No position in an instrument of which one lot at one tick is worth `unit`.
    pub fn new(unit: Money) -> Self {
        Self { unit: unit.0, lots: 0, cost: 0, commission: 0, step_entry: 0 }
    }

    /// Take in a split of `old` units into `new` ones, and what was paid for the part of a lot that it left over: that much less the rest has
    /// cost. Where nothing is left, the payment closes the position; `price` is what a unit was worth before.
    pub fn split(&mut self, symbol: u32, (new, old): (i64, i64), in_lieu: Money, price: Ticks, step: u32) -> Option<TradeRecord> {
        let held = self.lots;
        self.lots = split_lots(held, new, old).0;
        self.cost -= in_lieu.0;
        if self.lots != 0 || held == 0 {
            return None;
        }
        let (cost, commission) = (std::mem::take(&mut self.cost), std::mem::take(&mut self.commission));
        Some(TradeRecord {
            symbol,
            step_entry: self.step_entry,
            step_exit: step,
            lots: held,
            entry_ticks: (cost + in_lieu.0) as f64 / (held as f64 * self.unit as f64),
            exit_price: price,
            commission: Money(commission).to_f64(),
            pnl: Money(-cost - commission).to_f64(),
        })
    }

    /// Take in a fill of `lots` (signed); returns the trade it closes, if any.
    pub fn fill(&mut self, symbol: u32, lots: i64, price: Ticks, commission: Money, step: u32) -> Option<TradeRecord> {
        let held = self.lots;
        let value = i128::from(price.0) * self.unit;
        self.lots = held + lots;
        if held.signum() * lots.signum() >= 0 {
            if held == 0 {
                self.step_entry = step;
            }
            self.cost += i128::from(lots) * value;
            self.commission += commission.0;
            return None;
        }
        // The fill trades against the position: close up to all of it, and open the rest the other way.
        let closed = if lots.abs() >= held.abs() { held } else { -lots };
        let cost = share(self.cost, closed, held);
        let entry_commission = share(self.commission, closed, held);
        let exit_commission = share(commission.0, -closed, lots);
        let all_commission = entry_commission + exit_commission;
        let trade = TradeRecord {
            symbol,
            step_entry: self.step_entry,
            step_exit: step,
            lots: closed,
            entry_ticks: cost as f64 / (closed as f64 * self.unit as f64),
            exit_price: price,
            commission: Money(all_commission).to_f64(),
            pnl: Money(i128::from(closed) * value - cost - all_commission).to_f64(),
        };
        self.cost -= cost;
        self.commission -= entry_commission;
        if self.lots.signum() == lots.signum() {
            self.cost = i128::from(self.lots) * value;
            self.commission = commission.0 - exit_commission;
            self.step_entry = step;
        }
        Some(trade)
    }
}

/// `amount × part / whole`, without overflow, exact when the part is the whole.
fn share(amount: i128, part: i64, whole: i64) -> i128 {
    if part == whole {
        return amount;
    }
    let (part, whole) = (i128::from(part), i128::from(whole));
    amount / whole * part + amount % whole * part / whole
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An instrument quoted in cents.
    fn flat() -> CostBasis {
        CostBasis::new(Money::from_f64(0.01).unwrap())
    }

    fn fill(basis: &mut CostBasis, lots: i64, price: i64, commission: f64) -> Option<TradeRecord> {
        basis.fill(0, lots, Ticks(price), Money::from_f64(commission).unwrap(), 7)
    }

    #[test]
    fn a_round_trip_books_its_profit_after_both_commissions() {
        let mut basis = flat();
        assert!(fill(&mut basis, 10, 1_000, 1.0).is_none());
        let trade = fill(&mut basis, -10, 1_100, 2.0).unwrap();
        assert_eq!((trade.entry_ticks, trade.pnl, trade.commission), (1_000.0, 7.0, 3.0));
    }

    #[test]
    fn a_reversal_closes_all_and_opens_the_rest() {
        let mut basis = flat();
        fill(&mut basis, 10, 1_000, 1.0);
        let trade = fill(&mut basis, -15, 900, 3.0).unwrap();
        assert_eq!((trade.lots, trade.pnl), (10, -13.0));
        let back = fill(&mut basis, 5, 800, 0.0).unwrap();
        assert_eq!((back.lots, back.entry_ticks, back.pnl), (-5, 900.0, 4.0));
    }

    #[test]
    fn an_average_is_of_what_is_held() {
        let mut basis = flat();
        fill(&mut basis, 10, 1_000, 0.0);
        fill(&mut basis, -5, 2_000, 0.0);
        fill(&mut basis, 15, 1_400, 0.0);
        let trade = fill(&mut basis, -20, 1_300, 0.0).unwrap();
        assert_eq!((trade.entry_ticks, trade.pnl), (1_300.0, 0.0));
    }
}
