//! What an open position cost, at average cost and exact to the last money unit: the arithmetic of every account and of every table of trades.

use crate::models::split_lots;

/// Signed lots of an instrument, and what they cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Basis {
    /// Signed lots.
    pub lots: i64,
    /// Signed cost of them in money units, fees apart.
    pub cost: i128,
}

/// The part of a position that a fill closed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closed {
    /// Signed lots of it, and of the position before.
    pub lots: i64,
    pub held: i64,
    /// What it had cost.
    pub cost: i128,
    /// What it brought beyond that.
    pub profit: i128,
}

impl Basis {
    /// Take in a fill of `lots` (signed), each worth `value`; returns what it closed, if anything.
    #[inline]
    pub fn fill(&mut self, lots: i64, value: i128) -> Option<Closed> {
        let held = self.lots;
        self.lots = held + lots;
        if held.signum() * lots.signum() >= 0 {
            self.cost += i128::from(lots) * value;
            return None;
        }
        // The fill trades against the position: close up to all of it, and open the rest the other way.
        let closed = if lots.abs() >= held.abs() { held } else { -lots };
        let cost = share(self.cost, closed, held);
        self.cost -= cost;
        if self.lots.signum() == lots.signum() {
            self.cost = i128::from(self.lots) * value;
        }
        Some(Closed { lots: closed, held, cost, profit: i128::from(closed) * value - cost })
    }

    /// Turn `old` units into `new` ones, a lot before being worth `value`. Returns what is paid for the part of a lot that is left over, by
    /// which the rest has cost less; and where nothing is left of a position, what it had cost beyond that payment, else 0.
    pub fn split(&mut self, new: i64, old: i64, value: i128) -> (i128, i128) {
        let held = self.lots;
        let (lots, left) = split_lots(held, new, old);
        let in_lieu = i128::from(left) * value / i128::from(new);
        self.lots = lots;
        self.cost -= in_lieu;
        let closes = lots == 0 && held != 0;
        (in_lieu, if closes { std::mem::take(&mut self.cost) } else { 0 })
    }

    /// Average price in the ticks of which one is worth `unit` a lot; NaN when flat.
    pub fn average(&self, unit: i128) -> f64 {
        if self.lots == 0 {
            return f64::NAN;
        }
        // Whole ticks apart, so that a whole average comes out whole.
        let of_a_tick = i128::from(self.lots) * unit;
        (self.cost / of_a_tick) as f64 + (self.cost % of_a_tick) as f64 / of_a_tick as f64
    }
}

/// `amount × part / whole`, without overflow, exact when the part is the whole.
#[inline]
pub(crate) fn share(amount: i128, part: i64, whole: i64) -> i128 {
    if part == whole {
        return amount;
    }
    let (part, whole) = (i128::from(part), i128::from(whole));
    amount / whole * part + amount % whole * part / whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_leaves_with_its_part_of_the_cost() {
        let mut basis = Basis::default();
        assert!(basis.fill(2, 100).is_none());
        basis.fill(1, 101);
        assert!((basis.average(1) - 301.0 / 3.0).abs() < 1e-12);
        let closed = basis.fill(-1, 120).unwrap();
        assert_eq!((closed.lots, closed.held, closed.cost, closed.profit), (1, 3, 100, 20));
        let closed = basis.fill(-5, 90).unwrap();
        assert_eq!((closed.lots, closed.profit, basis.lots, basis.cost), (2, -21, -3, -270));
    }

    #[test]
    fn a_split_pays_for_what_does_not_come_to_a_lot() {
        let mut basis = Basis { lots: 7, cost: 700 };
        assert_eq!(basis.split(1, 2, 120), (120, 0));
        assert_eq!((basis.lots, basis.cost), (3, 580));
        assert_eq!(basis.split(1, 10, 240), (720, -140));
        assert_eq!((basis.lots, basis.cost), (0, 0));
    }
}
