//! Indicators that are updated bar by bar. Each is NaN until it has seen its whole window.
//!
//! The same kernels run in a backtest and over a whole panel ([`indicator_values`]), so that both give the same numbers to the last bit. Prices
//! come in as whole ticks: sums of them are exact and never drift.

mod averages;
mod ranges;
mod set;
mod spreads;

use omni_types::Ticks;

use crate::bars::{BarPanel, Column};

pub use averages::{Ema, Sma, Vwap};
pub use ranges::{Atr, Extreme, Rsi};
pub use set::IndicatorSet;
pub use spreads::{MomentumZ, Returns, Std, ZScore};

/// A closed bar as indicators see it: prices in ticks, volume in units of quantity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candle {
    /// First price; the close where only closes are known, as are the next two.
    pub open: i64,
    /// Highest price.
    pub high: i64,
    /// Lowest price.
    pub low: i64,
    /// Last price.
    pub close: i64,
    /// Traded quantity; NaN when not known.
    pub volume: f64,
}

impl Candle {
    /// The bar of a cell of the panel.
    #[inline]
    pub fn of(panel: &BarPanel, step: usize, symbol: usize) -> Self {
        let close = panel.close(step, symbol);
        let [open, high, low] = panel.open_high_low(step, symbol).unwrap_or([close; 3]);
        let volume = panel.volume(step, symbol).unwrap_or(f64::NAN);
        Self { open: open.0, high: high.0, low: low.0, close: close.0, volume }
    }

    /// A bar of one price.
    pub fn flat(price: Ticks) -> Self {
        Self { open: price.0, high: price.0, low: price.0, close: price.0, volume: f64::NAN }
    }

    #[inline]
    fn price(&self, column: Column) -> i64 {
        match column {
            Column::Open => self.open,
            Column::High => self.high,
            Column::Low => self.low,
            Column::Close | Column::Volume => self.close,
        }
    }
}

/// A number kept current as bars close.
pub trait Indicator {
    /// Take in the next bar and return the new value.
    fn update(&mut self, bar: &Candle) -> f64;
}

/// Which indicator, over how many bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndicatorSpec {
    /// A column itself.
    Price(Column),
    /// Simple moving average of closes.
    Sma(usize),
    /// Exponential moving average of closes.
    Ema(usize),
    /// Standard deviation of closes.
    Std(usize),
    /// Distance of the close from its average, in standard deviations.
    ZScore(usize),
    /// Largest price of a column.
    Highest(usize, Column),
    /// Smallest price of a column.
    Lowest(usize, Column),
    /// Relative strength index.
    Rsi(usize),
    /// Average true range.
    Atr(usize),
    /// Volume-weighted average of typical prices.
    Vwap(usize),
    /// Simple return over so many bars.
    Returns(usize),
    /// Log return over so many bars in standard deviations of such a return.
    MomentumZ(usize),
}

impl IndicatorSpec {
    /// The indicator of a name, if there is one; the column counts only where the indicator is of one.
    pub fn named(name: &str, window: usize, column: Column) -> Option<Self> {
        Some(match name {
            "price" => Self::Price(column),
            "sma" => Self::Sma(window),
            "ema" => Self::Ema(window),
            "std" => Self::Std(window),
            "zscore" => Self::ZScore(window),
            "highest" => Self::Highest(window, column),
            "lowest" => Self::Lowest(window, column),
            "rsi" => Self::Rsi(window),
            "atr" => Self::Atr(window),
            "vwap" => Self::Vwap(window),
            "returns" => Self::Returns(window),
            "momentum_z" => Self::MomentumZ(window),
            _ => return None,
        })
    }

    /// The smallest window it can have.
    pub fn least_window(self) -> usize {
        match self {
            Self::Price(_) => 0,
            Self::Std(_) | Self::ZScore(_) | Self::MomentumZ(_) => 2,
            _ => 1,
        }
    }

    /// Whether it looks at opens, highs or lows.
    pub fn needs_ohlc(self) -> bool {
        match self {
            Self::Price(column) | Self::Highest(_, column) | Self::Lowest(_, column) => {
                matches!(column, Column::Open | Column::High | Column::Low)
            }
            Self::Atr(_) => true,
            _ => false,
        }
    }

    /// Whether it looks at volumes.
    pub fn needs_volume(self) -> bool {
        matches!(self, Self::Vwap(_) | Self::Price(Column::Volume))
    }

    /// Whether the value is a price in ticks, to be scaled like one.
    pub fn in_ticks(self) -> bool {
        match self {
            Self::Price(column) => column != Column::Volume,
            Self::ZScore(_) | Self::Rsi(_) | Self::Returns(_) | Self::MomentumZ(_) => false,
            _ => true,
        }
    }

    /// A fresh kernel.
    ///
    /// # Panics
    /// If the window is less than [`IndicatorSpec::least_window`].
    pub fn kernel(self) -> Box<dyn Indicator + Send> {
        match self {
            Self::Price(column) => Box::new(Price(column)),
            Self::Sma(window) => Box::new(Sma::new(window)),
            Self::Ema(window) => Box::new(Ema::new(window)),
            Self::Std(window) => Box::new(Std::new(window)),
            Self::ZScore(window) => Box::new(ZScore::new(window)),
            Self::Highest(window, column) => Box::new(Extreme::highest(window, column)),
            Self::Lowest(window, column) => Box::new(Extreme::lowest(window, column)),
            Self::Rsi(window) => Box::new(Rsi::new(window)),
            Self::Atr(window) => Box::new(Atr::new(window)),
            Self::Vwap(window) => Box::new(Vwap::new(window)),
            Self::Returns(window) => Box::new(Returns::new(window)),
            Self::MomentumZ(window) => Box::new(MomentumZ::new(window)),
        }
    }
}

/// The column itself.
struct Price(Column);

impl Indicator for Price {
    fn update(&mut self, bar: &Candle) -> f64 {
        if self.0 == Column::Volume { bar.volume } else { bar.price(self.0) as f64 }
    }
}

/// An indicator over all bars of a panel, row-major; NaN where there is no bar.
pub fn indicator_values(panel: &BarPanel, spec: IndicatorSpec) -> Vec<f64> {
    let n_symbols = panel.n_symbols();
    let mut values = vec![f64::NAN; panel.n_steps() * n_symbols];
    for (symbol, instrument) in panel.instruments().iter().enumerate() {
        let mut kernel = spec.kernel();
        for step in (0..panel.n_steps()).filter(|&step| panel.has_bar(step, symbol)) {
            let value = kernel.update(&Candle::of(panel, step, symbol));
            values[step * n_symbols + symbol] = if spec.in_ticks() { instrument.mean_price(value) } else { value };
        }
    }
    values
}
