//! Where orders live: fixed records in slots that are used again, so that a warm engine does not allocate.
//!
//! Of a plain order, a displayed limit order that says nothing rare, 16 bytes are enough to take it out or trade with it, and 16 more lie
//! apart: what cancels wait for is the memory they touch. Any other order has a record of its own besides.

use std::collections::BTreeSet;

use omni_types::{Nanos, OrderId, OrderType, TimeInForce};

use crate::index::SlotIndex;
use crate::levels::Levels;
use crate::node::{Node, Place, Rare};

/// Index of an order in the slab.
pub(crate) type Slot = u32;

/// No slot, no page.
pub(crate) const NONE: u32 = u32::MAX;

/// A waiting order in its queue: all that a cancel or a trade of a plain one touches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub before: Slot,
    pub behind: Slot,
    /// Its price level while in the book.
    pub level: u32,
    /// Lots it still wants; 0 marks a free slot, `SPECIAL` an order that has a record of its own.
    pub leaves: u32,
}

/// In place of lots.
pub(crate) const SPECIAL: u32 = u32::MAX;

const _: () = assert!(size_of::<Link>() == 16 && size_of::<Stub>() == 16);

/// The rest of a plain order, with what its level knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stub {
    pub stamp: u64,
    /// Where a special order's record is.
    pub special: u32,
    pub account: u16,
    pub time_in_force: TimeInForce,
}

/// The record of an order that is not plain, not displayed, or too large.
#[derive(Clone, Copy, Debug)]
struct Special {
    node: Node,
    rare: Rare,
}

/// All orders, price levels and counters of an engine.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    /// By slot.
    pub links: Vec<Link>,
    /// By slot.
    pub stubs: Vec<Stub>,
    specials: Vec<Special>,
    free_specials: Vec<u32>,
    pub slots: SlotIndex,
    pub n_live: usize,
    pub levels: Levels,
    pub clock: Nanos,
    pub next_stamp: u64,
    pub next_trade_id: u64,
    /// GTD orders by (end, id).
    expiries: BTreeSet<(i64, u64)>,
    /// The first end, so that a command compares one number.
    pub next_expiry: i64,
}

impl Store {
    pub fn new() -> Self {
        Self {
            links: Vec::new(),
            stubs: Vec::new(),
            specials: Vec::new(),
            free_specials: Vec::new(),
            slots: SlotIndex::default(),
            n_live: 0,
            levels: Levels::default(),
            clock: Nanos(0),
            next_stamp: 1,
            next_trade_id: 1,
            expiries: BTreeSet::new(),
            next_expiry: i64::MAX,
        }
    }

    /// Have memory ready, and touched, for so many orders with ids in a row.
    pub fn reserve(&mut self, n_orders: usize) {
        let n_now = self.links.len();
        self.resize(n_now + n_orders);
        self.links.truncate(n_now);
        self.stubs.truncate(n_now);
        self.slots.reserve(n_orders);
    }

    fn resize(&mut self, n_slots: usize) {
        self.links.resize(n_slots, Link { before: NONE, behind: NONE, level: NONE, leaves: 0 });
        self.stubs.resize(n_slots, Stub { stamp: 0, special: NONE, account: 0, time_in_force: TimeInForce::Day });
    }

    /// Where the order with this id waits.
    #[inline(always)]
    pub fn find(&self, id: OrderId) -> Option<Slot> {
        self.slots.find(id.0)
    }

    /// The id of a waiting order.
    #[inline(always)]
    pub fn id(&self, slot: Slot) -> OrderId {
        OrderId(self.slots.id(slot))
    }

    /// A slot for a new order, whose record the caller writes.
    #[inline(always)]
    pub fn claim(&mut self, id: OrderId) -> Slot {
        let slot = self.slots.claim(id.0);
        if slot as usize >= self.links.len() {
            self.grow();
        }
        self.n_live += 1;
        slot
    }

    #[cold]
    fn grow(&mut self) {
        self.resize(self.slots.n_slots());
    }

    /// Let an order go that waits nowhere any more. Its slot is free but for [`Store::clear`].
    #[inline(always)]
    pub fn release(&mut self, id: OrderId) -> Option<Slot> {
        self.slots.release(id.0)
    }

    /// Empty the slot of an order that was released.
    #[inline(always)]
    pub fn clear(&mut self, slot: Slot, id: OrderId) {
        if !self.is_plain(slot) {
            self.remove_special(slot, id);
        }
        self.clear_plain(slot);
    }

    /// The same where the order is known to be plain.
    #[inline(always)]
    pub fn clear_plain(&mut self, slot: Slot) {
        self.links[slot as usize].leaves = 0;
        self.n_live -= 1;
    }

    /// Let an order go that waits nowhere any more.
    #[inline(always)]
    pub fn remove(&mut self, slot: Slot) {
        let id = self.id(slot);
        self.release(id);
        self.clear(slot, id);
    }

    #[cold]
    fn remove_special(&mut self, slot: Slot, id: OrderId) {
        let at = std::mem::replace(&mut self.stubs[slot as usize].special, NONE);
        self.free_specials.push(at);
        let end = self.specials[at as usize].rare.terms.expire_at.0;
        if end != 0 {
            self.expiries.remove(&(end, id.0));
            self.next_expiry = self.expiries.first().map_or(i64::MAX, |&(end, _)| end);
        }
    }

    /// Write down an order as it waits from now on; `slot` is `NONE` if it never did. Its links are the caller's.
    pub fn put(&mut self, slot: Slot, node: &Node, rare: &Rare) -> Slot {
        let is_new = slot == NONE;
        let slot = if is_new { self.claim(node.id) } else { slot };
        let at = slot as usize;
        let was_special = !is_new && self.links[at].leaves == SPECIAL;
        let is_small = node.leaves < i64::from(SPECIAL);
        let special = if was_special {
            let special = self.stubs[at].special;
            self.specials[special as usize].node = *node;
            special
        } else if node.is_plain && node.place == Place::Displayed && is_small {
            NONE
        } else {
            self.add_special(node, rare)
        };
        self.links[at].leaves = if special == NONE { node.leaves as u32 } else { SPECIAL };
        let Node { stamp, account, time_in_force, .. } = *node;
        self.stubs[at] = Stub { stamp, special, account, time_in_force };
        slot
    }

    fn add_special(&mut self, node: &Node, rare: &Rare) -> u32 {
        let end = rare.terms.expire_at.0;
        if end != 0 {
            self.expiries.insert((end, node.id.0));
            self.next_expiry = self.next_expiry.min(end);
        }
        let special = Special { node: *node, rare: *rare };
        if let Some(at) = self.free_specials.pop() {
            self.specials[at as usize] = special;
            return at;
        }
        self.specials.push(special);
        self.specials.len() as u32 - 1
    }

    /// The first order whose time is over.
    pub fn first_expired(&self) -> Option<Slot> {
        let &(end, id) = self.expiries.first()?;
        if end <= self.clock.0 { self.find(OrderId(id)) } else { None }
    }

    /// Whether an order is a displayed limit order that says nothing rare.
    #[inline(always)]
    pub fn is_plain(&self, slot: Slot) -> bool {
        self.links[slot as usize].leaves != SPECIAL
    }

    /// A waiting order, complete.
    #[inline(always)]
    pub fn node(&self, slot: Slot) -> Node {
        let link = &self.links[slot as usize];
        if link.leaves == SPECIAL {
            return *self.special(slot);
        }
        let Stub { stamp, account, time_in_force, .. } = self.stubs[slot as usize];
        let page = self.levels.page_of(link.level);
        let leaves = i64::from(link.leaves);
        Node {
            id: self.id(slot),
            price: page.price(link.level),
            leaves,
            slice: leaves,
            stamp,
            account,
            instrument: page.owner.instrument,
            side: page.owner.side,
            order_type: OrderType::Limit,
            time_in_force,
            place: Place::Displayed,
            is_plain: true,
        }
    }

    /// The record of a special order.
    #[inline]
    pub fn special(&self, slot: Slot) -> &Node {
        &self.specials[self.stubs[slot as usize].special as usize].node
    }

    /// The same to change.
    #[inline]
    pub fn special_mut(&mut self, slot: Slot) -> &mut Node {
        &mut self.specials[self.stubs[slot as usize].special as usize].node
    }

    /// What an order trades.
    #[inline]
    pub fn instrument(&self, slot: Slot) -> u16 {
        let link = &self.links[slot as usize];
        if link.leaves == SPECIAL { self.special(slot).instrument } else { self.levels.page_of(link.level).owner.instrument }
    }

    /// What an order still wants, and what of it may trade before it queues again.
    #[inline]
    pub fn wants(&self, slot: Slot) -> (i64, i64) {
        match self.links[slot as usize].leaves {
            SPECIAL => (self.special(slot).leaves, self.special(slot).slice),
            leaves => (i64::from(leaves), i64::from(leaves)),
        }
    }

    /// Write down what an order wants from now on.
    #[inline]
    pub fn set_wants(&mut self, slot: Slot, leaves: i64, slice: i64) {
        let link = &mut self.links[slot as usize];
        if link.leaves == SPECIAL {
            let node = self.special_mut(slot);
            (node.leaves, node.slice) = (leaves, slice);
        } else {
            link.leaves = leaves as u32;
        }
    }

    /// What few orders need.
    #[inline]
    pub fn rare(&self, slot: Slot) -> &Rare {
        if self.is_plain(slot) { &Rare::PLAIN } else { &self.specials[self.stubs[slot as usize].special as usize].rare }
    }

    /// The same to change, for an order that has it.
    #[inline]
    pub fn rare_mut(&mut self, slot: Slot) -> &mut Rare {
        &mut self.specials[self.stubs[slot as usize].special as usize].rare
    }

    /// The next stamp.
    #[inline]
    pub fn stamp(&mut self) -> u64 {
        self.next_stamp += 1;
        self.next_stamp - 1
    }

    /// The next trade id.
    #[inline]
    pub fn trade_id(&mut self) -> u64 {
        self.next_trade_id += 1;
        self.next_trade_id - 1
    }

    /// The queue that starts with a slot, from first to last.
    pub fn queue(&self, first: Slot) -> impl Iterator<Item = Slot> + '_ {
        let there = |slot: Slot| (slot != NONE).then_some(slot);
        std::iter::successors(there(first), move |&slot| there(self.links[slot as usize].behind))
    }

    /// Every waiting order, in no order.
    pub fn live(&self) -> impl Iterator<Item = Slot> + '_ {
        self.links.iter().enumerate().filter(|(_, link)| link.leaves > 0).map(|(at, _)| at as Slot)
    }

    pub fn len(&self) -> usize {
        self.n_live
    }
}
