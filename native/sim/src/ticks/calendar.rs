//! What happens to an account and its instruments at times that are known beforehand: interest and borrow fees accrue, splits and dividends
//! act, halts begin and end. Each comes when everything else of its time has happened.

use std::collections::VecDeque;

use crate::ledger::Ledger;
use crate::models::{Charge, CorporateAction, Financing, Flow, Halt, Models};

const NEVER: i64 = i64::MAX;
const HOUR: i64 = 3_600_000_000_000;

/// What is due.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    /// A stretch of interest is over.
    Interest,
    /// A split or dividend acts.
    Action(CorporateAction),
    /// An instrument stops trading, or trades again.
    Halt { symbol: usize, begins: bool },
}

/// The calendar of a replay.
#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    /// Actions and halts with their times, in order.
    fixed: VecDeque<(i64, Due)>,
    financing: Option<Accrual>,
    /// Money, and lots, that came or went other than by fills.
    pub flows: Vec<Flow>,
}

/// Interest of the stretch that runs.
#[derive(Clone, Debug)]
struct Accrual {
    financing: Financing,
    from: i64,
    until: i64,
    /// By the account at its start.
    charges: Vec<Charge>,
}

impl Calendar {
    /// From a time on; `None` where nothing will ever be due. What acts at or before the start acts on nothing, but halts that have begun hold.
    pub fn new(models: &Models, start: i64, ledger: &Ledger) -> Option<Self> {
        // An action is over before the first moment on its terms, a halt begins before the first of its own.
        let before = |ts: i64| ts.saturating_sub(1);
        let actions = models.actions.iter().filter(|action| action.ts > start);
        let halts = models.halts.iter().filter(|halt| halt.to >= start);
        let mut fixed: Vec<_> = actions.map(|&action| (before(action.ts), Due::Action(action))).collect();
        for &Halt { symbol, from, to } in halts {
            fixed.push((before(from).max(before(start)), Due::Halt { symbol, begins: true }));
            fixed.push((to, Due::Halt { symbol, begins: false }));
        }
        fixed.sort_by_key(|&(ts, _)| ts);
        let financing = models.financing.clone().map(|financing| Accrual::new(financing, start, ledger));
        let is_empty = fixed.is_empty() && financing.is_none();
        (!is_empty).then(|| Self { fixed: fixed.into(), financing, flows: Vec::new() })
    }

    /// When something is due next.
    pub fn next(&self) -> i64 {
        let fixed = self.fixed.front().map_or(NEVER, |&(ts, _)| ts);
        fixed.min(self.financing.as_ref().map_or(NEVER, |accrual| accrual.until))
    }

    /// What is due by now: interest first, then actions and halts in the order of their times.
    pub fn pop(&mut self, now: i64) -> Option<Due> {
        if self.financing.as_ref().is_some_and(|accrual| accrual.until <= now) {
            return Some(Due::Interest);
        }
        let is_due = self.fixed.front().is_some_and(|&(ts, _)| ts <= now);
        if is_due { self.fixed.pop_front().map(|(_, due)| due) } else { None }
    }

    /// Book the interest of the stretch up to now, and begin another.
    pub fn accrue(&mut self, now: i64, ledger: &mut Ledger) {
        let Some(accrual) = &mut self.financing else { return };
        let years = accrual.financing.years(accrual.from, now);
        for charge in accrual.charges.drain(..) {
            charge.book(years, now, ledger, &mut self.flows);
        }
        let financing = accrual.financing.clone();
        self.financing = Some(Accrual::new(financing, now, ledger));
    }

    /// Nothing is due any more but the interest that has accrued.
    pub fn end(&mut self) {
        self.fixed.clear();
        if let Some(accrual) = &mut self.financing {
            accrual.until = NEVER;
        }
    }
}

impl Accrual {
    fn new(financing: Financing, from: i64, ledger: &Ledger) -> Self {
        let until = from.div_euclid(HOUR).saturating_add(1).saturating_mul(HOUR);
        Self { charges: financing.charges(ledger), financing, from, until }
    }
}
