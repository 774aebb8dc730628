//! Kill switches: who throws them, who resets them, and what that takes along; `docs/gate.md` section 6.

use std::collections::BTreeMap;

use omni_book::Scope;
use omni_types::{AccountId, CancelReason};

use crate::command::{Attribution, SwitchScope, digest_of_name};
use crate::gate::RiskDevice;
use crate::gate::map::MAX_LEVELS;
use crate::oms::Oms;
use crate::registers;

/// Resets that wait for a second person: the digest of the first one's name, by scope.
pub(crate) type PendingResets = BTreeMap<SwitchScope, u64>;

/// What became of a kill switch; the codes are those of the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switched {
    /// It is off.
    Reset = 0,
    /// It is on.
    Thrown = 1,
    /// It is on until somebody else resets it too.
    Waiting = 2,
}

impl<D: RiskDevice> Oms<D> {
    /// Carries out a KillSwitch that was checked.
    #[cold]
    pub(crate) fn kill_switch(&mut self, scope: SwitchScope, on: bool, by: &Attribution) {
        let address = registers::switch_address(scope);
        let was_on = self.desk.device.read(address) == Ok(1);
        let outcome = match (on, was_on) {
            (true, _) => Switched::Thrown,
            (false, true) => self.ask_for_reset(scope, by),
            (false, false) => Switched::Reset,
        };
        self.desk.switched(scope, outcome);
        match outcome {
            Switched::Thrown => self.throw(scope, address, was_on),
            Switched::Reset if was_on => self.write_switch(address, 0),
            Switched::Reset | Switched::Waiting => {}
        }
    }

    /// A switch is on from now on; where it was off, the live orders of its scope go.
    pub(crate) fn throw(&mut self, scope: SwitchScope, address: u64, was_on: bool) {
        self.resets.remove(&scope);
        if was_on {
            return;
        }
        self.write_switch(address, 1);
        let Self { engine, desk, config, .. } = self;
        let reason = CancelReason::KillSwitch;
        match scope {
            SwitchScope::Everything => engine.cancel_all(Scope::default(), reason, desk),
            SwitchScope::Instrument(instrument) => {
                engine.cancel_all(Scope { instrument: Some(instrument), ..Scope::default() }, reason, desk);
            }
            SwitchScope::Account(above) => {
                let parent = |account: AccountId| config.accounts[account.0 as usize].parent;
                let is_below = |account: AccountId| {
                    std::iter::successors(Some(account), |&account| parent(account)).take(MAX_LEVELS).any(|each| each == above)
                };
                engine.cancel_accounts(is_below, reason, desk);
            }
        }
    }

    /// Whether a switch that is on goes off.
    fn ask_for_reset(&mut self, scope: SwitchScope, by: &Attribution) -> Switched {
        if !self.config.two_person {
            return Switched::Reset;
        }
        let who = digest_of_name(&by.who);
        if *self.resets.entry(scope).or_insert(who) == who {
            return Switched::Waiting;
        }
        self.resets.remove(&scope);
        Switched::Reset
    }

    fn write_switch(&mut self, address: u64, value: u64) {
        if self.desk.device.write(address, value).is_err() {
            debug_assert!(self.desk.device.fault().is_some(), "a switch takes 0 and 1");
        }
    }
}
