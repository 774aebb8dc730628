//! Price levels in pages of 64 neighbouring ticks, shared by all ladders of an engine.

use std::ops::{Index, IndexMut};

use crate::store::{NONE, Slot};

/// Levels of a page.
pub(crate) const PAGE: i64 = 64;

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

/// All pages. A free page is empty, so it can be used again as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Levels {
    all: Vec<Level>,
    bits: Vec<u64>,
    free: Vec<u32>,
}

impl Levels {
    pub fn take_page(&mut self) -> u32 {
        if let Some(page) = self.free.pop() {
            return page;
        }
        let page = self.bits.len() as u32;
        self.bits.push(0);
        self.all.resize(self.all.len() + PAGE as usize, Level::EMPTY);
        page
    }

    pub fn give_back(&mut self, page: u32) {
        debug_assert_eq!(self.bits[page as usize], 0);
        self.free.push(page);
    }

    /// Which levels of a page hold orders, one bit each.
    #[inline]
    pub fn bits(&self, page: u32) -> u64 {
        self.bits[page as usize]
    }

    #[inline]
    pub fn bits_mut(&mut self, page: u32) -> &mut u64 {
        &mut self.bits[page as usize]
    }
}

impl Index<u32> for Levels {
    type Output = Level;
    #[inline]
    fn index(&self, level: u32) -> &Level {
        &self.all[level as usize]
    }
}

impl IndexMut<u32> for Levels {
    #[inline]
    fn index_mut(&mut self, level: u32) -> &mut Level {
        &mut self.all[level as usize]
    }
}
