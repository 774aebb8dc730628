//! Events on their way to the books: what each will need is asked for while others have their turn.
//!
//! Events go in blocks through five stages. Each stage reads what the stage before it asked for, and asks for what that leads to: the place
//! of an order's name, its page, the order, its level and neighbours, and the end of the queue or the price array. What a stage learns may
//! be out of date when the turn comes: it is a hint, and checked.

use omni_memory::prefetch;
use omni_types::Side;
use omni_wire::EventKind;

use super::Books;
use super::side::{NONE, flip};
use super::store::number;
use crate::columns::Events;

/// Events of a block.
pub(super) const BLOCK: usize = 4;
/// Blocks that are on their way; a power of two.
pub(super) const RING: usize = 8;
/// Stages before the turn of a block.
pub(super) const STAGES: usize = 4;

const ADD: u8 = EventKind::Add.code();

/// Some events, side by side, with what was learnt about them.
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub len: usize,
    ts: [i64; BLOCK],
    kind: [u8; BLOCK],
    side: [u8; BLOCK],
    flags: [u8; BLOCK],
    instrument: [u16; BLOCK],
    order_id: [u64; BLOCK],
    other_id: [u64; BLOCK],
    qty: [i64; BLOCK],
    price: [i64; BLOCK],
    slot: [u32; BLOCK],
    level: [u32; BLOCK],
}

/// An event whose turn it is; its fields are read where they are needed.
#[derive(Clone, Copy)]
pub(super) struct Turn<'a> {
    pub block: &'a Block,
    pub at: usize,
}

macro_rules! fields {
    ($($field:ident: $type:ty,)+) => {
        impl Turn<'_> {
            $(#[inline(always)]
            pub fn $field(self) -> $type {
                self.block.$field[self.at % BLOCK]
            })+
        }
    };
}

fields! {
    ts: i64,
    kind: u8,
    side: u8,
    flags: u8,
    instrument: u16,
    order_id: u64,
    other_id: u64,
    qty: i64,
    price: i64,
    // Where its order was, `NONE` if it was not there.
    slot: u32,
    // The level of that order, or that a new one would have joined.
    level: u32,
}

impl Block {
    pub const NOTHING: Self = Self {
        len: 0,
        ts: [0; BLOCK],
        kind: [0; BLOCK],
        side: [0; BLOCK],
        flags: [0; BLOCK],
        instrument: [0; BLOCK],
        order_id: [0; BLOCK],
        other_id: [0; BLOCK],
        qty: [0; BLOCK],
        price: [0; BLOCK],
        slot: [NONE; BLOCK],
        level: [NONE; BLOCK],
    };

    /// Take the events from a place on.
    #[inline(always)]
    pub fn load(&mut self, events: &Events<'_>, from: usize) {
        self.len = events.ts.len() - from;
        copy(&mut self.ts, events.ts, from);
        copy(&mut self.kind, events.kind, from);
        copy(&mut self.side, events.side, from);
        copy(&mut self.flags, events.flags, from);
        copy(&mut self.instrument, events.instrument, from);
        copy(&mut self.order_id, events.order_id, from);
        copy(&mut self.other_id, events.other_id, from);
        copy(&mut self.qty, events.qty, from);
        copy(&mut self.price, events.price, from);
    }
}

#[inline(always)]
fn copy<T: Copy>(to: &mut [T; BLOCK], from: &[T], at: usize) {
    match from[at..].first_chunk() {
        Some(whole) => *to = *whole,
        // The last block: what lies behind its events is looked at ahead, but has no turn.
        None => to.iter_mut().zip(&from[at..]).for_each(|(to, from)| *to = *from),
    }
}

impl Books {
    #[inline(always)]
    pub(super) fn expect(&self, block: &Block) {
        for at in 0..block.len.min(BLOCK) {
            self.store.prefetch_id(block.order_id[at]);
            prefetch(self.by_instrument.as_ptr().wrapping_add(usize::from(block.instrument[at])));
        }
    }

    #[inline(always)]
    pub(super) fn expect_orders(&self, block: &mut Block) {
        for at in 0..block.len.min(BLOCK) {
            block.slot[at] = self.store.slot(block.order_id[at]);
            self.store.prefetch_order(block.slot[at]);
            if let Some(book) = self.by_instrument.get(usize::from(block.instrument[at])) {
                book.prefetch(&self.store);
            }
        }
    }

    #[inline(always)]
    pub(super) fn expect_levels(&self, block: &mut Block) {
        for at in 0..block.len.min(BLOCK) {
            block.level[at] = if block.kind[at] == ADD {
                let (instrument, is_ask) = (block.instrument[at], block.side[at] == Side::Sell.code());
                let find = |side| self.store.ladders.find(side, number(instrument, is_ask), flip(is_ask, block.price[at]));
                self.by_instrument.get(usize::from(instrument)).map_or(NONE, |book| find(book.side(is_ask)))
            } else {
                self.store.prefetch_neighbours(block.slot[at])
            };
            self.store.prefetch_level(block.level[at]);
        }
    }

    #[inline(always)]
    pub(super) fn expect_queues(&self, block: &Block) {
        for &level in &block.level[..block.len.min(BLOCK)] {
            self.store.prefetch_last(level);
        }
    }
}
