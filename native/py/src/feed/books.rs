//! `FeedBooks`: the books of a whole market.

use std::sync::{Mutex, MutexGuard};

use numpy::{Element, IntoPyArray, PyArray1, PyArrayMethods, PyReadonlyArray1};
use omni_feed::Books;
use omni_feed::books::{DepthWhen, Options, Tables};
use omni_types::Side;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::PyDict;

use super::events::{Arrays, instruments, pair};
use super::reader::ItchReader;
use crate::columns::Columns;
use crate::errors::Facts;

type Pair<'py, A, B> = (Bound<'py, PyArray1<A>>, Bound<'py, PyArray1<B>>);

#[pyclass(frozen, module = "omni_lab._native")]
pub(crate) struct FeedBooks {
    books: Mutex<Books>,
}

impl FeedBooks {
    fn books(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, Books>> {
        self.books.lock_py_attached(py).map_err(|_| broken(py))
    }

    /// Something long, without the interpreter lock.
    fn without_python<T: Send>(&self, py: Python<'_>, work: impl FnOnce(&mut Books) -> T + Send) -> PyResult<T> {
        py.detach(|| self.books.lock().map(|mut books| work(&mut books)).map_err(drop)).map_err(|()| broken(py))
    }
}

#[cold]
fn broken(py: Python<'_>) -> PyErr {
    Facts::new("DataError", "the books stopped in the middle of an event").raise(py)
}

#[pymethods]
impl FeedBooks {
    #[new]
    #[pyo3(signature = (*, n_levels=0, depth_every_ns=0, depth_at=None, bbo=true, trades=true, notes=true, checksum=false,
                        instruments=None))]
    #[allow(clippy::too_many_arguments, clippy::fn_params_excessive_bools)]
    fn new(
        py: Python<'_>,
        n_levels: usize,
        depth_every_ns: i64,
        depth_at: Option<PyReadonlyArray1<'_, i64>>,
        bbo: bool,
        trades: bool,
        notes: bool,
        checksum: bool,
        instruments: Option<PyReadonlyArray1<'_, u16>>,
    ) -> PyResult<Self> {
        let depth = when(py, n_levels, depth_every_ns, depth_at)?;
        let instruments = self::instruments(instruments);
        let options = Options { bbo, trades, notes, n_levels, depth, checksum, instruments };
        Ok(Self { books: Mutex::new(Books::new(options)) })
    }

    fn apply(&self, py: Python<'_>, events: &Bound<'_, PyDict>) -> PyResult<()> {
        let arrays = Arrays::of(events)?;
        let events = arrays.events(py)?;
        self.without_python(py, |books| books.apply(&events))
    }

    fn run(&self, py: Python<'_>, reader: &ItchReader, max_messages: u64) -> PyResult<bool> {
        let run = |books: &mut Books| reader.with(|reader| reader.run(books, max_messages));
        self.without_python(py, run)?.map_err(|refusal| refusal.raise(py))
    }

    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        self.without_python(py, Books::finish)
    }

    fn take<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (tables, n_levels) = self.without_python(py, |books| (books.take(), books.n_levels()))?;
        to_python(py, tables, n_levels)
    }

    fn best(&self, py: Python<'_>, instrument: u16) -> PyResult<(i64, i64, i64, i64)> {
        let quote = self.books(py)?.best(instrument);
        Ok((quote.bid_price, quote.bid_qty, quote.ask_price, quote.ask_qty))
    }

    fn depth<'py>(&self, py: Python<'py>, instrument: u16, n: usize) -> PyResult<Bound<'py, PyDict>> {
        let books = self.books(py)?;
        let mut columns = Columns::new(py);
        for (side, [price, qty, orders]) in
            [(Side::Buy, ["bid_price", "bid_qty", "bid_orders"]), (Side::Sell, ["ask_price", "ask_qty", "ask_orders"])]
        {
            let levels = books.depth(instrument, side, n);
            columns = columns
                .with(price, levels.iter().map(|level| level.price))?
                .with(qty, levels.iter().map(|level| level.qty))?
                .with(orders, levels.iter().map(|level| level.n_orders))?;
        }
        Ok(columns.done())
    }

    fn queue<'py>(&self, py: Python<'py>, instrument: u16, side: u8, price: i64) -> PyResult<Pair<'py, u64, i64>> {
        let side = Side::from_code(side).ok_or_else(|| {
            Facts::new("ConfigError", "no such side").found(side).expected("1 for the bids or 2 for the asks").raise(py)
        })?;
        Ok(pair(py, self.books(py)?.queue(instrument, side, price)))
    }

    fn position(&self, py: Python<'_>, order_id: u64) -> PyResult<Option<(i64, usize)>> {
        Ok(self.books(py)?.position(order_id).map(|place| (place.ahead_qty, place.n_ahead)))
    }

    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let books = self.books(py)?;
        let (counts, table) = (books.counts(), PyDict::new(py));
        table.set_item("events", counts.events)?;
        table.set_item("orders", books.n_orders())?;
        table.set_item("unknown_order", counts.unknown_order)?;
        table.set_item("over_taken", counts.over_taken)?;
        table.set_item("duplicate_order", counts.duplicate_order)?;
        table.set_item("crossed", counts.crossed)?;
        table.set_item("locked", counts.locked)?;
        table.set_item("malformed", counts.malformed)?;
        Ok(table)
    }

    #[getter]
    fn checksum(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.books(py)?.checksum())
    }
}

fn when(py: Python<'_>, n_levels: usize, every_ns: i64, at: Option<PyReadonlyArray1<'_, i64>>) -> PyResult<DepthWhen> {
    let refuse = |what: &str| Err(Facts::new("ConfigError", what).raise(py));
    if n_levels == 0 && (every_ns != 0 || at.is_some()) {
        return refuse("depth needs n_levels of at least 1");
    }
    if n_levels > 1 << 16 {
        return refuse("a row of depth has at most 65,536 levels");
    }
    match (every_ns, at) {
        (0, None) => Ok(DepthWhen::Changed),
        (0, Some(times)) => {
            let times: Vec<i64> = times.as_array().iter().copied().collect();
            if times.is_sorted() { Ok(DepthWhen::At(times)) } else { refuse("the times of depth_at must not fall") }
        }
        (every_ns, None) if every_ns > 0 => Ok(DepthWhen::Every(every_ns)),
        (_, None) => {
            Err(Facts::new("ConfigError", "depth_every_ns cannot be used").found(every_ns).expected("at least 0").raise(py))
        }
        (_, Some(_)) => refuse("depth_every_ns and depth_at exclude each other"),
    }
}

fn to_python(py: Python<'_>, tables: Tables, n_levels: usize) -> PyResult<Bound<'_, PyDict>> {
    let Tables { bbo, depth, trades, auctions, status, breaks } = tables;
    let all = PyDict::new(py);
    let columns = Columns::new(py)
        .moved("ts", bbo.ts)?
        .moved("instrument", bbo.instrument)?
        .moved("bid_price", bbo.bid_price)?
        .moved("bid_qty", bbo.bid_qty)?
        .moved("ask_price", bbo.ask_price)?
        .moved("ask_qty", bbo.ask_qty)?;
    all.set_item("bbo", columns.done())?;
    let n = depth.ts.len();
    let columns = Columns::new(py).moved("ts", depth.ts)?.moved("instrument", depth.instrument)?.done();
    columns.set_item("bid_price", rows(py, depth.bid_price, n, n_levels)?)?;
    columns.set_item("bid_qty", rows(py, depth.bid_qty, n, n_levels)?)?;
    columns.set_item("bid_orders", rows(py, depth.bid_orders, n, n_levels)?)?;
    columns.set_item("ask_price", rows(py, depth.ask_price, n, n_levels)?)?;
    columns.set_item("ask_qty", rows(py, depth.ask_qty, n, n_levels)?)?;
    columns.set_item("ask_orders", rows(py, depth.ask_orders, n, n_levels)?)?;
    all.set_item("depth", columns)?;
    let columns = Columns::new(py)
        .moved("ts", trades.ts)?
        .moved("instrument", trades.instrument)?
        .moved("price", trades.price)?
        .moved("qty", trades.qty)?
        .moved("aggressor", trades.aggressor)?
        .moved("match_id", trades.match_id)?
        .moved("flags", trades.flags)?
        .moved("kind", trades.kind)?;
    all.set_item("trades", columns.done())?;
    let columns = Columns::new(py)
        .moved("ts", auctions.ts)?
        .moved("instrument", auctions.instrument)?
        .moved("kind", auctions.kind)?
        .moved("side", auctions.side)?
        .moved("qty", auctions.qty)?
        .moved("imbalance", auctions.imbalance)?
        .moved("price", auctions.price)?
        .moved("match_id", auctions.match_id)?;
    all.set_item("auctions", columns.done())?;
    let columns = Columns::new(py)
        .moved("ts", status.ts)?
        .moved("instrument", status.instrument)?
        .moved("kind", status.kind)?
        .moved("state", status.state)?;
    all.set_item("status", columns.done())?;
    let columns =
        Columns::new(py).moved("ts", breaks.ts)?.moved("instrument", breaks.instrument)?.moved("match_id", breaks.match_id)?;
    all.set_item("breaks", columns.done())?;
    Ok(all)
}

fn rows<T: Element>(py: Python<'_>, cells: Vec<T>, n: usize, n_levels: usize) -> PyResult<Bound<'_, PyAny>> {
    Ok(cells.into_pyarray(py).reshape([n, n_levels])?.into_any())
}
