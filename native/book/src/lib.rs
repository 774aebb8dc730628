//! The matching engine: many instruments, price-time priority, every order type of `docs/matching.md`, which is its contract.
//!
//! Commands go in, events are pushed into the caller's sink. The engine owns no clock, no file and no randomness, so the same commands give
//! the same events. Orders live in a slab, queues are links between its slots, price levels lie in pages that a `BTreeMap` and a hot window
//! index: a cancel by id takes constant time, and a warm engine does not allocate for an order.
#![forbid(unsafe_code)]
// A resting order is some two hundred instructions: what calls between them would cost was measured.
#![allow(clippy::inline_always)]

mod arriving;
mod auction;
mod form;
mod index;
mod ladder;
mod levels;
mod market;
mod matching;
mod node;
mod restoring;
mod settling;
mod store;
mod views;

use std::collections::BTreeSet;

use omni_types::{
    AccountId, CancelReason, Event, EventSink, InstrumentId, LARGEST, Nanos, NewOrder, OrderId, OrderType, Qty, RejectReason,
    Side, Ticks, TimeInForce, TradingPhase,
};

use levels::Owner;
use market::{Book, Market};
use node::{Node, Place as NodePlace};
use store::{Link, SPECIAL, Slot, Store};

pub use arriving::{Limit, Replacement};
pub use index::SlotIndex;
pub use node::Place;
pub use restoring::{Restored, RestoredInstrument};
pub use views::{LevelView, LiveOrder};

/// The order books of a number of instruments, with one sequence of stamps and trades.
#[derive(Clone, Debug)]
pub struct Engine {
    store: Store,
    books: Vec<Book>,
}

/// Which orders a mass cancel is about; `None` is all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Of one account.
    pub account: Option<AccountId>,
    /// In one instrument.
    pub instrument: Option<InstrumentId>,
    /// Of one side.
    pub side: Option<Side>,
}

/// An order that was taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Withdrawn {
    /// Its side.
    pub side: Side,
    /// Where it stood.
    pub price: Ticks,
    /// What it still wanted.
    pub leaves: Qty,
}

impl Engine {
    /// Empty books, all in one phase.
    pub fn new(n_instruments: usize, phase: TradingPhase) -> Self {
        // Two windows of 4,096 pages take 32 KiB: nothing for one instrument, much for a whole market.
        Self::with_window(n_instruments, phase, if n_instruments <= 256 { ladder::WIDEST_WINDOW } else { 256 })
    }

    /// The same with a hot window of so many pages of 64 ticks, a power of two up to 4,096, or 0 for none. It changes speed, nothing else.
    ///
    /// # Panics
    /// With more than 65,536 instruments or 4,096 pages.
    pub fn with_window(n_instruments: usize, phase: TradingPhase, window_pages: usize) -> Self {
        assert!(n_instruments <= 1 << 16, "at most 65,536 instruments");
        assert!(window_pages <= ladder::WIDEST_WINDOW, "at most 4,096 pages");
        Self { store: Store::new(), books: (0..n_instruments).map(|at| Book::new(at as u16, phase, window_pages)).collect() }
    }

    /// Have memory ready, and touched, for so many orders, so that the first ones do not wait for it.
    pub fn reserve(&mut self, n_orders: usize) {
        self.store.reserve(n_orders);
    }

    /// Time as the engine knows it.
    pub fn clock(&self) -> Nanos {
        self.store.clock
    }

    /// How many orders wait.
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// Whether no order waits.
    pub fn is_empty(&self) -> bool {
        self.store.len() == 0
    }

    /// How many instruments there are.
    pub fn n_instruments(&self) -> usize {
        self.books.len()
    }

    /// Bring what a cancel of this order will need nearer. Nothing changes but the time.
    #[inline]
    pub fn prefetch(&self, id: OrderId) {
        if let Some(slot) = self.store.find(id) {
            omni_memory::prefetch(&raw const self.store.links[slot as usize]);
        }
    }

    /// Whether an order with this id waits.
    #[inline]
    pub fn contains(&self, id: OrderId) -> bool {
        self.store.find(id).is_some()
    }

    /// What the market of an instrument does at the moment.
    pub fn phase(&self, instrument: InstrumentId) -> TradingPhase {
        self.book(instrument).phase
    }

    /// Price of the last trade.
    pub fn last(&self, instrument: InstrumentId) -> Option<Ticks> {
        let last = self.book(instrument).last;
        (last != 0).then_some(Ticks(last))
    }

    /// The stamp that the next order to queue gets.
    pub fn next_stamp(&self) -> u64 {
        self.store.next_stamp
    }

    /// The id of the next trade.
    pub fn next_trade_id(&self) -> u64 {
        self.store.next_trade_id
    }

    /// Move the clock, never back, and let go of the orders whose time is over. Every command starts with it.
    #[inline]
    pub fn advance(&mut self, now: Nanos, out: &mut impl EventSink) {
        self.store.clock = self.store.clock.max(now);
        if self.store.clock.0 >= self.store.next_expiry {
            self.expire(out);
        }
    }

    #[cold]
    fn expire(&mut self, out: &mut impl EventSink) {
        let mut touched = BTreeSet::new();
        while let Some(slot) = self.store.first_expired() {
            touched.insert(self.end(slot, out, |id, leaves| Event::Expired { id, leaves }));
        }
        self.settle_all(touched, out);
    }

    /// Whether an order may come in: its form, then the phase. The instrument must exist.
    ///
    /// # Errors
    /// The reason to refuse it.
    #[inline]
    pub fn check_new(&self, order: &NewOrder) -> Result<(), RejectReason> {
        form::check_form(order, self.store.clock)?;
        form::check_phase(order, self.book(order.instrument).phase)
    }

    /// Whether a plain limit order may come in. The instrument must exist.
    ///
    /// # Errors
    /// The reason to refuse it.
    #[inline(always)]
    pub fn check_limit(&self, limit: &Limit) -> Result<(), RejectReason> {
        form::check_limit(limit.qty, limit.price)?;
        let phase = self.book(limit.instrument).phase;
        if phase == TradingPhase::Continuous { Ok(()) } else { form::check_gathering(&limit.order(), phase) }
    }

    /// Let in an order that was checked, under an id that is not alive.
    #[inline]
    pub fn submit(&mut self, id: OrderId, order: &NewOrder, out: &mut impl EventSink) {
        if let Some(limit) = Limit::of(order) {
            self.submit_limit(id, &limit, out);
            return;
        }
        debug_assert!(!self.contains(id));
        let mut market = self.market(order.instrument.0, out);
        market.arrive(id, order);
        market.settle();
    }

    /// Let in a plain limit order that was checked, under an id that is not alive.
    #[inline(always)]
    pub fn submit_limit(&mut self, id: OrderId, limit: &Limit, out: &mut impl EventSink) {
        debug_assert!(!self.contains(id));
        let mut market = self.market(limit.instrument.0, out);
        market.arrive_limit(id, limit);
        market.settle();
    }

    /// Take out a waiting order, or say that there is none.
    #[inline(always)]
    pub fn withdraw(&mut self, id: OrderId, reason: CancelReason, out: &mut impl EventSink) -> Option<Withdrawn> {
        let slot = self.store.release(id)?;
        let Link { level, leaves, .. } = self.store.links[slot as usize];
        if leaves == SPECIAL {
            return Some(self.withdraw_special(slot, reason, out));
        }
        let (page, leaves) = (self.store.levels.page_of(level), i64::from(leaves));
        let (price, Owner { instrument, side }) = (Ticks(page.price(level)), page.owner);
        let mut market = self.market(u32::from(instrument), out);
        market.unlink(slot, leaves, 0);
        market.store.clear_plain(slot);
        market.out.push(Event::Canceled { id, leaves: Qty(leaves), reason });
        market.settle();
        Some(Withdrawn { side, price, leaves: Qty(leaves) })
    }

    #[inline(never)]
    fn withdraw_special(&mut self, slot: Slot, reason: CancelReason, out: &mut impl EventSink) -> Withdrawn {
        let Node { id, instrument, side, price, leaves, .. } = *self.store.special(slot);
        let mut market = self.market(u32::from(instrument), out);
        market.take_out(slot);
        market.store.clear(slot, id);
        market.out.push(Event::Canceled { id, leaves: Qty(leaves), reason });
        market.settle();
        Withdrawn { side, price: Ticks(price), leaves: Qty(leaves) }
    }

    /// Cancel a waiting order; false if there is none.
    #[inline]
    pub fn cancel(&mut self, id: OrderId, reason: CancelReason, out: &mut impl EventSink) -> bool {
        self.withdraw(id, reason, out).is_some()
    }

    /// Cancel every order in scope, by ascending id.
    pub fn cancel_all(&mut self, scope: Scope, reason: CancelReason, out: &mut impl EventSink) {
        let in_scope = |node: &Node| {
            scope.account.is_none_or(|account| account.0 == u32::from(node.account))
                && scope.instrument.is_none_or(|instrument| instrument.0 == u32::from(node.instrument))
                && scope.side.is_none_or(|side| side == node.side)
        };
        self.cancel_those(in_scope, reason, out);
    }

    /// Cancels every order of accounts that are meant, which need not be one or all; as [`Engine::cancel_all`].
    pub fn cancel_accounts(&mut self, is_meant: impl Fn(AccountId) -> bool, reason: CancelReason, out: &mut impl EventSink) {
        self.cancel_those(|node| is_meant(AccountId(node.account.into())), reason, out);
    }

    fn cancel_those(&mut self, in_scope: impl Fn(&Node) -> bool, reason: CancelReason, out: &mut impl EventSink) {
        let touched = self.end_all(in_scope, out, |id, leaves| Event::Canceled { id, leaves, reason });
        self.settle_all(touched, out);
    }

    /// What a waiting order would become: `qty` is the new total, `total` the old one, prices of 0 keep what there is.
    ///
    /// # Errors
    /// The reason to refuse it.
    pub fn check_replace(
        &self,
        id: OrderId,
        total: Qty,
        qty: Qty,
        price: Ticks,
        stop_price: Ticks,
    ) -> Result<Replacement, RejectReason> {
        let slot = self.store.find(id).ok_or(RejectReason::UnknownOrder)?;
        let Node { leaves, order_type, place, instrument, .. } = self.store.node(slot);
        match self.books[usize::from(instrument)].phase {
            TradingPhase::Closed => return Err(RejectReason::MarketClosed),
            TradingPhase::Halted => return Err(RejectReason::Halted),
            TradingPhase::PreOpen | TradingPhase::Continuous | TradingPhase::PreClose => {}
        }
        let is_sane = |value: i64| (1..=LARGEST).contains(&value);
        let has_price = matches!(order_type, OrderType::Limit | OrderType::StopLimit | OrderType::Pegged);
        let has_stop = place == NodePlace::Stop && order_type != OrderType::TrailingStop;
        if !is_sane(qty.0) {
            return Err(RejectReason::InvalidQty);
        }
        if price.0 != 0 && !(is_sane(price.0) && has_price) {
            return Err(RejectReason::InvalidPrice);
        }
        if stop_price.0 != 0 && !(is_sane(stop_price.0) && has_stop) {
            return Err(RejectReason::InvalidStopPrice);
        }
        let new_leaves = qty.0 - (total.0 - leaves);
        if new_leaves < 1 {
            return Err(RejectReason::QtyBelowFilled);
        }
        if form::has_too_many_slices(new_leaves, self.store.rare(slot).terms.display_qty.0) {
            return Err(RejectReason::InvalidDisplayQty);
        }
        Ok(Replacement { leaves: Qty(new_leaves), price, stop_price })
    }

    /// Replace a waiting order as it was checked.
    pub fn replace(&mut self, id: OrderId, replacement: &Replacement, out: &mut impl EventSink) {
        self.replace_in(id, replacement, false, out);
    }

    /// Replace a waiting order's price and leaves as if it were canceled and sent again: its priority is lost in any case.
    #[inline]
    pub fn requeue(&mut self, id: OrderId, leaves: Qty, price: Ticks, out: &mut impl EventSink) {
        self.replace_in(id, &Replacement { leaves, price, stop_price: Ticks(0) }, true, out);
    }

    #[inline]
    fn replace_in(&mut self, id: OrderId, replacement: &Replacement, requeue: bool, out: &mut impl EventSink) {
        let Some(slot) = self.store.find(id) else { return };
        let instrument = self.store.instrument(slot);
        let mut market = self.market(u32::from(instrument), out);
        market.replace(slot, replacement, requeue);
        market.settle();
    }

    /// Change what an instrument's market does; the same phase again is nothing.
    pub fn set_phase(&mut self, instrument: InstrumentId, phase: TradingPhase, out: &mut impl EventSink) {
        let before = self.book(instrument).phase;
        if before == phase {
            return;
        }
        out.push(Event::PhaseChanged { instrument, phase });
        let mut market = self.market(instrument.0, out);
        market.book.phase = phase;
        if before == TradingPhase::Continuous {
            market.park_pegs();
        }
        match phase {
            TradingPhase::Continuous => {
                market.hold_auction(instrument, TimeInForce::AtOpen);
                self.expire_kinds(instrument, &[TimeInForce::AtOpen], out);
                self.market(instrument.0, out).settle();
            }
            TradingPhase::Closed => {
                if matches!(before, TradingPhase::Continuous | TradingPhase::PreClose) {
                    market.hold_auction(instrument, TimeInForce::AtClose);
                }
                self.expire_kinds(instrument, &[TimeInForce::Day, TimeInForce::AtOpen, TimeInForce::AtClose], out);
            }
            TradingPhase::PreOpen | TradingPhase::Halted | TradingPhase::PreClose => {}
        }
    }

    /// The price auctions start from before the first trade.
    pub fn set_reference(&mut self, instrument: InstrumentId, price: Ticks) {
        self.books[instrument.0 as usize].reference = price.0;
    }

    fn expire_kinds(&mut self, instrument: InstrumentId, kinds: &[TimeInForce], out: &mut impl EventSink) {
        let over = |node: &Node| u32::from(node.instrument) == instrument.0 && kinds.contains(&node.time_in_force);
        self.end_all(over, out, |id, leaves| Event::Expired { id, leaves });
    }

    /// End every order that fits, by ascending id; returns the instruments touched.
    fn end_all<S: EventSink>(
        &mut self,
        fits: impl Fn(&Node) -> bool,
        out: &mut S,
        event: impl Fn(OrderId, Qty) -> Event,
    ) -> BTreeSet<u16> {
        let mut found: Vec<(OrderId, Slot)> =
            self.store.live().filter(|&slot| fits(&self.store.node(slot))).map(|slot| (self.store.id(slot), slot)).collect();
        found.sort_unstable();
        found.into_iter().map(|(_, slot)| self.end(slot, out, &event)).collect()
    }

    fn end<S: EventSink>(&mut self, slot: Slot, out: &mut S, event: impl Fn(OrderId, Qty) -> Event) -> u16 {
        let Node { id, leaves, instrument, .. } = self.store.node(slot);
        self.market(u32::from(instrument), out).discard(slot);
        out.push(event(id, Qty(leaves)));
        instrument
    }

    fn settle_all(&mut self, touched: BTreeSet<u16>, out: &mut impl EventSink) {
        for instrument in touched {
            self.market(u32::from(instrument), out).settle();
        }
    }

    fn book(&self, instrument: InstrumentId) -> &Book {
        &self.books[instrument.0 as usize]
    }

    #[inline]
    fn market<'a, S: EventSink>(&'a mut self, instrument: u32, out: &'a mut S) -> Market<'a, S> {
        Market { store: &mut self.store, book: &mut self.books[instrument as usize], out }
    }
}
