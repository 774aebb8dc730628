//! One instrument's market at work: the state of its book, and the hands that move orders between the places where they wait.

use std::collections::BTreeMap;

use omni_types::{Event, EventSink, LARGEST, OrderId, OrderType, PostOnly, Qty, Side, Ticks, TradingPhase, Trigger};

use crate::arriving::Limit;
use crate::ladder::Ladder;
use crate::levels::Owner;
use crate::node::{Node, Place, Rare};
use crate::store::{Link, NONE, SPECIAL, Slot, Store, Stub};

/// What an instrument has besides its orders.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    /// Bids and asks.
    pub ladders: [Ladder; 2],
    pub phase: TradingPhase,
    /// Price of the last trade; 0 for none.
    pub last: i64,
    /// Reference price of auctions before the first trade; 0 for none.
    pub reference: i64,
    /// Conditional orders of each side by (key, stamp).
    pub conditionals: [BTreeMap<(i64, u64), Slot>; 2],
    /// Stops of each side and trigger (last, best prices) by (sign · stop price, stamp): the first is the first to be elected.
    pub stops: [[BTreeMap<(i64, u64), Slot>; 2]; 2],
    /// Trailing stops by id, with or without a stop price yet.
    pub trailing: BTreeMap<u64, Slot>,
    /// Pegged orders by id, parked or priced.
    pub pegs: BTreeMap<u64, Slot>,
    /// Displayed best bid and ask at the last pass over the pegs; 0 for none.
    pub pegged_to: [i64; 2],
    /// A peg waits for its first price.
    pub has_new_peg: bool,
    /// On-open and on-close orders by stamp.
    pub auction: BTreeMap<u64, Slot>,
    /// Orders that settling has to look at: conditionals, stops and pegs.
    pub n_watched: u32,
}

impl Book {
    pub fn new(instrument: u16, phase: TradingPhase, window_pages: usize) -> Self {
        Self {
            ladders: [Side::Buy, Side::Sell].map(|side| Ladder::new(Owner { instrument, side }, window_pages)),
            phase,
            last: 0,
            reference: 0,
            conditionals: Default::default(),
            stops: Default::default(),
            trailing: BTreeMap::new(),
            pegs: BTreeMap::new(),
            pegged_to: [0; 2],
            has_new_peg: false,
            auction: BTreeMap::new(),
            n_watched: 0,
        }
    }

    /// The best price with displayed quantity, 0 for none, with the level it is at.
    pub fn displayed_best(&self, store: &Store, side: Side) -> (i64, u32) {
        let ladder = &self.ladders[side.index()];
        let (key, level) = if ladder.n_hidden_only == 0 {
            (ladder.best_key, ladder.best_level)
        } else {
            let mut displayed = ladder.levels(&store.levels).filter(|&(_, level)| store.levels[level].n[0] > 0);
            displayed.next().unwrap_or((0, NONE))
        };
        if level == NONE { (0, NONE) } else { (price_of(side, key), level) }
    }
}

/// What a ladder sorts by: less is better.
#[inline]
pub(crate) const fn key_of(side: Side, price: i64) -> i64 {
    match side {
        Side::Buy => -price,
        Side::Sell => price,
    }
}

/// The price behind a key.
#[inline]
pub(crate) const fn price_of(side: Side, key: i64) -> i64 {
    key_of(side, key)
}

/// An order in hand: arriving, or taken out of where it waited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InHand<'r> {
    pub node: Node,
    /// Lent, so that the many orders without share one.
    pub rare: &'r Rare,
    /// The slot it keeps, `NONE` if it never waited.
    pub slot: Slot,
}

impl InHand<'_> {
    #[inline]
    pub fn is_conditional(&self) -> bool {
        !self.node.is_plain && self.rare.terms.is_conditional()
    }
}

/// One instrument for the length of a command.
pub(crate) struct Market<'a, S> {
    pub store: &'a mut Store,
    pub book: &'a mut Book,
    pub out: &'a mut S,
}

impl<S: EventSink> Market<'_, S> {
    #[inline]
    pub fn is_continuous(&self) -> bool {
        self.book.phase == TradingPhase::Continuous
    }

    /// The same for a call that is not inlined, so that the original may stay in registers.
    #[inline(always)]
    pub fn reborrow(&mut self) -> Market<'_, S> {
        Market { store: self.store, book: self.book, out: self.out }
    }

    /// Queue what is left of a plain limit order; `slot` is `NONE` if it never waited.
    #[inline(always)]
    pub fn rest(&mut self, id: OrderId, limit: &Limit, leaves: i64, slot: Slot) {
        if leaves >= i64::from(SPECIAL) {
            let mut hand = InHand { node: limit.node(id, leaves), rare: &Rare::PLAIN, slot };
            self.reborrow().wait(&mut hand, Place::Displayed);
            return;
        }
        let stamp = self.store.stamp();
        let slot = if slot == NONE { self.store.claim(id) } else { slot };
        let (level, before) = self.link(slot, limit.side, limit.price.0, leaves, 0);
        self.store.links[slot as usize] = Link { before, behind: NONE, level, leaves: leaves as u32 };
        let (account, time_in_force) = (limit.account.0 as u16, limit.time_in_force);
        self.store.stubs[slot as usize] = Stub { stamp, special: NONE, account, time_in_force };
    }

    /// Put an order in hand where it waits, with a new stamp.
    #[inline(never)]
    pub fn wait(&mut self, hand: &mut InHand<'_>, place: Place) {
        hand.node.stamp = self.store.stamp();
        self.wait_as_stamped(hand, place);
    }

    /// Put an order in hand where it waits, with the stamp it has.
    pub fn wait_as_stamped(&mut self, hand: &mut InHand<'_>, place: Place) {
        let leaves = hand.node.leaves;
        let slice = if place == Place::Displayed && !hand.node.is_plain { hand.rare.terms.slice_of(leaves) } else { leaves };
        self.wait_with_slice(hand, place, slice);
    }

    /// Put an order in hand where it waits, with the stamp it has and so much to trade before it queues again.
    pub fn wait_with_slice(&mut self, hand: &mut InHand<'_>, place: Place, slice: i64) {
        let node = &mut hand.node;
        (node.place, node.slice) = (place, slice);
        hand.slot = self.store.put(hand.slot, node, hand.rare);
        let (slot, Node { id, side, price, stamp, order_type, .. }) = (hand.slot, hand.node);
        match place {
            Place::Displayed => self.queue(slot, side, price, slice, 0),
            Place::Hidden => {
                self.queue(slot, side, price, slice, 1);
                if order_type == OrderType::Pegged {
                    self.watch_peg(id, slot);
                }
            }
            Place::Conditional => {
                self.book.conditionals[side.index()].insert((key_of(side, price), stamp), slot);
                self.book.n_watched += 1;
            }
            Place::Stop => self.shelve_stop(slot),
            Place::Parked => self.watch_peg(id, slot),
            Place::Auction => {
                self.book.auction.insert(stamp, slot);
            }
        }
    }

    /// Take an order out of where it waits; it keeps its slot.
    #[inline(always)]
    pub fn take_out(&mut self, slot: Slot) {
        match self.store.links[slot as usize].leaves {
            SPECIAL => self.reborrow().take_out_special(slot),
            leaves => self.unlink(slot, i64::from(leaves), 0),
        }
    }

    #[inline(never)]
    fn take_out_special(&mut self, slot: Slot) {
        let Node { id, side, price, slice, stamp, place, order_type, .. } = *self.store.special(slot);
        match place {
            Place::Displayed => self.unlink(slot, slice, 0),
            Place::Hidden => {
                self.unlink(slot, slice, 1);
                if order_type == OrderType::Pegged {
                    self.unwatch_peg(id);
                }
            }
            Place::Conditional => {
                self.book.conditionals[side.index()].remove(&(key_of(side, price), stamp));
                self.book.n_watched -= 1;
            }
            Place::Stop => {
                self.book.n_watched -= 1;
                self.book.trailing.remove(&id.0);
                let terms = self.store.rare(slot).terms;
                self.unshelve_stop(side, terms.trigger, terms.stop_price.0, stamp);
            }
            Place::Parked => self.unwatch_peg(id),
            Place::Auction => {
                self.book.auction.remove(&stamp);
            }
        }
    }

    /// Take an order out and let it go.
    #[inline(always)]
    pub fn discard(&mut self, slot: Slot) {
        self.take_out(slot);
        self.store.remove(slot);
    }

    /// An order in hand is done: its slot, if it has one, is free.
    #[inline]
    pub fn let_go(&mut self, hand: &InHand<'_>) {
        if hand.slot != NONE {
            self.store.remove(hand.slot);
        }
    }

    /// Queue an order behind all others of its kind at its price.
    pub fn queue(&mut self, slot: Slot, side: Side, price: i64, slice: i64, kind: usize) {
        let (level, before) = self.link(slot, side, price, slice, kind);
        let link = &mut self.store.links[slot as usize];
        (link.level, link.before, link.behind) = (level, before, NONE);
    }

    /// Make a slot the last of its queue; returns the level and the slot before it, which the order's record has to keep.
    #[inline(always)]
    fn link(&mut self, slot: Slot, side: Side, price: i64, slice: i64, kind: usize) -> (u32, Slot) {
        let ladder = &mut self.book.ladders[side.index()];
        let (at, level) = ladder.open(&mut self.store.levels, key_of(side, price));
        let last = std::mem::replace(&mut level.tail[kind], slot);
        if kind == 0 {
            level.qty = level.qty.wrapping_add(slice);
        }
        if level.n[1] != 0 || kind == 1 {
            let was = level.is_hidden_only();
            level.n[kind] += 1;
            ladder.n_hidden_only = ladder.n_hidden_only + u32::from(level.is_hidden_only()) - u32::from(was);
        } else {
            level.n[0] += 1;
        }
        if last == NONE {
            level.head[kind] = slot;
        } else {
            self.store.links[last as usize].behind = slot;
        }
        (at, last)
    }

    /// Take an order out of its queue; a level without orders disappears.
    #[inline(always)]
    pub fn unlink(&mut self, slot: Slot, slice: i64, kind: usize) {
        // One look at where they are: a write to one of them could be to anything.
        let links = self.store.links.as_mut_slice();
        let Link { before, behind, level: at, .. } = links[slot as usize];
        let level = &mut self.store.levels[at];
        if kind == 0 {
            level.qty = level.qty.wrapping_sub(slice);
        }
        level.n[kind] -= 1;
        if before == NONE {
            level.head[kind] = behind;
        } else {
            links[before as usize].behind = behind;
        }
        if behind == NONE {
            level.tail[kind] = before;
        } else {
            links[behind as usize].before = before;
        }
        if before == NONE && behind == NONE {
            self.end_queue(at, kind);
        }
    }

    /// A level's queue has lost its last order.
    #[inline(always)]
    pub fn end_queue(&mut self, at: u32, kind: usize) {
        let owner = self.store.levels.page_of(at).owner;
        let ladder = &mut self.book.ladders[owner.side.index()];
        let is_closed = self.store.levels[at].is_empty();
        ladder.n_hidden_only = (ladder.n_hidden_only + u32::from(kind == 0 && !is_closed)) - u32::from(kind == 1 && is_closed);
        if is_closed {
            ladder.close(&mut self.store.levels, at);
        }
    }

    /// A waiting order has so much less in its slice: its level shows less if it is displayed.
    pub fn show_less(&mut self, slot: Slot, by: i64) {
        if self.store.is_plain(slot) || self.store.special(slot).place == Place::Displayed {
            let level = &mut self.store.levels[self.store.links[slot as usize].level];
            level.qty = level.qty.wrapping_sub(by);
        }
    }

    /// A slice is gone and something is left: show the next one, at the end of the queue.
    #[cold]
    pub fn refresh(&mut self, slot: Slot) {
        self.unlink(slot, 0, 0);
        let stamp = self.store.stamp();
        let display = self.store.rare(slot).terms;
        let node = self.store.special_mut(slot);
        (node.stamp, node.slice) = (stamp, display.slice_of(node.leaves));
        let Node { id, side, price, slice, .. } = *node;
        self.queue(slot, side, price, slice, 0);
        self.out.push(Event::Refreshed { id, price: Ticks(price), slice: Qty(slice) });
    }

    fn shelve_stop(&mut self, slot: Slot) {
        let Node { id, side, stamp, order_type, .. } = *self.store.special(slot);
        let terms = self.store.rare(slot).terms;
        self.book.n_watched += 1;
        if order_type == OrderType::TrailingStop {
            self.book.trailing.insert(id.0, slot);
        }
        if terms.stop_price.0 != 0 {
            self.stops(side, terms.trigger).insert((side.sign() * terms.stop_price.0, stamp), slot);
        }
    }

    fn unshelve_stop(&mut self, side: Side, trigger: Trigger, stop_price: i64, stamp: u64) {
        self.stops(side, trigger).remove(&(side.sign() * stop_price, stamp));
    }

    fn stops(&mut self, side: Side, trigger: Trigger) -> &mut BTreeMap<(i64, u64), Slot> {
        &mut self.book.stops[side.index()][usize::from(trigger == Trigger::Bbo)]
    }

    /// A trailing stop follows: it keeps its stamp.
    pub fn move_stop(&mut self, slot: Slot, stop_price: i64) {
        let Node { side, stamp, .. } = *self.store.special(slot);
        let terms = &mut self.store.rare_mut(slot).terms;
        let (trigger, before) = (terms.trigger, terms.stop_price.0);
        terms.stop_price = Ticks(stop_price);
        self.unshelve_stop(side, trigger, before, stamp);
        self.stops(side, trigger).insert((side.sign() * stop_price, stamp), slot);
    }

    fn watch_peg(&mut self, id: OrderId, slot: Slot) {
        self.book.pegs.insert(id.0, slot);
        self.book.n_watched += 1;
    }

    fn unwatch_peg(&mut self, id: OrderId) {
        self.book.pegs.remove(&id.0);
        self.book.n_watched -= 1;
    }

    /// The price at which a post-only order rests, or `None` if it must be refused.
    pub fn post_only_price(&self, side: Side, price: i64, post_only: PostOnly) -> Option<i64> {
        let other = side.opposite();
        let best = self.book.ladders[other.index()].best_key;
        if best > key_of(other, price) {
            return Some(price);
        }
        let slid = price_of(other, best) - side.sign();
        match post_only {
            PostOnly::No => Some(price),
            PostOnly::Reject => None,
            PostOnly::Slide => (1..=LARGEST).contains(&slid).then_some(slid),
        }
    }
}
