//! Both ends of a MoldUDP64 session.

use std::sync::Mutex;

use omni_types::Nanos;
use omni_wire::moldudp::{Answer, Join, Receiver, ReceiverConfig, ReceiverEvent, Sender, SenderConfig};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::log::MessageLog;
use super::{Event, event, locked, session_named};

#[pyclass(frozen, module = "omni_lab._native")]
pub(crate) struct MoldSender(Mutex<Sender>);

#[pymethods]
impl MoldSender {
    #[new]
    #[pyo3(signature = (*, heartbeat_ns=1_000_000_000, max_datagram=1_400))]
    fn new(heartbeat_ns: i64, max_datagram: usize) -> Self {
        Self(Mutex::new(Sender::new(SenderConfig { heartbeat: Nanos(heartbeat_ns), max_datagram })))
    }

    #[getter]
    fn next(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(locked(py, &self.0)?.next())
    }

    #[getter]
    fn due_ns(&self, py: Python<'_>) -> PyResult<Option<i64>> {
        Ok(locked(py, &self.0)?.due().map(|due| due.0))
    }

    #[pyo3(signature = (log, now_ns, most=64))]
    fn datagrams<'py>(&self, py: Python<'py>, log: &MessageLog, now_ns: i64, most: usize) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let (log, mut sender) = (locked(py, &log.0)?, locked(py, &self.0)?);
        let (mut output, mut datagrams) = (Vec::new(), Vec::new());
        while datagrams.len() < most && sender.datagram(&log, Nanos(now_ns), &mut output) {
            datagrams.push(PyBytes::new(py, &output));
            // A heartbeat of no time at all would never be the last one.
            if sender.next() >= log.next() {
                break;
            }
        }
        Ok(datagrams)
    }

    fn answer<'py>(&self, py: Python<'py>, log: &MessageLog, request: &[u8]) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let log = locked(py, &log.0)?;
        let mut output = Vec::new();
        let answer = locked(py, &self.0)?.answer(request, &log, &mut output);
        Ok((answer == Answer::Sent).then(|| PyBytes::new(py, &output)))
    }
}

#[pyclass(frozen, module = "omni_lab._native")]
pub(crate) struct MoldReceiver(Mutex<Receiver>);

#[pymethods]
impl MoldReceiver {
    #[new]
    #[pyo3(signature = (*, session="", first=1, patience_ns=20_000_000, retry_ns=1_000_000_000, max_tries=5, max_held=16_777_216,
                        line_timeout_ns=5_000_000_000))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        session: &str,
        first: u64,
        patience_ns: i64,
        retry_ns: i64,
        max_tries: u32,
        max_held: usize,
        line_timeout_ns: i64,
    ) -> PyResult<Self> {
        Ok(Self(Mutex::new(Receiver::new(ReceiverConfig {
            session: session_named(py, session)?,
            join: if first == 0 { Join::Live } else { Join::At(first) },
            patience: Nanos(patience_ns),
            retry: Nanos(retry_ns),
            max_tries,
            max_held,
            line_timeout: Nanos(line_timeout_ns),
        }))))
    }

    #[getter]
    fn session(&self, py: Python<'_>) -> PyResult<String> {
        Ok(locked(py, &self.0)?.session().to_string())
    }

    #[getter]
    fn next(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(locked(py, &self.0)?.next())
    }

    #[getter]
    fn behind(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(locked(py, &self.0)?.is_behind())
    }

    #[getter]
    fn ended(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(locked(py, &self.0)?.has_ended())
    }

    #[getter]
    fn due_ns(&self, py: Python<'_>) -> PyResult<Option<i64>> {
        Ok(locked(py, &self.0)?.due().map(|due| due.0))
    }

    fn receive<'py>(&self, py: Python<'py>, line: usize, datagram: &[u8], now_ns: i64) -> PyResult<Vec<Event<'py>>> {
        let mut events = Vec::new();
        locked(py, &self.0)?.receive(line, datagram, Nanos(now_ns), |told| events.push(told_of(py, &told)));
        Ok(events)
    }

    fn tick<'py>(&self, py: Python<'py>, now_ns: i64) -> PyResult<Vec<Event<'py>>> {
        let mut events = Vec::new();
        locked(py, &self.0)?.tick(Nanos(now_ns), |told| events.push(told_of(py, &told)));
        Ok(events)
    }

    fn request<'py>(&self, py: Python<'py>, now_ns: i64) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let request = locked(py, &self.0)?.request(Nanos(now_ns));
        Ok(request.map(|request| PyBytes::new(py, &request)))
    }

    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = locked(py, &self.0)?.counts();
        let table = PyDict::new(py);
        for (name, count) in [
            ("malformed", counts.malformed),
            ("foreign", counts.foreign),
            ("duplicate", counts.duplicate),
            ("dropped", counts.dropped),
            ("requests", counts.requests),
            ("lost", counts.lost),
        ] {
            table.set_item(name, count)?;
        }
        Ok(table)
    }
}

fn told_of<'py>(py: Python<'py>, told: &ReceiverEvent<'_>) -> Event<'py> {
    match *told {
        ReceiverEvent::Session { session, sequence } => event(py, "session", sequence, 0, session.text()),
        ReceiverEvent::Message { sequence, payload } => event(py, "message", sequence, 1, payload),
        ReceiverEvent::Lost { first, count } => event(py, "lost", first, count, b""),
        ReceiverEvent::EndOfSession => event(py, "end", 0, 0, b""),
        ReceiverEvent::LineDown(line) => event(py, "line_down", line as u64, 0, b""),
        ReceiverEvent::LineUp(line) => event(py, "line_up", line as u64, 0, b""),
    }
}
