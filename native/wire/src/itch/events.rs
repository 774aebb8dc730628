//! Messages to events, a batch at a time.
//!
//! A day is hundreds of millions of messages, and their types come in an order that no processor predicts. So there is no branch on the
//! type: a table says for each type where every part of an event lies, and the same few loads serve them all.

use super::recipes::{PREFIX, RECIPES, SIDES, WINDOW};
use crate::bytes::get_u64;
use crate::{EventColumns, EventKind, flags, status};

/// Bytes that are asked for ahead of those that are read.
const AHEAD: usize = 4096;
/// Rows that are made at a time where a table has to grow.
const BLOCK: usize = 4096;

/// Makes events of messages.
#[derive(Clone, Debug, Default)]
pub struct EventDecoder {
    midnight: i64,
    only: Option<Instruments>,
}

/// How far a batch went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Bytes of the frames that were read.
    pub used: usize,
    /// Messages in them.
    pub messages: u64,
    /// Events of these messages: not every one has an event, and not every event is wanted.
    pub events: usize,
}

impl EventDecoder {
    /// Events of all instruments. Their time is `midnight` plus the time of the message: the venue's midnight in nanoseconds since 1970
    /// UTC, or 0 where the date is not known.
    pub fn new(midnight: i64) -> Self {
        Self { midnight, only: None }
    }

    /// Leave out the events of other instruments. Those of the whole market have the instrument 0.
    #[must_use]
    pub fn only(self, instruments: Instruments) -> Self {
        Self { only: Some(instruments), ..self }
    }

    /// Write the events of messages with a 2-byte length before each over the rows of a table from `from` on.
    ///
    /// Stops, without an error, after `most` messages, where there are no more rows, at the first frame that is not a message of a known
    /// type and its length, and where less than 72 bytes are left: what is there is for [`EventDecoder::push`], after a closer look;
    /// [`crate::frames::Reader::fill`] does all of that.
    /// What rows beyond the last event hold has no meaning.
    pub fn fill(&self, bytes: &[u8], most: u64, out: &mut EventColumns, from: usize) -> Batch {
        match &self.only {
            Some(only) => fill(bytes, most, self.midnight, out, from, |instrument| only.has(instrument)),
            None => fill(bytes, most, self.midnight, out, from, |_| true),
        }
    }

    /// As [`EventDecoder::fill`], but the table grows by the events.
    pub fn append(&self, bytes: &[u8], most: u64, out: &mut EventColumns) -> Batch {
        let mut all = Batch::default();
        loop {
            let from = out.len();
            out.resize(from + BLOCK);
            let batch = self.fill(&bytes[all.used..], most - all.messages, out, from);
            out.truncate(from + batch.events);
            all.used += batch.used;
            all.messages += batch.messages;
            all.events += batch.events;
            if batch.events < BLOCK {
                return all;
            }
        }
    }

    /// Put the event of a message, if it has one, after others; whether it has. Bytes that are not a message of a known type and its
    /// length have none.
    pub fn push(&self, message: &[u8], out: &mut EventColumns) -> bool {
        let at = out.len();
        out.resize(at + 1);
        let pushed = self.write(message, out, at);
        out.truncate(at + usize::from(pushed));
        pushed
    }

    /// As [`EventDecoder::push`], but over the row at `at`, which there must be.
    pub fn write(&self, message: &[u8], out: &mut EventColumns, at: usize) -> bool {
        let mut frame = [0; WINDOW];
        let Some(place) = frame.get_mut(PREFIX..PREFIX + message.len()) else { return false };
        place.copy_from_slice(message);
        frame[1] = message.len() as u8;
        self.fill(&frame, 1, out, at).events == 1
    }
}

/// A set of instruments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruments(Box<[bool]>);

impl Instruments {
    /// Whether an instrument is among them.
    #[inline]
    pub fn has(&self, instrument: u16) -> bool {
        self.0[usize::from(instrument)]
    }
}

impl FromIterator<u16> for Instruments {
    fn from_iter<T: IntoIterator<Item = u16>>(instruments: T) -> Self {
        let mut set = vec![false; 1 << 16];
        for instrument in instruments {
            set[usize::from(instrument)] = true;
        }
        Self(set.into())
    }
}

#[inline]
fn fill(bytes: &[u8], most: u64, midnight: i64, out: &mut EventColumns, from: usize, wanted: impl Fn(u16) -> bool) -> Batch {
    // One length for all columns, which the compiler sees: no place below it is checked again.
    let rows = out.len().saturating_sub(from);
    let (ts, kind, side) = (&mut out.ts[from..][..rows], &mut out.kind[from..][..rows], &mut out.side[from..][..rows]);
    let (flag, instrument) = (&mut out.flags[from..][..rows], &mut out.instrument[from..][..rows]);
    let (order_id, other_id) = (&mut out.order_id[from..][..rows], &mut out.other_id[from..][..rows]);
    let (qty, price) = (&mut out.qty[from..][..rows], &mut out.price[from..][..rows]);

    let (mut rest, mut messages, mut at) = (bytes, 0, 0);
    while at < rows && messages < most {
        let Some(frame) = rest.first_chunk::<WINDOW>() else { break };
        let recipe = &RECIPES[usize::from(frame[PREFIX])];
        if u32::from(u16::from_be_bytes([frame[0], frame[1]])) != recipe.length {
            break;
        }
        omni_memory::prefetch(rest.as_ptr().wrapping_add(AHEAD));
        // The mask changes nothing, and shows that the window is not left.
        rest = &rest[PREFIX + (recipe.length & 63) as usize..];
        messages += 1;

        ts[at] = midnight.wrapping_add((get_u64(frame, PREFIX + 3) & 0xFFFF_FFFF_FFFF) as i64);
        kind[at] = recipe.kind;
        side[at] = SIDES[usize::from(frame[usize::from(recipe.side & 63)])];
        flag[at] = recipe.flags | (u8::from(frame[usize::from(recipe.printable & 63)] == b'Y') * flags::PRINTABLE);
        instrument[at] = u16::from_be_bytes([frame[3], frame[4]]);
        order_id[at] = recipe.order_id.read(frame);
        other_id[at] = recipe.other_id.read(frame);
        qty[at] = recipe.qty.read(frame) as i64;
        if recipe.kind > EventKind::Trade.code() {
            qty[at] = rare_qty(recipe.kind, recipe.qty.read(frame));
        }
        price[at] = recipe.price.read(frame) as i64;
        // What has no event, or one that nobody wants, is overwritten by the next.
        at += usize::from((recipe.kind != 0) & wanted(instrument[at]));
    }
    Batch { used: bytes.len() - rest.len(), messages, events: at }
}

/// What is not a quantity of at most four bytes. One in a hundred messages: a branch that is guessed right.
#[cold]
fn rare_qty(kind: u8, value: u64) -> i64 {
    if kind != EventKind::Status.code() {
        return i64::try_from(value).unwrap_or(i64::MAX);
    }
    match value as u8 {
        b'T' => status::TRADING,
        b'H' => status::HALTED,
        b'P' => status::PAUSED,
        b'Q' => status::QUOTING,
        _ => 0,
    }
}
