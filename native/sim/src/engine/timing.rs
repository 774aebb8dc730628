//! Sessions, and orders that a session, a time or an auction ends.

use omni_types::{Ticks, TimeInForce};

use super::BarEngine;
use crate::record::{OrderKind, OrderReason, OrderStatus};

const DAY_NS: i64 = 86_400_000_000_000;

impl BarEngine {
    /// Number of the session in which the bars of a step closed. A bar that closes at midnight belongs to the day that ends.
    fn session(&self, step: usize) -> i64 {
        self.sessions.as_ref().map_or_else(|| (self.panel.ts()[step] - 1).div_euclid(DAY_NS), |sessions| sessions[step])
    }

    /// The session in which a DAY order that is sent now ends: that of the first bar in which it may work.
    pub(super) fn session_of_sending(&self, symbol: usize, kind: OrderKind) -> i64 {
        // A market order waits for a later step, others for what is left of this one.
        let from = if kind == OrderKind::Market { self.step + 1 } else { self.closed };
        let first = (from..self.panel.n_steps()).find(|&step| self.panel.has_bar(step, symbol));
        first.map_or(i64::MAX, |step| self.session(step))
    }

    /// Whether no bar of the instrument in this session comes before this step's.
    fn is_first_of_session(&self, symbol: usize) -> bool {
        let now = self.session(self.step);
        let earlier = (0..self.step).rev().take_while(|&step| self.session(step) == now);
        !earlier.into_iter().any(|step| self.panel.has_bar(step, symbol))
    }

    /// Whether no bar of the instrument in this session comes after this step's.
    fn is_last_of_session(&self, symbol: usize) -> bool {
        let now = self.session(self.step);
        let later = (self.step + 1..self.panel.n_steps()).take_while(|&step| self.session(step) == now);
        !later.into_iter().any(|step| self.panel.has_bar(step, symbol))
    }

    /// Whether an order waits for an opening or a closing price.
    #[inline]
    pub(super) fn awaits_auction(&self) -> bool {
        self.special.as_ref().is_some_and(|special| !special.auctions.is_empty())
    }

    /// Orders whose auction is at the prices of this moment: those that accept their price join the batch, the others end.
    pub(super) fn collect_auction(&mut self, which: TimeInForce, prices: &[i64], batch: &mut Vec<u32>) {
        if !self.awaits_auction() {
            return;
        }
        let waiting = std::mem::take(&mut self.special().auctions);
        for id in waiting {
            let order = self.orders[id as usize];
            let symbol = order.symbol as usize;
            if !self.live(id) {
                continue;
            }
            let due = self.terms_mut(id).terms.time_in_force == which
                && self.has_bar(id)
                && order.step_sent < self.step as u32
                && if which == TimeInForce::AtOpen { self.is_first_of_session(symbol) } else { self.is_last_of_session(symbol) };
            if !due {
                self.special().auctions.push(id);
            } else if order.kind == OrderKind::Market || order.side.accepts(order.price, Ticks(prices[symbol])) {
                batch.push(id);
            } else {
                self.end_by_terms(id, OrderStatus::Expired, OrderReason::AuctionOver);
            }
        }
    }

    /// A bar that closes after an order's end is not its bar: nobody knows which part of it came before.
    pub(super) fn expire_before_open(&mut self) {
        let now = self.panel.ts()[self.step];
        self.expire_timed(|_, expire_at| expire_at.filter(|&at| at < now).map(|_| OrderReason::EndOfTime));
    }

    /// What the close of this step, or of its session, ends.
    pub(super) fn expire_after_close(&mut self) {
        let (now, step) = (self.panel.ts()[self.step], self.step);
        let session = self.session(step);
        let over = step + 1 == self.panel.n_steps() || self.session(step + 1) != session;
        self.expire_timed(|last_session, expire_at| match expire_at {
            Some(at) => (at <= now).then_some(OrderReason::EndOfTime),
            None => (over && last_session <= session).then_some(OrderReason::EndOfSession),
        });
    }

    /// End the orders for which `due`, given their last session and their time if they have one, knows a reason.
    fn expire_timed(&mut self, due: impl Fn(i64, Option<i64>) -> Option<OrderReason>) {
        let timed = std::mem::take(&mut self.special().timed);
        let mut kept = Vec::with_capacity(timed.len());
        for id in timed {
            if !self.live(id) {
                continue;
            }
            let record = self.terms_mut(id);
            let expire_at = (record.terms.time_in_force == TimeInForce::Gtd).then_some(record.terms.expire_at);
            match due(record.session, expire_at) {
                Some(reason) => self.end_by_terms(id, OrderStatus::Expired, reason),
                None => kept.push(id),
            }
        }
        self.special().timed = kept;
    }
}
