//! A capture in batches: bytes from the file, frames, messages, columns.

use std::path::Path;

use omni_wire::EventColumns;
use omni_wire::frames::{self, Counts, Frame, Framing, Mode, recognise};
use omni_wire::itch::{EventDecoder, Instruments, LAYOUTS, Layout, TypeColumns};

use crate::input::Input;
use crate::window::Window;
use crate::{Books, Events, FeedError};

/// Rows that are decoded at a time. Between the decoder and the books they are still in the processor's first caches when they are read,
/// and a table that grows by so many is not written twice to memory.
const ROWS: usize = 1024;

/// Reads a capture of ITCH 5.0.
pub struct Reader {
    input: Input,
    frames: frames::Reader,
    decoder: EventDecoder,
    midnight: i64,
    window: Window,
    failed: Option<FeedError>,
    /// Events between the decoder and the books.
    rows: EventColumns,
}

/// How a capture is read.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// The form of the capture; `None` to tell it by its content.
    pub framing: Option<Framing>,
    /// What happens where something is wrong.
    pub mode: Mode,
    /// Times count from here: the venue's midnight in nanoseconds since 1970 UTC, or 0 where the date is not known.
    pub midnight: i64,
}

impl Default for How {
    fn default() -> Self {
        Self { framing: None, mode: Mode::Strict, midnight: 0 }
    }
}

/// Messages of one type.
#[derive(Clone, Debug)]
pub struct MessageTable {
    /// Their fields.
    pub columns: TypeColumns,
    /// How many messages of known types came before each in the capture: the order of messages of different types.
    pub numbers: Vec<u64>,
}

impl MessageTable {
    fn new(layout: &'static Layout) -> Self {
        Self { columns: TypeColumns::new(layout), numbers: Vec::new() }
    }
}

impl Reader {
    /// Open a capture.
    ///
    /// # Errors
    ///
    /// What the system says about the file, and content that is no capture of ITCH.
    pub fn open(path: &Path, how: How) -> Result<Self, FeedError> {
        let mut input = Input::open(path)?;
        let window = Window::open(&mut input)?;
        let head = window.rest();
        let Some(framing) = how.framing.or_else(|| recognise(head)) else {
            return Err(FeedError::NoCapture { head: head[..head.len().min(8)].to_vec() });
        };
        Ok(Self {
            input,
            frames: frames::Reader::new(framing, how.mode),
            decoder: EventDecoder::new(how.midnight),
            midnight: how.midnight,
            window,
            failed: None,
            rows: EventColumns::default(),
        })
    }

    /// Bytes of the file that were read, and how many there are.
    pub fn position(&self) -> (u64, u64) {
        self.input.position()
    }

    /// What was met so far.
    pub fn counts(&self) -> &Counts {
        self.frames.counts()
    }

    /// Bytes of the capture, unpacked, that were used so far.
    pub fn offset(&self) -> u64 {
        self.frames.offset()
    }

    /// Leave out the events of other instruments from here on, but not those of the whole market; `None` for all.
    pub fn choose(&mut self, instruments: Option<&[u16]>) {
        self.decoder = EventDecoder::new(self.midnight);
        if let Some(chosen) = instruments {
            self.decoder = self.decoder.clone().only(chosen.iter().copied().chain([0]).collect::<Instruments>());
        }
    }

    /// Write the events of the next messages over the rows of a table, and of not many more messages than there are rows; how many were
    /// written. What the rows behind them hold has no meaning. 0 at the end.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, once what came before it was delivered.
    pub fn events(&mut self, out: &mut EventColumns) -> Result<usize, FeedError> {
        let (mut n, until) = (0, self.counts().messages + out.len() as u64);
        // A batch of which nobody wants anything is not the end.
        while n < out.len() && (n == 0 || self.counts().messages < until) && self.is_open() {
            n += self.fill(out, n);
        }
        self.outcome(n == 0).map(|_| n)
    }

    /// Carry out the events of at least so many messages, or of those that are left; false at the end, when there were none.
    ///
    /// # Errors
    ///
    /// As [`Reader::events`].
    pub fn run(&mut self, books: &mut Books, most: u64) -> Result<bool, FeedError> {
        let (before, mut rows) = (self.counts().messages, std::mem::take(&mut self.rows));
        rows.resize(ROWS);
        while self.counts().messages - before < most && self.is_open() {
            let n = self.fill(&mut rows, 0);
            books.apply(&Events::from(&rows).first(n));
        }
        self.rows = rows;
        self.outcome(self.counts().messages == before)
    }

    /// Hand the next messages to somebody, at least so many or those that are left; false at the end, when there were none.
    ///
    /// # Errors
    ///
    /// As [`Reader::events`].
    pub fn each(&mut self, most: u64, mut look: impl FnMut(&Frame<'_>)) -> Result<bool, FeedError> {
        let before = self.counts().messages;
        while self.counts().messages - before < most && self.is_open() {
            let mut walk = self.frames.walk(self.window.rest(), self.window.is_last());
            let mut error = None;
            for frame in &mut walk {
                match frame {
                    Ok(frame) => look(&frame),
                    Err(found) => error = Some(found),
                }
            }
            let used = walk.used();
            self.window.pass(used);
            self.go_on(error);
        }
        self.outcome(self.counts().messages == before)
    }

    /// The next messages of these types and instruments as a table for each type, in the order of the layouts; `None` at the end.
    ///
    /// # Errors
    ///
    /// As [`Reader::events`].
    pub fn messages(
        &mut self,
        most: u64,
        types: Option<&[u8]>,
        instruments: Option<&[u16]>,
    ) -> Result<Option<Vec<MessageTable>>, FeedError> {
        let mut tables: Vec<MessageTable> = LAYOUTS.iter().map(MessageTable::new).collect();
        let mut table_of = [usize::MAX; 256];
        for (at, layout) in LAYOUTS.iter().enumerate() {
            if types.is_none_or(|types| types.contains(&layout.kind)) {
                table_of[usize::from(layout.kind)] = at;
            }
        }
        let chosen = instruments.map(|chosen| chosen.iter().copied().collect::<Instruments>());
        let mut number = self.counts().messages;
        let more = self.each(most, |frame| {
            let message = frame.message;
            let instrument = u16::from_be_bytes([message[1], message[2]]);
            if let Some(table) = tables.get_mut(table_of[usize::from(message[0])])
                && chosen.as_ref().is_none_or(|chosen| chosen.has(instrument))
                && table.columns.push(message).is_ok()
            {
                table.numbers.push(number);
            }
            number += 1;
        })?;
        Ok(more.then_some(tables))
    }

    /// What comes after the end of the session is read, too: it is counted, and damage to the file is found.
    fn is_open(&self) -> bool {
        self.failed.is_none() && !(self.frames.is_over() && self.window.is_last() && self.window.rest().is_empty())
    }

    /// Decode into the rows from `from` on; how many were written.
    fn fill(&mut self, out: &mut EventColumns, from: usize) -> usize {
        let (bytes, is_last) = (self.window.rest(), self.window.is_last());
        let filled = self.frames.fill(bytes, is_last, &self.decoder, out, from);
        self.window.pass(filled.used);
        if from + filled.events < out.len() {
            self.go_on(filled.error);
        }
        filled.events
    }

    /// The frames that are there are used up: remember what is wrong with the next, or get more bytes.
    fn go_on(&mut self, error: Option<omni_wire::WireError>) {
        if let Some(error) = error {
            self.failed = Some(FeedError::Wire { error, n_messages: self.counts().messages });
        } else if !self.window.is_last() {
            self.failed = self.window.refill(&mut self.input).err();
        }
    }

    /// What a batch returns: first what there is, then what is wrong, then the end.
    fn outcome(&mut self, is_empty: bool) -> Result<bool, FeedError> {
        match (&self.failed, is_empty) {
            (Some(error), true) => Err(error.clone()),
            _ => Ok(!is_empty),
        }
    }
}
