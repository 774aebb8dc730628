//! Errors of wire formats.

use omni_wire::WireError;
use pyo3::prelude::*;

use super::Facts;

/// Bytes that are not what they should be, as a `CodecError`.
pub(crate) fn wire_error(py: Python<'_>, error: &WireError) -> PyErr {
    Facts::new("CodecError", "bytes are not a valid message")
        .found(&error.found)
        .expected(&error.expected)
        .place(format!("byte {}", error.offset))
        .raise(py)
}
