//! How far prices scatter, and how far they have come.

use std::collections::VecDeque;

use super::{Candle, Indicator};

/// Standard deviation (ddof 1) of the last `window` closes, in ticks, from exact integer sums.
#[derive(Clone, Debug)]
pub struct Std {
    window: usize,
    closes: VecDeque<i64>,
    sum: i128,
    squares: i128,
}

impl Std {
    /// A deviation over `window` closes.
    ///
    /// # Panics
    /// If `window` is less than 2.
    pub fn new(window: usize) -> Self {
        assert!(window > 1, "a standard deviation needs two closes");
        Self { window, closes: VecDeque::new(), sum: 0, squares: 0 }
    }

    /// Mean and standard deviation after the next close; `None` until the window is full.
    fn take(&mut self, close: i64) -> Option<(f64, f64)> {
        let square = |close: i64| i128::from(close) * i128::from(close);
        self.closes.push_back(close);
        self.sum += i128::from(close);
        self.squares += square(close);
        if self.closes.len() > self.window {
            let first = self.closes.pop_front().expect("the window is not empty");
            self.sum -= i128::from(first);
            self.squares -= square(first);
        }
        if self.closes.len() < self.window {
            return None;
        }
        let n = self.window as f64;
        // Around the first close of the window the numbers are small, and the difference of the two products loses nothing that matters.
        let base = i128::from(self.closes[0]);
        let (count, shifted) = (self.window as i128, self.sum - self.window as i128 * base);
        let squares = self.squares - 2 * base * self.sum + count * base * base;
        let variance = (squares as f64 - shifted as f64 * (shifted as f64 / n)).max(0.0) / (n - 1.0);
        Some((self.sum as f64 / n, variance.sqrt()))
    }
}

impl Indicator for Std {
    fn update(&mut self, bar: &Candle) -> f64 {
        self.take(bar.close).map_or(f64::NAN, |(_, deviation)| deviation)
    }
}

/// (close − mean) / standard deviation of the last `window` closes, the current one included; NaN where they do not vary.
#[derive(Clone, Debug)]
pub struct ZScore(Std);

impl ZScore {
    /// A score over `window` closes.
    ///
    /// # Panics
    /// If `window` is less than 2.
    pub fn new(window: usize) -> Self {
        Self(Std::new(window))
    }
}

impl Indicator for ZScore {
    fn update(&mut self, bar: &Candle) -> f64 {
        match self.0.take(bar.close) {
            Some((mean, deviation)) if deviation > 0.0 => (bar.close as f64 - mean) / deviation,
            _ => f64::NAN,
        }
    }
}

/// Simple return over the last `window` bars.
#[derive(Clone, Debug)]
pub struct Returns {
    window: usize,
    closes: VecDeque<i64>,
}

impl Returns {
    /// A return over `window` bars.
    ///
    /// # Panics
    /// If `window` is zero.
    pub fn new(window: usize) -> Self {
        assert!(window > 0, "a return is over at least one bar");
        Self { window, closes: VecDeque::new() }
    }
}

impl Indicator for Returns {
    fn update(&mut self, bar: &Candle) -> f64 {
        self.closes.push_back(bar.close);
        if self.closes.len() <= self.window {
            return f64::NAN;
        }
        bar.close as f64 / self.closes.pop_front().expect("the window is full") as f64 - 1.0
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
    fn update(&mut self, bar: &Candle) -> f64 {
        let close = bar.close;
        if let Some(last) = self.last.replace(close) {
            self.returns.push_back((close as f64 / last as f64).ln());
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
}

#[cfg(test)]
mod tests {
    use omni_types::Ticks;

    use super::*;

    fn values(mut indicator: impl Indicator, closes: &[i64]) -> Vec<f64> {
        closes.iter().map(|&close| indicator.update(&Candle::flat(Ticks(close)))).collect()
    }

    #[test]
    fn the_deviation_slides_and_the_score_counts_in_it() {
        let found = values(Std::new(3), &[1, 2, 3, 7]);
        assert!(found[1].is_nan());
        assert_eq!(found[2..], [1.0, 7.0_f64.sqrt()]);
        assert_eq!(values(ZScore::new(3), &[1, 2, 3, 7])[2], 1.0);
        assert!(values(ZScore::new(2), &[5, 5])[1].is_nan());
    }

    #[test]
    fn a_large_price_does_not_hide_a_small_scatter() {
        let base = 1 << 50;
        assert_eq!(values(Std::new(3), &[base, base + 1, base + 2])[2], 1.0);
    }

    #[test]
    fn the_score_is_the_sum_over_its_standard_deviation() {
        let found = values(MomentumZ::new(2), &[100, 200, 300]);
        assert!(found[0].is_nan() && found[1].is_nan());
        let (a, b) = (2.0_f64.ln(), 1.5_f64.ln());
        let s = ((a - b) * (a - b) / 2.0).sqrt();
        assert!((found[2] - (a + b) / (s * 2.0_f64.sqrt())).abs() < 1e-12);
    }

    #[test]
    fn a_flat_price_scores_zero_and_returns_nothing() {
        assert_eq!(values(MomentumZ::new(2), &[100; 4]).last(), Some(&0.0));
        assert_eq!(values(Returns::new(2), &[100, 110, 100, 121])[2..], [0.0, 121.0 / 110.0 - 1.0]);
    }
}
