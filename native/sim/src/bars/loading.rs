//! From raw columns to ticks: every cell is checked, put on its grid and rounded while it is in the processor's cache.

use std::ops::Range;

use omni_types::Nanos;

use super::{BarsError, Column, RawBars};
use crate::instrument::{Instrument, InstrumentSpec};

/// What loading makes of raw bars.
pub(super) struct Loaded {
    pub instruments: Vec<Instrument>,
    pub close: Vec<i64>,
    pub open_high_low: Option<[Vec<i64>; 3]>,
    pub off_grid: u64,
}

/// Candidates for an inferred tick size, as ticks per unit of price.
const INFERRED_TICKS: [f64; 8] = [1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// Whole numbers up to here survive the rounding trick below.
const LARGEST_TICKS: f64 = 2_251_799_813_685_248.0;
/// Adding 1.5 · 2^52 to a number up to 2^51 rounds it, and leaves it as an integer in the low bits: two instructions, several numbers at
/// a time, where `f64::round` and a conversion are calls.
const ROUNDING: f64 = 6_755_399_441_055_744.0;
/// Cells of a column that are worked on at once.
const STRETCH: usize = 1024;

/// Check the bars and round them to their grids.
pub(super) fn load(raw: &RawBars<'_>, specs: &[InstrumentSpec]) -> Result<Loaded, BarsError> {
    let n_symbols = specs.len();
    check_lengths(raw, raw.ts.len() * n_symbols)?;
    check_times(raw.ts)?;
    let n_cells = raw.close.len();
    let mut grids = Grids::new(specs)?;
    let mut close = vec![0; n_cells];
    let mut open_high_low = raw.open_high_low.map(|_| [vec![0; n_cells], vec![0; n_cells], vec![0; n_cells]]);

    let width = grids.scales.len();
    let mut rounding = Rounding::default();
    let mut refined_late = false;
    for start in (0..n_cells).step_by(width) {
        let cells = start..(start + width).min(n_cells);
        check_cells(raw, n_symbols, cells.clone())?;
        if grids.refine(raw, cells.clone()) {
            refined_late |= start > 0;
        }
        round_stretch(raw, &grids.scales, cells, &mut close, open_high_low.as_mut(), &mut rounding);
    }
    if refined_late {
        // A finer grid was needed after some cells were rounded to a coarser one: round them all again.
        rounding = Rounding::default();
        for start in (0..n_cells).step_by(width) {
            let cells = start..(start + width).min(n_cells);
            round_stretch(raw, &grids.scales, cells, &mut close, open_high_low.as_mut(), &mut rounding);
        }
    }
    let instruments = grids.instruments(specs)?;
    if rounding.outside {
        return Err(outside(raw, &instruments));
    }
    Ok(Loaded { instruments, close, open_high_low, off_grid: rounding.off_grid })
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

/// Ask of a stretch only "is everything fine?", which the processor answers quickly; the slow search for what is wrong runs only when
/// something is.
fn check_cells(raw: &RawBars<'_>, n_symbols: usize, cells: Range<usize>) -> Result<(), BarsError> {
    let close = &raw.close[cells.clone()];
    // Counting what is not fine, instead of asking whether all is, lets the compiler look at several cells at a time.
    let not_fine: u64 = match raw.open_high_low {
        None => close.iter().map(|&c| u64::from(!((c > 0.0) & (c < f64::INFINITY)))).sum(),
        Some([open, high, low]) => {
            let (open, high, low) = (&open[cells.clone()], &high[cells.clone()], &low[cells.clone()]);
            let bars = close.iter().zip(open).zip(high.iter().zip(low));
            bars.map(|((&c, &o), (&h, &l))| {
                u64::from(!((l > 0.0) & (h < f64::INFINITY) & (l <= o) & (l <= c) & (o <= h) & (c <= h)))
            })
            .sum()
        }
    };
    let bad_volumes: u64 = raw
        .volume
        .map_or(0, |volume| volume[cells.clone()].iter().map(|&v| u64::from(!((v >= 0.0) & (v < f64::INFINITY)))).sum());
    if not_fine + bad_volumes == 0 { Ok(()) } else { cells.into_iter().try_for_each(|cell| check_cell(raw, n_symbols, cell)) }
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

/// The tick grids of the instruments: given, or the coarsest decimal ones that hold all prices seen so far.
struct Grids {
    /// Index into the candidates; `None` where the tick size is given.
    inferred: Vec<Option<usize>>,
    /// Factor and divisor from price to ticks, for each cell of a stretch of whole rows; one of the two is 1.
    scales: Vec<(f64, f64)>,
    /// The same factors where they are inferred; NaN, which fits every grid, where they are given.
    candidates: Vec<f64>,
    given: Vec<(f64, f64)>,
}

impl Grids {
    fn new(specs: &[InstrumentSpec]) -> Result<Self, BarsError> {
        let inferred = specs.iter().map(|spec| spec.tick_size.is_none().then_some(0)).collect();
        let scale = |(symbol, spec): (usize, &InstrumentSpec)| settle(symbol, spec, 0).map(|each| each.tick_scale());
        let given = specs.iter().enumerate().map(scale).collect::<Result<Vec<_>, _>>()?;
        let mut grids = Self { inferred, scales: Vec::new(), candidates: Vec::new(), given };
        grids.spread();
        Ok(grids)
    }

    /// Repeat the instruments' scales over a stretch.
    fn spread(&mut self) {
        let scale =
            |(&inferred, &given): (&Option<usize>, &(f64, f64))| inferred.map_or(given, |grid| (INFERRED_TICKS[grid], 1.0));
        let row: Vec<_> = self.inferred.iter().zip(&self.given).map(scale).collect();
        let candidates: Vec<_> = self.inferred.iter().map(|grid| grid.map_or(f64::NAN, |grid| INFERRED_TICKS[grid])).collect();
        let rows = STRETCH.div_ceil(row.len());
        (self.scales, self.candidates) = (row.repeat(rows), candidates.repeat(rows));
    }

    /// Move instruments to finer grids until they hold the prices of these cells; says whether any moved. A price on one grid is on
    /// all finer ones.
    fn refine(&mut self, raw: &RawBars<'_>, cells: Range<usize>) -> bool {
        if self.inferred.iter().all(|grid| grid.is_none_or(|grid| grid + 1 == INFERRED_TICKS.len())) {
            return false;
        }
        let columns = raw.open_high_low.unwrap_or([&[]; 3]).into_iter().chain([raw.close]);
        let mut moved = false;
        for column in columns.filter(|column| !column.is_empty()) {
            let prices = &column[cells.clone()];
            let off = |(&price, &per_price): (&f64, &f64)| u64::from(!on_grid(price * per_price));
            if prices.iter().zip(&self.candidates).map(off).sum::<u64>() == 0 {
                continue;
            }
            let n_symbols = self.inferred.len();
            for (cell, &price) in prices.iter().enumerate() {
                if let Some(grid) = &mut self.inferred[cell % n_symbols] {
                    while *grid + 1 < INFERRED_TICKS.len() && !on_grid(price * INFERRED_TICKS[*grid]) {
                        *grid += 1;
                        moved = true;
                    }
                }
            }
            self.spread();
        }
        moved
    }

    fn instruments(&self, specs: &[InstrumentSpec]) -> Result<Vec<Instrument>, BarsError> {
        let settled =
            |(symbol, (spec, grid)): (usize, (&InstrumentSpec, &Option<usize>))| settle(symbol, spec, grid.unwrap_or(0));
        specs.iter().zip(&self.inferred).enumerate().map(settled).collect()
    }
}

fn settle(symbol: usize, spec: &InstrumentSpec, grid: usize) -> Result<Instrument, BarsError> {
    let tick_size = spec.tick_size.unwrap_or(1.0 / INFERRED_TICKS[grid]);
    Instrument::new(spec.symbol.clone(), tick_size, spec.lot_size).map_err(|error| BarsError::Instrument { symbol, error })
}

/// Whether `exact` ticks are a whole number but for floating-point noise; so is NaN, an empty cell.
#[inline]
fn on_grid(exact: f64) -> bool {
    let distance = (exact - ((exact + ROUNDING) - ROUNDING)).abs();
    exact.is_nan() | (distance <= (exact.abs() * 1e-12).clamp(1e-9, 0.05))
}

/// What rounding has come across.
#[derive(Default)]
struct Rounding {
    /// Prices that lay off their grid by more than noise.
    off_grid: u64,
    /// Whether a price had too many ticks, or none.
    outside: bool,
}

fn round_stretch(
    raw: &RawBars<'_>,
    scales: &[(f64, f64)],
    cells: Range<usize>,
    close: &mut [i64],
    open_high_low: Option<&mut [Vec<i64>; 3]>,
    rounding: &mut Rounding,
) {
    rounding.round(&raw.close[cells.clone()], scales, &mut close[cells.clone()]);
    if let (Some(prices), Some(ticks)) = (raw.open_high_low, open_high_low) {
        for (prices, ticks) in prices.into_iter().zip(ticks) {
            rounding.round(&prices[cells.clone()], scales, &mut ticks[cells.clone()]);
        }
    }
}

impl Rounding {
    fn round(&mut self, prices: &[f64], scales: &[(f64, f64)], ticks: &mut [i64]) {
        let (mut off_grid, mut outside) = (0, false);
        for ((&price, &(per_price, tick_size)), ticks) in prices.iter().zip(scales).zip(ticks) {
            let exact = price * per_price / tick_size;
            let shifted = exact + ROUNDING;
            let rounded = shifted - ROUNDING;
            off_grid += u64::from((exact - rounded).abs() > 0.05);
            outside |= (rounded < 1.0) | (rounded > LARGEST_TICKS);
            // An empty cell, NaN, becomes zero.
            *ticks = if price.is_nan() { 0 } else { (shifted.to_bits() - ROUNDING.to_bits()) as i64 };
        }
        self.off_grid += off_grid;
        self.outside |= outside;
    }
}

/// The first price that does not fit its grid.
fn outside(raw: &RawBars<'_>, instruments: &[Instrument]) -> BarsError {
    let columns = raw.open_high_low.unwrap_or([&[]; 3]).into_iter().chain([raw.close]);
    let fits = |price: f64, instrument: &Instrument| {
        price.is_nan() || (1.0..=LARGEST_TICKS).contains(&instrument.exact_ticks(price).round())
    };
    let cells = columns.flat_map(|column| column.iter().zip(instruments.iter().cycle()).enumerate());
    let found = cells.into_iter().find(|(_, (price, instrument))| !fits(**price, instrument));
    let (cell, (&value, instrument)) = found.expect("a price was outside");
    let (row, symbol) = (cell / instruments.len(), cell % instruments.len());
    BarsError::Grid { row, symbol, value, tick_size: instrument.tick_size() }
}
