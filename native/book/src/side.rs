//! One side of a book: price levels from the best outward, each a first-in-first-out queue.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use omni_types::{Qty, Side, Ticks};

use crate::slab::{Slab, Slot};

/// The queue at one price.
#[derive(Clone, Copy, Debug)]
struct Level {
    first: Slot,
    last: Slot,
    qty: Qty,
    n_orders: u32,
}

/// A price level as seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelView {
    /// Price of the level.
    pub price: Ticks,
    /// Lots resting there, all orders together.
    pub qty: Qty,
    /// Number of orders.
    pub n_orders: u32,
}

/// The levels of one side. Keys are prices turned so that the best sorts first on both sides; that is what lets one matching loop serve both.
#[derive(Clone, Debug)]
pub(crate) struct BookSide {
    side: Side,
    levels: BTreeMap<i64, Level>,
}

impl BookSide {
    pub fn new(side: Side) -> Self {
        Self { side, levels: BTreeMap::new() }
    }

    fn key(&self, price: Ticks) -> i64 {
        -self.side.sign() * price.0
    }

    /// The levels from the best outward.
    pub fn levels(&self) -> impl Iterator<Item = LevelView> + '_ {
        self.levels.iter().map(|(key, level)| LevelView {
            price: Ticks(-self.side.sign() * key),
            qty: level.qty,
            n_orders: level.n_orders,
        })
    }

    /// The order that is next to trade: first in the queue at the best price.
    pub fn first(&self) -> Option<Slot> {
        self.levels.first_key_value().map(|(_, level)| level.first)
    }

    /// The queue at `price` from first to last.
    pub fn queue<'a>(&'a self, slab: &'a Slab, price: Ticks) -> impl Iterator<Item = Slot> + 'a {
        let first = self.levels.get(&self.key(price)).map(|level| level.first);
        std::iter::successors(first, |&slot| slab[slot].behind)
    }

    /// Queue the order behind all others at its price.
    pub fn push(&mut self, slab: &mut Slab, slot: Slot) {
        let leaves = slab[slot].leaves;
        match self.levels.entry(self.key(slab[slot].price)) {
            Entry::Vacant(entry) => {
                entry.insert(Level { first: slot, last: slot, qty: leaves, n_orders: 1 });
            }
            Entry::Occupied(mut entry) => {
                let level = entry.get_mut();
                slab[level.last].behind = Some(slot);
                slab[slot].before = Some(level.last);
                level.last = slot;
                level.qty.0 += leaves.0;
                level.n_orders += 1;
            }
        }
    }

    /// Take `qty` from the order without moving it in its queue.
    pub fn reduce(&mut self, slab: &mut Slab, slot: Slot, qty: Qty) {
        let order = &mut slab[slot];
        order.leaves.0 -= qty.0;
        let key = self.key(order.price);
        let level = self.levels.get_mut(&key).expect("a resting order has a level");
        level.qty.0 -= qty.0;
    }

    /// Take the order out of its queue; an emptied level disappears.
    pub fn unlink(&mut self, slab: &mut Slab, slot: Slot) {
        let order = slab[slot];
        let key = self.key(order.price);
        let level = self.levels.get_mut(&key).expect("a resting order has a level");
        if level.n_orders == 1 {
            self.levels.remove(&key);
            return;
        }
        level.qty.0 -= order.leaves.0;
        level.n_orders -= 1;
        match order.before {
            Some(before) => slab[before].behind = order.behind,
            None => level.first = order.behind.expect("the level holds another order"),
        }
        match order.behind {
            Some(behind) => slab[behind].before = order.before,
            None => level.last = order.before.expect("the level holds another order"),
        }
    }
}
