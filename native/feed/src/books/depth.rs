//! The best levels of books: at every change, or as pictures at times.

use super::market::Book;
use super::side::flip;
use super::store::{Store, number};
use super::tables::DepthTable;

/// When levels are written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DepthWhen {
    /// Whenever one of them changed after an event with `LAST`.
    #[default]
    Changed,
    /// At every multiple of so many nanoseconds, for the instruments whose levels changed since their last row.
    Every(i64),
    /// At these times, which do not fall, for every instrument that the stream has named.
    At(Vec<i64>),
}

/// Writes levels down.
#[derive(Clone, Debug)]
pub(super) struct DepthWriter {
    n_levels: usize,
    when: DepthWhen,
    n_times_done: usize,
    /// Last row of each instrument: bids, then asks.
    rows: Vec<Vec<Cell>>,
    row: Vec<Cell>,
    /// Instruments that were touched since the last picture.
    touched: Vec<u16>,
    is_touched: Vec<bool>,
}

type Cell = (i64, i64, u32);

impl DepthWriter {
    pub fn new(n_levels: usize, when: DepthWhen) -> Self {
        Self { n_levels, when, n_times_done: 0, rows: Vec::new(), row: Vec::new(), touched: Vec::new(), is_touched: Vec::new() }
    }

    /// The time at which the first picture is due that was not taken, when an event of `ts` is next.
    pub fn next_time(&self, ts: i64) -> i64 {
        match &self.when {
            DepthWhen::Changed => i64::MAX,
            // The first multiple at or after the event.
            &DepthWhen::Every(step) => ts.saturating_add((step - ts.rem_euclid(step)) % step),
            DepthWhen::At(times) => times.get(self.n_times_done).copied().unwrap_or(i64::MAX),
        }
    }

    /// Something happened to a book.
    pub fn touch(&mut self, table: &mut DepthTable, store: &Store, book: &Book, ts: i64, instrument: u16) {
        match self.when {
            DepthWhen::Changed => self.write_if_changed(table, store, book, ts, instrument),
            DepthWhen::Every(_) => {
                let at = usize::from(instrument);
                if self.is_touched.len() <= at {
                    self.is_touched.resize(at + 1, false);
                }
                if !std::mem::replace(&mut self.is_touched[at], true) {
                    self.touched.push(instrument);
                }
            }
            DepthWhen::At(_) => {}
        }
    }

    /// Take every picture that is due, before a time if one is given; the next time.
    pub fn write_due(&mut self, table: &mut DepthTable, store: &Store, books: &[Book], due: i64, until: Option<i64>) -> i64 {
        if let DepthWhen::Every(_) = self.when {
            let mut touched = std::mem::take(&mut self.touched);
            touched.sort_unstable();
            for &instrument in &touched {
                self.is_touched[usize::from(instrument)] = false;
                self.write_if_changed(table, store, &books[usize::from(instrument)], due, instrument);
            }
            touched.clear();
            self.touched = touched;
        }
        while let Some(time) = self.next_at().filter(|&time| until.is_none_or(|ts| time < ts)) {
            for (book, instrument) in books.iter().zip(0..=u16::MAX).filter(|(book, _)| book.is_known) {
                self.read(store, book, instrument);
                push(table, time, instrument, &self.row);
            }
            self.n_times_done += 1;
        }
        until.map_or(i64::MAX, |ts| self.next_time(ts))
    }

    fn next_at(&self) -> Option<i64> {
        let DepthWhen::At(times) = &self.when else { return None };
        times.get(self.n_times_done).copied()
    }

    fn write_if_changed(&mut self, table: &mut DepthTable, store: &Store, book: &Book, ts: i64, instrument: u16) {
        let at = usize::from(instrument);
        if self.rows.len() <= at {
            self.rows.resize(at + 1, Vec::new());
        }
        if self.rows[at].is_empty() {
            self.rows[at] = vec![(0, 0, 0); 2 * self.n_levels];
        }
        self.read(store, book, instrument);
        if self.row != self.rows[at] {
            push(table, ts, instrument, &self.row);
            std::mem::swap(&mut self.row, &mut self.rows[at]);
        }
    }

    /// Read the levels of a book into `row`.
    fn read(&mut self, store: &Store, book: &Book, instrument: u16) {
        self.row.clear();
        for is_ask in [false, true] {
            self.row.extend(levels(store, book, instrument, is_ask).take(self.n_levels));
            self.row.resize(self.n_levels * (1 + usize::from(is_ask)), (0, 0, 0));
        }
    }
}

/// Price, quantity and number of orders of each level of a side, best first.
pub(super) fn levels<'a>(store: &'a Store, book: &Book, instrument: u16, is_ask: bool) -> impl Iterator<Item = Cell> + 'a {
    store.ladders.levels(book.side(is_ask), number(instrument, is_ask)).map(move |entry| {
        let level = store.level(entry.level);
        (flip(is_ask, entry.key), level.qty, level.n_orders)
    })
}

fn push(table: &mut DepthTable, ts: i64, instrument: u16, row: &[Cell]) {
    let (bids, asks) = row.split_at(row.len() / 2);
    table.ts.push(ts);
    table.instrument.push(instrument);
    table.bid_price.extend(bids.iter().map(|cell| cell.0));
    table.bid_qty.extend(bids.iter().map(|cell| cell.1));
    table.bid_orders.extend(bids.iter().map(|cell| cell.2));
    table.ask_price.extend(asks.iter().map(|cell| cell.0));
    table.ask_qty.extend(asks.iter().map(|cell| cell.1));
    table.ask_orders.extend(asks.iter().map(|cell| cell.2));
}
