//! Which orders meet which price: the open, the range of the bar, the close.

use std::sync::Arc;

use omni_types::{CancelReason, InstrumentId, Side, Ticks, TimeInForce};

use super::BarEngine;
use crate::config::{FillTiming, LimitFill};
use crate::record::{FillTime, OrderKind, OrderRecord};

impl BarEngine {
    pub(super) fn meet_open(&mut self) {
        let panel = Arc::clone(&self.panel);
        let Some(opens) = panel.open_row(self.step) else { return };
        for (symbol, &open) in opens.iter().enumerate() {
            if open != 0 {
                self.ledger.mark(symbol, Ticks(open));
            }
        }
        if self.gate.is_some() {
            self.show_gate_marks();
        }
        let mut batch = std::mem::take(&mut self.batch);
        batch.clear();
        if self.config.fill == FillTiming::NextOpen {
            self.collect_market(&mut batch, |_| true);
        }
        // Those the open meets leave the books before new ones enter: our own bids and asks must never meet each other.
        if self.n_resting > 0 {
            for (symbol, &open) in opens.iter().enumerate().filter(|&(_, &open)| open != 0) {
                if !self.halted(symbol) {
                    self.collect_gapped(symbol, Ticks(open), &mut batch);
                }
            }
        }
        self.collect_arriving(&mut batch, opens);
        self.collect_auction(TimeInForce::AtOpen, opens, &mut batch);
        self.execute_batch(&mut batch, FillTime::Open, |order| Ticks(opens[order.symbol as usize]));
        self.batch = batch;
    }

    /// Market orders that are ready meet the close, and with an `auction` those that waited for one.
    pub(super) fn meet_close(&mut self, auction: bool, ready: impl Fn(&OrderRecord) -> bool) {
        let panel = Arc::clone(&self.panel);
        let closes = panel.close_row(self.step);
        let mut batch = std::mem::take(&mut self.batch);
        batch.clear();
        self.collect_market(&mut batch, ready);
        if auction {
            self.collect_auction(TimeInForce::AtClose, closes, &mut batch);
        }
        self.execute_batch(&mut batch, FillTime::Close, |order| Ticks(closes[order.symbol as usize]));
        self.batch = batch;
    }

    /// Move the market orders that can fill now into the batch.
    fn collect_market(&mut self, batch: &mut Vec<u32>, ready: impl Fn(&OrderRecord) -> bool) {
        let mut market = std::mem::take(&mut self.market);
        market.retain(|&id| {
            if !self.live(id) {
                return false;
            }
            let take = self.has_bar(id) && ready(&self.orders[id as usize]);
            if take {
                batch.push(id);
            }
            !take
        });
        self.market = market;
    }

    /// Arriving limits and stops meet their first price: the met ones join the batch, the others rest.
    fn collect_arriving(&mut self, batch: &mut Vec<u32>, opens: &[i64]) {
        let mut arriving = std::mem::take(&mut self.arriving);
        arriving.retain(|&id| {
            if !self.live(id) {
                return false;
            }
            if !self.has_bar(id) {
                return true;
            }
            let order = self.orders[id as usize];
            let open = Ticks(opens[order.symbol as usize]);
            let met = if self.is_special(id) { self.meets(id, open) } else { met_at(&order, open) };
            if met {
                batch.push(id);
            } else if self.live(id) {
                self.rest(id);
            }
            false
        });
        self.arriving = arriving;
    }

    /// Resting orders whose price the open jumped over leave their queues and join the batch.
    fn collect_gapped(&mut self, symbol: usize, open: Ticks, batch: &mut Vec<u32>) {
        for side in [Side::Buy, Side::Sell] {
            let instrument = InstrumentId(symbol as u32);
            while let Some((id, _)) = self.books.first(instrument, side).filter(|&(_, price)| side.accepts(price, open)) {
                self.books.cancel(id, CancelReason::Requested, &mut self.events);
                self.events.clear();
                self.n_resting -= 1;
                batch.push(id.0 as u32);
            }
        }
        let orders = &self.orders;
        let before = self.working[symbol].stops.len();
        self.working[symbol].stops.retain(|&id| {
            let met = met_at(&orders[id as usize], open);
            if met {
                batch.push(id);
            }
            !met
        });
        self.n_resting -= before - self.working[symbol].stops.len();
        if self.special.is_some() {
            self.collect_special(symbol, open, batch);
        }
    }

    pub(super) fn meet_range(&mut self) {
        let panel = Arc::clone(&self.panel);
        if !self.arriving.is_empty() {
            // Sent since the open of this very step: the open is the price of the moment.
            let Some(opens) = panel.open_row(self.step) else { return };
            let mut batch = std::mem::take(&mut self.batch);
            batch.clear();
            self.collect_arriving(&mut batch, opens);
            self.execute_batch(&mut batch, FillTime::Open, |order| Ticks(opens[order.symbol as usize]));
            self.batch = batch;
        }
        if self.n_resting == 0 {
            return;
        }
        for symbol in 0..panel.n_symbols() {
            if !panel.has_bar(self.step, symbol) || self.halted(symbol) {
                continue;
            }
            let Some([_, high, low]) = panel.open_high_low(self.step, symbol) else { return };
            self.trigger_stops(symbol, high, low);
            let beyond = i64::from(self.config.limit_fill == LimitFill::Through);
            if self.special.as_ref().is_some_and(|special| !special.resting[symbol].is_empty()) {
                let close = panel.close(self.step, symbol);
                self.sweep_special(symbol, Side::Buy, Ticks(low.0 + beyond), Ticks(close.0 + beyond));
                self.sweep_special(symbol, Side::Sell, Ticks(high.0 - beyond), Ticks(close.0 - beyond));
                continue;
            }
            self.sweep(symbol, Side::Buy, Ticks(low.0 + beyond));
            self.sweep(symbol, Side::Sell, Ticks(high.0 - beyond));
        }
    }

    /// Stops whose price lies in the bar's range fill at it.
    fn trigger_stops(&mut self, symbol: usize, high: Ticks, low: Ticks) {
        let orders = &self.orders;
        let mut triggered = Vec::new();
        self.working[symbol].stops.retain(|&id| {
            let order = &orders[id as usize];
            let hit = match order.side {
                Side::Buy => order.price <= high,
                Side::Sell => order.price >= low,
            };
            if hit {
                triggered.push((id, order.price));
            }
            !hit
        });
        self.n_resting -= triggered.len();
        if self.special.is_some() {
            self.trigger_special(symbol, high, low, &mut triggered);
            triggered.sort_unstable_by_key(|&(id, _)| id);
        }
        for (id, price) in triggered {
            self.execute(id, price, FillTime::Inside);
        }
    }

    /// The next plain limit order of a side in the book.
    pub(super) fn first_plain(&self, symbol: usize, side: Side) -> Option<(u32, Ticks)> {
        self.books.first(InstrumentId(symbol as u32), side).map(|(id, price)| (id.0 as u32, price))
    }

    /// The market trades down to `reach` through our bids, or up to it through our asks, one resting order after the other.
    fn sweep(&mut self, symbol: usize, side: Side, reach: Ticks) {
        while let Some((id, price)) = self.books.first(InstrumentId(symbol as u32), side) {
            if !side.accepts(price, reach) {
                break;
            }
            let id = id.0 as u32;
            let before = self.orders[id as usize].filled;
            self.execute(id, price, FillTime::Inside);
            if self.live(id) && self.orders[id as usize].filled == before {
                // The volume of this bar is used up.
                break;
            }
        }
    }
}

/// Whether the order's price is met when the market stands at `price`.
fn met_at(order: &OrderRecord, price: Ticks) -> bool {
    match order.kind {
        OrderKind::Market => true,
        OrderKind::Limit => order.side.accepts(order.price, price),
        // A stop waits for the price to come up to it (buy) or down to it (sell).
        OrderKind::Stop | OrderKind::StopLimit | OrderKind::TrailingStop => order.side.opposite().accepts(order.price, price),
    }
}
