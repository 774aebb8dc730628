//! Market impact on bars: how far our own trading moves the price that we get. The bars themselves, and with them all marks, stay as they were.

use omni_types::{Side, Ticks};

use crate::bars::BarPanel;

/// Impact of a market or stop order of a fraction x of the usual volume of a bar, at volatility σ (standard deviation of a bar's return):
/// it fills at S · (1 + D + ε·(temporary·σ·x^exponent + ½·permanent·σ·x)), with ε = ±1 for buys and sells, and leaves
/// D + ε·permanent·σ·x behind. The displacement D halves every `half_life` bars, or stays if there is none.
///
/// Volume and volatility are those of the last `window` bars of the instrument that had closed; until there are two returns and some volume,
/// there is no impact.
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
}

#[derive(Clone, Copy, Debug, Default)]
struct Displacement {
    value: f64,
    step: usize,
}

/// Impact with what it must remember.
#[derive(Clone, Debug)]
pub(crate) struct ImpactMeter {
    impact: Impact,
    displaced: Vec<Displacement>,
}

impl ImpactMeter {
    pub fn new(impact: Impact, n_symbols: usize) -> Self {
        Self { impact, displaced: vec![Displacement::default(); n_symbols] }
    }

    /// How far against us a fill of `quantity` would be, as a fraction of the price; negative where an earlier displacement favours it.
    pub fn distance(&self, market: &Market<'_>, side: Side, quantity: f64) -> f64 {
        let sign = side.sign() as f64;
        let (sigma, x) = market.sigma_and_share(self.impact.window, quantity);
        let own = self.impact.temporary * sigma * x.powf(self.impact.exponent) + 0.5 * self.impact.permanent * sigma * x;
        sign * self.displacement(market) + own
    }

    /// Leave behind what a fill of `quantity` does.
    pub fn take(&mut self, market: &Market<'_>, side: Side, quantity: f64) {
        let (sigma, x) = market.sigma_and_share(self.impact.window, quantity);
        let value = self.displacement(market) + side.sign() as f64 * self.impact.permanent * sigma * x;
        self.displaced[market.symbol] = Displacement { value, step: market.step };
    }

    fn displacement(&self, market: &Market<'_>) -> f64 {
        let Displacement { value, step } = self.displaced[market.symbol];
        match self.impact.half_life {
            Some(half_life) if value != 0.0 => value * (-((market.step - step) as f64) / half_life).exp2(),
            _ => value,
        }
    }
}

/// Where a fill happens, and how much of the bars is known then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Market<'a> {
    pub panel: &'a BarPanel,
    pub symbol: usize,
    pub step: usize,
    /// Steps that have closed.
    pub n_closed: usize,
}

impl Market<'_> {
    /// Volatility of a bar's return, and the quantity as a share of a bar's volume; zeros while one of them is not known.
    fn sigma_and_share(&self, window: usize, quantity: f64) -> (f64, f64) {
        let (mut closes, mut volume) = (Vec::with_capacity(window + 1), 0.0);
        for step in (0..self.n_closed).rev().filter(|&step| self.panel.has_bar(step, self.symbol)).take(window + 1) {
            if closes.len() < window {
                volume += self.panel.volume(step, self.symbol).unwrap_or_default();
            }
            closes.push(self.panel.close(step, self.symbol));
        }
        let usual = volume / closes.len().min(window) as f64;
        if closes.len() < 3 || usual <= 0.0 {
            return (0.0, 0.0);
        }
        let returns: Vec<f64> = closes.windows(2).map(|pair| pair[0].0 as f64 / pair[1].0 as f64 - 1.0).collect();
        let n = returns.len() as f64;
        let mean = returns.iter().sum::<f64>() / n;
        let variance = returns.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / (n - 1.0);
        (variance.sqrt(), quantity / usual)
    }
}

/// The price after slippage and impact, in whole ticks, rounded against the order, never below one tick.
pub(crate) fn moved(side: Side, met: Ticks, ticks: i64, fraction: f64) -> Ticks {
    let distance = ticks + (met.0 as f64 * fraction - 1e-9).ceil() as i64;
    Ticks((met.0 + side.sign() * distance).max(1))
}
