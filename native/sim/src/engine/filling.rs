//! Filling: in which order, how much, at which price and for what commission.

use omni_types::{AccountId, Event, InstrumentId, Money, NewOrder, OrderId, Qty, Side, Ticks};

use super::BarEngine;
use crate::config::OnInsufficientCash;
use crate::models::{FeeQuestion, Market, moved};
use crate::record::{FillRecord, FillTime, OrderKind, OrderReason, OrderRecord, OrderStatus};

/// A fill that is being considered.
#[derive(Clone, Copy, Debug)]
struct Asked {
    order: u32,
    symbol: usize,
    side: Side,
    maker: bool,
    price: Ticks,
}

/// Id under which the other side of the market trades with our resting orders.
const MARKET: OrderId = OrderId(u64::MAX);

impl BarEngine {
    /// Fill a batch in the order sent, except that what only reduces a position goes first.
    #[inline]
    pub(super) fn execute_batch(&mut self, batch: &mut [u32], time: FillTime, price: impl Fn(&OrderRecord) -> Ticks) {
        if let [id] = *batch {
            self.execute(id, price(&self.orders[id as usize]), time);
            return;
        }
        // Ids count up as orders are sent. What a volume limit left over or a queue let go comes in another order.
        if !batch.is_sorted() {
            batch.sort_unstable();
        }
        let mut later = Vec::with_capacity(batch.len());
        for &id in &*batch {
            let order = self.orders[id as usize];
            let held = self.ledger.lots(order.symbol as usize);
            if held * order.side.sign() < 0 && order.leaves() <= held.abs() {
                self.execute(id, price(&order), time);
            } else {
                later.push(id);
            }
        }
        for id in later {
            self.execute(id, price(&self.orders[id as usize]), time);
        }
    }

    /// Fill one order at the price it met, as far as volume and buying power allow; what may fill later goes back to wait.
    pub(super) fn execute(&mut self, id: u32, met: Ticks, time: FillTime) {
        let order = self.orders[id as usize];
        let symbol = order.symbol as usize;
        let resting = order.kind == OrderKind::Limit && time == FillTime::Inside;
        let wanted = order.leaves().min(self.volume_left(symbol));
        self.counts.volume_limited += u64::from(wanted < order.leaves());
        let price = if order.kind == OrderKind::Limit { met } else { self.price_of(symbol, order.side, met, wanted) };
        let asked = Asked { order: id, symbol, side: order.side, maker: resting, price };
        let commission = self.commission(&asked, wanted);
        let allowed = self.affordable(&asked, wanted, commission);
        let refused = allowed < wanted;
        let qty = if refused && self.config.on_insufficient_cash == OnInsufficientCash::Reject { 0 } else { allowed };
        if qty > 0 {
            let commission = if self.extras.is_some() {
                self.settle_models(&asked, qty)
            } else if qty == wanted {
                commission
            } else {
                self.commission(&asked, qty)
            };
            self.fill(FillRecord { order: id, step: self.step as u32, time, maker: resting, qty, price }, met, commission);
        }
        if refused {
            self.end(id, OrderStatus::Canceled, OrderReason::InsufficientCash);
            match self.config.on_insufficient_cash {
                OnInsufficientCash::Reduce => self.counts.reduced += 1,
                OnInsufficientCash::Reject => self.counts.insufficient_cash += 1,
            }
        } else if qty < order.leaves() && !resting {
            // The bar's volume is used up. A limit meets the next open like a new one; a triggered stop is a market order from here on.
            match order.kind {
                OrderKind::Limit => self.arriving.push(id),
                OrderKind::Market | OrderKind::Stop => self.market.push(id),
            }
        }
    }

    fn fill(&mut self, fill: FillRecord, met: Ticks, commission: Money) {
        let FillRecord { order: id, step, maker, qty, price, .. } = fill;
        let order = &mut self.orders[id as usize];
        let symbol = order.symbol as usize;
        if maker {
            let contra = NewOrder::market(AccountId(0), InstrumentId(symbol as u32), order.side.opposite(), Qty(qty));
            self.books.submit(MARKET, &contra, &mut self.events);
            debug_assert!(matches!(self.events[1], Event::Trade { maker, .. } if maker.0 == u64::from(id)));
            self.events.clear();
        }
        order.filled += qty;
        order.step_closed = step;
        if order.filled == order.qty {
            order.status = OrderStatus::Filled;
            self.working[symbol].target.take_if(|target| *target == id);
            self.n_resting -= usize::from(maker);
        }
        let lots = order.side.sign() * qty;
        self.working[symbol].volume_used += qty;
        self.fills.push(fill);
        if let Some(gate) = &mut self.gate {
            gate.filled(symbol, self.orders[id as usize].side, qty, price, commission);
        }
        self.ledger.fill(symbol, lots, price, met, commission);
    }

    /// How much of `qty` the buying power allows: all of what reduces the position, and of the rest what keeps gross exposure within
    /// leverage × equity.
    #[inline]
    fn affordable(&self, asked: &Asked, qty: i64, commission: Money) -> i64 {
        let Some(leverage) = self.config.max_leverage else { return qty };
        let held = self.ledger.lots(asked.symbol);
        let closing = if held * asked.side.sign() < 0 { qty.min(held.abs()) } else { 0 };
        let opening = qty - closing;
        if opening == 0 || self.fits(asked, qty, closing, leverage, commission) {
            return qty;
        }
        // The rule holds for what closes and fails for all of it: halve the range in between.
        let (mut holds, mut fails) = (closing, qty);
        while fails - holds > 1 {
            let middle = i64::midpoint(holds, fails);
            if self.fits(asked, middle, closing, leverage, self.commission(asked, middle)) {
                holds = middle;
            } else {
                fails = middle;
            }
        }
        holds
    }

    /// Whether gross exposure stays within leverage × equity after a fill of `qty`, of which `closing` reduces the position.
    #[inline]
    fn fits(&self, asked: &Asked, qty: i64, closing: i64, leverage: f64, commission: Money) -> bool {
        let (unit, mark) = (self.panel.instruments()[asked.symbol].tick_lot_value().0, self.ledger.mark_of(asked.symbol));
        let worse = i128::from(asked.side.sign() * (asked.price.0 - mark.0)) * i128::from(qty) * unit + commission.0;
        let added = i128::from(qty - 2 * closing) * i128::from(mark.0) * unit;
        let equity = self.ledger.equity().0 - self.ledger.to_base(asked.symbol, worse);
        let gross = self.ledger.gross().0 + self.ledger.to_base(asked.symbol, added);
        gross <= levered(equity, leverage)
    }

    /// The price that a market or stop order of `qty` gets where it meets `met`.
    #[inline]
    fn price_of(&self, symbol: usize, side: Side, met: Ticks, qty: i64) -> Ticks {
        let slippage = self.config.slippage;
        if self.extras.is_some() { self.price_with_impact(symbol, side, met, qty) } else { slippage.apply(side, met) }
    }

    #[cold]
    fn price_with_impact(&self, symbol: usize, side: Side, met: Ticks, qty: i64) -> Ticks {
        let slippage = self.config.slippage;
        let Some(impact) = self.extras.as_ref().and_then(|extras| extras.impact.as_ref()) else {
            return slippage.apply(side, met);
        };
        let quantity = self.panel.instruments()[symbol].quantity(qty);
        let fraction = slippage.bps * 1e-4 + impact.distance(&self.market_of(symbol), side, quantity);
        moved(side, met, slippage.ticks, fraction)
    }

    fn market_of(&self, symbol: usize) -> Market<'_> {
        Market { panel: &self.panel, symbol, step: self.step, n_closed: self.closed }
    }

    /// Let the models take note of a fill; returns its commission.
    #[cold]
    fn settle_models(&mut self, asked: &Asked, qty: i64) -> Money {
        let commission = self.commission(asked, qty);
        let question = self.question(asked, qty);
        let notional_base = question.notional * self.ledger.rate_of(asked.symbol);
        let taker = self.orders[asked.order as usize].kind != OrderKind::Limit;
        let Some(mut extras) = self.extras.take() else { return commission };
        if let Some(impact) = extras.impact.as_mut().filter(|_| taker) {
            impact.take(&self.market_of(asked.symbol), asked.side, question.quantity);
        }
        let commission = extras.fees.as_mut().map_or(commission, |fees| fees.charge(&question, notional_base));
        self.extras = Some(extras);
        commission
    }

    #[cold]
    fn question(&self, asked: &Asked, qty: i64) -> FeeQuestion {
        let instrument = &self.panel.instruments()[asked.symbol];
        let quantity = instrument.quantity(qty);
        FeeQuestion { order: asked.order, maker: asked.maker, notional: instrument.price(asked.price) * quantity, quantity }
    }

    fn volume_left(&self, symbol: usize) -> i64 {
        match (self.config.volume_limit, self.panel.volume(self.step, symbol)) {
            (Some(limit), Some(volume)) => {
                let lots = self.panel.instruments()[symbol].lots(limit * volume);
                (lots - self.working[symbol].volume_used).max(0)
            }
            _ => i64::MAX,
        }
    }

    /// Commission of a fill, in the currency of its instrument.
    #[allow(clippy::inline_always)]
    #[inline(always)]
    fn commission(&self, asked: &Asked, qty: i64) -> Money {
        if self.extras.is_some() {
            return self.quoted(asked, qty);
        }
        self.plain_commission(asked.symbol, qty, asked.price)
    }

    /// The same where there are models.
    #[cold]
    fn quoted(&self, asked: &Asked, qty: i64) -> Money {
        match self.extras.as_ref().and_then(|extras| extras.fees.as_ref()) {
            Some(fees) => fees.quote(&self.question(asked, qty)),
            None => self.plain_commission(asked.symbol, qty, asked.price),
        }
    }

    #[allow(clippy::inline_always)]
    #[inline(always)]
    fn plain_commission(&self, symbol: usize, qty: i64, price: Ticks) -> Money {
        let instrument = &self.panel.instruments()[symbol];
        let quantity = instrument.quantity(qty);
        let commission = self.config.commission.of(instrument.price(price) * quantity, quantity);
        Money::from_f64(commission).expect("a notional is bounded when its order is sent")
    }

    /// Commission of a recorded fill, by its number, exact.
    pub(super) fn charged(&self, number: usize) -> Money {
        let fill = &self.fills[number];
        match self.extras.as_ref().and_then(|extras| extras.fees.as_ref()) {
            Some(fees) => fees.charged(number),
            None => self.plain_commission(self.orders[fill.order as usize].symbol as usize, fill.qty, fill.price),
        }
    }

    /// Commission of a recorded fill, by its number, in the currency of its instrument.
    pub fn commission_of(&self, number: usize) -> f64 {
        self.charged(number).to_f64()
    }

    /// Price that a recorded fill met, before slippage.
    pub fn met_by(&self, fill: &FillRecord) -> Ticks {
        let order = &self.orders[fill.order as usize];
        let (step, symbol) = (fill.step as usize, order.symbol as usize);
        match fill.time {
            FillTime::Open => self.panel.open_high_low(step, symbol).map_or(fill.price, |[open, _, _]| open),
            FillTime::Inside => order.price,
            FillTime::Close => self.panel.close(step, symbol),
        }
    }
}

/// Equity times leverage, money units, exact for a leverage of at most nine decimals.
fn levered(equity: i128, leverage: f64) -> i128 {
    const DECIMALS: i128 = 1_000_000_000;
    if leverage == 1.0 {
        return equity;
    }
    let times = (leverage * DECIMALS as f64).round() as i128;
    (equity / DECIMALS).saturating_mul(times).saturating_add(equity % DECIMALS * times / DECIMALS)
}
