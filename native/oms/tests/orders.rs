//! The life of orders: what is answered, in which order it is checked, and what the events say.

mod support;

use omni_oms::{Command, Error, EventKind as K, Liquidity, OmsEvent, client_id_of_text};
use omni_types::{
    AccountId, CancelReason, InstrumentId, Nanos, NewOrder, OrderId, OrderState, OrderType, PostOnly, Qty, RejectReason,
    SelfTrade, Side, Ticks, TimeInForce, TradingPhase, Trigger,
};
use support::{ALICE, BOB, X, cancel, kinds, limit, named, new, oms, replace, run, write};

#[test]
fn a_trade_gives_the_makers_event_first() {
    let mut oms = oms();
    run(&mut oms, named(5, 77, limit(ALICE, Side::Sell, 10, 101)));
    let events = run(&mut oms, new(9, limit(BOB, Side::Buy, 4, 102)));
    assert_eq!(kinds(&events), [K::Accepted, K::Filled, K::Filled]);
    let common =
        OmsEvent { kind: K::Filled as u8, seq: 3, ts: 9, price: 101, qty: 4, trade_id: 1, cum: 4, ..OmsEvent::default() };
    let maker = OmsEvent {
        order_id: 1,
        client_order_id: 77,
        account: 0,
        side: Side::Sell.code(),
        state: OrderState::PartiallyFilled.code(),
        leaves: 6,
        liquidity: Liquidity::Maker as u8,
        ..common
    };
    let taker = OmsEvent {
        order_id: 2,
        account: 1,
        side: Side::Buy.code(),
        state: OrderState::Filled.code(),
        liquidity: Liquidity::Taker as u8,
        ..common
    };
    assert_eq!(events[1..], [maker, taker]);
    assert_eq!(oms.order(OrderId(1)).unwrap().cum_value, 404);
}

#[test]
fn an_order_sent_again_is_told_its_state() {
    let mut oms = oms();
    let order = limit(ALICE, Side::Buy, 10, 100);
    run(&mut oms, named(1, 5, order));
    run(&mut oms, new(2, limit(BOB, Side::Sell, 3, 100)));
    let events = run(&mut oms, named(3, 5, order));
    let [status] = events[..] else { panic!("{events:?}") };
    assert_eq!((status.kind, status.order_id, status.client_order_id), (K::Status as u8, 1, 5));
    assert_eq!((status.price, status.qty, status.leaves, status.cum), (100, 10, 7, 3));
    assert_eq!((status.state, status.reason), (OrderState::PartiallyFilled.code(), 0));

    run(&mut oms, cancel(4, 1));
    let status = run(&mut oms, named(5, 5, order))[0];
    assert_eq!((status.state, status.reason, status.leaves), (OrderState::Canceled.code(), CancelReason::Requested.code(), 0));
    assert_eq!(oms.orders().len(), 2, "a repetition is no order");
}

#[test]
fn a_client_order_id_stands_for_one_order_of_one_account() {
    let mut oms = oms();
    let id = client_id_of_text("ORDER-1").unwrap();
    run(&mut oms, named(1, id, limit(ALICE, Side::Buy, 10, 100)));
    let events = run(&mut oms, named(2, id, limit(ALICE, Side::Buy, 11, 100)));
    let [rejected] = events[..] else { panic!("{events:?}") };
    assert_eq!((rejected.kind, rejected.reason), (K::Rejected as u8, RejectReason::DuplicateOrderId.code()));
    assert_eq!((rejected.order_id, rejected.client_order_id, rejected.side), (0, id, Side::Buy.code()));
    assert_eq!((rejected.state, rejected.price, rejected.qty), (OrderState::Rejected.code(), 100, 11));
    assert_eq!(run(&mut oms, named(3, id, limit(BOB, Side::Buy, 11, 100)))[0].kind, K::Accepted as u8);
}

#[test]
fn a_client_order_id_of_a_refused_order_is_used() {
    let mut oms = oms();
    let order = limit(ALICE, Side::Buy, 0, 100);
    assert_eq!(run(&mut oms, named(1, 5, order))[0].reason, RejectReason::InvalidQty.code());
    let status = run(&mut oms, named(2, 5, order))[0];
    assert_eq!(
        (status.kind, status.state, status.reason),
        (K::Status as u8, OrderState::Rejected.code(), RejectReason::InvalidQty.code())
    );
    // One whose account is unknown never was an order.
    run(&mut oms, named(3, 6, NewOrder { instrument: InstrumentId(9), ..limit(ALICE, Side::Buy, 1, 100) }));
    assert_eq!(oms.orders().by_client(ALICE, 6), None);
}

#[test]
fn a_new_order_is_checked_in_the_order_of_the_contract() {
    let mut oms = oms();
    let reject = |oms: &mut _, order| {
        let events = run(oms, named(1, 1, order));
        assert_eq!(kinds(&events), [K::Rejected]);
        (RejectReason::from_code(events[0].reason).unwrap(), events[0].order_id)
    };
    let mut order = NewOrder { account: AccountId(7), instrument: InstrumentId(7), ..limit(ALICE, Side::Buy, 0, 100) };
    assert_eq!(reject(&mut oms, order), (RejectReason::UnknownAccount, 0));
    order.account = ALICE;
    assert_eq!(reject(&mut oms, order), (RejectReason::UnknownInstrument, 0));
    order.instrument = X;
    run(&mut oms, Command::SetPhase { ts: Nanos(1), instrument: X, phase: TradingPhase::Halted });
    run(&mut oms, write(1, 0x28, 1));
    assert_eq!(reject(&mut oms, order), (RejectReason::InvalidQty, 1));
    order.qty = Qty(1);
    // The id was used for another order.
    assert_eq!(reject(&mut oms, order), (RejectReason::DuplicateOrderId, 0));
    let events = run(&mut oms, new(1, order));
    assert_eq!(events[0].reason, RejectReason::Halted.code());
    run(&mut oms, Command::SetPhase { ts: Nanos(1), instrument: X, phase: TradingPhase::Continuous });
    let events = run(&mut oms, new(1, order));
    assert_eq!((events[0].reason, events[0].order_id), (RejectReason::KillSwitch.code(), 3));
    assert_eq!((events[0].price, events[0].qty, events[0].leaves), (100, 1, 0));
}

#[test]
fn an_order_the_book_refuses_passed_the_gate_and_is_open_no_more() {
    let mut oms = oms();
    run(&mut oms, new(1, limit(BOB, Side::Sell, 5, 100)));
    let order = NewOrder { post_only: PostOnly::Reject, ..limit(ALICE, Side::Buy, 7, 100) };
    let events = run(&mut oms, new(2, order));
    assert_eq!((kinds(&events), events[0].reason), (vec![K::Rejected], RejectReason::PostOnlyWouldTake.code()));
    assert_eq!(oms.read_register(0x48), Ok(2), "passed");
    assert_eq!(oms.read_register(0x1000_0008), Ok(0), "open to buy");
    assert_eq!(oms.state_of(OrderId(2)), Some(OrderState::Rejected));
}

#[test]
fn an_order_that_slides_is_repriced_after_it_was_accepted() {
    let mut oms = oms();
    run(&mut oms, new(1, limit(BOB, Side::Sell, 5, 100)));
    let order = NewOrder { post_only: PostOnly::Slide, ..limit(ALICE, Side::Buy, 7, 103) };
    let events = run(&mut oms, new(2, order));
    assert_eq!(kinds(&events), [K::Accepted, K::Repriced]);
    assert_eq!((events[0].price, events[1].price), (103, 99));
    assert_eq!(oms.order(OrderId(2)).unwrap().price, Ticks(99));
}

#[test]
fn cancels_and_replacements_of_no_order_carry_just_its_id() {
    let mut oms = oms();
    for (command, kind) in [(cancel(1, 8), K::CancelRejected), (replace(1, 0, 1, 1), K::ReplaceRejected)] {
        let id = if kind == K::CancelRejected { 8 } else { 0 };
        let seq = oms.sequence() + 1;
        let reason = RejectReason::UnknownOrder.code();
        let expected = OmsEvent { kind: kind as u8, seq, ts: 1, order_id: id, reason, ..OmsEvent::default() };
        assert_eq!(run(&mut oms, command), [expected]);
    }
    run(&mut oms, new(1, limit(ALICE, Side::Buy, 1, 100)));
    run(&mut oms, cancel(1, 1));
    let rejected = run(&mut oms, cancel(1, 1))[0];
    assert_eq!((rejected.reason, rejected.state), (RejectReason::TooLate.code(), OrderState::Canceled.code()));
    assert_eq!(oms.read_register(0x40), Ok(2), "the gate is not asked about orders that are done");
}

#[test]
fn a_replacement_counts_fills_in_its_total() {
    let mut oms = oms();
    run(&mut oms, new(1, limit(ALICE, Side::Buy, 10, 100)));
    run(&mut oms, new(1, limit(BOB, Side::Sell, 4, 100)));
    let replaced = run(&mut oms, replace(2, 1, 15, 99))[0];
    assert_eq!((replaced.kind, replaced.price, replaced.qty, replaced.leaves, replaced.cum), (K::Replaced as u8, 99, 15, 11, 4));
    assert_eq!(replaced.state, OrderState::PartiallyFilled.code());
    assert_eq!(oms.read_register(0x1000_0008), Ok(11));
    let refused = run(&mut oms, replace(2, 1, 4, 0))[0];
    assert_eq!((refused.kind, refused.reason), (K::ReplaceRejected as u8, RejectReason::QtyBelowFilled.code()));
}

#[test]
fn a_replacement_is_checked_by_the_gate_with_what_it_adds() {
    let mut oms = oms();
    run(&mut oms, write(1, 0x1008, 10));
    run(&mut oms, new(1, limit(ALICE, Side::Buy, 8, 100)));
    assert_eq!(run(&mut oms, replace(1, 1, 11, 0))[0].reason, RejectReason::PositionLimit.code());
    assert_eq!(oms.state_of(OrderId(1)), Some(OrderState::New));
    let replaced = run(&mut oms, replace(1, 1, 10, 0))[0];
    assert_eq!((replaced.kind, replaced.state), (K::Replaced as u8, OrderState::Replaced.code()));
    // A kept price is looked at as well: the collar is 5 % of 100, the order stands at 100, the reference goes to 120.
    run(&mut oms, write(1, 0x1018, 500));
    run(&mut oms, Command::Mark { ts: Nanos(1), instrument: X, price: Ticks(120) });
    assert_eq!(run(&mut oms, replace(1, 1, 9, 0))[0].reason, RejectReason::PriceCollar.code());
    assert_eq!(run(&mut oms, replace(1, 1, 9, 115))[0].price, 115);
}

#[test]
fn a_thrown_kill_switch_cancels_what_is_in_its_scope() {
    let mut oms = oms();
    for account in [ALICE, BOB, ALICE] {
        run(&mut oms, new(1, limit(account, Side::Buy, 1, 100)));
    }
    let events = run(&mut oms, write(2, 0x1000, 1));
    assert_eq!(kinds(&events), [K::RegisterWritten, K::Canceled, K::Canceled]);
    assert_eq!((events[0].qty, events[0].price), (0x1000, 1));
    assert_eq!((events[1].order_id, events[2].order_id, events[1].reason), (1, 3, CancelReason::KillSwitch.code()));
    // It is on already.
    assert_eq!(kinds(&run(&mut oms, write(2, 0x1000, 1))), [K::RegisterWritten]);
    assert_eq!(kinds(&run(&mut oms, write(2, 0x28, 1))), [K::RegisterWritten, K::Canceled]);
    assert_eq!(oms.engine().len(), 0);
}

#[test]
fn the_cancel_rate_holds_for_cancels_and_not_for_mass_cancels() {
    let mut oms = oms();
    run(&mut oms, write(1, 0x1040, 1));
    for _ in 0..3 {
        run(&mut oms, new(1, limit(ALICE, Side::Buy, 1, 100)));
    }
    assert_eq!(run(&mut oms, cancel(1, 1))[0].kind, K::Canceled as u8);
    let refused = run(&mut oms, cancel(1, 2))[0];
    assert_eq!((refused.kind, refused.reason, refused.leaves), (K::CancelRejected as u8, RejectReason::CancelRate.code(), 1));
    let all = Command::MassCancel { ts: Nanos(1), account: ALICE, instrument: X, side: Some(Side::Buy) };
    assert_eq!(kinds(&run(&mut oms, all)), [K::Canceled, K::Canceled]);
}

#[test]
fn what_is_no_command_does_not_count() {
    let mut oms = oms();
    let before = oms.state();
    let unknown = Command::Mark { ts: Nanos(9), instrument: InstrumentId(2), price: Ticks(1) };
    assert!(matches!(oms.execute(&unknown), Err(Error::UnknownInstrument { found: 2, known: 2 })));
    let unknown = Command::SetPhase { ts: Nanos(9), instrument: InstrumentId(2), phase: TradingPhase::Halted };
    assert!(matches!(oms.execute(&unknown), Err(Error::UnknownInstrument { .. })));
    assert!(matches!(oms.execute(&write(9, 0x0, 1)), Err(Error::Register(_))));
    assert_eq!(oms.state(), before);
}

#[test]
fn a_mark_out_of_range_changes_nothing() {
    let mut oms = oms();
    let mark = |price| Command::Mark { ts: Nanos(1), instrument: X, price: Ticks(price) };
    let marked = run(&mut oms, mark(105))[0];
    assert_eq!((marked.kind, marked.price), (K::Marked as u8, 105));
    for price in [0, -1, (1 << 50) + 1] {
        assert_eq!(run(&mut oms, mark(price)), []);
    }
    assert_eq!(oms.read_register(0x40_0008), Ok(105));
    assert_eq!(oms.sequence(), 5);
}

#[test]
fn a_stop_is_an_order_without_limit_until_it_is_elected() {
    let mut oms = oms();
    let mut order = NewOrder { order_type: OrderType::Stop, price: Ticks(0), ..limit(ALICE, Side::Buy, 2, 0) };
    (order.terms.stop_price, order.terms.trigger) = (Ticks(105), Trigger::Last);
    let accepted = run(&mut oms, named(1, 9, order))[0];
    assert_eq!((accepted.kind, accepted.price), (K::Accepted as u8, 105));
    assert_eq!(run(&mut oms, named(1, 9, order))[0].price, 105, "the price of its status");
    run(&mut oms, new(1, limit(BOB, Side::Sell, 3, 105)));
    let events = run(&mut oms, new(2, limit(AccountId(2), Side::Buy, 1, 105)));
    assert_eq!(kinds(&events), [K::Accepted, K::Filled, K::Filled, K::Triggered, K::Filled, K::Filled]);
    assert_eq!((events[3].price, events[3].qty), (105, 0));
    assert_eq!(oms.order(OrderId(1)).unwrap().order_type, OrderType::Market);
    assert_eq!(run(&mut oms, named(3, 9, order))[0].price, 0);
}

#[test]
fn a_decrement_that_leaves_nothing_is_followed_by_a_cancel() {
    let mut oms = oms();
    run(&mut oms, new(1, limit(ALICE, Side::Sell, 5, 100)));
    let events = run(&mut oms, new(2, NewOrder { self_trade: SelfTrade::Decrement, ..limit(ALICE, Side::Buy, 8, 100) }));
    assert_eq!(kinds(&events), [K::Accepted, K::Decremented, K::Canceled, K::Decremented]);
    let facts: Vec<_> = events[1..].iter().map(|event| (event.order_id, event.price, event.qty, event.leaves)).collect();
    assert_eq!(facts, [(1, 100, 5, 0), (1, 0, 0, 0), (2, 100, 5, 3)]);
    assert_eq!(events[2].reason, CancelReason::SelfTrade.code());
    assert_eq!((oms.read_register(0x1000_0008), oms.read_register(0x1000_0010)), (Ok(3), Ok(0)));
    let bought = oms.order(OrderId(2)).unwrap();
    assert_eq!((bought.qty, bought.leaves, bought.cum), (Qty(8), Qty(3), Qty(0)));
}

#[test]
fn an_auction_gives_the_buys_event_first() {
    let mut oms = oms();
    let phase = |phase| Command::SetPhase { ts: Nanos(1), instrument: X, phase };
    let changed = run(&mut oms, phase(TradingPhase::PreOpen));
    assert_eq!((kinds(&changed), changed[0].qty), (vec![K::PhaseChanged], 1));
    run(&mut oms, new(1, NewOrder { time_in_force: TimeInForce::AtOpen, ..limit(ALICE, Side::Sell, 5, 99) }));
    run(&mut oms, new(1, limit(BOB, Side::Buy, 3, 101)));
    let events = run(&mut oms, phase(TradingPhase::Continuous));
    assert_eq!(kinds(&events), [K::PhaseChanged, K::Auction, K::Filled, K::Filled, K::Expired]);
    // Volume 3 anywhere from 99 to 101; the reference is 100.
    assert_eq!((events[1].price, events[1].qty, events[1].leaves), (100, 3, -2));
    assert_eq!((events[2].order_id, events[3].order_id), (2, 1));
    assert!(events[2..4].iter().all(|event| event.liquidity == Liquidity::Auction as u8));
    assert_eq!((events[4].order_id, events[4].qty, events[4].leaves, events[4].reason), (1, 2, 0, 0));
}

#[test]
fn time_never_runs_backwards() {
    let mut oms = oms();
    run(&mut oms, Command::Advance { ts: Nanos(100) });
    assert_eq!(run(&mut oms, new(50, limit(ALICE, Side::Buy, 1, 100)))[0].ts, 100);
    assert_eq!(oms.clock(), Nanos(100));
}

#[test]
fn a_loss_closes_the_gate_and_a_new_day_opens_it() {
    let mut oms = oms();
    run(&mut oms, write(1, 0x1050, 60));
    run(&mut oms, write(1, 0x1058, 0));
    // Buys 2 at 100 and sells them at 97: 2·3·10 = 60 lost.
    for (account, side, price) in [(BOB, Side::Sell, 100), (ALICE, Side::Buy, 100), (BOB, Side::Buy, 97), (ALICE, Side::Sell, 97)]
    {
        run(&mut oms, new(1, limit(account, side, 2, price)));
    }
    assert_eq!(run(&mut oms, new(1, limit(ALICE, Side::Buy, 1, 97)))[0].reason, RejectReason::DailyLoss.code());
    run(&mut oms, write(2, 0x10A0, 0));
    assert_eq!(run(&mut oms, new(2, limit(ALICE, Side::Buy, 1, 97)))[0].kind, K::Accepted as u8);
}
