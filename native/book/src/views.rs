//! The book as seen from outside: levels, queues, single orders.

use omni_types::{AccountId, InstrumentId, OrderId, OrderType, PostOnly, Qty, SelfTrade, Side, Terms, Ticks, TimeInForce};

use crate::Engine;
use crate::market::{key_of, price_of};
use crate::node::Place;
use crate::store::{NONE, Slot};

/// A price with displayed quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelView {
    /// The price.
    pub price: Ticks,
    /// Lots displayed.
    pub qty: Qty,
    /// Orders displayed.
    pub n_orders: u32,
}

/// A waiting order, complete: from these an engine can be built again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveOrder {
    /// The order.
    pub id: OrderId,
    /// Its owner.
    pub account: AccountId,
    /// What it trades.
    pub instrument: InstrumentId,
    /// Its side.
    pub side: Side,
    /// LIMIT once a stop-limit is elected.
    pub order_type: OrderType,
    /// How long it lasts.
    pub time_in_force: TimeInForce,
    /// Whether it must not take.
    pub post_only: PostOnly,
    /// What it does on meeting its own account.
    pub self_trade: SelfTrade,
    /// Limit or cap; 0 for none.
    pub price: Ticks,
    /// Lots it still wants.
    pub leaves: Qty,
    /// Its place in time.
    pub stamp: u64,
    /// Where it waits.
    pub place: Place,
    /// Where it stands; the limit of conditional and auction orders; 0 for none.
    pub working_price: Ticks,
    /// What shows of a displayed order; leaves of the others.
    pub slice: Qty,
    /// Its terms; the stop price as it is now.
    pub terms: Terms,
}

impl Engine {
    /// The waiting order with this id.
    pub fn live(&self, id: OrderId) -> Option<LiveOrder> {
        self.store.find(id).map(|slot| self.view(slot))
    }

    /// Every waiting order by id.
    pub fn live_orders(&self) -> Vec<LiveOrder> {
        let mut orders: Vec<LiveOrder> = self.store.live().map(|slot| self.view(slot)).collect();
        orders.sort_unstable_by_key(|order| order.id);
        orders
    }

    /// Side, price and leaves of a waiting order: what costs next to nothing to ask.
    #[inline]
    pub fn peek(&self, id: OrderId) -> Option<(Side, Ticks, Qty)> {
        let node = self.store.node(self.store.find(id)?);
        Some((node.side, Ticks(node.price), Qty(node.leaves)))
    }

    /// The displayed levels of a side, best first.
    pub fn depth(&self, instrument: InstrumentId, side: Side) -> impl Iterator<Item = LevelView> + '_ {
        let levels = &self.store.levels;
        self.book(instrument).ladders[side.index()].levels(levels).filter_map(move |(key, at)| {
            let level = &levels[at];
            (level.n[0] > 0).then(|| LevelView { price: Ticks(price_of(side, key)), qty: Qty(level.qty), n_orders: level.n[0] })
        })
    }

    /// The orders of a side's book in the order in which they trade, hidden ones included.
    pub fn queue(&self, instrument: InstrumentId, side: Side) -> impl Iterator<Item = LiveOrder> + '_ {
        let levels = self.book(instrument).ladders[side.index()].levels(&self.store.levels);
        levels
            .flat_map(|(_, at)| self.store.levels[at].head)
            .flat_map(|first| self.store.queue(first))
            .map(|slot| self.view(slot))
    }

    /// The order of a side that trades next, and where it stands.
    #[inline]
    pub fn first(&self, instrument: InstrumentId, side: Side) -> Option<(OrderId, Ticks)> {
        let ladder = &self.book(instrument).ladders[side.index()];
        if ladder.best_level == NONE {
            return None;
        }
        let level = &self.store.levels[ladder.best_level];
        let id = self.store.id(level.head[usize::from(level.n[0] == 0)]);
        Some((id, Ticks(price_of(side, ladder.best_key))))
    }

    /// Best displayed price and its quantity.
    pub fn displayed_best(&self, instrument: InstrumentId, side: Side) -> Option<(Ticks, Qty)> {
        let (price, level) = self.book(instrument).displayed_best(&self.store, side);
        (level != NONE).then(|| (Ticks(price), Qty(self.store.levels[level].qty)))
    }

    /// Best price at which anything rests, hidden orders included.
    #[inline]
    pub fn best(&self, instrument: InstrumentId, side: Side) -> Option<Ticks> {
        let ladder = &self.book(instrument).ladders[side.index()];
        (ladder.best_level != NONE).then(|| Ticks(price_of(side, ladder.best_key)))
    }

    /// Displayed lots at a price.
    pub fn qty_at(&self, instrument: InstrumentId, side: Side, price: Ticks) -> Qty {
        let ladder = &self.book(instrument).ladders[side.index()];
        Qty(ladder.level(&self.store.levels, key_of(side, price.0)).map_or(0, |at| self.store.levels[at].qty))
    }

    /// Lots that trade before an order of the book at its own price: the displayed ones ahead of it, and for a hidden order the hidden ones too.
    pub fn queue_ahead(&self, id: OrderId) -> Option<Qty> {
        let slot = self.store.find(id)?;
        let place = self.store.node(slot).place;
        if !matches!(place, Place::Displayed | Place::Hidden) {
            return None;
        }
        let level = &self.store.levels[self.store.links[slot as usize].level];
        let ahead = |head: Slot| {
            self.store.queue(head).take_while(|&other| other != slot).map(|other| self.store.wants(other).1).sum::<i64>()
        };
        Some(Qty(match place {
            Place::Hidden => level.qty + ahead(level.head[1]),
            _ => ahead(level.head[0]),
        }))
    }

    fn view(&self, slot: Slot) -> LiveOrder {
        let node = self.store.node(slot);
        let rare = self.store.rare(slot);
        let price = if node.order_type == OrderType::Pegged { rare.cap } else { node.price };
        let working_price = match node.place {
            Place::Stop | Place::Parked => 0,
            Place::Displayed | Place::Hidden | Place::Conditional | Place::Auction => node.price,
        };
        LiveOrder {
            id: node.id,
            account: AccountId(u32::from(node.account)),
            instrument: InstrumentId(u32::from(node.instrument)),
            side: node.side,
            order_type: node.order_type,
            time_in_force: node.time_in_force,
            post_only: rare.post_only,
            self_trade: rare.self_trade,
            price: Ticks(price),
            leaves: Qty(node.leaves),
            stamp: node.stamp,
            place: node.place,
            working_price: Ticks(working_price),
            slice: Qty(node.slice),
            terms: rare.terms,
        }
    }
}
