//! `Oms`: the order-management system as Python has it. `omni_lab.execution.OMS` is this class with names and views around it.
//!
//! What people call most, `submit`, `cancel` and `replace`, is read here and not in Python: a call costs little more than its command.

mod batch;
mod events;
mod explain;
mod journal;
mod names;
mod numbers;
mod replayer;
mod submission;
mod system;
mod views;
mod watch;
pub(crate) mod words;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use omni_journal::{Durability, Options};
use omni_oms::{Command, Config, Latency};
use omni_types::{AccountId, Nanos, OrderId, Qty, Ticks};
use pyo3::exceptions::PyRuntimeWarning;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyBytes, PyDict};

use self::events::EventColumns;
use self::names::Names;
use self::submission::Submission;
use self::system::System;
use self::watch::Watch;
use crate::errors::{Facts, Refusal};

/// Adds what this module offers.
pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Oms>()?;
    module.add_class::<replayer::Replayer>()?;
    module.add_function(wrap_pyfunction!(words::vocabulary, module)?)?;
    module.add_function(wrap_pyfunction!(journal::verify_journal, module)?)?;
    module.add_function(wrap_pyfunction!(journal::count_frames, module)?)?;
    module.add_function(wrap_pyfunction!(journal::journal_configuration, module)?)
}

/// Several threads may call it: they wait for each other, and nobody waits while holding the interpreter lock.
#[pyclass(frozen, subclass, module = "omni_lab._native")]
pub(crate) struct Oms {
    names: Names,
    system: Mutex<System>,
    /// Whether every command waits for the disk, which is no time to hold the interpreter lock.
    waits: bool,
    config: Vec<u8>,
    recovery: Option<omni_oms::Recovery>,
}

type Argument<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

impl Oms {
    #[inline]
    fn system(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, System>> {
        self.system.lock_py_attached(py).map_err(|_| broken(py))
    }

    /// Something long, without the interpreter lock.
    fn without_python<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut System) -> Result<T, Refusal> + Send,
    ) -> PyResult<T> {
        let done = py.detach(|| self.system.lock().map(|mut system| work(&mut system)).map_err(drop));
        done.map_err(|()| broken(py))?.map_err(|refusal| refusal.raise(py))
    }

    /// Carries out a command of a time, or of now, and takes the snapshot that may be due after it.
    #[inline]
    fn run(&self, py: Python<'_>, ts: Argument, command: impl FnOnce(Nanos) -> Command + Send) -> PyResult<u64> {
        let ts = ts.map(|ts| numbers::whole(ts, "ts")).transpose()?.map(Nanos);
        let act = |system: &mut System| -> Result<_, Refusal> {
            let answer = system.execute(&command(ts.unwrap_or_else(|| system.oms().clock())))?;
            Ok((answer, system.snapshot_if_due()?))
        };
        let (answer, lost) = if self.waits {
            self.without_python(py, act)?
        } else {
            let done = act(&mut *self.system(py)?);
            done.map_err(|refusal| refusal.raise(py))?
        };
        warn_of_snapshot(py, lost)?;
        Ok(answer)
    }

    /// The order that its id, or the client's, names.
    #[inline]
    fn find(&self, py: Python<'_>, order_id: Argument, client_order_id: Argument, account: Argument) -> PyResult<OrderId> {
        match (order_id, client_order_id) {
            (Some(id), None) => Ok(OrderId(numbers::order_id(id)?)),
            (None, Some(id)) => {
                let (account, id) = (self.names.account(account)?, numbers::client_order_id(id)?);
                Ok(self.system(py)?.oms().orders().by_client(account, id).unwrap_or_default())
            }
            _ => {
                let what = "an order is named by its order_id or by its client_order_id, and not by both";
                Err(Facts::new("ConfigError", what).raise(py))
            }
        }
    }
}

#[pymethods]
impl Oms {
    #[new]
    #[pyo3(signature = (config=None, *, state=None, journal=None, durability="batch", measure_latency=false, snapshot_every=None,
                        segment_bytes=None, progress=None))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        config: Option<&[u8]>,
        state: Option<&[u8]>,
        journal: Option<PathBuf>,
        durability: &str,
        measure_latency: bool,
        snapshot_every: Option<u64>,
        segment_bytes: Option<u64>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let config = config.map(Config::decode).transpose().map_err(|error| Refusal::from(error).raise(py))?;
        let durability = durability_named(py, durability)?;
        let mut options = Options { durability, ..Options::default() };
        options.segment_bytes = segment_bytes.unwrap_or(options.segment_bytes);
        let mut watch = Watch::new(progress);
        let opened = py.detach(|| match (state, journal, config) {
            (Some(state), _, _) => System::from_state(state).map(|system| (system, None)),
            (None, Some(dir), config) => {
                System::open(&dir, config.as_ref(), options, &mut watch).map(|(system, recovery)| (system, Some(recovery)))
            }
            (None, None, Some(config)) => System::new(config).map(|system| (system, None)),
            (None, None, None) => Err(omni_oms::Error::EmptyJournal.into()),
        });
        let (mut system, recovery) = opened.map_err(|refusal| watch.raise(py, refusal))?;
        if measure_latency {
            system.measure(Latency::new(quanta::Clock::new()));
        }
        if let Some(n_frames) = snapshot_every {
            system.snapshot_every(n_frames.max(1));
        }
        let config = system.oms().config();
        let waits = recovery.is_some() && durability == Durability::Every;
        Ok(Self { names: Names::new(config), config: config.encode(), system: Mutex::new(system), waits, recovery })
    }

    #[pyo3(signature = (symbol, side, qty, price=None, *, account=None, client_order_id=None, order_type=None, time_in_force=None,
                        stop_price=None, trail=None, trail_bps=None, trigger=None, peg=None, peg_offset=None, display_qty=None,
                        min_qty=None, all_or_none=None, post_only=None, self_trade=None, expire_at=None, ts=None))]
    #[pyo3(text_signature = "($self, symbol, side, qty, price=None, *, account=None, client_order_id=None, order_type=None, \
                             time_in_force='DAY', stop_price=None, trail=None, trail_bps=None, trigger=None, peg=None, peg_offset=0.0, \
                             display_qty=None, min_qty=None, all_or_none=False, post_only=None, self_trade=None, expire_at=None, ts=None)")]
    #[allow(clippy::too_many_arguments)]
    fn submit(
        &self,
        py: Python<'_>,
        symbol: &Bound<'_, PyAny>,
        side: &Bound<'_, PyAny>,
        qty: &Bound<'_, PyAny>,
        price: Argument,
        account: Argument,
        client_order_id: Argument,
        order_type: Argument,
        time_in_force: Argument,
        stop_price: Argument,
        trail: Argument,
        trail_bps: Argument,
        trigger: Argument,
        peg: Argument,
        peg_offset: Argument,
        display_qty: Argument,
        min_qty: Argument,
        all_or_none: Argument,
        post_only: Argument,
        self_trade: Argument,
        expire_at: Argument,
        ts: Argument,
    ) -> PyResult<u64> {
        let submission = Submission {
            symbol,
            side,
            qty,
            price,
            account,
            client_order_id,
            order_type,
            time_in_force,
            self_trade,
            post_only,
            stop_price,
            trail,
            trail_bps,
            trigger,
            peg,
            peg_offset,
            display_qty,
            min_qty,
            all_or_none,
            expire_at,
        };
        let (client_order_id, order) = submission.read(&self.names)?;
        self.run(py, ts, |ts| Command::New { ts, client_order_id, order })
    }

    #[pyo3(signature = (order_id=None, *, client_order_id=None, account=None, ts=None))]
    fn cancel(
        &self,
        py: Python<'_>,
        order_id: Argument,
        client_order_id: Argument,
        account: Argument,
        ts: Argument,
    ) -> PyResult<bool> {
        let order_id = self.find(py, order_id, client_order_id, account)?;
        Ok(self.run(py, ts, |ts| Command::Cancel { ts, order_id })? > 0)
    }

    #[pyo3(signature = (order_id=None, *, client_order_id=None, account=None, qty=None, price=None, stop_price=None, ts=None))]
    #[allow(clippy::too_many_arguments)]
    fn replace(
        &self,
        py: Python<'_>,
        order_id: Argument,
        client_order_id: Argument,
        account: Argument,
        qty: Argument,
        price: Argument,
        stop_price: Argument,
        ts: Argument,
    ) -> PyResult<bool> {
        let order_id = self.find(py, order_id, client_order_id, account)?;
        let (instrument, now) = views::terms(self.system(py)?.oms(), order_id);
        let qty = Qty(qty.map_or(Ok(now), |qty| self.names.lots(instrument, qty, "qty"))?);
        let price = Ticks(self.names.ticks(instrument, price, "price")?);
        let stop_price = Ticks(self.names.ticks(instrument, stop_price, "stop_price")?);
        Ok(self.run(py, ts, |ts| Command::Replace { ts, order_id, qty, price, stop_price })? > 0)
    }

    fn execute(&self, py: Python<'_>, kind: i64, payload: &[u8]) -> PyResult<u64> {
        let command = Command::decode(kind.try_into().unwrap_or(u16::MAX), payload);
        let command = command.map_err(|error| Refusal::from(omni_oms::Error::from(error)).raise(py))?;
        self.run(py, None, |_| command)
    }

    #[pyo3(name = "_explain")]
    fn explain<'py>(&self, py: Python<'py>, kind: i64, payload: &[u8]) -> PyResult<Bound<'py, PyDict>> {
        let command = Command::decode(kind.try_into().unwrap_or(u16::MAX), payload);
        let command = command.map_err(|error| Refusal::from(omni_oms::Error::from(error)).raise(py))?;
        let system = self.system(py)?;
        let rows = system.oms().explain(&command).map_err(|error| Refusal::from(error).raise(py))?;
        explain::columns(py, system.oms(), &rows)
    }

    #[pyo3(name = "_headroom")]
    fn headroom<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let system = self.system(py)?;
        let rows = system.oms().headroom().map_err(|error| Refusal::from(error).raise(py))?;
        explain::columns(py, system.oms(), &rows)
    }

    #[pyo3(name = "_apply_columns")]
    fn apply_columns<'py>(&self, py: Python<'py>, columns: &Bound<'py, PyDict>, n_rows: usize) -> PyResult<Bound<'py, PyDict>> {
        let arrays = batch::Arrays::of(columns, n_rows)?;
        let rows = arrays.rows()?;
        let applied = self.without_python(py, |system| batch::apply(system, rows))?;
        warn_of_snapshot(py, applied.lost_snapshot)?;
        applied.events.into_dict(py)
    }

    #[pyo3(name = "_drain")]
    fn drain<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let columns = self.system(py)?.drain(EventColumns::of).map_err(|refusal| refusal.raise(py))?;
        columns.into_dict(py)
    }

    #[getter]
    fn sequence(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.system(py)?.oms().sequence())
    }

    #[getter]
    fn clock(&self, py: Python<'_>) -> PyResult<i64> {
        Ok(self.system(py)?.oms().clock().0)
    }

    #[getter]
    fn configuration<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.config)
    }

    #[getter(_recovery)]
    fn recovery<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        self.recovery.as_ref().map(|recovery| journal::recovery(py, recovery)).transpose()
    }

    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let state = self.without_python(py, |system| Ok(system.oms().state()))?;
        Ok(PyBytes::new(py, &state))
    }

    #[getter]
    fn state_hash(&self, py: Python<'_>) -> PyResult<String> {
        self.without_python(py, |system| Ok(views::state_hash(system.oms())))
    }

    #[pyo3(name = "_reserve")]
    fn reserve(&self, py: Python<'_>, n_orders: u32) -> PyResult<()> {
        self.without_python(py, |system| {
            system.reserve(n_orders as usize);
            Ok(())
        })
    }

    #[pyo3(name = "_write_snapshot")]
    fn write_snapshot(&self, py: Python<'_>) -> PyResult<()> {
        self.without_python(py, System::write_snapshot)
    }

    fn commit(&self, py: Python<'_>) -> PyResult<()> {
        self.without_python(py, System::commit)
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.without_python(py, System::close)
    }

    fn read_register(&self, py: Python<'_>, address: &Bound<'_, PyAny>) -> PyResult<u64> {
        let address = numbers::address(address)?;
        let word = self.system(py)?.oms().read_register(address);
        word.map_err(|error| Refusal::from(omni_oms::Error::from(error)).raise(py))
    }

    #[pyo3(name = "_order_id")]
    fn order_id(&self, py: Python<'_>, account: u32, client_order_id: u128) -> PyResult<u64> {
        let found = self.system(py)?.oms().orders().by_client(AccountId(account), client_order_id);
        Ok(found.map_or(0, |id| id.0))
    }

    #[pyo3(name = "_terms")]
    fn terms(&self, py: Python<'_>, order_id: u64) -> PyResult<(u32, i64)> {
        let (instrument, qty) = views::terms(self.system(py)?.oms(), OrderId(order_id));
        Ok((instrument.0, qty))
    }

    #[pyo3(name = "_book")]
    fn book<'py>(&self, py: Python<'py>, instrument: u32) -> PyResult<Bound<'py, PyDict>> {
        views::book(py, self.system(py)?.oms(), instrument)
    }

    #[pyo3(name = "_order")]
    fn order<'py>(&self, py: Python<'py>, order_id: u64) -> PyResult<Option<Bound<'py, PyDict>>> {
        views::order(py, self.system(py)?.oms(), OrderId(order_id))
    }

    #[pyo3(name = "_orders")]
    fn orders<'py>(&self, py: Python<'py>, live: bool) -> PyResult<Bound<'py, PyDict>> {
        views::orders(py, self.system(py)?.oms(), live)
    }

    #[pyo3(name = "_positions")]
    fn positions(&self, py: Python<'_>) -> PyResult<Vec<views::PositionRow>> {
        Ok(views::positions(self.system(py)?.oms()))
    }

    #[pyo3(name = "_latency")]
    fn latency<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        views::latency(py, self.system(py)?.oms())
    }

    fn latency_histograms<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        views::histograms(py, self.system(py)?.oms())
    }
}

fn durability_named(py: Python<'_>, name: &str) -> PyResult<Durability> {
    match name {
        "none" => Ok(Durability::None),
        "batch" => Ok(Durability::Batch),
        "every" => Ok(Durability::Every),
        _ => {
            Err(Facts::new("ConfigError", "unknown durability").found(name).choices(["none", "batch", "every"].iter()).raise(py))
        }
    }
}

/// A snapshot that could not be stored stops nothing, and somebody should know.
#[inline]
fn warn_of_snapshot(py: Python<'_>, lost: Option<Refusal>) -> PyResult<()> {
    let Some(refusal) = lost else { return Ok(()) };
    let message = format!("a snapshot was not stored, so that recovery takes longer: {}", refusal.raise(py).value(py));
    let message = std::ffi::CString::new(message).unwrap_or_default();
    PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &message, 1)
}

/// The system panicked inside a command: nothing that it knows can be trusted.
#[cold]
fn broken(py: Python<'_>) -> PyErr {
    Facts::new("JournalError", "the system stopped in the middle of a command, which is a bug of ours")
        .hint("Recover it from its journal: OMS.recover(path).")
        .raise(py)
}
