//! Market impact: how far our own trading moves the price that we get. Bars and captured markets, and with them all marks, stay as they were.

use omni_types::{LARGEST, Side, Ticks};

/// Impact of a market or stop order of a fraction x of the usual volume of a bar, at volatility σ (standard deviation of a bar's return):
/// it fills at S · (1 + D + ε·(temporary·σ·x^exponent + ½·permanent·σ·x)), with ε = ±1 for buys and sells, and leaves
/// D + ε·permanent·σ·x behind. The displacement D halves every `half_life` bars, or stays if there is none.
///
/// Volume and volatility are those of the last `window` bars of the instrument that had closed; until there are two returns and some volume,
/// there is no impact. In a captured market the bars are spans of time in which the instrument traded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impact {
    /// Of this fill only.
    pub temporary: f64,
    /// 1 for linear, ½ for the square root.
    pub exponent: f64,
    /// Of this fill by half and of all later ones in full.
    pub permanent: f64,
    /// Bars in which the displacement halves.
    pub half_life: Option<f64>,
    /// Bars over which volume and volatility are taken, at least 2.
    pub window: usize,
    /// Nanoseconds of a span; bars have their own.
    pub span: i64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Displacement {
    value: f64,
    clock: i64,
}

/// Impact with what it must remember.
#[derive(Clone, Debug)]
pub(crate) struct ImpactMeter {
    impact: Impact,
    /// What the clock counts in a bar or span.
    pace: f64,
    displaced: Vec<Displacement>,
}

/// Where and when a fill happens: the instrument, and a clock that counts steps or nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub symbol: usize,
    pub clock: i64,
}

impl ImpactMeter {
    pub fn new(impact: Impact, n_symbols: usize, pace: f64) -> Self {
        Self { impact, pace, displaced: vec![Displacement::default(); n_symbols] }
    }

    /// Bars over which volume and volatility are taken.
    pub fn window(&self) -> usize {
        self.impact.window
    }

    /// How far against us a fill of `quantity` would be, as a fraction of the price; negative where an earlier displacement favours it.
    pub fn distance(&self, at: Moment, usual: Usual, side: Side, quantity: f64) -> f64 {
        let sign = side.sign() as f64;
        let (sigma, x) = (usual.sigma, quantity / usual.volume);
        let own = self.impact.temporary * sigma * x.powf(self.impact.exponent) + 0.5 * self.impact.permanent * sigma * x;
        sign * self.displacement(at) + own
    }

    /// Leave behind what a fill of `quantity` does.
    pub fn take(&mut self, at: Moment, usual: Usual, side: Side, quantity: f64) {
        let x = quantity / usual.volume;
        let value = self.displacement(at) + side.sign() as f64 * self.impact.permanent * usual.sigma * x;
        self.displaced[at.symbol] = Displacement { value, clock: at.clock };
    }

    fn displacement(&self, at: Moment) -> f64 {
        let Displacement { value, clock } = self.displaced[at.symbol];
        match self.impact.half_life {
            Some(half_life) if value != 0.0 => value * (-((at.clock - clock) as f64 / self.pace) / half_life).exp2(),
            _ => value,
        }
    }
}

/// What is usual of an instrument.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usual {
    /// Standard deviation of a bar's return.
    sigma: f64,
    /// Volume of a bar; without end while it is not known, so that nothing is a share of it.
    volume: f64,
}

impl Usual {
    /// From the closes and volumes of bars, the newest first.
    pub fn of(window: usize, bars: impl Iterator<Item = (Ticks, f64)>) -> Self {
        let (mut closes, mut volume) = (Vec::with_capacity(window.min(1_024) + 1), 0.0);
        for (close, traded) in bars.take(window + 1) {
            if closes.len() < window {
                volume += traded;
            }
            closes.push(close);
        }
        let usual = volume / closes.len().min(window) as f64;
        if closes.len() < 3 || usual <= 0.0 {
            return Self { sigma: 0.0, volume: f64::INFINITY };
        }
        let returns: Vec<f64> = closes.windows(2).map(|pair| pair[0].0 as f64 / pair[1].0 as f64 - 1.0).collect();
        let n = returns.len() as f64;
        let mean = returns.iter().sum::<f64>() / n;
        let variance = returns.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / (n - 1.0);
        Self { sigma: variance.sqrt(), volume: usual }
    }
}

/// The price after slippage and impact, moved by whole steps of `grid` ticks, rounded against the order, never below one step.
pub(crate) fn moved(side: Side, met: Ticks, ticks: i64, fraction: f64, grid: i64) -> Ticks {
    let steps = (met.0 as f64 * fraction / grid as f64 - 1e-9).ceil() as i64;
    let distance = ticks.saturating_add(steps.saturating_mul(grid));
    Ticks(met.0.saturating_add(side.sign().saturating_mul(distance)).clamp(grid, LARGEST.max(grid)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_moves_by_whole_steps_against_the_order() {
        assert_eq!(moved(Side::Buy, Ticks(10_000), 0, 0.00123, 1), Ticks(10_013));
        assert_eq!(moved(Side::Buy, Ticks(10_000), 0, 0.00123, 25), Ticks(10_025));
        assert_eq!(moved(Side::Sell, Ticks(10_000), 2, 0.00123, 5), Ticks(9_983));
        // What favours the order is rounded toward nothing.
        assert_eq!(moved(Side::Buy, Ticks(10_000), 0, -0.00123, 5), Ticks(9_990));
        assert_eq!(moved(Side::Sell, Ticks(10_000), 0, 5.0, 5), Ticks(5));
        assert_eq!(moved(Side::Buy, Ticks(10_000), 0, f64::INFINITY, 5), Ticks(LARGEST));
    }

    #[test]
    fn an_early_order_has_no_share_of_what_nobody_knows() {
        let meter = ImpactMeter::new(
            Impact { temporary: 1.0, exponent: 0.5, permanent: 1.0, half_life: None, window: 5, span: 0 },
            1,
            1.0,
        );
        let bars = [(Ticks(100), 10.0), (Ticks(101), 10.0)];
        let usual = Usual::of(5, bars.into_iter());
        assert_eq!(meter.distance(Moment { symbol: 0, clock: 0 }, usual, Side::Buy, 5.0), 0.0);
    }
}
