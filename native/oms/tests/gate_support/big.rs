//! Integers of any width, the slow and obvious way: a sign and decimal digits in groups of nine.

use std::cmp::Ordering;
use std::ops::{Add, Mul, Neg, Sub};

const GROUP: u64 = 1_000_000_000;

/// A whole number. The lowest group comes first, and the highest is not zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Big {
    is_negative: bool,
    groups: Vec<u64>,
}

impl<T: Into<i128>> From<T> for Big {
    fn from(value: T) -> Self {
        let value = value.into();
        let mut rest = value.unsigned_abs();
        let mut groups = Vec::new();
        while rest > 0 {
            groups.push((rest % u128::from(GROUP)) as u64);
            rest /= u128::from(GROUP);
        }
        Self { is_negative: value < 0, groups }
    }
}

impl Big {
    /// The nearest number within ±(2^127 − 1).
    pub fn saturated(&self) -> i128 {
        if *self > Big::from(i128::MAX) {
            i128::MAX
        } else if *self < Big::from(-i128::MAX) {
            -i128::MAX
        } else {
            let magnitude = self.groups.iter().rev().fold(0_i128, |sum, &group| sum * i128::from(GROUP) + i128::from(group));
            if self.is_negative { -magnitude } else { magnitude }
        }
    }

    fn of(is_negative: bool, mut groups: Vec<u64>) -> Self {
        while groups.last() == Some(&0) {
            groups.pop();
        }
        Self { is_negative: is_negative && !groups.is_empty(), groups }
    }

    fn magnitude_order(&self, other: &Self) -> Ordering {
        let by_length = self.groups.len().cmp(&other.groups.len());
        by_length.then_with(|| self.groups.iter().rev().cmp(other.groups.iter().rev()))
    }
}

impl Ord for Big {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.is_negative, other.is_negative) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.magnitude_order(other),
            (true, true) => other.magnitude_order(self),
        }
    }
}

impl PartialOrd for Big {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Neg for Big {
    type Output = Big;
    fn neg(self) -> Big {
        Big::of(!self.is_negative, self.groups)
    }
}

impl Add for Big {
    type Output = Big;
    fn add(self, other: Big) -> Big {
        let (larger, smaller) = if self.magnitude_order(&other).is_lt() { (other, self) } else { (self, other) };
        let adds = larger.is_negative == smaller.is_negative;
        let mut carry = 0_i64;
        let mut groups = Vec::new();
        for (at, &group) in larger.groups.iter().enumerate() {
            let change = smaller.groups.get(at).map_or(0, |&group| group as i64);
            let sum = group as i64 + if adds { change } else { -change } + carry;
            groups.push(sum.rem_euclid(GROUP as i64) as u64);
            carry = sum.div_euclid(GROUP as i64);
        }
        groups.push(carry as u64);
        Big::of(larger.is_negative, groups)
    }
}

impl Sub for Big {
    type Output = Big;
    fn sub(self, other: Big) -> Big {
        self + -other
    }
}

impl Mul for Big {
    type Output = Big;
    fn mul(self, other: Big) -> Big {
        let mut groups = vec![0_u64; self.groups.len() + other.groups.len() + 1];
        for (i, one) in self.groups.iter().enumerate() {
            let mut carry = 0;
            for (j, another) in other.groups.iter().chain([&0]).enumerate() {
                let sum = groups[i + j] + one * another + carry;
                groups[i + j] = sum % GROUP;
                carry = sum / GROUP;
            }
        }
        Big::of(self.is_negative != other.is_negative, groups)
    }
}
