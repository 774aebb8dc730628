//! The end that is logged in to, for one connection.

use std::ops::ControlFlow;

use omni_types::Nanos;

use super::client::{since, wrong};
use super::{Login, LoginReject, Packets, SendError, put_number, put_packet};
use crate::WireError;
use crate::session::{MAX_MESSAGE, MessageLog, Session};

/// What a server's end is told once.
#[derive(Clone, Copy, Debug)]
pub struct ServerConfig {
    /// A heartbeat is sent after so much silence of ours; 1 s is usual.
    pub heartbeat: Nanos,
    /// The link is dead after so much silence of theirs, unless the client asks for another time; 15 s is usual.
    pub timeout: Nanos,
    /// And so is one that has not logged in for so long; 30 s is usual.
    pub login_timeout: Nanos,
    /// Bytes that may wait to be taken.
    pub max_output: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            heartbeat: Nanos(1_000_000_000),
            timeout: Nanos(15_000_000_000),
            login_timeout: Nanos(30_000_000_000),
            max_output: 1 << 18,
        }
    }
}

/// Where a server's end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerState {
    /// Nobody has said who they are.
    Waiting,
    /// Somebody has: the owner accepts or rejects.
    Asked,
    /// Messages go out.
    LoggedIn,
    /// It is over: what waits is to be sent, and then the connection closed.
    Closed,
}

/// What came of bytes and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerEvent<'a> {
    /// Somebody wants in; answer with [`Server::accept`] or [`Server::reject`].
    Login(Login),
    /// A message of the client.
    Message(&'a [u8]),
    /// Text for people.
    Debug(&'a [u8]),
    /// The client wants out. The connection is over.
    Logout,
    /// Nothing came for too long. The connection is over.
    Dead,
    /// The peer said what it may not say. The connection is over.
    Broken(WireError),
}

/// A server's end of one connection.
#[derive(Clone, Debug)]
pub struct Server {
    config: ServerConfig,
    state: ServerState,
    packets: Packets,
    output: Vec<u8>,
    next: u64,
    timeout: Nanos,
    sent: Nanos,
    received: Nanos,
    unknown: u64,
}

impl Server {
    /// A connection has come.
    pub fn new(config: ServerConfig, now: Nanos) -> Self {
        Self {
            config,
            state: ServerState::Waiting,
            packets: Packets::default(),
            output: Vec::new(),
            next: 0,
            timeout: config.timeout,
            sent: now,
            received: now,
            unknown: 0,
        }
    }

    /// Where it is.
    pub fn state(&self) -> ServerState {
        self.state
    }

    /// Number of the message that goes out next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Packets of a type that nobody knows, which were skipped.
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    /// Bytes came, in pieces of any size. What comes before the login is answered must wait: one packet more is an error.
    pub fn receive(&mut self, bytes: &[u8], now: Nanos, mut sink: impl FnMut(ServerEvent<'_>)) {
        if self.state == ServerState::Closed || bytes.is_empty() {
            return;
        }
        self.received = now;
        let mut packets = std::mem::take(&mut self.packets);
        let read = packets.read(bytes, |kind, payload, offset| self.packet(kind, payload, offset, &mut sink));
        if self.state != ServerState::Closed {
            self.packets = packets;
        }
        if let Err(error) = read {
            self.close();
            sink(ServerEvent::Broken(error));
        }
    }

    /// Time went by: heartbeats, and giving up.
    pub fn tick(&mut self, now: Nanos, mut sink: impl FnMut(ServerEvent<'_>)) {
        // Until the login is answered nothing was sent, so that `sent` is when the connection came: chatter does not hold it open.
        let dead = match self.state {
            ServerState::Waiting | ServerState::Asked => since(self.sent, now) >= self.config.login_timeout.0,
            ServerState::LoggedIn => since(self.received, now) >= self.timeout.0,
            ServerState::Closed => return,
        };
        if dead {
            self.close();
            sink(ServerEvent::Dead);
        } else if self.state == ServerState::LoggedIn && since(self.sent, now) >= self.config.heartbeat.0 && self.has_room() {
            self.put(b'H', &[], now);
        }
    }

    /// When `tick` has something to do, if nothing happens before.
    pub fn due(&self) -> Option<Nanos> {
        let after = |start: Nanos, wait: Nanos| Nanos(start.0.saturating_add(wait.0));
        match self.state {
            ServerState::Waiting | ServerState::Asked => Some(after(self.sent, self.config.login_timeout)),
            ServerState::LoggedIn => Some(after(self.received, self.timeout).min(after(self.sent, self.config.heartbeat))),
            ServerState::Closed => None,
        }
    }

    /// Lets a client in: it will get messages from this number on.
    pub fn accept(&mut self, session: Session, sequence: u64, now: Nanos) {
        if self.state != ServerState::Asked {
            return;
        }
        let mut payload = [b' '; 30];
        payload[..10].copy_from_slice(&session.right_justified());
        put_number(&mut payload[10..], sequence);
        self.put(b'A', &payload, now);
        (self.state, self.next) = (ServerState::LoggedIn, sequence);
    }

    /// Lets a client in to a log: from the number it wants, the oldest that is kept, or the next one, whichever comes last; 0 and
    /// numbers beyond the end mean the next one.
    pub fn accept_from(&mut self, log: &MessageLog, wanted: u64, now: Nanos) {
        let sequence = if wanted == 0 { log.next() } else { wanted.clamp(log.first(), log.next()) };
        self.accept(log.session(), sequence, now);
    }

    /// Does not let a client in.
    pub fn reject(&mut self, why: LoginReject, now: Nanos) {
        if self.state == ServerState::Asked {
            self.put(b'J', &[why.code()], now);
            self.close();
        }
    }

    /// Takes from the log what the client is still to get, as much as there is room for. Returns whether more waits. If the log has
    /// forgotten what comes next, the connection is over: the client comes back, and is told what it lost. At the end of a session
    /// whose messages all went out, says so and closes.
    pub fn pull(&mut self, log: &MessageLog, now: Nanos) -> bool {
        while self.state == ServerState::LoggedIn && self.next < log.next() {
            if !self.has_room() {
                return true;
            }
            let Some(payload) = log.get(self.next) else {
                self.close();
                return false;
            };
            put_packet(&mut self.output, b'S', payload);
            (self.next, self.sent) = (self.next + 1, now);
        }
        if self.state == ServerState::LoggedIn && log.has_ended() {
            self.put(b'Z', &[], now);
            self.close();
        }
        false
    }

    /// Sends a message beside the numbered ones, as servers may from 4.00 on.
    ///
    /// # Errors
    ///
    /// If nobody is logged in, it is too long, or too much waits to be taken.
    pub fn send(&mut self, payload: &[u8], now: Nanos) -> Result<(), SendError> {
        if self.state != ServerState::LoggedIn {
            return Err(SendError::NotLoggedIn);
        }
        if payload.len() > MAX_MESSAGE {
            return Err(SendError::TooLong(payload.len()));
        }
        if !self.has_room() {
            return Err(SendError::Full);
        }
        self.put(b'U', payload, now);
        Ok(())
    }

    /// What is to be sent, which is then nothing.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// It is over; what waits may still be sent.
    pub fn close(&mut self) {
        self.state = ServerState::Closed;
        self.packets = Packets::default();
    }

    fn has_room(&self) -> bool {
        self.output.len() < self.config.max_output
    }

    fn put(&mut self, kind: u8, payload: &[u8], now: Nanos) {
        put_packet(&mut self.output, kind, payload);
        self.sent = now;
    }

    fn packet(
        &mut self,
        kind: u8,
        payload: &[u8],
        offset: u64,
        sink: &mut impl FnMut(ServerEvent<'_>),
    ) -> Result<ControlFlow<()>, WireError> {
        match (self.state, kind) {
            (_, b'+') => sink(ServerEvent::Debug(payload)),
            (ServerState::Waiting, b'L') => {
                let login = Login::read(payload, offset)?;
                if let Some(ms) = login.timeout_ms.filter(|&ms| ms > 0) {
                    self.timeout = Nanos(i64::from(ms) * 1_000_000);
                }
                self.state = ServerState::Asked;
                sink(ServerEvent::Login(login));
            }
            (ServerState::LoggedIn, b'U') => sink(ServerEvent::Message(payload)),
            (ServerState::LoggedIn | ServerState::Asked, b'R') => {}
            (ServerState::LoggedIn, b'O') => {
                self.close();
                sink(ServerEvent::Logout);
            }
            (ServerState::LoggedIn, b'L' | b'A' | b'J' | b'S' | b'H' | b'Z') | (ServerState::Waiting | ServerState::Asked, _) => {
                let expected = if self.state == ServerState::Waiting { "a login request" } else { "nothing but messages" };
                return Err(wrong(offset, format!("a packet {:?}", char::from(kind)), expected));
            }
            _ => self.unknown += 1,
        }
        Ok(if self.state == ServerState::Closed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
}
