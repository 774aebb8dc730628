//! Session machines of SoupBinTCP and MoldUDP64 for Python, and the messages that travel in them.
//!
//! Sockets and clocks stay in Python: bytes and times go in, bytes and events come out. An event is a tuple of its kind, a number, a
//! count and bytes; `_native.pyi` says which kind has which.

mod log;
mod messages;
mod moldudp;
mod soupbin;

use std::sync::{Mutex, MutexGuard};

use omni_wire::session::Session;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::PyBytes;

use crate::errors::Facts;

/// Adds what this module offers.
pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<log::MessageLog>()?;
    module.add_class::<soupbin::SoupClient>()?;
    module.add_class::<soupbin::SoupServer>()?;
    module.add_class::<moldudp::MoldSender>()?;
    module.add_class::<moldudp::MoldReceiver>()?;
    module.add_function(wrap_pyfunction!(messages::encode_message, module)?)?;
    module.add_function(wrap_pyfunction!(messages::decode_message, module)?)?;
    module.add_function(wrap_pyfunction!(messages::message_layouts, module)?)
}

/// Kind, number, count and bytes.
type Event<'py> = (&'static str, u64, u64, Bound<'py, PyBytes>);

fn event<'py>(py: Python<'py>, kind: &'static str, number: u64, count: u64, bytes: &[u8]) -> Event<'py> {
    (kind, number, count, PyBytes::new(py, bytes))
}

fn session_named(py: Python<'_>, name: &str) -> PyResult<Session> {
    Session::read(name.as_bytes()).ok_or_else(|| {
        Facts::new("ConfigError", "a session cannot have this name")
            .found(name)
            .expected("up to 10 printable ASCII characters")
            .raise(py)
    })
}

/// A machine that one thread after the other may use.
fn locked<'a, T>(py: Python<'_>, machine: &'a Mutex<T>) -> PyResult<MutexGuard<'a, T>> {
    machine.lock_py_attached(py).map_err(|_| Facts::new("GatewayError", "the session stopped at a bug of ours").raise(py))
}
