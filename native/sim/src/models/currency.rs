//! Cash of several currencies, and the exact value of one in another.

use omni_types::{Money, Ticks};

const UNITS: i128 = 1_000_000_000_000_000_000;
const HALF: i128 = 1_000_000_000;

/// How a currency is valued: by the mark of an instrument of the panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FxRate {
    /// The instrument whose price is the rate.
    pub symbol: usize,
    /// Whether the price counts the currency in one unit of the base, rather than the base in one unit of the currency.
    pub inverse: bool,
}

/// The currencies of a run. Number 0 is the base; number k is `rates[k - 1]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Currencies {
    /// Rates of all but the base.
    pub rates: Vec<FxRate>,
    /// Currency of each instrument.
    pub of: Vec<u32>,
}

/// A currency's rate at a moment: the price of its instrument, and the value of a tick of it in units of 1e-18.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub tick: i128,
    pub inverse: bool,
    pub price: Ticks,
}

impl Rate {
    /// An amount in the base currency, toward zero, to within two units of 1e-18; nothing while there is no price.
    pub fn convert(self, amount: i128) -> i128 {
        let rate = self.tick * i128::from(self.price.0);
        if rate == 0 {
            return 0;
        }
        if self.inverse {
            // amount · 1e18 / rate, nine digits at a time so that no product leaves 128 bits.
            let (whole, rest) = (amount / rate, amount % rate);
            let (high, rest) = (rest * HALF / rate, rest * HALF % rate);
            return whole * UNITS + high * HALF + rest * HALF / rate;
        }
        let (whole, rest) = (amount / UNITS, amount % UNITS);
        whole * rate + rest / HALF * rate / HALF + rest % HALF * rate / UNITS
    }

    /// The rate as a number.
    pub fn to_f64(self) -> f64 {
        let rate = Money(self.tick * i128::from(self.price.0)).to_f64();
        if self.inverse { 1.0 / rate } else { rate }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_converted_to_the_last_unit_but_two() {
        let euro = Rate { tick: UNITS / 10_000, inverse: false, price: Ticks(10_837) };
        assert_eq!(euro.convert(3 * UNITS), 3 * 10_837 * UNITS / 10_000);
        let yen = Rate { tick: UNITS / 100, inverse: true, price: Ticks(14_925) };
        for amount in [1_i128, 7, 123_456_789_012_345_678_901_234_567, -5 * UNITS, 149_250_000 * UNITS] {
            let exact = amount * 100 / 14_925;
            assert!((yen.convert(amount) - exact).abs() <= 2, "{amount}");
        }
        assert_eq!(yen.convert(149_250_000 * UNITS), 1_000_000 * UNITS);
    }
}
