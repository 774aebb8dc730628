//! The arithmetic of the checks, on plain numbers. Each function gives what exact integers of unlimited width would give, for
//! every value that registers and orders can hold; where that is not evident, a comment says why.

use super::map::TOKEN;
use super::wide::Wide;

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

/// An exposure, or a value of a position, is held within this.
pub(crate) const LARGEST_EXPOSURE: i128 = 1 << 110;

/// Lots of a position in the worst case: max(|position + open_buy|, |position − open_sell|), at most 2^65.
#[inline]
pub(crate) fn worst(position: i64, open_buy: u64, open_sell: u64) -> u128 {
    let position = i128::from(position);
    let (long, short) = (position + i128::from(open_buy), position - i128::from(open_sell));
    long.unsigned_abs().max(short.unsigned_abs())
}

/// What one lot counts at a reference price, at most 2^110: beyond that a single lot already has the largest exposure. 0 without
/// reference.
#[inline]
pub(crate) fn unit(reference: i64, tick_value: i128) -> i128 {
    if reference <= 0 {
        return 0;
    }
    product_to(reference as u128, tick_value as u128, LARGEST_EXPOSURE as u128) as i128
}

/// min(worst · unit, 2^110).
#[inline]
pub(crate) fn exposure(worst: u128, unit: i128) -> i128 {
    product_to(worst, unit as u128, LARGEST_EXPOSURE as u128) as i128
}

/// position · unit, held within ±2^110.
#[inline]
pub(crate) fn value(position: i64, unit: i128) -> i128 {
    let worth = exposure(position.unsigned_abs().into(), unit);
    if position < 0 { -worth } else { worth }
}

/// The product, or `most` if it is more, which lies below 2^126.
///
/// Numbers of a and b bits have a product of at least 2^(a + b − 2) and below 2^(a + b): beyond 128 bits it is more than `most`, up to
/// there it fits.
#[inline]
fn product_to(one: u128, other: u128, most: u128) -> u128 {
    // Nearly always, and a single multiplication.
    if let (Ok(one), Ok(other)) = (u64::try_from(one), u64::try_from(other)) {
        return (u128::from(one) * u128::from(other)).min(most);
    }
    if one.leading_zeros() + other.leading_zeros() < 128 { most } else { (one * other).min(most) }
}

/// Whether the day's loss reached `max`, which is not negative, so that its negative exists.
#[inline]
pub(crate) fn lost_too_much(equity: Wide, day_equity: i128, max: i128) -> bool {
    equity - Wide::from(day_equity) <= Wide::from(-max)
}

/// Whether the fall from the peak reached `max` 1/10,000 of it.
#[inline]
pub(crate) fn fell_too_far(equity: Wide, peak: i128, max: i64) -> bool {
    (Wide::from(peak) - equity).times(10_000) >= Wide::from(peak).times(max)
}

/// Whether `part` is below `whole` · `factor`; `part` and `whole` stay below 2^117 in magnitude, `factor` is not negative.
#[inline]
pub(crate) fn falls_short(part: i128, whole: i128, factor: i64) -> bool {
    // A factor beyond this is a limit of more than a hundred times the equity, which few have.
    const USUAL: i64 = 1 << 20;
    if factor < USUAL && whole.unsigned_abs() < 1 << 105 {
        return part < whole * i128::from(factor);
    }
    Wide::from(part) < Wide::from(whole).times(factor)
}

/// Whether an exposure is more than `max` 1/10,000 of the equity.
#[inline]
pub(crate) fn exceeds_share(exposure: i128, equity: Wide, max: i64) -> bool {
    Wide::from(exposure).times(10_000) > equity.times(max)
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
    fn the_worst_case_is_the_larger_side() {
        assert_eq!(worst(5, 3, 20), 15);
        assert_eq!(worst(-5, 3, 20), 25);
        assert_eq!(worst(5, 30, 2), 35);
        assert_eq!(worst(-5, 0, 0), 5);
        assert_eq!(worst(i64::MAX, u64::MAX, 0), (1 << 63) - 1 + (1 << 64) - 1);
        assert_eq!(worst(i64::MIN, 0, u64::MAX), (1 << 63) + (1 << 64) - 1);
    }

    #[test]
    fn exposures_stop_at_their_largest() {
        let largest = LARGEST_EXPOSURE;
        assert_eq!((unit(0, 7), unit(-3, 7), unit(3, 7)), (0, 0, 21));
        assert_eq!(unit(i64::MAX, (1 << 90) - 1), largest);
        assert_eq!(
            (unit(1 << 20, 1 << 89), unit(1 << 21, 1 << 89), unit((1 << 21) - 1, 1 << 89)),
            (1 << 109, largest, largest - (1 << 89))
        );
        assert_eq!((exposure(0, largest), exposure(1, largest), exposure(1, largest - 1)), (0, largest, largest - 1));
        assert_eq!((exposure(1 << 65, 1 << 45), exposure(1 << 65, (1 << 45) - 1)), (largest, largest - (1 << 65)));
        assert_eq!(exposure(3 << 64, largest), largest);
        assert_eq!((value(-3, 7), value(3, 7), value(i64::MIN, largest)), (-21, 21, -largest));
    }

    #[test]
    fn a_loss_at_the_limit_is_too_much() {
        let equity = |value: i128| Wide::from(value);
        assert!(!lost_too_much(equity(901), 1_000, 100) && lost_too_much(equity(900), 1_000, 100));
        assert!(lost_too_much(equity(1_000), 1_000, 0) && !lost_too_much(equity(1_001), 1_000, 0));
        // Equity − day equity is beyond 128 bits.
        assert!(lost_too_much(equity(-i128::MAX), i128::MAX, i128::MAX - 1));
        assert!(!lost_too_much(equity(i128::MAX), -i128::MAX, 0));
    }

    #[test]
    fn a_fall_at_the_limit_is_too_far() {
        assert!(!fell_too_far(Wide::from(901), 1_000, 1_000) && fell_too_far(Wide::from(900), 1_000, 1_000));
        assert!(fell_too_far(Wide::from(0), 0, 5), "nothing of nothing");
        // (2^127 − 1)·(2^63 − 2) is beyond 128 bits.
        assert!(!fell_too_far(Wide::from(-i128::MAX), i128::MAX, i64::MAX - 1));
        assert!(
            fell_too_far(Wide::from(-i128::MAX), i128::MAX, 20_000) && !fell_too_far(Wide::from(-i128::MAX), i128::MAX, 20_001)
        );
        assert!(fell_too_far(Wide::from(-10), -5, i64::MAX - 1), "a peak below zero is passed by any fall");
    }

    #[test]
    fn a_part_falls_short_of_what_it_is_compared_with() {
        for (part, whole, factor) in [(14, 5, 3), (-16, -5, 3), (-1, 0, i64::MAX), ((1 << 116) - 1, 1 << 54, 1 << 62)] {
            assert!(falls_short(part, whole, factor) && !falls_short(part + 1, whole, factor), "{part}, {whole}, {factor}");
        }
        assert!(falls_short(0, 1 << 116, i64::MAX) && falls_short((1 << 117) - 1, 1 << 98, 1 << 19));
    }

    #[test]
    fn a_share_at_the_limit_is_none_too_large() {
        assert!(!exceeds_share(1_500, Wide::from(1_000), 15_000) && exceeds_share(1_501, Wide::from(1_000), 15_000));
        assert!(exceeds_share(1, Wide::from(0), i64::MAX - 1) && !exceeds_share(0, Wide::from(0), 0));
        assert!(exceeds_share(0, Wide::from(-1), 1));
        let huge = Wide::from(i128::MAX) + Wide::from(i128::MAX);
        assert!(!exceeds_share(i128::MAX, huge, 5_000) && exceeds_share(i128::MAX, huge, 4_999));
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
