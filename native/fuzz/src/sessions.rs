//! Session machines that hear anything at any time: they hold no more than they may, and say nothing that is no packet.

use omni_types::Nanos;
use omni_wire::moldudp::{Header, Join, Receiver, ReceiverConfig, ReceiverEvent, Sender, SenderConfig, messages};
use omni_wire::ouch::{ClientMessage, VenueMessage};
use omni_wire::session::{MessageLog, Session};
use omni_wire::soupbin::{Client, ClientConfig, ClientEvent, LoginReject, Packets, Server, ServerConfig, ServerEvent};

use crate::Input;

/// Room that the machines are given, in bytes.
const ROOM: usize = 4_096;
/// What one packet more can be.
const PACKET: usize = 2 + u16::MAX as usize;

/// A story of steps: bytes for one of the machines, a message for the log, time.
///
/// # Panics
///
/// If a machine holds too much, numbers messages wrongly, or writes what it would not read.
pub fn sessions(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut world = World::new(&mut input);
    while !input.is_over() {
        world.step(&mut input);
    }
}

struct World {
    now: Nanos,
    log: MessageLog,
    client: Client,
    server: Server,
    sender: Sender,
    receiver: Receiver,
    /// What the client and the receiver have to hear next.
    expected: (u64, u64),
}

impl World {
    fn new(input: &mut Input<'_>) -> Self {
        let session = Session::read(b"FUZZ").unwrap_or_default();
        let sequence = u64::from(input.byte());
        let join = if input.flag() { Join::Live } else { Join::At(input.u64()) };
        let config =
            ReceiverConfig { join, max_tries: 1 + u32::from(input.below(3)), max_held: ROOM, ..ReceiverConfig::default() };
        Self {
            now: Nanos(0),
            log: MessageLog::new(session, ROOM),
            client: Client::new(ClientConfig { sequence, max_output: ROOM, ..ClientConfig::default() }),
            server: Server::new(ServerConfig { max_output: ROOM, ..ServerConfig::default() }, Nanos(0)),
            sender: Sender::new(SenderConfig { max_datagram: usize::from(input.byte()) * 8, ..SenderConfig::default() }),
            receiver: Receiver::new(config),
            expected: (0, 0),
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.below(10) {
            0 => self.client.connect(self.now),
            1 => {
                let length = usize::from(input.byte());
                self.client_hears(input.take(length));
            }
            2 => {
                let length = usize::from(input.byte());
                self.server_hears(input.take(length));
            }
            3 => {
                let length = usize::from(input.byte());
                self.receiver_hears(usize::from(input.byte()), input.take(length));
            }
            4 => {
                let length = usize::from(input.u16());
                _ = self.log.push(input.take(length));
            }
            5 => self.pass_time(input.number(|byte| byte * 100_000_000)),
            6 => self.talk(),
            7 => self.broadcast(input.flag()),
            8 => {
                let length = usize::from(input.byte());
                orders(input.take(length));
            }
            _ => {
                self.server = Server::new(ServerConfig { max_output: ROOM, ..ServerConfig::default() }, self.now);
                self.client.disconnect();
            }
        }
    }

    fn client_hears(&mut self, bytes: &[u8]) {
        let expected = &mut self.expected.0;
        self.client.receive(bytes, self.now, |event| match event {
            ClientEvent::Accepted { sequence, .. } => *expected = sequence,
            ClientEvent::Message { sequence, .. } => {
                assert_eq!(sequence, *expected, "messages of a login follow each other");
                *expected = expected.saturating_add(1);
            }
            _ => {}
        });
        written(&self.client.take_output());
    }

    fn server_hears(&mut self, bytes: &[u8]) {
        let mut login = None;
        self.server.receive(bytes, self.now, |event| {
            if let ServerEvent::Login(asked) = event {
                login = Some(asked);
            }
        });
        if let Some(login) = login {
            if login.session.is_blank() || login.session == self.log.session() {
                self.server.accept_from(&self.log, login.sequence, self.now);
            } else {
                self.server.reject(LoginReject::NoSession, self.now);
            }
        }
        self.server.pull(&self.log, self.now);
        written(&self.server.take_output());
    }

    fn receiver_hears(&mut self, line: usize, datagram: &[u8]) {
        let expected = &mut self.expected.1;
        self.receiver.receive(line, datagram, self.now, |event| heard(&event, expected));
        assert!(self.receiver.held() <= ROOM, "{} bytes are held", self.receiver.held());
        if let Some(request) = self.receiver.request(self.now) {
            let (header, rest) = Header::read(&request).expect("a request is a header");
            assert!(rest.is_empty() && header.count > 0 && header.sequence == self.receiver.next());
        }
    }

    fn pass_time(&mut self, by: i64) {
        self.now.0 = self.now.0.saturating_add(by);
        self.client.tick(self.now, |_| {});
        self.server.tick(self.now, |_| {});
        let expected = &mut self.expected.1;
        self.receiver.tick(self.now, |event| heard(&event, expected));
        written(&self.client.take_output());
        written(&self.server.take_output());
        let _ = (self.client.due(), self.server.due(), self.receiver.due(), self.sender.due());
    }

    /// What both ends of a connection have to say goes to the other.
    fn talk(&mut self) {
        let up = self.client.take_output();
        self.server_hears(&up);
        self.server.pull(&self.log, self.now);
        let down = self.server.take_output();
        written(&down);
        self.client_hears(&down);
    }

    fn broadcast(&mut self, lost: bool) {
        let mut datagram = Vec::new();
        for _ in 0..8 {
            if !self.sender.datagram(&self.log, self.now, &mut datagram) {
                break;
            }
            let (header, blocks) = Header::read(&datagram).expect("a datagram has a header");
            let count = if header.count == u16::MAX { 0 } else { header.count };
            assert!(messages(count, blocks).is_some(), "blocks fill a datagram");
            if !lost {
                self.receiver_hears(0, &datagram);
            }
        }
        if let Some(request) = self.receiver.request(self.now) {
            let mut answer = Vec::new();
            self.sender.answer(&request, &self.log, &mut answer);
            self.receiver_hears(1, &answer);
        }
    }
}

fn heard(event: &ReceiverEvent<'_>, expected: &mut u64) {
    match *event {
        ReceiverEvent::Session { sequence, .. } => *expected = sequence,
        ReceiverEvent::Message { sequence, .. } => {
            assert_eq!(sequence, *expected, "messages follow each other");
            *expected += 1;
        }
        ReceiverEvent::Lost { first, count } => {
            assert!(first == *expected && count > 0);
            *expected += count;
        }
        ReceiverEvent::EndOfSession | ReceiverEvent::LineDown(_) | ReceiverEvent::LineUp(_) => {}
    }
}

/// What a machine writes is whole packets, and not more than it has room for.
fn written(output: &[u8]) {
    assert!(output.len() <= ROOM + PACKET, "{} bytes wait", output.len());
    let mut packets = Packets::default();
    let read = packets.read(output, |_, _, _| Ok(std::ops::ControlFlow::Continue(())));
    assert!(read.is_ok() && packets.held() == 0, "a machine writes whole packets");
}

/// What decodes is what would have been encoded, but for what later revisions append.
fn orders(bytes: &[u8]) {
    let mut output = Vec::new();
    if let Ok(Some(message)) = ClientMessage::decode(bytes) {
        message.encode(&mut output);
        assert_eq!(output, bytes[..output.len()]);
    }
    output.clear();
    if let Ok(Some(message)) = VenueMessage::decode(bytes) {
        message.encode(&mut output);
        assert_eq!(output, bytes[..output.len()]);
    }
}
