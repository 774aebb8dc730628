//! What a market leaves behind, in columns.

use omni_sim::agents::AgentMarket;
use omni_types::{AccountId, InstrumentId, Money};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::columns::Columns;
use crate::ticks::tables;

/// Those of a replay, and the code of the order's type at the venue.
pub(crate) fn orders<'py>(py: Python<'py>, market: &AgentMarket) -> PyResult<Bound<'py, PyDict>> {
    let columns = tables::order_columns(py, market.orders())?
        .with("order_type", market.terms().iter().map(|order| order.order_type.code()))?
        .with("venue_id", (0..market.orders().len()).map(|at| market.venue_id(at as u32).map_or(0, |id| id.0)))?;
    Ok(columns.done())
}

/// Accounts of the venue: ours, then the participants.
pub(crate) fn accounts<'py>(py: Python<'py>, market: &AgentMarket) -> PyResult<Bound<'py, PyDict>> {
    let n_accounts = market.names().len() as u32 + 1;
    let positions = market.oms().positions();
    let all = || (0..n_accounts).map(|at| positions.get(AccountId(at), InstrumentId(0)).copied().unwrap_or_default());
    let columns = Columns::new(py)
        .with("lots", all().map(|position| position.qty))?
        .with("bought", all().map(|position| position.bought))?
        .with("sold", all().map(|position| position.sold))?
        // What was paid for the open lots is gone, what they were sold short for is there.
        .with(
            "cash",
            all().map(|position| Money(position.realised.0 - i128::from(position.qty.signum()) * position.cost.0).to_f64()),
        )?;
    Ok(columns.done())
}

/// What the instrument was worth.
pub(crate) fn values<'py>(py: Python<'py>, market: &AgentMarket) -> PyResult<Bound<'py, PyDict>> {
    let columns = Columns::new(py)
        .with("ts", market.values().iter().map(|&(ts, _)| ts))?
        .with("value", market.values().iter().map(|&(_, value)| value))?;
    Ok(columns.done())
}
