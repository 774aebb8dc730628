//! An order arrives, or goes on as if it did.

use omni_book::check_form;
use omni_types::{
    AccountId, InstrumentId, LARGEST, Nanos, NewOrder, OrderType as VenueType, PostOnly, Qty, Ticks, TimeInForce as VenueTime,
};

use super::taking::available;
use super::waiting::Resting;
use super::wish::{Patience, Wish};
use super::{Desk, index};
use crate::ticks::orders::{Answer, Instructions, Order, OrderType, Status, TimeInForce, reason};
use crate::ticks::queue::Place;

/// Why an order cannot be one; section 2 of `docs/matching.md`.
pub(super) fn refusal(order: &Order, said: &Instructions, now: i64) -> Option<u16> {
    let has_its_price = match order.kind {
        OrderType::Market => order.price == 0,
        OrderType::Limit => (1..=LARGEST).contains(&order.price),
        _ => false,
    };
    let is_plain = has_its_price && (1..=LARGEST).contains(&order.qty) && *said == Instructions::NONE;
    let has_no_end =
        matches!(order.time_in_force, TimeInForce::Gtc | TimeInForce::Ioc | TimeInForce::Fok | TimeInForce::PostOnly);
    if is_plain && has_no_end {
        return None;
    }
    let order_type = match order.kind {
        OrderType::Market => VenueType::Market,
        OrderType::Limit => VenueType::Limit,
        OrderType::Stop => VenueType::Stop,
        OrderType::StopLimit => VenueType::StopLimit,
        OrderType::TrailingStop => VenueType::TrailingStop,
        OrderType::Pegged => VenueType::Pegged,
    };
    let time_in_force = match order.time_in_force {
        TimeInForce::Gtc if order.kind == OrderType::Market => VenueTime::Ioc,
        TimeInForce::Gtc | TimeInForce::PostOnly => VenueTime::Gtc,
        TimeInForce::Ioc => VenueTime::Ioc,
        TimeInForce::Fok => VenueTime::Fok,
        TimeInForce::Day => VenueTime::Day,
        TimeInForce::AtOpen => VenueTime::AtOpen,
        TimeInForce::Gtd => VenueTime::Gtd,
        TimeInForce::AtClose => VenueTime::AtClose,
    };
    let post_only = if order.time_in_force == TimeInForce::PostOnly { PostOnly::Reject } else { said.post_only };
    let form = NewOrder {
        account: AccountId(0),
        instrument: InstrumentId(u32::from(order.instrument)),
        side: order.side,
        order_type,
        time_in_force,
        self_trade: said.self_trade,
        post_only,
        qty: Qty(order.qty),
        price: Ticks(order.price),
        terms: said.terms,
    };
    check_form(&form, Nanos(now)).err().map(|refusal| u16::from(refusal.code()))
}

impl Desk<'_> {
    /// An order arrives whose form is good.
    pub fn arrive(&mut self, number: u32, order: &Order, said: &Instructions) {
        let wish = Wish::of(number, order, said);
        if order.time_in_force == TimeInForce::Day && order.kind != OrderType::Market {
            self.market.days.push((order.side, number));
        }
        match order.kind {
            _ if matches!(order.time_in_force, TimeInForce::AtOpen | TimeInForce::AtClose) => {
                self.wait_for_auction(wish, order.time_in_force == TimeInForce::AtOpen);
            }
            OrderType::Market | OrderType::Limit => self.go(wish),
            OrderType::Stop | OrderType::StopLimit | OrderType::TrailingStop => self.wait_as_stop(wish, order.kind, &said.terms),
            OrderType::Pegged => self.wait_as_peg(wish, order.price, &said.terms),
        }
    }

    /// A market or limit order takes what it can, and waits or goes.
    pub fn go(&mut self, mut wish: Wish) {
        if !self.market.is_trading {
            return if wish.waits() { self.rest(wish) } else { self.end(wish.number, Status::Rejected, reason::HALTED) };
        }
        let best = self.market.best(wish.side.opposite()).filter(|&best| wish.accepts(best));
        if let Some(best) = best {
            match wish.post_only {
                PostOnly::No => {}
                PostOnly::Reject => return self.end(wish.number, Status::Expired, reason::WOULD_TAKE),
                PostOnly::Slide => return self.slide(wish, best),
            }
        }
        let meets_own = wish.post_only == PostOnly::No && self.market.meets_own(&wish);
        if best.is_none() && !meets_own {
            return self.remain(wish);
        }
        let meetings = self.meetings(&wish);
        let needed = if wish.patience == Patience::AllNow { wish.leaves } else { wish.required() };
        if needed > 0 && available(&meetings, &wish) < needed {
            if wish.waits() {
                return self.rest(wish);
            }
            return self.end(wish.number, Status::Expired, reason::NOT_FILLED_AT_ONCE);
        }
        // Something was there: what is left of a market order is not refused.
        wish.is_new &= best.is_none();
        if let Some(left) = self.take(wish, &meetings) {
            self.remain(left);
        }
    }

    /// What is left of an order that has taken what it could.
    fn remain(&mut self, wish: Wish) {
        if wish.waits() {
            return self.rest(wish);
        }
        let (status, reason) = match wish.limit {
            Some(_) => (Status::Expired, reason::NOT_FILLED_AT_ONCE),
            None if wish.is_new => (Status::Rejected, reason::NO_LIQUIDITY),
            None => (Status::Expired, reason::NO_LIQUIDITY),
        };
        self.end(wish.number, status, reason);
    }

    /// A post-only order that would take goes to one tick short of the other side.
    fn slide(&mut self, mut wish: Wish, best: i64) {
        let price = best - wish.side.sign() * self.rules.tick;
        if !(1..=LARGEST).contains(&price) {
            return self.end(wish.number, Status::Expired, reason::WOULD_TAKE);
        }
        wish.limit = Some(price);
        let ahead = self.stand(wish, price);
        self.say(wish.number, Answer::Accepted { ahead });
        self.say(wish.number, Answer::Repriced { price, ahead });
    }

    /// A limit order waits, in the book or as a conditional one.
    fn rest(&mut self, wish: Wish) {
        let Some(price) = wish.limit else { return };
        let ahead = self.stand(wish, price);
        self.say(wish.number, Answer::Accepted { ahead });
    }

    /// An order takes its place at a price; the lots before it.
    pub fn stand(&mut self, wish: Wish, price: i64) -> f64 {
        let queue = Place::behind(self.market.shown(wish.side, price));
        let resting = Resting { wish, price, queue, joined: self.next_step, slice: wish.slice() };
        if wish.is_conditional() {
            self.market.conditionals.push(resting);
        } else {
            self.market.ours[index(wish.side)].insert(&self.market.depth, resting);
        }
        queue.front
    }
}
