//! The risk gate of the order-management system, on bars: every order and cancel of a run passes the checks of `docs/gate.md`, in the
//! same registers. The clock is the closing time of the step, the reference price the last mark, and a day is one of UTC.

use omni_oms::gate::{OrderCheck, RegisterError, RiskDevice, SoftwareDevice, Update, map};
use omni_oms::{AccountConfig, Config, InstrumentConfig, Limits};
use omni_types::{AccountId, InstrumentId, Money, Nanos, RejectReason, Side, Ticks};

use crate::instrument::Instrument;
use crate::trades::CostBasis;

const ACCOUNT: AccountId = AccountId(0);
const DAY_NS: i64 = 86_400_000_000_000;
/// The realised profit of the account.
const REALISED: u64 = map::Bank::Account.base() + map::account::REALISED;

/// A gate for one account.
#[derive(Debug)]
pub(crate) struct Gate {
    device: SoftwareDevice,
    /// What open positions cost, for the realised profit.
    bases: Vec<CostBasis>,
    day: i64,
}

impl Gate {
    /// A gate for an account that begins with some cash; a debt is no capital.
    pub fn new(instruments: &[Instrument], cash: Money, limits: Limits) -> Result<Self, RegisterError> {
        let config = Config {
            instruments: instruments
                .iter()
                .map(|each| InstrumentConfig {
                    symbol: each.symbol().to_owned(),
                    tick_size: each.tick_size(),
                    lot_size: each.lot_size(),
                    tick_value: each.tick_lot_value(),
                    ..InstrumentConfig::default()
                })
                .collect(),
            accounts: vec![AccountConfig { capital: cash.max(Money::ZERO), limits, ..AccountConfig::default() }],
            ..Config::default()
        };
        let bases = instruments.iter().map(|each| CostBasis::new(each.tick_lot_value())).collect();
        Ok(Self { device: SoftwareDevice::new(&config)?, bases, day: i64::MIN })
    }

    /// Begin a step: a new day starts without profit or loss.
    pub fn enter(&mut self, ts: i64) {
        let day = ts.div_euclid(DAY_NS);
        if std::mem::replace(&mut self.day, day) != day {
            self.device.write(REALISED, 0).expect("the register takes a zero");
        }
    }

    /// Check a new order; `price` is 0 for a market order.
    pub fn check(&mut self, symbol: usize, side: Side, qty: i64, price: Ticks, now: i64) -> Option<RejectReason> {
        let order = OrderCheck {
            account: ACCOUNT,
            instrument: InstrumentId(symbol as u32),
            side,
            now: Nanos(now),
            size: qty,
            added: qty,
            leaves: qty,
            price: price.0,
        };
        self.device.check_order(&order).refused
    }

    /// Check a cancel.
    pub fn check_cancel(&mut self, now: i64) -> Option<RejectReason> {
        self.device.check_cancel(ACCOUNT, Nanos(now)).refused
    }

    /// The open lots of a side changed other than by a fill.
    pub fn opened(&mut self, symbol: usize, side: Side, qty: i64) {
        self.device.apply(Update::Open { account: ACCOUNT, instrument: InstrumentId(symbol as u32), side, qty });
    }

    /// An open order traded.
    pub fn filled(&mut self, symbol: usize, side: Side, qty: i64, price: Ticks, commission: Money) {
        let trade = self.bases[symbol].fill(symbol as u32, side.sign() * qty, price, Money::ZERO, 0);
        let realised = trade.and_then(|trade| Money::from_f64(trade.pnl)).unwrap_or_default();
        let instrument = InstrumentId(symbol as u32);
        self.device.apply(Update::Fill { account: ACCOUNT, instrument, side, qty, price, realised });
        self.received(-commission);
    }

    /// Money came in, or went out, other than by a trade.
    pub fn received(&mut self, amount: Money) {
        self.device.apply(Update::Cash { account: ACCOUNT, amount });
    }

    /// A split changed a position by `lots`.
    pub fn split(&mut self, symbol: usize, (new, old): (i64, i64), in_lieu: Money, lots: i64) {
        let _ = self.bases[symbol].split(symbol as u32, (new, old), in_lieu, Ticks(0), 0);
        let (side, qty) = (if lots < 0 { Side::Sell } else { Side::Buy }, lots.abs());
        let instrument = InstrumentId(symbol as u32);
        // A position moves by fills only, and a fill takes from what is open. These cost nothing.
        self.device.apply(Update::Open { account: ACCOUNT, instrument, side, qty });
        self.device.apply(Update::Fill { account: ACCOUNT, instrument, side, qty, price: Ticks(0), realised: Money::ZERO });
        self.received(in_lieu);
    }

    /// There is a new price.
    pub fn mark(&mut self, symbol: usize, price: Ticks) {
        self.device.apply(Update::Reference { instrument: InstrumentId(symbol as u32), price });
    }

    /// Switch all trading off, or on again.
    pub fn kill(&mut self, on: bool) {
        self.device.write(map::global::CONTROL, u64::from(on)).expect("the register takes a switch");
    }

    /// How many were checked, how many passed, and how many each check refused.
    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        let read = |address| self.device.read(address).unwrap_or_default();
        let reasons = RejectReason::ALL.iter().filter(|reason| reason.code() >= RejectReason::KillSwitch.code());
        let refused = reasons.map(|reason| {
            let at = map::global::REFUSED + 8 * u64::from(reason.code() - RejectReason::KillSwitch.code());
            (reason.name(), read(at))
        });
        [("CHECKED", read(map::global::CHECKED)), ("PASSED", read(map::global::PASSED))].into_iter().chain(refused).collect()
    }
}
