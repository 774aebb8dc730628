//! A market maker that runs without Python: where it quotes, and what it does about the orders it has.

use omni_types::Side;

use super::book::Depth;
use super::engine::{NewTickOrder, Stopped, TickEngine};
use super::orders::{Instructions, Order, OrderType, TimeInForce};

/// Where the quotes are. Prices are ticks, positions lots, times seconds, volatility ticks per square root of a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum QuotingRule {
    /// So far from the mid, moved against the position.
    Fixed {
        /// Half of the spread, ticks.
        half_spread: f64,
        /// Ticks a lot held.
        skew: f64,
    },
    /// Avellaneda and Stoikov (2008), section 3.2, with a horizon that never comes nearer.
    AvellanedaStoikov {
        /// Risk aversion γ, 1 / (tick · lot).
        gamma: f64,
        /// Decay κ of the chance to be hit, 1 / tick.
        kappa: f64,
        /// T − t, seconds.
        horizon: f64,
    },
    /// Guéant, Lehalle and Fernandez-Tapia (2013), asymptotic quotes.
    Glft {
        /// Risk aversion γ.
        gamma: f64,
        /// Decay κ of the chance to be hit, 1 / tick.
        kappa: f64,
        /// Hits a second at the mid, A.
        intensity: f64,
    },
}

/// Settings of the market maker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuoterConfig {
    /// Place of the instrument.
    pub instrument: u16,
    /// Units of the feed's prices in a tick: every quote is a multiple of it.
    pub tick: i64,
    /// Nanoseconds between two looks.
    pub interval: i64,
    /// Where it quotes.
    pub rule: QuotingRule,
    /// Lots of an order.
    pub qty: i64,
    /// Lots beyond which it does not add to a position.
    pub max_position: i64,
    /// Orders a side, one step apart.
    pub n_levels: u32,
    /// Ticks between them.
    pub level_step: i64,
    /// Seconds after which half of the volatility is new.
    pub half_life: f64,
}

/// Where a market maker can be at work.
pub trait Quotable {
    /// Our clock.
    fn now(&self) -> i64;
    /// Go on until a time.
    fn advance(&mut self, until: i64) -> Stopped;
    /// The book of an instrument, as far as we have heard.
    fn depth(&self, instrument: u16) -> &Depth;
    /// Signed lots held.
    fn lots(&self, instrument: u16) -> i64;
    /// Numbers of the orders that have not ended, in the order they were sent.
    fn working(&self) -> &[u32];
    /// An order by its number.
    fn order(&self, number: u32) -> &Order;
    /// Ask for a cancel.
    fn cancel(&mut self, number: u32);
    /// Send a limit order that must not take.
    fn quote(&mut self, instrument: u16, side: Side, price: i64, qty: i64);
}

impl Quotable for TickEngine {
    fn now(&self) -> i64 {
        self.now()
    }

    fn advance(&mut self, until: i64) -> Stopped {
        self.advance(until, 0)
    }

    fn depth(&self, instrument: u16) -> &Depth {
        self.depth(instrument)
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

    fn quote(&mut self, instrument: u16, side: Side, price: i64, qty: i64) {
        let (kind, time_in_force) = (OrderType::Limit, TimeInForce::PostOnly);
        let instructions = Instructions::NONE;
        self.submit(&NewTickOrder { instrument, side, kind, time_in_force, price, qty, instructions });
    }
}

/// A market maker at work.
#[derive(Clone, Debug)]
pub struct Quoter {
    config: QuoterConfig,
    /// Squared mid changes a second, ticks².
    variance: f64,
    twice_mid: i64,
    weight: f64,
    n_looks: u64,
    next_look: Option<i64>,
    wanted: [Vec<i64>; 2],
}

impl Quoter {
    /// A market maker that has seen nothing.
    pub fn new(config: QuoterConfig) -> Self {
        let seconds = config.interval as f64 * 1e-9;
        let weight = 1.0 - (-std::f64::consts::LN_2 * seconds / config.half_life).exp();
        Self { config, variance: 0.0, twice_mid: 0, weight, n_looks: 0, next_look: None, wanted: [Vec::new(), Vec::new()] }
    }

    /// Looks taken so far.
    pub fn n_looks(&self) -> u64 {
        self.n_looks
    }

    /// Look and act until a time; false once nothing will happen any more.
    pub fn run<V: Quotable>(&mut self, venue: &mut V, until: i64) -> bool {
        loop {
            let next = *self.next_look.get_or_insert(venue.now().saturating_add(self.config.interval));
            if next > until {
                return venue.advance(until) != Stopped::End;
            }
            if venue.advance(next) == Stopped::End {
                return false;
            }
            self.next_look = None;
            self.look(venue);
        }
    }

    /// Half of the spread and how far the middle of the quotes moves a lot held, ticks.
    pub fn spread_and_skew(&self) -> (f64, f64) {
        match self.config.rule {
            QuotingRule::Fixed { half_spread, skew } => (half_spread, skew),
            QuotingRule::AvellanedaStoikov { gamma, kappa, horizon } => {
                let risk = gamma * self.variance * horizon;
                (risk / 2.0 + (gamma / kappa).ln_1p() / gamma, risk)
            }
            QuotingRule::Glft { gamma, kappa, intensity } => {
                let c1 = (gamma / kappa).ln_1p() / gamma;
                let c2 = (gamma / (2.0 * intensity * kappa) * (1.0 + gamma / kappa).powf(kappa / gamma + 1.0)).sqrt();
                let sigma = self.variance.sqrt();
                (c1 + sigma * c2 / 2.0, sigma * c2)
            }
        }
    }

    fn look<V: Quotable>(&mut self, venue: &mut V) {
        self.n_looks += 1;
        let QuoterConfig { instrument, tick, qty, max_position, n_levels, level_step, .. } = self.config;
        let depth = venue.depth(instrument);
        let (Some(bid), Some(ask)) = (depth.best_bid(), depth.best_ask()) else { return };
        self.learn(bid + ask);
        let position = venue.lots(instrument);
        let (half_spread, skew) = self.spread_and_skew();
        let reservation = (bid + ask) as f64 * 0.5 / tick as f64 - skew * position as f64;
        // Never beyond the other side, whatever the rule says; a best price off the grid is left to others.
        let bid_at = ((reservation - half_spread).floor() as i64 * tick).min(bid.div_euclid(tick) * tick);
        let offer_at = ((reservation + half_spread).ceil() as i64 * tick).max((ask + tick - 1).div_euclid(tick) * tick);
        let levels = |first: i64, step: i64, is_open: bool| {
            (0..if is_open { i64::from(n_levels) } else { 0 }).map(move |n| first + n * step)
        };
        self.wanted[0].clear();
        self.wanted[0].extend(levels(bid_at, -level_step * tick, position < max_position));
        self.wanted[1].clear();
        self.wanted[1].extend(levels(offer_at, level_step * tick, position > -max_position));
        let mut at = 0;
        while let Some(&number) = venue.working().get(at) {
            let order = venue.order(number);
            let wanted = &mut self.wanted[usize::from(order.side == Side::Sell)];
            if let Some(there) = wanted.iter().position(|&price| price == order.price) {
                wanted.swap_remove(there);
            } else if order.is_cancelable() {
                venue.cancel(number);
            }
            at += 1;
        }
        for (side, prices) in [Side::Buy, Side::Sell].into_iter().zip(&mut self.wanted) {
            // The best prices first, whatever was taken out between them.
            prices.sort_unstable_by_key(|&price| -side.sign() * price);
            for &price in prices.iter().filter(|&&price| price > 0) {
                venue.quote(instrument, side, price, qty);
            }
        }
    }

    fn learn(&mut self, twice_mid: i64) {
        if self.twice_mid != 0 {
            let change = (twice_mid - self.twice_mid) as f64 * 0.5 / self.config.tick as f64;
            let rate = change * change / (self.config.interval as f64 * 1e-9);
            self.variance += self.weight * (rate - self.variance);
        }
        self.twice_mid = twice_mid;
    }
}
