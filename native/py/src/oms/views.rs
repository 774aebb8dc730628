//! What a system knows, as columns and plain values: the same for one that runs and for one that is replayed.

use omni_book::Place;
use omni_oms::gate::map::{self, Bank};
use omni_oms::{Error, Oms, Position, Record, Stage};
use omni_types::{AccountId, InstrumentId, OrderId, Side};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::columns::Columns;
use crate::errors::{Refusal, hex};

/// Orders of a book, bids and then asks, each side in the order in which it trades; and phase and last price.
pub(crate) fn book<'py>(py: Python<'py>, oms: &Oms, instrument: u32) -> PyResult<Bound<'py, PyDict>> {
    let engine = oms.engine();
    if instrument as usize >= engine.n_instruments() {
        let known = engine.n_instruments() as u32;
        return Err(Refusal::from(Error::UnknownInstrument { found: instrument, known }).raise(py));
    }
    let instrument = InstrumentId(instrument);
    let orders: Vec<_> = [Side::Buy, Side::Sell].into_iter().flat_map(|side| engine.queue(instrument, side)).collect();
    let columns = Columns::new(py)
        .with("order_id", orders.iter().map(|order| order.id.0 as i64))?
        .with("account", orders.iter().map(|order| i64::from(order.account.0)))?
        .with("side", orders.iter().map(|order| i64::from(order.side.code())))?
        .with("price", orders.iter().map(|order| order.working_price.0))?
        .with("qty", orders.iter().map(|order| order.slice.0))?
        .with("leaves", orders.iter().map(|order| order.leaves.0))?
        .with("hidden", orders.iter().map(|order| i64::from(order.place == Place::Hidden)))?;
    let book = PyDict::new(py);
    book.set_item("phase", engine.phase(instrument).code())?;
    book.set_item("last", engine.last(instrument).map_or(0, |price| price.0))?;
    book.set_item("orders", columns.done())?;
    Ok(book)
}

/// All that is known of an order, `None` if there never was one.
pub(crate) fn order<'py>(py: Python<'py>, oms: &Oms, id: OrderId) -> PyResult<Option<Bound<'py, PyDict>>> {
    let Some(record) = oms.order(id) else { return Ok(None) };
    let order = PyDict::new(py);
    order.set_item("order_id", id.0)?;
    order.set_item("client_order_id", record.client_order_id)?;
    order.set_item("account", record.account.0)?;
    order.set_item("instrument", record.instrument.0)?;
    order.set_item("side", record.side.code())?;
    order.set_item("order_type", record.order_type.code())?;
    order.set_item("time_in_force", record.time_in_force.code())?;
    order.set_item("state", record.state.code())?;
    order.set_item("reason", record.reason)?;
    order.set_item("qty", record.qty.0)?;
    order.set_item("price", record.price.0)?;
    order.set_item("leaves", record.leaves.0)?;
    order.set_item("cum", record.cum.0)?;
    order.set_item("cum_value", record.cum_value)?;
    let live = oms.live(id);
    order.set_item("stop_price", live.map_or(0, |live| live.terms.stop_price.0))?;
    order.set_item("working_price", live.map_or(0, |live| live.working_price.0))?;
    order.set_item("place", live.map(|live| live.place.code()))?;
    Ok(Some(order))
}

/// Columns of the orders that live, or of all there ever were.
pub(crate) fn orders<'py>(py: Python<'py>, oms: &Oms, live: bool) -> PyResult<Bound<'py, PyDict>> {
    let all = (1..).zip(oms.orders().all());
    let rows: Vec<(i64, &Record)> = all.filter(|(_, record)| !live || record.state.is_live()).collect();
    let columns = Columns::new(py)
        .with("order_id", rows.iter().map(|&(id, _)| id))?
        .with("account", rows.iter().map(|(_, record)| i64::from(record.account.0)))?
        .with("instrument", rows.iter().map(|(_, record)| i64::from(record.instrument.0)))?
        .with("side", rows.iter().map(|(_, record)| i64::from(record.side.code())))?
        .with("order_type", rows.iter().map(|(_, record)| i64::from(record.order_type.code())))?
        .with("time_in_force", rows.iter().map(|(_, record)| i64::from(record.time_in_force.code())))?
        .with("state", rows.iter().map(|(_, record)| i64::from(record.state.code())))?
        .with("reason", rows.iter().map(|(_, record)| i64::from(record.reason)))?
        .with("qty", rows.iter().map(|(_, record)| record.qty.0))?
        .with("price", rows.iter().map(|(_, record)| record.price.0))?
        .with("leaves", rows.iter().map(|(_, record)| record.leaves.0))?
        .with("cum", rows.iter().map(|(_, record)| record.cum.0))?;
    Ok(columns.done())
}

/// A position: account, instrument, qty, bought, sold (lots), cost, realised (1e-18), and the reference price it is valued at (ticks).
pub(crate) type PositionRow = (u32, u32, i64, i64, i64, i128, i128, i64);

/// Every position that a fill ever touched, by account, then instrument.
pub(crate) fn positions(oms: &Oms) -> Vec<PositionRow> {
    let row = |(account, instrument, position): (AccountId, InstrumentId, &Position)| {
        let Position { qty, bought, sold, cost, realised } = *position;
        (account.0, instrument.0, qty, bought, sold, cost.0, realised.0, reference(oms, instrument))
    };
    oms.positions().iter().map(row).collect()
}

/// Instrument and total quantity of an order; zeros if there is none.
pub(crate) fn terms(oms: &Oms, id: OrderId) -> (InstrumentId, i64) {
    oms.order(id).map_or((InstrumentId(0), 0), |record| (record.instrument, record.qty.0))
}

pub(crate) fn state_hash(oms: &Oms) -> String {
    hex(&oms.state_hash())
}

/// Durations by stage: how many, p50, p99, p99.9 and the longest, nanoseconds; empty if nothing was measured.
pub(crate) fn latency<'py>(py: Python<'py>, oms: &Oms) -> PyResult<Bound<'py, PyDict>> {
    let Some(latency) = oms.latency() else { return Ok(PyDict::new(py)) };
    let stages = Stage::ALL.map(|stage| latency.histogram(stage));
    let quantile = |quantile: f64| stages.map(|stage| stage.value_at_quantile(quantile) as i64).into_iter();
    let columns = Columns::new(py)
        .with("count", stages.iter().map(|stage| stage.len() as i64))?
        .with("p50_ns", quantile(0.5))?
        .with("p99_ns", quantile(0.99))?
        .with("p999_ns", quantile(0.999))?
        .with("max_ns", stages.iter().map(|stage| stage.max() as i64))?
        .done();
    columns.set_item("stage", Stage::ALL.map(Stage::name))?;
    Ok(columns)
}

/// By stage: durations in nanoseconds, and how often each was measured.
pub(crate) fn histograms<'py>(py: Python<'py>, oms: &Oms) -> PyResult<Bound<'py, PyDict>> {
    let histograms = PyDict::new(py);
    for (stage, latency) in Stage::ALL.into_iter().zip(std::iter::repeat(oms.latency())) {
        let Some(latency) = latency else { break };
        let measured: Vec<_> = latency.histogram(stage).iter_recorded().collect();
        let columns = Columns::new(py)
            .with("ns", measured.iter().map(|bucket| bucket.value_iterated_to() as i64))?
            .with("count", measured.iter().map(|bucket| bucket.count_at_value() as i64))?;
        let columns = columns.done();
        histograms.set_item(stage.name(), (columns.get_item("ns")?, columns.get_item("count")?))?;
    }
    Ok(histograms)
}

/// The reference price of an instrument, as its register says; 0 for none.
fn reference(oms: &Oms, instrument: InstrumentId) -> i64 {
    let address = Bank::Instrument.base() + Bank::Instrument.stride() * u64::from(instrument.0) + map::instrument::REFERENCE;
    oms.read_register(address).map_or(0, |price| price as i64)
}
