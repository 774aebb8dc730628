//! The bar engine: takes orders, steps through a panel of bars, fills, and keeps the account.
//!
//! A driver calls, for each step, [`BarEngine::open`], [`BarEngine::inside`], [`BarEngine::close`], then sends the orders of the decision, then
//! [`BarEngine::settle`]. `docs/simulation.md` describes what happens in each; the section numbers below are its points.

use std::sync::Arc;

use omni_book::OrderBook;
use omni_types::{Event, LimitOrder, MarketOrder, Money, OrderId, Qty, Side, Ticks};

use crate::bars::BarPanel;
use crate::config::{FillTiming, LimitFill, OnInsufficientCash, SimConfig};
use crate::instrument::{Instrument, truncate_lots};
use crate::ledger::Ledger;
use crate::record::{Counts, FillRecord, FillTime, OrderKind, OrderReason, OrderRecord, OrderStatus, TradeRecord};
use crate::trades::CostBasis;

/// Id under which the other side of the market trades with our resting orders.
const MARKET: OrderId = OrderId(u64::MAX);

/// An order as a strategy sends it.
#[derive(Clone, Copy, Debug)]
pub struct OrderRequest {
    /// Instrument, as a column of the panel.
    pub symbol: usize,
    /// Buy or sell.
    pub side: Side,
    /// Lots, positive.
    pub qty: i64,
    /// Market, limit or stop.
    pub kind: OrderKind,
    /// Limit or stop price; ignored for a market order.
    pub price: Ticks,
}

/// What works for one instrument.
#[derive(Clone, Debug, Default)]
struct Working {
    /// Resting limit orders, by price and time.
    book: OrderBook,
    /// Resting stop orders, in the order they were sent.
    stops: Vec<u32>,
    /// The working order of a target, if there is one.
    target: Option<u32>,
    /// Lots filled in the current bar, for the volume limit.
    volume_used: i64,
}

/// The state of a run.
#[derive(Clone, Debug)]
pub struct BarEngine {
    panel: Arc<BarPanel>,
    config: SimConfig,
    ledger: Ledger,
    working: Vec<Working>,
    /// Market orders (and triggered stops) waiting for their open or close.
    market: Vec<u32>,
    /// Limit and stop orders that have not met an open yet.
    arriving: Vec<u32>,
    /// Orders resting in a book or among the stops.
    n_resting: usize,
    orders: Vec<OrderRecord>,
    fills: Vec<FillRecord>,
    equity: Vec<f64>,
    /// Equity of the last step, exact and in currency.
    settled: (Money, f64),
    counts: Counts,
    step: usize,
    n_steps_exposed: u64,
    events: Vec<Event>,
    batch: Vec<u32>,
}

impl BarEngine {
    /// An engine at the first step of `panel`.
    pub fn new(panel: Arc<BarPanel>, config: SimConfig) -> Self {
        let ledger = Ledger::new(config.initial_capital, panel.instruments().iter().map(Instrument::tick_lot_value));
        let equity = Vec::with_capacity(panel.n_steps());
        let capital = config.initial_capital;
        Self {
            working: vec![Working::default(); panel.n_symbols()],
            panel,
            config,
            ledger,
            market: Vec::new(),
            arriving: Vec::new(),
            n_resting: 0,
            orders: Vec::new(),
            fills: Vec::new(),
            equity,
            settled: (capital, capital.to_f64()),
            counts: Counts::default(),
            step: 0,
            n_steps_exposed: 0,
            events: Vec::new(),
            batch: Vec::new(),
        }
    }

    /// Make room for orders and fills that are to come. Room that is not used costs no memory, growing step by step costs time.
    pub fn expect_orders(&mut self, n_orders: usize) {
        self.orders.reserve(n_orders);
        self.fills.reserve(n_orders);
    }

    /// The bars.
    pub fn panel(&self) -> &Arc<BarPanel> {
        &self.panel
    }

    /// The account.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The current step, from zero; `n_steps` when the run is over.
    pub fn step(&self) -> usize {
        self.step
    }

    /// All orders so far; an order's id is its place here.
    pub fn orders(&self) -> &[OrderRecord] {
        &self.orders
    }

    /// All fills so far.
    pub fn fills(&self) -> &[FillRecord] {
        &self.fills
    }

    /// All closed trades so far, derived from the fills.
    pub fn trades(&self) -> Vec<TradeRecord> {
        let mut open: Vec<_> = self.panel.instruments().iter().map(|each| CostBasis::new(each.tick_lot_value())).collect();
        let close = |fill: &FillRecord| {
            let order = &self.orders[fill.order as usize];
            let (lots, commission) = (order.side.sign() * fill.qty, self.commission(order.symbol as usize, fill.qty, fill.price));
            open[order.symbol as usize].fill(order.symbol, lots, fill.price, commission, fill.step)
        };
        self.fills.iter().filter_map(close).collect()
    }

    /// Commission of a fill.
    #[inline]
    fn commission(&self, symbol: usize, qty: i64, price: Ticks) -> Money {
        let instrument = &self.panel.instruments()[symbol];
        let quantity = instrument.quantity(qty);
        let commission = self.config.commission.of(instrument.price(price) * quantity, quantity);
        Money::from_f64(commission).expect("a notional is bounded when its order is sent")
    }

    /// Commission of a recorded fill, currency.
    pub fn commission_of(&self, fill: &FillRecord) -> f64 {
        self.commission(self.orders[fill.order as usize].symbol as usize, fill.qty, fill.price).to_f64()
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

    /// Equity after each step so far, currency.
    pub fn equity(&self) -> &[f64] {
        &self.equity
    }

    /// Equity after each step, handed over.
    pub fn take_equity(&mut self) -> Vec<f64> {
        std::mem::take(&mut self.equity)
    }

    /// What was held back.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Steps that ended with a position.
    pub fn n_steps_exposed(&self) -> u64 {
        self.n_steps_exposed
    }

    /// Point 1: mark at the open and fill what the open meets.
    #[inline]
    pub fn open(&mut self) {
        if self.config.volume_limit.is_some() {
            for working in &mut self.working {
                working.volume_used = 0;
            }
        }
        if (self.config.fill == FillTiming::NextOpen && !self.market.is_empty())
            || !self.arriving.is_empty()
            || self.n_resting > 0
        {
            self.meet_open();
        }
    }

    /// Point 2: stops, then limits, inside the bar.
    #[inline]
    pub fn inside(&mut self) {
        if self.n_resting > 0 || !self.arriving.is_empty() {
            self.meet_range();
        }
    }

    /// Point 3: mark at the close and fill what waited for it.
    #[inline]
    pub fn close(&mut self) {
        for (symbol, &close) in self.panel.close_row(self.step).iter().enumerate() {
            if close != 0 {
                self.ledger.mark(symbol, Ticks(close));
            }
        }
        if self.config.fill != FillTiming::NextOpen && !self.market.is_empty() {
            let step = self.step as u32;
            self.meet_close(|order| order.step_sent < step);
        }
    }

    /// Point 4, after the decision: fill what was decided on this close, record equity, and go to the next step.
    #[inline]
    pub fn settle(&mut self) {
        if self.config.fill == FillTiming::ThisClose && !self.market.is_empty() {
            let step = self.step as u32;
            self.meet_close(|order| order.step_sent == step);
        }
        // While nothing is held, equity stays what it was; converting it again would cost more than the rest of such a step.
        let equity = self.ledger.equity();
        if equity != self.settled.0 {
            self.settled = (equity, equity.to_f64());
        }
        self.equity.push(self.settled.1);
        self.n_steps_exposed += u64::from(self.ledger.n_open() > 0);
        self.step += 1;
    }

    /// After the last step: expire what still works.
    pub fn finish(&mut self) {
        let last = self.panel.n_steps() as u32 - 1;
        for order in self.orders.iter_mut().filter(|order| order.status == OrderStatus::Working) {
            order.status = OrderStatus::Expired;
            order.reason = OrderReason::EndOfData;
            order.step_closed = last;
            self.counts.expired += 1;
        }
    }

    /// Send an order; returns its id. An order that cannot work is recorded as rejected.
    pub fn send(&mut self, request: OrderRequest) -> u32 {
        let OrderRequest { symbol, side, qty, kind, price } = request;
        let price = if kind == OrderKind::Market { Ticks(0) } else { price };
        let id = self.orders.len() as u32;
        let refusal = self.refusal(&request);
        let step = self.step as u32;
        self.orders.push(OrderRecord {
            symbol: symbol as u32,
            step_sent: step,
            step_closed: step,
            side,
            kind,
            status: if refusal.is_some() { OrderStatus::Rejected } else { OrderStatus::Working },
            reason: refusal.unwrap_or(OrderReason::None),
            qty,
            filled: 0,
            price,
        });
        if refusal.is_some() {
            self.counts.rejected += 1;
        } else if kind == OrderKind::Market {
            self.market.push(id);
        } else {
            self.arriving.push(id);
        }
        id
    }

    fn refusal(&self, request: &OrderRequest) -> Option<OrderReason> {
        // Money counts to 1.7e20; one order may use a tenth of that.
        const LARGEST_NOTIONAL: f64 = 1e19;
        let instrument = &self.panel.instruments()[request.symbol];
        let reference = instrument.price(self.ledger.mark_of(request.symbol).max(request.price));
        if request.qty <= 0 || request.qty as f64 * instrument.lot_size() * reference > LARGEST_NOTIONAL {
            Some(OrderReason::InvalidQty)
        } else if request.kind == OrderKind::Market {
            None
        } else if !self.panel.has_ohlc() {
            Some(OrderReason::NoIntrabarPrices)
        } else if request.price.0 <= 0 {
            Some(OrderReason::InvalidPrice)
        } else {
            None
        }
    }

    /// Cancel an order on behalf of the strategy; false when it is not working any more.
    pub fn cancel(&mut self, id: u32) -> bool {
        let working = self.orders.get(id as usize).is_some_and(|order| order.status == OrderStatus::Working);
        if working {
            self.end(id, OrderStatus::Canceled, OrderReason::CanceledByStrategy);
        }
        working
    }

    /// Aim at a position of `lots`: order the difference to what is held and still working from earlier targets.
    #[inline]
    pub fn target(&mut self, symbol: usize, lots: i64) {
        let difference = lots - self.ledger.lots(symbol);
        match self.working[symbol].target {
            None if difference == 0 => {}
            None => self.send_target(symbol, difference),
            Some(id) => {
                let order = &self.orders[id as usize];
                if difference != order.side.sign() * order.leaves() {
                    self.end(id, OrderStatus::Canceled, OrderReason::ReplacedByTarget);
                    self.counts.replaced += 1;
                    self.send_target(symbol, difference);
                }
            }
        }
    }

    fn send_target(&mut self, symbol: usize, difference: i64) {
        if difference != 0 {
            let side = if difference > 0 { Side::Buy } else { Side::Sell };
            let id = self.send(OrderRequest { symbol, side, qty: difference.abs(), kind: OrderKind::Market, price: Ticks(0) });
            self.working[symbol].target = Some(id).filter(|&id| self.live(id));
        }
    }

    /// Aim at a position worth `weight` of the current equity at the current mark.
    pub fn target_weight(&mut self, symbol: usize, weight: f64) {
        self.target_weight_of(symbol, weight, self.ledger.equity().to_f64());
    }

    /// [`BarEngine::target_weight`] with the equity already at hand.
    #[inline]
    pub(crate) fn target_weight_of(&mut self, symbol: usize, weight: f64, equity: f64) {
        let mark = self.ledger.mark_of(symbol);
        if mark.0 == 0 {
            return;
        }
        let instrument = &self.panel.instruments()[symbol];
        let lots = truncate_lots(weight * equity / (instrument.price(mark) * instrument.lot_size()));
        self.counts.rounded_to_zero += u64::from(lots == 0 && weight != 0.0);
        self.target(symbol, lots);
    }

    fn live(&self, id: u32) -> bool {
        self.orders[id as usize].status == OrderStatus::Working
    }

    fn has_bar(&self, id: u32) -> bool {
        self.panel.has_bar(self.step, self.orders[id as usize].symbol as usize)
    }

    fn meet_open(&mut self) {
        let panel = Arc::clone(&self.panel);
        let Some(opens) = panel.open_row(self.step) else { return };
        for (symbol, &open) in opens.iter().enumerate() {
            if open != 0 {
                self.ledger.mark(symbol, Ticks(open));
            }
        }
        let mut batch = std::mem::take(&mut self.batch);
        batch.clear();
        if self.config.fill == FillTiming::NextOpen {
            self.collect_market(&mut batch, |_| true);
        }
        // Those the open meets leave the books before new ones enter: our own bids and asks must never meet each other.
        if self.n_resting > 0 {
            for (symbol, &open) in opens.iter().enumerate().filter(|&(_, &open)| open != 0) {
                self.collect_gapped(symbol, Ticks(open), &mut batch);
            }
        }
        self.collect_arriving(&mut batch, opens);
        self.execute_batch(&mut batch, FillTime::Open, |order| Ticks(opens[order.symbol as usize]));
        self.batch = batch;
    }

    fn meet_close(&mut self, ready: impl Fn(&OrderRecord) -> bool) {
        let panel = Arc::clone(&self.panel);
        let closes = panel.close_row(self.step);
        let mut batch = std::mem::take(&mut self.batch);
        batch.clear();
        self.collect_market(&mut batch, ready);
        self.execute_batch(&mut batch, FillTime::Close, |order| Ticks(closes[order.symbol as usize]));
        self.batch = batch;
    }

    /// Move the market orders that can fill now into the batch.
    fn collect_market(&mut self, batch: &mut Vec<u32>, ready: impl Fn(&OrderRecord) -> bool) {
        let mut market = std::mem::take(&mut self.market);
        market.retain(|&id| {
            if !self.live(id) {
                return false;
            }
            let take = self.has_bar(id) && ready(&self.orders[id as usize]);
            if take {
                batch.push(id);
            }
            !take
        });
        self.market = market;
    }

    /// Arriving limits and stops meet their first price: the met ones join the batch, the others rest.
    fn collect_arriving(&mut self, batch: &mut Vec<u32>, opens: &[i64]) {
        let mut arriving = std::mem::take(&mut self.arriving);
        arriving.retain(|&id| {
            if !self.live(id) {
                return false;
            }
            if !self.has_bar(id) {
                return true;
            }
            let order = self.orders[id as usize];
            let open = Ticks(opens[order.symbol as usize]);
            if met_at(&order, open) {
                batch.push(id);
            } else {
                self.rest(id);
            }
            false
        });
        self.arriving = arriving;
    }

    /// Resting orders whose price the open jumped over leave their queues and join the batch.
    fn collect_gapped(&mut self, symbol: usize, open: Ticks, batch: &mut Vec<u32>) {
        for side in [Side::Buy, Side::Sell] {
            while let Some(first) = self.working[symbol].book.first(side).filter(|first| side.accepts(first.price, open)) {
                self.working[symbol].book.cancel(first.id, &mut self.events);
                self.events.clear();
                self.n_resting -= 1;
                batch.push(first.id.0 as u32);
            }
        }
        let orders = &self.orders;
        let before = self.working[symbol].stops.len();
        self.working[symbol].stops.retain(|&id| {
            let met = met_at(&orders[id as usize], open);
            if met {
                batch.push(id);
            }
            !met
        });
        self.n_resting -= before - self.working[symbol].stops.len();
    }

    fn meet_range(&mut self) {
        let panel = Arc::clone(&self.panel);
        if !self.arriving.is_empty() {
            // Sent since the open of this very step: the open is the price of the moment.
            let Some(opens) = panel.open_row(self.step) else { return };
            let mut batch = std::mem::take(&mut self.batch);
            batch.clear();
            self.collect_arriving(&mut batch, opens);
            self.execute_batch(&mut batch, FillTime::Open, |order| Ticks(opens[order.symbol as usize]));
            self.batch = batch;
        }
        if self.n_resting == 0 {
            return;
        }
        for symbol in 0..panel.n_symbols() {
            if !panel.has_bar(self.step, symbol) {
                continue;
            }
            let Some([_, high, low]) = panel.open_high_low(self.step, symbol) else { return };
            self.trigger_stops(symbol, high, low);
            let beyond = i64::from(self.config.limit_fill == LimitFill::Through);
            self.sweep(symbol, Side::Buy, Ticks(low.0 + beyond));
            self.sweep(symbol, Side::Sell, Ticks(high.0 - beyond));
        }
    }

    /// Stops whose price lies in the bar's range fill at it.
    fn trigger_stops(&mut self, symbol: usize, high: Ticks, low: Ticks) {
        let orders = &self.orders;
        let mut triggered = Vec::new();
        self.working[symbol].stops.retain(|&id| {
            let order = &orders[id as usize];
            let hit = match order.side {
                Side::Buy => order.price <= high,
                Side::Sell => order.price >= low,
            };
            if hit {
                triggered.push(id);
            }
            !hit
        });
        self.n_resting -= triggered.len();
        for id in triggered {
            self.execute(id, self.orders[id as usize].price, FillTime::Inside);
        }
    }

    /// The market trades down to `reach` through our bids, or up to it through our asks, one resting order after the other.
    fn sweep(&mut self, symbol: usize, side: Side, reach: Ticks) {
        while let Some(first) = self.working[symbol].book.first(side) {
            if !side.accepts(first.price, reach) {
                break;
            }
            let id = first.id.0 as u32;
            let before = self.orders[id as usize].filled;
            self.execute(id, first.price, FillTime::Inside);
            if self.live(id) && self.orders[id as usize].filled == before {
                // The volume of this bar is used up.
                break;
            }
        }
    }

    /// Put a limit or stop order into its queue.
    fn rest(&mut self, id: u32) {
        let order = self.orders[id as usize];
        let working = &mut self.working[order.symbol as usize];
        self.n_resting += 1;
        if order.kind == OrderKind::Stop {
            working.stops.push(id);
            return;
        }
        let limit = LimitOrder { id: OrderId(u64::from(id)), side: order.side, price: order.price, qty: Qty(order.leaves()) };
        working.book.submit_limit(limit, &mut self.events);
        debug_assert_eq!(self.events.len(), 1, "our resting orders never cross: what the market meets has left the book");
        self.events.clear();
    }

    /// End a working order that is not filled whole, wherever it waits.
    fn end(&mut self, id: u32, status: OrderStatus, reason: OrderReason) {
        let step = self.step as u32;
        let order = &mut self.orders[id as usize];
        order.status = status;
        order.reason = reason;
        order.step_closed = step;
        let working = &mut self.working[order.symbol as usize];
        working.target.take_if(|target| *target == id);
        // The market and arriving lists pass over ended orders when they next look; queues must not hold any.
        match order.kind {
            OrderKind::Market => {}
            OrderKind::Limit => {
                if working.book.order(OrderId(u64::from(id))).is_some() {
                    working.book.cancel(OrderId(u64::from(id)), &mut self.events);
                    self.events.clear();
                    self.n_resting -= 1;
                }
            }
            OrderKind::Stop => {
                if let Some(at) = working.stops.iter().position(|&stop| stop == id) {
                    working.stops.remove(at);
                    self.n_resting -= 1;
                }
            }
        }
    }

    /// Fill a batch in the order sent, except that what only reduces a position goes first.
    #[inline]
    fn execute_batch(&mut self, batch: &mut [u32], time: FillTime, price: impl Fn(&OrderRecord) -> Ticks) {
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
    fn execute(&mut self, id: u32, met: Ticks, time: FillTime) {
        let order = self.orders[id as usize];
        let symbol = order.symbol as usize;
        let resting = order.kind == OrderKind::Limit && time == FillTime::Inside;
        let price = if order.kind == OrderKind::Limit { met } else { self.config.slippage.apply(order.side, met) };

        let wanted = order.leaves().min(self.volume_left(symbol));
        self.counts.volume_limited += u64::from(wanted < order.leaves());
        let commission = self.commission(symbol, wanted, price);
        let allowed = self.affordable(symbol, order.side, wanted, price, commission);
        let refused = allowed < wanted;
        let qty = if refused && self.config.on_insufficient_cash == OnInsufficientCash::Reject { 0 } else { allowed };
        if qty > 0 {
            let commission = if qty == wanted { commission } else { self.commission(symbol, qty, price) };
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
                OrderKind::Market => self.market.push(id),
                OrderKind::Stop => {
                    self.orders[id as usize].kind = OrderKind::Market;
                    self.market.push(id);
                }
            }
        }
    }

    fn fill(&mut self, fill: FillRecord, met: Ticks, commission: Money) {
        let FillRecord { order: id, step, maker, qty, price, .. } = fill;
        let order = &mut self.orders[id as usize];
        let symbol = order.symbol as usize;
        if maker {
            let contra = MarketOrder { id: MARKET, side: order.side.opposite(), qty: Qty(qty) };
            self.working[symbol].book.submit_market(contra, &mut self.events);
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
        self.ledger.fill(symbol, lots, price, met, commission);
    }

    /// How much of `qty` the buying power allows: all of what reduces the position, and of the rest what keeps gross exposure within
    /// leverage × equity.
    fn affordable(&self, symbol: usize, side: Side, qty: i64, price: Ticks, commission: Money) -> i64 {
        let Some(leverage) = self.config.max_leverage else { return qty };
        let held = self.ledger.lots(symbol);
        let closing = if held * side.sign() < 0 { qty.min(held.abs()) } else { 0 };
        let opening = qty - closing;
        if opening == 0 || self.fits(symbol, side, qty, closing, price, leverage, commission) {
            return qty;
        }
        // The rule holds for what closes and fails for all of it: halve the range in between.
        let (mut holds, mut fails) = (closing, qty);
        while fails - holds > 1 {
            let middle = i64::midpoint(holds, fails);
            if self.fits(symbol, side, middle, closing, price, leverage, self.commission(symbol, middle, price)) {
                holds = middle;
            } else {
                fails = middle;
            }
        }
        holds
    }

    /// Whether gross exposure stays within leverage × equity after a fill of `qty`, of which `closing` reduces the position.
    #[allow(clippy::too_many_arguments)]
    fn fits(&self, symbol: usize, side: Side, qty: i64, closing: i64, price: Ticks, leverage: f64, commission: Money) -> bool {
        let (unit, mark) = (self.panel.instruments()[symbol].tick_lot_value().0, self.ledger.mark_of(symbol));
        let worse = i128::from(side.sign() * (price.0 - mark.0)) * i128::from(qty) * unit;
        let equity = Money(self.ledger.equity().0 - worse) - commission;
        let gross = self.ledger.gross().0 + i128::from(qty - 2 * closing) * i128::from(mark.0) * unit;
        gross <= levered(equity.0, leverage)
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

/// Whether the order's price is met when the market stands at `price`.
fn met_at(order: &OrderRecord, price: Ticks) -> bool {
    match order.kind {
        OrderKind::Market => true,
        OrderKind::Limit => order.side.accepts(order.price, price),
        // A stop waits for the price to come up to it (buy) or down to it (sell).
        OrderKind::Stop => order.side.opposite().accepts(order.price, price),
    }
}
