//! Traders who buy what rises: the chartists of Chiarella and Iori, "A simulation analysis of the microstructure of double auction markets",
//! Quantitative Finance 2 (2002), with two moving averages.

use omni_oms::{EventKind, OmsEvent};
use omni_types::Side;

use super::draw::Draws;
use super::participant::{Participant, View, Wish, side_of};
use super::settings::{SettingError, demand, demand_amount, demand_lots, demand_rate};

/// A trend follower.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrendFollower {
    /// Looks a second.
    pub rate: f64,
    /// Looks of the fast average.
    pub fast: f64,
    /// Looks of the slow one.
    pub slow: f64,
    /// Ticks between them from which it trades.
    pub threshold: f64,
    /// Lots of an order.
    pub qty: i64,
    /// Lots it holds at most.
    pub max_position: i64,
}

impl TrendFollower {
    pub(crate) fn check(&self) -> Result<(), SettingError> {
        demand_rate("rate", self.rate)?;
        demand(self.fast >= 1.0, "fast", self.fast, "1 look or more")?;
        demand(self.slow > self.fast && self.slow <= 1e12, "slow", self.slow, "more looks than the fast average")?;
        demand_amount("threshold", self.threshold)?;
        demand_lots("qty", self.qty)?;
        demand_lots("max_position", self.max_position)
    }
}

/// The trend follower at work.
#[derive(Clone, Debug)]
pub(crate) struct Chartist {
    settings: TrendFollower,
    draws: Draws,
    next: i64,
    averages: Option<(f64, f64)>,
    position: i64,
    counts: [u64; 2],
}

impl Chartist {
    pub fn new(settings: TrendFollower, start: i64, seed: u64) -> Self {
        let mut draws = Draws::new(seed);
        let next = draws.after(start, settings.rate);
        Self { settings, draws, next, averages: None, position: 0, counts: [0; 2] }
    }
}

impl Participant for Chartist {
    fn next(&mut self) -> i64 {
        self.next
    }

    fn act(&mut self, view: &View<'_>, wishes: &mut Vec<Wish>) {
        let TrendFollower { rate, fast, slow, threshold, qty, max_position } = self.settings;
        self.next = self.draws.after(view.now, rate);
        let mid = view.mid();
        let (quick, lazy) = self.averages.unwrap_or((mid, mid));
        let (quick, lazy) = (quick + (mid - quick) / fast, lazy + (mid - lazy) / slow);
        self.averages = Some((quick, lazy));
        let trend = quick - lazy;
        if trend.abs() > threshold {
            let side = if trend > 0.0 { Side::Buy } else { Side::Sell };
            let qty = qty.min(max_position - side.sign() * self.position);
            if qty > 0 {
                self.counts[side.index()] += 1;
                wishes.push(Wish::Market { side, qty });
            }
        }
    }

    fn hear(&mut self, event: &OmsEvent) {
        if event.kind == EventKind::Filled.code() {
            self.position += side_of(event).sign() * event.qty;
        }
    }

    /// Purchases and sales.
    fn counts(&self) -> Vec<u64> {
        self.counts.to_vec()
    }
}
