//! From the owner's own id of an order to the order: a hash table of order ids that leaves the keys where they are, in the records.
//!
//! Every new order that has such an id asks once, and the table of a long day is larger than any cache. So a slot is one word, and
//! asking touches one line of the table nearly always.

use omni_types::{AccountId, OrderId};

/// Bits of a slot that hold the order id; the others hold bits of the hash, so that few records are looked at in vain.
const ID_BITS: u32 = 40;
const ID_MASK: u64 = (1 << ID_BITS) - 1;
/// Slots at first.
const FEWEST: usize = 64;

/// A table with open addressing and linear probing (Knuth, "The Art of Computer Programming" 3, section 6.4, algorithm L). At most half
/// of its slots are taken.
#[derive(Clone, Debug)]
pub(crate) struct ClientIndex {
    /// 0 where free. A power of two of them.
    slots: Vec<u64>,
    taken: usize,
}

/// What an order is known by.
pub(crate) type Key = (AccountId, u128);

impl ClientIndex {
    pub fn new() -> Self {
        Self { slots: vec![0; FEWEST], taken: 0 }
    }

    /// The order with this key, or the slot where it would be.
    #[inline]
    pub fn find(&self, key: Key, key_of: impl Fn(OrderId) -> Key) -> Result<OrderId, usize> {
        let hash = hash(key);
        let mut at = self.home(hash);
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return Err(at);
            }
            let id = OrderId(slot & ID_MASK);
            if (slot ^ hash) & !ID_MASK == 0 && key_of(id) == key {
                return Ok(id);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// Brings the slots where a key would be nearer.
    #[inline]
    pub fn prefetch(&self, key: Key) {
        omni_memory::prefetch(&raw const self.slots[self.home(hash(key))]);
    }

    /// Puts an order into the slot that [`ClientIndex::find`] gave for its key.
    #[inline]
    pub fn put(&mut self, slot: usize, key: Key, id: OrderId) {
        assert!(id.0 <= ID_MASK, "at most 2^40 orders");
        self.slots[slot] = hash(key) & !ID_MASK | id.0;
        self.taken += 1;
    }

    /// Whether it is time to make room before the next order is put.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.taken >= self.slots.len() / 2
    }

    /// Makes room for `n` orders in all; `orders` are those that are in it.
    pub fn grow(&mut self, n: usize, orders: impl Iterator<Item = (Key, OrderId)>) {
        let n_slots = (2 * n).next_power_of_two().max(FEWEST);
        if n_slots <= self.slots.len() {
            return;
        }
        *self = Self { slots: vec![0; n_slots], taken: 0 };
        for (key, id) in orders {
            // Keys are unique, so the first free slot is the right one.
            let mut at = self.home(hash(key));
            while self.slots[at] != 0 {
                at = (at + 1) & (n_slots - 1);
            }
            self.put(at, key, id);
        }
    }

    /// How many orders it holds.
    pub fn len(&self) -> usize {
        self.taken
    }

    /// The first slot to look at: by the middle of the hash, whose top is in the slot and whose bottom mixes least.
    #[inline]
    fn home(&self, hash: u64) -> usize {
        (hash >> 8) as usize & (self.slots.len() - 1)
    }
}

/// Three multiplications, folded so that every bit of the key reaches every bit of the hash: ids may count up, or be texts.
#[inline]
fn hash((account, client_order_id): Key) -> u64 {
    const ODD: [u64; 3] = [0x9E37_79B9_7F4A_7C15, 0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB];
    let fold = |word: u64, odd: u64| {
        let product = u128::from(word) * u128::from(odd);
        product as u64 ^ (product >> 64) as u64
    };
    let low = fold(client_order_id as u64 ^ ODD[0], ODD[1]);
    let high = fold((client_order_id >> 64) as u64 ^ low ^ u64::from(account.0), ODD[2]);
    fold(high ^ ODD[1], ODD[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_again_while_it_grows() {
        let key = |id: u64| (AccountId(id as u32 % 3), u128::from(id / 3) << (id % 2 * 100) | 1 << 80);
        let key_of = |id: OrderId| key(id.0);
        let mut index = ClientIndex::new();
        for id in 1..5_000 {
            let slot = index.find(key(id), key_of).unwrap_err();
            index.put(slot, key(id), OrderId(id));
            if index.is_full() {
                index.grow(2 * index.len(), (1..=id).map(|id| (key(id), OrderId(id))));
            }
        }
        assert!((1..5_000).all(|id| index.find(key(id), key_of) == Ok(OrderId(id))));
        assert!(index.find(key(5_000), key_of).is_err());
    }

    #[test]
    fn ids_that_count_up_spread() {
        let mut index = ClientIndex::new();
        index.grow(1 << 12, (0..1 << 12).map(|id| ((AccountId(0), u128::from(id)), OrderId(id + 1))));
        let longest = index.slots.split(|&slot| slot == 0).map(<[u64]>::len).max();
        assert!(longest < Some(40), "a run of {longest:?} slots");
    }
}
