//! The native market maker of a replay, in a market that answers: the same rules and settings.

use omni_types::{AccountId, NewOrder, PostOnly, Qty, Side, Ticks, TimeInForce};

use super::market::AgentMarket;
use super::participant::INSTRUMENT;
use crate::ticks::{Quoter, QuoterConfig, Stopped};

impl Quoter {
    /// Look and act until a time; false once nothing will happen any more.
    pub fn run_in_market(&mut self, market: &mut AgentMarket, until: i64) -> bool {
        loop {
            let next = *self.next_look.get_or_insert(market.now().saturating_add(self.config.interval));
            if next > until {
                return market.advance(until, 0) != Stopped::End;
            }
            if market.advance(next, 0) == Stopped::End {
                return false;
            }
            self.next_look = None;
            self.look_in_market(market);
        }
    }

    fn look_in_market(&mut self, market: &mut AgentMarket) {
        self.n_looks += 1;
        let QuoterConfig { tick, qty, max_position, n_levels, level_step, .. } = self.config;
        let (Some(bid), Some(ask)) = (market.depth().best_bid(), market.depth().best_ask()) else { return };
        self.learn(bid + ask);
        let position = market.account().lots(0);
        let (half_spread, skew) = self.spread_and_skew();
        let reservation = (bid + ask) as f64 * 0.5 / tick as f64 - skew * position as f64;
        let first = [
            ((reservation - half_spread).floor() as i64 * tick).min(bid.div_euclid(tick) * tick),
            ((reservation + half_spread).ceil() as i64 * tick).max((ask + tick - 1).div_euclid(tick) * tick),
        ];
        for side in [Side::Buy, Side::Sell] {
            let n_wanted = if position * side.sign() < max_position { i64::from(n_levels) } else { 0 };
            let wanted = &mut self.wanted[side.index()];
            wanted.clear();
            wanted.extend((0..n_wanted).map(|level| first[side.index()] - side.sign() * level * level_step * tick));
        }
        for at in 0..market.working().len() {
            let number = market.working()[at];
            let order = market.orders()[number as usize];
            let wanted = &mut self.wanted[order.side.index()];
            if let Some(there) = wanted.iter().position(|&price| price == order.price) {
                wanted.swap_remove(there);
            } else if order.is_cancelable() {
                market.cancel(number);
            }
        }
        for side in [Side::Buy, Side::Sell] {
            let wanted = &mut self.wanted[side.index()];
            wanted.sort_unstable_by_key(|&price| -side.sign() * price);
            for &price in wanted.iter().filter(|&&price| price > 0) {
                let plain = NewOrder::limit(AccountId(0), INSTRUMENT, side, Qty(qty), Ticks(price));
                market.submit(&NewOrder { time_in_force: TimeInForce::Gtc, post_only: PostOnly::Reject, ..plain });
            }
        }
    }
}
