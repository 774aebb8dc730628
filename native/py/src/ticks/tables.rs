//! What a replay leaves behind, in columns.

use omni_sim::ticks::{Instructions, Message, Notice, NoticeKind, Order, Sample, TickEngine};
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

/// Order, kind, lots, ticks, maker, fee, venue's time.
pub(crate) type NoticeRow = (u32, u8, i64, i64, bool, f64, i64);

/// What was heard of an order.
pub(crate) fn notice_row(notice: Notice) -> NoticeRow {
    let (order, ts) = (notice.order, notice.ts_venue);
    let said = |kind: u8, qty: i64, price: i64| (order, kind, qty, price, false, 0.0, ts);
    match notice.kind {
        NoticeKind::Accepted => said(0, 0, 0),
        NoticeKind::Replaced => said(1, 0, 0),
        NoticeKind::Fill { qty, price, is_maker, fee } => (order, 2, qty, price, is_maker, fee, ts),
        NoticeKind::Ended => said(3, 0, 0),
        NoticeKind::RequestRefused => said(4, 0, 0),
        NoticeKind::Triggered => said(5, 0, 0),
        NoticeKind::Repriced { price } => said(6, 0, price),
        NoticeKind::Refreshed { qty } => said(7, qty, 0),
        NoticeKind::Decremented { qty } => said(8, qty, 0),
    }
}

/// What few orders said, by their numbers.
pub(crate) fn terms<'py>(py: Python<'py>, said: &[(u32, Instructions)]) -> PyResult<Bound<'py, PyDict>> {
    let terms = || said.iter().map(|(_, said)| said.terms);
    let columns = Columns::new(py)
        .with("order", said.iter().map(|&(number, _)| number))?
        .with("stop_price", terms().map(|terms| terms.stop_price.0))?
        .with("trail", terms().map(|terms| terms.trail))?
        .with("trail_unit", terms().map(|terms| terms.trail_unit.code()))?
        .with("trigger", terms().map(|terms| terms.trigger.code()))?
        .with("peg_reference", terms().map(|terms| terms.peg_reference.code()))?
        .with("peg_offset", terms().map(|terms| terms.peg_offset.0))?
        .with("display_qty", terms().map(|terms| terms.display_qty.0))?
        .with("min_qty", terms().map(|terms| terms.min_qty.0))?
        .with("all_or_none", terms().map(|terms| u8::from(terms.all_or_none)))?
        .with("post_only", said.iter().map(|(_, said)| said.post_only.code()))?
        .with("self_trade", said.iter().map(|(_, said)| said.self_trade.code()))?
        .with("expire_at", terms().map(|terms| terms.expire_at.0))?;
    Ok(columns.done())
}
