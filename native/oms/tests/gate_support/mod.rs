//! Worlds and random streams for the tests of the gate.
#![allow(dead_code, reason = "every test file uses a part of it")]

use omni_oms::gate::{OrderCheck, RiskDevice, Update};
use omni_oms::{AccountConfig, Config, InstrumentConfig, Limits};
use omni_types::{AccountId, InstrumentId, Money, Nanos, RejectReason, Side, Ticks};

/// A system with these limits, one account each, and instruments with these tick values and reference prices.
pub fn config(instruments: &[(i128, i64)], accounts: &[Limits]) -> Config {
    let instrument = |&(tick_value, reference): &(i128, i64)| InstrumentConfig {
        tick_value: Money(tick_value),
        reference: Ticks(reference),
        ..InstrumentConfig::default()
    };
    Config {
        instruments: instruments.iter().map(instrument).collect(),
        accounts: accounts.iter().map(|&limits| AccountConfig { limits, ..AccountConfig::default() }).collect(),
        ..Config::default()
    }
}

/// What a device says, but for warnings.
pub trait Refuses: RiskDevice {
    fn refuses(&mut self, order: &OrderCheck) -> Option<RejectReason> {
        self.check_order(order).refused
    }

    fn refuses_cancel(&mut self, account: AccountId, now: Nanos) -> Option<RejectReason> {
        self.check_cancel(account, now).refused
    }
}

impl<D: RiskDevice> Refuses for D {}

/// A new order of account 0 in instrument 0.
pub fn order(side: Side, qty: i64, price: i64) -> OrderCheck {
    let (account, instrument) = (AccountId(0), InstrumentId(0));
    OrderCheck { account, instrument, side, now: Nanos(0), size: qty, added: qty, leaves: qty, price }
}

/// Steps of a random generator: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Evenly in 0 … n − 1.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// In 1 … 2^63 − 1, each order of magnitude as likely, and often at its edge.
    pub fn magnitude(&mut self) -> i64 {
        let power = 1_i64 << self.below(63);
        match self.below(4) {
            0 => power,
            1 => power - 1 + i64::from(power == 1),
            _ => power | (self.next() as i64 & (power - 1)),
        }
    }
}

/// One thing that a device is asked or told.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Order(OrderCheck),
    Cancel(AccountId, Nanos),
    Apply(Update),
    Write(u64, u64),
}

/// What came of it: the code of the verdict, or whether the write was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Verdict(u8),
    Applied,
    Written(bool),
}

pub fn perform(device: &mut impl RiskDevice, step: Step) -> Outcome {
    let verdict = |reason: Option<RejectReason>| Outcome::Verdict(reason.map_or(0, RejectReason::code));
    match step {
        Step::Order(order) => verdict(device.check_order(&order)),
        Step::Cancel(account, now) => verdict(device.check_cancel(account, now)),
        Step::Apply(update) => {
            device.apply(update);
            Outcome::Applied
        }
        Step::Write(address, value) => {
            let would = device.check_write(address, value);
            assert_eq!(device.write(address, value), would);
            Outcome::Written(would.is_ok())
        }
    }
}

pub const N_ACCOUNTS: u64 = 3;
pub const N_INSTRUMENTS: u64 = 4;

/// A random stream as a system would send it: what passed is opened, and only what is open is filled or canceled.
pub struct Stream {
    random: Random,
    now: i64,
    /// What must follow the last step before anything else.
    due: Option<Update>,
    /// Open lots by position and side.
    open: Vec<[i128; 2]>,
    references: Vec<i64>,
    /// How many steps ended with each code.
    pub verdicts: [u64; 40],
}

impl Stream {
    pub fn new(seed: u64) -> (Self, Config) {
        let mut random = Random(seed);
        let tick_value = |random: &mut Random| match random.below(3) {
            0 => 1,
            1 => 10_i128.pow(16),
            _ => (1 << 89) + i128::from(random.magnitude()),
        };
        let instruments: Vec<_> =
            (0..N_INSTRUMENTS).map(|_| (tick_value(&mut random), random.pick(&[0, 1, 100, 10_000, 1 << 50]))).collect();
        let accounts = [Limits::default(); N_ACCOUNTS as usize];
        let stream = Self {
            random,
            now: 0,
            due: None,
            open: vec![[0; 2]; (N_ACCOUNTS * N_INSTRUMENTS) as usize],
            references: instruments.iter().map(|&(_, reference)| reference).collect(),
            verdicts: [0; 40],
        };
        (stream, config(&instruments, &accounts))
    }

    pub fn step(&mut self) -> Step {
        if let Some(update) = self.due.take() {
            return Step::Apply(update);
        }
        let account = AccountId(self.random.below(N_ACCOUNTS) as u32);
        let instrument = InstrumentId(self.random.below(N_INSTRUMENTS) as u32);
        let side = self.random.pick(&[Side::Buy, Side::Sell]);
        self.now = self.now.saturating_add(match self.random.below(1_000) {
            0 => self.random.magnitude(),
            1..600 => self.random.below(50_000_000) as i64,
            _ => 0,
        });
        match self.random.below(100) {
            0..50 => self.order(account, instrument, side),
            50..60 => Step::Cancel(account, Nanos(self.now)),
            60..90 => self.close(account, instrument, side),
            90..94 => {
                let last = self.references[instrument.0 as usize].max(1);
                let price = if self.random.below(20) == 0 { self.random.magnitude() } else { self.near(last) };
                self.references[instrument.0 as usize] = price;
                Step::Apply(Update::Reference { instrument, price: Ticks(price) })
            }
            _ => self.write(account),
        }
    }

    /// What the system does next depends on what the device said.
    pub fn learn(&mut self, step: Step, outcome: Outcome) {
        let Outcome::Verdict(code) = outcome else { return };
        self.verdicts[usize::from(code)] += 1;
        if let (Step::Order(OrderCheck { account, instrument, side, added, .. }), 0) = (step, code) {
            let open = self.open_of(account, instrument, side);
            // A replacement that takes more away than there is cannot be.
            let qty = i128::from(added).max(-*open) as i64;
            *open += i128::from(qty);
            self.due = Some(Update::Open { account, instrument, side, qty });
        }
    }

    fn order(&mut self, account: AccountId, instrument: InstrumentId, side: Side) -> Step {
        let total = match self.random.below(20) {
            0..18 => 1 + self.random.below(20) as i64,
            18 => 1 + self.random.below(1 << 50) as i64,
            _ => self.random.magnitude(),
        };
        let reference = self.references[instrument.0 as usize].max(1);
        let price = match self.random.below(20) {
            0..4 => 0,
            4..19 => self.near(reference),
            _ => self.random.magnitude(),
        };
        let is_replacement = self.random.below(5) == 0;
        let leaves = if is_replacement { 1 + self.random.below(total as u64) as i64 } else { total };
        let added = if is_replacement { leaves - self.random.below(20) as i64 } else { total };
        Step::Order(OrderCheck { account, instrument, side, now: Nanos(self.now), size: total, added, leaves, price })
    }

    /// Fill or cancel something that is open.
    fn close(&mut self, account: AccountId, instrument: InstrumentId, side: Side) -> Step {
        let all = (*self.open_of(account, instrument, side)).min(i64::MAX.into()) as i64;
        let part = if all > 0 { 1 + self.random.below(all as u64) as i64 } else { 0 };
        let qty = self.random.pick(&[all, part]);
        *self.open_of(account, instrument, side) -= i128::from(qty);
        if self.random.below(3) == 0 {
            return Step::Apply(Update::Open { account, instrument, side, qty: -qty });
        }
        let amount = if self.random.below(50) == 0 { 1_i128 << self.random.below(100) } else { self.random.below(1_000).into() };
        let realised = Money(amount * self.random.pick(&[-1, -1, 1]));
        Step::Apply(Update::Fill { account, instrument, side, qty, realised })
    }

    fn write(&mut self, account: AccountId) -> Step {
        let bank = 0x1000 + 0x100 * u64::from(account.0);
        // Mostly what is writable and a value that bites; sometimes anything anywhere.
        let offset = self.random.pick(&[0x08, 0x10, 0x18, 0x20, 0x28, 0x30, 0x38, 0x40, 0x48, 0x50, 0x58, 0x80]);
        let no_limit = i64::MAX as u64;
        let value = match offset {
            0x08 | 0x10 => self.random.pick(&[0, 5, 20, 1_000, 1 << 50, no_limit - 1, no_limit, no_limit]),
            0x18 => self.random.pick(&[0, 100, 500, 10_000, no_limit - 1, no_limit, no_limit]),
            0x20 | 0x50 => self.random.pick(&[0, 1_000, 100_000, 1 << 63, u64::MAX]),
            0x28 | 0x58 => self.random.pick(&[0, 0, 10, 1 << 32, no_limit - 1, no_limit, no_limit]),
            0x30 | 0x40 => self.random.pick(&[1, 10, 1_000, 1_000_000_000, no_limit, no_limit]),
            0x38 | 0x48 => self.random.pick(&[1, 2, 50, 1_000_000_000]),
            _ => 0,
        };
        match self.random.below(30) {
            0 => Step::Write(0x20, self.random.pick(&[0, 0, 0, 1])),
            1 => Step::Write(bank, self.random.pick(&[0, 0, 0, 1])),
            2 => Step::Write(bank + offset, self.random.pick(&[2, 1 << 63, no_limit - 1, u64::MAX])),
            3 => Step::Write(8 * self.random.below(0x50_0000), 0),
            4 => Step::Write(bank + self.random.below(0x100), value),
            5 => Step::Write(0x1000_0000 + 8 * self.random.below(0x40), value),
            6 => Step::Write(8 * self.random.below(0x10), value),
            // Kill switches must not stay on for most of the stream.
            7..12 => Step::Write(self.random.pick(&[0x20, bank]), 0),
            _ => Step::Write(bank + offset, value),
        }
    }

    /// Within about a tenth of a price.
    fn near(&mut self, price: i64) -> i64 {
        let width = (price / 10).max(2) as u64;
        price.saturating_sub(width as i64).saturating_add(self.random.below(2 * width) as i64).max(1)
    }

    fn open_of(&mut self, account: AccountId, instrument: InstrumentId, side: Side) -> &mut i128 {
        let position = u64::from(account.0) * N_INSTRUMENTS + u64::from(instrument.0);
        &mut self.open[position as usize][side.index()]
    }
}
