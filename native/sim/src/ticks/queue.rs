//! Where an order stands in its queue, as far as a feed lets us know.

/// How a cut of a level is shared between those before and those behind us.
///
/// The chance that it happened behind is a function of the lots before (*f*) and behind (*b*); `docs/replay.md` has the formulas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tilt {
    /// bⁿ / (bⁿ + fⁿ).
    Power(f64),
    /// bⁿ / (b + f)ⁿ.
    PowerOfWhole(f64),
    /// 1 − (f / (f + b))ⁿ.
    PowerOfShare(f64),
    /// ln(1 + b) / (ln(1 + b) + ln(1 + f)).
    Log,
    /// ln(1 + b) / ln(1 + b + f).
    LogOfWhole,
}

/// A model of the queue at our price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum QueueModel {
    /// Only trades bring us forward; what is canceled stood behind us.
    Conservative,
    /// What is canceled stood behind us with a chance.
    Probability(Tilt),
    /// The feed names every order: nothing is guessed.
    Exact,
}

/// The place of one of our orders.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Place {
    /// Lots before us; negative by what the market traded beyond them.
    pub front: f64,
    /// Lots that traded since the level last changed: its next change repeats them.
    pub traded: f64,
}

impl Tilt {
    #[inline]
    fn behind(self, front: f64, back: f64) -> f64 {
        match self {
            Self::Power(n) => power(back, n) / (power(back, n) + power(front, n)),
            Self::PowerOfWhole(n) => power(back, n) / power(back + front, n),
            Self::PowerOfShare(n) => 1.0 - power(front / (front + back), n),
            Self::Log => (1.0 + back).ln() / ((1.0 + back).ln() + (1.0 + front).ln()),
            Self::LogOfWhole => (1.0 + back).ln() / (1.0 + back + front).ln(),
        }
    }
}

#[inline]
fn power(x: f64, n: f64) -> f64 {
    x.powf(n)
}

impl Place {
    /// Behind everything that is displayed at the price.
    pub fn behind(level: i64) -> Self {
        Self { front: level as f64, traded: 0.0 }
    }

    /// The market traded `qty` at our price.
    #[inline]
    pub fn trade(&mut self, qty: i64) {
        self.front -= qty as f64;
        self.traded += qty as f64;
    }

    /// The level changed.
    #[inline]
    pub fn level(&mut self, model: QueueModel, before: i64, now: i64) {
        match model {
            QueueModel::Conservative => {
                self.front = self.front.min(now as f64);
                self.traded = 0.0;
            }
            QueueModel::Exact => self.traded = 0.0,
            QueueModel::Probability(tilt) => {
                let cut = (before - now) as f64 - self.traded;
                self.traded = 0.0;
                // What traded may have left a part of a lot below zero: of that there is no power, and nobody stands there.
                let front = self.front.max(0.0);
                if cut <= 0.0 {
                    self.front = front.min(now as f64);
                    return;
                }
                let back = before as f64 - front;
                let chance = tilt.behind(front, back);
                let left = front - (1.0 - chance) * cut + (back - chance * cut).min(0.0);
                self.front = left.max(0.0).min(now as f64);
            }
        }
    }

    /// Behind all that the level shows, but for what traded there since.
    pub fn last(level: i64, traded: f64) -> Self {
        Self { front: (level as f64 - traded).max(0.0), traded }
    }

    /// Whole lots that traded beyond all that the level shows.
    pub fn beyond(&self, level: i64) -> i64 {
        (self.traded - level as f64).max(0.0).floor() as i64
    }

    /// Whole lots of what traded that were ours.
    #[inline]
    pub fn reached(&self) -> i64 {
        (-self.front).max(0.0).floor() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trades_and_a_smaller_level_bring_the_conservative_forward() {
        let mut place = Place::behind(100);
        place.trade(30);
        place.level(QueueModel::Conservative, 100, 90);
        assert_eq!(place.front, 70.0);
        place.level(QueueModel::Conservative, 90, 50);
        assert_eq!(place.front, 50.0);
        place.trade(53);
        assert_eq!(place.reached(), 3);
    }

    #[test]
    fn a_cut_is_shared_and_trades_do_not_count_twice() {
        let model = QueueModel::Probability(Tilt::Power(2.0));
        let mut place = Place::behind(60);
        // 40 behind us: a cut of 10 was behind with 40²/(40² + 60²) = 4/13.
        place.level(model, 60, 100);
        assert_eq!(place.front, 60.0);
        place.level(model, 100, 90);
        assert!((place.front - (60.0 - 9.0 / 13.0 * 10.0)).abs() < 1e-12);
        let front = place.front;
        place.trade(5);
        place.level(model, 90, 85);
        assert_eq!(place.front, front - 5.0);
    }

    #[test]
    fn a_part_of_a_lot_beyond_us_never_sends_us_back() {
        let mut place = Place { front: -0.6, traded: 0.0 };
        place.level(QueueModel::Probability(Tilt::Power(2.5)), 100, 90);
        assert_eq!(place.front, 0.0);
        // Half of a cut of 270 is more than the 20 that stand before us.
        let mut place = Place { front: 20.0, traded: 0.0 };
        place.level(QueueModel::Probability(Tilt::Log), 580, 310);
        assert_eq!(place.front, 0.0);
    }

    #[test]
    fn every_tilt_is_a_chance() {
        for tilt in [Tilt::Power(3.0), Tilt::PowerOfWhole(2.0), Tilt::PowerOfShare(2.0), Tilt::Log, Tilt::LogOfWhole] {
            for (front, back) in [(1.0, 9.0), (9.0, 1.0), (5.0, 5.0)] {
                let chance = tilt.behind(front, back);
                assert!((0.0..=1.0).contains(&chance), "{tilt:?}: {chance}");
            }
            assert!(tilt.behind(1.0, 9.0) > tilt.behind(9.0, 1.0));
        }
    }
}
