//! Where orders live: fixed records in slots that are used again, so that a warm engine does not allocate.
//!
//! What every order needs fits one cache line. What few orders need lies apart and is touched only for them.

use std::collections::BTreeSet;
use std::ops::{Index, IndexMut};

use omni_types::{Nanos, OrderId, OrderType, PostOnly, SelfTrade, Side, Terms, TimeInForce};

use crate::index::SlotIndex;
use crate::levels::Levels;

/// Index of an order in the slab.
pub(crate) type Slot = u32;

/// No slot, no page.
pub(crate) const NONE: u32 = u32::MAX;

/// Where an order waits; `docs/matching.md` section 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Place {
    /// In the book, in the queue that trades first.
    Displayed = 0,
    /// In the book, behind what is displayed at its price.
    Hidden = 1,
    /// Off the book until enough comes at once.
    Conditional = 2,
    /// Not elected yet.
    Stop = 3,
    /// A peg without a price.
    Parked = 4,
    /// For the opening or closing auction.
    Auction = 5,
}

impl Place {
    /// The stable code.
    #[inline]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The place with this code.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Displayed),
            1 => Some(Self::Hidden),
            2 => Some(Self::Conditional),
            3 => Some(Self::Stop),
            4 => Some(Self::Parked),
            5 => Some(Self::Auction),
            _ => None,
        }
    }
}

/// A waiting order: what every one needs.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Node {
    pub id: OrderId,
    /// Where it stands; the limit of a stop-limit or conditional order; 0 without.
    pub price: i64,
    /// Lots it still wants; 0 marks a free slot.
    pub leaves: i64,
    /// Lots that may trade before it queues again.
    pub slice: i64,
    pub stamp: u64,
    pub before: Slot,
    pub behind: Slot,
    /// Its price level while in the book.
    pub level: u32,
    /// Where the rest of it is: `NONE` if it says nothing rare, `IN_HAND` before it first waits.
    pub rare: u32,
    pub account: u16,
    pub instrument: u16,
    pub side: Side,
    pub order_type: OrderType,
    pub time_in_force: TimeInForce,
    pub place: Place,
}

/// Says that an order has something rare, which nothing keeps yet.
pub(crate) const IN_HAND: u32 = NONE - 1;

const _: () = assert!(size_of::<Node>() == 64);

impl Node {
    /// A slot that no order has.
    const FREE: Self = Self {
        id: OrderId(0),
        price: 0,
        leaves: 0,
        slice: 0,
        stamp: 0,
        before: NONE,
        behind: NONE,
        level: NONE,
        rare: NONE,
        account: 0,
        instrument: 0,
        side: Side::Buy,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::Day,
        place: Place::Displayed,
    };

    /// Whether it says nothing that few orders say.
    #[inline(always)]
    pub fn is_plain(&self) -> bool {
        self.rare == NONE
    }
}

/// What few orders need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rare {
    pub terms: Terms,
    /// Cap of a pegged order.
    pub cap: i64,
    pub post_only: PostOnly,
    pub self_trade: SelfTrade,
}

impl Rare {
    pub const PLAIN: Self = Self { terms: Terms::PLAIN, cap: 0, post_only: PostOnly::No, self_trade: SelfTrade::Allow };
}

/// All orders, price levels and counters of an engine.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    nodes: Vec<Node>,
    n_live: usize,
    slots: SlotIndex,
    rares: Vec<Rare>,
    free_rares: Vec<u32>,
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
            nodes: Vec::new(),
            n_live: 0,
            slots: SlotIndex::default(),
            rares: Vec::new(),
            free_rares: Vec::new(),
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
        let n_now = self.nodes.len();
        self.nodes.resize(n_now + n_orders, Node::FREE);
        self.nodes.truncate(n_now);
        self.slots.reserve(n_orders);
    }

    /// Where the order with this id waits.
    #[inline(always)]
    pub fn find(&self, id: u64) -> Option<Slot> {
        self.slots.find(id)
    }

    /// A slot for a new order, whose record the caller writes.
    #[inline(always)]
    pub fn claim(&mut self, id: OrderId) -> Slot {
        let slot = self.slots.claim(id.0);
        if slot as usize >= self.nodes.len() {
            self.grow(slot);
        }
        self.n_live += 1;
        slot
    }

    #[cold]
    fn grow(&mut self, slot: Slot) {
        let pages = slot as usize / SlotIndex::PAGE + 1;
        self.nodes.resize(pages * SlotIndex::PAGE, Node::FREE);
    }

    /// Keep a new order.
    pub fn insert(&mut self, node: &Node, rare: &Rare) -> Slot {
        let slot = self.claim(node.id);
        self[slot] = *node;
        if !node.is_plain() {
            self[slot].rare = self.insert_rare(node.id, rare);
        }
        slot
    }

    fn insert_rare(&mut self, id: OrderId, rare: &Rare) -> u32 {
        if rare.terms.expire_at.0 != 0 {
            self.expiries.insert((rare.terms.expire_at.0, id.0));
            self.next_expiry = self.next_expiry.min(rare.terms.expire_at.0);
        }
        if let Some(at) = self.free_rares.pop() {
            self.rares[at as usize] = *rare;
            return at;
        }
        self.rares.push(*rare);
        self.rares.len() as u32 - 1
    }

    /// Let an order go that waits nowhere any more.
    #[inline(always)]
    pub fn remove(&mut self, slot: Slot) {
        let node = &mut self.nodes[slot as usize];
        node.leaves = 0;
        let Node { id, rare, .. } = *node;
        if rare != NONE {
            self.remove_rare(rare, id);
        }
        self.slots.release(id.0);
        self.n_live -= 1;
    }

    #[cold]
    fn remove_rare(&mut self, rare: u32, id: OrderId) {
        let end = self.rares[rare as usize].terms.expire_at.0;
        self.free_rares.push(rare);
        if end != 0 {
            self.expiries.remove(&(end, id.0));
            self.next_expiry = self.expiries.first().map_or(i64::MAX, |&(end, _)| end);
        }
    }

    /// The first order whose time is over.
    pub fn first_expired(&self) -> Option<Slot> {
        let &(end, id) = self.expiries.first()?;
        if end <= self.clock.0 { self.find(id) } else { None }
    }

    /// What few orders need.
    #[inline]
    pub fn rare(&self, slot: Slot) -> &Rare {
        match self[slot].rare {
            NONE => &Rare::PLAIN,
            at => &self.rares[at as usize],
        }
    }

    /// The same to change, for an order that has it.
    #[inline]
    pub fn rare_mut(&mut self, slot: Slot) -> &mut Rare {
        let at = self[slot].rare;
        &mut self.rares[at as usize]
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
        std::iter::successors(there(first), move |&slot| there(self[slot].behind))
    }

    /// Every waiting order, in no order.
    pub fn live(&self) -> impl Iterator<Item = (Slot, &Node)> {
        self.nodes.iter().enumerate().filter(|(_, node)| node.leaves > 0).map(|(at, node)| (at as Slot, node))
    }

    pub fn len(&self) -> usize {
        self.n_live
    }
}

impl Index<Slot> for Store {
    type Output = Node;
    #[inline]
    fn index(&self, slot: Slot) -> &Node {
        &self.nodes[slot as usize]
    }
}

impl IndexMut<Slot> for Store {
    #[inline]
    fn index_mut(&mut self, slot: Slot) -> &mut Node {
        &mut self.nodes[slot as usize]
    }
}
