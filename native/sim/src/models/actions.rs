//! Corporate actions on unadjusted prices, and halts.

use omni_types::Money;

/// What happens to every unit of an instrument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ActionKind {
    /// `old` units become `new` ones.
    Split {
        /// Units afterwards.
        new: i64,
        /// Units before.
        old: i64,
    },
    /// Cash for every unit.
    Dividend {
        /// Currency of the instrument, per unit.
        amount: f64,
        /// Fraction that is withheld from long positions.
        withheld: f64,
    },
}

/// A split or dividend. It acts at the start of the instrument's first bar that closes at or after its time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CorporateAction {
    /// Instrument.
    pub symbol: usize,
    /// First moment of trading without it, nanoseconds.
    pub ts: i64,
    /// What happens.
    pub kind: ActionKind,
}

/// A time in which an instrument does not trade: nothing fills in bars that close within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halt {
    /// Instrument.
    pub symbol: usize,
    /// First nanosecond.
    pub from: i64,
    /// Last nanosecond.
    pub to: i64,
}

/// Whole lots after a split, toward zero, and what is left over, in lots · new.
pub(crate) fn split_lots(lots: i64, new: i64, old: i64) -> (i64, i64) {
    let exact = i128::from(lots) * i128::from(new);
    ((exact / i128::from(old)) as i64, (exact % i128::from(old)) as i64)
}

/// What a dividend of `amount` a unit brings, − where it is owed; `None` for nothing.
pub(crate) fn dividend(lots: i64, quantity: f64, amount: f64, withheld: f64) -> Option<Money> {
    let kept = if lots > 0 { amount * (1.0 - withheld) } else { amount };
    Money::from_f64(kept * quantity).filter(|&amount| amount != Money::ZERO)
}
