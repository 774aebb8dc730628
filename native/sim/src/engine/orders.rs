//! Orders on their way in and out: sending, targets, canceling, and the queues where limits and stops wait.

use omni_types::{AccountId, CancelReason, InstrumentId, NewOrder, OrderId, Qty, Side, Ticks};

use super::BarEngine;
use crate::instrument::truncate_lots;
use crate::record::{OrderKind, OrderReason, OrderRecord, OrderStatus};

/// An order as a strategy sends it.
#[derive(Clone, Copy, Debug)]
pub struct OrderRequest {
    /// Instrument, as a column of the panel.
    pub symbol: usize,
    /// Buy or sell.
    pub side: Side,
    /// Lots, positive.
    pub qty: i64,
    /// What kind of price it has.
    pub kind: OrderKind,
    /// Limit or stop price; ignored for market orders and trailing stops.
    pub price: Ticks,
}

impl BarEngine {
    /// Send an order; returns its id. An order that cannot work is recorded as rejected.
    pub fn send(&mut self, request: OrderRequest) -> u32 {
        let price = if request.kind == OrderKind::Market { Ticks(0) } else { request.price };
        let refusal = self.refusal(&request).or_else(|| self.gate_refusal(&request, price));
        let id = self.record(&request, price, refusal);
        if refusal.is_none() {
            self.queue(id, request.kind);
        }
        self.note(id);
        id
    }

    /// A working order waits for its first price.
    pub(super) fn queue(&mut self, id: u32, kind: OrderKind) {
        if kind == OrderKind::Market {
            self.market.push(id);
        } else {
            self.arriving.push(id);
        }
    }

    /// Keep an order, and count it if it is refused.
    pub(super) fn record(&mut self, request: &OrderRequest, price: Ticks, refusal: Option<OrderReason>) -> u32 {
        let OrderRequest { symbol, side, qty, kind, .. } = *request;
        let id = self.orders.len() as u32;
        // After the last step there is no later one: an order sent then expires with it.
        let step = self.step.min(self.panel.n_steps() - 1) as u32;
        self.orders.push(OrderRecord {
            symbol: symbol as u32,
            step_sent: step,
            step_closed: step,
            side,
            kind,
            status: if refusal.is_some() { OrderStatus::Rejected } else { OrderStatus::Working },
            reason: refusal.unwrap_or(OrderReason::None),
            qty,
            filled: 0,
            price,
        });
        self.counts.rejected += u64::from(refusal.is_some());
        id
    }

    fn refusal(&self, request: &OrderRequest) -> Option<OrderReason> {
        if self.is_too_large(request) {
            Some(OrderReason::InvalidQty)
        } else if request.kind == OrderKind::Market {
            None
        } else if !self.panel.has_ohlc() {
            Some(OrderReason::NoIntrabarPrices)
        } else if request.price.0 <= 0 {
            Some(OrderReason::InvalidPrice)
        } else {
            None
        }
    }

    /// Whether money could not count what the order is worth, or it is for nothing.
    pub(super) fn is_too_large(&self, request: &OrderRequest) -> bool {
        // Money counts to 1.7e20; one order may use a tenth of that.
        const LARGEST_NOTIONAL: f64 = 1e19;
        let instrument = &self.panel.instruments()[request.symbol];
        let reference = instrument.price(self.ledger.mark_of(request.symbol).max(request.price));
        request.qty <= 0 || request.qty as f64 * instrument.lot_size() * reference > LARGEST_NOTIONAL
    }

    /// Ask the gate, if there is one; what passes counts as open there.
    pub(super) fn gate_refusal(&mut self, request: &OrderRequest, price: Ticks) -> Option<OrderReason> {
        let gate = self.gate.as_mut()?;
        let now = self.panel.ts()[self.step.min(self.panel.n_steps() - 1)];
        let refusal = gate.check(request.symbol, request.side, request.qty, price, now);
        if refusal.is_none() {
            gate.opened(request.symbol, request.side, request.qty);
        }
        refusal.map(OrderReason::refused_by_gate)
    }

    /// Whether the gate lets a cancel through.
    fn may_cancel(&mut self) -> bool {
        let Some(gate) = &mut self.gate else { return true };
        let passed = gate.check_cancel(self.panel.ts()[self.step.min(self.panel.n_steps() - 1)]).is_none();
        self.counts.cancels_refused += u64::from(!passed);
        passed
    }

    /// Tell the gate that what is left of an order is open no more.
    pub(super) fn closed_at_gate(&mut self, id: u32) {
        if let Some(gate) = &mut self.gate {
            let order = &self.orders[id as usize];
            gate.opened(order.symbol as usize, order.side, -order.leaves());
        }
    }

    /// Cancel an order on behalf of the strategy; false when it is not working any more, or the gate refuses.
    pub fn cancel(&mut self, id: u32) -> bool {
        let working = self.orders.get(id as usize).is_some_and(|order| order.status == OrderStatus::Working);
        let working = working && self.may_cancel();
        if working {
            self.end(id, OrderStatus::Canceled, OrderReason::CanceledByStrategy);
        }
        working
    }

    /// Aim at a position of `lots`: order the difference to what is held and still working from earlier targets.
    #[inline]
    pub fn target(&mut self, symbol: usize, lots: i64) {
        let difference = lots - self.ledger.lots(symbol);
        match self.working[symbol].target {
            None if difference == 0 => {}
            None => self.send_target(symbol, difference),
            Some(id) => {
                let order = &self.orders[id as usize];
                if difference != order.side.sign() * order.leaves() && self.may_cancel() {
                    self.end(id, OrderStatus::Canceled, OrderReason::ReplacedByTarget);
                    self.counts.replaced += 1;
                    self.send_target(symbol, difference);
                }
            }
        }
    }

    fn send_target(&mut self, symbol: usize, difference: i64) {
        if difference != 0 {
            let side = if difference > 0 { Side::Buy } else { Side::Sell };
            let id = self.send(OrderRequest { symbol, side, qty: difference.abs(), kind: OrderKind::Market, price: Ticks(0) });
            self.working[symbol].target = Some(id).filter(|&id| self.live(id));
        }
    }

    /// Aim at a position worth `weight` of the current equity at the current mark.
    pub fn target_weight(&mut self, symbol: usize, weight: f64) {
        self.target_weight_of(symbol, weight, self.ledger.equity().to_f64());
    }

    /// [`BarEngine::target_weight`] with the equity already at hand.
    #[allow(clippy::inline_always)]
    #[inline(always)]
    pub(crate) fn target_weight_of(&mut self, symbol: usize, weight: f64, equity: f64) {
        let mark = self.ledger.mark_of(symbol);
        if mark.0 == 0 {
            self.counts.unpriced += 1;
            return;
        }
        let instrument = &self.panel.instruments()[symbol];
        let worth = instrument.price(mark) * instrument.lot_size();
        let worth = if self.ledger.currency_of(symbol) == 0 { worth } else { worth * self.ledger.rate_of(symbol) };
        let lots = truncate_lots(weight * equity / worth);
        self.counts.rounded_to_zero += u64::from(lots == 0 && weight != 0.0);
        self.target(symbol, lots);
    }

    pub(super) fn live(&self, id: u32) -> bool {
        self.orders[id as usize].status == OrderStatus::Working
    }

    /// Whether the order's instrument has a bar in this step and trades.
    pub(super) fn has_bar(&self, id: u32) -> bool {
        let symbol = self.orders[id as usize].symbol as usize;
        self.panel.has_bar(self.step, symbol) && !self.halted(symbol)
    }

    /// Whether the instrument is halted in this step.
    pub(super) fn halted(&self, symbol: usize) -> bool {
        self.extras.as_ref().is_some_and(|extras| extras.halted.get(symbol) == Some(&true))
    }

    /// Put a limit or stop order into its queue.
    pub(super) fn rest(&mut self, id: u32) {
        let order = self.orders[id as usize];
        self.n_resting += 1;
        if let Some(special) = self.special.as_mut().filter(|special| special.terms.contains_key(&id)) {
            special.resting[order.symbol as usize].push(id);
            return;
        }
        let working = &mut self.working[order.symbol as usize];
        if order.kind == OrderKind::Stop {
            working.stops.push(id);
            return;
        }
        let limit = NewOrder::limit(AccountId(0), InstrumentId(order.symbol), order.side, Qty(order.leaves()), order.price);
        self.books.submit(OrderId(u64::from(id)), &limit, &mut self.events);
        debug_assert_eq!(self.events.len(), 1, "our resting orders never cross: what the market meets has left the book");
        self.events.clear();
    }

    /// End a working order that is not filled whole, wherever it waits.
    pub(super) fn end(&mut self, id: u32, status: OrderStatus, reason: OrderReason) {
        let step = self.step.min(self.panel.n_steps() - 1) as u32;
        let order = &mut self.orders[id as usize];
        order.status = status;
        order.reason = reason;
        order.step_closed = step;
        self.closed_at_gate(id);
        let symbol = self.orders[id as usize].symbol as usize;
        self.working[symbol].target.take_if(|target| *target == id);
        self.leave_queue(id);
        self.note(id);
    }

    /// Take an order out of where it rests; false where it rests nowhere. The market and arriving lists pass over ended orders when they next
    /// look; queues must not hold any.
    pub(super) fn leave_queue(&mut self, id: u32) -> bool {
        let order = &self.orders[id as usize];
        let rested = match order.kind {
            _ if self.is_special(id) => self.leave_special(id),
            OrderKind::Limit => {
                let rested = self.books.cancel(OrderId(u64::from(id)), CancelReason::Requested, &mut self.events);
                self.events.clear();
                rested
            }
            OrderKind::Stop => {
                let stops = &mut self.working[order.symbol as usize].stops;
                let at = stops.iter().position(|&stop| stop == id);
                at.map(|at| stops.remove(at)).is_some()
            }
            OrderKind::Market | OrderKind::StopLimit | OrderKind::TrailingStop => false,
        };
        self.n_resting -= usize::from(rested);
        rested
    }
}
