//! From order ids to slots.
//!
//! Ids mostly count up, so sixteen neighbouring ids own a page of sixteen neighbouring slots: an order is where its id says. A page
//! whose orders are all gone serves other ids. Ids far beyond all others, such as ids that encode something, are hashed.

use rustc_hash::FxHashMap;

use crate::store::{NONE, Slot};

/// So many pages of ids there may be from the start: a million ids. Each new page lets two more be, so the directory is never larger than
/// the work done.
const REACH: u64 = 1 << 16;

/// The slots of all waiting orders.
#[derive(Clone, Debug, Default)]
pub(crate) struct SlotIndex {
    /// By id / 16.
    pages: Vec<Page>,
    free_pages: Vec<u32>,
    n_pages: u32,
    n_claimed: u64,
    hashed: FxHashMap<u64, Slot>,
    free_slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug)]
struct Page {
    /// Which page of slots, `NONE` if none.
    number: u32,
    /// Which of its slots hold orders, one bit each.
    live: u16,
}

impl SlotIndex {
    /// Slots of a page.
    pub const PAGE: usize = 16;

    #[inline(always)]
    pub fn find(&self, id: u64) -> Option<Slot> {
        let at = (id % Self::PAGE as u64) as u32;
        match self.pages.get((id / Self::PAGE as u64) as usize) {
            Some(page) if page.live >> at & 1 == 1 => Some(page.number * Self::PAGE as u32 + at),
            _ if self.hashed.is_empty() => None,
            _ => self.find_hashed(id),
        }
    }

    /// A slot for an id that has none.
    #[inline(always)]
    pub fn claim(&mut self, id: u64) -> Slot {
        let at = (id % Self::PAGE as u64) as u32;
        match self.pages.get_mut((id / Self::PAGE as u64) as usize) {
            Some(page) if page.number != NONE => {
                page.live |= 1 << at;
                page.number * Self::PAGE as u32 + at
            }
            _ => self.claim_page(id, at),
        }
    }

    /// Take back the slot of an id that has one.
    #[inline(always)]
    pub fn release(&mut self, id: u64) {
        let at = (id % Self::PAGE as u64) as u32;
        match self.pages.get_mut((id / Self::PAGE as u64) as usize) {
            Some(page) if page.live >> at & 1 == 1 => {
                page.live &= !(1 << at);
                if page.live == 0 {
                    self.free_pages.push(page.number);
                    page.number = NONE;
                }
            }
            _ => self.release_hashed(id),
        }
    }

    /// Have memory ready for so many ids in a row.
    pub fn reserve(&mut self, n_ids: usize) {
        self.pages.reserve(n_ids / Self::PAGE + 1);
        self.free_pages.reserve(n_ids / Self::PAGE + 1);
    }

    #[inline(never)]
    fn claim_page(&mut self, id: u64, at: u32) -> Slot {
        let page_of_id = id / Self::PAGE as u64;
        self.n_claimed += 1;
        if page_of_id >= REACH + 2 * self.n_claimed {
            return self.claim_hashed(id);
        }
        if self.pages.len() as u64 <= page_of_id {
            self.pages.resize(page_of_id as usize + 1, Page { number: NONE, live: 0 });
        }
        let number = self.page_number();
        self.pages[page_of_id as usize] = Page { number, live: 1 << at };
        number * Self::PAGE as u32 + at
    }

    fn page_number(&mut self) -> u32 {
        self.free_pages.pop().unwrap_or_else(|| {
            self.n_pages += 1;
            self.n_pages - 1
        })
    }

    #[cold]
    fn claim_hashed(&mut self, id: u64) -> Slot {
        if self.free_slots.is_empty() {
            let first = self.page_number() * Self::PAGE as u32;
            self.free_slots.extend((first..first + Self::PAGE as u32).rev());
        }
        let slot = self.free_slots.pop().expect("a page has slots");
        self.hashed.insert(id, slot);
        slot
    }

    #[inline(never)]
    fn find_hashed(&self, id: u64) -> Option<Slot> {
        self.hashed.get(&id).copied()
    }

    #[cold]
    fn release_hashed(&mut self, id: u64) {
        if let Some(slot) = self.hashed.remove(&id) {
            self.free_slots.push(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_near_and_far_are_found_until_released() {
        let mut index = SlotIndex::default();
        let ids = [0, 1, 15, 16, 4_096, 900_000, 1 << 40, u64::MAX];
        let mut slots = Vec::new();
        for id in ids {
            assert_eq!(index.find(id), None);
            let slot = index.claim(id);
            assert_eq!(index.find(id), Some(slot));
            assert!(!slots.contains(&slot), "slot {slot} is given away twice");
            slots.push(slot);
        }
        assert!(ids.iter().zip(&slots).all(|(&id, &slot)| index.find(id) == Some(slot)));
        for id in [0, 1 << 40, 4_096] {
            index.release(id);
            assert_eq!(index.find(id), None);
        }
        assert_eq!(index.find(1), Some(slots[1]));
    }

    #[test]
    fn a_hashed_id_stays_where_it_is_when_the_pages_reach_it() {
        let mut index = SlotIndex::default();
        let far = 2_000_000;
        let slot = index.claim(far);
        for id in (0..=far + 100).filter(|&id| id != far) {
            index.claim(id);
            index.release(id);
        }
        let neighbour = index.claim(far + 1);
        assert!(index.hashed.len() == 1, "the neighbour has a page");
        assert_eq!((index.find(far), index.find(far + 1)), (Some(slot), Some(neighbour)));
        index.release(far);
        assert_eq!((index.find(far), index.find(far + 1)), (None, Some(neighbour)));
    }

    #[test]
    fn a_page_without_orders_is_used_again() {
        let mut index = SlotIndex::default();
        for id in 0..100_000 {
            index.claim(id);
            index.release(id);
        }
        assert_eq!(index.n_pages, 1);
    }
}
