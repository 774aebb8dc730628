//! Indicators that are updated bar by bar. Each is NaN until it has seen its whole window.

use std::collections::VecDeque;

use omni_types::Ticks;

/// A number kept current as closes arrive.
pub trait Indicator {
    /// Take in the next close and return the new value.
    fn update(&mut self, close: Ticks) -> f64;

    /// Whether the value is a price in ticks, to be scaled like one.
    fn in_ticks(&self) -> bool;
}

/// Simple moving average of the last `window` closes, in ticks; the sum is an integer and never drifts.
#[derive(Clone, Debug)]
pub struct Sma {
    window: usize,
    closes: VecDeque<i64>,
    sum: i128,
}

impl Sma {
    /// An average over `window` closes.
    ///
    /// # Panics
    /// If `window` is zero.
    pub fn new(window: usize) -> Self {
        assert!(window > 0, "a window holds at least one close");
        Self { window, closes: VecDeque::new(), sum: 0 }
    }
}

impl Indicator for Sma {
    fn update(&mut self, close: Ticks) -> f64 {
        self.closes.push_back(close.0);
        self.sum += i128::from(close.0);
        if self.closes.len() > self.window {
            self.sum -= i128::from(self.closes.pop_front().expect("the window is not empty"));
        }
        if self.closes.len() < self.window {
            return f64::NAN;
        }
        self.sum as f64 / self.window as f64
    }

    fn in_ticks(&self) -> bool {
        true
    }
}

/// Log return over the last `window` bars in standard deviations of such a return.
///
/// With one-bar log returns rᵢ, mean m and standard deviation s (ddof 1) over the window, the value is Σ rᵢ / (s √window) = √window · m / s: how far
/// the price has come, measured against a driftless random walk of the same volatility. Zero when the price has not moved at all; NaN when it moved without any
/// variation, and until `window + 1` closes are seen. The window is summed afresh each time, so nothing drifts.
#[derive(Clone, Debug)]
pub struct MomentumZ {
    window: usize,
    last: Option<i64>,
    returns: VecDeque<f64>,
}

impl MomentumZ {
    /// A score over `window` returns.
    ///
    /// # Panics
    /// If `window` is less than 2.
    pub fn new(window: usize) -> Self {
        assert!(window > 1, "a standard deviation needs two returns");
        Self { window, last: None, returns: VecDeque::new() }
    }
}

impl Indicator for MomentumZ {
    fn update(&mut self, close: Ticks) -> f64 {
        if let Some(last) = self.last.replace(close.0) {
            self.returns.push_back((close.0 as f64 / last as f64).ln());
            if self.returns.len() > self.window {
                self.returns.pop_front();
            }
        }
        if self.returns.len() < self.window {
            return f64::NAN;
        }
        let n = self.window as f64;
        let sum: f64 = self.returns.iter().sum();
        let mean = sum / n;
        let variance = self.returns.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / (n - 1.0);
        if sum == 0.0 {
            return 0.0;
        }
        // Equal returns leave only rounding noise in the variance; a score of 1e15 would be a lie.
        if variance <= 1e-24 * mean * mean { f64::NAN } else { sum / (variance * n).sqrt() }
    }

    fn in_ticks(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_waits_for_its_window_and_then_slides() {
        let mut sma = Sma::new(3);
        let values: Vec<f64> = [3, 6, 9, 12].into_iter().map(|close| sma.update(Ticks(close))).collect();
        assert!(values[0].is_nan() && values[1].is_nan());
        assert_eq!(values[2..], [6.0, 9.0]);
    }

    #[test]
    fn the_score_is_the_sum_over_its_standard_deviation() {
        let mut z = MomentumZ::new(2);
        assert!(z.update(Ticks(100)).is_nan());
        assert!(z.update(Ticks(200)).is_nan());
        let (a, b) = (2.0_f64.ln(), 1.5_f64.ln());
        let s = ((a - b) * (a - b) / 2.0).sqrt();
        assert!((z.update(Ticks(300)) - (a + b) / (s * 2.0_f64.sqrt())).abs() < 1e-12);
    }

    #[test]
    fn a_flat_price_scores_zero() {
        let mut z = MomentumZ::new(2);
        assert_eq!((0..4).map(|_| z.update(Ticks(100))).last(), Some(0.0));
    }
}
