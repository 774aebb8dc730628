//! Orders and price levels of all books, in slots that are used again.
//!
//! An order knows its level and not its price, so that what happens to it needs no search among prices. Queues are links between slots.

use omni_book::SlotIndex;
use omni_memory::prefetch;

use super::side::{Ladders, NONE, Side};

/// A waiting order: half a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
pub(crate) struct Order {
    pub id: u64,
    pub qty: i64,
    pub level: u32,
    pub before: u32,
    pub behind: u32,
}

/// A price level: half a cache line, too.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
pub(crate) struct Level {
    pub key: i64,
    /// Of its orders, and what a feed of levels says.
    pub qty: i64,
    pub first: u32,
    pub last: u32,
    pub n_orders: u32,
    pub instrument: u16,
    pub is_ask: bool,
}

const _: () = assert!(size_of::<Order>() == 32 && size_of::<Level>() == 32);

#[derive(Clone, Debug)]
pub(crate) struct Store {
    index: SlotIndex,
    orders: Vec<Order>,
    pub n_orders: usize,
    levels: Vec<Level>,
    free_levels: Vec<u32>,
    pub ladders: Ladders,
}

/// Orders and levels that there is room for at first: blocks large enough for huge pages.
const ROOM: usize = 1 << 19;

/// Slots that come together.
const PAGE: usize = 16;

/// The place of a slot of the index: the first ones are nobody's.
#[inline(always)]
fn place(slot: u32) -> u32 {
    slot + PAGE as u32
}

impl Default for Store {
    fn default() -> Self {
        Self {
            index: SlotIndex::default(),
            orders: block(Order { id: 0, qty: 0, level: NONE, before: NONE, behind: NONE }, PAGE),
            n_orders: 0,
            levels: block(Level { key: 0, qty: 0, first: NONE, last: NONE, n_orders: 0, instrument: 0, is_ask: false }, 1),
            free_levels: Vec::new(),
            ladders: Ladders::default(),
        }
    }
}

/// A block of memory that begins with what `NONE` stands for.
fn block<T: Copy>(nothing: T, n: usize) -> Vec<T> {
    let mut block = Vec::with_capacity(ROOM);
    block.resize(n, nothing);
    block
}

/// Twice the room, in a new block. To move a block in place would cut its huge pages into small ones.
#[cold]
pub(crate) fn enlarge<T: Copy>(block: &mut Vec<T>) {
    let mut larger = Vec::with_capacity(2 * block.capacity());
    larger.extend_from_slice(block);
    *block = larger;
}

/// The number of a side.
#[inline(always)]
pub(crate) fn number(instrument: u16, is_ask: bool) -> u32 {
    u32::from(instrument) << 1 | u32::from(is_ask)
}

#[inline(never)]
fn push_level(levels: &mut Vec<Level>, level: Level) -> u32 {
    if levels.len() == levels.capacity() {
        enlarge(levels);
    }
    levels.push(level);
    levels.len() as u32 - 1
}

impl Store {
    /// Where the order of an id waits; `NONE` if it does not.
    #[inline(always)]
    pub fn slot(&self, id: u64) -> u32 {
        self.index.find(id).map_or(NONE, place)
    }

    /// Where the order of an id waits.
    #[inline(always)]
    pub fn find(&self, id: u64) -> Option<u32> {
        let slot = self.slot(id);
        (slot != NONE).then_some(slot)
    }

    /// The same, from a slot where the order may be.
    #[inline(always)]
    pub fn find_near(&self, id: u64, hint: u32) -> Option<u32> {
        let order = self.order(hint);
        if (order.id == id) & (order.level != NONE) { Some(hint) } else { self.find(id) }
    }

    #[inline(always)]
    pub fn order(&self, slot: u32) -> &Order {
        &self.orders[slot as usize]
    }

    #[inline(always)]
    pub fn level(&self, level: u32) -> &Level {
        &self.levels[level as usize]
    }

    #[inline(always)]
    pub fn level_mut(&mut self, level: u32) -> &mut Level {
        &mut self.levels[level as usize]
    }

    /// Whether a level is that of a key, and has orders.
    #[inline(always)]
    pub fn is_level(&self, level: u32, instrument: u16, is_ask: bool, key: i64) -> bool {
        let at = self.level(level);
        (at.key == key) & (at.instrument == instrument) & (at.is_ask == is_ask) & (at.n_orders > 0)
    }

    /// The level of a key on a side, which is made if there is none.
    #[inline(always)]
    pub fn open(&mut self, side: &mut Side, instrument: u16, is_ask: bool, key: i64) -> u32 {
        let Self { ladders, levels, free_levels, .. } = self;
        let empty = Level { key, qty: 0, first: NONE, last: NONE, n_orders: 0, instrument, is_ask };
        ladders.open(side, number(instrument, is_ask), key, || match free_levels.pop() {
            Some(level) => {
                levels[level as usize] = empty;
                level
            }
            None => push_level(levels, empty),
        })
    }

    /// Forget a level, which is empty.
    #[inline(always)]
    pub fn close(&mut self, side: &mut Side, level: u32) {
        let &Level { key, instrument, is_ask, .. } = self.level(level);
        self.ladders.close(side, number(instrument, is_ask), key);
        self.free_levels.push(level);
    }

    /// Take a side's levels away from it, with their orders.
    pub fn clear(&mut self, side: &mut Side, instrument: u16, is_ask: bool) {
        let who = number(instrument, is_ask);
        let levels: Vec<u32> = self.ladders.levels(*side, who).map(|entry| entry.level).collect();
        for level in levels {
            self.clear_level(level);
            self.free_levels.push(level);
        }
        self.ladders.clear(side, who);
    }

    /// Take the orders of a level away.
    pub fn clear_level(&mut self, level: u32) {
        while self.level(level).first != NONE {
            self.remove(self.level(level).first);
        }
    }

    /// A slot for the order of an id; `None` if it has one.
    #[inline(always)]
    pub fn claim(&mut self, id: u64) -> Option<u32> {
        if self.slot(id) != NONE {
            return None;
        }
        let slot = place(self.index.claim(id));
        match self.orders.get_mut(slot as usize) {
            Some(order) => order.id = id,
            None => self.grow(slot, id),
        }
        Some(slot)
    }

    #[inline(never)]
    fn grow(&mut self, slot: u32, id: u64) {
        let n = (slot as usize / PAGE + 1) * PAGE;
        if n > self.orders.capacity() {
            enlarge(&mut self.orders);
        }
        self.orders.resize(n, Order { id: 0, qty: 0, level: NONE, before: NONE, behind: NONE });
        self.orders[slot as usize].id = id;
    }

    /// Put an order with a slot that was claimed at the end of its level's queue; the level's quantity.
    #[inline(always)]
    pub fn push(&mut self, level: u32, slot: u32, qty: i64) -> i64 {
        let at = &mut self.levels[level as usize];
        let before = std::mem::replace(&mut at.last, slot);
        at.qty = at.qty.wrapping_add(qty);
        at.n_orders += 1;
        let total = at.qty;
        let order = &mut self.orders[slot as usize];
        *order = Order { qty, level, before, behind: NONE, ..*order };
        // Whether somebody stands before or behind cannot be guessed: nobody is written to as well.
        at.first = if before == NONE { slot } else { at.first };
        self.orders[before as usize].behind = slot;
        self.n_orders += 1;
        total
    }

    /// Take so much off an order that has more.
    #[inline(always)]
    pub fn reduce(&mut self, slot: u32, qty: i64) {
        let order = &mut self.orders[slot as usize];
        order.qty -= qty;
        let level = &mut self.levels[order.level as usize];
        level.qty = level.qty.wrapping_sub(qty);
    }

    /// Take an order out of its queue; whether its level is now empty.
    #[inline(always)]
    pub fn remove(&mut self, slot: u32) -> bool {
        let Order { id, qty, level, before, behind } = self.orders[slot as usize];
        self.orders[slot as usize].level = NONE;
        let level = &mut self.levels[level as usize];
        level.qty = level.qty.wrapping_sub(qty);
        level.n_orders -= 1;
        level.first = if before == NONE { behind } else { level.first };
        level.last = if behind == NONE { before } else { level.last };
        self.orders[before as usize].behind = behind;
        self.orders[behind as usize].before = before;
        self.index.release(id);
        self.n_orders -= 1;
        level.n_orders == 0 && level.qty == 0
    }

    /// The slots of a level's queue, from first to last.
    pub fn queue(&self, level: u32) -> impl Iterator<Item = &Order> {
        let there = |slot: u32| (slot != NONE).then(|| self.order(slot));
        std::iter::successors(there(self.level(level).first), move |order| there(order.behind))
    }

    /// Slots before an order in its queue, the nearest first.
    pub fn ahead(&self, slot: u32) -> impl Iterator<Item = &Order> {
        let there = |slot: u32| (slot != NONE).then(|| self.order(slot));
        std::iter::successors(there(self.order(slot).before), move |order| there(order.before))
    }

    /// Ask for the place where an id's slot is kept.
    #[inline(always)]
    pub fn prefetch_id(&self, id: u64) {
        self.index.prefetch(id);
    }

    /// Ask for the order in a slot.
    #[inline(always)]
    pub fn prefetch_order(&self, slot: u32) {
        prefetch(self.orders.as_ptr().wrapping_add(slot as usize));
    }

    /// Ask for the orders before and behind the one in a slot; its level.
    #[inline(always)]
    pub fn prefetch_neighbours(&self, slot: u32) -> u32 {
        let order = self.order(slot);
        self.prefetch_order(order.before);
        self.prefetch_order(order.behind);
        order.level
    }

    /// Ask for the last order of a level.
    #[inline(always)]
    pub fn prefetch_last(&self, level: u32) {
        self.prefetch_order(self.level(level).last);
    }

    /// Ask for a level.
    #[inline(always)]
    pub fn prefetch_level(&self, level: u32) {
        prefetch(self.levels.as_ptr().wrapping_add(level as usize));
    }
}
