//! Integers of 256 bits, for the few products and sums that 128 do not hold.

use std::ops::{Add, Sub};

use crate::config::MAX128;

/// A signed number of 256 bits in two's complement: `high`·2^128 + `low`. The derived order is that of the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wide {
    high: i128,
    low: u128,
}

/// Below this in magnitude, and below [`SMALL_FACTOR`], a product fits 128 bits.
const SMALL: u128 = 1 << 104;
const SMALL_FACTOR: i64 = 1 << 22;

impl From<i128> for Wide {
    #[inline]
    fn from(value: i128) -> Self {
        Self { high: value >> 127, low: value as u128 }
    }
}

/// Sums of numbers below 2^254 in magnitude fit.
impl Add for Wide {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        let (low, carry) = self.low.overflowing_add(other.low);
        Self { high: self.high.wrapping_add(other.high).wrapping_add(i128::from(carry)), low }
    }
}

impl Sub for Wide {
    type Output = Self;

    #[inline]
    fn sub(self, other: Self) -> Self {
        let (low, borrow) = self.low.overflowing_sub(other.low);
        Self { high: self.high.wrapping_sub(other.high).wrapping_sub(i128::from(borrow)), low }
    }
}

impl Wide {
    /// Zero.
    pub const ZERO: Self = Self { high: 0, low: 0 };

    /// The product of any two numbers of 128 bits: at most 2^254 in magnitude.
    pub fn product(a: i128, b: i128) -> Self {
        let (one, other) = (a.unsigned_abs(), b.unsigned_abs());
        let half = |x: u128| (x >> 64, x & u128::from(u64::MAX));
        let ((a1, a0), (b1, b0)) = (half(one), half(other));
        // Each partial product is below 2^128 − 2^65, so that a half word more still fits.
        let first = a0 * b0;
        let middle = a1 * b0 + (first >> 64);
        let other_middle = a0 * b1 + (middle & u128::from(u64::MAX));
        let high = a1 * b1 + (middle >> 64) + (other_middle >> 64);
        let low = other_middle << 64 | (first & u128::from(u64::MAX));
        let magnitude = Self { high: high as i128, low };
        if (a < 0) == (b < 0) { magnitude } else { Self::ZERO - magnitude }
    }

    /// This times a number. The product must stay below 2^255 in magnitude: 2^190 times any factor does.
    #[inline]
    pub fn times(self, factor: i64) -> Self {
        if self.is_small() && factor.unsigned_abs() < SMALL_FACTOR as u64 {
            return Self::from(self.low as i128 * i128::from(factor));
        }
        self.times_any(factor)
    }

    /// Modulo 2^256 the product of the words is that of the numbers, whatever their signs.
    #[cold]
    fn times_any(self, factor: i64) -> Self {
        let low = Self::product((self.low >> 1) as i128, factor.into());
        let odd = if self.low & 1 == 1 { Self::from(i128::from(factor)) } else { Self::ZERO };
        let low = low + low + odd;
        Self { high: low.high.wrapping_add(self.high.wrapping_mul(factor.into())), low: low.low }
    }

    #[inline]
    fn is_small(self) -> bool {
        let fits = self.high == (self.low as i128) >> 127;
        fits && (self.low as i128).unsigned_abs() < SMALL
    }

    /// The nearest of the numbers that a register of 128 bits holds: within ±(2^127 − 1).
    #[inline]
    pub fn saturated(self) -> i128 {
        if self.high == (self.low as i128) >> 127 {
            return (self.low as i128).max(-MAX128.0);
        }
        if self.high < 0 { -MAX128.0 } else { MAX128.0 }
    }

    /// The nearest double, ties to the even one.
    pub fn to_f64(self) -> f64 {
        let magnitude = if self.high < 0 { Self::ZERO - self } else { self };
        let (high, low) = (magnitude.high as u128, magnitude.low);
        let shift = 128 - high.leading_zeros();
        let rounded = match shift {
            0 => low as f64,
            // 128 significant bits, of which the last says whether anything was cut off: enough to round once, and well.
            1..128 => {
                let kept = high << (128 - shift) | low >> shift;
                let cut = low << (128 - shift) != 0;
                (kept | u128::from(cut)) as f64 * 2_f64.powi(shift as i32)
            }
            _ => (high | u128::from(low != 0)) as f64 * 2_f64.powi(128),
        };
        if self.high < 0 { -rounded } else { rounded }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDS: [i128; 11] =
        [i128::MIN, i128::MIN + 1, -(1 << 64), -3, -1, 0, 1, (1 << 64) - 1, 1 << 64, (1 << 126) + 5, i128::MAX];

    /// 2^k.
    fn power(k: u32) -> Wide {
        if k < 128 { Wide { high: 0, low: 1 << k } } else { Wide { high: 1 << (k - 128), low: 0 } }
    }

    #[test]
    fn products_are_those_of_shifts_and_sums() {
        for a in ENDS {
            for b in ENDS {
                // b = Σ bits·2^k − 2^127 for a negative one.
                let mut sum = Wide::ZERO;
                let mut shifted = Wide::from(a);
                for k in 0..127 {
                    if b >> k & 1 == 1 {
                        sum = sum + shifted;
                    }
                    shifted = shifted + shifted;
                }
                let expected = if b < 0 { sum - shifted } else { sum };
                assert_eq!(Wide::product(a, b), expected, "{a} · {b}");
                if let Some(small) = a.checked_mul(b) {
                    assert_eq!(Wide::product(a, b), Wide::from(small));
                }
            }
        }
    }

    #[test]
    fn a_factor_multiplies_every_word() {
        for a in ENDS {
            for factor in [i64::MIN, -10_000, -1, 0, 1, 10_000, i64::MAX] {
                assert_eq!(Wide::from(a).times(factor), Wide::product(a, factor.into()), "{a} · {factor}");
                // The sum of three has a bit more than a word of 128.
                let three = Wide::from(a) + Wide::from(a) + Wide::from(a);
                let product = Wide::product(a, factor.into());
                assert_eq!(three.times(factor), product + product + product, "3 · {a} · {factor}");
            }
        }
        assert_eq!(Wide::from(-(1 << 104) + 1).times(-(1 << 22) + 1), Wide::product((1 << 104) - 1, (1 << 22) - 1));
    }

    #[test]
    fn numbers_are_ordered() {
        let mut ordered: Vec<Wide> = vec![Wide::ZERO - power(200), Wide::ZERO - power(128)];
        ordered.extend(ENDS.map(Wide::from));
        ordered.extend([power(127), power(128), power(200)]);
        assert!(ordered.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn a_register_holds_what_fits_and_the_ends_for_the_rest() {
        for value in [-i128::MAX, -1, 0, 1, i128::MAX] {
            assert_eq!(Wide::from(value).saturated(), value);
        }
        assert_eq!(Wide::from(i128::MIN).saturated(), -i128::MAX);
        assert_eq!((Wide::from(i128::MAX) + Wide::from(1)).saturated(), i128::MAX);
        assert_eq!((Wide::from(i128::MIN) - Wide::from(1)).saturated(), -i128::MAX);
        assert_eq!(Wide::product(i128::MIN, i128::MAX).saturated(), -i128::MAX);
    }

    #[test]
    fn doubles_are_the_nearest() {
        for value in ENDS {
            assert_eq!(Wide::from(value).to_f64(), value as f64);
        }
        for k in [60, 127, 128, 129, 180, 240, 254] {
            assert_eq!(power(k).to_f64(), 2_f64.powi(k as i32));
            assert_eq!((Wide::ZERO - power(k)).to_f64(), -(2_f64.powi(k as i32)));
        }
        // Halfway between two doubles goes to the even one, a unit more goes up.
        let half = power(200) + power(147);
        assert_eq!(half.to_f64(), 2_f64.powi(200));
        assert_eq!((half + Wide::from(1)).to_f64(), 2_f64.powi(200) + 2_f64.powi(148));
        assert_eq!((half + power(148)).to_f64(), 2_f64.powi(200) + 2_f64.powi(149));
    }
}
