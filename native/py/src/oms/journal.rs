//! What is in a journal: reports of what was found on the disk, and its commands as columns. Nothing here writes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use omni_journal::{Lost, OpenReport, Options, Verify, frames, newest_snapshot, verify_watched};
use omni_oms::{Attribution, CONFIG_KIND, Command, Error, Oms, Recovery, Step, SwitchScope};
use omni_types::{NewOrder, Side};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::watch::Watch;
use crate::columns::Columns;
use crate::errors::Refusal;

/// Reads every frame of the journal in a directory, and says what is there.
#[pyfunction]
#[pyo3(signature = (path, progress=None))]
pub(crate) fn verify_journal(py: Python<'_>, path: PathBuf, progress: Option<Py<PyAny>>) -> PyResult<Bound<'_, PyDict>> {
    let options = Options { verify: Verify::All, ..Options::default() };
    let mut watch = Watch::new(progress);
    let mut tell = |done, total| watch.tell(Step::Verifying, done, total);
    let report = py.detach(|| verify_watched(&path, &options, &mut tell)).map_err(|error| watch.raise(py, error))?;
    found(py, &report)
}

/// How many frames of each kind a journal has, and how many bytes their payloads, from a frame on.
#[pyfunction]
pub(crate) fn count_frames(py: Python<'_>, path: PathBuf, first_sequence: u64) -> PyResult<Vec<(u16, u64, u64)>> {
    let count = || -> Result<BTreeMap<u16, (u64, u64)>, omni_journal::Error> {
        let mut counts = BTreeMap::new();
        let mut reader = frames(&path, first_sequence)?;
        while let Some(frame) = reader.next_frame()? {
            let (n_frames, n_bytes) = counts.entry(frame.kind).or_insert((0, 0));
            *n_frames += 1;
            *n_bytes += frame.payload.len() as u64;
        }
        Ok(counts)
    };
    let counts = py.detach(count).map_err(|error| Refusal::from(error).raise(py))?;
    Ok(counts.into_iter().map(|(kind, (n_frames, n_bytes))| (kind, n_frames, n_bytes)).collect())
}

/// The configuration that a journal was begun with; a state begins with it too, where the first frame is gone.
#[pyfunction]
pub(crate) fn journal_configuration(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyBytes>> {
    let read = || -> Result<Option<Vec<u8>>, Refusal> {
        if let Ok(mut reader) = frames(&path, 1)
            && let Some(first) = reader.next_frame()?
        {
            return Ok((first.kind == CONFIG_KIND).then(|| first.payload.to_vec()));
        }
        let newest = newest_snapshot(&path)?.newest;
        Ok(newest.map(|snapshot| Oms::from_state(&snapshot.payload)).transpose()?.map(|oms| oms.config().encode()))
    };
    let found = py.detach(read).and_then(|found| found.ok_or_else(|| Error::EmptyJournal.into()));
    Ok(PyBytes::new(py, &found.map_err(|refusal| refusal.raise(py))?))
}

/// What a recovery found and did.
pub(crate) fn recovery<'py>(py: Python<'py>, recovery: &Recovery) -> PyResult<Bound<'py, PyDict>> {
    let facts = found(py, &recovery.journal)?;
    facts.set_item("snapshot", recovery.snapshot)?;
    facts.set_item("n_replayed", recovery.replayed)?;
    Ok(facts)
}

fn found<'py>(py: Python<'py>, report: &OpenReport) -> PyResult<Bound<'py, PyDict>> {
    let facts = PyDict::new(py);
    facts.set_item("n_segments", report.segments)?;
    facts.set_item("first_sequence", report.first_sequence)?;
    facts.set_item("last_sequence", report.last_sequence)?;
    facts.set_item("n_frames", report.verified_frames)?;
    facts.set_item("snapshot", report.snapshot)?;
    let rejected =
        report.rejected_snapshots.iter().map(|rejected| (&rejected.path, rejected.what, rejected.expected, rejected.found));
    facts.set_item("rejected_snapshots", rejected.collect::<Vec<_>>())?;
    facts.set_item("lost", report.lost.as_ref().map(|lost| tail(py, lost)).transpose()?)?;
    Ok(facts)
}

fn tail<'py>(py: Python<'py>, lost: &Lost) -> PyResult<Bound<'py, PyDict>> {
    let facts = PyDict::new(py);
    facts.set_item("segment", &lost.segment)?;
    facts.set_item("offset", lost.offset)?;
    facts.set_item("n_bytes", lost.bytes)?;
    facts.set_item("last_sequence", lost.last_sequence)?;
    facts.set_item("what", lost.what)?;
    facts.set_item("expected", lost.expected)?;
    facts.set_item("found", lost.found)?;
    Ok(facts)
}

/// Commands as columns, the way `apply` takes them; what a command does not say is 0, and `display_qty` −1.
pub(crate) struct CommandColumns {
    rows: Vec<Row>,
}

#[derive(Default)]
struct Row {
    seq: i64,
    kind: i64,
    ts: i64,
    order_id: u64,
    client_order_id: u128,
    account: i64,
    instrument: i64,
    side: i64,
    qty: i64,
    price: i64,
    stop_price: i64,
    phase: i64,
    address: u64,
    value: u64,
    scope: i64,
    order: Option<NewOrder>,
    by: Option<Attribution>,
}

impl CommandColumns {
    pub fn of(commands: &[(u64, Command)]) -> Self {
        Self { rows: commands.iter().map(|(sequence, command)| Row::of(*sequence, command)).collect() }
    }

    pub fn into_dict(self, py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        let rows = &self.rows;
        let terms = |read: fn(&NewOrder) -> i64, none: i64| rows.iter().map(move |row| row.order.as_ref().map_or(none, read));
        let columns = Columns::new(py)
            .with("seq", rows.iter().map(|row| row.seq))?
            .with("kind", rows.iter().map(|row| row.kind))?
            .with("ts", rows.iter().map(|row| row.ts))?
            .with("order_id", rows.iter().map(|row| row.order_id))?
            .with("client_order_id", rows.iter().map(|row| row.client_order_id as u64))?
            .with("client_order_id_high", rows.iter().map(|row| (row.client_order_id >> 64) as u64))?
            .with("account", rows.iter().map(|row| row.account))?
            .with("instrument", rows.iter().map(|row| row.instrument))?
            .with("side", rows.iter().map(|row| row.side))?
            .with("order_type", terms(|order| order.order_type.code().into(), 0))?
            .with("time_in_force", terms(|order| order.time_in_force.code().into(), 0))?
            .with("self_trade", terms(|order| order.self_trade.code().into(), 0))?
            .with("post_only", terms(|order| order.post_only.code().into(), 0))?
            .with("qty", rows.iter().map(|row| row.qty))?
            .with("price", rows.iter().map(|row| row.price))?
            .with("stop_price", rows.iter().map(|row| row.stop_price))?
            .with("trail", terms(|order| order.terms.trail, 0))?
            .with("trail_unit", terms(|order| order.terms.trail_unit.code().into(), 0))?
            .with("trigger", terms(|order| order.terms.trigger.code().into(), 0))?
            .with("peg_reference", terms(|order| order.terms.peg_reference.code().into(), 0))?
            .with("peg_offset", terms(|order| order.terms.peg_offset.0, 0))?
            .with("display_qty", terms(|order| order.terms.display_qty.0, -1))?
            .with("min_qty", terms(|order| order.terms.min_qty.0, 0))?
            .with("all_or_none", terms(|order| order.terms.all_or_none.into(), 0))?
            .with("expire_at", terms(|order| order.terms.expire_at.0, 0))?
            .with("phase", rows.iter().map(|row| row.phase))?
            .with("address", rows.iter().map(|row| row.address))?
            .with("value", rows.iter().map(|row| row.value))?
            .with("scope", rows.iter().map(|row| row.scope))?;
        let columns = columns.done();
        let texts =
            |read: fn(&Attribution) -> &str| -> Vec<&str> { rows.iter().map(|row| row.by.as_ref().map_or("", read)).collect() };
        columns.set_item("who", texts(|by| &by.who))?;
        columns.set_item("why", texts(|by| &by.why))?;
        Ok(columns)
    }
}

impl Row {
    /// What a kill switch stops: its scope, and the account or instrument.
    fn of_scope(self, scope: SwitchScope) -> Self {
        let row = Self { scope: scope.code().0.into(), ..self };
        match scope {
            SwitchScope::Everything => row,
            SwitchScope::Account(account) => Self { account: account.0.into(), ..row },
            SwitchScope::Instrument(instrument) => Self { instrument: instrument.0.into(), ..row },
        }
    }

    fn of(sequence: u64, command: &Command) -> Self {
        let row = Self { seq: sequence as i64, kind: command.kind().into(), ts: command.ts().0, ..Self::default() };
        // Whoever is meant by "all" is −1 in columns.
        let number = |number: u32| if number == u32::MAX { -1 } else { i64::from(number) };
        match *command {
            Command::New { client_order_id, ref order, .. } => Self {
                client_order_id,
                account: order.account.0.into(),
                instrument: order.instrument.0.into(),
                side: order.side.code().into(),
                qty: order.qty.0,
                price: order.price.0,
                stop_price: order.terms.stop_price.0,
                order: Some(*order),
                ..row
            },
            Command::Cancel { order_id, .. } => Self { order_id: order_id.0, ..row },
            Command::Replace { order_id, qty, price, stop_price, .. } => {
                Self { order_id: order_id.0, qty: qty.0, price: price.0, stop_price: stop_price.0, ..row }
            }
            Command::MassCancel { account, instrument, side, .. } => Self {
                account: number(account.0),
                instrument: number(instrument.0),
                side: side.map_or(0, Side::code).into(),
                ..row
            },
            Command::SetPhase { instrument, phase, .. } => {
                Self { instrument: number(instrument.0), phase: phase.code().into(), ..row }
            }
            Command::Advance { .. } => row,
            Command::Mark { instrument, price, .. } => Self { instrument: instrument.0.into(), price: price.0, ..row },
            Command::WriteRegister { address, value, .. } => Self { address, value, ..row },
            Command::KillSwitch { scope, on, ref by, .. } => {
                Self { value: on.into(), by: Some(by.as_ref().clone()), ..row }.of_scope(scope)
            }
        }
    }
}
