//! What holding costs and earns over time: borrow fees, interest on debt, interest on cash. Simple interest, by the time between two moments.

use omni_types::Money;

use super::{Flow, FlowKind};
use crate::ledger::Ledger;

/// Annual rates, decimals.
#[derive(Clone, Debug, PartialEq)]
pub struct Financing {
    /// Fee on the value of what is held short, by instrument.
    pub borrow: Vec<f64>,
    /// Paid on cash below zero.
    pub margin: f64,
    /// Received on cash above zero, without what short sales brought in.
    pub cash: f64,
    /// Days in a year of interest: 360 or 365.
    pub day_count: f64,
}

impl Financing {
    /// The fraction of a year between two times, nanoseconds.
    pub fn years(&self, from: i64, to: i64) -> f64 {
        (to - from) as f64 / 86_400e9 / self.day_count
    }

    /// What a year would bring or cost with the account as it is.
    pub(crate) fn charges(&self, ledger: &Ledger) -> Vec<Charge> {
        let mut shorts = vec![0_i128; ledger.n_currencies()];
        let mut charges = Vec::new();
        for (symbol, rate) in self.borrow.iter().enumerate() {
            let value = ledger.value_of(symbol).0;
            if value < 0 {
                let currency = ledger.currency_of(symbol);
                shorts[currency as usize] -= value;
                let a_year = Money(value).to_f64() * rate;
                charges.push(Charge { symbol: Some(symbol as u32), currency, kind: FlowKind::Borrow, a_year });
            }
        }
        for (currency, &short) in (0..).zip(&shorts) {
            let cash = ledger.cash_in(currency).0;
            let (earning, rate) = if cash < 0 { (cash, self.margin) } else { ((cash - short).max(0), self.cash) };
            let a_year = Money(earning).to_f64() * rate;
            charges.push(Charge { symbol: None, currency, kind: FlowKind::Interest, a_year });
        }
        charges
    }
}

/// What accrues.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Charge {
    symbol: Option<u32>,
    currency: u32,
    kind: FlowKind,
    /// Received in a year, − for what is paid.
    a_year: f64,
}

impl Charge {
    /// Book a part of a year.
    pub fn book(self, years: f64, at: i64, ledger: &mut Ledger, flows: &mut Vec<Flow>) {
        let Self { symbol, currency, kind, a_year } = self;
        let amount = Money::from_f64(a_year * years).unwrap_or_default();
        if amount != Money::ZERO {
            ledger.receive(currency, amount);
            flows.push(Flow { at, symbol, currency, kind, lots: 0, amount });
        }
    }
}
