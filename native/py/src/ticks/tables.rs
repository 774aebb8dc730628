//! What a replay leaves behind, in columns.

use omni_sim::ticks::{Message, Order, Sample, TickEngine};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::columns::Columns;

pub(crate) fn orders<'py>(py: Python<'py>, engine: &TickEngine) -> PyResult<Bound<'py, PyDict>> {
    Ok(order_columns(py, engine.orders())?.done())
}

pub(crate) fn messages<'py>(py: Python<'py>, engine: &TickEngine) -> PyResult<Bound<'py, PyDict>> {
    message_table(py, &engine.recorder().messages)
}

pub(crate) fn samples<'py>(py: Python<'py>, engine: &TickEngine) -> PyResult<Bound<'py, PyDict>> {
    sample_table(py, &engine.recorder().samples)
}

/// What came or went other than by fills.
pub(crate) fn flows<'py>(py: Python<'py>, engine: &TickEngine) -> PyResult<Bound<'py, PyDict>> {
    let flows = engine.flows();
    let columns = Columns::new(py)
        .with("ts", flows.iter().map(|flow| flow.at))?
        .with("symbol", flows.iter().map(|flow| flow.symbol.map_or(-1, |symbol| symbol as i32)))?
        .with("currency", flows.iter().map(|flow| flow.currency))?
        .with("kind", flows.iter().map(|flow| flow.kind as u8))?
        .with("lots", flows.iter().map(|flow| flow.lots))?
        .with("amount", flows.iter().map(|flow| flow.amount.to_f64()))?;
    Ok(columns.done())
}

pub(crate) fn met<'py>(py: Python<'py>, engine: &TickEngine) -> PyResult<Bound<'py, PyDict>> {
    let columns = Columns::new(py)
        .with("message", engine.met().iter().map(|&(message, _)| message))?
        .with("price", engine.met().iter().map(|&(_, price)| price))?;
    Ok(columns.done())
}

pub(crate) fn order_columns<'py>(py: Python<'py>, orders: &[Order]) -> PyResult<Columns<'py>> {
    Columns::new(py)
        .with("instrument", orders.iter().map(|order| order.instrument))?
        .with("side", orders.iter().map(|order| order.side.code()))?
        .with("kind", orders.iter().map(|order| order.kind as u8))?
        .with("time_in_force", orders.iter().map(|order| order.time_in_force as u8))?
        .with("price", orders.iter().map(|order| order.price))?
        .with("qty", orders.iter().map(|order| order.qty))?
        .with("filled", orders.iter().map(|order| order.filled))?
        .with("status", orders.iter().map(|order| order.status as u8))?
        .with("reason", orders.iter().map(|order| order.reason))?
        .with("ts_sent", orders.iter().map(|order| order.ts_sent))?
        .with("ts_venue", orders.iter().map(|order| order.ts_venue))?
        .with("ts_heard", orders.iter().map(|order| order.ts_heard))?
        .with("seen_bid", orders.iter().map(|order| order.seen.0))?
        .with("seen_ask", orders.iter().map(|order| order.seen.1))
}

pub(crate) fn message_table<'py>(py: Python<'py>, messages: &[Message]) -> PyResult<Bound<'py, PyDict>> {
    let columns = Columns::new(py)
        .with("ts", messages.iter().map(|message| message.ts))?
        .with("ts_venue", messages.iter().map(|message| message.ts_venue))?
        .with("order", messages.iter().map(|message| message.order))?
        .with("kind", messages.iter().map(|message| message.kind as u8))?
        .with("is_maker", messages.iter().map(|message| message.is_maker))?
        .with("reason", messages.iter().map(|message| message.reason))?
        .with("qty", messages.iter().map(|message| message.qty))?
        .with("price", messages.iter().map(|message| message.price))?
        .with("ahead", messages.iter().map(|message| message.ahead))?
        .with("fee", messages.iter().map(|message| message.fee))?;
    Ok(columns.done())
}

pub(crate) fn sample_table<'py>(py: Python<'py>, samples: &[Sample]) -> PyResult<Bound<'py, PyDict>> {
    let columns = Columns::new(py)
        .with("ts", samples.iter().map(|sample| sample.ts))?
        .with("equity", samples.iter().map(|sample| sample.equity))?
        .with("cash", samples.iter().map(|sample| sample.cash))?
        .with("position", samples.iter().map(|sample| sample.position))?
        .with("twice_mid", samples.iter().map(|sample| sample.twice_mid))?;
    Ok(columns.done())
}
