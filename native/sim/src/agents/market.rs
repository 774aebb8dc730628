//! The clock of a market: which of the participants, the venue and we comes next.
//!
//! At equal times we hear of the market, then of our orders, then the value moves, then participants act, then our requests arrive.

use omni_oms::{Command, EventKind, Oms};
use omni_types::{LARGEST, Money, Nanos, NewOrder, OrderId, PostOnly, Qty, Side, Ticks};
use omni_wire::EventColumns;

use super::hawkes::HawkesOrders;
use super::informed::InformedTraders;
use super::known::Known;
use super::maker::Maker;
use super::ours::{Ours, US};
use super::participant::{INSTRUMENT, Participant, View, Wish};
use super::settings::{MarketConfig, MarketError, ParticipantConfig};
use super::system::System;
use super::tape::Tape;
use super::trend::Chartist;
use super::value::Worth;
use super::zero::ZeroIntelligenceFlow;
use crate::ticks::book::Depth;
use crate::ticks::latency::Clockwork;
use crate::ticks::random::Random;
use crate::ticks::{Account, LastTrade, Notice, Order, Recorder, Stopped, wake};

const NEVER: i64 = i64::MAX;

/// A market of participants with our account in it.
#[derive(Debug)]
pub struct AgentMarket {
    system: System,
    participants: Vec<Box<dyn Participant>>,
    names: Vec<&'static str>,
    /// When each of them acts next.
    wakes: Vec<i64>,
    worth: Worth,
    tape: Tape,
    known: Known,
    ours: Ours,
    /// Best displayed bid and ask at the venue, 0 for none, and the last there were.
    best: [i64; 2],
    last_best: [i64; 2],
    wishes: Vec<Wish>,
    /// Participants who heard something in the command in hand.
    touched: Vec<usize>,
    n_commands: u64,
    sample_every: i64,
    next_sample: i64,
    now: i64,
    failure: Option<omni_oms::Error>,
}

impl AgentMarket {
    /// A market in which nothing has happened yet.
    ///
    /// # Errors
    /// If a setting cannot be used, or the directory of the journal.
    pub fn new(config: MarketConfig) -> Result<Self, MarketError> {
        config.check()?;
        let MarketConfig { start, start_ticks, .. } = config;
        let names: Vec<_> = config.participants.iter().map(ParticipantConfig::name).collect();
        let accounts = std::iter::once("us").chain(names.iter().copied()).map(str::to_owned);
        let system = System::new(
            accounts,
            (config.cash.max(Money::ZERO), config.limits),
            config.tick_value,
            start_ticks,
            config.journal.as_deref(),
        )?;
        let mut seeds = Random::new(config.seed);
        let clockwork = Clockwork::new(config.latency, seeds.bits());
        let worth = Worth::new(config.value, start, start_ticks as f64 + 0.5, seeds.bits());
        let mut participants: Vec<_> =
            config.participants.into_iter().map(|settings| begin(settings, start, seeds.bits())).collect();
        Ok(Self {
            system,
            names,
            wakes: participants.iter_mut().map(|participant| participant.next()).collect(),
            participants,
            worth,
            tape: Tape::new(config.keeps_events),
            known: Known::new(start_ticks, config.feed_delay),
            ours: Ours::new(Account::new(config.cash, vec![config.tick_value], config.fees), clockwork),
            best: [0; 2],
            last_best: [start_ticks, start_ticks + 1],
            wishes: Vec::new(),
            touched: Vec::new(),
            n_commands: 0,
            sample_every: config.sample_every,
            next_sample: if config.sample_every > 0 { start } else { NEVER },
            now: start,
            failure: None,
        })
    }

    /// Go on until a time, or until something happens that `wake` asks for.
    pub fn advance(&mut self, until: i64, wake: u8) -> Stopped {
        self.advance_within(until, wake, u64::MAX).unwrap_or(Stopped::End)
    }

    /// The same, but `None` after about so many commands: a long way in pieces is the same way.
    pub fn advance_within(&mut self, until: i64, wake: u8, n_commands: u64) -> Option<Stopped> {
        let last = self.n_commands.saturating_add(n_commands);
        while self.failure.is_none() {
            let (hear, word) = (self.known.next(), self.ours.next_word());
            let (act, request) = (self.next_act(), self.ours.next_request());
            let next = hear.min(word).min(act).min(request);
            if next > until.min(self.next_sample) || next == NEVER {
                if self.next_sample <= until && self.next_sample < NEVER {
                    self.sample(until, next == NEVER);
                    continue;
                }
                return Some(self.rest(until, next));
            }
            if self.n_commands >= last {
                return None;
            }
            if hear == next {
                let what = self.known.hear() & wake;
                if what != 0 {
                    self.now = next;
                    return Some(Stopped::Feed { what, instrument: 0 });
                }
            } else if word == next {
                self.now = next;
                self.ours.hear(next, wake & wake::ORDER != 0);
                if wake & wake::ORDER != 0 {
                    return Some(Stopped::Orders);
                }
            } else if act == next {
                self.act(next);
            } else {
                self.arrive(next);
            }
        }
        Some(Stopped::End)
    }

    /// Nothing happens before `until`. Where nothing will happen at all time passes, too: we may still act.
    fn rest(&mut self, until: i64, next: i64) -> Stopped {
        if until < NEVER {
            self.now = self.now.max(until);
        }
        if next == NEVER { Stopped::End } else { Stopped::Time }
    }

    /// Where nothing will happen any more one sample says it all, up to `until`.
    fn sample(&mut self, until: i64, is_over: bool) {
        self.ours.recorder.samples.push(self.ours.account.sample(self.next_sample, &self.known.depths));
        let n_steps = if is_over { (until - self.next_sample) / self.sample_every + 1 } else { 1 };
        self.next_sample = self.next_sample.saturating_add(self.sample_every.saturating_mul(n_steps));
    }

    #[inline]
    fn next_act(&self) -> i64 {
        self.wakes.iter().copied().fold(self.worth.next, i64::min)
    }

    fn act(&mut self, now: i64) {
        if self.worth.next == now {
            return self.worth.step(now);
        }
        let Some(place) = self.wakes.iter().position(|&wake| wake == now) else { return };
        let (best, last_best, value) = (self.best, self.last_best, self.worth.now);
        let view = View { now, engine: self.system.oms().engine(), best, last_best, value };
        let mut wishes = std::mem::take(&mut self.wishes);
        self.participants[place].act(&view, &mut wishes);
        self.touched.push(place);
        for wish in wishes.drain(..) {
            if let Some(command) = command_of(wish, now, place) {
                self.carry_out(&command, None);
            }
        }
        self.wishes = wishes;
        self.refresh();
    }

    fn arrive(&mut self, now: i64) {
        match self.ours.arrive(Nanos(now)) {
            Some((number, Some(command))) => {
                self.carry_out(&command, Some(number));
                self.refresh();
            }
            Some((number, None)) => self.ours.refuse(now, number),
            None => {}
        }
    }

    /// One command at the venue, and everybody hears what concerns them. `number` of an order of ours.
    fn carry_out(&mut self, command: &Command, number: Option<u32>) {
        self.n_commands += 1;
        if let Err(error) = self.system.execute(command) {
            self.failure = Some(error);
            return;
        }
        let order = if let Command::New { order, .. } = command { Some(order) } else { None };
        let (oms, events) = (self.system.oms(), self.system.events());
        self.tape.write(order, events);
        self.known.tell(&self.tape.told);
        for event in events {
            if event.account != US.0 {
                let place = event.account as usize - 1;
                self.participants[place].hear(event);
                if self.touched.last() != Some(&place) {
                    self.touched.push(place);
                }
                continue;
            }
            let is_news = event.kind == EventKind::Accepted.code() || event.kind == EventKind::Rejected.code();
            if let Some(number) = number.filter(|_| is_news) {
                self.ours.named(number, event.order_id);
            }
            self.ours.answer(event, oms.engine());
        }
        if self.tape.signed_lots != 0 {
            self.participants.iter_mut().for_each(|participant| participant.printed(self.tape.signed_lots));
        }
        for side in [Side::Buy, Side::Sell] {
            let best = oms.engine().displayed_best(INSTRUMENT, side).map_or(0, |(price, _)| price.0);
            self.best[side.index()] = best;
            if best != 0 {
                self.last_best[side.index()] = best;
            }
        }
    }

    /// Ask those who heard something when they act next.
    fn refresh(&mut self) {
        while let Some(place) = self.touched.pop() {
            self.wakes[place] = self.participants[place].next();
        }
    }
}

/// What we ask and what we are told.
impl AgentMarket {
    /// Our clock.
    pub fn now(&self) -> i64 {
        self.now
    }

    /// Market events that we have heard of.
    pub fn n_heard(&self) -> usize {
        self.known.n_heard
    }

    /// Commands that the venue has carried out, refused ones included.
    pub fn n_commands(&self) -> u64 {
        self.n_commands
    }

    /// Whether nothing will happen any more.
    pub fn is_over(&self) -> bool {
        let next = self.known.next().min(self.ours.next_word()).min(self.next_act()).min(self.ours.next_request());
        self.failure.is_some() || next == NEVER
    }

    /// Why the market stopped: its journal failed.
    pub fn failure(&self) -> Option<&omni_oms::Error> {
        self.failure.as_ref()
    }

    /// The book, as far as we have heard.
    pub fn depth(&self) -> &Depth {
        self.known.depth()
    }

    /// The last trade, as far as we have heard.
    pub fn last_trade(&self) -> LastTrade {
        self.known.trade
    }

    /// Our account, as far as we have heard.
    pub fn account(&self) -> &Account {
        &self.ours.account
    }

    /// Cash plus the position at the mid.
    pub fn equity(&self) -> Money {
        self.ours.account.equity(&self.known.depths)
    }

    /// All orders of ours; an order's number is its place.
    pub fn orders(&self) -> &[Order] {
        &self.ours.orders
    }

    /// The same, with everything that was asked for.
    pub fn terms(&self) -> &[NewOrder] {
        &self.ours.terms
    }

    /// Numbers of our orders that have not ended.
    pub fn working(&self) -> &[u32] {
        &self.ours.working
    }

    /// What was recorded.
    pub fn recorder(&self) -> &Recorder {
        &self.ours.recorder
    }

    /// What was heard of orders since the last call, for those who asked to be woken for it.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.ours.notices)
    }

    /// Send an order and return its number. Account and instrument are ours whatever it says.
    pub fn submit(&mut self, order: &NewOrder) -> u32 {
        self.ours.submit(self.now, order, &self.known)
    }

    /// Ask for a cancel. False if the order has ended or does not exist.
    pub fn cancel(&mut self, number: u32) -> bool {
        self.ours.cancel(self.now, number)
    }

    /// Ask for another price, total quantity and stop price; 0 keeps a price. False if the order has ended, is a market order or does not
    /// exist.
    pub fn replace(&mut self, number: u32, price: i64, qty: i64, stop_price: i64) -> bool {
        self.ours.replace(self.now, number, price, qty, stop_price)
    }

    /// End what still works, with the run.
    pub fn finish(&mut self) {
        self.ours.finish(self.now);
    }

    /// Hand all frames of the journal over.
    ///
    /// # Errors
    /// If that fails.
    pub fn commit(&mut self) -> Result<(), omni_oms::Error> {
        self.system.commit()
    }
}

/// For explanations, not for strategies: what only the venue and the participants know.
impl AgentMarket {
    /// The venue.
    pub fn oms(&self) -> &Oms {
        self.system.oms()
    }

    /// Every market event so far, if they are kept.
    pub fn events(&self) -> Option<&EventColumns> {
        self.tape.columns()
    }

    /// Times and values of the instrument.
    pub fn values(&self) -> &[(i64, f64)] {
        &self.worth.history
    }

    /// Rules of the participants, by place: participant n is account n + 1 of the venue.
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// How often a participant wanted what, by kinds of its own.
    pub fn counts(&self, place: usize) -> Vec<u64> {
        self.participants.get(place).map_or_else(Vec::new, |participant| participant.counts())
    }

    /// Lots before an order of ours at the venue; `None` unless it waits in the book.
    pub fn ahead(&self, number: u32) -> Option<i64> {
        let id = self.ours.id(number)?;
        self.oms().engine().queue_ahead(id).map(|qty| qty.0)
    }

    /// The venue's name of an order of ours, once it arrived.
    pub fn venue_id(&self, number: u32) -> Option<OrderId> {
        self.ours.id(number)
    }
}

fn begin(settings: ParticipantConfig, start: i64, seed: u64) -> Box<dyn Participant> {
    match settings {
        ParticipantConfig::ZeroIntelligence(settings) => Box::new(ZeroIntelligenceFlow::new(settings, start, seed)),
        ParticipantConfig::Informed(settings) => Box::new(InformedTraders::new(settings, start, seed)),
        ParticipantConfig::MarketMaker(settings) => Box::new(Maker::new(settings, start, seed)),
        ParticipantConfig::Hawkes(settings) => Box::new(HawkesOrders::new(*settings, start, seed)),
        ParticipantConfig::Trend(settings) => Box::new(Chartist::new(settings, start, seed)),
    }
}

/// The command of a wish; `None` for a price that there is not.
fn command_of(wish: Wish, now: i64, place: usize) -> Option<Command> {
    let (ts, account) = (Nanos(now), omni_types::AccountId(place as u32 + 1));
    let order = match wish {
        Wish::Cancel(order_id) => return Some(Command::Cancel { ts, order_id }),
        Wish::Market { side, qty } => NewOrder::market(account, INSTRUMENT, side, Qty(qty)),
        Wish::Limit { price, .. } if !(1..=LARGEST).contains(&price) => return None,
        Wish::Limit { side, price, qty, post_only } => {
            let post_only = if post_only { PostOnly::Reject } else { PostOnly::No };
            NewOrder { post_only, ..NewOrder::limit(account, INSTRUMENT, side, Qty(qty), Ticks(price)) }
        }
    };
    Some(Command::New { ts, client_order_id: 0, order })
}
