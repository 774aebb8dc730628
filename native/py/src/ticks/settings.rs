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

/// A number that has to be one.
pub(crate) fn demand(py: Python<'_>, name: &str, value: f64, is_good: bool, expected: &str) -> PyResult<()> {
    if is_good && value.is_finite() {
        return Ok(());
    }
    Err(Facts::new("ConfigError", format!("{name} cannot be used")).found(value).expected(expected).raise(py))
}

/// A time of a table, or another whole number with a least value.
fn at_least(table: &Bound<'_, PyDict>, name: &str, least: i64) -> PyResult<i64> {
    let value: i64 = get(table, name)?;
    if (least..=omni_types::LARGEST).contains(&value) {
        return Ok(value);
    }
    let expected = format!("{least} to {}", omni_types::LARGEST);
    Err(Facts::new("ConfigError", format!("{name} cannot be used")).found(value).expected(&expected).raise(table.py()))
}

/// A number of a table that is above 0.
fn positive(table: &Bound<'_, PyDict>, name: &str) -> PyResult<f64> {
    let value: f64 = get(table, name)?;
    demand(table.py(), name, value, value > 0.0, "a positive number")?;
    Ok(value)
}

/// A number of a table that is not below 0.
fn natural(table: &Bound<'_, PyDict>, name: &str) -> PyResult<f64> {
    let value: f64 = get(table, name)?;
    demand(table.py(), name, value, value >= 0.0, "0 or more")?;
    Ok(value)
}

/// A limit of a table; `open` where there is none.
fn limit(table: &Bound<'_, PyDict>, name: &str, (least, most): (i64, i64), open: i64) -> PyResult<i64> {
    let Some(value) = optional::<i64>(table, name)? else { return Ok(open) };
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    let expected = format!("{least} to {most}");
    Err(Facts::new("ConfigError", format!("{name} cannot be used")).found(value).expected(&expected).raise(table.py()))
}

pub(crate) fn queue(py: Python<'_>, name: &str, power: f64) -> PyResult<QueueModel> {
    demand(py, "power", power, power > 0.0, "a positive number")?;
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
        "constant" => {
            Ok(Latency::Constant { entry: at_least(table, "entry_ns", 0)?, response: at_least(table, "response_ns", 0)? })
        }
        "lognormal" => {
            let (base, median) = (at_least(table, "base_ns", 0)?, natural(table, "median_ns")?);
            Ok(Latency::LogNormal { base, median, sigma: natural(table, "sigma")? })
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
        let Some(amount) = optional::<f64>(table, name)? else { return Ok(none) };
        demand(py, name, amount, amount >= 0.0, "0 or more")?;
        money(py, name, amount)
    };
    let (lots, rate) = ((0, i64::MAX), (1, 1_000_000_000));
    Ok(Limits {
        max_position: limit(table, "max_position", lots, open.max_position)?,
        max_order_qty: limit(table, "max_order_qty", lots, open.max_order_qty)?,
        collar_bps: limit(table, "collar_bps", lots, open.collar_bps)?,
        max_notional: amount("max_notional", open.max_notional)?,
        order_rate: limit(table, "order_rate", rate, open.order_rate)?,
        order_burst: limit(table, "order_burst", rate, open.order_burst)?,
        cancel_rate: limit(table, "cancel_rate", rate, open.cancel_rate)?,
        cancel_burst: limit(table, "cancel_burst", rate, open.cancel_burst)?,
        max_daily_loss: amount("max_daily_loss", open.max_daily_loss)?,
        max_drawdown: limit(table, "max_drawdown", lots, open.max_drawdown)?,
        max_leverage: limit(table, "max_leverage", lots, open.max_leverage)?,
        max_sector: limit(table, "max_sector", lots, open.max_sector)?,
        max_name: limit(table, "max_name", lots, open.max_name)?,
    })
}

pub(crate) fn quoter(table: &Bound<'_, PyDict>) -> PyResult<QuoterConfig> {
    let rule: String = get(table, "rule")?;
    let rule = match rule.as_str() {
        "fixed" => QuotingRule::Fixed { half_spread: natural(table, "half_spread")?, skew: natural(table, "skew")? },
        "avellaneda_stoikov" => QuotingRule::AvellanedaStoikov {
            gamma: positive(table, "gamma")?,
            kappa: positive(table, "kappa")?,
            horizon: positive(table, "horizon")?,
        },
        "glft" => QuotingRule::Glft {
            gamma: positive(table, "gamma")?,
            kappa: positive(table, "kappa")?,
            intensity: positive(table, "intensity")?,
        },
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
        tick: at_least(table, "tick", 1)?,
        interval: at_least(table, "interval_ns", 1)?,
        rule,
        qty: at_least(table, "qty", 1)?,
        max_position: at_least(table, "max_position", 0)?,
        n_levels: get(table, "n_levels")?,
        level_step: at_least(table, "level_step", 1)?,
        half_life: positive(table, "half_life")?,
    })
}
