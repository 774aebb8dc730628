//! The arguments of `submit` as a command; `OMSFace.submit` in Python is its slow twin.

use omni_types::{
    DISPLAY_ALL, InstrumentId, Nanos, NewOrder, OrderType, PegReference, PostOnly, Qty, SelfTrade, Side, Terms, Ticks,
    TimeInForce, TrailUnit, Trigger,
};
use pyo3::prelude::*;
use pyo3::types::PyBool;

use super::names::Names;
use super::numbers::{client_order_id, whole};
use super::words::word;
use crate::errors::Facts;

type Argument<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

/// What somebody wants, as they said it.
pub(crate) struct Submission<'a, 'py> {
    pub symbol: &'a Bound<'py, PyAny>,
    pub side: &'a Bound<'py, PyAny>,
    pub qty: &'a Bound<'py, PyAny>,
    pub price: Argument<'a, 'py>,
    pub account: Argument<'a, 'py>,
    pub client_order_id: Argument<'a, 'py>,
    pub order_type: Argument<'a, 'py>,
    pub time_in_force: Argument<'a, 'py>,
    pub self_trade: Argument<'a, 'py>,
    pub post_only: Argument<'a, 'py>,
    pub stop_price: Argument<'a, 'py>,
    pub trail: Argument<'a, 'py>,
    pub trail_bps: Argument<'a, 'py>,
    pub trigger: Argument<'a, 'py>,
    pub peg: Argument<'a, 'py>,
    pub peg_offset: Argument<'a, 'py>,
    pub display_qty: Argument<'a, 'py>,
    pub min_qty: Argument<'a, 'py>,
    pub all_or_none: Argument<'a, 'py>,
    pub expire_at: Argument<'a, 'py>,
}

impl Submission<'_, '_> {
    /// The order, and its client order id.
    #[inline]
    pub fn read(&self, names: &Names) -> PyResult<(u128, NewOrder)> {
        let instrument = names.instrument(self.symbol)?;
        let order_type = self.order_type.map_or_else(|| Ok(self.implied_type()), word)?;
        let client_order_id = self.client_order_id.map_or(Ok(0), client_order_id)?;
        let order = NewOrder {
            account: names.account(self.account)?,
            instrument,
            side: word::<Side>(self.side)?,
            order_type,
            time_in_force: self.time_in_force.map_or(Ok(TimeInForce::Day), word)?,
            self_trade: self.self_trade.map_or(Ok(SelfTrade::Allow), word)?,
            post_only: self.post_only.map_or(Ok(PostOnly::No), post_only)?,
            qty: Qty(names.lots(instrument, self.qty, "qty")?),
            price: Ticks(names.ticks(instrument, self.price, "price")?),
            terms: if self.is_plain(order_type) { Terms::PLAIN } else { self.terms(names, instrument, order_type)? },
        };
        Ok((client_order_id, order))
    }

    fn implied_type(&self) -> OrderType {
        let trails = self.trail.is_some() || self.trail_bps.is_some();
        match (self.peg, self.stop_price, self.price) {
            (Some(_), _, _) => OrderType::Pegged,
            _ if trails => OrderType::TrailingStop,
            (_, Some(_), Some(_)) => OrderType::StopLimit,
            (_, Some(_), None) => OrderType::Stop,
            (_, None, Some(_)) => OrderType::Limit,
            (_, None, None) => OrderType::Market,
        }
    }

    /// Whether it says nothing that only few orders say.
    fn is_plain(&self, order_type: OrderType) -> bool {
        let says_more = [self.stop_price, self.trail, self.trail_bps, self.trigger, self.peg, self.peg_offset, self.display_qty];
        let is_stop = matches!(order_type, OrderType::Stop | OrderType::StopLimit | OrderType::TrailingStop);
        let says_nothing = says_more.iter().chain(&[self.min_qty, self.all_or_none, self.expire_at]).all(Option::is_none);
        says_nothing && !is_stop
    }

    #[cold]
    fn terms(&self, names: &Names, instrument: InstrumentId, order_type: OrderType) -> PyResult<Terms> {
        let lots = |qty: Argument, name, none| qty.map_or(Ok(none), |qty| names.lots(instrument, qty, name));
        let ticks = |price: Argument, name| names.ticks(instrument, price, name);
        let (trail, trail_unit) = self.distance(names, instrument)?;
        let default_trigger = match order_type {
            OrderType::Stop | OrderType::StopLimit | OrderType::TrailingStop => Trigger::Last,
            OrderType::Market | OrderType::Limit | OrderType::Pegged => Trigger::None,
        };
        Ok(Terms {
            stop_price: Ticks(ticks(self.stop_price, "stop_price")?),
            trail,
            peg_offset: Ticks(ticks(self.peg_offset, "peg_offset")?),
            display_qty: Qty(lots(self.display_qty, "display_qty", DISPLAY_ALL.0)?),
            min_qty: Qty(lots(self.min_qty, "min_qty", 0)?),
            expire_at: Nanos(self.expire_at.map_or(Ok(0), |time| whole(time, "expire_at"))?),
            trail_unit,
            trigger: self.trigger.map_or(Ok(default_trigger), word)?,
            peg_reference: self.peg.map_or(Ok(PegReference::None), word)?,
            all_or_none: self.all_or_none.map_or(Ok(false), Bound::is_truthy)?,
        })
    }

    fn distance(&self, names: &Names, instrument: InstrumentId) -> PyResult<(i64, TrailUnit)> {
        match (self.trail, self.trail_bps) {
            (Some(trail), Some(_)) => {
                let what = "a distance is stated as trail or as trail_bps, and not as both";
                Err(Facts::new("ConfigError", what).raise(trail.py()))
            }
            (None, Some(bps)) => Ok((basis_points(bps)?, TrailUnit::Bps)),
            (Some(_), None) => Ok((names.ticks(instrument, self.trail, "trail")?, TrailUnit::Ticks)),
            (None, None) => Ok((0, TrailUnit::None)),
        }
    }
}

fn post_only(value: &Bound<'_, PyAny>) -> PyResult<PostOnly> {
    match value.cast_exact::<PyBool>() {
        Ok(flag) => Ok(if flag.is_true() { PostOnly::Reject } else { PostOnly::No }),
        Err(_) => word(value),
    }
}

fn basis_points(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    let number = whole(value, "trail_bps")?;
    if value.eq(number)? {
        return Ok(number);
    }
    Err(Facts::new("DataError", "basis points are whole numbers").object(value).place("trail_bps").raise(value.py()))
}
