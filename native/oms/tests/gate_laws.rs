//! The device against a model that says section 4 of `docs/oms.md` again, in the plainest way: unlimited integers, one
//! statement for each rule, addresses as they are printed there.

#![expect(clippy::struct_field_names, reason = "the model has the names of the registers")]

mod gate_support;

use std::collections::BTreeMap;

use gate_support::{N_ACCOUNTS, N_INSTRUMENTS, Outcome, Step, Stream, perform};
use omni_oms::gate::{Map, OrderCheck, RiskDevice, SoftwareDevice, Update};
use omni_oms::{Config, Limits};
use omni_types::{AccountId, Side};

const SEEDS: u64 = 20;
const STEPS: u64 = if cfg!(debug_assertions) { 5_000 } else { 60_000 };

#[test]
fn the_device_agrees_with_the_plain_model() {
    let mut verdicts = [0; 40];
    for seed in 0..SEEDS {
        let (mut stream, config) = Stream::new(seed);
        let mut device = SoftwareDevice::new(&config).unwrap();
        let mut model = Model::new(&config);
        for number in 0..STEPS {
            let step = stream.step();
            let outcome = perform(&mut device, step);
            assert_eq!(outcome, model.perform(step), "seed {seed}, step {number}: {step:?}");
            stream.learn(step, outcome);
            if number % 1_000 == 0 || number == STEPS - 1 {
                assert_eq!(registers(&device), model.registers(), "seed {seed}, step {number}: {step:?}");
            }
        }
        verdicts.iter_mut().zip(stream.verdicts).for_each(|(sum, count)| *sum += count);
    }
    for code in (32..40).chain([0]) {
        assert!(verdicts[code] > STEPS / 100, "only {} checks of {SEEDS} streams ended with {code}", verdicts[code]);
    }
}

fn registers(device: &SoftwareDevice) -> BTreeMap<u64, u64> {
    let map = Map::new(N_ACCOUNTS as usize, N_INSTRUMENTS as usize).unwrap();
    map.addresses().map(|address| (address, device.read(address).unwrap())).collect()
}

const NONE_64: i128 = (1 << 63) - 1;
const NONE_128: i128 = i128::MAX;
const TOKEN: i128 = 1_000_000_000;

struct Model {
    control: i128,
    status: i128,
    checked: i128,
    passed: i128,
    refused: [i128; 8],
    accounts: Vec<Account>,
    instruments: Vec<Instrument>,
    positions: Vec<Position>,
}

struct Account {
    control: i128,
    max_position: i128,
    max_order_qty: i128,
    collar_bps: i128,
    max_notional: i128,
    orders: Rate,
    cancels: Rate,
    max_daily_loss: i128,
    realised: i128,
    checked: i128,
    refused: i128,
}

struct Rate {
    rate: i128,
    burst: i128,
    tokens: i128,
    ts: i128,
}

struct Instrument {
    reference: i128,
    tick_value: i128,
}

#[derive(Default)]
struct Position {
    position: i128,
    open_buy: i128,
    open_sell: i128,
}

impl Model {
    fn new(config: &Config) -> Self {
        assert!(config.accounts.iter().all(|account| account.limits == Limits::default()));
        let rate = || Rate { rate: NONE_64, burst: 1, tokens: TOKEN, ts: 0 };
        let account = || Account {
            control: 0,
            max_position: NONE_64,
            max_order_qty: NONE_64,
            collar_bps: NONE_64,
            max_notional: NONE_128,
            orders: rate(),
            cancels: rate(),
            max_daily_loss: NONE_128,
            realised: 0,
            checked: 0,
            refused: 0,
        };
        let instruments = config.instruments.iter();
        Self {
            control: 0,
            status: 0,
            checked: 0,
            passed: 0,
            refused: [0; 8],
            accounts: (0..N_ACCOUNTS).map(|_| account()).collect(),
            instruments: instruments
                .map(|about| Instrument { reference: about.reference.0.into(), tick_value: about.tick_value.0 })
                .collect(),
            positions: (0..N_ACCOUNTS * N_INSTRUMENTS).map(|_| Position::default()).collect(),
        }
    }

    fn perform(&mut self, step: Step) -> Outcome {
        match step {
            Step::Order(order) => {
                let code = self.first_reason(&order);
                self.count(order.account, code)
            }
            Step::Cancel(account, now) => {
                let passes = self.accounts[account.0 as usize].cancels.take(now.0.into());
                self.count(account, if passes { 0 } else { 38 })
            }
            Step::Apply(update) => {
                self.apply(update);
                Outcome::Applied
            }
            Step::Write(address, value) => Outcome::Written(self.write(address, value)),
        }
    }

    fn first_reason(&mut self, order: &OrderCheck) -> u8 {
        let position = &self.positions[order.account.0 as usize * N_INSTRUMENTS as usize + order.instrument.0 as usize];
        let instrument = &self.instruments[order.instrument.0 as usize];
        let account = &mut self.accounts[order.account.0 as usize];
        let (added, price, r) = (i128::from(order.added), i128::from(order.price), instrument.reference);

        if self.control == 1 || account.control == 1 {
            return 32;
        }
        let reached = match order.side {
            Side::Buy => position.position + position.open_buy + added,
            Side::Sell => -position.position + position.open_sell + added,
        };
        if added > 0 && reached > account.max_position {
            return 33;
        }
        if i128::from(order.size) > account.max_order_qty {
            return 34;
        }
        let far = || (price - r).abs() * 10_000 > account.collar_bps * r;
        if price > 0 && r > 0 && account.collar_bps < NONE_64 && far() {
            return 35;
        }
        let p = if price > 0 { price } else { r };
        let notional = [p, order.leaves.into(), instrument.tick_value];
        if account.max_notional < NONE_128 && number(&notional) > number(&[account.max_notional]) {
            return 36;
        }
        if !account.orders.take(order.now.0.into()) {
            return 37;
        }
        if added > 0 && account.max_daily_loss < NONE_128 && account.realised <= -account.max_daily_loss {
            return 39;
        }
        0
    }

    fn count(&mut self, account: AccountId, code: u8) -> Outcome {
        let account = &mut self.accounts[account.0 as usize];
        self.checked += 1;
        account.checked += 1;
        self.status = code.into();
        if code == 0 {
            self.passed += 1;
        } else {
            self.refused[usize::from(code) - 32] += 1;
            account.refused += 1;
        }
        Outcome::Verdict(code)
    }

    fn apply(&mut self, update: Update) {
        match update {
            Update::Open { account, instrument, side, qty } => {
                let position = &mut self.positions[account.0 as usize * N_INSTRUMENTS as usize + instrument.0 as usize];
                match side {
                    Side::Buy => position.open_buy += i128::from(qty),
                    Side::Sell => position.open_sell += i128::from(qty),
                }
            }
            Update::Fill { account, instrument, side, qty, realised } => {
                self.apply(Update::Open { account, instrument, side, qty: -qty });
                let position = &mut self.positions[account.0 as usize * N_INSTRUMENTS as usize + instrument.0 as usize];
                match side {
                    Side::Buy => position.position += i128::from(qty),
                    Side::Sell => position.position -= i128::from(qty),
                }
                self.accounts[account.0 as usize].realised += realised.0;
            }
            Update::Reference { instrument, price } => self.instruments[instrument.0 as usize].reference = price.0.into(),
        }
    }

    fn write(&mut self, address: u64, word: u64) -> bool {
        let value = i128::from(word);
        let is_rate = (1..=1_000_000_000).contains(&value) || value == NONE_64;
        let is_burst = (1..=1_000_000_000).contains(&value);
        if address == 0x20 && value <= 1 {
            self.control = value;
            return true;
        }
        if !(0x1000..0x1000 + 0x100 * N_ACCOUNTS).contains(&address) {
            return false;
        }
        let account = &mut self.accounts[((address - 0x1000) / 0x100) as usize];
        match address % 0x100 {
            0x00 if value <= 1 => account.control = value,
            0x08 if value <= NONE_64 => account.max_position = value,
            0x10 if value <= NONE_64 => account.max_order_qty = value,
            0x18 if value <= NONE_64 => account.collar_bps = value,
            0x20 => account.max_notional = with_low(account.max_notional, value),
            0x28 if value <= NONE_64 => account.max_notional = with_high(account.max_notional, value),
            0x30 if is_rate => account.orders.set(value, account.orders.burst),
            0x38 if is_burst => account.orders.set(account.orders.rate, value),
            0x40 if is_rate => account.cancels.set(value, account.cancels.burst),
            0x48 if is_burst => account.cancels.set(account.cancels.rate, value),
            0x50 => account.max_daily_loss = with_low(account.max_daily_loss, value),
            0x58 if value <= NONE_64 => account.max_daily_loss = with_high(account.max_daily_loss, value),
            0x80 if value == 0 => account.realised = 0,
            _ => return false,
        }
        true
    }

    /// Every register by its address.
    fn registers(&self) -> BTreeMap<u64, u64> {
        let mut words = BTreeMap::new();
        let mut put = |address: u64, value: i128| assert!(words.insert(address, value as u64).is_none());
        let (n_accounts, n_instruments) = (N_ACCOUNTS.into(), N_INSTRUMENTS.into());
        let global = [0x4B_5349_524E_4D4F, 1, n_accounts, n_instruments, self.control, self.status, self.checked, self.passed];
        (0..).step_by(8).zip(global.into_iter().chain(self.refused)).for_each(|(address, value)| put(address, value));
        for (base, a) in (0x1000..).step_by(0x100).zip(&self.accounts) {
            let limits = [a.control, a.max_position, a.max_order_qty, a.collar_bps, a.max_notional, a.max_notional >> 64];
            let rates =
                [a.orders.rate, a.orders.burst, a.cancels.rate, a.cancels.burst, a.max_daily_loss, a.max_daily_loss >> 64];
            let tokens = [a.orders.tokens, a.orders.ts, a.cancels.tokens, a.cancels.ts];
            let counts = [a.realised, a.realised >> 64, a.checked, a.refused];
            let all = limits.into_iter().chain(rates).chain(tokens).chain(counts);
            (base..).step_by(8).zip(all).for_each(|(address, value)| put(address, value));
        }
        for (base, i) in (0x10_0000..).step_by(0x20).zip(&self.instruments) {
            put(base, i.reference);
            put(base + 8, i.tick_value);
            put(base + 16, i.tick_value >> 64);
        }
        for (base, p) in (0x1000_0000..).step_by(0x20).zip(&self.positions) {
            put(base, p.position);
            put(base + 8, p.open_buy);
            put(base + 16, p.open_sell);
        }
        words
    }
}

impl Rate {
    fn take(&mut self, now: i128) -> bool {
        if self.rate == NONE_64 {
            return true;
        }
        self.tokens = (self.burst * TOKEN).min(self.tokens + (now - self.ts) * self.rate);
        self.ts = now;
        let passes = self.tokens >= TOKEN;
        if passes {
            self.tokens -= TOKEN;
        }
        passes
    }

    fn set(&mut self, rate: i128, burst: i128) {
        (self.rate, self.burst, self.tokens) = (rate, burst, burst * TOKEN);
    }
}

fn with_low(wide: i128, low: i128) -> i128 {
    (wide >> 64 << 64) | low
}

fn with_high(wide: i128, high: i128) -> i128 {
    high << 64 | (wide & 0xFFFF_FFFF_FFFF_FFFF)
}

/// The product of numbers that are not negative, in as many decimal digits as it takes: the first digit first, the length
/// before all, so that comparing gives the larger number.
fn number(factors: &[i128]) -> (usize, Vec<u8>) {
    let mut digits = vec![1];
    for factor in factors {
        let text = factor.to_string();
        let mut product = vec![0_u32; digits.len() + text.len()];
        for (i, digit) in digits.iter().enumerate() {
            for (j, other) in text.bytes().rev().enumerate() {
                product[i + j] += u32::from(*digit) * u32::from(other - b'0');
            }
        }
        for i in 1..product.len() {
            product[i] += product[i - 1] / 10;
            product[i - 1] %= 10;
        }
        digits = product.into_iter().map(|digit| digit as u8).collect();
    }
    while digits.last() == Some(&0) {
        digits.pop();
    }
    digits.reverse();
    (digits.len(), digits)
}
