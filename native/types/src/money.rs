//! Exact money: an integer count of 1e-18 of a currency, so that sums never drift.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};

/// An amount of one currency in units of 1e-18. The range is about ±1.7e20 of the currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(pub i128);

const SCALE: i64 = 1_000_000_000_000_000_000;
/// Beyond this an amount cannot be held with room for sums; about 1e19 of the currency.
const LARGEST: f64 = 1e19;
/// From here on a double has no fraction.
const LARGEST_WITH_FRACTION: f64 = 4_503_599_627_370_496.0;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The amount nearest to `value` of the currency, or `None` when it is not finite or beyond 1e19.
    pub fn from_f64(value: f64) -> Option<Self> {
        if value.is_nan() || value.abs() > LARGEST {
            return None;
        }
        if value.abs() >= LARGEST_WITH_FRACTION {
            return Some(Self(value as i128 * i128::from(SCALE)));
        }
        // Whole and fractional part apart, so that 0.1 becomes 1e17 units and not 1e17 plus the noise of a large product. Both fit 64
        // bits, whose conversions are single instructions.
        let whole = value as i64;
        let fraction = (value - whole as f64) * SCALE as f64;
        let units = (fraction + f64::copysign(0.5, fraction)) as i64;
        Some(Self(i128::from(whole) * i128::from(SCALE) + i128::from(units)))
    }

    /// The amount in the currency; whole numbers come out whole.
    ///
    /// A plain division of the rounded integer would turn 100,000 into 99,999.99999999999. The whole part is therefore estimated in
    /// floating point, subtracted exactly, and only the small remainder is divided.
    #[inline]
    pub fn to_f64(self) -> f64 {
        let high = (self.0 >> 64) as i64;
        let low = self.0 as u64;
        let estimate = (high as f64 * 18_446_744_073_709_551_616.0 + low as f64) * 1e-18;
        if estimate.abs() >= 1e15 {
            return estimate;
        }
        let whole = estimate as i64;
        let rest = (self.0 - i128::from(whole) * i128::from(SCALE)) as i64;
        whole as f64 + rest as f64 / SCALE as f64
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl Mul<i64> for Money {
    type Output = Self;
    fn mul(self, factor: i64) -> Self {
        Self(self.0 * i128::from(factor))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self(amounts.map(|amount| amount.0).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_amounts_come_out_whole() {
        for amount in [0.0, 1.0, 100_000.0, 1e8, 123_456_789.0, -250_000.0] {
            assert_eq!(Money::from_f64(amount).unwrap().to_f64(), amount);
        }
    }

    #[test]
    fn a_tenth_is_exact() {
        assert_eq!(Money::from_f64(0.1).unwrap(), Money(100_000_000_000_000_000));
        assert_eq!(Money::from_f64(-0.01).unwrap(), Money(-10_000_000_000_000_000));
    }

    #[test]
    fn cents_survive_a_round_trip() {
        for cents in [1_i64, 99, 10_007, 12_345_678_901] {
            let value = cents as f64 / 100.0;
            assert_eq!(Money::from_f64(value).unwrap().to_f64(), value);
        }
    }

    #[test]
    fn what_cannot_be_held_is_refused() {
        for value in [f64::NAN, f64::INFINITY, -1e20] {
            assert_eq!(Money::from_f64(value), None);
        }
    }
}
