//! The market as we have heard it: levels, the last trade, and what is on its way to us.

use std::collections::VecDeque;
use std::sync::Arc;

use super::tape::Told;
use crate::ticks::book::Depth;
use crate::ticks::ladder::Ladder;
use crate::ticks::{LastTrade, wake};

/// Ticks that may stand in an array at once.
const WIDEST: u64 = 1 << 22;
/// Ticks around the first price.
const FIRST: i64 = 1 << 10;

/// What we know of the market.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// One, in the shape that an account wants.
    pub depths: [Depth; 1],
    pub trade: LastTrade,
    pub n_heard: usize,
    coming: VecDeque<Told>,
    delay: i64,
}

impl Known {
    pub fn new(start_ticks: i64, delay: i64) -> Self {
        let ladder = Ladder::range((start_ticks - FIRST).max(1), start_ticks + FIRST);
        let depths = [Depth::new(Arc::new(ladder))];
        Self { depths, trade: LastTrade::default(), n_heard: 0, coming: VecDeque::new(), delay }
    }

    pub fn depth(&self) -> &Depth {
        &self.depths[0]
    }

    /// When we hear next.
    #[inline]
    pub fn next(&self) -> i64 {
        self.coming.front().map_or(i64::MAX, |told| told.ts)
    }

    /// Something happened at the venue.
    pub fn tell(&mut self, told: &[Told]) {
        self.coming.extend(told.iter().map(|told| Told { ts: told.ts.saturating_add(self.delay), ..*told }));
    }

    /// Hear one event; bits of [`wake`] that it sets.
    pub fn hear(&mut self) -> u8 {
        let Some(told) = self.coming.pop_front() else { return 0 };
        self.n_heard += 1;
        let mut what = 0;
        if told.traded > 0 {
            self.trade = LastTrade { price: told.price, qty: told.traded, aggressor: if told.is_ask { 1 } else { 2 } };
            what |= wake::TRADE;
        }
        if told.change != 0 {
            let before = self.quote();
            self.add(&told);
            if self.quote() != before {
                what |= wake::QUOTE;
            }
            if told.is_last {
                what |= wake::BOOK;
            }
        }
        what
    }

    /// Best bid and ask, and the lots there.
    pub fn quote(&self) -> (i64, i64, i64, i64) {
        let depth = self.depth();
        let (bid, ask) = (depth.best_bid().unwrap_or(0), depth.best_ask().unwrap_or(0));
        (bid, depth.best_bid_qty(), ask, depth.best_ask_qty())
    }

    fn add(&mut self, told: &Told) {
        let place = self.place(told.price);
        let depth = &mut self.depths[0];
        let before = if told.is_ask { depth.ask_qty(told.price) } else { depth.bid_qty(told.price) };
        depth.set(told.is_ask, place, before + told.change);
    }

    fn place(&mut self, price: i64) -> u32 {
        if let Some(place) = self.depth().ladder().place(price) {
            return place;
        }
        self.grow(price);
        self.depth().ladder().place(price).expect("the ladder was made for it")
    }

    /// Make room for a price: every tick from the lowest to the highest and as many again, or single prices where they lie too far apart.
    #[cold]
    fn grow(&mut self, price: i64) {
        let (bids, asks): (Vec<_>, Vec<_>) = (self.depth().bids().collect(), self.depth().asks().collect());
        let prices = || bids.iter().chain(&asks).map(|&(price, _)| price).chain([price]);
        let (low, high) = (prices().min().unwrap_or(price), prices().max().unwrap_or(price));
        let span = high - low;
        let ladder = if span.unsigned_abs() < WIDEST {
            Ladder::range((low - span - FIRST).max(1), high + span + FIRST)
        } else {
            Ladder::of(prices().collect())
        };
        let mut depth = Depth::new(Arc::new(ladder));
        for (is_ask, levels) in [(false, bids), (true, asks)] {
            for (price, qty) in levels {
                let place = depth.ladder().place(price);
                place.map(|place| depth.set(is_ask, place, qty));
            }
        }
        self.depths = [depth];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_far_away_have_room() {
        let mut known = Known::new(5_000, 7);
        let told = |price, change, is_ask| Told { ts: 1, price, change, traded: 0, is_ask, is_last: true };
        known.tell(&[
            told(4_999, 5, false),
            told(90_000, 2, true),
            told(1 << 50, 3, true),
            told(1, 9, false),
            told(5_003, 4, true),
        ]);
        assert_eq!(known.next(), 8);
        for expected in [wake::QUOTE | wake::BOOK, wake::QUOTE | wake::BOOK, wake::BOOK, wake::BOOK, wake::QUOTE | wake::BOOK] {
            assert_eq!(known.hear(), expected);
        }
        let asks: Vec<_> = known.depth().asks().collect();
        assert_eq!(asks, [(5_003, 4), (90_000, 2), (1 << 50, 3)]);
        assert_eq!(known.depth().bids().collect::<Vec<_>>(), [(4_999, 5), (1, 9)]);
        assert_eq!((known.quote(), known.n_heard), ((4_999, 5, 5_003, 4), 5));
    }
}
