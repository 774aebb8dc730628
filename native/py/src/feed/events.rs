//! Event columns, in and out.

use numpy::{Element, PyArray1, PyReadonlyArray1};
use omni_feed::Events;
use omni_wire::EventColumns;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::columns::Columns;
use crate::errors::Facts;

/// Event columns that Python owns.
pub(crate) struct Arrays<'py> {
    ts: PyReadonlyArray1<'py, i64>,
    kind: PyReadonlyArray1<'py, u8>,
    side: PyReadonlyArray1<'py, u8>,
    flags: PyReadonlyArray1<'py, u8>,
    instrument: PyReadonlyArray1<'py, u16>,
    order_id: PyReadonlyArray1<'py, u64>,
    other_id: PyReadonlyArray1<'py, u64>,
    qty: PyReadonlyArray1<'py, i64>,
    price: PyReadonlyArray1<'py, i64>,
}

impl<'py> Arrays<'py> {
    /// Take the columns of a table, whatever else is in it.
    pub fn of(table: &Bound<'py, PyDict>) -> PyResult<Self> {
        Ok(Self {
            ts: column(table, "ts", "int64")?,
            kind: column(table, "kind", "uint8")?,
            side: column(table, "side", "uint8")?,
            flags: column(table, "flags", "uint8")?,
            instrument: column(table, "instrument", "uint16")?,
            order_id: column(table, "order_id", "uint64")?,
            other_id: column(table, "other_id", "uint64")?,
            qty: column(table, "qty", "int64")?,
            price: column(table, "price", "int64")?,
        })
    }

    /// The columns as slices.
    pub fn events(&self, py: Python<'_>) -> PyResult<Events<'_>> {
        let events = Events {
            ts: slice(py, "ts", &self.ts)?,
            kind: slice(py, "kind", &self.kind)?,
            side: slice(py, "side", &self.side)?,
            flags: slice(py, "flags", &self.flags)?,
            instrument: slice(py, "instrument", &self.instrument)?,
            order_id: slice(py, "order_id", &self.order_id)?,
            other_id: slice(py, "other_id", &self.other_id)?,
            qty: slice(py, "qty", &self.qty)?,
            price: slice(py, "price", &self.price)?,
        };
        if events.is_even() {
            return Ok(events);
        }
        Err(Facts::new("ShapeError", "the columns of the events differ in length").raise(py))
    }
}

fn column<'py, T: Element>(table: &Bound<'py, PyDict>, name: &str, dtype: &str) -> PyResult<PyReadonlyArray1<'py, T>> {
    let py = table.py();
    let Some(column) = table.get_item(name)? else {
        let what = format!("the events have no column {name:?}");
        return Err(Facts::new("SchemaError", what).hint("The columns are those of docs/feeds.md, section 1.").raise(py));
    };
    column.extract().map_err(|_| {
        let found = column.getattr("dtype").and_then(|dtype| dtype.str()).unwrap_or_else(|_| column.get_type().str().unwrap());
        let facts = Facts::new("SchemaError", "a column of the events has another type").found(found);
        facts.expected(&format!("an array of {dtype} with one dimension")).place(format!("column {name:?}")).raise(py)
    })
}

fn slice<'a, T: Element>(py: Python<'_>, name: &str, column: &'a PyReadonlyArray1<'_, T>) -> PyResult<&'a [T]> {
    column.as_slice().map_err(|_| {
        Facts::new("ShapeError", format!("the column {name:?} must be contiguous"))
            .hint("numpy.ascontiguousarray makes it so.")
            .raise(py)
    })
}

/// Events as a table for Python.
pub(crate) fn table(py: Python<'_>, events: EventColumns) -> PyResult<Bound<'_, PyDict>> {
    let columns = Columns::new(py)
        .moved("ts", events.ts)?
        .moved("kind", events.kind)?
        .moved("side", events.side)?
        .moved("flags", events.flags)?
        .moved("instrument", events.instrument)?
        .moved("order_id", events.order_id)?
        .moved("other_id", events.other_id)?
        .moved("qty", events.qty)?
        .moved("price", events.price)?;
    Ok(columns.done())
}

/// An array of instruments, where one is given.
pub(crate) fn instruments(chosen: Option<PyReadonlyArray1<'_, u16>>) -> Option<Vec<u16>> {
    chosen.map(|chosen| chosen.as_array().iter().copied().collect())
}

/// Names and quantities as two arrays.
pub(crate) fn pair<A: Element, B: Element>(
    py: Python<'_>,
    pairs: Vec<(A, B)>,
) -> (Bound<'_, PyArray1<A>>, Bound<'_, PyArray1<B>>) {
    let (first, second): (Vec<A>, Vec<B>) = pairs.into_iter().unzip();
    (PyArray1::from_vec(py, first), PyArray1::from_vec(py, second))
}
