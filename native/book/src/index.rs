//! From order ids to slots, and back.
//!
//! Ids mostly count up, so sixteen neighbouring ids own a page of sixteen neighbouring slots: an order is where its id says. A page
//! whose orders are all gone serves other ids. Ids far beyond all others, such as ids that encode something, are hashed.

use rustc_hash::FxHashMap;

use crate::store::{NONE, Slot};

/// So many pages of ids there may be from the start: a million ids. Each new page lets two more be, so the directory is never larger than
/// the work done.
const REACH: u64 = 1 << 16;

/// Ids and slots of a page.
const PAGE: u64 = 16;

/// The slots of all waiting orders.
#[derive(Clone, Debug, Default)]
pub struct SlotIndex {
    /// By id / 16.
    pages: Vec<Page>,
    /// By slot / 16: the id / 16 that owns the page, `FAR` if hashed ids share it.
    owners: Vec<u64>,
    free_pages: Vec<u32>,
    n_claimed: u64,
    hashed: FxHashMap<u64, Slot>,
    hashed_ids: FxHashMap<Slot, u64>,
    free_slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug)]
struct Page {
    /// Which page of slots, `NONE` if none.
    number: u32,
    /// Which of its slots hold orders, one bit each.
    live: u32,
}

/// No id / 16.
const FAR: u64 = u64::MAX;

/// The bit of an id in its page.
#[inline(always)]
const fn bit(id: u64) -> u32 {
    1 << (id % PAGE)
}

/// The slot of an id in its page's page.
#[inline(always)]
const fn slot(page: u32, id: u64) -> Slot {
    page * PAGE as u32 + (id % PAGE) as u32
}

impl SlotIndex {
    /// So many slots have been given away at most.
    pub fn n_slots(&self) -> usize {
        self.owners.len() * PAGE as usize
    }

    /// Bring what a search for this id reads nearer. Nothing changes but the time.
    #[inline(always)]
    pub fn prefetch(&self, id: u64) {
        omni_memory::prefetch(self.pages.as_ptr().wrapping_add((id / PAGE) as usize));
    }

    /// The slot of an id, if it has one.
    #[inline(always)]
    pub fn find(&self, id: u64) -> Option<Slot> {
        match self.pages.get((id / PAGE) as usize) {
            Some(page) if page.live & bit(id) != 0 => Some(slot(page.number, id)),
            _ if self.hashed.is_empty() => None,
            _ => self.find_hashed(id),
        }
    }

    /// A slot for an id that has none.
    #[inline(always)]
    pub fn claim(&mut self, id: u64) -> Slot {
        match self.pages.get_mut((id / PAGE) as usize) {
            Some(page) if page.number != NONE => {
                page.live |= bit(id);
                slot(page.number, id)
            }
            _ => self.claim_page(id),
        }
    }

    /// Take back the slot of an id, if it has one.
    #[inline(always)]
    pub fn release(&mut self, id: u64) -> Option<Slot> {
        match self.pages.get_mut((id / PAGE) as usize) {
            Some(page) if page.live & bit(id) != 0 => {
                let number = page.number;
                page.live &= !bit(id);
                if page.live == 0 {
                    page.number = NONE;
                    self.free_pages.push(number);
                }
                Some(slot(number, id))
            }
            _ if self.hashed.is_empty() => None,
            _ => self.release_hashed(id),
        }
    }

    /// Take back a slot that was claimed; returns its id.
    #[inline(always)]
    pub fn release_slot(&mut self, slot: Slot) -> u64 {
        let number = slot / PAGE as u32;
        let owner = self.owners[number as usize];
        if owner == FAR {
            let id = self.id(slot);
            self.release_hashed(id);
            return id;
        }
        let id = owner * PAGE + u64::from(slot) % PAGE;
        let page = &mut self.pages[owner as usize];
        page.live &= !bit(id);
        if page.live == 0 {
            page.number = NONE;
            self.free_pages.push(number);
        }
        id
    }

    /// The id of a slot that was claimed.
    #[inline(always)]
    pub fn id(&self, slot: Slot) -> u64 {
        let page = u64::from(slot) / PAGE;
        match self.owners[page as usize] {
            FAR => self.hashed_ids[&slot],
            owner => owner * PAGE + u64::from(slot) % PAGE,
        }
    }

    /// Have memory ready for so many ids in a row.
    pub fn reserve(&mut self, n_ids: usize) {
        let n_pages = n_ids / PAGE as usize + 1;
        self.pages.reserve(n_pages);
        self.owners.reserve(n_pages);
        self.free_pages.reserve(n_pages);
    }

    #[inline(never)]
    fn claim_page(&mut self, id: u64) -> Slot {
        let owner = id / PAGE;
        self.n_claimed += 1;
        if owner >= REACH + 2 * self.n_claimed {
            return self.claim_hashed(id);
        }
        if self.pages.len() as u64 <= owner {
            self.pages.resize(owner as usize + 1, Page { number: NONE, live: 0 });
        }
        let number = self.page_for(owner);
        self.pages[owner as usize] = Page { number, live: bit(id) };
        slot(number, id)
    }

    fn page_for(&mut self, owner: u64) -> u32 {
        if let Some(number) = self.free_pages.pop() {
            self.owners[number as usize] = owner;
            return number;
        }
        self.owners.push(owner);
        self.owners.len() as u32 - 1
    }

    #[cold]
    fn claim_hashed(&mut self, id: u64) -> Slot {
        if self.free_slots.is_empty() {
            let first = slot(self.page_for(FAR), 0);
            self.free_slots.extend((first..first + PAGE as u32).rev());
        }
        let slot = self.free_slots.pop().expect("a page has slots");
        self.hashed.insert(id, slot);
        self.hashed_ids.insert(slot, id);
        slot
    }

    #[inline(never)]
    fn find_hashed(&self, id: u64) -> Option<Slot> {
        self.hashed.get(&id).copied()
    }

    #[cold]
    fn release_hashed(&mut self, id: u64) -> Option<Slot> {
        let slot = self.hashed.remove(&id)?;
        self.hashed_ids.remove(&slot);
        self.free_slots.push(slot);
        Some(slot)
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
            assert_eq!((index.find(id), index.id(slot)), (Some(slot), id));
            assert!(!slots.contains(&slot), "slot {slot} is given away twice");
            slots.push(slot);
        }
        assert!(ids.iter().zip(&slots).all(|(&id, &slot)| index.find(id) == Some(slot)));
        for id in [0, 1 << 40, 4_096] {
            let slot = index.find(id);
            assert_eq!(index.release(id), slot);
            assert_eq!((index.find(id), index.release(id)), (None, None));
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
        assert_eq!(index.n_slots(), 16);
    }
}
