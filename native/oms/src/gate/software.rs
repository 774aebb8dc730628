//! The gate in memory of our own: the reference.

use omni_types::{AccountId, InstrumentId, Nanos};

use super::derived::Derived;
use super::map::{Bank, Map};
use super::memory::Memory;
use super::words::{AccountBank, GlobalBank, InstrumentBank, PositionBank, WarningBank, Words};
use super::{OrderCheck, RegisterError, RiskDevice, Update, Verdict, access, engine, setup, updates};
use crate::config::Config;

/// A risk device whose banks lie in memory as they do in the map.
///
/// A check of an account without parent and without warnings touches the words of the whole device, those of the account (five cache
/// lines), two lines of the instrument and one of the position.
#[derive(Debug)]
pub struct SoftwareDevice {
    banks: Banks,
    derived: Derived,
}

#[derive(Debug)]
struct Banks {
    map: Map,
    global: GlobalBank,
    accounts: Vec<AccountBank>,
    warnings: Vec<WarningBank>,
    instruments: Vec<InstrumentBank>,
    positions: Vec<PositionBank>,
}

impl SoftwareDevice {
    /// A device for these instruments and accounts. Its tokens are full.
    ///
    /// # Errors
    ///
    /// There are too many, or a limit, a parent or a sector is one that its register does not take.
    pub fn new(config: &Config) -> Result<Self, RegisterError> {
        let map = setup::plan(config)?;
        let banks = Banks {
            map,
            global: Words::zeroed(),
            accounts: zeroed(map.n_banks(Bank::Account)),
            warnings: zeroed(map.n_banks(Bank::Warning)),
            instruments: zeroed(map.n_banks(Bank::Instrument)),
            positions: zeroed(map.n_banks(Bank::Position)),
        };
        setup::reset(&banks, config);
        let derived = Derived::of(&banks)?;
        Ok(Self { banks, derived })
    }

    /// Its map.
    pub const fn map(&self) -> Map {
        self.banks.map
    }
}

fn zeroed<const N: usize>(count: u64) -> Vec<Words<N>> {
    std::iter::repeat_with(Words::zeroed).take(count as usize).collect()
}

impl Memory for Banks {
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
    fn warning(&self, account: AccountId) -> &WarningBank {
        &self.warnings[account.0 as usize]
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
        let is_derived =
            || self.banks.map.locate(address).is_ok_and(|place| place.register().is_some_and(|row| row.0.is_derived()));
        debug_assert!(!is_derived() || self.derived.holds(&self.banks), "the sums that are kept are those of the registers");
        access::read(&self.banks, address)
    }

    fn check_write(&self, address: u64, value: u64) -> Result<(), RegisterError> {
        self.banks.map.check_write(address, value).map(drop)
    }

    fn write(&mut self, address: u64, value: u64) -> Result<(), RegisterError> {
        access::write(&self.banks, &mut self.derived, address, value)
    }

    #[inline]
    fn check_order(&mut self, order: &OrderCheck) -> Verdict {
        engine::check_order(&self.banks, &mut self.derived, order)
    }

    #[inline]
    fn check_cancel(&mut self, account: AccountId, now: Nanos) -> Verdict {
        engine::check_cancel(&self.banks, &mut self.derived, account, now)
    }

    #[allow(clippy::inline_always)]
    #[inline(always)]
    fn apply(&mut self, update: Update) {
        updates::apply(&self.banks, &mut self.derived, update);
    }

    fn restore(&mut self, address: u64, value: u64) -> Result<(), RegisterError> {
        access::restore(&self.banks, &mut self.derived, address, value)
    }
}
