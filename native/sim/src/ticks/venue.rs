//! The venue: the captured market, and our orders in it.
//!
//! `docs/replay.md` section 3 says when one of them fills. The market does not notice us: what we take is there for others, too, but we
//! cannot take it twice before the feed renews it.

mod arriving;
mod auctions;
mod conditionals;
mod expiring;
mod market;
mod pegs;
mod replacing;
mod stops;
mod taking;
mod waiting;
mod wish;

use std::sync::Arc;

use omni_types::Side;
use omni_wire::status;

use super::book::Depth;
use super::feed::{Origin, Step, StepKind, TickFeed};
use super::impact::TakerImpact;
use super::orders::{Answer, Instructions, Order, Status, reason};
use super::queue::QueueModel;
use expiring::Expiry;
use market::Market;
pub(crate) use replacing::Change;
use waiting::{Hit, level, through, trade};

/// How much of an order fills when its turn comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FillModel {
    /// All of it, whatever traded; an order that takes gets the best price for all of it.
    Whole,
    /// What traded beyond the queue before it; an order that takes gets what each level shows.
    Partial,
}

/// What holds for every instrument.
#[derive(Clone, Copy, Debug)]
struct Rules {
    queue: QueueModel,
    fills: FillModel,
    /// Units of the feed's prices in a tick.
    tick: i64,
}

/// The venue of a replay.
#[derive(Clone, Debug)]
pub(crate) struct Venue {
    markets: Vec<Market>,
    rules: Rules,
    /// The next one last.
    expiries: Vec<Expiry>,
    /// How our taking moves what we get, and the time of what is in hand.
    pub impact: Option<Box<TakerImpact>>,
    pub now: i64,
    /// What it has to say, in order.
    pub answers: Vec<(u32, Answer)>,
}

/// One instrument at the venue, and its mouth.
struct Desk<'a> {
    market: &'a mut Market,
    instrument: usize,
    rules: Rules,
    impact: Option<&'a mut TakerImpact>,
    now: i64,
    answers: &'a mut Vec<(u32, Answer)>,
    /// The first step of the market that comes after.
    next_step: u32,
}

fn index(side: Side) -> usize {
    usize::from(side == Side::Sell)
}

impl Venue {
    pub fn new(feed: &TickFeed, queue: QueueModel, fills: FillModel, tick: i64) -> Self {
        let markets = feed.ladders.iter().map(|ladder| Market::new(Depth::new(Arc::clone(ladder)))).collect();
        let rules = Rules { queue, fills, tick };
        Self { markets, rules, expiries: Vec::new(), impact: None, now: i64::MIN, answers: Vec::new() }
    }

    /// The book of an instrument as the venue has it.
    pub fn depth(&self, instrument: u16) -> &Depth {
        &self.markets[usize::from(instrument)].depth
    }

    /// Lots before an order that waits.
    pub fn ahead(&self, instrument: u16, side: Side, order: u32) -> Option<f64> {
        self.markets[usize::from(instrument)].ahead(side, order)
    }

    fn desk(&mut self, instrument: u16, next_step: u32) -> Desk<'_> {
        let instrument = usize::from(instrument);
        let (market, impact) = (&mut self.markets[instrument], self.impact.as_deref_mut());
        Desk { market, instrument, rules: self.rules, impact, now: self.now, answers: &mut self.answers, next_step }
    }

    /// The market takes a step, the one with this number, which is about an order of the feed where that names them.
    #[inline]
    pub fn step(&mut self, step: &Step, origin: Origin, number: u32) {
        let market = &mut self.markets[usize::from(step.instrument)];
        let (queue, is_exact) = (self.rules.queue, self.rules.queue == QueueModel::Exact);
        // What our orders got of a trade.
        let mut given = 0;
        match step.kind {
            StepKind::Level => level(market, queue, step, origin, &mut self.answers),
            StepKind::Execution => {
                market.last = step.place;
                let side = if step.is_ask() { Side::Sell } else { Side::Buy };
                if market.reaches(side, step.place) {
                    let by = Hit { qty: origin.taken, joined: is_exact.then_some(origin.joined), number };
                    given = trade(market, self.rules.fills, side, step.place, by, &mut self.answers);
                }
                // What a trade did to an exact queue the level must not do again.
                let told = if is_exact && market.is_trading { Origin { taken: 0, ..origin } } else { origin };
                level(market, queue, step, told, &mut self.answers);
            }
            StepKind::Trade => {
                market.last = step.place;
                match step.side() {
                    Some(side) if market.reaches(side, step.place) => {
                        // Who waited was never named, and so is not in an exact queue.
                        let qty = if is_exact { 0 } else { step.qty };
                        let by = Hit { qty, joined: None, number };
                        given = trade(market, self.rules.fills, side, step.place, by, &mut self.answers);
                    }
                    Some(_) => {}
                    None => through(market, step.place, false, &mut self.answers),
                }
            }
            StepKind::Cross => {
                market.last = step.place;
                through(market, step.place, true, &mut self.answers);
            }
            StepKind::Clear => market.clear(step.side()),
            StepKind::State => {
                market.is_open = step.qty == status::TRADING;
                market.open_or_close(&mut self.answers);
            }
        }
        if market.is_watched {
            self.now = step.ts;
            self.desk(step.instrument, number + 1).follow(step, origin.taken, given);
        }
    }

    /// A halt of our own begins or ends, on top of those that the feed says.
    pub fn halt(&mut self, instrument: usize, begins: bool, next_step: u32) {
        let market = &mut self.markets[instrument];
        market.n_halts = if begins { market.n_halts + 1 } else { market.n_halts.saturating_sub(1) };
        market.open_or_close(&mut self.answers);
        if market.is_watched {
            let mut desk = self.desk(instrument as u16, next_step);
            if !desk.market.is_trading {
                desk.park();
            }
            desk.settle();
        }
    }

    /// Prices mean something else from now on: forget the book and our orders in it.
    pub fn forget(&mut self, instrument: usize) {
        self.markets[instrument].forget();
    }

    fn end(&mut self, number: u32, status: Status, reason: u16) {
        self.answers.push((number, Answer::Ended { status, reason }));
    }

    /// A cancel arrives.
    pub fn cancel(&mut self, number: u32, order: &Order, next_step: u32) {
        let mut desk = self.desk(order.instrument, next_step);
        match desk.market.take_out(order.side, number) {
            Some(_) => desk.end(number, Status::Canceled, reason::NONE),
            None => desk.say(number, Answer::TooLate),
        }
        desk.settle();
    }

    /// A replacement arrives; `next_step` is the first step of the market after it.
    pub fn replace(&mut self, number: u32, order: &Order, change: Change, next_step: u32) {
        let mut desk = self.desk(order.instrument, next_step);
        desk.replace(number, order.side, change);
        desk.settle();
    }

    /// An order arrives at a time; `next_step` is the first step of the market after it.
    pub fn arrive(&mut self, number: u32, order: &Order, said: &Instructions, feed: &TickFeed, now: i64, next_step: u32) {
        if let Some(refusal) = arriving::refusal(order, said, now) {
            self.end(number, Status::Rejected, refusal);
            return self.desk(order.instrument, next_step).settle();
        }
        self.expect(number, order, said, feed, now);
        let mut desk = self.desk(order.instrument, next_step);
        desk.arrive(number, order, said);
        desk.settle();
    }
}

impl Desk<'_> {
    fn say(&mut self, number: u32, answer: Answer) {
        self.answers.push((number, answer));
    }

    fn end(&mut self, number: u32, status: Status, reason: u16) {
        self.say(number, Answer::Ended { status, reason });
    }

    /// What a step of the market does to orders that wait for more than their turn.
    #[cold]
    #[inline(never)]
    fn follow(&mut self, step: &Step, taken: i64, given: i64) {
        match step.kind {
            StepKind::Level => self.market.renew_conditionals(step),
            StepKind::Execution => {
                self.hit_conditionals(step, taken, given);
                self.market.renew_conditionals(step);
            }
            StepKind::Trade => self.hit_conditionals(step, step.qty, given),
            StepKind::Cross => self.auction(step),
            StepKind::State if !self.market.is_trading => self.park(),
            StepKind::State | StepKind::Clear => {}
        }
        if step.is_last() || step.kind == StepKind::State {
            self.settle();
        }
    }

    /// Elect stops, price pegs and let conditional orders take, until nothing happens; section 6 of `docs/matching.md`.
    fn settle(&mut self) {
        self.market.look();
        while self.market.is_watched && self.market.is_trading {
            self.trail();
            if !(self.elect() || self.price_pegs() || self.take_conditionals()) {
                break;
            }
            self.market.look();
        }
    }
}
