//! What holds after any commands, and for any bytes.

mod support;

use omni_oms::{Command, Config, EventKind, MAX_NEW, Oms, OmsEvent};
use omni_types::{
    AccountId, InstrumentId, LARGEST, NewOrder, OrderId, OrderState, OrderType, Qty, Side, Ticks, TimeInForce, TradingPhase,
    TrailUnit, Trigger,
};
use proptest::prelude::*;
use support::{ALICE, BOB, Dice, any_command, config, limit, new, oms, run};

/// Carries out `n` commands at random and hands each one's events over.
fn play(oms: &mut Oms, dice: &mut Dice, n: usize, mut seen: impl FnMut(&Oms, &Command, &[OmsEvent])) {
    for _ in 0..n {
        let ts = oms.clock().0 + dice.below(20) - 2;
        let command = any_command(dice, ts, oms.orders().len() as u64);
        if oms.execute(&command).is_ok() {
            seen(oms, &command, oms.events());
        }
        oms.clear_events();
    }
}

#[test]
fn gate_book_and_positions_agree() {
    let mut oms = oms();
    let mut kinds = [0_u32; 20];
    let mut realised = [0_i128; 3];
    play(&mut oms, &mut Dice(1), 60_000, |oms, command, events| {
        for event in events {
            kinds[usize::from(event.kind)] += 1;
        }
        if let Command::WriteRegister { address, .. } = command
            && (0x1000..0x1600).contains(address)
            && address & 0x1FF == 0xA0
        {
            let account = (address - 0x1000) as usize / 0x200;
            realised[account] = oms.positions().iter().filter(|at| at.0.0 as usize == account).map(|at| at.2.realised.0).sum();
        }
        if oms.sequence() % 100 == 0 {
            check(oms, &realised);
        }
    });
    assert!(kinds[1..].iter().all(|&count| count > 20), "the run saw too little: {kinds:?}");
}

/// Each register is the sum of what it stands for, and everything sold was bought.
fn check(oms: &Oms, realised_before: &[i128; 3]) {
    let live = oms.engine().live_orders();
    let n_live = oms.orders().all().iter().filter(|record| record.state.is_live()).count();
    assert_eq!(live.len(), n_live);
    for order in &live {
        let record = oms.order(order.id).unwrap();
        assert_eq!((record.leaves, record.price, record.order_type), (order.leaves, order.price, order.order_type));
        assert!(record.leaves.0 + record.cum.0 <= record.qty.0);
    }
    for account in 0..3_u32 {
        let mut realised = 0;
        for instrument in 0..2_u32 {
            let position = oms.positions().get(AccountId(account), InstrumentId(instrument)).copied().unwrap_or_default();
            let bank = 0x1000_0000 + 0x40 * u64::from(account * 2 + instrument);
            let open = |side| {
                let of_it =
                    live.iter().filter(|order| (order.account.0, order.instrument.0, order.side) == (account, instrument, side));
                Ok(of_it.map(|order| order.leaves.0 as u64).sum())
            };
            assert_eq!(oms.read_register(bank), Ok(position.qty as u64));
            assert_eq!(oms.read_register(bank + 0x08), open(Side::Buy));
            assert_eq!(oms.read_register(bank + 0x10), open(Side::Sell));
            assert_eq!(position.qty, position.bought - position.sold);
            assert!(position.cost.0 >= 0 && (position.qty != 0 || position.cost.0 == 0));
            realised += position.realised.0;
        }
        let bank = 0x10A0 + 0x200 * u64::from(account);
        let word = |address| i128::from(oms.read_register(address).unwrap());
        let register = word(bank) | word(bank + 8) << 64;
        assert_eq!(register, realised - realised_before[account as usize]);
    }
    for instrument in 0..2 {
        let of_it = || oms.positions().iter().filter(move |at| at.1.0 == instrument).map(|at| at.2);
        assert_eq!(of_it().map(|at| at.bought).sum::<i64>(), of_it().map(|at| at.sold).sum::<i64>());
    }
}

#[test]
fn the_events_of_an_order_tell_its_life() {
    let mut lives: Vec<(i64, i64)> = Vec::new();
    let mut oms = oms();
    play(&mut oms, &mut Dice(2), 20_000, |oms, _, events| {
        for event in events {
            assert_eq!((event.seq, event.ts), (oms.sequence(), oms.clock().0));
            lives.resize(oms.orders().len() + 1, (0, 0));
            if event.order_id == 0 || event.order_id as usize >= lives.len() || event.event_kind() == EventKind::Status {
                continue;
            }
            let life = &mut lives[event.order_id as usize];
            if event.event_kind() == EventKind::Filled {
                life.1 += event.qty;
            }
            life.0 = event.leaves;
            assert_eq!(life.1, event.cum, "{event:?}");
        }
    });
    for (id, &(leaves, cum)) in (1..).zip(&lives[1..]) {
        let record = oms.order(OrderId(id)).unwrap();
        assert_eq!((record.leaves.0, record.cum.0), (leaves, cum), "order {id}");
    }
}

#[test]
fn a_system_made_from_its_state_goes_on_as_the_other_does() {
    let mut dice = Dice(3);
    let mut one = oms();
    for _ in 0..60 {
        let n = dice.below(200) as usize;
        play(&mut one, &mut dice, n, |_, _, _| {});
        let state = one.state();
        let mut other = Oms::from_state(&state).unwrap();
        assert_eq!(other.state(), state);
        let seed = dice.next();
        let mut histories = [Vec::new(), Vec::new()];
        for (oms, history) in [&mut one, &mut other].into_iter().zip(&mut histories) {
            play(oms, &mut Dice(seed), 300, |_, _, events| history.extend_from_slice(events));
        }
        assert_eq!(histories[0], histories[1]);
        assert_eq!(one.state_hash(), other.state_hash());
    }
}

#[test]
fn a_state_holds_a_stop_beyond_the_largest_price_of_an_order() {
    let mut oms = oms();
    let mut trail = NewOrder { order_type: OrderType::TrailingStop, price: Ticks(0), ..limit(ALICE, Side::Buy, 1, 0) };
    (trail.terms.trail, trail.terms.trail_unit, trail.terms.trigger) = (LARGEST, TrailUnit::Ticks, Trigger::Bbo);
    run(&mut oms, new(1, limit(BOB, Side::Sell, 1, LARGEST)));
    run(&mut oms, new(1, trail));
    assert_eq!(oms.live(OrderId(2)).unwrap().terms.stop_price, Ticks(2 * LARGEST), "it trails the ask");
    let state = oms.state();
    assert!(Oms::from_state(&state).unwrap().state() == state);
}

#[test]
fn damaged_states_are_refused_or_run() {
    let mut dice = Dice(4);
    let mut whole = oms();
    play(&mut whole, &mut dice, 400, |_, _, _| {});
    let state = whole.state();
    for length in 0..state.len() {
        assert!(Oms::from_state(&state[..length]).is_err());
    }
    for _ in 0..3_000 {
        let mut bytes = state.clone();
        let at = dice.below(bytes.len() as i64) as usize;
        bytes[at] ^= 1 << dice.below(8);
        if let Ok(oms) = Oms::from_state(&bytes) {
            assert!(oms.state() == bytes, "byte {at} is another one");
        }
    }
}

/// The state of orders that wait for the opening, with other words in it: the last record is 184 bytes from the end, the last live
/// order 88.
fn edited(orders: &[NewOrder], words: &[(usize, i64)]) -> Result<(), String> {
    let mut oms = Oms::new(Config { phase: TradingPhase::PreOpen, ..config() }).unwrap();
    for order in orders {
        run(&mut oms, new(1, NewOrder { time_in_force: TimeInForce::AtOpen, ..*order }));
    }
    let mut state = oms.state();
    let length = state.len();
    for &(from_end, word) in words {
        state[length - from_end..][..8].copy_from_slice(&word.to_le_bytes());
    }
    Oms::from_state(&state).map(drop).map_err(|error| error.to_string())
}

/// It stood at its price in the state that was written again, and at none in the one that was read.
#[test]
fn a_market_order_with_a_price_is_in_no_state() {
    let order = NewOrder { order_type: OrderType::Market, ..limit(ALICE, Side::Buy, 5, 0) };
    assert!(edited(&[order], &[]).is_ok());
    for (price, working_price) in [(100, 0), (0, 100), (100, 100)] {
        let error = edited(&[order], &[(184 - 48, price), (88 - 24, working_price)]).unwrap_err();
        assert!(error.contains("expected a place that goes with its type and quantities, found 1"), "{error}");
    }
}

/// Only an iceberg shows less than all: the engine keeps one number of any other order.
#[test]
fn only_an_iceberg_shows_a_slice() {
    let mut iceberg = limit(ALICE, Side::Buy, 5, 100);
    iceberg.terms.display_qty = Qty(3);
    let of_one = |order: NewOrder, slice: i64| {
        let mut oms = oms();
        run(&mut oms, new(1, order));
        let mut state = oms.state();
        let at = state.len() - 88 + 32;
        state[at..at + 8].copy_from_slice(&slice.to_le_bytes());
        Oms::from_state(&state).map(|oms| assert!(oms.state() == state)).map_err(|error| error.to_string())
    };
    for (order, slice, fits) in [(iceberg, 3, true), (iceberg, 2, true), (iceberg, 4, false), (iceberg, 0, false)] {
        assert_eq!(of_one(order, slice).is_ok(), fits, "{slice} of {order:?}");
    }
    let plain = limit(ALICE, Side::Buy, 5, 100);
    assert_eq!(of_one(plain, 5), Ok(()));
    let error = of_one(plain, 4).unwrap_err();
    assert!(error.contains("expected a place that goes with its type and quantities"), "{error}");
}

#[test]
fn no_request_waits_in_a_state() {
    let order = limit(ALICE, Side::Buy, 5, 100);
    let codes = |state: OrderState| {
        i64::from_le_bytes([1, OrderType::Limit.code(), TimeInForce::AtOpen.code(), state.code(), 0, 0, 0, 0])
    };
    assert!(edited(&[order], &[(184 - 32, codes(OrderState::New))]).is_ok());
    for pending in [OrderState::PendingNew, OrderState::PendingCancel, OrderState::PendingReplace] {
        let error = edited(&[order], &[(184 - 32, codes(pending))]).unwrap_err();
        assert!(error.contains("expected one in which no request waits"), "{error}");
    }
}

#[test]
fn no_two_orders_of_a_state_have_one_stamp() {
    let orders = [limit(ALICE, Side::Buy, 5, 100), limit(BOB, Side::Buy, 5, 100)];
    assert!(edited(&orders, &[(88 - 8, 2)]).is_ok());
    let error = edited(&orders, &[(88 - 8, 1)]).unwrap_err();
    assert!(error.contains("expected one for each order, found 1"), "{error}");
}

/// An iceberg of 2^50 lots that shows one of them trades in 2^50 steps: within the contract, but not within the time of a test.
fn is_endless(command: &Command) -> bool {
    matches!(command, Command::New { order, .. } if order.terms.display_qty.0 > 0 && order.qty.0 / order.terms.display_qty.0 > 1_000)
        || matches!(command, Command::Replace { qty, .. } if qty.0 > 1_000)
}

fn any_payload() -> impl Strategy<Value = (u16, Vec<u8>)> {
    (0_u16..11, prop::collection::vec(prop_oneof![4 => Just(0), 2 => 0_u8..8, 1 => any::<u8>()], 0..MAX_NEW + 9))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn only_what_encode_writes_is_decoded((kind, bytes) in any_payload()) {
        if let Ok(command) = Command::decode(kind, &bytes) {
            prop_assert_eq!(command.to_bytes(), bytes);
            prop_assert_eq!(command.kind(), kind);
        }
    }

    #[test]
    fn every_command_survives_its_encoding(seed: u64) {
        let mut dice = Dice(seed);
        for _ in 0..50 {
            let command = any_command(&mut dice, seed as i64, 100);
            prop_assert_eq!(Command::decode(command.kind(), &command.to_bytes()), Ok(command.clone()));
        }
    }

    #[test]
    fn configurations_are_refused_or_survive(at in 0_usize..400, byte: u8) {
        let mut bytes = config().encode();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(config) = Config::decode(&bytes) {
            prop_assert_eq!(config.encode(), bytes);
        }
    }

    /// Whatever bytes hold a command, it is carried out or refused.
    #[test]
    fn no_bytes_are_a_command_that_breaks_the_system(seed: u64) {
        let mut dice = Dice(seed);
        let mut oms = oms();
        for _ in 0..400 {
            let command = any_command(&mut dice, oms.clock().0 + 1, oms.orders().len() as u64);
            let mut bytes = command.to_bytes();
            for _ in 0..dice.below(3) {
                let at = dice.below(bytes.len() as i64) as usize;
                bytes[at] = dice.next() as u8;
            }
            if let Ok(command) = Command::decode(command.kind(), &bytes)
                && !is_endless(&command)
            {
                let _ = oms.execute(&command);
            }
        }
        let state = oms.state();
        prop_assert_eq!(Oms::from_state(&state).unwrap().state(), state);
    }
}
