//! One instrument's market at work: the state of its book, and the hands that move orders between the places where they wait.

use std::collections::BTreeMap;

use omni_types::{
    Event, EventSink, LARGEST, NewOrder, OrderId, OrderType, PostOnly, Qty, SelfTrade, Side, Ticks, TradingPhase, Trigger,
};

use crate::ladder::Ladder;
use crate::store::{NONE, Node, Place, Rare, Slot, Store};

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
    pub fn new(phase: TradingPhase, window_pages: usize) -> Self {
        Self {
            ladders: [Ladder::new(window_pages), Ladder::new(window_pages)],
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
    -side.sign() * price
}

/// The price behind a key.
#[inline]
pub(crate) const fn price_of(side: Side, key: i64) -> i64 {
    -side.sign() * key
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
    /// Worst price it accepts, as a key of the other side; above every price if it accepts all.
    #[inline]
    pub fn limit_key(&self) -> i64 {
        match self.node.order_type {
            OrderType::Market => i64::MAX - 1,
            _ => key_of(self.node.side.opposite(), self.node.price),
        }
    }

    #[inline]
    pub fn is_conditional(&self) -> bool {
        !self.node.is_plain() && self.rare.terms.is_conditional()
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

    /// Queue a plain limit order, displayed.
    #[inline(always)]
    pub fn rest_plain(&mut self, id: OrderId, order: &NewOrder) {
        let (stamp, slot) = (self.store.stamp(), self.store.claim(id));
        let (side, price, qty) = (order.side, order.price.0, order.qty.0);
        let (level, before) = self.link(slot, side, price, qty, 0);
        self.store[slot] = Node {
            id,
            price,
            leaves: qty,
            slice: qty,
            stamp,
            before,
            behind: NONE,
            level,
            rare: NONE,
            account: order.account.0 as u16,
            instrument: order.instrument.0 as u16,
            side,
            order_type: OrderType::Limit,
            time_in_force: order.time_in_force,
            place: Place::Displayed,
        };
    }

    /// Put an order in hand where it waits, with a new stamp.
    pub fn wait(&mut self, hand: &mut InHand<'_>, place: Place) {
        hand.node.stamp = self.store.stamp();
        self.wait_as_stamped(hand, place);
    }

    /// Put an order in hand where it waits, with the stamp it has.
    pub fn wait_as_stamped(&mut self, hand: &mut InHand<'_>, place: Place) {
        let leaves = hand.node.leaves;
        let slice = if place == Place::Displayed && !hand.node.is_plain() { hand.rare.terms.slice_of(leaves) } else { leaves };
        self.wait_with_slice(hand, place, slice);
    }

    /// Put an order in hand where it waits, with the stamp it has and so much to trade before it queues again.
    pub fn wait_with_slice(&mut self, hand: &mut InHand<'_>, place: Place, slice: i64) {
        let node = &mut hand.node;
        (node.place, node.slice) = (place, slice);
        if hand.slot == NONE {
            hand.slot = self.store.insert(node, hand.rare);
            hand.node.rare = self.store[hand.slot].rare;
        } else {
            self.store[hand.slot] = *node;
        }
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
        if self.store[slot].place == Place::Displayed {
            self.unlink(slot, 0);
        } else {
            self.take_out_elsewhere(slot);
        }
    }

    #[cold]
    fn take_out_elsewhere(&mut self, slot: Slot) {
        let Node { id, side, price, stamp, place, order_type, .. } = self.store[slot];
        match place {
            Place::Displayed => self.unlink(slot, 0),
            Place::Hidden => {
                self.unlink(slot, 1);
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
        let node = &mut self.store[slot];
        (node.level, node.before, node.behind) = (level, before, NONE);
    }

    /// Make a slot the last of its queue; returns the level and the slot before it, which the order's record has to keep.
    #[inline(always)]
    fn link(&mut self, slot: Slot, side: Side, price: i64, slice: i64, kind: usize) -> (u32, Slot) {
        let ladder = &mut self.book.ladders[side.index()];
        let at = ladder.open(&mut self.store.levels, key_of(side, price));
        let level = &mut self.store.levels[at];
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
            self.store[last].behind = slot;
        }
        (at, last)
    }

    /// Take an order out of its queue; a level without orders disappears.
    #[inline(always)]
    pub fn unlink(&mut self, slot: Slot, kind: usize) {
        let Node { side, price, slice, level: at, before, behind, .. } = self.store[slot];
        let ladder = &mut self.book.ladders[side.index()];
        let level = &mut self.store.levels[at];
        if before == NONE {
            level.head[kind] = behind;
        }
        if behind == NONE {
            level.tail[kind] = before;
        }
        if kind == 0 {
            level.qty = level.qty.wrapping_sub(slice);
        }
        let left = level.n[kind] - 1;
        let others = level.n[1 - kind];
        if left == 0 && others == 0 {
            level.n[kind] = 0;
            ladder.n_hidden_only -= kind as u32;
            ladder.close(&mut self.store.levels, key_of(side, price), at);
            return;
        }
        if level.n[1] != 0 {
            let was = level.is_hidden_only();
            level.n[kind] = left;
            ladder.n_hidden_only = ladder.n_hidden_only + u32::from(level.is_hidden_only()) - u32::from(was);
        } else {
            level.n[0] = left;
        }
        if before != NONE {
            self.store[before].behind = behind;
        }
        if behind != NONE {
            self.store[behind].before = before;
        }
    }

    /// A slice is gone and something is left: show the next one, at the end of the queue.
    #[cold]
    pub fn refresh(&mut self, slot: Slot) {
        self.unlink(slot, 0);
        let stamp = self.store.stamp();
        let slice = self.store.rare(slot).terms.slice_of(self.store[slot].leaves);
        let node = &mut self.store[slot];
        (node.stamp, node.slice) = (stamp, slice);
        let Node { id, side, price, .. } = *node;
        self.queue(slot, side, price, slice, 0);
        self.out.push(Event::Refreshed { id, price: Ticks(price), slice: Qty(slice) });
    }

    fn shelve_stop(&mut self, slot: Slot) {
        let Node { id, side, stamp, order_type, .. } = self.store[slot];
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
        let Node { side, stamp, .. } = self.store[slot];
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

    /// Whether two orders of one account must not trade.
    #[inline]
    pub fn would_self_trade(hand: &InHand<'_>, maker: &Node) -> bool {
        !hand.node.is_plain() && hand.rare.self_trade != SelfTrade::Allow && hand.node.account == maker.account
    }
}
