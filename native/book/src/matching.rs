//! Taking: an incoming order meets the other side, best price first; `docs/matching.md` section 5.

use omni_types::{CancelReason, Event, EventSink, Qty, SelfTrade, Side, Ticks};

use crate::ladder::EMPTY;
use crate::market::{InHand, Market, key_of};
use crate::store::{NONE, Node, Place, Slot};

/// What became of an order that took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It may go on with what it has left, perhaps nothing.
    Alive,
    /// Self-trade prevention canceled it.
    Canceled,
}

impl<S: EventSink> Market<'_, S> {
    /// Trade an order in hand with whoever accepts; its leaves say what remains.
    #[inline(never)]
    pub fn take(&mut self, hand: &mut InHand<'_>) -> Taken {
        let other = hand.node.side.opposite();
        let limit_key = hand.limit_key();
        while hand.node.leaves > 0 {
            let ladder = &self.book.ladders[other.index()];
            let (key, at) = (ladder.best_key, ladder.best_level);
            if !self.book.conditionals[other.index()].is_empty()
                && let Some(slot) = self.conditional_before(other, key, limit_key, hand.node.leaves)
            {
                if self.meet(hand, slot) == Taken::Canceled {
                    return Taken::Canceled;
                }
                continue;
            }
            if key > limit_key {
                break;
            }
            if self.sweep(hand, at) {
                continue;
            }
            let level = &self.store.levels[at];
            let slot = level.head[usize::from(level.n[0] == 0)];
            if self.meet(hand, slot) == Taken::Canceled {
                return Taken::Canceled;
            }
        }
        Taken::Alive
    }

    /// Trade with the displayed orders of the best level, up to one that needs more thought: of the own account, or an iceberg whose next
    /// slice is due. Returns whether anything traded. [`Market::meet`] would do the same, one order at a time.
    #[inline(always)]
    fn sweep(&mut self, hand: &mut InHand<'_>, at: u32) -> bool {
        let level = &self.store.levels[at];
        let (mut slot, before) = (level.head[0], level.n[0]);
        if before == 0 {
            return false;
        }
        let price = self.store[slot].price;
        let minds_own = !hand.node.is_plain() && hand.rare.self_trade != SelfTrade::Allow;
        let (mut left, mut gone, mut traded) = (hand.node.leaves, 0, 0);
        while left > 0 && gone < before {
            let maker = &mut self.store[slot];
            let qty = left.min(maker.slice);
            let is_last_slice = maker.leaves == maker.slice;
            if (minds_own && maker.account == hand.node.account) || (qty == maker.slice && !is_last_slice) {
                break;
            }
            maker.slice -= qty;
            maker.leaves -= qty;
            let Node { id, leaves, behind, .. } = *maker;
            left -= qty;
            traded += qty;
            let trade_id = self.store.trade_id();
            self.out.push(Event::Trade {
                maker: id,
                taker: hand.node.id,
                aggressor: Some(hand.node.side),
                price: Ticks(price),
                qty: Qty(qty),
                maker_leaves: Qty(leaves),
                taker_leaves: Qty(left),
                trade_id,
            });
            if leaves == 0 {
                self.store.remove(slot);
                gone += 1;
                slot = behind;
            }
        }
        if traded == 0 {
            return false;
        }
        hand.node.leaves = left;
        self.book.last = price;
        let level = &mut self.store.levels[at];
        level.qty = level.qty.wrapping_sub(traded);
        if gone > 0 {
            self.cut_queue(hand.node.side.opposite(), price, at, slot, gone);
        }
        true
    }

    /// Let a level's displayed queue start at a slot; the `gone` orders before it have left.
    #[inline(always)]
    fn cut_queue(&mut self, side: Side, price: i64, at: u32, first: Slot, gone: u32) {
        let ladder = &mut self.book.ladders[side.index()];
        let level = &mut self.store.levels[at];
        level.n[0] -= gone;
        level.head[0] = first;
        if first != NONE {
            self.store[first].before = NONE;
            return;
        }
        level.tail[0] = NONE;
        if level.n[1] == 0 {
            ladder.close(&mut self.store.levels, key_of(side, price), at);
        } else {
            ladder.n_hidden_only += 1;
        }
    }

    /// The first conditional maker that `wanted` satisfies and that comes before the book's best `key`.
    #[cold]
    fn conditional_before(&self, side: Side, key: i64, limit_key: i64, wanted: i64) -> Option<Slot> {
        self.book.conditionals[side.index()]
            .iter()
            .take_while(|&(&(at, _), _)| at < key && at <= limit_key)
            .map(|(_, &slot)| slot)
            .find(|&slot| self.store.rare(slot).terms.required(self.store[slot].leaves) <= wanted)
    }

    /// An incoming order and the next maker: they trade, or self-trade prevention acts.
    fn meet(&mut self, hand: &mut InHand<'_>, slot: Slot) -> Taken {
        let maker = &mut self.store[slot];
        if Self::would_self_trade(hand, maker) {
            return self.prevent(hand, slot);
        }
        let qty = hand.node.leaves.min(maker.slice);
        maker.slice -= qty;
        maker.leaves -= qty;
        hand.node.leaves -= qty;
        let Node { id, price, leaves, slice, place, level, .. } = *maker;
        if place == Place::Displayed {
            let level = &mut self.store.levels[level];
            level.qty = level.qty.wrapping_sub(qty);
        }
        self.book.last = price;
        let trade_id = self.store.trade_id();
        self.out.push(Event::Trade {
            maker: id,
            taker: hand.node.id,
            aggressor: Some(hand.node.side),
            price: Ticks(price),
            qty: Qty(qty),
            maker_leaves: Qty(leaves),
            taker_leaves: Qty(hand.node.leaves),
            trade_id,
        });
        if leaves == 0 {
            self.discard(slot);
        } else if slice == 0 {
            self.refresh(slot);
        }
        Taken::Alive
    }

    #[cold]
    fn prevent(&mut self, hand: &mut InHand<'_>, slot: Slot) -> Taken {
        let maker = self.store[slot];
        match hand.rare.self_trade {
            SelfTrade::Allow => unreachable!("nothing to prevent"),
            SelfTrade::CancelNewest => self.cancel_for_self_trade(hand),
            SelfTrade::CancelOldest | SelfTrade::CancelBoth => {
                self.discard(slot);
                self.out.push(Event::Canceled { id: maker.id, leaves: Qty(maker.leaves), reason: CancelReason::SelfTrade });
                if hand.rare.self_trade == SelfTrade::CancelOldest { Taken::Alive } else { self.cancel_for_self_trade(hand) }
            }
            SelfTrade::Decrement => {
                let qty = hand.node.leaves.min(maker.slice);
                let leaves = self.fill_part(slot, qty);
                let price = Ticks(maker.price);
                self.out.push(Event::Decremented { id: maker.id, price, qty: Qty(qty), leaves: Qty(leaves) });
                if leaves == 0 {
                    self.discard(slot);
                    self.out.push(Event::Canceled { id: maker.id, leaves: Qty(0), reason: CancelReason::SelfTrade });
                }
                hand.node.leaves -= qty;
                let (id, price) = (hand.node.id, Ticks(hand.node.price));
                self.out.push(Event::Decremented { id, price, qty: Qty(qty), leaves: Qty(hand.node.leaves) });
                let end = if hand.node.leaves == 0 { self.cancel_for_self_trade(hand) } else { Taken::Alive };
                if leaves > 0 && self.store[slot].slice == 0 {
                    self.refresh(slot);
                }
                end
            }
        }
    }

    fn cancel_for_self_trade(&mut self, hand: &InHand<'_>) -> Taken {
        self.out.push(Event::Canceled { id: hand.node.id, leaves: Qty(hand.node.leaves), reason: CancelReason::SelfTrade });
        Taken::Canceled
    }

    /// Take `qty` from a waiting order, its slice first; returns what it has left. It stays where it is, even empty.
    pub fn fill_part(&mut self, slot: Slot, qty: i64) -> i64 {
        let node = &mut self.store[slot];
        let shown = qty.min(node.slice);
        node.leaves -= qty;
        node.slice -= shown;
        let Node { leaves, place, level, .. } = *node;
        if place == Place::Displayed {
            let level = &mut self.store.levels[level];
            level.qty = level.qty.wrapping_sub(shown);
        }
        leaves
    }

    /// Whether an order in hand could take at least `needed` of its leaves, found without changing anything.
    pub fn is_available(&self, hand: &InHand<'_>, needed: i64) -> bool {
        let other = hand.node.side.opposite();
        let limit_key = hand.limit_key();
        let mut search = Search { wanted: hand.node.leaves, needed, found: 0 };
        let mut conditionals = self.book.conditionals[other.index()].iter().map(|(&(key, _), &slot)| (key, slot)).peekable();
        let levels = self.book.ladders[other.index()].levels(&self.store.levels).take_while(|&(key, _)| key <= limit_key);
        // After the last level come the conditional orders that are left.
        for (key, level) in levels.map(|(key, level)| (key, Some(level))).chain([(EMPTY, None)]) {
            while let Some((_, slot)) = conditionals.next_if(|&(at, _)| at < key && at <= limit_key) {
                if let Some(enough) = self.search_conditional(hand, slot, &mut search) {
                    return enough;
                }
            }
            if let Some(level) = level
                && let Some(enough) = self.search_level(hand, level, &mut search)
            {
                return enough;
            }
        }
        false
    }

    /// Count a conditional maker; `Some` when the search ends there.
    fn search_conditional(&self, hand: &InHand<'_>, slot: Slot, search: &mut Search) -> Option<bool> {
        let maker = &self.store[slot];
        if self.store.rare(slot).terms.required(maker.leaves) > search.wanted - search.found {
            return None;
        }
        if Self::would_self_trade(hand, maker) {
            return if hand.rare.self_trade == SelfTrade::CancelOldest { None } else { Some(false) };
        }
        search.add(maker.leaves).then_some(true)
    }

    /// Count a level; `Some` when the search ends there.
    fn search_level(&self, hand: &InHand<'_>, level: u32, search: &mut Search) -> Option<bool> {
        let passes_own = hand.rare.self_trade == SelfTrade::CancelOldest;
        for kind in 0..2 {
            let first = self.store.levels[level].head[kind];
            let ends_at_own = !passes_own && self.store.queue(first).any(|slot| Self::would_self_trade(hand, &self.store[slot]));
            for slot in self.store.queue(first) {
                let maker = &self.store[slot];
                if Self::would_self_trade(hand, maker) {
                    if passes_own {
                        continue;
                    }
                    return Some(false);
                }
                // Before an own order only what shows comes up: the rest of an iceberg would queue behind it.
                if search.add(if ends_at_own { maker.slice } else { maker.leaves }) {
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
