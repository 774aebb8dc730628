//! The messages in the bytes that are there, one by one or as events.

use super::Frame;
use super::reader::{Over, Reader, Step};
use crate::WireError;
use crate::itch::{EventColumns, EventDecoder, LENGTHS};

impl Reader {
    /// The messages in `bytes`, which begin with the first byte that was not used yet. `last`: nothing comes after them.
    ///
    /// When the walk has no more frames, hand the bytes after [`Walk::used`] to the next walk, with more behind them.
    pub fn walk<'r, 'b>(&'r mut self, bytes: &'b [u8], last: bool) -> Walk<'r, 'b> {
        Walk { reader: self, bytes, at: 0, last }
    }

    /// Write the events of the messages in `bytes` over the rows of a table from `from` on: [`Reader::walk`] and [`EventDecoder::fill`] in
    /// one. If there are as many events as rows, call again with the bytes that were not used, before there are more.
    pub fn fill(&mut self, bytes: &[u8], last: bool, decoder: &EventDecoder, out: &mut EventColumns, from: usize) -> Filled {
        let mut walk = self.walk(bytes, last);
        let mut filled = Filled::default();
        while from + filled.events < out.len() {
            filled.events += walk.batch(decoder, out, from + filled.events);
            if from + filled.events == out.len() {
                break;
            }
            match walk.next() {
                Some(Ok(frame)) => filled.events += usize::from(decoder.write(frame.message, out, from + filled.events)),
                Some(Err(error)) => filled.error = Some(error),
                None => break,
            }
        }
        filled.used = walk.used();
        filled
    }
}

/// How far [`Reader::fill`] went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Bytes that were used.
    pub used: usize,
    /// Events that were written: those before an error, too.
    pub events: usize,
    /// What was wrong, if anything.
    pub error: Option<WireError>,
}

/// The messages in some bytes of a capture. After an error, there are no more.
#[derive(Debug)]
pub struct Walk<'r, 'b> {
    reader: &'r mut Reader,
    bytes: &'b [u8],
    at: usize,
    last: bool,
}

impl Walk<'_, '_> {
    /// Bytes that were used up to here.
    pub fn used(&self) -> usize {
        self.at
    }

    #[inline]
    fn advance(&mut self, used: usize) {
        self.at += used;
        self.reader.offset += used as u64;
    }

    /// Events of as many messages as lie after each other, one length and message after the other, without anything to look at.
    fn batch(&mut self, decoder: &EventDecoder, out: &mut EventColumns, from: usize) -> usize {
        let reader = &mut *self.reader;
        let most = match &reader.inside {
            Some(inside) if reader.sessions.run(&inside.heading, 0) => inside.messages.into(),
            None if reader.is_plain() => u64::MAX,
            _ => 0,
        };
        let batch = decoder.fill(&self.bytes[self.at..], most, out, from);
        reader.counts.messages += batch.messages;
        if let Some(inside) = &mut reader.inside {
            reader.sessions.run(&inside.heading, batch.messages);
            inside.messages -= batch.messages as u16;
            inside.heading.sequence = inside.heading.after(batch.messages);
        }
        self.advance(batch.used);
        batch.events
    }
}

impl<'b> Iterator for Walk<'_, 'b> {
    type Item = Result<Frame<'b>, WireError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self.plain() {
            Some(frame) => Some(Ok(frame)),
            None => self.closely(),
        }
    }
}

impl<'b> Walk<'_, 'b> {
    /// The next message where it is one length and message after the other, as in almost all of almost every capture.
    #[inline]
    fn plain(&mut self) -> Option<Frame<'b>> {
        let rest = &self.bytes[self.at..];
        let [high, low, kind] = *rest.first_chunk()?;
        let length = LENGTHS[usize::from(kind)];
        if !self.reader.is_plain() || length == 0 || u16::from_be_bytes([high, low]) != u16::from(length) {
            return None;
        }
        let message = rest.get(2..2 + usize::from(length))?;
        let frame = Frame { offset: self.reader.offset, ts_recv: 0, sequence: 0, message };
        self.reader.counts.messages += 1;
        self.advance(2 + message.len());
        Some(frame)
    }

    /// The next message, whatever comes before it.
    fn closely(&mut self) -> Option<Result<Frame<'b>, WireError>> {
        loop {
            let rest = &self.bytes[self.at..];
            match self.reader.over {
                Some(Over::Ended) => {
                    self.reader.counts.after_end += rest.len() as u64;
                    self.advance(rest.len());
                    return None;
                }
                Some(Over::Failed) => return None,
                None => {}
            }
            match self.reader.step(rest, self.last) {
                Ok(Step::Frame(used, frame)) => {
                    self.reader.counts.messages += 1;
                    self.advance(used);
                    return Some(Ok(frame));
                }
                Ok(Step::Used(used)) => self.advance(used),
                Ok(Step::More) => return None,
                Ok(Step::Over(over)) => self.reader.over = Some(over),
                Err(error) => {
                    self.reader.over = Some(Over::Failed);
                    return Some(Err(error));
                }
            }
        }
    }
}
