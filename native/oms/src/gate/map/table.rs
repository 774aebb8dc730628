//! Where each register lies, and what it takes: the table of `docs/gate.md` section 2.

use super::{Accepts, Bank, DEVICE_ID, TOKEN, VERSION};
use crate::config::{MAX64, MAX128};

/// Offsets in the bank of the whole device.
#[expect(missing_docs, reason = "the table below says what each is")]
pub mod global {
    pub const DEVICE_ID: u64 = 0x00;
    pub const VERSION: u64 = 0x08;
    pub const N_ACCOUNTS: u64 = 0x10;
    pub const N_INSTRUMENTS: u64 = 0x18;
    pub const N_SECTORS: u64 = 0x20;
    pub const CONTROL: u64 = 0x28;
    pub const STATUS: u64 = 0x30;
    pub const WARNING: u64 = 0x38;
    pub const CHECKED: u64 = 0x40;
    pub const PASSED: u64 = 0x48;
    pub const REFUSED: u64 = 0x50;
    pub const WARNED: u64 = 0xB0;
    /// Bytes of the bank.
    pub const END: u64 = 0x110;
}

/// Offsets in the bank of an account. Its warning bank has those from MAX_POSITION to CANCEL_TS at the same offsets.
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
    pub const MAX_DRAWDOWN: u64 = 0x60;
    pub const MAX_LEVERAGE: u64 = 0x68;
    pub const MAX_SECTOR: u64 = 0x70;
    pub const MAX_NAME: u64 = 0x78;
    pub const ORDER_TOKENS: u64 = 0x80;
    pub const ORDER_TS: u64 = 0x88;
    pub const CANCEL_TOKENS: u64 = 0x90;
    pub const CANCEL_TS: u64 = 0x98;
    pub const REALISED: u64 = 0xA0;
    pub const CAPITAL: u64 = 0xB0;
    pub const CASH: u64 = 0xC0;
    pub const PEAK: u64 = 0xD0;
    pub const DAY_EQUITY: u64 = 0xE0;
    pub const CHECKED: u64 = 0xF0;
    pub const REFUSED: u64 = 0xF8;
    pub const WARNED: u64 = 0x100;
    pub const PARENT: u64 = 0x108;
    pub const VALUE: u64 = 0x110;
    pub const EQUITY: u64 = 0x120;
    pub const GROSS: u64 = 0x130;
}

/// Offsets in the bank of an instrument.
#[expect(missing_docs, reason = "the table below says what each is")]
pub mod instrument {
    pub const CONTROL: u64 = 0x00;
    pub const REFERENCE: u64 = 0x08;
    pub const TICK_VALUE: u64 = 0x10;
    pub const SECTOR: u64 = 0x20;
    pub const MAX_ORDER_QTY: u64 = 0x28;
    pub const COLLAR_BPS: u64 = 0x30;
    pub const MAX_NOTIONAL: u64 = 0x38;
}

/// Offsets in the bank of a position. OPEN_SELL follows OPEN_BUY as [`omni_types::Side::index`] counts.
#[expect(missing_docs, reason = "the table below says what each is")]
pub mod position {
    pub const POSITION: u64 = 0x00;
    pub const OPEN_BUY: u64 = 0x08;
    pub const OPEN_SELL: u64 = 0x10;
    pub const MAX_POSITION: u64 = 0x18;
    pub const MAX_ORDER_QTY: u64 = 0x20;
    pub const EXPOSURE: u64 = 0x28;
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

impl Register {
    /// Whether it keeps what is written to it.
    pub const fn is_setting(&self) -> bool {
        match self.accepts {
            Accepts::Switch | Accepts::Limit | Accepts::Rate | Accepts::Burst => true,
            Accepts::Nothing | Accepts::Zero => false,
        }
    }

    /// Whether it follows from others.
    pub const fn is_derived(&self) -> bool {
        match self.bank {
            Bank::Account => self.offset >= account::VALUE,
            Bank::Sector => true,
            Bank::Position => self.offset == position::EXPOSURE,
            Bank::Global | Bank::Warning | Bank::Instrument => false,
        }
    }

    /// Whether it says what the device is, and never changes.
    pub const fn is_identity(&self) -> bool {
        match self.bank {
            Bank::Global => self.offset < global::CONTROL,
            Bank::Account => self.offset == account::PARENT,
            Bank::Instrument => self.offset == instrument::TICK_VALUE || self.offset == instrument::SECTOR,
            Bank::Warning | Bank::Sector | Bank::Position => false,
        }
    }
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

/// Every register, by bank and address.
pub(super) const REGISTERS: &[Register] = &{
    use Accepts::{Burst, Limit, Nothing, Rate, Switch, Zero};
    use Bank::{Account, Global, Instrument, Position, Sector, Warning};
    let (none, wide, token) = (Some(MAX64 as i128), Some(MAX128.0), Some(TOKEN as i128));
    [
        row(Global, global::DEVICE_ID, "DEVICE_ID", 64, "", Nothing, Some(DEVICE_ID as i128)),
        row(Global, global::VERSION, "VERSION", 64, "", Nothing, Some(VERSION as i128)),
        row(Global, global::N_ACCOUNTS, "N_ACCOUNTS", 64, "accounts", Nothing, None),
        row(Global, global::N_INSTRUMENTS, "N_INSTRUMENTS", 64, "instruments", Nothing, None),
        row(Global, global::N_SECTORS, "N_SECTORS", 64, "sectors", Nothing, None),
        row(Global, global::CONTROL, "CONTROL", 64, "1: killed", Switch, Some(0)),
        row(Global, global::STATUS, "STATUS", 64, "reason", Nothing, Some(0)),
        row(Global, global::WARNING, "WARNING", 64, "reason", Nothing, Some(0)),
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
        row(Global, global::REFUSED + 0x40, "REFUSED_DRAWDOWN", 64, "checks", Nothing, Some(0)),
        row(Global, global::REFUSED + 0x48, "REFUSED_LEVERAGE", 64, "checks", Nothing, Some(0)),
        row(Global, global::REFUSED + 0x50, "REFUSED_SECTOR_CONCENTRATION", 64, "checks", Nothing, Some(0)),
        row(Global, global::REFUSED + 0x58, "REFUSED_SINGLE_NAME", 64, "checks", Nothing, Some(0)),
        row(Global, global::WARNED, "WARNED_KILL_SWITCH", 64, "checks", Nothing, Some(0)),
        row(Global, global::WARNED + 0x08, "WARNED_POSITION_LIMIT", 64, "checks", Nothing, Some(0)),
        row(Global, global::WARNED + 0x10, "WARNED_ORDER_SIZE", 64, "checks", Nothing, Some(0)),
        row(Global, global::WARNED + 0x18, "WARNED_PRICE_COLLAR", 64, "checks", Nothing, Some(0)),
        row(Global, global::WARNED + 0x20, "WARNED_NOTIONAL", 64, "checks", Nothing, Some(0)),
        row(Global, global::WARNED + 0x28, "WARNED_ORDER_RATE", 64, "checks", Nothing, Some(0)),
        row(Global, global::WARNED + 0x30, "WARNED_CANCEL_RATE", 64, "checks", Nothing, Some(0)),
        row(Global, global::WARNED + 0x38, "WARNED_DAILY_LOSS", 64, "checks", Nothing, Some(0)),
        row(Global, global::WARNED + 0x40, "WARNED_DRAWDOWN", 64, "checks", Nothing, Some(0)),
        row(Global, global::WARNED + 0x48, "WARNED_LEVERAGE", 64, "checks", Nothing, Some(0)),
        row(Global, global::WARNED + 0x50, "WARNED_SECTOR_CONCENTRATION", 64, "checks", Nothing, Some(0)),
        row(Global, global::WARNED + 0x58, "WARNED_SINGLE_NAME", 64, "checks", Nothing, Some(0)),
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
        row(Account, account::MAX_DRAWDOWN, "MAX_DRAWDOWN", 64, "bps of PEAK", Limit, none),
        row(Account, account::MAX_LEVERAGE, "MAX_LEVERAGE", 64, "bps of EQUITY", Limit, none),
        row(Account, account::MAX_SECTOR, "MAX_SECTOR", 64, "bps of EQUITY", Limit, none),
        row(Account, account::MAX_NAME, "MAX_NAME", 64, "bps of EQUITY", Limit, none),
        row(Account, account::ORDER_TOKENS, "ORDER_TOKENS", 64, "1e-9 orders", Nothing, token),
        row(Account, account::ORDER_TS, "ORDER_TS", 64, "ns", Nothing, Some(0)),
        row(Account, account::CANCEL_TOKENS, "CANCEL_TOKENS", 64, "1e-9 cancels", Nothing, token),
        row(Account, account::CANCEL_TS, "CANCEL_TS", 64, "ns", Nothing, Some(0)),
        row(Account, account::REALISED, "REALISED", 128, "1e-18", Zero, Some(0)),
        row(Account, account::CAPITAL, "CAPITAL", 128, "1e-18", Limit, None),
        row(Account, account::CASH, "CASH", 128, "1e-18", Nothing, Some(0)),
        row(Account, account::PEAK, "PEAK", 128, "1e-18", Zero, None),
        row(Account, account::DAY_EQUITY, "DAY_EQUITY", 128, "1e-18", Nothing, None),
        row(Account, account::CHECKED, "CHECKED", 64, "checks", Nothing, Some(0)),
        row(Account, account::REFUSED, "REFUSED", 64, "checks", Nothing, Some(0)),
        row(Account, account::WARNED, "WARNED", 64, "checks", Nothing, Some(0)),
        row(Account, account::PARENT, "PARENT", 64, "account", Nothing, None),
        row(Account, account::VALUE, "VALUE", 128, "1e-18", Nothing, Some(0)),
        row(Account, account::EQUITY, "EQUITY", 128, "1e-18", Nothing, None),
        row(Account, account::GROSS, "GROSS", 128, "1e-18", Nothing, Some(0)),
        row(Warning, account::MAX_POSITION, "MAX_POSITION", 64, "lots", Limit, none),
        row(Warning, account::MAX_ORDER_QTY, "MAX_ORDER_QTY", 64, "lots", Limit, none),
        row(Warning, account::COLLAR_BPS, "COLLAR_BPS", 64, "bps", Limit, none),
        row(Warning, account::MAX_NOTIONAL, "MAX_NOTIONAL", 128, "1e-18", Limit, wide),
        row(Warning, account::ORDER_RATE, "ORDER_RATE", 64, "orders/s", Rate, none),
        row(Warning, account::ORDER_BURST, "ORDER_BURST", 64, "orders", Burst, Some(1)),
        row(Warning, account::CANCEL_RATE, "CANCEL_RATE", 64, "cancels/s", Rate, none),
        row(Warning, account::CANCEL_BURST, "CANCEL_BURST", 64, "cancels", Burst, Some(1)),
        row(Warning, account::MAX_DAILY_LOSS, "MAX_DAILY_LOSS", 128, "1e-18", Limit, wide),
        row(Warning, account::MAX_DRAWDOWN, "MAX_DRAWDOWN", 64, "bps of PEAK", Limit, none),
        row(Warning, account::MAX_LEVERAGE, "MAX_LEVERAGE", 64, "bps of EQUITY", Limit, none),
        row(Warning, account::MAX_SECTOR, "MAX_SECTOR", 64, "bps of EQUITY", Limit, none),
        row(Warning, account::MAX_NAME, "MAX_NAME", 64, "bps of EQUITY", Limit, none),
        row(Warning, account::ORDER_TOKENS, "ORDER_TOKENS", 64, "1e-9 orders", Nothing, token),
        row(Warning, account::ORDER_TS, "ORDER_TS", 64, "ns", Nothing, Some(0)),
        row(Warning, account::CANCEL_TOKENS, "CANCEL_TOKENS", 64, "1e-9 cancels", Nothing, token),
        row(Warning, account::CANCEL_TS, "CANCEL_TS", 64, "ns", Nothing, Some(0)),
        row(Instrument, instrument::CONTROL, "CONTROL", 64, "1: killed", Switch, Some(0)),
        row(Instrument, instrument::REFERENCE, "REFERENCE", 64, "ticks", Nothing, None),
        row(Instrument, instrument::TICK_VALUE, "TICK_VALUE", 128, "1e-18 per lot and tick", Nothing, None),
        row(Instrument, instrument::SECTOR, "SECTOR", 64, "sector", Nothing, None),
        row(Instrument, instrument::MAX_ORDER_QTY, "MAX_ORDER_QTY", 64, "lots", Limit, none),
        row(Instrument, instrument::COLLAR_BPS, "COLLAR_BPS", 64, "bps", Limit, none),
        row(Instrument, instrument::MAX_NOTIONAL, "MAX_NOTIONAL", 128, "1e-18", Limit, wide),
        row(Sector, 0, "SECTOR_GROSS", 128, "1e-18", Nothing, Some(0)),
        row(Position, position::POSITION, "POSITION", 64, "lots", Nothing, Some(0)),
        row(Position, position::OPEN_BUY, "OPEN_BUY", 64, "lots", Nothing, Some(0)),
        row(Position, position::OPEN_SELL, "OPEN_SELL", 64, "lots", Nothing, Some(0)),
        row(Position, position::MAX_POSITION, "MAX_POSITION", 64, "lots", Limit, none),
        row(Position, position::MAX_ORDER_QTY, "MAX_ORDER_QTY", 64, "lots", Limit, none),
        row(Position, position::EXPOSURE, "EXPOSURE", 128, "1e-18", Nothing, Some(0)),
    ]
};

/// Every register, by bank and address, for whoever shows or walks them.
pub const fn registers() -> &'static [Register] {
    REGISTERS
}
