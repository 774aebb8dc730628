//! From a configuration to the registers as they are before the first check.

use omni_types::{AccountId, InstrumentId};

use super::RegisterError;
use super::bucket::{CANCELS, ORDERS};
use super::derived::lineages;
use super::map::{Bank, DEVICE_ID, MAX_SECTORS, Map, VERSION, account, global, instrument, position};
use super::memory::Memory;
use super::words::Words;
use crate::config::{AccountConfig, Config, InstrumentConfig, Limits, MAX64, PositionLimits};

/// The map that a configuration needs, once it is sure that its settings would be accepted.
pub(crate) fn plan(config: &Config) -> Result<Map, RegisterError> {
    let n_sectors = config.n_sectors() as usize;
    let map = Map::new(config.accounts.len(), config.instruments.len(), n_sectors.min(MAX_SECTORS as usize))?;
    Map::new(0, 0, n_sectors)?;
    lineages(config.accounts.iter().map(parent_word))?;
    for limits in &config.positions {
        if limits.account.0 >= map.n_accounts() || limits.instrument.0 >= map.n_instruments() {
            return Err(RegisterError::Nowhere { address: map.end() });
        }
    }
    for (bank, index, offset, value) in settings(config, map) {
        map.check_write(bank.address(index) + offset, value)?;
    }
    Ok(map)
}

/// Bring zeroed registers to their reset values, then set what the configuration says. The tokens are full.
pub(crate) fn reset(memory: &impl Memory, config: &Config) {
    let map = memory.map();
    for (id, about) in (0..).zip(&config.instruments) {
        let bank = memory.instrument(InstrumentId(id));
        bank.set(instrument::REFERENCE, about.reference.0 as u64);
        bank.set_wide(instrument::TICK_VALUE, about.tick_value.0);
        bank.set(instrument::SECTOR, about.sector.into());
    }
    for (id, about) in (0..).map(AccountId).zip(&config.accounts) {
        let bank = memory.account(id);
        bank.set(account::PARENT, parent_word(about));
        for amount in [account::PEAK, account::DAY_EQUITY] {
            bank.set_wide(amount, about.capital.0);
        }
        for instrument in (0..map.n_instruments()).map(InstrumentId) {
            let held = memory.position(id, instrument);
            held.set(position::MAX_POSITION, MAX64 as u64);
            held.set(position::MAX_ORDER_QTY, MAX64 as u64);
        }
    }
    for (bank, index, offset, value) in settings(config, map) {
        let id = index as u32;
        match bank {
            Bank::Account => memory.account(AccountId(id)).set(offset, value),
            Bank::Warning => memory.warning(AccountId(id)).set(offset, value),
            Bank::Instrument => memory.instrument(InstrumentId(id)).set(offset, value),
            Bank::Position => {
                let n = map.n_instruments();
                memory.position(AccountId(id / n), InstrumentId(id % n)).set(offset, value);
            }
            Bank::Global | Bank::Sector => {}
        }
    }
    for id in (0..map.n_accounts()).map(AccountId) {
        fill(memory.account(id));
        fill(memory.warning(id));
    }
    let device = memory.global();
    device.set(global::VERSION, VERSION);
    device.set(global::N_ACCOUNTS, u64::from(map.n_accounts()));
    device.set(global::N_INSTRUMENTS, u64::from(map.n_instruments()));
    device.set(global::N_SECTORS, u64::from(map.n_sectors()));
    // Last: whoever finds it finds the rest.
    device.release(global::DEVICE_ID, DEVICE_ID);
}

fn fill<const N: usize>(bank: &Words<N>) {
    ORDERS.fill(bank);
    CANCELS.fill(bank);
}

fn parent_word(account: &AccountConfig) -> u64 {
    account.parent.map_or(MAX64 as u64, |parent| parent.0.into())
}

/// The words of everything that could be written: bank, its index, offset in it, and value.
fn settings(config: &Config, map: Map) -> impl Iterator<Item = (Bank, u64, u64, u64)> + '_ {
    let accounts = (0..).zip(&config.accounts).flat_map(|(id, about): (u64, _)| {
        let capital = wide(account::CAPITAL, about.capital.0).map(move |(offset, value)| (Bank::Account, id, offset, value));
        let limits = limit_words(&about.limits).map(move |(offset, value)| (Bank::Account, id, offset, value));
        let warnings = limit_words(&about.warnings).map(move |(offset, value)| (Bank::Warning, id, offset, value));
        capital.into_iter().chain(limits).chain(warnings)
    });
    let instruments = (0..)
        .zip(&config.instruments)
        .flat_map(|(id, about)| instrument_words(about).map(move |(offset, value)| (Bank::Instrument, id, offset, value)));
    let positions = config.positions.iter().flat_map(move |limits| {
        let PositionLimits { account, instrument, max_position, max_order_qty } = *limits;
        let index = map.position_index(account, instrument) as u64;
        [(position::MAX_POSITION, max_position), (position::MAX_ORDER_QTY, max_order_qty)]
            .map(move |(offset, value)| (Bank::Position, index, offset, value as u64))
    });
    accounts.chain(instruments).chain(positions)
}

const fn wide(offset: u64, value: i128) -> [(u64, u64); 2] {
    [(offset, value as u64), (offset + 8, (value >> 64) as u64)]
}

fn instrument_words(about: &InstrumentConfig) -> [(u64, u64); 4] {
    let [low, high] = wide(instrument::MAX_NOTIONAL, about.max_notional.0);
    let size = (instrument::MAX_ORDER_QTY, about.max_order_qty as u64);
    [size, (instrument::COLLAR_BPS, about.collar_bps as u64), low, high]
}

/// The words of the limits of an account, with their offsets in its bank.
fn limit_words(limits: &Limits) -> impl Iterator<Item = (u64, u64)> + use<> {
    let narrow = [
        (account::MAX_POSITION, limits.max_position),
        (account::MAX_ORDER_QTY, limits.max_order_qty),
        (account::COLLAR_BPS, limits.collar_bps),
        (account::ORDER_RATE, limits.order_rate),
        (account::ORDER_BURST, limits.order_burst),
        (account::CANCEL_RATE, limits.cancel_rate),
        (account::CANCEL_BURST, limits.cancel_burst),
        (account::MAX_DRAWDOWN, limits.max_drawdown),
        (account::MAX_LEVERAGE, limits.max_leverage),
        (account::MAX_SECTOR, limits.max_sector),
        (account::MAX_NAME, limits.max_name),
    ];
    let narrow = narrow.map(|(offset, value)| (offset, value as u64));
    let wide = [wide(account::MAX_NOTIONAL, limits.max_notional.0), wide(account::MAX_DAILY_LOSS, limits.max_daily_loss.0)];
    narrow.into_iter().chain(wide.into_iter().flatten())
}
