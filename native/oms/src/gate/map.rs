//! The register map as one table, and the way from an address to a word of it.

use omni_types::{AccountId, InstrumentId};

use super::RegisterError;
use crate::config::{MAX64, MAX128};

/// Says that this is a risk gate: "OMNRISK", the first letter in the lowest byte.
pub const DEVICE_ID: u64 = 0x004B_5349_524E_4D4F;
/// Version of the map.
pub const VERSION: u64 = 1;
/// One order or cancel, in tokens of its rate.
pub const TOKEN: i64 = 1_000_000_000;
/// Largest rate a second, and largest burst.
pub const MAX_RATE: i64 = 1_000_000_000;
/// Accounts that fit between the first account bank and the first instrument bank.
pub const MAX_ACCOUNTS: u32 = ((Bank::Instrument.base() - Bank::Account.base()) / Bank::Account.stride()) as u32;
/// Instruments that the contract allows.
pub const MAX_INSTRUMENTS: u32 = 1 << 16;

/// Offsets in the bank of the whole device.
#[expect(missing_docs, reason = "the table below says what each is")]
pub mod global {
    pub const DEVICE_ID: u64 = 0x00;
    pub const VERSION: u64 = 0x08;
    pub const N_ACCOUNTS: u64 = 0x10;
    pub const N_INSTRUMENTS: u64 = 0x18;
    pub const CONTROL: u64 = 0x20;
    pub const STATUS: u64 = 0x28;
    pub const CHECKED: u64 = 0x30;
    pub const PASSED: u64 = 0x38;
    pub const REFUSED: u64 = 0x40;
}

/// Offsets in the bank of an account.
#[expect(missing_docs, reason = "the table below says what each is")]
pub mod account {
    pub const CONTROL: u64 = 0x00;
    pub const MAX_POSITION: u64 = 0x08;
    pub const MAX_ORDER_QTY: u64 = 0x10;
    pub const COLLAR_BPS: u64 = 0x18;
    pub const MAX_NOTIONAL: u64 = 0x20;
    pub const ORDER_RATE: u64 = 0x30;
    pub const ORDER_BURST: u64 = 0x38;
    pub const CANCEL_RATE: u64 = 0x40;
    pub const CANCEL_BURST: u64 = 0x48;
    pub const MAX_DAILY_LOSS: u64 = 0x50;
    pub const ORDER_TOKENS: u64 = 0x60;
    pub const ORDER_TS: u64 = 0x68;
    pub const CANCEL_TOKENS: u64 = 0x70;
    pub const CANCEL_TS: u64 = 0x78;
    pub const REALISED: u64 = 0x80;
    pub const CHECKED: u64 = 0x90;
    pub const REFUSED: u64 = 0x98;
}

/// Offsets in the bank of an instrument.
#[expect(missing_docs, reason = "the table below says what each is")]
pub mod instrument {
    pub const REFERENCE: u64 = 0x00;
    pub const TICK_VALUE: u64 = 0x08;
}

/// Offsets in the bank of a position. OPEN_SELL follows OPEN_BUY as [`omni_types::Side::index`] counts.
#[expect(missing_docs, reason = "the table below says what each is")]
pub mod position {
    pub const POSITION: u64 = 0x00;
    pub const OPEN_BUY: u64 = 0x08;
    pub const OPEN_SELL: u64 = 0x10;
}

/// Every register, by bank and address.
const REGISTERS: &[Register] = &{
    use Accepts::{Burst, Limit, Nothing, Rate, Switch, Zero};
    use Bank::{Account, Global, Instrument, Position};
    let (none, wide) = (Some(MAX64 as i128), Some(MAX128.0));
    [
        row(Global, global::DEVICE_ID, "DEVICE_ID", 64, "", Nothing, Some(DEVICE_ID as i128)),
        row(Global, global::VERSION, "VERSION", 64, "", Nothing, Some(VERSION as i128)),
        row(Global, global::N_ACCOUNTS, "N_ACCOUNTS", 64, "accounts", Nothing, None),
        row(Global, global::N_INSTRUMENTS, "N_INSTRUMENTS", 64, "instruments", Nothing, None),
        row(Global, global::CONTROL, "CONTROL", 64, "1: killed", Switch, Some(0)),
        row(Global, global::STATUS, "STATUS", 64, "reason", Nothing, Some(0)),
        row(Global, global::CHECKED, "CHECKED", 64, "checks", Nothing, Some(0)),
        row(Global, global::PASSED, "PASSED", 64, "checks", Nothing, Some(0)),
        row(Global, global::REFUSED, "REFUSED_KILL_SWITCH", 64, "checks", Nothing, Some(0)),
        row(Global, global::REFUSED + 0x08, "REFUSED_POSITION_LIMIT", 64, "checks", Nothing, Some(0)),
        row(Global, global::REFUSED + 0x10, "REFUSED_ORDER_SIZE", 64, "checks", Nothing, Some(0)),
        row(Global, global::REFUSED + 0x18, "REFUSED_PRICE_COLLAR", 64, "checks", Nothing, Some(0)),
        row(Global, global::REFUSED + 0x20, "REFUSED_NOTIONAL", 64, "checks", Nothing, Some(0)),
        row(Global, global::REFUSED + 0x28, "REFUSED_ORDER_RATE", 64, "checks", Nothing, Some(0)),
        row(Global, global::REFUSED + 0x30, "REFUSED_CANCEL_RATE", 64, "checks", Nothing, Some(0)),
        row(Global, global::REFUSED + 0x38, "REFUSED_DAILY_LOSS", 64, "checks", Nothing, Some(0)),
        row(Account, account::CONTROL, "CONTROL", 64, "1: killed", Switch, Some(0)),
        row(Account, account::MAX_POSITION, "MAX_POSITION", 64, "lots", Limit, none),
        row(Account, account::MAX_ORDER_QTY, "MAX_ORDER_QTY", 64, "lots", Limit, none),
        row(Account, account::COLLAR_BPS, "COLLAR_BPS", 64, "bps", Limit, none),
        row(Account, account::MAX_NOTIONAL, "MAX_NOTIONAL", 128, "1e-18", Limit, wide),
        row(Account, account::ORDER_RATE, "ORDER_RATE", 64, "orders/s", Rate, none),
        row(Account, account::ORDER_BURST, "ORDER_BURST", 64, "orders", Burst, Some(1)),
        row(Account, account::CANCEL_RATE, "CANCEL_RATE", 64, "cancels/s", Rate, none),
        row(Account, account::CANCEL_BURST, "CANCEL_BURST", 64, "cancels", Burst, Some(1)),
        row(Account, account::MAX_DAILY_LOSS, "MAX_DAILY_LOSS", 128, "1e-18", Limit, wide),
        row(Account, account::ORDER_TOKENS, "ORDER_TOKENS", 64, "1e-9 orders", Nothing, Some(TOKEN as i128)),
        row(Account, account::ORDER_TS, "ORDER_TS", 64, "ns", Nothing, Some(0)),
        row(Account, account::CANCEL_TOKENS, "CANCEL_TOKENS", 64, "1e-9 cancels", Nothing, Some(TOKEN as i128)),
        row(Account, account::CANCEL_TS, "CANCEL_TS", 64, "ns", Nothing, Some(0)),
        row(Account, account::REALISED, "REALISED", 128, "1e-18", Zero, Some(0)),
        row(Account, account::CHECKED, "CHECKED", 64, "checks", Nothing, Some(0)),
        row(Account, account::REFUSED, "REFUSED", 64, "checks", Nothing, Some(0)),
        row(Instrument, instrument::REFERENCE, "REFERENCE", 64, "ticks", Nothing, None),
        row(Instrument, instrument::TICK_VALUE, "TICK_VALUE", 128, "1e-18 per lot and tick", Nothing, None),
        row(Position, position::POSITION, "POSITION", 64, "lots", Nothing, Some(0)),
        row(Position, position::OPEN_BUY, "OPEN_BUY", 64, "lots", Nothing, Some(0)),
        row(Position, position::OPEN_SELL, "OPEN_SELL", 64, "lots", Nothing, Some(0)),
    ]
};

/// Every register, by bank and address, for whoever shows or walks them.
pub const fn registers() -> &'static [Register] {
    REGISTERS
}

/// One row of the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// Where it belongs.
    pub bank: Bank,
    /// Bytes from the beginning of its bank.
    pub offset: u64,
    /// Its name, unique within its bank.
    pub name: &'static str,
    /// 64, or 128 in two words, the low one first.
    pub bits: u32,
    /// What it counts.
    pub unit: &'static str,
    /// What may be written.
    pub accepts: Accepts,
    /// Its value at first; `None` where the configuration says.
    pub reset: Option<i128>,
}

const fn row(
    bank: Bank,
    offset: u64,
    name: &'static str,
    bits: u32,
    unit: &'static str,
    accepts: Accepts,
    reset: Option<i128>,
) -> Register {
    Register { bank, offset, name, bits, unit, accepts, reset }
}

/// What a bank of registers is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bank {
    /// The whole device.
    Global,
    /// One account.
    Account,
    /// One instrument.
    Instrument,
    /// One account in one instrument.
    Position,
}

impl Register {
    /// Whether it keeps what is written to it.
    pub const fn is_setting(&self) -> bool {
        match self.accepts {
            Accepts::Switch | Accepts::Limit | Accepts::Rate | Accepts::Burst => true,
            Accepts::Nothing | Accepts::Zero => false,
        }
    }
}

impl Bank {
    /// Address of the first bank of this kind.
    pub const fn base(self) -> u64 {
        match self {
            Self::Global => 0,
            Self::Account => 0x1000,
            Self::Instrument => 0x10_0000,
            Self::Position => 0x1000_0000,
        }
    }

    /// Bytes from one bank of this kind to the next: its size.
    pub const fn stride(self) -> u64 {
        match self {
            Self::Global => 0x80,
            Self::Account => 0x100,
            Self::Instrument | Self::Position => 0x20,
        }
    }
}

/// What may be written to a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// It is read-only.
    Nothing,
    /// 0 or 1.
    Switch,
    /// A limit: not negative.
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

/// The map of a device with so many accounts and instruments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Map {
    n_accounts: u32,
    n_instruments: u32,
}

/// Where an address leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The kind of bank.
    pub bank: Bank,
    /// Number of the account, instrument or position (account · N_INSTRUMENTS + instrument).
    pub index: usize,
    /// Bytes from the beginning of the bank.
    pub offset: u64,
}

impl Map {
    /// The map for so many accounts and instruments.
    ///
    /// # Errors
    ///
    /// There is no room for them.
    pub const fn new(n_accounts: usize, n_instruments: usize) -> Result<Self, RegisterError> {
        if n_accounts > MAX_ACCOUNTS as usize {
            return Err(RegisterError::TooMany { what: "accounts", found: n_accounts, most: MAX_ACCOUNTS as usize });
        }
        if n_instruments > MAX_INSTRUMENTS as usize {
            return Err(RegisterError::TooMany { what: "instruments", found: n_instruments, most: MAX_INSTRUMENTS as usize });
        }
        Ok(Self { n_accounts: n_accounts as u32, n_instruments: n_instruments as u32 })
    }

    /// Number of accounts.
    pub const fn n_accounts(self) -> u32 {
        self.n_accounts
    }

    /// Number of instruments.
    pub const fn n_instruments(self) -> u32 {
        self.n_instruments
    }

    /// How many banks of a kind there are.
    pub const fn n_banks(self, bank: Bank) -> u64 {
        match bank {
            Bank::Global => 1,
            Bank::Account => self.n_accounts as u64,
            Bank::Instrument => self.n_instruments as u64,
            Bank::Position => self.n_accounts as u64 * self.n_instruments as u64,
        }
    }

    /// Which of the position banks is that of an account in an instrument.
    #[inline]
    pub(crate) fn position_index(self, account: AccountId, instrument: InstrumentId) -> usize {
        assert!(instrument.0 < self.n_instruments, "an instrument of the map");
        account.0 as usize * self.n_instruments as usize + instrument.0 as usize
    }

    /// First address after the map.
    pub const fn end(self) -> u64 {
        Bank::Position.base() + self.n_banks(Bank::Position) * Bank::Position.stride()
    }

    /// Which word lies at an address.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn locate(self, address: u64) -> Result<Place, RegisterError> {
        let bank = match address {
            ..0x1000 => Bank::Global,
            0x1000..0x10_0000 => Bank::Account,
            0x10_0000..0x1000_0000 => Bank::Instrument,
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

    /// Which word a snapshot may set to `value`: any but those that say what the device is, and a limit only to what it takes.
    ///
    /// # Errors
    ///
    /// There is none, or it does not take this value.
    pub(crate) fn check_restore(self, address: u64, value: u64) -> Result<Place, RegisterError> {
        let place = self.locate(address)?;
        let (register, _) = place.register().ok_or(RegisterError::ReadOnly { address, name: "padding" })?;
        let is_identity = match place.bank {
            Bank::Global => place.offset < global::CONTROL,
            Bank::Instrument => place.offset >= instrument::TICK_VALUE,
            Bank::Account | Bank::Position => false,
        };
        if is_identity {
            return Err(RegisterError::ReadOnly { address, name: register.name });
        }
        if register.is_setting() { self.check_write(address, value) } else { Ok(place) }
    }

    /// The addresses of all words but padding, ascending.
    pub fn addresses(self) -> impl Iterator<Item = u64> {
        [Bank::Global, Bank::Account, Bank::Instrument, Bank::Position].into_iter().flat_map(move |bank| {
            (0..self.n_banks(bank)).flat_map(move |index| {
                let rows = REGISTERS.iter().filter(move |register| register.bank == bank);
                rows.flat_map(move |register| {
                    let address = bank.base() + index * bank.stride() + register.offset;
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
        let map = Map::new(3, 2).unwrap();
        let addresses: Vec<u64> = map.addresses().collect();
        assert_eq!(addresses.len(), 16 + 3 * 20 + 2 * 3 + 6 * 3);
        assert!(addresses.is_sorted_by(|a, b| a < b));
        for address in addresses {
            let place = map.locate(address).unwrap();
            let (register, word) = place.register().unwrap();
            assert_eq!(place.offset, register.offset + 8 * word);
        }
    }

    #[test]
    fn the_last_account_ends_where_instruments_begin() {
        assert_eq!(MAX_ACCOUNTS, 4_080);
        assert_eq!(Bank::Account.base() + u64::from(MAX_ACCOUNTS) * Bank::Account.stride(), Bank::Instrument.base());
        assert!(Map::new(4_081, 1).is_err());
        assert!(Map::new(1, 65_537).is_err());
    }
}
