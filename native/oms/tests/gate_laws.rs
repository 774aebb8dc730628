//! The device against a model that says `docs/gate.md` again, in the plainest way: unlimited integers, one statement for each rule,
//! every sum added up anew, addresses as they are printed there.

#![expect(clippy::struct_field_names, reason = "the model has the names of the registers")]

mod gate_support;

use std::collections::BTreeMap;

use gate_support::big::Big;
use gate_support::{N_ACCOUNTS, N_INSTRUMENTS, Outcome, PARENTS, Step, Stream, perform};
use omni_oms::gate::{OrderCheck, RiskDevice, SoftwareDevice, Update};
use omni_oms::{Config, Limits};
use omni_types::{AccountId, InstrumentId, Side};

const SEEDS: u64 = 20;
const STEPS: u64 = if cfg!(debug_assertions) { 4_000 } else { 60_000 };

#[test]
fn the_device_agrees_with_the_plain_model() {
    let (mut verdicts, mut warnings) = ([0; 48], [0; 48]);
    for seed in 0..SEEDS {
        let (mut stream, config) = Stream::new(seed);
        let mut device = SoftwareDevice::new(&config).unwrap();
        let mut model = Model::new(&config);
        for number in 0..STEPS {
            let step = stream.step();
            let outcome = perform(&mut device, step);
            assert_eq!(outcome, model.perform(step), "seed {seed}, step {number}: {step:?}");
            stream.learn(step, outcome);
            if number % 500 == 0 || number == STEPS - 1 {
                let differ: Vec<_> = registers(&device).into_iter().zip(model.registers()).filter(|(a, b)| a != b).collect();
                assert!(
                    differ.is_empty(),
                    "seed {seed}, step {number}, {step:?}: address and word, found and expected: {differ:x?}"
                );
            }
        }
        verdicts.iter_mut().zip(stream.verdicts).for_each(|(sum, count)| *sum += count);
        warnings.iter_mut().zip(stream.warnings).for_each(|(sum, count)| *sum += count);
    }
    for code in 32..44 {
        assert!(verdicts[code] > STEPS / 100, "only {} checks of {SEEDS} streams were refused with {code}", verdicts[code]);
        let warned = if code == 32 { u64::MAX } else { warnings[code] };
        assert!(warned > STEPS / 200, "only {warned} checks of {SEEDS} streams were warned with {code}");
    }
    assert!(verdicts[0] > STEPS, "only {} checks of {SEEDS} streams passed", verdicts[0]);
}

/// A device that is set to the words of another goes on as that one does.
#[test]
fn a_restored_device_agrees_with_the_one_it_was_restored_from() {
    for seed in 100..104 {
        let (mut stream, config) = Stream::new(seed);
        let mut first = SoftwareDevice::new(&config).unwrap();
        let mut second = SoftwareDevice::new(&config).unwrap();
        for number in 0..STEPS / 4 {
            if number % 97 == 0 {
                second = SoftwareDevice::new(&config).unwrap();
                for (address, word) in registers(&first) {
                    // Words that say what the device is, or follow from others, cannot be set.
                    let _ = second.restore(address, word);
                }
            }
            let step = stream.step();
            let outcome = perform(&mut first, step);
            assert_eq!(perform(&mut second, step), outcome, "seed {seed}, step {number}: {step:?}");
            stream.learn(step, outcome);
        }
        assert_eq!(registers(&first), registers(&second));
    }
}

fn registers(device: &SoftwareDevice) -> BTreeMap<u64, u64> {
    device.map().addresses().map(|address| (address, device.read(address).unwrap())).collect()
}

const NONE_64: i128 = (1 << 63) - 1;
const NONE_128: i128 = i128::MAX;
const TOKEN: i128 = 1_000_000_000;
const N_SECTORS: u64 = 3;

#[derive(Default)]
struct Model {
    control: i128,
    status: i128,
    warning: i128,
    checked: i128,
    passed: i128,
    refused: [i128; 12],
    warned: [i128; 12],
    accounts: Vec<Account>,
    instruments: Vec<Instrument>,
    positions: Vec<Position>,
}

struct Account {
    control: i128,
    limits: Bounds,
    warnings: Bounds,
    realised: i128,
    capital: i128,
    cash: i128,
    peak: i128,
    day_equity: i128,
    checked: i128,
    refused: i128,
    warned: i128,
}

struct Bounds {
    max_position: i128,
    max_order_qty: i128,
    collar_bps: i128,
    max_notional: i128,
    orders: Rate,
    cancels: Rate,
    max_daily_loss: i128,
    max_drawdown: i128,
    max_leverage: i128,
    max_sector: i128,
    max_name: i128,
}

struct Rate {
    rate: i128,
    burst: i128,
    tokens: i128,
    ts: i128,
}

struct Instrument {
    control: i128,
    reference: i128,
    tick_value: i128,
    sector: i128,
    max_order_qty: i128,
    collar_bps: i128,
    max_notional: i128,
}

struct Position {
    position: i128,
    open_buy: i128,
    open_sell: i128,
    max_position: i128,
    max_order_qty: i128,
}

impl Position {
    /// W with lots more on either side.
    #[allow(clippy::similar_names)]
    fn worst(&self, buy: i128, sell: i128) -> i128 {
        (self.position + self.open_buy + buy).abs().max((self.position - self.open_sell - sell).abs())
    }
}

fn big(value: i128) -> Big {
    Big::from(value)
}

impl Model {
    fn new(config: &Config) -> Self {
        assert!(config.accounts.iter().all(|account| [account.limits, account.warnings] == [Limits::default(); 2]));
        let rate = || Rate { rate: NONE_64, burst: 1, tokens: TOKEN, ts: 0 };
        let bounds = || Bounds {
            max_position: NONE_64,
            max_order_qty: NONE_64,
            collar_bps: NONE_64,
            max_notional: NONE_128,
            orders: rate(),
            cancels: rate(),
            max_daily_loss: NONE_128,
            max_drawdown: NONE_64,
            max_leverage: NONE_64,
            max_sector: NONE_64,
            max_name: NONE_64,
        };
        let account = |capital| Account {
            control: 0,
            limits: bounds(),
            warnings: bounds(),
            realised: 0,
            capital,
            cash: 0,
            peak: capital,
            day_equity: capital,
            checked: 0,
            refused: 0,
            warned: 0,
        };
        let position = || Position { position: 0, open_buy: 0, open_sell: 0, max_position: NONE_64, max_order_qty: NONE_64 };
        Self {
            accounts: config.accounts.iter().map(|about| account(about.capital.0)).collect(),
            instruments: config
                .instruments
                .iter()
                .map(|about| Instrument {
                    control: 0,
                    reference: about.reference.0.into(),
                    tick_value: about.tick_value.0,
                    sector: about.sector.into(),
                    max_order_qty: NONE_64,
                    collar_bps: NONE_64,
                    max_notional: NONE_128,
                })
                .collect(),
            positions: (0..N_ACCOUNTS * N_INSTRUMENTS).map(|_| position()).collect(),
            ..Self::default()
        }
    }

    fn perform(&mut self, step: Step) -> Outcome {
        match step {
            Step::Order(order) => {
                let refused = self.refusal(&order);
                let warned = if refused == 0 { self.warning(&order) } else { 0 };
                self.count(order.account, refused, warned)
            }
            Step::Cancel(account, now) => {
                let levels = lineage(account);
                let take = |rate: &mut Rate| rate.take(now.0.into());
                let refused = if levels.iter().all(|&a| take(&mut self.accounts[a].limits.cancels)) { 0 } else { 38 };
                let warns = refused == 0 && !levels.iter().all(|&a| take(&mut self.accounts[a].warnings.cancels));
                self.count(account, refused, if warns { 38 } else { 0 })
            }
            Step::Apply(update) => {
                self.apply(update);
                Outcome::Applied
            }
            Step::Write(address, value) => Outcome::Written(self.write(address, value)),
        }
    }

    fn place(account: usize, instrument: InstrumentId) -> usize {
        account * N_INSTRUMENTS as usize + instrument.0 as usize
    }

    fn exposure(&self, worst: i128, instrument: usize) -> i128 {
        let Instrument { reference, tick_value, .. } = self.instruments[instrument];
        let exposure = big(worst) * big(reference) * big(tick_value);
        exposure.min(big(1 << 110)).saturated()
    }

    fn value(&self, account: usize) -> i128 {
        let value = |instrument: usize| {
            let Instrument { reference, tick_value, .. } = self.instruments[instrument];
            let position = self.positions[account * N_INSTRUMENTS as usize + instrument].position;
            let value = big(position) * big(reference) * big(tick_value);
            value.min(big(1 << 110)).max(big(-(1 << 110))).saturated()
        };
        (0..N_INSTRUMENTS as usize).map(value).sum()
    }

    fn equity(&self, account: usize) -> Big {
        big(self.accounts[account].capital) + big(self.accounts[account].cash) + big(self.value(account))
    }

    /// Exposure in the instruments that are meant.
    fn gross(&self, account: usize, is_meant: impl Fn(&Instrument) -> bool) -> i128 {
        let meant = (0..N_INSTRUMENTS as usize).filter(|&i| is_meant(&self.instruments[i]));
        meant.map(|i| self.exposure(self.positions[account * N_INSTRUMENTS as usize + i].worst(0, 0), i)).sum()
    }

    fn refusal(&mut self, order: &OrderCheck) -> u8 {
        let levels = lineage(order.account);
        let i = order.instrument.0 as usize;
        let instrument = &self.instruments[i];
        if self.control == 1 || instrument.control == 1 || levels.iter().any(|&a| self.accounts[a].control == 1) {
            return 32;
        }
        for &a in &levels {
            let position = &self.positions[Self::place(a, order.instrument)];
            let limits = [self.accounts[a].limits.max_position, position.max_position];
            if limits.into_iter().any(|limit| exceeds_position(position, order, limit)) {
                return 33;
            }
        }
        let sizes = levels.iter().flat_map(|&a| {
            [self.accounts[a].limits.max_order_qty, self.positions[Self::place(a, order.instrument)].max_order_qty]
        });
        if [instrument.max_order_qty].into_iter().chain(sizes).any(|limit| i128::from(order.size) > limit) {
            return 34;
        }
        let collars = levels.iter().map(|&a| self.accounts[a].limits.collar_bps);
        if [instrument.collar_bps].into_iter().chain(collars).any(|collar| is_far(instrument, order, collar)) {
            return 35;
        }
        let notionals = levels.iter().map(|&a| self.accounts[a].limits.max_notional);
        if [instrument.max_notional].into_iter().chain(notionals).any(|limit| is_dear(instrument, order, limit)) {
            return 36;
        }
        for &a in &levels {
            if !self.accounts[a].limits.orders.take(order.now.0.into()) {
                return 37;
            }
        }
        self.worth_check(order, |account| &account.limits)
    }

    fn warning(&mut self, order: &OrderCheck) -> u8 {
        let levels = lineage(order.account);
        let instrument = &self.instruments[order.instrument.0 as usize];
        let any = |exceeds: &dyn Fn(usize, &Bounds) -> bool| levels.iter().any(|&a| exceeds(a, &self.accounts[a].warnings));
        if any(&|a, limits| exceeds_position(&self.positions[Self::place(a, order.instrument)], order, limits.max_position)) {
            return 33;
        }
        if any(&|_, limits| i128::from(order.size) > limits.max_order_qty) {
            return 34;
        }
        if any(&|_, limits| is_far(instrument, order, limits.collar_bps)) {
            return 35;
        }
        if any(&|_, limits| is_dear(instrument, order, limits.max_notional)) {
            return 36;
        }
        for &a in &levels {
            if !self.accounts[a].warnings.orders.take(order.now.0.into()) {
                return 37;
            }
        }
        self.worth_check(order, |account| &account.warnings)
    }

    /// The first of the checks 8 to 12 that fails at any level.
    #[allow(clippy::similar_names)]
    fn worth_check(&self, order: &OrderCheck, bounds: impl Fn(&Account) -> &Bounds) -> u8 {
        let i = order.instrument.0 as usize;
        let instrument = &self.instruments[i];
        let growing = lineage(order.account).into_iter().filter_map(|a| {
            let position = &self.positions[Self::place(a, order.instrument)];
            let added = i128::from(order.added.max(0));
            let (buy, sell) = if order.side == Side::Buy { (added, 0) } else { (0, added) };
            let (before, after) = (position.worst(0, 0), position.worst(buy, sell));
            (after > before).then(|| (a, self.exposure(before, i), self.exposure(after, i)))
        });
        let growing: Vec<_> = growing.collect();
        let no_reference = instrument.reference <= 0;
        let too_large = |exposure: i128, a: usize, limit: i128| {
            limit < NONE_64 && (no_reference || big(exposure) * big(10_000) > big(limit) * self.equity(a))
        };
        for code in 39..=43 {
            for &(a, before, after) in &growing {
                let account = &self.accounts[a];
                let limits = bounds(account);
                let fails = match code {
                    39 => {
                        let most = limits.max_daily_loss;
                        most < NONE_128 && self.equity(a) - big(account.day_equity) <= -big(most)
                    }
                    40 => {
                        let fall = big(account.peak) - self.equity(a);
                        let most = limits.max_drawdown;
                        most < NONE_64 && fall * big(10_000) >= big(most) * big(account.peak)
                    }
                    41 => too_large(self.gross(a, |_| true) - before + after, a, limits.max_leverage),
                    42 => {
                        let gross = self.gross(a, |other| other.sector == instrument.sector) - before + after;
                        instrument.sector > 0 && too_large(gross, a, limits.max_sector)
                    }
                    _ => too_large(after, a, limits.max_name),
                };
                if fails {
                    return code;
                }
            }
        }
        0
    }

    fn count(&mut self, account: AccountId, refused: u8, warned: u8) -> Outcome {
        self.checked += 1;
        (self.status, self.warning) = (refused.into(), warned.into());
        self.passed += i128::from(refused == 0);
        if refused > 0 {
            self.refused[usize::from(refused) - 32] += 1;
        }
        if warned > 0 {
            self.warned[usize::from(warned) - 32] += 1;
        }
        for a in lineage(account) {
            let account = &mut self.accounts[a];
            account.checked += 1;
            account.refused += i128::from(refused > 0);
            account.warned += i128::from(warned > 0);
        }
        Outcome::Verdict(refused, warned)
    }

    fn apply(&mut self, update: Update) {
        match update {
            Update::Open { account, instrument, side, qty } => {
                for a in lineage(account) {
                    self.open(a, instrument, side, qty.into());
                }
            }
            Update::Fill { account, instrument, side, qty, price, realised } => {
                let sign = i128::from(side == Side::Buy) * 2 - 1;
                let tick_value = self.instruments[instrument.0 as usize].tick_value;
                for a in lineage(account) {
                    self.open(a, instrument, side, -i128::from(qty));
                    self.positions[Self::place(a, instrument)].position += sign * i128::from(qty);
                    let paid = big(sign) * big(price.0.into()) * big(qty.into()) * big(tick_value);
                    let account = &mut self.accounts[a];
                    account.realised = (big(account.realised) + big(realised.0)).saturated();
                    account.cash = (big(account.cash) - paid).saturated();
                }
            }
            Update::Cash { account, amount } => {
                for a in lineage(account) {
                    self.accounts[a].cash = (big(self.accounts[a].cash) + big(amount.0)).saturated();
                }
            }
            Update::Reference { instrument, price } => {
                self.instruments[instrument.0 as usize].reference = price.0.into();
                for a in 0..self.accounts.len() {
                    if self.accounts[a].has_drawdown() {
                        self.accounts[a].peak = self.accounts[a].peak.max(self.equity(a).saturated());
                    }
                }
            }
        }
    }

    fn open(&mut self, a: usize, instrument: InstrumentId, side: Side, qty: i128) {
        let position = &mut self.positions[Self::place(a, instrument)];
        match side {
            Side::Buy => position.open_buy += qty,
            Side::Sell => position.open_sell += qty,
        }
    }

    fn write(&mut self, address: u64, word: u64) -> bool {
        let value = i128::from(word);
        let of = |base: u64, stride: u64, count: u64| {
            let inside = (base..base + stride * count).contains(&address);
            inside.then(|| (((address - base) / stride) as usize, (address - base) % stride))
        };
        if address == 0x28 && value <= 1 {
            self.control = value;
            return true;
        }
        if let Some((a, offset)) = of(0x1000, 0x200, N_ACCOUNTS) {
            return self.write_account(a, offset, value);
        }
        if let Some((a, offset)) = of(0x20_0000, 0x200, N_ACCOUNTS) {
            return self.write_bounds(a, offset, value, |account| &mut account.warnings);
        }
        if let Some((i, offset)) = of(0x40_0000, 0x80, N_INSTRUMENTS) {
            let instrument = &mut self.instruments[i];
            match offset {
                0x00 if value <= 1 => instrument.control = value,
                0x28 if value <= NONE_64 => instrument.max_order_qty = value,
                0x30 if value <= NONE_64 => instrument.collar_bps = value,
                0x38 => instrument.max_notional = with_low(instrument.max_notional, value),
                0x40 if value <= NONE_64 => instrument.max_notional = with_high(instrument.max_notional, value),
                _ => return false,
            }
            return true;
        }
        let Some((p, offset)) = of(0x1000_0000, 0x40, N_ACCOUNTS * N_INSTRUMENTS) else { return false };
        match offset {
            0x18 if value <= NONE_64 => self.positions[p].max_position = value,
            0x20 if value <= NONE_64 => self.positions[p].max_order_qty = value,
            _ => return false,
        }
        true
    }

    fn write_account(&mut self, a: usize, offset: u64, value: i128) -> bool {
        let equity = self.equity(a).saturated();
        let account = &mut self.accounts[a];
        match offset {
            0x00 if value <= 1 => account.control = value,
            0xA0 if value == 0 => (account.realised, account.day_equity) = (0, equity),
            0xD0 if value == 0 => account.peak = equity,
            0xB0 => account.bring(with_low(account.capital, value)),
            0xB8 if value <= NONE_64 => account.bring(with_high(account.capital, value)),
            0x00 | 0xA0.. => return false,
            _ => return self.write_bounds(a, offset, value, |account| &mut account.limits),
        }
        true
    }

    fn write_bounds(&mut self, a: usize, offset: u64, value: i128, bounds: impl Fn(&mut Account) -> &mut Bounds) -> bool {
        let is_rate = (1..=1_000_000_000).contains(&value) || value == NONE_64;
        let is_burst = (1..=1_000_000_000).contains(&value);
        let had_drawdown = self.accounts[a].has_drawdown();
        let limits = bounds(&mut self.accounts[a]);
        match offset {
            0x08 if value <= NONE_64 => limits.max_position = value,
            0x10 if value <= NONE_64 => limits.max_order_qty = value,
            0x18 if value <= NONE_64 => limits.collar_bps = value,
            0x20 => limits.max_notional = with_low(limits.max_notional, value),
            0x28 if value <= NONE_64 => limits.max_notional = with_high(limits.max_notional, value),
            0x30 if is_rate => limits.orders.set(value, limits.orders.burst),
            0x38 if is_burst => limits.orders.set(limits.orders.rate, value),
            0x40 if is_rate => limits.cancels.set(value, limits.cancels.burst),
            0x48 if is_burst => limits.cancels.set(limits.cancels.rate, value),
            0x50 => limits.max_daily_loss = with_low(limits.max_daily_loss, value),
            0x58 if value <= NONE_64 => limits.max_daily_loss = with_high(limits.max_daily_loss, value),
            0x60 if value <= NONE_64 => limits.max_drawdown = value,
            0x68 if value <= NONE_64 => limits.max_leverage = value,
            0x70 if value <= NONE_64 => limits.max_sector = value,
            0x78 if value <= NONE_64 => limits.max_name = value,
            _ => return false,
        }
        if offset == 0x60 && value < NONE_64 && !had_drawdown {
            self.accounts[a].peak = self.equity(a).saturated();
        }
        true
    }

    /// Every register by its address.
    fn registers(&self) -> BTreeMap<u64, u64> {
        let mut words = BTreeMap::new();
        let mut put = |base: u64, values: &[i128]| {
            for (address, value) in (base..).step_by(8).zip(values) {
                assert!(words.insert(address, *value as u64).is_none());
            }
        };
        let wide = |value: i128| [value, value >> 64];
        put(0, &[0x4B_5349_524E_4D4F, 2, N_ACCOUNTS.into(), N_INSTRUMENTS.into(), N_SECTORS.into()]);
        put(0x28, &[self.control, self.status, self.warning, self.checked, self.passed]);
        put(0x50, &self.refused);
        put(0xB0, &self.warned);
        for (number, a) in self.accounts.iter().enumerate() {
            let base = 0x1000 + 0x200 * number as u64;
            put(base, &[a.control]);
            put(base + 0x08, &a.limits.words());
            put(0x20_0008 + 0x200 * number as u64, &a.warnings.words());
            for (offset, amount) in [(0xA0, a.realised), (0xB0, a.capital), (0xC0, a.cash), (0xD0, a.peak), (0xE0, a.day_equity)]
            {
                put(base + offset, &wide(amount));
            }
            put(base + 0xF0, &[a.checked, a.refused, a.warned, PARENTS[number].map_or(NONE_64, i128::from)]);
            put(base + 0x110, &wide(self.value(number)));
            put(base + 0x120, &wide(self.equity(number).saturated()));
            put(base + 0x130, &wide(self.gross(number, |_| true)));
            for sector in 1..=N_SECTORS {
                let bank = number as u64 * N_SECTORS + sector - 1;
                put(0x100_0000 + 0x10 * bank, &wide(self.gross(number, |other| other.sector == sector.into())));
            }
        }
        for (base, i) in (0x40_0000..).step_by(0x80).zip(&self.instruments) {
            put(base, &[i.control, i.reference, i.tick_value, i.tick_value >> 64, i.sector, i.max_order_qty, i.collar_bps]);
            put(base + 0x38, &wide(i.max_notional));
        }
        for (number, p) in self.positions.iter().enumerate() {
            let base = 0x1000_0000 + 0x40 * number as u64;
            put(base, &[p.position, p.open_buy, p.open_sell, p.max_position, p.max_order_qty]);
            put(base + 0x28, &wide(self.exposure(p.worst(0, 0), number % N_INSTRUMENTS as usize)));
        }
        words
    }
}

/// The account and all above it, the highest first.
fn lineage(account: AccountId) -> Vec<usize> {
    let mut levels = vec![account.0 as usize];
    while let Some(parent) = PARENTS[levels[0]] {
        levels.insert(0, parent as usize);
    }
    levels
}

fn exceeds_position(position: &Position, order: &OrderCheck, limit: i128) -> bool {
    let added = i128::from(order.added);
    let reached = match order.side {
        Side::Buy => position.position + position.open_buy + added,
        Side::Sell => -position.position + position.open_sell + added,
    };
    added > 0 && reached > limit
}

fn is_far(instrument: &Instrument, order: &OrderCheck, collar: i128) -> bool {
    let (price, r) = (i128::from(order.price), instrument.reference);
    price > 0 && r > 0 && collar < NONE_64 && (price - r).abs() * 10_000 > collar * r
}

fn is_dear(instrument: &Instrument, order: &OrderCheck, limit: i128) -> bool {
    let price = if order.price > 0 { order.price.into() } else { instrument.reference };
    limit < NONE_128 && big(price) * big(order.leaves.into()) * big(instrument.tick_value) > big(limit)
}

impl Account {
    fn has_drawdown(&self) -> bool {
        self.limits.max_drawdown < NONE_64 || self.warnings.max_drawdown < NONE_64
    }

    fn bring(&mut self, capital: i128) {
        let change = || big(capital) - big(self.capital);
        self.peak = (big(self.peak) + change()).saturated();
        self.day_equity = (big(self.day_equity) + change()).saturated();
        self.capital = capital;
    }
}

impl Bounds {
    /// The words + 0x08 … + 0x98 of a bank.
    fn words(&self) -> Vec<i128> {
        let notional = [self.max_notional, self.max_notional >> 64];
        let loss = [self.max_daily_loss, self.max_daily_loss >> 64];
        let (orders, cancels) = (&self.orders, &self.cancels);
        let mut words = vec![self.max_position, self.max_order_qty, self.collar_bps];
        words.extend(notional.into_iter().chain([orders.rate, orders.burst, cancels.rate, cancels.burst]).chain(loss));
        words.extend([self.max_drawdown, self.max_leverage, self.max_sector, self.max_name]);
        words.extend([orders.tokens, orders.ts, cancels.tokens, cancels.ts]);
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
