//! A limit order book for one instrument with price-time priority.
//!
//! Commands go in, events are appended to the caller's buffer. The book owns no clock, no file and no randomness, so the same commands give
//! the same events. Price levels are a `BTreeMap`; the orders of a level form a queue linked through a slab, so that a cancel by id
//! takes constant time and a warm book does not allocate per order.
#![forbid(unsafe_code)]

mod side;
mod slab;

use omni_types::{Event, LimitOrder, MarketOrder, OrderId, Qty, RejectReason, Side, Ticks};
use rustc_hash::FxHashMap;

use side::BookSide;
use slab::{Resting, Slab, Slot};

pub use side::LevelView;

/// Largest order; the sum of a level then stays countable.
pub const LARGEST_QTY: Qty = Qty(1 << 50);

/// A resting order as seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestingOrder {
    /// The order.
    pub id: OrderId,
    /// Its side.
    pub side: Side,
    /// Its limit.
    pub price: Ticks,
    /// Lots not yet filled.
    pub leaves: Qty,
}

/// The order book of one instrument.
#[derive(Clone, Debug)]
pub struct OrderBook {
    bids: BookSide,
    asks: BookSide,
    slab: Slab,
    index: FxHashMap<OrderId, Slot>,
}

impl Default for OrderBook {
    fn default() -> Self {
        Self::new()
    }
}

impl OrderBook {
    /// An empty book.
    pub fn new() -> Self {
        Self {
            bids: BookSide::new(Side::Buy),
            asks: BookSide::new(Side::Sell),
            slab: Slab::default(),
            index: FxHashMap::default(),
        }
    }

    /// Trade a limit order against the other side, then rest what is left behind the orders already at its price.
    pub fn submit_limit(&mut self, order: LimitOrder, out: &mut Vec<Event>) {
        let LimitOrder { id, side, price, qty } = order;
        let refusal = if price.0 <= 0 { Some(RejectReason::InvalidPrice) } else { self.refusal(id, qty) };
        if let Some(reason) = refusal {
            out.push(Event::OrderRejected { id, reason });
            return;
        }
        out.push(Event::OrderAccepted { id });
        let leaves = self.take(id, side, Some(price), qty, out);
        if leaves.0 > 0 {
            let slot = self.slab.insert(Resting { id, side, price, leaves, before: None, behind: None });
            self.index.insert(id, slot);
            let own = if side == Side::Buy { &mut self.bids } else { &mut self.asks };
            own.push(&mut self.slab, slot);
        }
    }

    /// Trade a market order against the other side; what finds no counterpart is canceled.
    pub fn submit_market(&mut self, order: MarketOrder, out: &mut Vec<Event>) {
        let MarketOrder { id, side, qty } = order;
        if let Some(reason) = self.refusal(id, qty) {
            out.push(Event::OrderRejected { id, reason });
            return;
        }
        out.push(Event::OrderAccepted { id });
        let leaves = self.take(id, side, None, qty, out);
        if leaves.0 > 0 {
            out.push(Event::OrderCanceled { id, leaves });
        }
    }

    /// Take a resting order out of the book.
    pub fn cancel(&mut self, id: OrderId, out: &mut Vec<Event>) {
        let Some(slot) = self.index.remove(&id) else {
            out.push(Event::OrderRejected { id, reason: RejectReason::UnknownOrder });
            return;
        };
        let Resting { side, leaves, .. } = self.slab[slot];
        let own = if side == Side::Buy { &mut self.bids } else { &mut self.asks };
        own.unlink(&mut self.slab, slot);
        self.slab.remove(slot);
        out.push(Event::OrderCanceled { id, leaves });
    }

    /// The best price of a side, or `None` when nothing rests there.
    pub fn best(&self, side: Side) -> Option<Ticks> {
        self.first(side).map(|order| order.price)
    }

    /// The order of a side that trades next: best price, then first come.
    pub fn first(&self, side: Side) -> Option<RestingOrder> {
        self.side(side).first().map(|slot| self.view(slot))
    }

    /// The resting order with this id.
    pub fn order(&self, id: OrderId) -> Option<RestingOrder> {
        self.index.get(&id).map(|&slot| self.view(slot))
    }

    /// Price levels of a side from the best outward.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = LevelView> + '_ {
        self.side(side).levels()
    }

    /// Orders of a side at one price, first to trade first.
    pub fn queue(&self, side: Side, price: Ticks) -> impl Iterator<Item = RestingOrder> + '_ {
        self.side(side).queue(&self.slab, price).map(|slot| self.view(slot))
    }

    /// Number of resting orders.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether nothing rests.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    fn side(&self, side: Side) -> &BookSide {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn view(&self, slot: Slot) -> RestingOrder {
        let Resting { id, side, price, leaves, .. } = self.slab[slot];
        RestingOrder { id, side, price, leaves }
    }

    fn refusal(&self, id: OrderId, qty: Qty) -> Option<RejectReason> {
        if qty.0 <= 0 || qty > LARGEST_QTY {
            Some(RejectReason::InvalidQty)
        } else if self.index.contains_key(&id) {
            Some(RejectReason::DuplicateOrderId)
        } else {
            None
        }
    }

    /// The matching loop: trade with the best resting order as long as `limit` accepts its price; returns what is left.
    fn take(&mut self, taker: OrderId, aggressor: Side, limit: Option<Ticks>, qty: Qty, out: &mut Vec<Event>) -> Qty {
        let other = if aggressor == Side::Buy { &mut self.asks } else { &mut self.bids };
        let mut leaves = qty.0;
        while leaves > 0 {
            let Some(slot) = other.first() else { break };
            let maker = self.slab[slot];
            if limit.is_some_and(|limit| !aggressor.accepts(limit, maker.price)) {
                break;
            }
            let traded = leaves.min(maker.leaves.0);
            leaves -= traded;
            let maker_leaves = Qty(maker.leaves.0 - traded);
            if maker_leaves.0 == 0 {
                other.unlink(&mut self.slab, slot);
                self.slab.remove(slot);
                self.index.remove(&maker.id);
            } else {
                other.reduce(&mut self.slab, slot, Qty(traded));
            }
            out.push(Event::Trade { maker: maker.id, taker, aggressor, price: maker.price, qty: Qty(traded), maker_leaves });
        }
        Qty(leaves)
    }
}
