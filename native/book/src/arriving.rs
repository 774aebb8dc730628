//! Orders on their way in: new ones, elected ones, moved and replaced ones; `docs/matching.md` section 4.

use omni_types::{
    CancelReason, Event, EventSink, NewOrder, OrderId, OrderType, PostOnly, Qty, RejectReason, SelfTrade, Ticks, TimeInForce,
};

use crate::market::{InHand, Market, key_of};
use crate::matching::Taken;
use crate::store::{IN_HAND, NONE, Node, Place, Rare, Slot};

/// What an order is replaced with; prices of 0 keep what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// Lots it still wants from now on.
    pub leaves: Qty,
    /// Limit or cap.
    pub price: Ticks,
    /// Stop price.
    pub stop_price: Ticks,
}

impl<S: EventSink> Market<'_, S> {
    /// Let in an order that was checked.
    #[inline(always)]
    pub fn arrive(&mut self, id: OrderId, order: &NewOrder) {
        if self.only_rests(order) {
            self.out.push(Event::Accepted { id });
            self.rest_plain(id, order);
        } else {
            self.arrive_in_general(id, order);
        }
    }

    /// Whether an order is a plain limit with nobody to meet: what most orders are.
    #[inline(always)]
    fn only_rests(&self, order: &NewOrder) -> bool {
        let other = order.side.opposite();
        self.book.ladders[other.index()].best_key > key_of(other, order.price.0)
            && order.order_type == OrderType::Limit
            && matches!(order.time_in_force, TimeInForce::Day | TimeInForce::Gtc)
            && self.book.conditionals[other.index()].is_empty()
            && is_plain(order)
    }

    #[inline(never)]
    fn arrive_in_general(&mut self, id: OrderId, order: &NewOrder) {
        let node = node_of(id, order);
        if node.is_plain() {
            self.let_in(InHand { node, rare: &Rare::PLAIN, slot: NONE }, order);
        } else {
            let rare = Rare { terms: order.terms, cap: order.price.0, post_only: order.post_only, self_trade: order.self_trade };
            self.let_in(InHand { node, rare: &rare, slot: NONE }, order);
        }
    }

    fn let_in(&mut self, mut hand: InHand<'_>, order: &NewOrder) {
        let id = hand.node.id;
        if order.post_only != PostOnly::No && self.is_continuous() {
            let Some(price) = self.post_only_price(order.side, order.price.0, order.post_only) else {
                self.out.push(Event::Rejected { id, reason: RejectReason::PostOnlyWouldTake });
                return;
            };
            hand.node.price = price;
        }
        self.out.push(Event::Accepted { id });
        if hand.node.price != order.price.0 && order.order_type == OrderType::Limit {
            self.out.push(Event::Repriced { id, price: Ticks(hand.node.price) });
        }
        match order.order_type {
            OrderType::Market | OrderType::Limit => match order.time_in_force {
                TimeInForce::AtOpen | TimeInForce::AtClose => self.wait(&mut hand, Place::Auction),
                _ => self.enter(&mut hand),
            },
            OrderType::Stop | OrderType::StopLimit | OrderType::TrailingStop => self.wait(&mut hand, Place::Stop),
            OrderType::Pegged => self.park(&mut hand),
        }
    }

    /// Let a market or limit order in hand take what it can and wait with what is left.
    pub fn enter(&mut self, hand: &mut InHand<'_>) {
        if !self.is_continuous() {
            let place = resting_place(hand);
            self.wait(hand, place);
            return;
        }
        let is_fok = hand.node.time_in_force == TimeInForce::Fok;
        if is_fok || hand.is_conditional() {
            let leaves = hand.node.leaves;
            let needed = if is_fok { leaves } else { hand.rare.terms.required(leaves) };
            if !self.is_available(hand, needed) {
                let leaves_now = hand.node.order_type == OrderType::Market || hand.node.time_in_force == TimeInForce::Ioc;
                match (is_fok, leaves_now) {
                    (true, _) => self.cancel_in_hand(hand, CancelReason::Fok),
                    (false, true) => self.cancel_in_hand(hand, CancelReason::MinQty),
                    (false, false) => self.wait(hand, Place::Conditional),
                }
                return;
            }
        }
        if self.take(hand) == Taken::Canceled || hand.node.leaves == 0 {
            self.let_go(hand);
        } else if hand.node.order_type == OrderType::Market {
            self.cancel_in_hand(hand, CancelReason::NoLiquidity);
        } else if hand.node.time_in_force == TimeInForce::Ioc {
            self.cancel_in_hand(hand, CancelReason::Ioc);
        } else {
            let place = resting_place(hand);
            self.wait(hand, place);
        }
    }

    /// Leave a pegged order without a price until settling gives it one.
    pub fn park(&mut self, hand: &mut InHand<'_>) {
        hand.node.price = 0;
        self.book.has_new_peg = true;
        self.wait(hand, Place::Parked);
    }

    fn cancel_in_hand(&mut self, hand: &InHand<'_>, reason: CancelReason) {
        self.let_go(hand);
        self.out.push(Event::Canceled { id: hand.node.id, leaves: Qty(hand.node.leaves), reason });
    }

    /// Give a waiting order other terms. It keeps its priority if only its quantity falls, unless it must `requeue`.
    pub fn replace(&mut self, slot: Slot, replacement: &Replacement, requeue: bool) {
        let (node, mut rare) = (self.store[slot], *self.store.rare(slot));
        let limit = if node.order_type == OrderType::Pegged { rare.cap } else { node.price };
        let mut price = if replacement.price.0 == 0 { limit } else { replacement.price.0 };
        let stop_price = if replacement.stop_price.0 == 0 { rare.terms.stop_price } else { replacement.stop_price };
        let leaves = replacement.leaves.0;
        let id = node.id;

        if price == limit && stop_price == rare.terms.stop_price && leaves <= node.leaves && !requeue {
            self.shrink(slot, leaves);
            self.out.push(Event::Replaced { id, price: stated_price(&node, &rare), leaves: replacement.leaves });
            return;
        }
        if rare.post_only != PostOnly::No && self.is_continuous() {
            let Some(slid) = self.post_only_price(node.side, price, rare.post_only) else {
                self.out.push(Event::ReplaceRejected { id, reason: RejectReason::PostOnlyWouldTake });
                return;
            };
            price = slid;
        }
        self.take_out(slot);
        let is_pegged = node.order_type == OrderType::Pegged;
        if is_pegged {
            rare.cap = price;
        }
        if node.place == Place::Stop {
            rare.terms.stop_price = stop_price;
        }
        if !node.is_plain() {
            *self.store.rare_mut(slot) = rare;
        }
        let mut hand = InHand { node: self.store[slot], rare: &rare, slot };
        hand.node.leaves = leaves;
        if !is_pegged {
            hand.node.price = price;
        }
        self.out.push(Event::Replaced { id, price: stated_price(&hand.node, &rare), leaves: replacement.leaves });
        match node.place {
            Place::Stop | Place::Auction => self.wait(&mut hand, node.place),
            Place::Parked => self.park(&mut hand),
            Place::Hidden if is_pegged => self.park(&mut hand),
            Place::Displayed | Place::Hidden | Place::Conditional => self.enter(&mut hand),
        }
    }

    /// Take quantity from a waiting order that stays where it is.
    fn shrink(&mut self, slot: Slot, leaves: i64) {
        let node = &mut self.store[slot];
        let slice = node.slice.min(leaves);
        let hidden_now = node.slice - slice;
        (node.leaves, node.slice) = (leaves, slice);
        let Node { place, level, .. } = *node;
        if place == Place::Displayed {
            let level = &mut self.store.levels[level];
            level.qty = level.qty.wrapping_sub(hidden_now);
        }
    }
}

/// Whether an order says nothing that few orders say. It holds for orders whose kind and time say no more either.
#[inline(always)]
fn is_plain(order: &NewOrder) -> bool {
    let terms = &order.terms;
    // Without branches: all of it is one cache line that was just written.
    (terms.display_qty.0 == -1)
        & (terms.min_qty.0 == 0)
        & !terms.all_or_none
        & (terms.expire_at.0 == 0)
        & (order.post_only == PostOnly::No)
        & (order.self_trade == SelfTrade::Allow)
}

/// The order as it stands before it has met anybody.
fn node_of(id: OrderId, order: &NewOrder) -> Node {
    let is_plain = matches!(order.order_type, OrderType::Limit | OrderType::Market) && is_plain(order);
    let rare = if is_plain { NONE } else { IN_HAND };
    Node {
        id,
        price: order.price.0,
        leaves: order.qty.0,
        slice: order.qty.0,
        stamp: 0,
        before: NONE,
        behind: NONE,
        level: NONE,
        rare,
        account: order.account.0 as u16,
        instrument: order.instrument.0 as u16,
        side: order.side,
        order_type: order.order_type,
        time_in_force: order.time_in_force,
        place: Place::Displayed,
    }
}

/// Where a limit order waits once it has taken.
#[inline]
fn resting_place(hand: &InHand<'_>) -> Place {
    if hand.node.is_plain() {
        Place::Displayed
    } else if hand.rare.terms.is_conditional() {
        Place::Conditional
    } else if hand.rare.terms.display_qty.0 == 0 || hand.node.order_type == OrderType::Pegged {
        Place::Hidden
    } else {
        Place::Displayed
    }
}

/// The price a replacement speaks of.
fn stated_price(node: &Node, rare: &Rare) -> Ticks {
    match node.order_type {
        OrderType::Limit | OrderType::StopLimit => Ticks(node.price),
        OrderType::Pegged => Ticks(rare.cap),
        OrderType::Stop => rare.terms.stop_price,
        OrderType::Market | OrderType::TrailingStop => Ticks(0),
    }
}
