//! Each check at its limit, the order of the checks, and what registers give and take.

mod gate_support;

use gate_support::{Refuses, config, order};
use omni_oms::gate::map::{Accepts, Bank, Map, Register};
use omni_oms::gate::{OrderCheck, RegisterError, RiskDevice, SoftwareDevice, Update, registers};
use omni_oms::{Limits, MAX64};
use omni_types::RejectReason::{CancelRate, DailyLoss, KillSwitch, Notional, OrderRate, OrderSize, PositionLimit, PriceCollar};
use omni_types::Side::{Buy, Sell};
use omni_types::{AccountId, InstrumentId, Money, Nanos, Ticks};

const ACCOUNT: AccountId = AccountId(0);
const INSTRUMENT: InstrumentId = InstrumentId(0);
const BANK: u64 = 0x1000;
const POSITION: u64 = 0x1000_0000;

/// One account with these limits, and one instrument: a tick is worth 100 a lot, the reference price is 1,000.
fn device(limits: Limits) -> SoftwareDevice {
    SoftwareDevice::new(&config(&[(100, 1_000)], &[limits])).unwrap()
}

fn none() -> Limits {
    Limits::default()
}

#[test]
fn position_counts_what_is_held_and_what_is_open() {
    let mut device = device(Limits { max_position: 10, ..none() });
    assert_eq!(device.refuses(&order(Buy, 11, 0)), Some(PositionLimit));
    assert_eq!(device.refuses(&order(Buy, 10, 0)), None);
    device.apply(Update::Open { account: ACCOUNT, instrument: INSTRUMENT, side: Buy, qty: 7 });
    assert_eq!(device.refuses(&order(Buy, 4, 0)), Some(PositionLimit));
    assert_eq!(device.refuses(&order(Buy, 3, 0)), None);
    // Open buys do not count against a sell.
    assert_eq!(device.refuses(&order(Sell, 10, 0)), None);
    // Filled, they make room for one: −7 + 17 = 10.
    device.apply(Update::Fill {
        account: ACCOUNT,
        instrument: INSTRUMENT,
        side: Buy,
        qty: 7,
        price: Ticks(0),
        realised: Money::ZERO,
    });
    assert_eq!(device.refuses(&order(Buy, 4, 0)), Some(PositionLimit));
    assert_eq!(device.refuses(&order(Buy, 3, 0)), None);
    assert_eq!(device.refuses(&order(Sell, 18, 0)), Some(PositionLimit));
    assert_eq!(device.refuses(&order(Sell, 17, 0)), None);
}

#[test]
fn position_counts_per_instrument() {
    let limits = Limits { max_position: 10, ..none() };
    let mut device = SoftwareDevice::new(&config(&[(1, 0), (1, 0)], &[limits, limits])).unwrap();
    device.apply(Update::Open { account: ACCOUNT, instrument: INSTRUMENT, side: Sell, qty: 10 });
    assert_eq!(device.refuses(&order(Sell, 1, 0)), Some(PositionLimit));
    assert_eq!(device.refuses(&OrderCheck { instrument: InstrumentId(1), ..order(Sell, 10, 0) }), None);
    assert_eq!(device.refuses(&OrderCheck { account: AccountId(1), ..order(Sell, 10, 0) }), None);
}

#[test]
fn a_replacement_that_adds_nothing_passes_position_and_loss() {
    let mut device = device(Limits { max_position: 0, max_daily_loss: Money(0), ..none() });
    for added in [0, -5] {
        assert_eq!(device.refuses(&OrderCheck { added, ..order(Buy, 5, 0) }), None);
    }
    assert_eq!(device.refuses(&OrderCheck { added: 1, ..order(Buy, 5, 0) }), Some(PositionLimit));
    device.write(BANK + 0x08, MAX64 as u64).unwrap();
    assert_eq!(device.refuses(&OrderCheck { added: 1, ..order(Buy, 5, 0) }), Some(DailyLoss));
}

#[test]
fn the_largest_size_passes() {
    let mut device = device(Limits { max_order_qty: 5, ..none() });
    assert_eq!(device.refuses(&order(Buy, 4, 0)), None);
    assert_eq!(device.refuses(&order(Buy, 5, 0)), None);
    assert_eq!(device.refuses(&order(Buy, 6, 0)), Some(OrderSize));
    // Of a replacement the total counts, not what is left of it.
    assert_eq!(device.refuses(&OrderCheck { size: 6, ..order(Buy, 1, 0) }), Some(OrderSize));
}

#[test]
fn the_collar_is_closed_on_both_sides() {
    // 5 % of 1,000 is 50.
    let mut device = device(Limits { collar_bps: 500, ..none() });
    for (price, verdict) in [(949, Some(PriceCollar)), (950, None), (1_050, None), (1_051, Some(PriceCollar)), (0, None)] {
        assert_eq!(device.refuses(&order(Buy, 1, price)), verdict, "{price}");
    }
    device.apply(Update::Reference { instrument: INSTRUMENT, price: Ticks(0) });
    assert_eq!(device.refuses(&order(Buy, 1, 1)), None, "nothing to compare with");
    device.apply(Update::Reference { instrument: INSTRUMENT, price: Ticks(1) });
    assert_eq!(device.refuses(&order(Buy, 1, 2)), Some(PriceCollar));
}

#[test]
fn a_notional_at_the_limit_passes() {
    // 20 lots at 30 ticks of 100 are worth 60,000.
    for (max, verdict) in [(59_999, Some(Notional)), (60_000, None), (60_001, None)] {
        assert_eq!(device(Limits { max_notional: Money(max), ..none() }).refuses(&order(Sell, 20, 30)), verdict);
    }
    // Without a price the reference of 1,000 counts: 200,000 for two lots.
    let mut device = device(Limits { max_notional: Money(200_000), ..none() });
    assert_eq!(device.refuses(&order(Buy, 2, 0)), None);
    assert_eq!(device.refuses(&order(Buy, 3, 0)), Some(Notional));
    // Of a replacement what is left counts, not the total.
    assert_eq!(device.refuses(&OrderCheck { size: 3, leaves: 2, ..order(Buy, 3, 0) }), None);
    device.apply(Update::Reference { instrument: INSTRUMENT, price: Ticks(0) });
    assert_eq!(device.refuses(&order(Buy, i64::MAX, 0)), None, "worth nothing known");
}

#[test]
fn a_notional_beyond_128_bits_is_too_much() {
    let world = |max| config(&[((1 << 90) - 1, 0)], &[Limits { max_notional: Money(max), ..none() }]);
    let mut limited = SoftwareDevice::new(&world(i128::MAX - 1)).unwrap();
    assert_eq!(limited.refuses(&order(Buy, 1 << 50, 1 << 50)), Some(Notional));
    let mut unlimited = SoftwareDevice::new(&world(i128::MAX)).unwrap();
    assert_eq!(unlimited.refuses(&order(Buy, 1 << 50, 1 << 50)), None);
}

#[test]
fn a_wide_limit_is_two_words() {
    let mut device = device(none());
    device.write(BANK + 0x20, u64::MAX).unwrap();
    device.write(BANK + 0x28, 2).unwrap();
    // 100 · p · q against 3 · 2^64 − 1 = 55340232221128654847.
    assert_eq!(device.refuses(&order(Buy, 553_402_322_211_286_548, 1)), None);
    assert_eq!(device.refuses(&order(Buy, 553_402_322_211_286_549, 1)), Some(Notional));
}

#[test]
fn a_rate_lets_a_burst_pass_and_then_one_at_a_time() {
    let mut device = device(Limits { order_rate: 10, order_burst: 2, ..none() });
    let mut at = |now| device.refuses(&OrderCheck { now: Nanos(now), ..order(Buy, 1, 0) });
    assert_eq!([at(0), at(0), at(0)], [None, None, Some(OrderRate)]);
    // Ten a second are one in 100,000,000 ns; asking in between does not delay it.
    assert_eq!([at(99_999_999), at(100_000_000), at(100_000_000)], [Some(OrderRate), None, Some(OrderRate)]);
    assert_eq!([at(1_000_000_000_000), at(1_000_000_000_000), at(1_000_000_000_000)], [None, None, Some(OrderRate)]);
    assert_eq!([at(i64::MAX), at(i64::MAX), at(i64::MAX)], [None, None, Some(OrderRate)]);
}

#[test]
fn the_fastest_rate_over_the_longest_time_is_exact() {
    let mut device = device(Limits { order_rate: 1_000_000_000, order_burst: 1_000_000_000, ..none() });
    let tokens = |device: &SoftwareDevice| (device.read(BANK + 0x80).unwrap(), device.read(BANK + 0x88).unwrap() as i64);
    assert_eq!(tokens(&device), (1_000_000_000_000_000_000, 0));
    for (now, left) in [(i64::MIN, None), (i64::MAX, Some(999_999_999_000_000_000))] {
        device.refuses(&OrderCheck { now: Nanos(now), ..order(Buy, 1, 0) });
        assert_eq!(tokens(&device).1, now);
        assert!(left.is_none_or(|left| tokens(&device).0 == left));
    }
}

#[test]
fn cancels_have_a_rate_of_their_own_and_no_other_check() {
    let mut device = device(Limits { max_order_qty: 0, order_rate: 1, cancel_rate: 1, cancel_burst: 2, ..none() });
    device.write(0x28, 1).unwrap();
    let mut at = |now| device.refuses_cancel(ACCOUNT, Nanos(now));
    assert_eq!([at(0), at(0), at(0), at(999_999_999), at(1_000_000_000)], [None, None, Some(CancelRate), Some(CancelRate), None]);
    assert_eq!(device.read(BANK + 0x80), Ok(1_000_000_000), "tokens of orders");
}

#[test]
fn the_loss_that_equals_the_limit_is_too_much() {
    let mut device = device(Limits { max_daily_loss: Money(100), ..none() });
    let pay = |device: &mut SoftwareDevice, amount| device.apply(Update::Cash { account: ACCOUNT, amount: Money(amount) });
    pay(&mut device, -99);
    assert_eq!(device.refuses(&order(Buy, 1, 0)), None);
    pay(&mut device, -1);
    assert_eq!(device.refuses(&order(Buy, 1, 0)), Some(DailyLoss));
    device.write(BANK + 0xA0, 0).unwrap();
    assert_eq!((device.read(BANK + 0xE0), device.read(BANK + 0xE8)), (Ok(-100_i64 as u64), Ok(u64::MAX)), "DAY_EQUITY");
    assert_eq!(device.refuses(&order(Buy, 1, 0)), None);
    // No loss turns into a profit for being too large.
    pay(&mut device, -i128::MAX);
    pay(&mut device, -i128::MAX);
    assert_eq!(device.refuses(&order(Buy, 1, 0)), Some(DailyLoss));
    // Nor does any loss reach a limit that is none.
    device.write(BANK + 0x50, u64::MAX).unwrap();
    device.write(BANK + 0x58, MAX64 as u64).unwrap();
    assert_eq!(device.refuses(&order(Buy, 1, 0)), None);
}

#[test]
fn profits_are_kept_for_the_whole_lineage() {
    let mut world = config(&[(100, 1_000)], &[none(), none(), none()]);
    world.accounts[1].parent = Some(AccountId(0));
    let mut device = SoftwareDevice::new(&world).unwrap();
    let (account, instrument) = (AccountId(1), INSTRUMENT);
    device.apply(Update::Open { account, instrument, side: Buy, qty: 3 });
    device.apply(Update::Fill { account, instrument, side: Buy, qty: 3, price: Ticks(999), realised: Money(-7) });
    device.apply(Update::Cash { account, amount: Money(-11) });
    let amount = |account: u64, offset| device.read(BANK + 0x200 * account + offset).unwrap() as i64;
    for (account, [realised, cash, value, equity, gross]) in
        [(0, [-7, -299_711, 300_000, 289, 300_000]), (1, [-7, -299_711, 300_000, 289, 300_000]), (2, [0; 5])]
    {
        let found = [0xA0, 0xC0, 0x110, 0x120, 0x130].map(|offset| amount(account, offset));
        assert_eq!(found, [realised, cash, value, equity, gross], "account {account}");
    }
}

#[test]
fn either_kill_switch_stops_orders() {
    let mut device = SoftwareDevice::new(&config(&[(1, 0)], &[none(), none()])).unwrap();
    let verdicts = |device: &mut SoftwareDevice| {
        [0, 1].map(|account| device.refuses(&OrderCheck { account: AccountId(account), ..order(Buy, 1, 0) }))
    };
    device.write(BANK + 0x200, 1).unwrap();
    assert_eq!(verdicts(&mut device), [None, Some(KillSwitch)]);
    device.write(0x28, 1).unwrap();
    assert_eq!(verdicts(&mut device), [Some(KillSwitch), Some(KillSwitch)]);
    device.write(0x28, 0).unwrap();
    device.write(BANK + 0x200, 0).unwrap();
    assert_eq!(verdicts(&mut device), [None, None]);
}

/// An order that breaks everything, while the limits are lifted one after the other.
#[test]
fn the_first_check_that_fails_is_the_verdict() {
    let mut device = device(Limits {
        max_position: 0,
        max_order_qty: 0,
        collar_bps: 0,
        max_notional: Money(0),
        order_rate: 1,
        max_daily_loss: Money(0),
        ..none()
    });
    let bad = order(Buy, 1, 1);
    device.write(BANK, 1).unwrap();
    let no_limit = MAX64 as u64;
    let steps = [
        (KillSwitch, vec![(0x00, 0)]),
        (PositionLimit, vec![(0x08, no_limit)]),
        (OrderSize, vec![(0x10, no_limit)]),
        (PriceCollar, vec![(0x18, no_limit)]),
        (Notional, vec![(0x20, u64::MAX), (0x28, no_limit)]),
        (DailyLoss, vec![]),
    ];
    for (count, (verdict, lifted)) in (1..).zip(steps) {
        assert_eq!(device.refuses(&bad), Some(verdict));
        assert_eq!((device.read(0x30), device.read(0x40)), (Ok(verdict.code().into()), Ok(count)));
        for (offset, value) in lifted {
            device.write(BANK + offset, value).unwrap();
        }
    }
    // The rate comes before the loss, and its only token stayed taken.
    assert_eq!(device.read(BANK + 0x80), Ok(0));
    assert_eq!(device.refuses(&bad), Some(OrderRate));
    device.write(BANK + 0x30, no_limit).unwrap();
    device.write(BANK + 0x58, no_limit).unwrap();
    device.write(BANK + 0x50, u64::MAX).unwrap();
    assert_eq!(device.refuses(&bad), None);
    let counters: Vec<u64> = (0x30..0x110).step_by(8).map(|address| device.read(address).unwrap()).collect();
    assert_eq!(counters[..16], [0, 0, 8, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 0, 0, 0]);
    assert_eq!(counters[16..], [0; 12]);
    assert_eq!((device.read(BANK + 0xF0), device.read(BANK + 0xF8)), (Ok(8), Ok(7)));
}

#[test]
fn a_refusal_before_the_rate_takes_no_token() {
    let mut device = device(Limits { max_order_qty: 1, order_rate: 1, ..none() });
    assert_eq!(device.refuses(&OrderCheck { now: Nanos(5), ..order(Buy, 2, 0) }), Some(OrderSize));
    assert_eq!((device.read(BANK + 0x80), device.read(BANK + 0x88)), (Ok(1_000_000_000), Ok(0)));
}

#[test]
fn fills_move_lots_from_open_to_position() {
    let mut device = device(none());
    let (account, instrument) = (ACCOUNT, INSTRUMENT);
    device.apply(Update::Open { account, instrument, side: Buy, qty: 9 });
    device.apply(Update::Open { account, instrument, side: Sell, qty: 5 });
    device.apply(Update::Fill { account, instrument, side: Sell, qty: 4, price: Ticks(0), realised: Money(1 << 64) });
    device.apply(Update::Open { account, instrument, side: Buy, qty: -2 });
    assert_eq!([0x00, 0x08, 0x10, 0x38].map(|offset| device.read(POSITION + offset).unwrap() as i64), [-4, 7, 1, 0]);
    assert_eq!((device.read(BANK + 0xA0), device.read(BANK + 0xA8)), (Ok(0), Ok(1)));
    device.apply(Update::Reference { instrument, price: Ticks(77) });
    assert_eq!([0x00, 0x08, 0x10, 0x18].map(|offset| device.read(0x40_0008 + offset).unwrap()), [77, 100, 0, 0]);
}

/// 2^62 lots short with everything that may be open to get back: beyond 63 bits, and still exact.
#[test]
fn open_lots_beyond_63_bits_are_counted() {
    let mut device = device(none());
    let (account, instrument, half) = (ACCOUNT, INSTRUMENT, 1_i64 << 62);
    device.apply(Update::Open { account, instrument, side: Sell, qty: half });
    device.apply(Update::Fill { account, instrument, side: Sell, qty: half, price: Ticks(0), realised: Money::ZERO });
    for qty in [half, half, half - 1] {
        assert_eq!(device.refuses(&order(Buy, qty, 0)), None);
        device.apply(Update::Open { account, instrument, side: Buy, qty });
    }
    assert_eq!(device.read(POSITION + 0x08), Ok(3 * (1 << 62) - 1));
    assert_eq!(device.refuses(&order(Buy, 1, 0)), Some(PositionLimit));
}

#[test]
fn registers_begin_with_their_reset_values() {
    let device = SoftwareDevice::new(&config(&[(100, 1_000), (1 << 80, 0)], &[none(), none(), none()])).unwrap();
    let map = device.map();
    for address in map.addresses() {
        let place = map.locate(address).unwrap();
        let (register, word) = place.register().unwrap();
        let expected = register.reset.unwrap_or_else(|| match (register.name, place.index) {
            ("N_ACCOUNTS", _) => 3,
            ("N_INSTRUMENTS", _) => 2,
            ("N_SECTORS" | "SECTOR" | "CAPITAL" | "PEAK" | "DAY_EQUITY" | "EQUITY", _) | ("REFERENCE", 1) => 0,
            ("PARENT", _) => i128::from(MAX64),
            ("REFERENCE", 0) => 1_000,
            ("TICK_VALUE", 0) => 100,
            ("TICK_VALUE", 1) => 1 << 80,
            other => panic!("{other:?} has no reset value"),
        });
        assert_eq!(device.read(address), Ok((expected >> (64 * word)) as u64), "{} at {address:#x}", register.name);
    }
    assert_eq!(&device.read(0).unwrap().to_le_bytes(), b"OMNRISK\0");
}

#[test]
fn every_word_takes_what_it_should_and_nothing_else() {
    const NO_LIMIT: u64 = i64::MAX as u64;
    let candidates = [0, 1, 2, 1_000_000_000, 1_000_000_001, NO_LIMIT - 1, NO_LIMIT, NO_LIMIT + 1, u64::MAX];
    let mut device = SoftwareDevice::new(&config(&[(100, 1_000), (1, 0)], &[none(), none()])).unwrap();
    for address in device.map().addresses() {
        let (register, word) = device.map().locate(address).unwrap().register().unwrap();
        for value in candidates {
            let accepted = match (register.accepts, word, register.bits) {
                (Accepts::Nothing, ..) | (Accepts::Zero, 1, _) => false,
                (Accepts::Switch, ..) => value <= 1,
                (Accepts::Limit, 0, 128) => true,
                (Accepts::Limit, ..) => value <= NO_LIMIT,
                (Accepts::Rate, ..) => (1..=1_000_000_000).contains(&value) || value == NO_LIMIT,
                (Accepts::Burst, ..) => (1..=1_000_000_000).contains(&value),
                (Accepts::Zero, ..) => value == 0,
            };
            let before = device.read(address).unwrap();
            let would = device.check_write(address, value);
            assert_eq!(would.is_ok(), accepted, "{value:#x} to {} at {address:#x}", register.name);
            assert_eq!(device.read(address), Ok(before), "asking changes nothing");
            assert_eq!(device.write(address, value), would);
            // A 0 makes the peak the equity.
            let expected = if register.name == "PEAK" { device.read(address - 0xD0 + 0x120).unwrap() } else { value };
            assert_eq!(device.read(address), Ok(if accepted { expected } else { before }));
        }
    }
}

#[test]
fn what_may_be_written_is_what_the_contract_says() {
    let writable = |bank| -> Vec<u64> {
        registers().iter().filter(|row| row.bank == bank && row.accepts != Accepts::Nothing).map(|row| row.offset).collect()
    };
    let limits = [0x08, 0x10, 0x18, 0x20, 0x30, 0x38, 0x40, 0x48, 0x50, 0x60, 0x68, 0x70, 0x78];
    assert_eq!(writable(Bank::Global), [0x28]);
    assert_eq!(writable(Bank::Account), [&[0x00], &limits[..], &[0xA0, 0xB0, 0xD0]].concat());
    assert_eq!(writable(Bank::Warning), limits);
    assert_eq!(writable(Bank::Instrument), [0x00, 0x28, 0x30, 0x38]);
    assert_eq!(writable(Bank::Position), [0x18, 0x20]);
    assert!(writable(Bank::Sector).is_empty());
}

#[test]
fn nothing_lies_outside_the_banks() {
    let mut device = SoftwareDevice::new(&config(&[(1, 0), (1, 0)], &[none(), none()])).unwrap();
    let outside = [
        0x110,
        0x800,
        0x0FF8,
        0x1400,
        0x1F_FFF8,
        0x20_0400,
        0x40_0100,
        0x100_0000,
        0xFFF_FFF8,
        0x1000_0100,
        u64::MAX - 7,
        // Between two words.
        0x21,
        0x1004,
        0x1000_0007,
        u64::MAX,
    ];
    for address in outside {
        let nowhere = RegisterError::Nowhere { address };
        assert_eq!(device.read(address), Err(nowhere));
        assert_eq!(device.check_write(address, 0), Err(nowhere));
        assert_eq!(device.write(address, 0), Err(nowhere));
        assert_eq!(device.restore(address, 0), Err(nowhere));
    }
    for padding in [0x1140, 0x13F8, 0x20_0000, 0x20_00A0, 0x20_03F8, 0x40_0048, 0x40_0078, 0x1000_0038, 0x1000_00F8] {
        assert_eq!(device.read(padding), Ok(0));
        assert_eq!(device.write(padding, 0), Err(RegisterError::ReadOnly { address: padding, name: "padding" }));
    }
}

#[test]
fn errors_say_what_is_taken() {
    let mut device = device(none());
    let message = |result: Result<(), RegisterError>| result.unwrap_err().to_string();
    assert_eq!(
        message(device.write(BANK + 0x30, 0)),
        "ORDER_RATE at 0x1030 takes 1 … 1e9, or 2^63 − 1 for no limit, found 0 (0x0)"
    );
    assert_eq!(message(device.write(BANK + 0xF0, 0)), "CHECKED at 0x10f0 can only be read");
    assert_eq!(message(device.write(BANK + 0xA8, 0)), "REALISED at 0x10a8 can only be read");
    assert_eq!(message(device.write(0x28, 2)), "CONTROL at 0x28 takes 0 or 1, found 2 (0x2)");
}

#[test]
fn a_rate_or_burst_that_is_written_fills_its_tokens() {
    let mut device = device(Limits { order_rate: 1, order_burst: 3, cancel_rate: 1, cancel_burst: 4, ..none() });
    let tokens = |device: &SoftwareDevice| [0x80, 0x90].map(|offset| device.read(BANK + offset).unwrap() / 1_000_000_000);
    assert_eq!(tokens(&device), [3, 4], "those of the configuration, too");
    let spend = |device: &mut SoftwareDevice| {
        device.refuses(&order(Buy, 1, 0));
        device.refuses_cancel(ACCOUNT, Nanos(0));
    };
    spend(&mut device);
    assert_eq!(tokens(&device), [2, 3]);
    device.write(BANK + 0x30, 2).unwrap();
    assert_eq!(tokens(&device), [3, 3]);
    device.write(BANK + 0x48, 7).unwrap();
    assert_eq!(tokens(&device), [3, 7]);
    spend(&mut device);
    device.write(BANK + 0x38, 5).unwrap();
    device.write(BANK + 0x40, MAX64 as u64).unwrap();
    assert_eq!(tokens(&device), [5, 7]);
}

#[test]
fn a_restored_device_goes_on_like_the_first() {
    let limits = Limits { max_position: 50, order_rate: 1, order_burst: 3, max_daily_loss: Money(1 << 70), ..none() };
    let world = config(&[(100, 1_000)], &[limits]);
    let mut first = SoftwareDevice::new(&world).unwrap();
    let (account, instrument) = (ACCOUNT, INSTRUMENT);
    first.refuses(&OrderCheck { now: Nanos(9), ..order(Buy, 40, 1_000) });
    first.apply(Update::Open { account, instrument, side: Buy, qty: 40 });
    first.apply(Update::Fill { account, instrument, side: Buy, qty: 15, price: Ticks(990), realised: Money(-(1 << 69)) });
    first.apply(Update::Reference { instrument, price: Ticks(990) });

    let mut second = SoftwareDevice::new(&world).unwrap();
    for address in first.map().addresses() {
        let (Register { name, .. }, _) = first.map().locate(address).unwrap().register().unwrap();
        let restored = second.restore(address, first.read(address).unwrap());
        let is_identity = ["DEVICE_ID", "VERSION", "N_ACCOUNTS", "N_INSTRUMENTS", "N_SECTORS", "PARENT", "TICK_VALUE", "SECTOR"];
        let is_derived = ["VALUE", "EQUITY", "GROSS", "SECTOR_GROSS", "EXPOSURE"];
        assert_eq!(restored.is_ok(), !is_identity.contains(name) && !is_derived.contains(name), "{name}");
    }
    for address in first.map().addresses() {
        assert_eq!(second.read(address), first.read(address));
    }
    assert!(second.restore(BANK + 0x08, u64::MAX).is_err(), "a negative limit, even so");
}

#[test]
fn impossible_worlds_are_refused() {
    let too_many = SoftwareDevice::new(&config(&[], &vec![none(); 4_081]));
    assert_eq!(too_many.unwrap_err(), RegisterError::TooMany { what: "accounts", found: 4_081, most: 4_080 });
    let negative = SoftwareDevice::new(&config(&[(1, 0)], &[none(), Limits { max_notional: Money(-1), ..none() }]));
    assert!(matches!(negative, Err(RegisterError::Value { address: 0x1228, name: "MAX_NOTIONAL", .. })));
    assert!(SoftwareDevice::new(&config(&[], &[])).is_ok());
    assert_eq!(Map::new(0, 0, 0).unwrap().addresses().count(), 34);
}

#[test]
fn no_value_overflows() {
    let edges = [i64::MIN, -1, 0, 1, i64::MAX];
    let mut device = device(Limits {
        max_position: i64::MAX - 1,
        max_order_qty: i64::MAX,
        collar_bps: i64::MAX - 1,
        max_notional: Money(i128::MAX - 1),
        order_rate: 1_000_000_000,
        order_burst: 1_000_000_000,
        cancel_rate: 1_000_000_000,
        cancel_burst: 1_000_000_000,
        max_daily_loss: Money(i128::MAX - 1),
        max_drawdown: i64::MAX - 1,
        max_leverage: i64::MAX - 1,
        max_sector: i64::MAX - 1,
        max_name: i64::MAX - 1,
    });
    let (account, instrument) = (ACCOUNT, INSTRUMENT);
    for a in edges {
        for b in edges {
            for side in [Buy, Sell] {
                let now = Nanos(b);
                device.refuses(&OrderCheck { account, instrument, side, now, size: a, added: a, leaves: b, price: a });
                device.refuses_cancel(account, Nanos(a));
                device.apply(Update::Open { account, instrument, side, qty: a });
                let realised = Money(if a < 0 { i128::MIN } else { i128::MAX });
                device.apply(Update::Fill { account, instrument, side, qty: a, price: Ticks(b), realised });
                device.apply(Update::Reference { instrument, price: Ticks(b) });
            }
        }
    }
}
