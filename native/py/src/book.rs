//! `OrderBook`: the matching engine of one instrument, one command at a time.

use omni_types::{Event, LimitOrder, MarketOrder, OrderId, Qty, RejectReason, Side, Ticks};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::columns::Columns;
use crate::errors::Facts;

#[pyclass(module = "omni_lab._native")]
pub(crate) struct OrderBook {
    book: omni_book::OrderBook,
    events: Vec<Event>,
}

pub(crate) fn side_named(py: Python<'_>, name: &str) -> PyResult<Side> {
    match name {
        "BUY" => Ok(Side::Buy),
        "SELL" => Ok(Side::Sell),
        _ => Err(Facts::new("ConfigError", "no such side").found(name).expected("'BUY' or 'SELL'").raise(py)),
    }
}

pub(crate) fn side_name(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

fn reason_name(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::DuplicateOrderId => "DUPLICATE_ORDER_ID",
        RejectReason::InvalidQty => "INVALID_QTY",
        RejectReason::InvalidPrice => "INVALID_PRICE",
        RejectReason::UnknownOrder => "UNKNOWN_ORDER",
    }
}

fn event_dict<'py>(py: Python<'py>, event: &Event) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    match *event {
        Event::OrderAccepted { id } => {
            dict.set_item("event", "OrderAccepted")?;
            dict.set_item("order_id", id.0)?;
        }
        Event::OrderRejected { id, reason } => {
            dict.set_item("event", "OrderRejected")?;
            dict.set_item("order_id", id.0)?;
            dict.set_item("reason", reason_name(reason))?;
        }
        Event::Trade { maker, taker, aggressor, price, qty, maker_leaves } => {
            dict.set_item("event", "Trade")?;
            dict.set_item("maker", maker.0)?;
            dict.set_item("taker", taker.0)?;
            dict.set_item("aggressor", side_name(aggressor))?;
            dict.set_item("price_ticks", price.0)?;
            dict.set_item("qty", qty.0)?;
            dict.set_item("maker_leaves", maker_leaves.0)?;
        }
        Event::OrderCanceled { id, leaves } => {
            dict.set_item("event", "OrderCanceled")?;
            dict.set_item("order_id", id.0)?;
            dict.set_item("leaves_qty", leaves.0)?;
        }
    }
    Ok(dict)
}

impl OrderBook {
    fn answers<'py>(&mut self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        self.events.drain(..).map(|event| event_dict(py, &event)).collect()
    }
}

#[pymethods]
impl OrderBook {
    #[new]
    fn new() -> Self {
        Self { book: omni_book::OrderBook::new(), events: Vec::new() }
    }

    fn limit<'py>(
        &mut self,
        py: Python<'py>,
        order_id: u64,
        side: &str,
        price_ticks: i64,
        qty: i64,
    ) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let side = side_named(py, side)?;
        let order = LimitOrder { id: OrderId(order_id), side, price: Ticks(price_ticks), qty: Qty(qty) };
        self.book.submit_limit(order, &mut self.events);
        self.answers(py)
    }

    fn market<'py>(&mut self, py: Python<'py>, order_id: u64, side: &str, qty: i64) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let side = side_named(py, side)?;
        self.book.submit_market(MarketOrder { id: OrderId(order_id), side, qty: Qty(qty) }, &mut self.events);
        self.answers(py)
    }

    fn cancel<'py>(&mut self, py: Python<'py>, order_id: u64) -> PyResult<Vec<Bound<'py, PyDict>>> {
        self.book.cancel(OrderId(order_id), &mut self.events);
        self.answers(py)
    }

    #[getter]
    fn best_bid(&self) -> Option<i64> {
        self.book.best(Side::Buy).map(|price| price.0)
    }

    #[getter]
    fn best_ask(&self) -> Option<i64> {
        self.book.best(Side::Sell).map(|price| price.0)
    }

    #[pyo3(signature = (side, n_levels=10))]
    fn depth<'py>(&self, py: Python<'py>, side: &str, n_levels: usize) -> PyResult<Bound<'py, PyDict>> {
        let levels: Vec<_> = self.book.levels(side_named(py, side)?).take(n_levels).collect();
        let columns = Columns::new(py)
            .with("price_ticks", levels.iter().map(|level| level.price.0))?
            .with("qty", levels.iter().map(|level| level.qty.0))?
            .with("n_orders", levels.iter().map(|level| i64::from(level.n_orders)))?;
        Ok(columns.done())
    }

    fn __len__(&self) -> usize {
        self.book.len()
    }
}
