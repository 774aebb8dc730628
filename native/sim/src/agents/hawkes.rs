//! Orders that excite each other: a Hawkes process with exponential kernels, drawn by Ogata's thinning.
//!
//! Hawkes, "Spectra of some self-exciting and mutually exciting point processes", Biometrika 58 (1971); Ogata, "On Lewis' simulation method
//! for point processes", IEEE Transactions on Information Theory 27 (1981), algorithm 2.

use omni_oms::OmsEvent;
use omni_types::Side;

use super::draw::{Distances, Draws, exp_of_negative, ln};
use super::participant::{Live, Participant, View, Wish, side_of};
use super::settings::{SettingError, demand, demand_amount, demand_lots, demand_rate, demand_rates};

/// Kinds of events: market buys and sells, limit buys and sells, cancels of buys and of sells.
pub const N_KINDS: usize = 6;

/// Rates are events a second.
#[derive(Clone, Debug, PartialEq)]
pub struct HawkesFlow {
    /// Intensities μ without a past.
    pub base: [f64; N_KINDS],
    /// Events of a kind (row) that an event of a kind (column) causes itself, on average.
    pub branching: [[f64; N_KINDS]; N_KINDS],
    /// Decay β of what is excited, 1 / second.
    pub decay: f64,
    /// Weights of the distances of limit orders, from 1 tick on.
    pub distances: Vec<f64>,
    /// Lots of an order.
    pub qty: i64,
}

impl HawkesFlow {
    pub(crate) fn check(&self) -> Result<(), SettingError> {
        self.base.iter().try_for_each(|&rate| demand_rate("base", rate))?;
        self.branching.iter().flatten().try_for_each(|&n| demand_amount("branching", n))?;
        demand(self.decay > 0.0 && self.decay <= 1e9, "decay", self.decay, "more than 0, to 1e9 a second")?;
        demand_rates("distances", &self.distances)?;
        demand(self.distances.iter().any(|&weight| weight > 0.0), "distances", 0, "a weight above 0")?;
        demand_lots("qty", self.qty)?;
        let radius = spectral_radius(&self.branching);
        demand(radius < 1.0, "branching", format!("{radius:.6}"), "a spectral radius below 1: the flow would explode")
    }
}

/// The largest eigenvalue of a matrix without negative numbers: the limit of ‖Mᵏ‖^(1/k), k a power of two.
pub(crate) fn spectral_radius<const N: usize>(matrix: &[[f64; N]; N]) -> f64 {
    const SQUARINGS: i32 = 40;
    let (mut power, mut scale, mut share) = (*matrix, 0.0, 1.0);
    for _ in 0..SQUARINGS {
        let largest = power.iter().flatten().copied().fold(0.0, f64::max);
        if largest < f64::MIN_POSITIVE {
            return 0.0;
        }
        scale += share * ln(largest);
        share *= 0.5;
        power.iter_mut().flatten().for_each(|x| *x /= largest);
        let square = |row: usize, column: usize| (0..N).map(|k| power[row][k] * power[k][column]).sum();
        power = std::array::from_fn(|row| std::array::from_fn(|column| square(row, column)));
    }
    if scale <= 0.0 { exp_of_negative(scale) } else { 1.0 / exp_of_negative(-scale) }
}

/// The flow at work.
#[derive(Clone, Debug)]
pub(crate) struct HawkesOrders {
    settings: HawkesFlow,
    distances: Distances,
    draws: Draws,
    /// What the past adds to each intensity, at `at`.
    excited: [f64; N_KINDS],
    at: i64,
    /// The next candidate, drawn with this bound.
    next: i64,
    bound: f64,
    live: [Live; 2],
    counts: [u64; N_KINDS],
}

impl HawkesOrders {
    pub fn new(settings: HawkesFlow, start: i64, seed: u64) -> Self {
        let distances = Distances::new(&settings.distances);
        let mut flow = Self {
            settings,
            distances,
            draws: Draws::new(seed),
            excited: [0.0; N_KINDS],
            at: start,
            next: 0,
            bound: 0.0,
            live: [Live::default(), Live::default()],
            counts: [0; N_KINDS],
        };
        flow.wait();
        flow
    }

    /// Intensities only fall until the next event, so those of now bound them.
    fn wait(&mut self) {
        self.bound = self.settings.base.iter().zip(&self.excited).map(|(base, excited)| base + excited).sum();
        self.next = self.draws.after(self.at, self.bound);
    }

    /// The kind of the event at the candidate's time; `None` where it is thinned out.
    fn draw_kind(&mut self, now: i64) -> Option<usize> {
        let faded = exp_of_negative(-self.settings.decay * (now - self.at) as f64 * 1e-9);
        self.excited.iter_mut().for_each(|excited| *excited *= faded);
        self.at = now;
        let mut x = self.draws.uniform() * self.bound;
        (0..N_KINDS).find(|&kind| {
            x -= self.settings.base[kind] + self.excited[kind];
            x < 0.0
        })
    }

    fn excite(&mut self, by: usize) {
        for (excited, row) in self.excited.iter_mut().zip(&self.settings.branching) {
            *excited += row[by] * self.settings.decay;
        }
    }

    fn wish(&mut self, kind: usize, view: &View<'_>) -> Option<Wish> {
        let (side, qty) = (if kind.is_multiple_of(2) { Side::Buy } else { Side::Sell }, self.settings.qty);
        match kind / 2 {
            0 => Some(Wish::Market { side, qty }),
            1 => {
                let x = self.draws.uniform() * self.distances.total();
                let price = view.away(side, self.distances.at(x));
                Some(Wish::Limit { side, price, qty, post_only: false })
            }
            _ => self.live[side.index()].pick(&mut self.draws).map(Wish::Cancel),
        }
    }
}

impl Participant for HawkesOrders {
    fn next(&mut self) -> i64 {
        self.next
    }

    fn act(&mut self, view: &View<'_>, wishes: &mut Vec<Wish>) {
        if let Some(kind) = self.draw_kind(view.now) {
            self.counts[kind] += 1;
            self.excite(kind);
            wishes.extend(self.wish(kind, view));
        }
        self.wait();
    }

    fn hear(&mut self, event: &OmsEvent) {
        self.live[side_of(event).index()].hear(event);
    }

    /// Events by kind.
    fn counts(&self) -> Vec<u64> {
        self.counts.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spectral_radius_is_the_largest_eigenvalue() {
        // (5 + √33) / 2 of [[1, 2], [3, 4]]; a Jordan block; a rotation of period two; nothing.
        assert!((spectral_radius(&[[1.0, 2.0], [3.0, 4.0]]) - f64::midpoint(5.0, 33.0_f64.sqrt())).abs() < 1e-9);
        assert!((spectral_radius(&[[0.5, 1.0], [0.0, 0.5]]) - 0.5).abs() < 1e-9);
        assert!((spectral_radius(&[[0.0, 0.9], [0.4, 0.0]]) - 0.6).abs() < 1e-9);
        assert_eq!(spectral_radius(&[[0.0, 7.0], [0.0, 0.0]]), 0.0);
    }
}
