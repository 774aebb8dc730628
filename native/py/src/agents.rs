//! Markets made of participants for Python; `docs/participants.md` is the contract.
//!
//! Prices are ticks, quantities lots, times nanoseconds; `omni_lab.simulator.participants` has the settings as classes.

mod market;
mod settings;
mod tables;
pub(crate) mod terms;

use pyo3::prelude::*;

/// Adds what this module offers.
pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<market::AgentMarket>()
}
