//! Point 0: what happens between the close of one step and the open of the next. Interest and borrow fees accrue, splits and dividends act, and
//! halts begin and end.

use omni_types::Money;

use super::BarEngine;
use crate::models::{ActionKind, CorporateAction, Extras, Flow, FlowKind, SplitRecord, split_lots};
use crate::record::{OrderKind, OrderReason, OrderStatus};

impl BarEngine {
    /// Point 0 of a run that has models.
    pub(super) fn before_open(&mut self) {
        let Some(mut extras) = self.extras.take() else { return };
        let (step, ts) = (self.step, self.panel.ts()[self.step]);
        if let Some(fees) = &mut extras.fees {
            fees.enter(ts);
        }
        if step > 0 {
            self.accrue(&mut extras, self.panel.ts()[step - 1], ts);
        }
        while let Some(&action) = extras.models.actions.get(extras.next_action).filter(|action| action.ts <= ts) {
            extras.waiting.push(action);
            extras.next_action += 1;
        }
        if !extras.waiting.is_empty() {
            let due = std::mem::take(&mut extras.waiting);
            for action in due {
                if self.panel.has_bar(step, action.symbol) {
                    self.act(&mut extras, action);
                } else {
                    extras.waiting.push(action);
                }
            }
        }
        for symbol in 0..extras.halted.len() {
            let within = |halt: &&crate::models::Halt| halt.symbol == symbol && halt.from <= ts && ts <= halt.to;
            extras.halted[symbol] = extras.models.halts.iter().any(|halt| within(&halt));
        }
        self.extras = Some(extras);
    }

    /// Interest on cash and the fees of short positions, from one time to another.
    fn accrue(&mut self, extras: &mut Extras, from: i64, to: i64) {
        let Some(financing) = &extras.models.financing else { return };
        let years = financing.years(from, to);
        let mut shorts = vec![0_i128; self.ledger.n_currencies()];
        let mut flows = Vec::new();
        for symbol in 0..self.panel.n_symbols() {
            let value = self.ledger.value_of(symbol).0;
            if value < 0 {
                let currency = self.ledger.currency_of(symbol);
                shorts[currency as usize] -= value;
                let amount = Money(value).to_f64() * financing.borrow[symbol] * years;
                flows.push((Some(symbol as u32), currency, FlowKind::Borrow, amount));
            }
        }
        for (currency, &short) in (0..).zip(&shorts) {
            let cash = self.ledger.cash_in(currency).0;
            let (earning, rate) = if cash < 0 { (cash, financing.margin) } else { ((cash - short).max(0), financing.cash) };
            flows.push((None, currency, FlowKind::Interest, Money(earning).to_f64() * rate * years));
        }
        for (symbol, currency, kind, amount) in flows {
            let amount = Money::from_f64(amount).unwrap_or_default();
            if amount != Money::ZERO {
                self.ledger.receive(currency, amount);
                if let Some(gate) = &mut self.gate {
                    gate.received(amount);
                }
                extras.flows.push(Flow { step: self.step as u32, symbol, currency, kind, lots: 0, amount });
            }
        }
    }

    fn act(&mut self, extras: &mut Extras, action: CorporateAction) {
        let (symbol, step) = (action.symbol, self.step as u32);
        let (lots, currency) = (self.ledger.lots(symbol), self.ledger.currency_of(symbol));
        let flow = Flow { step, symbol: Some(symbol as u32), currency, kind: FlowKind::Split, lots: 0, amount: Money::ZERO };
        match action.kind {
            ActionKind::Dividend { amount, withheld } => {
                let kept = if lots > 0 { amount * (1.0 - withheld) } else { amount };
                let quantity = self.panel.instruments()[symbol].quantity(lots);
                let amount = Money::from_f64(kept * quantity).unwrap_or_default();
                if amount != Money::ZERO {
                    self.ledger.receive(currency, amount);
                    if let Some(gate) = &mut self.gate {
                        gate.received(amount);
                    }
                    extras.flows.push(Flow { kind: FlowKind::Dividend, amount, ..flow });
                }
            }
            ActionKind::Split { new, old } => {
                if lots != 0 {
                    let (after, _) = split_lots(lots, new, old);
                    let mark = self.ledger.mark_of(symbol);
                    let amount = self.ledger.split(symbol, new, old);
                    extras.splits.push(SplitRecord { step, symbol, new, old, in_lieu: amount, mark });
                    if let Some(gate) = &mut self.gate {
                        gate.split(symbol, (new, old), amount, after - lots);
                        gate.mark(symbol, self.ledger.mark_of(symbol));
                    }
                    extras.flows.push(Flow { lots: after - lots, ..flow });
                    if amount != Money::ZERO {
                        extras.flows.push(Flow { kind: FlowKind::CashInLieu, amount, ..flow });
                    }
                } else {
                    self.ledger.split(symbol, new, old);
                }
                self.split_orders(symbol, new, old);
            }
        }
    }

    /// Waiting market orders change with the units they count; limits and stops end, because their prices mean something else now.
    fn split_orders(&mut self, symbol: usize, new: i64, old: i64) {
        let working: Vec<u32> = (0..self.orders.len() as u32)
            .rev()
            .filter(|&id| self.live(id) && self.orders[id as usize].symbol as usize == symbol)
            .collect();
        for id in working.into_iter().rev() {
            let order = &mut self.orders[id as usize];
            let (leaves, _) = split_lots(order.leaves(), new, old);
            if order.kind == OrderKind::Market && leaves > 0 {
                let (side, change) = (order.side, leaves - order.leaves());
                order.qty = order.filled + leaves;
                if let Some(gate) = &mut self.gate {
                    gate.opened(symbol, side, change);
                }
            } else {
                self.end(id, OrderStatus::Canceled, OrderReason::CorporateAction);
            }
        }
    }
}
