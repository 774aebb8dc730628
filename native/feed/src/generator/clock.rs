//! When messages come: in bursts, and not as many at every hour.

use super::dice::Dice;

pub(super) const SECOND: u64 = 1_000_000_000;
pub(super) const HOUR: u64 = 3_600 * SECOND;

/// Time of the day, which never falls.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    now: u64,
    /// Messages left of the burst.
    burst: u64,
    from: u64,
    to: u64,
    first: u64,
    last: u64,
    /// Shares of the messages in equal parts of the time.
    shares: Vec<u64>,
}

impl Clock {
    pub fn now(&self) -> u64 {
        self.now
    }

    pub fn set(&mut self, now: u64) {
        self.now = self.now.max(now);
    }

    /// Spread the messages from number `first` to number `last` over a time, with these shares of them in equal parts of it.
    pub fn aim(&mut self, from: u64, to: u64, first: u64, last: u64, shares: &[u64]) {
        (self.from, self.to, self.first, self.last) = (from, to, first, last.max(first + 1));
        self.shares = shares.to_vec();
    }

    /// The time of a message.
    #[inline]
    pub fn tick(&mut self, dice: &mut Dice, number: u64) -> u64 {
        let draw = dice.next();
        self.now += 40 + (draw >> 52);
        if self.burst > 0 {
            self.burst -= 1;
        } else {
            self.burst = draw & 15;
            self.now = self.now.max(self.due(number));
        }
        // Bursts must not carry a time into the next.
        self.now = self.now.min(self.to.max(self.from));
        self.now
    }

    fn due(&self, number: u64) -> u64 {
        let (total, part): (u64, u64) = (self.shares.iter().sum(), (self.to - self.from) / self.shares.len() as u64);
        let n = u128::from(self.last - self.first);
        // Counted in messages times the total, so that nothing is lost to rounding.
        let mut left = u128::from(number.clamp(self.first, self.last) - self.first) * u128::from(total);
        let mut due = self.from;
        for &share in &self.shares {
            let size = n * u128::from(share);
            if left < size {
                return due + (left * u128::from(part) / size) as u64;
            }
            left -= size;
            due += part;
        }
        due
    }
}
