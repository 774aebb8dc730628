//! The risk gate of the order-management system, on bars: every order and cancel of a run passes the checks of `docs/gate.md`, in the
//! same registers. The clock is the closing time of the step, the reference price the last mark, and a day is one of UTC.

use omni_oms::gate::{OrderCheck, RegisterError, RiskDevice, SoftwareDevice, Update, map};
use omni_oms::{AccountConfig, Config, InstrumentConfig, Limits};
use omni_types::{AccountId, InstrumentId, Money, Nanos, RejectReason, Side, Ticks, TradingPhase};

use crate::instrument::Instrument;
use crate::trades::CostBasis;

const ACCOUNT: AccountId = AccountId(0);
const DAY_NS: i64 = 86_400_000_000_000;
/// The realised profit of the first account; its bank follows the words of the device.
const REALISED: u64 = 0x1000 + map::account::REALISED;

/// A gate for one account.
#[derive(Debug)]
pub(crate) struct Gate {
    device: SoftwareDevice,
    /// What open positions cost, for the realised profit.
    bases: Vec<CostBasis>,
    day: i64,
}

impl Gate {
    pub fn new(instruments: &[Instrument], limits: Limits) -> Result<Self, RegisterError> {
        let config = Config {
            phase: TradingPhase::Continuous,
            instruments: instruments
                .iter()
                .map(|each| InstrumentConfig {
                    symbol: each.symbol().to_owned(),
                    tick_size: each.tick_size(),
                    lot_size: each.lot_size(),
                    currency: String::new(),
                    tick_value: each.tick_lot_value(),
                    reference: Ticks(0),
                })
                .collect(),
            accounts: vec![AccountConfig { name: String::new(), limits }],
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
        self.device.check_order(&OrderCheck {
            account: ACCOUNT,
            instrument: InstrumentId(symbol as u32),
            side,
            now: Nanos(now),
            size: qty,
            added: qty,
            leaves: qty,
            price: price.0,
        })
    }

    /// Check a cancel.
    pub fn check_cancel(&mut self, now: i64) -> Option<RejectReason> {
        self.device.check_cancel(ACCOUNT, Nanos(now))
    }

    /// The open lots of a side changed other than by a fill.
    pub fn opened(&mut self, symbol: usize, side: Side, qty: i64) {
        self.device.apply(Update::Open { account: ACCOUNT, instrument: InstrumentId(symbol as u32), side, qty });
    }

    /// An open order traded.
    pub fn filled(&mut self, symbol: usize, side: Side, qty: i64, price: Ticks) {
        let trade = self.bases[symbol].fill(symbol as u32, side.sign() * qty, price, Money::ZERO, 0);
        let realised = trade.and_then(|trade| Money::from_f64(trade.pnl)).unwrap_or_default();
        self.device.apply(Update::Fill { account: ACCOUNT, instrument: InstrumentId(symbol as u32), side, qty, realised });
    }

    /// A split changed a position by `lots`.
    pub fn split(&mut self, symbol: usize, (new, old): (i64, i64), in_lieu: Money, lots: i64) {
        let _ = self.bases[symbol].split(symbol as u32, (new, old), in_lieu, Ticks(0), 0);
        let (side, qty) = (if lots < 0 { Side::Sell } else { Side::Buy }, lots.abs());
        let instrument = InstrumentId(symbol as u32);
        // A position moves by fills only, and a fill takes from what is open.
        self.device.apply(Update::Open { account: ACCOUNT, instrument, side, qty });
        self.device.apply(Update::Fill { account: ACCOUNT, instrument, side, qty, realised: Money::ZERO });
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
