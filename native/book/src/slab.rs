//! Resting orders in one growing array, linked into the queue of their price level.

use omni_types::{OrderId, Qty, Side, Ticks};

/// Index of a resting order in the slab.
pub(crate) type Slot = u32;

/// One resting order and its neighbours in the queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resting {
    pub id: OrderId,
    pub side: Side,
    pub price: Ticks,
    pub leaves: Qty,
    pub before: Option<Slot>,
    pub behind: Option<Slot>,
}

/// Storage for resting orders; freed slots are used again, so a warm book does not allocate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slab {
    orders: Vec<Resting>,
    free: Vec<Slot>,
}

impl Slab {
    pub fn insert(&mut self, order: Resting) -> Slot {
        if let Some(slot) = self.free.pop() {
            self[slot] = order;
            return slot;
        }
        let slot = Slot::try_from(self.orders.len()).expect("fewer than 2^32 resting orders");
        self.orders.push(order);
        slot
    }

    pub fn remove(&mut self, slot: Slot) -> Resting {
        self.free.push(slot);
        self[slot]
    }
}

impl std::ops::Index<Slot> for Slab {
    type Output = Resting;
    fn index(&self, slot: Slot) -> &Resting {
        &self.orders[slot as usize]
    }
}

impl std::ops::IndexMut<Slot> for Slab {
    fn index_mut(&mut self, slot: Slot) -> &mut Resting {
        &mut self.orders[slot as usize]
    }
}
