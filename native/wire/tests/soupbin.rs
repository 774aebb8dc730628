//! Two ends of SoupBinTCP against each other: through streams cut anywhere, and connections that break anywhere.

use omni_types::Nanos;
use omni_wire::session::{MAX_MESSAGE, MessageLog, Session};
use omni_wire::soupbin::{
    Client, ClientConfig, ClientEvent, ClientState, LoginReject, SendError, Server, ServerConfig, ServerEvent, ServerState,
    put_packet,
};
use proptest::prelude::*;

const SECOND: i64 = 1_000_000_000;

fn session() -> Session {
    Session::read(b"DAY1").unwrap()
}

fn client(sequence: u64) -> Client {
    Client::new(ClientConfig { username: "desk1".to_owned(), password: "secret".to_owned(), sequence, ..ClientConfig::default() })
}

fn log(messages: &[&[u8]]) -> MessageLog {
    let mut log = MessageLog::new(session(), usize::MAX);
    for message in messages {
        log.push(message).unwrap();
    }
    log
}

/// What a client was told, in words that are easy to compare.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    messages: Vec<(u64, Vec<u8>)>,
    accepted: Vec<(u64, u64)>,
    others: Vec<String>,
}

impl Seen {
    fn take(&mut self, event: ClientEvent<'_>) {
        match event {
            ClientEvent::Message { sequence, payload } => self.messages.push((sequence, payload.to_vec())),
            ClientEvent::Accepted { sequence, lost, .. } => self.accepted.push((sequence, lost)),
            other => self.others.push(format!("{other:?}")),
        }
    }
}

/// Lets in whoever asks, and says what else came.
fn serve(server: &mut Server, log: &MessageLog, bytes: &[u8], now: Nanos) -> Vec<String> {
    let (mut logins, mut others) = (Vec::new(), Vec::new());
    server.receive(bytes, now, |event| match event {
        ServerEvent::Login(login) => logins.push(login),
        other => others.push(format!("{other:?}")),
    });
    for login in logins {
        if login.session.is_blank() || login.session == log.session() {
            server.accept_from(log, login.sequence, now);
        } else {
            server.reject(LoginReject::NoSession, now);
        }
    }
    others
}

/// A connection up to the point where the client has everything.
fn connect(client: &mut Client, log: &MessageLog, seen: &mut Seen) -> Server {
    let mut server = Server::new(ServerConfig::default(), Nanos(0));
    client.connect(Nanos(0));
    assert_eq!(serve(&mut server, log, &client.take_output(), Nanos(0)), Vec::<String>::new());
    assert!(!server.pull(log, Nanos(0)));
    client.receive(&server.take_output(), Nanos(0), |event| seen.take(event));
    server
}

#[test]
fn messages_come_from_the_number_that_was_asked_for() {
    let log = log(&[b"a", b"", b"c"]);
    for (asked, first) in [(1, 1), (2, 2), (3, 3), (4, 4), (0, 4), (99, 4)] {
        let (mut client, mut seen) = (client(asked), Seen::default());
        connect(&mut client, &log, &mut seen);
        assert_eq!(client.state(), ClientState::LoggedIn);
        assert_eq!(seen.accepted, [(first, 0)], "asked for {asked}");
        assert_eq!(seen.messages.iter().map(|message| message.0).collect::<Vec<_>>(), (first..4).collect::<Vec<_>>());
    }
}

#[test]
fn what_a_server_has_forgotten_is_reported_as_lost() {
    let mut log = MessageLog::new(session(), 100_000);
    (0..200).for_each(|_| _ = log.push(&[7; 1_000]).unwrap());
    let (mut client, mut seen) = (client(1), Seen::default());
    connect(&mut client, &log, &mut seen);
    assert!(log.first() > 1);
    assert_eq!(seen.accepted, [(log.first(), log.first() - 1)]);
    assert_eq!(seen.messages.len() as u64, log.next() - log.first());
}

#[test]
fn a_server_that_forgets_what_a_slow_client_still_needs_lets_it_go() {
    let mut log = MessageLog::new(session(), 70_000);
    let (mut client, mut seen) = (client(1), Seen::default());
    let mut server = connect(&mut client, &log, &mut seen);
    (0..200).for_each(|_| _ = log.push(&[7; 1_000]).unwrap());
    assert!(!server.pull(&log, Nanos(0)));
    assert_eq!(server.state(), ServerState::Closed);
}

#[test]
fn a_refused_login_is_told_and_closed() {
    let (mut client, mut seen) = (client(1), Seen::default());
    let mut server = Server::new(ServerConfig::default(), Nanos(0));
    client.connect(Nanos(0));
    server.receive(&client.take_output(), Nanos(0), |event| match event {
        ServerEvent::Login(login) => assert_eq!((&login.username[..], &login.password[..]), ("desk1", "secret")),
        other => panic!("{other:?}"),
    });
    server.reject(LoginReject::NotAuthorised, Nanos(0));
    let output = server.take_output();
    assert_eq!(output, b"\0\x02JA");
    client.receive(&output, Nanos(0), |event| seen.take(event));
    assert_eq!(seen.others, ["Rejected(NotAuthorised)"]);
    assert_eq!((client.state(), server.state()), (ClientState::Disconnected, ServerState::Closed));
}

#[test]
fn the_end_of_a_session_comes_after_its_last_message() {
    let mut log = log(&[b"a", b"b"]);
    log.end();
    let (mut client, mut seen) = (client(1), Seen::default());
    let server = connect(&mut client, &log, &mut seen);
    assert_eq!((seen.messages.len(), &seen.others[..]), (2, &["EndOfSession".to_owned()][..]));
    assert_eq!((client.state(), server.state()), (ClientState::Ended, ServerState::Closed));
    client.disconnect();
    assert_eq!(client.state(), ClientState::Ended, "it stays over when the connection goes");
}

#[test]
fn heartbeats_follow_a_second_of_silence_and_fifteen_are_the_end() {
    let log = log(&[]);
    let (mut client, mut seen) = (client(1), Seen::default());
    let mut server = connect(&mut client, &log, &mut seen);
    client.take_output();
    assert_eq!((client.due(), server.due()), (Some(Nanos(SECOND)), Some(Nanos(SECOND))));
    client.tick(Nanos(SECOND - 1), |event| panic!("{event:?}"));
    server.tick(Nanos(SECOND - 1), |event| panic!("{event:?}"));
    assert!(client.take_output().is_empty() && server.take_output().is_empty());
    client.tick(Nanos(SECOND), |event| panic!("{event:?}"));
    server.tick(Nanos(SECOND), |event| panic!("{event:?}"));
    assert_eq!((client.take_output(), server.take_output()), (b"\0\x01R".to_vec(), b"\0\x01H".to_vec()));
    // Any packet is a sign of life, and a message of ours stands for a heartbeat.
    client.receive(b"\0\x02+x", Nanos(10 * SECOND), |event| seen.take(event));
    client.send(b"order", Nanos(10 * SECOND)).unwrap();
    client.take_output();
    client.tick(Nanos(11 * SECOND - 1), |event| seen.take(event));
    assert!(client.take_output().is_empty());
    client.tick(Nanos(25 * SECOND), |event| seen.take(event));
    let mut dead = Vec::new();
    server.tick(Nanos(15 * SECOND), |event| dead.push(format!("{event:?}")));
    assert_eq!((seen.others.last().unwrap().as_str(), &dead[..]), ("Dead", &["Dead".to_owned()][..]));
    assert_eq!((client.state(), server.state()), (ClientState::Disconnected, ServerState::Closed));
}

#[test]
fn whoever_does_not_log_in_is_let_go_however_much_they_chat() {
    let mut server = Server::new(ServerConfig::default(), Nanos(0));
    server.receive(b"\0\x02+x", Nanos(29 * SECOND), |_| {});
    let mut dead = 0;
    server.tick(Nanos(30 * SECOND), |event| dead += i32::from(event == ServerEvent::Dead));
    assert_eq!(dead, 1);
    let mut client = client(1);
    client.connect(Nanos(0));
    client.receive(b"\0\x01H", Nanos(29 * SECOND), |event| panic!("{event:?}"));
    client.tick(Nanos(30 * SECOND), |event| dead += i32::from(event == ClientEvent::Dead));
    assert_eq!(dead, 2);
}

#[test]
fn a_client_may_ask_for_another_patience() {
    let config = ClientConfig { asked_timeout_ms: Some(2_000), ..ClientConfig::default() };
    let (mut client, log) = (Client::new(config), log(&[]));
    let mut server = connect(&mut client, &log, &mut Seen::default());
    let mut dead = 0;
    server.tick(Nanos(2 * SECOND), |event| dead += i32::from(event == ServerEvent::Dead));
    assert_eq!(dead, 1);
}

#[test]
fn what_may_not_be_said_ends_the_connection() {
    let cases: [(&[u8], &str); 5] = [
        (b"\0\x01S", "an answer to the login"),
        (b"\0\0", "at least 1 byte"),
        (b"\0\x02A1", "a session and a sequence number"),
        (b"\0\x1fA      DAY1                   x", "a session and a sequence number"),
        (b"\0\x1fA      DAY1                   0", "at least 1"),
    ];
    for (bytes, expected) in cases {
        let (mut client, mut seen) = (client(1), Seen::default());
        client.connect(Nanos(0));
        client.receive(bytes, Nanos(0), |event| seen.take(event));
        assert!(seen.others[0].starts_with("Broken") && seen.others[0].contains(expected), "{seen:?}");
        assert_eq!(client.state(), ClientState::Disconnected);
    }
    let mut server = Server::new(ServerConfig::default(), Nanos(0));
    assert!(serve(&mut server, &log(&[]), b"\0\x02Ux", Nanos(0))[0].contains("a login request"));
    assert_eq!(server.state(), ServerState::Closed);
}

#[test]
fn another_session_or_a_shorter_one_is_not_taken_for_the_same() {
    let long = log(&[b"a", b"b", b"c"]);
    let (mut client, mut seen) = (client(1), Seen::default());
    connect(&mut client, &long, &mut seen);
    for answer in [&b"\0\x1fA      DAY2                   4"[..], b"\0\x1fA      DAY1                   3"] {
        client.disconnect();
        client.connect(Nanos(0));
        client.receive(answer, Nanos(0), |event| seen.take(event));
        assert!(seen.others.last().unwrap().starts_with("Broken"), "{seen:?}");
        assert_eq!((client.next(), client.session()), (4, session()), "what it wants stays");
    }
}

#[test]
fn output_that_nobody_takes_stays_bounded() {
    let mut log = MessageLog::new(session(), usize::MAX);
    (0..100).for_each(|_| _ = log.push(&vec![1; MAX_MESSAGE]).unwrap());
    let config = ServerConfig { max_output: 100_000, ..ServerConfig::default() };
    let mut server = Server::new(config, Nanos(0));
    let mut client = client(1);
    client.connect(Nanos(0));
    serve(&mut server, &log, &client.take_output(), Nanos(0));
    let mut total = 0;
    while server.pull(&log, Nanos(0)) {
        let output = server.take_output();
        assert!(output.len() <= 100_000 + MAX_MESSAGE + 3);
        total += output.len();
    }
    assert!(total > 90 * MAX_MESSAGE);
    let mut waiting = Client::new(ClientConfig { max_output: 10, ..ClientConfig::default() });
    assert_eq!(waiting.send(b"early", Nanos(0)), Err(SendError::NotLoggedIn));
    connect(&mut waiting, &self::log(&[]), &mut Seen::default());
    assert_eq!(waiting.send(&vec![0; MAX_MESSAGE + 1], Nanos(0)), Err(SendError::TooLong(MAX_MESSAGE + 1)));
    assert_eq!(waiting.send(b"0123456789", Nanos(0)), Ok(()));
    assert_eq!(waiting.send(b"x", Nanos(0)), Err(SendError::Full));
}

#[test]
fn messages_beside_the_numbered_ones_and_unknown_packets_take_no_number() {
    let log = log(&[b"a"]);
    let (mut client, mut seen) = (client(1), Seen::default());
    let mut server = connect(&mut client, &log, &mut seen);
    server.send(b"beside", Nanos(0)).unwrap();
    let mut bytes = server.take_output();
    put_packet(&mut bytes, b'?', b"later revision");
    put_packet(&mut bytes, b'S', b"b");
    client.receive(&bytes, Nanos(0), |event| seen.take(event));
    assert_eq!(seen.messages, [(1, b"a".to_vec()), (2, b"b".to_vec())]);
    assert_eq!((seen.others.len(), client.unknown()), (1, 1));
}

#[derive(Clone, Debug)]
enum Step {
    /// The server has something new.
    Message(Vec<u8>),
    /// The client has.
    Order(u8),
    /// So many bytes reach the client.
    Down(usize),
    /// So many reach the server.
    Up(usize),
    /// The connection breaks, with all that is under way.
    Cut,
    /// Time goes by.
    Wait(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Step::Message),
        2 => any::<u8>().prop_map(Step::Order),
        6 => (1..200_usize).prop_map(Step::Down),
        6 => (1..80_usize).prop_map(Step::Up),
        1 => Just(Step::Cut),
        1 => (0..20 * SECOND).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..300)
}

/// A world of one client, one server and a wire between them.
struct World {
    log: MessageLog,
    client: Client,
    server: Server,
    down: Vec<u8>,
    up: Vec<u8>,
    now: Nanos,
    got: Vec<(u64, Vec<u8>)>,
    orders: Vec<u8>,
}

impl World {
    fn new() -> Self {
        let (log, client) = (MessageLog::new(session(), usize::MAX), client(1));
        let server = Server::new(ServerConfig::default(), Nanos(0));
        let mut world =
            Self { log, client, server, down: Vec::new(), up: Vec::new(), now: Nanos(0), got: Vec::new(), orders: Vec::new() };
        world.reconnect();
        world
    }

    fn reconnect(&mut self) {
        self.client.disconnect();
        self.client.connect(self.now);
        self.server = Server::new(ServerConfig { max_output: 64, ..ServerConfig::default() }, self.now);
        self.down.clear();
        self.up.clear();
    }

    fn settle(&mut self) {
        self.server.pull(&self.log, self.now);
        self.down.extend(self.server.take_output());
        self.up.extend(self.client.take_output());
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Message(payload) => _ = self.log.push(payload).unwrap(),
            Step::Order(order) => drop(self.client.send(&[*order], self.now)),
            Step::Down(n) => {
                let bytes: Vec<u8> = self.down.drain(..(*n).min(self.down.len())).collect();
                let got = &mut self.got;
                self.client.receive(&bytes, self.now, |event| match event {
                    ClientEvent::Message { sequence, payload } => got.push((sequence, payload.to_vec())),
                    ClientEvent::Accepted { lost, .. } => assert_eq!(lost, 0),
                    other => panic!("{other:?}"),
                });
            }
            Step::Up(n) => {
                let bytes: Vec<u8> = self.up.drain(..(*n).min(self.up.len())).collect();
                let (mut login, orders) = (None, &mut self.orders);
                self.server.receive(&bytes, self.now, |event| match event {
                    ServerEvent::Login(asked) => login = Some(asked),
                    ServerEvent::Message(payload) => orders.extend_from_slice(payload),
                    other => panic!("{other:?}"),
                });
                if let Some(login) = login {
                    self.server.accept_from(&self.log, login.sequence, self.now);
                }
            }
            Step::Cut => self.reconnect(),
            Step::Wait(wait) => {
                self.now.0 += wait;
                let mut dead = false;
                self.client.tick(self.now, |event| dead |= event == ClientEvent::Dead);
                self.server.tick(self.now, |event| dead |= event == ServerEvent::Dead);
                if dead {
                    self.reconnect();
                }
            }
        }
        self.settle();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_or_doubled_wherever_connections_break(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        for _ in 0..20_000 {
            if world.got.len() as u64 + 1 == world.log.next() && world.client.state() == ClientState::LoggedIn {
                break;
            }
            world.step(&Step::Up(1_000));
            world.step(&Step::Down(1_000));
        }
        let sent: Vec<_> = (1..world.log.next()).map(|n| (n, world.log.get(n).unwrap().to_vec())).collect();
        prop_assert_eq!(world.got, sent);
    }

    #[test]
    fn any_bytes_at_all_are_survived(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..20)) {
        let (mut client, mut server) = (client(1), Server::new(ServerConfig::default(), Nanos(0)));
        client.connect(Nanos(0));
        for (at, piece) in pieces.iter().enumerate() {
            client.receive(piece, Nanos(at as i64), |_| {});
            server.receive(piece, Nanos(at as i64), |_| {});
        }
    }
}
