//! The engine of one instrument, speaking the records of the C ABI.
// A report is one call to the host: a second one on the way to it was measured.
#![allow(unsafe_code, clippy::inline_always)]

use std::ffi::c_void;

use omni_book::{Engine, Limit, Withdrawn};
use omni_types::{
    AccountId, CancelReason, Event, EventSink, InstrumentId, LARGEST, OrderId, Qty, Side, Ticks, TimeInForce, TradingPhase,
};

use crate::records::{
    Cancel, Modify, NewOrder, OMNI_ACCEPTED, OMNI_CANCELED, OMNI_MODIFIED, OMNI_MODIFY_REJECTED, OMNI_REJECTED, OMNI_TRADE,
    Report,
};

const INSTRUMENT: InstrumentId = InstrumentId(0);

/// Orders for which memory is there from the start.
const READY_ORDERS: usize = 1 << 20;

/// The host's function that takes a report.
pub(crate) type Push = unsafe extern "C" fn(*mut c_void, *const Report) -> i32;

/// One engine and its host.
pub(crate) struct Host {
    engine: Engine,
    way: Way,
}

impl Host {
    /// An empty book that is open.
    pub fn new(push: Push, sink: *mut c_void) -> Self {
        let mut engine = Engine::new(1, TradingPhase::Continuous);
        engine.reserve(READY_ORDERS);
        Self { engine, way: Way { push, sink } }
    }

    #[inline(always)]
    pub fn new_order(&mut self, new: &NewOrder) {
        let &NewOrder { id, seq, px, qty, side, ioc, .. } = new;
        let Some(order_side) = side_of(side) else { return self.way.reject(OMNI_REJECTED, seq, id) };
        let limit = Limit {
            account: AccountId(0),
            instrument: INSTRUMENT,
            side: order_side,
            time_in_force: if ioc == 0 { TimeInForce::Day } else { TimeInForce::Ioc },
            qty: Qty(i64::from(qty)),
            price: Ticks(px),
        };
        if self.engine.contains(OrderId(id)) || self.engine.check_limit(&limit).is_err() {
            return self.way.reject(OMNI_REJECTED, seq, id);
        }
        self.engine.submit_limit(OrderId(id), &limit, &mut Reports { way: self.way, order: new });
    }

    #[inline(always)]
    pub fn cancel(&mut self, cancel: &Cancel) {
        let &Cancel { id, seq } = cancel;
        match self.engine.withdraw(OrderId(id), CancelReason::Requested, &mut Unheard) {
            Some(Withdrawn { side, price, leaves }) => {
                self.way.about(OMNI_CANCELED, seq, id, code_of(side), price.0, leaves.0 as u32);
            }
            None => self.way.reject(OMNI_REJECTED, seq, id),
        }
    }

    #[inline(always)]
    pub fn modify(&mut self, modify: &Modify) {
        let &Modify { id, seq, px, qty, .. } = modify;
        let Some((side, ..)) = self.engine.peek(OrderId(id)) else { return self.way.reject(OMNI_MODIFY_REJECTED, seq, id) };
        if qty == 0 || !is_price(px) {
            return self.way.reject(OMNI_MODIFY_REJECTED, seq, id);
        }
        let order = NewOrder { id, seq, px, qty, side: code_of(side), ..NewOrder::default() };
        let out = &mut Reports { way: self.way, order: &order };
        self.engine.requeue(OrderId(id), Qty(i64::from(qty)), Ticks(px), out);
    }

    /// The best price of a side.
    pub fn best(&self, side: Side) -> Option<i64> {
        self.engine.best(INSTRUMENT, side).map(|price| price.0)
    }

    /// Lots at a price of a side; none where there is no such price or side.
    pub fn depth_at(&self, px: i64, side: u8) -> u64 {
        match side_of(side) {
            Some(side) if is_price(px) => self.engine.qty_at(INSTRUMENT, side, Ticks(px)).0 as u64,
            _ => 0,
        }
    }
}

/// The way out to the host.
#[derive(Clone, Copy)]
struct Way {
    push: Push,
    sink: *mut c_void,
}

impl Way {
    #[inline(always)]
    fn send(self, report: &Report) {
        // SAFETY: `engine_init` was promised that `push` may be called with this sink.
        if unsafe { (self.push)(self.sink, &raw const *report) } == 0 {
            self.insist(report);
        }
    }

    #[cold]
    #[inline(never)]
    fn insist(self, report: &Report) {
        // SAFETY: as above.
        while unsafe { (self.push)(self.sink, &raw const *report) } == 0 {
            std::hint::spin_loop();
        }
    }

    #[inline(always)]
    fn about(self, r#type: u8, seq: u64, id: u64, side: u8, px: i64, qty: u32) {
        self.send(&Report { r#type, side, seq, id, px, qty, ..Report::default() });
    }

    #[cold]
    #[inline(never)]
    fn reject(self, r#type: u8, seq: u64, id: u64) {
        self.about(r#type, seq, id, 0, 0, 0);
    }
}

/// What a new or modified order causes. The order is where the host wrote it: a copy would be read before it has reached the cache.
struct Reports<'c> {
    way: Way,
    order: &'c NewOrder,
}

impl EventSink for Reports<'_> {
    #[inline(always)]
    fn push(&mut self, event: Event) {
        let &NewOrder { id, seq, px, qty, side, .. } = self.order;
        match event {
            Event::Accepted { .. } => self.way.about(OMNI_ACCEPTED, seq, id, side, px, qty),
            Event::Trade { maker, taker, price, qty, .. } => self.way.send(&Report {
                r#type: OMNI_TRADE,
                seq,
                px: price.0,
                qty: qty.0 as u32,
                maker: maker.0,
                taker: taker.0,
                ..Report::default()
            }),
            Event::Canceled { leaves, .. } => self.way.about(OMNI_CANCELED, seq, id, side, px, leaves.0 as u32),
            Event::Replaced { price, leaves, .. } => {
                self.way.about(OMNI_MODIFIED, seq, id, side, price.0, leaves.0 as u32);
            }
            // Limit orders in continuous trading cause nothing else.
            Event::Rejected { .. }
            | Event::Expired { .. }
            | Event::Triggered { .. }
            | Event::Repriced { .. }
            | Event::Refreshed { .. }
            | Event::Decremented { .. }
            | Event::CancelRejected { .. }
            | Event::ReplaceRejected { .. }
            | Event::PhaseChanged { .. }
            | Event::Auction { .. } => {}
        }
    }
}

/// A cancel causes one event, and what it returns says more.
struct Unheard;

impl EventSink for Unheard {
    #[inline]
    fn push(&mut self, _: Event) {}
}

#[inline]
fn side_of(code: u8) -> Option<Side> {
    // Sides come at random: a table costs less than a branch.
    Side::ALL.get(usize::from(code)).copied()
}

#[inline]
fn code_of(side: Side) -> u8 {
    side.code() - 1
}

#[inline]
fn is_price(px: i64) -> bool {
    (1..=LARGEST).contains(&px)
}
