//! Questions about books as they are now.

use omni_types::Side;

use super::depth::levels;
use super::market::Quote;
use super::side::{NONE, flip};
use super::store::number;
use super::{Book, Books};

/// A price level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct LevelView {
    pub price: i64,
    pub qty: i64,
    pub n_orders: u32,
}

/// What stands before an order at its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct QueuePlace {
    pub ahead_qty: i64,
    pub n_ahead: usize,
}

impl Quote {
    /// What an event adds to the checksum.
    #[inline]
    pub(super) fn check(&self) -> u64 {
        let terms = [(1, self.bid_price), (3, self.bid_qty), (7, self.ask_price), (13, self.ask_qty)];
        terms.iter().fold(0, |sum: u64, &(weight, value)| sum.wrapping_add((value as u64).wrapping_mul(weight)))
    }
}

impl Books {
    fn known(&self, instrument: u16) -> Option<&Book> {
        self.by_instrument.get(usize::from(instrument))
    }

    /// Best bid and ask.
    pub fn best(&self, instrument: u16) -> Quote {
        self.known(instrument).map_or(Quote::default(), Book::quote)
    }

    /// The best levels of a side.
    pub fn depth(&self, instrument: u16, side: Side, n_levels: usize) -> Vec<LevelView> {
        let Some(book) = self.known(instrument) else { return Vec::new() };
        let cells = levels(&self.store, book, instrument, side == Side::Sell).take(n_levels);
        cells.map(|(price, qty, n_orders)| LevelView { price, qty, n_orders }).collect()
    }

    /// Names and quantities of the orders at a price, first to last.
    pub fn queue(&self, instrument: u16, side: Side, price: i64) -> Vec<(u64, i64)> {
        let is_ask = side == Side::Sell;
        let level = self
            .known(instrument)
            .map_or(NONE, |book| self.store.ladders.find(book.side(is_ask), number(instrument, is_ask), flip(is_ask, price)));
        if level == NONE { Vec::new() } else { self.store.queue(level).map(|order| (order.id, order.qty)).collect() }
    }

    /// What stands before an order; `None` if it does not wait.
    pub fn position(&self, order_id: u64) -> Option<QueuePlace> {
        let slot = self.store.find(order_id)?;
        let (mut ahead_qty, mut n_ahead) = (0_i64, 0);
        for order in self.store.ahead(slot) {
            ahead_qty = ahead_qty.wrapping_add(order.qty);
            n_ahead += 1;
        }
        Some(QueuePlace { ahead_qty, n_ahead })
    }
}
