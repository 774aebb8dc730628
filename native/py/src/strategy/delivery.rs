//! What happened to a strategy's orders, handed over in the order in which it happened.

use omni_sim::{BarEngine, FillRecord, OrderChange, OrderKind, OrderReason, OrderStatus};
use pyo3::prelude::*;

use super::Driver;
use super::views::{Fill, OrderUpdate};

/// The next thing to hand over.
enum News {
    Fill(FillRecord),
    Change(OrderChange),
}

impl Driver<'_, '_> {
    /// One phase of the engine, and what it did to orders.
    #[inline]
    pub(super) fn advance(&mut self, phase: impl FnOnce(&mut BarEngine)) -> PyResult<()> {
        let (n_fills, n_changes) = self.context.get().with(self.py, |engine| {
            phase(engine);
            (engine.fills().len(), engine.changes().len())
        })?;
        if n_fills > self.delivered || n_changes > self.told { self.deliver() } else { Ok(()) }
    }

    /// What a callback did to orders.
    #[inline]
    pub(super) fn tell(&mut self) -> PyResult<()> {
        if self.callbacks.on_order.is_some() { self.deliver() } else { Ok(()) }
    }

    /// Hand over fills and changes until there are no more, those that the answers cause included.
    fn deliver(&mut self) -> PyResult<()> {
        let (py, context) = (self.py, self.context.get());
        if self.callbacks.on_fill.is_none() && self.callbacks.on_order.is_none() {
            self.delivered = context.with(py, |engine| engine.fills().len())?;
            return Ok(());
        }
        while let Some(news) = context.with(py, |engine| self.next(engine))? {
            match news {
                News::Fill(fill) => self.hand_over(fill)?,
                News::Change(change) => self.announce(change)?,
            }
        }
        Ok(())
    }

    fn next(&self, engine: &BarEngine) -> Option<News> {
        let change = engine.changes().get(self.told).filter(|change| change.n_fills as usize <= self.delivered);
        change.copied().map(News::Change).or_else(|| engine.fills().get(self.delivered).copied().map(News::Fill))
    }

    fn hand_over(&mut self, fill: FillRecord) -> PyResult<()> {
        let (py, context) = (self.py, self.context.get());
        let number = self.delivered;
        self.delivered += 1;
        let Some(on_fill) = &self.callbacks.on_fill else { return Ok(()) };
        let (order, commission) =
            context.with(py, |engine| (engine.orders()[fill.order as usize], engine.commission_of(number)))?;
        let symbol = order.symbol as usize;
        self.take_splits(fill.step)?;
        self.lots[symbol] += order.side.sign() * fill.qty;
        let instrument = &context.panel.instruments()[symbol];
        let fill = Fill {
            order_id: fill.order,
            symbol: context.names[symbol].clone_ref(py),
            side: order.side.name(),
            qty: instrument.quantity(fill.qty),
            price: instrument.price(fill.price),
            commission,
            position: instrument.quantity(self.lots[symbol]),
            ts: context.panel.ts()[fill.step as usize],
            index: fill.step,
        };
        context.board.turn_to(symbol);
        on_fill.call1((self.context, fill)).map(drop).map_err(|error| self.annotate(error, "on_fill"))
    }

    /// Splits change positions, too: those up to the step of a fill come before it.
    fn take_splits(&mut self, step: u32) -> PyResult<()> {
        let context = self.context.get();
        let (lots, split) = (&mut self.lots, &mut self.split);
        context.with(self.py, |engine| {
            for flow in engine.flows().iter().skip(*split).take_while(|flow| flow.at <= i64::from(step)) {
                *split += 1;
                if let Some(symbol) = flow.symbol {
                    lots[symbol as usize] += flow.lots;
                }
            }
        })
    }

    fn announce(&mut self, change: OrderChange) -> PyResult<()> {
        let (py, context) = (self.py, self.context.get());
        self.told += 1;
        let Some(on_order) = &self.callbacks.on_order else { return Ok(()) };
        let order = context.with(py, |engine| engine.orders()[change.order as usize])?;
        let symbol = order.symbol as usize;
        let instrument = &context.panel.instruments()[symbol];
        let update = OrderUpdate {
            order_id: change.order,
            symbol: context.names[symbol].clone_ref(py),
            side: order.side.name(),
            kind: match order.kind {
                OrderKind::Market => "MARKET",
                OrderKind::Limit => "LIMIT",
                OrderKind::Stop => "STOP",
                OrderKind::StopLimit => "STOP_LIMIT",
                OrderKind::TrailingStop => "TRAILING_STOP",
            },
            qty: instrument.quantity(order.qty),
            filled_qty: instrument.quantity(order.filled),
            status: match change.status {
                // What happened to an order that goes on working is its own status.
                OrderStatus::Working if change.reason != OrderReason::None => change.reason.name(),
                OrderStatus::Working => "ACCEPTED",
                OrderStatus::Filled => "FILLED",
                OrderStatus::Canceled => "CANCELED",
                OrderStatus::Rejected => "REJECTED",
                OrderStatus::Expired => "EXPIRED",
            },
            reason: if change.status == OrderStatus::Working { "" } else { change.reason.name() },
            ts: context.panel.ts()[change.step as usize],
            index: change.step,
        };
        context.board.turn_to(symbol);
        on_order.call1((self.context, update)).map(drop).map_err(|error| self.annotate(error, "on_order"))
    }
}
