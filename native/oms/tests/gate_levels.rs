//! Each check at its limit at each level: one below it passes, and so does the limit itself where the contract says so; one beyond does
//! not. The same of warnings.

mod gate_support;

use gate_support::{config, order};
use omni_oms::gate::{OrderCheck, RiskDevice, SoftwareDevice, Update, Verdict};
use omni_oms::{Config, Limits, PositionLimits};
use omni_types::RejectReason::{
    CancelRate, DailyLoss, Drawdown, Leverage, Notional, OrderRate, OrderSize, PositionLimit, PriceCollar, SectorConcentration,
    SingleName,
};
use omni_types::Side::{Buy, Sell};
use omni_types::{AccountId, InstrumentId, Money, Nanos, RejectReason, Ticks};

const LOWEST: AccountId = AccountId(3);
const X: InstrumentId = InstrumentId(0);

/// Four accounts in a line. A lot of X is worth 1,000 at the reference price of 100, and so is one of Y, of the same sector; one of Z
/// belongs to no sector. Everybody has a capital of 10,000.
fn line() -> Config {
    let mut config = config(&[(10, 100), (10, 100), (10, 100)], &[Limits::default(); 4]);
    for number in 0..4 {
        config.accounts[number].parent = number.checked_sub(1).map(|parent| AccountId(parent as u32));
        config.accounts[number].capital = Money(10_000);
    }
    (config.instruments[0].sector, config.instruments[1].sector) = (2, 2);
    config
}

fn of_lowest(order: OrderCheck) -> OrderCheck {
    OrderCheck { account: LOWEST, ..order }
}

type Set = fn(&mut Limits, i64);

/// A limit, an order, and the largest value of the limit with which the order is refused.
fn cases() -> Vec<(RejectReason, Set, OrderCheck, i64)> {
    let buy = |qty, price| of_lowest(order(Buy, qty, price));
    vec![
        (PositionLimit, |limits, limit| limits.max_position = limit, buy(5, 100), 4),
        (PositionLimit, |limits, limit| limits.max_position = limit, of_lowest(order(Sell, 5, 100)), 4),
        (OrderSize, |limits, limit| limits.max_order_qty = limit, buy(5, 100), 4),
        // 7 of 100 are 700 basis points.
        (PriceCollar, |limits, limit| limits.collar_bps = limit, buy(5, 107), 699),
        (PriceCollar, |limits, limit| limits.collar_bps = limit, buy(5, 93), 699),
        (Notional, |limits, limit| limits.max_notional = Money(limit.into()), buy(5, 93), 4_649),
        // 5 lots are worth 5,000, half of the equity.
        (Leverage, |limits, limit| limits.max_leverage = limit, buy(5, 100), 4_999),
        (SectorConcentration, |limits, limit| limits.max_sector = limit, buy(5, 100), 4_999),
        (SingleName, |limits, limit| limits.max_name = limit, of_lowest(order(Sell, 5, 100)), 4_999),
    ]
}

#[test]
fn a_limit_of_any_level_refuses_and_any_warning_warns() {
    for (reason, set, order, refuses) in cases() {
        for level in 0..4 {
            for (limit, fails) in [(refuses - 1, true), (refuses, true), (refuses + 1, false)] {
                let mut hard = line();
                set(&mut hard.accounts[level].limits, limit);
                let expected = if fails { Verdict::refused(reason) } else { Verdict::PASSED };
                let mut device = SoftwareDevice::new(&hard).unwrap();
                assert_eq!(device.check_order(&order), expected, "{reason:?} {limit} at level {level}");

                let mut soft = line();
                set(&mut soft.accounts[level].warnings, limit);
                let expected = if fails { Verdict::warned(reason) } else { Verdict::PASSED };
                let mut device = SoftwareDevice::new(&soft).unwrap();
                assert_eq!(device.check_order(&order), expected, "{reason:?} {limit} warned of at level {level}");
                let code = if fails { u64::from(reason.code()) } else { 0 };
                assert_eq!((device.read(0x30), device.read(0x38)), (Ok(0), Ok(code)));
                assert_eq!(device.read(0x1000 + 0x200 * 3 + 0x100), Ok(u64::from(fails)), "WARNED of the account");
            }
        }
    }
}

#[test]
fn limits_of_instruments_and_positions_refuse() {
    let buy = |qty, price| of_lowest(order(Buy, qty, price));
    let verdict = |config: Config, order| SoftwareDevice::new(&config).unwrap().check_order(&order).refused;
    for (limit, fails) in [(4, true), (5, false)] {
        let or_passes = |reason| if fails { Some(reason) } else { None };
        let mut world = line();
        world.instruments[0].max_order_qty = limit;
        assert_eq!(verdict(world, buy(5, 100)), or_passes(OrderSize));
        let mut world = line();
        world.instruments[0].collar_bps = 100 * limit;
        assert_eq!(verdict(world, buy(5, 105)), or_passes(PriceCollar));
        let mut world = line();
        world.instruments[0].max_notional = Money(1_000 * i128::from(limit));
        assert_eq!(verdict(world, buy(5, 100)), or_passes(Notional));
        for account in 0..4 {
            for (max_position, max_order_qty, reason) in [(limit, i64::MAX, PositionLimit), (i64::MAX, limit, OrderSize)] {
                let at = PositionLimits { account: AccountId(account), instrument: X, max_position, max_order_qty };
                let world = Config { positions: vec![at], ..line() };
                assert_eq!(verdict(world.clone(), buy(5, 100)), or_passes(reason));
                let elsewhere = OrderCheck { instrument: InstrumentId(1), ..buy(5, 100) };
                assert_eq!(verdict(world, elsewhere), None);
            }
        }
    }
}

#[test]
fn rates_of_every_level_give_tokens() {
    for level in 0..4 {
        let mut world = line();
        let Limits { order_rate, order_burst, cancel_rate, cancel_burst, .. } = &mut world.accounts[level].limits;
        (*order_rate, *order_burst, *cancel_rate, *cancel_burst) = (1, 2, 1, 2);
        let warnings = &mut world.accounts[level].warnings;
        (warnings.order_rate, warnings.cancel_rate) = (1, 1);
        let mut device = SoftwareDevice::new(&world).unwrap();
        let buy = of_lowest(order(Buy, 1, 100));
        let verdicts = [0, 0, 0].map(|_| device.check_order(&buy));
        assert_eq!(verdicts, [Verdict::PASSED, Verdict::warned(OrderRate), Verdict::refused(OrderRate)], "level {level}");
        let verdicts = [0, 0, 0].map(|_| device.check_cancel(LOWEST, Nanos(0)));
        assert_eq!(verdicts, [Verdict::PASSED, Verdict::warned(CancelRate), Verdict::refused(CancelRate)], "level {level}");
        // The account above has no rate of its own from below.
        if level == 3 {
            assert_eq!(device.check_order(&OrderCheck { account: AccountId(2), ..buy }), Verdict::PASSED);
        }
    }
}

/// Loses or wins money.
fn pay(device: &mut SoftwareDevice, amount: i128) {
    device.apply(Update::Cash { account: LOWEST, amount: Money(amount) });
}

#[test]
fn losses_and_falls_count_at_every_level() {
    let sets: [(RejectReason, Set); 2] = [
        (DailyLoss, |limits, limit| limits.max_daily_loss = Money(limit.into())),
        // Of a peak of 10,000.
        (Drawdown, |limits, limit| limits.max_drawdown = limit),
    ];
    for (reason, set) in sets {
        for level in 0..4 {
            let mut world = line();
            set(&mut world.accounts[level].limits, 700);
            set(&mut world.accounts[level].warnings, 600);
            let mut device = SoftwareDevice::new(&world).unwrap();
            let mut verdicts = Vec::new();
            for amount in [0, -599, -1, -99, -1, -1] {
                pay(&mut device, amount);
                verdicts.push(device.check_order(&of_lowest(order(Buy, 1, 100))));
            }
            let (warned, refused) = (Verdict::warned(reason), Verdict::refused(reason));
            assert_eq!(verdicts, [Verdict::PASSED, Verdict::PASSED, warned, warned, refused, refused], "level {level}");
        }
    }
}

#[test]
fn what_reduces_the_worst_case_is_not_held_back() {
    let mut world = line();
    let limits = &mut world.accounts[0].limits;
    (limits.max_daily_loss, limits.max_drawdown, limits.max_leverage) = (Money(0), 0, 0);
    let mut device = SoftwareDevice::new(&world).unwrap();
    let (account, instrument) = (LOWEST, X);
    device.apply(Update::Open { account, instrument, side: Buy, qty: 6 });
    device.apply(Update::Fill { account, instrument, side: Buy, qty: 6, price: Ticks(100), realised: Money(0) });
    assert_eq!(device.check_order(&of_lowest(order(Buy, 1, 100))), Verdict::refused(DailyLoss));
    // From +6 up to −6 the worst case is 6.
    assert_eq!(device.check_order(&of_lowest(order(Sell, 12, 100))), Verdict::PASSED);
    assert_eq!(device.check_order(&of_lowest(order(Sell, 13, 100))), Verdict::refused(DailyLoss));
    let shrinks = OrderCheck { added: -2, ..of_lowest(order(Buy, 6, 100)) };
    assert_eq!(device.check_order(&shrinks), Verdict::PASSED);
}

#[test]
fn exposures_need_a_reference_price() {
    let mut world = line();
    world.instruments[0].reference = Ticks(0);
    let sets: [(RejectReason, Set); 3] = [
        (Leverage, |limits, limit| limits.max_leverage = limit),
        (SectorConcentration, |limits, limit| limits.max_sector = limit),
        (SingleName, |limits, limit| limits.max_name = limit),
    ];
    for (reason, set) in sets {
        let mut world = world.clone();
        set(&mut world.accounts[1].limits, i64::MAX - 1);
        let mut device = SoftwareDevice::new(&world).unwrap();
        assert_eq!(device.check_order(&of_lowest(order(Buy, 1, 100))), Verdict::refused(reason));
        device.apply(Update::Reference { instrument: X, price: Ticks(1) });
        assert_eq!(device.check_order(&of_lowest(order(Buy, 1, 100))), Verdict::PASSED);
    }
}

#[test]
fn a_sector_is_the_sum_of_its_instruments() {
    let mut world = line();
    world.accounts[0].limits.max_sector = 10_000;
    world.accounts[0].limits.max_leverage = 15_000;
    let mut device = SoftwareDevice::new(&world).unwrap();
    let at = |instrument, qty| OrderCheck { instrument: InstrumentId(instrument), ..of_lowest(order(Buy, qty, 100)) };
    device.apply(Update::Open { account: LOWEST, instrument: InstrumentId(1), side: Sell, qty: 6 });
    assert_eq!(device.check_order(&at(0, 4)), Verdict::PASSED);
    assert_eq!(device.check_order(&at(0, 5)), Verdict::refused(SectorConcentration));
    // Z is of no sector, and of the whole.
    assert_eq!(device.check_order(&at(2, 9)), Verdict::PASSED);
    assert_eq!(device.check_order(&at(2, 10)), Verdict::refused(Leverage));
    let sector = |account: u64| device.read(0x100_0000 + 0x10 * (2 * account + 1));
    assert_eq!([sector(0), sector(3)], [Ok(6_000); 2]);
}

/// An order that breaks everything, while the limits are lifted one after the other.
#[test]
fn checks_come_in_their_order_and_each_at_all_levels() {
    let mut world = line();
    // The highest breaks the last check, the lowest the first ones: a check at any level comes before the next check.
    let lowest = &mut world.accounts[3].limits;
    (lowest.max_daily_loss, lowest.max_leverage) = (Money(0), 0);
    let middle = &mut world.accounts[1].limits;
    (middle.max_drawdown, middle.max_sector) = (0, 0);
    world.accounts[0].limits.max_name = 0;
    let mut device = SoftwareDevice::new(&world).unwrap();
    let none = i64::MAX as u64;
    let (lowest, middle, highest) = (0x1600, 0x1200, 0x1000);
    for (reason, address) in [
        (DailyLoss, lowest + 0x58),
        (Drawdown, middle + 0x60),
        (Leverage, lowest + 0x68),
        (SectorConcentration, middle + 0x70),
        (SingleName, highest + 0x78),
    ] {
        assert_eq!(device.check_order(&of_lowest(order(Buy, 1, 100))), Verdict::refused(reason));
        if reason == DailyLoss {
            device.write(lowest + 0x50, u64::MAX).unwrap();
        }
        device.write(address, none).unwrap();
    }
    assert_eq!(device.check_order(&of_lowest(order(Buy, 1, 100))), Verdict::PASSED);
}

#[test]
fn a_peak_follows_the_marks_and_begins_with_the_limit() {
    let mut world = line();
    world.accounts[0].limits.max_drawdown = 1_000;
    let mut device = SoftwareDevice::new(&world).unwrap();
    let (account, instrument) = (LOWEST, X);
    let peak = |device: &SoftwareDevice, account: u64| device.read(0x1000 + 0x200 * account + 0xD0).unwrap() as i64;
    device.apply(Update::Open { account, instrument, side: Buy, qty: 10 });
    device.apply(Update::Fill { account, instrument, side: Buy, qty: 10, price: Ticks(100), realised: Money(0) });
    device.apply(Update::Reference { instrument, price: Ticks(110) });
    // 10 lots that gained 10 ticks of 10; nobody looks at the peak of those who have no limit.
    assert_eq!((peak(&device, 0), peak(&device, 3)), (11_000, 10_000));
    device.apply(Update::Reference { instrument, price: Ticks(100) });
    assert_eq!(peak(&device, 0), 11_000);
    assert_eq!(device.check_order(&of_lowest(order(Buy, 1, 100))), Verdict::PASSED, "a fall of 909 basis points");
    device.apply(Update::Reference { instrument, price: Ticks(99) });
    assert_eq!(device.check_order(&of_lowest(order(Buy, 1, 100))), Verdict::refused(Drawdown), "of exactly 1,000");
    // A limit where there was none makes the peak the equity, and money brought in moves it.
    device.write(0x1600 + 0x60, 500).unwrap();
    assert_eq!(peak(&device, 3), 9_900);
    device.write(0x1600 + 0xB0, 12_000).unwrap();
    assert_eq!(peak(&device, 3), 11_900);
    device.write(0x1000 + 0xD0, 0).unwrap();
    assert_eq!(peak(&device, 0), 9_900);
}
