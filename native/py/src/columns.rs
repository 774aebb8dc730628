//! Vectors as NumPy columns.

use numpy::{Element, PyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// A table: one NumPy array per named column.
pub(crate) struct Columns<'py> {
    py: Python<'py>,
    table: Bound<'py, PyDict>,
}

impl<'py> Columns<'py> {
    pub fn new(py: Python<'py>) -> Self {
        Self { py, table: PyDict::new(py) }
    }

    pub fn with<T: Element>(self, name: &str, values: impl Iterator<Item = T>) -> PyResult<Self> {
        self.table.set_item(name, PyArray1::from_vec(self.py, values.collect()))?;
        Ok(self)
    }

    /// The same without a copy.
    pub fn moved<T: Element>(self, name: &str, values: Vec<T>) -> PyResult<Self> {
        self.table.set_item(name, PyArray1::from_vec(self.py, values))?;
        Ok(self)
    }

    pub fn done(self) -> Bound<'py, PyDict> {
        self.table
    }
}
