//! Orders on their way in: new ones, elected ones, moved and replaced ones; `docs/matching.md` section 4.

use omni_types::{
    AccountId, CancelReason, Event, EventSink, InstrumentId, NewOrder, OrderId, OrderType, PostOnly, Qty, RejectReason,
    SelfTrade, Side, Ticks, TimeInForce,
};

use crate::market::{InHand, Market, key_of};
use crate::matching::{Taken, Taker};
use crate::node::{Node, Place, Rare};
use crate::store::{NONE, Slot};

/// A limit order that says nothing that few orders say: what most orders are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Owner.
    pub account: AccountId,
    /// What is traded.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// DAY, GTC or IOC.
    pub time_in_force: TimeInForce,
    /// Lots.
    pub qty: Qty,
    /// Limit.
    pub price: Ticks,
}

impl Limit {
    /// An order as such a one, if it is.
    #[inline]
    pub fn of(order: &NewOrder) -> Option<Self> {
        let NewOrder { account, instrument, side, order_type, time_in_force, qty, price, .. } = *order;
        let is_limit = order_type == OrderType::Limit
            && matches!(time_in_force, TimeInForce::Day | TimeInForce::Gtc | TimeInForce::Ioc)
            && is_plain(order);
        is_limit.then_some(Self { account, instrument, side, time_in_force, qty, price })
    }

    /// The same order in full.
    #[inline(always)]
    pub fn order(&self) -> NewOrder {
        let Self { account, instrument, side, time_in_force, qty, price } = *self;
        NewOrder { time_in_force, ..NewOrder::limit(account, instrument, side, qty, price) }
    }

    /// The same order in the book.
    #[inline(always)]
    pub(crate) fn node(&self, id: OrderId, leaves: i64) -> Node {
        let Self { account, instrument, side, time_in_force, price, .. } = *self;
        Node {
            id,
            price: price.0,
            leaves,
            slice: leaves,
            stamp: 0,
            account: account.0 as u16,
            instrument: instrument.0 as u16,
            side,
            order_type: OrderType::Limit,
            time_in_force,
            place: Place::Displayed,
            is_plain: true,
        }
    }
}

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
    /// Let in a plain limit order that was checked.
    #[inline(always)]
    pub fn arrive_limit(&mut self, id: OrderId, limit: &Limit) {
        if self.is_continuous() {
            self.enter_limit(id, limit, NONE, Event::Accepted { id });
        } else {
            self.reborrow().arrive(id, &limit.order());
        }
    }

    /// Say how a plain limit order came in, let it take what it can and rest with what is left; `slot` is `NONE` if it never waited.
    #[inline(always)]
    fn enter_limit(&mut self, id: OrderId, limit: &Limit, slot: Slot, how: Event) {
        let other = limit.side.opposite();
        let meets_nobody = self.book.ladders[other.index()].best_key > key_of(other, limit.price.0)
            && self.book.conditionals[other.index()].is_empty();
        if meets_nobody && limit.time_in_force != TimeInForce::Ioc {
            // One event: it may come last, when nothing is left to remember.
            self.rest(id, limit, limit.qty.0, slot);
            self.out.push(how);
        } else {
            self.reborrow().take_limit(id, *limit, slot, how);
        }
    }

    #[inline(never)]
    fn take_limit(&mut self, id: OrderId, limit: Limit, slot: Slot, how: Event) {
        let Limit { account, side, time_in_force, qty, price, .. } = limit;
        let (account, limit_key, leaves) = (account.0 as u16, key_of(side.opposite(), price.0), qty.0);
        let mut taker = Taker { id, account, side, self_trade: SelfTrade::Allow, price: price.0, limit_key, leaves };
        self.out.push(how);
        self.take(&mut taker, false);
        let leaves = taker.leaves;
        if leaves > 0 && time_in_force != TimeInForce::Ioc {
            self.rest(id, &limit, leaves, slot);
            return;
        }
        if slot != NONE {
            self.store.remove(slot);
        }
        if leaves > 0 {
            self.out.push(Event::Canceled { id, leaves: Qty(leaves), reason: CancelReason::Ioc });
        }
    }

    /// Let in an order that was checked.
    #[inline(never)]
    pub fn arrive(&mut self, id: OrderId, order: &NewOrder) {
        let node = node_of(id, order);
        if node.is_plain {
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
            if !self.is_available(&hand.taker(), needed) {
                let leaves_now = hand.node.order_type == OrderType::Market || hand.node.time_in_force == TimeInForce::Ioc;
                match (is_fok, leaves_now) {
                    (true, _) => self.cancel_in_hand(hand, CancelReason::Fok),
                    (false, true) => self.cancel_in_hand(hand, CancelReason::MinQty),
                    (false, false) => self.wait(hand, Place::Conditional),
                }
                return;
            }
        }
        if self.take_in_hand(hand) == Taken::Canceled || hand.node.leaves == 0 {
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
    #[inline(always)]
    pub fn replace(&mut self, slot: Slot, replacement: &Replacement, requeue: bool) {
        if requeue && self.store.is_plain(slot) && self.is_continuous() {
            self.requeue_limit(slot, replacement);
        } else {
            self.replace_in_general(slot, replacement, requeue);
        }
    }

    /// The same for a plain limit order that loses its priority.
    #[inline(always)]
    fn requeue_limit(&mut self, slot: Slot, replacement: &Replacement) {
        let Node { id, price, account, instrument, side, time_in_force, .. } = self.store.node(slot);
        let price = if replacement.price.0 == 0 { Ticks(price) } else { replacement.price };
        let (account, instrument) = (AccountId(u32::from(account)), InstrumentId(u32::from(instrument)));
        let limit = Limit { account, instrument, side, time_in_force, qty: replacement.leaves, price };
        self.take_out(slot);
        self.enter_limit(id, &limit, slot, Event::Replaced { id, price, leaves: replacement.leaves });
    }

    #[inline(never)]
    fn replace_in_general(&mut self, slot: Slot, replacement: &Replacement, requeue: bool) {
        let (node, mut rare) = (self.store.node(slot), *self.store.rare(slot));
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
        if !node.is_plain {
            *self.store.rare_mut(slot) = rare;
        }
        let mut hand = InHand { node: Node { leaves, ..node }, rare: &rare, slot };
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
        let (_, shown) = self.store.wants(slot);
        let slice = shown.min(leaves);
        self.store.set_wants(slot, leaves, slice);
        self.show_less(slot, shown - slice);
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
    Node {
        id,
        price: order.price.0,
        leaves: order.qty.0,
        slice: order.qty.0,
        stamp: 0,
        account: order.account.0 as u16,
        instrument: order.instrument.0 as u16,
        side: order.side,
        order_type: order.order_type,
        time_in_force: order.time_in_force,
        place: Place::Displayed,
        is_plain,
    }
}

/// Where a limit order waits once it has taken.
#[inline]
fn resting_place(hand: &InHand<'_>) -> Place {
    if hand.node.is_plain {
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
