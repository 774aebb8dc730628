//! The device's side of the window: what hardware would do, done by a thread or a process.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::DeviceError;
use super::mailbox::{DONE, DOORBELL, NOT_UNDERSTOOD, RESULT, Request, result_of};
use super::window::Window;
use crate::config::Config;
use crate::gate::derived::Derived;
use crate::gate::memory::Memory;
use crate::gate::{access, engine, setup, updates};

/// Looks at the doorbell before the thread lets others run, and before it sleeps between looks.
const SPINS: u32 = 256;
const YIELDS: u32 = 16_384;
const NAP: Duration = Duration::from_micros(50);

/// A device that keeps its registers in a window and answers requests there.
///
/// The file is its memory: a device that stops and is opened again goes on where it was. Exactly one device may serve a window,
/// and the file must keep its length while somebody has it open.
#[derive(Debug)]
pub struct DeviceModel {
    window: Window,
    derived: Derived,
    done: u64,
}

impl DeviceModel {
    /// A device over a new file, for these instruments and accounts. Its tokens are full.
    ///
    /// # Errors
    ///
    /// The file exists or cannot be created, there are too many accounts or instruments, or a limit, a parent or a sector is one
    /// that its register does not take.
    pub fn create(path: &Path, config: &Config) -> Result<Self, DeviceError> {
        let window = Window::create(path, setup::plan(config)?)?;
        setup::reset(&window, config);
        let derived = Derived::of(&window)?;
        Ok(Self { window, derived, done: 0 })
    }

    /// A device that goes on with the registers in a file.
    ///
    /// # Errors
    ///
    /// There is no such file, it is not a window, or it holds a setting that its register does not take.
    pub fn open(path: &Path) -> Result<Self, DeviceError> {
        let window = Window::open(path)?;
        access::check_settings(&window)?;
        let derived = Derived::of(&window)?;
        let done = window.completion().get(DONE);
        Ok(Self { window, derived, done })
    }

    /// Answer the request that waits, if one does.
    pub fn poll(&mut self) -> bool {
        let request = self.window.request();
        let asked = request.acquire(DOORBELL);
        if asked == self.done {
            return false;
        }
        let result = Request::get(request, self.window.map()).map_or(NOT_UNDERSTOOD, |request| self.answer(request));
        self.done = asked;
        self.window.completion().set(RESULT, result);
        self.window.completion().release(DONE, asked);
        true
    }

    /// Answer requests until `stop` is set.
    pub fn run(&mut self, stop: &AtomicBool) {
        let mut idle = 0_u32;
        while !stop.load(Ordering::Relaxed) {
            if self.poll() {
                idle = 0;
                continue;
            }
            idle = idle.saturating_add(1);
            match idle {
                ..SPINS => std::hint::spin_loop(),
                SPINS..YIELDS => thread::yield_now(),
                YIELDS.. => thread::sleep(NAP),
            }
        }
    }

    fn answer(&mut self, request: Request) -> u64 {
        let done = |result: Result<_, _>| if result.is_ok() { 0 } else { NOT_UNDERSTOOD };
        let Self { window, derived, .. } = self;
        match request {
            Request::Order(order) => result_of(engine::check_order(window, derived, &order)),
            Request::Cancel { account, now } => result_of(engine::check_cancel(window, derived, account, now)),
            Request::Apply(update) => {
                updates::apply(window, derived, update);
                0
            }
            Request::Write { address, value } => done(access::write(window, derived, address, value)),
            Request::Restore { address, value } => done(access::restore(window, derived, address, value)),
        }
    }
}

/// Open the device in a file and answer requests until `stop` is set.
///
/// # Errors
///
/// As [`DeviceModel::open`].
pub fn serve(path: &Path, stop: &AtomicBool) -> Result<(), DeviceError> {
    DeviceModel::open(path)?.run(stop);
    Ok(())
}
