//! Traders who know the value among others who do not: Glosten and Milgrom, "Bid, ask and transaction prices in a specialist market with
//! heterogeneously informed traders", Journal of Financial Economics 14 (1985). Sizes after Kyle, "Continuous auctions and insider
//! trading", Econometrica 53 (1985).

use omni_types::Side;

use super::draw::Draws;
use super::participant::{Participant, View, Wish};
use super::settings::{SettingError, demand, demand_amount, demand_lots, demand_rate};

/// A flow of market orders.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InformedFlow {
    /// Traders a second.
    pub rate: f64,
    /// Share of them who know the value.
    pub informed: f64,
    /// Lots of an order.
    pub qty: i64,
    /// Lots that the informed trade for each tick between value and mid; 0 for `qty`.
    pub aggression: f64,
    /// Most lots of an informed order.
    pub max_qty: i64,
    /// Ticks that must be gained.
    pub threshold: f64,
}

impl InformedFlow {
    pub(crate) fn check(&self) -> Result<(), SettingError> {
        demand_rate("rate", self.rate)?;
        demand((0.0..=1.0).contains(&self.informed), "informed", self.informed, "a share of 0 to 1")?;
        demand_lots("qty", self.qty)?;
        demand_lots("max_qty", self.max_qty)?;
        demand_amount("aggression", self.aggression)?;
        demand_amount("threshold", self.threshold)
    }
}

/// The traders at work.
#[derive(Clone, Debug)]
pub(crate) struct InformedTraders {
    settings: InformedFlow,
    draws: Draws,
    next: i64,
    counts: [u64; 2],
}

impl InformedTraders {
    pub fn new(settings: InformedFlow, start: i64, seed: u64) -> Self {
        let mut draws = Draws::new(seed);
        let next = draws.after(start, settings.rate);
        Self { settings, draws, next, counts: [0; 2] }
    }

    /// Which side gains what is asked for, if one does.
    fn gain(&self, view: &View<'_>) -> Option<Side> {
        let [bid, ask] = view.best;
        if ask > 0 && view.value > ask as f64 + self.settings.threshold {
            Some(Side::Buy)
        } else if bid > 0 && view.value < bid as f64 - self.settings.threshold {
            Some(Side::Sell)
        } else {
            None
        }
    }

    fn size(&self, view: &View<'_>) -> i64 {
        let InformedFlow { aggression, qty, max_qty, .. } = self.settings;
        if aggression == 0.0 {
            return qty;
        }
        let lots = (aggression * (view.value - view.mid()).abs()).round();
        (lots.min(max_qty as f64) as i64).max(1)
    }
}

impl Participant for InformedTraders {
    fn next(&mut self) -> i64 {
        self.next
    }

    fn act(&mut self, view: &View<'_>, wishes: &mut Vec<Wish>) {
        if self.draws.uniform() < self.settings.informed {
            if let Some(side) = self.gain(view) {
                self.counts[0] += 1;
                wishes.push(Wish::Market { side, qty: self.size(view) });
            }
        } else {
            let side = if self.draws.place(2) == 0 { Side::Buy } else { Side::Sell };
            self.counts[1] += 1;
            wishes.push(Wish::Market { side, qty: self.settings.qty });
        }
        self.next = self.draws.after(view.now, self.settings.rate);
    }

    /// Orders of the informed, and of the others.
    fn counts(&self) -> Vec<u64> {
        self.counts.to_vec()
    }
}
