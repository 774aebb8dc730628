//! The register map: where banks lie, and the way from an address to a word.

use omni_types::{AccountId, InstrumentId};

use super::RegisterError;
use crate::config::MAX64;

mod table;

use table::REGISTERS;
pub use table::{Register, account, global, instrument, position, registers};

/// Says that this is a risk gate: "OMNRISK", the first letter in the lowest byte.
pub const DEVICE_ID: u64 = 0x004B_5349_524E_4D4F;
/// Version of the map.
pub const VERSION: u64 = 2;
/// One order or cancel, in tokens of its rate.
pub const TOKEN: i64 = 1_000_000_000;
/// Largest rate a second, and largest burst.
pub const MAX_RATE: i64 = 1_000_000_000;
/// Accounts that the contract allows.
pub const MAX_ACCOUNTS: u32 = 4_080;
/// Instruments that the contract allows.
pub const MAX_INSTRUMENTS: u32 = 1 << 16;
/// Sectors that the contract allows.
pub const MAX_SECTORS: u32 = 255;
/// Accounts from the highest to the lowest of a tree.
pub const MAX_LEVELS: usize = 4;

/// What a bank of registers is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bank {
    /// The whole device.
    Global,
    /// One account.
    Account,
    /// What one account is warned of.
    Warning,
    /// One instrument.
    Instrument,
    /// One account in one sector.
    Sector,
    /// One account in one instrument.
    Position,
}

impl Bank {
    /// Every kind, by address.
    pub const ALL: [Self; 6] = [Self::Global, Self::Account, Self::Warning, Self::Instrument, Self::Sector, Self::Position];

    /// Address of the first bank of this kind.
    pub const fn base(self) -> u64 {
        match self {
            Self::Global => 0,
            Self::Account => 0x1000,
            Self::Warning => 0x20_0000,
            Self::Instrument => 0x40_0000,
            Self::Sector => 0x100_0000,
            Self::Position => 0x1000_0000,
        }
    }

    /// Bytes from one bank of this kind to the next: its size.
    pub const fn stride(self) -> u64 {
        match self {
            Self::Global => global::END,
            Self::Account | Self::Warning => 0x200,
            Self::Instrument => 0x80,
            Self::Sector => 0x10,
            Self::Position => 0x40,
        }
    }

    /// Address of a bank of this kind.
    pub const fn address(self, index: u64) -> u64 {
        self.base() + index * self.stride()
    }
}

/// What may be written to a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// It is read-only.
    Nothing,
    /// 0 or 1.
    Switch,
    /// A limit, or an amount: not negative.
    Limit,
    /// 1 … 1e9 a second, or no limit.
    Rate,
    /// 1 … 1e9.
    Burst,
    /// 0 to the low word; the high one is read-only.
    Zero,
}

impl Accepts {
    /// Whether `value` may be written to the low (0) or high (1) word of a register of so many bits, and if not, what may.
    fn check(self, word: u64, bits: u32, value: u64) -> Result<(), &'static str> {
        let burst = 1..=MAX_RATE as u64;
        let (fits, expected) = match self {
            Self::Nothing => (false, "nothing"),
            Self::Switch => (value <= 1, "0 or 1"),
            Self::Limit if bits == 128 && word == 0 => (true, "any value"),
            Self::Limit => (value <= MAX64 as u64, "0 … 2^63 − 1"),
            Self::Rate => (burst.contains(&value) || value == MAX64 as u64, "1 … 1e9, or 2^63 − 1 for no limit"),
            Self::Burst => (burst.contains(&value), "1 … 1e9"),
            Self::Zero => (value == 0, "0"),
        };
        if fits { Ok(()) } else { Err(expected) }
    }
}

/// The map of a device with so many accounts, instruments and sectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the fields have the names of their registers")]
pub struct Map {
    n_accounts: u32,
    n_instruments: u32,
    n_sectors: u32,
}

/// Where an address leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The kind of bank.
    pub bank: Bank,
    /// Number of the account, instrument, sector (account · N_SECTORS + sector − 1) or position (account · N_INSTRUMENTS + instrument).
    pub index: usize,
    /// Bytes from the beginning of the bank.
    pub offset: u64,
}

impl Map {
    /// The map for so many accounts, instruments and sectors.
    ///
    /// # Errors
    ///
    /// There is no room for them.
    pub const fn new(n_accounts: usize, n_instruments: usize, n_sectors: usize) -> Result<Self, RegisterError> {
        if n_accounts > MAX_ACCOUNTS as usize {
            return Err(RegisterError::TooMany { what: "accounts", found: n_accounts, most: MAX_ACCOUNTS as usize });
        }
        if n_instruments > MAX_INSTRUMENTS as usize {
            return Err(RegisterError::TooMany { what: "instruments", found: n_instruments, most: MAX_INSTRUMENTS as usize });
        }
        if n_sectors > MAX_SECTORS as usize {
            return Err(RegisterError::TooMany { what: "sectors", found: n_sectors, most: MAX_SECTORS as usize });
        }
        Ok(Self { n_accounts: n_accounts as u32, n_instruments: n_instruments as u32, n_sectors: n_sectors as u32 })
    }

    /// Number of accounts.
    pub const fn n_accounts(self) -> u32 {
        self.n_accounts
    }

    /// Number of instruments.
    pub const fn n_instruments(self) -> u32 {
        self.n_instruments
    }

    /// The largest sector.
    pub const fn n_sectors(self) -> u32 {
        self.n_sectors
    }

    /// How many banks of a kind there are.
    pub const fn n_banks(self, bank: Bank) -> u64 {
        match bank {
            Bank::Global => 1,
            Bank::Account | Bank::Warning => self.n_accounts as u64,
            Bank::Instrument => self.n_instruments as u64,
            Bank::Sector => self.n_accounts as u64 * self.n_sectors as u64,
            Bank::Position => self.n_accounts as u64 * self.n_instruments as u64,
        }
    }

    /// Which of the position banks is that of an account in an instrument.
    #[inline]
    pub(crate) fn position_index(self, account: AccountId, instrument: InstrumentId) -> usize {
        assert!(instrument.0 < self.n_instruments, "an instrument of the map");
        account.0 as usize * self.n_instruments as usize + instrument.0 as usize
    }

    /// Address of the position bank of an account in an instrument.
    pub fn position_address(self, account: AccountId, instrument: InstrumentId) -> u64 {
        Bank::Position.address(self.position_index(account, instrument) as u64)
    }

    /// First address after the map.
    pub const fn end(self) -> u64 {
        Bank::Position.address(self.n_banks(Bank::Position))
    }

    /// Which word lies at an address.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn locate(self, address: u64) -> Result<Place, RegisterError> {
        let bank = match address {
            ..0x1000 => Bank::Global,
            0x1000..0x20_0000 => Bank::Account,
            0x20_0000..0x40_0000 => Bank::Warning,
            0x40_0000..0x100_0000 => Bank::Instrument,
            0x100_0000..0x1000_0000 => Bank::Sector,
            0x1000_0000.. => Bank::Position,
        };
        let from_base = address - bank.base();
        let index = from_base / bank.stride();
        if index >= self.n_banks(bank) || !address.is_multiple_of(8) {
            return Err(RegisterError::Nowhere { address });
        }
        Ok(Place { bank, index: index as usize, offset: from_base % bank.stride() })
    }

    /// Which word a write of `value` to `address` would change.
    ///
    /// # Errors
    ///
    /// There is none, it is read-only, or it does not take this value.
    pub fn check_write(self, address: u64, value: u64) -> Result<Place, RegisterError> {
        let place = self.locate(address)?;
        let (register, word) = place.register().ok_or(RegisterError::ReadOnly { address, name: "padding" })?;
        let name = register.name;
        if register.accepts == Accepts::Nothing || (register.accepts == Accepts::Zero && word == 1) {
            return Err(RegisterError::ReadOnly { address, name });
        }
        match register.accepts.check(word, register.bits, value) {
            Ok(()) => Ok(place),
            Err(expected) => Err(RegisterError::Value { address, name, expected, found: value }),
        }
    }

    /// Which word a snapshot may set to `value`: any but those that say what the device is or follow from others, and a limit only
    /// to what it takes.
    ///
    /// # Errors
    ///
    /// There is none, or it does not take this value.
    pub(crate) fn check_restore(self, address: u64, value: u64) -> Result<Place, RegisterError> {
        let place = self.locate(address)?;
        let (register, _) = place.register().ok_or(RegisterError::ReadOnly { address, name: "padding" })?;
        if register.is_identity() || register.is_derived() {
            return Err(RegisterError::ReadOnly { address, name: register.name });
        }
        if register.is_setting() { self.check_write(address, value) } else { Ok(place) }
    }

    /// The addresses of all words but padding, ascending.
    pub fn addresses(self) -> impl Iterator<Item = u64> {
        Bank::ALL.into_iter().flat_map(move |bank| {
            (0..self.n_banks(bank)).flat_map(move |index| {
                let rows = REGISTERS.iter().filter(move |register| register.bank == bank);
                rows.flat_map(move |register| {
                    let address = bank.address(index) + register.offset;
                    (address..).step_by(8).take(register.bits as usize / 64)
                })
            })
        })
    }
}

impl Place {
    /// The register there, and which word of it: 0 the low one, 1 the high one. `None` for padding.
    pub fn register(&self) -> Option<(&'static Register, u64)> {
        let row = REGISTERS.iter().rfind(|row| row.bank == self.bank && row.offset <= self.offset)?;
        let word = (self.offset - row.offset) / 8;
        (word < u64::from(row.bits / 64)).then_some((row, word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_do_not_overlap_and_leave_no_gap() {
        for pair in REGISTERS.windows(2).filter(|pair| pair[0].bank == pair[1].bank) {
            assert_eq!(pair[0].offset + u64::from(pair[0].bits / 8), pair[1].offset, "{}", pair[1].name);
        }
    }

    #[test]
    fn every_address_leads_to_its_own_word() {
        let map = Map::new(3, 2, 4).unwrap();
        let addresses: Vec<u64> = map.addresses().collect();
        assert_eq!(addresses.len(), 34 + 3 * 40 + 3 * 19 + 2 * 9 + 12 * 2 + 6 * 7);
        assert!(addresses.is_sorted_by(|a, b| a < b));
        for address in addresses {
            let place = map.locate(address).unwrap();
            let (register, word) = place.register().unwrap();
            assert_eq!(place.offset, register.offset + 8 * word);
        }
    }

    #[test]
    fn the_largest_banks_end_before_the_next_begin() {
        assert_eq!(MAX_ACCOUNTS, 4_080);
        let largest = Map::new(4_080, 65_536, 255).unwrap();
        for pair in Bank::ALL.windows(2) {
            assert!(pair[0].address(largest.n_banks(pair[0])) <= pair[1].base(), "{:?}", pair[0]);
        }
        assert!(Map::new(4_081, 1, 0).is_err());
        assert!(Map::new(1, 65_537, 0).is_err());
        assert!(Map::new(1, 1, 256).is_err());
    }
}
