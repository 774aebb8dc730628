//! The engine of one instrument, speaking the records of the C ABI.
// A report is one call to the host: a second one on the way to it was measured.
#![allow(unsafe_code, clippy::inline_always)]

use std::ffi::c_void;

use omni_book::Engine;
use omni_types::{
    AccountId, CancelReason, Event, EventSink, InstrumentId, LARGEST, NewOrder as Order, OrderId, Qty, Side, Ticks, TimeInForce,
    TradingPhase,
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
    out: Reports,
}

impl Host {
    /// An empty book that is open.
    pub fn new(push: Push, sink: *mut c_void) -> Self {
        let out = Reports { push, sink, seq: 0, id: 0, side: 0, px: 0, qty: 0 };
        let mut engine = Engine::new(1, TradingPhase::Continuous);
        engine.reserve(READY_ORDERS);
        Self { engine, out }
    }

    #[inline]
    pub fn new_order(&mut self, new: &NewOrder) {
        let &NewOrder { id, seq, px, qty, side, ioc, .. } = new;
        let mut out = Reports { seq, id, side, px, qty, ..self.out };
        let Some(order_side) = side_of(side) else { return out.reject(OMNI_REJECTED) };
        let mut order = Order::limit(AccountId(0), INSTRUMENT, order_side, Qty(i64::from(qty)), Ticks(px));
        if ioc != 0 {
            order.time_in_force = TimeInForce::Ioc;
        }
        if self.engine.contains(OrderId(id)) || self.engine.check_new(&order).is_err() {
            return out.reject(OMNI_REJECTED);
        }
        self.engine.submit(OrderId(id), &order, &mut out);
    }

    #[inline]
    pub fn cancel(&mut self, cancel: &Cancel) {
        let &Cancel { id, seq } = cancel;
        let out = Reports { seq, id, ..self.out };
        match self.engine.withdraw(OrderId(id), CancelReason::Requested, &mut Unheard) {
            Some(order) => out.about(OMNI_CANCELED, code_of(order.side), order.price.0, order.leaves.0 as u32),
            None => out.reject(OMNI_REJECTED),
        }
    }

    #[inline]
    pub fn modify(&mut self, modify: &Modify) {
        let &Modify { id, seq, px, qty, .. } = modify;
        let mut out = Reports { seq, id, px, ..self.out };
        let Some((side, ..)) = self.engine.peek(OrderId(id)) else { return out.reject(OMNI_MODIFY_REJECTED) };
        if qty == 0 || !is_price(px) {
            return out.reject(OMNI_MODIFY_REJECTED);
        }
        out.side = code_of(side);
        self.engine.requeue(OrderId(id), Qty(i64::from(qty)), Ticks(px), &mut out);
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

/// The way out to the host, and what the reports of the command at work have in common.
struct Reports {
    push: Push,
    sink: *mut c_void,
    seq: u64,
    id: u64,
    side: u8,
    px: i64,
    qty: u32,
}

impl Reports {
    #[inline(always)]
    fn send(&self, report: Report) {
        // SAFETY: `engine_init` was promised that `push` may be called with this sink.
        while unsafe { (self.push)(self.sink, &raw const report) } == 0 {
            std::hint::spin_loop();
        }
    }

    #[inline]
    fn about(&self, r#type: u8, side: u8, px: i64, qty: u32) {
        self.send(Report { r#type, side, seq: self.seq, id: self.id, px, qty, ..Report::default() });
    }

    #[inline]
    fn reject(&self, r#type: u8) {
        self.about(r#type, 0, 0, 0);
    }
}

impl EventSink for Reports {
    #[inline(always)]
    fn push(&mut self, event: Event) {
        match event {
            Event::Accepted { .. } => self.about(OMNI_ACCEPTED, self.side, self.px, self.qty),
            Event::Trade { maker, taker, price, qty, .. } => self.send(Report {
                r#type: OMNI_TRADE,
                seq: self.seq,
                px: price.0,
                qty: qty.0 as u32,
                maker: maker.0,
                taker: taker.0,
                ..Report::default()
            }),
            Event::Canceled { leaves, .. } => self.about(OMNI_CANCELED, self.side, self.px, leaves.0 as u32),
            Event::Replaced { price, leaves, .. } => self.about(OMNI_MODIFIED, self.side, price.0, leaves.0 as u32),
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
    Side::from_code(code.wrapping_add(1))
}

#[inline]
fn code_of(side: Side) -> u8 {
    side.code() - 1
}

#[inline]
fn is_price(px: i64) -> bool {
    (1..=LARGEST).contains(&px)
}
