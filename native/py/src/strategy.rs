//! Strategies in Python: the context they act through, the bars and fills they see, and the loop that calls them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use numpy::PyArray1;
use omni_sim::{BarEngine, BarPanel, Column, Instrument, MomentumZ, OrderKind, OrderRequest, OrderStatus, Sma};
use omni_types::{Side, Ticks};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::book::side_name;
use crate::engine::STEPS_PER_BREATH;
use crate::errors::Facts;

/// What a strategy wants to be called for.
pub(crate) struct Callbacks<'py> {
    pub on_bar: Bound<'py, PyAny>,
    pub on_start: Option<Bound<'py, PyAny>>,
    pub on_fill: Option<Bound<'py, PyAny>>,
    pub on_stop: Option<Bound<'py, PyAny>>,
    pub progress: Option<Bound<'py, PyAny>>,
}

/// A closed bar. Reads straight from the panel; nothing is converted before it is asked for.
#[pyclass(frozen, unsendable, module = "omni_lab._native")]
pub(crate) struct Bar {
    panel: Arc<BarPanel>,
    names: Rc<Vec<Py<PyString>>>,
    step: Cell<usize>,
    symbol: Cell<usize>,
}

impl Bar {
    fn price(&self, ticks: Ticks) -> f64 {
        self.panel.instruments()[self.symbol.get()].price(ticks)
    }

    fn open_high_low(&self, at: usize) -> f64 {
        self.panel.open_high_low(self.step.get(), self.symbol.get()).map_or(f64::NAN, |prices| self.price(prices[at]))
    }
}

#[pymethods]
impl Bar {
    #[getter]
    fn symbol(&self, py: Python<'_>) -> Py<PyString> {
        self.names[self.symbol.get()].clone_ref(py)
    }

    #[getter]
    fn index(&self) -> usize {
        self.step.get()
    }

    #[getter]
    fn ts(&self) -> i64 {
        self.panel.ts()[self.step.get()]
    }

    #[getter]
    fn open(&self) -> f64 {
        self.open_high_low(0)
    }

    #[getter]
    fn high(&self) -> f64 {
        self.open_high_low(1)
    }

    #[getter]
    fn low(&self) -> f64 {
        self.open_high_low(2)
    }

    #[getter]
    fn close(&self) -> f64 {
        self.price(self.panel.close(self.step.get(), self.symbol.get()))
    }

    #[getter]
    fn volume(&self) -> f64 {
        let symbol = self.symbol.get();
        self.panel.volume(self.step.get(), symbol).unwrap_or(f64::NAN)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let (o, h, l, c) = (self.open(), self.high(), self.low(), self.close());
        format!("Bar({}, ts={}, open={o}, high={h}, low={l}, close={c})", self.symbol(py), self.ts())
    }
}

/// One execution of one of the strategy's orders.
#[pyclass(frozen, unsendable, module = "omni_lab._native", get_all)]
pub(crate) struct Fill {
    order_id: u32,
    symbol: Py<PyString>,
    side: &'static str,
    qty: f64,
    price: f64,
    commission: f64,
    position: f64,
    ts: i64,
    index: u32,
}

#[pymethods]
impl Fill {
    fn __repr__(&self) -> String {
        format!("Fill(order {}, {} {} {} at {})", self.order_id, self.side, self.qty, self.symbol, self.price)
    }
}

/// An indicator declared in `on_start`; its value is that of the instrument whose bar is being handled.
#[pyclass(frozen, unsendable, module = "omni_lab._native")]
pub(crate) struct Indicator {
    board: Rc<Board>,
    values: Rc<[Cell<f64>]>,
    name: String,
}

#[pymethods]
impl Indicator {
    #[getter]
    fn value(&self) -> f64 {
        self.values[self.board.symbol.get()].get()
    }

    fn of(&self, py: Python<'_>, symbol: &str) -> PyResult<f64> {
        Ok(self.values[self.board.column(py, symbol)?].get())
    }

    fn __repr__(&self) -> String {
        format!("{} = {}", self.name, self.value())
    }
}

/// What context and indicators share: the instruments and which of them is being handled.
struct Board {
    columns: HashMap<String, usize>,
    symbol: Cell<usize>,
}

impl Board {
    fn column(&self, py: Python<'_>, symbol: &str) -> PyResult<usize> {
        self.columns.get(symbol).copied().ok_or_else(|| {
            let mut known: Vec<_> = self.columns.keys().map(String::as_str).collect();
            known.sort_unstable();
            let expected = known.join(", ");
            Facts::new("UnknownSymbolError", "the bars hold no such symbol").found(symbol).expected(&expected).raise(py)
        })
    }
}

struct Declared {
    kernels: Vec<Box<dyn omni_sim::Indicator>>,
    values: Rc<[Cell<f64>]>,
}

/// Through which a strategy sees its account and sends orders.
#[pyclass(frozen, unsendable, module = "omni_lab._native")]
pub(crate) struct Context {
    engine: RefCell<Option<BarEngine>>,
    panel: Arc<BarPanel>,
    board: Rc<Board>,
    names: Rc<Vec<Py<PyString>>>,
    declared: RefCell<Vec<Declared>>,
    started: Cell<bool>,
}

impl Context {
    fn with<T>(&self, py: Python<'_>, act: impl FnOnce(&mut BarEngine) -> T) -> PyResult<T> {
        match self.engine.borrow_mut().as_mut() {
            Some(engine) => Ok(act(engine)),
            None => Err(Facts::new("ConfigError", "the context belongs to a run that is over")
                .hint("Use the context only inside the strategy's callbacks.")
                .raise(py)),
        }
    }

    fn column(&self, py: Python<'_>, symbol: Option<&str>) -> PyResult<usize> {
        symbol.map_or(Ok(self.board.symbol.get()), |symbol| self.board.column(py, symbol))
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
        self.with(py, |engine| engine.send(OrderRequest { symbol, side, qty, kind, price }))
    }

    fn declare(&self, py: Python<'_>, name: String, kernel: impl Fn() -> Box<dyn omni_sim::Indicator>) -> PyResult<Indicator> {
        if self.started.get() {
            let error = Facts::new("ConfigError", format!("{name} is declared after the first bar"));
            return Err(error.hint("Declare indicators in on_start, so that they see every bar.").raise(py));
        }
        let n = self.panel.n_symbols();
        let values: Rc<[Cell<f64>]> = (0..n).map(|_| Cell::new(f64::NAN)).collect();
        let kernels = (0..n).map(|_| kernel()).collect();
        self.declared.borrow_mut().push(Declared { kernels, values: Rc::clone(&values) });
        Ok(Indicator { board: Rc::clone(&self.board), values, name })
    }

    /// Bring the indicators of one instrument up to date with its closed bar.
    fn update_indicators(&self, step: usize, symbol: usize) {
        let close = self.panel.close(step, symbol);
        for declared in self.declared.borrow_mut().iter_mut() {
            let kernel = &mut declared.kernels[symbol];
            let value = kernel.update(close);
            let value = if kernel.in_ticks() { self.panel.instruments()[symbol].mean_price(value) } else { value };
            declared.values[symbol].set(value);
        }
    }
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
        self.names[self.board.symbol.get()].clone_ref(py)
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
        self.with(py, |engine| engine.target(symbol, lots))
    }

    #[pyo3(signature = (weight, *, symbol=None))]
    fn target_weight(&self, py: Python<'_>, weight: f64, symbol: Option<&str>) -> PyResult<()> {
        let symbol = self.column(py, symbol)?;
        let weight = Self::number(py, "the weight", weight)?;
        self.with(py, |engine| engine.target_weight(symbol, weight))
    }

    fn cancel(&self, py: Python<'_>, order_id: u32) -> PyResult<bool> {
        self.with(py, |engine| engine.cancel(order_id))
    }

    fn is_working(&self, py: Python<'_>, order_id: u32) -> PyResult<bool> {
        self.with(py, |engine| engine.orders().get(order_id as usize).is_some_and(|order| order.status == OrderStatus::Working))
    }

    #[pyo3(signature = (column, n_bars, *, symbol=None))]
    fn history<'py>(
        &self,
        py: Python<'py>,
        column: &str,
        n_bars: usize,
        symbol: Option<&str>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let symbol = self.column(py, symbol)?;
        let columns = [Column::Open, Column::High, Column::Low, Column::Close, Column::Volume];
        let named = columns.into_iter().find(|known| known.name() == column).ok_or_else(|| {
            Facts::new("SchemaError", "no such column").found(column).expected("open, high, low, close or volume").raise(py)
        })?;
        let (now, instrument) = (self.index(py)?, &self.panel.instruments()[symbol]);
        let value: Box<dyn Fn(usize) -> f64> = match (self.panel.column(named), self.panel.volumes()) {
            (Some(ticks), _) => Box::new(move |cell| instrument.price(Ticks(ticks[cell]))),
            (None, Some(volumes)) if named == Column::Volume => Box::new(move |cell| volumes[cell]),
            (None, _) => {
                let error = Facts::new("SchemaError", format!("the bars have no {column}"));
                return Err(error.hint("Load bars that carry it.").raise(py));
            }
        };
        let mut values = Vec::with_capacity(n_bars.min(now + 1));
        for step in (0..=now).rev().filter(|&step| self.panel.has_bar(step, symbol)).take(n_bars) {
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

/// Whether anybody but the caller holds the object.
#[allow(unsafe_code)]
fn is_shared(object: &Bound<'_, Bar>) -> bool {
    // SAFETY: the pointer comes from a live reference, and the interpreter lock is held.
    unsafe { pyo3::ffi::Py_REFCNT(object.as_ptr()) > 1 }
}

/// Run a strategy over all bars. The engine always comes back, with what was computed until an error.
pub(crate) fn drive(py: Python<'_>, engine: BarEngine, callbacks: &Callbacks<'_>) -> PyResult<(BarEngine, PyResult<()>)> {
    let panel = Arc::clone(engine.panel());
    let symbols = panel.instruments().iter().map(Instrument::symbol);
    let names = Rc::new(symbols.clone().map(|symbol| PyString::new(py, symbol).unbind()).collect::<Vec<_>>());
    let columns = symbols.enumerate().map(|(column, symbol)| (symbol.to_owned(), column)).collect();
    let context = Context {
        engine: RefCell::new(Some(engine)),
        panel,
        board: Rc::new(Board { columns, symbol: Cell::new(0) }),
        names,
        declared: RefCell::default(),
        started: Cell::new(false),
    };
    let context = Bound::new(py, context)?;
    let outcome = Driver { py, context: &context, state: context.borrow(), callbacks, delivered: 0 }.run();
    let engine = context.borrow().engine.borrow_mut().take();
    Ok((engine.ok_or_else(|| PyRuntimeError::new_err("the engine was lost"))?, outcome))
}

struct Driver<'a, 'py> {
    py: Python<'py>,
    context: &'a Bound<'py, Context>,
    state: PyRef<'py, Context>,
    callbacks: &'a Callbacks<'py>,
    /// Fills already handed to `on_fill`.
    delivered: usize,
}

impl<'py> Driver<'_, 'py> {
    fn run(&mut self) -> PyResult<()> {
        let (py, context) = (self.py, self.context.borrow());
        if let Some(on_start) = &self.callbacks.on_start {
            on_start.call1((self.context,)).map_err(|error| self.annotate(error, "on_start"))?;
        }
        context.started.set(true);
        let (n_steps, n_symbols) = (context.panel.n_steps(), context.panel.n_symbols());
        let mut bar = self.new_bar()?;
        for step in 0..n_steps {
            self.advance(BarEngine::open)?;
            self.advance(BarEngine::inside)?;
            self.advance(BarEngine::close)?;
            for symbol in (0..n_symbols).filter(|&symbol| context.panel.has_bar(step, symbol)) {
                context.update_indicators(step, symbol);
            }
            for symbol in (0..n_symbols).filter(|&symbol| context.panel.has_bar(step, symbol)) {
                // A strategy may keep the bars it is given; only one that nobody else holds is used again.
                if is_shared(&bar) {
                    bar = self.new_bar()?;
                }
                bar.borrow().step.set(step);
                bar.borrow().symbol.set(symbol);
                context.board.symbol.set(symbol);
                self.callbacks.on_bar.call1((self.context, &bar)).map_err(|error| self.annotate(error, "on_bar"))?;
            }
            self.advance(BarEngine::settle)?;
            if (step + 1).is_multiple_of(STEPS_PER_BREATH) || step + 1 == n_steps {
                py.check_signals()?;
                if let Some(progress) = &self.callbacks.progress {
                    progress.call1((step + 1,))?;
                }
            }
        }
        if let Some(on_stop) = &self.callbacks.on_stop {
            on_stop.call1((self.context,)).map_err(|error| self.annotate(error, "on_stop"))?;
        }
        context.with(py, BarEngine::finish)
    }

    fn new_bar(&self) -> PyResult<Bound<'py, Bar>> {
        let context = &*self.state;
        let (panel, names) = (Arc::clone(&context.panel), Rc::clone(&context.names));
        Bound::new(self.py, Bar { panel, names, step: Cell::new(0), symbol: Cell::new(0) })
    }

    /// One phase of the engine, and the fills it made.
    #[inline]
    fn advance(&mut self, phase: impl FnOnce(&mut BarEngine)) -> PyResult<()> {
        let n_fills = self.state.with(self.py, |engine| {
            phase(engine);
            engine.fills().len()
        })?;
        if n_fills > self.delivered { self.deliver(n_fills) } else { Ok(()) }
    }

    fn deliver(&mut self, n_fills: usize) -> PyResult<()> {
        let (py, context) = (self.py, self.context.borrow());
        let Some(on_fill) = &self.callbacks.on_fill else {
            self.delivered = n_fills;
            return Ok(());
        };
        while self.delivered < n_fills {
            let (fill, symbol) = context.with(py, |engine| {
                let fill = engine.fills()[self.delivered];
                let order = &engine.orders()[fill.order as usize];
                let symbol = order.symbol as usize;
                let instrument = &context.panel.instruments()[symbol];
                let fill = Fill {
                    order_id: fill.order,
                    symbol: context.names[symbol].clone_ref(py),
                    side: side_name(order.side),
                    qty: instrument.quantity(fill.qty),
                    price: instrument.price(fill.price),
                    commission: engine.commission_of(&fill),
                    position: instrument.quantity(engine.ledger().lots(symbol)),
                    ts: context.panel.ts()[fill.step as usize],
                    index: fill.step,
                };
                (fill, symbol)
            })?;
            self.delivered += 1;
            context.board.symbol.set(symbol);
            on_fill.call1((self.context, fill)).map_err(|error| self.annotate(error, "on_fill"))?;
        }
        Ok(())
    }

    /// Say in which callback, step and bar a strategy failed.
    fn annotate(&self, error: PyErr, callback: &str) -> PyErr {
        let context = &*self.state;
        let place = context.with(self.py, |engine| {
            let step = engine.step().min(context.panel.n_steps() - 1);
            let symbol = context.panel.instruments()[context.board.symbol.get()].symbol();
            format!("raised in {callback} at step {step}, ts {}, symbol {symbol:?}", context.panel.ts()[step])
        });
        // A note is a courtesy: the strategy's own error matters more than a failure to add it.
        if let Ok(place) = place {
            let _ = error.value(self.py).call_method1("add_note", (place,));
        }
        error
    }
}
