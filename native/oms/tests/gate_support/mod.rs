//! Worlds and random streams for the tests of the gate.
#![allow(dead_code, reason = "every test file uses a part of it")]

pub mod big;

use omni_oms::gate::{OrderCheck, RiskDevice, Update, Verdict};
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

/// What came of it: the codes of refusal and warning, or whether the write was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Verdict(u8, u8),
    Applied,
    Written(bool),
}

pub fn perform(device: &mut impl RiskDevice, step: Step) -> Outcome {
    let code = |reason: Option<RejectReason>| reason.map_or(0, RejectReason::code);
    let verdict = |verdict: Verdict| Outcome::Verdict(code(verdict.refused), code(verdict.warned));
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

/// Four accounts: three in a line, and one alone.
pub const PARENTS: [Option<u32>; 4] = [None, Some(0), Some(1), None];
pub const N_ACCOUNTS: u64 = PARENTS.len() as u64;
pub const N_INSTRUMENTS: u64 = 4;
/// Two of the first sector, one of none, and one of the third: the second is empty.
pub const SECTORS: [u32; 4] = [1, 1, 0, 3];

/// A random stream as a system would send it: what passed is opened, and only what is open is filled or canceled.
pub struct Stream {
    random: Random,
    now: i64,
    /// What must follow the last step before anything else.
    due: Option<Update>,
    /// Open lots by position and side.
    open: Vec<[i128; 2]>,
    references: Vec<i64>,
    /// How many steps were refused with each code.
    pub verdicts: [u64; 48],
    /// And warned.
    pub warnings: [u64; 48],
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
        let mut config = config(&instruments, &[Limits::default(); N_ACCOUNTS as usize]);
        for (about, parent) in config.accounts.iter_mut().zip(PARENTS) {
            about.parent = parent.map(AccountId);
            about.capital = Money(random.pick(&[0, 1_000_000, 10_i128.pow(24), i128::MAX]));
        }
        config.instruments.iter_mut().zip(SECTORS).for_each(|(about, sector)| about.sector = sector);
        let stream = Self {
            random,
            now: 0,
            due: None,
            open: vec![[0; 2]; (N_ACCOUNTS * N_INSTRUMENTS) as usize],
            references: instruments.iter().map(|&(_, reference)| reference).collect(),
            verdicts: [0; 48],
            warnings: [0; 48],
        };
        (stream, config)
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
            90 => {
                let amount = i128::from(self.random.magnitude()) << self.random.below(64);
                Step::Apply(Update::Cash { account, amount: Money(amount * self.random.pick(&[-1, 1])) })
            }
            91..94 => {
                let last = self.references[instrument.0 as usize].max(1);
                let price = if self.random.below(20) == 0 { self.random.magnitude() } else { self.near(last) };
                self.references[instrument.0 as usize] = price;
                Step::Apply(Update::Reference { instrument, price: Ticks(price) })
            }
            _ => self.write(account, instrument),
        }
    }

    /// What the system does next depends on what the device said.
    pub fn learn(&mut self, step: Step, outcome: Outcome) {
        let Outcome::Verdict(code, warning) = outcome else { return };
        self.verdicts[usize::from(code)] += 1;
        self.warnings[usize::from(warning)] += 1;
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
        let reference = self.references[instrument.0 as usize].max(1);
        let price = if self.random.below(50) == 0 { self.random.magnitude() } else { self.near(reference) };
        Step::Apply(Update::Fill { account, instrument, side, qty, price: Ticks(price), realised })
    }

    fn write(&mut self, account: AccountId, instrument: InstrumentId) -> Step {
        let bank = 0x1000 + 0x200 * u64::from(account.0);
        let traded = 0x40_0000 + 0x80 * u64::from(instrument.0);
        let held = 0x1000_0000 + 0x40 * (u64::from(account.0) * N_INSTRUMENTS + u64::from(instrument.0));
        let no_limit = i64::MAX as u64;
        // Mostly what is writable and a value that bites; sometimes anything anywhere.
        let limits =
            [0x08, 0x10, 0x18, 0x20, 0x28, 0x30, 0x38, 0x40, 0x48, 0x50, 0x58, 0x60, 0x68, 0x70, 0x78, 0xA0, 0xB0, 0xB8, 0xD0];
        let offset = self.random.pick(&limits);
        let value = match offset {
            0x08 | 0x10 => self.random.pick(&[0, 5, 20, 1_000, 1 << 50, no_limit - 1, no_limit, no_limit]),
            0x18 => self.random.pick(&[0, 100, 500, 10_000, no_limit - 1, no_limit, no_limit]),
            0x20 | 0x50 => self.random.pick(&[0, 1_000, 100_000, 1 << 63, u64::MAX]),
            0x28 | 0x58 => self.random.pick(&[0, 0, 10, 1 << 32, no_limit - 1, no_limit, no_limit]),
            0x30 | 0x40 => self.random.pick(&[1, 10, 1_000, 1_000_000_000, no_limit, no_limit]),
            0x38 | 0x48 => self.random.pick(&[1, 2, 50, 1_000_000_000]),
            0x60..0x80 => self.random.pick(&[0, 500, 10_000, 40_000, no_limit - 1, no_limit, no_limit, no_limit]),
            0xB0 => self.random.pick(&[0, 1_000_000, 1 << 63, u64::MAX]),
            0xB8 => self.random.pick(&[0, 1, 1 << 20, 1 << 40, no_limit]),
            _ => 0,
        };
        let lots = self.random.pick(&[0, 5, 20, 1_000, no_limit, no_limit, no_limit]);
        match self.random.below(40) {
            0 => Step::Write(self.random.pick(&[0x28, traded]), self.random.pick(&[0, 0, 0, 1])),
            1 => Step::Write(bank, self.random.pick(&[0, 0, 0, 1])),
            2 => Step::Write(bank + offset, self.random.pick(&[2, 1 << 63, no_limit - 1, u64::MAX])),
            3 => Step::Write(8 * self.random.below(0x20_0000), 0),
            4 => Step::Write(bank + self.random.below(0x200), value),
            5 => Step::Write(0x1000_0000 + 8 * self.random.below(0x90), value),
            6 => Step::Write(8 * self.random.below(0x22), value),
            // Kill switches must not stay on for most of the stream.
            7..13 => Step::Write(self.random.pick(&[0x28, bank, traded]), 0),
            13..16 => Step::Write(held + self.random.pick(&[0x18, 0x20]), lots),
            16 => Step::Write(traded + 0x28, lots),
            17 => Step::Write(traded + 0x30, self.random.pick(&[100, 500, no_limit, no_limit])),
            18 => Step::Write(traded + 0x38 + 8 * self.random.below(2), self.random.pick(&[1_000, no_limit, no_limit])),
            19..28 => Step::Write(0x20_0000 + 0x200 * u64::from(account.0) + offset, value),
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
