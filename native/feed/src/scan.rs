//! What a capture holds, without keeping any of it.

use std::collections::BTreeMap;

use omni_wire::itch::{LAYOUTS, Layout, StockDirectory, view};

use crate::{FeedError, Reader};

/// Counts of what was read.
#[derive(Clone, Debug)]
pub struct Scan {
    /// By the byte of the type.
    messages: [u64; 256],
    /// Times of the first and the last message, nanoseconds since midnight at the venue.
    pub times: Option<(u64, u64)>,
    /// The stock directory: symbols, padded, by stock locate.
    pub symbols: BTreeMap<u16, [u8; 8]>,
}

impl Default for Scan {
    fn default() -> Self {
        Self { messages: [0; 256], times: None, symbols: BTreeMap::new() }
    }
}

impl Scan {
    /// Count at least so many messages, or those that are left; false at the end, when there were none.
    ///
    /// # Errors
    ///
    /// As [`Reader::events`].
    pub fn advance(&mut self, reader: &mut Reader, most: u64) -> Result<bool, FeedError> {
        reader.each(most, |frame| {
            let &[kind, _, _, _, _, t0, t1, t2, t3, t4, t5, ..] = frame.message else { return };
            self.messages[usize::from(kind)] += 1;
            let time = u64::from_be_bytes([0, 0, t0, t1, t2, t3, t4, t5]);
            self.times = Some((self.times.map_or(time, |times| times.0), time));
            if kind == StockDirectory::KIND
                && let Ok(directory) = view::StockDirectory::new(frame.message)
            {
                self.symbols.insert(directory.stock_locate(), directory.stock());
            }
        })
    }

    /// Messages of each known type.
    pub fn messages(&self) -> impl Iterator<Item = (&'static Layout, u64)> + '_ {
        LAYOUTS.iter().map(|layout| (layout, self.messages[usize::from(layout.kind)])).filter(|(_, n)| *n > 0)
    }
}
