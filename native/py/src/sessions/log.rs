//! `MessageLog`: what a session has said.

use std::sync::Mutex;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::{locked, session_named};
use crate::errors::Facts;

#[pyclass(frozen, module = "omni_lab._native")]
pub(crate) struct MessageLog(pub(super) Mutex<omni_wire::session::MessageLog>);

#[pymethods]
impl MessageLog {
    #[new]
    #[pyo3(signature = (session, *, max_bytes=268_435_456))]
    fn new(py: Python<'_>, session: &str, max_bytes: usize) -> PyResult<Self> {
        let session = session_named(py, session)?;
        Ok(Self(Mutex::new(omni_wire::session::MessageLog::new(session, max_bytes))))
    }

    #[getter]
    fn session(&self, py: Python<'_>) -> PyResult<String> {
        Ok(locked(py, &self.0)?.session().to_string())
    }

    #[getter]
    fn first(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(locked(py, &self.0)?.first())
    }

    #[getter]
    fn next(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(locked(py, &self.0)?.next())
    }

    #[getter]
    fn ended(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(locked(py, &self.0)?.has_ended())
    }

    fn append(&self, py: Python<'_>, message: &[u8]) -> PyResult<u64> {
        let pushed = locked(py, &self.0)?.push(message);
        pushed.map_err(|error| Facts::new("CodecError", error.to_string()).raise(py))
    }

    fn get<'py>(&self, py: Python<'py>, number: u64) -> PyResult<Option<Bound<'py, PyBytes>>> {
        Ok(locked(py, &self.0)?.get(number).map(|message| PyBytes::new(py, message)))
    }

    fn end(&self, py: Python<'_>) -> PyResult<()> {
        locked(py, &self.0)?.end();
        Ok(())
    }
}
