//! Ranges of prices and the strength of their moves.

use std::collections::VecDeque;

use super::{Candle, Indicator};
use crate::bars::Column;

/// The largest, or smallest, price of a column in the last `window` bars, in ticks.
#[derive(Clone, Debug)]
pub struct Extreme {
    window: usize,
    column: Column,
    /// +1 for the largest, −1 for the smallest.
    sign: i64,
    seen: usize,
    /// Candidates by age: each is beaten by none that came later.
    candidates: VecDeque<(usize, i64)>,
}

impl Extreme {
    /// The largest of `window` prices.
    ///
    /// # Panics
    /// If `window` is zero.
    pub fn highest(window: usize, column: Column) -> Self {
        assert!(window > 0, "a window holds at least one price");
        Self { window, column, sign: 1, seen: 0, candidates: VecDeque::new() }
    }

    /// The smallest of `window` prices.
    ///
    /// # Panics
    /// If `window` is zero.
    pub fn lowest(window: usize, column: Column) -> Self {
        Self { sign: -1, ..Self::highest(window, column) }
    }
}

impl Indicator for Extreme {
    fn update(&mut self, bar: &Candle) -> f64 {
        let price = self.sign * bar.price(self.column);
        while self.candidates.back().is_some_and(|&(_, last)| last <= price) {
            self.candidates.pop_back();
        }
        self.candidates.push_back((self.seen, price));
        self.seen += 1;
        let (at, best) = self.candidates[0];
        if self.seen < self.window {
            return f64::NAN;
        }
        if at + self.window < self.seen {
            self.candidates.pop_front();
            return (self.sign * self.candidates[0].1) as f64;
        }
        (self.sign * best) as f64
    }
}

/// Wilder's smoothing of a series: the mean of its first `window` numbers, then sₜ = sₜ₋₁ + (xₜ − sₜ₋₁) / window.
#[derive(Clone, Debug)]
struct Wilder {
    window: usize,
    n: usize,
    value: f64,
}

impl Wilder {
    fn new(window: usize) -> Self {
        assert!(window > 0, "a window holds at least one number");
        Self { window, n: 0, value: 0.0 }
    }

    fn take(&mut self, x: f64) -> f64 {
        let window = self.window as f64;
        if self.n < self.window {
            self.n += 1;
            self.value += x;
            if self.n < self.window {
                return f64::NAN;
            }
            self.value /= window;
        } else {
            self.value += (x - self.value) / window;
        }
        self.value
    }
}

/// Average true range, in ticks: Wilder's smoothing of max(high, previous close) − min(low, previous close), from the second bar on.
///
/// J. W. Wilder, "New Concepts in Technical Trading Systems", 1978.
#[derive(Clone, Debug)]
pub struct Atr {
    before: Option<i64>,
    average: Wilder,
}

impl Atr {
    /// A range over `window` bars.
    ///
    /// # Panics
    /// If `window` is zero.
    pub fn new(window: usize) -> Self {
        Self { before: None, average: Wilder::new(window) }
    }
}

impl Indicator for Atr {
    fn update(&mut self, bar: &Candle) -> f64 {
        let Some(before) = self.before.replace(bar.close) else { return f64::NAN };
        self.average.take((bar.high.max(before) - bar.low.min(before)) as f64)
    }
}

/// Relative strength index, 0 to 100: the share of rises in all moves, each smoothed as Wilder does; 50 where nothing moved.
///
/// J. W. Wilder, "New Concepts in Technical Trading Systems", 1978.
#[derive(Clone, Debug)]
pub struct Rsi {
    before: Option<i64>,
    rises: Wilder,
    falls: Wilder,
}

impl Rsi {
    /// An index over `window` changes.
    ///
    /// # Panics
    /// If `window` is zero.
    pub fn new(window: usize) -> Self {
        Self { before: None, rises: Wilder::new(window), falls: Wilder::new(window) }
    }
}

impl Indicator for Rsi {
    fn update(&mut self, bar: &Candle) -> f64 {
        let Some(before) = self.before.replace(bar.close) else { return f64::NAN };
        let change = (bar.close - before) as f64;
        let (rises, falls) = (self.rises.take(change.max(0.0)), self.falls.take((-change).max(0.0)));
        if rises + falls == 0.0 { 50.0 } else { 100.0 * rises / (rises + falls) }
    }
}

#[cfg(test)]
mod tests {
    use omni_types::Ticks;

    use super::*;

    fn values(mut indicator: impl Indicator, closes: &[i64]) -> Vec<f64> {
        closes.iter().map(|&close| indicator.update(&Candle::flat(Ticks(close)))).collect()
    }

    #[test]
    fn extremes_leave_with_their_window() {
        assert_eq!(values(Extreme::highest(2, Column::Close), &[5, 3, 2, 4])[1..], [5.0, 3.0, 4.0]);
        assert_eq!(values(Extreme::lowest(2, Column::Close), &[5, 3, 4, 6])[1..], [3.0, 3.0, 4.0]);
    }

    #[test]
    fn a_gap_counts_in_the_true_range() {
        let mut atr = Atr::new(1);
        assert!(atr.update(&Candle::flat(Ticks(10))).is_nan());
        assert_eq!(atr.update(&Candle { open: 14, high: 15, low: 13, close: 14, volume: 0.0 }), 5.0);
    }

    #[test]
    fn strength_is_the_share_of_rises() {
        let found = values(Rsi::new(2), &[10, 13, 12, 12]);
        assert!(found[1].is_nan());
        assert_eq!(found[2..], [75.0, 75.0]);
        assert_eq!(values(Rsi::new(2), &[7; 3])[2], 50.0);
    }
}
