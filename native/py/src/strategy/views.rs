//! What a strategy is shown: bars, fills and indicators.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use omni_sim::BarPanel;
use omni_types::Ticks;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::board::Board;

/// A closed bar. Reads straight from the panel; nothing is converted before it is asked for.
#[pyclass(frozen, module = "omni_lab._native")]
pub(crate) struct Bar {
    pub(super) panel: Arc<BarPanel>,
    pub(super) names: Arc<Vec<Py<PyString>>>,
    pub(super) step: AtomicUsize,
    pub(super) symbol: AtomicUsize,
}

impl Bar {
    fn at(&self) -> (usize, usize) {
        (self.step.load(Ordering::Relaxed), self.symbol.load(Ordering::Relaxed))
    }

    fn price(&self, ticks: Ticks) -> f64 {
        self.panel.instruments()[self.at().1].price(ticks)
    }

    fn open_high_low(&self, at: usize) -> f64 {
        self.panel.open_high_low(self.at().0, self.at().1).map_or(f64::NAN, |prices| self.price(prices[at]))
    }
}

#[pymethods]
impl Bar {
    #[getter]
    fn symbol(&self, py: Python<'_>) -> Py<PyString> {
        self.names[self.at().1].clone_ref(py)
    }

    #[getter]
    fn index(&self) -> usize {
        self.at().0
    }

    #[getter]
    fn ts(&self) -> i64 {
        self.panel.ts()[self.at().0]
    }

    #[getter]
    fn open(&self) -> f64 {
        self.open_high_low(0)
    }

    #[getter]
    fn high(&self) -> f64 {
        self.open_high_low(1)
    }

    #[getter]
    fn low(&self) -> f64 {
        self.open_high_low(2)
    }

    #[getter]
    fn close(&self) -> f64 {
        self.price(self.panel.close(self.at().0, self.at().1))
    }

    #[getter]
    fn volume(&self) -> f64 {
        let symbol = self.at().1;
        self.panel.volume(self.at().0, symbol).unwrap_or(f64::NAN)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let (o, h, l, c) = (self.open(), self.high(), self.low(), self.close());
        format!("Bar({}, ts={}, open={o}, high={h}, low={l}, close={c})", self.symbol(py), self.ts())
    }
}

/// One execution of one of the strategy's orders.
#[pyclass(frozen, module = "omni_lab._native", get_all)]
pub(crate) struct Fill {
    pub(super) order_id: u32,
    pub(super) symbol: Py<PyString>,
    pub(super) side: &'static str,
    pub(super) qty: f64,
    pub(super) price: f64,
    pub(super) commission: f64,
    pub(super) position: f64,
    pub(super) ts: i64,
    pub(super) index: u32,
}

#[pymethods]
impl Fill {
    fn __repr__(&self) -> String {
        format!("Fill(order {}, {} {} {} at {})", self.order_id, self.side, self.qty, self.symbol, self.price)
    }
}

/// A change in the state of an order that is no fill.
#[pyclass(frozen, module = "omni_lab._native", get_all)]
pub(crate) struct OrderUpdate {
    pub(super) order_id: u32,
    pub(super) symbol: Py<PyString>,
    pub(super) side: &'static str,
    #[pyo3(name = "type")]
    pub(super) kind: &'static str,
    pub(super) qty: f64,
    pub(super) filled_qty: f64,
    pub(super) status: &'static str,
    pub(super) reason: &'static str,
    pub(super) ts: i64,
    pub(super) index: u32,
}

#[pymethods]
impl OrderUpdate {
    fn __repr__(&self) -> String {
        let because = if self.reason.is_empty() { String::new() } else { format!(": {}", self.reason) };
        format!("OrderUpdate(order {}, {} {} {} {}{because})", self.order_id, self.side, self.qty, self.symbol, self.status)
    }
}

/// An indicator declared in `on_start`; its value is that of the instrument whose bar is being handled.
#[pyclass(frozen, module = "omni_lab._native")]
pub(crate) struct Indicator {
    pub(super) board: Arc<Board>,
    pub(super) values: Arc<[AtomicU64]>,
    pub(super) name: String,
}

impl Indicator {
    fn number(&self, symbol: usize) -> f64 {
        f64::from_bits(self.values[symbol].load(Ordering::Relaxed))
    }
}

#[pymethods]
impl Indicator {
    #[getter]
    fn value(&self) -> f64 {
        self.number(self.board.current())
    }

    fn of(&self, py: Python<'_>, symbol: &str) -> PyResult<f64> {
        Ok(self.number(self.board.column(py, symbol)?))
    }

    fn __repr__(&self) -> String {
        format!("{} = {}", self.name, self.value())
    }
}
