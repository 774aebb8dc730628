//! `omni_lab._native`: bars, the bar engine, the order-management system and market feeds for Python.
//!
//! Data crosses in columns, errors are the classes of `omni_lab.errors`, and long work releases the interpreter lock. Docstrings live in
//! `_native.pyi`, which a test compares with this module.
#![allow(missing_docs, clippy::needless_pass_by_value)]

mod agents;
mod bars;
mod columns;
mod engine;
mod errors;
mod feed;
mod models;
mod oms;
mod sessions;
mod strategy;
mod ticks;

use pyo3::prelude::*;

#[global_allocator]
static ALLOCATOR: omni_memory::HugePages = omni_memory::HugePages;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<bars::Bars>()?;
    module.add_class::<engine::BarEngine>()?;
    module.add_class::<strategy::Bar>()?;
    module.add_class::<strategy::Context>()?;
    module.add_class::<strategy::Fill>()?;
    module.add_class::<strategy::Indicator>()?;
    module.add_class::<strategy::OrderUpdate>()?;
    module.add_class::<strategy::Timer>()?;
    sessions::add(module)?;
    feed::add(module)?;
    ticks::add(module)?;
    agents::add(module)?;
    oms::add(module)
}
