//! The clock of a replay: which of the market, the venue and we comes next.
//!
//! Four things can happen at a time, and at equal times they do so in this order: we hear of the market, we hear of our orders, the market
//! moves, our requests arrive. Between two requests or answers the market and what we hear of it do not depend on each other, so each of
//! them runs ahead in a loop of its own.

use std::collections::VecDeque;
use std::sync::Arc;

use omni_oms::gate::{OrderCheck, RiskDevice, SoftwareDevice, Update};
use omni_oms::{AccountConfig, Config, InstrumentConfig, Limits};
use omni_types::{
    AccountId, InstrumentId, Money, Nanos, NewOrder, OrderType as VenueType, Side, Ticks, TimeInForce as VenueTime,
};

use super::book::Depth;
use super::calendar::{Calendar, Due};
use super::contract::Contract;
use super::feed::{Origin, Step, StepKind, TickFeed};
use super::impact::TakerImpact;
use super::latency::{Clockwork, Journey, Latency};
use super::local::{Account, Execution};
use super::orders::{Answer, Instructions, Notice, Order, OrderType, Request, Status, TimeInForce, reason};
use super::queue::QueueModel;
use super::recorder::{Message, MessageKind, Recorder};
use super::venue::{Change, FillModel, Venue};
use crate::models::{ActionKind, CorporateAction, Flow, FlowKind, Models, split_lots};

/// Bits that say what a strategy wants to be woken for.
pub mod wake {
    /// The best bid or ask, or the lots at it, changed.
    pub const QUOTE: u8 = 1;
    /// The market traded.
    pub const TRADE: u8 = 2;
    /// Any level changed.
    pub const BOOK: u8 = 4;
    /// Something was heard of an order.
    pub const ORDER: u8 = 8;
}

/// Why an advance came to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The time asked for is here.
    Time,
    /// The market did something one wanted to know: bits of [`wake`], and the place of the instrument.
    Feed {
        /// Bits of [`wake`].
        what: u8,
        /// Place of the instrument.
        instrument: u16,
    },
    /// Something was heard of orders: [`TickEngine::take_notices`].
    Orders,
    /// Nothing will happen any more.
    End,
}

/// Settings of a replay.
#[derive(Clone, Debug)]
pub struct TickConfig {
    /// Cash at the start.
    pub cash: Money,
    /// By place of the instrument.
    pub contracts: Vec<Contract>,
    /// How long orders take.
    pub latency: Latency,
    /// Where they stand.
    pub queue: QueueModel,
    /// How much of them fills.
    pub fills: FillModel,
    /// Units of the feed's prices in a tick, positive: what is between two ticks is rounded to one.
    pub tick: i64,
    /// What it costs, and what happens to instruments.
    pub models: Models,
    /// What the risk gate holds us to; `None` for no gate.
    pub limits: Option<Limits>,
    /// Seed of what is drawn.
    pub seed: u64,
    /// Nanoseconds between two samples of the account; 0 for none.
    pub sample_every: i64,
}

/// The instrument's last trade, as we heard it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastTrade {
    /// Ticks; 0 before the first.
    pub price: i64,
    /// Lots.
    pub qty: i64,
    /// Who took: 1 a buyer, 2 a seller, 0 unknown.
    pub aggressor: u8,
}

/// A replay with our orders in it.
#[derive(Debug)]
pub struct TickEngine {
    feed: Arc<TickFeed>,
    venue: Venue,
    clockwork: Clockwork,
    /// Next step of the market at the venue, and to us.
    at_venue: usize,
    at_us: usize,
    to_venue: VecDeque<(i64, u32, Request)>,
    to_us: VecDeque<(i64, i64, u32, Answer)>,
    depths: Vec<Depth>,
    trades: Vec<LastTrade>,
    orders: Vec<Order>,
    /// What few orders say, by their numbers.
    instructions: Vec<(u32, Instructions)>,
    working: Vec<u32>,
    account: Account,
    gate: Option<SoftwareDevice>,
    notices: Vec<Notice>,
    recorder: Recorder,
    calendar: Option<Box<Calendar>>,
    /// By message, what the fill of an order that took had met, where there is impact.
    met: Vec<(u32, i64)>,
    sample_every: i64,
    next_sample: i64,
    /// The next sample, or the next date of the calendar.
    alarm: i64,
    now: i64,
}

const NEVER: i64 = i64::MAX;
const US: AccountId = AccountId(0);

impl TickEngine {
    /// A replay at its start.
    ///
    /// # Panics
    /// If there is not a contract for each instrument of the feed, or a limit is one that no gate takes.
    pub fn new(feed: Arc<TickFeed>, config: TickConfig) -> Self {
        assert_eq!(config.contracts.len(), feed.instruments().len(), "a contract for each instrument");
        let now = feed.steps[0].ts;
        let gate = config.limits.map(|limits| gate(&config.contracts, config.cash, limits));
        let depth = |ladder: &Arc<_>| Depth::new(Arc::clone(ladder));
        let mut venue = Venue::new(&feed, config.queue, config.fills, config.tick);
        venue.impact = config.models.impact.map(|impact| Box::new(TakerImpact::new(impact, config.tick, &feed)));
        let mut account = Account::new(config.cash, config.contracts, config.models.fees.clone());
        if let Some(currencies) = &config.models.currencies {
            account = account.with_currencies(currencies);
        }
        let calendar = Calendar::new(&config.models, now, account.ledger()).map(Box::new);
        let next_sample = if config.sample_every > 0 { now } else { NEVER };
        Self {
            venue,
            clockwork: Clockwork::new(config.latency, config.seed),
            at_venue: 0,
            at_us: 0,
            to_venue: VecDeque::new(),
            to_us: VecDeque::new(),
            depths: feed.ladders.iter().map(depth).collect(),
            trades: vec![LastTrade::default(); feed.ladders.len()],
            orders: Vec::new(),
            instructions: Vec::new(),
            working: Vec::new(),
            account,
            gate,
            notices: Vec::new(),
            recorder: Recorder::default(),
            alarm: calendar.as_ref().map_or(NEVER, |calendar| calendar.next()).min(next_sample),
            calendar,
            met: Vec::new(),
            sample_every: config.sample_every,
            next_sample,
            now,
            feed,
        }
    }

    /// What is replayed.
    pub fn feed(&self) -> &Arc<TickFeed> {
        &self.feed
    }

    /// Our clock.
    #[inline]
    pub fn now(&self) -> i64 {
        self.now
    }

    /// Steps of the market that we have heard of.
    pub fn n_heard(&self) -> usize {
        self.at_us
    }

    /// The book of an instrument, as far as we have heard.
    #[inline]
    pub fn depth(&self, instrument: u16) -> &Depth {
        &self.depths[usize::from(instrument)]
    }

    /// The book of an instrument at the venue: for explanations, not for strategies.
    pub fn venue_depth(&self, instrument: u16) -> &Depth {
        self.venue.depth(instrument)
    }

    /// The last trade of an instrument, as far as we have heard.
    pub fn last_trade(&self, instrument: u16) -> LastTrade {
        self.trades[usize::from(instrument)]
    }

    /// Lots before an order of ours at the venue, by the model; `None` unless it waits there.
    pub fn ahead(&self, order: u32) -> Option<f64> {
        let known = self.orders.get(order as usize)?;
        self.venue.ahead(known.instrument, known.side, order)
    }

    /// The account, as far as we have heard.
    #[inline]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Cash, in the base currency.
    pub fn cash(&self) -> Money {
        self.account.worth(&self.depths).0
    }

    /// Cash plus positions at their mids, in the base currency.
    pub fn equity(&self) -> Money {
        self.account.worth(&self.depths).1
    }

    /// Money, and lots, that came or went other than by fills.
    pub fn flows(&self) -> &[Flow] {
        self.calendar.as_ref().map_or(&[], |calendar| &calendar.flows)
    }

    /// What the fills of orders that took had met, before impact, by the place of their message.
    pub fn met(&self) -> &[(u32, i64)] {
        &self.met
    }

    /// All orders; an order's number is its place.
    pub fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// What those orders said that said more than price, quantity and time: their numbers, ascending.
    pub fn instructions(&self) -> &[(u32, Instructions)] {
        &self.instructions
    }

    fn instructions_of(&self, number: u32) -> Instructions {
        let found = self.instructions.binary_search_by_key(&number, |&(number, _)| number);
        found.map_or(Instructions::NONE, |at| self.instructions[at].1)
    }

    /// Numbers of the orders that have not ended, in the order they were sent.
    pub fn working(&self) -> &[u32] {
        &self.working
    }

    /// What was recorded.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// What was heard of orders since the last call, for those who asked to be woken for it.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Send an order and return its number. Of an order that the gate refuses the status says so at once.
    pub fn submit(&mut self, order: &NewTickOrder) -> u32 {
        let number = self.orders.len() as u32;
        let depth = &self.depths[usize::from(order.instrument)];
        let seen = (depth.best_bid().unwrap_or(0), depth.best_ask().unwrap_or(0));
        let price = order.price;
        if order.instructions != Instructions::NONE {
            self.instructions.push((number, order.instructions));
        }
        self.orders.push(Order {
            instrument: order.instrument,
            side: order.side,
            kind: order.kind,
            time_in_force: order.time_in_force,
            price,
            qty: order.qty,
            filled: 0,
            status: Status::PendingNew,
            n_pending: 1,
            reason: reason::NONE,
            ts_sent: self.now,
            ts_venue: 0,
            ts_heard: 0,
            seen,
        });
        self.recorder.messages.push(Message::sent(self.now, number, MessageKind::Sent, price, order.qty));
        if let Some(refusal) = self.check(order, order.qty, order.qty) {
            let denied = &mut self.orders[number as usize];
            (denied.status, denied.reason, denied.n_pending, denied.ts_heard) = (Status::Rejected, refusal, 0, self.now);
            let message = Message::sent(self.now, number, MessageKind::Denied, price, order.qty);
            self.recorder.messages.push(Message { reason: refusal, ..message });
            self.notices.push(Notice { order: number, kind: super::orders::NoticeKind::Ended, ts_venue: 0 });
            return number;
        }
        self.opened(order.instrument, order.side, order.qty);
        self.working.push(number);
        self.request(number, Request::New);
        number
    }

    /// Ask for a cancel. False if the order has ended or does not exist.
    pub fn cancel(&mut self, number: u32) -> bool {
        let Some(order) = self.orders.get_mut(number as usize).filter(|order| !order.status.is_final()) else { return false };
        order.n_pending = order.n_pending.saturating_add(1);
        let (price, leaves) = (order.price, order.leaves());
        if let Some(gate) = &mut self.gate
            && let Some(refusal) = gate.check_cancel(US, Nanos(self.now)).refused
        {
            self.orders[number as usize].n_pending -= 1;
            let message = Message::sent(self.now, number, MessageKind::RequestRefused, price, leaves);
            self.recorder.messages.push(Message { reason: refusal as u16, ..message });
            return false;
        }
        self.recorder.messages.push(Message::sent(self.now, number, MessageKind::CancelSent, price, leaves));
        self.request(number, Request::Cancel);
        true
    }

    /// Ask for another total quantity, price and stop price, 0 to keep it. False if the order has ended, is a market order, does not
    /// exist, or the gate refuses.
    pub fn replace(&mut self, number: u32, price: i64, qty: i64, stop_price: i64) -> bool {
        let Some(&order) = self.orders.get(number as usize) else { return false };
        if order.status.is_final() || order.kind == OrderType::Market {
            return false;
        }
        let leaves = qty - order.filled;
        let Order { instrument, side, kind, time_in_force, .. } = order;
        let mut instructions = self.instructions_of(number);
        if stop_price != 0 {
            instructions.terms.stop_price = Ticks(stop_price);
        }
        let held = if price == 0 { order.price } else { price };
        let wanted = NewTickOrder { instrument, side, kind, time_in_force, price: held, qty, instructions };
        if let Some(refusal) = self.check(&wanted, leaves - order.leaves(), leaves) {
            let message = Message::sent(self.now, number, MessageKind::RequestRefused, price, qty);
            self.recorder.messages.push(Message { reason: refusal, ..message });
            return false;
        }
        self.orders[number as usize].n_pending = order.n_pending.saturating_add(1);
        self.recorder.messages.push(Message::sent(self.now, number, MessageKind::ReplaceSent, price, qty));
        self.request(number, Request::Replace { price, qty, stop_price });
        true
    }

    /// Go on until a time, or until something happens that `wake` asks for.
    pub fn advance(&mut self, until: i64, wake: u8) -> Stopped {
        let feed = Arc::clone(&self.feed);
        let steps = feed.steps.as_slice();
        // Our clock never goes back.
        let until = until.max(self.now);
        let wants_feed = wake & (wake::QUOTE | wake::TRADE | wake::BOOK) != 0;
        loop {
            let mut limit = until.min(self.alarm).min(self.next_message());
            if wants_feed {
                if let Some(stopped) = self.walk(&feed, &mut limit, wake) {
                    return stopped;
                }
            } else {
                self.run_venue(&feed, &mut limit);
                while let Some(step) = steps.get(self.at_us).filter(|step| step.heard <= limit) {
                    self.hear(step);
                    self.at_us += 1;
                }
            }
            if self.to_us.front().is_some_and(|&(ts, ..)| ts == limit) {
                self.now = limit;
                self.hear_of_orders(limit, wake & wake::ORDER != 0);
                if wake & wake::ORDER != 0 {
                    return Stopped::Orders;
                }
            } else if self.venue.next_expiry() == limit && limit < NEVER {
                self.venue.expire(limit);
                self.send_answers(limit);
            } else if let Some(step) = steps.get(self.at_venue).filter(|step| step.ts == limit) {
                self.venue_step(&feed, step);
            } else if self.to_venue.front().is_some_and(|&(ts, ..)| ts == limit) {
                self.arrive(limit);
            } else if limit == self.alarm && limit < NEVER {
                if self.ring(limit, wake & wake::ORDER != 0) {
                    return Stopped::Orders;
                }
            } else {
                if self.is_over() {
                    return Stopped::End;
                }
                self.now = until;
                return Stopped::Time;
            }
        }
    }

    /// What is due at a time when everything else of it has happened; whether there is something to hear of orders.
    #[cold]
    fn ring(&mut self, ts: i64, notify: bool) -> bool {
        let is_over = self.is_over();
        if is_over && let Some(calendar) = &mut self.calendar {
            calendar.end();
        }
        let n_messages = self.recorder.messages.len();
        while let Some(due) = self.calendar.as_mut().and_then(|calendar| calendar.pop(ts)) {
            match due {
                Due::Interest => self.accrue(ts),
                Due::Action(action) => self.act(action, ts, notify),
                Due::Halt { symbol, begins } => {
                    self.venue.halt(symbol, begins, self.at_venue as u32);
                    self.send_answers(ts);
                }
            }
        }
        if ts == self.next_sample {
            self.recorder.samples.push(self.account.sample(ts, &self.depths));
            self.next_sample = if is_over { NEVER } else { self.next_sample.saturating_add(self.sample_every) };
        }
        self.alarm = self.calendar.as_ref().map_or(NEVER, |calendar| calendar.next()).min(self.next_sample);
        notify && self.recorder.messages.len() > n_messages
    }

    /// Interest of the stretch that ends now.
    fn accrue(&mut self, now: i64) {
        if let Some(calendar) = &mut self.calendar {
            // The next stretch is one of the account at the mids of its start.
            self.account.mark(&self.depths);
            let n_flows = calendar.flows.len();
            calendar.accrue(now, self.account.ledger_mut());
            self.tell_gate(n_flows);
        }
    }

    /// A split or dividend acts. What the venue has said by now counts in old units, and is heard first.
    fn act(&mut self, action: CorporateAction, now: i64, notify: bool) {
        self.now = self.now.max(now);
        self.to_us.iter_mut().for_each(|word| word.0 = now);
        self.hear_of_orders(now, notify);
        self.account.mark(&self.depths);
        let n_flows = self.flows().len();
        match action.kind {
            ActionKind::Dividend { amount, withheld } => {
                let flow = self.account.dividend(action.symbol, amount, withheld, now);
                self.calendar.iter_mut().for_each(|calendar| calendar.flows.extend(flow));
            }
            ActionKind::Split { new, old } => self.split(action.symbol, (new, old), now, notify),
        }
        self.tell_gate(n_flows);
    }

    /// Our lots change, the book and our limits in it are forgotten, market orders on their way change with the units they count.
    fn split(&mut self, symbol: usize, (new, old): (i64, i64), now: i64, notify: bool) {
        let instrument = symbol as u16;
        let ledger = self.account.ledger_mut();
        let (held, currency) = (ledger.lots(symbol), ledger.currency_of(symbol));
        let in_lieu = ledger.split(symbol, new, old);
        let (change, mark) = (ledger.lots(symbol) - held, ledger.mark_of(symbol));
        let flow =
            Flow { at: now, symbol: Some(symbol as u32), currency, kind: FlowKind::Split, lots: change, amount: Money::ZERO };
        if let Some(calendar) = self.calendar.as_mut().filter(|_| held != 0) {
            calendar.flows.push(flow);
            if in_lieu != Money::ZERO {
                calendar.flows.push(Flow { kind: FlowKind::CashInLieu, lots: 0, amount: in_lieu, ..flow });
            }
        }
        if change != 0 {
            // A position moves by fills only, and a fill takes from what is open.
            let side = if change < 0 { Side::Sell } else { Side::Buy };
            self.opened(instrument, side, change.abs());
            self.filled(instrument, side, change.abs(), Ticks(0), Money::ZERO);
        }
        if let Some(gate) = self.gate.as_mut().filter(|_| mark.0 > 0) {
            let price = Ticks((mark.0 / 2).max(1));
            gate.apply(Update::Reference { instrument: InstrumentId(u32::from(instrument)), price });
        }
        self.venue.forget(symbol);
        self.depths[symbol].clear(false);
        self.depths[symbol].clear(true);
        self.trades[symbol] = LastTrade::default();
        let mine: Vec<u32> =
            self.working.iter().copied().filter(|&number| self.orders[number as usize].instrument == instrument).collect();
        for number in mine {
            let order = &mut self.orders[number as usize];
            let (side, before, (after, _)) = (order.side, order.leaves(), split_lots(order.leaves(), new, old));
            let is_new = |request: &Request| matches!(request, Request::New);
            let is_on_its_way = self.to_venue.iter().any(|(_, other, request)| *other == number && is_new(request));
            if order.kind == OrderType::Market && is_on_its_way && after > 0 {
                order.qty = order.filled + after;
                self.opened(instrument, side, after - before);
            } else {
                self.to_venue.retain(|&(_, other, _)| other != number);
                let answer = Answer::Ended { status: Status::Canceled, reason: reason::CORPORATE_ACTION };
                self.hear_answer(now, now, number, answer, notify);
            }
        }
    }

    /// When we will have heard of so many more steps of the market, if that is before `until`: where a long way can be cut.
    pub fn halfway(&self, n_steps: usize, until: i64) -> Option<i64> {
        self.feed.steps.get(self.at_us + n_steps).map(|step| step.heard).filter(|&heard| heard < until && heard > self.now)
    }

    /// Whether nothing will happen any more.
    pub fn is_over(&self) -> bool {
        self.at_us == self.feed.steps.len()
            && self.at_venue == self.feed.steps.len()
            && self.to_us.is_empty()
            && self.to_venue.is_empty()
    }

    /// End what still works, with the data, and book the interest that has accrued.
    pub fn finish(&mut self) {
        let is_over = self.is_over();
        let end = if is_over { self.feed.span().1.max(self.now) } else { self.now };
        self.accrue(end);
        self.calendar.iter_mut().for_each(|calendar| calendar.end());
        for number in std::mem::take(&mut self.working) {
            let order = &mut self.orders[number as usize];
            let is_for_auction = matches!(order.time_in_force, TimeInForce::AtOpen | TimeInForce::AtClose);
            let reason = if is_over && is_for_auction { reason::NO_AUCTION } else { reason::END_OF_DATA };
            (order.status, order.reason, order.ts_heard) = (Status::Expired, reason, self.now);
            let message = Message::sent(self.now, number, MessageKind::Expired, 0, 0);
            self.recorder.messages.push(Message { reason, ..message });
        }
    }

    /// One step after the other, until one of them is of interest or `limit` is reached.
    fn walk(&mut self, feed: &TickFeed, limit: &mut i64, wake: u8) -> Option<Stopped> {
        while let Some(step) = feed.steps.get(self.at_us) {
            let mut bound = step.heard.min(*limit);
            self.run_venue(feed, &mut bound);
            *limit = (*limit).min(self.next_message());
            if step.heard > *limit {
                return None;
            }
            let before = self.quote(step.instrument);
            self.hear(step);
            self.at_us += 1;
            let what = self.interest(step, before) & wake;
            if what != 0 {
                self.now = step.heard;
                return Some(Stopped::Feed { what, instrument: step.instrument });
            }
        }
        self.run_venue(feed, limit);
        None
    }

    fn quote(&self, instrument: u16) -> (i64, i64, i64, i64) {
        let depth = &self.depths[usize::from(instrument)];
        let (bid, ask) = depth.best_ranks();
        (bid, depth.best_bid_qty(), ask, depth.best_ask_qty())
    }

    fn interest(&self, step: &Step, before: (i64, i64, i64, i64)) -> u8 {
        match step.kind {
            StepKind::State => 0,
            StepKind::Trade | StepKind::Cross => wake::TRADE,
            StepKind::Level | StepKind::Clear | StepKind::Execution => {
                let traded = if step.kind == StepKind::Execution { wake::TRADE } else { 0 };
                let quote = if self.quote(step.instrument) == before { 0 } else { wake::QUOTE };
                traded | if step.is_last() { wake::BOOK | quote } else { quote }
            }
        }
    }

    #[inline]
    fn next_message(&self) -> i64 {
        let to_us = self.to_us.front().map_or(NEVER, |&(ts, ..)| ts);
        to_us.min(self.to_venue.front().map_or(NEVER, |&(ts, ..)| ts)).min(self.venue.next_expiry())
    }

    /// The market up to `limit`, which an answer of the venue may bring nearer.
    #[inline]
    fn run_venue(&mut self, feed: &TickFeed, limit: &mut i64) {
        while let Some(step) = feed.steps.get(self.at_venue).filter(|step| step.ts < *limit) {
            if self.venue_step(feed, step) {
                *limit = (*limit).min(self.next_message());
            }
        }
    }

    /// One step at the venue; whether it had something to say.
    #[inline]
    fn venue_step(&mut self, feed: &TickFeed, step: &Step) -> bool {
        let origin = feed.origins.get(self.at_venue).copied().unwrap_or(Origin::default());
        self.venue.step(step, origin, self.at_venue as u32);
        self.at_venue += 1;
        let has_answers = !self.venue.answers.is_empty();
        if has_answers {
            self.send_answers(step.ts);
        }
        has_answers
    }

    fn send_answers(&mut self, ts: i64) {
        for (order, answer) in self.venue.answers.drain(..) {
            let heard = ts.saturating_add(self.clockwork.response(ts));
            let last = self.to_us.back().map_or(i64::MIN, |&(ts, ..)| ts);
            self.to_us.push_back((heard.max(last), ts, order, answer));
        }
    }

    /// Our requests that arrive now.
    fn arrive(&mut self, now: i64) {
        self.venue.now = now;
        while self.to_venue.front().is_some_and(|&(ts, ..)| ts == now) {
            let Some((_, number, request)) = self.to_venue.pop_front() else { return };
            let (order, next_step) = (&self.orders[number as usize], self.at_venue as u32);
            match request {
                Request::New => {
                    let said = self.instructions_of(number);
                    self.venue.arrive(number, order, &said, &self.feed, now, next_step);
                }
                Request::Cancel => self.venue.cancel(number, order, next_step),
                Request::Replace { price, qty, stop_price } => {
                    self.venue.replace(number, order, Change { qty, price, stop_price }, next_step);
                }
            }
            self.send_answers(now);
        }
    }

    fn request(&mut self, number: u32, request: Request) {
        match self.clockwork.entry(self.now) {
            Journey::Arrives(after) => {
                let last = self.to_venue.back().map_or(i64::MIN, |&(ts, ..)| ts);
                self.to_venue.push_back((self.now.saturating_add(after).max(last), number, request));
            }
            Journey::Lost(after) => {
                let answer = match request {
                    Request::New => Answer::Ended { status: Status::Rejected, reason: reason::LOST },
                    Request::Cancel | Request::Replace { .. } => Answer::TooLate,
                };
                let last = self.to_us.back().map_or(i64::MIN, |&(ts, ..)| ts);
                self.to_us.push_back((self.now.saturating_add(after).max(last), 0, number, answer));
            }
        }
    }

    /// We hear of the market.
    #[inline]
    fn hear(&mut self, step: &Step) {
        let instrument = usize::from(step.instrument);
        let depth = &mut self.depths[instrument];
        match step.kind {
            StepKind::Level | StepKind::Execution => {
                depth.set(step.is_ask(), step.place, step.qty);
                if step.kind == StepKind::Execution {
                    let taken = self.feed.origins[self.at_us].taken;
                    self.hear_trade(step, taken);
                }
            }
            StepKind::Trade | StepKind::Cross => self.hear_trade(step, step.qty),
            StepKind::Clear => {
                if step.side() != Some(Side::Sell) {
                    depth.clear(false);
                }
                if step.side() != Some(Side::Buy) {
                    depth.clear(true);
                }
            }
            StepKind::State => {}
        }
    }

    #[inline]
    fn hear_trade(&mut self, step: &Step, qty: i64) {
        let price = self.depths[usize::from(step.instrument)].ladder().price(step.place);
        let aggressor = step.side().map_or(0, |waiting| waiting.opposite().code());
        self.trades[usize::from(step.instrument)] = LastTrade { price, qty, aggressor };
        if let Some(gate) = &mut self.gate {
            gate.apply(Update::Reference { instrument: InstrumentId(u32::from(step.instrument)), price: Ticks(price) });
        }
    }

    /// We hear of our orders.
    fn hear_of_orders(&mut self, now: i64, notify: bool) {
        while self.to_us.front().is_some_and(|&(ts, ..)| ts == now) {
            let Some((_, ts_venue, number, answer)) = self.to_us.pop_front() else { return };
            self.hear_answer(now, ts_venue, number, answer, notify);
        }
    }

    fn hear_answer(&mut self, now: i64, ts_venue: i64, number: u32, answer: Answer, notify: bool) {
        let mut message = Message::heard(now, ts_venue, number, answer);
        let order = &mut self.orders[number as usize];
        let (before, instrument, side) = (order.leaves(), order.instrument, order.side);
        order.hear(now, ts_venue, answer);
        let (leaves, is_over) = (order.leaves(), order.status.is_final());
        if let Answer::Fill { qty, price, is_maker, .. } = answer {
            let met = self.met_by(is_maker).unwrap_or(price);
            let fill = Execution { ts: ts_venue, order: number, instrument, side, qty, price, met, is_maker };
            let (fee, realised) = self.account.fill(&fill, &self.depths);
            message.fee = fee.to_f64();
            self.filled(instrument, side, qty, Ticks(price), realised);
            self.received(-fee);
        } else if !matches!(answer, Answer::TooLate | Answer::Refused { .. }) {
            let open = if is_over { 0 } else { leaves };
            self.opened(instrument, side, open - before);
        }
        if is_over {
            self.working.retain(|&other| other != number);
        }
        if notify {
            self.notices.push(Notice { order: number, kind: answer.notice(message.fee), ts_venue });
        }
        self.recorder.messages.push(message);
    }

    /// What the fill that we hear of now had met, where there is impact.
    #[inline]
    fn met_by(&mut self, is_maker: bool) -> Option<i64> {
        let impact = self.venue.impact.as_mut().filter(|_| !is_maker)?;
        let met = impact.next_met()?;
        self.met.push((self.recorder.messages.len() as u32, met));
        Some(met)
    }

    /// What the gate says of an order, or of a replacement that adds only some lots.
    fn check(&mut self, order: &NewTickOrder, added: i64, leaves: i64) -> Option<u16> {
        let gate = self.gate.as_mut()?;
        let (instrument, now) = (InstrumentId(u32::from(order.instrument)), Nanos(self.now));
        let stop_price = order.instructions.terms.stop_price.0;
        let (size, price) = (order.qty, if order.price == 0 { stop_price } else { order.price });
        let order = OrderCheck { account: US, instrument, side: order.side, now, size, added, leaves, price };
        gate.check_order(&order).refused.map(|refusal| refusal as u16)
    }

    fn opened(&mut self, instrument: u16, side: Side, qty: i64) {
        if let Some(gate) = &mut self.gate {
            gate.apply(Update::Open { account: US, instrument: InstrumentId(u32::from(instrument)), side, qty });
        }
    }

    fn filled(&mut self, instrument: u16, side: Side, qty: i64, price: Ticks, realised: Money) {
        if let Some(gate) = &mut self.gate {
            let instrument = InstrumentId(u32::from(instrument));
            gate.apply(Update::Fill { account: US, instrument, side, qty, price, realised });
        }
    }

    /// Money came into the equity that the gate looks at, or went out, other than by a trade.
    fn received(&mut self, amount: Money) {
        if let Some(gate) = &mut self.gate {
            gate.apply(Update::Cash { account: US, amount });
        }
    }

    /// The gate hears of flows of money from this one on.
    fn tell_gate(&mut self, from: usize) {
        let flows = self.calendar.as_ref().map_or(&[][..], |calendar| &calendar.flows[from..]);
        let amount = flows.iter().fold(Money::ZERO, |sum, flow| sum + flow.amount);
        self.received(amount);
    }
}

/// What one asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewTickOrder {
    /// Place of the instrument.
    pub instrument: u16,
    /// Buy or sell.
    pub side: Side,
    /// What decides its price.
    pub kind: OrderType,
    /// How long it waits.
    pub time_in_force: TimeInForce,
    /// Ticks: limit, or cap of a peg; 0 without one.
    pub price: i64,
    /// Lots, positive.
    pub qty: i64,
    /// What few orders say.
    pub instructions: Instructions,
}

impl NewTickOrder {
    /// An order of the order-management system, for an instrument of a replay.
    pub fn of(order: &NewOrder, instrument: u16) -> Self {
        let kind = match order.order_type {
            VenueType::Market => OrderType::Market,
            VenueType::Limit => OrderType::Limit,
            VenueType::Stop => OrderType::Stop,
            VenueType::StopLimit => OrderType::StopLimit,
            VenueType::TrailingStop => OrderType::TrailingStop,
            VenueType::Pegged => OrderType::Pegged,
        };
        let time_in_force = match order.time_in_force {
            VenueTime::Day => TimeInForce::Day,
            VenueTime::Gtc => TimeInForce::Gtc,
            VenueTime::AtOpen => TimeInForce::AtOpen,
            VenueTime::Ioc => TimeInForce::Ioc,
            VenueTime::Fok => TimeInForce::Fok,
            VenueTime::Gtd => TimeInForce::Gtd,
            VenueTime::AtClose => TimeInForce::AtClose,
        };
        let instructions = Instructions { terms: order.terms, post_only: order.post_only, self_trade: order.self_trade };
        Self { instrument, side: order.side, kind, time_in_force, price: order.price.0, qty: order.qty.0, instructions }
    }
}

/// The gate of one account, which begins with the cash of the run; a debt is no capital.
fn gate(contracts: &[Contract], cash: Money, limits: Limits) -> SoftwareDevice {
    let capital = cash.max(Money::ZERO);
    let instrument = |contract: &Contract| InstrumentConfig { tick_value: contract.tick_value(), ..InstrumentConfig::default() };
    let config = Config {
        instruments: contracts.iter().map(instrument).collect(),
        accounts: vec![AccountConfig { capital, limits, ..AccountConfig::default() }],
        ..Config::default()
    };
    SoftwareDevice::new(&config).expect("the limits were checked where they were made")
}
