//! Captured feeds for Python: captures read in batches of columns, and the books of a whole market; `docs/feeds.md` is the contract.
//!
//! A call is a batch and releases the interpreter lock: between two of them Python looks at Ctrl-C.

mod books;
mod events;
mod generate;
mod messages;
mod reader;

use pyo3::prelude::*;

pub(crate) use events::{Arrays, table};

/// Adds what this module offers.
pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<books::FeedBooks>()?;
    module.add_class::<reader::ItchReader>()?;
    module.add_function(wrap_pyfunction!(messages::itch_scan, module)?)?;
    module.add_function(wrap_pyfunction!(generate::itch_write, module)?)
}
