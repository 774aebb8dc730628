//! Events as columns.

use numpy::{PyArray1, dtype};
use omni_oms::OmsEvent;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySlice};

/// Events taken at a time: as many as stay in the processor's cache while they are spread over the columns.
const BLOCK: usize = 256;

/// All columns, one after the other in one piece of memory: a large one comes in large pages.
pub(crate) struct EventColumns {
    n_rows: usize,
    cells: Vec<i64>,
}

impl EventColumns {
    /// The columns of events that lie in two pieces.
    pub fn of(pieces: [&[OmsEvent]; 2]) -> Self {
        let n_rows = pieces.iter().map(|piece| piece.len()).sum();
        let mut cells = vec![0; NAMES.len() * n_rows];
        let mut start = 0;
        for block in pieces.iter().flat_map(|piece| piece.chunks(BLOCK)) {
            spread(block, &mut cells, n_rows, start);
            start += block.len();
        }
        Self { n_rows, cells }
    }

    /// The memory moves into an array, and each column is a view of it.
    pub fn into_dict(self, py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        let dict = PyDict::new(py);
        let cells = PyArray1::from_vec(py, self.cells);
        for (column, name) in NAMES.iter().enumerate() {
            let (start, end) = (column * self.n_rows, (column + 1) * self.n_rows);
            let mut view = cells.get_item(PySlice::new(py, start as isize, end as isize, 1))?;
            if UNSIGNED.contains(name) {
                view = view.call_method1(intern!(py, "view"), (dtype::<u64>(py),))?;
            }
            dict.set_item(*name, view)?;
        }
        Ok(dict)
    }
}

/// The two words of the client order id; all other columns are signed.
const UNSIGNED: [&str; 2] = ["client_order_id", "client_order_id_high"];

macro_rules! columns {
    ($($name:literal: $field:expr,)+) => {
        const NAMES: &[&str] = &[$($name),+];

        /// Writes events to rows `start` and following, column by column: one stream of writes at a time, where seventeen would drive each
        /// other out of the cache.
        fn spread(block: &[OmsEvent], cells: &mut [i64], n_rows: usize, start: usize) {
            let mut columns = cells.chunks_exact_mut(n_rows).map(|column| &mut column[start..start + block.len()]);
            $(
                let field: fn(&OmsEvent) -> i64 = $field;
                columns.next().into_iter().flatten().zip(block).for_each(|(cell, event)| *cell = field(event));
            )+
        }
    };
}

// As `omni_lab.execution.events.COLUMNS` names them; `docs/oms.md` section 6.
columns! {
    "seq": |event| event.seq as i64,
    "ts": |event| event.ts,
    "kind": |event| event.kind.into(),
    "order_id": |event| event.order_id as i64,
    "client_order_id": |event| event.client_order_id as i64,
    "client_order_id_high": |event| (event.client_order_id >> 64) as i64,
    "account": |event| event.account.into(),
    "instrument": |event| event.instrument.into(),
    "side": |event| event.side.into(),
    "state": |event| event.state.into(),
    "reason": |event| event.reason.into(),
    "price": |event| event.price,
    "qty": |event| event.qty,
    "leaves": |event| event.leaves,
    "cum": |event| event.cum,
    "trade_id": |event| event.trade_id as i64,
    "liquidity": |event| event.liquidity.into(),
}
