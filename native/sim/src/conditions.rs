//! Conditions on indicators, as a small tree. A comparison with NaN is neither true nor false but unknown, and what depends on it is unknown, too.

use crate::indicators::IndicatorSet;

/// One side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operand {
    /// A constant.
    Number(f64),
    /// An indicator, by its place in the set.
    Indicator(usize),
}

/// What must hold at a closed bar of an instrument.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// The first is larger.
    Above(Operand, Operand),
    /// The first is smaller.
    Below(Operand, Operand),
    /// The first is larger, and at the instrument's bar before it was not.
    CrossAbove(Operand, Operand),
    /// The first is smaller, and at the instrument's bar before it was not.
    CrossBelow(Operand, Operand),
    /// Both hold.
    And(Box<Condition>, Box<Condition>),
    /// One of them holds, or both.
    Or(Box<Condition>, Box<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
}

impl Operand {
    fn now(self, set: &IndicatorSet, symbol: usize) -> f64 {
        match self {
            Self::Number(number) => number,
            Self::Indicator(place) => set.now(place, symbol),
        }
    }

    fn before(self, set: &IndicatorSet, symbol: usize) -> f64 {
        match self {
            Self::Number(number) => number,
            Self::Indicator(place) => set.before(place, symbol),
        }
    }
}

/// Whether the first is larger; unknown where one is NaN.
fn above(a: f64, b: f64) -> Option<bool> {
    a.partial_cmp(&b).map(std::cmp::Ordering::is_gt)
}

impl Condition {
    /// Whether it holds for an instrument at its last closed bar; `None` while that is unknown.
    pub fn holds(&self, set: &IndicatorSet, symbol: usize) -> Option<bool> {
        let now = |a: &Operand, b: &Operand| above(a.now(set, symbol), b.now(set, symbol));
        let before = |a: &Operand, b: &Operand| above(a.before(set, symbol), b.before(set, symbol));
        match self {
            Self::Above(a, b) => now(a, b),
            Self::Below(a, b) => now(b, a),
            Self::CrossAbove(a, b) => both(now(a, b), before(a, b).map(|was| !was)),
            Self::CrossBelow(a, b) => both(now(b, a), before(b, a).map(|was| !was)),
            Self::And(a, b) => both(a.holds(set, symbol), b.holds(set, symbol)),
            Self::Or(a, b) => both(a.holds(set, symbol).map(|x| !x), b.holds(set, symbol).map(|x| !x)).map(|x| !x),
            Self::Not(a) => a.holds(set, symbol).map(|holds| !holds),
        }
    }
}

/// Whether both hold: false as soon as one is, whatever the other (Kleene's logic).
fn both(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_decides_nothing() {
        let set = IndicatorSet::default();
        let unknown = || Box::new(Condition::Above(Operand::Number(f64::NAN), Operand::Number(1.0)));
        let yes = || Box::new(Condition::Above(Operand::Number(2.0), Operand::Number(1.0)));
        assert_eq!(unknown().holds(&set, 0), None);
        assert_eq!(Condition::Not(unknown()).holds(&set, 0), None);
        assert_eq!(Condition::Or(unknown(), yes()).holds(&set, 0), Some(true));
        assert_eq!(Condition::And(unknown(), yes()).holds(&set, 0), None);
        assert_eq!(Condition::And(unknown(), Box::new(Condition::Not(yes()))).holds(&set, 0), Some(false));
    }
}
