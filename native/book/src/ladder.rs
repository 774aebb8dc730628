//! The price levels of one side, best first.
//!
//! Prices turn into *keys*, in which less is better: the price of an ask, minus the price of a bid. The pages of 64 levels are indexed by a
//! `BTreeMap`, with a hot window in front: an array of pages around the market whose occupied ones are marked in a bitmap of two layers, so
//! that the next best level is three bit scans away. Where the market leaves the window, the window moves. Without a window everything
//! works the same, only slower; a test holds the two against each other.

use std::collections::BTreeMap;

use crate::levels::{Level, Levels, Owner, PAGE};
use crate::store::NONE;

/// Best key of a side without orders.
pub(crate) const EMPTY: i64 = i64::MAX;

/// Pages of the widest window: 64 words of 64 bits.
pub(crate) const WIDEST_WINDOW: usize = 4096;

#[derive(Clone, Debug)]
#[repr(align(128))]
pub(crate) struct Ladder {
    /// Lowest key, `EMPTY` without orders.
    pub best_key: i64,
    /// Level of the lowest key.
    pub best_level: u32,
    /// Levels that hold hidden orders only.
    pub n_hidden_only: u32,
    owner: Owner,
    /// Number (key / 64) of the first page in the window.
    base: i64,
    /// The window, allocated with the first order; a power of two, or nothing.
    window: Vec<u32>,
    window_pages: usize,
    /// One bit for each page of the window, and one for each word of those.
    marks: Vec<u64>,
    words: u64,
    /// Pages outside the window, by number.
    far: BTreeMap<i64, u32>,
}

impl Ladder {
    pub fn new(owner: Owner, window_pages: usize) -> Self {
        debug_assert!(window_pages <= WIDEST_WINDOW);
        Self {
            best_key: EMPTY,
            best_level: NONE,
            n_hidden_only: 0,
            owner,
            base: 0,
            window: Vec::new(),
            window_pages,
            marks: Vec::new(),
            words: 0,
            far: BTreeMap::new(),
        }
    }

    /// The level of a key, if it holds orders.
    pub fn level(&self, levels: &Levels, key: i64) -> Option<u32> {
        let (number, at) = split(key);
        let page = self.page(number)?;
        if levels.page(page).bits >> at & 1 == 1 { Some(page * PAGE + at) } else { None }
    }

    /// The level of a key, for an order that is about to queue there.
    #[inline(always)]
    pub fn open<'l>(&mut self, levels: &'l mut Levels, key: i64) -> (u32, &'l mut Level) {
        let (number, at) = split(key);
        let page = match self.page(number) {
            Some(page) => page,
            None => self.add_page(levels, number),
        };
        let index = page * PAGE + at;
        let page = levels.page_mut(page);
        let level = &mut page.levels[at as usize];
        if level.is_empty() {
            page.bits |= 1 << at;
            if key < self.best_key {
                self.best_key = key;
                self.best_level = index;
            }
        }
        (index, level)
    }

    /// Forget a level whose last order has left.
    #[inline(always)]
    pub fn close(&mut self, levels: &mut Levels, level: u32) {
        let at = level % PAGE;
        let page = levels.page_mut(level / PAGE);
        page.bits &= !(1 << at);
        let (left, number) = (page.bits, page.number);
        if left == 0 {
            self.remove_page(levels, number, level / PAGE);
        } else if level == self.best_level {
            // The best level's page holds the next one.
            let next = left.trailing_zeros();
            self.best_key = number * i64::from(PAGE) + i64::from(next);
            self.best_level = level - at + next;
        }
    }

    /// The levels that hold orders, best first, as (key, level).
    pub fn levels<'a>(&'a self, levels: &'a Levels) -> impl Iterator<Item = (i64, u32)> + 'a {
        self.pages().flat_map(move |(number, page)| {
            let mut bits = levels.page(page).bits;
            std::iter::from_fn(move || {
                if bits == 0 {
                    return None;
                }
                let at = bits.trailing_zeros();
                bits &= bits - 1;
                Some((number * i64::from(PAGE) + i64::from(at), page * PAGE + at))
            })
        })
    }

    #[inline(always)]
    fn page(&self, number: i64) -> Option<u32> {
        let page = match self.window.get(number.wrapping_sub(self.base) as usize) {
            Some(&page) => page,
            None if self.far.is_empty() => return None,
            None => return self.far.get(&number).copied(),
        };
        if page == NONE { None } else { Some(page) }
    }

    #[inline(never)]
    fn add_page(&mut self, levels: &mut Levels, number: i64) -> u32 {
        if self.window.is_empty() && self.window_pages > 0 {
            self.window = vec![NONE; self.window_pages];
            self.marks = vec![0; self.window_pages.div_ceil(64)];
            self.base = number - self.window_pages as i64 / 2;
        }
        let page = levels.take_page(number, self.owner);
        let is_best = number < split(self.best_key).0;
        self.put(number, page);
        if is_best && !self.in_window(number) && !self.window.is_empty() {
            self.move_window(number);
        }
        page
    }

    fn in_window(&self, number: i64) -> bool {
        (number.wrapping_sub(self.base) as usize) < self.window.len()
    }

    fn put(&mut self, number: i64, page: u32) {
        if self.in_window(number) {
            let at = (number - self.base) as usize;
            self.window[at] = page;
            self.marks[at / 64] |= 1 << (at % 64);
            self.words |= 1 << (at / 64);
        } else {
            self.far.insert(number, page);
        }
    }

    #[inline(never)]
    fn remove_page(&mut self, levels: &mut Levels, number: i64, page: u32) {
        if self.in_window(number) {
            let at = (number - self.base) as usize;
            self.window[at] = NONE;
            self.marks[at / 64] &= !(1 << (at % 64));
            if self.marks[at / 64] == 0 {
                self.words &= !(1 << (at / 64));
            }
        } else {
            self.far.remove(&number);
        }
        levels.give_back(page);
        if page == self.best_level / PAGE {
            self.find_best(levels);
        }
    }

    /// Centre the window on a page: the work is in the pages that hold orders, not in the distance.
    fn move_window(&mut self, number: i64) {
        let pages: Vec<(i64, u32)> = self.near_pages().collect();
        for (number, _) in &pages {
            let at = (number - self.base) as usize;
            self.window[at] = NONE;
            self.marks[at / 64] = 0;
        }
        self.words = 0;
        self.base = number - self.window_pages as i64 / 2;
        for (number, page) in pages {
            self.put(number, page);
        }
        let end = self.base + self.window_pages as i64;
        let arriving: Vec<(i64, u32)> = self.far.range(self.base..end).map(|(&number, &page)| (number, page)).collect();
        for (number, page) in arriving {
            self.far.remove(&number);
            self.put(number, page);
        }
    }

    fn find_best(&mut self, levels: &Levels) {
        let far = self.far.first_key_value().map(|(&number, &page)| (number, page));
        let best = match (self.first_near_page(), far) {
            (Some(near), Some(far)) => near.min(far),
            (Some(page), None) | (None, Some(page)) => page,
            (None, None) => {
                self.best_key = EMPTY;
                self.best_level = NONE;
                return;
            }
        };
        let at = levels.page(best.1).bits.trailing_zeros();
        self.best_key = best.0 * i64::from(PAGE) + i64::from(at);
        self.best_level = best.1 * PAGE + at;
    }

    fn first_near_page(&self) -> Option<(i64, u32)> {
        if self.words == 0 {
            return None;
        }
        let word = self.words.trailing_zeros() as usize;
        let at = word * 64 + self.marks[word].trailing_zeros() as usize;
        Some((self.base + at as i64, self.window[at]))
    }

    fn near_pages(&self) -> impl Iterator<Item = (i64, u32)> + '_ {
        self.marks.iter().enumerate().flat_map(move |(word, &marks)| {
            let mut left = marks;
            std::iter::from_fn(move || {
                if left == 0 {
                    return None;
                }
                let at = word * 64 + left.trailing_zeros() as usize;
                left &= left - 1;
                Some((self.base + at as i64, self.window[at]))
            })
        })
    }

    /// All pages by number. The window is one stretch of numbers, so what is far lies before or behind it.
    fn pages(&self) -> impl Iterator<Item = (i64, u32)> + '_ {
        let before = self.far.range(..self.base).map(|(&number, &page)| (number, page));
        let behind = self.far.range(self.base..).map(|(&number, &page)| (number, page));
        before.chain(self.near_pages()).chain(behind)
    }
}

/// The number of a key's page, and its place there.
#[inline(always)]
const fn split(key: i64) -> (i64, u32) {
    (key.div_euclid(PAGE as i64), key.rem_euclid(PAGE as i64) as u32)
}

#[cfg(test)]
mod tests {
    use omni_types::Side;

    use super::*;

    /// Open and close keys at random in ladders with different windows, next to a plain sorted set.
    fn agree_on(keys: impl Iterator<Item = i64>) {
        let mut levels = Levels::default();
        let owner = Owner { instrument: 0, side: Side::Sell };
        let mut ladders: Vec<Ladder> = [0, 1, 64, WIDEST_WINDOW].map(|pages| Ladder::new(owner, pages)).into();
        let mut plain = std::collections::BTreeSet::new();
        for key in keys {
            let was_there = !plain.insert(key);
            if was_there {
                plain.remove(&key);
            }
            for ladder in &mut ladders {
                if was_there {
                    let level = ladder.level(&levels, key).expect("it was opened");
                    ladder.close(&mut levels, level);
                } else {
                    ladder.open(&mut levels, key);
                }
                assert_eq!(ladder.best_key, plain.first().copied().unwrap_or(EMPTY));
                assert!(ladder.levels(&levels).map(|(key, _)| key).eq(plain.iter().copied()));
                assert_eq!(ladder.best_level, ladder.level(&levels, ladder.best_key).unwrap_or(NONE));
            }
        }
    }

    /// A seeded sequence that needs no crate.
    fn random(seed: u64) -> impl Iterator<Item = u64> {
        std::iter::successors(Some(seed), |x| {
            Some(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
        })
        .map(|x| x >> 33)
    }

    #[test]
    fn every_window_finds_the_same_levels() {
        agree_on(random(1).take(3_000).map(|x| (x % 40) as i64 - 20));
        agree_on(random(2).take(2_000).map(|x| (x % 300) as i64 * 7_001 - 1_000_000));
        // A market that wanders off.
        agree_on(random(3).take(2_000).enumerate().map(|(at, x)| at as i64 * -400 + (x % 2_000) as i64));
        agree_on(random(4).take(1_000).map(|x| -(1 << 50) + (x % 9) as i64));
    }
}
