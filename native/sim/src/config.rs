//! Settings of a bar simulation. Each is a modelling assumption; `docs/simulation.md` states what it assumes.

use omni_types::{Money, Side, Ticks};

/// When a market order fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FillTiming {
    /// At the open of the instrument's next bar.
    NextOpen,
    /// At the close it was decided on.
    ThisClose,
    /// At the close of the instrument's next bar.
    NextClose,
}

/// What the bar's range must do to a resting limit order to fill it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitFill {
    /// Reach the limit price.
    Touch,
    /// Trade beyond the limit price, so that the whole queue at it must have filled.
    Through,
}

/// What happens to an order larger than the buying power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnInsufficientCash {
    /// Fill what can be paid, cancel the rest.
    Reduce,
    /// Cancel the order whole.
    Reject,
}

/// Commission of a fill.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Commission {
    /// Fraction of the notional; 0.0002 is 2 bps.
    pub rate: f64,
    /// Currency per unit of quantity.
    pub per_share: f64,
    /// Currency per fill.
    pub per_fill: f64,
}

impl Commission {
    /// Commission of a fill of `notional` (currency) and `quantity` (units), both positive.
    #[inline]
    pub fn of(&self, notional: f64, quantity: f64) -> f64 {
        self.rate * notional + self.per_share * quantity + self.per_fill
    }
}

/// How far a market or stop order fills from the price it met.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Slippage {
    /// In basis points of the price.
    pub bps: f64,
    /// In ticks.
    pub ticks: i64,
}

impl Slippage {
    /// The price after slippage: moved against the order, in whole ticks, never below one tick.
    #[inline]
    pub fn apply(&self, side: Side, reference: Ticks) -> Ticks {
        let mut distance = self.ticks;
        if self.bps > 0.0 {
            distance += (reference.0 as f64 * self.bps * 1e-4 - 1e-9).ceil() as i64;
        }
        Ticks((reference.0 + side.sign() * distance).max(1))
    }
}

/// All settings of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct SimConfig {
    /// Cash at the start, positive.
    pub initial_capital: Money,
    /// When market orders fill.
    pub fill: FillTiming,
    /// What fills a resting limit order.
    pub limit_fill: LimitFill,
    /// Commission.
    pub commission: Commission,
    /// Slippage of market and stop orders.
    pub slippage: Slippage,
    /// Largest gross exposure over equity; `None` for no limit.
    pub max_leverage: Option<f64>,
    /// What happens beyond it.
    pub on_insufficient_cash: OnInsufficientCash,
    /// Largest share of a bar's volume that may be filled; `None` for no limit.
    pub volume_limit: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slippage_moves_against_the_order_and_ignores_float_noise() {
        let slippage = Slippage { bps: 10.0, ticks: 0 };
        assert_eq!(slippage.apply(Side::Buy, Ticks(10_000)), Ticks(10_010));
        assert_eq!(slippage.apply(Side::Sell, Ticks(10_001)), Ticks(9_990));
        assert_eq!(Slippage { bps: 0.0, ticks: 3 }.apply(Side::Sell, Ticks(2)), Ticks(1));
    }
}
