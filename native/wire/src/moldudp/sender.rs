//! The end that sends.

use omni_types::Nanos;

use super::{END_OF_SESSION, HEADER, Header};
use crate::session::MessageLog;

/// What a sender is told once.
#[derive(Clone, Copy, Debug)]
pub struct SenderConfig {
    /// A heartbeat, or the end of the session, is sent after so much silence; 1 s is usual.
    pub heartbeat: Nanos,
    /// Largest datagram, in bytes; a message that is longer travels alone. 1,400 fit into an Ethernet frame.
    pub max_datagram: usize,
}

impl Default for SenderConfig {
    fn default() -> Self {
        Self { heartbeat: Nanos(1_000_000_000), max_datagram: 1_400 }
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was answered.
    Sent,
    /// It is no request, or is for another session.
    NoRequest,
    /// What it asks for was forgotten, or never was.
    NotKept,
}

/// A sender of one log. It holds a cursor and nothing else.
#[derive(Clone, Debug)]
pub struct Sender {
    config: SenderConfig,
    next: u64,
    sent: Option<Nanos>,
}

impl Sender {
    /// One that will send the log from its first message on.
    pub fn new(config: SenderConfig) -> Self {
        Self { config, next: 1, sent: None }
    }

    /// Number of the message that goes out next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The next datagram: messages that wait, else a heartbeat or the end of the session if one is due. False if there is nothing to
    /// send now.
    pub fn datagram(&mut self, log: &MessageLog, now: Nanos, output: &mut Vec<u8>) -> bool {
        output.clear();
        self.next = self.next.max(log.first());
        let count = self.pack(log, self.next, u16::MAX - 1, output);
        if count == 0 {
            let due = self.sent.is_none_or(|sent| now.0.saturating_sub(sent.0) >= self.config.heartbeat.0);
            if !due {
                return false;
            }
            let count = if log.has_ended() { END_OF_SESSION } else { 0 };
            output.extend_from_slice(&Header { session: log.session(), sequence: self.next, count }.bytes());
        }
        self.next += u64::from(count);
        self.sent = Some(now);
        true
    }

    /// When a heartbeat is due, if nothing is sent before.
    pub fn due(&self) -> Option<Nanos> {
        self.sent.map(|sent| Nanos(sent.0.saturating_add(self.config.heartbeat.0)))
    }

    /// Answers a request with one datagram, which may hold fewer messages than it asks for.
    pub fn answer(&self, request: &[u8], log: &MessageLog, output: &mut Vec<u8>) -> Answer {
        output.clear();
        let Some((header, &[])) = Header::read(request) else { return Answer::NoRequest };
        if header.session != log.session() || header.count == 0 {
            return Answer::NoRequest;
        }
        // What has not been sent yet is on its way; an answer would only double it.
        let most = self.next.saturating_sub(header.sequence).min(header.count.into()).min(u64::from(u16::MAX) - 1);
        match self.pack(log, header.sequence, most as u16, output) {
            0 => Answer::NotKept,
            _ => Answer::Sent,
        }
    }

    /// Writes a datagram of messages from a number on, at most so many as fit, and returns how many those are.
    fn pack(&self, log: &MessageLog, first: u64, most: u16, output: &mut Vec<u8>) -> u16 {
        output.extend_from_slice(&[0; HEADER]);
        let mut count = 0;
        while count < most {
            let Some(message) = log.get(first + u64::from(count)) else { break };
            if count > 0 && output.len() + 2 + message.len() > self.config.max_datagram {
                break;
            }
            output.extend_from_slice(&(message.len() as u16).to_be_bytes());
            output.extend_from_slice(message);
            count += 1;
        }
        if count == 0 {
            output.clear();
        } else {
            output[..HEADER].copy_from_slice(&Header { session: log.session(), sequence: first, count }.bytes());
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moldudp::messages;
    use crate::session::Session;

    const SECOND: Nanos = Nanos(1_000_000_000);

    fn log(n: usize) -> MessageLog {
        let mut log = MessageLog::new(Session::read(b"DAY1").unwrap(), usize::MAX);
        (0..n).for_each(|at| _ = log.push(&[at as u8; 36]).unwrap());
        log
    }

    fn header(datagram: &[u8]) -> (u64, u16) {
        let (header, blocks) = Header::read(datagram).unwrap();
        let count = if header.count == END_OF_SESSION { 0 } else { header.count };
        assert_eq!(messages(count, blocks).unwrap().count(), usize::from(count));
        (header.sequence, header.count)
    }

    #[test]
    fn messages_share_datagrams_that_fit_a_frame_and_silence_brings_heartbeats() {
        let (mut log, mut output) = (log(80), Vec::new());
        let mut sender = Sender::new(SenderConfig::default());
        let mut seen = Vec::new();
        while sender.datagram(&log, Nanos(0), &mut output) {
            assert!(output.len() <= 1_400);
            seen.push(header(&output));
        }
        assert_eq!(seen, [(1, 36), (37, 36), (73, 8)]);
        assert!(!sender.datagram(&log, Nanos(SECOND.0 - 1), &mut output));
        assert!(sender.datagram(&log, SECOND, &mut output));
        assert_eq!(header(&output), (81, 0));
        log.end();
        assert!(sender.datagram(&log, Nanos(2 * SECOND.0), &mut output));
        assert_eq!((header(&output), sender.due()), ((81, END_OF_SESSION), Some(Nanos(3 * SECOND.0))));
    }

    #[test]
    fn a_request_gets_what_fits_and_nothing_that_was_not_sent() {
        let (log, mut output) = (log(80), Vec::new());
        let mut sender = Sender::new(SenderConfig::default());
        let ask = |sequence, count| Header { session: log.session(), sequence, count }.bytes();
        assert_eq!(sender.answer(&ask(1, 1), &log, &mut output), Answer::NotKept);
        sender.datagram(&log, Nanos(0), &mut output);
        sender.datagram(&log, Nanos(0), &mut output);
        assert_eq!(sender.answer(&ask(5, 100), &log, &mut output), Answer::Sent);
        assert_eq!(header(&output), (5, 36));
        assert_eq!(sender.answer(&ask(70, 100), &log, &mut output), Answer::Sent);
        assert_eq!(header(&output), (70, 3));
        for wrong in [&ask(1, 0)[..], &ask(1, 1)[1..], b"", &[&ask(1, 1)[..], b"x"].concat()] {
            assert_eq!(sender.answer(wrong, &log, &mut output), Answer::NoRequest);
        }
    }

    #[test]
    fn a_long_message_travels_alone() {
        let mut log = log(1);
        log.push(&[1; 9_000]).unwrap();
        let (mut sender, mut output) = (Sender::new(SenderConfig::default()), Vec::new());
        assert!(sender.datagram(&log, Nanos(0), &mut output));
        assert_eq!(header(&output), (1, 1));
        assert!(sender.datagram(&log, Nanos(0), &mut output));
        assert_eq!((header(&output), output.len()), ((2, 1), 9_022));
    }
}
