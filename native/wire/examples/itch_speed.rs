//! What decoding costs a message, on a file in BinaryFILE framing: `cargo run --release -p omni-wire --example itch_speed -- FILE`.
//!
//! The file is read into memory first; every figure is the best and the median of eleven passes, in CPU time
//! where the system tells it, else by the clock on the wall.

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Instant;

use omni_wire::frames::{Framing, Mode, Reader};
use omni_wire::itch::{self, EventColumns, EventDecoder, TypeColumns, View};

#[global_allocator]
static MEMORY: omni_memory::HugePages = omni_memory::HugePages;

const PASSES: usize = 11;

fn main() {
    let path = std::env::args().nth(1).expect("the path of a file in BinaryFILE framing");
    let bytes = std::fs::read(path).expect("a file that can be read");
    let messages = walk(&bytes, |_| ());
    println!("{messages} messages, {} bytes", bytes.len());

    measure("walk", messages, || walk(&bytes, |message| _ = black_box(message)));
    measure("views", messages, || {
        let mut sum = 0u64;
        walk(&bytes, |message| {
            if let Ok(Some(view)) = View::new(message) {
                sum = sum.wrapping_add(touch(&view));
            }
        });
        sum
    });
    measure("frames of a reader", messages, || {
        let mut reader = Reader::new(Framing::BinaryFile, Mode::Strict);
        reader.walk(&bytes, true).filter(|frame| black_box(frame).is_ok()).count()
    });
    for rows in [messages as usize, 8192] {
        let mut columns = EventColumns::zeroed(rows);
        let decoder = EventDecoder::new(0);
        measure(&format!("events, {rows} rows"), messages, || {
            let mut reader = Reader::new(Framing::BinaryFile, Mode::Strict);
            let mut at = 0;
            while !reader.is_over() {
                let filled = reader.fill(&bytes[at..], true, &decoder, &mut columns, 0);
                assert_eq!(filled.error, None);
                at += filled.used;
            }
        });
    }
    let mut tables: Vec<_> = itch::LAYOUTS.iter().map(TypeColumns::new).collect();
    let mut index = [usize::MAX; 256];
    for (at, layout) in itch::LAYOUTS.iter().enumerate() {
        index[usize::from(layout.kind)] = at;
    }
    measure("columns by type", messages, || {
        for table in &mut tables {
            table.take();
        }
        walk(&bytes, |message| tables[index[usize::from(message[0])]].push(message).expect("a message"))
    });
}

/// The parts of the messages that change a book.
fn touch(view: &View) -> u64 {
    match view {
        View::AddOrder(add) => add.timestamp() + add.order_reference_number() + u64::from(add.shares() + add.price()),
        View::OrderExecuted(execution) => execution.order_reference_number() + u64::from(execution.executed_shares()),
        View::OrderDelete(delete) => delete.timestamp() + delete.order_reference_number(),
        View::OrderReplace(replace) => replace.new_order_reference_number() + u64::from(replace.shares() + replace.price()),
        View::OrderCancel(cancel) => cancel.order_reference_number() + u64::from(cancel.cancelled_shares()),
        other => u64::from(other.bytes()[0]),
    }
}

fn walk<'a>(bytes: &'a [u8], mut each: impl FnMut(&'a [u8])) -> u64 {
    let (mut rest, mut messages) = (bytes, 0);
    while let Some((length, after)) = rest.split_first_chunk() {
        let Some((message, after)) = after.split_at_checked(usize::from(u16::from_be_bytes(*length))) else { break };
        each(message);
        rest = after;
        messages += 1;
    }
    messages
}

fn measure<T>(what: &str, messages: u64, mut act: impl FnMut() -> T) {
    let mut times: Vec<f64> = (0..PASSES)
        .map(|_| {
            let start = now();
            black_box(act());
            (now() - start) * 1e9 / messages as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{what:<26} best {:6.2}  median {:6.2} ns/message", times[0], times[PASSES / 2]);
}

/// Seconds: of the processor where Linux counts them, which is what a busy machine does not change.
fn now() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ran: Option<f64> = spent.and_then(|text| text.split(' ').next()?.parse().ok());
    ran.map_or_else(|| START.elapsed().as_secs_f64(), |ns| ns / 1e9)
}
