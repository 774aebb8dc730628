//! `ItchReader`: a capture of ITCH 5.0 in batches of columns.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use numpy::PyReadonlyArray1;
use omni_feed::{FeedError, How, Reader};
use omni_wire::EventColumns;
use omni_wire::frames::{Framing, Mode};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::events::{instruments, table};
use super::messages;
use crate::errors::{Facts, FeedRefusal};

#[pyclass(frozen, module = "omni_lab._native")]
pub(crate) struct ItchReader {
    path: PathBuf,
    reader: Mutex<Reader>,
}

impl ItchReader {
    /// Something with the reader, whose refusals name the file; call it without the interpreter lock.
    pub fn with<T>(&self, work: impl FnOnce(&mut Reader) -> Result<T, FeedError>) -> Result<T, FeedRefusal> {
        let mut reader = self.reader.lock().map_err(|_| FeedRefusal::broken(&self.path))?;
        work(&mut reader).map_err(|error| FeedRefusal::new(&self.path, error))
    }

    /// The same from Python.
    fn without_python<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Reader) -> Result<T, FeedError> + Send,
    ) -> PyResult<T> {
        py.detach(|| self.with(work)).map_err(|refusal| refusal.raise(py))
    }
}

/// How a capture is read, from the words of Python.
pub(crate) fn how(py: Python<'_>, framing: Option<&str>, lenient: bool, midnight: i64) -> PyResult<How> {
    let named = |name: &str| {
        Framing::from_name(name).ok_or_else(|| {
            let names = Framing::ALL.iter().map(|framing| framing.name());
            Facts::new("ConfigError", "there is no such framing").found(name).choices(names).raise(py)
        })
    };
    let mode = if lenient { Mode::Lenient } else { Mode::Strict };
    Ok(How { framing: framing.map(named).transpose()?, mode, midnight })
}

pub(crate) fn open(py: Python<'_>, path: &Path, how: How) -> PyResult<Reader> {
    py.detach(|| Reader::open(path, how)).map_err(|error| FeedRefusal::new(path, error).raise(py))
}

#[pymethods]
impl ItchReader {
    #[new]
    #[pyo3(signature = (path, *, framing=None, lenient=false, base_ns=0))]
    fn new(py: Python<'_>, path: PathBuf, framing: Option<&str>, lenient: bool, base_ns: i64) -> PyResult<Self> {
        let reader = open(py, &path, how(py, framing, lenient, base_ns)?)?;
        Ok(Self { path, reader: Mutex::new(reader) })
    }

    #[pyo3(signature = (max_messages, instruments=None))]
    fn events<'py>(
        &self,
        py: Python<'py>,
        max_messages: usize,
        instruments: Option<PyReadonlyArray1<'py, u16>>,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        let chosen = self::instruments(instruments);
        let read = |reader: &mut Reader| {
            reader.choose(chosen.as_deref());
            let mut events = EventColumns::zeroed(max_messages.max(1));
            let n = reader.events(&mut events)?;
            events.truncate(n);
            Ok(events)
        };
        let events = self.without_python(py, read)?;
        if events.is_empty() { Ok(None) } else { table(py, events).map(Some) }
    }

    #[pyo3(signature = (max_messages, types=None, instruments=None))]
    fn messages<'py>(
        &self,
        py: Python<'py>,
        max_messages: u64,
        types: Option<&[u8]>,
        instruments: Option<PyReadonlyArray1<'py, u16>>,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        let chosen = self::instruments(instruments);
        let read = |reader: &mut Reader| reader.messages(max_messages.max(1), types, chosen.as_deref());
        self.without_python(py, read)?.map(|tables| messages::tables(py, tables)).transpose()
    }

    #[getter]
    fn position(&self, py: Python<'_>) -> PyResult<(u64, u64)> {
        self.without_python(py, |reader| Ok(reader.position()))
    }

    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (counts, bytes) = self.without_python(py, |reader| Ok((*reader.counts(), reader.offset())))?;
        let table = PyDict::new(py);
        table.set_item("bytes", bytes)?;
        messages::counts(&table, &counts)?;
        Ok(table)
    }
}
