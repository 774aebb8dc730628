//! From a configuration to the registers as they are before the first check.

use omni_types::InstrumentId;

use super::RegisterError;
use super::engine::{self, Memory};
use super::map::{Bank, DEVICE_ID, Map, VERSION, account, global, instrument};
use crate::config::{Config, Limits};

/// The map that a configuration needs, once it is sure that its limits would be accepted.
pub(crate) fn plan(config: &Config) -> Result<Map, RegisterError> {
    let map = Map::new(config.accounts.len(), config.instruments.len())?;
    for (address, value) in limit_words(config) {
        map.check_write(address, value)?;
    }
    Ok(map)
}

/// Bring zeroed registers to their reset values, then write the limits as the host would: so the tokens are full.
pub(crate) fn reset(memory: &impl Memory, config: &Config) -> Result<(), RegisterError> {
    for (id, about) in (0..).zip(&config.instruments) {
        let bank = memory.instrument(InstrumentId(id));
        bank.set(instrument::REFERENCE, about.reference.0 as u64);
        bank.set_wide(instrument::TICK_VALUE, about.tick_value.0);
    }
    limit_words(config).try_for_each(|(address, value)| engine::write(memory, address, value))?;
    let device = memory.global();
    device.set(global::VERSION, VERSION);
    device.set(global::N_ACCOUNTS, u64::from(memory.map().n_accounts()));
    device.set(global::N_INSTRUMENTS, u64::from(memory.map().n_instruments()));
    // Last: whoever finds it finds the rest.
    device.release(global::DEVICE_ID, DEVICE_ID);
    Ok(())
}

/// The words of all limits, with their addresses.
fn limit_words(config: &Config) -> impl Iterator<Item = (u64, u64)> {
    (0..).zip(&config.accounts).flat_map(|(id, account): (u64, _)| {
        let base = Bank::Account.base() + id * Bank::Account.stride();
        words(&account.limits).map(|(offset, value)| (base + offset, value))
    })
}

/// The words of an account's limits, with their offsets in its bank.
const fn words(limits: &Limits) -> [(u64, u64); 11] {
    [
        (account::MAX_POSITION, limits.max_position as u64),
        (account::MAX_ORDER_QTY, limits.max_order_qty as u64),
        (account::COLLAR_BPS, limits.collar_bps as u64),
        (account::MAX_NOTIONAL, limits.max_notional.0 as u64),
        (account::MAX_NOTIONAL + 8, (limits.max_notional.0 >> 64) as u64),
        (account::ORDER_RATE, limits.order_rate as u64),
        (account::ORDER_BURST, limits.order_burst as u64),
        (account::CANCEL_RATE, limits.cancel_rate as u64),
        (account::CANCEL_BURST, limits.cancel_burst as u64),
        (account::MAX_DAILY_LOSS, limits.max_daily_loss.0 as u64),
        (account::MAX_DAILY_LOSS + 8, (limits.max_daily_loss.0 >> 64) as u64),
    ]
}
