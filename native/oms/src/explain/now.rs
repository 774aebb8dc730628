//! How far every account is from its limits as things stand, without an order.

use omni_types::{AccountId, InstrumentId, RejectReason};

use super::registers::{Bounds, Held, Traded, Worth};
use super::rows::{Rows, lots_or_none, of_drawdown, of_loss, of_share, of_tokens};
use super::{CheckLevel, CheckRow, Severity};
use crate::Error;
use crate::config::MAX64;
use crate::gate::map::Bank;
use crate::gate::{RiskDevice, rules};
use crate::oms::Oms;

impl<D: RiskDevice> Oms<D> {
    /// Of each account: its positions (those that there are, with open orders or limits of their own), rates, loss, drawdown, leverage,
    /// and exposures in sectors and instruments; against its limits, then against what it is warned of.
    ///
    /// # Errors
    ///
    /// [`Error::Register`] if the gate is out of order.
    pub fn headroom(&self) -> Result<Vec<CheckRow>, Error> {
        if let Some(fault) = self.desk.device.fault() {
            return Err(fault.into());
        }
        let traded = (0..self.map().n_instruments()).map(|number| Traded::read(self, InstrumentId(number)));
        let traded = traded.collect::<Result<Vec<_>, _>>()?;
        let mut rows = Rows::new();
        for account in (0..self.map().n_accounts()).map(AccountId) {
            let stakes = self.stakes(account, &traded)?;
            let worth = Worth::read(self, account)?;
            for (severity, bank) in [(Severity::Hard, Bank::Account), (Severity::Warn, Bank::Warning)] {
                rows.severity = severity;
                let bounds = Bounds::read(self, bank, account)?;
                self.account_rows(&mut rows, account, &stakes, &worth, &bounds);
            }
        }
        Ok(rows.done())
    }

    /// What an account has of the instruments in which there is something, or a limit.
    fn stakes<'a>(&self, account: AccountId, traded: &'a [Traded]) -> Result<Vec<(Held, &'a Traded)>, Error> {
        let mut stakes = Vec::new();
        for traded in traded {
            let held = Held::read(self, account, traded.instrument)?;
            if held.position != 0 || held.open != [0; 2] || held.max_position < MAX64 {
                stakes.push((held, traded));
            }
        }
        Ok(stakes)
    }

    fn account_rows(&self, rows: &mut Rows, account: AccountId, stakes: &[(Held, &Traded)], worth: &Worth, bounds: &Bounds) {
        let (level, limits, now) = (CheckLevel::Account(account), &bounds.limits, self.clock().0);
        for (held, traded) in stakes {
            let reach = reach(held);
            let of = |most: i64| (reach as f64, lots_or_none(most), reach <= i128::from(most));
            rows.instrument = Some(traded.instrument);
            rows.push(RejectReason::PositionLimit, level, of(limits.max_position));
            if rows.severity == Severity::Hard {
                let level = CheckLevel::Position(account, traded.instrument);
                rows.push(RejectReason::PositionLimit, level, of(held.max_position));
            }
        }
        rows.instrument = None;
        rows.push(RejectReason::OrderRate, level, of_tokens(bounds.order_tokens(now)));
        rows.push(RejectReason::CancelRate, level, of_tokens(bounds.cancel_tokens(now)));
        rows.push(RejectReason::DailyLoss, level, of_loss(worth, bounds));
        rows.push(RejectReason::Drawdown, level, of_drawdown(worth, bounds));
        rows.push(RejectReason::Leverage, level, of_share(worth.gross, worth, limits.max_leverage));
        let exposures = || stakes.iter().map(|(held, traded)| (*traded, rules::exposure(held.worst(), traded.unit())));
        for sector in 1..=self.map().n_sectors() {
            let gross = exposures().filter(|(traded, _)| traded.sector == sector).map(|(_, exposure)| exposure).sum();
            if gross > 0 {
                rows.push_sector(level, sector, of_share(gross, worth, limits.max_sector));
            }
        }
        for (traded, exposure) in exposures().filter(|&(_, exposure)| exposure > 0) {
            rows.instrument = Some(traded.instrument);
            rows.push(RejectReason::SingleName, level, of_share(exposure, worth, limits.max_name));
        }
        rows.instrument = None;
    }
}

/// The larger of what a position can reach by its open buys, and by its open sells the other way.
fn reach(held: &Held) -> i128 {
    let position = i128::from(held.position);
    (position + i128::from(held.open[0])).max(i128::from(held.open[1]) - position)
}
