//! Averages of prices.

use std::collections::VecDeque;

use super::{Candle, Indicator};

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
    #[inline]
    fn update(&mut self, bar: &Candle) -> f64 {
        self.closes.push_back(bar.close);
        self.sum += i128::from(bar.close);
        if self.closes.len() > self.window {
            self.sum -= i128::from(self.closes.pop_front().expect("the window is not empty"));
        }
        if self.closes.len() < self.window {
            return f64::NAN;
        }
        self.sum as f64 / self.window as f64
    }
}

/// Exponential moving average of closes, in ticks: eₜ = eₜ₋₁ + 2/(window+1) · (closeₜ − eₜ₋₁), begun at the mean of the first `window` closes.
#[derive(Clone, Debug)]
pub struct Ema {
    alpha: f64,
    start: Sma,
    value: f64,
}

impl Ema {
    /// An average with the weights of a window.
    ///
    /// # Panics
    /// If `window` is zero.
    pub fn new(window: usize) -> Self {
        Self { alpha: 2.0 / (window as f64 + 1.0), start: Sma::new(window), value: f64::NAN }
    }
}

impl Indicator for Ema {
    fn update(&mut self, bar: &Candle) -> f64 {
        if self.value.is_nan() {
            self.value = self.start.update(bar);
        } else {
            self.value += self.alpha * (bar.close as f64 - self.value);
        }
        self.value
    }
}

/// Volume-weighted average of the typical prices (high + low + close) / 3 of the last `window` bars, in ticks. NaN while nothing was traded in
/// them. The window is summed afresh each time, so nothing drifts.
#[derive(Clone, Debug)]
pub struct Vwap {
    window: usize,
    bars: VecDeque<(f64, f64)>,
}

impl Vwap {
    /// An average over `window` bars.
    ///
    /// # Panics
    /// If `window` is zero.
    pub fn new(window: usize) -> Self {
        assert!(window > 0, "a window holds at least one bar");
        Self { window, bars: VecDeque::new() }
    }
}

impl Indicator for Vwap {
    fn update(&mut self, bar: &Candle) -> f64 {
        let typical = (bar.high + bar.low + bar.close) as f64 / 3.0;
        self.bars.push_back((typical, bar.volume));
        if self.bars.len() > self.window {
            self.bars.pop_front();
        }
        if self.bars.len() < self.window {
            return f64::NAN;
        }
        let (value, volume) =
            self.bars.iter().fold((0.0, 0.0), |(value, sum), (price, volume)| (value + price * volume, sum + volume));
        if volume > 0.0 { value / volume } else { f64::NAN }
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
    fn the_average_waits_for_its_window_and_then_slides() {
        let found = values(Sma::new(3), &[3, 6, 9, 12]);
        assert!(found[0].is_nan() && found[1].is_nan());
        assert_eq!(found[2..], [6.0, 9.0]);
    }

    #[test]
    fn the_exponential_average_begins_at_the_mean() {
        let found = values(Ema::new(3), &[3, 6, 9, 12, 20]);
        assert!(found[1].is_nan());
        assert_eq!(found[2..], [6.0, 9.0, 14.5]);
    }

    #[test]
    fn a_bar_with_more_volume_counts_more() {
        let mut vwap = Vwap::new(2);
        let bar = |close, volume| Candle { volume, ..Candle::flat(Ticks(close)) };
        assert!(vwap.update(&bar(10, 1.0)).is_nan());
        assert_eq!(vwap.update(&bar(20, 3.0)), 17.5);
        assert_eq!(vwap.update(&bar(30, 0.0)), 20.0);
        assert!(vwap.update(&bar(30, 0.0)).is_nan());
    }
}
