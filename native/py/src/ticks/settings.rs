//! Words and numbers of Python as settings of a replay.

use std::sync::Arc;

use numpy::PyReadonlyArray1;
use omni_oms::Limits;
use omni_sim::ticks::{Latency, LatencyError, MeasuredLatency, QueueModel, QuoterConfig, QuotingRule, Tilt};
use omni_types::Money;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::Facts;

/// A value of a table, or a refusal that names it.
pub(crate) fn get<'py, T: for<'a> FromPyObject<'a, 'py>>(table: &Bound<'py, PyDict>, name: &str) -> PyResult<T> {
    let py = table.py();
    let found = table.get_item(name)?.ok_or_else(|| Facts::new("ConfigError", format!("{name} is missing")).raise(py))?;
    found.extract().map_err(|_| Facts::new("ConfigError", format!("{name} cannot be used")).object(&found).raise(py))
}

pub(crate) fn optional<'py, T: for<'a> FromPyObject<'a, 'py>>(table: &Bound<'py, PyDict>, name: &str) -> PyResult<Option<T>> {
    match table.get_item(name)? {
        Some(value) if !value.is_none() => get(table, name).map(Some),
        _ => Ok(None),
    }
}

pub(crate) fn money(py: Python<'_>, name: &str, amount: f64) -> PyResult<Money> {
    Money::from_f64(amount).ok_or_else(|| {
        Facts::new("ConfigError", format!("{name} cannot be used")).found(amount).expected("a number up to 1e19").raise(py)
    })
}

pub(crate) fn queue(py: Python<'_>, name: &str, power: f64) -> PyResult<QueueModel> {
    Ok(match name {
        "conservative" => QueueModel::Conservative,
        "exact" => QueueModel::Exact,
        "power" => QueueModel::Probability(Tilt::Power(power)),
        "power_of_whole" => QueueModel::Probability(Tilt::PowerOfWhole(power)),
        "power_of_share" => QueueModel::Probability(Tilt::PowerOfShare(power)),
        "log" => QueueModel::Probability(Tilt::Log),
        "log_of_whole" => QueueModel::Probability(Tilt::LogOfWhole),
        _ => {
            let choices = ["conservative", "power", "power_of_whole", "power_of_share", "log", "log_of_whole", "exact"];
            return Err(Facts::new("ConfigError", "unknown queue model").found(name).choices(choices.iter()).raise(py));
        }
    })
}

pub(crate) fn latency(table: &Bound<'_, PyDict>) -> PyResult<Latency> {
    let py = table.py();
    let kind: String = get(table, "kind")?;
    match kind.as_str() {
        "constant" => Ok(Latency::Constant { entry: get(table, "entry_ns")?, response: get(table, "response_ns")? }),
        "lognormal" => {
            Ok(Latency::LogNormal { base: get(table, "base_ns")?, median: get(table, "median_ns")?, sigma: get(table, "sigma")? })
        }
        "measured" => {
            let column =
                |name: &str| -> PyResult<Vec<i64>> { Ok(get::<PyReadonlyArray1<'_, i64>>(table, name)?.as_array().to_vec()) };
            let measured = MeasuredLatency::new(column("sent")?, column("arrived")?, column("answered")?);
            measured.map(|measured| Latency::Measured(Arc::new(measured))).map_err(|error| {
                match error {
                    LatencyError::Length => {
                        Facts::new("ShapeError", "measured latencies need three columns of one length, and a row")
                    }
                    LatencyError::Backward { row } => {
                        Facts::new("DataError", "the times of measured latencies run backward").place(format!("row {row}"))
                    }
                }
                .raise(py)
            })
        }
        _ => {
            let choices = ["constant", "measured", "lognormal"];
            Err(Facts::new("ConfigError", "unknown model of latency").found(kind).choices(choices.iter()).raise(py))
        }
    }
}

pub(crate) fn limits(table: &Bound<'_, PyDict>) -> PyResult<Limits> {
    let (py, open) = (table.py(), Limits::default());
    let amount = |name: &str, none: Money| -> PyResult<Money> {
        optional::<f64>(table, name)?.map_or(Ok(none), |amount| money(py, name, amount))
    };
    Ok(Limits {
        max_position: optional(table, "max_position")?.unwrap_or(open.max_position),
        max_order_qty: optional(table, "max_order_qty")?.unwrap_or(open.max_order_qty),
        collar_bps: optional(table, "collar_bps")?.unwrap_or(open.collar_bps),
        max_notional: amount("max_notional", open.max_notional)?,
        order_rate: optional(table, "order_rate")?.unwrap_or(open.order_rate),
        order_burst: optional(table, "order_burst")?.unwrap_or(open.order_burst),
        cancel_rate: optional(table, "cancel_rate")?.unwrap_or(open.cancel_rate),
        cancel_burst: optional(table, "cancel_burst")?.unwrap_or(open.cancel_burst),
        max_daily_loss: amount("max_daily_loss", open.max_daily_loss)?,
    })
}

pub(crate) fn quoter(table: &Bound<'_, PyDict>) -> PyResult<QuoterConfig> {
    let rule: String = get(table, "rule")?;
    let rule = match rule.as_str() {
        "fixed" => QuotingRule::Fixed { half_spread: get(table, "half_spread")?, skew: get(table, "skew")? },
        "avellaneda_stoikov" => QuotingRule::AvellanedaStoikov {
            gamma: get(table, "gamma")?,
            kappa: get(table, "kappa")?,
            horizon: get(table, "horizon")?,
        },
        "glft" => {
            QuotingRule::Glft { gamma: get(table, "gamma")?, kappa: get(table, "kappa")?, intensity: get(table, "intensity")? }
        }
        _ => {
            let choices = ["fixed", "avellaneda_stoikov", "glft"];
            return Err(Facts::new("ConfigError", "unknown rule of quoting")
                .found(rule)
                .choices(choices.iter())
                .raise(table.py()));
        }
    };
    Ok(QuoterConfig {
        instrument: get(table, "instrument")?,
        tick: get(table, "tick")?,
        interval: get(table, "interval_ns")?,
        rule,
        qty: get(table, "qty")?,
        max_position: get(table, "max_position")?,
        n_levels: get(table, "n_levels")?,
        level_step: get(table, "level_step")?,
        half_life: get(table, "half_life")?,
    })
}
