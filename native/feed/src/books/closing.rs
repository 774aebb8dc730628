//! What is looked at when an event has done its work: best prices, crossed books, depth.

use omni_wire::{EventKind, flags};

use super::ahead::Turn;
use super::market::Quote;
use super::{Books, Touched};

impl Books {
    /// Look at the book that an event touched.
    #[inline(always)]
    pub(super) fn settle(&mut self, turn: Turn<'_>, touched: Touched) {
        if self.options.checksum && turn.kind() <= EventKind::Execute.code() {
            let quote = self.by_instrument[usize::from(touched.instrument)].quote();
            self.checksum = self.checksum.wrapping_add(quote.check());
        }
        if turn.flags() & flags::LAST != 0 && self.pending.is_empty() {
            let book = &self.by_instrument[usize::from(touched.instrument)];
            let changed = self.options.bbo && differ(touched.before, book.best(touched.is_ask));
            self.close(turn.ts(), touched.instrument, changed);
        } else {
            self.postpone(touched);
            if turn.flags() & flags::LAST != 0 {
                self.close_pending(turn.ts());
            }
        }
    }

    /// Look at a book later, when its packet is over.
    #[cold]
    pub(super) fn postpone(&mut self, touched: Touched) {
        let book = &mut self.by_instrument[usize::from(touched.instrument)];
        if std::mem::replace(&mut book.is_pending, true) {
            return;
        }
        let (mut before, (price, qty)) = (book.quote(), touched.before);
        if touched.is_ask {
            (before.ask_price, before.ask_qty) = (price, qty);
        } else {
            (before.bid_price, before.bid_qty) = (price, qty);
        }
        self.pending.push((touched.instrument, before));
    }

    #[cold]
    pub(super) fn close_pending(&mut self, ts: i64) {
        let mut pending = std::mem::take(&mut self.pending);
        for (instrument, before) in pending.drain(..) {
            let book = &mut self.by_instrument[usize::from(instrument)];
            book.is_pending = false;
            let changed = self.options.bbo && before != book.quote();
            self.close(ts, instrument, changed);
        }
        self.pending = pending;
    }

    /// A book is whole: write down what changed.
    #[inline(always)]
    fn close(&mut self, ts: i64, instrument: u16, changed: bool) {
        let book = &self.by_instrument[usize::from(instrument)];
        let quote = book.quote();
        if changed {
            let Quote { bid_price, bid_qty, ask_price, ask_qty } = quote;
            self.tables.bbo.push(ts, instrument, bid_price, bid_qty, ask_price, ask_qty);
        }
        if quote.bid_price >= quote.ask_price && book.has_both() && book.is_trading {
            let crossed = quote.bid_price > quote.ask_price;
            self.counts.crossed += u64::from(crossed);
            self.counts.locked += u64::from(!crossed);
        }
        if let Some(depth) = &mut self.depth {
            depth.touch(&mut self.tables.depth, &self.store, book, ts, instrument);
        }
    }

    #[cold]
    pub(super) fn take_pictures(&mut self, ts: i64) {
        if let Some(depth) = &mut self.depth {
            let due = self.next_picture;
            self.next_picture = depth.write_due(&mut self.tables.depth, &self.store, &self.by_instrument, due, Some(ts));
        }
    }
}

/// Without a branch between the parts.
#[inline(always)]
fn differ(one: (i64, i64), other: (i64, i64)) -> bool {
    (one.0 ^ other.0) | (one.1 ^ other.1) != 0
}
