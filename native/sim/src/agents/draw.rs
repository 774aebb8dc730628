//! Random numbers that are the same on every machine: nothing here but additions, multiplications, divisions and square roots.

use crate::ticks::random::Random;

/// ln 2 in two parts: the first has so few digits that a small whole multiple of it is exact.
const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// 1 / (2n + 1): what comes after is below the last digit.
const ODD: [f64; 11] =
    [1.0, 1.0 / 3.0, 0.2, 1.0 / 7.0, 1.0 / 9.0, 1.0 / 11.0, 1.0 / 13.0, 1.0 / 15.0, 1.0 / 17.0, 1.0 / 19.0, 1.0 / 21.0];

/// Natural logarithm of a positive normal number.
pub(crate) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) & 0x7ff) as i32 - 1_023;
    let mut mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    // ln m = 2 artanh s with s = (m − 1) / (m + 1), |s| < 0.172.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let sum = ODD.iter().rev().fold(0.0, |sum, coefficient| sum * square + coefficient);
    let exponent = f64::from(exponent);
    exponent * LN2_HIGH + (exponent * LN2_LOW + 2.0 * s * sum)
}

/// Exponential of a number that is not positive; 0 from −700 on.
pub(crate) fn exp_of_negative(x: f64) -> f64 {
    if x < -700.0 {
        return 0.0;
    }
    let halvings = (x * std::f64::consts::LOG2_E - 0.5) as i64;
    let rest = (x - halvings as f64 * LN2_HIGH) - halvings as f64 * LN2_LOW;
    let mut sum = 1.0;
    for term in (1..16).rev() {
        sum = 1.0 + rest * sum / f64::from(term);
    }
    sum * f64::from_bits(((1_023 + halvings) as u64) << 52)
}

/// The draws of one participant.
#[derive(Clone, Debug)]
pub(crate) struct Draws(Random);

impl Draws {
    pub fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }

    /// Uniform in the open interval from 0 to 1.
    pub fn uniform(&mut self) -> f64 {
        self.0.uniform()
    }

    /// A time in nanoseconds after `now` that a Poisson process of `rate` events a second would take; never for rate 0.
    #[inline]
    pub fn after(&mut self, now: i64, rate: f64) -> i64 {
        if rate <= 0.0 {
            return i64::MAX;
        }
        let seconds = -ln(self.uniform()) / rate;
        now.saturating_add((seconds * 1e9).round() as i64)
    }

    /// One of `n` places, each as likely.
    #[inline]
    pub fn place(&mut self, n: usize) -> usize {
        ((u128::from(self.0.bits()) * n as u128) >> 64) as usize
    }

    /// A standard normal number, by Marsaglia's polar method.
    pub fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = x * x + y * y;
            if square < 1.0 && square > 1e-300 {
                return x * (-2.0 * ln(square) / square).sqrt();
            }
        }
    }
}

/// Distances 1, 2, … from a price, each with its weight.
#[derive(Clone, Debug)]
pub(crate) struct Distances {
    sums: Vec<f64>,
}

impl Distances {
    /// `weights` must not be negative.
    pub fn new(weights: &[f64]) -> Self {
        let sums = weights.iter().scan(0.0, |sum, &weight| {
            *sum += weight;
            Some(*sum)
        });
        Self { sums: sums.collect() }
    }

    /// Sum of the weights.
    pub fn total(&self) -> f64 {
        self.sums.last().copied().unwrap_or(0.0)
    }

    /// The distance where the weights, summed up, exceed `x`.
    #[inline]
    pub fn at(&self, x: f64) -> i64 {
        let last = self.sums.len() - 1;
        self.sums.partition_point(|&sum| sum <= x).min(last) as i64 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_and_exponentials_agree_with_those_of_the_machine() {
        let mut draws = Draws::new(5);
        for _ in 0..20_000 {
            let x = draws.uniform();
            assert!((ln(x) - x.ln()).abs() <= 4.0 * f64::EPSILON * x.ln().abs().max(f64::EPSILON), "ln {x}");
            let x = -700.0 * x;
            assert!((exp_of_negative(x) / x.exp() - 1.0).abs() < 3e-13, "exp {x}");
            let x = x / 700.0;
            assert!((exp_of_negative(x) / x.exp() - 1.0).abs() < 1e-15, "exp {x}");
        }
        assert_eq!((ln(1.0), exp_of_negative(0.0), exp_of_negative(-1e9)), (0.0, 1.0, 0.0));
    }

    #[test]
    fn normal_numbers_have_the_moments_of_the_normal_law() {
        let mut draws = Draws::new(11);
        let n = 40_000;
        let (mut mean, mut square, mut fourth) = (0.0, 0.0, 0.0);
        for _ in 0..n {
            let x = draws.normal();
            (mean, square, fourth) = (mean + x, square + x * x, fourth + x.powi(4));
        }
        let n = f64::from(n);
        assert!((mean / n).abs() < 0.02 && (square / n - 1.0).abs() < 0.03 && (fourth / n - 3.0).abs() < 0.2);
    }

    #[test]
    fn waiting_times_have_the_mean_and_the_tail_of_the_exponential_law() {
        let mut draws = Draws::new(2);
        let waits: Vec<i64> = (0..40_000).map(|_| draws.after(0, 50.0)).collect();
        let mean = waits.iter().sum::<i64>() as f64 / 4e4;
        assert!((mean / 2e7 - 1.0).abs() < 0.02);
        let late = waits.iter().filter(|&&wait| wait > 60_000_000).count() as f64 / 4e4;
        assert!((late - (-3.0_f64).exp()).abs() < 0.005);
        assert_eq!(draws.after(0, 0.0), i64::MAX);
    }

    #[test]
    fn distances_have_their_weights() {
        let distances = Distances::new(&[1.0, 0.0, 3.0]);
        assert_eq!([0.0, 0.99, 1.0, 3.9, 4.0].map(|x| distances.at(x)), [1, 1, 3, 3, 3]);
        assert_eq!(distances.total(), 4.0);
    }
}
