//! Strategies in Python: the loop that calls them.

mod board;
mod context;
mod delivery;
mod timers;
mod triggers;
mod views;
mod wanted;

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use omni_sim::{BarEngine, Instrument};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::engine::breathe;
use board::Board;
use context::{Stage, locked};
use triggers::Trigger;

pub(crate) use context::Context;
pub(crate) use timers::Timer;
pub(crate) use triggers::spec as indicator_spec;
pub(crate) use views::{Bar, Fill, Indicator, OrderUpdate};

/// Steps between two looks at Ctrl-C and two reports of progress: a strategy may take long over each.
const STEPS_PER_BREATH: usize = 64;
/// The same for a strategy that is called only now and then.
const QUIET_STEPS_PER_BREATH: usize = 1 << 13;

/// What a strategy wants to be called for.
pub(crate) struct Callbacks<'py> {
    /// What the strategy is called, for errors.
    pub name: String,
    pub max_orders_per_step: usize,
    pub on_bar: Option<Bound<'py, PyAny>>,
    pub on_start: Option<Bound<'py, PyAny>>,
    pub on_fill: Option<Bound<'py, PyAny>>,
    pub on_order: Option<Bound<'py, PyAny>>,
    pub on_timer: Option<Bound<'py, PyAny>>,
    pub on_stop: Option<Bound<'py, PyAny>>,
    pub progress: Option<Bound<'py, PyAny>>,
}

impl<'py> Callbacks<'py> {
    /// Callbacks by name.
    pub fn new(
        given: &Bound<'py, PyDict>,
        name: String,
        max_orders_per_step: usize,
        progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Self> {
        let named = |name: &str| given.get_item(name);
        Ok(Self {
            name,
            max_orders_per_step,
            on_bar: named("on_bar")?,
            on_start: named("on_start")?,
            on_fill: named("on_fill")?,
            on_order: named("on_order")?,
            on_timer: named("on_timer")?,
            on_stop: named("on_stop")?,
            progress,
        })
    }
}

/// Whether anybody but the caller holds the object.
#[allow(unsafe_code)]
fn is_shared(object: &Bound<'_, Bar>) -> bool {
    // SAFETY: the pointer comes from a live reference, and the interpreter lock is held.
    unsafe { pyo3::ffi::Py_REFCNT(object.as_ptr()) > 1 }
}

/// Run a strategy over all bars. The engine always comes back, with what was computed until an error.
pub(crate) fn drive(py: Python<'_>, mut engine: BarEngine, callbacks: &Callbacks<'_>) -> PyResult<(BarEngine, PyResult<()>)> {
    let panel = Arc::clone(engine.panel());
    let symbols = panel.instruments().iter().map(Instrument::symbol);
    let names = Arc::new(symbols.clone().map(|symbol| PyString::new(py, symbol).unbind()).collect::<Vec<_>>());
    let n_symbols = panel.n_symbols();
    let columns = symbols.enumerate().map(|(column, symbol)| (symbol.to_owned(), column)).collect();
    if callbacks.on_order.is_some() {
        engine.watch_orders();
    }
    let context = Context {
        engine: Mutex::new(Some(engine)),
        panel,
        board: Arc::new(Board { columns, symbol: AtomicUsize::new(0) }),
        names,
        indicators: Mutex::default(),
        triggers: Mutex::default(),
        timers: Mutex::default(),
        stage: AtomicU8::new(Stage::Starting as u8),
        orders_before: AtomicUsize::new(0),
        max_orders_per_step: callbacks.max_orders_per_step,
    };
    let context = Bound::new(py, context)?;
    let mut driver = Driver { py, context: &context, callbacks, delivered: 0, told: 0, split: 0, lots: vec![0; n_symbols] };
    let outcome = driver.run();
    let engine = locked(&context.get().engine).take();
    let mut engine = engine.ok_or_else(|| PyRuntimeError::new_err("the engine was lost"))?;
    if outcome.is_err() {
        engine.stop();
    }
    Ok((engine, outcome))
}

struct Driver<'a, 'py> {
    py: Python<'py>,
    context: &'a Bound<'py, Context>,
    callbacks: &'a Callbacks<'py>,
    /// Fills already handed to `on_fill`.
    delivered: usize,
    /// Changes of orders already handed to `on_order`.
    told: usize,
    /// Movements without fills that `lots` takes into account.
    split: usize,
    /// Signed lots after the fills delivered, by instrument.
    lots: Vec<i64>,
}

impl<'py> Driver<'_, 'py> {
    fn run(&mut self) -> PyResult<()> {
        let (py, context) = (self.py, self.context.get());
        if let Some(on_start) = &self.callbacks.on_start {
            on_start.call1((self.context,)).map_err(|error| self.annotate(error, "on_start"))?;
        }
        self.enter(Stage::Running);
        let triggers = locked(&context.triggers).clone();
        let quiet = self.callbacks.on_bar.is_none();
        let breath = if quiet { QUIET_STEPS_PER_BREATH } else { STEPS_PER_BREATH };
        let n_steps = context.panel.n_steps();
        let mut bar = self.new_bar()?;
        for step in 0..n_steps {
            self.advance(|engine| {
                context.orders_before.store(engine.orders().len(), Ordering::Relaxed);
                engine.open();
            })?;
            self.advance(BarEngine::inside)?;
            self.advance(BarEngine::close)?;
            self.decide(step, &mut bar, &triggers)?;
            self.advance(BarEngine::settle)?;
            if (step + 1).is_multiple_of(breath) || step + 1 == n_steps {
                breathe(py, self.callbacks.progress.as_ref(), step + 1)?;
            }
        }
        self.enter(Stage::Stopping);
        if let Some(on_stop) = &self.callbacks.on_stop {
            on_stop.call1((self.context,)).map_err(|error| self.annotate(error, "on_stop"))?;
        }
        self.advance(BarEngine::finish)
    }

    fn enter(&self, stage: Stage) {
        self.context.get().stage.store(stage as u8, Ordering::Relaxed);
    }

    /// Point 4: timers, then for each instrument with a bar its conditions and `on_bar`.
    fn decide(&mut self, step: usize, bar: &mut Bound<'py, Bar>, triggers: &[Arc<Trigger>]) -> PyResult<()> {
        let context = self.context.get();
        let panel = &context.panel;
        let n_symbols = panel.n_symbols();
        {
            let mut indicators = locked(&context.indicators);
            for symbol in (0..n_symbols).filter(|&symbol| panel.has_bar(step, symbol)) {
                indicators.update(panel, step, symbol);
            }
        }
        if let Some(on_timer) = &self.callbacks.on_timer {
            self.fire_timers(on_timer, step)?;
        }
        if triggers.is_empty() && self.callbacks.on_bar.is_none() {
            return Ok(());
        }
        for symbol in (0..n_symbols).filter(|&symbol| panel.has_bar(step, symbol)) {
            for trigger in triggers {
                if trigger.condition.holds(&locked(&context.indicators), symbol) == Some(true) {
                    self.call_with_bar(trigger.callback.bind(self.py), &trigger.name, bar, step, symbol)?;
                }
            }
            if let Some(on_bar) = &self.callbacks.on_bar {
                self.call_with_bar(on_bar, "on_bar", bar, step, symbol)?;
            }
        }
        Ok(())
    }

    fn call_with_bar(
        &mut self,
        callback: &Bound<'py, PyAny>,
        name: &str,
        bar: &mut Bound<'py, Bar>,
        step: usize,
        symbol: usize,
    ) -> PyResult<()> {
        // A strategy may keep the bars it is given; only one that nobody else holds is used again.
        if is_shared(bar) {
            *bar = self.new_bar()?;
        }
        bar.get().step.store(step, Ordering::Relaxed);
        bar.get().symbol.store(symbol, Ordering::Relaxed);
        self.context.get().board.turn_to(symbol);
        callback.call1((self.context, &*bar)).map_err(|error| self.annotate(error, name))?;
        self.tell()
    }

    fn fire_timers(&mut self, on_timer: &Bound<'py, PyAny>, step: usize) -> PyResult<()> {
        let context = self.context.get();
        let ts = context.panel.ts()[step];
        let due = locked(&context.timers).due(ts);
        for id in due {
            let fired = locked(&context.timers).fire(id, ts);
            if let Some(due) = fired {
                context.board.turn_to(0);
                let timer = Timer { id, due, ts, index: step };
                on_timer.call1((self.context, timer)).map_err(|error| self.annotate(error, "on_timer"))?;
                self.tell()?;
            }
        }
        Ok(())
    }

    fn new_bar(&self) -> PyResult<Bound<'py, Bar>> {
        let context = self.context.get();
        let (panel, names) = (Arc::clone(&context.panel), Arc::clone(&context.names));
        Bound::new(self.py, Bar { panel, names, step: AtomicUsize::new(0), symbol: AtomicUsize::new(0) })
    }

    /// Say in which callback, step and bar which strategy failed.
    fn annotate(&self, error: PyErr, callback: &str) -> PyErr {
        let (py, context) = (self.py, self.context.get());
        let note = || -> PyResult<()> {
            let step = context.with(py, |engine| engine.step().min(context.panel.n_steps() - 1))?;
            let (ts, symbol) = (context.panel.ts()[step], context.panel.instruments()[context.board.current()].symbol());
            let time: String = py.import("omni_lab.data.times")?.call_method1("iso", (ts,))?.extract()?;
            let name = &self.callbacks.name;
            let note =
                format!("raised in {callback} at step {step}, {time} (ts {ts}), symbol {symbol:?}, by the strategy {name}");
            error.value(py).call_method1("add_note", (note,)).map(drop)
        };
        // A note is a courtesy: the strategy's own error matters more than a failure to add it.
        let _ = note();
        error
    }
}
