//! Taking: an incoming order meets the other side, best price first; `docs/matching.md` section 5.

use omni_types::{CancelReason, Event, EventSink, OrderId, OrderType, Qty, SelfTrade, Side, Ticks};

use crate::ladder::EMPTY;
use crate::market::{InHand, Market, key_of, price_of};
use crate::node::Node;
use crate::store::{NONE, SPECIAL, Slot};

/// What became of an order that took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It may go on with what it has left, perhaps nothing.
    Alive,
    /// Self-trade prevention canceled it.
    Canceled,
}

/// An order that takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taker {
    pub id: OrderId,
    pub account: u16,
    pub side: Side,
    pub self_trade: SelfTrade,
    /// Its limit; 0 for none.
    pub price: i64,
    /// Worst price it accepts, as a key of the other side; above every price if it accepts all.
    pub limit_key: i64,
    pub leaves: i64,
}

impl Taker {
    /// Whether it must not trade with an order of this account.
    #[inline(always)]
    fn minds(&self, account: u16) -> bool {
        self.self_trade != SelfTrade::Allow && self.account == account
    }
}

impl InHand<'_> {
    /// The order as it takes.
    #[inline]
    pub fn taker(&self) -> Taker {
        let Node { id, account, side, price, leaves, order_type, .. } = self.node;
        let limit_key = if order_type == OrderType::Market { i64::MAX - 1 } else { key_of(side.opposite(), price) };
        Taker { id, account, side, self_trade: self.rare.self_trade, price, limit_key, leaves }
    }
}

impl<S: EventSink> Market<'_, S> {
    /// Let an order in hand take; its leaves say what remains.
    pub fn take_in_hand(&mut self, hand: &mut InHand<'_>) -> Taken {
        let mut taker = hand.taker();
        let outcome = self.take(&mut taker, hand.rare.self_trade != SelfTrade::Allow);
        hand.node.leaves = taker.leaves;
        outcome
    }

    /// Trade with whoever the taker accepts; its leaves say what remains. `minds_own` is whether there is self-trade prevention to act: known
    /// beforehand for most orders.
    #[inline(always)]
    pub fn take(&mut self, taker: &mut Taker, minds_own: bool) -> Taken {
        let other = taker.side.opposite();
        while taker.leaves > 0 {
            let ladder = &self.book.ladders[other.index()];
            let (key, at) = (ladder.best_key, ladder.best_level);
            if !self.book.conditionals[other.index()].is_empty()
                && let Some(slot) = self.conditional_before(other, key, taker.limit_key, taker.leaves)
            {
                if self.meet(taker, slot) == Taken::Canceled {
                    return Taken::Canceled;
                }
                continue;
            }
            if key > taker.limit_key {
                break;
            }
            if self.sweep(taker, minds_own, at, price_of(other, key)) {
                continue;
            }
            let level = &self.store.levels[at];
            let slot = level.head[usize::from(level.n[0] == 0)];
            if self.meet(taker, slot) == Taken::Canceled {
                return Taken::Canceled;
            }
        }
        Taken::Alive
    }

    /// Trade with the plain orders of the best level, up to one that needs more thought. Returns whether anything traded. [`Market::meet`]
    /// would do the same, one order at a time.
    #[inline(always)]
    fn sweep(&mut self, taker: &mut Taker, minds_own: bool, at: u32, price: i64) -> bool {
        let Taker { id, account, side, leaves: wanted, .. } = *taker;
        let store = &mut *self.store;
        let links = store.links.as_mut_slice();
        let mut trade_id = store.next_trade_id;
        let (mut slot, mut left, mut gone) = (store.levels[at].head[0], wanted, 0);
        while left > 0 && slot != NONE {
            let link = &mut links[slot as usize];
            if link.leaves == SPECIAL || (minds_own && account == store.stubs[slot as usize].account) {
                break;
            }
            let qty = left.min(i64::from(link.leaves));
            left -= qty;
            link.leaves -= qty as u32;
            let maker_leaves = link.leaves;
            let maker = if maker_leaves == 0 {
                gone += 1;
                let maker = store.slots.release_slot(slot);
                slot = link.behind;
                maker
            } else {
                store.slots.id(slot)
            };
            self.out.push(Event::Trade {
                maker: OrderId(maker),
                taker: id,
                aggressor: Some(side),
                price: Ticks(price),
                qty: Qty(qty),
                maker_leaves: Qty(i64::from(maker_leaves)),
                taker_leaves: Qty(left),
                trade_id,
            });
            trade_id += 1;
        }
        if left == wanted {
            return false;
        }
        taker.leaves = left;
        self.book.last = price;
        store.next_trade_id = trade_id;
        store.n_live -= gone as usize;
        let level = &mut store.levels[at];
        level.qty = level.qty.wrapping_sub(wanted - left);
        level.n[0] -= gone;
        level.head[0] = slot;
        if slot == NONE {
            level.tail[0] = NONE;
            self.end_queue(at, 0);
        } else {
            links[slot as usize].before = NONE;
        }
        true
    }

    /// The first conditional maker that `wanted` satisfies and that comes before the book's best `key`.
    #[cold]
    fn conditional_before(&self, side: Side, key: i64, limit_key: i64, wanted: i64) -> Option<Slot> {
        self.book.conditionals[side.index()]
            .iter()
            .take_while(|&(&(at, _), _)| at < key && at <= limit_key)
            .map(|(_, &slot)| slot)
            .find(|&slot| self.store.rare(slot).terms.required(self.store.special(slot).leaves) <= wanted)
    }

    /// A taker and the next maker: they trade, or self-trade prevention acts.
    #[inline(never)]
    fn meet(&mut self, taker: &mut Taker, slot: Slot) -> Taken {
        let Node { id, account, price, slice, .. } = self.store.node(slot);
        if taker.minds(account) {
            return self.prevent(taker, slot);
        }
        let qty = taker.leaves.min(slice);
        let leaves = self.fill_part(slot, qty);
        taker.leaves -= qty;
        self.book.last = price;
        let trade_id = self.store.trade_id();
        self.out.push(Event::Trade {
            maker: id,
            taker: taker.id,
            aggressor: Some(taker.side),
            price: Ticks(price),
            qty: Qty(qty),
            maker_leaves: Qty(leaves),
            taker_leaves: Qty(taker.leaves),
            trade_id,
        });
        if leaves == 0 {
            self.discard(slot);
        } else if qty == slice {
            self.refresh(slot);
        }
        Taken::Alive
    }

    #[cold]
    fn prevent(&mut self, taker: &mut Taker, slot: Slot) -> Taken {
        let maker = self.store.node(slot);
        match taker.self_trade {
            SelfTrade::Allow => unreachable!("nothing to prevent"),
            SelfTrade::CancelNewest => self.cancel_for_self_trade(taker),
            SelfTrade::CancelOldest | SelfTrade::CancelBoth => {
                self.discard(slot);
                self.out.push(Event::Canceled { id: maker.id, leaves: Qty(maker.leaves), reason: CancelReason::SelfTrade });
                if taker.self_trade == SelfTrade::CancelOldest { Taken::Alive } else { self.cancel_for_self_trade(taker) }
            }
            SelfTrade::Decrement => {
                let qty = taker.leaves.min(maker.slice);
                let leaves = self.fill_part(slot, qty);
                let price = Ticks(maker.price);
                self.out.push(Event::Decremented { id: maker.id, price, qty: Qty(qty), leaves: Qty(leaves) });
                if leaves == 0 {
                    self.discard(slot);
                    self.out.push(Event::Canceled { id: maker.id, leaves: Qty(0), reason: CancelReason::SelfTrade });
                }
                taker.leaves -= qty;
                let (id, price) = (taker.id, Ticks(taker.price));
                self.out.push(Event::Decremented { id, price, qty: Qty(qty), leaves: Qty(taker.leaves) });
                let end = if taker.leaves == 0 { self.cancel_for_self_trade(taker) } else { Taken::Alive };
                if leaves > 0 && self.store.wants(slot).1 == 0 {
                    self.refresh(slot);
                }
                end
            }
        }
    }

    fn cancel_for_self_trade(&mut self, taker: &Taker) -> Taken {
        self.out.push(Event::Canceled { id: taker.id, leaves: Qty(taker.leaves), reason: CancelReason::SelfTrade });
        Taken::Canceled
    }

    /// Take `qty` from a waiting order, its slice first; returns what it has left. It stays where it is, even empty.
    pub fn fill_part(&mut self, slot: Slot, qty: i64) -> i64 {
        let (leaves, slice) = self.store.wants(slot);
        let shown = qty.min(slice);
        self.store.set_wants(slot, leaves - qty, slice - shown);
        self.show_less(slot, shown);
        leaves - qty
    }

    /// Whether a taker could take at least `needed` of its leaves, found without changing anything.
    pub fn is_available(&self, taker: &Taker, needed: i64) -> bool {
        let other = taker.side.opposite();
        let limit_key = taker.limit_key;
        let mut search = Search { wanted: taker.leaves, needed, found: 0 };
        let mut conditionals = self.book.conditionals[other.index()].iter().map(|(&(key, _), &slot)| (key, slot)).peekable();
        let levels = self.book.ladders[other.index()].levels(&self.store.levels).take_while(|&(key, _)| key <= limit_key);
        // After the last level come the conditional orders that are left.
        for (key, level) in levels.map(|(key, level)| (key, Some(level))).chain([(EMPTY, None)]) {
            while let Some((_, slot)) = conditionals.next_if(|&(at, _)| at < key && at <= limit_key) {
                if let Some(enough) = self.search_conditional(taker, slot, &mut search) {
                    return enough;
                }
            }
            if let Some(level) = level
                && let Some(enough) = self.search_level(taker, level, &mut search)
            {
                return enough;
            }
        }
        false
    }

    /// Count a conditional maker; `Some` when the search ends there.
    fn search_conditional(&self, taker: &Taker, slot: Slot, search: &mut Search) -> Option<bool> {
        let maker = self.store.special(slot);
        if self.store.rare(slot).terms.required(maker.leaves) > search.wanted - search.found {
            return None;
        }
        if taker.minds(maker.account) {
            return if taker.self_trade == SelfTrade::CancelOldest { None } else { Some(false) };
        }
        search.add(maker.leaves).then_some(true)
    }

    /// Count a level; `Some` when the search ends there.
    fn search_level(&self, taker: &Taker, level: u32, search: &mut Search) -> Option<bool> {
        let passes_own = taker.self_trade == SelfTrade::CancelOldest;
        for kind in 0..2 {
            let first = self.store.levels[level].head[kind];
            let ends_at_own =
                !passes_own && self.store.queue(first).any(|slot| taker.minds(self.store.stubs[slot as usize].account));
            for slot in self.store.queue(first) {
                if taker.minds(self.store.stubs[slot as usize].account) {
                    if passes_own {
                        continue;
                    }
                    return Some(false);
                }
                // Before an own order only what shows comes up: the rest of an iceberg would queue behind it.
                let (leaves, slice) = self.store.wants(slot);
                if search.add(if ends_at_own { slice } else { leaves }) {
                    return Some(true);
                }
            }
        }
        None
    }
}

/// How far a search for quantity has come.
struct Search {
    wanted: i64,
    needed: i64,
    found: i64,
}

impl Search {
    /// Count a maker; true when enough is found.
    fn add(&mut self, qty: i64) -> bool {
        self.found += qty.min(self.wanted - self.found);
        self.found >= self.needed
    }
}
