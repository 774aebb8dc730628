//! A made-up day, into a file.

use std::path::PathBuf;

use omni_feed::generator::{DaySpec, DayWriter};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{Facts, FeedRefusal};

#[pyfunction]
#[pyo3(signature = (path, *, messages, symbols, seed, all_types=false, progress=None))]
pub(crate) fn itch_write<'py>(
    py: Python<'py>,
    path: PathBuf,
    messages: u64,
    symbols: u64,
    seed: u64,
    all_types: bool,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let spec = spec(py, messages, symbols, seed, all_types)?;
    let refuse = |error| FeedRefusal::new(&path, error).raise(py);
    let mut writer = DayWriter::create(&path, spec).map_err(refuse)?;
    while py.detach(|| writer.advance()).map_err(refuse)? {
        py.check_signals()?;
        if let Some(progress) = &progress {
            progress.call1((writer.day().n_messages(), messages))?;
        }
    }
    let (facts, counts) = (PyDict::new(py), PyDict::new(py));
    for (kind, &n) in (0_u8..=u8::MAX).zip(writer.day().counts()).filter(|&(_, &n)| n > 0) {
        counts.set_item(char::from(kind), n)?;
    }
    facts.set_item("messages", counts)?;
    facts.set_item("bytes", writer.n_bytes())?;
    facts.set_item("orders", writer.day().n_orders())?;
    Ok(facts)
}

fn spec(py: Python<'_>, messages: u64, symbols: u64, seed: u64, all_types: bool) -> PyResult<DaySpec> {
    let refuse = |what: &str, found: u64, expected: String| {
        Err(Facts::new("ConfigError", format!("there is no such day: {what}")).found(found).expected(&expected).raise(py))
    };
    let Some(n_symbols) = u16::try_from(symbols).ok().filter(|&n| n > 0) else {
        return refuse("it has symbols", symbols, "1 to 65,535".into());
    };
    let spec = DaySpec { messages, symbols: n_symbols, seed, all_types };
    if messages < spec.fewest_messages() {
        return refuse("it is too short", messages, format!("at least {} messages", spec.fewest_messages()));
    }
    Ok(spec)
}
