//! Where the engine's events arrive: they drive the states of orders, positions and the gate, and become the events of the system.

use omni_types::{
    Action, Event, EventSink, InstrumentId, Nanos, NewOrder, OrderId, OrderState, OrderType, Qty, RejectReason, Ticks,
    TradingPhase,
};

use crate::command::SwitchScope;
use crate::event::{EventKind, Liquidity, OmsEvent};
use crate::gate::{RiskDevice, Update};
use crate::positions::Positions;
use crate::records::{Record, Records};
use crate::switches::Switched;

/// Everything but the engine.
#[derive(Clone, Debug)]
pub(crate) struct Desk<D> {
    pub device: D,
    pub records: Records,
    pub positions: Positions,
    /// Not handed out yet.
    pub events: Vec<OmsEvent>,
    /// Frame of the command in hand.
    pub sequence: u64,
    /// Time of the command in hand, or a later one that came before it.
    pub clock: Nanos,
    /// Stop price of the New in hand: its record does not keep it.
    pub stop_price: Ticks,
}

impl<D: RiskDevice> Desk<D> {
    /// Refuses an order before it reached the book.
    pub fn reject(&mut self, id: OrderId, reason: RejectReason) {
        let stop_price = self.stop_price;
        let record = self.records.known(id);
        record.end(Action::Reject, reason.code());
        let event = OmsEvent {
            price: price_or_stop(record, stop_price),
            qty: record.qty.0,
            reason: reason.code(),
            ..OmsEvent::default()
        };
        self.emit(EventKind::Rejected, id, event);
    }

    /// Refuses what does not become an order: its owner or instrument is unknown, or its client order id says something else.
    pub fn reject_unplaced(&mut self, client_order_id: u128, order: &NewOrder, reason: RejectReason) {
        self.events.push(OmsEvent {
            client_order_id,
            account: order.account.0,
            instrument: order.instrument.0,
            side: order.side.code(),
            state: OrderState::Rejected.code(),
            reason: reason.code(),
            price: if order.price.0 == 0 { order.terms.stop_price.0 } else { order.price.0 },
            qty: order.qty.0,
            ..self.blank(EventKind::Rejected, OrderId(0))
        });
    }

    /// Answers an order that was sent again. `stop_price` is that of a stop that waits.
    pub fn report(&mut self, id: OrderId, stop_price: Ticks) {
        let record = self.records.known(id);
        let event = OmsEvent {
            price: price_or_stop(record, stop_price),
            qty: record.qty.0,
            reason: record.reason,
            ..OmsEvent::default()
        };
        self.emit(EventKind::Status, id, event);
    }

    /// Refuses a cancel or a replacement of an order that need not exist. Its state stays what it is: the request was never seen.
    pub fn refuse(&mut self, kind: EventKind, id: OrderId, reason: RejectReason) {
        if self.records.get(id).is_some() {
            self.emit(kind, id, OmsEvent { reason: reason.code(), ..OmsEvent::default() });
        } else {
            self.events.push(OmsEvent { reason: reason.code(), ..self.blank(kind, id) });
        }
    }

    /// An order passed the gate with a warning: `price` and `qty` are those that it would have.
    #[cold]
    pub fn warn(&mut self, id: OrderId, reason: RejectReason, price: i64, qty: i64) {
        self.emit(EventKind::Warned, id, OmsEvent { price, qty, reason: reason.code(), ..OmsEvent::default() });
    }

    /// Something became of a kill switch.
    pub fn switched(&mut self, scope: SwitchScope, outcome: Switched) {
        let (code, number) = scope.code();
        let blank = self.blank(EventKind::KillSwitch, OrderId(0));
        let (account, instrument) = match scope {
            SwitchScope::Everything => (0, 0),
            SwitchScope::Account(_) => (number, 0),
            SwitchScope::Instrument(_) => (0, number),
        };
        self.events.push(OmsEvent { price: code.into(), qty: outcome as i64, account, instrument, ..blank });
    }

    /// A register was written.
    pub fn written(&mut self, address: u64, value: u64) {
        self.events.push(OmsEvent {
            price: value as i64,
            qty: address as i64,
            ..self.blank(EventKind::RegisterWritten, OrderId(0))
        });
    }

    /// A reference price was set.
    pub fn marked(&mut self, instrument: InstrumentId, price: Ticks) {
        self.device.apply(Update::Reference { instrument, price });
        self.events.push(OmsEvent { price: price.0, ..self.of_instrument(EventKind::Marked, instrument) });
    }

    /// An order passed the gate: from now on it counts.
    #[inline]
    pub fn open(&mut self, order: &NewOrder) {
        self.device.apply(Update::Open {
            account: order.account,
            instrument: order.instrument,
            side: order.side,
            qty: order.qty.0,
        });
    }

    /// Adds an event about an order: `event` has what is special to it, the rest comes from the record as it is now.
    #[inline]
    fn emit(&mut self, kind: EventKind, id: OrderId, event: OmsEvent) {
        let record = self.records.known(id);
        self.events.push(OmsEvent {
            kind: kind.code(),
            seq: self.sequence,
            ts: self.clock.0,
            order_id: id.0,
            client_order_id: record.client_order_id,
            account: record.account.0,
            instrument: record.instrument.0,
            side: record.side.code(),
            state: record.state.code(),
            leaves: record.leaves.0,
            cum: record.cum.0,
            ..event
        });
    }

    #[inline]
    fn blank(&self, kind: EventKind, id: OrderId) -> OmsEvent {
        OmsEvent::new(kind, self.sequence, self.clock, id)
    }

    fn of_instrument(&self, kind: EventKind, instrument: InstrumentId) -> OmsEvent {
        OmsEvent::of_instrument(kind, self.sequence, self.clock, instrument)
    }

    /// Tells the gate that an order wants so many lots more.
    #[inline]
    fn change_open(&mut self, id: OrderId, qty: i64) {
        let Record { account, instrument, side, .. } = *self.records.known(id);
        self.device.apply(Update::Open { account, instrument, side, qty });
    }

    #[inline]
    fn accepted(&mut self, id: OrderId) {
        let stop_price = self.stop_price;
        let record = self.records.known(id);
        record.step(Action::Accept);
        let event = OmsEvent { price: price_or_stop(record, stop_price), qty: record.qty.0, ..OmsEvent::default() };
        self.emit(EventKind::Accepted, id, event);
    }

    /// One side of a trade.
    #[inline]
    fn filled(&mut self, id: OrderId, trade: &OmsEvent, leaves: Qty, liquidity: Liquidity) {
        let (price, qty) = (Ticks(trade.price), Qty(trade.qty));
        let record = self.records.known(id);
        record.fill(price, qty, leaves);
        let Record { account, instrument, side, .. } = *record;
        let realised = self.positions.fill(account, instrument, side, price, qty);
        self.device.apply(Update::Fill { account, instrument, side, qty: qty.0, price, realised });
        self.emit(EventKind::Filled, id, OmsEvent { liquidity: liquidity as u8, ..*trade });
    }

    #[inline]
    fn ended(&mut self, kind: EventKind, id: OrderId, action: Action, left: Qty, reason: u8) {
        self.change_open(id, -left.0);
        self.records.known(id).end(action, reason);
        self.emit(kind, id, OmsEvent { qty: left.0, reason, ..OmsEvent::default() });
    }

    #[inline]
    fn replaced(&mut self, id: OrderId, price: Ticks, leaves: Qty) {
        let record = self.records.known(id);
        let more = leaves.0 - record.leaves.0;
        record.qty.0 += more;
        record.leaves = leaves;
        if matches!(record.order_type, OrderType::Limit | OrderType::StopLimit | OrderType::Pegged) {
            record.price = price;
        }
        // The request and its answer are one command: nobody sees the state between.
        record.step(Action::RequestReplace);
        record.step(Action::Replace);
        let event = OmsEvent { price: price.0, qty: record.qty.0, ..OmsEvent::default() };
        self.change_open(id, more);
        self.emit(EventKind::Replaced, id, event);
    }

    fn triggered(&mut self, id: OrderId, stop_price: Ticks) {
        let record = self.records.known(id);
        record.order_type = if record.order_type == OrderType::StopLimit { OrderType::Limit } else { OrderType::Market };
        self.emit(EventKind::Triggered, id, OmsEvent { price: stop_price.0, ..OmsEvent::default() });
    }

    fn repriced(&mut self, id: OrderId, price: Ticks) {
        let record = self.records.known(id);
        // A limit that slid is another limit; a peg that moved has the same cap.
        if record.order_type == OrderType::Limit {
            record.price = price;
        }
        self.emit(EventKind::Repriced, id, OmsEvent { price: price.0, ..OmsEvent::default() });
    }

    fn decremented(&mut self, id: OrderId, price: Ticks, qty: Qty, leaves: Qty) {
        self.change_open(id, -qty.0);
        self.records.known(id).leaves = leaves;
        self.emit(EventKind::Decremented, id, OmsEvent { price: price.0, qty: qty.0, ..OmsEvent::default() });
    }

    fn phase_changed(&mut self, instrument: InstrumentId, phase: TradingPhase) {
        self.events.push(OmsEvent { qty: phase.code().into(), ..self.of_instrument(EventKind::PhaseChanged, instrument) });
    }
}

impl<D: RiskDevice> EventSink for Desk<D> {
    #[inline]
    fn push(&mut self, event: Event) {
        match event {
            Event::Accepted { id } => self.accepted(id),
            Event::Rejected { id, reason } => {
                let leaves = self.records.known(id).leaves;
                self.change_open(id, -leaves.0);
                self.reject(id, reason);
            }
            Event::Trade { maker, taker, aggressor, price, qty, maker_leaves, taker_leaves, trade_id } => {
                let trade = OmsEvent { price: price.0, qty: qty.0, trade_id, ..OmsEvent::default() };
                let of = |liquidity| if aggressor.is_some() { liquidity } else { Liquidity::Auction };
                self.filled(maker, &trade, maker_leaves, of(Liquidity::Maker));
                self.filled(taker, &trade, taker_leaves, of(Liquidity::Taker));
                let instrument = self.records.known(maker).instrument;
                self.device.apply(Update::Reference { instrument, price });
            }
            Event::Canceled { id, leaves, reason } => self.ended(EventKind::Canceled, id, Action::Cancel, leaves, reason.code()),
            Event::Expired { id, leaves } => self.ended(EventKind::Expired, id, Action::Expire, leaves, 0),
            Event::Replaced { id, price, leaves } => self.replaced(id, price, leaves),
            Event::Triggered { id, stop_price } => self.triggered(id, stop_price),
            Event::Repriced { id, price } => self.repriced(id, price),
            Event::Refreshed { id, price, slice } => {
                self.emit(EventKind::Refreshed, id, OmsEvent { price: price.0, qty: slice.0, ..OmsEvent::default() });
            }
            Event::Decremented { id, price, qty, leaves } => self.decremented(id, price, qty, leaves),
            Event::CancelRejected { id, reason } => self.refuse(EventKind::CancelRejected, id, reason),
            Event::ReplaceRejected { id, reason } => self.refuse(EventKind::ReplaceRejected, id, reason),
            Event::PhaseChanged { instrument, phase } => self.phase_changed(instrument, phase),
            Event::Auction { instrument, price, qty, surplus } => {
                let auction = self.of_instrument(EventKind::Auction, instrument);
                self.events.push(OmsEvent { price: price.0, qty: qty.0, leaves: surplus.0, ..auction });
            }
        }
    }
}

/// Limit, cap, or stop price if there is neither.
#[inline]
fn price_or_stop(record: &Record, stop_price: Ticks) -> i64 {
    if record.price.0 == 0 { stop_price.0 } else { record.price.0 }
}
