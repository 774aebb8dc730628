//! Random commands cause the reports of a plain book: a list of orders that is searched for everything.

mod support;

use omni_engine::{OMNI_ACCEPTED, OMNI_CANCELED, OMNI_MODIFIED, OMNI_MODIFY_REJECTED, OMNI_REJECTED, OMNI_TRADE, Report};
use proptest::prelude::*;
use support::{BUY, Command, Host, SELL, cancel, modify};

#[derive(Clone, Copy)]
struct Order {
    id: u64,
    side: u8,
    qty: u32,
    px: i64,
}

/// Waiting orders, oldest first.
#[derive(Default)]
struct PlainBook {
    orders: Vec<Order>,
    seq: u64,
}

impl PlainBook {
    fn send(&mut self, command: Command) -> Vec<Report> {
        let mut reports = Vec::new();
        let is_price = |px: i64| (1..=1 << 50).contains(&px);
        match command {
            Command::New { id, side, qty, px, ioc } => {
                if side > SELL || qty == 0 || !is_price(px) || self.find(id).is_some() {
                    reports.push(self.reject(OMNI_REJECTED, id));
                } else {
                    let order = Order { id, side, qty, px };
                    reports.push(self.report(OMNI_ACCEPTED, order));
                    let rest = self.take(order, &mut reports);
                    if rest.qty > 0 && ioc {
                        reports.push(self.report(OMNI_CANCELED, rest));
                    } else if rest.qty > 0 {
                        self.orders.push(rest);
                    }
                }
            }
            Command::Cancel { id } => match self.find(id) {
                Some(at) => {
                    let order = self.orders.remove(at);
                    reports.push(self.report(OMNI_CANCELED, order));
                }
                None => reports.push(self.reject(OMNI_REJECTED, id)),
            },
            Command::Modify { id, qty, px } => match self.find(id) {
                Some(at) if qty > 0 && is_price(px) => {
                    let order = Order { qty, px, ..self.orders.remove(at) };
                    reports.push(self.report(OMNI_MODIFIED, order));
                    let rest = self.take(order, &mut reports);
                    if rest.qty > 0 {
                        self.orders.push(rest);
                    }
                }
                _ => reports.push(self.reject(OMNI_MODIFY_REJECTED, id)),
            },
        }
        self.seq += 1;
        reports
    }

    /// Trade an order with the best of the other side until its limit ends it; returns what is left.
    fn take(&mut self, mut taker: Order, reports: &mut Vec<Report>) -> Order {
        let accepts = |px: i64| if taker.side == BUY { px <= taker.px } else { px >= taker.px };
        while taker.qty > 0 {
            let others = self.orders.iter().enumerate().filter(|(_, order)| order.side != taker.side && accepts(order.px));
            // Of equal keys `min_by_key` returns the first, which is the oldest.
            let Some((at, _)) = others.min_by_key(|(_, order)| if taker.side == BUY { order.px } else { -order.px }) else {
                break;
            };
            let maker = &mut self.orders[at];
            let qty = maker.qty.min(taker.qty);
            (maker.qty, taker.qty) = (maker.qty - qty, taker.qty - qty);
            let (maker, px) = (maker.id, maker.px);
            reports.push(Report { r#type: OMNI_TRADE, seq: self.seq, px, qty, maker, taker: taker.id, ..Report::default() });
            self.orders.retain(|order| order.qty > 0);
        }
        taker
    }

    fn find(&self, id: u64) -> Option<usize> {
        self.orders.iter().position(|order| order.id == id)
    }

    fn report(&self, r#type: u8, order: Order) -> Report {
        let Order { id, side, qty, px } = order;
        Report { r#type, side, seq: self.seq, id, px, qty, ..Report::default() }
    }

    fn reject(&self, r#type: u8, id: u64) -> Report {
        Report { r#type, seq: self.seq, id, ..Report::default() }
    }

    fn best(&self) -> (i64, i64) {
        let prices = |side| self.orders.iter().filter(move |order| order.side == side).map(|order| order.px);
        (prices(BUY).max().unwrap_or(i64::MIN), prices(SELL).min().unwrap_or(i64::MAX))
    }

    fn depth_at(&self, px: i64, side: u8) -> u64 {
        self.orders.iter().filter(|order| (order.side, order.px) == (side, px)).map(|order| u64::from(order.qty)).sum()
    }
}

/// Few ids and prices, so that orders meet; now and then one that cannot be.
fn commands() -> impl Strategy<Value = Vec<Command>> {
    let id = prop_oneof![20 => 0_u64..40, 1 => (1_u64 << 30) - 2..(1 << 30) + 2, 1 => Just(u64::MAX)];
    let px = prop_oneof![30 => 95_i64..106, 2 => 1_i64..100_000, 1 => Just(0), 1 => Just(1 << 50), 1 => any::<i64>()];
    let qty = prop_oneof![30 => 1_u32..20, 1 => Just(0), 1 => Just(u32::MAX)];
    let side = prop_oneof![30 => 0_u8..2, 1 => any::<u8>()];
    let new = (id.clone(), side, qty.clone(), px.clone(), prop::bool::weighted(0.2))
        .prop_map(|(id, side, qty, px, ioc)| Command::New { id, side, qty, px, ioc });
    let command = prop_oneof![
        5 => new,
        2 => id.clone().prop_map(cancel),
        2 => (id, qty, px).prop_map(|(id, qty, px)| modify(id, qty, px)),
    ];
    prop::collection::vec(command, 1..1_000)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn the_engine_reports_what_a_plain_book_does(commands in commands()) {
        let (mut host, mut book) = (Host::new(), PlainBook::default());
        for command in commands {
            prop_assert_eq!(host.send(command), book.send(command), "{:?}", command);
            prop_assert_eq!(host.best(), book.best());
            if let Command::New { px, side, .. } = command {
                prop_assert_eq!(host.depth_at(px, side), book.depth_at(px, side));
            }
        }
    }
}
