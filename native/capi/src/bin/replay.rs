//! Replay an order flow into an engine that exports this C ABI, ours or another, and print one line of JSON.
//!
//! ```text
//! replay ENGINE.so FLOW [--passes N] [--commands N]     nanoseconds of CPU a command, one figure a pass
//! replay ENGINE.so FLOW --check [--commands N]          what it reports and what its book is, as two digests
//! ```
//!
//! Everything happens on one thread, whose CPU time is what counts. While the clock runs reports are only counted. The digest of reports is
//! the SHA-256 of one line for each, sorted by command and type, which is how public harnesses of this ABI compare engines: what an engine
//! sends first, an acceptance or a trade, does not matter. `docs/c-abi.md` has the formats.
#![allow(unsafe_code)]

use std::error::Error;
use std::ffi::c_void;
use std::fmt::Write as _;
use std::io::Read;

use libloading::{Library, Symbol};
use omni_engine::{
    Body, Cancel, Message, Modify, NewOrder, OMNI_ACCEPTED, OMNI_CANCEL, OMNI_CANCELED, OMNI_MODIFIED, OMNI_MODIFY,
    OMNI_NEW_ORDER, OMNI_TRADE, Report, Transport,
};
use sha2::{Digest, Sha256};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Best prices and depth are asked for so many times in a flow.
const N_PROBES: usize = 1_024;

fn main() -> Result<()> {
    let (mut paths, mut n_passes, mut n_commands, mut is_check) = (Vec::new(), 3, usize::MAX, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--passes" => n_passes = arguments.next().ok_or("--passes needs a number")?.parse()?,
            "--commands" => n_commands = arguments.next().ok_or("--commands needs a number")?.parse()?,
            "--check" => is_check = true,
            _ => paths.push(argument),
        }
    }
    let [engine, flow] = &paths[..] else {
        return Err("usage: replay ENGINE.so FLOW [--passes N] [--commands N] [--check]".into());
    };
    let messages = read_flow(flow, n_commands)?;
    // SAFETY: whoever names an engine trusts it: loading it runs its code.
    let library = unsafe { Library::new(engine) }?;
    // SAFETY: by its name it exports the ABI.
    let engine = unsafe { Engine::of(&library) }?;
    if is_check {
        println!("{}", check(&engine, &messages));
    } else {
        println!("{}", time(&engine, &messages, n_passes));
    }
    Ok(())
}

/// The functions of an engine.
struct Engine<'l> {
    init: Symbol<'l, unsafe extern "C" fn(u64, *const Transport, *mut c_void)>,
    new_order: Symbol<'l, unsafe extern "C" fn(*const NewOrder)>,
    cancel: Symbol<'l, unsafe extern "C" fn(*const Cancel)>,
    modify: Symbol<'l, unsafe extern "C" fn(*const Modify)>,
    flush: Symbol<'l, unsafe extern "C" fn()>,
    shutdown: Symbol<'l, unsafe extern "C" fn()>,
    best_bid: Symbol<'l, unsafe extern "C" fn() -> i64>,
    best_ask: Symbol<'l, unsafe extern "C" fn() -> i64>,
    depth_at: Symbol<'l, unsafe extern "C" fn(i64, u8) -> u64>,
    /// Some engines translate commands before the clock starts.
    prebuild: Option<Symbol<'l, unsafe extern "C" fn(u8, *const c_void)>>,
}

impl<'l> Engine<'l> {
    /// SAFETY: the library's functions have these types.
    unsafe fn of(library: &'l Library) -> Result<Self> {
        unsafe {
            Ok(Self {
                init: library.get("engine_init")?,
                new_order: library.get("engine_on_new_order")?,
                cancel: library.get("engine_on_cancel")?,
                modify: library.get("engine_on_modify")?,
                flush: library.get("engine_flush")?,
                shutdown: library.get("engine_shutdown")?,
                best_bid: library.get("engine_query_best_bid")?,
                best_ask: library.get("engine_query_best_ask")?,
                depth_at: library.get("engine_query_depth_at")?,
                prebuild: library.get("engine_prebuild").ok(),
            })
        }
    }

    /// Start with an empty book, and let an engine that wants to see the commands before they come.
    unsafe fn start(&self, transport: &Transport, sink: *mut c_void, messages: &[Message]) {
        unsafe {
            (self.init)(0, transport, sink);
            if let Some(prebuild) = &self.prebuild {
                for message in messages {
                    prebuild(message.r#type, (&raw const message.body).cast());
                }
            }
        }
    }

    #[inline]
    unsafe fn send(&self, message: &Message) {
        unsafe {
            match message.r#type {
                OMNI_NEW_ORDER => (self.new_order)(&raw const message.body.new_order),
                OMNI_CANCEL => (self.cancel)(&raw const message.body.cancel),
                _ => (self.modify)(&raw const message.body.modify),
            }
        }
    }
}

/// CPU time of every pass, and how many reports of each type.
fn time(engine: &Engine, messages: &[Message], n_passes: usize) -> String {
    unsafe extern "C" fn count(sink: *mut c_void, report: *const Report) -> i32 {
        // SAFETY: the sink is the counts below.
        unsafe { (*sink.cast::<[u64; 8]>())[usize::from((*report).r#type & 7)] += 1 };
        1
    }
    // Engines may keep the address of it.
    let transport = Transport { push: Some(count), ..Transport::default() };
    let mut figures = Vec::new();
    let mut counts = [0_u64; 8];
    for _ in 0..n_passes {
        counts = [0; 8];
        // SAFETY: one thread, and the counts outlive the pass.
        unsafe {
            engine.start(&transport, (&raw mut counts).cast(), messages);
            let start = cpu_ns();
            for message in messages {
                engine.send(message);
            }
            (engine.flush)();
            figures.push((cpu_ns() - start) as f64 / messages.len() as f64);
            (engine.shutdown)();
        }
    }
    format!("{{\"commands\": {}, \"ns\": {figures:?}, \"reports\": {:?}}}", messages.len(), &counts[..6])
}

/// Digests of all reports, and of the book at many points.
fn check(engine: &Engine, messages: &[Message]) -> String {
    unsafe extern "C" fn keep(sink: *mut c_void, report: *const Report) -> i32 {
        // SAFETY: the sink is the list below.
        unsafe { (*sink.cast::<Vec<Report>>()).push(*report) };
        1
    }
    let transport = Transport { push: Some(keep), ..Transport::default() };
    let mut reports: Vec<Report> = Vec::with_capacity(2 * messages.len());
    let mut book = Sha256::new();
    let every = messages.len().div_ceil(N_PROBES);
    // SAFETY: one thread, and the list outlives the pass.
    unsafe {
        engine.start(&transport, (&raw mut reports).cast(), messages);
        for (at, message) in messages.iter().enumerate() {
            engine.send(message);
            if at % every == 0 {
                book.update((engine.best_bid)().to_le_bytes());
                book.update((engine.best_ask)().to_le_bytes());
                let new = message.body.new_order;
                if message.r#type == OMNI_NEW_ORDER {
                    book.update((engine.depth_at)(new.px, new.side).to_le_bytes());
                }
            }
        }
        (engine.flush)();
        (engine.shutdown)();
    }
    reports.sort_by_key(|report| (report.seq, report.r#type));
    let mut counts = [0_u64; 8];
    let mut digest = Sha256::new();
    let mut line = String::new();
    for (at, report) in reports.iter().enumerate() {
        counts[usize::from(report.r#type & 7)] += 1;
        line.clear();
        if at > 0 {
            line.push('\n');
        }
        write_line(&mut line, report);
        digest.update(&line);
    }
    format!(
        "{{\"commands\": {}, \"reports\": {:?}, \"sha256\": \"{}\", \"book\": \"{}\"}}",
        messages.len(),
        &counts[..6],
        hex(&digest.finalize()),
        hex(&book.finalize())
    )
}

/// A report as a line of what must be the same in every engine.
fn write_line(line: &mut String, report: &Report) {
    let Report { r#type, side, seq, id, px, qty, maker, taker, .. } = *report;
    let written = match r#type {
        OMNI_ACCEPTED | OMNI_MODIFIED => write!(line, "{type},{seq},{side},{id},{px},{qty}"),
        OMNI_TRADE => write!(line, "{type},{seq},{px},{qty},{maker},{taker}"),
        OMNI_CANCELED => write!(line, "{type},{seq},{side},{id},{px}"),
        _ => write!(line, "{type},{seq},{id}"),
    };
    written.expect("a string takes everything");
}

fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// The first commands of a flow, as the ABI wants them; sequence numbers count from 0.
fn read_flow(path: &str, n_commands: usize) -> Result<Vec<Message>> {
    let mut file = std::io::BufReader::new(std::fs::File::open(path).map_err(|error| format!("{path}: {error}"))?);
    let mut header = [0; 16];
    file.read_exact(&mut header)?;
    if &header[..8] != b"LOBFLOW1" || header[8..12] != 1_u32.to_le_bytes() {
        return Err(format!("{path} is not a flow of version 1").into());
    }
    let n_commands = n_commands.min(u32::from_le_bytes(header[12..].try_into()?) as usize);
    let mut record = [0; 32];
    let mut messages = Vec::with_capacity(n_commands);
    for seq in 0..n_commands as u64 {
        file.read_exact(&mut record).map_err(|error| format!("{path}, command {seq}: {error}"))?;
        let [r#type, side, ioc] = [record[0], record[1], record[2]];
        let qty = u32::from_le_bytes(record[4..8].try_into()?);
        let id = u64::from_le_bytes(record[8..16].try_into()?);
        let px = i64::from_le_bytes(record[16..24].try_into()?);
        let body = match r#type {
            OMNI_NEW_ORDER => Body { new_order: NewOrder { id, seq, px, qty, side, ioc, reserved: [0; 2] } },
            OMNI_CANCEL => Body { cancel: Cancel { id, seq } },
            OMNI_MODIFY => Body { modify: Modify { id, seq, px, qty, side, reserved: [0; 3] } },
            _ => return Err(format!("{path}, command {seq}: {type} is neither 0, 1 nor 2").into()),
        };
        messages.push(Message { r#type, reserved: [0; 7], body });
    }
    Ok(messages)
}

/// CPU time of this thread.
fn cpu_ns() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes the time there and nowhere else.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut now) };
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}
