//! A MoldUDP64 sender and receiver with a network between them that loses, doubles and reorders.

use omni_types::Nanos;
use omni_wire::moldudp::{
    Answer, END_OF_SESSION, HEADER, Header, Join, MAX_LINES, Receiver, ReceiverConfig, ReceiverEvent, Sender, SenderConfig,
};
use omni_wire::session::{MessageLog, Session};
use proptest::prelude::*;

const MS: i64 = 1_000_000;

fn session() -> Session {
    Session::read(b"DAY1").unwrap()
}

fn datagram(sequence: u64, messages: &[&[u8]]) -> Vec<u8> {
    named(session(), sequence, messages)
}

fn named(session: Session, sequence: u64, messages: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Header { session, sequence, count: messages.len() as u16 }.bytes().to_vec();
    for message in messages {
        bytes.extend_from_slice(&(message.len() as u16).to_be_bytes());
        bytes.extend_from_slice(message);
    }
    bytes
}

fn end(sequence: u64) -> Vec<u8> {
    Header { session: session(), sequence, count: END_OF_SESSION }.bytes().to_vec()
}

/// Hands a datagram over and says what came of it: a message by its text, all else by its name and numbers.
fn hear(receiver: &mut Receiver, line: usize, datagram: &[u8], now: i64) -> Vec<String> {
    let mut seen = Vec::new();
    receiver.receive(line, datagram, Nanos(now), |event| seen.push(word(&event)));
    seen
}

fn tick(receiver: &mut Receiver, now: i64) -> Vec<String> {
    let mut seen = Vec::new();
    receiver.tick(Nanos(now), |event| seen.push(word(&event)));
    seen
}

fn word(event: &ReceiverEvent<'_>) -> String {
    match event {
        ReceiverEvent::Message { payload, .. } => String::from_utf8_lossy(payload).into_owned(),
        ReceiverEvent::Session { session, sequence } => format!("{session} from {sequence}"),
        ReceiverEvent::Lost { first, count } => format!("lost {count} from {first}"),
        ReceiverEvent::EndOfSession => "end".to_owned(),
        ReceiverEvent::LineDown(line) => format!("line {line} down"),
        ReceiverEvent::LineUp(line) => format!("line {line} up"),
    }
}

fn asked(receiver: &mut Receiver, now: i64) -> Option<(u64, u16)> {
    let request = receiver.request(Nanos(now))?;
    Header::read(&request).map(|(header, _)| (header.sequence, header.count))
}

#[test]
fn two_lines_make_one_stream() {
    let mut receiver = Receiver::new(ReceiverConfig::default());
    assert_eq!(hear(&mut receiver, 0, &datagram(1, &[b"a", b"b"]), 0), ["DAY1 from 1", "a", "b"]);
    assert_eq!(hear(&mut receiver, 1, &datagram(1, &[b"a", b"b", b"c"]), 0), ["c"]);
    assert_eq!(hear(&mut receiver, 0, &datagram(4, &[b"d"]), 0), ["d"]);
    assert_eq!((receiver.next(), receiver.counts().duplicate), (5, 2));
    // One line loses what the other has: nobody needs to be asked.
    assert_eq!(hear(&mut receiver, 0, &datagram(6, &[b"f"]), 0), Vec::<String>::new());
    assert_eq!(hear(&mut receiver, 1, &datagram(5, &[b"e"]), 10 * MS), ["e", "f"]);
    assert_eq!(asked(&mut receiver, 1_000 * MS), None);
}

#[test]
fn a_gap_is_asked_for_after_some_patience_then_again_and_at_once_when_an_answer_falls_short() {
    let mut receiver = Receiver::new(ReceiverConfig::default());
    hear(&mut receiver, 0, &datagram(1, &[b"a"]), 0);
    hear(&mut receiver, 0, &datagram(5, &[b"e"]), 0);
    assert_eq!((asked(&mut receiver, 19 * MS), receiver.due()), (None, Some(Nanos(20 * MS))));
    assert_eq!(asked(&mut receiver, 20 * MS), Some((2, 3)));
    assert_eq!(asked(&mut receiver, 1_019 * MS), None);
    assert_eq!(asked(&mut receiver, 1_020 * MS), Some((2, 3)));
    assert_eq!(hear(&mut receiver, 0, &datagram(2, &[b"b", b"c"]), 1_021 * MS), ["b", "c"]);
    assert_eq!(asked(&mut receiver, 1_021 * MS), Some((4, 1)));
    assert_eq!(hear(&mut receiver, 0, &datagram(4, &[b"d"]), 1_022 * MS), ["d", "e"]);
    assert!(!receiver.is_behind());
}

#[test]
fn a_heartbeat_or_the_end_shows_a_gap_at_the_tail() {
    let mut receiver = Receiver::new(ReceiverConfig::default());
    hear(&mut receiver, 0, &datagram(1, &[b"a"]), 0);
    hear(&mut receiver, 0, &datagram(3, &[]), 0);
    assert_eq!(asked(&mut receiver, 20 * MS), Some((2, 1)));
    assert_eq!(hear(&mut receiver, 0, &end(4), 21 * MS), Vec::<String>::new());
    assert!(!receiver.has_ended());
    assert_eq!(hear(&mut receiver, 0, &datagram(2, &[b"b"]), 22 * MS), ["b"]);
    assert_eq!(hear(&mut receiver, 0, &datagram(3, &[b"c"]), 22 * MS), ["c", "end"]);
    assert!(receiver.has_ended());
    assert_eq!(hear(&mut receiver, 0, &end(4), 23 * MS), Vec::<String>::new(), "the end is told once");
}

#[test]
fn what_nobody_gives_is_reported_once_and_the_stream_goes_on() {
    let mut receiver = Receiver::new(ReceiverConfig { max_tries: 2, ..ReceiverConfig::default() });
    hear(&mut receiver, 0, &datagram(3, &[b"c"]), 0);
    assert_eq!(asked(&mut receiver, 20 * MS), Some((1, 2)));
    assert_eq!(asked(&mut receiver, 1_020 * MS), Some((1, 2)));
    assert_eq!(tick(&mut receiver, 2_019 * MS), Vec::<String>::new());
    assert_eq!(tick(&mut receiver, 2_020 * MS), ["lost 2 from 1", "c"]);
    assert_eq!(tick(&mut receiver, 3_000 * MS), Vec::<String>::new());
    assert_eq!(hear(&mut receiver, 0, &datagram(1, &[b"a"]), 3_000 * MS), Vec::<String>::new(), "too late");
    assert_eq!(receiver.counts().lost, 2);
    // Also when the last messages are the ones that are missing.
    hear(&mut receiver, 0, &end(5), 4_000 * MS);
    assert!(asked(&mut receiver, 4_020 * MS).is_some() && asked(&mut receiver, 5_020 * MS).is_some());
    assert_eq!(tick(&mut receiver, 6_020 * MS), ["lost 1 from 4", "end"]);
}

#[test]
fn a_receiver_may_join_live_or_somewhere_or_wait_for_its_session() {
    let join = |join, session| Receiver::new(ReceiverConfig { join, session, ..ReceiverConfig::default() });
    let mut live = join(Join::Live, Session::default());
    assert_eq!(hear(&mut live, 0, &datagram(7, &[b"g"]), 0), ["DAY1 from 7", "g"]);
    assert_eq!(hear(&mut live, 0, &datagram(6, &[b"f"]), 0), Vec::<String>::new());
    let mut resumed = join(Join::At(6), session());
    assert_eq!(hear(&mut resumed, 0, &named(Session::read(b"OTHER").unwrap(), 1, &[b"x"]), 0), Vec::<String>::new());
    assert_eq!(hear(&mut resumed, 0, &datagram(5, &[b"e", b"f"]), 0), ["DAY1 from 6", "f"]);
    assert_eq!(resumed.counts().foreign, 1);
}

#[test]
fn after_the_end_another_session_begins_from_one() {
    let mut receiver = Receiver::new(ReceiverConfig { join: Join::Live, ..ReceiverConfig::default() });
    let next = Session::read(b"DAY2").unwrap();
    hear(&mut receiver, 0, &datagram(9, &[b"z"]), 0);
    assert_eq!(hear(&mut receiver, 0, &named(next, 2, &[b"b"]), 0), Vec::<String>::new());
    assert_eq!(hear(&mut receiver, 0, &end(10), 0), ["end"]);
    assert_eq!(hear(&mut receiver, 0, &named(next, 2, &[b"b"]), 0), ["DAY2 from 1"]);
    assert_eq!(asked(&mut receiver, 20 * MS), Some((1, 1)));
    assert_eq!(hear(&mut receiver, 0, &named(next, 1, &[b"a"]), 0), ["a", "b"]);
    assert_eq!(hear(&mut receiver, 0, &datagram(10, &[b"old"]), 0), Vec::<String>::new());
}

#[test]
fn a_silent_line_is_down_until_it_speaks() {
    let mut receiver = Receiver::new(ReceiverConfig::default());
    hear(&mut receiver, 0, &datagram(1, &[]), 0);
    hear(&mut receiver, 1, &datagram(1, &[]), 3_000 * MS);
    assert_eq!(tick(&mut receiver, 5_000 * MS), ["line 0 down"]);
    assert_eq!(tick(&mut receiver, 6_000 * MS), Vec::<String>::new());
    assert_eq!(hear(&mut receiver, 0, &datagram(1, &[]), 7_000 * MS), ["line 0 up"]);
    assert_eq!(hear(&mut receiver, MAX_LINES, &datagram(1, &[b"a"]), 7_000 * MS), ["a"], "a line too many still counts");
}

#[test]
fn what_is_no_datagram_is_counted_and_changes_nothing() {
    let mut receiver = Receiver::new(ReceiverConfig::default());
    let whole = datagram(1, &[b"a", b"b"]);
    for wrong in [&whole[..HEADER - 1], &whole[..whole.len() - 1], &[&whole[..], b"x"].concat(), b""] {
        assert_eq!(hear(&mut receiver, 0, wrong, 0), Vec::<String>::new());
    }
    assert_eq!((receiver.counts().malformed, receiver.session().is_blank(), receiver.due()), (4, true, None));
}

#[test]
fn a_peer_that_lies_cannot_make_it_hold_more_than_it_may() {
    let mut receiver = Receiver::new(ReceiverConfig { max_held: 64 * 154, ..ReceiverConfig::default() });
    hear(&mut receiver, 0, &datagram(1, &[b"a"]), 0);
    for at in (3..100_000_u64).rev().step_by(7) {
        hear(&mut receiver, 0, &datagram(at * 1_000_000_007, &[&[9; 90]]), 0);
        assert!(receiver.held() <= 64 * 154);
    }
    assert!(receiver.counts().dropped > 10_000);
    let before = receiver.counts().dropped;
    hear(&mut receiver, 0, &datagram(3, &[b"c"]), 0);
    assert_eq!(receiver.counts().dropped, before + 1, "what is nearer takes the place of what is farther");
    assert_eq!(hear(&mut receiver, 0, &datagram(2, &[b"b"]), 0), ["b", "c"]);
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Arrives,
    Lost,
    Twice,
    /// Overtaken by so many datagrams.
    Late(usize),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        5 => Just(Fate::Arrives),
        2 => Just(Fate::Lost),
        1 => Just(Fate::Twice),
        2 => (1..6_usize).prop_map(Fate::Late),
    ]
}

/// Carries datagrams, each by its fate.
#[derive(Default)]
struct Network {
    under_way: Vec<(usize, usize, Vec<u8>)>,
    sent: usize,
}

impl Network {
    fn send(&mut self, line: usize, datagram: &[u8], fate: Fate) {
        self.sent += 1;
        let copies = match fate {
            Fate::Lost => 0,
            Fate::Twice => 2,
            Fate::Arrives | Fate::Late(_) => 1,
        };
        let at = self.sent + if let Fate::Late(by) = fate { by } else { 0 };
        (0..copies).for_each(|_| self.under_way.push((at, line, datagram.to_vec())));
    }

    fn arrived(&mut self, all: bool) -> Vec<(usize, usize, Vec<u8>)> {
        let sent = self.sent;
        let (arrived, waiting) = std::mem::take(&mut self.under_way).into_iter().partition(|each| all || each.0 <= sent);
        self.under_way = waiting;
        arrived
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn loss_doubling_and_reordering_end_in_the_same_messages(
        lengths in prop::collection::vec(0..60_usize, 1..120),
        bursts in prop::collection::vec(1..9_usize, 1..40),
        fates in prop::collection::vec(fate(), 1..200),
        n_lines in 1..3_usize,
        max_held in prop_oneof![Just(500_usize), Just(1 << 20)],
    ) {
        let mut log = MessageLog::new(session(), usize::MAX);
        let mut sender = Sender::new(SenderConfig { max_datagram: 200, ..SenderConfig::default() });
        // Requests are lost, too; enough tries make it certain that none is given up.
        let config = ReceiverConfig { max_held, max_tries: 10_000, ..ReceiverConfig::default() };
        let (mut receiver, mut network) = (Receiver::new(config), Network::default());
        let (mut fates, mut bursts) = (fates.iter().copied().cycle(), bursts.iter().cycle());
        let (mut now, mut got, mut ended, mut pushed) = (0, Vec::new(), false, 0);
        let mut output = Vec::new();
        for round in 0..5_000 {
            for length in lengths.iter().skip(pushed).take(*bursts.next().unwrap()) {
                log.push(&vec![*length as u8; *length]).unwrap();
                pushed += 1;
            }
            if pushed == lengths.len() {
                log.end();
            }
            now += 300 * MS;
            while sender.datagram(&log, Nanos(now), &mut output) {
                // The network mends at last, whatever its fates are.
                let fate = |fate| if round > 500 { Fate::Arrives } else { fate };
                (0..n_lines).for_each(|line| network.send(line, &output, fate(fates.next().unwrap())));
            }
            while let Some(request) = receiver.request(Nanos(now)) {
                if sender.answer(&request, &log, &mut output) == Answer::Sent {
                    network.send(0, &output, if round > 500 { Fate::Arrives } else { fates.next().unwrap() });
                }
                for (_, line, datagram) in network.arrived(round > 500) {
                    receiver.receive(line, &datagram, Nanos(now), |event| take(&event, &mut got, &mut ended));
                }
            }
            for (_, line, datagram) in network.arrived(false) {
                receiver.receive(line, &datagram, Nanos(now), |event| take(&event, &mut got, &mut ended));
            }
            receiver.tick(Nanos(now), |event| take(&event, &mut got, &mut ended));
            if ended {
                break;
            }
        }
        prop_assert!(ended);
        let sent: Vec<_> = (1..log.next()).map(|n| (n, log.get(n).unwrap().to_vec())).collect();
        prop_assert_eq!(got, sent);
        prop_assert_eq!(receiver.held(), 0);
    }
}

fn take(event: &ReceiverEvent<'_>, got: &mut Vec<(u64, Vec<u8>)>, ended: &mut bool) {
    match event {
        ReceiverEvent::Message { sequence, payload } => got.push((*sequence, payload.to_vec())),
        ReceiverEvent::Lost { first, count } => panic!("{count} lost from {first}"),
        ReceiverEvent::EndOfSession => *ended = true,
        ReceiverEvent::Session { .. } | ReceiverEvent::LineDown(_) | ReceiverEvent::LineUp(_) => {}
    }
}
