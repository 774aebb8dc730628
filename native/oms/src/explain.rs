//! What the gate would say of a command, and how far everything is from its limits: `docs/gate.md` section 7. Nothing changes.
//!
//! The rows are worked out from what the registers say, not by the code that checks orders; a test compares the two.

use omni_types::{AccountId, InstrumentId, Nanos, OrderId, RejectReason};

use crate::Error;
use crate::command::Command;
use crate::gate::{OrderCheck, RiskDevice};
use crate::oms::Oms;

mod now;
mod registers;
mod rows;

use registers::{Lineage, Traded};
use rows::Rows;

/// Where a limit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckLevel {
    /// The whole device.
    Everything,
    /// An instrument, for everybody.
    Instrument(InstrumentId),
    /// An account.
    Account(AccountId),
    /// An account in one instrument.
    Position(AccountId, InstrumentId),
}

/// What happens at a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The order is refused.
    Hard,
    /// The order goes on with a warning.
    Warn,
}

/// One check at one level. Amounts are of the currency, shares fractions of the equity or the peak, rates tokens, the rest lots and basis
/// points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CheckRow {
    /// Which check, by the reason it gives.
    pub check: RejectReason,
    /// Where.
    pub level: CheckLevel,
    /// What happens at the limit.
    pub severity: Severity,
    /// What is compared; NaN where there is nothing to compare or to divide by.
    pub value: f64,
    /// With what; infinite for no limit.
    pub limit: f64,
    /// Whether it passes.
    pub passes: bool,
    /// In what, where the row is about one instrument.
    pub instrument: Option<InstrumentId>,
    /// In which sector, where the row is about one; 0 otherwise.
    pub sector: u32,
}

impl CheckRow {
    /// How far it is to the limit: negative beyond it.
    pub fn headroom(&self) -> f64 {
        self.limit - self.value
    }
}

impl Severity {
    /// The name outside Rust.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Warn => "warn",
        }
    }
}

impl<D: RiskDevice> Oms<D> {
    /// What each check would say of a new order, a cancel or a replacement, at each level, in the order of evaluation: the hard ones
    /// first, then the warnings. The first hard row that fails is the verdict.
    ///
    /// # Errors
    ///
    /// [`Error::NotChecked`] for another command, [`Error::UnknownAccount`], [`Error::UnknownInstrument`], [`Error::UnknownOrder`], and
    /// [`Error::Register`] if the gate is out of order.
    pub fn explain(&self, command: &Command) -> Result<Vec<CheckRow>, Error> {
        if let Some(fault) = self.desk.device.fault() {
            return Err(fault.into());
        }
        let now = self.desk.clock.max(command.ts());
        match *command {
            Command::New { ref order, .. } => {
                self.check_account(order.account)?;
                self.check_instrument(order.instrument)?;
                self.explain_order(&OrderCheck::of_new(order, now))
            }
            Command::Replace { order_id, qty, price, stop_price, .. } => {
                let record = self.live_record(order_id)?;
                let leaves = qty.0.saturating_sub(record.qty.0).saturating_add(record.leaves.0);
                let stop = self.live(order_id).map_or(omni_types::Ticks(0), |live| live.terms.stop_price);
                self.explain_order(&OrderCheck::of_replacement(record, now, (qty, leaves), (price, stop_price), stop))
            }
            Command::Cancel { order_id, .. } => self.explain_cancel(self.live_record(order_id)?.account, now),
            Command::MassCancel { .. }
            | Command::SetPhase { .. }
            | Command::Advance { .. }
            | Command::Mark { .. }
            | Command::WriteRegister { .. }
            | Command::KillSwitch { .. } => Err(Error::NotChecked { kind: command.kind() }),
        }
    }

    fn explain_order(&self, order: &OrderCheck) -> Result<Vec<CheckRow>, Error> {
        let lineage = Lineage::read(self, order.account, order.instrument)?;
        let traded = Traded::read(self, order.instrument)?;
        Ok(Rows::of_order(order, &lineage, &traded).done())
    }

    fn explain_cancel(&self, account: AccountId, now: Nanos) -> Result<Vec<CheckRow>, Error> {
        let lineage = Lineage::read_accounts(self, account)?;
        Ok(Rows::of_cancel(now, &lineage).done())
    }

    fn live_record(&self, id: OrderId) -> Result<&crate::Record, Error> {
        let record = self.desk.records.get(id).filter(|record| !record.state.is_done());
        record.ok_or(Error::UnknownOrder { found: id.0 })
    }
}
