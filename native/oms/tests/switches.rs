//! Kill switches: what they take along, who resets them, and that their names stay in the journal.

mod support;

use omni_journal::{Durability, Options};
use omni_oms::{Attribution, Command, Config, DurableOms, Error, EventKind as K, Oms, OmsEvent, SwitchScope, recover};
use omni_types::{AccountId, CancelReason, InstrumentId, Nanos, NewOrder, RejectReason, Side};
use support::{ALICE, BOB, X, Y, config, kill_switch, kinds, limit, new, run, tree, write};

const CAROL: AccountId = AccountId(2);
const EVERYTHING: SwitchScope = SwitchScope::Everything;

/// One order of each account in X, and one of alice in Y.
fn with_orders(config: Config) -> Oms {
    let mut oms = Oms::new(config).unwrap();
    for account in [CAROL, ALICE, BOB] {
        run(&mut oms, new(1, limit(account, Side::Buy, 1, 90)));
    }
    run(&mut oms, new(1, NewOrder { instrument: Y, ..limit(ALICE, Side::Buy, 1, 90) }));
    oms
}

/// What became of a switch, and the ids of the orders that went with it.
fn outcome(events: &[OmsEvent]) -> (i64, Vec<u64>) {
    assert_eq!(events[0].event_kind(), K::KillSwitch);
    for canceled in &events[1..] {
        assert_eq!((canceled.event_kind(), canceled.reason), (K::Canceled, CancelReason::KillSwitch.code()));
    }
    (events[0].qty, events[1..].iter().map(|event| event.order_id).collect())
}

#[test]
fn a_switch_takes_the_orders_of_its_scope_along() {
    for (scope, gone) in [
        (EVERYTHING, vec![1, 2, 3, 4]),
        (SwitchScope::Account(ALICE), vec![1, 2, 3, 4]),
        (SwitchScope::Account(BOB), vec![1, 3]),
        (SwitchScope::Account(CAROL), vec![1]),
        (SwitchScope::Instrument(X), vec![1, 2, 3]),
        (SwitchScope::Instrument(Y), vec![4]),
    ] {
        let mut oms = with_orders(tree());
        let events = run(&mut oms, kill_switch(2, scope, true, "ana"));
        assert_eq!(outcome(&events), (1, gone.clone()), "{scope:?}");
        let (code, number) = scope.code();
        let named = if code == 1 { events[0].account } else { events[0].instrument };
        assert_eq!((events[0].price, named), (code.into(), number));
        // The same by its register.
        let address = match scope {
            EVERYTHING => 0x28,
            SwitchScope::Account(account) => 0x1000 + 0x200 * u64::from(account.0),
            SwitchScope::Instrument(instrument) => 0x40_0000 + 0x80 * u64::from(instrument.0),
        };
        assert_eq!(oms.read_register(address), Ok(1));
        let mut oms = with_orders(tree());
        let events = run(&mut oms, write(2, address, 1));
        assert_eq!(kinds(&events)[0], K::RegisterWritten);
        assert_eq!(events[1..].iter().map(|event| event.order_id).collect::<Vec<_>>(), gone);
    }
}

#[test]
fn a_switch_stops_orders_below_it_until_it_is_reset() {
    let mut oms = Oms::new(Config { two_person: false, ..tree() }).unwrap();
    let refused = |oms: &mut Oms, account| {
        let events = run(oms, new(1, limit(account, Side::Buy, 1, 90)));
        (events[0].event_kind() == K::Rejected).then(|| RejectReason::from_code(events[0].reason).unwrap())
    };
    run(&mut oms, kill_switch(1, SwitchScope::Account(BOB), true, "ana"));
    assert_eq!(
        [ALICE, BOB, CAROL].map(|account| refused(&mut oms, account)),
        [None, Some(RejectReason::KillSwitch), Some(RejectReason::KillSwitch)]
    );
    assert_eq!(outcome(&run(&mut oms, kill_switch(1, SwitchScope::Account(BOB), false, "ana"))), (0, vec![]));
    assert_eq!([ALICE, BOB, CAROL].map(|account| refused(&mut oms, account)), [None; 3]);
}

#[test]
fn a_switch_that_is_on_is_thrown_again_without_effect() {
    let mut oms = with_orders(config());
    assert_eq!(outcome(&run(&mut oms, kill_switch(1, EVERYTHING, false, "bo"))), (0, vec![]));
    run(&mut oms, kill_switch(1, EVERYTHING, true, "ana"));
    assert_eq!(outcome(&run(&mut oms, kill_switch(2, EVERYTHING, true, "bo"))), (1, vec![]));
    assert_eq!(oms.read_register(0x28), Ok(1));
}

#[test]
fn only_somebody_with_a_name_resets_a_switch() {
    let mut oms = Oms::new(config()).unwrap();
    run(&mut oms, write(1, 0x28, 1));
    let before = oms.state();
    for address in [0x28, 0x1000, 0x40_0000] {
        let error = oms.execute(&write(2, address, 0)).unwrap_err();
        assert!(error.to_string().contains("CONTROL") && error.to_string().contains("says who and why"), "{error}");
    }
    let unknown = |scope| Command::KillSwitch {
        ts: Nanos(1),
        scope,
        on: true,
        by: Box::new(Attribution { who: "ana".into(), why: "to see".into() }),
    };
    let error = oms.execute(&unknown(SwitchScope::Account(AccountId(3))));
    assert!(matches!(error, Err(Error::UnknownAccount { found: 3, known: 3 })));
    let error = oms.execute(&unknown(SwitchScope::Instrument(InstrumentId(2))));
    assert!(matches!(error, Err(Error::UnknownInstrument { found: 2, known: 2 })));
    assert!(oms.state() == before, "nothing happened");
}

#[test]
fn two_people_reset_a_switch() {
    let mut oms = Oms::new(tree()).unwrap();
    let bob = SwitchScope::Account(BOB);
    let mut act = |scope, on, who: &str| outcome(&run(&mut oms, kill_switch(1, scope, on, who))).0;
    assert_eq!([act(EVERYTHING, true, "ana"), act(bob, true, "ana")], [1, 1]);
    // The same person twice is one person, and each scope has its own.
    assert_eq!([act(bob, false, "ana"), act(bob, false, "ana"), act(EVERYTHING, false, "bo")], [2, 2, 2]);
    assert_eq!([act(bob, false, "bo"), act(bob, false, "ana")], [0, 0]);
    // Thrown again, the first is forgotten.
    assert_eq!([act(EVERYTHING, true, "cy"), act(EVERYTHING, false, "ana"), act(EVERYTHING, false, "bo")], [1, 2, 0]);
    assert_eq!((oms.read_register(0x28), oms.read_register(0x1200)), (Ok(0), Ok(0)));
}

#[test]
fn a_reset_that_waits_is_part_of_the_state() {
    let mut oms = Oms::new(tree()).unwrap();
    for command in [kill_switch(1, EVERYTHING, true, "ana"), kill_switch(2, EVERYTHING, false, "ana")] {
        run(&mut oms, command);
    }
    let state = oms.state();
    let mut other = Oms::from_state(&state).unwrap();
    assert!(other.state() == state);
    assert_eq!(outcome(&run(&mut other, kill_switch(3, EVERYTHING, false, "ana"))).0, 2);
    assert_eq!(outcome(&run(&mut other, kill_switch(3, EVERYTHING, false, "bo"))).0, 0);
    // Written by a register, the switch forgets as well.
    run(&mut oms, write(3, 0x28, 1));
    assert_eq!(outcome(&run(&mut oms, kill_switch(3, EVERYTHING, false, "bo"))).0, 2);
}

#[test]
fn a_journal_of_switches_is_recovered() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { durability: Durability::None, ..Options::default() };
    let (mut oms, _) = DurableOms::open(dir.path(), &tree(), options).unwrap();
    for (number, who) in (0..).zip(["ana", "ana", "bo", "bo", "cy", "ana"]) {
        oms.execute(&new(number, limit(CAROL, Side::Buy, 1, 90))).unwrap();
        let why = "ß".repeat(512);
        let by = Box::new(Attribution { who: who.into(), why });
        let scope = SwitchScope::Account(ALICE);
        oms.execute(&Command::KillSwitch { ts: Nanos(number), scope, on: number % 3 == 0, by }).unwrap();
        if number == 2 {
            oms.snapshot().unwrap();
        }
    }
    let (state, hash) = (oms.oms().state(), oms.oms().state_hash());
    oms.close().unwrap();
    let (recovered, recovery) = recover(dir.path()).unwrap();
    assert_eq!((recovery.state_hash, recovery.snapshot), (hash, Some(7)));
    assert!(recovered.state() == state);
}

#[test]
fn a_state_of_another_version_is_refused_with_its_reason() {
    let mut state = Oms::new(config()).unwrap().state();
    state[8] = 1;
    let error = Oms::from_state(&state).unwrap_err().to_string();
    assert!(
        error.starts_with("version of the state at byte 8: expected 2; what was written before the gate had levels"),
        "{error}"
    );
}
