//! `Replayer`: a journal shown at any frame.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use omni_oms::{Command, Error, Oms, OmsEvent};
use omni_types::OrderId;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyBytes, PyDict};

use super::events::EventColumns;
use super::journal::CommandColumns;
use super::watch::Watch;
use super::{numbers, views};
use crate::errors::{Facts, Refusal};

/// Writes nothing, takes no lock on the journal, and does not see what is appended later.
#[pyclass(frozen, module = "omni_lab._native")]
pub(crate) struct Replayer {
    source: Mutex<Source>,
}

/// Where the frames are.
enum Source {
    Journal(Box<omni_oms::Replayer>),
    /// A state alone, which is a journal of one frame whose command is not known.
    State(Box<Oms>),
}

impl Source {
    fn oms(&self) -> &Oms {
        match self {
            Self::Journal(replayer) => replayer.oms(),
            Self::State(oms) => oms,
        }
    }

    fn ends(&self) -> (u64, u64) {
        match self {
            Self::Journal(replayer) => (replayer.first(), replayer.last()),
            Self::State(oms) => (oms.sequence(), oms.sequence()),
        }
    }

    fn command(&self) -> Option<&Command> {
        match self {
            Self::Journal(replayer) => replayer.command(),
            Self::State(_) => None,
        }
    }

    fn seek(&mut self, sequence: u64) -> Result<(), Error> {
        match self {
            Self::Journal(replayer) => replayer.seek(sequence),
            Self::State(oms) if oms.sequence() == sequence => Ok(()),
            Self::State(oms) => Err(Error::OutOfJournal { found: sequence, first: oms.sequence(), last: oms.sequence() }),
        }
    }

    fn step(&mut self) -> Result<bool, Error> {
        match self {
            Self::Journal(replayer) => replayer.step(),
            Self::State(_) => Ok(false),
        }
    }
}

impl Replayer {
    fn shown(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, Source>> {
        self.source.lock_py_attached(py).map_err(|_| broken(py))
    }

    fn without_python<T: Send>(&self, py: Python<'_>, work: impl FnOnce(&mut Source) -> Result<T, Error> + Send) -> PyResult<T> {
        let done = py.detach(|| self.source.lock().map(|mut source| work(&mut source)).map_err(drop));
        done.map_err(|()| broken(py))?.map_err(|error| Refusal::from(error).raise(py))
    }
}

#[pymethods]
impl Replayer {
    #[new]
    #[pyo3(signature = (path=None, *, state=None, progress=None))]
    fn new(py: Python<'_>, path: Option<PathBuf>, state: Option<&[u8]>, progress: Option<Py<PyAny>>) -> PyResult<Self> {
        let mut watch = Watch::new(progress);
        let mut tell = |step, done, total| watch.tell(step, done, total);
        let opened = py.detach(|| match (path, state) {
            (Some(path), _) => {
                omni_oms::Replayer::open_watched(&path, &mut tell).map(|replayer| Source::Journal(Box::new(replayer)))
            }
            (None, Some(state)) => Oms::from_state(state).map(|oms| Source::State(Box::new(oms))),
            (None, None) => Err(Error::EmptyJournal),
        });
        let source = opened.map_err(|error| watch.raise(py, error))?;
        Ok(Self { source: Mutex::new(source) })
    }

    #[getter]
    fn first(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.shown(py)?.ends().0)
    }

    #[getter]
    fn last(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.shown(py)?.ends().1)
    }

    #[getter]
    fn sequence(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.shown(py)?.oms().sequence())
    }

    #[getter]
    fn clock(&self, py: Python<'_>) -> PyResult<i64> {
        Ok(self.shown(py)?.oms().clock().0)
    }

    #[getter]
    fn configuration<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.shown(py)?.oms().config().encode()))
    }

    #[getter]
    fn command<'py>(&self, py: Python<'py>) -> PyResult<Option<(u16, Bound<'py, PyBytes>)>> {
        let source = self.shown(py)?;
        Ok(source.command().map(|command| (command.kind(), PyBytes::new(py, &command.to_bytes()))))
    }

    fn seek(&self, py: Python<'_>, sequence: u64) -> PyResult<()> {
        self.without_python(py, |source| source.seek(sequence))
    }

    fn step(&self, py: Python<'_>) -> PyResult<bool> {
        self.without_python(py, Source::step)
    }

    fn advance(&self, py: Python<'_>, n_frames: u64) -> PyResult<u64> {
        self.without_python(py, |source| {
            let mut done = 0;
            while done < n_frames && source.step()? {
                done += 1;
            }
            Ok(done)
        })
    }

    fn read<'py>(&self, py: Python<'py>, n_frames: u64) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyDict>)> {
        let (commands, events) = self.without_python(py, |source| {
            let mut commands: Vec<(u64, Command)> = Vec::new();
            let mut events: Vec<OmsEvent> = Vec::new();
            while (commands.len() as u64) < n_frames && source.step()? {
                let oms = source.oms();
                commands.extend(source.command().map(|command| (oms.sequence(), command.clone())));
                events.extend_from_slice(oms.events());
            }
            Ok((CommandColumns::of(&commands), EventColumns::of([&events, &[]])))
        })?;
        Ok((commands.into_dict(py)?, events.into_dict(py)?))
    }

    fn events<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let columns = EventColumns::of([self.shown(py)?.oms().events(), &[]]);
        columns.into_dict(py)
    }

    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let state = self.without_python(py, |source| Ok(source.oms().state()))?;
        Ok(PyBytes::new(py, &state))
    }

    #[getter]
    fn state_hash(&self, py: Python<'_>) -> PyResult<String> {
        self.without_python(py, |source| Ok(views::state_hash(source.oms())))
    }

    fn read_register(&self, py: Python<'_>, address: &Bound<'_, PyAny>) -> PyResult<u64> {
        let address = numbers::address(address)?;
        let word = self.shown(py)?.oms().read_register(address);
        word.map_err(|error| Refusal::from(Error::from(error)).raise(py))
    }

    #[pyo3(name = "_book")]
    fn book<'py>(&self, py: Python<'py>, instrument: u32) -> PyResult<Bound<'py, PyDict>> {
        views::book(py, self.shown(py)?.oms(), instrument)
    }

    #[pyo3(name = "_order")]
    fn order<'py>(&self, py: Python<'py>, order_id: u64) -> PyResult<Option<Bound<'py, PyDict>>> {
        views::order(py, self.shown(py)?.oms(), OrderId(order_id))
    }

    #[pyo3(name = "_orders")]
    fn orders<'py>(&self, py: Python<'py>, live: bool) -> PyResult<Bound<'py, PyDict>> {
        views::orders(py, self.shown(py)?.oms(), live)
    }

    #[pyo3(name = "_positions")]
    fn positions(&self, py: Python<'_>) -> PyResult<Vec<views::PositionRow>> {
        Ok(views::positions(self.shown(py)?.oms()))
    }
}

#[cold]
fn broken(py: Python<'_>) -> PyErr {
    Facts::new("JournalError", "the replay stopped in the middle of a command, which is a bug of ours").raise(py)
}
