//! The device behind a window: it does what the software device does, in another thread and in another process, and a device
//! that is silent or no device at all is noticed.
#![cfg(feature = "fpga")]

mod gate_support;

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use gate_support::{Refuses, Stream, config, order, perform};
use omni_oms::gate::{DeviceError, DeviceModel, MappedDevice, RegisterError, RiskDevice, SoftwareDevice, Update, serve};
use omni_oms::{Config, Limits};
use omni_types::{AccountId, InstrumentId, Money, Nanos, RejectReason, Side, Ticks};

const STEPS: u64 = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };
const PATIENCE: Duration = Duration::from_secs(30);
/// Where the child process finds the window that it serves.
const WINDOW: &str = "OMNI_GATE_WINDOW";
const CHILD_SEED: u64 = 2;

#[test]
fn a_device_in_another_thread_agrees_with_the_software_device() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("window");
    let (stream, config) = Stream::new(1);
    DeviceModel::create(&path, &config).unwrap();
    while_served(&path, || agree(&path, stream, &config, STEPS));
}

#[test]
fn a_device_in_another_process_agrees_with_the_software_device() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("window");
    let (stream, config) = Stream::new(CHILD_SEED);
    let child = ["--exact", "serves_as_a_child_process", "--nocapture"];
    let mut child = Command::new(env::current_exe().unwrap())
        .args(child)
        .env(WINDOW, &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    agree(&path, stream, &config, STEPS / 10);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

/// The other side of the test above; run by itself it does nothing. It serves until its input ends.
#[test]
fn serves_as_a_child_process() {
    let Some(path) = env::var_os(WINDOW) else { return };
    let mut device = DeviceModel::create(Path::new(&path), &Stream::new(CHILD_SEED).1).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
            stop.store(true, Ordering::Relaxed);
        });
        device.run(&stop);
    });
}

#[test]
fn a_device_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("window");
    let limits = Limits { max_position: 10, ..Limits::default() };
    DeviceModel::create(&path, &config(&[(1, 0)], &[limits])).unwrap();
    let (account, instrument, side) = (AccountId(0), InstrumentId(0), Side::Buy);
    while_served(&path, || {
        let mut device = MappedDevice::open(&path, PATIENCE).unwrap();
        assert_eq!(device.refuses(&order(side, 10, 0)), None);
        device.apply(Update::Open { account, instrument, side, qty: 10 });
    });
    while_served(&path, || {
        let mut device = MappedDevice::open(&path, PATIENCE).unwrap();
        assert_eq!(device.refuses(&order(side, 1, 0)), Some(RejectReason::PositionLimit));
        assert_eq!(device.read(0x1000_0008), Ok(10));
        device.restore(0x1000_0008, 4).unwrap();
        assert_eq!(device.refuses(&order(side, 6, 0)), None);
        assert!(device.restore(0x0008, 2).is_err());
        assert_eq!(device.fault(), None);
    });
}

#[test]
fn a_silent_device_lets_nothing_pass() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("window");
    let mut model = DeviceModel::create(&path, &config(&[(1, 0)], &[Limits::default()])).unwrap();
    let waited = Duration::from_millis(20);
    let silent = RegisterError::NoAnswer { waited };

    let mut device = MappedDevice::open(&path, waited).unwrap();
    assert_eq!((device.fault(), device.read(0x08)), (None, Ok(2)));
    assert_eq!(device.refuses(&order(Side::Buy, 1, 0)), Some(RejectReason::KillSwitch));
    assert_eq!(device.fault(), Some(silent));
    assert_eq!((device.read(0x08), device.check_write(0x28, 1), device.write(0x28, 1)), (Err(silent), Err(silent), Err(silent)));
    assert_eq!(device.restore(0x30, 0), Err(silent));

    // Another driver is not let in before the question is answered, and the first one trusts no late answer.
    assert!(matches!(MappedDevice::open(&path, waited), Err(DeviceError::Register(error)) if error == silent));
    assert!(model.poll() && !model.poll());
    assert_eq!(device.refuses_cancel(AccountId(0), Nanos(0)), Some(RejectReason::KillSwitch));
    device.apply(Update::Fill {
        account: AccountId(0),
        instrument: InstrumentId(0),
        side: Side::Buy,
        qty: 1,
        price: Ticks(1),
        realised: Money::ZERO,
    });
    assert!(!model.poll(), "a device given up is not asked again");
    assert!(MappedDevice::open(&path, waited).is_ok());
}

#[test]
fn a_question_about_nothing_is_a_fault() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("window");
    DeviceModel::create(&path, &config(&[(1, 0)], &[Limits::default()])).unwrap();
    while_served(&path, || {
        let mut device = MappedDevice::open(&path, PATIENCE).unwrap();
        assert_eq!(device.refuses_cancel(AccountId(7), Nanos(0)), Some(RejectReason::KillSwitch));
        assert!(device.fault().is_some());
    });
}

#[test]
fn what_is_no_window_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("window");
    let open = || MappedDevice::open(&path, PATIENCE).unwrap_err();
    assert!(matches!(open(), DeviceError::Io { op: "open", .. }));
    fs::write(&path, "not a device").unwrap();
    assert!(matches!(open(), DeviceError::NotADevice { what: "length", found: 12, .. }));
    fs::remove_file(&path).unwrap();

    DeviceModel::create(&path, &config(&[(1, 0)], &[Limits::default()])).unwrap();
    assert!(matches!(DeviceModel::create(&path, &config(&[], &[])), Err(DeviceError::Io { op: "create", .. })));
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(0x1000_0000).unwrap();
    assert!(matches!(open(), DeviceError::NotADevice { what: "length", expected: 0x1000_0040, .. }));
    file.set_len(0x1000_0040).unwrap();
    overwrite(&path, 0x1008, u64::MAX);
    let damaged = DeviceModel::open(&path).unwrap_err();
    assert!(matches!(damaged, DeviceError::Register(RegisterError::Value { name: "MAX_POSITION", .. })));
    overwrite(&path, 0x1008, 5);
    overwrite(&path, 0x1108, 0);
    let damaged = DeviceModel::open(&path).unwrap_err();
    assert!(matches!(damaged, DeviceError::Register(RegisterError::Value { name: "PARENT", found: 0, .. })), "{damaged}");
    overwrite(&path, 0x1108, i64::MAX as u64);
    overwrite(&path, 0x40_0020, 1);
    let damaged = DeviceModel::open(&path).unwrap_err();
    assert!(matches!(damaged, DeviceError::Register(RegisterError::Value { name: "SECTOR", found: 1, .. })), "{damaged}");
    overwrite(&path, 0x08, 1);
    assert!(matches!(open(), DeviceError::NotADevice { what: "VERSION", expected: 2, found: 1, .. }));
    overwrite(&path, 0x00, 0);
    assert!(matches!(open(), DeviceError::NotADevice { what: "DEVICE_ID", found: 0, .. }));
}

/// Send a stream to both devices, and compare every outcome, and every register now and then.
fn agree(path: &Path, mut stream: Stream, config: &Config, steps: u64) {
    let mut software = SoftwareDevice::new(config).unwrap();
    let mut mapped = open_when_ready(path);
    assert_eq!(mapped.map(), software.map());
    for number in 0..steps {
        let step = stream.step();
        let outcome = perform(&mut software, step);
        assert_eq!(perform(&mut mapped, step), outcome, "step {number}: {step:?}");
        stream.learn(step, outcome);
        if number % 10_000 == 0 || number == steps - 1 {
            for address in software.map().addresses() {
                assert_eq!(mapped.read(address), software.read(address), "step {number}, address {address:#x}");
            }
        }
    }
    assert_eq!(mapped.fault(), None);
}

/// The window says what it is once everything else is in place.
fn open_when_ready(path: &Path) -> MappedDevice {
    let start = Instant::now();
    loop {
        match MappedDevice::open(path, PATIENCE) {
            Ok(device) => return device,
            Err(error) => assert!(start.elapsed() < PATIENCE, "{error}"),
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Do something while another thread is the device.
fn while_served(path: &Path, act: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        // Also when the act fails, or the test would not end.
        let _stop = StopOnDrop(&stop);
        scope.spawn(|| serve(path, &stop).unwrap());
        act();
    });
}

struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn overwrite(path: &Path, offset: u64, value: u64) {
    use std::io::{Seek, SeekFrom, Write};
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.write_all(&value.to_le_bytes()).unwrap();
}
