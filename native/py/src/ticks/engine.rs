//! `TickEngine`: a replay that Python drives, step by step.

use std::sync::Arc;

use numpy::PyArray1;
use omni_sim::Models;
use omni_sim::ticks::{FillModel, Instructions, NewTickOrder, Order, OrderType, Quoter, Stopped, TickConfig, TimeInForce};
use omni_types::Side;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::feed::TickFeed;
use super::{settings, tables};
use crate::agents::terms::Wanted;
use crate::errors::Facts;
use crate::models;

/// Steps of the market between two looks at Ctrl-C and two reports of progress.
const STEPS_PER_BREATH: usize = 1 << 18;

#[pyclass(subclass, module = "omni_lab._native")]
pub(crate) struct TickEngine {
    /// Apart, because it wants a coarser alignment than the interpreter gives its objects.
    engine: Box<omni_sim::ticks::TickEngine>,
    n_instruments: u16,
}

type Quote = (i64, i64, i64, i64);
type Argument<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

impl TickEngine {
    fn instrument(&self, py: Python<'_>, instrument: u16) -> PyResult<u16> {
        if instrument < self.n_instruments {
            return Ok(instrument);
        }
        let expected = format!("0 to {}", self.n_instruments - 1);
        Err(Facts::new("UnknownSymbolError", "there is no such instrument in the replay")
            .found(instrument)
            .expected(&expected)
            .raise(py))
    }

    fn order(&self, py: Python<'_>, number: u32) -> PyResult<&Order> {
        let orders = self.engine.orders();
        orders.get(number as usize).ok_or_else(|| {
            Facts::new("DataError", "there is no such order").found(number).expected(&format!("below {}", orders.len())).raise(py)
        })
    }

    fn bid(&self, instrument: u16) -> i64 {
        self.engine.depth(instrument).best_bid().unwrap_or(0)
    }

    fn ask(&self, instrument: u16) -> i64 {
        self.engine.depth(instrument).best_ask().unwrap_or(0)
    }

    /// A long way in pieces, so that Ctrl-C and progress have their turn.
    fn travel(
        &mut self,
        py: Python<'_>,
        until: i64,
        progress: Option<&Bound<'_, PyAny>>,
        mut go: impl FnMut(&mut omni_sim::ticks::TickEngine, i64) -> bool + Send,
    ) -> PyResult<bool> {
        while let Some(pause) = self.engine.halfway(STEPS_PER_BREATH, until) {
            let engine = self.engine.as_mut();
            if !py.detach(|| go(engine, pause)) {
                return Ok(false);
            }
            py.check_signals()?;
            if let Some(progress) = progress {
                progress.call1((self.engine.n_heard(),))?;
            }
        }
        Ok(go(&mut self.engine, until))
    }
}

#[pymethods]
impl TickEngine {
    #[new]
    #[pyo3(signature = (feed, *, cash, tick_values, latency, queue, power, partial_fills, limits, seed, sample_every_ns,
                        lot_sizes=None, tick_size=None, models=None, tick=1))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        feed: &TickFeed,
        cash: f64,
        tick_values: Vec<f64>,
        latency: &Bound<'_, PyDict>,
        queue: &str,
        power: f64,
        partial_fills: bool,
        limits: Option<&Bound<'_, PyDict>>,
        seed: u64,
        sample_every_ns: i64,
        lot_sizes: Option<Vec<f64>>,
        tick_size: Option<f64>,
        models: Option<&Bound<'_, PyDict>>,
        tick: i64,
    ) -> PyResult<Self> {
        let queue = settings::queue(py, queue, power)?;
        if queue == omni_sim::ticks::QueueModel::Exact && !feed.feed.names_orders() {
            return Err(Facts::new(
                "ConfigError",
                "the exact queue needs a feed that names orders, and this one knows levels only",
            )
            .found("queue='exact'")
            .hint("Use queue='conservative' or a probability model.")
            .raise(py));
        }
        if !(1..=omni_types::LARGEST).contains(&tick) {
            return Err(Facts::new("ConfigError", "tick cannot be used")
                .found(tick)
                .expected("1 or more units of price")
                .raise(py));
        }
        let n_instruments = feed.feed.instruments().len();
        if tick_values.len() != n_instruments {
            return Err(Facts::new("ShapeError", "each instrument needs one tick value")
                .found(tick_values.len())
                .expected(&n_instruments.to_string())
                .raise(py));
        }
        let lot_sizes = lot_sizes.unwrap_or_else(|| vec![1.0; n_instruments]);
        if lot_sizes.len() != n_instruments {
            return Err(Facts::new("ShapeError", "each instrument needs one lot size")
                .found(lot_sizes.len())
                .expected(&n_instruments.to_string())
                .raise(py));
        }
        let contracts = tick_values.iter().zip(&lot_sizes).map(|(&value, &lot)| settings::contract(py, value, tick_size, lot));
        let config = TickConfig {
            cash: settings::money(py, "cash", cash)?,
            contracts: contracts.collect::<PyResult<_>>()?,
            latency: settings::latency(latency)?,
            queue,
            fills: if partial_fills { FillModel::Partial } else { FillModel::Whole },
            models: models.map_or_else(|| Ok(Models::default()), |given| models::models(given, n_instruments))?,
            limits: limits.map(settings::limits).transpose()?,
            tick,
            seed,
            sample_every: sample_every_ns,
        };
        let engine = Box::new(omni_sim::ticks::TickEngine::new(Arc::clone(&feed.feed), config));
        Ok(Self { engine, n_instruments: n_instruments as u16 })
    }

    #[getter]
    fn now(&self) -> i64 {
        self.engine.now()
    }

    #[getter]
    fn n_heard(&self) -> usize {
        self.engine.n_heard()
    }

    #[getter]
    fn is_over(&self) -> bool {
        self.engine.is_over()
    }

    /// Lots of the first instrument.
    #[getter]
    fn lots(&self) -> i64 {
        self.engine.account().lots(0)
    }

    /// Best bid of the first instrument, ticks; 0 for none.
    #[getter]
    fn bid_ticks(&self) -> i64 {
        self.bid(0)
    }

    #[getter]
    fn ask_ticks(&self) -> i64 {
        self.ask(0)
    }

    #[getter]
    fn cash(&self) -> f64 {
        self.engine.cash().to_f64()
    }

    #[getter]
    fn fees(&self) -> f64 {
        self.engine.account().fees().to_f64()
    }

    #[getter]
    fn impact(&self) -> f64 {
        self.engine.account().impact().to_f64()
    }

    #[getter]
    fn realised(&self) -> f64 {
        self.engine.account().realised().to_f64()
    }

    #[getter]
    fn equity(&self) -> f64 {
        self.engine.equity().to_f64()
    }

    #[getter]
    fn traded_value(&self) -> f64 {
        self.engine.account().traded().to_f64()
    }

    #[getter]
    fn traded_lots(&self) -> i64 {
        self.engine.account().lots_traded()
    }

    #[getter]
    fn n_fills(&self) -> u64 {
        self.engine.account().n_fills()
    }

    #[getter]
    fn n_orders(&self) -> usize {
        self.engine.orders().len()
    }

    fn lots_of(&self, py: Python<'_>, instrument: u16) -> PyResult<i64> {
        Ok(self.engine.account().lots(self.instrument(py, instrument)?))
    }

    fn average_price_ticks(&self, py: Python<'_>, instrument: u16) -> PyResult<f64> {
        Ok(self.engine.account().average_price(self.instrument(py, instrument)?))
    }

    fn quote(&self, py: Python<'_>, instrument: u16) -> PyResult<Quote> {
        let depth = self.engine.depth(self.instrument(py, instrument)?);
        let (bid, ask) = (depth.best_bid().unwrap_or(0), depth.best_ask().unwrap_or(0));
        Ok((bid, depth.best_bid_qty(), ask, depth.best_ask_qty()))
    }

    fn levels<'py>(&self, py: Python<'py>, instrument: u16, n_levels: usize) -> PyResult<[Bound<'py, PyArray1<i64>>; 4]> {
        let depth = self.engine.depth(self.instrument(py, instrument)?);
        let (bid_prices, bid_lots): (Vec<_>, Vec<_>) = depth.bids().take(n_levels).unzip();
        let (ask_prices, ask_lots): (Vec<_>, Vec<_>) = depth.asks().take(n_levels).unzip();
        Ok([bid_prices, bid_lots, ask_prices, ask_lots].map(|column| PyArray1::from_vec(py, column)))
    }

    fn lots_at(&self, py: Python<'_>, instrument: u16, is_bid: bool, price: i64) -> PyResult<i64> {
        let depth = self.engine.depth(self.instrument(py, instrument)?);
        Ok(if is_bid { depth.bid_qty(price) } else { depth.ask_qty(price) })
    }

    fn last_trade(&self, py: Python<'_>, instrument: u16) -> PyResult<(i64, i64, u8)> {
        let trade = self.engine.last_trade(self.instrument(py, instrument)?);
        Ok((trade.price, trade.qty, trade.aggressor))
    }

    #[pyo3(signature = (is_buy, price, qty, kind=1, time_in_force=0, instrument=0))]
    #[allow(clippy::too_many_arguments)]
    fn send(
        &mut self,
        py: Python<'_>,
        is_buy: bool,
        price: i64,
        qty: i64,
        kind: u8,
        time_in_force: u8,
        instrument: u16,
    ) -> PyResult<u32> {
        let instrument = self.instrument(py, instrument)?;
        if qty <= 0 || (kind == 1 && price <= 0) || qty > omni_types::LARGEST || price > omni_types::LARGEST {
            return Err(Facts::new("ConfigError", "an order needs a positive number of lots, and a limit a positive price")
                .found(format!("{qty} lots at {price} ticks"))
                .raise(py));
        }
        let refuse = |what: &str, found: u8, expected: &str| {
            Facts::new("ConfigError", format!("there is no such {what}")).found(found).expected(expected).raise(py)
        };
        let kind = match kind {
            0 => OrderType::Market,
            1 => OrderType::Limit,
            _ => return Err(refuse("kind of order", kind, "0 market, 1 limit")),
        };
        let time_in_force = match time_in_force {
            0 => TimeInForce::Gtc,
            1 => TimeInForce::Ioc,
            2 => TimeInForce::Fok,
            3 => TimeInForce::PostOnly,
            _ => return Err(refuse("time in force", time_in_force, "0 GTC, 1 IOC, 2 FOK, 3 post-only")),
        };
        let side = if is_buy { Side::Buy } else { Side::Sell };
        let (instructions, price) = (Instructions::NONE, if kind == OrderType::Market { 0 } else { price });
        Ok(self.engine.submit(&NewTickOrder { instrument, side, kind, time_in_force, price, qty, instructions }))
    }

    #[pyo3(signature = (side, qty, price=0, *, instrument=0, order_type=None, time_in_force=None, self_trade=None, post_only=None,
                        stop_price=0, trail=0, trail_bps=0, trigger=None, peg=None, peg_offset=0, display_qty=None, min_qty=0,
                        all_or_none=false, expire_at=0))]
    #[allow(clippy::too_many_arguments)]
    fn send_order(
        &mut self,
        side: &Bound<'_, PyAny>,
        qty: i64,
        price: i64,
        instrument: u16,
        order_type: Argument<'_, '_>,
        time_in_force: Argument<'_, '_>,
        self_trade: Argument<'_, '_>,
        post_only: Argument<'_, '_>,
        stop_price: i64,
        trail: i64,
        trail_bps: i64,
        trigger: Argument<'_, '_>,
        peg: Argument<'_, '_>,
        peg_offset: i64,
        display_qty: Option<i64>,
        min_qty: i64,
        all_or_none: bool,
        expire_at: i64,
    ) -> PyResult<u32> {
        let wanted = Wanted {
            side,
            qty,
            price,
            order_type,
            time_in_force,
            self_trade,
            post_only,
            stop_price,
            trail,
            trail_bps,
            trigger,
            peg,
            peg_offset,
            display_qty: display_qty.unwrap_or(omni_types::DISPLAY_ALL.0),
            min_qty,
            all_or_none,
            expire_at,
        };
        let instrument = self.instrument(side.py(), instrument)?;
        let is_number = |number: i64| (0..=omni_types::LARGEST).contains(&number);
        if qty == 0 || ![qty, price, stop_price, trail, trail_bps, min_qty].into_iter().all(is_number) {
            return Err(Facts::new("ConfigError", "an order needs a positive number of lots, and no number below 0")
                .found(format!("{qty} lots at {price} ticks"))
                .raise(side.py()));
        }
        Ok(self.engine.submit(&NewTickOrder::of(&wanted.read()?, instrument)))
    }

    fn cancel(&mut self, number: u32) -> bool {
        self.engine.cancel(number)
    }

    #[pyo3(signature = (number, price, qty, stop_price=0))]
    fn replace(&mut self, py: Python<'_>, number: u32, price: i64, qty: i64, stop_price: i64) -> PyResult<bool> {
        let is_price = |price: i64| (0..=omni_types::LARGEST).contains(&price);
        if !is_price(price) || !is_price(stop_price) || !(1..=omni_types::LARGEST).contains(&qty) {
            return Err(Facts::new("ConfigError", "a replacement needs a price, or 0 to keep it, and a positive number of lots")
                .found(format!("{qty} lots at {price} ticks"))
                .raise(py));
        }
        Ok(self.engine.replace(number, price, qty, stop_price))
    }

    /// Status, filled lots, price, total lots, whether a request is on its way.
    fn order_state(&self, py: Python<'_>, number: u32) -> PyResult<(u8, i64, i64, i64, bool)> {
        let order = self.order(py, number)?;
        Ok((order.status as u8, order.filled, order.price, order.qty, order.n_pending > 0))
    }

    fn order_reason(&self, py: Python<'_>, number: u32) -> PyResult<u16> {
        Ok(self.order(py, number)?.reason)
    }

    /// What decides its price: 0 market, 1 limit, 2 stop, 3 stop-limit, 4 trailing stop, 5 pegged.
    fn order_kind(&self, py: Python<'_>, number: u32) -> PyResult<u8> {
        Ok(self.order(py, number)?.kind as u8)
    }

    fn instrument_of(&self, py: Python<'_>, number: u32) -> PyResult<u16> {
        Ok(self.order(py, number)?.instrument)
    }

    fn is_buy(&self, py: Python<'_>, number: u32) -> PyResult<bool> {
        Ok(self.order(py, number)?.side == Side::Buy)
    }

    fn ahead(&self, number: u32) -> Option<f64> {
        self.engine.ahead(number)
    }

    /// Numbers of the orders that have not ended.
    fn working(&self) -> Vec<u32> {
        self.engine.working().to_vec()
    }

    #[pyo3(signature = (until, progress=None))]
    fn advance(&mut self, py: Python<'_>, until: i64, progress: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        self.travel(py, until, progress, |engine, until| engine.advance(until, 0) != Stopped::End)
    }

    fn advance_to_next(&mut self, until: i64, wake: u8) -> (u8, u8, u16) {
        match self.engine.advance(until, wake) {
            Stopped::End => (0, 0, 0),
            Stopped::Time => (1, 0, 0),
            Stopped::Feed { what, instrument } => (2, what, instrument),
            Stopped::Orders => (3, 0, 0),
        }
    }

    /// What was heard of orders since the last call: order, kind, lots, ticks, maker, fee, venue's time.
    fn take_notices(&mut self) -> Vec<tables::NoticeRow> {
        self.engine.take_notices().into_iter().map(tables::notice_row).collect()
    }

    #[pyo3(signature = (settings, until, progress=None))]
    fn run_quoter(
        &mut self,
        py: Python<'_>,
        settings: &Bound<'_, PyDict>,
        until: i64,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        let config = settings::quoter(settings)?;
        self.instrument(py, config.instrument)?;
        let mut quoter = Quoter::new(config);
        self.travel(py, until, progress, |engine, until| quoter.run(engine, until))?;
        Ok(quoter.n_looks())
    }

    fn finish(&mut self) {
        self.engine.finish();
    }

    fn orders<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        tables::orders(py, &self.engine)
    }

    fn order_terms<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        tables::terms(py, self.engine.instructions())
    }

    fn messages<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        tables::messages(py, &self.engine)
    }

    fn flows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        tables::flows(py, &self.engine)
    }

    /// What fills of orders that took had met, by the row of their message.
    fn met<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        tables::met(py, &self.engine)
    }

    fn samples<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        tables::samples(py, &self.engine)
    }
}
