//! An engine made again from what another one held.

use omni_types::{Event, EventSink, Nanos, OrderType, PostOnly, SelfTrade, Side, Terms, Ticks, TradingPhase};

use crate::Engine;
use crate::market::InHand;
use crate::node::{Node, Rare};
use crate::store::NONE;
use crate::views::LiveOrder;

/// All that an engine holds.
#[derive(Clone, Debug)]
pub struct Restored {
    /// Time as it knows it.
    pub clock: Nanos,
    /// The stamp that the next order to queue gets.
    pub next_stamp: u64,
    /// The id of the next trade.
    pub next_trade_id: u64,
    /// Every instrument.
    pub instruments: Vec<RestoredInstrument>,
    /// Every waiting order.
    pub orders: Vec<LiveOrder>,
}

/// What an instrument has besides its orders.
#[derive(Clone, Copy, Debug)]
pub struct RestoredInstrument {
    /// What its market does.
    pub phase: TradingPhase,
    /// Price of the last trade.
    pub last: Option<Ticks>,
    /// Reference price of auctions.
    pub reference: Option<Ticks>,
}

struct Silent;

impl EventSink for Silent {
    fn push(&mut self, _: Event) {
        debug_assert!(false, "putting orders back is silent");
    }
}

impl Engine {
    /// The engine that held this. Orders must be consistent, as those of [`Engine::live_orders`] are.
    pub fn restore(restored: Restored) -> Self {
        let mut engine = Self::new(restored.instruments.len(), TradingPhase::Continuous);
        for (book, instrument) in engine.books.iter_mut().zip(&restored.instruments) {
            book.phase = instrument.phase;
            book.last = instrument.last.map_or(0, |price| price.0);
            book.reference = instrument.reference.map_or(0, |price| price.0);
        }
        engine.store.clock = restored.clock;
        engine.store.next_trade_id = restored.next_trade_id;
        engine.store.next_stamp = restored.next_stamp;

        let mut orders = restored.orders;
        orders.sort_unstable_by_key(|order| order.stamp);
        for order in &orders {
            engine.put_back(order);
        }
        for book in &mut engine.books {
            // After a command's settling the pegs follow the prices as they are; outside continuous trading they wait for a pass.
            book.has_new_peg = book.phase != TradingPhase::Continuous;
            book.pegged_to = [Side::Buy, Side::Sell].map(|side| book.displayed_best(&engine.store, side).0);
        }
        engine
    }

    fn put_back(&mut self, order: &LiveOrder) {
        let price = match order.order_type {
            OrderType::Pegged => order.working_price.0,
            _ => order.price.0,
        };
        let is_plain = order.terms == Terms::PLAIN
            && order.post_only == PostOnly::No
            && order.self_trade == SelfTrade::Allow
            && matches!(order.order_type, OrderType::Market | OrderType::Limit);
        let node = Node {
            id: order.id,
            price,
            leaves: order.leaves.0,
            slice: order.slice.0,
            stamp: order.stamp,
            account: order.account.0 as u16,
            instrument: order.instrument.0 as u16,
            side: order.side,
            order_type: order.order_type,
            time_in_force: order.time_in_force,
            place: order.place,
            is_plain,
        };
        let rare = Rare { terms: order.terms, cap: order.price.0, post_only: order.post_only, self_trade: order.self_trade };
        let mut hand = InHand { node, rare: &rare, slot: NONE };
        self.market(order.instrument.0, &mut Silent).wait_with_slice(&mut hand, order.place, order.slice.0);
    }
}
