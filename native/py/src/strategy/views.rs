//! What a strategy is shown: bars, fills and indicators.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use omni_sim::BarPanel;
use omni_types::Ticks;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::board::Board;

/// A closed bar. Reads straight from the panel; nothing is converted before it is asked for.
#[pyclass(frozen, unsendable, module = "omni_lab._native")]
pub(crate) struct Bar {
    pub(super) panel: Arc<BarPanel>,
    pub(super) names: Rc<Vec<Py<PyString>>>,
    pub(super) step: Cell<usize>,
    pub(super) symbol: Cell<usize>,
}

impl Bar {
    fn price(&self, ticks: Ticks) -> f64 {
        self.panel.instruments()[self.symbol.get()].price(ticks)
    }

    fn open_high_low(&self, at: usize) -> f64 {
        self.panel.open_high_low(self.step.get(), self.symbol.get()).map_or(f64::NAN, |prices| self.price(prices[at]))
    }
}

#[pymethods]
impl Bar {
    #[getter]
    fn symbol(&self, py: Python<'_>) -> Py<PyString> {
        self.names[self.symbol.get()].clone_ref(py)
    }

    #[getter]
    fn index(&self) -> usize {
        self.step.get()
    }

    #[getter]
    fn ts(&self) -> i64 {
        self.panel.ts()[self.step.get()]
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
        self.price(self.panel.close(self.step.get(), self.symbol.get()))
    }

    #[getter]
    fn volume(&self) -> f64 {
        let symbol = self.symbol.get();
        self.panel.volume(self.step.get(), symbol).unwrap_or(f64::NAN)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let (o, h, l, c) = (self.open(), self.high(), self.low(), self.close());
        format!("Bar({}, ts={}, open={o}, high={h}, low={l}, close={c})", self.symbol(py), self.ts())
    }
}

/// One execution of one of the strategy's orders.
#[pyclass(frozen, unsendable, module = "omni_lab._native", get_all)]
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

/// An indicator declared in `on_start`; its value is that of the instrument whose bar is being handled.
#[pyclass(frozen, unsendable, module = "omni_lab._native")]
pub(crate) struct Indicator {
    pub(super) board: Rc<Board>,
    pub(super) values: Rc<[Cell<f64>]>,
    pub(super) name: String,
}

#[pymethods]
impl Indicator {
    #[getter]
    fn value(&self) -> f64 {
        self.values[self.board.symbol.get()].get()
    }

    fn of(&self, py: Python<'_>, symbol: &str) -> PyResult<f64> {
        Ok(self.values[self.board.column(py, symbol)?].get())
    }

    fn __repr__(&self) -> String {
        format!("{} = {}", self.name, self.value())
    }
}
