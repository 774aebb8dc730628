//! Giving an order that works other prices or another quantity.

use omni_types::Ticks;

use super::special::LARGEST;
use super::{BarEngine, OrderRequest};
use crate::record::{OrderKind, OrderReason, OrderStatus};
use crate::terms::{ChangeKind, OrderTerms, TermsRecord};

/// What a strategy wants of an order from now on; what it does not say stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replacement {
    /// Total lots, fills included.
    pub qty: Option<i64>,
    /// Limit price, of limits and stop-limits.
    pub price: Option<Ticks>,
    /// Stop price, of stops and stop-limits that were not reached.
    pub stop_price: Option<Ticks>,
}

impl BarEngine {
    /// Replace an order; false when it is not working any more, or refuses what it is given, or the gate does. With another price it meets the
    /// next price like a new one; at its price it keeps its place.
    pub fn replace(&mut self, id: u32, wanted: Replacement) -> bool {
        let done = self.try_replace(id, wanted).is_some();
        self.counts.replaces_refused += u64::from(!done);
        done
    }

    fn try_replace(&mut self, id: u32, wanted: Replacement) -> Option<()> {
        let order = *self.orders.get(id as usize).filter(|order| order.status == OrderStatus::Working)?;
        let elected = self.terms_of(id).is_some_and(|record| record.elected);
        let usable = |value: i64| (1..=LARGEST).contains(&value);
        let qty = wanted.qty.unwrap_or(order.qty);
        let has_limit = matches!(order.kind, OrderKind::Limit | OrderKind::StopLimit);
        let has_stop = match order.kind {
            // One that was reached waits as a market order.
            OrderKind::Stop => !self.market.contains(&id),
            OrderKind::StopLimit => !elected,
            OrderKind::Market | OrderKind::Limit | OrderKind::TrailingStop => false,
        };
        let fits = |price: Option<Ticks>, has: bool| price.is_none_or(|price| has && usable(price.0));
        let new = if order.kind == OrderKind::Stop { wanted.stop_price } else { wanted.price };
        let request = OrderRequest {
            symbol: order.symbol as usize,
            side: order.side,
            qty,
            kind: order.kind,
            price: new.unwrap_or(order.price),
        };
        if !usable(qty) || qty <= order.filled || self.is_too_large(&request) {
            return None;
        }
        if !fits(wanted.price, has_limit) || !fits(wanted.stop_price, has_stop) {
            return None;
        }
        let checked = if order.kind == OrderKind::TrailingStop { Ticks(0) } else { request.price };
        if !self.gate_replaces(id, qty, checked) {
            return None;
        }
        let rested = self.leave_queue(id);
        self.give_terms(id);
        let old_stop = self.terms_mut(id).terms.stop_price;
        let stop = wanted.stop_price.filter(|_| order.kind == OrderKind::StopLimit).unwrap_or(old_stop);
        let moved = request.price != order.price || stop != old_stop;
        self.orders[id as usize].qty = qty;
        self.orders[id as usize].price = request.price;
        let record = self.terms_mut(id);
        record.terms.stop_price = stop;
        if moved {
            record.arrived = false;
            record.elected_inside = None;
        }
        if rested && moved {
            self.arriving.push(id);
        } else if rested {
            self.rest(id);
        }
        self.log(id, ChangeKind::Replaced, OrderReason::Replaced);
        Some(())
    }

    /// An order that said nothing is from now on one with terms, for these are kept with what it was when it was sent.
    fn give_terms(&mut self, id: u32) {
        let order = self.orders[id as usize];
        self.special().terms.entry(id).or_insert(TermsRecord {
            order: id,
            terms: OrderTerms::PLAIN,
            sent_qty: order.qty,
            sent_price: order.price,
            sent_stop: Ticks(0),
            session: 0,
            elected: false,
            elected_inside: None,
            taking: false,
            arrived: true,
        });
    }

    /// Ask the gate, if there is one; what it lets through counts as open there.
    fn gate_replaces(&mut self, id: u32, qty: i64, price: Ticks) -> bool {
        let order = self.orders[id as usize];
        let now = self.panel.ts()[self.step.min(self.panel.n_steps() - 1)];
        let Some(gate) = &mut self.gate else { return true };
        let (symbol, leaves) = (order.symbol as usize, qty - order.filled);
        let passed = gate.check_replace(symbol, order.side, (qty, leaves, qty - order.qty), price, now).is_none();
        if passed {
            gate.opened(symbol, order.side, qty - order.qty);
        }
        passed
    }
}
