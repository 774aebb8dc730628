//! The models of a run, as `SimulationConfig.to_engine` spells them.

use std::collections::HashMap;

use omni_oms::Limits;
use omni_sim::{
    ActionKind, Commission, CorporateAction, Currencies, FeeSchedule, FeeTier, Financing, FxRate, Halt, Impact, Models,
    NativeStrategy, Rule, TierBy,
};
use omni_types::Money;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::Facts;

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Fees {
    /// From; then of takers and of makers rate, per share and per fill.
    tiers: Vec<(f64, [f64; 3], [f64; 3])>,
    by_quantity: bool,
    minimum: f64,
    maximum: Option<f64>,
    maximum_rate: Option<f64>,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Impacts {
    temporary: f64,
    exponent: f64,
    permanent: f64,
    half_life: Option<f64>,
    window: usize,
    span_ns: i64,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Rates {
    borrow: Vec<f64>,
    margin: f64,
    cash: f64,
    day_count: f64,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Fx {
    rates: Vec<(usize, bool)>,
    of: Vec<u32>,
}

/// Symbol, time, what, and two numbers: new and old units of a split, amount and withheld fraction of a dividend.
type Action = (usize, i64, String, f64, f64);

/// Models from a dictionary in which those that are not wanted are left out.
pub(crate) fn models(given: &Bound<'_, PyDict>, n_instruments: usize) -> PyResult<Models> {
    let py = given.py();
    let mut parts: HashMap<String, Bound<'_, PyAny>> = given.extract()?;
    let fees = parts.remove("fees").map(|given| fees(&given)).transpose()?;
    let impact = parts.remove("impact").map(|impact| impact.extract::<Impacts>()).transpose()?;
    let financing = parts.remove("financing").map(|rates| rates.extract::<Rates>()).transpose()?;
    let actions = parts.remove("actions").map(|actions| actions.extract::<Vec<Action>>()).transpose()?.unwrap_or_default();
    let halts = parts.remove("halts").map(|halts| halts.extract::<Vec<(usize, i64, i64)>>()).transpose()?.unwrap_or_default();
    let currencies = parts.remove("currencies").map(|fx| fx.extract::<Fx>()).transpose()?;
    demand(py, "models", parts.is_empty(), "fees, impact, financing, actions, halts and currencies")?;
    let is_known = |symbol: usize| symbol < n_instruments;
    if let Some(Impacts { temporary, exponent, permanent, half_life, window, span_ns }) = &impact {
        let is_good = [temporary, exponent, permanent].into_iter().all(|number| (0.0..=1e9).contains(number));
        demand(py, "impact", is_good, "numbers from 0 to 1e9")?;
        let is_good = half_life.is_none_or(|half_life| half_life > 0.0) && *window >= 2 && *span_ns >= 1;
        demand(py, "impact", is_good, "a positive half-life and span, and a window from 2 on")?;
    }
    if let Some(Rates { borrow, margin, cash, day_count }) = &financing {
        demand(py, "financing", borrow.len() == n_instruments, "a rate for each instrument")?;
        let is_good = borrow.iter().chain([margin, cash]).all(|rate| rate.is_finite()) && *day_count > 0.0;
        demand(py, "financing", is_good, "finite rates, and days in a year")?;
    }
    for (symbol, _, what, a, b) in &actions {
        let is_good = match what.as_str() {
            "split" => [a, b].into_iter().all(|units| (1.0..=1e6).contains(units)),
            _ => a.is_finite() && (0.0..=1.0).contains(b),
        };
        demand(py, "actions", is_known(*symbol) && is_good, "an instrument, and 1 to 1e6 units or a finite amount")?;
    }
    demand(
        py,
        "halts",
        halts.iter().all(|&(symbol, from, to)| is_known(symbol) && from <= to),
        "an instrument, a start and an end",
    )?;
    if let Some(Fx { rates, of }) = &currencies {
        let is_good = of.len() == n_instruments && of.iter().all(|&currency| currency as usize <= rates.len());
        let is_good = is_good && rates.iter().all(|&(symbol, _)| is_known(symbol));
        demand(py, "currencies", is_good, "a currency for each instrument, and an instrument for each rate")?;
    }
    Ok(Models {
        fees,
        impact: impact.map(|Impacts { temporary, exponent, permanent, half_life, window, span_ns: span }| Impact {
            temporary,
            exponent,
            permanent,
            half_life,
            window,
            span,
        }),
        financing: financing.map(|Rates { borrow, margin, cash, day_count }| Financing { borrow, margin, cash, day_count }),
        actions: actions.into_iter().map(action).collect(),
        halts: halts.into_iter().map(|(symbol, from, to)| Halt { symbol, from, to }).collect(),
        currencies: currencies.map(|Fx { rates, of }| Currencies {
            rates: rates.into_iter().map(|(symbol, inverse)| FxRate { symbol, inverse }).collect(),
            of,
        }),
    })
}

/// A fee schedule, as `FeeSchedule.to_engine` spells it.
pub(crate) fn fees(given: &Bound<'_, PyAny>) -> PyResult<FeeSchedule> {
    let Fees { tiers, by_quantity, minimum, maximum, maximum_rate } = given.extract()?;
    let is_good = tiers.iter().all(|(from, taker, maker)| taker.iter().chain(maker).chain([from]).all(|rate| rate.is_finite()));
    let begins = tiers.first().is_some_and(|tier| tier.0 == 0.0);
    demand(given.py(), "fees", is_good && begins && minimum.is_finite(), "tiers from volume 0 on, and finite rates")?;
    let commission = |[rate, per_share, per_fill]: [f64; 3]| Commission { rate, per_share, per_fill };
    Ok(FeeSchedule {
        tiers: tiers
            .into_iter()
            .map(|(from, taker, maker)| FeeTier { from, taker: commission(taker), maker: commission(maker) })
            .collect(),
        by: if by_quantity { TierBy::Quantity } else { TierBy::Notional },
        minimum,
        maximum,
        maximum_rate,
    })
}

fn demand(py: Python<'_>, name: &str, is_good: bool, expected: &str) -> PyResult<()> {
    if is_good {
        return Ok(());
    }
    Err(Facts::new("ConfigError", format!("{name} cannot be used")).expected(expected).raise(py))
}

fn action((symbol, ts, what, a, b): Action) -> CorporateAction {
    let kind = if what == "split" {
        ActionKind::Split { new: a as i64, old: b as i64 }
    } else {
        ActionKind::Dividend { amount: a, withheld: b }
    };
    CorporateAction { symbol, ts, kind }
}

#[derive(FromPyObject)]
struct LimitSetup {
    max_position: i64,
    max_order_qty: i64,
    collar_bps: i64,
    max_notional: i128,
    order_rate: i64,
    order_burst: i64,
    cancel_rate: i64,
    cancel_burst: i64,
    max_daily_loss: i128,
    max_drawdown: i64,
    max_leverage: i64,
    max_sector: i64,
    max_name: i64,
}

/// Limits from an `omni_lab.execution.setup.LimitSetup`.
pub(crate) fn limits(given: &Bound<'_, PyAny>) -> PyResult<Limits> {
    let LimitSetup { max_position, max_order_qty, collar_bps, max_notional, order_rate, order_burst, .. } = given.extract()?;
    let LimitSetup { cancel_rate, cancel_burst, max_daily_loss, max_drawdown, max_leverage, max_sector, max_name, .. } =
        given.extract()?;
    Ok(Limits {
        max_position,
        max_order_qty,
        collar_bps,
        max_notional: Money(max_notional),
        order_rate,
        order_burst,
        cancel_rate,
        cancel_burst,
        max_daily_loss: Money(max_daily_loss),
        max_drawdown,
        max_leverage,
        max_sector,
        max_name,
    })
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Crossing {
    fast: usize,
    slow: usize,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Reversion {
    window: usize,
    entry: f64,
    exit: f64,
}

/// A native strategy by its name and settings, which Python has checked.
pub(crate) fn strategy(name: &str, given: &Bound<'_, PyDict>, n_symbols: usize) -> PyResult<NativeStrategy> {
    let rule = if name == "sma_cross" {
        let Crossing { fast, slow } = given.extract()?;
        Rule::SmaCross { fast, slow }
    } else {
        let Reversion { window, entry, exit } = given.extract()?;
        Rule::ZScoreReversion { window, entry, exit }
    };
    let weight = given.as_any().get_item("position_size")?.extract()?;
    let direction: String = given.as_any().get_item("direction")?.extract()?;
    Ok(NativeStrategy::new(rule, weight, direction == "long_only", n_symbols))
}
