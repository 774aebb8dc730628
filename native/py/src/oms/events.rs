//! Events as columns.

use numpy::{Element, PyArray1};
use omni_oms::OmsEvent;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

/// Events taken at a time: as many as stay in the processor's cache while they are spread over the columns.
const BLOCK: usize = 256;

/// One vector for each column; `docs/oms.md` section 6.
#[derive(Default)]
pub(crate) struct EventColumns {
    seq: Vec<i64>,
    ts: Vec<i64>,
    kind: Vec<i64>,
    order_id: Vec<i64>,
    client_order_id: Vec<u64>,
    client_order_id_high: Vec<u64>,
    account: Vec<i64>,
    instrument: Vec<i64>,
    side: Vec<i64>,
    state: Vec<i64>,
    reason: Vec<i64>,
    price: Vec<i64>,
    qty: Vec<i64>,
    leaves: Vec<i64>,
    cum: Vec<i64>,
    trade_id: Vec<i64>,
    liquidity: Vec<i64>,
}

impl EventColumns {
    /// The columns of events that lie in two pieces.
    pub fn of(pieces: [&[OmsEvent]; 2]) -> Self {
        let mut columns = Self::default();
        columns.reserve(pieces.iter().map(|piece| piece.len()).sum());
        pieces.iter().flat_map(|piece| piece.chunks(BLOCK)).for_each(|block| columns.append(block));
        columns
    }

    pub fn into_dict(self, py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        let dict = PyDict::new(py);
        put(&dict, intern!(py, "seq"), self.seq)?;
        put(&dict, intern!(py, "ts"), self.ts)?;
        put(&dict, intern!(py, "kind"), self.kind)?;
        put(&dict, intern!(py, "order_id"), self.order_id)?;
        put(&dict, intern!(py, "client_order_id"), self.client_order_id)?;
        put(&dict, intern!(py, "client_order_id_high"), self.client_order_id_high)?;
        put(&dict, intern!(py, "account"), self.account)?;
        put(&dict, intern!(py, "instrument"), self.instrument)?;
        put(&dict, intern!(py, "side"), self.side)?;
        put(&dict, intern!(py, "state"), self.state)?;
        put(&dict, intern!(py, "reason"), self.reason)?;
        put(&dict, intern!(py, "price"), self.price)?;
        put(&dict, intern!(py, "qty"), self.qty)?;
        put(&dict, intern!(py, "leaves"), self.leaves)?;
        put(&dict, intern!(py, "cum"), self.cum)?;
        put(&dict, intern!(py, "trade_id"), self.trade_id)?;
        put(&dict, intern!(py, "liquidity"), self.liquidity)?;
        Ok(dict)
    }

    /// Column by column: one stream of writes at a time, where seventeen would drive each other out of the cache.
    fn append(&mut self, block: &[OmsEvent]) {
        self.seq.extend(block.iter().map(|event| event.seq as i64));
        self.ts.extend(block.iter().map(|event| event.ts));
        self.kind.extend(block.iter().map(|event| i64::from(event.kind)));
        self.order_id.extend(block.iter().map(|event| event.order_id as i64));
        self.client_order_id.extend(block.iter().map(|event| event.client_order_id as u64));
        self.client_order_id_high.extend(block.iter().map(|event| (event.client_order_id >> 64) as u64));
        self.account.extend(block.iter().map(|event| i64::from(event.account)));
        self.instrument.extend(block.iter().map(|event| i64::from(event.instrument)));
        self.side.extend(block.iter().map(|event| i64::from(event.side)));
        self.state.extend(block.iter().map(|event| i64::from(event.state)));
        self.reason.extend(block.iter().map(|event| i64::from(event.reason)));
        self.price.extend(block.iter().map(|event| event.price));
        self.qty.extend(block.iter().map(|event| event.qty));
        self.leaves.extend(block.iter().map(|event| event.leaves));
        self.cum.extend(block.iter().map(|event| event.cum));
        self.trade_id.extend(block.iter().map(|event| event.trade_id as i64));
        self.liquidity.extend(block.iter().map(|event| i64::from(event.liquidity)));
    }

    fn reserve(&mut self, n: usize) {
        let words = [&mut self.client_order_id, &mut self.client_order_id_high];
        for column in words {
            column.reserve_exact(n);
        }
        let numbers = [
            &mut self.seq,
            &mut self.ts,
            &mut self.kind,
            &mut self.order_id,
            &mut self.account,
            &mut self.instrument,
            &mut self.side,
            &mut self.state,
            &mut self.reason,
            &mut self.price,
            &mut self.qty,
            &mut self.leaves,
            &mut self.cum,
            &mut self.trade_id,
            &mut self.liquidity,
        ];
        for column in numbers {
            column.reserve_exact(n);
        }
    }
}

/// A column moves into its array: nothing is copied.
fn put<T: Element>(dict: &Bound<'_, PyDict>, name: &Bound<'_, PyString>, values: Vec<T>) -> PyResult<()> {
    dict.set_item(name, PyArray1::from_vec(dict.py(), values))
}
