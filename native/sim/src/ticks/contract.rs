//! What an instrument of a market is worth: its price, its lot, and what one lot gains.

use omni_types::{Money, Ticks};

use crate::instrument::{Instrument, InstrumentError};

/// What an instrument is worth.
#[derive(Clone, Debug)]
pub struct Contract {
    /// One lot at half a tick: marks are mids, which lie between ticks.
    half: Money,
    /// Prices times the multiplier, and lots.
    grid: Instrument,
    /// Half a tick of the plain price, money units a unit.
    half_price: Money,
}

impl Contract {
    /// Of an instrument of which a lot of `lot_size` units gains `tick_value` when its price rises by a tick, which is `tick_size`.
    ///
    /// # Errors
    /// If a number is not positive and finite, or one lot at half a tick is not worth a whole number of money units.
    pub fn new(tick_value: f64, tick_size: f64, lot_size: f64) -> Result<Self, InstrumentError> {
        let refused = || InstrumentError::TickLotValue { tick_size: tick_value / lot_size, lot_size };
        let grid = Instrument::new(String::new(), tick_value / lot_size, lot_size)?;
        let half_price = Money((tick_size * 0.5e18).round() as i128);
        if !(tick_size.is_finite() && half_price.0 > 0) {
            return Err(InstrumentError::TickSize(tick_size));
        }
        let whole = Money::from_f64(tick_value).ok_or_else(refused)?;
        // A large value may be odd by the noise of floating point; a small one would not be itself any more.
        if whole.0 < 2 || (whole.0 % 2 != 0 && whole.0 < 1_000_000_000) {
            return Err(refused());
        }
        Ok(Self { half: Money(whole.0 / 2), grid, half_price })
    }

    /// One lot at half a tick.
    pub fn half(&self) -> Money {
        self.half
    }

    /// What one lot gains when its price rises by one tick.
    pub fn tick_value(&self) -> Money {
        Money(self.half.0 * 2)
    }

    /// Half a tick of the price of one unit.
    pub fn half_price(&self) -> Money {
        self.half_price
    }

    /// Units of so many lots.
    pub fn quantity(&self, lots: i64) -> f64 {
        self.grid.quantity(lots)
    }

    /// Value of a quantity at a price, currency: as bars count it, to the last bit.
    pub fn notional(&self, ticks: i64, quantity: f64) -> f64 {
        self.grid.price(Ticks(ticks)) * quantity
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mid_between_two_ticks_is_exact() {
        let contract = Contract::new(0.01, 0.01, 1.0).unwrap();
        assert_eq!((contract.half().0, contract.tick_value().0), (5_000_000_000_000_000, 10_000_000_000_000_000));
        assert_eq!(contract.notional(10_007, contract.quantity(3)), 100.07 * 3.0);
        let future = Contract::new(12.5, 0.25, 1.0).unwrap();
        assert_eq!(future.notional(8, 2.0), 200.0);
    }

    #[test]
    fn what_money_cannot_halve_is_refused() {
        assert!(Contract::new(1e-18, 1e-9, 1e-9).is_err());
        assert!(Contract::new(3e-18, 1e-9, 3e-9).is_err());
        assert!(Contract::new(1e30, 0.01, 1.0).is_err());
        for value in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Contract::new(value, 0.01, 1.0).is_err());
            assert!(Contract::new(0.01, 0.01, value).is_err());
            assert!(Contract::new(0.01, value, 1.0).is_err());
        }
    }
}
