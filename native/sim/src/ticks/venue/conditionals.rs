//! Orders that trade a least quantity at once, or all of themselves.

use omni_types::Side;

use super::Desk;
use super::FillModel;
use super::market::Market;
use super::taking::available;
use super::waiting::{Resting, whole};
use crate::ticks::feed::{Step, StepKind};
use crate::ticks::orders::Answer;
use crate::ticks::queue::{Place, QueueModel};

impl Market {
    /// A level changed: what is shown there stands before them.
    pub fn renew_conditionals(&mut self, step: &Step) {
        let (side, price) = (if step.is_ask() { Side::Sell } else { Side::Buy }, self.depth.ladder().price(step.place));
        for order in self.conditionals.iter_mut().filter(|order| (order.wish.side, order.price) == (side, price)) {
            order.queue = Place::behind(step.qty);
        }
    }
}

impl Desk<'_> {
    /// The market traded lots, of which our other orders at that price got some.
    pub fn hit_conditionals(&mut self, step: &Step, qty: i64, given: i64) {
        if !self.market.is_trading || self.market.conditionals.is_empty() {
            return;
        }
        let traded_at = self.market.depth.ladder().price(step.place);
        let mut left = given;
        for number in self.by_price() {
            let Some(at) = self.market.conditionals.iter().position(|order| order.wish.number == number) else { continue };
            let order = self.market.conditionals[at];
            if step.side().is_some_and(|side| side != order.wish.side) {
                continue;
            }
            let required = if self.rules.fills == FillModel::Whole { 1 } else { order.wish.required() };
            let better = order.wish.side.sign() * (order.price - traded_at);
            if better > 0 && qty >= required {
                self.market.conditionals.remove(at);
                self.say(number, whole(&order, order.price));
            }
            // What is named or shown trades before it; of a trade without a side nobody knows who waited.
            let is_at_its_price = better == 0 && step.kind == StepKind::Trade && step.side().is_some();
            if !is_at_its_price || self.rules.queue == QueueModel::Exact {
                continue;
            }
            let order = &mut self.market.conditionals[at];
            order.queue.trade(qty);
            let (beyond, price) = (order.queue.reached() - left, order.price);
            if order.queue.reached() > 0 {
                order.queue.front = 0.0;
            }
            if beyond < required {
                continue;
            }
            let lots = if self.rules.fills == FillModel::Whole { order.wish.leaves } else { beyond.min(order.wish.leaves) };
            order.wish.trade(lots);
            left += lots;
            let is_last = order.wish.leaves == 0;
            if is_last {
                self.market.conditionals.remove(at);
            }
            self.say(number, Answer::Fill { qty: lots, price, is_maker: true, is_last });
        }
    }

    /// The first conditional order that finds enough takes; whether there was one.
    pub fn take_conditionals(&mut self) -> bool {
        for number in self.by_price() {
            let Some(at) = self.market.conditionals.iter().position(|order| order.wish.number == number) else { continue };
            let wish = self.market.conditionals[at].wish;
            let meetings = self.meetings(&wish);
            if available(&meetings, &wish) < wish.required() {
                continue;
            }
            let order = self.market.conditionals.remove(at);
            if let Some(left) = self.take(wish, &meetings) {
                // It waits as before, with its old stamp.
                let order = Resting { wish: left, slice: left.slice(), ..order };
                self.market.conditionals.insert(at.min(self.market.conditionals.len()), order);
            }
            return true;
        }
        false
    }

    /// Numbers of conditional orders: buys before sells, better prices first, then smaller stamps.
    fn by_price(&self) -> Vec<u32> {
        let mut orders: Vec<_> =
            self.market.conditionals.iter().map(|order| (order.wish.side, order.price, order.wish.number)).collect();
        orders.sort_by_key(|&(side, price, _)| (side == Side::Sell, -side.sign() * price));
        orders.into_iter().map(|order| order.2).collect()
    }
}
