//! Orders whose time is over.

use omni_types::Side;

use super::Venue;
use crate::ticks::feed::TickFeed;
use crate::ticks::orders::{Instructions, Order, Status, TimeInForce, reason};

/// When an order expires, if it is still there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expiry {
    at: i64,
    order: u32,
    instrument: u16,
    side: Side,
    reason: u16,
}

impl Venue {
    /// When the next order may expire.
    #[inline]
    pub fn next_expiry(&self) -> i64 {
        self.expiries.last().map_or(i64::MAX, |expiry| expiry.at)
    }

    /// Note when an order that arrives now is over. What ends after the feed ends with it.
    pub fn expect(&mut self, number: u32, order: &Order, said: &Instructions, feed: &TickFeed, now: i64) {
        let (at, reason) = match order.time_in_force {
            TimeInForce::Gtc | TimeInForce::Ioc | TimeInForce::Fok | TimeInForce::PostOnly => return,
            TimeInForce::Gtd => (feed.sessions.within(said.terms.expire_at.0), reason::TIME_OVER),
            TimeInForce::Day => (feed.sessions.day_end(now), reason::DAY_OVER),
            TimeInForce::AtOpen | TimeInForce::AtClose => (feed.sessions.day_end(now), reason::NO_AUCTION),
        };
        let Some(at) = at else { return };
        let place = self.expiries.partition_point(|other| (other.at, other.order) > (at, number));
        self.expiries.insert(place, Expiry { at, order: number, instrument: order.instrument, side: order.side, reason });
    }

    /// Orders whose time is over by now expire.
    pub fn expire(&mut self, now: i64) {
        while self.next_expiry() <= now {
            let Some(Expiry { order, instrument, side, reason, .. }) = self.expiries.pop() else { return };
            let market = &mut self.markets[usize::from(instrument)];
            if market.take_out(side, order).is_some() {
                market.days.retain(|&(_, number)| number != order);
                market.look();
                self.end(order, Status::Expired, reason);
            }
        }
    }
}
