//! What the rows are made of, as the registers have it.

use omni_types::{AccountId, InstrumentId, Money};

use crate::config::{Limits, MAX64};
use crate::gate::map::{Bank, account, global, instrument, position};
use crate::gate::wide::Wide;
use crate::gate::{RegisterError, RiskDevice, rules};
use crate::oms::Oms;

/// The words of a bank, by offset.
pub(super) struct Words<'a, D> {
    device: &'a D,
    base: u64,
}

impl<D: RiskDevice> Words<'_, D> {
    pub fn word(&self, offset: u64) -> Result<u64, RegisterError> {
        self.device.read(self.base + offset)
    }

    pub fn signed(&self, offset: u64) -> Result<i64, RegisterError> {
        Ok(self.word(offset)? as i64)
    }

    pub fn wide(&self, offset: u64) -> Result<i128, RegisterError> {
        Ok((u128::from(self.word(offset)?) | u128::from(self.word(offset + 8)?) << 64) as i128)
    }
}

pub(super) fn words<D: RiskDevice>(oms: &Oms<D>, bank: Bank, index: u64) -> Words<'_, D> {
    Words { device: oms.device(), base: bank.address(index) }
}

/// The limits of a bank, and the tokens of its rates.
pub(super) struct Bounds {
    pub limits: Limits,
    /// Tokens and their time, of orders and of cancels.
    orders: (i64, i64),
    cancels: (i64, i64),
}

impl Bounds {
    pub fn read<D: RiskDevice>(oms: &Oms<D>, bank: Bank, of: AccountId) -> Result<Self, RegisterError> {
        let words = words(oms, bank, of.0.into());
        let limits = Limits {
            max_position: words.signed(account::MAX_POSITION)?,
            max_order_qty: words.signed(account::MAX_ORDER_QTY)?,
            collar_bps: words.signed(account::COLLAR_BPS)?,
            max_notional: Money(words.wide(account::MAX_NOTIONAL)?),
            order_rate: words.signed(account::ORDER_RATE)?,
            order_burst: words.signed(account::ORDER_BURST)?,
            cancel_rate: words.signed(account::CANCEL_RATE)?,
            cancel_burst: words.signed(account::CANCEL_BURST)?,
            max_daily_loss: Money(words.wide(account::MAX_DAILY_LOSS)?),
            max_drawdown: words.signed(account::MAX_DRAWDOWN)?,
            max_leverage: words.signed(account::MAX_LEVERAGE)?,
            max_sector: words.signed(account::MAX_SECTOR)?,
            max_name: words.signed(account::MAX_NAME)?,
        };
        let orders = (words.signed(account::ORDER_TOKENS)?, words.signed(account::ORDER_TS)?);
        let cancels = (words.signed(account::CANCEL_TOKENS)?, words.signed(account::CANCEL_TS)?);
        Ok(Self { limits, orders, cancels })
    }

    /// Tokens of the order rate at a time, in 1e-9; `None` without a rate.
    pub fn order_tokens(&self, now: i64) -> Option<i64> {
        tokens(self.orders, now, self.limits.order_rate, self.limits.order_burst)
    }

    /// The same of the cancel rate.
    pub fn cancel_tokens(&self, now: i64) -> Option<i64> {
        tokens(self.cancels, now, self.limits.cancel_rate, self.limits.cancel_burst)
    }
}

fn tokens((tokens, since): (i64, i64), now: i64, rate: i64, burst: i64) -> Option<i64> {
    (rate != MAX64).then(|| rules::refill(tokens, since, now, rate, burst))
}

/// The lots of an account in an instrument, and their limits.
#[derive(Clone, Copy)]
pub(super) struct Held {
    pub position: i64,
    /// Lots open to buy, and to sell.
    pub open: [u64; 2],
    pub max_position: i64,
    pub max_order_qty: i64,
}

impl Held {
    pub fn read<D: RiskDevice>(oms: &Oms<D>, of: AccountId, traded: InstrumentId) -> Result<Self, RegisterError> {
        let words = Words { device: oms.device(), base: oms.map().position_address(of, traded) };
        Ok(Self {
            position: words.signed(position::POSITION)?,
            open: [words.word(position::OPEN_BUY)?, words.word(position::OPEN_SELL)?],
            max_position: words.signed(position::MAX_POSITION)?,
            max_order_qty: words.signed(position::MAX_ORDER_QTY)?,
        })
    }

    /// Lots in the worst case.
    pub fn worst(&self) -> u128 {
        rules::worst(self.position, self.open[0], self.open[1])
    }
}

/// What an account is worth.
pub(super) struct Worth {
    pub equity: Wide,
    pub gross: i128,
    pub peak: i128,
    pub day_equity: i128,
}

impl Worth {
    pub fn read<D: RiskDevice>(oms: &Oms<D>, of: AccountId) -> Result<Self, RegisterError> {
        let words = words(oms, Bank::Account, of.0.into());
        let amount = |offset: u64| words.wide(offset).map(Wide::from);
        Ok(Self {
            equity: amount(account::CAPITAL)? + amount(account::CASH)? + amount(account::VALUE)?,
            gross: words.wide(account::GROSS)?,
            peak: words.wide(account::PEAK)?,
            day_equity: words.wide(account::DAY_EQUITY)?,
        })
    }
}

/// An account of a lineage.
pub(super) struct Standing {
    pub account: AccountId,
    pub is_killed: bool,
    pub bounds: Bounds,
    pub warnings: Bounds,
}

/// What an order has to do with it.
pub(super) struct Stake {
    pub held: Held,
    pub worth: Worth,
    /// Exposure in the sector of the instrument.
    pub sector_gross: i128,
}

/// An account and all above it, the highest first; with what they have of an instrument.
pub(super) struct Lineage {
    pub is_killed: bool,
    pub levels: Vec<Standing>,
    pub stakes: Vec<Stake>,
}

impl Lineage {
    pub fn read_accounts<D: RiskDevice>(oms: &Oms<D>, own: AccountId) -> Result<Self, RegisterError> {
        let mut levels = Vec::new();
        let mut next = Some(own);
        while let Some(number) = next {
            let words = words(oms, Bank::Account, number.0.into());
            levels.push(Standing {
                account: number,
                is_killed: words.word(account::CONTROL)? == 1,
                bounds: Bounds::read(oms, Bank::Account, number)?,
                warnings: Bounds::read(oms, Bank::Warning, number)?,
            });
            next = u32::try_from(words.word(account::PARENT)?).ok().map(AccountId);
        }
        levels.reverse();
        let is_killed = oms.read_register(global::CONTROL)? == 1;
        Ok(Self { is_killed, levels, stakes: Vec::new() })
    }

    pub fn read<D: RiskDevice>(oms: &Oms<D>, own: AccountId, traded: InstrumentId) -> Result<Self, RegisterError> {
        let mut lineage = Self::read_accounts(oms, own)?;
        let n_sectors = oms.map().n_sectors();
        let sector = words(oms, Bank::Instrument, traded.0.into()).word(instrument::SECTOR)?;
        for Standing { account, .. } in &lineage.levels {
            let bank = (u64::from(account.0) * u64::from(n_sectors) + sector).wrapping_sub(1);
            let sector_gross = if sector == 0 { 0 } else { words(oms, Bank::Sector, bank).wide(0)? };
            let (held, worth) = (Held::read(oms, *account, traded)?, Worth::read(oms, *account)?);
            lineage.stakes.push(Stake { held, worth, sector_gross });
        }
        Ok(lineage)
    }
}

/// An instrument.
pub(super) struct Traded {
    pub instrument: InstrumentId,
    pub is_killed: bool,
    pub reference: i64,
    pub tick_value: i128,
    pub sector: u32,
    pub max_order_qty: i64,
    pub collar_bps: i64,
    pub max_notional: i128,
}

impl Traded {
    pub fn read<D: RiskDevice>(oms: &Oms<D>, number: InstrumentId) -> Result<Self, RegisterError> {
        let words = words(oms, Bank::Instrument, number.0.into());
        Ok(Self {
            instrument: number,
            is_killed: words.word(instrument::CONTROL)? == 1,
            reference: words.signed(instrument::REFERENCE)?,
            tick_value: words.wide(instrument::TICK_VALUE)?,
            sector: words.word(instrument::SECTOR)? as u32,
            max_order_qty: words.signed(instrument::MAX_ORDER_QTY)?,
            collar_bps: words.signed(instrument::COLLAR_BPS)?,
            max_notional: words.wide(instrument::MAX_NOTIONAL)?,
        })
    }

    /// What a lot counts.
    pub fn unit(&self) -> i128 {
        rules::unit(self.reference, self.tick_value)
    }
}
