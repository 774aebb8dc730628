//! What an order takes: of the captured market, and what happens when it meets one of ours.

use omni_types::{SelfTrade, Side};

use super::market::Market;
use super::waiting::Resting;
use super::wish::Wish;
use super::{Desk, FillModel, index};
use crate::ticks::impact::TakerImpact;
use crate::ticks::orders::{Answer, Status, reason};
use crate::ticks::queue::Place;

/// What an order that takes meets next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meeting {
    /// Lots of the captured market at a price.
    Market { price: i64, qty: i64 },
    /// Lots of an order of ours, which trades no fewer than `required` at once.
    Own { number: u32, qty: i64, required: i64 },
}

impl Market {
    /// Whether an order meets one of ours that it must not trade with.
    pub fn meets_own(&self, wish: &Wish) -> bool {
        if wish.self_trade == SelfTrade::Allow {
            return false;
        }
        let other = wish.side.opposite();
        let book = self.ours[index(other)].orders.iter();
        book.chain(self.conditionals.iter().filter(|order| order.wish.side == other)).any(|order| wish.accepts(order.price))
    }

    /// All that an order would meet, in order.
    pub fn meetings(&self, wish: &Wish, fills: FillModel) -> Vec<Meeting> {
        let other = wish.side.opposite();
        let market = if fills == FillModel::Whole {
            self.best(other).filter(|&best| wish.accepts(best)).map(|best| (best, wish.leaves)).into_iter().collect()
        } else {
            self.there(other, wish)
        };
        if !self.meets_own(wish) {
            return market.into_iter().map(|(price, qty)| Meeting::Market { price, qty }).collect();
        }
        let of_price = |price: i64| {
            let book = self.ours[index(other)].orders.iter();
            let conditional = self.conditionals.iter().filter(move |order| order.wish.side == other);
            book.chain(conditional).filter(move |order| order.price == price)
        };
        let mut prices: Vec<i64> = market.iter().map(|&(price, _)| price).collect();
        let own = self.ours[index(other)].orders.iter().chain(self.conditionals.iter().filter(|order| order.wish.side == other));
        prices.extend(own.map(|order| order.price).filter(|&price| wish.accepts(price)));
        prices.sort_unstable_by_key(|&price| wish.side.sign() * price);
        prices.dedup();
        let mut meetings = Vec::new();
        for price in prices {
            let free = market.iter().find(|level| level.0 == price).map_or(0, |level| level.1);
            meet_at(price, free, of_price(price), fills, &mut meetings);
        }
        meetings
    }
}

/// What there is at a price: displayed orders of ours where they stand among what is shown, the others behind it.
fn meet_at<'a>(
    price: i64,
    free: i64,
    ours: impl Iterator<Item = &'a Resting> + Clone,
    fills: FillModel,
    meetings: &mut Vec<Meeting>,
) {
    let is_displayed = |order: &&Resting| order.wish.display != 0 && !order.wish.is_conditional();
    let mut before = 0;
    for order in ours.clone().filter(is_displayed) {
        // Whole, the market's best price comes before ours at the same.
        let ahead =
            if fills == FillModel::Whole { free } else { (order.queue.front.ceil() as i64).clamp(before, free.max(before)) };
        if ahead > before {
            meetings.push(Meeting::Market { price, qty: ahead - before });
            before = ahead;
        }
        meetings.push(Meeting::Own { number: order.wish.number, qty: order.shows(), required: 0 });
    }
    if free > before {
        meetings.push(Meeting::Market { price, qty: free - before });
    }
    let reserve = |order: &Resting| if is_displayed(&order) { order.wish.leaves - order.shows() } else { order.wish.leaves };
    for order in ours.filter(|order| reserve(order) > 0) {
        let required = if order.wish.is_conditional() { order.wish.required() } else { 0 };
        meetings.push(Meeting::Own { number: order.wish.number, qty: reserve(order), required });
    }
}

/// Lots that an order would take.
pub(super) fn available(meetings: &[Meeting], wish: &Wish) -> i64 {
    let mut lots: i64 = 0;
    for meeting in meetings {
        match *meeting {
            Meeting::Market { qty, .. } => lots = lots.saturating_add(qty),
            Meeting::Own { .. } if wish.self_trade == SelfTrade::CancelOldest => {}
            Meeting::Own { required, .. } if required > wish.leaves - lots => {}
            Meeting::Own { .. } => break,
        }
    }
    lots.min(wish.leaves)
}

/// Prices and lots of the market among what an order meets.
fn levels(meetings: &[Meeting]) -> Vec<(i64, i64)> {
    let of_market = |meeting: &Meeting| match *meeting {
        Meeting::Market { price, qty } => Some((price, qty)),
        Meeting::Own { .. } => None,
    };
    meetings.iter().filter_map(of_market).collect()
}

impl Desk<'_> {
    /// All that an order would meet, in order, as far as its limit lets it go where its own impact moves the price.
    pub fn meetings(&self, wish: &Wish) -> Vec<Meeting> {
        let mut meetings = self.market.meetings(wish, self.rules.fills);
        let Some(impact) = &self.impact else { return meetings };
        let there = levels(&meetings);
        let wanted = wish.leaves.min(there.iter().map(|&(_, qty)| qty).sum());
        let (reached, _) = impact.reach(self.now, self.instrument, wish.side, wish.limit, &there, wanted);
        let is_whole = self.rules.fills == FillModel::Whole;
        let mut left = if is_whole && reached < wish.leaves { 0 } else { reached };
        meetings.retain_mut(|meeting| match meeting {
            Meeting::Market { qty, .. } => {
                *qty = left.min(*qty);
                left -= *qty;
                *qty > 0
            }
            Meeting::Own { .. } => true,
        });
        meetings
    }

    /// An order takes; what is left of it, `None` once it has ended.
    pub fn take(&mut self, mut wish: Wish, meetings: &[Meeting]) -> Option<Wish> {
        let (other, side) = (wish.side.opposite(), wish.side);
        let there = levels(meetings);
        let wanted = wish.leaves.min(there.iter().map(|&(_, qty)| qty).sum());
        let moves = |impact: &&mut TakerImpact| impact.reach(self.now, self.instrument, side, None, &there, wanted).1;
        let fraction = self.impact.as_ref().map_or(0.0, moves);
        let mut taken = 0;
        for &meeting in meetings {
            match meeting {
                Meeting::Market { price: met, qty } => {
                    let qty = qty.min(wish.leaves);
                    wish.trade(qty);
                    taken += qty;
                    if self.rules.fills == FillModel::Partial {
                        self.market.taken.push((other, met, qty));
                    }
                    let price = self.impact.as_mut().map_or(met, |impact| impact.meet(side, met, fraction));
                    let is_last = wish.leaves == 0;
                    self.say(wish.number, Answer::Fill { qty, price, is_maker: false, is_last });
                }
                Meeting::Own { required, .. } if required > wish.leaves => {}
                Meeting::Own { number, qty, .. } => self.meet_own(&mut wish, number, qty),
            }
            if wish.leaves == 0 {
                break;
            }
        }
        if let Some(impact) = self.impact.as_mut().filter(|_| taken > 0) {
            impact.leave(self.now, self.instrument, side, taken);
        }
        (wish.leaves > 0).then_some(wish)
    }

    /// An order meets one of ours; nothing is left of it if it goes.
    fn meet_own(&mut self, wish: &mut Wish, number: u32, qty: i64) {
        let other = wish.side.opposite();
        if matches!(wish.self_trade, SelfTrade::CancelOldest | SelfTrade::CancelBoth)
            && self.market.take_out(other, number).is_some()
        {
            self.end(number, Status::Canceled, reason::SELF_TRADE);
        }
        match wish.self_trade {
            SelfTrade::Allow | SelfTrade::CancelOldest => {}
            SelfTrade::CancelNewest | SelfTrade::CancelBoth => {
                self.end(wish.number, Status::Canceled, reason::SELF_TRADE);
                wish.leaves = 0;
            }
            SelfTrade::Decrement => {
                let mut left = qty.min(wish.leaves);
                while left > 0 {
                    // Slice by slice, as an iceberg trades.
                    let Some(shown) = self.market.resting(other, number).map(Resting::shows) else { return };
                    let qty = left.min(shown);
                    left -= qty;
                    self.decrement(other, number, qty);
                    wish.leaves -= qty;
                    self.say(wish.number, Answer::Decremented { qty });
                }
                if wish.leaves == 0 {
                    self.end(wish.number, Status::Canceled, reason::SELF_TRADE);
                }
            }
        }
    }

    /// One of ours has so many lots less.
    fn decrement(&mut self, side: Side, number: u32, qty: i64) {
        let market = &mut *self.market;
        let ours = &mut market.ours[index(side)];
        let at = ours.find(number);
        let order = match at {
            Some(at) => Some(&mut ours.orders[at]),
            None => market.conditionals.iter_mut().find(|order| order.wish.number == number),
        };
        let Some(order) = order else { return };
        order.wish.leaves -= qty;
        order.slice -= qty.min(order.slice);
        let (left, is_empty) = (order.wish.leaves, order.shows() == 0);
        self.say(number, Answer::Decremented { qty });
        if left == 0 {
            self.market.take_out(side, number);
            return self.end(number, Status::Canceled, reason::SELF_TRADE);
        }
        if let Some(at) = at.filter(|_| is_empty) {
            let mut order = self.market.ours[index(side)].remove(&self.market.depth, at);
            let end = Place::last(self.market.shown(side, order.price), order.queue.traded);
            (order.slice, order.queue, order.joined) = (order.wish.slice(), end, self.next_step);
            self.say(number, Answer::Refreshed { qty: order.slice, ahead: end.front });
            self.market.ours[index(side)].insert(&self.market.depth, order);
        }
    }
}
