//! `TickFeed`: events prepared for replay.

use std::sync::Arc;

use numpy::{PyArray1, PyReadonlyArray1};
use omni_sim::ticks::{Delays, FeedError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::Facts;
use crate::feed::Arrays;

#[pyclass(frozen, module = "omni_lab._native")]
pub(crate) struct TickFeed {
    pub feed: Arc<omni_sim::ticks::TickFeed>,
}

#[pymethods]
impl TickFeed {
    #[new]
    #[pyo3(signature = (events, *, delay_ns=0, each_delay_ns=None))]
    fn new(
        py: Python<'_>,
        events: &Bound<'_, PyDict>,
        delay_ns: i64,
        each_delay_ns: Option<PyReadonlyArray1<'_, i64>>,
    ) -> PyResult<Self> {
        let arrays = Arrays::of(events)?;
        let events = arrays.events(py)?;
        let each = each_delay_ns.as_ref().map(PyReadonlyArray1::as_slice).transpose();
        let each = each.map_err(|_| Facts::new("ShapeError", "delays must be contiguous").raise(py))?;
        let delays = each.map_or(Delays::Constant(delay_ns), Delays::Each);
        let feed = py.detach(|| omni_sim::ticks::TickFeed::new(&events, delays));
        let feed = feed.map_err(|error| feed_error(py, error, events.len()))?;
        Ok(Self { feed: Arc::new(feed) })
    }

    #[getter]
    fn n_steps(&self) -> usize {
        self.feed.n_steps()
    }

    #[getter]
    fn names_orders(&self) -> bool {
        self.feed.names_orders()
    }

    #[getter]
    fn span(&self) -> (i64, i64) {
        self.feed.span()
    }

    fn instruments<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u16>> {
        PyArray1::from_slice(py, self.feed.instruments())
    }

    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (counts, table) = (self.feed.counts(), PyDict::new(py));
        table.set_item("events", counts.events)?;
        table.set_item("unknown_order", counts.unknown_order)?;
        table.set_item("over_taken", counts.over_taken)?;
        table.set_item("duplicate_order", counts.duplicate_order)?;
        table.set_item("malformed", counts.malformed)?;
        table.set_item("held_back", self.feed.n_held_back())?;
        Ok(table)
    }
}

fn feed_error(py: Python<'_>, error: FeedError, n_events: usize) -> PyErr {
    match error {
        FeedError::Empty => Facts::new("DataError", "there are no events to replay").expected("at least one"),
        FeedError::TooMany => Facts::new("DataError", "there are too many events for one replay")
            .found(n_events)
            .expected("fewer than 2^32")
            .hint("Replay a part of the day, or fewer instruments."),
        FeedError::Backward { row } => Facts::new("DataError", "times of events must not fall")
            .place(format!("event {row}"))
            .hint("Events.require_order says how often they do; sort them, stably, by ts."),
        FeedError::Delay { row } => Facts::new("DataError", "each event needs one delay, and none may be negative")
            .place(format!("delay {row} of {n_events}")),
    }
    .raise(py)
}
