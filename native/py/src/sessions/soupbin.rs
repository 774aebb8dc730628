//! Both ends of a SoupBinTCP connection.

use std::sync::Mutex;

use omni_types::Nanos;
use omni_wire::soupbin::{
    Client, ClientConfig, ClientEvent, ClientState, Login, LoginReject, SendError, Server, ServerConfig, ServerEvent, ServerState,
};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::log::MessageLog;
use super::{Event, event, locked, session_named};
use crate::errors::Facts;

#[pyclass(frozen, module = "omni_lab._native")]
pub(crate) struct SoupClient(Mutex<Client>);

#[pymethods]
impl SoupClient {
    #[new]
    #[pyo3(signature = (username, password, *, session="", sequence=1, heartbeat_ns=1_000_000_000, timeout_ns=15_000_000_000,
                        login_timeout_ns=30_000_000_000, max_output=1_048_576))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        username: String,
        password: String,
        session: &str,
        sequence: u64,
        heartbeat_ns: i64,
        timeout_ns: i64,
        login_timeout_ns: i64,
        max_output: usize,
    ) -> PyResult<Self> {
        let config = ClientConfig {
            username,
            password,
            session: session_named(py, session)?,
            sequence,
            heartbeat: Nanos(heartbeat_ns),
            timeout: Nanos(timeout_ns),
            login_timeout: Nanos(login_timeout_ns),
            asked_timeout_ms: None,
            max_output,
        };
        match config.check() {
            None => Ok(Self(Mutex::new(Client::new(config)))),
            Some(what) => Err(Facts::new("ConfigError", what).raise(py)),
        }
    }

    #[getter]
    fn state(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(match locked(py, &self.0)?.state() {
            ClientState::Disconnected => "disconnected",
            ClientState::LoginSent => "login_sent",
            ClientState::LoggedIn => "logged_in",
            ClientState::Ended => "ended",
        })
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
    fn due_ns(&self, py: Python<'_>) -> PyResult<Option<i64>> {
        Ok(locked(py, &self.0)?.due().map(|due| due.0))
    }

    fn connect(&self, py: Python<'_>, now_ns: i64) -> PyResult<()> {
        locked(py, &self.0)?.connect(Nanos(now_ns));
        Ok(())
    }

    fn disconnect(&self, py: Python<'_>) -> PyResult<()> {
        locked(py, &self.0)?.disconnect();
        Ok(())
    }

    fn receive<'py>(&self, py: Python<'py>, data: &[u8], now_ns: i64) -> PyResult<Vec<Event<'py>>> {
        let mut events = Vec::new();
        locked(py, &self.0)?.receive(data, Nanos(now_ns), |told| client_event(py, told, &mut events));
        Ok(events)
    }

    fn tick<'py>(&self, py: Python<'py>, now_ns: i64) -> PyResult<Vec<Event<'py>>> {
        let mut events = Vec::new();
        locked(py, &self.0)?.tick(Nanos(now_ns), |told| client_event(py, told, &mut events));
        Ok(events)
    }

    fn send(&self, py: Python<'_>, payload: &[u8], now_ns: i64) -> PyResult<()> {
        let sent = locked(py, &self.0)?.send(payload, Nanos(now_ns));
        sent.map_err(|error| not_sent(py, error))
    }

    fn logout(&self, py: Python<'_>, now_ns: i64) -> PyResult<()> {
        locked(py, &self.0)?.logout(Nanos(now_ns));
        Ok(())
    }

    fn output<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &locked(py, &self.0)?.take_output()))
    }
}

fn client_event<'py>(py: Python<'py>, told: ClientEvent<'_>, events: &mut Vec<Event<'py>>) {
    let told = match told {
        ClientEvent::Accepted { session, sequence, lost } => {
            if lost > 0 {
                events.push(event(py, "lost", sequence - lost, lost, b""));
            }
            event(py, "accepted", sequence, 0, session.text())
        }
        ClientEvent::Rejected(why) => event(py, "rejected", 0, 0, &[why.code()]),
        ClientEvent::Message { sequence, payload } => event(py, "message", sequence, 1, payload),
        ClientEvent::Unsequenced(payload) => event(py, "unsequenced", 0, 0, payload),
        ClientEvent::Debug(text) => event(py, "debug", 0, 0, text),
        ClientEvent::EndOfSession => event(py, "end", 0, 0, b""),
        ClientEvent::Dead => event(py, "dead", 0, 0, b""),
        ClientEvent::Broken(error) => event(py, "broken", error.offset, 0, error.to_string().as_bytes()),
    };
    events.push(told);
}

#[pyclass(frozen, module = "omni_lab._native")]
pub(crate) struct SoupServer(Mutex<(Server, Option<Login>)>);

#[pymethods]
impl SoupServer {
    #[new]
    #[pyo3(signature = (now_ns, *, heartbeat_ns=1_000_000_000, timeout_ns=15_000_000_000, login_timeout_ns=30_000_000_000,
                        max_output=262_144))]
    fn new(now_ns: i64, heartbeat_ns: i64, timeout_ns: i64, login_timeout_ns: i64, max_output: usize) -> Self {
        let config = ServerConfig {
            heartbeat: Nanos(heartbeat_ns),
            timeout: Nanos(timeout_ns),
            login_timeout: Nanos(login_timeout_ns),
            max_output,
        };
        Self(Mutex::new((Server::new(config, Nanos(now_ns)), None)))
    }

    #[getter]
    fn state(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(match locked(py, &self.0)?.0.state() {
            ServerState::Waiting => "waiting",
            ServerState::Asked => "asked",
            ServerState::LoggedIn => "logged_in",
            ServerState::Closed => "closed",
        })
    }

    #[getter]
    fn next(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(locked(py, &self.0)?.0.next())
    }

    #[getter]
    fn due_ns(&self, py: Python<'_>) -> PyResult<Option<i64>> {
        Ok(locked(py, &self.0)?.0.due().map(|due| due.0))
    }

    fn take_login(&self, py: Python<'_>) -> PyResult<Option<(String, String, String, u64)>> {
        let login = locked(py, &self.0)?.1.take();
        Ok(login.map(|login| (login.username, login.password, login.session.to_string(), login.sequence)))
    }

    fn receive<'py>(&self, py: Python<'py>, data: &[u8], now_ns: i64) -> PyResult<Vec<Event<'py>>> {
        let mut events = Vec::new();
        let (server, asked) = &mut *locked(py, &self.0)?;
        server.receive(data, Nanos(now_ns), |told| server_event(py, told, asked, &mut events));
        Ok(events)
    }

    fn tick<'py>(&self, py: Python<'py>, now_ns: i64) -> PyResult<Vec<Event<'py>>> {
        let mut events = Vec::new();
        let (server, asked) = &mut *locked(py, &self.0)?;
        server.tick(Nanos(now_ns), |told| server_event(py, told, asked, &mut events));
        Ok(events)
    }

    fn accept(&self, py: Python<'_>, log: &MessageLog, sequence: u64, now_ns: i64) -> PyResult<()> {
        let log = locked(py, &log.0)?;
        locked(py, &self.0)?.0.accept_from(&log, sequence, Nanos(now_ns));
        Ok(())
    }

    fn reject(&self, py: Python<'_>, code: char, now_ns: i64) -> PyResult<()> {
        let code = u8::try_from(code).unwrap_or(b'A');
        locked(py, &self.0)?.0.reject(LoginReject::of(code), Nanos(now_ns));
        Ok(())
    }

    fn pull(&self, py: Python<'_>, log: &MessageLog, now_ns: i64) -> PyResult<bool> {
        let log = locked(py, &log.0)?;
        Ok(locked(py, &self.0)?.0.pull(&log, Nanos(now_ns)))
    }

    fn send(&self, py: Python<'_>, payload: &[u8], now_ns: i64) -> PyResult<()> {
        let sent = locked(py, &self.0)?.0.send(payload, Nanos(now_ns));
        sent.map_err(|error| not_sent(py, error))
    }

    fn output<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &locked(py, &self.0)?.0.take_output()))
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        locked(py, &self.0)?.0.close();
        Ok(())
    }
}

fn server_event<'py>(py: Python<'py>, told: ServerEvent<'_>, asked: &mut Option<Login>, events: &mut Vec<Event<'py>>) {
    events.push(match told {
        ServerEvent::Login(login) => {
            let told = event(py, "login", login.sequence, 0, login.username.as_bytes());
            *asked = Some(login);
            told
        }
        ServerEvent::Message(payload) => event(py, "message", 0, 1, payload),
        ServerEvent::Debug(text) => event(py, "debug", 0, 0, text),
        ServerEvent::Logout => event(py, "logout", 0, 0, b""),
        ServerEvent::Dead => event(py, "dead", 0, 0, b""),
        ServerEvent::Broken(error) => event(py, "broken", error.offset, 0, error.to_string().as_bytes()),
    });
}

fn not_sent(py: Python<'_>, error: SendError) -> PyErr {
    let class = if matches!(error, SendError::TooLong(_)) { "CodecError" } else { "GatewayError" };
    Facts::new(class, error.to_string()).raise(py)
}
