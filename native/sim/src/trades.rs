//! Trades: positions, or parts of them, that were closed, at average cost; derived from the fills of a run when somebody asks.

use omni_types::{Money, Ticks};

use crate::basis::{Basis, share};
use crate::record::TradeRecord;

/// What the open position of one instrument cost, with the commissions of entering it.
#[derive(Clone, Copy, Debug)]
pub struct CostBasis {
    /// Money per lot and tick.
    unit: i128,
    basis: Basis,
    /// Commissions of entering it.
    commission: i128,
    /// Step in which it was opened from flat.
    step_entry: u32,
}

impl CostBasis {
    /// No position in an instrument of which one lot at one tick is worth `unit`.
    pub fn new(unit: Money) -> Self {
        Self { unit: unit.0, basis: Basis::default(), commission: 0, step_entry: 0 }
    }

    /// Take in a split of `old` units into `new` ones; where nothing is left the payment for the part of a lot closes the position. `price` is
    /// what a unit was worth before.
    pub fn split(&mut self, symbol: u32, (new, old): (i64, i64), price: Ticks, step: u32) -> Option<TradeRecord> {
        let held = self.basis.lots;
        let (in_lieu, loss) = self.basis.split(new, old, i128::from(price.0) * self.unit);
        if self.basis.lots != 0 || held == 0 {
            return None;
        }
        let commission = std::mem::take(&mut self.commission);
        Some(TradeRecord {
            symbol,
            step_entry: self.step_entry,
            step_exit: step,
            lots: held,
            entry_ticks: (loss + in_lieu) as f64 / (held as f64 * self.unit as f64),
            exit_price: price,
            commission: Money(commission).to_f64(),
            pnl: Money(-loss - commission).to_f64(),
        })
    }

    /// Take in a fill of `lots` (signed); returns the trade it closes, if any.
    pub fn fill(&mut self, symbol: u32, lots: i64, price: Ticks, commission: Money, step: u32) -> Option<TradeRecord> {
        if self.basis.lots == 0 {
            self.step_entry = step;
        }
        let Some(closed) = self.basis.fill(lots, i128::from(price.0) * self.unit) else {
            self.commission += commission.0;
            return None;
        };
        let entry_commission = share(self.commission, closed.lots, closed.held);
        let exit_commission = share(commission.0, -closed.lots, lots);
        let all_commission = entry_commission + exit_commission;
        let trade = TradeRecord {
            symbol,
            step_entry: self.step_entry,
            step_exit: step,
            lots: closed.lots,
            entry_ticks: closed.cost as f64 / (closed.lots as f64 * self.unit as f64),
            exit_price: price,
            commission: Money(all_commission).to_f64(),
            pnl: Money(closed.profit - all_commission).to_f64(),
        };
        self.commission -= entry_commission;
        if self.basis.lots.signum() == lots.signum() {
            self.commission = commission.0 - exit_commission;
            self.step_entry = step;
        }
        Some(trade)
    }
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
