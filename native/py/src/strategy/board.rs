//! Which instruments a run has, and which of them is being handled.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::prelude::*;

use crate::errors::Facts;

/// What context and indicators share: the instruments and which of them is being handled.
pub(super) struct Board {
    pub(super) columns: HashMap<String, usize>,
    pub(super) symbol: AtomicUsize,
}

impl Board {
    /// Column of the instrument being handled.
    pub(super) fn current(&self) -> usize {
        self.symbol.load(Ordering::Relaxed)
    }

    pub(super) fn turn_to(&self, symbol: usize) {
        self.symbol.store(symbol, Ordering::Relaxed);
    }

    pub(super) fn column(&self, py: Python<'_>, symbol: &str) -> PyResult<usize> {
        self.columns.get(symbol).copied().ok_or_else(|| {
            let mut known: Vec<_> = self.columns.keys().map(String::as_str).collect();
            known.sort_unstable();
            let expected = known.join(", ");
            Facts::new("UnknownSymbolError", "the bars hold no such symbol").found(symbol).expected(&expected).raise(py)
        })
    }
}
