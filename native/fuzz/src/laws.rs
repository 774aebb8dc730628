//! What holds of a system after every command.

use omni_book::Place;
use omni_oms::{Command, EventKind, Liquidity, Oms, OmsEvent};
use omni_types::{AccountId, InstrumentId, PostOnly, Side, TradingPhase};

/// The events of the command in hand: quantities are none below zero, and each names its command.
pub fn check_events(oms: &Oms, events: &[OmsEvent]) {
    for event in events {
        let kind = event.event_kind();
        assert_eq!((event.seq, event.ts), (oms.sequence(), oms.clock().0), "{event:?}");
        assert!(event.cum >= 0 && (event.leaves >= 0 || kind == EventKind::Auction), "{event:?}");
        if kind == EventKind::Filled {
            assert!(event.qty > 0 && event.price > 0, "{event:?}");
        }
    }
}

/// Whether a command is an order that must not take when it comes. It does not see conditional orders, which are off the book, and may
/// meet one.
pub fn must_not_take(oms: &Oms, command: &Command) -> bool {
    let posts = matches!(command, Command::New { order, .. } if order.post_only != PostOnly::No);
    posts && oms.engine().live_orders().iter().all(|order| order.place != Place::Conditional)
}

/// The order that came did not take.
pub fn check_not_taken(events: &[OmsEvent]) {
    if let Some(accepted) = events.iter().find(|event| event.event_kind() == EventKind::Accepted) {
        let takes = |event: &&OmsEvent| event.order_id == accepted.order_id && event.liquidity == Liquidity::Taker as u8;
        assert_eq!(events.iter().find(takes), None);
    }
}

/// Books, orders, positions and the gate tell one story.
pub fn check(oms: &Oms) {
    let n_instruments = oms.config().instruments.len() as u32;
    for instrument in (0..n_instruments).map(InstrumentId) {
        check_book(oms, instrument);
        check_positions(oms, instrument);
    }
    let live = oms.engine().live_orders();
    assert_eq!(live.len(), oms.orders().all().iter().filter(|record| record.state.is_live()).count());
    for order in &live {
        let record = oms.order(order.id).expect("a live order has a record");
        assert_eq!((record.leaves, record.price, record.order_type), (order.leaves, order.price, order.order_type));
        assert!(record.leaves.0 >= 1 && record.leaves.0 + record.cum.0 <= record.qty.0);
    }
}

fn check_book(oms: &Oms, instrument: InstrumentId) {
    let engine = oms.engine();
    if engine.phase(instrument) != TradingPhase::Continuous {
        return;
    }
    if let (Some(bid), Some(ask)) = (engine.best(instrument, Side::Buy), engine.best(instrument, Side::Sell)) {
        assert!(bid < ask, "instrument {} is crossed: {bid:?}, {ask:?}", instrument.0);
    }
}

/// What one sold another bought, and the registers of the gate are the sums of what they stand for.
fn check_positions(oms: &Oms, instrument: InstrumentId) {
    let n_accounts = oms.config().accounts.len() as u32;
    let mut sum = 0;
    for account in (0..n_accounts).map(AccountId) {
        let position = oms.positions().get(account, instrument).copied().unwrap_or_default();
        let below = below(oms, account);
        sum += i128::from(position.qty);
        assert_eq!(position.qty, position.bought - position.sold);
        assert!(position.cost.0 >= 0 && (position.qty != 0 || position.cost.0 == 0), "{position:?}");
        let open = Side::ALL.iter().map(|&side| {
            let of_it = oms.engine().live_orders().into_iter();
            let of_it =
                of_it.filter(|order| (order.instrument, order.side) == (instrument, side) && below.contains(&order.account));
            of_it.map(|order| order.leaves.0).sum::<i64>()
        });
        let held = below.iter().filter_map(|&each| oms.positions().get(each, instrument)).map(|position| position.qty);
        let bank = oms.map().position_address(account, instrument);
        for (address, expected) in (bank..).step_by(8).zip(std::iter::once(held.sum()).chain(open)) {
            assert_eq!(oms.read_register(address), Ok(expected as u64), "register {address:#x}");
        }
    }
    assert_eq!(sum, 0, "instrument {}", instrument.0);
}

/// An account and all below it.
fn below(oms: &Oms, above: AccountId) -> Vec<AccountId> {
    let mut below = vec![above];
    for (account, about) in (0..).map(AccountId).zip(&oms.config().accounts) {
        if about.parent.is_some_and(|parent| below.contains(&parent)) {
            below.push(account);
        }
    }
    below
}

/// The system made again from its state.
pub fn remade(oms: &Oms) -> Oms {
    let state = oms.state();
    let other = Oms::from_state(&state).expect("a state is one");
    assert!(other.state() == state, "the state of a system made from a state is another one");
    other
}
