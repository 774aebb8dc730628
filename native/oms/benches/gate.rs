//! What a check costs: orders of 48 accounts in 256 instruments, all of which pass, so that every check is made. In lineages of three, every
//! account valued, all twelve rows have limits, or nobody has any.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use omni_oms::gate::{OrderCheck, RiskDevice, SoftwareDevice, Update, Verdict};
use omni_oms::{AccountConfig, Config, InstrumentConfig, Limits, PositionLimits};
use omni_types::{AccountId, InstrumentId, Money, Nanos, Side, Ticks};
use std::hint::black_box;

const N_LINES: u32 = 16;
const N_INSTRUMENTS: u32 = 256;
const N_ORDERS: u32 = 4_096;
const REFERENCE: i64 = 10_000;

/// Every check has a limit that no order reaches.
fn all() -> Limits {
    Limits {
        max_position: 1_000_000_000,
        max_order_qty: 10_000,
        collar_bps: 500,
        max_notional: Money(10_i128.pow(27)),
        order_rate: 1_000_000_000,
        order_burst: 1_000,
        cancel_rate: 1_000_000_000,
        cancel_burst: 1_000,
        max_daily_loss: Money(10_i128.pow(30)),
        max_drawdown: 9_000,
        max_leverage: 400_000,
        max_sector: 300_000,
        max_name: 200_000,
    }
}

fn gate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gate");
    group.throughput(Throughput::Elements(N_ORDERS.into()));
    let none = Limits::default();
    // The name, limits, warnings, and how many accounts stand in a line.
    let worlds = [
        ("no limits", none, none, 1),
        ("all limits", all(), none, 1),
        ("all limits, three levels", all(), none, 3),
        ("all limits and warnings, three levels", all(), all(), 3),
    ];
    for (name, limits, warnings, n_levels) in worlds {
        let mut device = SoftwareDevice::new(&config(limits, warnings, n_levels)).expect("limits that the registers take");
        let orders = orders(n_levels);
        let mut now = 0;
        group.bench_function(format!("check_order, {name}"), |bench| {
            bench.iter(|| {
                for order in &orders {
                    now += 1_000;
                    let verdict = device.check_order(black_box(&OrderCheck { now: Nanos(now), ..*order }));
                    assert_eq!(verdict, Verdict::PASSED);
                }
            });
        });
        group.bench_function(format!("check_order, open and fill, {name}"), |bench| {
            bench.iter(|| {
                for order in &orders {
                    now += 1_000;
                    let OrderCheck { account, instrument, side, size: qty, .. } = *order;
                    let verdict = device.check_order(black_box(&OrderCheck { now: Nanos(now), ..*order }));
                    assert_eq!(verdict, Verdict::PASSED);
                    device.apply(Update::Open { account, instrument, side, qty });
                    device.apply(Update::Fill { account, instrument, side, qty, price: Ticks(REFERENCE), realised: Money(1) });
                }
            });
        });
        group.bench_function(format!("check_cancel, {name}"), |bench| {
            bench.iter(|| {
                for order in &orders {
                    now += 1_000;
                    assert_eq!(device.check_cancel(black_box(order.account), Nanos(now)), Verdict::PASSED);
                }
            });
        });
        group.bench_function(format!("reference, {name}"), |bench| {
            bench.iter(|| {
                for order in &orders {
                    now += 1;
                    let price = Ticks(REFERENCE + now % 2);
                    device.apply(black_box(Update::Reference { instrument: order.instrument, price }));
                }
            });
        });
    }
    group.finish();
}

fn config(limits: Limits, warnings: Limits, n_levels: u32) -> Config {
    let is_limited = limits != Limits::default();
    let own = if is_limited { limits } else { Limits::default() };
    let instrument = |number: u32| InstrumentConfig {
        tick_value: Money(10_000_000_000_000_000),
        reference: Ticks(REFERENCE),
        sector: 1 + number % 8,
        max_order_qty: own.max_order_qty,
        collar_bps: own.collar_bps,
        max_notional: own.max_notional,
        ..InstrumentConfig::default()
    };
    let account = |number: u32| AccountConfig {
        // The first level comes first, then the second below it, and so on.
        parent: number.checked_sub(N_LINES).map(AccountId),
        capital: Money(10_i128.pow(30)),
        limits,
        warnings,
        ..AccountConfig::default()
    };
    let n_accounts = N_LINES * n_levels;
    let pairs = (0..n_accounts).flat_map(|account| (0..N_INSTRUMENTS).map(move |instrument| (account, instrument)));
    let positions = pairs.map(|(account, instrument)| PositionLimits {
        account: AccountId(account),
        instrument: InstrumentId(instrument),
        max_position: own.max_position,
        max_order_qty: own.max_order_qty,
    });
    Config {
        instruments: (0..N_INSTRUMENTS).map(instrument).collect(),
        accounts: (0..n_accounts).map(account).collect(),
        positions: positions.filter(|_| is_limited).collect(),
        ..Config::default()
    }
}

/// Of the lowest accounts, scattered over them and the instruments by a multiplicative step, with buys and sells in balance.
fn orders(n_levels: u32) -> Vec<OrderCheck> {
    (0..N_ORDERS)
        .map(|i| {
            let scattered = i.wrapping_mul(2_654_435_761) >> 8;
            let qty = i64::from(scattered % 100) + 1;
            OrderCheck {
                account: AccountId(N_LINES * (n_levels - 1) + scattered % N_LINES),
                instrument: InstrumentId(scattered / N_LINES % N_INSTRUMENTS),
                side: if scattered.count_ones().is_multiple_of(2) { Side::Buy } else { Side::Sell },
                now: Nanos(0),
                size: qty,
                added: qty,
                leaves: qty,
                price: REFERENCE - 100 + i64::from(scattered % 200),
            }
        })
        .collect()
}

criterion_group!(benches, gate);
criterion_main!(benches);
