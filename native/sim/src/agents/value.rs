//! What the instrument is worth, and when that changes.

use super::draw::Draws;
use super::settings::{SettingError, demand, demand_amount, demand_rate};

/// How the value moves, ticks.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// By normal amounts at the times of a Poisson process, from the middle of the market's first prices on.
    Jumps {
        /// Jumps a second.
        rate: f64,
        /// Standard deviation of a jump, ticks.
        ticks: f64,
    },
    /// As one says.
    Schedule {
        /// Nanoseconds, never falling.
        times: Vec<i64>,
        /// Ticks from then on.
        values: Vec<f64>,
    },
}

impl Value {
    pub(crate) fn check(&self) -> Result<(), SettingError> {
        match self {
            &Self::Jumps { rate, ticks } => {
                demand_rate("jump_rate", rate)?;
                demand_amount("jump_ticks", ticks)
            }
            Self::Schedule { times, values } => {
                demand(times.len() == values.len(), "schedule", times.len(), "as many times as values")?;
                demand(times.is_sorted(), "schedule", "times that fall", "times that never fall")?;
                let odd = values.iter().find(|value| value.is_nan() || value.abs() > 1e15).copied();
                demand(odd.is_none(), "schedule", odd.unwrap_or(0.0), "values in ticks")
            }
        }
    }
}

/// The value on its way.
#[derive(Clone, Debug)]
pub(crate) struct Worth {
    pub now: f64,
    pub next: i64,
    /// Times and values so far.
    pub history: Vec<(i64, f64)>,
    rule: Value,
    draws: Draws,
    n_moves: usize,
}

impl Worth {
    pub fn new(rule: Value, start: i64, first: f64, seed: u64) -> Self {
        let mut worth = Self { now: first, next: 0, history: vec![(start, first)], rule, draws: Draws::new(seed), n_moves: 0 };
        worth.wait(start);
        worth
    }

    pub fn step(&mut self, now: i64) {
        self.now = match &self.rule {
            Value::Jumps { ticks, .. } => self.now + ticks * self.draws.normal(),
            Value::Schedule { values, .. } => values[self.n_moves],
        };
        self.n_moves += 1;
        self.history.push((now, self.now));
        self.wait(now);
    }

    fn wait(&mut self, now: i64) {
        self.next = match &self.rule {
            Value::Jumps { rate, .. } => self.draws.after(now, *rate),
            Value::Schedule { times, .. } => times.get(self.n_moves).map_or(i64::MAX, |&time| time.max(now)),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_followed() {
        let rule = Value::Schedule { times: vec![5, 9], values: vec![101.5, 99.0] };
        let mut worth = Worth::new(rule, 0, 100.5, 1);
        let mut seen = Vec::new();
        while worth.next < i64::MAX {
            let now = worth.next;
            worth.step(now);
            seen.push((now, worth.now));
        }
        assert_eq!(seen, [(5, 101.5), (9, 99.0)]);
        assert!(Value::Schedule { times: vec![9, 5], values: vec![1.0, 1.0] }.check().is_err());
    }

    #[test]
    fn jumps_add_up_to_the_variance_asked_for() {
        let squares = (0..400).map(|seed| {
            let mut worth = Worth::new(Value::Jumps { rate: 4.0, ticks: 3.0 }, 0, 0.0, seed);
            while worth.next <= 10_000_000_000 {
                worth.step(worth.next);
            }
            worth.now * worth.now
        });
        // 4 jumps a second of variance 9 for 10 seconds; the mean of 400 squares has a standard error of 7 %.
        assert!((squares.sum::<f64>() / 400.0 / 360.0 - 1.0).abs() < 0.25);
    }
}
