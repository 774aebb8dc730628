//! `Bars`: a checked panel of bars in ticks.

use std::sync::Arc;

use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use omni_sim::{BarPanel, Column, Instrument, InstrumentSpec, RawBars, indicator_values};
use omni_types::Ticks;
use pyo3::prelude::*;

use crate::errors::{Facts, bars_error};

#[pyclass(frozen, module = "omni_lab._native")]
pub(crate) struct Bars {
    pub panel: Arc<BarPanel>,
}

type Cells<'py> = PyReadonlyArray2<'py, f64>;

fn slice<'a>(py: Python<'_>, name: &str, cells: &'a Cells<'_>) -> PyResult<&'a [f64]> {
    cells.as_slice().map_err(|_| Facts::new("ShapeError", format!("the {name} column must be C-contiguous")).raise(py))
}

#[pymethods]
impl Bars {
    #[new]
    #[pyo3(signature = (ts, symbols, tick_sizes, lot_sizes, close, open=None, high=None, low=None, volume=None))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        ts: PyReadonlyArray1<'_, i64>,
        symbols: Vec<String>,
        tick_sizes: Vec<Option<f64>>,
        lot_sizes: Vec<f64>,
        close: Cells<'_>,
        open: Option<Cells<'_>>,
        high: Option<Cells<'_>>,
        low: Option<Cells<'_>>,
        volume: Option<Cells<'_>>,
    ) -> PyResult<Self> {
        if tick_sizes.len() != symbols.len() || lot_sizes.len() != symbols.len() {
            return Err(Facts::new("ShapeError", "symbols, tick_sizes and lot_sizes differ in length").raise(py));
        }
        let grids = tick_sizes.into_iter().zip(lot_sizes);
        let spec = |(symbol, (tick_size, lot_size))| InstrumentSpec { symbol, tick_size, lot_size };
        let specs: Vec<_> = symbols.into_iter().zip(grids).map(spec).collect();
        let ts = ts.as_slice().map_err(|_| Facts::new("ShapeError", "the times must be contiguous").raise(py))?;
        let close = slice(py, "close", &close)?;
        let open_high_low = match (&open, &high, &low) {
            (Some(open), Some(high), Some(low)) => {
                Some([slice(py, "open", open)?, slice(py, "high", high)?, slice(py, "low", low)?])
            }
            (None, None, None) => None,
            _ => return Err(Facts::new("SchemaError", "open, high and low come together or not at all").raise(py)),
        };
        let volume = volume.as_ref().map(|volume| slice(py, "volume", volume)).transpose()?;
        let raw = RawBars { ts, open_high_low, close, volume };
        let panel = py.detach(|| BarPanel::new(&raw, &specs)).map_err(|error| bars_error(py, &error, &specs))?;
        Ok(Self { panel: Arc::new(panel) })
    }

    #[getter]
    fn n_steps(&self) -> usize {
        self.panel.n_steps()
    }

    #[getter]
    fn n_symbols(&self) -> usize {
        self.panel.n_symbols()
    }

    #[getter]
    fn symbols(&self) -> Vec<&str> {
        self.panel.instruments().iter().map(Instrument::symbol).collect()
    }

    #[getter]
    fn tick_sizes(&self) -> Vec<f64> {
        self.panel.instruments().iter().map(Instrument::tick_size).collect()
    }

    #[getter]
    fn lot_sizes(&self) -> Vec<f64> {
        self.panel.instruments().iter().map(Instrument::lot_size).collect()
    }

    #[getter]
    fn has_ohlc(&self) -> bool {
        self.panel.has_ohlc()
    }

    #[getter]
    fn has_volume(&self) -> bool {
        self.panel.has_volume()
    }

    #[getter]
    fn off_grid(&self) -> u64 {
        self.panel.off_grid()
    }

    fn ts<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        PyArray1::from_slice(py, self.panel.ts())
    }

    fn ticks<'py>(&self, py: Python<'py>, column: &str) -> PyResult<Option<Bound<'py, PyArray2<i64>>>> {
        let column = column_named(py, column)?;
        let shape = [self.panel.n_steps(), self.panel.n_symbols()];
        self.panel.column(column).map(|ticks| PyArray1::from_slice(py, ticks).reshape(shape)).transpose()
    }

    #[pyo3(signature = (name, window, column="close"))]
    fn indicator<'py>(&self, py: Python<'py>, name: &str, window: i64, column: &str) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let spec = crate::strategy::indicator_spec(py, &self.panel, name, window, column)?;
        let values = py.detach(|| indicator_values(&self.panel, spec));
        PyArray1::from_vec(py, values).reshape([self.panel.n_steps(), self.panel.n_symbols()])
    }

    fn values<'py>(&self, py: Python<'py>, column: &str) -> PyResult<Option<Bound<'py, PyArray2<f64>>>> {
        let column = column_named(py, column)?;
        let closes = self.panel.column(Column::Close).unwrap_or_default();
        let values: Vec<f64> = if column == Column::Volume {
            let Some(volumes) = self.panel.volumes() else { return Ok(None) };
            volumes.iter().zip(closes).map(|(&volume, &close)| if close == 0 { f64::NAN } else { volume }).collect()
        } else {
            let Some(ticks) = self.panel.column(column) else { return Ok(None) };
            let prices = ticks.chunks_exact(self.panel.n_symbols()).flat_map(|row| row.iter().zip(self.panel.instruments()));
            let price =
                |(&ticks, instrument): (&i64, &Instrument)| if ticks == 0 { f64::NAN } else { instrument.price(Ticks(ticks)) };
            py.detach(|| prices.map(price).collect())
        };
        let shape = [self.panel.n_steps(), self.panel.n_symbols()];
        PyArray1::from_vec(py, values).reshape(shape).map(Some)
    }
}

fn column_named(py: Python<'_>, name: &str) -> PyResult<Column> {
    [Column::Open, Column::High, Column::Low, Column::Close, Column::Volume]
        .into_iter()
        .find(|column| column.name() == name)
        .ok_or_else(|| {
            Facts::new("SchemaError", "no such column").found(name).expected("open, high, low, close or volume").raise(py)
        })
}
