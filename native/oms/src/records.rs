//! What is remembered of every order, for ever: by id, and by the owner's own id.

use omni_types::{
    AccountId, Action, InstrumentId, NewOrder, OrderId, OrderState, OrderType, Past, Qty, Side, Ticks, TimeInForce,
};

use crate::client_index::{ClientIndex, Key};

/// What is remembered of an order.
// Aligned so that a record lies in two cache lines and never in three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(32))]
pub struct Record {
    /// The owner's own id; 0 for none.
    pub client_order_id: u128,
    /// Σ price·qty of its fills.
    pub cum_value: i128,
    /// What it said when it came; 0 without client order id.
    pub digest: u64,
    /// Total lots it asks for now.
    pub qty: Qty,
    /// Limit or cap now; 0 for none.
    pub price: Ticks,
    /// Lots it may still trade; 0 once it is done.
    pub leaves: Qty,
    /// Lots it has traded.
    pub cum: Qty,
    /// Owner.
    pub account: AccountId,
    /// What is traded.
    pub instrument: InstrumentId,
    /// Its side.
    pub side: Side,
    /// MARKET or LIMIT once a stop is elected.
    pub order_type: OrderType,
    /// How long it lasts.
    pub time_in_force: TimeInForce,
    /// Where it is in its life.
    pub state: OrderState,
    /// Code of the reason of its end, a reject's or a cancel's; 0 for none.
    pub reason: u8,
}

/// The records of all orders; ids count up from 1.
#[derive(Clone, Debug)]
pub struct Records {
    orders: Vec<Record>,
    by_client: ClientIndex,
}

impl Record {
    /// Holds a place.
    const NONE: Self = Self {
        client_order_id: 0,
        cum_value: 0,
        digest: 0,
        qty: Qty(0),
        price: Ticks(0),
        leaves: Qty(0),
        cum: Qty(0),
        account: AccountId(0),
        instrument: InstrumentId(0),
        side: Side::Buy,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::Day,
        state: OrderState::PendingNew,
        reason: 0,
    };

    /// Average price of its fills, in ticks; NaN before the first.
    pub fn average_price(&self) -> f64 {
        self.cum_value as f64 / self.cum.0 as f64
    }

    /// Moves on in the table of states.
    ///
    /// # Panics
    ///
    /// If this cannot happen to the order: the engine and the records disagree, and nothing they say can be trusted.
    #[inline]
    pub(crate) fn step(&mut self, action: Action) {
        let past = Past { filled: self.cum.0 > 0, replaced: self.state == OrderState::Replaced };
        match self.state.after(action, past) {
            Some(state) => self.state = state,
            None => impossible(self.state, action),
        }
    }

    /// Takes over a fill that leaves `leaves`.
    #[inline]
    pub(crate) fn fill(&mut self, price: Ticks, qty: Qty, leaves: Qty) {
        self.cum.0 += qty.0;
        self.cum_value += i128::from(price.0) * i128::from(qty.0);
        self.leaves = leaves;
        self.step(if leaves.0 > 0 { Action::FillPart } else { Action::FillRest });
    }

    /// Ends the order.
    #[inline]
    pub(crate) fn end(&mut self, action: Action, reason: u8) {
        self.leaves = Qty(0);
        self.reason = reason;
        self.step(action);
    }
}

impl Records {
    pub(crate) fn new() -> Self {
        Self { orders: Vec::new(), by_client: ClientIndex::new() }
    }

    /// The record of an order, or `None` if there never was one.
    #[inline]
    pub fn get(&self, id: OrderId) -> Option<&Record> {
        self.orders.get(index(id))
    }

    /// The order that an account gave this id to.
    #[inline]
    pub fn by_client(&self, account: AccountId, client_order_id: u128) -> Option<OrderId> {
        self.look_up((account, client_order_id)).ok()
    }

    /// How many orders there ever were.
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// Whether there never was one.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// Every record, by id from 1.
    pub fn all(&self) -> &[Record] {
        &self.orders
    }

    /// The id that the next order gets.
    #[inline]
    pub(crate) fn next_id(&self) -> OrderId {
        OrderId(self.orders.len() as u64 + 1)
    }

    /// Brings the record of an order nearer, if there is one.
    #[inline]
    pub(crate) fn prefetch(&self, id: OrderId) {
        if let Some(record) = self.get(id) {
            omni_memory::prefetch(&raw const record.client_order_id);
            omni_memory::prefetch(&raw const record.state);
        }
    }

    /// Brings what tells whether an account gave this id before nearer.
    #[inline]
    pub(crate) fn prefetch_client(&self, account: AccountId, client_order_id: u128) {
        self.by_client.prefetch((account, client_order_id));
    }

    /// Makes room for so many more orders, and touches it, so that placing them does not.
    pub(crate) fn reserve(&mut self, n_orders: usize) {
        let n_now = self.orders.len();
        self.orders.resize(n_now + n_orders, Record::NONE);
        self.orders.truncate(n_now);
        self.grow_index(self.by_client.len() + n_orders);
    }

    /// Gives an account's id to the next order, or tells which one has it.
    #[inline]
    pub(crate) fn claim(&mut self, account: AccountId, client_order_id: u128) -> Option<OrderId> {
        if self.by_client.is_full() {
            self.grow_index(2 * self.by_client.len());
        }
        let key = (account, client_order_id);
        match self.look_up(key) {
            Ok(taken) => Some(taken),
            Err(slot) => {
                self.by_client.put(slot, key, self.next_id());
                None
            }
        }
    }

    /// Remembers an order that came in.
    #[inline]
    pub(crate) fn open(&mut self, order: &NewOrder, client_order_id: u128, digest: u64) -> OrderId {
        let id = self.next_id();
        self.orders.push(Record {
            client_order_id,
            cum_value: 0,
            digest,
            qty: order.qty,
            price: order.price,
            leaves: order.qty,
            cum: Qty(0),
            account: order.account,
            instrument: order.instrument,
            side: order.side,
            order_type: order.order_type,
            time_in_force: order.time_in_force,
            state: OrderState::PendingNew,
            reason: 0,
        });
        id
    }

    /// The record of an order that the engine knows.
    ///
    /// # Panics
    ///
    /// If there never was one.
    #[inline]
    pub(crate) fn known(&mut self, id: OrderId) -> &mut Record {
        &mut self.orders[index(id)]
    }

    /// Puts a record back behind the others; false if its client order id is taken.
    pub(crate) fn restore(&mut self, record: Record) -> bool {
        let is_free = record.client_order_id == 0 || self.claim(record.account, record.client_order_id).is_none();
        self.orders.push(record);
        is_free
    }

    #[inline]
    fn look_up(&self, key: Key) -> Result<OrderId, usize> {
        self.by_client.find(key, |id| key_of(&self.orders[index(id)]))
    }

    #[cold]
    fn grow_index(&mut self, n: usize) {
        let with_key = (1..).zip(&self.orders).filter(|(_, record)| record.client_order_id != 0);
        self.by_client.grow(n, with_key.map(|(id, record)| (key_of(record), OrderId(id))));
    }
}

#[inline]
fn key_of(record: &Record) -> Key {
    (record.account, record.client_order_id)
}

/// Id 0 leads beyond any vector.
#[inline]
fn index(id: OrderId) -> usize {
    id.0.wrapping_sub(1) as usize
}

#[cold]
fn impossible(state: OrderState, action: Action) -> ! {
    panic!("{action:?} happened to an order that is {}", state.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_lies_in_two_cache_lines() {
        assert_eq!((size_of::<Record>(), align_of::<Record>()), (96, 32));
    }

    #[test]
    fn ids_are_claimed_by_account() {
        let mut records = Records::new();
        let order = NewOrder::market(AccountId(1), InstrumentId(0), Side::Buy, Qty(1));
        assert_eq!(records.claim(AccountId(1), 7), None);
        assert_eq!(records.open(&order, 7, 9), OrderId(1));
        assert_eq!(records.claim(AccountId(1), 7), Some(OrderId(1)));
        assert_eq!(records.claim(AccountId(2), 7), None);
        assert!(records.get(OrderId(0)).is_none() && records.get(OrderId(2)).is_none());
    }
}
