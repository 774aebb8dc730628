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
    /// Market, limit or stop.
    pub kind: OrderKind,
    /// Limit or stop price; ignored for a market order.
    pub price: Ticks,
}

impl BarEngine {
    /// Send an order; returns its id. An order that cannot work is recorded as rejected.
    pub fn send(&mut self, request: OrderRequest) -> u32 {
        let OrderRequest { symbol, side, qty, kind, price } = request;
        let price = if kind == OrderKind::Market { Ticks(0) } else { price };
        let id = self.orders.len() as u32;
        let refusal = self.refusal(&request).or_else(|| self.gate_refusal(&request, price));
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
        if refusal.is_some() {
            self.counts.rejected += 1;
        } else if kind == OrderKind::Market {
            self.market.push(id);
        } else {
            self.arriving.push(id);
        }
        self.note(id);
        id
    }

    fn refusal(&self, request: &OrderRequest) -> Option<OrderReason> {
        // Money counts to 1.7e20; one order may use a tenth of that.
        const LARGEST_NOTIONAL: f64 = 1e19;
        let instrument = &self.panel.instruments()[request.symbol];
        let reference = instrument.price(self.ledger.mark_of(request.symbol).max(request.price));
        if request.qty <= 0 || request.qty as f64 * instrument.lot_size() * reference > LARGEST_NOTIONAL {
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

    /// Ask the gate, if there is one; what passes counts as open there.
    fn gate_refusal(&mut self, request: &OrderRequest, price: Ticks) -> Option<OrderReason> {
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
        let working = &mut self.working[order.symbol as usize];
        self.n_resting += 1;
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
        let order = &self.orders[id as usize];
        let working = &mut self.working[order.symbol as usize];
        working.target.take_if(|target| *target == id);
        // The market and arriving lists pass over ended orders when they next look; queues must not hold any.
        match order.kind {
            OrderKind::Market => {}
            OrderKind::Limit => {
                if self.books.cancel(OrderId(u64::from(id)), CancelReason::Requested, &mut self.events) {
                    self.events.clear();
                    self.n_resting -= 1;
                }
            }
            OrderKind::Stop => {
                if let Some(at) = working.stops.iter().position(|&stop| stop == id) {
                    working.stops.remove(at);
                    self.n_resting -= 1;
                }
            }
        }
        self.note(id);
    }
}
