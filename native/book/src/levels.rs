//! Price levels in pages of 64 neighbouring ticks, shared by all ladders of an engine.

use std::ops::{Index, IndexMut};

use omni_types::Side;

use crate::market::price_of;
use crate::store::{NONE, Slot};

/// Levels of a page.
pub(crate) const PAGE: u32 = 64;

/// One price: a queue of displayed orders and, behind it, one of hidden orders.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
pub(crate) struct Level {
    pub head: [Slot; 2],
    pub tail: [Slot; 2],
    /// Lots displayed.
    pub qty: i64,
    /// Orders displayed and hidden.
    pub n: [u32; 2],
}

impl Level {
    const EMPTY: Self = Self { head: [NONE; 2], tail: [NONE; 2], qty: 0, n: [0; 2] };

    /// Whether no order is left. Both counts are read as they were written: a wider read would wait for the writes to reach the cache.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.n[0] == 0 && self.n[1] == 0
    }

    pub fn is_hidden_only(&self) -> bool {
        self.n[0] == 0 && self.n[1] > 0
    }
}

/// 64 neighbouring levels of one side of one instrument.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// Which levels hold orders, one bit each.
    pub bits: u64,
    /// The lowest key / 64.
    pub number: i64,
    pub owner: Owner,
    pub levels: [Level; PAGE as usize],
}

/// Whose levels they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    pub instrument: u16,
    pub side: Side,
}

impl Page {
    /// The key of one of its levels.
    #[inline(always)]
    pub fn key(&self, level: u32) -> i64 {
        self.number * i64::from(PAGE) + i64::from(level % PAGE)
    }

    /// The price of one of its levels.
    #[inline(always)]
    pub fn price(&self, level: u32) -> i64 {
        price_of(self.owner.side, self.key(level))
    }
}

/// All pages. The levels of a free page are empty, so it can be used again as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Levels {
    pages: Vec<Page>,
    free: Vec<u32>,
}

impl Levels {
    pub fn take_page(&mut self, number: i64, owner: Owner) -> u32 {
        if let Some(at) = self.free.pop() {
            let page = &mut self.pages[at as usize];
            (page.number, page.owner) = (number, owner);
            return at;
        }
        self.pages.push(Page { bits: 0, number, owner, levels: [Level::EMPTY; PAGE as usize] });
        self.pages.len() as u32 - 1
    }

    pub fn give_back(&mut self, page: u32) {
        debug_assert_eq!(self.pages[page as usize].bits, 0);
        self.free.push(page);
    }

    #[inline(always)]
    pub fn page(&self, page: u32) -> &Page {
        &self.pages[page as usize]
    }

    #[inline(always)]
    pub fn page_mut(&mut self, page: u32) -> &mut Page {
        &mut self.pages[page as usize]
    }

    /// The page of a level.
    #[inline(always)]
    pub fn page_of(&self, level: u32) -> &Page {
        self.page(level / PAGE)
    }
}

impl Index<u32> for Levels {
    type Output = Level;
    #[inline(always)]
    fn index(&self, level: u32) -> &Level {
        &self.pages[(level / PAGE) as usize].levels[(level % PAGE) as usize]
    }
}

impl IndexMut<u32> for Levels {
    #[inline(always)]
    fn index_mut(&mut self, level: u32) -> &mut Level {
        &mut self.pages[(level / PAGE) as usize].levels[(level % PAGE) as usize]
    }
}
