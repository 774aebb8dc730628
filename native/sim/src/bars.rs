//! Bars of many instruments on one time axis, in ticks, checked once on the way in.
//!
//! The panel is dense and row-major, one row per step and one column per instrument; a cell without a bar holds a close of zero, which no
//! real bar can have.

mod loading;

use std::ops::Range;

use omni_types::{Nanos, Ticks};

use crate::instrument::{Instrument, InstrumentError, InstrumentSpec};

use loading::Loaded;

/// Prices and volumes as they arrive: row-major, `ts.len()` rows of one cell per instrument; NaN in every price of a cell means no bar.
#[derive(Clone, Copy, Debug)]
pub struct RawBars<'a> {
    /// Closing times, nanoseconds UTC, strictly increasing.
    pub ts: &'a [i64],
    /// Open, high and low; `None` when only closes are known.
    pub open_high_low: Option<[&'a [f64]; 3]>,
    /// Closes.
    pub close: &'a [f64],
    /// Traded quantity, if known.
    pub volume: Option<&'a [f64]>,
}

/// Names a column in an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// First price.
    Open,
    /// Highest price.
    High,
    /// Lowest price.
    Low,
    /// Last price.
    Close,
    /// Traded quantity.
    Volume,
}

impl Column {
    /// Lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::High => "high",
            Self::Low => "low",
            Self::Close => "close",
            Self::Volume => "volume",
        }
    }
}

/// Why bars cannot be used. Rows count from zero; `symbol` indexes the instruments.
#[derive(Clone, Debug, PartialEq)]
pub enum BarsError {
    /// There are no rows or no instruments.
    Empty,
    /// A column has the wrong number of cells.
    Length {
        /// Which column.
        column: Column,
        /// Cells found.
        found: usize,
        /// Cells expected.
        expected: usize,
    },
    /// A time does not come after the one before it.
    TimeOrder {
        /// The later row.
        row: usize,
        /// Time of the row before.
        before: Nanos,
        /// Time of the row.
        ts: Nanos,
    },
    /// A price is not finite or not positive, or a volume is not finite or negative.
    Value {
        /// Row of the cell.
        row: usize,
        /// Instrument of the cell.
        symbol: usize,
        /// Which column.
        column: Column,
        /// What stands there.
        value: f64,
    },
    /// The high is below, or the low above, one of the other prices.
    Range {
        /// Row of the cell.
        row: usize,
        /// Instrument of the cell.
        symbol: usize,
        /// Open, high, low and close as given.
        prices: [f64; 4],
    },
    /// A price in ticks is beyond 2^51, or rounds to no tick at all.
    Grid {
        /// Row of the cell.
        row: usize,
        /// Instrument of the cell.
        symbol: usize,
        /// The price.
        value: f64,
        /// The tick size.
        tick_size: f64,
    },
    /// An instrument has no bar in any row.
    NoBars {
        /// The instrument.
        symbol: usize,
    },
    /// An instrument's sizes cannot be used.
    Instrument {
        /// The instrument.
        symbol: usize,
        /// Why.
        error: InstrumentError,
    },
}

/// Bars of `n_symbols` instruments over `n_steps` steps.
#[derive(Clone, Debug)]
pub struct BarPanel {
    ts: Vec<i64>,
    instruments: Vec<Instrument>,
    open_high_low: Option<[Vec<i64>; 3]>,
    close: Vec<i64>,
    volume: Option<Vec<f64>>,
    off_grid: u64,
}

impl BarPanel {
    /// Check the bars and put them on their tick grids.
    ///
    /// # Errors
    /// The first thing found wrong, with its row and instrument.
    pub fn new(raw: &RawBars<'_>, specs: &[InstrumentSpec]) -> Result<Self, BarsError> {
        let (n_steps, n_symbols) = (raw.ts.len(), specs.len());
        if n_steps == 0 || n_symbols == 0 {
            return Err(BarsError::Empty);
        }
        let Loaded { instruments, close, open_high_low, off_grid } = loading::load(raw, specs)?;
        for symbol in 0..n_symbols {
            if close.iter().skip(symbol).step_by(n_symbols).all(|&ticks| ticks == 0) {
                return Err(BarsError::NoBars { symbol });
            }
        }
        Ok(Self { ts: raw.ts.to_vec(), instruments, open_high_low, close, volume: raw.volume.map(<[f64]>::to_vec), off_grid })
    }

    /// Number of steps (rows).
    pub fn n_steps(&self) -> usize {
        self.ts.len()
    }

    /// Number of instruments (columns).
    pub fn n_symbols(&self) -> usize {
        self.instruments.len()
    }

    /// The instruments, in column order.
    pub fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    /// Closing times, nanoseconds UTC.
    pub fn ts(&self) -> &[i64] {
        &self.ts
    }

    /// Whether open, high and low are known.
    pub fn has_ohlc(&self) -> bool {
        self.open_high_low.is_some()
    }

    /// Whether volumes are known.
    pub fn has_volume(&self) -> bool {
        self.volume.is_some()
    }

    /// Prices that had to move by more than noise to land on their tick grid.
    pub fn off_grid(&self) -> u64 {
        self.off_grid
    }

    /// A whole price column in ticks, row-major; zero where there is no bar. `None` when the column is not known or not of prices.
    pub fn column(&self, column: Column) -> Option<&[i64]> {
        match (column, &self.open_high_low) {
            (Column::Close, _) => Some(&self.close),
            (Column::Volume, _) | (_, None) => None,
            (Column::Open, Some([open, _, _])) => Some(open),
            (Column::High, Some([_, high, _])) => Some(high),
            (Column::Low, Some([_, _, low])) => Some(low),
        }
    }

    /// Closes of one step, one per instrument; zero where there is no bar.
    #[inline]
    pub(crate) fn close_row(&self, step: usize) -> &[i64] {
        let n = self.instruments.len();
        &self.close[step * n..(step + 1) * n]
    }

    /// Closes of some steps, row-major.
    #[inline]
    pub(crate) fn closes(&self, steps: Range<usize>) -> &[i64] {
        let n = self.instruments.len();
        &self.close[steps.start * n..steps.end * n]
    }

    /// Opens of one step, if known.
    #[inline]
    pub(crate) fn open_row(&self, step: usize) -> Option<&[i64]> {
        let n = self.instruments.len();
        self.open_high_low.as_ref().map(|[open, _, _]| &open[step * n..(step + 1) * n])
    }

    /// Whether the instrument has a bar in this step.
    #[inline]
    pub fn has_bar(&self, step: usize, symbol: usize) -> bool {
        self.close[step * self.instruments.len() + symbol] != 0
    }

    /// Close of a cell.
    #[inline]
    pub fn close(&self, step: usize, symbol: usize) -> Ticks {
        Ticks(self.close[step * self.instruments.len() + symbol])
    }

    /// Open, high and low of a cell, if known.
    #[inline]
    pub fn open_high_low(&self, step: usize, symbol: usize) -> Option<[Ticks; 3]> {
        let cell = step * self.instruments.len() + symbol;
        self.open_high_low.as_ref().map(|[open, high, low]| [Ticks(open[cell]), Ticks(high[cell]), Ticks(low[cell])])
    }

    /// All volumes, row-major, if known; meaningless where there is no bar.
    pub fn volumes(&self) -> Option<&[f64]> {
        self.volume.as_deref()
    }

    /// Volume of a cell in units of quantity, if known.
    #[inline]
    pub fn volume(&self, step: usize, symbol: usize) -> Option<f64> {
        self.volume.as_ref().map(|volume| volume[step * self.instruments.len() + symbol])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(symbol: &str) -> InstrumentSpec {
        InstrumentSpec { symbol: symbol.into(), tick_size: None, lot_size: 1.0 }
    }

    fn closes(ts: &[i64], close: &[f64], n: usize) -> Result<BarPanel, BarsError> {
        let specs: Vec<_> = (0..n).map(|i| spec(&format!("S{i}"))).collect();
        BarPanel::new(&RawBars { ts, open_high_low: None, close, volume: None }, &specs)
    }

    #[test]
    fn cents_get_a_cent_grid() {
        let panel = closes(&[1, 2], &[100.07, 99.99], 1).unwrap();
        assert_eq!(panel.instruments()[0].tick_size(), 0.01);
        assert_eq!(panel.column(Column::Close).unwrap(), [10_007, 9_999]);
    }

    #[test]
    fn each_instrument_gets_its_own_grid() {
        let panel = closes(&[1], &[100.07, 1.23456], 2).unwrap();
        assert_eq!(panel.instruments()[1].tick_size(), 1e-5);
    }

    #[test]
    fn prices_on_no_decimal_grid_get_the_finest() {
        let panel = closes(&[1], &[std::f64::consts::PI], 1).unwrap();
        assert_eq!(panel.instruments()[0].tick_size(), 1e-9);
        assert_eq!(panel.column(Column::Close).unwrap(), [3_141_592_654]);
    }

    #[test]
    fn an_empty_cell_is_no_bar_among_several_instruments_and_an_error_alone() {
        let panel = closes(&[1, 2], &[1.0, f64::NAN, 1.0, 2.0], 2).unwrap();
        assert!(!panel.has_bar(0, 1) && panel.has_bar(1, 1));
        assert!(matches!(closes(&[1, 2], &[1.0, f64::NAN], 1), Err(BarsError::Value { row: 1, .. })));
    }

    #[test]
    fn bad_bars_are_named() {
        assert_eq!(closes(&[], &[], 1).unwrap_err(), BarsError::Empty);
        assert!(matches!(closes(&[2, 2], &[1.0, 1.0], 1), Err(BarsError::TimeOrder { row: 1, .. })));
        assert!(matches!(closes(&[1], &[-1.0], 1), Err(BarsError::Value { .. })));
        assert!(matches!(closes(&[1], &[1.0, 2.0], 1), Err(BarsError::Length { .. })));
        assert!(matches!(closes(&[1, 2], &[1.0, f64::NAN, 1.0, f64::NAN], 2), Err(BarsError::NoBars { symbol: 1 })));
        let raw = RawBars { ts: &[1], open_high_low: Some([&[1.0], &[0.9], &[0.8]]), close: &[1.0], volume: None };
        assert!(matches!(BarPanel::new(&raw, &[spec("X")]), Err(BarsError::Range { .. })));
    }
}
