//! Errors of the Rust crates as exceptions of `omni_lab.errors`, translated here and nowhere else.

use omni_sim::{BarsError, InstrumentError, InstrumentSpec, TargetError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

mod feed;
mod oms;
mod wire;

pub(crate) use feed::FeedRefusal;
pub(crate) use oms::{Refusal, hex};
pub(crate) use wire::wire_error;

/// The facts of an `OmniError`; see `omni_lab/errors.py`.
pub(crate) struct Facts<'a> {
    pub class: &'a str,
    pub what: String,
    pub found: Option<String>,
    /// What was found, where it is Python's own and not a text or number of ours.
    pub object: Option<Py<PyAny>>,
    pub expected: Option<&'a str>,
    /// What would have been accepted, one by one; the closest becomes the hint.
    pub choices: Vec<String>,
    pub place: Option<String>,
    pub hint: Option<&'a str>,
}

impl<'a> Facts<'a> {
    pub fn new(class: &'a str, what: impl Into<String>) -> Self {
        Self { class, what: what.into(), found: None, object: None, expected: None, choices: Vec::new(), place: None, hint: None }
    }

    pub fn found(mut self, found: impl ToString) -> Self {
        self.found = Some(found.to_string());
        self
    }

    pub fn object(mut self, found: &Bound<'_, PyAny>) -> Self {
        self.object = Some(found.clone().unbind());
        self
    }

    pub fn choices(mut self, choices: impl Iterator<Item: ToString>) -> Self {
        self.choices = choices.map(|choice| choice.to_string()).collect();
        self
    }

    pub fn expected(mut self, expected: &'a str) -> Self {
        self.expected = Some(expected);
        self
    }

    pub fn place(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    pub fn hint(mut self, hint: &'a str) -> Self {
        self.hint = Some(hint);
        self
    }

    pub fn raise(self, py: Python<'_>) -> PyErr {
        self.build(py).unwrap_or_else(|error| error)
    }

    fn build(self, py: Python<'_>) -> PyResult<PyErr> {
        let facts = PyDict::new(py);
        // A number is shown as a number, not as the text of one.
        let text = self.found.as_deref().unwrap_or_default();
        match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(whole), _) => facts.set_item("found", whole)?,
            (Err(_), Ok(number)) => facts.set_item("found", number)?,
            (Err(_), Err(_)) => facts.set_item("found", self.found)?,
        }
        if let Some(object) = self.object {
            facts.set_item("found", object)?;
        }
        if self.choices.is_empty() {
            facts.set_item("expected", self.expected)?;
        } else {
            facts.set_item("expected", self.choices)?;
        }
        facts.set_item("where", self.place)?;
        facts.set_item("hint", self.hint)?;
        let class = py.import("omni_lab.errors")?.getattr(self.class)?;
        Ok(PyErr::from_value(class.call((self.what,), Some(&facts))?))
    }
}

pub(crate) fn bars_error(py: Python<'_>, error: &BarsError, specs: &[InstrumentSpec]) -> PyErr {
    let cell = |row: usize, symbol: usize| format!("row {row} of {:?}", specs[symbol].symbol);
    match *error {
        BarsError::Empty => Facts::new("DataError", "there are no bars").expected("at least one row and one instrument"),
        BarsError::Length { column, found, expected } => {
            let what = format!("the {} column has {found} cells where the times and symbols make {expected}", column.name());
            Facts::new("ShapeError", what).hint("Give every column the shape (n_times, n_symbols).")
        }
        BarsError::TimeOrder { row, before, ts } if before == ts => Facts::new("DataError", "two bars have the same time")
            .found(ts.0)
            .place(format!("row {row}"))
            .hint("Drop or merge the duplicate; times are nanoseconds UTC."),
        BarsError::TimeOrder { row, before, ts } => {
            let what = format!("times must increase, but {} comes after {}", ts.0, before.0);
            Facts::new("DataError", what).place(format!("row {row}")).hint("Sort the bars by time; times are nanoseconds UTC.")
        }
        BarsError::Value { row, symbol, column, value } => {
            let expected = if column == omni_sim::Column::Volume { "a finite number ≥ 0" } else { "a finite number > 0" };
            Facts::new("DataError", format!("the {} cannot be used", column.name()))
                .found(value)
                .expected(expected)
                .place(cell(row, symbol))
                .hint("Drop the bar or mend it at its source; among several instruments, NaN in every price means no bar.")
        }
        BarsError::Range { row, symbol, prices: [open, high, low, close] } => {
            Facts::new("DataError", "high and low do not hold open and close")
                .found(format!("open {open}, high {high}, low {low}, close {close}"))
                .expected("low ≤ open, close ≤ high")
                .place(cell(row, symbol))
                .hint("Check whether columns are swapped or only some were adjusted; omni_lab.data.check_bars mends small slips and counts them.")
        }
        BarsError::Grid { row, symbol, value, tick_size } => {
            Facts::new("DataError", format!("the price does not fit a grid with ticks of {tick_size}"))
                .found(value)
                .expected("between 1 and 2^51 ticks")
                .place(cell(row, symbol))
                .hint("Give the instrument another tick_size.")
        }
        BarsError::NoBars { symbol } => Facts::new("DataError", "the instrument has no bar at all")
            .found(specs[symbol].symbol.clone())
            .hint("Leave it out, or widen the time range."),
        BarsError::Instrument { symbol, ref error } => {
            let place = format!("instrument {:?}", specs[symbol].symbol);
            match *error {
                InstrumentError::TickSize(size) => {
                    Facts::new("ConfigError", "tick_size cannot be used").found(size).expected("a number > 0")
                }
                InstrumentError::LotSize(size) => {
                    Facts::new("ConfigError", "lot_size cannot be used").found(size).expected("a number > 0")
                }
                InstrumentError::TickLotValue { tick_size, lot_size } => {
                    Facts::new("ConfigError", "one lot at one tick must be worth a whole number of 1e-18")
                        .found(format!("{tick_size} × {lot_size}"))
                        .hint("Give a coarser tick_size or lot_size.")
                }
            }
            .place(place)
        }
    }
    .raise(py)
}

pub(crate) fn target_error(py: Python<'_>, error: TargetError, symbol: impl Fn(usize) -> String) -> PyErr {
    match error {
        TargetError::Length { found, expected } => {
            Facts::new("ShapeError", format!("there are {found} targets for {expected} cells of the bars"))
                .hint("Give targets the shape (n_times, n_symbols), or (n_times,) for one instrument.")
        }
        TargetError::Value { row, symbol: at, value } => Facts::new("DataError", "a target cannot be used")
            .found(value)
            .expected("a number below 2^53, or NaN for no decision")
            .place(format!("row {row} of {:?}", symbol(at))),
    }
    .raise(py)
}
