//! From order ids to slots.
//!
//! Ids mostly count up, so sixteen neighbouring ids share a page of one cache line that says where their orders are, and a directory says
//! where the pages are. A page whose orders are all gone serves other ids. Ids far beyond all others, such as ids that encode something,
//! are hashed.

use omni_memory::prefetch;
use rustc_hash::FxHashMap;

use super::side::NONE;

/// Ids of a page.
const PAGE: u64 = 16;

/// So many pages of ids there may be from the start: a million ids. Each page that is taken lets some more be, so that the directory is
/// never larger than the work done.
const REACH: u64 = 1 << 16;
const REACH_A_PAGE: u64 = 8;

/// The slots of all waiting orders.
#[derive(Clone, Debug, Default)]
pub(crate) struct SlotIndex {
    /// By id / 16.
    pages: Vec<Page>,
    n_pages: u32,
    free_pages: Vec<u32>,
    n_taken: u64,
    hashed: FxHashMap<u64, u32>,
    free_slots: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Page {
    /// Which page of slots, if any of them is live.
    number: u32,
    /// Which of its slots hold orders, one bit each.
    live: u32,
}

impl Page {
    const EMPTY: Self = Self { number: 0, live: 0 };
}

/// The bit of an id in its page.
#[inline(always)]
fn bit(id: u64) -> u32 {
    1 << (id % PAGE)
}

#[inline(always)]
fn slot(page: u32, id: u64) -> u32 {
    page * PAGE as u32 + (id % PAGE) as u32
}

impl SlotIndex {
    /// The slot of an id, `NONE` if it has none.
    #[inline(always)]
    pub fn find(&self, id: u64) -> u32 {
        let page = self.pages.get((id / PAGE) as usize).copied().unwrap_or(Page::EMPTY);
        // All ones if the order is there. Whether it is cannot be guessed, so there is no branch on it.
        let is_live = (page.live >> (id % PAGE) & 1).wrapping_neg();
        let slot = slot(page.number, id) & is_live;
        if slot == NONE && !self.hashed.is_empty() { self.find_hashed(id) } else { slot }
    }

    /// A slot for an id; `NONE` if it has one.
    #[inline(always)]
    pub fn claim(&mut self, id: u64) -> u32 {
        match self.pages.get_mut((id / PAGE) as usize) {
            Some(page) if page.live != 0 && self.hashed.is_empty() => {
                let is_taken = page.live & bit(id) != 0;
                page.live |= bit(id);
                if is_taken { NONE } else { slot(page.number, id) }
            }
            _ => self.claim_page(id),
        }
    }

    /// Forget the slot of an id that has one.
    #[inline(always)]
    pub fn remove(&mut self, id: u64) {
        match self.pages.get_mut((id / PAGE) as usize) {
            Some(page) if page.live & bit(id) != 0 => {
                page.live &= !bit(id);
                if page.live == 0 {
                    self.free_pages.push(page.number);
                }
            }
            _ => self.remove_hashed(id),
        }
    }

    /// Ask for where an id is.
    #[inline(always)]
    pub fn prefetch(&self, id: u64) {
        prefetch(self.pages.as_ptr().wrapping_add((id / PAGE) as usize));
    }

    #[inline(never)]
    fn claim_page(&mut self, id: u64) -> u32 {
        if self.find(id) != NONE {
            return NONE;
        }
        let at = (id / PAGE) as usize;
        if let Some(page) = self.pages.get_mut(at).filter(|page| page.live != 0) {
            page.live |= bit(id);
            return slot(page.number, id);
        }
        self.n_taken += 1;
        if id / PAGE >= REACH + REACH_A_PAGE * self.n_taken {
            return self.claim_hashed(id);
        }
        if self.pages.len() <= at {
            self.pages.resize(at + 1, Page::EMPTY);
        }
        let number = self.page_number();
        self.pages[at] = Page { number, live: bit(id) };
        slot(number, id)
    }

    fn page_number(&mut self) -> u32 {
        self.free_pages.pop().unwrap_or_else(|| {
            // Page 0 is nobody's: its first slot is `NONE`.
            self.n_pages += 1;
            self.n_pages
        })
    }

    #[cold]
    fn claim_hashed(&mut self, id: u64) -> u32 {
        if self.free_slots.is_empty() {
            let first = slot(self.page_number(), 0);
            self.free_slots.extend((first..first + PAGE as u32).rev());
        }
        let slot = self.free_slots.pop().unwrap_or(NONE);
        self.hashed.insert(id, slot);
        slot
    }

    #[cold]
    fn find_hashed(&self, id: u64) -> u32 {
        self.hashed.get(&id).copied().unwrap_or(NONE)
    }

    #[cold]
    fn remove_hashed(&mut self, id: u64) {
        self.free_slots.extend(self.hashed.remove(&id));
    }
}

#[cfg(any())]
mod tests_off {
    use super::*;

    #[test]
    fn ids_near_and_far_are_found_until_removed() {
        let mut index = SlotIndex::default();
        let ids = [0, 1, 15, 16, 4_096, 900_000, 1 << 40, u64::MAX];
        for (slot, &id) in (0..).zip(&ids) {
            assert_eq!(index.find(id), NONE);
            assert!(index.insert(id, slot) && !index.insert(id, 99));
        }
        assert!((0..).zip(&ids).all(|(slot, &id)| index.find(id) == slot));
        for id in [0, 1 << 40, 4_096] {
            index.remove(id);
            assert_eq!(index.find(id), NONE);
        }
        assert_eq!((index.find(1), index.find(u64::MAX)), (1, 7));
    }

    #[test]
    fn a_hashed_id_stays_where_it_is_when_the_pages_reach_it() {
        let mut index = SlotIndex::default();
        let far = 3_000_000;
        index.insert(far, 1);
        assert_eq!(index.hashed.len(), 1);
        for id in (0..far + 100).filter(|&id| id != far) {
            index.insert(id, 2);
            index.remove(id);
        }
        index.insert(far + 1, 3);
        assert!(index.hashed.len() == 1, "the neighbour has a page");
        assert_eq!((index.find(far), index.find(far + 1)), (1, 3));
        index.remove(far);
        assert_eq!((index.find(far), index.find(far + 1)), (NONE, 3));
    }

    #[test]
    fn memory_follows_the_ids_that_have_slots_and_not_those_that_had() {
        let mut index = SlotIndex::default();
        for id in 0..400_000 {
            index.insert(id, 1);
            if id >= 1_000 {
                index.remove(id - 1_000);
            }
        }
        assert!(index.pages.len() < 100, "{} pages", index.pages.len());
        index.insert(u64::MAX, 1);
        assert!(index.directory.len() < 30_000, "{} entries", index.directory.len());
    }
}
