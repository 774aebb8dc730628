//! Orders with terms: how they are sent, where they wait, and which of them meet a price.

use omni_types::{PostOnly, Qty, Side, Ticks, TimeInForce, TrailUnit};
use rustc_hash::FxHashMap;

use super::{BarEngine, OrderRequest};
use crate::record::{FillTime, OrderKind, OrderReason, OrderStatus};
use crate::terms::{ChangeKind, OrderTerms, TermsChange, TermsRecord, needs_range, trailed};

/// Largest price, quantity and distance of an order, as in `docs/matching.md`.
pub(super) const LARGEST: i64 = 1 << 50;

/// Orders with terms, by where they wait. Market orders and those that have met no price yet wait with the others.
#[derive(Debug)]
pub(super) struct Special {
    pub terms: FxHashMap<u32, TermsRecord>,
    /// Limits and stops that rest, by instrument.
    pub resting: Vec<Vec<u32>>,
    /// Orders that wait for an opening or a closing price.
    pub auctions: Vec<u32>,
    /// Orders that a session or a time ends.
    pub timed: Vec<u32>,
    pub changes: Vec<TermsChange>,
}

impl BarEngine {
    /// Send an order with terms; returns its id. One that cannot work is recorded as rejected.
    pub fn send_with(&mut self, request: OrderRequest, terms: OrderTerms) -> u32 {
        let OrderRequest { symbol, side, kind, qty, price } = request;
        let checked = match kind {
            OrderKind::Market | OrderKind::TrailingStop => Ticks(0),
            OrderKind::Limit | OrderKind::Stop | OrderKind::StopLimit => price,
        };
        let request = OrderRequest { price: checked, ..request };
        let refusal = self.form(&request, &terms).or_else(|| self.gate_refusal(&request, checked));
        let price = if kind == OrderKind::TrailingStop && refusal.is_none() {
            // The last price is what it trails from; where there is none yet, the first open will be.
            let last = self.ledger.mark_of(symbol);
            if last.0 == 0 { last } else { trailed(side, Ticks(0), &terms, last) }
        } else {
            checked
        };
        let id = self.record(&request, price, refusal);
        let session = if terms.time_in_force == TimeInForce::Day { self.session_of_sending(symbol, kind) } else { 0 };
        let special = self.special();
        let record = TermsRecord {
            order: id,
            terms,
            sent_qty: qty,
            sent_price: price,
            sent_stop: terms.stop_price,
            session,
            elected: false,
            elected_inside: None,
            taking: false,
            arrived: false,
        };
        special.terms.insert(id, record);
        if refusal.is_none() {
            if matches!(terms.time_in_force, TimeInForce::Day | TimeInForce::Gtd) {
                special.timed.push(id);
            }
            if terms.in_auction() {
                special.auctions.push(id);
            } else {
                self.queue(id, kind);
            }
        }
        self.note(id);
        id
    }

    /// Orders with terms so far, by id.
    pub fn terms(&self) -> Vec<TermsRecord> {
        let mut all: Vec<_> = self.special.iter().flat_map(|special| special.terms.values().copied()).collect();
        all.sort_unstable_by_key(|record| record.order);
        all
    }

    /// What changed terms while their orders worked, so far.
    pub fn terms_changes(&self) -> &[TermsChange] {
        self.special.as_ref().map_or(&[], |special| &special.changes)
    }

    pub(super) fn special(&mut self) -> &mut Special {
        let n_symbols = self.panel.n_symbols();
        self.special.get_or_insert_with(|| {
            Box::new(Special {
                terms: FxHashMap::default(),
                resting: vec![Vec::new(); n_symbols],
                auctions: Vec::new(),
                timed: Vec::new(),
                changes: Vec::new(),
            })
        })
    }

    #[inline]
    pub(super) fn terms_of(&self, id: u32) -> Option<&TermsRecord> {
        self.special.as_ref().and_then(|special| special.terms.get(&id))
    }

    pub(super) fn terms_mut(&mut self, id: u32) -> &mut TermsRecord {
        self.special().terms.get_mut(&id).expect("only orders with terms are asked for theirs")
    }

    #[inline]
    pub(super) fn is_special(&self, id: u32) -> bool {
        self.terms_of(id).is_some()
    }

    /// What an order is at this moment: a stop-limit is a limit, but for the fill that its election brings.
    #[inline]
    pub(super) fn role(&self, id: u32) -> OrderKind {
        let kind = self.orders[id as usize].kind;
        if kind == OrderKind::StopLimit && self.terms_of(id).is_some_and(|record| record.elected && !record.taking) {
            OrderKind::Limit
        } else {
            kind
        }
    }

    /// Lots that the next fill of an order must have.
    #[inline]
    pub(super) fn required(&self, id: u32, leaves: i64) -> i64 {
        self.terms_of(id).map_or(0, |record| record.terms.required(leaves))
    }

    /// What an order of these terms lacks: the checks of `docs/matching.md`, section 2, in their order.
    fn form(&self, request: &OrderRequest, terms: &OrderTerms) -> Option<OrderReason> {
        use OrderKind::{Limit, Market, Stop, StopLimit, TrailingStop};
        let OrderRequest { kind, qty, price, .. } = *request;
        let usable = |value: i64| (1..=LARGEST).contains(&value);
        let conditional = terms.min_qty > 0 || terms.all_or_none;
        let waits = matches!(terms.time_in_force, TimeInForce::Day | TimeInForce::Gtc | TimeInForce::Gtd);
        let stop = matches!(kind, Stop | StopLimit | TrailingStop);
        let trail = match terms.trail_unit {
            TrailUnit::None => kind != TrailingStop,
            TrailUnit::Ticks => kind == TrailingStop && usable(terms.trail),
            TrailUnit::Bps => kind == TrailingStop && (1..10_000).contains(&terms.trail),
        };
        let min_qty_fits = match kind {
            Limit => waits || terms.time_in_force == TimeInForce::Ioc,
            Market => matches!(terms.time_in_force, TimeInForce::Day | TimeInForce::Gtc | TimeInForce::Ioc),
            Stop | StopLimit | TrailingStop => false,
        };
        let shown = terms.display_qty != Qty(-1);
        let now = self.panel.ts()[self.step.min(self.panel.n_steps() - 1)];
        if self.is_too_large(request) || !usable(qty) {
            Some(OrderReason::InvalidQty)
        } else if needs_range(kind, terms) && !self.panel.has_ohlc() {
            Some(OrderReason::NoIntrabarPrices)
        } else if matches!(kind, Limit | StopLimit) && !usable(price.0) {
            Some(OrderReason::InvalidPrice)
        } else if !trail
            || (kind == Stop && !usable(price.0))
            || (kind == StopLimit) != (terms.stop_price.0 != 0)
            || (kind == StopLimit && !usable(terms.stop_price.0))
        {
            Some(OrderReason::InvalidStopPrice)
        } else if terms.display_qty.0 < -1 || terms.display_qty.0 > qty {
            Some(OrderReason::InvalidDisplayQty)
        } else if terms.min_qty < 0 || terms.min_qty > qty {
            Some(OrderReason::InvalidMinQty)
        } else if (terms.time_in_force == TimeInForce::Gtd && terms.expire_at <= now)
            || (terms.time_in_force != TimeInForce::Gtd && terms.expire_at != 0)
        {
            Some(OrderReason::InvalidExpiry)
        } else if (kind == Market && terms.time_in_force == TimeInForce::Gtd)
            || (stop && !waits)
            || (shown && !(waits && matches!(kind, Limit | StopLimit)))
            || (terms.min_qty > 0 && (terms.all_or_none || !min_qty_fits))
            || (terms.all_or_none && !(kind == Limit && waits))
            || (conditional && (shown || terms.post_only != PostOnly::No))
            || (terms.post_only != PostOnly::No && !(kind == Limit && waits))
        {
            Some(OrderReason::InvalidCombination)
        } else {
            None
        }
    }

    /// Take an order with terms out of where it rests; false where it rests nowhere.
    pub(super) fn leave_special(&mut self, id: u32) -> bool {
        let symbol = self.orders[id as usize].symbol as usize;
        let resting = &mut self.special().resting[symbol];
        let at = resting.iter().position(|&other| other == id);
        at.map(|at| resting.remove(at)).is_some()
    }

    /// Whether an order with terms fills where the market stands at `open`; it may also end, or become another order.
    pub(super) fn meets(&mut self, id: u32, open: Ticks) -> bool {
        let order = self.orders[id as usize];
        let record = *self.terms_mut(id);
        let stopped = order.side.opposite().accepts(order.price, open);
        match self.role(id) {
            OrderKind::Market => true,
            OrderKind::Limit => {
                let met = order.side.accepts(order.price, open);
                self.terms_mut(id).arrived = true;
                if record.arrived {
                    return met;
                }
                if met && record.terms.post_only != PostOnly::No {
                    self.refuse_to_take(id, open, record.terms.post_only);
                    return false;
                }
                if !met && record.terms.at_once() {
                    self.end_at_once(id);
                }
                met
            }
            OrderKind::Stop => stopped,
            OrderKind::TrailingStop => {
                let met = order.price.0 != 0 && stopped;
                if !met {
                    self.orders[id as usize].price = trailed(order.side, order.price, &record.terms, open);
                }
                met
            }
            OrderKind::StopLimit => {
                let met = order.side.opposite().accepts(record.terms.stop_price, open);
                met && {
                    self.elect(id, None);
                    let takes = order.side.accepts(order.price, open);
                    self.terms_mut(id).taking = takes;
                    takes
                }
            }
        }
    }

    /// A post-only order would take: it ends, or slides to one tick short of the market.
    fn refuse_to_take(&mut self, id: u32, open: Ticks, post_only: PostOnly) {
        let slid = Ticks(open.0 - self.orders[id as usize].side.sign());
        if post_only == PostOnly::Slide && slid.0 > 0 {
            self.orders[id as usize].price = slid;
            self.log(id, ChangeKind::Repriced, OrderReason::Repriced);
        } else {
            self.end_by_terms(id, OrderStatus::Canceled, OrderReason::PostOnlyWouldTake);
        }
    }

    fn end_at_once(&mut self, id: u32) {
        let fok = self.terms_mut(id).terms.time_in_force == TimeInForce::Fok;
        self.end_by_terms(id, OrderStatus::Canceled, if fok { OrderReason::Fok } else { OrderReason::Ioc });
    }

    /// End an order because of what it says.
    pub(super) fn end_by_terms(&mut self, id: u32, status: OrderStatus, reason: OrderReason) {
        self.counts.ended_by_terms += 1;
        self.end(id, status, reason);
    }

    /// A stop-limit becomes a limit.
    fn elect(&mut self, id: u32, inside: Option<u32>) {
        let record = self.terms_mut(id);
        record.elected = true;
        record.elected_inside = inside;
        self.log(id, ChangeKind::Triggered, OrderReason::Triggered);
    }

    /// Keep a change of an order that goes on working.
    pub(super) fn log(&mut self, id: u32, kind: ChangeKind, reason: OrderReason) {
        let step = self.step.min(self.panel.n_steps() - 1) as u32;
        let (qty, price) = (self.orders[id as usize].qty, self.orders[id as usize].price);
        let stop_price = self.terms_mut(id).terms.stop_price;
        self.special().changes.push(TermsChange { order: id, step, kind, qty, price, stop_price });
        self.note_as(id, step, OrderStatus::Working, reason);
    }

    /// Fewer lots than the order must fill, or the bar's volume is used up: it ends, or waits for a later price.
    pub(super) fn wait(&mut self, id: u32, role: OrderKind, too_little: bool) {
        if let Some(TermsRecord { terms, .. }) = self.terms_of(id).copied() {
            if terms.in_auction() {
                return self.end_by_terms(id, OrderStatus::Expired, OrderReason::AuctionOver);
            }
            if too_little && terms.time_in_force == TimeInForce::Ioc {
                return self.end_by_terms(id, OrderStatus::Canceled, OrderReason::MinQty);
            }
            if terms.at_once() {
                return self.end_at_once(id);
            }
        }
        match role {
            // A limit meets the next open like a new one; a triggered stop is a market order from here on.
            OrderKind::Limit | OrderKind::StopLimit => self.arriving.push(id),
            OrderKind::Market | OrderKind::Stop | OrderKind::TrailingStop => self.market.push(id),
        }
    }

    /// Resting orders with terms that the open jumped over leave their queue and join the batch.
    pub(super) fn collect_special(&mut self, symbol: usize, open: Ticks, batch: &mut Vec<u32>) {
        let resting = std::mem::take(&mut self.special().resting[symbol]);
        let before = resting.len();
        let mut kept = Vec::with_capacity(before);
        for id in resting {
            if self.meets(id, open) {
                batch.push(id);
            } else if self.live(id) {
                kept.push(id);
            }
        }
        self.n_resting -= before - kept.len();
        self.special().resting[symbol] = kept;
    }

    /// Stops with terms whose price the bar reaches, and the price that each meets; the others follow the market.
    pub(super) fn trigger_special(&mut self, symbol: usize, high: Ticks, low: Ticks, triggered: &mut Vec<(u32, Ticks)>) {
        let step = self.step as u32;
        let resting = std::mem::take(&mut self.special().resting[symbol]);
        let before = resting.len();
        let mut kept = Vec::with_capacity(before);
        for id in resting {
            let order = self.orders[id as usize];
            let terms = self.terms_mut(id).terms;
            // Far is where a stop is reached, near the extreme that a trailing stop follows.
            let (far, near) = if order.side == Side::Buy { (high, low) } else { (low, high) };
            let hit = |stop: Ticks| order.side.opposite().accepts(stop, far);
            match self.role(id) {
                OrderKind::Stop | OrderKind::TrailingStop if hit(order.price) => triggered.push((id, order.price)),
                OrderKind::TrailingStop => {
                    let moved = trailed(order.side, order.price, &terms, near);
                    self.orders[id as usize].price = moved;
                    if hit(moved) {
                        triggered.push((id, moved));
                    } else {
                        kept.push(id);
                    }
                }
                OrderKind::StopLimit if hit(terms.stop_price) => {
                    self.elect(id, Some(step));
                    if order.side.accepts(order.price, terms.stop_price) {
                        self.terms_mut(id).taking = true;
                        triggered.push((id, terms.stop_price));
                    } else {
                        kept.push(id);
                    }
                }
                OrderKind::Market | OrderKind::Limit | OrderKind::Stop | OrderKind::StopLimit => kept.push(id),
            }
        }
        self.n_resting -= before - kept.len();
        self.special().resting[symbol] = kept;
    }

    /// As `sweep`, where orders with terms rest: at one price in the order they were sent, whichever queue they are in.
    pub(super) fn sweep_special(&mut self, symbol: usize, side: Side, reach: Ticks, reach_of_close: Ticks) {
        let step = self.step as u32;
        let mut waiting: Vec<(i64, u32)> = Vec::new();
        for at in 0..self.special().resting[symbol].len() {
            let id = self.special().resting[symbol][at];
            let order = self.orders[id as usize];
            let inside = self.terms_mut(id).elected_inside == Some(step);
            let reach = if inside { reach_of_close } else { reach };
            if order.side == side && self.role(id) == OrderKind::Limit && side.accepts(order.price, reach) {
                waiting.push((-side.sign() * order.price.0, id));
            }
        }
        waiting.sort_unstable();
        let mut waiting = waiting.into_iter().peekable();
        let mut exhausted = false;
        loop {
            let plain = self.first_plain(symbol, side).filter(|&(_, price)| !exhausted && side.accepts(price, reach));
            let plain = plain.map(|(id, price)| (-side.sign() * price.0, id));
            let (id, is_plain) = match (plain, waiting.peek().copied()) {
                (Some(plain), Some(special)) if plain < special => (plain.1, true),
                (Some(plain), None) => (plain.1, true),
                (_, Some(special)) => {
                    waiting.next();
                    (special.1, false)
                }
                (None, None) => break,
            };
            let before = self.orders[id as usize].filled;
            self.execute(id, self.orders[id as usize].price, FillTime::Inside);
            // The volume of this bar is used up.
            exhausted |= is_plain && self.live(id) && self.orders[id as usize].filled == before;
        }
    }
}
