//! What there is: instruments, accounts and their limits, and the bytes of it in the first frame of a journal; `docs/oms.md` section 1.

use omni_types::{AccountId, InstrumentId, LARGEST, Money, Ticks, TradingPhase};

use crate::bytes::{Fields, append};
use crate::gate::Map;
use crate::gate::map::{MAX_LEVELS, MAX_SECTORS};
use crate::{CodecError, Error};

/// A 64-bit limit that limits nothing.
pub const MAX64: i64 = i64::MAX;
/// A limit of money that limits nothing.
pub const MAX128: Money = Money(i128::MAX);

/// Of configurations and states.
pub(crate) const VERSION: u32 = 2;
/// `tick_value` stays below this.
const TICK_VALUE_END: i128 = 1 << 90;
const FASTEST: i64 = 1_000_000_000;
const NO_PARENT: u32 = u32::MAX;

/// Instruments and accounts, numbered from 0 in the order given.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What every market does at first.
    pub phase: TradingPhase,
    /// Whether a kill switch is reset by two people.
    pub two_person: bool,
    /// What can be traded.
    pub instruments: Vec<InstrumentConfig>,
    /// Who can trade.
    pub accounts: Vec<AccountConfig>,
    /// Limits of one account in one instrument, by account, then instrument, each pair once.
    pub positions: Vec<PositionLimits>,
}

/// An instrument.
#[derive(Clone, Debug, PartialEq)]
pub struct InstrumentConfig {
    /// Its name, up to 65,535 bytes.
    pub symbol: String,
    /// Currency of one tick; only for those who display it.
    pub tick_size: f64,
    /// Units of one lot; only for those who display it.
    pub lot_size: f64,
    /// Its currency, up to 65,535 bytes.
    pub currency: String,
    /// What one lot gains when the price rises by one tick; positive, below 2^90 units.
    pub tick_value: Money,
    /// Reference price, 1 … 2^50; 0 for none.
    pub reference: Ticks,
    /// Its sector, 1 … 255; 0 for none.
    pub sector: u32,
    /// Largest order of anybody, in lots.
    pub max_order_qty: i64,
    /// Largest distance of anybody's price from the reference price, in basis points.
    pub collar_bps: i64,
    /// Largest worth of anybody's order.
    pub max_notional: Money,
}

/// An account.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountConfig {
    /// Its name, up to 65,535 bytes.
    pub name: String,
    /// The account above it, which comes before it. No lineage is longer than four.
    pub parent: Option<AccountId>,
    /// What it begins with, not negative.
    pub capital: Money,
    /// What the gate holds it to at first.
    pub limits: Limits,
    /// What the gate warns it of at first.
    pub warnings: Limits,
}

/// The limits of an account. [`Limits::default`] limits nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest position either way, open orders included, in lots of one instrument.
    pub max_position: i64,
    /// Largest order, in lots.
    pub max_order_qty: i64,
    /// Largest distance from the reference price, in basis points.
    pub collar_bps: i64,
    /// Largest worth of an order.
    pub max_notional: Money,
    /// Orders a second, 1 … 1e9.
    pub order_rate: i64,
    /// Orders at once, 1 … 1e9.
    pub order_burst: i64,
    /// Cancels a second, 1 … 1e9.
    pub cancel_rate: i64,
    /// Cancels at once, 1 … 1e9.
    pub cancel_burst: i64,
    /// Loss of equity since the day began at which no order is let through that makes a position larger.
    pub max_daily_loss: Money,
    /// The same for the fall from the highest equity, in basis points of that.
    pub max_drawdown: i64,
    /// Largest exposure, in basis points of the equity.
    pub max_leverage: i64,
    /// Largest exposure in one sector, in basis points of the equity.
    pub max_sector: i64,
    /// Largest exposure in one instrument, in basis points of the equity.
    pub max_name: i64,
}

/// The limits of one account in one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionLimits {
    /// Whose.
    pub account: AccountId,
    /// In what.
    pub instrument: InstrumentId,
    /// Largest position either way, open orders included, in lots.
    pub max_position: i64,
    /// Largest order, in lots.
    pub max_order_qty: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_position: MAX64,
            max_order_qty: MAX64,
            collar_bps: MAX64,
            max_notional: MAX128,
            order_rate: MAX64,
            order_burst: 1,
            cancel_rate: MAX64,
            cancel_burst: 1,
            max_daily_loss: MAX128,
            max_drawdown: MAX64,
            max_leverage: MAX64,
            max_sector: MAX64,
            max_name: MAX64,
        }
    }
}

/// An instrument without a name, of one unit in everything, without reference price, sector and limits.
impl Default for InstrumentConfig {
    fn default() -> Self {
        Self {
            symbol: String::new(),
            tick_size: 1.0,
            lot_size: 1.0,
            currency: String::new(),
            tick_value: Money(1),
            reference: Ticks(0),
            sector: 0,
            max_order_qty: MAX64,
            collar_bps: MAX64,
            max_notional: MAX128,
        }
    }
}

/// An account without a name, above nobody and below nobody, with nothing and without limits.
impl Default for AccountConfig {
    fn default() -> Self {
        let (limits, warnings) = (Limits::default(), Limits::default());
        Self { name: String::new(), parent: None, capital: Money::ZERO, limits, warnings }
    }
}

/// An open market in which there is nothing yet.
impl Default for Config {
    fn default() -> Self {
        let (instruments, accounts, positions) = (Vec::new(), Vec::new(), Vec::new());
        Self { phase: TradingPhase::Continuous, two_person: false, instruments, accounts, positions }
    }
}

impl Config {
    /// The largest sector.
    pub fn n_sectors(&self) -> u32 {
        self.instruments.iter().map(|instrument| instrument.sector).max().unwrap_or(0)
    }

    /// Where its registers lie.
    ///
    /// # Errors
    ///
    /// [`Error::Register`] if there are too many.
    pub fn map(&self) -> Result<Map, Error> {
        Ok(Map::new(self.accounts.len(), self.instruments.len(), self.n_sectors() as usize)?)
    }

    /// Refuses what no system could be.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with the first setting that is not possible, [`Error::Register`] if there are too many.
    pub fn check(&self) -> Result<(), Error> {
        for (index, instrument) in self.instruments.iter().enumerate() {
            instrument.check(|field| format!("instruments[{index}].{field}"))?;
        }
        self.map()?;
        let mut levels: Vec<usize> = Vec::new();
        for (index, account) in self.accounts.iter().enumerate() {
            let name = |field: &str| format!("accounts[{index}].{field}");
            demand(fits(&account.name), || name("name"), SHORT, &account.name.len())?;
            demand(account.capital.0 >= 0, || name("capital"), "0 or more", &account.capital.0)?;
            let above = account.parent.map_or(Some(0), |parent| levels.get(parent.0 as usize).copied());
            let level = above.map_or(usize::MAX, |above| above + 1);
            let parent = account.parent.map_or(0, |parent| parent.0);
            demand(level <= MAX_LEVELS, || name("parent"), "an account before it that has at most two above it", &parent)?;
            levels.push(level);
            account.limits.check(|field| name(&format!("limits.{field}")))?;
            account.warnings.check(|field| name(&format!("warnings.{field}")))?;
        }
        self.check_positions()
    }

    fn check_positions(&self) -> Result<(), Error> {
        let mut before = None;
        for (index, limits) in self.positions.iter().enumerate() {
            let name = |field: &str| format!("positions[{index}].{field}");
            let PositionLimits { account, instrument, max_position, max_order_qty } = *limits;
            let is_known = (account.0 as usize) < self.accounts.len();
            demand(is_known, || name("account"), "a known one", &account.0)?;
            let is_known = (instrument.0 as usize) < self.instruments.len();
            demand(is_known, || name("instrument"), "a known one", &instrument.0)?;
            let is_next = before.is_none_or(|before| before < (account, instrument));
            demand(is_next, || name("instrument"), "pairs by account, then instrument, each once", &instrument.0)?;
            before = Some((account, instrument));
            demand(max_position >= 0, || name("max_position"), "0 or more", &max_position)?;
            demand(max_order_qty >= 0, || name("max_order_qty"), "0 or more", &max_order_qty)?;
        }
        Ok(())
    }

    /// The payload of frame 1. Names longer than 65,535 bytes are cut short: [`Config::check`] refuses them.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        append!(out, VERSION, self.instruments.len() as u32, self.accounts.len() as u32, self.positions.len() as u32);
        out.extend([self.phase.code(), self.two_person.into(), 0, 0]);
        for instrument in &self.instruments {
            append_text(&mut out, &instrument.symbol);
            append!(out, instrument.tick_size, instrument.lot_size);
            append_text(&mut out, &instrument.currency);
            append!(out, instrument.tick_value.0, instrument.reference.0, instrument.sector);
            append!(out, instrument.max_order_qty, instrument.collar_bps, instrument.max_notional.0);
        }
        for account in &self.accounts {
            append_text(&mut out, &account.name);
            append!(out, account.parent.map_or(NO_PARENT, |parent| parent.0), account.capital.0);
            for limits in [&account.limits, &account.warnings] {
                append_limits(&mut out, limits);
            }
        }
        for limits in &self.positions {
            append!(out, limits.account.0, limits.instrument.0, limits.max_position, limits.max_order_qty);
        }
        out
    }

    /// The configuration of a frame.
    ///
    /// # Errors
    ///
    /// [`Error::Codec`] for bytes that are no configuration, [`Error::Config`] for one that is not possible.
    pub fn decode(payload: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::new("configuration", payload);
        let config = decode(&mut fields)?;
        fields.end()?;
        config.check()?;
        Ok(config)
    }
}

impl InstrumentConfig {
    fn check(&self, name: impl Fn(&str) -> String) -> Result<(), Error> {
        demand(fits(&self.symbol), || name("symbol"), SHORT, &self.symbol.len())?;
        demand(fits(&self.currency), || name("currency"), SHORT, &self.currency.len())?;
        for (field, size) in [("tick_size", self.tick_size), ("lot_size", self.lot_size)] {
            demand(size > 0.0 && size.is_finite(), || name(field), "a positive number", &size)?;
        }
        let tick_value = self.tick_value.0;
        demand((1..TICK_VALUE_END).contains(&tick_value), || name("tick_value"), "units of 1e-18, 1 to 2^90 - 1", &tick_value)?;
        demand((0..=LARGEST).contains(&self.reference.0), || name("reference"), "0 to 2^50 ticks", &self.reference.0)?;
        demand(self.sector <= MAX_SECTORS, || name("sector"), "0 to 255", &self.sector)?;
        for (field, limit) in [("max_order_qty", self.max_order_qty), ("collar_bps", self.collar_bps)] {
            demand(limit >= 0, || name(field), "0 or more", &limit)?;
        }
        demand(self.max_notional.0 >= 0, || name("max_notional"), "0 or more", &self.max_notional.0)
    }
}

impl Limits {
    fn check(&self, name: impl Fn(&str) -> String) -> Result<(), Error> {
        for (field, limit) in [
            ("max_position", self.max_position),
            ("max_order_qty", self.max_order_qty),
            ("collar_bps", self.collar_bps),
            ("max_drawdown", self.max_drawdown),
            ("max_leverage", self.max_leverage),
            ("max_sector", self.max_sector),
            ("max_name", self.max_name),
        ] {
            demand(limit >= 0, || name(field), "0 or more", &limit)?;
        }
        for (field, money) in [("max_notional", self.max_notional), ("max_daily_loss", self.max_daily_loss)] {
            demand(money.0 >= 0, || name(field), "0 or more", &money.0)?;
        }
        for (field, rate) in [("order_rate", self.order_rate), ("cancel_rate", self.cancel_rate)] {
            demand((1..=FASTEST).contains(&rate) || rate == MAX64, || name(field), "1 to 1e9, or 2^63 - 1 for no limit", &rate)?;
        }
        for (field, burst) in [("order_burst", self.order_burst), ("cancel_burst", self.cancel_burst)] {
            demand((1..=FASTEST).contains(&burst), || name(field), "1 to 1e9", &burst)?;
        }
        Ok(())
    }
}

fn append_limits(out: &mut Vec<u8>, limits: &Limits) {
    append!(out, limits.max_position, limits.max_order_qty, limits.collar_bps, limits.max_notional.0);
    append!(out, limits.order_rate, limits.order_burst, limits.cancel_rate, limits.cancel_burst, limits.max_daily_loss.0);
    append!(out, limits.max_drawdown, limits.max_leverage, limits.max_sector, limits.max_name);
}

/// The version at the front of a configuration or a state, of which `what` is the name.
pub(crate) fn check_version(fields: &mut Fields, what: &'static str) -> Result<(), CodecError> {
    let version = fields.u32()?;
    if version == VERSION {
        return Ok(());
    }
    let expected = if version == 1 {
        "2; what was written before the gate had levels cannot be read: begin another journal, or read it with the release that wrote it"
    } else {
        "2"
    };
    Err(fields.wrong(what, 4, expected, version.into()))
}

fn decode(fields: &mut Fields) -> Result<Config, CodecError> {
    check_version(fields, "version of the configuration")?;
    let (n_instruments, n_accounts, n_positions) = (fields.u32()?, fields.u32()?, fields.u32()?);
    let phase = fields.code("phase", TradingPhase::from_code)?;
    let two_person = fields.code("two_person", |code| (code < 2).then_some(code == 1))?;
    fields.padding(2)?;
    let mut config = Config { phase, two_person, ..Config::default() };
    for _ in 0..n_instruments {
        config.instruments.push(InstrumentConfig {
            symbol: fields.text("symbol")?,
            tick_size: fields.f64()?,
            lot_size: fields.f64()?,
            currency: fields.text("currency")?,
            tick_value: Money(fields.i128()?),
            reference: Ticks(fields.i64()?),
            sector: fields.u32()?,
            max_order_qty: fields.i64()?,
            collar_bps: fields.i64()?,
            max_notional: Money(fields.i128()?),
        });
    }
    for _ in 0..n_accounts {
        let name = fields.text("name")?;
        let parent = fields.u32()?;
        config.accounts.push(AccountConfig {
            name,
            parent: (parent != NO_PARENT).then_some(AccountId(parent)),
            capital: Money(fields.i128()?),
            limits: decode_limits(fields)?,
            warnings: decode_limits(fields)?,
        });
    }
    for _ in 0..n_positions {
        config.positions.push(PositionLimits {
            account: AccountId(fields.u32()?),
            instrument: InstrumentId(fields.u32()?),
            max_position: fields.i64()?,
            max_order_qty: fields.i64()?,
        });
    }
    Ok(config)
}

fn decode_limits(fields: &mut Fields) -> Result<Limits, CodecError> {
    Ok(Limits {
        max_position: fields.i64()?,
        max_order_qty: fields.i64()?,
        collar_bps: fields.i64()?,
        max_notional: Money(fields.i128()?),
        order_rate: fields.i64()?,
        order_burst: fields.i64()?,
        cancel_rate: fields.i64()?,
        cancel_burst: fields.i64()?,
        max_daily_loss: Money(fields.i128()?),
        max_drawdown: fields.i64()?,
        max_leverage: fields.i64()?,
        max_sector: fields.i64()?,
        max_name: fields.i64()?,
    })
}

const SHORT: &str = "at most 65,535 bytes";

fn fits(text: &str) -> bool {
    u16::try_from(text.len()).is_ok()
}

fn append_text(out: &mut Vec<u8>, text: &str) {
    let bytes = &text.as_bytes()[..text.len().min(usize::from(u16::MAX))];
    append!(out, bytes.len() as u16);
    out.extend_from_slice(bytes);
}

fn demand(holds: bool, name: impl FnOnce() -> String, expected: &'static str, found: &dyn ToString) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Error::Config { name: name(), expected, found: found.to_string() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let instrument = InstrumentConfig {
            symbol: "ÆX".into(),
            tick_size: 0.01,
            lot_size: 100.0,
            currency: "EUR".into(),
            tick_value: Money(1_000_000_000_000_000_000),
            reference: Ticks(5_000),
            sector: 7,
            max_order_qty: 11,
            collar_bps: 12,
            max_notional: Money(13),
        };
        let limits = Limits { max_position: 10, order_rate: 5, max_name: 14, ..Limits::default() };
        let warnings = Limits { max_drawdown: 15, ..Limits::default() };
        let firm = AccountConfig { name: "firm".into(), capital: Money(16), limits, ..AccountConfig::default() };
        let desk = AccountConfig { name: "desk".into(), parent: Some(AccountId(0)), warnings, ..AccountConfig::default() };
        let (account, instrument_id) = (AccountId(1), InstrumentId(0));
        let at = PositionLimits { account, instrument: instrument_id, max_position: 17, max_order_qty: 18 };
        Config {
            phase: TradingPhase::PreOpen,
            two_person: true,
            instruments: vec![instrument],
            accounts: vec![firm, desk],
            positions: vec![at],
        }
    }

    /// Thirteen limits: those of account 0 or the defaults, by address.
    fn limit_bytes(narrow: [i64; 11]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let [position, size, collar, order_rate, order_burst, cancel_rate, cancel_burst, rest @ ..] = narrow;
        for limit in [position, size, collar] {
            bytes.extend(limit.to_le_bytes());
        }
        bytes.extend(i128::MAX.to_le_bytes());
        for limit in [order_rate, order_burst, cancel_rate, cancel_burst] {
            bytes.extend(limit.to_le_bytes());
        }
        bytes.extend(i128::MAX.to_le_bytes());
        for limit in rest {
            bytes.extend(limit.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn a_configuration_has_the_bytes_of_the_contract() {
        const M: i64 = MAX64;
        let mut expected = Vec::new();
        expected.extend([2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0]);
        expected.extend([3, 0, 0xC3, 0x86, b'X']);
        expected.extend(0.01_f64.to_le_bytes());
        expected.extend(100.0_f64.to_le_bytes());
        expected.extend([3, 0, b'E', b'U', b'R']);
        expected.extend(1_000_000_000_000_000_000_i128.to_le_bytes());
        expected.extend(5_000_i64.to_le_bytes());
        expected.extend(7_u32.to_le_bytes());
        expected.extend(11_i64.to_le_bytes());
        expected.extend(12_i64.to_le_bytes());
        expected.extend(13_i128.to_le_bytes());
        expected.extend([4, 0, b'f', b'i', b'r', b'm', 0xFF, 0xFF, 0xFF, 0xFF]);
        expected.extend(16_i128.to_le_bytes());
        expected.extend(limit_bytes([10, M, M, 5, 1, M, 1, M, M, M, 14]));
        expected.extend(limit_bytes([M, M, M, M, 1, M, 1, M, M, M, M]));
        expected.extend([4, 0, b'd', b'e', b's', b'k', 0, 0, 0, 0]);
        expected.extend(0_i128.to_le_bytes());
        expected.extend(limit_bytes([M, M, M, M, 1, M, 1, M, M, M, M]));
        expected.extend(limit_bytes([M, M, M, M, 1, M, 1, 15, M, M, M]));
        expected.extend([1, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend(17_i64.to_le_bytes());
        expected.extend(18_i64.to_le_bytes());
        assert_eq!(config().encode(), expected);
        assert_eq!(Config::decode(&expected).unwrap(), config());
    }

    #[test]
    fn another_version_is_refused_with_its_reason() {
        let mut bytes = config().encode();
        for (version, says) in [(1, "before the gate had levels"), (3, "expected 2, found 3")] {
            bytes[0] = version;
            let error = Config::decode(&bytes).unwrap_err().to_string();
            assert!(error.starts_with("version of the configuration at byte 0") && error.contains(says), "{error}");
        }
    }

    #[test]
    fn what_is_cut_short_or_too_long_is_refused() {
        let mut bytes = config().encode();
        for length in 0..bytes.len() {
            assert!(matches!(Config::decode(&bytes[..length]), Err(Error::Codec(CodecError::Length { .. }))));
        }
        bytes.push(0);
        assert!(Config::decode(&bytes).is_err());
    }

    #[test]
    fn an_impossible_setting_is_named() {
        let mut config = config();
        config.instruments[0].tick_value = Money(0);
        assert_eq!(
            config.check().unwrap_err().to_string(),
            "instruments[0].tick_value: expected units of 1e-18, 1 to 2^90 - 1, found 0"
        );
        config.instruments[0].tick_value = Money(1);
        config.accounts[0].limits.order_rate = 0;
        assert!(config.check().unwrap_err().to_string().starts_with("accounts[0].limits.order_rate: expected 1 to 1e9"));
    }

    #[test]
    fn a_tree_has_four_levels_and_parents_come_first() {
        let account = |parent: Option<u32>| AccountConfig { parent: parent.map(AccountId), ..AccountConfig::default() };
        let check = |parents: &[Option<u32>]| {
            Config { accounts: parents.iter().copied().map(account).collect(), ..Config::default() }.check()
        };
        assert!(check(&[None, Some(0), Some(1), Some(2), Some(0)]).is_ok());
        for wrong in [&[None, Some(0), Some(1), Some(2), Some(3)][..], &[Some(0)], &[Some(1), None]] {
            let error = check(wrong).unwrap_err().to_string();
            assert!(error.contains("].parent: expected an account before it"), "{error}");
        }
    }

    #[test]
    fn limits_of_positions_are_of_known_pairs_in_order() {
        let pair = |account, instrument| PositionLimits {
            account: AccountId(account),
            instrument: InstrumentId(instrument),
            max_position: 1,
            max_order_qty: 1,
        };
        let check = |positions: &[PositionLimits]| Config { positions: positions.to_vec(), ..config() }.check();
        assert!(check(&[pair(0, 0), pair(1, 0)]).is_ok());
        for wrong in [&[pair(1, 0), pair(0, 0)][..], &[pair(0, 0), pair(0, 0)], &[pair(2, 0)], &[pair(0, 1)]] {
            assert!(check(wrong).is_err(), "{wrong:?}");
        }
    }
}
