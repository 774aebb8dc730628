//! What a strategy acts through: its account, its orders, its indicators and the past.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use numpy::PyArray1;
use omni_sim::{BarEngine, BarPanel, Column, MomentumZ, OrderKind, OrderRequest, OrderStatus, Sma};
use omni_types::{Side, Ticks};
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::board::Board;
use super::views::Indicator;
use crate::errors::Facts;

pub(super) struct Declared {
    kernels: Vec<Box<dyn omni_sim::Indicator + Send>>,
    values: Arc<[AtomicU64]>,
}

/// Through which a strategy sees its account and sends orders.
#[pyclass(frozen, module = "omni_lab._native")]
pub(crate) struct Context {
    pub(super) engine: Mutex<Option<BarEngine>>,
    pub(super) panel: Arc<BarPanel>,
    pub(super) board: Arc<Board>,
    pub(super) names: Arc<Vec<Py<PyString>>>,
    pub(super) declared: Mutex<Vec<Declared>>,
    pub(super) started: AtomicBool,
}

impl Context {
    pub(super) fn with<T>(&self, py: Python<'_>, act: impl FnOnce(&mut BarEngine) -> T) -> PyResult<T> {
        // The lock is held by native code only, never while Python runs: nobody can wait for it for long, or for ever.
        if let Some(engine) = locked(&self.engine).as_mut() {
            return Ok(act(engine));
        }
        let error = Facts::new("ConfigError", "the context belongs to a run that is over");
        Err(error.hint("Use the context only inside the strategy's callbacks.").raise(py))
    }

    /// [`Context::with`] for what sends orders, which there is no ground for before the first bar.
    fn act<T>(&self, py: Python<'_>, act: impl FnOnce(&mut BarEngine) -> T) -> PyResult<T> {
        if self.started.load(Ordering::Relaxed) {
            return self.with(py, act);
        }
        let error = Facts::new("ConfigError", "an order is sent before the first bar");
        Err(error.hint("Send it from on_bar; on_start declares indicators and sets up state.").raise(py))
    }

    fn column(&self, py: Python<'_>, symbol: Option<&str>) -> PyResult<usize> {
        symbol.map_or(Ok(self.board.current()), |symbol| self.board.column(py, symbol))
    }

    fn number(py: Python<'_>, name: &str, value: f64) -> PyResult<f64> {
        // Beyond this, a double cannot tell one lot from the next.
        if value.abs() <= 9_007_199_254_740_992.0 {
            return Ok(value);
        }
        Err(Facts::new("DataError", format!("{name} cannot be used"))
            .found(value)
            .expected("a finite number below 2^53")
            .raise(py))
    }

    fn send(
        &self,
        py: Python<'_>,
        side: Side,
        qty: f64,
        symbol: Option<&str>,
        limit: Option<f64>,
        stop: Option<f64>,
    ) -> PyResult<u32> {
        let symbol = self.column(py, symbol)?;
        let instrument = &self.panel.instruments()[symbol];
        let (kind, price) = match (limit, stop) {
            (None, None) => (OrderKind::Market, 0.0),
            (Some(limit), None) => (OrderKind::Limit, Self::number(py, "limit", limit)?),
            (None, Some(stop)) => (OrderKind::Stop, Self::number(py, "stop", stop)?),
            (Some(_), Some(_)) => {
                let error = Facts::new("ConfigError", "an order has a limit or a stop price, not both");
                return Err(error
                    .hint("Stop-limit orders are not simulated on bars; send the limit when the stop fills.")
                    .raise(py));
            }
        };
        let qty = instrument.lots(Self::number(py, "qty", qty)?);
        let price = Ticks(instrument.exact_ticks(price).round() as i64);
        self.act(py, |engine| engine.send(OrderRequest { symbol, side, qty, kind, price }))
    }

    fn declare(
        &self,
        py: Python<'_>,
        name: String,
        kernel: impl Fn() -> Box<dyn omni_sim::Indicator + Send>,
    ) -> PyResult<Indicator> {
        if self.started.load(Ordering::Relaxed) {
            let error = Facts::new("ConfigError", format!("{name} is declared after the first bar"));
            return Err(error.hint("Declare indicators in on_start, so that they see every bar.").raise(py));
        }
        let n = self.panel.n_symbols();
        let values: Arc<[AtomicU64]> = (0..n).map(|_| AtomicU64::new(f64::NAN.to_bits())).collect();
        let kernels = (0..n).map(|_| kernel()).collect();
        locked(&self.declared).push(Declared { kernels, values: Arc::clone(&values) });
        Ok(Indicator { board: Arc::clone(&self.board), values, name })
    }

    /// Bring the indicators of one instrument up to date with its closed bar.
    pub(super) fn update_indicators(&self, step: usize, symbol: usize) {
        let close = self.panel.close(step, symbol);
        for declared in locked(&self.declared).iter_mut() {
            let kernel = &mut declared.kernels[symbol];
            let value = kernel.update(close);
            let value = if kernel.in_ticks() { self.panel.instruments()[symbol].mean_price(value) } else { value };
            declared.values[symbol].store(value.to_bits(), Ordering::Relaxed);
        }
    }
}

/// A strategy may hand its context to another thread; what panicked there leaves nothing half done.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn window(py: Python<'_>, name: &str, window: i64, least: i64) -> PyResult<usize> {
    usize::try_from(window).ok().filter(|_| window >= least).ok_or_else(|| {
        let expected = format!("a whole number ≥ {least}");
        Facts::new("ConfigError", format!("the window of {name} cannot be used")).found(window).expected(&expected).raise(py)
    })
}

#[pymethods]
impl Context {
    #[getter]
    fn index(&self, py: Python<'_>) -> PyResult<usize> {
        self.with(py, |engine| engine.step().min(engine.panel().n_steps() - 1))
    }

    #[getter]
    fn ts(&self, py: Python<'_>) -> PyResult<i64> {
        Ok(self.panel.ts()[self.index(py)?])
    }

    #[getter]
    fn symbol(&self, py: Python<'_>) -> Py<PyString> {
        self.names[self.board.current()].clone_ref(py)
    }

    #[getter]
    fn symbols(&self, py: Python<'_>) -> Vec<Py<PyString>> {
        self.names.iter().map(|name| name.clone_ref(py)).collect()
    }

    #[getter]
    fn cash(&self, py: Python<'_>) -> PyResult<f64> {
        self.with(py, |engine| engine.ledger().cash().to_f64())
    }

    #[getter]
    fn equity(&self, py: Python<'_>) -> PyResult<f64> {
        self.with(py, |engine| engine.ledger().equity().to_f64())
    }

    #[getter]
    fn position(&self, py: Python<'_>) -> PyResult<f64> {
        self.position_of(py, None)
    }

    #[pyo3(signature = (symbol=None))]
    fn position_of(&self, py: Python<'_>, symbol: Option<&str>) -> PyResult<f64> {
        let symbol = self.column(py, symbol)?;
        let instrument = &self.panel.instruments()[symbol];
        self.with(py, |engine| instrument.quantity(engine.ledger().lots(symbol)))
    }

    #[pyo3(signature = (symbol=None))]
    fn average_price(&self, py: Python<'_>, symbol: Option<&str>) -> PyResult<f64> {
        let symbol = self.column(py, symbol)?;
        let instrument = &self.panel.instruments()[symbol];
        self.with(py, |engine| instrument.mean_price(engine.ledger().average_price_ticks(symbol)))
    }

    #[pyo3(signature = (qty, *, symbol=None, limit=None, stop=None))]
    fn buy(&self, py: Python<'_>, qty: f64, symbol: Option<&str>, limit: Option<f64>, stop: Option<f64>) -> PyResult<u32> {
        self.send(py, Side::Buy, qty, symbol, limit, stop)
    }

    #[pyo3(signature = (qty, *, symbol=None, limit=None, stop=None))]
    fn sell(&self, py: Python<'_>, qty: f64, symbol: Option<&str>, limit: Option<f64>, stop: Option<f64>) -> PyResult<u32> {
        self.send(py, Side::Sell, qty, symbol, limit, stop)
    }

    #[pyo3(signature = (qty, *, symbol=None))]
    fn target(&self, py: Python<'_>, qty: f64, symbol: Option<&str>) -> PyResult<()> {
        let symbol = self.column(py, symbol)?;
        let lots = self.panel.instruments()[symbol].lots(Self::number(py, "the target", qty)?);
        self.act(py, |engine| engine.target(symbol, lots))
    }

    #[pyo3(signature = (weight, *, symbol=None))]
    fn target_weight(&self, py: Python<'_>, weight: f64, symbol: Option<&str>) -> PyResult<()> {
        let symbol = self.column(py, symbol)?;
        let weight = Self::number(py, "the weight", weight)?;
        self.act(py, |engine| engine.target_weight(symbol, weight))
    }

    fn cancel(&self, py: Python<'_>, order_id: i64) -> PyResult<bool> {
        self.with(py, |engine| u32::try_from(order_id).is_ok_and(|id| engine.cancel(id)))
    }

    fn is_working(&self, py: Python<'_>, order_id: i64) -> PyResult<bool> {
        let Ok(at) = usize::try_from(order_id) else { return Ok(false) };
        self.with(py, |engine| engine.orders().get(at).is_some_and(|order| order.status == OrderStatus::Working))
    }

    #[pyo3(signature = (column, n_bars, *, symbol=None))]
    fn history<'py>(
        &self,
        py: Python<'py>,
        column: &str,
        n_bars: i64,
        symbol: Option<&str>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let symbol = self.column(py, symbol)?;
        let columns = [Column::Open, Column::High, Column::Low, Column::Close, Column::Volume];
        let named = columns.into_iter().find(|known| known.name() == column).ok_or_else(|| {
            Facts::new("SchemaError", "no such column").found(column).expected("open, high, low, close or volume").raise(py)
        })?;
        let n_bars = window(py, "history", n_bars, 0)?;
        let instrument = &self.panel.instruments()[symbol];
        // At the open and inside the bar its close, high and low are not known yet.
        let n_closed = self.with(py, |engine| engine.n_closed())?;
        let value: Box<dyn Fn(usize) -> f64> = match (self.panel.column(named), self.panel.volumes()) {
            (Some(ticks), _) => Box::new(move |cell| instrument.price(Ticks(ticks[cell]))),
            (None, Some(volumes)) if named == Column::Volume => Box::new(move |cell| volumes[cell]),
            (None, _) => {
                let error = Facts::new("SchemaError", format!("the bars have no {column}"));
                return Err(error.hint("Load bars that carry it.").raise(py));
            }
        };
        let mut values = Vec::with_capacity(n_bars.min(n_closed));
        for step in (0..n_closed).rev().filter(|&step| self.panel.has_bar(step, symbol)).take(n_bars) {
            values.push(value(step * self.panel.n_symbols() + symbol));
        }
        values.reverse();
        Ok(PyArray1::from_vec(py, values))
    }

    #[pyo3(name = "sma")]
    fn declare_sma(&self, py: Python<'_>, window: i64) -> PyResult<Indicator> {
        let n = self::window(py, "sma", window, 1)?;
        self.declare(py, format!("sma({n})"), || Box::new(Sma::new(n)))
    }

    #[pyo3(name = "momentum_z")]
    fn declare_momentum_z(&self, py: Python<'_>, window: i64) -> PyResult<Indicator> {
        let n = self::window(py, "momentum_z", window, 2)?;
        self.declare(py, format!("momentum_z({n})"), || Box::new(MomentumZ::new(n)))
    }
}
