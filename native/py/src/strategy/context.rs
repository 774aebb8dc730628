//! What a strategy acts through: its account, its orders, its indicators and the past.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use numpy::PyArray1;
use omni_sim::{BarEngine, BarPanel, Column, IndicatorSet, OrderStatus, Replacement};
use omni_types::{Side, Ticks};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::board::Board;
use super::timers::Timers;
use super::triggers::{self, Trigger};
use super::views::Indicator;
use super::wanted::Wanted;
use crate::errors::Facts;

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Stage {
    /// Before the first bar.
    Starting = 0,
    /// Among the bars.
    Running = 1,
    /// After the last.
    Stopping = 2,
}

/// Through which a strategy sees its account and sends orders.
#[pyclass(frozen, module = "omni_lab._native")]
pub(crate) struct Context {
    pub(super) engine: Mutex<Option<BarEngine>>,
    pub(super) panel: Arc<BarPanel>,
    pub(super) board: Arc<Board>,
    pub(super) names: Arc<Vec<Py<PyString>>>,
    pub(super) indicators: Mutex<IndicatorSet>,
    pub(super) triggers: Mutex<Vec<Arc<Trigger>>>,
    pub(super) timers: Mutex<Timers>,
    pub(super) stage: AtomicU8,
    /// Orders sent before the current step, and how many more it may have.
    pub(super) orders_before: AtomicUsize,
    pub(super) max_orders_per_step: usize,
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

    /// [`Context::with`] for what sends orders, which there is no ground for before the first bar, and no time after the last.
    fn act<T>(&self, py: Python<'_>, act: impl FnOnce(&mut BarEngine) -> T) -> PyResult<T> {
        let stage = self.stage.load(Ordering::Relaxed);
        if stage != Stage::Running as u8 {
            self.with(py, |_| ())?;
            let early = stage == Stage::Starting as u8;
            let error = Facts::new(
                "ConfigError",
                format!("an order is sent {} bar", if early { "before the first" } else { "after the last" }),
            );
            return Err(error
                .hint(if early {
                    "Send it from on_bar; on_start declares indicators and sets up state."
                } else {
                    "Send it from on_bar; nothing can fill any more, and what is still held is valued at its last price."
                })
                .raise(py));
        }
        let (before, limit) = (self.orders_before.load(Ordering::Relaxed), self.max_orders_per_step);
        let done = self.with(py, |engine| (engine.orders().len() - before < limit).then(|| act(engine)))?;
        done.ok_or_else(|| {
            Facts::new("ConfigError", "too many orders in one step")
                .found(limit + 1)
                .expected(&format!("at most max_orders_per_step = {limit}"))
                .hint("Look for a loop that sends without end; SimulationConfig(max_orders_per_step=…) sets the limit.")
                .raise(py)
        })
    }

    /// Whether what is declared would still see every bar.
    pub(super) fn refuse_late(&self, py: Python<'_>, what: &str) -> PyResult<()> {
        if self.stage.load(Ordering::Relaxed) == Stage::Starting as u8 {
            return Ok(());
        }
        let error = Facts::new("ConfigError", format!("{what} is declared after the first bar"));
        Err(error.hint("Declare indicators in on_start, so that they see every bar.").raise(py))
    }

    fn column(&self, py: Python<'_>, symbol: Option<&str>) -> PyResult<usize> {
        symbol.map_or(Ok(self.board.current()), |symbol| self.board.column(py, symbol))
    }

    pub(super) fn number(py: Python<'_>, name: &str, value: f64) -> PyResult<f64> {
        // Beyond this, a double cannot tell one lot from the next.
        if value.abs() <= 9_007_199_254_740_992.0 {
            return Ok(value);
        }
        Err(Facts::new("DataError", format!("{name} cannot be used"))
            .found(value)
            .expected("a finite number below 2^53")
            .raise(py))
    }

    fn send(&self, py: Python<'_>, order: &Wanted<'_>) -> PyResult<u32> {
        let (request, terms) = order.read(py, self)?;
        self.act(py, |engine| match terms {
            None => engine.send(request),
            Some(terms) => engine.send_with(request, terms),
        })
    }

    fn indicator(&self, py: Python<'_>, name: &str, window: i64, column: &str) -> PyResult<Indicator> {
        let spec = triggers::spec(py, &self.panel, name, window, column)?;
        let name = triggers::shown(spec);
        self.refuse_late(py, &name)?;
        let mut set = locked(&self.indicators);
        let place = set.declare(spec, self.panel.n_symbols());
        Ok(Indicator { board: Arc::clone(&self.board), values: set.cells(place), name })
    }

    /// The time of the current step; before the first bar, that of the first.
    fn now(&self, py: Python<'_>) -> PyResult<i64> {
        let step = self.with(py, |engine| engine.step().min(engine.panel().n_steps() - 1))?;
        Ok(self.panel.ts()[step])
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

    #[pyo3(signature = (symbol=None))]
    fn tick_size(&self, py: Python<'_>, symbol: Option<&str>) -> PyResult<f64> {
        Ok(self.panel.instruments()[self.column(py, symbol)?].tick_size())
    }

    #[pyo3(signature = (symbol=None))]
    fn lot_size(&self, py: Python<'_>, symbol: Option<&str>) -> PyResult<f64> {
        Ok(self.panel.instruments()[self.column(py, symbol)?].lot_size())
    }

    #[pyo3(signature = (qty, *, symbol=None, limit=None, stop=None, **terms))]
    fn buy(
        &self,
        py: Python<'_>,
        qty: f64,
        symbol: Option<&str>,
        limit: Option<f64>,
        stop: Option<f64>,
        terms: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<u32> {
        let symbol = self.column(py, symbol)?;
        self.send(py, &Wanted { symbol, side: Side::Buy, qty, limit, stop, terms })
    }

    #[pyo3(signature = (qty, *, symbol=None, limit=None, stop=None, **terms))]
    fn sell(
        &self,
        py: Python<'_>,
        qty: f64,
        symbol: Option<&str>,
        limit: Option<f64>,
        stop: Option<f64>,
        terms: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<u32> {
        let symbol = self.column(py, symbol)?;
        self.send(py, &Wanted { symbol, side: Side::Sell, qty, limit, stop, terms })
    }

    #[pyo3(signature = (order_id, *, qty=None, price=None, stop_price=None))]
    fn replace(
        &self,
        py: Python<'_>,
        order_id: i64,
        qty: Option<f64>,
        price: Option<f64>,
        stop_price: Option<f64>,
    ) -> PyResult<bool> {
        let Ok(id) = u32::try_from(order_id) else { return Ok(false) };
        let Some(symbol) = self.with(py, |engine| engine.orders().get(id as usize).map(|order| order.symbol as usize))? else {
            return Ok(false);
        };
        let instrument = &self.panel.instruments()[symbol];
        let ticks = |name, price: Option<f64>| {
            price
                .map(|price| Ok::<_, PyErr>(Ticks(instrument.exact_ticks(Self::number(py, name, price)?).round() as i64)))
                .transpose()
        };
        let qty = qty.map(|qty| Ok::<_, PyErr>(instrument.lots(Self::number(py, "qty", qty)?))).transpose()?;
        let wanted = Replacement { qty, price: ticks("price", price)?, stop_price: ticks("stop_price", stop_price)? };
        self.act(py, |engine| engine.replace(id, wanted))
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

    fn sma(&self, py: Python<'_>, window: i64) -> PyResult<Indicator> {
        self.indicator(py, "sma", window, "close")
    }

    fn momentum_z(&self, py: Python<'_>, window: i64) -> PyResult<Indicator> {
        self.indicator(py, "momentum_z", window, "close")
    }

    fn declare(&self, py: Python<'_>, expression: &Bound<'_, PyAny>) -> PyResult<Indicator> {
        let (name, window, column): (String, i64, String) =
            expression.getattr("spelled").and_then(|spelled| spelled.extract()).map_err(|_| {
                let error = Facts::new("ConfigError", "this is not an indicator").object(expression);
                error.expected("one of omni_lab.strategies.indicators, such as ema(20)").raise(py)
            })?;
        self.indicator(py, &name, window, &column)
    }

    fn when(&self, py: Python<'_>, condition: &Bound<'_, PyAny>, callback: Bound<'_, PyAny>) -> PyResult<()> {
        self.refuse_late(py, "a condition")?;
        if !callback.is_callable() {
            let error = Facts::new("ConfigError", "what a condition calls must be callable").object(&callback);
            return Err(error.expected("a function of ctx and bar").raise(py));
        }
        let spelled = condition.getattr("spelled").map_err(|_| {
            let error = Facts::new("ConfigError", "this is not a condition").object(condition);
            error.expected("one of omni_lab.strategies.indicators, such as cross_above(sma(20), sma(100))").raise(py)
        })?;
        let condition = triggers::condition(&spelled, &self.panel, &mut locked(&self.indicators))?;
        let name = callback.getattr("__name__").and_then(|name| name.extract()).unwrap_or_else(|_| "a callback".to_owned());
        locked(&self.triggers).push(Arc::new(Trigger { condition, callback: callback.unbind(), name }));
        Ok(())
    }

    #[pyo3(signature = (*, at=None, every=None))]
    fn timer(&self, py: Python<'_>, at: Option<Bound<'_, PyAny>>, every: Option<Bound<'_, PyAny>>) -> PyResult<u64> {
        let moments = py.import("omni_lab.data.moments")?;
        let at: Option<i64> = at.map(|at| moments.getattr("moment_ns")?.call1((at,))?.extract()).transpose()?;
        let every: Option<i64> = every.map(|every| moments.getattr("span_ns")?.call1((every,))?.extract()).transpose()?;
        let due = match (at, every) {
            (Some(at), _) => at,
            (None, Some(every)) => self.now(py)?.saturating_add(every),
            (None, None) => {
                let error = Facts::new("ConfigError", "a timer needs a time");
                return Err(error.expected("at=…, every=…, or both").raise(py));
            }
        };
        Ok(locked(&self.timers).set(due, every))
    }

    #[pyo3(signature = (on=true))]
    fn kill_switch(&self, py: Python<'_>, on: bool) -> PyResult<()> {
        if self.with(py, |engine| engine.kill(on))? {
            return Ok(());
        }
        let error = Facts::new("ConfigError", "this run has no risk gate, and so no kill switch");
        Err(error.hint("Set SimulationConfig(limits=Limits(…)); Limits() has no limits but the switch.").raise(py))
    }

    fn cancel_timer(&self, timer_id: u64) -> bool {
        locked(&self.timers).cancel(timer_id)
    }
}
