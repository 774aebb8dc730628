//! The native market maker of a replay, in a market that answers.

use omni_types::{AccountId, NewOrder, PostOnly, Qty, Side, Ticks, TimeInForce};

use super::market::AgentMarket;
use super::participant::INSTRUMENT;
use crate::ticks::{Depth, Order, Quotable, Stopped};

impl Quotable for AgentMarket {
    fn now(&self) -> i64 {
        self.now()
    }

    fn advance(&mut self, until: i64) -> Stopped {
        self.advance(until, 0)
    }

    fn depth(&self, _instrument: u16) -> &Depth {
        self.depth()
    }

    fn lots(&self, instrument: u16) -> i64 {
        self.account().lots(instrument)
    }

    fn working(&self) -> &[u32] {
        self.working()
    }

    fn order(&self, number: u32) -> &Order {
        &self.orders()[number as usize]
    }

    fn cancel(&mut self, number: u32) {
        self.cancel(number);
    }

    fn quote(&mut self, _instrument: u16, side: Side, price: i64, qty: i64) {
        let plain = NewOrder::limit(AccountId(0), INSTRUMENT, side, Qty(qty), Ticks(price));
        self.submit(&NewOrder { time_in_force: TimeInForce::Gtc, post_only: PostOnly::Reject, ..plain });
    }
}
