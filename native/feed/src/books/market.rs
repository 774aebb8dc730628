//! What events do to the orders and levels of a market, and nothing else: no tables, no statistics.

use super::side::{NONE, Side, flip};
use super::store::{Store, number};

/// Best bid and ask of an instrument; 0 for a side that is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct Quote {
    pub bid_price: i64,
    pub bid_qty: i64,
    pub ask_price: i64,
    pub ask_qty: i64,
}

/// An order that joins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewOrder {
    /// Claimed for it.
    pub slot: u32,
    pub instrument: u16,
    pub is_ask: bool,
    pub price: i64,
    pub qty: i64,
}

/// One cache line: what all events of an instrument touch.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Book {
    /// Of bid and ask. Price and quantity of a side lie apart: side by side they would be read together, which waits when one of them was
    /// written a moment ago.
    best_price: [i64; 2],
    best_qty: [i64; 2],
    best_level: [u32; 2],
    /// Whether orders that meet would trade.
    pub is_trading: bool,
    /// Whether something happened to it since the last event with `LAST`.
    pub is_pending: bool,
    /// Whether anything ever happened to it.
    pub is_known: bool,
    sides: [Side; 2],
}

const _: () = assert!(size_of::<Book>() == 64);

impl Default for Book {
    fn default() -> Self {
        Self {
            best_price: [0; 2],
            best_qty: [0; 2],
            best_level: [NONE; 2],
            is_trading: true,
            is_pending: false,
            is_known: false,
            sides: Default::default(),
        }
    }
}

impl Book {
    #[inline(always)]
    pub fn quote(&self) -> Quote {
        let ([bid_price, ask_price], [bid_qty, ask_qty]) = (self.best_price, self.best_qty);
        Quote { bid_price, bid_qty, ask_price, ask_qty }
    }

    /// Best price and quantity of a side; 0 for one that is empty.
    #[inline(always)]
    pub fn best(&self, is_ask: bool) -> (i64, i64) {
        (self.best_price[usize::from(is_ask)], self.best_qty[usize::from(is_ask)])
    }

    /// Whether both sides have orders.
    #[inline(always)]
    pub fn has_both(&self) -> bool {
        self.best_level[0] != NONE && self.best_level[1] != NONE
    }

    /// Whether a side has nothing.
    pub fn is_empty(&self, is_ask: bool) -> bool {
        self.best_level[usize::from(is_ask)] == NONE
    }

    #[inline(always)]
    pub fn side(&self, is_ask: bool) -> Side {
        self.sides[usize::from(is_ask)]
    }

    /// Ask for the best entries of both sides.
    #[inline(always)]
    pub fn prefetch(&self, store: &Store) {
        store.ladders.prefetch(self.sides[0]);
        store.ladders.prefetch(self.sides[1]);
    }

    /// Put a new order at the end of the queue at its price, whose level may be that of the hint.
    #[inline(always)]
    pub fn add(&mut self, store: &mut Store, new: &NewOrder, hint: u32) {
        let &NewOrder { slot, instrument, is_ask, price, qty } = new;
        let (side, key) = (usize::from(is_ask), flip(is_ask, price));
        if store.is_level(hint, instrument, is_ask, key) {
            let total = store.push(hint, slot, qty);
            if hint == self.best_level[side] {
                self.best_qty[side] = total;
            }
            return;
        }
        let level = store.open(&mut self.sides[side], instrument, is_ask, key);
        let total = store.push(level, slot, qty);
        if store.ladders.best(self.sides[side]).is_some_and(|best| best.level == level) {
            (self.best_price[side], self.best_qty[side], self.best_level[side]) = (price, total, level);
        }
    }

    /// Take an order out.
    #[inline(always)]
    pub fn remove(&mut self, store: &mut Store, slot: u32) {
        let level = store.order(slot).level;
        let is_empty = store.remove(slot);
        let is_ask = store.level(level).is_ask;
        if is_empty {
            store.close(&mut self.sides[usize::from(is_ask)], level);
        }
        if level == self.best_level[usize::from(is_ask)] {
            self.refresh(store, is_ask);
        }
    }

    /// Take so much off an order that has more.
    #[inline(always)]
    pub fn reduce(&mut self, store: &mut Store, slot: u32, qty: i64) {
        store.reduce(slot, qty);
        let level = store.order(slot).level;
        let side = usize::from(store.level(level).is_ask);
        if level == self.best_level[side] {
            self.best_qty[side] = store.level(level).qty;
        }
    }

    /// Replace what a price level holds, its orders included.
    pub fn set_level(&mut self, store: &mut Store, instrument: u16, is_ask: bool, price: i64, qty: i64) {
        let (side, key) = (&mut self.sides[usize::from(is_ask)], flip(is_ask, price));
        if qty == 0 && store.ladders.find(*side, number(instrument, is_ask), key) == NONE {
            return;
        }
        let level = store.open(side, instrument, is_ask, key);
        store.clear_level(level);
        store.level_mut(level).qty = qty;
        if qty == 0 {
            store.close(side, level);
        }
        self.refresh(store, is_ask);
    }

    /// Take everything off a side.
    pub fn clear(&mut self, store: &mut Store, instrument: u16, is_ask: bool) {
        store.clear(&mut self.sides[usize::from(is_ask)], instrument, is_ask);
        self.refresh(store, is_ask);
    }

    /// Say the best of a side anew.
    #[inline(always)]
    fn refresh(&mut self, store: &Store, is_ask: bool) {
        let side = usize::from(is_ask);
        (self.best_price[side], self.best_qty[side], self.best_level[side]) = match store.ladders.best(self.sides[side]) {
            Some(best) => (flip(is_ask, best.key), store.level(best.level).qty, best.level),
            None => (0, 0, NONE),
        };
    }
}
