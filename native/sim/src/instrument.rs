//! What is traded: its price grid, its quantity grid, and the value of one lot at one tick.

use omni_types::{Money, Ticks};

/// What a caller says about an instrument.
#[derive(Clone, Debug, PartialEq)]
pub struct InstrumentSpec {
    /// The venue's name for it.
    pub symbol: String,
    /// Smallest price step; `None` to infer it from the prices.
    pub tick_size: Option<f64>,
    /// Smallest quantity step.
    pub lot_size: f64,
}

/// An instrument with its grids settled.
#[derive(Clone, Debug, PartialEq)]
pub struct Instrument {
    symbol: String,
    tick_size: f64,
    /// Ticks in one unit of price when that is a whole number: dividing by it gives the decimal price that was meant, where
    /// multiplying by the tick size would give 100.07000000000001.
    ticks_per_price: Option<f64>,
    lot_size: f64,
    /// Lots in one unit of quantity, likewise.
    lots_per_unit: Option<f64>,
    tick_lot_value: Money,
}

/// Why an instrument cannot be used.
#[derive(Clone, Debug, PartialEq)]
pub enum InstrumentError {
    /// The tick size is not a positive finite number.
    TickSize(f64),
    /// The lot size is not a positive finite number.
    LotSize(f64),
    /// One lot at one tick is worth less than, or not a whole number of, the smallest money unit, 1e-18.
    TickLotValue {
        /// The tick size.
        tick_size: f64,
        /// The lot size.
        lot_size: f64,
    },
}

impl Instrument {
    /// Settle the grids.
    ///
    /// # Errors
    /// If a size is not positive and finite, or one lot at one tick is not worth a whole number of money units.
    pub fn new(symbol: String, tick_size: f64, lot_size: f64) -> Result<Self, InstrumentError> {
        let usable = |size: f64| size.is_finite() && size > 0.0;
        if !usable(tick_size) {
            return Err(InstrumentError::TickSize(tick_size));
        }
        if !usable(lot_size) {
            return Err(InstrumentError::LotSize(lot_size));
        }
        let exact = tick_size * lot_size * 1e18;
        let whole = exact.round();
        if !(1.0..1e36).contains(&whole) || ((exact - whole) / whole).abs() > 1e-9 {
            return Err(InstrumentError::TickLotValue { tick_size, lot_size });
        }
        let whole_inverse = |size: f64| {
            let inverse = (1.0 / size).round();
            (inverse >= 1.0 && (inverse * size - 1.0).abs() < 1e-12).then_some(inverse)
        };
        let (ticks_per_price, lots_per_unit) = (whole_inverse(tick_size), whole_inverse(lot_size));
        Ok(Self { symbol, tick_size, ticks_per_price, lot_size, lots_per_unit, tick_lot_value: Money(whole as i128) })
    }

    /// The venue's name for it.
    pub fn symbol(&self) -> &str {
        &self.symbol
    }

    /// Smallest price step.
    pub fn tick_size(&self) -> f64 {
        self.tick_size
    }

    /// Smallest quantity step.
    pub fn lot_size(&self) -> f64 {
        self.lot_size
    }

    /// Value of one tick, to the nearest money unit.
    pub fn tick_value(&self) -> Money {
        Money((self.tick_size * 1e18).round() as i128)
    }

    /// Value of one lot at a price of one tick.
    pub fn tick_lot_value(&self) -> Money {
        self.tick_lot_value
    }

    /// The price in currency.
    #[inline]
    pub fn price(&self, ticks: Ticks) -> f64 {
        self.mean_price(ticks.0 as f64)
    }

    /// A mean of prices, in ticks, as currency.
    #[inline]
    pub fn mean_price(&self, ticks: f64) -> f64 {
        match self.ticks_per_price {
            Some(per_price) => ticks / per_price,
            None => ticks * self.tick_size,
        }
    }

    /// A factor and a divisor that turn a price into ticks; one of them is 1, so that only one rounding happens.
    pub(crate) fn tick_scale(&self) -> (f64, f64) {
        self.ticks_per_price.map_or((1.0, self.tick_size), |per_price| (per_price, 1.0))
    }

    /// The price in ticks, not yet rounded.
    #[inline]
    pub fn exact_ticks(&self, price: f64) -> f64 {
        match self.ticks_per_price {
            Some(per_price) => price * per_price,
            None => price / self.tick_size,
        }
    }

    /// The quantity of `lots`.
    #[inline]
    pub fn quantity(&self, lots: i64) -> f64 {
        match self.lots_per_unit {
            Some(per_unit) => lots as f64 / per_unit,
            None => lots as f64 * self.lot_size,
        }
    }

    /// Whole lots in `quantity`, truncated toward zero; within 1e-9 of the next whole lot counts as that lot.
    #[inline]
    pub fn lots(&self, quantity: f64) -> i64 {
        truncate_lots(self.lots_per_unit.map_or_else(|| quantity / self.lot_size, |per_unit| quantity * per_unit))
    }
}

/// Truncate toward zero, forgiving 1e-9 of floating-point noise below a whole number.
#[inline]
pub(crate) fn truncate_lots(lots: f64) -> i64 {
    (lots + f64::copysign(1e-9, lots)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_prices_come_back_as_typed() {
        let instrument = Instrument::new("X".into(), 0.01, 1.0).unwrap();
        assert_eq!(instrument.price(Ticks(10_007)), 100.07);
        assert_eq!(instrument.tick_lot_value(), Money(10_000_000_000_000_000));
    }

    #[test]
    fn quarters_and_fractional_lots_are_exact() {
        assert_eq!(Instrument::new("ES".into(), 0.25, 50.0).unwrap().tick_lot_value(), Money(12_500_000_000_000_000_000));
        assert_eq!(Instrument::new("BTC".into(), 0.01, 1e-8).unwrap().tick_lot_value(), Money(100_000_000));
    }

    #[test]
    fn lots_truncate_toward_zero_with_a_hair_of_forgiveness() {
        let instrument = Instrument::new("X".into(), 0.01, 0.1).unwrap();
        assert_eq!(instrument.lots(0.3), 3);
        assert_eq!(instrument.lots(-0.39), -3);
    }

    #[test]
    fn sizes_that_money_cannot_hold_are_refused() {
        assert!(matches!(Instrument::new("X".into(), 1e-10, 1e-9), Err(InstrumentError::TickLotValue { .. })));
        assert!(matches!(Instrument::new("X".into(), f64::NAN, 1.0), Err(InstrumentError::TickSize(_))));
        assert!(matches!(Instrument::new("X".into(), 0.01, 0.0), Err(InstrumentError::LotSize(_))));
    }
}
