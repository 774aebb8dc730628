//! What a participant sees, wants and hears.

use omni_book::Engine;
use omni_oms::{EventKind, OmsEvent};
use omni_types::{InstrumentId, OrderId, OrderState, Side};
use rustc_hash::FxHashMap;

use super::draw::Draws;

/// The one instrument of the market.
pub(crate) const INSTRUMENT: InstrumentId = InstrumentId(0);

/// The venue as a participant sees it: at once, and all of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub now: i64,
    pub engine: &'a Engine,
    /// Best displayed bid and ask; 0 for none.
    pub best: [i64; 2],
    /// The last there were.
    pub last_best: [i64; 2],
    /// What the instrument is worth, for those who know.
    pub value: f64,
}

impl View<'_> {
    /// Middle of the best prices; the last known where a side is empty.
    pub fn mid(&self) -> f64 {
        (self.last_best[0] + self.last_best[1]) as f64 * 0.5
    }

    /// The price from which orders of a side count their distance: the last best of the other side.
    #[inline]
    pub fn opposite(&self, side: Side) -> i64 {
        self.last_best[usize::from(side == Side::Buy)]
    }

    /// The price `distance` ticks from the best of the other side.
    #[inline]
    pub fn away(&self, side: Side, distance: i64) -> i64 {
        self.opposite(side) - side.sign() * distance
    }
}

/// What a participant asks of the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Wait at a price.
    Limit { side: Side, price: i64, qty: i64, post_only: bool },
    /// Trade at once.
    Market { side: Side, qty: i64 },
    /// Take an order back.
    Cancel(OrderId),
}

/// A rule that trades.
pub(crate) trait Participant: std::fmt::Debug + Send + Sync {
    /// When it acts next; `i64::MAX` for never.
    fn next(&mut self) -> i64;

    /// Its turn: add what it wants, and know when to act again.
    fn act(&mut self, view: &View<'_>, wishes: &mut Vec<Wish>);

    /// Something happened to an order of its own.
    fn hear(&mut self, _event: &OmsEvent) {}

    /// Somebody bought (positive) or sold so many lots of what waited in the book.
    fn printed(&mut self, _signed_lots: i64) {}

    /// How often it wanted what, for those who check a rule: by kinds of its own.
    fn counts(&self) -> Vec<u64> {
        Vec::new()
    }
}

/// Waiting orders of a participant, any of which can be picked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    orders: Vec<u64>,
    places: FxHashMap<u64, u32>,
}

impl Live {
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// One of them, each as likely; `None` where there are none.
    #[inline]
    pub fn pick(&self, draws: &mut Draws) -> Option<OrderId> {
        if self.orders.is_empty() { None } else { Some(OrderId(self.orders[draws.place(self.orders.len())])) }
    }

    /// Take note of what happened to an order.
    #[inline]
    pub fn hear(&mut self, event: &OmsEvent) {
        if event.kind == EventKind::Accepted.code() {
            self.places.insert(event.order_id, self.orders.len() as u32);
            self.orders.push(event.order_id);
        } else if is_done(event)
            && let Some(place) = self.places.remove(&event.order_id)
        {
            self.orders.swap_remove(place as usize);
            if let Some(&moved) = self.orders.get(place as usize) {
                self.places.insert(moved, place);
            }
        }
    }
}

/// Whether an order has ended with an event.
#[inline]
pub(crate) fn is_done(event: &OmsEvent) -> bool {
    OrderState::from_code(event.state).is_some_and(OrderState::is_done)
}

/// The side of an event about an order.
#[inline]
pub(crate) fn side_of(event: &OmsEvent) -> Side {
    if event.side == Side::Sell.code() { Side::Sell } else { Side::Buy }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_that_end_are_picked_no_more() {
        let event = |id, kind: EventKind, state: OrderState| OmsEvent {
            order_id: id,
            kind: kind.code(),
            state: state.code(),
            ..OmsEvent::default()
        };
        let mut live = Live::default();
        for id in 1..=4 {
            live.hear(&event(id, EventKind::Accepted, OrderState::New));
        }
        live.hear(&event(2, EventKind::Filled, OrderState::PartiallyFilled));
        for id in [1, 4, 9] {
            live.hear(&event(id, EventKind::Canceled, OrderState::Canceled));
        }
        let mut draws = Draws::new(1);
        let mut seen: Vec<u64> = (0..50).filter_map(|_| live.pick(&mut draws)).map(|id| id.0).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [2, 3]);
    }
}
