//! What a device does with its registers: the checks in their order, the counters, the updates, and what a write entails.
//!
//! The registers are the whole state. They may lie in memory of our own or in a mapped file, so the engine asks a [`Memory`].

use omni_types::{AccountId, InstrumentId, Nanos, RejectReason, Side};

use super::map::{Bank, Map, Place, TOKEN, account, global, instrument, position};
use super::words::{AccountBank, GlobalBank, InstrumentBank, PositionBank};
use super::{OrderCheck, RegisterError, Update, rules};
use crate::config::{MAX64, MAX128};

/// Where the banks lie. All of them exist for accounts and instruments of the map; others stop the program.
pub(crate) trait Memory {
    fn map(&self) -> Map;
    fn global(&self) -> &GlobalBank;
    fn account(&self, account: AccountId) -> &AccountBank;
    fn instrument(&self, instrument: InstrumentId) -> &InstrumentBank;
    fn position(&self, account: AccountId, instrument: InstrumentId) -> &PositionBank;
}

/// Check an order and count the verdict.
#[inline]
pub(crate) fn check_order(memory: &impl Memory, order: &OrderCheck) -> Option<RejectReason> {
    let account = memory.account(order.account);
    let verdict = first_refusal(memory, account, order);
    count(memory.global(), account, verdict);
    verdict
}

/// Check a cancel and count the verdict.
#[inline]
pub(crate) fn check_cancel(memory: &impl Memory, account: AccountId, now: Nanos) -> Option<RejectReason> {
    let account = memory.account(account);
    let verdict = if CANCELS.take(account, now) { None } else { Some(RejectReason::CancelRate) };
    count(memory.global(), account, verdict);
    verdict
}

/// The first check that an order fails.
#[inline]
fn first_refusal(memory: &impl Memory, limits: &AccountBank, order: &OrderCheck) -> Option<RejectReason> {
    if memory.global().get(global::CONTROL) == 1 || limits.get(account::CONTROL) == 1 {
        return Some(RejectReason::KillSwitch);
    }
    if order.added > 0 {
        let held = memory.position(order.account, order.instrument);
        let position = i128::from(held.signed(position::POSITION)) * i128::from(order.side.sign());
        if rules::exceeds_position(position, held.get(open_of(order.side)), order.added, limits.signed(account::MAX_POSITION)) {
            return Some(RejectReason::PositionLimit);
        }
    }
    if order.size > limits.signed(account::MAX_ORDER_QTY) {
        return Some(RejectReason::OrderSize);
    }
    let traded = memory.instrument(order.instrument);
    let reference = traded.signed(instrument::REFERENCE);
    let collar = limits.signed(account::COLLAR_BPS);
    if order.price != 0 && reference > 0 && collar < MAX64 && rules::outside_collar(order.price, reference, collar) {
        return Some(RejectReason::PriceCollar);
    }
    let max_notional = limits.wide(account::MAX_NOTIONAL);
    if max_notional < MAX128.0 {
        let price = if order.price != 0 { order.price } else { reference };
        if rules::exceeds_notional(price, order.leaves, traded.wide(instrument::TICK_VALUE), max_notional) {
            return Some(RejectReason::Notional);
        }
    }
    if !ORDERS.take(limits, order.now) {
        return Some(RejectReason::OrderRate);
    }
    let max_loss = limits.wide(account::MAX_DAILY_LOSS);
    if order.added > 0 && max_loss < MAX128.0 && rules::lost_too_much(limits.wide(account::REALISED), max_loss) {
        return Some(RejectReason::DailyLoss);
    }
    None
}

#[inline]
fn count(all: &GlobalBank, account: &AccountBank, verdict: Option<RejectReason>) {
    all.add(global::CHECKED, 1);
    account.add(account::CHECKED, 1);
    match verdict {
        None => {
            all.set(global::STATUS, 0);
            all.add(global::PASSED, 1);
        }
        Some(reason) => {
            all.set(global::STATUS, u64::from(reason.code()));
            all.add(global::REFUSED + 8 * u64::from(reason.code() - RejectReason::KillSwitch.code()), 1);
            account.add(account::REFUSED, 1);
        }
    }
}

/// The four registers of a rate.
struct Bucket {
    rate: u64,
    burst: u64,
    tokens: u64,
    ts: u64,
}

const ORDERS: Bucket =
    Bucket { rate: account::ORDER_RATE, burst: account::ORDER_BURST, tokens: account::ORDER_TOKENS, ts: account::ORDER_TS };
const CANCELS: Bucket =
    Bucket { rate: account::CANCEL_RATE, burst: account::CANCEL_BURST, tokens: account::CANCEL_TOKENS, ts: account::CANCEL_TS };

impl Bucket {
    /// Take a token if there is one; without a rate there is no need.
    #[inline]
    fn take(&self, bank: &AccountBank, now: Nanos) -> bool {
        let rate = bank.signed(self.rate);
        if rate == MAX64 {
            return true;
        }
        let tokens = rules::refill(bank.signed(self.tokens), bank.signed(self.ts), now.0, rate, bank.signed(self.burst));
        let taken = tokens >= TOKEN;
        bank.set(self.tokens, (if taken { tokens - TOKEN } else { tokens }) as u64);
        bank.set(self.ts, now.0 as u64);
        taken
    }

    fn fill(&self, bank: &AccountBank) {
        bank.set(self.tokens, bank.get(self.burst) * TOKEN as u64);
    }
}

/// Take note of what happened outside.
///
/// OPEN and POSITION count modulo 2^64 and never get that far: an order opens only if ±POSITION + OPEN + qty ≤ MAX_POSITION,
/// and fills and cancels do not raise that sum. So |POSITION| ≤ 2^63 − 1, which a signed word holds, and OPEN ≤ 2^64 − 2,
/// which an unsigned one holds. REALISED keeps to its ends rather than turn a loss into a profit.
// Which update it is, every caller knows: inlined, it is two or three instructions. That was measured.
#[allow(clippy::inline_always)]
#[inline(always)]
pub(crate) fn apply(memory: &impl Memory, update: Update) {
    match update {
        Update::Open { account, instrument, side, qty } => {
            memory.position(account, instrument).add(open_of(side), qty as u64);
        }
        Update::Fill { account, instrument, side, qty, realised } => {
            let held = memory.position(account, instrument);
            held.add(open_of(side), qty.wrapping_neg() as u64);
            held.add(position::POSITION, qty.wrapping_mul(side.sign()) as u64);
            let bank = memory.account(account);
            bank.set_wide(account::REALISED, bank.wide(account::REALISED).saturating_add(realised.0));
        }
        Update::Reference { instrument, price } => memory.instrument(instrument).set(instrument::REFERENCE, price.0 as u64),
    }
}

#[inline]
const fn open_of(side: Side) -> u64 {
    position::OPEN_BUY + 8 * side.index() as u64
}

/// The word at an address.
pub(crate) fn read(memory: &impl Memory, address: u64) -> Result<u64, RegisterError> {
    let place = memory.map().locate(address)?;
    Ok(match place.bank {
        Bank::Global => memory.global().get(place.offset),
        Bank::Account => memory.account(AccountId(place.index as u32)).get(place.offset),
        Bank::Instrument => memory.instrument(InstrumentId(place.index as u32)).get(place.offset),
        Bank::Position => position_at(memory, place).get(place.offset),
    })
}

/// Write a word as the host may, with what follows from it.
pub(crate) fn write(memory: &impl Memory, address: u64, value: u64) -> Result<(), RegisterError> {
    let place = memory.map().check_write(address, value)?;
    set(memory, place, value);
    if place.bank == Bank::Account {
        let bank = memory.account(AccountId(place.index as u32));
        match place.offset {
            account::ORDER_RATE | account::ORDER_BURST => ORDERS.fill(bank),
            account::CANCEL_RATE | account::CANCEL_BURST => CANCELS.fill(bank),
            account::REALISED => bank.set_wide(account::REALISED, 0),
            _ => {}
        }
    }
    Ok(())
}

/// Set a word as it was in a snapshot.
pub(crate) fn restore(memory: &impl Memory, address: u64, value: u64) -> Result<(), RegisterError> {
    let place = memory.map().check_restore(address, value)?;
    set(memory, place, value);
    Ok(())
}

fn set(memory: &impl Memory, place: Place, value: u64) {
    match place.bank {
        Bank::Global => memory.global().set(place.offset, value),
        Bank::Account => memory.account(AccountId(place.index as u32)).set(place.offset, value),
        Bank::Instrument => memory.instrument(InstrumentId(place.index as u32)).set(place.offset, value),
        Bank::Position => position_at(memory, place).set(place.offset, value),
    }
}

fn position_at(memory: &impl Memory, place: Place) -> &PositionBank {
    let n_instruments = memory.map().n_instruments() as usize;
    memory.position(AccountId((place.index / n_instruments) as u32), InstrumentId((place.index % n_instruments) as u32))
}

/// Whether every setting is one that its register takes: the arithmetic relies on it, and a damaged file could hold another.
#[cfg(feature = "fpga")]
pub(crate) fn check_settings(memory: &impl Memory) -> Result<(), RegisterError> {
    let map = memory.map();
    map.addresses().take_while(|&address| address < Bank::Instrument.base()).try_for_each(|address| {
        let is_setting = map.locate(address)?.register().is_some_and(|(register, _)| register.is_setting());
        if is_setting { map.check_write(address, read(memory, address)?).map(drop) } else { Ok(()) }
    })
}
