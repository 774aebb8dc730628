//! An order of any type, in ticks and lots.

use omni_types::{
    AccountId, InstrumentId, Nanos, NewOrder, OrderType, PegReference, PostOnly, Qty, SelfTrade, Side, Terms, Ticks, TimeInForce,
    TrailUnit, Trigger,
};
use pyo3::prelude::*;
use pyo3::types::PyBool;

use crate::oms::words::word;

type Argument<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

/// What somebody wants, as they said it; numbers that no order could have are refused by the venue.
pub(crate) struct Wanted<'a, 'py> {
    pub side: &'a Bound<'py, PyAny>,
    pub qty: i64,
    pub price: i64,
    pub order_type: Argument<'a, 'py>,
    pub time_in_force: Argument<'a, 'py>,
    pub self_trade: Argument<'a, 'py>,
    pub post_only: Argument<'a, 'py>,
    pub stop_price: i64,
    pub trail: i64,
    pub trail_bps: i64,
    pub trigger: Argument<'a, 'py>,
    pub peg: Argument<'a, 'py>,
    pub peg_offset: i64,
    pub display_qty: i64,
    pub min_qty: i64,
    pub all_or_none: bool,
    pub expire_at: i64,
}

impl Wanted<'_, '_> {
    pub fn read(&self) -> PyResult<NewOrder> {
        let order_type = self.order_type.map_or_else(|| Ok(self.implied_type()), word)?;
        let trigger = match order_type {
            OrderType::Stop | OrderType::StopLimit | OrderType::TrailingStop => Trigger::Last,
            OrderType::Market | OrderType::Limit | OrderType::Pegged => Trigger::None,
        };
        let (trail, trail_unit) = match (self.trail, self.trail_bps) {
            (0, 0) => (0, TrailUnit::None),
            (0, bps) => (bps, TrailUnit::Bps),
            (ticks, _) => (ticks, TrailUnit::Ticks),
        };
        Ok(NewOrder {
            account: AccountId(0),
            instrument: InstrumentId(0),
            side: word::<Side>(self.side)?,
            order_type,
            time_in_force: self.time_in_force.map_or(Ok(TimeInForce::Day), word)?,
            self_trade: self.self_trade.map_or(Ok(SelfTrade::Allow), word)?,
            post_only: self.post_only.map_or(Ok(PostOnly::No), post_only)?,
            qty: Qty(self.qty),
            price: Ticks(self.price),
            terms: Terms {
                stop_price: Ticks(self.stop_price),
                trail,
                peg_offset: Ticks(self.peg_offset),
                display_qty: Qty(self.display_qty),
                min_qty: Qty(self.min_qty),
                expire_at: Nanos(self.expire_at),
                trail_unit,
                trigger: self.trigger.map_or(Ok(trigger), word)?,
                peg_reference: self.peg.map_or(Ok(PegReference::None), word)?,
                all_or_none: self.all_or_none,
            },
        })
    }

    fn implied_type(&self) -> OrderType {
        match (self.stop_price, self.price) {
            _ if self.peg.is_some() => OrderType::Pegged,
            _ if self.trail != 0 || self.trail_bps != 0 => OrderType::TrailingStop,
            (0, 0) => OrderType::Market,
            (0, _) => OrderType::Limit,
            (_, 0) => OrderType::Stop,
            _ => OrderType::StopLimit,
        }
    }
}

fn post_only(value: &Bound<'_, PyAny>) -> PyResult<PostOnly> {
    match value.cast_exact::<PyBool>() {
        Ok(flag) => Ok(if flag.is_true() { PostOnly::Reject } else { PostOnly::No }),
        Err(_) => word(value),
    }
}
