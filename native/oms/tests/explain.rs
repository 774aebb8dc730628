//! What is explained is what happens, and the numbers are those that one gets by hand.

mod support;

use omni_oms::{CheckLevel, CheckRow, Command, Error, EventKind as K, Oms, Severity};
use omni_types::{AccountId, Money, Nanos, NewOrder, OrderId, Qty, RejectReason, Side, Ticks, TradingPhase};
use support::{ALICE, BOB, Dice, X, Y, any_command, any_write, config, kill_switch, limit, new, run, tree, write};

const N_COMMANDS: usize = if cfg!(debug_assertions) { 40_000 } else { 300_000 };

/// The verdict and the warning that rows stand for.
fn verdict(rows: &[CheckRow]) -> (Option<RejectReason>, Option<RejectReason>) {
    let first = |severity| rows.iter().find(|row| row.severity == severity && !row.passes).map(|row| row.check);
    let refused = first(Severity::Hard);
    (refused, if refused.is_some() { None } else { first(Severity::Warn) })
}

#[test]
fn the_first_row_that_fails_is_the_verdict() {
    let mut oms = Oms::new(tree()).unwrap();
    let mut dice = Dice(11);
    let (mut refusals, mut warnings) = ([0; 48], [0; 48]);
    for _ in 0..N_COMMANDS {
        // At the clock, so that nothing expires between the two.
        let command = any_command(&mut dice, oms.clock().0, oms.orders().len() as u64);
        let explained = oms.explain(&command).ok().map(|rows| verdict(&rows));
        let is_sent_again = |events: &[omni_oms::OmsEvent]| events[0].kind == K::Status as u8;
        let closes = matches!(command, Command::SetPhase { phase, .. } if phase != TradingPhase::Continuous);
        if !closes && oms.execute(&command).is_ok() {
            let events = oms.take_events();
            let gate = |code: u8| code >= RejectReason::KillSwitch.code();
            let answers = [K::Rejected, K::CancelRejected, K::ReplaceRejected].map(K::code);
            let refused = events.first().filter(|event| answers.contains(&event.kind) && gate(event.reason));
            let refused = refused.and_then(|event| RejectReason::from_code(event.reason));
            let warned = events.iter().find(|event| event.kind == K::Warned as u8);
            let warned = warned.and_then(|event| RejectReason::from_code(event.reason));
            if let Some(explained) = explained
                && !events.is_empty()
                && !is_sent_again(&events)
            {
                // Some are refused before they come to the gate.
                let came_there = !answers.contains(&events[0].kind) || gate(events[0].reason);
                assert!(!came_there || explained == (refused, warned), "{command:?}: {explained:?}, {events:?}");
                if came_there {
                    refusals[refused.map_or(0, |reason| usize::from(reason.code()))] += 1;
                    warnings[warned.map_or(0, |reason| usize::from(reason.code()))] += 1;
                }
            }
        }
        if dice.one_in(20) {
            let ts = oms.clock().0 + dice.below(1_000);
            run(&mut oms, Command::Advance { ts: Nanos(ts) });
            for _ in 0..2 {
                let _ = oms.execute(&any_write(&mut dice, Nanos(ts)));
            }
            oms.clear_events();
        }
    }
    for code in 32..44 {
        assert!(refusals[code] > 0, "nothing was refused with {code}: {refusals:?}");
    }
    for code in [33, 34, 35, 37, 40, 41] {
        assert!(warnings[code] > 0, "nothing was warned with {code}: {warnings:?}");
    }
}

#[test]
fn explaining_changes_nothing() {
    let mut oms = Oms::new(tree()).unwrap();
    let mut dice = Dice(12);
    for _ in 0..300 {
        let command = any_command(&mut dice, oms.clock().0 + 5, oms.orders().len() as u64);
        let before = oms.state();
        let _ = oms.explain(&command);
        oms.headroom().unwrap();
        assert!(oms.state() == before && oms.events().is_empty(), "{command:?}");
        let _ = oms.execute(&command);
        oms.clear_events();
    }
}

fn row(rows: &[CheckRow], check: RejectReason, level: CheckLevel, severity: Severity) -> &CheckRow {
    let mut of_it = rows.iter().filter(|row| (row.check, row.level, row.severity) == (check, level, severity));
    let found = of_it.next().expect("there is such a row");
    assert!(of_it.next().is_none(), "there is one such row");
    found
}

/// Bob below alice, alice with 1e18 units of capital: one unit of currency. A tick of X is worth a thousandth of it a lot.
fn world() -> Oms {
    let mut config = config();
    config.accounts[1].parent = Some(ALICE);
    config.accounts[0].capital = Money(10_i128.pow(18));
    config.instruments[0].tick_value = Money(10_i128.pow(15));
    config.accounts[0].limits.max_leverage = 20_000;
    config.accounts[0].limits.max_daily_loss = Money(2 * 10_i128.pow(17));
    config.accounts[0].warnings.max_name = 5_000;
    config.accounts[1].capital = Money(0);
    config.accounts[1].limits.order_rate = 1;
    config.accounts[1].limits.order_burst = 2;
    config.instruments[0].collar_bps = 1_000;
    Oms::new(config).unwrap()
}

#[test]
fn numbers_are_in_the_units_of_their_checks() {
    let mut oms = world();
    // Bob holds 6 bought at 100 from carol: worth 0.6, and alice holds them too.
    run(&mut oms, new(1, limit(AccountId(2), Side::Sell, 6, 100)));
    run(&mut oms, new(1, limit(BOB, Side::Buy, 6, 100)));
    // The price falls to 80: 0.12 lost.
    run(&mut oms, Command::Mark { ts: Nanos(1), instrument: X, price: Ticks(80) });
    let rows = oms.explain(&new(1, limit(BOB, Side::Buy, 4, 84))).unwrap();
    let (alice, bob) = (CheckLevel::Account(ALICE), CheckLevel::Account(BOB));
    let of = |check, level, severity| {
        let CheckRow { value, limit, passes, .. } = *row(&rows, check, level, severity);
        (value, limit, passes)
    };
    let (hard, warn, inf) = (Severity::Hard, Severity::Warn, f64::INFINITY);
    assert_eq!(of(RejectReason::KillSwitch, CheckLevel::Everything, hard), (0.0, 0.0, true));
    assert_eq!(of(RejectReason::PositionLimit, alice, hard), (10.0, inf, true));
    assert_eq!(of(RejectReason::PositionLimit, CheckLevel::Position(BOB, X), hard), (10.0, inf, true));
    assert_eq!(of(RejectReason::OrderSize, CheckLevel::Instrument(X), hard), (4.0, inf, true));
    // 4 of 80 are 5 %.
    assert_eq!(of(RejectReason::PriceCollar, CheckLevel::Instrument(X), hard), (500.0, 1_000.0, true));
    assert_eq!(of(RejectReason::Notional, bob, hard), (0.336, inf, true));
    // One of two tokens is left.
    assert_eq!(of(RejectReason::OrderRate, bob, hard), (1.0, 1.0, true));
    assert_eq!(of(RejectReason::OrderRate, alice, hard), (1.0, inf, true));
    assert_eq!(of(RejectReason::DailyLoss, alice, hard), (0.12, 0.2, true));
    assert_eq!(of(RejectReason::Drawdown, alice, hard), (0.12, inf, true));
    // 10 lots at 80 are 0.8, of an equity of 0.88.
    assert_eq!(of(RejectReason::Leverage, alice, hard), (8e17 / 8.8e17, 2.0, true));
    assert_eq!(of(RejectReason::SingleName, alice, warn), (8e17 / 8.8e17, 0.5, false));
    assert_eq!(verdict(&rows), (None, Some(RejectReason::SingleName)));
    assert_eq!(row(&rows, RejectReason::Leverage, alice, hard).headroom(), 2.0 - 8e17 / 8.8e17);
    // Bob has no equity but the loss: −0.12.
    assert_eq!(of(RejectReason::SectorConcentration, bob, hard).0, 8e17 / -1.2e17);
    // Of a market order there is nothing that a collar could look at.
    let market = oms.explain(&new(1, NewOrder::market(BOB, X, Side::Buy, Qty(4)))).unwrap();
    assert!(row(&market, RejectReason::PriceCollar, bob, hard).value.is_nan());
}

#[test]
fn headroom_is_of_what_stands() {
    let mut oms = world();
    run(&mut oms, new(1, limit(AccountId(2), Side::Sell, 6, 100)));
    run(&mut oms, new(1, limit(BOB, Side::Buy, 6, 100)));
    run(&mut oms, new(1, limit(BOB, Side::Buy, 3, 90)));
    let rows = oms.headroom().unwrap();
    let (alice, bob, hard) = (CheckLevel::Account(ALICE), CheckLevel::Account(BOB), Severity::Hard);
    let of = |check, level, severity| {
        let CheckRow { value, limit, passes, instrument, .. } = *row(&rows, check, level, severity);
        (value, limit, passes, instrument)
    };
    let inf = f64::INFINITY;
    assert_eq!(of(RejectReason::PositionLimit, alice, hard), (9.0, inf, true, Some(X)));
    assert_eq!(of(RejectReason::OrderRate, bob, hard), (1.0, 0.0, false, None));
    // 9 lots in the worst case at 100 are 0.9, of an equity of 1.
    assert_eq!(of(RejectReason::Leverage, alice, hard), (0.9, 2.0, true, None));
    assert_eq!(of(RejectReason::SingleName, alice, Severity::Warn), (0.9, 0.5, false, Some(X)));
    assert_eq!(row(&rows, RejectReason::SectorConcentration, alice, hard).sector, 1);
    assert!(rows.iter().all(|row| row.instrument != Some(Y)), "there is nothing in Y");
}

#[test]
fn what_the_gate_does_not_check_is_not_explained() {
    let mut oms = world();
    let stranger = NewOrder { account: AccountId(3), ..limit(BOB, Side::Buy, 1, 1) };
    assert!(matches!(oms.explain(&new(1, stranger)), Err(Error::UnknownAccount { found: 3, known: 3 })));
    assert!(matches!(oms.explain(&support::cancel(1, 1)), Err(Error::UnknownOrder { found: 1 })));
    let switch = kill_switch(1, omni_oms::SwitchScope::Everything, true, "ana");
    assert!(matches!(oms.explain(&switch), Err(Error::NotChecked { kind: 9 })));
    let phase = Command::SetPhase { ts: Nanos(1), instrument: X, phase: TradingPhase::Halted };
    assert!(matches!(oms.explain(&phase), Err(Error::NotChecked { kind: 5 })));
    run(&mut oms, new(1, limit(BOB, Side::Buy, 1, 99)));
    run(&mut oms, write(1, 0x1040, 1));
    let rows = oms.explain(&Command::Cancel { ts: Nanos(1), order_id: OrderId(1) }).unwrap();
    assert_eq!(rows.iter().map(|row| row.check).collect::<Vec<_>>(), [RejectReason::CancelRate; 4]);
    assert_eq!((rows[0].limit, rows[1].limit), (1.0, f64::INFINITY));
}
