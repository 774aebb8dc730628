//! Strategies in Python: the loop that calls them.

mod board;
mod context;
mod views;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use omni_sim::{BarEngine, Instrument};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use board::Board;

use context::locked;

pub(crate) use context::Context;
pub(crate) use views::{Bar, Fill, Indicator};

/// Steps between two looks at Ctrl-C and two reports of progress: a strategy may take long over each.
const STEPS_PER_BREATH: usize = 64;

/// What a strategy wants to be called for.
pub(crate) struct Callbacks<'py> {
    pub on_bar: Bound<'py, PyAny>,
    pub on_start: Option<Bound<'py, PyAny>>,
    pub on_fill: Option<Bound<'py, PyAny>>,
    pub on_stop: Option<Bound<'py, PyAny>>,
    pub progress: Option<Bound<'py, PyAny>>,
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
    let names = Arc::new(symbols.clone().map(|symbol| PyString::new(py, symbol).unbind()).collect::<Vec<_>>());
    let n_symbols = panel.n_symbols();
    let columns = symbols.enumerate().map(|(column, symbol)| (symbol.to_owned(), column)).collect();
    let context = Context {
        engine: Mutex::new(Some(engine)),
        panel,
        board: Arc::new(Board { columns, symbol: AtomicUsize::new(0) }),
        names,
        declared: Mutex::default(),
        started: AtomicBool::new(false),
    };
    let context = Bound::new(py, context)?;
    let outcome = Driver { py, context: &context, callbacks, delivered: 0, lots: vec![0; n_symbols] }.run();
    let engine = locked(&context.get().engine).take();
    Ok((engine.ok_or_else(|| PyRuntimeError::new_err("the engine was lost"))?, outcome))
}

struct Driver<'a, 'py> {
    py: Python<'py>,
    context: &'a Bound<'py, Context>,
    callbacks: &'a Callbacks<'py>,
    /// Fills already handed to `on_fill`.
    delivered: usize,
    /// Signed lots after them, by instrument.
    lots: Vec<i64>,
}

impl<'py> Driver<'_, 'py> {
    fn run(&mut self) -> PyResult<()> {
        let (py, context) = (self.py, self.context.get());
        if let Some(on_start) = &self.callbacks.on_start {
            on_start.call1((self.context,)).map_err(|error| self.annotate(error, "on_start"))?;
        }
        context.started.store(true, Ordering::Relaxed);
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
                bar.get().step.store(step, Ordering::Relaxed);
                bar.get().symbol.store(symbol, Ordering::Relaxed);
                context.board.turn_to(symbol);
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
        let context = self.context.get();
        let (panel, names) = (Arc::clone(&context.panel), Arc::clone(&context.names));
        Bound::new(self.py, Bar { panel, names, step: AtomicUsize::new(0), symbol: AtomicUsize::new(0) })
    }

    /// One phase of the engine, and the fills it made.
    #[inline]
    fn advance(&mut self, phase: impl FnOnce(&mut BarEngine)) -> PyResult<()> {
        let n_fills = self.context.get().with(self.py, |engine| {
            phase(engine);
            engine.fills().len()
        })?;
        if n_fills > self.delivered { self.deliver(n_fills) } else { Ok(()) }
    }

    fn deliver(&mut self, n_fills: usize) -> PyResult<()> {
        let (py, context) = (self.py, self.context.get());
        let Some(on_fill) = &self.callbacks.on_fill else {
            self.delivered = n_fills;
            return Ok(());
        };
        while self.delivered < n_fills {
            let (fill, symbol) = context.with(py, |engine| {
                let fill = engine.fills()[self.delivered];
                let order = &engine.orders()[fill.order as usize];
                let symbol = order.symbol as usize;
                self.lots[symbol] += order.side.sign() * fill.qty;
                let instrument = &context.panel.instruments()[symbol];
                let fill = Fill {
                    order_id: fill.order,
                    symbol: context.names[symbol].clone_ref(py),
                    side: order.side.name(),
                    qty: instrument.quantity(fill.qty),
                    price: instrument.price(fill.price),
                    commission: engine.commission_of(&fill),
                    position: instrument.quantity(self.lots[symbol]),
                    ts: context.panel.ts()[fill.step as usize],
                    index: fill.step,
                };
                (fill, symbol)
            })?;
            self.delivered += 1;
            context.board.turn_to(symbol);
            on_fill.call1((self.context, fill)).map_err(|error| self.annotate(error, "on_fill"))?;
        }
        Ok(())
    }

    /// Say in which callback, step and bar a strategy failed.
    fn annotate(&self, error: PyErr, callback: &str) -> PyErr {
        let context = self.context.get();
        let place = context.with(self.py, |engine| {
            let step = engine.step().min(context.panel.n_steps() - 1);
            let symbol = context.panel.instruments()[context.board.current()].symbol();
            format!("raised in {callback} at step {step}, ts {}, symbol {symbol:?}", context.panel.ts()[step])
        });
        // A note is a courtesy: the strategy's own error matters more than a failure to add it.
        if let Ok(place) = place {
            let _ = error.value(self.py).call_method1("add_note", (place,));
        }
        error
    }
}
