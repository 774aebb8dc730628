//! What a strategy says of an order beyond its limit or its stop, read from the keywords that `OrderManager.submit` takes.

use omni_sim::{OrderKind, OrderRequest, OrderTerms};
use omni_types::{OrderType, PostOnly, Qty, Side, Ticks, TimeInForce, TrailUnit, Trigger};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};

use super::context::Context;
use crate::errors::Facts;
use crate::oms::words::word;

const KNOWN: [&str; 14] = [
    "all_or_none",
    "display_qty",
    "expire_at",
    "min_qty",
    "order_type",
    "peg",
    "peg_offset",
    "post_only",
    "price",
    "stop_price",
    "time_in_force",
    "trail",
    "trail_bps",
    "trigger",
];

/// An order as a strategy said it: its column, its side and what it wants, prices as currency.
pub(super) struct Wanted<'a> {
    pub symbol: usize,
    pub side: Side,
    pub qty: f64,
    pub limit: Option<f64>,
    pub stop: Option<f64>,
    pub terms: Option<&'a Bound<'a, PyDict>>,
}

impl Wanted<'_> {
    /// What the engine takes; no terms for an order that says nothing.
    pub fn read(&self, py: Python<'_>, context: &Context) -> PyResult<(OrderRequest, Option<OrderTerms>)> {
        let instrument = &context.panel.instruments()[self.symbol];
        let ticks = |name: &str, price: f64| {
            Ok::<_, PyErr>(Ticks(instrument.exact_ticks(Context::number(py, name, price)?).round() as i64))
        };
        let qty = instrument.lots(Context::number(py, "qty", self.qty)?);
        let request = |kind, price| OrderRequest { symbol: self.symbol, side: self.side, qty, kind, price };
        let Some(given) = self.terms.filter(|terms| !terms.is_empty()) else {
            return Ok(match (self.limit, self.stop) {
                (None, None) => (request(OrderKind::Market, Ticks(0)), None),
                (Some(limit), None) => (request(OrderKind::Limit, ticks("limit", limit)?), None),
                (None, Some(stop)) => (request(OrderKind::Stop, ticks("stop", stop)?), None),
                (Some(limit), Some(stop)) => {
                    let terms = OrderTerms { stop_price: ticks("stop", stop)?, ..OrderTerms::PLAIN };
                    (request(OrderKind::StopLimit, ticks("limit", limit)?), Some(terms))
                }
            });
        };
        let said = Said { py, given };
        said.refuse_unknown()?;
        let limit = said.either("limit", self.limit, "price")?;
        let stop = said.either("stop", self.stop, "stop_price")?;
        let (trail, trail_bps) = (said.number("trail")?, said.whole("trail_bps")?);
        let kind = said.kind(limit, stop, trail.is_some() || trail_bps.is_some())?;
        said.refuse_other_prices(kind, limit, stop, trail.is_some() || trail_bps.is_some())?;
        let lots = |qty: f64| instrument.lots(qty);
        let (time_in_force, post_only) = said.duration()?;
        let (trail, trail_unit) = match (trail, trail_bps) {
            (Some(_), Some(_)) => {
                return Err(Facts::new("ConfigError", "an order trails by a price or by basis points, not both").raise(py));
            }
            (Some(distance), None) => (ticks("trail", distance)?.0, TrailUnit::Ticks),
            (None, Some(bps)) => (bps, TrailUnit::Bps),
            (None, None) => (0, TrailUnit::None),
        };
        let stop_price = match (kind, stop) {
            (OrderKind::StopLimit, Some(stop)) => ticks("stop_price", stop)?,
            _ => Ticks(0),
        };
        let terms = OrderTerms {
            time_in_force,
            stop_price,
            trail,
            trail_unit,
            display_qty: Qty(said.number("display_qty")?.map_or(-1, lots)),
            min_qty: said.number("min_qty")?.map_or(0, lots),
            all_or_none: said.flag("all_or_none")?,
            post_only,
            expire_at: said.moment("expire_at")?.unwrap_or(0),
        };
        let price = match kind {
            OrderKind::Limit | OrderKind::StopLimit => limit.map(|price| ticks("limit", price)).transpose()?,
            OrderKind::Stop => stop.map(|price| ticks("stop", price)).transpose()?,
            OrderKind::Market | OrderKind::TrailingStop => None,
        };
        Ok((request(kind, price.unwrap_or(Ticks(0))), Some(terms)))
    }
}

/// Keywords of an order.
struct Said<'a, 'py> {
    py: Python<'py>,
    given: &'a Bound<'a, PyDict>,
}

impl<'py> Said<'_, 'py> {
    fn get(&self, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let found = self.given.get_item(name)?.filter(|value| !value.is_none());
        Ok(found.map(|value| value.unbind().into_bound(self.py)))
    }

    fn refuse_unknown(&self) -> PyResult<()> {
        for name in self.given.keys() {
            let name: String = name.extract()?;
            if !KNOWN.contains(&name.as_str()) {
                let expected = format!("symbol, limit, stop, {}", KNOWN.join(", "));
                let error = Facts::new("ConfigError", "an order has no such term").found(name).expected(&expected);
                return Err(error.raise(self.py));
            }
        }
        if self.get("peg")?.is_some() || self.get("peg_offset")?.is_some() {
            return Err(self.no_quotes("a pegged order follows the best bid or ask"));
        }
        if let Some(trigger) = self.get("trigger")?
            && word::<Trigger>(&trigger)? == Trigger::Bbo
        {
            return Err(self.no_quotes("a stop with trigger='BBO' watches the best bid or ask"));
        }
        Ok(())
    }

    fn no_quotes(&self, what: &str) -> PyErr {
        let error = Facts::new("ConfigError", format!("{what}, and bars have no quotes"));
        error.hint("Send it in a market with quotes: a simulated market (AgentMarket) or the OrderManager.").raise(self.py)
    }

    fn number(&self, name: &str) -> PyResult<Option<f64>> {
        let Some(value) = self.get(name)? else { return Ok(None) };
        let number = value.extract().map_err(|_| self.unusable(name, &value, "a number"))?;
        Context::number(self.py, name, number).map(Some)
    }

    fn whole(&self, name: &str) -> PyResult<Option<i64>> {
        let Some(value) = self.get(name)? else { return Ok(None) };
        value.extract().map(Some).map_err(|_| self.unusable(name, &value, "a whole number"))
    }

    fn flag(&self, name: &str) -> PyResult<bool> {
        let Some(value) = self.get(name)? else { return Ok(false) };
        value.extract().map_err(|_| self.unusable(name, &value, "True or False"))
    }

    fn moment(&self, name: &str) -> PyResult<Option<i64>> {
        let Some(value) = self.get(name)? else { return Ok(None) };
        let moments = self.py.import("omni_lab.data.moments")?;
        moments.getattr("moment_ns")?.call1((value,))?.extract().map(Some)
    }

    fn unusable(&self, name: &str, value: &Bound<'_, PyAny>, expected: &str) -> PyErr {
        Facts::new("ConfigError", format!("{name} of an order cannot be used")).object(value).expected(expected).raise(self.py)
    }

    /// A price by either of its names.
    fn either(&self, name: &str, value: Option<f64>, other: &str) -> PyResult<Option<f64>> {
        let also = self.number(other)?;
        if value.is_some() && also.is_some() {
            let error = Facts::new("ConfigError", format!("{name} and {other} are the same: give one of them"));
            return Err(error.raise(self.py));
        }
        Ok(value.or(also))
    }

    /// The kind that is named, or implied by the prices.
    fn kind(&self, limit: Option<f64>, stop: Option<f64>, trails: bool) -> PyResult<OrderKind> {
        let named = self.get("order_type")?.map(|value| word::<OrderType>(&value)).transpose()?;
        Ok(match named {
            None if trails => OrderKind::TrailingStop,
            None => match (limit.is_some(), stop.is_some()) {
                (false, false) => OrderKind::Market,
                (true, false) => OrderKind::Limit,
                (false, true) => OrderKind::Stop,
                (true, true) => OrderKind::StopLimit,
            },
            Some(OrderType::Market) => OrderKind::Market,
            Some(OrderType::Limit) => OrderKind::Limit,
            Some(OrderType::Stop) => OrderKind::Stop,
            Some(OrderType::StopLimit) => OrderKind::StopLimit,
            Some(OrderType::TrailingStop) => OrderKind::TrailingStop,
            Some(OrderType::Pegged) => return Err(self.no_quotes("a pegged order follows the best bid or ask")),
        })
    }

    /// Prices that the kind does not have must not be dropped in silence; those that it lacks are refused by the engine.
    fn refuse_other_prices(&self, kind: OrderKind, limit: Option<f64>, stop: Option<f64>, trails: bool) -> PyResult<()> {
        let (has_limit, has_stop, trailing, name) = match kind {
            OrderKind::Market => (false, false, false, "a market order"),
            OrderKind::Limit => (true, false, false, "a limit order"),
            OrderKind::Stop => (false, true, false, "a stop order"),
            OrderKind::StopLimit => (true, true, false, "a stop-limit order"),
            OrderKind::TrailingStop => (false, false, true, "a trailing stop"),
        };
        for (extra, what) in [
            (limit.is_some() && !has_limit, "limit price"),
            (stop.is_some() && !has_stop, "stop price"),
            (trails && !trailing, "trail"),
        ] {
            if extra {
                let error = Facts::new("ConfigError", format!("{name} has no {what}"));
                return Err(error.hint("Leave it out, or leave out order_type: the prices imply it.").raise(self.py));
            }
        }
        Ok(())
    }

    /// How long it works, and whether it may take; `time_in_force="POST_ONLY"` is what ticks call a post-only order.
    fn duration(&self) -> PyResult<(TimeInForce, PostOnly)> {
        let post_only = match self.get("post_only")? {
            None => PostOnly::No,
            Some(value) => match value.cast_exact::<PyBool>() {
                Ok(flag) if flag.is_true() => PostOnly::Reject,
                Ok(_) => PostOnly::No,
                Err(_) => word(&value)?,
            },
        };
        let Some(value) = self.get("time_in_force")? else { return Ok((TimeInForce::Gtc, post_only)) };
        let text = value.cast::<PyString>().ok().and_then(|text| text.to_str().ok());
        if text.is_some_and(|text| text.eq_ignore_ascii_case("POST_ONLY")) {
            return Ok((TimeInForce::Gtc, PostOnly::Reject));
        }
        Ok((word(&value)?, post_only))
    }
}
