//! What a device keeps beside its registers: who stands above whom, which accounts have limits that need their worth, and for those
//! the sums of it. All of it follows from the registers; it is kept so that the work at an order is bounded.

use omni_types::{AccountId, InstrumentId};

use super::map::{MAX_LEVELS, account, instrument, position};
use super::memory::Memory;
use super::wide::Wide;
use super::words::{AccountBank, InstrumentBank, PositionBank, Words};
use super::{RegisterError, rules};
use crate::config::{MAX64, MAX128};

/// An account's bank has a limit of the checks 8 to 12.
pub(crate) const HARD: u8 = 1;
/// Its warning bank has one.
pub(crate) const WARN: u8 = 2;
/// Its warning bank has one of the other checks.
pub(crate) const WARN_PLAIN: u8 = 4;
/// Either has a limit of the drawdown.
const PEAKED: u8 = 8;
/// Either has a limit of the checks 10 to 12, so that its exposures are kept too.
pub(crate) const EXPOSED: u8 = 16;
/// Its value is kept.
pub(crate) const VALUED: u8 = HARD | WARN;

/// An account and all above it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// The highest first; what is behind the account itself repeats it.
    accounts: [u32; MAX_LEVELS],
    n_levels: u8,
    /// Which limits the account itself has.
    pub own: u8,
    /// Which limits any of them has.
    pub all: u8,
}

impl Line {
    #[inline]
    pub fn n_levels(&self) -> u8 {
        self.n_levels
    }

    /// Numbers of the accounts, the highest first.
    #[inline]
    pub fn levels(&self) -> &[u32] {
        &self.accounts[..usize::from(self.n_levels)]
    }
}

/// What the positions of an account are worth; the exposures only of one that is exposed. At most 2^16 instruments of at most 2^110: each sum is at most 2^126.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
    pub value: i128,
    pub gross: i128,
    /// By sector, from 1.
    pub sectors: Vec<i128>,
}

/// All of it, by account.
#[derive(Clone, Debug)]
pub(crate) struct Derived {
    lines: Vec<Line>,
    /// Those whose sums are kept, ascending.
    valued: Vec<u32>,
    sums: Vec<Sums>,
    is_stale: bool,
}

/// The lineages of accounts with these parents.
pub(crate) fn lineages(parents: impl Iterator<Item = u64>) -> Result<Vec<Line>, RegisterError> {
    let mut lines: Vec<Line> = Vec::new();
    for (number, parent) in (0_u32..).zip(parents) {
        let mut line = Line { accounts: [number; MAX_LEVELS], n_levels: 1, own: 0, all: 0 };
        if parent != MAX64 as u64 {
            let above = usize::try_from(parent).ok().and_then(|parent| lines.get(parent));
            let Some(above) = above.filter(|above| usize::from(above.n_levels) < MAX_LEVELS) else {
                let address = super::map::Bank::Account.address(number.into()) + account::PARENT;
                let expected = "the number of an account before it that has at most two above it, or 2^63 − 1 for none";
                return Err(RegisterError::Value { address, name: "PARENT", expected, found: parent });
            };
            let n = usize::from(above.n_levels);
            line.accounts[..n].copy_from_slice(above.levels());
            line.n_levels += above.n_levels;
        }
        lines.push(line);
    }
    Ok(lines)
}

impl Derived {
    /// What follows from the registers.
    pub fn of(memory: &impl Memory) -> Result<Self, RegisterError> {
        let n_accounts = memory.map().n_accounts();
        let lines = lineages((0..n_accounts).map(|number| memory.account(AccountId(number)).get(account::PARENT)))?;
        let mut derived = Self { lines, valued: Vec::new(), sums: vec![Sums::default(); n_accounts as usize], is_stale: false };
        derived.rebuild(memory);
        Ok(derived)
    }

    /// The registers were set from outside.
    pub fn set_stale(&mut self) {
        self.is_stale = true;
    }

    /// Makes good what a restored register left behind.
    #[inline]
    pub fn refresh(&mut self, memory: &impl Memory) {
        if self.is_stale {
            self.rebuild(memory);
        }
    }

    #[cold]
    fn rebuild(&mut self, memory: &impl Memory) {
        self.is_stale = false;
        for number in 0..self.lines.len() as u32 {
            self.lines[number as usize].own = own_limits(memory, AccountId(number));
        }
        self.join_lines();
        self.valued.clear();
        for number in 0..self.lines.len() as u32 {
            self.sums[number as usize] = Sums::default();
            if self.line(number).own & VALUED != 0 {
                self.valued.push(number);
                self.sums[number as usize] = sums(memory, AccountId(number));
            }
        }
    }

    /// A limit of an account was written.
    pub fn limit_written(&mut self, memory: &impl Memory, account: AccountId) {
        let own = own_limits(memory, account);
        let before = std::mem::replace(&mut self.lines[account.0 as usize].own, own);
        if before == own {
            return;
        }
        self.join_lines();
        if (before ^ own) & (VALUED | EXPOSED) != 0 {
            let is_valued = own & VALUED != 0;
            self.sums[account.0 as usize] = if is_valued { sums(memory, account) } else { Sums::default() };
            let lines = &self.lines;
            self.valued = (0..lines.len() as u32).filter(|&number| lines[number as usize].own & VALUED != 0).collect();
        }
    }

    fn join_lines(&mut self) {
        for number in 0..self.lines.len() {
            let all = self.lines[number].levels().iter().fold(0, |all, &level| all | self.lines[level as usize].own);
            self.lines[number].all = all;
        }
    }

    #[inline]
    pub fn line(&self, account: u32) -> &Line {
        &self.lines[account as usize]
    }

    /// Numbers of the accounts whose sums are kept.
    #[inline]
    pub fn has_valued(&self) -> bool {
        !self.valued.is_empty()
    }

    /// The sums of a valued account.
    #[inline]
    pub fn sums(&self, account: u32) -> &Sums {
        &self.sums[account as usize]
    }

    /// VALUE of any account.
    pub fn value(&self, memory: &impl Memory, account: AccountId) -> i128 {
        let is_valued = self.line(account.0).own & VALUED != 0;
        if is_valued { self.sums(account.0).value } else { sums(memory, account).value }
    }

    /// Changes a position of a valued account, and its sums with it.
    pub fn change(&mut self, account: u32, traded: &InstrumentBank, held: &PositionBank, change: impl FnOnce(&PositionBank)) {
        let (unit, own) = (unit(traded), self.line(account).own);
        let before = worth(held, unit, own);
        change(held);
        self.add(account, traded, before, worth(held, unit, own));
    }

    /// An instrument has another reference price: its positions are worth something else, and equities may have new peaks.
    #[inline(never)]
    pub fn mark(&mut self, memory: &impl Memory, instrument: InstrumentId, before: i128) {
        let traded = memory.instrument(instrument);
        let now = unit(traded);
        for at in 0..self.valued.len() {
            let number = self.valued[at];
            if now != before {
                let held = memory.position(AccountId(number), instrument);
                let own = self.line(number).own;
                self.add(number, traded, worth(held, before, own), worth(held, now, own));
            }
            if self.line(number).own & PEAKED != 0 {
                let bank = memory.account(AccountId(number));
                let equity = equity(bank, self.sums(number).value).saturated();
                if equity > bank.wide(account::PEAK) {
                    bank.set_wide(account::PEAK, equity);
                }
            }
        }
    }

    #[inline]
    fn add(&mut self, account: u32, traded: &InstrumentBank, before: Worth, now: Worth) {
        let sums = &mut self.sums[account as usize];
        let exposure = now.exposure - before.exposure;
        sums.value += now.value - before.value;
        sums.gross += exposure;
        let sector = traded.get(instrument::SECTOR) as usize;
        if sector > 0 {
            sums.sectors[sector - 1] += exposure;
        }
    }

    /// Whether the sums that are kept are those of the registers; for tests.
    pub fn holds(&self, memory: &impl Memory) -> bool {
        self.is_stale
            || self.valued.iter().all(|&number| {
                let (kept, found) = (self.sums(number), sums(memory, AccountId(number)));
                let is_exposed = self.line(number).own & EXPOSED != 0;
                let exposures_hold = (kept.gross, &kept.sectors) == (found.gross, &found.sectors);
                kept.value == found.value && (!is_exposed || exposures_hold)
            })
    }
}

/// CAPITAL + CASH + VALUE.
#[inline]
pub(crate) fn equity(bank: &AccountBank, value: i128) -> Wide {
    Wide::from(bank.wide(account::CAPITAL)) + Wide::from(bank.wide(account::CASH)) + Wide::from(value)
}

/// What a lot of an instrument counts.
#[inline]
pub(crate) fn unit(traded: &InstrumentBank) -> i128 {
    rules::unit(traded.signed(instrument::REFERENCE), traded.wide(instrument::TICK_VALUE))
}

/// EXPOSURE of a position, where a lot counts `unit`.
#[inline]
pub(crate) fn exposure(held: &PositionBank, unit: i128) -> i128 {
    let lots = rules::worst(held.signed(position::POSITION), held.get(position::OPEN_BUY), held.get(position::OPEN_SELL));
    rules::exposure(lots, unit)
}

/// What a position adds to the sums; the exposure is 0 where nobody asks for it.
#[derive(Clone, Copy)]
struct Worth {
    value: i128,
    exposure: i128,
}

#[inline]
fn worth(held: &PositionBank, unit: i128, own: u8) -> Worth {
    if unit == 0 {
        return Worth { value: 0, exposure: 0 };
    }
    let exposure = if own & EXPOSED == 0 { 0 } else { exposure(held, unit) };
    Worth { value: rules::value(held.signed(position::POSITION), unit), exposure }
}

/// The sums of an account, position by position.
pub(crate) fn sums(memory: &impl Memory, account: AccountId) -> Sums {
    let map = memory.map();
    let mut sums = Sums { value: 0, gross: 0, sectors: vec![0; map.n_sectors() as usize] };
    for instrument in (0..map.n_instruments()).map(InstrumentId) {
        let traded = memory.instrument(instrument);
        let Worth { value, exposure } = worth(memory.position(account, instrument), unit(traded), EXPOSED);
        sums.value += value;
        sums.gross += exposure;
        let sector = traded.get(instrument::SECTOR) as usize;
        if sector > 0 {
            sums.sectors[sector - 1] += exposure;
        }
    }
    sums
}

fn own_limits(memory: &impl Memory, account: AccountId) -> u8 {
    let (bank, warnings) = (memory.account(account), memory.warning(account));
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    flag(needs_worth(bank), HARD)
        | flag(needs_worth(warnings), WARN)
        | flag(has_plain(warnings), WARN_PLAIN)
        | flag(has_drawdown(bank) || has_drawdown(warnings), PEAKED)
        | flag(has_shares(bank) || has_shares(warnings), EXPOSED)
}

pub(crate) fn has_drawdown<const N: usize>(limits: &Words<N>) -> bool {
    limits.signed(account::MAX_DRAWDOWN) < MAX64
}

fn needs_worth<const N: usize>(limits: &Words<N>) -> bool {
    limits.wide(account::MAX_DAILY_LOSS) < MAX128.0 || has_drawdown(limits) || has_shares(limits)
}

fn has_shares<const N: usize>(limits: &Words<N>) -> bool {
    let shares = [account::MAX_LEVERAGE, account::MAX_SECTOR, account::MAX_NAME];
    shares.into_iter().any(|share| limits.signed(share) < MAX64)
}

fn has_plain<const N: usize>(limits: &Words<N>) -> bool {
    let plain = [account::MAX_POSITION, account::MAX_ORDER_QTY, account::COLLAR_BPS, account::ORDER_RATE, account::CANCEL_RATE];
    limits.wide(account::MAX_NOTIONAL) < MAX128.0 || plain.into_iter().any(|limit| limits.signed(limit) < MAX64)
}
