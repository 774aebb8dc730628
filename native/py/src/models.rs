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

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Fees {
    /// From, rate and per share of takers, rate and per share of makers.
    tiers: Vec<(f64, f64, f64, f64, f64)>,
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
pub(crate) fn models(given: &Bound<'_, PyDict>) -> PyResult<Models> {
    let mut parts: HashMap<String, Bound<'_, PyAny>> = given.extract()?;
    let fees = parts.remove("fees").map(|fees| fees.extract::<Fees>()).transpose()?;
    let impact = parts.remove("impact").map(|impact| impact.extract::<Impacts>()).transpose()?;
    let financing = parts.remove("financing").map(|rates| rates.extract::<Rates>()).transpose()?;
    let actions = parts.remove("actions").map(|actions| actions.extract::<Vec<Action>>()).transpose()?;
    let halts = parts.remove("halts").map(|halts| halts.extract::<Vec<(usize, i64, i64)>>()).transpose()?;
    let currencies = parts.remove("currencies").map(|fx| fx.extract::<Fx>()).transpose()?;
    let commission = |rate, per_share| Commission { rate, per_share };
    Ok(Models {
        fees: fees.map(|fees| FeeSchedule {
            tiers: fees
                .tiers
                .into_iter()
                .map(|(from, rate, share, maker_rate, maker_share)| FeeTier {
                    from,
                    taker: commission(rate, share),
                    maker: commission(maker_rate, maker_share),
                })
                .collect(),
            by: if fees.by_quantity { TierBy::Quantity } else { TierBy::Notional },
            minimum: fees.minimum,
            maximum: fees.maximum,
            maximum_rate: fees.maximum_rate,
        }),
        impact: impact.map(|Impacts { temporary, exponent, permanent, half_life, window }| Impact {
            temporary,
            exponent,
            permanent,
            half_life,
            window,
        }),
        financing: financing.map(|Rates { borrow, margin, cash, day_count }| Financing { borrow, margin, cash, day_count }),
        actions: actions.unwrap_or_default().into_iter().map(action).collect(),
        halts: halts.unwrap_or_default().into_iter().map(|(symbol, from, to)| Halt { symbol, from, to }).collect(),
        currencies: currencies.map(|Fx { rates, of }| Currencies {
            rates: rates.into_iter().map(|(symbol, inverse)| FxRate { symbol, inverse }).collect(),
            of,
        }),
    })
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
