//! Replays of captured markets for Python; `docs/replay.md` is the contract.
//!
//! Prices are ticks of the feed and quantities its lots; `omni_lab.simulator` shows them as currency and units. A step of a strategy costs
//! a few calls of a hundred nanoseconds, so nothing here asks for names.

mod engine;
mod feed;
pub(crate) mod settings;
pub(crate) mod tables;

use pyo3::prelude::*;

/// Adds what this module offers.
pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<feed::TickFeed>()?;
    module.add_class::<engine::TickEngine>()
}
