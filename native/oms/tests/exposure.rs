//! An exposure calculator of its own, which sees the events and nothing else, says of every order that was accepted that it kept to every
//! hard limit.

mod support;

use std::collections::HashMap;

use omni_oms::{Command, Config, EventKind as K, Liquidity, Oms, OmsEvent};
use omni_types::{Nanos, RejectReason, Side, TradingPhase};
use support::{Dice, any_command, any_write, tree};

const N_COMMANDS: u32 = 1_100_000;
const NONE_64: i128 = i64::MAX as i128;
const NONE_128: i128 = i128::MAX;
const N_INSTRUMENTS: usize = 2;

#[test]
fn no_accepted_order_breaches_a_hard_limit() {
    let config = tree();
    let mut oms = Oms::new(config.clone()).unwrap();
    let mut books = Books::new(&config);
    let mut dice = Dice(21);
    let mut refusals = [0_u32; 48];
    for _ in 0..N_COMMANDS {
        let ts = oms.clock().0 + dice.below(20);
        let any = any_command(&mut dice, ts, oms.orders().len() as u64);
        let command = if dice.one_in(30) { any_write(&mut dice, Nanos(ts)) } else { any };
        // A market that is mostly open shows more.
        let closes = matches!(command, Command::SetPhase { phase, .. } if phase != TradingPhase::Continuous);
        if (closes && !dice.one_in(20)) || oms.execute(&command).is_err() {
            continue;
        }
        for event in oms.events() {
            if [K::Rejected, K::CancelRejected, K::ReplaceRejected].contains(&event.event_kind()) {
                refusals[usize::from(event.reason)] += 1;
            }
            books.take(event);
        }
        oms.clear_events();
    }
    assert!(books.n_checked > N_COMMANDS / 30, "only {} orders were accepted: {refusals:?}", books.n_checked);
    for code in 32..44 {
        assert!(refusals[code] > N_COMMANDS / 50_000, "too few were refused with {code}: {refusals:?}");
    }
}

/// What an account or an account in an instrument may do, by the offset of the register; two words where it takes two.
type Words = HashMap<u64, i128>;

#[derive(Clone, Copy, Default)]
struct Held {
    position: i128,
    open: [i128; 2],
}

impl Held {
    fn worst(&self) -> i128 {
        (self.position + self.open[0]).abs().max((self.position - self.open[1]).abs())
    }
}

/// An order as its events tell it.
#[derive(Clone, Copy, Default)]
struct Order {
    leaves: i128,
    qty: i128,
}

/// Tokens of a rate of which only what was accepted takes one: the gate never has more.
#[derive(Clone, Copy)]
struct Tokens {
    left: i128,
    ts: i128,
}

struct Books {
    parents: Vec<Option<usize>>,
    tick_values: Vec<i128>,
    sectors: Vec<u32>,
    references: Vec<i128>,
    held: Vec<[Held; N_INSTRUMENTS]>,
    capital: Vec<i128>,
    cash: Vec<i128>,
    peak: Vec<i128>,
    day_equity: Vec<i128>,
    tokens: Vec<Tokens>,
    everything: Words,
    accounts: Vec<Words>,
    warnings: Vec<Words>,
    instruments: Vec<Words>,
    positions: Vec<[Words; N_INSTRUMENTS]>,
    orders: HashMap<u64, Order>,
    n_checked: u32,
}

impl Books {
    fn new(config: &Config) -> Self {
        let n_accounts = config.accounts.len();
        let capital: Vec<i128> = config.accounts.iter().map(|account| account.capital.0).collect();
        Self {
            parents: config.accounts.iter().map(|account| account.parent.map(|parent| parent.0 as usize)).collect(),
            tick_values: config.instruments.iter().map(|instrument| instrument.tick_value.0).collect(),
            sectors: config.instruments.iter().map(|instrument| instrument.sector).collect(),
            references: config.instruments.iter().map(|instrument| instrument.reference.0.into()).collect(),
            held: vec![Default::default(); n_accounts],
            cash: vec![0; n_accounts],
            peak: capital.clone(),
            day_equity: capital.clone(),
            tokens: vec![Tokens { left: 1_000_000_000, ts: 0 }; n_accounts],
            capital,
            everything: Words::new(),
            accounts: vec![Words::new(); n_accounts],
            warnings: vec![Words::new(); n_accounts],
            instruments: vec![Words::new(); N_INSTRUMENTS],
            positions: vec![Default::default(); n_accounts],
            orders: HashMap::new(),
            n_checked: 0,
        }
    }

    fn take(&mut self, event: &OmsEvent) {
        match event.event_kind() {
            K::Accepted => self.check(event, event.qty.into(), event.price.into()),
            K::Replaced => {
                let added = i128::from(event.leaves) - self.orders[&event.order_id].leaves;
                self.check_money(event, added);
                self.check_size(event);
            }
            K::RegisterWritten => return self.write(event.qty as u64, i128::from(event.price as u64)),
            K::KillSwitch => return self.switch(event),
            K::Marked => return self.mark(event.instrument as usize, event.price.into()),
            K::Rejected | K::CancelRejected | K::ReplaceRejected | K::Status | K::Warned => return,
            _ => {}
        }
        if event.order_id != 0 {
            self.follow(event);
        }
    }

    fn lineage(&self, account: usize) -> Vec<usize> {
        std::iter::successors(Some(account), |&each| self.parents[each]).collect()
    }

    /// What is left of an order changed, and a fill moves its lots.
    fn follow(&mut self, event: &OmsEvent) {
        let (i, side) = (event.instrument as usize, usize::from(event.side - 1));
        let order = self.orders.entry(event.order_id).or_default();
        let change = i128::from(event.leaves) - order.leaves;
        order.leaves = event.leaves.into();
        if event.event_kind() == K::Accepted || event.event_kind() == K::Replaced {
            order.qty = event.qty.into();
        }
        let sign = 1 - 2 * side as i128;
        let is_fill = event.event_kind() == K::Filled;
        for a in self.lineage(event.account as usize) {
            let held = &mut self.held[a][i];
            held.open[side] += change;
            if is_fill {
                held.position += sign * i128::from(event.qty);
                self.cash[a] -= sign * i128::from(event.qty) * i128::from(event.price) * self.tick_values[i];
            }
        }
        // The second event of a trade: the taker's, or the sell's of an auction.
        if event.liquidity == Liquidity::Taker as u8 || (event.liquidity == Liquidity::Auction as u8 && side == 1) {
            self.mark(i, event.price.into());
        }
    }

    fn mark(&mut self, i: usize, price: i128) {
        self.references[i] = price;
        for a in 0..self.peak.len() {
            if self.has_drawdown(a) {
                self.peak[a] = self.peak[a].max(self.equity(a));
            }
        }
    }

    fn has_drawdown(&self, a: usize) -> bool {
        [&self.accounts[a], &self.warnings[a]].into_iter().any(|words| limit(words, 0x60) < NONE_64)
    }

    fn equity(&self, a: usize) -> i128 {
        let value = |i: usize| self.held[a][i].position * self.references[i] * self.tick_values[i];
        self.capital[a] + self.cash[a] + (0..N_INSTRUMENTS).map(value).sum::<i128>()
    }

    fn write(&mut self, address: u64, value: i128) {
        let of = |base: u64, stride: u64| (((address - base) / stride) as usize, (address - base) % stride);
        match address {
            ..0x1000 => drop(self.everything.insert(address, value)),
            0x1000..0x20_0000 => {
                let (a, offset) = of(0x1000, 0x200);
                self.write_account(a, offset, value);
            }
            0x20_0000..0x40_0000 => {
                let (a, offset) = of(0x20_0000, 0x200);
                let had = self.has_drawdown(a);
                self.warnings[a].insert(offset, value);
                self.begin_drawdown(a, had);
            }
            0x40_0000..0x1000_0000 => {
                let (i, offset) = of(0x40_0000, 0x80);
                self.instruments[i].insert(offset, value);
            }
            _ => {
                let (p, offset) = of(0x1000_0000, 0x40);
                self.positions[p / N_INSTRUMENTS][p % N_INSTRUMENTS].insert(offset, value);
            }
        }
    }

    fn write_account(&mut self, a: usize, offset: u64, value: i128) {
        let had = self.has_drawdown(a);
        match offset {
            0xA0 => self.day_equity[a] = self.equity(a),
            0xB0 => {
                let change = value - self.capital[a];
                self.capital[a] = value;
                self.peak[a] += change;
                self.day_equity[a] += change;
            }
            0xD0 => self.peak[a] = self.equity(a),
            _ => drop(self.accounts[a].insert(offset, value)),
        }
        if offset == 0x30 || offset == 0x38 {
            self.tokens[a].left = limit_or(&self.accounts[a], 0x38, 1) * 1_000_000_000;
        }
        self.begin_drawdown(a, had);
    }

    fn begin_drawdown(&mut self, a: usize, had: bool) {
        if !had && self.has_drawdown(a) {
            self.peak[a] = self.equity(a);
        }
    }

    fn switch(&mut self, event: &OmsEvent) {
        let on = i128::from(event.qty != 0);
        match event.price {
            0 => self.everything.insert(0x28, on),
            1 => self.accounts[event.account as usize].insert(0, on),
            _ => self.instruments[event.instrument as usize].insert(0, on),
        };
    }

    /// A new order, before it is open.
    fn check(&mut self, event: &OmsEvent, qty: i128, price: i128) {
        self.check_size(event);
        let (i, lineage) = (event.instrument as usize, self.lineage(event.account as usize));
        let traded = &self.instruments[i];
        let reference = self.references[i];
        let killed = [limit_or(&self.everything, 0x28, 0), limit_or(traded, 0, 0)];
        let killed = killed.into_iter().chain(lineage.iter().map(|&a| limit_or(&self.accounts[a], 0, 0)));
        assert_eq!(killed.sum::<i128>(), 0, "{event:?} passed a kill switch");
        let collars = lineage.iter().map(|&a| limit(&self.accounts[a], 0x18)).chain([limit(traded, 0x30)]);
        for collar in collars.filter(|&collar| collar < NONE_64 && price > 0 && reference > 0) {
            assert!((price - reference).abs() * 10_000 <= collar * reference, "{event:?} is outside {collar} of {reference}");
        }
        let notional = if price > 0 { price } else { reference } * qty * self.tick_values[i];
        let notionals = lineage.iter().map(|&a| wide(&self.accounts[a], 0x20)).chain([wide(traded, 0x38)]);
        for most in notionals {
            assert!(notional <= most, "{event:?} is worth {notional}, more than {most}");
        }
        for &a in &lineage {
            let rate = limit(&self.accounts[a], 0x30);
            let tokens = &mut self.tokens[a];
            if rate < NONE_64 {
                let full = limit_or(&self.accounts[a], 0x38, 1) * 1_000_000_000;
                let ts = i128::from(event.ts);
                *tokens = Tokens { left: full.min(tokens.left + (ts - tokens.ts) * rate) - 1_000_000_000, ts };
                assert!(tokens.left >= 0, "{event:?} came too fast for {rate} a second");
            }
        }
        self.check_money(event, qty);
    }

    fn check_size(&self, event: &OmsEvent) {
        let i = event.instrument as usize;
        let sizes = self.lineage(event.account as usize).into_iter();
        let sizes = sizes.flat_map(|a| [limit(&self.accounts[a], 0x10), limit(&self.positions[a][i], 0x20)]);
        for most in sizes.chain([limit(&self.instruments[i], 0x28)]) {
            assert!(i128::from(event.qty) <= most, "{event:?} is larger than {most}");
        }
    }

    /// Positions, and what depends on what an account is worth.
    fn check_money(&mut self, event: &OmsEvent, added: i128) {
        self.n_checked += 1;
        let (i, side) = (event.instrument as usize, usize::from(event.side - 1));
        let sign = if event.side == Side::Buy.code() { 1 } else { -1 };
        if added <= 0 {
            return;
        }
        for a in self.lineage(event.account as usize) {
            let before = self.held[a][i];
            let mut after = before;
            after.open[side] += added;
            let reached = sign * after.position + after.open[side];
            let limits = &self.accounts[a];
            for most in [limit(limits, 0x08), limit(&self.positions[a][i], 0x18)] {
                assert!(reached <= most, "{event:?}: account {a} could reach {reached}, more than {most}");
            }
            if after.worst() <= before.worst() {
                continue;
            }
            let equity = self.equity(a);
            let breaches = |reason: RejectReason| format!("{event:?}: account {a} breaches {reason:?}");
            let max_loss = wide(limits, 0x50);
            assert!(max_loss == NONE_128 || equity - self.day_equity[a] > -max_loss, "{}", breaches(RejectReason::DailyLoss));
            let (peak, drawdown) = (self.peak[a], limit(limits, 0x60));
            let falls = (peak - equity) * 10_000;
            assert!(drawdown == NONE_64 || falls < drawdown * peak, "{}", breaches(RejectReason::Drawdown));
            let exposure = |j: usize| {
                let held = if i == j { after } else { self.held[a][j] };
                held.worst() * self.references[j] * self.tick_values[j]
            };
            let share = |exposure: i128, offset: u64| {
                let most = limit(limits, offset);
                most == NONE_64 || (self.references[i] > 0 && exposure * 10_000 <= most * equity)
            };
            let gross = |is_meant: &dyn Fn(usize) -> bool| (0..N_INSTRUMENTS).filter(|&j| is_meant(j)).map(exposure).sum();
            assert!(share(gross(&|_| true), 0x68), "{}", breaches(RejectReason::Leverage));
            let in_sector = gross(&|j| self.sectors[j] == self.sectors[i]);
            assert!(self.sectors[i] == 0 || share(in_sector, 0x70), "{}", breaches(RejectReason::SectorConcentration));
            assert!(share(exposure(i), 0x78), "{}", breaches(RejectReason::SingleName));
        }
    }
}

fn limit_or(words: &Words, offset: u64, unset: i128) -> i128 {
    words.get(&offset).copied().unwrap_or(unset)
}

/// A limit of one word.
fn limit(words: &Words, offset: u64) -> i128 {
    limit_or(words, offset, NONE_64)
}

/// A limit of two.
fn wide(words: &Words, offset: u64) -> i128 {
    limit_or(words, offset, u64::MAX.into()) | limit_or(words, offset + 8, NONE_64) << 64
}
