//! The prices of an instrument as places in an array.

use rustc_hash::FxHashMap;

/// Prices that a feed names, ascending. A place is smaller than another where its price is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ladder {
    /// Every tick of a range.
    Dense {
        /// Price of the first place.
        first: i64,
        /// How many there are.
        len: usize,
    },
    /// Only the prices that occur: quotes far away from the market must cost no memory.
    Sparse {
        /// By place.
        prices: Vec<i64>,
        /// By price.
        places: FxHashMap<i64, u32>,
    },
}

/// Ticks that may stand in the array for each price that occurs.
const ROOM: usize = 4;
const LEAST: usize = 4_096;

impl Ladder {
    /// A ladder of these prices, in any order and with repetitions.
    pub fn of(mut prices: Vec<i64>) -> Self {
        let n_named = prices.len();
        let (Some(&low), Some(&high)) = (prices.iter().min(), prices.iter().max()) else {
            return Self::Dense { first: 0, len: 0 };
        };
        if Self::is_near(low, high, n_named) {
            return Self::range(low, high);
        }
        prices.sort_unstable();
        prices.dedup();
        let places = prices.iter().zip(0..).map(|(&price, place)| (price, place)).collect();
        Self::Sparse { prices, places }
    }

    /// A ladder of every tick from one price to another.
    pub fn range(low: i64, high: i64) -> Self {
        Self::Dense { first: low, len: (high - low) as usize + 1 }
    }

    /// Whether so many prices lie near enough to each other for a range.
    pub fn is_near(low: i64, high: i64, n_named: usize) -> bool {
        high.abs_diff(low) < (ROOM * n_named + LEAST) as u64
    }

    /// Number of places.
    pub fn len(&self) -> usize {
        match self {
            Self::Dense { len, .. } => *len,
            Self::Sparse { prices, .. } => prices.len(),
        }
    }

    /// The price of a place.
    #[inline]
    pub fn price(&self, place: u32) -> i64 {
        match self {
            Self::Dense { first, .. } => first + i64::from(place),
            Self::Sparse { prices, .. } => prices[place as usize],
        }
    }

    /// The place of a price; `None` where the feed never names it.
    #[inline]
    pub fn place(&self, price: i64) -> Option<u32> {
        match self {
            Self::Dense { first, len } => {
                let place = price.checked_sub(*first)?;
                (place >= 0 && (place as usize) < *len).then_some(place as u32)
            }
            Self::Sparse { places, .. } => places.get(&price).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_near_each_other_are_a_range() {
        let ladder = Ladder::of(vec![103, 100, 103]);
        assert_eq!((ladder.len(), ladder.price(3), ladder.place(101)), (4, 103, Some(1)));
        assert_eq!([ladder.place(99), ladder.place(104), ladder.place(i64::MIN)], [None; 3]);
    }

    #[test]
    fn a_stub_quote_costs_one_place() {
        let ladder = Ladder::of(vec![2_000_000_000, 5, 7, 5]);
        assert_eq!((ladder.len(), ladder.price(2)), (3, 2_000_000_000));
        assert_eq!((ladder.place(7), ladder.place(6)), (Some(1), None));
        assert_eq!(Ladder::of(Vec::new()).place(0), None);
    }
}
