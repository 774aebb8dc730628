//! Messages as they are: tables for each type, and counts of a whole capture.

use std::path::PathBuf;

use numpy::PyArray1;
use omni_feed::{MessageTable, Scan};
use omni_wire::frames::Counts;
use omni_wire::itch::Values;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::reader::{how, open};
use crate::errors::FeedRefusal;

/// Messages between two looks at Ctrl-C and two reports of progress: some MiB.
const BREATH: u64 = 1 << 17;

#[pyfunction]
#[pyo3(signature = (path, *, framing=None, lenient=false, progress=None))]
pub(crate) fn itch_scan<'py>(
    py: Python<'py>,
    path: PathBuf,
    framing: Option<&str>,
    lenient: bool,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let mut reader = open(py, &path, how(py, framing, lenient, 0)?)?;
    let mut scan = Scan::default();
    while py.detach(|| scan.advance(&mut reader, BREATH)).map_err(|error| FeedRefusal::new(&path, error).raise(py))? {
        py.check_signals()?;
        if let Some(progress) = &progress {
            progress.call1(reader.position())?;
        }
    }
    let (messages, table) = (PyDict::new(py), PyDict::new(py));
    for (layout, n) in scan.messages() {
        messages.set_item(char::from(layout.kind), n)?;
    }
    table.set_item("bytes", reader.offset())?;
    self::counts(&table, reader.counts())?;
    table.set_item("messages", messages)?;
    let unknown = PyDict::new(py);
    if reader.counts().unknown > 0 {
        unknown.set_item("?", reader.counts().unknown)?;
    }
    table.set_item("unknown", unknown)?;
    table.set_item("first_ns", scan.times.map(|times| times.0))?;
    table.set_item("last_ns", scan.times.map(|times| times.1))?;
    let (locates, symbols): (Vec<u16>, Vec<[u8; 8]>) = scan.symbols.into_iter().unzip();
    table.set_item("locate", PyArray1::from_vec(py, locates))?;
    table.set_item("symbol", texts(py, 8, symbols.concat())?)?;
    Ok(table)
}

/// What was met in a capture.
pub(crate) fn counts(table: &Bound<'_, PyDict>, counts: &Counts) -> PyResult<()> {
    table.set_item("messages", counts.messages)?;
    table.set_item("unknown", counts.unknown)?;
    table.set_item("wrong_length", counts.wrong_length)?;
    table.set_item("malformed", counts.malformed)?;
    table.set_item("resynchronised", counts.resyncs)?;
    table.set_item("skipped_bytes", counts.skipped_bytes)?;
    table.set_item("truncated", counts.truncated)?;
    table.set_item("after_end", counts.after_end)?;
    table.set_item("packets", counts.packets)?;
    table.set_item("other_packets", counts.other_packets)?;
    table.set_item("fragments", counts.fragments)?;
    table.set_item("missing", counts.missing)?;
    table.set_item("repeated", counts.repeated)
}

/// A table for each type that has messages.
pub(crate) fn tables(py: Python<'_>, tables: Vec<MessageTable>) -> PyResult<Bound<'_, PyDict>> {
    let all = PyDict::new(py);
    for MessageTable { columns: mut table, numbers } in tables {
        if table.is_empty() {
            continue;
        }
        let columns = PyDict::new(py);
        columns.set_item("number", PyArray1::from_vec(py, numbers))?;
        for column in table.take() {
            match column.values {
                Values::U8(values) => columns.set_item(column.name, texts(py, 1, values)?),
                Values::U16(values) => columns.set_item(column.name, PyArray1::from_vec(py, values)),
                Values::U32(values) => columns.set_item(column.name, PyArray1::from_vec(py, values)),
                Values::U64(values) => columns.set_item(column.name, PyArray1::from_vec(py, values)),
                Values::I64(values) => columns.set_item(column.name, PyArray1::from_vec(py, values)),
                Values::Text { width, bytes } => columns.set_item(column.name, texts(py, width, bytes)?),
            }?;
        }
        all.set_item(char::from(table.layout().kind), columns)?;
    }
    Ok(all)
}

/// Bytes as an array of texts of so many bytes each, without a copy.
fn texts(py: Python<'_>, width: usize, bytes: Vec<u8>) -> PyResult<Bound<'_, PyAny>> {
    PyArray1::from_vec(py, bytes).call_method1("view", (format!("S{width}"),))
}
