//! Bars of many instruments on one time axis, in ticks, checked once on the way in.
//!
//! The panel is dense and row-major, one row per step and one column per instrument; a cell without a bar holds a close of zero, which no
//! real bar can have.

use omni_types::{Nanos, Ticks};

use crate::instrument::{Instrument, InstrumentError, InstrumentSpec};

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

/// Candidates for an inferred tick size, as ticks per unit of price.
const INFERRED_TICKS: [f64; 8] = [1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// Whole numbers up to here survive the rounding trick below.
const LARGEST_TICKS: f64 = 2_251_799_813_685_248.0;

/// Adding 1.5 · 2^52 to a number up to 2^51 rounds it, and leaves it as an integer in the low bits: two instructions, several numbers at
/// a time, where `f64::round` and a conversion are calls.
const ROUNDING: f64 = 6_755_399_441_055_744.0;

/// Whether `exact` ticks are a whole number but for floating-point noise; so is NaN, an empty cell.
#[inline]
fn on_grid(exact: f64) -> bool {
    let distance = (exact - ((exact + ROUNDING) - ROUNDING)).abs();
    exact.is_nan() | (distance <= (exact.abs() * 1e-12).clamp(1e-9, 0.05))
}

/// Cells in a stretch of a column that is worked on at once.
const STRETCH: usize = 1024;

/// A value for each cell of a stretch of whole rows, from one value for each instrument.
fn stretch<T: Copy>(by_symbol: &[T]) -> Vec<T> {
    by_symbol.repeat(STRETCH.div_ceil(by_symbol.len()))
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
        check_lengths(raw, n_steps * n_symbols)?;
        check_times(raw.ts)?;
        check_cells(raw, n_symbols)?;
        let instruments = settle_grids(raw, specs)?;

        let mut off_grid = 0;
        let close = to_ticks(raw.close, &instruments, &mut off_grid)?;
        let open_high_low = match raw.open_high_low {
            None => None,
            Some([open, high, low]) => Some([
                to_ticks(open, &instruments, &mut off_grid)?,
                to_ticks(high, &instruments, &mut off_grid)?,
                to_ticks(low, &instruments, &mut off_grid)?,
            ]),
        };
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

fn check_lengths(raw: &RawBars<'_>, expected: usize) -> Result<(), BarsError> {
    let check = |column, cells: &[f64]| match cells.len() {
        found if found == expected => Ok(()),
        found => Err(BarsError::Length { column, found, expected }),
    };
    check(Column::Close, raw.close)?;
    if let Some([open, high, low]) = raw.open_high_low {
        check(Column::Open, open)?;
        check(Column::High, high)?;
        check(Column::Low, low)?;
    }
    raw.volume.map_or(Ok(()), |volume| check(Column::Volume, volume))
}

fn check_times(ts: &[i64]) -> Result<(), BarsError> {
    match ts.windows(2).position(|pair| pair[0] >= pair[1]) {
        None => Ok(()),
        Some(at) => Err(BarsError::TimeOrder { row: at + 1, before: Nanos(ts[at]), ts: Nanos(ts[at + 1]) }),
    }
}

/// One pass over all cells that only asks "is everything fine?", which the processor does quickly; the slow search for what is wrong runs
/// only when something is.
fn check_cells(raw: &RawBars<'_>, n_symbols: usize) -> Result<(), BarsError> {
    let priced = |x: f64| x > 0.0 && x < f64::INFINITY;
    let fine = match raw.open_high_low {
        None => raw.close.iter().all(|&close| priced(close)),
        Some([open, high, low]) => {
            raw.close.iter().zip(open).zip(high.iter().zip(low)).fold(true, |fine, ((&c, &o), (&h, &l))| {
                fine & (l > 0.0) & (h < f64::INFINITY) & (l <= o) & (l <= c) & (o <= h) & (c <= h)
            })
        }
    };
    let volume_fine =
        raw.volume.is_none_or(|volume| volume.iter().fold(true, |fine, &v| fine & (0.0..f64::INFINITY).contains(&v)));
    if fine && volume_fine {
        return Ok(());
    }
    (0..raw.close.len()).try_for_each(|cell| check_cell(raw, n_symbols, cell))
}

fn check_cell(raw: &RawBars<'_>, n_symbols: usize, cell: usize) -> Result<(), BarsError> {
    let (row, symbol) = (cell / n_symbols, cell % n_symbols);
    let close = raw.close[cell];
    let prices = raw.open_high_low.map_or([close; 4], |[open, high, low]| [open[cell], high[cell], low[cell], close]);
    // With several instruments an empty cell is how "no bar in this step" is said; with one instrument it is a hole in the data.
    if n_symbols > 1 && prices.iter().all(|price| price.is_nan()) {
        return Ok(());
    }
    for (column, value) in [Column::Open, Column::High, Column::Low, Column::Close].into_iter().zip(prices) {
        if !(value > 0.0 && value.is_finite()) {
            let column = if raw.open_high_low.is_some() { column } else { Column::Close };
            return Err(BarsError::Value { row, symbol, column, value });
        }
    }
    let [open, high, low, close] = prices;
    if low > open.min(close) || high < open.max(close) {
        return Err(BarsError::Range { row, symbol, prices });
    }
    match raw.volume.map(|volume| volume[cell]) {
        Some(value) if !(value >= 0.0 && value.is_finite()) => {
            Err(BarsError::Value { row, symbol, column: Column::Volume, value })
        }
        _ => Ok(()),
    }
}

/// The coarsest decimal grid that holds all of an instrument's prices, where its tick size is not given.
fn settle_grids(raw: &RawBars<'_>, specs: &[InstrumentSpec]) -> Result<Vec<Instrument>, BarsError> {
    let mut grids = vec![0; specs.len()];
    if specs.iter().any(|spec| spec.tick_size.is_none()) {
        let [open, high, low] = raw.open_high_low.unwrap_or([&[]; 3]);
        for prices in [raw.close, open, high, low] {
            refine_grids(prices, &mut grids);
        }
    }
    let settle = |(symbol, (spec, grid)): (usize, (&InstrumentSpec, usize))| {
        let tick_size = spec.tick_size.unwrap_or(1.0 / INFERRED_TICKS[grid]);
        Instrument::new(spec.symbol.clone(), tick_size, spec.lot_size).map_err(|error| BarsError::Instrument { symbol, error })
    };
    specs.iter().zip(grids).enumerate().map(settle).collect()
}

/// Move each instrument to a finer grid until it holds all these prices; a price on one grid is on all finer ones.
fn refine_grids(prices: &[f64], grids: &mut [usize]) {
    let mut scales = stretch(&grids.iter().map(|&grid| INFERRED_TICKS[grid]).collect::<Vec<_>>());
    for cells in prices.chunks(scales.len()) {
        if cells.iter().zip(&scales).fold(true, |fine, (&price, &scale)| fine & on_grid(price * scale)) {
            continue;
        }
        let n_symbols = grids.len();
        for (cell, &price) in cells.iter().enumerate() {
            let grid = &mut grids[cell % n_symbols];
            while *grid + 1 < INFERRED_TICKS.len() && !on_grid(price * INFERRED_TICKS[*grid]) {
                *grid += 1;
            }
        }
        if grids.iter().all(|&grid| grid + 1 == INFERRED_TICKS.len()) {
            return;
        }
        scales = stretch(&grids.iter().map(|&grid| INFERRED_TICKS[grid]).collect::<Vec<_>>());
    }
}

fn to_ticks(prices: &[f64], instruments: &[Instrument], off_grid: &mut u64) -> Result<Vec<i64>, BarsError> {
    let scales = stretch(&instruments.iter().map(Instrument::tick_scale).collect::<Vec<_>>());
    let mut ticks = vec![0; prices.len()];
    let mut outside = false;
    for (cells, out) in prices.chunks(scales.len()).zip(ticks.chunks_mut(scales.len())) {
        let mut off = 0;
        for ((&price, &(per_price, tick_size)), ticks) in cells.iter().zip(&scales).zip(out) {
            let exact = price * per_price / tick_size;
            let shifted = exact + ROUNDING;
            let rounded = shifted - ROUNDING;
            off += u64::from((exact - rounded).abs() > 0.05);
            outside |= !price.is_nan() & !(1.0..=LARGEST_TICKS).contains(&rounded);
            // An empty cell, NaN, becomes zero.
            *ticks = if price.is_nan() { 0 } else { (shifted.to_bits() - ROUNDING.to_bits()) as i64 };
        }
        *off_grid += off;
    }
    if !outside {
        return Ok(ticks);
    }
    let fits = |(price, instrument): (&f64, &Instrument)| {
        let rounded = instrument.exact_ticks(*price).round();
        price.is_nan() || (1.0..=LARGEST_TICKS).contains(&rounded)
    };
    let cell = prices.iter().zip(instruments.iter().cycle()).position(|pair| !fits(pair)).expect("a price was outside");
    let symbol = cell % instruments.len();
    Err(BarsError::Grid {
        row: cell / instruments.len(),
        symbol,
        value: prices[cell],
        tick_size: instruments[symbol].tick_size(),
    })
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
