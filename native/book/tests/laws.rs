//! Laws that hold for every sequence of commands: quantity is conserved, the book is never crossed, priority is kept, and the book agrees
//! with a plain list that is searched from the start for every trade.

use omni_book::OrderBook;
use omni_types::{Event, LimitOrder, MarketOrder, OrderId, Qty, Side, Ticks};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Command {
    Limit { side: Side, price: i64, qty: i64 },
    Market { side: Side, qty: i64 },
    Cancel { nth: usize },
}

fn command() -> impl Strategy<Value = Command> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    prop_oneof![
        6 => (side.clone(), 95_i64..106, 1_i64..20).prop_map(|(side, price, qty)| Command::Limit { side, price, qty }),
        1 => (side, 1_i64..40).prop_map(|(side, qty)| Command::Market { side, qty }),
        3 => (0_usize..64).prop_map(|nth| Command::Cancel { nth }),
    ]
}

/// The obvious book: one list in order of arrival.
#[derive(Default)]
struct PlainBook {
    orders: Vec<(OrderId, Side, i64, i64)>,
}

impl PlainBook {
    fn best(&self, side: Side) -> Option<usize> {
        let mut best: Option<usize> = None;
        for (at, order) in self.orders.iter().enumerate().filter(|(_, order)| order.1 == side) {
            if best.is_none_or(|b| side.sign() * order.2 > side.sign() * self.orders[b].2) {
                best = Some(at);
            }
        }
        best
    }

    fn take(&mut self, taker: OrderId, side: Side, limit: Option<i64>, mut qty: i64, out: &mut Vec<Event>) -> i64 {
        while qty > 0 {
            let Some(at) = self.best(side.opposite()) else { break };
            let (maker, _, price, leaves) = self.orders[at];
            if limit.is_some_and(|limit| side.sign() * price > side.sign() * limit) {
                break;
            }
            let traded = qty.min(leaves);
            qty -= traded;
            self.orders[at].3 -= traded;
            if self.orders[at].3 == 0 {
                self.orders.remove(at);
            }
            out.push(Event::Trade {
                maker,
                taker,
                aggressor: side,
                price: Ticks(price),
                qty: Qty(traded),
                maker_leaves: Qty(leaves - traded),
            });
        }
        qty
    }

    fn apply(&mut self, id: OrderId, command: Command, target: OrderId, out: &mut Vec<Event>) {
        match command {
            Command::Limit { side, price, qty } => {
                out.push(Event::OrderAccepted { id });
                let leaves = self.take(id, side, Some(price), qty, out);
                if leaves > 0 {
                    self.orders.push((id, side, price, leaves));
                }
            }
            Command::Market { side, qty } => {
                out.push(Event::OrderAccepted { id });
                let leaves = self.take(id, side, None, qty, out);
                if leaves > 0 {
                    out.push(Event::OrderCanceled { id, leaves: Qty(leaves) });
                }
            }
            Command::Cancel { .. } => match self.orders.iter().position(|order| order.0 == target) {
                Some(at) => {
                    let (id, _, _, leaves) = self.orders.remove(at);
                    out.push(Event::OrderCanceled { id, leaves: Qty(leaves) });
                }
                None => {
                    out.push(Event::OrderRejected { id: target, reason: omni_types::RejectReason::UnknownOrder });
                }
            },
        }
    }
}

fn apply(book: &mut OrderBook, id: OrderId, command: Command, target: OrderId, out: &mut Vec<Event>) {
    match command {
        Command::Limit { side, price, qty } => {
            book.submit_limit(LimitOrder { id, side, price: Ticks(price), qty: Qty(qty) }, out);
        }
        Command::Market { side, qty } => book.submit_market(MarketOrder { id, side, qty: Qty(qty) }, out),
        Command::Cancel { .. } => book.cancel(target, out),
    }
}

fn cancel_target(command: Command, at: usize) -> OrderId {
    match command {
        Command::Cancel { nth } => OrderId((at.saturating_sub(nth)) as u64),
        Command::Limit { .. } | Command::Market { .. } => OrderId(u64::MAX),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_book_agrees_with_a_plain_list(commands in prop::collection::vec(command(), 1..300)) {
        let (mut book, mut plain) = (OrderBook::new(), PlainBook::default());
        let (mut events, mut expected) = (Vec::new(), Vec::new());
        for (at, &command) in commands.iter().enumerate() {
            let (id, target) = (OrderId(at as u64), cancel_target(command, at));
            apply(&mut book, id, command, target, &mut events);
            plain.apply(id, command, target, &mut expected);
            prop_assert_eq!(&events, &expected);

            if let (Some(bid), Some(ask)) = (book.best(Side::Buy), book.best(Side::Sell)) {
                prop_assert!(bid < ask, "crossed: {bid:?} {ask:?}");
            }
            for side in [Side::Buy, Side::Sell] {
                for level in book.levels(side) {
                    let queue: Vec<_> = book.queue(side, level.price).collect();
                    prop_assert_eq!(level.n_orders as usize, queue.len());
                    prop_assert_eq!(level.qty.0, queue.iter().map(|order| order.leaves.0).sum::<i64>());
                }
            }
        }
    }

    #[test]
    fn quantity_is_conserved(commands in prop::collection::vec(command(), 1..300)) {
        let mut book = OrderBook::new();
        let mut events = Vec::new();
        let mut submitted = 0;
        for (at, &command) in commands.iter().enumerate() {
            if let Command::Limit { qty, .. } | Command::Market { qty, .. } = command {
                submitted += qty;
            }
            apply(&mut book, OrderId(at as u64), command, cancel_target(command, at), &mut events);
        }
        let (mut traded, mut canceled) = (0, 0);
        for event in events {
            match event {
                Event::Trade { qty, .. } => traded += 2 * qty.0,
                Event::OrderCanceled { leaves, .. } => canceled += leaves.0,
                Event::OrderAccepted { .. } | Event::OrderRejected { .. } => {}
            }
        }
        let resting: i64 = [Side::Buy, Side::Sell].into_iter().flat_map(|side| book.levels(side)).map(|level| level.qty.0).sum();
        prop_assert_eq!(submitted, traded + canceled + resting);
    }
}
