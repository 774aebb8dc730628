//! What there is: instruments, accounts and their limits, and the bytes of it in the first frame of a journal; `docs/oms.md` section 1.

use omni_types::{LARGEST, Money, Ticks, TradingPhase};

use crate::bytes::{Fields, append};
use crate::gate::Map;
use crate::{CodecError, Error};

/// A 64-bit limit that limits nothing.
pub const MAX64: i64 = i64::MAX;
/// A limit of money that limits nothing.
pub const MAX128: Money = Money(i128::MAX);

const VERSION: u32 = 1;
/// `tick_value` stays below this.
const TICK_VALUE_END: i128 = 1 << 90;
const FASTEST: i64 = 1_000_000_000;

/// Instruments and accounts, numbered from 0 in the order given.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What every market does at first.
    pub phase: TradingPhase,
    /// What can be traded.
    pub instruments: Vec<InstrumentConfig>,
    /// Who can trade.
    pub accounts: Vec<AccountConfig>,
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
}

/// An account.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountConfig {
    /// Its name, up to 65,535 bytes.
    pub name: String,
    /// What the gate holds it to at first.
    pub limits: Limits,
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
    /// Realised loss at which no more orders are let through.
    pub max_daily_loss: Money,
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
        }
    }
}

impl Config {
    /// Refuses what no system could be.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with the first setting that is not possible, [`Error::Register`] if there are too many.
    pub fn check(&self) -> Result<(), Error> {
        Map::new(self.accounts.len(), self.instruments.len())?;
        for (index, instrument) in self.instruments.iter().enumerate() {
            instrument.check(|field| format!("instruments[{index}].{field}"))?;
        }
        for (index, account) in self.accounts.iter().enumerate() {
            let name = |field: &str| format!("accounts[{index}].{field}");
            demand(fits(&account.name), || name("name"), SHORT, &account.name.len())?;
            account.limits.check(|field| name(&format!("limits.{field}")))?;
        }
        Ok(())
    }

    /// The payload of frame 1. Names longer than 65,535 bytes are cut short: [`Config::check`] refuses them.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        append!(out, VERSION, self.instruments.len() as u32, self.accounts.len() as u32, u32::from(self.phase.code()));
        for instrument in &self.instruments {
            append_text(&mut out, &instrument.symbol);
            append!(out, instrument.tick_size, instrument.lot_size);
            append_text(&mut out, &instrument.currency);
            append!(out, instrument.tick_value.0, instrument.reference.0);
        }
        for account in &self.accounts {
            append_text(&mut out, &account.name);
            let Limits { max_position, max_order_qty, collar_bps, max_notional, order_rate, order_burst, .. } = account.limits;
            append!(out, max_position, max_order_qty, collar_bps, max_notional.0, order_rate, order_burst);
            append!(out, account.limits.cancel_rate, account.limits.cancel_burst, account.limits.max_daily_loss.0);
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
        demand((0..=LARGEST).contains(&self.reference.0), || name("reference"), "0 to 2^50 ticks", &self.reference.0)
    }
}

impl Limits {
    fn check(&self, name: impl Fn(&str) -> String) -> Result<(), Error> {
        for (field, lots) in
            [("max_position", self.max_position), ("max_order_qty", self.max_order_qty), ("collar_bps", self.collar_bps)]
        {
            demand(lots >= 0, || name(field), "0 or more", &lots)?;
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

fn decode(fields: &mut Fields) -> Result<Config, CodecError> {
    let version = fields.u32()?;
    if version != VERSION {
        return Err(fields.wrong("version of the configuration", 4, "1", version.into()));
    }
    let (n_instruments, n_accounts) = (fields.u32()?, fields.u32()?);
    let phase = fields.code("phase", TradingPhase::from_code)?;
    fields.padding(3)?;
    let mut config = Config { phase, instruments: Vec::new(), accounts: Vec::new() };
    for _ in 0..n_instruments {
        config.instruments.push(InstrumentConfig {
            symbol: fields.text("symbol")?,
            tick_size: fields.f64()?,
            lot_size: fields.f64()?,
            currency: fields.text("currency")?,
            tick_value: Money(fields.i128()?),
            reference: Ticks(fields.i64()?),
        });
    }
    for _ in 0..n_accounts {
        config.accounts.push(AccountConfig { name: fields.text("name")?, limits: decode_limits(fields)? });
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
        };
        let limits = Limits { max_position: 10, order_rate: 5, ..Limits::default() };
        Config {
            phase: TradingPhase::PreOpen,
            instruments: vec![instrument],
            accounts: vec![AccountConfig { name: "desk".into(), limits }],
        }
    }

    #[test]
    fn a_configuration_has_the_bytes_of_the_contract() {
        let mut expected = Vec::new();
        expected.extend([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
        expected.extend([3, 0, 0xC3, 0x86, b'X']);
        expected.extend(0.01_f64.to_le_bytes());
        expected.extend(100.0_f64.to_le_bytes());
        expected.extend([3, 0, b'E', b'U', b'R']);
        expected.extend(1_000_000_000_000_000_000_i128.to_le_bytes());
        expected.extend(5_000_i64.to_le_bytes());
        expected.extend([4, 0, b'd', b'e', b's', b'k']);
        for limit in [10, MAX64, MAX64] {
            expected.extend(limit.to_le_bytes());
        }
        expected.extend(i128::MAX.to_le_bytes());
        for limit in [5, 1, MAX64, 1] {
            expected.extend(limit.to_le_bytes());
        }
        expected.extend(i128::MAX.to_le_bytes());
        assert_eq!(config().encode(), expected);
        assert_eq!(Config::decode(&expected).unwrap(), config());
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
}
