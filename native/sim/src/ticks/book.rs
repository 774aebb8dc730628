//! The levels of one instrument, as one observer knows them.

use std::sync::Arc;

use super::ladder::Ladder;

/// No level: below every rank.
const NONE: i64 = -1;

/// One side: quantities by rank, and which of them are not zero. A rank is higher where a price is better, so that both sides are read by
/// the same instructions: which of them the next message is about cannot be foreseen.
#[derive(Clone, Debug)]
struct Levels {
    qty: Vec<i64>,
    occupied: Vec<u64>,
    /// The best rank.
    best: i64,
}

impl Levels {
    fn new(len: usize) -> Self {
        Self { qty: vec![0; len], occupied: vec![0; len.div_ceil(64)], best: NONE }
    }

    /// Set a level and return what it was.
    #[inline]
    fn set(&mut self, rank: i64, qty: i64) -> i64 {
        let rank = rank as usize;
        let (word, bit) = (&mut self.occupied[rank / 64], 1 << (rank % 64));
        *word = if qty > 0 { *word | bit } else { *word & !bit };
        std::mem::replace(&mut self.qty[rank], qty)
    }

    /// The highest level below `end`.
    fn below(&self, end: i64) -> i64 {
        if end <= 0 {
            return NONE;
        }
        let last = (end - 1) as usize;
        let mut at = last / 64;
        let mut word = self.occupied[at] & (u64::MAX >> (63 - last % 64));
        loop {
            if word != 0 {
                return (at * 64 + 63 - word.leading_zeros() as usize) as i64;
            }
            if at == 0 {
                return NONE;
            }
            at -= 1;
            word = self.occupied[at];
        }
    }

    /// The quantity at the best level.
    #[inline]
    fn best_qty(&self) -> i64 {
        if self.best == NONE { 0 } else { self.qty[self.best as usize] }
    }

    fn clear(&mut self) {
        self.qty.fill(0);
        self.occupied.fill(0);
        self.best = NONE;
    }
}

/// What is known of the levels of an instrument.
///
/// A feed of levels may lack a message. A side that the other one overtakes gives way: the best price is then the next that does not
/// cross, and what was overtaken shows again when its turn comes.
#[derive(Clone, Debug)]
pub struct Depth {
    ladder: Arc<Ladder>,
    /// Bids, asks.
    sides: [Levels; 2],
    len: i64,
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
        Self { sides: [Levels::new(len), Levels::new(len)], len: len as i64, ladder }
    }

    pub(crate) fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// The rank of a place on a side, and the place of a rank: that of an ask counts from the other end.
    #[inline]
    fn flip(&self, is_ask: bool, place: i64) -> i64 {
        let mask = -i64::from(is_ask);
        (place ^ mask) + (mask & self.len)
    }

    /// Set a level.
    #[inline]
    pub(crate) fn set(&mut self, is_ask: bool, place: u32, qty: i64) -> Change {
        let rank = self.flip(is_ask, i64::from(place));
        let side = &mut self.sides[usize::from(is_ask)];
        let (before, best) = (side.set(rank, qty), side.best);
        if qty > 0 {
            if rank > best {
                side.best = rank;
                let here = self.flip(!is_ask, i64::from(place));
                let other = &mut self.sides[usize::from(!is_ask)];
                if other.best >= here {
                    other.best = other.below(here);
                }
                return Change { before, improved: true };
            }
        } else if rank == best {
            side.best = side.below(rank);
        }
        Change { before, improved: false }
    }

    /// Forget a side.
    pub(crate) fn clear(&mut self, is_ask: bool) {
        self.sides[usize::from(is_ask)].clear();
    }

    /// Ranks of the best bid and ask: not those of any level for an empty side.
    #[inline]
    pub(crate) fn best_ranks(&self) -> (i64, i64) {
        (self.sides[0].best, self.sides[1].best)
    }

    fn price(&self, is_ask: bool, rank: i64) -> i64 {
        self.ladder.price(self.flip(is_ask, rank) as u32)
    }

    #[inline]
    fn best(&self, is_ask: bool) -> Option<i64> {
        let best = self.sides[usize::from(is_ask)].best;
        (best != NONE).then(|| self.price(is_ask, best))
    }

    #[inline]
    fn qty(&self, is_ask: bool, price: i64) -> i64 {
        let rank = self.ladder.place(price).map(|place| self.flip(is_ask, i64::from(place)));
        rank.map_or(0, |rank| self.sides[usize::from(is_ask)].qty[rank as usize])
    }

    fn levels(&self, is_ask: bool) -> impl Iterator<Item = (i64, i64)> + '_ {
        let side = &self.sides[usize::from(is_ask)];
        let is_level = |&rank: &i64| rank != NONE;
        let ranks = std::iter::successors(Some(side.best).filter(is_level), move |&rank| Some(side.below(rank)).filter(is_level));
        ranks.map(move |rank| (self.price(is_ask, rank), side.qty[rank as usize]))
    }

    /// Price of the best bid, ticks.
    #[inline]
    pub fn best_bid(&self) -> Option<i64> {
        self.best(false)
    }

    /// Price of the best ask, ticks.
    #[inline]
    pub fn best_ask(&self) -> Option<i64> {
        self.best(true)
    }

    /// Lots at the best bid; 0 where there is none.
    #[inline]
    pub fn best_bid_qty(&self) -> i64 {
        self.sides[0].best_qty()
    }

    /// Lots at the best ask; 0 where there is none.
    #[inline]
    pub fn best_ask_qty(&self) -> i64 {
        self.sides[1].best_qty()
    }

    /// Lots that are bid at a price.
    #[inline]
    pub fn bid_qty(&self, price: i64) -> i64 {
        self.qty(false, price)
    }

    /// Lots that are offered at a price.
    #[inline]
    pub fn ask_qty(&self, price: i64) -> i64 {
        self.qty(true, price)
    }

    /// Bid plus ask in ticks, which is twice the mid; `None` while a side is empty.
    #[inline]
    pub fn twice_mid(&self) -> Option<i64> {
        Some(self.best_bid()? + self.best_ask()?)
    }

    /// Price and lots of the bids, best first.
    pub fn bids(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.levels(false)
    }

    /// Price and lots of the asks, best first.
    pub fn asks(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.levels(true)
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
        depth.set(true, 5, 7);
        depth.set(true, 8, 3);
        assert_eq!(depth.set(false, 6, 1), Change { before: 0, improved: true });
        assert_eq!((depth.best_bid(), depth.best_ask()), (Some(106), Some(108)));
        depth.set(false, 6, 0);
        depth.set(true, 4, 2);
        depth.set(true, 4, 0);
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
                let change = depth.set(!is_bid, place, qty);
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
