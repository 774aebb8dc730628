//! Numbers as people write them, in whole steps. What fits is read here; what does not goes to `omni_lab.execution`, whose errors say why.

use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyString};

use crate::errors::Facts;

/// How far from a step, in steps, a number may lie and still mean it.
const OFF_GRID: f64 = 1e-6;
/// From here on steps have no room in 64 bits.
const TOO_MANY: f64 = 9_223_372_036_854_775_808.0;
/// Client order ids from here on are texts.
const TEXTS_BEGIN: u128 = 1 << 127;

/// How many steps of a grid a number is; the same rule as `omni_lab.execution.edges.on_grid`.
#[inline]
pub(crate) fn steps(value: &Bound<'_, PyAny>, step: f64, name: &str) -> PyResult<i64> {
    if let Some(number) = plain(value) {
        let steps = number / step;
        let whole = steps.round_ties_even();
        if (steps - whole).abs() <= OFF_GRID && whole.abs() < TOO_MANY {
            return Ok(whole as i64);
        }
    }
    odd_steps(value, step, name)
}

/// A number that is nothing but a number.
#[inline]
fn plain(value: &Bound<'_, PyAny>) -> Option<f64> {
    if value.is_exact_instance_of::<PyFloat>() || value.is_exact_instance_of::<PyInt>() { value.extract().ok() } else { None }
}

/// Numbers of other types, and what is none.
#[cold]
fn odd_steps(value: &Bound<'_, PyAny>, step: f64, name: &str) -> PyResult<i64> {
    let py = value.py();
    let arguments = pyo3::types::PyDict::new(py);
    arguments.set_item("where", name)?;
    py.import("omni_lab.execution.edges")?.getattr("on_grid")?.call((value, step), Some(&arguments))?.extract()
}

/// A whole number of 64 bits.
#[inline]
pub(crate) fn whole(value: &Bound<'_, PyAny>, name: &str) -> PyResult<i64> {
    value.extract().or_else(|_| odd_whole(value, name))
}

/// Whatever Python makes a whole number of.
#[cold]
fn odd_whole(value: &Bound<'_, PyAny>, name: &str) -> PyResult<i64> {
    let py = value.py();
    let made: PyResult<i64> = py.get_type::<PyInt>().call1((value,)).and_then(|made| made.extract());
    made.map_err(|_| {
        Facts::new("DataError", "a whole number is needed that 64 bits can hold").object(value).place(name).raise(py)
    })
}

/// The id of an order; one that no order could have is 0, which none has.
#[inline]
pub(crate) fn order_id(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    value.extract().or_else(|_| Ok(whole(value, "order_id")?.try_into().unwrap_or(0)))
}

/// The address of a register.
pub(crate) fn address(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    value.extract().map_err(|_| Facts::new("ConfigError", "there is no register at this address").object(value).raise(value.py()))
}

/// The number that a client order id stands for; the same rule as `omni_lab.execution.client_ids.number_of`.
#[inline]
pub(crate) fn client_order_id(value: &Bound<'_, PyAny>) -> PyResult<u128> {
    if let Ok(text) = value.cast_exact::<PyString>() {
        let text = text.to_str()?.as_bytes();
        if matches!(text.len(), 1..=16) && text.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            return Ok(text.iter().fold(0, |number, &byte| number << 8 | u128::from(byte)) | TEXTS_BEGIN);
        }
    } else if value.is_exact_instance_of::<PyInt>()
        && let Ok(number) = value.extract::<u64>()
    {
        return Ok(number.into());
    }
    odd_client_order_id(value)
}

/// Numbers of more than 64 bits, and what cannot be an id.
#[cold]
fn odd_client_order_id(value: &Bound<'_, PyAny>) -> PyResult<u128> {
    value.py().import("omni_lab.execution.client_ids")?.getattr("number_of")?.call1((value,))?.extract()
}
