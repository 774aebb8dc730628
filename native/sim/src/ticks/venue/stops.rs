//! Orders that wait for a price which elects them.

use omni_types::{Side, Terms, TrailUnit, Trigger};

use super::Desk;
use super::wish::Wish;
use crate::ticks::orders::{Answer, OrderType};

/// A stop that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    pub wish: Wish,
    pub kind: OrderType,
    /// 0: a trailing stop without a reference yet.
    pub price: i64,
    trail: i64,
    unit: TrailUnit,
    trigger: Trigger,
}

/// The largest part of a price, in basis points.
const WHOLE_BPS: i128 = 10_000;

impl Stop {
    fn distance(&self, reference: i64, tick: i64) -> i64 {
        match self.unit {
            TrailUnit::Bps => {
                let exact = (i128::from(reference) * i128::from(self.trail) / WHOLE_BPS) as i64;
                (exact / tick * tick).max(tick)
            }
            TrailUnit::Ticks | TrailUnit::None => self.trail,
        }
    }

    fn is_reached(&self, watched: Option<i64>) -> bool {
        self.price > 0 && watched.is_some_and(|price| self.wish.side.sign() * price >= self.wish.side.sign() * self.price)
    }
}

impl Desk<'_> {
    pub fn wait_as_stop(&mut self, wish: Wish, kind: OrderType, terms: &Terms) {
        let Terms { stop_price, trail, trail_unit: unit, trigger, .. } = *terms;
        self.market.stops.push(Stop { wish: Wish { is_new: false, ..wish }, kind, price: stop_price.0, trail, unit, trigger });
        self.say(wish.number, Answer::Accepted { ahead: f64::NAN });
    }

    /// What elects a stop: the last print, or the price at which its market order would trade.
    fn watched(&self, stop: &Stop) -> Option<i64> {
        match stop.trigger {
            Trigger::Bbo => self.market.best(stop.wish.side.opposite()),
            Trigger::Last | Trigger::None => self.market.last_price(),
        }
    }

    /// Trailing stops follow the market.
    pub fn trail(&mut self) {
        for at in 0..self.market.stops.len() {
            let stop = &self.market.stops[at];
            let Some(reference) = self.watched(stop).filter(|_| stop.kind == OrderType::TrailingStop) else { continue };
            let distance = stop.distance(reference, self.rules.tick);
            let price = match (stop.wish.side, stop.price) {
                (Side::Sell, price) => price.max(reference - distance).max(1),
                (Side::Buy, 0) => reference + distance,
                (Side::Buy, price) => price.min(reference + distance),
            };
            self.market.stops[at].price = price;
        }
    }

    /// Elect one stop; whether there was one.
    pub fn elect(&mut self) -> bool {
        let rank = |stop: &Stop| (stop.wish.side == Side::Sell, stop.wish.side.sign() * stop.price);
        let reached = self.market.stops.iter().enumerate().filter(|(_, stop)| stop.is_reached(self.watched(stop)));
        // Of equal ones the first has the smaller stamp.
        let Some((at, _)) = reached.min_by_key(|&(_, stop)| rank(stop)) else { return false };
        let stop = self.market.stops.remove(at);
        self.say(stop.wish.number, Answer::Triggered);
        self.go(stop.wish);
        true
    }
}
