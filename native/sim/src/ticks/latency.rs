//! How long an order takes to the venue, and its answer back.

use std::sync::Arc;

use super::random::Random;

/// Requests whose journeys were measured: the way of ours is read off between the two nearest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasuredLatency {
    /// When the request was sent, nanoseconds, never falling.
    sent: Vec<i64>,
    /// When the venue had it; 0 or less where it never got there.
    arrived: Vec<i64>,
    /// When the answer was back.
    answered: Vec<i64>,
    /// Of those that arrived: when, and how long the answer took.
    ways_back: Vec<(i64, i64)>,
}

/// Why measured times cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatencyError {
    /// There are none, or the columns differ in length.
    Length,
    /// The times of a row run backward, or fall below those of the row before.
    Backward {
        /// Which row.
        row: usize,
    },
}

impl MeasuredLatency {
    /// Take measured times over.
    ///
    /// # Errors
    /// If there are none, the columns differ in length, or times run backward.
    pub fn new(sent: Vec<i64>, arrived: Vec<i64>, answered: Vec<i64>) -> Result<Self, LatencyError> {
        if sent.is_empty() || sent.len() != arrived.len() || sent.len() != answered.len() {
            return Err(LatencyError::Length);
        }
        let mut last = (i64::MIN, i64::MIN);
        for row in 0..sent.len() {
            let got_there = arrived[row] > 0;
            let forward =
                answered[row] >= sent[row] && (!got_there || (arrived[row] >= sent[row] && answered[row] >= arrived[row]));
            if !forward || sent[row] < last.0 || (got_there && arrived[row] < last.1) {
                return Err(LatencyError::Backward { row });
            }
            last = (sent[row], if got_there { arrived[row] } else { last.1 });
        }
        let back = |(&arrived, &answered): (&i64, &i64)| (arrived > 0).then(|| (arrived, answered - arrived));
        let ways_back = arrived.iter().zip(&answered).filter_map(back).collect();
        Ok(Self { sent, arrived, answered, ways_back })
    }
}

/// A model of latency. All times are nanoseconds.
#[derive(Clone, Debug)]
pub enum Latency {
    /// Always the same.
    Constant {
        /// To the venue.
        entry: i64,
        /// And back.
        response: i64,
    },
    /// As it was measured at the same time, straight lines between the measurements.
    Measured(Arc<MeasuredLatency>),
    /// A least time plus a log-normal one, drawn anew each way: `base + median·exp(sigma·Z)`.
    LogNormal {
        /// Least time each way.
        base: i64,
        /// Median of what comes on top.
        median: f64,
        /// Spread of its logarithm.
        sigma: f64,
    },
}

/// A model with what it remembers.
#[derive(Clone, Debug)]
pub(crate) struct Clockwork {
    model: Latency,
    random: Random,
    entry_row: usize,
    response_row: usize,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Journey {
    /// It arrives after so long.
    Arrives(i64),
    /// It is lost on the way, which we hear after so long.
    Lost(i64),
}

impl Clockwork {
    pub fn new(model: Latency, seed: u64) -> Self {
        Self { model, random: Random::new(seed), entry_row: 0, response_row: 0 }
    }

    /// The way of a request sent at `now`.
    #[inline]
    pub fn entry(&mut self, now: i64) -> Journey {
        match &self.model {
            Latency::Constant { entry, .. } => Journey::Arrives(*entry),
            Latency::Measured(measured) => entry_of(measured, &mut self.entry_row, now),
            &Latency::LogNormal { base, median, sigma } => Journey::Arrives(base.saturating_add(self.draw(median, sigma))),
        }
    }

    /// How long the answer given at `now` takes.
    #[inline]
    pub fn response(&mut self, now: i64) -> i64 {
        match &self.model {
            Latency::Constant { response, .. } => *response,
            Latency::Measured(measured) => response_of(measured, &mut self.response_row, now),
            &Latency::LogNormal { base, median, sigma } => base.saturating_add(self.draw(median, sigma)),
        }
    }

    fn draw(&mut self, median: f64, sigma: f64) -> i64 {
        // Box and Muller's transform.
        let (radius, angle) = ((-2.0 * self.random.uniform().ln()).sqrt(), std::f64::consts::TAU * self.random.uniform());
        (median * (sigma * radius * angle.cos()).exp()).round() as i64
    }
}

fn entry_of(measured: &MeasuredLatency, row: &mut usize, now: i64) -> Journey {
    let MeasuredLatency { sent, arrived, answered, .. } = measured;
    let last = sent.len() - 1;
    let lone = |at: usize| {
        if arrived[at] > 0 { Journey::Arrives(arrived[at] - sent[at]) } else { Journey::Lost(answered[at] - sent[at]) }
    };
    if now < sent[0] {
        return lone(0);
    }
    while *row < last && sent[*row + 1] <= now {
        *row += 1;
    }
    let (at, next) = (*row, *row + 1);
    if at == last {
        return lone(last);
    }
    if arrived[at] <= 0 || arrived[next] <= 0 {
        return Journey::Lost(between(now, (sent[at], answered[at] - sent[at]), (sent[next], answered[next] - sent[next])));
    }
    Journey::Arrives(between(now, (sent[at], arrived[at] - sent[at]), (sent[next], arrived[next] - sent[next])))
}

fn response_of(measured: &MeasuredLatency, row: &mut usize, now: i64) -> i64 {
    let ways = &measured.ways_back;
    while ways.get(*row + 1).is_some_and(|next| next.0 <= now) {
        *row += 1;
    }
    match (ways.get(*row), ways.get(*row + 1)) {
        (Some(&at), Some(&next)) if now >= at.0 => between(now, at, next),
        (Some(&(_, way)), _) => way,
        // Nothing ever arrived.
        (None, _) => 0,
    }
}

/// The straight line through two points, rounded toward the first.
fn between(x: i64, (x1, y1): (i64, i64), (x2, y2): (i64, i64)) -> i64 {
    if x2 == x1 {
        return y1;
    }
    ((y2 - y1) as f64 / (x2 - x1) as f64 * (x - x1) as f64) as i64 + y1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured() -> Clockwork {
        let measured = MeasuredLatency::new(vec![100, 200, 300], vec![110, 230, 0], vec![125, 250, 360]).unwrap();
        Clockwork::new(Latency::Measured(Arc::new(measured)), 1)
    }

    #[test]
    fn measured_ways_are_read_off_between_the_measurements() {
        let mut latency = measured();
        assert_eq!(latency.entry(50), Journey::Arrives(10));
        assert_eq!(latency.entry(150), Journey::Arrives(20));
        // The third request never arrived: what is sent after the second is lost, heard after 55 halfway.
        assert_eq!(latency.entry(250), Journey::Lost(55));
        assert_eq!(latency.entry(1_000), Journey::Lost(60));
    }

    #[test]
    fn answers_are_read_off_by_the_time_at_the_venue() {
        let mut latency = measured();
        assert_eq!((latency.response(0), latency.response(110), latency.response(170)), (15, 15, 17));
        // The last request never arrived: the way back stays that of the one before.
        assert_eq!((latency.response(230), latency.response(5_000)), (20, 20));
    }

    #[test]
    fn a_lost_request_does_not_bend_the_way_back() {
        let measured = MeasuredLatency::new(vec![100, 200, 300], vec![110, 0, 310], vec![120, 250, 350]).unwrap();
        let mut latency = Clockwork::new(Latency::Measured(Arc::new(measured)), 1);
        assert_eq!((latency.response(110), latency.response(210), latency.response(310)), (10, 25, 40));
    }

    #[test]
    fn times_that_run_backward_are_refused() {
        assert_eq!(MeasuredLatency::new(vec![], vec![], vec![]), Err(LatencyError::Length));
        assert_eq!(MeasuredLatency::new(vec![5], vec![4], vec![9]), Err(LatencyError::Backward { row: 0 }));
        assert_eq!(MeasuredLatency::new(vec![5, 4], vec![6, 7], vec![9, 9]), Err(LatencyError::Backward { row: 1 }));
    }

    #[test]
    fn drawn_ways_have_the_median_asked_for_and_repeat_with_the_seed() {
        let model = Latency::LogNormal { base: 1_000, median: 500.0, sigma: 0.4 };
        let draw = |seed| {
            let mut latency = Clockwork::new(model.clone(), seed);
            (0..4_001).map(|_| latency.response(0)).collect::<Vec<_>>()
        };
        let mut ways = draw(3);
        assert_eq!(ways, draw(3));
        assert_ne!(ways, draw(4));
        ways.sort_unstable();
        assert!((ways[2_000] - 1_500).abs() < 25 && ways[0] > 1_000);
    }
}
