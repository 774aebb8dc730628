//! Laws that hold for every sequence of commands over every order type.

mod flow;

use std::collections::BTreeMap;

use flow::{Command, N_INSTRUMENTS, command, run};
use omni_book::{Engine, LiveOrder, Place, Restored, RestoredInstrument};
use omni_types::{AccountId, CancelReason, Event, InstrumentId, Nanos, NewOrder, OrderId, Qty, Side, Ticks, TradingPhase};
use proptest::prelude::*;

fn instruments() -> impl Iterator<Item = InstrumentId> {
    (0..N_INSTRUMENTS).map(InstrumentId)
}

/// Lots of every order that came in, and what became of them.
#[derive(Default)]
struct Account {
    entered: BTreeMap<OrderId, i64>,
}

impl Account {
    fn book(&mut self, at: u64, command: &Command, live_before: Option<LiveOrder>, events: &[Event]) {
        for event in events {
            match *event {
                Event::Accepted { id } => {
                    let Command::New(order) = command else { panic!("{id:?} came from nowhere") };
                    assert_eq!(id, OrderId(at));
                    self.entered.insert(id, order.qty.0);
                }
                Event::Trade { maker, taker, qty, maker_leaves, taker_leaves, .. } => {
                    assert!(qty.0 > 0 && maker_leaves.0 >= 0 && taker_leaves.0 >= 0);
                    self.take(maker, qty, Some(maker_leaves));
                    self.take(taker, qty, Some(taker_leaves));
                }
                Event::Canceled { id, leaves, .. } | Event::Expired { id, leaves } => {
                    self.take(id, leaves, Some(Qty(0)));
                    self.entered.remove(&id);
                }
                Event::Decremented { id, qty, leaves, .. } => self.take(id, qty, Some(leaves)),
                Event::Replaced { id, leaves, .. } => {
                    assert_eq!(live_before.map(|order| order.id), Some(id));
                    self.entered.insert(id, leaves.0);
                }
                Event::Rejected { .. }
                | Event::Triggered { .. }
                | Event::Repriced { .. }
                | Event::Refreshed { .. }
                | Event::CancelRejected { .. }
                | Event::ReplaceRejected { .. }
                | Event::PhaseChanged { .. }
                | Event::Auction { .. } => {}
            }
        }
        self.entered.retain(|_, leaves| *leaves > 0);
    }

    fn take(&mut self, id: OrderId, qty: Qty, leaves: Option<Qty>) {
        let left = self.entered.get_mut(&id).unwrap_or_else(|| panic!("{id:?} is not in"));
        *left -= qty.0;
        assert_eq!(Some(Qty(*left)), leaves, "what {id:?} has left");
    }
}

fn check_state(engine: &Engine, account: &Account) {
    let live = engine.live_orders();
    assert!(live.iter().map(|order| (order.id, order.leaves.0)).eq(account.entered.iter().map(|(&id, &leaves)| (id, leaves))));
    assert_eq!(live.len(), engine.len());
    for instrument in instruments() {
        let best = Side::ALL.iter().map(|&side| engine.best(instrument, side)).collect::<Vec<_>>();
        if let ([Some(bid), Some(ask)], TradingPhase::Continuous) = (&best[..], engine.phase(instrument)) {
            assert!(bid < ask, "crossed: {bid:?} {ask:?}");
        }
        for &side in Side::ALL {
            check_side(engine, instrument, side, &live);
        }
    }
}

/// Queues, levels and orders tell the same story, and time decides within a price.
fn check_side(engine: &Engine, instrument: InstrumentId, side: Side, live: &[LiveOrder]) {
    let queue: Vec<LiveOrder> = engine.queue(instrument, side).collect();
    let rank = |order: &LiveOrder| (-side.sign() * order.working_price.0, order.place == Place::Hidden, order.stamp);
    assert!(queue.is_sorted_by_key(rank));
    let mut expected: Vec<LiveOrder> = live
        .iter()
        .filter(|order| {
            order.instrument == instrument && order.side == side && matches!(order.place, Place::Displayed | Place::Hidden)
        })
        .copied()
        .collect();
    expected.sort_by_key(rank);
    assert_eq!(queue, expected);

    let mut levels: BTreeMap<i64, (i64, u32)> = BTreeMap::new();
    for order in queue.iter().filter(|order| order.place == Place::Displayed) {
        let level = levels.entry(-side.sign() * order.working_price.0).or_default();
        level.0 += order.slice.0;
        level.1 += 1;
    }
    let depth: Vec<_> = engine.depth(instrument, side).map(|level| (level.price.0, level.qty.0, level.n_orders)).collect();
    let summed: Vec<_> = levels.iter().map(|(key, &(qty, n))| (-side.sign() * key, qty, n)).collect();
    assert_eq!(depth, summed);
    assert_eq!(
        engine.displayed_best(instrument, side).map(|(price, qty)| (price.0, qty.0)),
        summed.first().map(|&(p, q, _)| (p, q))
    );

    let mut ahead: BTreeMap<i64, i64> = BTreeMap::new();
    for order in &queue {
        let before = ahead.entry(order.working_price.0).or_default();
        assert_eq!(engine.queue_ahead(order.id), Some(Qty(*before)));
        *before += order.slice.0;
        if order.place == Place::Displayed && order.terms.display_qty.0 > 0 {
            assert!(order.slice <= order.terms.display_qty);
        }
    }
}

fn restored(engine: &Engine) -> Engine {
    let last = |instrument| engine.last(instrument);
    Engine::restore(Restored {
        clock: engine.clock(),
        next_stamp: engine.next_stamp(),
        next_trade_id: engine.next_trade_id(),
        instruments: instruments()
            .map(|instrument| RestoredInstrument {
                phase: engine.phase(instrument),
                last: last(instrument),
                reference: Some(Ticks(100)),
            })
            .collect(),
        orders: engine.live_orders(),
    })
}

fn engine(window_pages: usize) -> Engine {
    let mut engine = Engine::with_window(N_INSTRUMENTS as usize, TradingPhase::Continuous, window_pages);
    for instrument in instruments() {
        engine.set_reference(instrument, Ticks(100));
    }
    engine
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn quantity_is_conserved_and_the_book_tells_one_story(commands in prop::collection::vec(command(), 1..400)) {
        let mut engine = engine(4096);
        let mut account = Account::default();
        for (at, command) in (1..).zip(&commands) {
            let target = if let Command::Replace { back, .. } = command { engine.live(OrderId(at - back.min(&at))) } else { None };
            let mut events = Vec::new();
            run(&mut engine, at, command, &mut events);
            account.book(at, command, target, &events);
            check_state(&engine, &account);
        }
    }

    #[test]
    fn the_window_changes_nothing(commands in prop::collection::vec(command(), 1..400)) {
        let mut engines = [0, 1, 4096].map(engine);
        for (at, command) in (1..).zip(&commands) {
            let events = engines.each_mut().map(|engine| {
                let mut events = Vec::new();
                run(engine, at, command, &mut events);
                events
            });
            prop_assert_eq!(&events[0], &events[1]);
            prop_assert_eq!(&events[0], &events[2]);
        }
    }

    #[test]
    fn a_restored_engine_goes_on_as_the_first(commands in prop::collection::vec(command(), 1..400), cut in 0_usize..400) {
        let mut first = engine(4096);
        let mut events = Vec::new();
        let cut = cut.min(commands.len());
        for (at, command) in (1..).zip(&commands[..cut]) {
            run(&mut first, at, command, &mut events);
        }
        let mut second = restored(&first);
        prop_assert_eq!(first.live_orders(), second.live_orders());
        for (at, command) in (1 + cut as u64..).zip(&commands[cut..]) {
            let mut events = [Vec::new(), Vec::new()];
            run(&mut first, at, command, &mut events[0]);
            run(&mut second, at, command, &mut events[1]);
            prop_assert_eq!(&events[0], &events[1]);
        }
        prop_assert_eq!(first.live_orders(), second.live_orders());
        prop_assert_eq!(first.next_stamp(), second.next_stamp());
    }
}

#[test]
fn time_never_goes_back() {
    let mut engine = engine(4096);
    let mut events = Vec::new();
    engine.advance(Nanos(10), &mut events);
    engine.advance(Nanos(5), &mut events);
    assert_eq!(engine.clock(), Nanos(10));
}

/// Lots beyond 32 bits need a larger record: nobody sees which one an order has.
#[test]
fn large_orders_wait_and_trade_as_small_ones() {
    let most = i64::from(u32::MAX);
    for qty in [most - 1, most, most + 1, 1 << 50] {
        let mut engine = engine(4096);
        let mut events = Vec::new();
        let order = |side, qty| NewOrder::limit(AccountId(0), InstrumentId(0), side, Qty(qty), Ticks(100));
        engine.submit(OrderId(1), &order(Side::Sell, qty), &mut events);
        engine.submit(OrderId(2), &order(Side::Sell, 5), &mut events);
        engine.submit(OrderId(3), &order(Side::Buy, 7), &mut events);
        assert_eq!(engine.qty_at(InstrumentId(0), Side::Sell, Ticks(100)), Qty(qty - 2));
        engine.requeue(OrderId(2), Qty(qty), Ticks(101), &mut events);
        engine.requeue(OrderId(1), Qty(3), Ticks(101), &mut events);
        assert_eq!(engine.live_orders(), restored(&engine).live_orders());
        assert!(engine.queue(InstrumentId(0), Side::Sell).map(|order| (order.id.0, order.leaves.0)).eq([(2, qty), (1, 3)]));
        let gone = engine.withdraw(OrderId(2), CancelReason::Requested, &mut events);
        assert_eq!(gone.map(|order| (order.price, order.leaves)), Some((Ticks(101), Qty(qty))));
        engine.submit(OrderId(4), &NewOrder { price: Ticks(101), ..order(Side::Buy, qty) }, &mut events);
        assert_eq!(engine.peek(OrderId(4)), Some((Side::Buy, Ticks(101), Qty(qty - 3))));
        assert_eq!(engine.len(), 1);
    }
}
