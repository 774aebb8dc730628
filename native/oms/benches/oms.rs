//! Commands a second through the whole system (gate, book, positions, events), without a journal and with one that does not wait for the
//! disk: in batches, which look ahead, and one by one. Memory is as the product has it. Half of the commands are new orders, of which one in eight crosses; the rest are mostly cancels, and a few replacements.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group};
use omni_journal::{Durability, Options};
use omni_memory::HugePages;
use omni_oms::{AccountConfig, Command, Config, DurableOms, InstrumentConfig, Latency, Limits, Oms, Stage};
use omni_types::{AccountId, InstrumentId, Money, Nanos, NewOrder, OrderId, Qty, Side, Ticks};
use tempfile::TempDir;

#[global_allocator]
static ALLOCATOR: HugePages = HugePages;

const N_COMMANDS: usize = 1_000_000;
/// A reader takes the events this often, and the journal commits.
const BATCH: usize = 512;
const N_ACCOUNTS: u32 = 16;
const N_INSTRUMENTS: u32 = 8;

/// All checks of the gate are switched on, and none refuses.
fn config() -> Config {
    let limits = Limits {
        max_position: 1 << 40,
        max_order_qty: 10_000,
        collar_bps: 5_000,
        max_notional: Money(1 << 100),
        order_rate: 1_000_000_000,
        order_burst: 1_000_000_000,
        cancel_rate: 1_000_000_000,
        cancel_burst: 1_000_000_000,
        max_daily_loss: Money(1 << 120),
        ..Limits::default()
    };
    let instrument = |number| InstrumentConfig {
        symbol: format!("I{number}"),
        tick_size: 0.01,
        currency: "USD".into(),
        tick_value: Money(10_000_000_000_000_000),
        reference: Ticks(10_000),
        ..InstrumentConfig::default()
    };
    let account = |number| AccountConfig { name: format!("A{number}"), limits, ..AccountConfig::default() };
    Config {
        instruments: (0..N_INSTRUMENTS).map(instrument).collect(),
        accounts: (0..N_ACCOUNTS).map(account).collect(),
        ..Config::default()
    }
}

fn below(seed: &mut u64, end: u64) -> u64 {
    // Marsaglia, "Xorshift RNGs", 2003.
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    ((u128::from(*seed) * u128::from(end)) >> 64) as u64
}

fn flow(with_client_ids: bool) -> Vec<Command> {
    let seed = &mut 88_172_645_463_325_252;
    let mut live: Vec<u64> = Vec::new();
    let mut n_orders = 0;
    let mut commands = Vec::with_capacity(N_COMMANDS);
    for step in 0..N_COMMANDS as u64 {
        let ts = Nanos(1_000 * step as i64);
        if live.len() < 2_000 || below(seed, 2) == 0 {
            n_orders += 1;
            live.push(n_orders);
            let side = Side::ALL[below(seed, 2) as usize];
            let crosses = below(seed, 8) == 0;
            let away = if crosses { -3 } else { 1 + below(seed, 60) as i64 };
            let account = AccountId(below(seed, N_ACCOUNTS.into()) as u32);
            let instrument = InstrumentId(below(seed, N_INSTRUMENTS.into()) as u32);
            let price = Ticks(10_000 - side.sign() * away);
            let order = NewOrder::limit(account, instrument, side, Qty(1 + below(seed, 100) as i64), price);
            let client_order_id = if with_client_ids { u128::from(n_orders) } else { 0 };
            commands.push(Command::New { ts, client_order_id, order });
        } else {
            let at = below(seed, live.len() as u64) as usize;
            if below(seed, 10) == 0 {
                let qty = Qty(1 + below(seed, 100) as i64);
                commands.push(Command::Replace { ts, order_id: OrderId(live[at]), qty, price: Ticks(0), stop_price: Ticks(0) });
            } else {
                commands.push(Command::Cancel { ts, order_id: OrderId(live.swap_remove(at)) });
            }
        }
    }
    commands
}

fn plain() -> Oms {
    let mut oms = Oms::new(config()).unwrap();
    oms.reserve(N_COMMANDS);
    oms
}

fn journaled(dir: &TempDir) -> DurableOms {
    let options = Options { durability: Durability::None, ..Options::default() };
    let mut oms = DurableOms::open(dir.path(), &config(), options).unwrap().0;
    oms.reserve(N_COMMANDS);
    oms
}

fn run_plain(mut oms: Oms, commands: &[Command]) -> Oms {
    for batch in commands.chunks(BATCH) {
        oms.execute_all(batch).unwrap();
        black_box(oms.events());
        oms.clear_events();
    }
    oms
}

fn run_journaled(mut oms: DurableOms, commands: &[Command], one_by_one: bool) -> DurableOms {
    for batch in commands.chunks(BATCH) {
        if one_by_one {
            for command in batch {
                oms.execute(command).unwrap();
            }
        } else {
            oms.execute_all(batch).unwrap();
        }
        black_box(oms.events().unwrap());
        oms.clear_events();
    }
    oms
}

fn throughput(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("oms");
    group.throughput(Throughput::Elements(N_COMMANDS as u64)).sample_size(10);
    for (name, with_client_ids) in [("", false), (" with client ids", true)] {
        let commands = flow(with_client_ids);
        group.bench_function(format!("no journal{name}"), |bench| {
            bench.iter_batched(plain, |oms| run_plain(oms, &commands), BatchSize::PerIteration);
        });
        let fresh = || {
            let dir = TempDir::new().unwrap();
            (journaled(&dir), dir)
        };
        for (how, one_by_one) in [("", false), (", one by one", true)] {
            group.bench_function(format!("journal{name}{how}"), |bench| {
                let run = |(oms, dir)| (run_journaled(oms, &commands, one_by_one), dir);
                bench.iter_batched(fresh, run, BatchSize::PerIteration);
            });
        }
    }
    group.finish();
}

/// Percentiles of each stage; reading the clock five times a command is part of them.
fn percentiles() {
    let dir = TempDir::new().unwrap();
    let mut oms = journaled(&dir);
    oms.measure(Some(Latency::new(quanta::Clock::new())));
    let oms = run_journaled(oms, &flow(false), true);
    let latency = oms.oms().latency().unwrap();
    println!("\nns       p50   p90   p99 p99.9   max");
    for stage in Stage::ALL {
        let at = |percent| latency.histogram(stage).value_at_percentile(percent);
        println!("{:7} {:4} {:5} {:5} {:5} {:5}", stage.name(), at(50.0), at(90.0), at(99.0), at(99.9), at(100.0));
    }
}

criterion_group!(benches, throughput);

fn main() {
    benches();
    percentiles();
    Criterion::default().configure_from_args().final_summary();
}
