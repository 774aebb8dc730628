//! The gate in memory of our own: the reference.

use omni_types::{AccountId, InstrumentId, Nanos, RejectReason};

use super::engine::{self, Memory};
use super::map::{Bank, Map};
use super::words::{AccountBank, GlobalBank, InstrumentBank, PositionBank, Words};
use super::{OrderCheck, RegisterError, RiskDevice, Update, setup};
use crate::config::Config;

/// A risk device whose banks lie in memory as they do in the map.
///
/// A check touches the words of the whole device, those of its account (three cache lines), and one line each for
/// instrument and position.
#[derive(Debug)]
pub struct SoftwareDevice {
    map: Map,
    global: GlobalBank,
    accounts: Vec<AccountBank>,
    instruments: Vec<InstrumentBank>,
    positions: Vec<PositionBank>,
}

impl SoftwareDevice {
    /// A device for these instruments and accounts. Its tokens are full.
    ///
    /// # Errors
    ///
    /// There are too many, or a limit is one that its register does not take.
    pub fn new(config: &Config) -> Result<Self, RegisterError> {
        let map = setup::plan(config)?;
        let device = Self {
            map,
            global: Words::zeroed(),
            accounts: zeroed(map.n_banks(Bank::Account)),
            instruments: zeroed(map.n_banks(Bank::Instrument)),
            positions: zeroed(map.n_banks(Bank::Position)),
        };
        setup::reset(&device, config)?;
        Ok(device)
    }

    /// Its map.
    pub const fn map(&self) -> Map {
        self.map
    }
}

fn zeroed<const N: usize>(count: u64) -> Vec<Words<N>> {
    std::iter::repeat_with(Words::zeroed).take(count as usize).collect()
}

impl Memory for SoftwareDevice {
    fn map(&self) -> Map {
        self.map
    }

    #[inline]
    fn global(&self) -> &GlobalBank {
        &self.global
    }

    #[inline]
    fn account(&self, account: AccountId) -> &AccountBank {
        &self.accounts[account.0 as usize]
    }

    #[inline]
    fn instrument(&self, instrument: InstrumentId) -> &InstrumentBank {
        &self.instruments[instrument.0 as usize]
    }

    #[inline]
    fn position(&self, account: AccountId, instrument: InstrumentId) -> &PositionBank {
        &self.positions[self.map.position_index(account, instrument)]
    }
}

impl RiskDevice for SoftwareDevice {
    fn read(&self, address: u64) -> Result<u64, RegisterError> {
        engine::read(self, address)
    }

    fn check_write(&self, address: u64, value: u64) -> Result<(), RegisterError> {
        self.map.check_write(address, value).map(drop)
    }

    fn write(&mut self, address: u64, value: u64) -> Result<(), RegisterError> {
        engine::write(self, address, value)
    }

    #[inline]
    fn check_order(&mut self, order: &OrderCheck) -> Option<RejectReason> {
        engine::check_order(self, order)
    }

    #[inline]
    fn check_cancel(&mut self, account: AccountId, now: Nanos) -> Option<RejectReason> {
        engine::check_cancel(self, account, now)
    }

    #[allow(clippy::inline_always)]
    #[inline(always)]
    fn apply(&mut self, update: Update) {
        engine::apply(self, update);
    }

    fn restore(&mut self, address: u64, value: u64) -> Result<(), RegisterError> {
        engine::restore(self, address, value)
    }
}
