//! Other terms for an order that waits; section 4 of `docs/matching.md`.

use omni_book::has_too_many_slices;
use omni_types::{RejectReason, Side};

use super::wish::Wish;
use super::{Desk, index};
use crate::ticks::orders::{Answer, OrderType, Status, reason};

/// What one asks for: a total quantity, a price and a stop price, 0 to keep it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub qty: i64,
    pub price: i64,
    pub stop_price: i64,
}

/// A price, or what was.
fn or(wanted: i64, held: i64) -> i64 {
    if wanted == 0 { held } else { wanted }
}

impl Desk<'_> {
    pub fn replace(&mut self, number: u32, side: Side, change: Change) {
        if let Some(at) = self.market.stops.iter().position(|stop| stop.wish.number == number) {
            return self.replace_stop(at, change);
        }
        if change.stop_price != 0 && self.market.is_there(side, number) {
            return self.refuse(number, RejectReason::InvalidStopPrice);
        }
        if let Some(at) = self.market.auctioned.iter().position(|order| order.wish.number == number) {
            return self.replace_auctioned(at, change);
        }
        if let Some(at) = self.market.pegs.iter().position(|peg| peg.wish.number == number) {
            return self.replace_peg(at, change);
        }
        let Some(wish) = self.market.resting(side, number).map(|order| order.wish) else {
            return self.say(number, Answer::TooLate);
        };
        let held = wish.limit.unwrap_or(0);
        let (price, leaves) = (or(change.price, held), change.qty - wish.filled);
        if leaves > 0 && has_too_many_slices(leaves, wish.display) {
            return self.refuse(number, RejectReason::InvalidDisplayQty);
        }
        if leaves > 0 && price == held && leaves <= wish.leaves {
            let Some(resting) = self.market.resting_mut(side, number) else { return };
            resting.wish.leaves = leaves;
            resting.slice = resting.slice.min(leaves);
            let ahead = resting.queue.front;
            return self.say(number, Answer::Replaced { price, qty: change.qty, ahead });
        }
        self.market.take_out(side, number);
        if leaves <= 0 {
            return self.end(number, Status::Canceled, reason::NONE);
        }
        self.say(number, Answer::Replaced { price, qty: change.qty, ahead: 0.0 });
        self.go(Wish { limit: Some(price), leaves, is_new: false, ..wish });
    }

    fn refuse(&mut self, number: u32, reason: RejectReason) {
        self.say(number, Answer::Refused { reason: u16::from(reason.code()) });
    }

    fn replace_stop(&mut self, at: usize, change: Change) {
        let stop = self.market.stops[at];
        let number = stop.wish.number;
        if change.price != 0 && stop.kind != OrderType::StopLimit {
            return self.refuse(number, RejectReason::InvalidPrice);
        }
        if change.stop_price != 0 && stop.kind == OrderType::TrailingStop {
            return self.refuse(number, RejectReason::InvalidStopPrice);
        }
        let mut other = stop;
        other.price = or(change.stop_price, stop.price);
        other.wish.limit = stop.wish.limit.map(|limit| or(change.price, limit));
        other.wish.leaves = change.qty - stop.wish.filled;
        let shown = other.wish.limit.unwrap_or(if stop.kind == OrderType::Stop { other.price } else { 0 });
        if other.wish.leaves <= 0 {
            self.market.stops.remove(at);
            return self.end(number, Status::Canceled, reason::NONE);
        }
        if has_too_many_slices(other.wish.leaves, other.wish.display) {
            return self.refuse(number, RejectReason::InvalidDisplayQty);
        }
        let keeps_place =
            (other.price, other.wish.limit) == (stop.price, stop.wish.limit) && other.wish.leaves <= stop.wish.leaves;
        self.market.stops.remove(at);
        self.market.stops.insert(if keeps_place { at } else { self.market.stops.len() }, other);
        self.say(number, Answer::Replaced { price: shown, qty: change.qty, ahead: f64::NAN });
    }

    fn replace_auctioned(&mut self, at: usize, change: Change) {
        let mut order = self.market.auctioned[at];
        let (number, held) = (order.wish.number, order.wish.limit);
        order.wish.limit = held.map(|limit| or(change.price, limit));
        let leaves = change.qty - order.wish.filled;
        if leaves <= 0 {
            self.market.auctioned.remove(at);
            return self.end(number, Status::Canceled, reason::NONE);
        }
        let keeps_place = order.wish.limit == held && leaves <= order.wish.leaves;
        order.wish.leaves = leaves;
        self.market.auctioned.remove(at);
        self.market.auctioned.insert(if keeps_place { at } else { self.market.auctioned.len() }, order);
        let price = order.wish.limit.unwrap_or(0);
        self.say(number, Answer::Replaced { price, qty: change.qty, ahead: f64::NAN });
    }

    fn replace_peg(&mut self, at: usize, change: Change) {
        let peg = self.market.pegs[at];
        let (number, side, cap) = (peg.wish.number, peg.wish.side, or(change.price, peg.cap));
        let standing = self.market.ours[index(side)].find(number);
        let wish = standing.map_or(peg.wish, |place| self.market.ours[index(side)].orders[place].wish);
        if standing.is_none() && peg.price.is_some() {
            return self.say(number, Answer::TooLate);
        }
        let leaves = change.qty - wish.filled;
        if leaves <= 0 {
            self.market.take_out(side, number);
            return self.end(number, Status::Canceled, reason::NONE);
        }
        let replaced = |ahead: f64| Answer::Replaced { price: cap, qty: change.qty, ahead };
        if cap == peg.cap && leaves <= wish.leaves {
            let ahead = match standing {
                Some(place) => {
                    let resting = &mut self.market.ours[index(side)].orders[place];
                    (resting.wish.leaves, resting.slice) = (leaves, leaves);
                    resting.queue.front
                }
                None => f64::NAN,
            };
            self.market.pegs[at].wish.leaves = leaves;
            return self.say(number, replaced(ahead));
        }
        if let Some(place) = standing {
            self.market.ours[index(side)].remove(&self.market.depth, place);
        }
        let peg = &mut self.market.pegs[at];
        (peg.cap, peg.price, peg.is_anew) = (cap, None, true);
        peg.wish = Wish { leaves, ..wish };
        self.say(number, replaced(f64::NAN));
    }
}
