//! A market maker who leans against its inventory and learns from what others do.
//!
//! The lean is that of Avellaneda and Stoikov, "High-frequency trading in a limit order book", Quantitative Finance 8 (2008), equation
//! (29), with its factor as a setting; the learning is Kyle's λ for every lot.

use omni_oms::{EventKind, OmsEvent};
use omni_types::{OrderId, Side};

use super::draw::Draws;
use super::participant::{Participant, View, Wish, is_done, side_of};
use super::settings::{SettingError, demand, demand_amount, demand_lots};

/// Prices are ticks, positions lots.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MarketMaker {
    /// Nanoseconds between two looks.
    pub interval: i64,
    /// Half of the spread.
    pub half_spread: f64,
    /// How far the quotes move against a lot held.
    pub skew: f64,
    /// Lots of an order.
    pub qty: i64,
    /// Orders a side.
    pub n_levels: u32,
    /// Ticks between them.
    pub level_step: i64,
    /// Lots beyond which it does not add to a position.
    pub max_position: i64,
    /// How far a lot that somebody buys at market moves what it thinks fair.
    pub impact: f64,
    /// Part of the way to the mid that its fair price goes at every look.
    pub follow: f64,
}

impl MarketMaker {
    pub(crate) fn check(&self) -> Result<(), SettingError> {
        demand(self.interval > 0, "interval", self.interval, "1 or more nanoseconds")?;
        demand_amount("half_spread", self.half_spread)?;
        demand_amount("skew", self.skew)?;
        demand_lots("qty", self.qty)?;
        demand((1..=1_000).contains(&self.n_levels), "n_levels", self.n_levels, "1 to 1,000")?;
        demand((1..=1 << 30).contains(&self.level_step), "level_step", self.level_step, "1 to 2^30 ticks")?;
        demand_lots("max_position", self.max_position)?;
        demand_amount("impact", self.impact)?;
        demand((0.0..=1.0).contains(&self.follow), "follow", self.follow, "a part of 0 to 1")
    }
}

/// A quote that waits.
#[derive(Clone, Copy, Debug)]
struct Quote {
    id: u64,
    side: Side,
    price: i64,
}

/// The market maker at work.
#[derive(Clone, Debug)]
pub(crate) struct Maker {
    settings: MarketMaker,
    next: i64,
    fair: Option<f64>,
    position: i64,
    quotes: Vec<Quote>,
    wanted: Vec<(Side, i64)>,
    n_looks: u64,
}

impl Maker {
    pub fn new(settings: MarketMaker, start: i64, seed: u64) -> Self {
        // Several of them do not look all at once.
        let next = start + (Draws::new(seed).uniform() * settings.interval as f64) as i64;
        Self { settings, next, fair: None, position: 0, quotes: Vec::new(), wanted: Vec::new(), n_looks: 0 }
    }

    /// Fills `wanted`, the best prices first.
    fn want(&mut self, fair: f64) {
        let MarketMaker { half_spread, skew, n_levels, level_step, max_position, .. } = self.settings;
        let middle = fair - skew * self.position as f64;
        let best = [(middle - half_spread).floor() as i64, (middle + half_spread).ceil() as i64];
        self.wanted.clear();
        for (side, price) in [Side::Buy, Side::Sell].into_iter().zip(best) {
            if self.position * side.sign() < max_position {
                let at = |level: u32| (side, price - side.sign() * level_step * i64::from(level));
                self.wanted.extend((0..n_levels).map(at));
            }
        }
    }
}

impl Participant for Maker {
    fn next(&mut self) -> i64 {
        self.next
    }

    fn act(&mut self, view: &View<'_>, wishes: &mut Vec<Wish>) {
        self.n_looks += 1;
        self.next = view.now.saturating_add(self.settings.interval);
        let before = *self.fair.get_or_insert(view.mid());
        let fair = before + self.settings.follow * (view.mid() - before);
        self.fair = Some(fair);
        self.want(fair);
        for quote in &self.quotes {
            if let Some(at) = self.wanted.iter().position(|&(side, price)| (side, price) == (quote.side, quote.price)) {
                self.wanted.remove(at);
            } else {
                wishes.push(Wish::Cancel(OrderId(quote.id)));
            }
        }
        let qty = self.settings.qty;
        wishes.extend(self.wanted.iter().map(|&(side, price)| Wish::Limit { side, price, qty, post_only: true }));
    }

    fn hear(&mut self, event: &OmsEvent) {
        if event.kind == EventKind::Accepted.code() {
            self.quotes.push(Quote { id: event.order_id, side: side_of(event), price: event.price });
        } else if event.kind == EventKind::Filled.code() {
            self.position += side_of(event).sign() * event.qty;
        }
        if is_done(event) {
            self.quotes.retain(|quote| quote.id != event.order_id);
        }
    }

    fn printed(&mut self, signed_lots: i64) {
        if let Some(fair) = &mut self.fair {
            *fair += self.settings.impact * signed_lots as f64;
        }
    }

    /// Looks.
    fn counts(&self) -> Vec<u64> {
        vec![self.n_looks]
    }
}
