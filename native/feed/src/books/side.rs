//! The price levels of one side of one book.
//!
//! Prices turn into *keys*, of which more is better. The best levels lie in a short sorted array whose last entry is the best: most of
//! what happens, happens within a cache line of its end. What is worse than all of those lies in a tree, so that a side with a hundred
//! thousand levels costs a logarithm and not a move of them all. The arrays of all sides share one block of memory, so that a book is one
//! cache line and its arrays are on huge pages.

use std::collections::BTreeMap;

use omni_memory::prefetch;
use rustc_hash::FxHashMap;

use super::store::enlarge;

/// No level, no order: places that hold nothing, and may be read and written all the same.
pub(crate) const NONE: u32 = 0;

/// Entries of the smallest array.
const SMALLEST: usize = 4;
/// How often an array can double: to 512 entries. The worse half goes to the tree when it is full, and as many come back when it is empty,
/// so that moving one costs a constant on average.
const DOUBLINGS: usize = 7;
const FULL: usize = SMALLEST << DOUBLINGS;

/// Entries that are compared without a branch.
const BLOCK: usize = 4;
/// Entries that are compared before the rest is halved again and again.
const NEAR: usize = 6 * BLOCK;

/// A price and the number of its level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub key: i64,
    pub level: u32,
}

const NOTHING: Entry = Entry { key: 0, level: NONE };

/// The levels of a side. Its entries are elsewhere: in the [`Ladders`] that it is used with.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Side {
    /// Where its array begins.
    start: u32,
    len: u16,
    /// How often the array was doubled, plus 1; 0 for none.
    size: u8,
    /// Whether there are levels worse than all in the array.
    has_far: bool,
}

/// The entries of all sides.
#[derive(Clone, Debug)]
pub(crate) struct Ladders {
    entries: Vec<Entry>,
    /// Arrays that nobody uses, by size.
    free: [Vec<u32>; DOUBLINGS + 1],
    /// By the number of the side.
    far: FxHashMap<u32, BTreeMap<i64, u32>>,
}

impl Default for Ladders {
    fn default() -> Self {
        Self { entries: Vec::with_capacity(1 << 18), free: Default::default(), far: FxHashMap::default() }
    }
}

/// The key of a price, and back. Complement turns the order of prices around and, unlike a sign, has no exception.
#[inline(always)]
pub(crate) fn flip(is_ask: bool, price_or_key: i64) -> i64 {
    price_or_key ^ -i64::from(is_ask)
}

impl Side {
    fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.start as usize + usize::from(self.len)
    }

    fn room(self) -> usize {
        if self.size == 0 { 0 } else { SMALLEST << (self.size - 1) }
    }
}

impl Ladders {
    /// The array of a side, the best last.
    #[inline(always)]
    fn top(&self, side: Side) -> &[Entry] {
        &self.entries[side.range()]
    }

    /// The best level.
    #[inline(always)]
    pub fn best(&self, side: Side) -> Option<Entry> {
        self.top(side).last().copied()
    }

    /// Ask for the best entries.
    #[inline(always)]
    pub fn prefetch(&self, side: Side) {
        let place = self.entries.as_ptr().wrapping_add(side.start as usize + usize::from(side.len));
        prefetch(place.wrapping_sub(1));
        prefetch(place.wrapping_sub(BLOCK));
    }

    /// The level of a key, `NONE` if there is none; `who` is the number of the side.
    #[inline(never)]
    pub fn find(&self, side: Side, who: u32, key: i64) -> u32 {
        let top = self.top(side);
        match top.get(up_to(top, key).wrapping_sub(1)) {
            Some(entry) if entry.key == key => entry.level,
            None if side.has_far => self.far.get(&who).and_then(|far| far.get(&key).copied()).unwrap_or(NONE),
            _ => NONE,
        }
    }

    /// The level of a key; where there is none, the level that `make` gives.
    #[inline(never)]
    pub fn open(&mut self, side: &mut Side, who: u32, key: i64, make: impl FnOnce() -> u32) -> u32 {
        let top = self.top(*side);
        let end = up_to(top, key);
        match top.get(end.wrapping_sub(1)) {
            Some(entry) if entry.key == key => return entry.level,
            None if side.has_far => return *self.far.entry(who).or_default().entry(key).or_insert_with(make),
            _ => {}
        }
        let level = make();
        if usize::from(side.len) == side.room() {
            self.widen(side);
        }
        side.len += 1;
        let top = &mut self.entries[side.range()];
        top.copy_within(end..top.len() - 1, end + 1);
        top[end] = Entry { key, level };
        if usize::from(side.len) == FULL {
            self.spill(side, who);
        }
        level
    }

    /// Forget the level of a key, which there is.
    #[inline(never)]
    pub fn close(&mut self, side: &mut Side, who: u32, key: i64) {
        let top = &mut self.entries[side.range()];
        let end = up_to(top, key);
        if end == 0 {
            self.close_far(side, who, key);
            return;
        }
        debug_assert_eq!(top[end - 1].key, key);
        top.copy_within(end.., end - 1);
        side.len -= 1;
        if side.len == 0 && side.has_far {
            self.refill(side, who);
        }
    }

    /// All levels, best first.
    pub fn levels(&self, side: Side, who: u32) -> impl Iterator<Item = Entry> + '_ {
        let far = self.far.get(&who).into_iter().flat_map(|far| far.iter().rev());
        self.top(side).iter().rev().copied().chain(far.map(|(&key, &level)| Entry { key, level }))
    }

    /// Forget all levels.
    pub fn clear(&mut self, side: &mut Side, who: u32) {
        self.far.remove(&who);
        (side.len, side.has_far) = (0, false);
    }

    /// An array of twice the size.
    #[inline(never)]
    fn widen(&mut self, side: &mut Side) {
        let (power, room) = (usize::from(side.size), side.room());
        let start = self.free[power].pop().unwrap_or_else(|| {
            let start = self.entries.len();
            let end = start + (SMALLEST << power);
            if end > self.entries.capacity() {
                enlarge(&mut self.entries);
            }
            self.entries.resize(end, NOTHING);
            start as u32
        });
        if room > 0 {
            self.entries.copy_within(side.range(), start as usize);
            self.free[power - 1].push(side.start);
        }
        (side.start, side.size) = (start, side.size + 1);
    }

    #[cold]
    fn close_far(&mut self, side: &mut Side, who: u32, key: i64) {
        let Some(far) = self.far.get_mut(&who) else { return };
        far.remove(&key);
        if far.is_empty() {
            self.far.remove(&who);
            side.has_far = false;
        }
    }

    #[cold]
    fn spill(&mut self, side: &mut Side, who: u32) {
        let top = &mut self.entries[side.range()];
        let worse = top[..FULL / 2].iter().map(|entry| (entry.key, entry.level));
        self.far.entry(who).or_default().extend(worse);
        top.copy_within(FULL / 2.., 0);
        side.len = (FULL / 2) as u16;
        side.has_far = true;
    }

    #[cold]
    fn refill(&mut self, side: &mut Side, who: u32) {
        let Some(far) = self.far.get_mut(&who) else { return };
        let n = far.len().min(FULL / 2);
        side.len = n as u16;
        for place in self.entries[side.range()].iter_mut().rev() {
            if let Some((key, level)) = far.pop_last() {
                *place = Entry { key, level };
            }
        }
        if far.is_empty() {
            self.far.remove(&who);
            side.has_far = false;
        }
    }
}

/// How many entries of the array have this key or a worse one.
#[inline(always)]
fn up_to(top: &[Entry], key: i64) -> usize {
    let mut rest = top;
    // A few blocks from the best, in each of which the comparisons do not wait for one another.
    while let Some((before, block)) = rest.split_last_chunk::<BLOCK>() {
        let n_up_to: usize = block.iter().map(|entry| usize::from(entry.key <= key)).sum();
        if n_up_to > 0 {
            return before.len() + n_up_to;
        }
        rest = before;
        if top.len() - rest.len() == NEAR {
            return up_to_far(rest, key);
        }
    }
    rest.iter().rposition(|entry| entry.key <= key).map_or(0, |at| at + 1)
}

#[cold]
fn up_to_far(rest: &[Entry], key: i64) -> usize {
    rest.partition_point(|entry| entry.key <= key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys that come and go at random, near the best and far from it, beside a plain map.
    #[test]
    fn levels_are_those_of_a_plain_map_at_any_depth() {
        let mut ladders = Ladders::default();
        for (who, width) in [(1, 6), (2, 40), (3, 300), (4, 5_000), (5, 100_000)] {
            let (mut side, mut plain, mut state) = (Side::default(), BTreeMap::new(), u64::from(who));
            let mut random = move |below: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((state >> 33) * below) >> 31
            };
            for step in 1..=20_000_u32 {
                // Grow first, shrink in the end: the array spills and is filled again.
                let (key, is_new) = (random(width) as i64 - 50, random(20_000) > u64::from(step));
                if is_new {
                    let level = *plain.entry(key).or_insert(step);
                    assert_eq!(ladders.open(&mut side, who, key, || step), level);
                } else if plain.remove(&key).is_some() {
                    ladders.close(&mut side, who, key);
                }
                assert_eq!(ladders.find(side, who, key), plain.get(&key).copied().unwrap_or(NONE));
                let best = ladders.best(side).map(|entry| (entry.key, entry.level));
                assert_eq!(best, plain.last_key_value().map(|(&key, &level)| (key, level)));
            }
            let all: Vec<_> = ladders.levels(side, who).map(|entry| (entry.key, entry.level)).collect();
            assert!(all.iter().copied().eq(plain.iter().rev().map(|(&key, &level)| (key, level))));
            for (key, _) in all {
                ladders.close(&mut side, who, key);
            }
            assert!(ladders.best(side).is_none() && !side.has_far);
        }
    }

    #[test]
    fn a_key_of_an_ask_falls_where_its_price_rises() {
        for pair in [i64::MIN, -7, -1, 0, 1, 1 << 40, i64::MAX].windows(2) {
            assert!(flip(true, pair[0]) > flip(true, pair[1]) && flip(false, pair[0]) < flip(false, pair[1]));
            assert_eq!(flip(true, flip(true, pair[0])), pair[0]);
        }
    }
}
