//! The host's side of the window.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use omni_types::{AccountId, Nanos, RejectReason};

use super::DeviceError;
use super::mailbox::{DONE, DOORBELL, RESULT, Request, verdict_of};
use super::window::Window;
use crate::gate::map::Map;
use crate::gate::memory::Memory;
use crate::gate::{OrderCheck, RegisterError, RiskDevice, Update, Verdict, access};

/// Looks at DONE before the thread lets others run, and before it looks at the time.
const SPINS: u32 = 256;

/// The driver of a device behind a window.
///
/// A device that does not answer in time is given up: from then on every check is refused with KILL_SWITCH and every access
/// fails, because nobody knows what its registers hold. [`RiskDevice::fault`] says so. The clock is looked at for this alone;
/// no answer of a device depends on it. The file must keep its length while it is open, and one driver at a time may have it.
#[derive(Debug)]
pub struct MappedDevice {
    window: Window,
    timeout: Duration,
    fault: Option<RegisterError>,
}

impl MappedDevice {
    /// The driver of the device in a file, which has `timeout` for each answer.
    ///
    /// # Errors
    ///
    /// There is no such file, it is not a window, or a request of an earlier driver is not answered.
    pub fn open(path: &Path, timeout: Duration) -> Result<Self, DeviceError> {
        let window = Window::open(path)?;
        let device = Self { window, timeout, fault: None };
        device.wait_for(device.window.request().get(DOORBELL))?;
        Ok(device)
    }

    /// Its map.
    pub fn map(&self) -> Map {
        self.window.map()
    }

    /// Have the device do something, and give what it says.
    fn ask(&mut self, request: Request) -> Result<Verdict, RegisterError> {
        self.usable()?;
        let answer = self.exchange(request);
        self.fault = answer.err();
        answer
    }

    fn exchange(&self, request: Request) -> Result<Verdict, RegisterError> {
        let words = self.window.request();
        request.put(words);
        let number = words.get(DOORBELL).wrapping_add(1);
        words.release(DOORBELL, number);
        self.wait_for(number)?;
        verdict_of(self.window.completion().get(RESULT)).ok_or(RegisterError::NoAnswer { waited: Duration::ZERO })
    }

    fn wait_for(&self, number: u64) -> Result<(), RegisterError> {
        let completion = self.window.completion();
        let is_done = || completion.acquire(DONE) == number;
        if (0..SPINS).any(|_| {
            std::hint::spin_loop();
            is_done()
        }) {
            return Ok(());
        }
        let start = Instant::now();
        while !is_done() {
            if start.elapsed() > self.timeout {
                return Err(RegisterError::NoAnswer { waited: self.timeout });
            }
            thread::yield_now();
        }
        Ok(())
    }

    fn usable(&self) -> Result<(), RegisterError> {
        self.fault.map_or(Ok(()), Err)
    }
}

impl RiskDevice for MappedDevice {
    fn read(&self, address: u64) -> Result<u64, RegisterError> {
        self.usable()?;
        access::read(&self.window, address)
    }

    fn check_write(&self, address: u64, value: u64) -> Result<(), RegisterError> {
        self.usable()?;
        self.map().check_write(address, value).map(drop)
    }

    fn write(&mut self, address: u64, value: u64) -> Result<(), RegisterError> {
        self.check_write(address, value)?;
        self.ask(Request::Write { address, value }).map(drop)
    }

    fn check_order(&mut self, order: &OrderCheck) -> Verdict {
        self.ask(Request::Order(*order)).unwrap_or(Verdict::refused(RejectReason::KillSwitch))
    }

    fn check_cancel(&mut self, account: AccountId, now: Nanos) -> Verdict {
        self.ask(Request::Cancel { account, now }).unwrap_or(Verdict::refused(RejectReason::KillSwitch))
    }

    fn apply(&mut self, update: Update) {
        // A device that fails here is given up like any other; the next check says so.
        self.ask(Request::Apply(update)).ok();
    }

    fn restore(&mut self, address: u64, value: u64) -> Result<(), RegisterError> {
        self.map().check_restore(address, value)?;
        self.ask(Request::Restore { address, value }).map(drop)
    }

    fn fault(&self) -> Option<RegisterError> {
        self.fault
    }
}
