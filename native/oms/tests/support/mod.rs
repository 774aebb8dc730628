//! A small market for the tests, and commands at random.
#![allow(dead_code)]

use std::path::Path;

use omni_journal::frames;
use omni_oms::{
    AccountConfig, Attribution, CONFIG_KIND, Command, Config, EVERY_ACCOUNT, EVERY_INSTRUMENT, EventKind, InstrumentConfig, Oms,
    OmsEvent, SwitchScope, recover,
};
use omni_types::{
    AccountId, InstrumentId, Money, Nanos, NewOrder, OrderId, OrderType, PegReference, PostOnly, Qty, SelfTrade, Side, Terms,
    Ticks, TimeInForce, TradingPhase, TrailUnit, Trigger,
};

pub const ALICE: AccountId = AccountId(0);
pub const BOB: AccountId = AccountId(1);
pub const X: InstrumentId = InstrumentId(0);
pub const Y: InstrumentId = InstrumentId(1);

/// Three accounts without limits, and two instruments of which the first has the reference price 100 and a tick worth 10 units.
pub fn config() -> Config {
    let instrument = |symbol: &str, reference| InstrumentConfig {
        symbol: symbol.into(),
        tick_size: 0.01,
        currency: "USD".into(),
        tick_value: Money(10),
        reference: Ticks(reference),
        sector: 1,
        ..InstrumentConfig::default()
    };
    let account = |name: &str| AccountConfig { name: name.into(), capital: Money(100_000), ..AccountConfig::default() };
    Config {
        instruments: vec![instrument("X", 100), instrument("Y", 0)],
        accounts: vec![account("alice"), account("bob"), account("carol")],
        ..Config::default()
    }
}

/// The same with alice above bob and bob above carol, in a market where two people reset a kill switch.
pub fn tree() -> Config {
    let mut config = Config { two_person: true, ..config() };
    (config.accounts[1].parent, config.accounts[2].parent) = (Some(ALICE), Some(BOB));
    config
}

pub fn oms() -> Oms {
    Oms::new(config()).unwrap()
}

pub fn limit(account: AccountId, side: Side, qty: i64, price: i64) -> NewOrder {
    NewOrder::limit(account, X, side, Qty(qty), Ticks(price))
}

pub fn new(ts: i64, order: NewOrder) -> Command {
    Command::New { ts: Nanos(ts), client_order_id: 0, order }
}

pub fn named(ts: i64, client_order_id: u128, order: NewOrder) -> Command {
    Command::New { ts: Nanos(ts), client_order_id, order }
}

pub fn cancel(ts: i64, id: u64) -> Command {
    Command::Cancel { ts: Nanos(ts), order_id: OrderId(id) }
}

pub fn replace(ts: i64, id: u64, qty: i64, price: i64) -> Command {
    Command::Replace { ts: Nanos(ts), order_id: OrderId(id), qty: Qty(qty), price: Ticks(price), stop_price: Ticks(0) }
}

pub fn write(ts: i64, address: u64, value: u64) -> Command {
    Command::WriteRegister { ts: Nanos(ts), address, value }
}

/// Carries out a command and takes what came of it.
#[allow(clippy::needless_pass_by_value)] // The tests read better without references.
pub fn run(oms: &mut Oms, command: Command) -> Vec<OmsEvent> {
    oms.execute(&command).unwrap();
    oms.take_events()
}

/// Kinds of some events.
pub fn kinds(events: &[OmsEvent]) -> Vec<EventKind> {
    events.iter().map(OmsEvent::event_kind).collect()
}

/// Numbers at random: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: i64) -> i64 {
        ((u128::from(self.next()) * end as u128) >> 64) as i64
    }

    pub fn one_in(&mut self, n: i64) -> bool {
        self.below(n) == 0
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as i64) as usize]
    }
}

/// A command of any kind, sensible or not, for the market of [`config`], of which `n_orders` were placed so far.
pub fn any_command(dice: &mut Dice, ts: i64, n_orders: u64) -> Command {
    let at = Nanos(ts);
    let instrument = InstrumentId(dice.below(2) as u32);
    let order_id = OrderId(n_orders.saturating_sub(dice.below(40) as u64));
    match dice.below(100) {
        0..60 => {
            let client_order_id = if dice.one_in(2) { 0 } else { dice.below(5_000) as u128 };
            // Mostly the same order under the same id.
            let order =
                if dice.one_in(5) { any_order(dice, ts) } else { any_order(&mut Dice(u64::MAX - client_order_id as u64), 0) };
            let order = if client_order_id == 0 { any_order(dice, ts) } else { order };
            Command::New { ts: at, client_order_id, order }
        }
        60..75 => Command::Cancel { ts: at, order_id },
        75..87 => {
            let (price, stop_price) = (dice.pick(&[0, 0, 95, 98, 100, 102, 105]), dice.pick(&[0, 0, 0, 96, 104]));
            Command::Replace { ts: at, order_id, qty: Qty(dice.below(60)), price: Ticks(price), stop_price: Ticks(stop_price) }
        }
        90 => {
            let account = dice.pick(&[EVERY_ACCOUNT, ALICE, BOB, AccountId(9)]);
            let side = dice.pick(&[None, Some(Side::Buy), Some(Side::Sell)]);
            Command::MassCancel { ts: at, account, instrument: dice.pick(&[EVERY_INSTRUMENT, X, Y]), side }
        }
        91..94 => {
            let phase = if dice.one_in(2) { TradingPhase::Continuous } else { dice.pick(TradingPhase::ALL) };
            Command::SetPhase { ts: at, instrument: dice.pick(&[EVERY_INSTRUMENT, X, Y]), phase }
        }
        87..90 => any_switch(dice, at),
        94 => Command::Advance { ts: at },
        95..97 => Command::Mark { ts: at, instrument, price: Ticks(dice.pick(&[0, 97, 100, 103])) },
        _ => any_write(dice, at),
    }
}

/// What comes next in the one story that every run tells from wherever it is: it depends on nothing but the system.
pub fn next_command(oms: &Oms) -> Command {
    let mut dice = Dice(oms.sequence().wrapping_mul(0xD134_2543_DE82_EF95));
    loop {
        let ts = oms.clock().0 + dice.below(20);
        let command = any_command(&mut dice, ts, oms.orders().len() as u64);
        if oms.check(&command).is_ok() {
            return command;
        }
    }
}

/// Checks that the journal in `dir` has all that was acknowledged, and nothing but the story, and that the system recovered from it is
/// that of one who was told the story up to there. `reference` may know the beginning. Returns the last frame.
pub fn check_recovered(dir: &Path, acknowledged: u64, reference: &mut Oms) -> u64 {
    let (oms, recovery) = recover(dir).unwrap();
    assert!(recovery.sequence >= acknowledged, "{acknowledged} was acknowledged: {recovery:?}");
    let mut reader = frames(dir, reference.sequence() + 1).unwrap();
    while let Some(frame) = reader.next_frame().unwrap() {
        if frame.kind == CONFIG_KIND {
            continue;
        }
        let command = next_command(reference);
        assert_eq!((frame.kind, frame.payload), (command.kind(), &command.to_bytes()[..]), "frame {}", frame.sequence);
        run(reference, command);
    }
    assert_eq!((oms.sequence(), recovery.sequence), (reference.sequence(), reference.sequence()));
    assert_eq!(recovery.state_hash, reference.state_hash());
    recovery.sequence
}

/// Mostly resets: a kill switch that stays on makes the rest of the run dull.
fn any_switch(dice: &mut Dice, ts: Nanos) -> Command {
    let scope = match dice.below(3) {
        0 => SwitchScope::Everything,
        1 => SwitchScope::Account(AccountId(dice.below(4) as u32)),
        _ => SwitchScope::Instrument(InstrumentId(dice.below(3) as u32)),
    };
    kill_switch(ts.0, scope, dice.one_in(60), dice.pick(&["ana", "bo"]))
}

/// A kill switch thrown or reset by somebody.
pub fn kill_switch(ts: i64, scope: SwitchScope, on: bool, who: &str) -> Command {
    let by = Box::new(Attribution { who: who.to_owned(), why: "to see what happens".to_owned() });
    Command::KillSwitch { ts: Nanos(ts), scope, on, by }
}

/// A register of any kind and a value that bites, or none.
pub fn any_write(dice: &mut Dice, ts: Nanos) -> Command {
    let number = dice.below(3) as u64;
    let account = 0x1000 + 0x200 * number;
    let warning = 0x20_0000 + 0x200 * number;
    let instrument = 0x40_0000 + 0x80 * dice.below(2) as u64;
    let position = 0x1000_0000 + 0x40 * dice.below(6) as u64;
    let (address, value) = match dice.below(24) {
        0 => (dice.pick(&[0x28, instrument]), i64::from(dice.one_in(30))),
        1 => (account, i64::from(dice.one_in(30))),
        23 => (account + 0x60, dice.pick(&[100, 1_000, i64::MAX, i64::MAX])),
        9 => (account + dice.pick(&[0x68, 0x70, 0x78]), dice.pick(&[3_000, 9_000, 40_000, i64::MAX, i64::MAX])),
        10 => (account + 0xD0, 0),
        11 => (account + 0xB0, 50_000 + dice.below(200_000)),
        12 => (warning + dice.pick(&[0x60, 0x68, 0x70, 0x78]), dice.pick(&[0, 1_000, i64::MAX])),
        13 => (warning + 0x08, dice.pick(&[20, i64::MAX])),
        14 => (warning + 0x10, dice.pick(&[10, i64::MAX])),
        15 => (warning + 0x40, dice.pick(&[1_000_000, i64::MAX])),
        16 => (instrument + 0x28, dice.pick(&[45, i64::MAX])),
        17 => (instrument + 0x30, dice.pick(&[500, i64::MAX])),
        18 => (position + dice.pick(&[0x18, 0x20]), dice.pick(&[48, i64::MAX])),
        19 => (account + dice.pick(&[0x58, 0x28]), dice.pick(&[0, i64::MAX])),
        20 => (account + 0x50, dice.pick(&[500, 3_000, -1])),
        21 => (account + 0x20, dice.pick(&[30_000, -1])),
        22 => (warning + dice.pick(&[0x18, 0x30]), dice.pick(&[200, i64::MAX])),
        2 => (account + 0x08, dice.pick(&[60, 500, i64::MAX])),
        3 => (account + 0x10, dice.pick(&[40, i64::MAX])),
        4 => (account + 0x18, dice.pick(&[300, i64::MAX])),
        5 => (account + 0x30, dice.pick(&[100_000_000, i64::MAX])),
        6 => (account + 0x38, dice.pick(&[1, 10])),
        7 => (account + 0x40, dice.pick(&[100_000_000, i64::MAX])),
        _ => (account + 0xA0, 0),
    };
    Command::WriteRegister { ts, address, value: value as u64 }
}

fn any_order(dice: &mut Dice, ts: i64) -> NewOrder {
    let side = dice.pick(Side::ALL);
    let (n_accounts, n_instruments) = if dice.one_in(50) { (5, 4) } else { (3, 2) };
    let mut order = NewOrder {
        account: AccountId(dice.below(n_accounts) as u32),
        instrument: InstrumentId(dice.below(n_instruments) as u32),
        self_trade: dice.pick(SelfTrade::ALL),
        ..limit(ALICE, side, 1 + dice.below(50), 100 + dice.below(9) - 4)
    };
    order.time_in_force = dice.pick(&[TimeInForce::Day, TimeInForce::Gtc]);
    match dice.below(16) {
        0 => (order.order_type, order.price, order.time_in_force) = (OrderType::Market, Ticks(0), TimeInForce::Day),
        1 => order.time_in_force = dice.pick(&[TimeInForce::Ioc, TimeInForce::Fok, TimeInForce::AtOpen, TimeInForce::AtClose]),
        2 => (order.time_in_force, order.terms.expire_at) = (TimeInForce::Gtd, Nanos(ts + dice.below(50) * 10)),
        3 => {
            (order.order_type, order.price) = (OrderType::Stop, Ticks(0));
            (order.terms.stop_price, order.terms.trigger) = (Ticks(100 + side.sign() * dice.below(5)), dice.pick(Trigger::ALL));
        }
        4 => {
            order.order_type = OrderType::StopLimit;
            (order.terms.stop_price, order.terms.trigger) = (Ticks(100 + side.sign() * dice.below(5)), dice.pick(Trigger::ALL));
        }
        5 => {
            (order.order_type, order.price) = (OrderType::TrailingStop, Ticks(0));
            (order.terms.trail, order.terms.trail_unit) = (1 + dice.below(4), dice.pick(TrailUnit::ALL));
            order.terms.trigger = dice.pick(Trigger::ALL);
        }
        6 => {
            order.order_type = OrderType::Pegged;
            order.price = Ticks(dice.pick(&[0, 100]));
            (order.terms.peg_reference, order.terms.peg_offset) = (dice.pick(PegReference::ALL), Ticks(dice.below(5) - 2));
        }
        7 => order.terms.display_qty = Qty(dice.below(order.qty.0 + 1)),
        8 => order.terms.min_qty = Qty(dice.below(order.qty.0 + 2)),
        9 => order.terms.all_or_none = true,
        10 => order.post_only = dice.pick(PostOnly::ALL),
        11 => any_nonsense(dice, &mut order),
        _ => {}
    }
    order
}

/// Values from anywhere, which are nearly always refused.
fn any_nonsense(dice: &mut Dice, order: &mut NewOrder) {
    let extremes = [i64::MIN, -1, 0, 1, 1 << 50, (1 << 50) + 1, i64::MAX];
    order.order_type = dice.pick(OrderType::ALL);
    order.time_in_force = dice.pick(TimeInForce::ALL);
    order.qty = Qty(dice.pick(&extremes));
    order.price = Ticks(dice.pick(&extremes));
    order.terms = Terms { stop_price: Ticks(dice.pick(&extremes)), expire_at: Nanos(dice.pick(&extremes)), ..Terms::PLAIN };
}
