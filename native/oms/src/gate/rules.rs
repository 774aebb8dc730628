//! The arithmetic of the checks, on plain numbers. Each function gives what exact integers of unlimited width would give, for
//! every value that registers and orders can hold; where that is not evident, a comment says why.

use super::map::TOKEN;

/// Whether position, open lots and added lots together exceed `max`; `position` counts in the direction of the order.
///
/// The sum lies within ±2^65, so 128 bits hold it.
#[inline]
pub(crate) fn exceeds_position(position: i128, open: u64, added: i64, max: i64) -> bool {
    position + i128::from(open) + i128::from(added) > i128::from(max)
}

/// Whether `price` is further from `reference` than `collar` basis points of it.
///
/// The distance is below 2^64 and 10,000 below 2^14; `collar` and `reference` are below 2^63: both products fit.
#[inline]
pub(crate) fn outside_collar(price: i64, reference: i64, collar: i64) -> bool {
    i128::from(price.abs_diff(reference)) * 10_000 > i128::from(collar) * i128::from(reference)
}

/// Whether `price · qty · tick_value` exceeds `max`, which is not negative.
///
/// The product of two 64-bit numbers fits. If the whole does not, it lies above 2^127 − 1 and so above `max`, or below −2^127
/// and so below `max`: its sign decides.
#[inline]
pub(crate) fn exceeds_notional(price: i64, qty: i64, tick_value: i128, max: i128) -> bool {
    let lot_ticks = i128::from(price) * i128::from(qty);
    // The usual case takes one multiplication, and its product always fits.
    if let (Ok(lot_ticks), Ok(tick_value)) = (i64::try_from(lot_ticks), i64::try_from(tick_value)) {
        return i128::from(lot_ticks) * i128::from(tick_value) > max;
    }
    match lot_ticks.checked_mul(tick_value) {
        Some(notional) => notional > max,
        None => (lot_ticks < 0) == (tick_value < 0),
    }
}

/// Tokens after `from` … `now` at `rate` tokens a nanosecond, at most `burst` whole ones.
///
/// `rate` and `burst` are within 1 … 1e9, so the cap is at most 1e18 and `tokens` with it. What is earned saturates at 2^64 − 1;
/// with `tokens` of at least −2^63 the sum is then above the cap, as the exact one is, and so is a sum that saturates at
/// 2^63 − 1. Time never runs backwards in the system; if it did, tokens would fall, but not below what the word holds.
#[inline]
pub(crate) fn refill(tokens: i64, from: i64, now: i64, rate: i64, burst: i64) -> i64 {
    let earned = now.abs_diff(from).saturating_mul(rate as u64);
    let sum = if now >= from { tokens.saturating_add_unsigned(earned) } else { tokens.saturating_sub_unsigned(earned) };
    sum.min(burst * TOKEN)
}

/// Whether the loss reached `max`, which is not negative, so that its negative exists.
#[inline]
pub(crate) fn lost_too_much(realised: i128, max: i128) -> bool {
    realised <= -max
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_beyond_64_bits_is_compared_exactly() {
        assert!(!exceeds_position(-i128::from(i64::MAX), u64::MAX - 1, 1 - i64::MAX, i64::MAX));
        assert!(exceeds_position(i128::from(i64::MAX), 0, 1, i64::MAX));
        assert!(!exceeds_position(i128::from(i64::MIN), 1 << 63, i64::MAX, i64::MAX));
    }

    #[test]
    fn a_collar_is_closed() {
        // 5 % of 10,000 is 500.
        assert!(!outside_collar(10_500, 10_000, 500) && !outside_collar(9_500, 10_000, 500));
        assert!(outside_collar(10_501, 10_000, 500) && outside_collar(9_499, 10_000, 500));
        assert!(outside_collar(i64::MIN, i64::MAX, 19_999) && !outside_collar(i64::MAX, i64::MAX, 0));
    }

    #[test]
    fn a_notional_beyond_128_bits_exceeds_every_limit() {
        let value = 1 << 89;
        assert!(exceeds_notional(1 << 50, 1 << 50, value, i128::MAX - 1));
        assert!(exceeds_notional(i64::MIN, i64::MIN, value, i128::MAX));
        assert!(!exceeds_notional(i64::MIN, i64::MAX, value, 0));
        // 2^37 · 2 · 2^89 = 2^127 is one more than the largest limit.
        assert!(exceeds_notional(1 << 37, 2, value, i128::MAX));
        assert!(!exceeds_notional(1 << 37, 1, value, 1 << 126));
        assert!(exceeds_notional(1 << 37, 1, value, (1 << 126) - 1));
    }

    #[test]
    fn tokens_never_exceed_the_burst() {
        assert_eq!(refill(0, 0, 999_999_999, 1, 1), 999_999_999);
        assert_eq!(refill(0, 0, 1_000_000_001, 1, 1), TOKEN);
        assert_eq!(refill(TOKEN * 1_000_000_000, i64::MIN, i64::MAX, 1_000_000_000, 1_000_000_000), 1_000_000_000 * TOKEN);
        assert_eq!(refill(5, 7, 7, 1_000_000_000, 1), 5);
        // 2^44 · 2^20 is 0 modulo 2^64.
        assert_eq!(refill(0, 0, 1 << 44, 1 << 20, 1), TOKEN);
        assert_eq!(refill(TOKEN, 1 << 44, 0, 1 << 20, 1), i64::MIN);
    }
}
