//! A host in Rust: it sends commands through the C functions and keeps the reports. There is one engine in a process, so that one test at a
//! time has it.
#![allow(unsafe_code)]
// Each test uses its part of it.
#![allow(dead_code)]
// The engine of the process is asked, but only who has a host has its turn.
#![allow(clippy::unused_self)]

use std::ffi::c_void;
use std::sync::{Mutex, MutexGuard, PoisonError};

use omni_engine::{
    Cancel, Modify, NewOrder, Report, Transport, engine_init, engine_on_cancel, engine_on_modify, engine_on_new_order,
    engine_query_best_ask, engine_query_best_bid, engine_query_depth_at, engine_shutdown,
};

static TURN: Mutex<()> = Mutex::new(());

/// An engine from its start to its end.
pub struct Host {
    // The engine knows its address, which must not move with the host.
    #[allow(clippy::box_collection)]
    reports: Box<Vec<Report>>,
    seq: u64,
    _turn: MutexGuard<'static, ()>,
}

/// A command; sides are 0 and 1 as in C.
#[derive(Clone, Copy, Debug)]
pub enum Command {
    New { id: u64, side: u8, qty: u32, px: i64, ioc: bool },
    Cancel { id: u64 },
    Modify { id: u64, qty: u32, px: i64 },
}

pub const BUY: u8 = 0;
pub const SELL: u8 = 1;

pub fn limit(id: u64, side: u8, qty: u32, px: i64) -> Command {
    Command::New { id, side, qty, px, ioc: false }
}

pub fn ioc(id: u64, side: u8, qty: u32, px: i64) -> Command {
    Command::New { id, side, qty, px, ioc: true }
}

pub fn cancel(id: u64) -> Command {
    Command::Cancel { id }
}

pub fn modify(id: u64, qty: u32, px: i64) -> Command {
    Command::Modify { id, qty, px }
}

impl Host {
    pub fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut host = Self { reports: Box::default(), seq: 0, _turn: turn };
        host.start_over();
        host
    }

    /// `engine_init` again.
    pub fn start_over(&mut self) {
        let transport = Transport { push: Some(keep), ..Transport::default() };
        // SAFETY: this host has its turn, and the reports stay where they are until `drop`.
        unsafe { engine_init(0, Some(&transport), (&raw mut *self.reports).cast()) };
    }

    /// Send a command under the next sequence number, from 0; returns the reports it causes.
    pub fn send(&mut self, command: Command) -> Vec<Report> {
        let seq = self.seq;
        self.seq += 1;
        // SAFETY: this host has its turn.
        unsafe {
            match command {
                Command::New { id, side, qty, px, ioc } => {
                    engine_on_new_order(Some(&NewOrder { id, seq, px, qty, side, ioc: u8::from(ioc), reserved: [0; 2] }));
                }
                Command::Cancel { id } => engine_on_cancel(Some(&Cancel { id, seq })),
                Command::Modify { id, qty, px } => engine_on_modify(Some(&Modify { id, seq, px, qty, ..Modify::default() })),
            }
        }
        std::mem::take(&mut *self.reports)
    }

    /// Whatever came since the last command.
    pub fn reports(&mut self) -> Vec<Report> {
        std::mem::take(&mut *self.reports)
    }

    /// Best bid and ask, with C's numbers for none.
    pub fn best(&self) -> (i64, i64) {
        // SAFETY: this host has its turn.
        unsafe { (engine_query_best_bid(), engine_query_best_ask()) }
    }

    pub fn depth_at(&self, px: i64, side: u8) -> u64 {
        // SAFETY: this host has its turn.
        unsafe { engine_query_depth_at(px, side) }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // SAFETY: this host has its turn.
        unsafe { engine_shutdown() };
    }
}

unsafe extern "C" fn keep(sink: *mut c_void, report: *const Report) -> i32 {
    // SAFETY: the sink is the list of the host that has its turn, and the engine lends a report for the length of the call.
    unsafe { (*sink.cast::<Vec<Report>>()).push(*report) };
    1
}
