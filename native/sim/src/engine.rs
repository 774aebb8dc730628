//! The bar engine: takes orders, steps through a panel of bars, fills, and keeps the account.
//!
//! A driver calls, for each step, [`BarEngine::open`], [`BarEngine::inside`], [`BarEngine::close`], then sends the orders of the decision, then
//! [`BarEngine::settle`]. `docs/simulation.md` describes what happens in each; the section numbers below are its points.

mod before;
mod filling;
mod meeting;
mod orders;

use std::sync::Arc;

use omni_book::Engine;
use omni_oms::Limits;
use omni_oms::gate::RegisterError;
use omni_types::{Event, Money, Ticks, TradingPhase};

use crate::bars::BarPanel;
use crate::config::{FillTiming, SimConfig};
use crate::gate::Gate;
use crate::instrument::Instrument;
use crate::ledger::Ledger;
use crate::models::{Extras, Flow, Models, SplitRecord};
use crate::record::{Counts, FillRecord, OrderChange, OrderReason, OrderRecord, OrderStatus, TradeRecord};
use crate::trades::CostBasis;

pub use orders::OrderRequest;

/// What works for one instrument.
#[derive(Clone, Debug, Default)]
struct Working {
    /// Resting stop orders, in the order they were sent.
    stops: Vec<u32>,
    /// The working order of a target, if there is one.
    target: Option<u32>,
    /// Lots filled in the current bar, for the volume limit.
    volume_used: i64,
}

/// The state of a run.
#[derive(Debug)]
pub struct BarEngine {
    panel: Arc<BarPanel>,
    config: SimConfig,
    ledger: Ledger,
    working: Vec<Working>,
    /// Resting limit orders, by price and time.
    books: Engine,
    /// Market orders (and triggered stops) waiting for their open or close.
    market: Vec<u32>,
    /// Limit and stop orders that have not met an open yet.
    arriving: Vec<u32>,
    /// Orders resting in a book or among the stops.
    n_resting: usize,
    orders: Vec<OrderRecord>,
    fills: Vec<FillRecord>,
    /// What happened to orders, if somebody wants to know.
    changes: Option<Vec<OrderChange>>,
    equity: Vec<f64>,
    /// Equity of the last step, exact and in currency.
    settled: (Money, f64),
    counts: Counts,
    step: usize,
    /// Steps that have opened.
    opened: usize,
    /// Steps whose bars have closed: what may be known.
    closed: usize,
    n_steps_exposed: u64,
    events: Vec<Event>,
    batch: Vec<u32>,
    /// Models beyond the settings; most runs have none.
    extras: Option<Box<Extras>>,
    /// The risk gate, where there are limits.
    gate: Option<Box<Gate>>,
}

impl BarEngine {
    /// An engine at the first step of `panel`.
    pub fn new(panel: Arc<BarPanel>, config: SimConfig) -> Self {
        let ledger = Ledger::new(config.initial_capital, panel.instruments().iter().map(Instrument::tick_lot_value));
        let equity = Vec::with_capacity(panel.n_steps());
        let capital = config.initial_capital;
        Self {
            working: vec![Working::default(); panel.n_symbols()],
            books: Engine::new(panel.n_symbols(), TradingPhase::Continuous),
            panel,
            config,
            ledger,
            market: Vec::new(),
            arriving: Vec::new(),
            n_resting: 0,
            orders: Vec::new(),
            fills: Vec::new(),
            changes: None,
            equity,
            settled: (capital, capital.to_f64()),
            counts: Counts::default(),
            step: 0,
            opened: 0,
            closed: 0,
            n_steps_exposed: 0,
            events: Vec::new(),
            batch: Vec::new(),
            extras: None,
            gate: None,
        }
    }

    /// The same engine with models.
    #[must_use]
    pub fn with_models(mut self, models: Models) -> Self {
        let ticks: Vec<Money> = self.panel.instruments().iter().map(Instrument::tick_value).collect();
        if let Some(currencies) = &models.currencies {
            self.ledger = self.ledger.with_currencies(currencies, &ticks);
        }
        self.extras = Some(Box::new(Extras::new(models, self.panel.n_symbols())));
        self
    }

    /// The same engine behind a risk gate.
    ///
    /// # Errors
    /// If a limit is one that its register does not take, or there are too many instruments.
    pub fn with_limits(mut self, limits: Limits) -> Result<Self, RegisterError> {
        self.gate = Some(Box::new(Gate::new(self.panel.instruments(), self.ledger.cash(), limits)?));
        Ok(self)
    }

    /// What the risk gate counted, by name; `None` where there is no gate.
    pub fn gate_counts(&self) -> Option<Vec<(&'static str, u64)>> {
        self.gate.as_ref().map(|gate| gate.counts())
    }

    /// Switch all trading off at the gate, or on again; false where there is no gate.
    pub fn kill(&mut self, on: bool) -> bool {
        self.gate.as_mut().map(|gate| gate.kill(on)).is_some()
    }

    /// Money and lots that came or went other than by fills, so far.
    pub fn flows(&self) -> &[Flow] {
        self.extras.as_ref().map_or(&[], |extras| &extras.flows)
    }

    /// Cash after each step so far, base currency; `None` for a run without models, whose cash follows from its fills.
    pub fn cash_by_step(&self) -> Option<&[f64]> {
        self.extras.as_ref().map(|extras| extras.cash.as_slice())
    }

    /// Make room for orders and fills that are to come. Room that is not used costs no memory, growing step by step costs time.
    pub fn expect_orders(&mut self, n_orders: usize) {
        self.orders.reserve(n_orders);
        self.fills.reserve(n_orders);
    }

    /// The bars.
    pub fn panel(&self) -> &Arc<BarPanel> {
        &self.panel
    }

    /// The account.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The current step, from zero; `n_steps` when the run is over.
    pub fn step(&self) -> usize {
        self.step
    }

    /// Number of steps whose bars have closed; nothing later may be shown to a strategy.
    pub fn n_closed(&self) -> usize {
        self.closed
    }

    /// All orders so far; an order's id is its place here.
    pub fn orders(&self) -> &[OrderRecord] {
        &self.orders
    }

    /// All fills so far.
    pub fn fills(&self) -> &[FillRecord] {
        &self.fills
    }

    /// From now on, keep what happens to orders.
    pub fn watch_orders(&mut self) {
        self.changes.get_or_insert_default();
    }

    /// What happened to orders since they are watched.
    pub fn changes(&self) -> &[OrderChange] {
        self.changes.as_deref().unwrap_or_default()
    }

    /// All closed trades so far, derived from the fills.
    pub fn trades(&self) -> Vec<TradeRecord> {
        let mut open: Vec<_> = self.panel.instruments().iter().map(|each| CostBasis::new(each.tick_lot_value())).collect();
        let mut splits = self.splits().peekable();
        let mut trades = Vec::new();
        for (number, fill) in self.fills.iter().enumerate() {
            while let Some(split) = splits.next_if(|split| split.step <= fill.step) {
                trades.extend(split_basis(&mut open, &split));
            }
            let order = &self.orders[fill.order as usize];
            let lots = order.side.sign() * fill.qty;
            trades.extend(open[order.symbol as usize].fill(order.symbol, lots, fill.price, self.charged(number), fill.step));
        }
        trades.extend(splits.filter_map(|split| split_basis(&mut open, &split)));
        trades
    }

    fn splits(&self) -> impl Iterator<Item = SplitRecord> {
        self.extras.iter().flat_map(|extras| extras.splits.iter().copied())
    }

    /// Equity after each step so far, currency.
    pub fn equity(&self) -> &[f64] {
        &self.equity
    }

    /// Equity after each step, handed over.
    pub fn take_equity(&mut self) -> Vec<f64> {
        std::mem::take(&mut self.equity)
    }

    /// What was held back.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Steps that ended with a position.
    pub fn n_steps_exposed(&self) -> u64 {
        self.n_steps_exposed
    }

    /// Point 1: mark at the open and fill what the open meets.
    #[inline]
    pub fn open(&mut self) {
        self.opened = self.step + 1;
        if self.extras.is_some() {
            self.before_open();
        }
        if let Some(gate) = &mut self.gate {
            gate.enter(self.panel.ts()[self.step]);
        }
        if self.config.volume_limit.is_some() {
            for working in &mut self.working {
                working.volume_used = 0;
            }
        }
        if (self.config.fill == FillTiming::NextOpen && !self.market.is_empty())
            || !self.arriving.is_empty()
            || self.n_resting > 0
        {
            self.meet_open();
        }
    }

    /// Point 2: stops, then limits, inside the bar.
    #[inline]
    pub fn inside(&mut self) {
        if self.n_resting > 0 || !self.arriving.is_empty() {
            self.meet_range();
        }
    }

    /// Point 3: mark at the close and fill what waited for it.
    #[allow(clippy::inline_always)]
    #[inline(always)]
    pub fn close(&mut self) {
        self.closed = self.step + 1;
        for (symbol, &close) in self.panel.close_row(self.step).iter().enumerate() {
            if close != 0 {
                self.ledger.mark(symbol, Ticks(close));
            }
        }
        if self.gate.is_some() {
            self.show_gate_marks();
        }
        if self.config.fill != FillTiming::NextOpen && !self.market.is_empty() {
            let step = self.step as u32;
            self.meet_close(|order| order.step_sent < step);
        }
    }

    /// Point 4, after the decision: fill what was decided on this close, record equity, and go to the next step.
    #[inline]
    pub fn settle(&mut self) {
        if self.config.fill == FillTiming::ThisClose && !self.market.is_empty() {
            let step = self.step as u32;
            self.meet_close(|order| order.step_sent == step);
        }
        self.record_equity();
    }

    fn record_equity(&mut self) {
        // While nothing is held, equity stays what it was; converting it again would cost more than the rest of such a step.
        let equity = self.ledger.equity();
        if equity != self.settled.0 {
            self.settled = (equity, equity.to_f64());
        }
        self.equity.push(self.settled.1);
        if let Some(extras) = &mut self.extras {
            extras.cash.push(self.ledger.cash().to_f64());
        }
        self.n_steps_exposed += u64::from(self.ledger.n_open() > 0);
        self.step += 1;
    }

    /// Whether no order works, so that until one is sent nothing moves but marks.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.market.is_empty() && self.arriving.is_empty() && self.n_resting == 0 && self.extras.is_none() && self.gate.is_none()
    }

    /// Go through the steps up to `until` (exclusive) of an idle engine with one instrument: what [`BarEngine::open`] to
    /// [`BarEngine::settle`] would do, without asking at every step whether there is anything to do.
    pub(crate) fn coast(&mut self, until: usize) {
        debug_assert!(self.is_idle() && self.panel.n_symbols() == 1, "a step may be skipped only where nothing can happen");
        let steps = self.step..until;
        let (n_steps, Some(&last)) = (steps.len() as u64, self.panel.closes(steps.clone()).last()) else { return };
        if self.ledger.n_open() == 0 {
            self.equity.resize(until, self.settled.1);
        } else {
            let (base, per_tick) = self.ledger.equity_by_mark(0);
            self.equity.extend(self.panel.closes(steps).iter().map(|&close| (base + per_tick * close).to_f64()));
            self.n_steps_exposed += n_steps;
        }
        self.ledger.mark(0, Ticks(last));
        let equity = self.ledger.equity();
        self.settled = (equity, equity.to_f64());
        (self.step, self.closed) = (until, until);
    }

    /// After the last step: expire what still works.
    pub fn finish(&mut self) {
        self.expire(OrderReason::EndOfData);
    }

    /// Before the last step, after an error: the step that has opened ends as it stands, and what still works expires.
    pub fn stop(&mut self) {
        if self.opened > self.step {
            self.record_equity();
        }
        self.expire(OrderReason::RunStopped);
    }

    fn expire(&mut self, reason: OrderReason) {
        let last = self.step.saturating_sub(1) as u32;
        for id in 0..self.orders.len() {
            let order = &mut self.orders[id];
            if order.status == OrderStatus::Working {
                order.status = OrderStatus::Expired;
                order.reason = reason;
                order.step_closed = last;
                self.counts.expired += 1;
                self.closed_at_gate(id as u32);
                self.note(id as u32);
            }
        }
    }

    /// Tell the gate the marks of the instruments that have a bar.
    #[cold]
    fn show_gate_marks(&mut self) {
        let Some(gate) = &mut self.gate else { return };
        for symbol in (0..self.panel.n_symbols()).filter(|&symbol| self.panel.has_bar(self.step, symbol)) {
            gate.mark(symbol, self.ledger.mark_of(symbol));
        }
    }

    /// Keep a change of an order's state for those who watch.
    #[inline]
    fn note(&mut self, id: u32) {
        if let Some(changes) = &mut self.changes {
            let OrderRecord { status, reason, step_closed: step, .. } = self.orders[id as usize];
            changes.push(OrderChange { order: id, step, status, reason, n_fills: self.fills.len() as u32 });
        }
    }
}

fn split_basis(open: &mut [CostBasis], split: &SplitRecord) -> Option<TradeRecord> {
    open[split.symbol].split(split.symbol as u32, (split.new, split.old), split.in_lieu, split.mark, split.step)
}
