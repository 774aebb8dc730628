//! What our own taking does to the prices that we get, by what the captured market traded before.

use std::collections::VecDeque;

use omni_types::{Side, Ticks};

use super::feed::{StepKind, TickFeed};
use crate::models::{Impact, ImpactMeter, Moment, Usual, moved};

/// What an instrument traded in a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    /// Which one: time over length.
    number: i64,
    lots: i64,
    /// The last price.
    close: i64,
}

/// Impact of orders that take.
#[derive(Clone, Debug)]
pub(crate) struct TakerImpact {
    meter: ImpactMeter,
    /// Nanoseconds of a span.
    length: i64,
    /// Ticks between two prices that an order can have.
    grid: i64,
    /// By instrument, the spans in which it traded.
    spans: Vec<Vec<Span>>,
    /// Prices that our takers met, of the fills that we have not heard of.
    met: VecDeque<i64>,
}

impl TakerImpact {
    pub fn new(impact: Impact, grid: i64, feed: &TickFeed) -> Self {
        let length = impact.span;
        let mut spans: Vec<Vec<Span>> = vec![Vec::new(); feed.ladders.len()];
        for (at, step) in feed.steps.iter().enumerate() {
            let lots = match step.kind {
                StepKind::Trade | StepKind::Cross => step.qty,
                StepKind::Execution => feed.origins[at].taken,
                StepKind::Level | StepKind::Clear | StepKind::State => continue,
            };
            let place = usize::from(step.instrument);
            let (number, close) = (step.ts.div_euclid(length), feed.ladders[place].price(step.place));
            match spans[place].last_mut().filter(|span| span.number == number) {
                Some(span) => (span.lots, span.close) = (span.lots.saturating_add(lots), close),
                None => spans[place].push(Span { number, lots, close }),
            }
        }
        let meter = ImpactMeter::new(impact, spans.len(), length as f64);
        Self { meter, length, grid, spans, met: VecDeque::new() }
    }

    /// How many of the lots shown, best first, an order takes so that no fill is beyond its limit; and how far its price moves.
    pub fn reach(
        &self,
        now: i64,
        symbol: usize,
        side: Side,
        limit: Option<i64>,
        there: &[(i64, i64)],
        wanted: i64,
    ) -> (i64, f64) {
        let at = Moment { symbol, clock: now };
        let usual = self.usual(at);
        let fraction = |lots: i64| self.meter.distance(at, usual, side, lots as f64);
        let Some(limit) = limit else { return (wanted, fraction(wanted)) };
        let fits = |lots: i64| {
            let mut left = lots;
            let last = there.iter().find(|&&(_, shown)| {
                left -= shown;
                left <= 0
            });
            last.is_none_or(|&(met, _)| side.sign() * (limit - self.price(side, met, fraction(lots))) >= 0)
        };
        let (mut holds, mut fails) = (0, wanted);
        if fits(wanted) {
            return (wanted, fraction(wanted));
        }
        // The further it takes, the worse its last price is.
        while fails - holds > 1 {
            let middle = i64::midpoint(holds, fails);
            if fits(middle) { holds = middle } else { fails = middle }
        }
        (holds, fraction(holds))
    }

    /// The price that an order gets where it meets `met`.
    fn price(&self, side: Side, met: i64, fraction: f64) -> i64 {
        moved(side, Ticks(met), 0, fraction, self.grid).0
    }

    /// A fill of an order that takes meets a price; what it gets.
    pub fn meet(&mut self, side: Side, met: i64, fraction: f64) -> i64 {
        self.met.push_back(met);
        self.price(side, met, fraction)
    }

    /// An order took so many lots.
    pub fn leave(&mut self, now: i64, symbol: usize, side: Side, lots: i64) {
        let at = Moment { symbol, clock: now };
        let usual = self.usual(at);
        self.meter.take(at, usual, side, lots as f64);
    }

    /// What the next fill of a taker that we hear of had met.
    pub fn next_met(&mut self) -> Option<i64> {
        self.met.pop_front()
    }

    /// By the spans that ended before.
    fn usual(&self, at: Moment) -> Usual {
        let spans = &self.spans[at.symbol];
        let known = spans.partition_point(|span| span.number < at.clock.div_euclid(self.length));
        Usual::of(self.meter.window(), spans[..known].iter().rev().map(|span| (Ticks(span.close), span.lots as f64)))
    }
}
