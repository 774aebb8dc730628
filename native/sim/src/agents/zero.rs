//! Zero intelligence: Poisson orders and cancels, whose rates depend on the distance from the best price of the other side.
//!
//! Cont, Stoikov and Talreja, "A stochastic model for order book dynamics", Operations Research 58 (2010), section 2.2.

use omni_oms::OmsEvent;
use omni_types::Side;

use super::draw::{Distances, Draws};
use super::participant::{Live, Participant, View, Wish};
use super::settings::{SettingError, demand_lots, demand_rate, demand_rates};

/// Rates are events a second.
#[derive(Clone, Debug, PartialEq)]
pub struct ZeroIntelligence {
    /// Limit orders of each side, by distance from 1 tick on.
    pub limit_rates: Vec<f64>,
    /// Market orders of each side.
    pub market_rate: f64,
    /// Cancels of each waiting order, by its distance now; the last counts for all beyond.
    pub cancel_rates: Vec<f64>,
    /// Lots of an order.
    pub qty: i64,
}

impl ZeroIntelligence {
    pub(crate) fn check(&self) -> Result<(), SettingError> {
        demand_rates("limit_rates", &self.limit_rates)?;
        demand_rate("market_rate", self.market_rate)?;
        demand_rates("cancel_rates", &self.cancel_rates)?;
        demand_lots("qty", self.qty)
    }
}

/// The population at work.
#[derive(Clone, Debug)]
pub(crate) struct ZeroIntelligenceFlow {
    settings: ZeroIntelligence,
    distances: Distances,
    /// The largest rate of a cancel: a smaller one is that with a chance.
    fastest_cancel: f64,
    draws: Draws,
    live: Live,
    next: i64,
    /// Since when the rates are what they are, if the waiting time was not drawn since: it has no memory, so it may be drawn anew.
    changed: Option<i64>,
    counts: [u64; 3],
}

impl ZeroIntelligenceFlow {
    pub fn new(settings: ZeroIntelligence, start: i64, seed: u64) -> Self {
        let distances = Distances::new(&settings.limit_rates);
        let fastest_cancel = settings.cancel_rates.iter().copied().fold(0.0, f64::max);
        Self {
            settings,
            distances,
            fastest_cancel,
            draws: Draws::new(seed),
            live: Live::default(),
            next: 0,
            changed: Some(start),
            counts: [0; 3],
        }
    }

    fn rate(&self) -> f64 {
        2.0 * (self.distances.total() + self.settings.market_rate) + self.fastest_cancel * self.live.len() as f64
    }

    fn cancel(&mut self, view: &View<'_>, wishes: &mut Vec<Wish>) {
        let Some(id) = self.live.pick(&mut self.draws) else { return };
        let Some((side, price, _)) = view.engine.peek(id) else { return };
        let rates = &self.settings.cancel_rates;
        let distance = (view.opposite(side) - price.0) * side.sign();
        let rate = rates[(distance - 1).clamp(0, rates.len() as i64 - 1) as usize];
        if rate >= self.fastest_cancel || self.draws.uniform() * self.fastest_cancel < rate {
            self.counts[2] += 1;
            wishes.push(Wish::Cancel(id));
        }
    }
}

impl Participant for ZeroIntelligenceFlow {
    fn next(&mut self) -> i64 {
        if let Some(now) = self.changed.take() {
            self.next = self.draws.after(now, self.rate());
        }
        self.next
    }

    fn act(&mut self, view: &View<'_>, wishes: &mut Vec<Wish>) {
        self.changed = Some(view.now);
        let ZeroIntelligence { market_rate, qty, .. } = self.settings;
        let mut x = self.draws.uniform() * self.rate();
        let side = |is_first: bool| if is_first { Side::Buy } else { Side::Sell };
        let limits = self.distances.total();
        if x < 2.0 * limits {
            let side = side(x < limits);
            let distance = self.distances.at(if x < limits { x } else { x - limits });
            self.counts[0] += 1;
            wishes.push(Wish::Limit { side, price: view.away(side, distance), qty, post_only: false });
        } else {
            x -= 2.0 * limits;
            if x < 2.0 * market_rate {
                self.counts[1] += 1;
                wishes.push(Wish::Market { side: side(x < market_rate), qty });
            } else {
                self.cancel(view, wishes);
            }
        }
    }

    fn hear(&mut self, event: &OmsEvent) {
        let before = self.live.len();
        self.live.hear(event);
        if self.live.len() != before {
            self.changed = Some(event.ts);
        }
    }

    /// Limit orders, market orders, cancels.
    fn counts(&self) -> Vec<u64> {
        self.counts.to_vec()
    }
}
