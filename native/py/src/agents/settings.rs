//! Words and numbers of Python as participants, and what is wrong with them.

use omni_sim::agents::{
    HawkesFlow, InformedFlow, MarketError, MarketMaker, N_KINDS, ParticipantConfig, SettingError, TrendFollower, Value,
    ZeroIntelligence,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{Facts, Refusal};
use crate::ticks::settings::get;

pub(crate) fn participant(table: &Bound<'_, PyDict>) -> PyResult<ParticipantConfig> {
    let kind: String = get(table, "kind")?;
    Ok(match kind.as_str() {
        "zero_intelligence" => ParticipantConfig::ZeroIntelligence(ZeroIntelligence {
            limit_rates: get(table, "limit_rates")?,
            market_rate: get(table, "market_rate")?,
            cancel_rates: get(table, "cancel_rates")?,
            qty: get(table, "qty")?,
        }),
        "informed" => ParticipantConfig::Informed(InformedFlow {
            rate: get(table, "rate")?,
            informed: get(table, "informed")?,
            qty: get(table, "qty")?,
            aggression: get(table, "aggression")?,
            max_qty: get(table, "max_qty")?,
            threshold: get(table, "threshold")?,
        }),
        "market_maker" => ParticipantConfig::MarketMaker(MarketMaker {
            interval: get(table, "interval_ns")?,
            half_spread: get(table, "half_spread")?,
            skew: get(table, "skew")?,
            qty: get(table, "qty")?,
            n_levels: get(table, "n_levels")?,
            level_step: get(table, "level_step")?,
            max_position: get(table, "max_position")?,
            impact: get(table, "impact")?,
            follow: get(table, "follow")?,
        }),
        "hawkes" => ParticipantConfig::Hawkes(Box::new(HawkesFlow {
            base: get::<[f64; N_KINDS]>(table, "base")?,
            branching: get::<[[f64; N_KINDS]; N_KINDS]>(table, "branching")?,
            decay: get(table, "decay")?,
            distances: get(table, "distances")?,
            qty: get(table, "qty")?,
        })),
        "trend" => ParticipantConfig::Trend(TrendFollower {
            rate: get(table, "rate")?,
            fast: get(table, "fast")?,
            slow: get(table, "slow")?,
            threshold: get(table, "threshold")?,
            qty: get(table, "qty")?,
            max_position: get(table, "max_position")?,
        }),
        _ => {
            let choices = ["zero_intelligence", "informed", "market_maker", "hawkes", "trend"];
            let facts = Facts::new("ConfigError", "unknown kind of participant").found(kind);
            return Err(facts.choices(choices.iter()).raise(table.py()));
        }
    })
}

pub(crate) fn value(table: &Bound<'_, PyDict>) -> PyResult<Value> {
    let kind: String = get(table, "kind")?;
    match kind.as_str() {
        "jumps" => Ok(Value::Jumps { rate: get(table, "jump_rate")?, ticks: get(table, "jump_ticks")? }),
        "schedule" => Ok(Value::Schedule { times: get(table, "times")?, values: get(table, "values")? }),
        _ => {
            let facts = Facts::new("ConfigError", "unknown rule of the value").found(kind);
            Err(facts.choices(["jumps", "schedule"].iter()).raise(table.py()))
        }
    }
}

/// Why a market cannot be, as an exception; `names` are the kinds of its participants.
pub(crate) fn refuse(py: Python<'_>, error: MarketError, names: &[&'static str]) -> PyErr {
    match error {
        MarketError::System(error) => Refusal::from(error).raise(py),
        MarketError::Setting(SettingError { participant, name, found, expected }) => {
            let facts = Facts::new("ConfigError", format!("{name} cannot be used")).found(found).expected(expected);
            let place = participant.map(|place| format!("participant {place} ({})", names[place]));
            Facts { place, ..facts }.raise(py)
        }
    }
}
