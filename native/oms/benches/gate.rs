//! What a check costs: orders of 16 accounts in 256 instruments, all of which pass, so that every check is made.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use omni_oms::gate::{OrderCheck, RiskDevice, SoftwareDevice, Update};
use omni_oms::{AccountConfig, Config, InstrumentConfig, Limits};
use omni_types::{AccountId, InstrumentId, Money, Nanos, Side, Ticks, TradingPhase};
use std::hint::black_box;

const N_ACCOUNTS: u32 = 16;
const N_INSTRUMENTS: u32 = 256;
const N_ORDERS: u32 = 4_096;
const REFERENCE: i64 = 10_000;

fn gate(criterion: &mut Criterion) {
    let all = Limits {
        max_position: 1_000_000_000,
        max_order_qty: 10_000,
        collar_bps: 500,
        max_notional: Money(1_000_000_000_000_000_000_000_000_000),
        order_rate: 1_000_000_000,
        order_burst: 1_000,
        cancel_rate: 1_000_000_000,
        cancel_burst: 1_000,
        max_daily_loss: Money(1_000_000_000_000_000_000_000_000),
    };
    let mut group = criterion.benchmark_group("gate");
    group.throughput(Throughput::Elements(N_ORDERS.into()));
    for (name, limits) in [("all limits", all), ("no limits", Limits::default())] {
        let mut device = SoftwareDevice::new(&config(limits)).expect("limits that the registers take");
        let orders = orders();
        let mut now = 0;
        group.bench_function(format!("check_order, {name}"), |bench| {
            bench.iter(|| {
                for order in &orders {
                    now += 1_000;
                    assert_eq!(device.check_order(black_box(&OrderCheck { now: Nanos(now), ..*order })), None);
                }
            });
        });
        group.bench_function(format!("check_order, open and fill, {name}"), |bench| {
            bench.iter(|| {
                for order in &orders {
                    now += 1_000;
                    let OrderCheck { account, instrument, side, size: qty, .. } = *order;
                    assert_eq!(device.check_order(black_box(&OrderCheck { now: Nanos(now), ..*order })), None);
                    device.apply(Update::Open { account, instrument, side, qty });
                    device.apply(Update::Fill { account, instrument, side, qty, realised: Money(1) });
                }
            });
        });
        group.bench_function(format!("check_cancel, {name}"), |bench| {
            bench.iter(|| {
                for order in &orders {
                    now += 1_000;
                    assert_eq!(device.check_cancel(black_box(order.account), Nanos(now)), None);
                }
            });
        });
    }
    group.finish();
}

fn config(limits: Limits) -> Config {
    let instrument = InstrumentConfig {
        symbol: String::new(),
        tick_size: 0.01,
        lot_size: 1.0,
        currency: String::new(),
        tick_value: Money(10_000_000_000_000_000),
        reference: Ticks(REFERENCE),
    };
    Config {
        phase: TradingPhase::Continuous,
        instruments: vec![instrument; N_INSTRUMENTS as usize],
        accounts: vec![AccountConfig { name: String::new(), limits }; N_ACCOUNTS as usize],
    }
}

/// Scattered over accounts and instruments by a multiplicative step, with buys and sells in balance.
fn orders() -> Vec<OrderCheck> {
    (0..N_ORDERS)
        .map(|i| {
            let scattered = i.wrapping_mul(2_654_435_761) >> 8;
            let qty = i64::from(scattered % 100) + 1;
            OrderCheck {
                account: AccountId(scattered % N_ACCOUNTS),
                instrument: InstrumentId(scattered / N_ACCOUNTS % N_INSTRUMENTS),
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
