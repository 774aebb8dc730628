//! The levels of one instrument, as one observer knows them.

use std::sync::Arc;

use super::ladder::Ladder;

/// No level: below every place for bids, above every place for asks.
const NO_BID: i64 = -1;
const NO_ASK: i64 = u32::MAX as i64 + 1;

/// Quantities by place, and which of them are not zero.
#[derive(Clone, Debug)]
struct Levels {
    qty: Vec<i64>,
    occupied: Vec<u64>,
}

impl Levels {
    fn new(len: usize) -> Self {
        Self { qty: vec![0; len], occupied: vec![0; len.div_ceil(64)] }
    }

    /// Set a level and return what it was.
    #[inline]
    fn set(&mut self, place: u32, qty: i64) -> i64 {
        let before = std::mem::replace(&mut self.qty[place as usize], qty);
        let (word, bit) = (&mut self.occupied[place as usize / 64], 1 << (place % 64));
        if qty > 0 {
            *word |= bit;
        } else {
            *word &= !bit;
        }
        before
    }

    /// The highest level below `end`.
    #[inline]
    fn below(&self, end: i64) -> i64 {
        if end <= 0 {
            return NO_BID;
        }
        let last = ((end - 1) as usize).min(self.qty.len().wrapping_sub(1));
        if self.qty.is_empty() {
            return NO_BID;
        }
        let mut at = last / 64;
        let mut word = self.occupied[at] & (u64::MAX >> (63 - last % 64));
        loop {
            if word != 0 {
                return (at * 64 + 63 - word.leading_zeros() as usize) as i64;
            }
            if at == 0 {
                return NO_BID;
            }
            at -= 1;
            word = self.occupied[at];
        }
    }

    /// The lowest level above `start`.
    #[inline]
    fn above(&self, start: i64) -> i64 {
        let first = (start + 1).max(0) as usize;
        if first >= self.qty.len() {
            return NO_ASK;
        }
        let mut at = first / 64;
        let mut word = self.occupied[at] & (u64::MAX << (first % 64));
        loop {
            if word != 0 {
                return (at * 64 + word.trailing_zeros() as usize) as i64;
            }
            at += 1;
            if at == self.occupied.len() {
                return NO_ASK;
            }
            word = self.occupied[at];
        }
    }

    fn clear(&mut self) {
        self.qty.fill(0);
        self.occupied.fill(0);
    }
}

/// What is known of the levels of an instrument.
///
/// A feed of levels may lack a message. A side that the other one overtakes gives way: the best price is then the next that does not
/// cross, and what was overtaken shows again when its turn comes.
#[derive(Clone, Debug)]
pub struct Depth {
    ladder: Arc<Ladder>,
    bids: Levels,
    asks: Levels,
    best_bid: i64,
    best_ask: i64,
}

/// What a change of a level did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// Quantity before.
    pub before: i64,
    /// Whether the best price of its side got better.
    pub improved: bool,
}

impl Depth {
    pub(crate) fn new(ladder: Arc<Ladder>) -> Self {
        let len = ladder.len();
        Self { bids: Levels::new(len), asks: Levels::new(len), ladder, best_bid: NO_BID, best_ask: NO_ASK }
    }

    pub(crate) fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// Set a level of the bids.
    #[inline]
    pub(crate) fn set_bid(&mut self, place: u32, qty: i64) -> Change {
        let (at, best) = (i64::from(place), self.best_bid);
        let before = self.bids.set(place, qty);
        if qty > 0 {
            if at > best {
                self.best_bid = at;
                if at >= self.best_ask {
                    self.best_ask = self.asks.above(at);
                }
            }
        } else if at == best {
            self.best_bid = self.bids.below(at);
        }
        Change { before, improved: self.best_bid > best }
    }

    /// Set a level of the asks.
    #[inline]
    pub(crate) fn set_ask(&mut self, place: u32, qty: i64) -> Change {
        let (at, best) = (i64::from(place), self.best_ask);
        let before = self.asks.set(place, qty);
        if qty > 0 {
            if at < best {
                self.best_ask = at;
                if at <= self.best_bid {
                    self.best_bid = self.bids.below(at);
                }
            }
        } else if at == best {
            self.best_ask = self.asks.above(at);
        }
        Change { before, improved: self.best_ask < best }
    }

    /// Forget a side.
    pub(crate) fn clear_bids(&mut self) {
        self.bids.clear();
        self.best_bid = NO_BID;
    }

    /// Forget the other.
    pub(crate) fn clear_asks(&mut self) {
        self.asks.clear();
        self.best_ask = NO_ASK;
    }

    /// Places of the best bid and ask: out of range for an empty side.
    #[inline]
    pub(crate) fn best_places(&self) -> (i64, i64) {
        (self.best_bid, self.best_ask)
    }

    /// Price of the best bid, ticks.
    #[inline]
    pub fn best_bid(&self) -> Option<i64> {
        (self.best_bid != NO_BID).then(|| self.ladder.price(self.best_bid as u32))
    }

    /// Price of the best ask, ticks.
    #[inline]
    pub fn best_ask(&self) -> Option<i64> {
        (self.best_ask != NO_ASK).then(|| self.ladder.price(self.best_ask as u32))
    }

    /// Lots at the best bid; 0 where there is none.
    #[inline]
    pub fn best_bid_qty(&self) -> i64 {
        if self.best_bid == NO_BID { 0 } else { self.bids.qty[self.best_bid as usize] }
    }

    /// Lots at the best ask; 0 where there is none.
    #[inline]
    pub fn best_ask_qty(&self) -> i64 {
        if self.best_ask == NO_ASK { 0 } else { self.asks.qty[self.best_ask as usize] }
    }

    /// Lots that are bid at a price.
    #[inline]
    pub fn bid_qty(&self, price: i64) -> i64 {
        self.ladder.place(price).map_or(0, |place| self.bids.qty[place as usize])
    }

    /// Lots that are offered at a price.
    #[inline]
    pub fn ask_qty(&self, price: i64) -> i64 {
        self.ladder.place(price).map_or(0, |place| self.asks.qty[place as usize])
    }

    /// Bid plus ask in ticks, which is twice the mid; `None` while a side is empty.
    #[inline]
    pub fn twice_mid(&self) -> Option<i64> {
        Some(self.best_bid()? + self.best_ask()?)
    }

    /// Price and lots of the bids, best first.
    pub fn bids(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        let next = |&at: &i64| Some(self.bids.below(at)).filter(|&at| at != NO_BID);
        let places = std::iter::successors((self.best_bid != NO_BID).then_some(self.best_bid), next);
        places.map(|at| (self.ladder.price(at as u32), self.bids.qty[at as usize]))
    }

    /// Price and lots of the asks, best first.
    pub fn asks(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        let next = |&at: &i64| Some(self.asks.above(at)).filter(|&at| at != NO_ASK);
        let places = std::iter::successors((self.best_ask != NO_ASK).then_some(self.best_ask), next);
        places.map(|at| (self.ladder.price(at as u32), self.asks.qty[at as usize]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn depth(first: i64, len: usize) -> Depth {
        Depth::new(Arc::new(Ladder::Dense { first, len }))
    }

    #[test]
    fn a_side_that_is_overtaken_gives_way_and_comes_back() {
        let mut depth = depth(100, 10);
        depth.set_ask(5, 7);
        depth.set_ask(8, 3);
        assert_eq!(depth.set_bid(6, 1), Change { before: 0, improved: true });
        assert_eq!((depth.best_bid(), depth.best_ask()), (Some(106), Some(108)));
        depth.set_bid(6, 0);
        depth.set_ask(4, 2);
        depth.set_ask(4, 0);
        assert_eq!((depth.best_bid(), depth.best_ask(), depth.best_ask_qty()), (None, Some(105), 7));
    }

    proptest! {
        #[test]
        fn the_best_levels_are_those_of_a_sorted_map(
            changes in prop::collection::vec((any::<bool>(), 0_u32..200, 0_i64..4), 1..300),
        ) {
            // Bids in the lower half, asks in the upper: nothing crosses.
            let mut depth = depth(-7, 400);
            let (mut bids, mut asks) = (BTreeMap::new(), BTreeMap::new());
            for (is_bid, place, qty) in changes {
                let (place, side) = if is_bid { (place, &mut bids) } else { (place + 200, &mut asks) };
                let change = if is_bid { depth.set_bid(place, qty) } else { depth.set_ask(place, qty) };
                let price = i64::from(place) - 7;
                prop_assert_eq!(change.before, side.insert(price, qty).unwrap_or(0));
                let bid: Vec<_> = bids.iter().rev().filter(|&(_, &qty)| qty > 0).map(|(&p, &q)| (p, q)).collect();
                let ask: Vec<_> = asks.iter().filter(|&(_, &qty)| qty > 0).map(|(&p, &q)| (p, q)).collect();
                prop_assert_eq!(depth.bids().collect::<Vec<_>>(), bid);
                prop_assert_eq!(depth.asks().collect::<Vec<_>>(), ask);
            }
        }
    }
}
