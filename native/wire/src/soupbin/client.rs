//! The end that logs in.

use std::ops::ControlFlow;

use omni_types::Nanos;

use super::{Login, LoginReject, Packets, SendError, number, put_packet};
use crate::WireError;
use crate::session::{MAX_MESSAGE, Session};

/// What a client is told once.
#[derive(Clone)]
pub struct ClientConfig {
    /// Up to six ASCII letters and digits.
    pub username: String,
    /// Up to ten; never shown.
    pub password: String,
    /// The session it wants first; blank for the current one. Later it asks for the one it got.
    pub session: Session,
    /// The first number it wants: 1 from the start, 0 what comes from now on.
    pub sequence: u64,
    /// A heartbeat is sent after so much silence of ours; 1 s is usual.
    pub heartbeat: Nanos,
    /// The link is dead after so much silence of theirs; 15 s is usual.
    pub timeout: Nanos,
    /// And so is one that does not answer the login for so long.
    pub login_timeout: Nanos,
    /// Tell the server, as 4.10 does, after how many milliseconds of silence to give up.
    pub asked_timeout_ms: Option<u32>,
    /// Bytes that may wait to be taken.
    pub max_output: usize,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            username: String::new(),
            password: String::new(),
            session: Session::default(),
            sequence: 1,
            heartbeat: Nanos(1_000_000_000),
            timeout: Nanos(15_000_000_000),
            login_timeout: Nanos(30_000_000_000),
            asked_timeout_ms: None,
            max_output: 1 << 20,
        }
    }
}

impl ClientConfig {
    /// What keeps it from being used, if anything does: names that do not fit into their fields.
    pub fn check(&self) -> Option<&'static str> {
        let fits = |text: &str, length| text.len() <= length && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !fits(&self.username, 6) {
            Some("a user name has at most 6 ASCII letters and digits")
        } else if !fits(&self.password, 10) {
            Some("a password has at most 10 ASCII letters and digits")
        } else {
            None
        }
    }
}

/// Where a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientState {
    /// Without a connection.
    Disconnected,
    /// The login was sent and is not answered.
    LoginSent,
    /// Messages come.
    LoggedIn,
    /// The session will never give more; a new login needs another one.
    Ended,
}

/// What came of bytes and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent<'a> {
    /// The login was accepted; the next message has this number. If `lost` is not 0, the server has forgotten that many messages
    /// before it which were asked for.
    Accepted {
        /// The session that is read now.
        session: Session,
        /// Number of the next message.
        sequence: u64,
        /// How many that were asked for will not come.
        lost: u64,
    },
    /// The login was refused. The connection is over.
    Rejected(LoginReject),
    /// A message of the session.
    Message {
        /// Its number.
        sequence: u64,
        /// The message, which may be empty.
        payload: &'a [u8],
    },
    /// A message beside the numbered ones.
    Unsequenced(&'a [u8]),
    /// Text for people.
    Debug(&'a [u8]),
    /// The session is over. The connection is, too.
    EndOfSession,
    /// Nothing came for too long. The connection is over.
    Dead,
    /// The peer said what it may not say. The connection is over.
    Broken(WireError),
}

/// A client's end, over as many connections as it takes.
#[derive(Clone)]
pub struct Client {
    config: ClientConfig,
    state: ClientState,
    packets: Packets,
    output: Vec<u8>,
    session: Session,
    next: u64,
    /// Whether a login was ever accepted, so that `session` and `next` are to be held to.
    resumes: bool,
    sent: Nanos,
    received: Nanos,
    unknown: u64,
}

impl Client {
    /// One that has not connected yet.
    pub fn new(config: ClientConfig) -> Self {
        let (session, next) = (config.session, config.sequence);
        Self {
            config,
            state: ClientState::Disconnected,
            packets: Packets::default(),
            output: Vec::new(),
            session,
            next,
            resumes: false,
            sent: Nanos(0),
            received: Nanos(0),
            unknown: 0,
        }
    }

    /// Where it is.
    pub fn state(&self) -> ClientState {
        self.state
    }

    /// The session it reads or wants to read.
    pub fn session(&self) -> Session {
        self.session
    }

    /// Number of the message that it wants next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Packets of a type that nobody knows, which were skipped.
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    /// A connection is there: says who we are, and which message we want.
    pub fn connect(&mut self, now: Nanos) {
        self.packets = Packets::default();
        self.output.clear();
        let login = Login {
            username: self.config.username.clone(),
            password: self.config.password.clone(),
            session: self.session,
            sequence: self.next,
            timeout_ms: self.config.asked_timeout_ms,
        };
        login.put(&mut self.output);
        (self.state, self.sent, self.received) = (ClientState::LoginSent, now, now);
    }

    /// The connection is gone.
    pub fn disconnect(&mut self) {
        self.packets = Packets::default();
        self.output.clear();
        if self.state != ClientState::Ended {
            self.state = ClientState::Disconnected;
        }
    }

    /// Bytes came, in pieces of any size.
    pub fn receive(&mut self, bytes: &[u8], now: Nanos, mut sink: impl FnMut(ClientEvent<'_>)) {
        if !self.is_connected() || bytes.is_empty() {
            return;
        }
        self.received = now;
        let mut packets = std::mem::take(&mut self.packets);
        let read = packets.read(bytes, |kind, payload, offset| self.packet(kind, payload, offset, &mut sink));
        if self.is_connected() {
            self.packets = packets;
        }
        if let Err(error) = read {
            self.disconnect();
            sink(ClientEvent::Broken(error));
        }
    }

    /// Time went by: heartbeats, and giving up.
    pub fn tick(&mut self, now: Nanos, mut sink: impl FnMut(ClientEvent<'_>)) {
        // The login itself was the last thing sent while it is not answered.
        let dead = match self.state {
            ClientState::LoginSent => since(self.sent, now) >= self.config.login_timeout.0,
            ClientState::LoggedIn => since(self.received, now) >= self.config.timeout.0,
            ClientState::Disconnected | ClientState::Ended => return,
        };
        if dead {
            self.disconnect();
            sink(ClientEvent::Dead);
        } else if self.state == ClientState::LoggedIn && since(self.sent, now) >= self.config.heartbeat.0 && self.has_room() {
            put_packet(&mut self.output, b'R', &[]);
            self.sent = now;
        }
    }

    /// When `tick` has something to do, if nothing happens before.
    pub fn due(&self) -> Option<Nanos> {
        let after = |start: Nanos, wait: Nanos| Nanos(start.0.saturating_add(wait.0));
        match self.state {
            ClientState::LoginSent => Some(after(self.sent, self.config.login_timeout)),
            ClientState::LoggedIn => Some(after(self.received, self.config.timeout).min(after(self.sent, self.config.heartbeat))),
            ClientState::Disconnected | ClientState::Ended => None,
        }
    }

    /// Sends a message. It is not numbered and may be lost with the connection: whoever sends it must find out.
    ///
    /// # Errors
    ///
    /// If nobody is logged in, it is too long, or too much waits to be taken.
    pub fn send(&mut self, payload: &[u8], now: Nanos) -> Result<(), SendError> {
        if self.state != ClientState::LoggedIn {
            return Err(SendError::NotLoggedIn);
        }
        if payload.len() > MAX_MESSAGE {
            return Err(SendError::TooLong(payload.len()));
        }
        if !self.has_room() {
            return Err(SendError::Full);
        }
        put_packet(&mut self.output, b'U', payload);
        self.sent = now;
        Ok(())
    }

    /// Asks the server to close.
    pub fn logout(&mut self, now: Nanos) {
        if self.is_connected() {
            put_packet(&mut self.output, b'O', &[]);
            self.sent = now;
        }
    }

    /// What is to be sent, which is then nothing.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    fn is_connected(&self) -> bool {
        matches!(self.state, ClientState::LoginSent | ClientState::LoggedIn)
    }

    fn has_room(&self) -> bool {
        self.output.len() < self.config.max_output
    }

    fn packet(
        &mut self,
        kind: u8,
        payload: &[u8],
        offset: u64,
        sink: &mut impl FnMut(ClientEvent<'_>),
    ) -> Result<ControlFlow<()>, WireError> {
        match (self.state, kind) {
            (_, b'+') => sink(ClientEvent::Debug(payload)),
            (_, b'H') => {}
            (ClientState::LoginSent, b'A') => sink(self.accepted(payload, offset)?),
            (ClientState::LoginSent, b'J') => {
                self.disconnect();
                sink(ClientEvent::Rejected(LoginReject::of(payload.first().copied().unwrap_or_default())));
            }
            (ClientState::LoggedIn, b'S') => {
                let sequence = self.next;
                self.next = sequence.saturating_add(1);
                sink(ClientEvent::Message { sequence, payload });
            }
            (ClientState::LoggedIn, b'U') => sink(ClientEvent::Unsequenced(payload)),
            (ClientState::LoggedIn, b'Z') => {
                self.state = ClientState::Ended;
                sink(ClientEvent::EndOfSession);
            }
            (ClientState::LoginSent, b'S' | b'U' | b'Z') | (ClientState::LoggedIn, b'A' | b'J') | (_, b'L' | b'O' | b'R') => {
                let expected = if self.state == ClientState::LoginSent { "an answer to the login" } else { "messages" };
                return Err(wrong(offset, format!("a packet {:?}", char::from(kind)), expected));
            }
            _ => self.unknown += 1,
        }
        Ok(if self.is_connected() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    }

    /// What the server promises must be what was asked for, or later: anything else would give other messages numbers that were seen.
    fn accepted(&mut self, payload: &[u8], offset: u64) -> Result<ClientEvent<'static>, WireError> {
        let fields = payload.split_at_checked(10).zip(payload.get(10..30));
        let read = fields.and_then(|((session, _), sequence)| Session::read(session).zip(number(sequence)));
        let Some((session, sequence)) = read else {
            return Err(wrong(offset, String::from_utf8_lossy(payload).into_owned(), "a session and a sequence number"));
        };
        if !self.session.is_blank() && session != self.session {
            return Err(wrong(offset, session.to_string(), &format!("the session {}", self.session)));
        }
        let wanted = self.next;
        if sequence == 0 || (sequence < wanted && self.resumes) {
            return Err(wrong(offset, format!("sequence number {sequence}"), &format!("at least {}", wanted.max(1))));
        }
        let lost = if wanted == 0 { 0 } else { sequence.saturating_sub(wanted) };
        (self.state, self.session, self.next, self.resumes) = (ClientState::LoggedIn, session, sequence, true);
        Ok(ClientEvent::Accepted { session, sequence, lost })
    }
}

pub(super) fn since(start: Nanos, now: Nanos) -> i64 {
    now.0.saturating_sub(start.0)
}

pub(super) fn wrong(offset: u64, found: String, expected: &str) -> WireError {
    WireError { offset, found, expected: expected.to_owned() }
}
