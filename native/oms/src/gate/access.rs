//! Words by their addresses: read, written as the host may, and set as they were.

use omni_types::{AccountId, InstrumentId};

use super::RegisterError;
use super::bucket::{Bucket, CANCELS, ORDERS};
use super::derived::{self, Derived, has_drawdown};
use super::map::{Bank, Place, account, position};
use super::memory::Memory;
use super::wide::Wide;
use super::words::{AccountBank, Words};

/// The word at an address. What is derived is worked out from the rest.
pub(crate) fn read(memory: &impl Memory, address: u64) -> Result<u64, RegisterError> {
    let place = memory.map().locate(address)?;
    let number = place.index as u32;
    Ok(match place.bank {
        Bank::Global => memory.global().get(place.offset),
        Bank::Account if place.offset >= account::VALUE => read_account(memory, AccountId(number), place.offset),
        Bank::Account => memory.account(AccountId(number)).get(place.offset),
        Bank::Warning => memory.warning(AccountId(number)).word_or_padding(place.offset),
        Bank::Instrument => memory.instrument(InstrumentId(number)).word_or_padding(place.offset),
        Bank::Sector => {
            let n_sectors = memory.map().n_sectors();
            let sums = derived::sums(memory, AccountId(number / n_sectors));
            word(sums.sectors[(number % n_sectors) as usize], place.offset)
        }
        Bank::Position => {
            let (account, instrument) = position_at(memory, place);
            let held = memory.position(account, instrument);
            match place.offset {
                position::EXPOSURE.. => {
                    let exposure = derived::exposure(held, derived::unit(memory.instrument(instrument)));
                    word(exposure, place.offset - position::EXPOSURE)
                }
                kept => held.get(kept),
            }
        }
    })
}

fn read_account(memory: &impl Memory, number: AccountId, offset: u64) -> u64 {
    let sums = derived::sums(memory, number);
    match offset {
        account::VALUE..account::EQUITY => word(sums.value, offset - account::VALUE),
        account::EQUITY..account::GROSS => {
            word(derived::equity(memory.account(number), sums.value).saturated(), offset - account::EQUITY)
        }
        _ => word(sums.gross, offset - account::GROSS),
    }
}

/// The low word (offset 0) or the high one (8) of an amount; behind them is padding.
fn word(value: i128, offset: u64) -> u64 {
    match offset {
        0 => value as u64,
        8 => (value >> 64) as u64,
        _ => 0,
    }
}

/// Write a word as the host may, with what follows from it.
pub(crate) fn write(memory: &impl Memory, derived: &mut Derived, address: u64, value: u64) -> Result<(), RegisterError> {
    let place = memory.map().check_write(address, value)?;
    derived.refresh(memory);
    let number = AccountId(place.index as u32);
    match place.bank {
        Bank::Account => write_account(memory, derived, number, place, value),
        Bank::Warning => write_limit(memory, derived, number, place, value),
        Bank::Global | Bank::Instrument | Bank::Sector | Bank::Position => set(memory, place, value),
    }
    Ok(())
}

fn write_account(memory: &impl Memory, derived: &mut Derived, number: AccountId, place: Place, value: u64) {
    let bank = memory.account(number);
    let equity = || derived::equity(bank, derived.value(memory, number)).saturated();
    match place.offset {
        account::CONTROL => set(memory, place, value),
        account::REALISED => {
            bank.set_wide(account::REALISED, 0);
            bank.set_wide(account::DAY_EQUITY, equity());
        }
        account::PEAK => bank.set_wide(account::PEAK, equity()),
        account::CAPITAL..account::CASH => write_capital(memory, bank, place, value),
        _ => write_limit(memory, derived, number, place, value),
    }
}

/// Money brought in, or taken out, is neither profit nor loss.
fn write_capital(memory: &impl Memory, bank: &AccountBank, place: Place, value: u64) {
    let before = Wide::from(bank.wide(account::CAPITAL));
    set(memory, place, value);
    let change = Wide::from(bank.wide(account::CAPITAL)) - before;
    for follows in [account::PEAK, account::DAY_EQUITY] {
        bank.set_wide(follows, (Wide::from(bank.wide(follows)) + change).saturated());
    }
}

fn write_limit(memory: &impl Memory, derived: &mut Derived, number: AccountId, place: Place, value: u64) {
    let (bank, warnings) = (memory.account(number), memory.warning(number));
    let had_drawdown = has_drawdown(bank) || has_drawdown(warnings);
    set(memory, place, value);
    match place.offset {
        account::ORDER_RATE | account::ORDER_BURST => fill(&ORDERS, bank, warnings, place.bank),
        account::CANCEL_RATE | account::CANCEL_BURST => fill(&CANCELS, bank, warnings, place.bank),
        account::MAX_DRAWDOWN if !had_drawdown && (has_drawdown(bank) || has_drawdown(warnings)) => {
            let equity = derived::equity(bank, derived.value(memory, number));
            bank.set_wide(account::PEAK, equity.saturated());
        }
        _ => {}
    }
    derived.limit_written(memory, number);
}

fn fill<const N: usize, const W: usize>(bucket: &Bucket, bank: &Words<N>, warnings: &Words<W>, which: Bank) {
    if which == Bank::Warning { bucket.fill(warnings) } else { bucket.fill(bank) }
}

/// Set a word as it was in a snapshot.
pub(crate) fn restore(memory: &impl Memory, derived: &mut Derived, address: u64, value: u64) -> Result<(), RegisterError> {
    let place = memory.map().check_restore(address, value)?;
    set(memory, place, value);
    derived.set_stale();
    Ok(())
}

/// Sets a word that is kept; the map has no other that may be set.
fn set(memory: &impl Memory, place: Place, value: u64) {
    let number = place.index as u32;
    match place.bank {
        Bank::Global => memory.global().set(place.offset, value),
        Bank::Account => memory.account(AccountId(number)).set(place.offset, value),
        Bank::Warning => memory.warning(AccountId(number)).set(place.offset, value),
        Bank::Instrument => memory.instrument(InstrumentId(number)).set(place.offset, value),
        Bank::Sector => {}
        Bank::Position => {
            let (account, instrument) = position_at(memory, place);
            memory.position(account, instrument).set(place.offset, value);
        }
    }
}

fn position_at(memory: &impl Memory, place: Place) -> (AccountId, InstrumentId) {
    let n_instruments = memory.map().n_instruments() as usize;
    (AccountId((place.index / n_instruments) as u32), InstrumentId((place.index % n_instruments) as u32))
}

/// Whether every setting is one that its register takes, and every sector one of the map: the arithmetic relies on it, and a damaged
/// file could hold another.
#[cfg(feature = "fpga")]
pub(crate) fn check_settings(memory: &impl Memory) -> Result<(), RegisterError> {
    use super::map::{instrument, registers};
    let map = memory.map();
    for register in registers().iter().filter(|register| register.is_setting()) {
        for index in 0..map.n_banks(register.bank) {
            let low = register.bank.address(index) + register.offset;
            for address in (low..).step_by(8).take(register.bits as usize / 64) {
                map.check_write(address, read(memory, address)?)?;
            }
        }
    }
    for number in 0..map.n_instruments() {
        let sector = memory.instrument(InstrumentId(number)).get(instrument::SECTOR);
        if sector > u64::from(map.n_sectors()) {
            let address = Bank::Instrument.address(number.into()) + instrument::SECTOR;
            return Err(RegisterError::Value { address, name: "SECTOR", expected: "0 … N_SECTORS", found: sector });
        }
    }
    Ok(())
}
