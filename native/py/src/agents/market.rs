//! `AgentMarket`: a market of participants that Python drives, step by step.

use std::path::PathBuf;

use numpy::PyArray1;
use omni_sim::agents::{MarketConfig, ParticipantConfig};
use omni_sim::ticks::{Order, Quoter, Stopped};
use omni_types::{AccountId, InstrumentId, NewOrder, OrderType, PostOnly, Qty, Side, Ticks, TimeInForce};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::terms::Wanted;
use super::{settings, tables};
use crate::errors::{Facts, Refusal};
use crate::feed::table;
use crate::models;
use crate::ticks::{settings as shared, tables as columns};

/// Commands of the venue between two looks at Ctrl-C and two reports of progress.
const COMMANDS_PER_BREATH: u64 = 1 << 17;

#[pyclass(subclass, module = "omni_lab._native")]
pub(crate) struct AgentMarket {
    market: omni_sim::agents::AgentMarket,
}

type Quote = (i64, i64, i64, i64);
type Argument<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

impl AgentMarket {
    fn order(&self, py: Python<'_>, number: u32) -> PyResult<&Order> {
        let orders = self.market.orders();
        orders.get(number as usize).ok_or_else(|| {
            Facts::new("DataError", "there is no such order").found(number).expected(&format!("below {}", orders.len())).raise(py)
        })
    }

    /// A market whose journal failed has stopped, and says why.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        let Some(error) = self.market.failure() else { return Ok(()) };
        Err(Facts::new("JournalError", format!("the market has stopped: {error}")).raise(py))
    }
}

fn check_instrument(py: Python<'_>, instrument: u16) -> PyResult<()> {
    if instrument == 0 {
        return Ok(());
    }
    let what = "there is no such instrument in the market";
    Err(Facts::new("UnknownSymbolError", what).found(instrument).expected("0: there is one").raise(py))
}

fn report(py: Python<'_>, progress: Argument<'_, '_>, market: &omni_sim::agents::AgentMarket) -> PyResult<()> {
    py.check_signals()?;
    progress.map_or(Ok(()), |progress| progress.call1((market.n_heard(),)).map(drop))
}

#[pymethods]
impl AgentMarket {
    #[new]
    #[pyo3(signature = (participants, *, start_ns, start_ticks, value, cash, tick_value, latency, feed_delay_ns, limits, seed,
                        sample_every_ns, keep_events, journal, fees=None))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        participants: Vec<Bound<'_, PyDict>>,
        start_ns: i64,
        start_ticks: i64,
        value: &Bound<'_, PyDict>,
        cash: f64,
        tick_value: f64,
        latency: &Bound<'_, PyDict>,
        feed_delay_ns: i64,
        limits: Option<&Bound<'_, PyDict>>,
        seed: u64,
        sample_every_ns: i64,
        keep_events: bool,
        journal: Option<PathBuf>,
        fees: Argument<'_, '_>,
    ) -> PyResult<Self> {
        let participants: Vec<_> = participants.iter().map(settings::participant).collect::<PyResult<_>>()?;
        let names: Vec<_> = participants.iter().map(ParticipantConfig::name).collect();
        let config = MarketConfig {
            start: start_ns,
            start_ticks,
            value: settings::value(value)?,
            participants,
            cash: shared::money(py, "cash", cash)?,
            contract: shared::contract(py, tick_value, None, 1.0)?,
            latency: shared::latency(latency)?,
            feed_delay: feed_delay_ns,
            fees: fees.map(models::fees).transpose()?,
            limits: limits.map(shared::limits).transpose()?.unwrap_or_default(),
            seed,
            sample_every: sample_every_ns,
            keeps_events: keep_events,
            journal,
        };
        let market = omni_sim::agents::AgentMarket::new(config).map_err(|error| settings::refuse(py, error, &names))?;
        Ok(Self { market })
    }

    #[getter]
    fn now(&self) -> i64 {
        self.market.now()
    }

    #[getter]
    fn n_heard(&self) -> usize {
        self.market.n_heard()
    }

    /// Commands that the venue has carried out.
    #[getter]
    fn n_commands(&self) -> u64 {
        self.market.n_commands()
    }

    #[getter]
    fn is_over(&self) -> bool {
        self.market.is_over()
    }

    #[getter]
    fn lots(&self) -> i64 {
        self.market.account().lots(0)
    }

    /// Best bid, ticks; 0 for none.
    #[getter]
    fn bid_ticks(&self) -> i64 {
        self.market.depth().best_bid().unwrap_or(0)
    }

    #[getter]
    fn ask_ticks(&self) -> i64 {
        self.market.depth().best_ask().unwrap_or(0)
    }

    #[getter]
    fn cash(&self) -> f64 {
        self.market.cash().to_f64()
    }

    #[getter]
    fn fees(&self) -> f64 {
        self.market.account().fees().to_f64()
    }

    #[getter]
    fn equity(&self) -> f64 {
        self.market.equity().to_f64()
    }

    #[getter]
    fn traded_value(&self) -> f64 {
        self.market.account().traded().to_f64()
    }

    #[getter]
    fn traded_lots(&self) -> i64 {
        self.market.account().lots_traded()
    }

    #[getter]
    fn n_fills(&self) -> u64 {
        self.market.account().n_fills()
    }

    #[getter]
    fn n_orders(&self) -> usize {
        self.market.orders().len()
    }

    fn lots_of(&self, py: Python<'_>, instrument: u16) -> PyResult<i64> {
        check_instrument(py, instrument)?;
        Ok(self.market.account().lots(instrument))
    }

    fn average_price_ticks(&self, py: Python<'_>, instrument: u16) -> PyResult<f64> {
        check_instrument(py, instrument)?;
        Ok(self.market.account().average_price(instrument))
    }

    fn quote(&self, py: Python<'_>, instrument: u16) -> PyResult<Quote> {
        check_instrument(py, instrument)?;
        let depth = self.market.depth();
        let (bid, ask) = (depth.best_bid().unwrap_or(0), depth.best_ask().unwrap_or(0));
        Ok((bid, depth.best_bid_qty(), ask, depth.best_ask_qty()))
    }

    fn levels<'py>(&self, py: Python<'py>, instrument: u16, n_levels: usize) -> PyResult<[Bound<'py, PyArray1<i64>>; 4]> {
        check_instrument(py, instrument)?;
        let depth = self.market.depth();
        let (bid_prices, bid_lots): (Vec<_>, Vec<_>) = depth.bids().take(n_levels).unzip();
        let (ask_prices, ask_lots): (Vec<_>, Vec<_>) = depth.asks().take(n_levels).unzip();
        Ok([bid_prices, bid_lots, ask_prices, ask_lots].map(|column| PyArray1::from_vec(py, column)))
    }

    fn lots_at(&self, py: Python<'_>, instrument: u16, is_bid: bool, price: i64) -> PyResult<i64> {
        check_instrument(py, instrument)?;
        let depth = self.market.depth();
        Ok(if is_bid { depth.bid_qty(price) } else { depth.ask_qty(price) })
    }

    fn last_trade(&self, py: Python<'_>, instrument: u16) -> PyResult<(i64, i64, u8)> {
        check_instrument(py, instrument)?;
        let trade = self.market.last_trade();
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
        check_instrument(py, instrument)?;
        if qty <= 0 || (kind == 1 && price <= 0) || qty > omni_types::LARGEST || price > omni_types::LARGEST {
            return Err(Facts::new("ConfigError", "an order needs a positive number of lots, and a limit a positive price")
                .found(format!("{qty} lots at {price} ticks"))
                .raise(py));
        }
        let side = if is_buy { Side::Buy } else { Side::Sell };
        let (account, instrument) = (AccountId(0), InstrumentId(0));
        let is_market = kind == 0;
        let plain = NewOrder::limit(account, instrument, side, Qty(qty), Ticks(if is_market { 0 } else { price }));
        let order_type = if is_market { OrderType::Market } else { OrderType::Limit };
        let (time_in_force, post_only) = match time_in_force {
            2 => (TimeInForce::Fok, PostOnly::No),
            _ if is_market => (TimeInForce::Ioc, PostOnly::No),
            0 => (TimeInForce::Gtc, PostOnly::No),
            1 => (TimeInForce::Ioc, PostOnly::No),
            _ => (TimeInForce::Gtc, PostOnly::Reject),
        };
        Ok(self.market.submit(&NewOrder { order_type, time_in_force, post_only, ..plain }))
    }

    #[pyo3(signature = (side, qty, price=0, *, order_type=None, time_in_force=None, self_trade=None, post_only=None, stop_price=0, trail=0,
                        trail_bps=0, trigger=None, peg=None, peg_offset=0, display_qty=None, min_qty=0, all_or_none=false, expire_at=0))]
    #[allow(clippy::too_many_arguments)]
    fn submit(
        &mut self,
        side: &Bound<'_, PyAny>,
        qty: i64,
        price: i64,
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
        Ok(self.market.submit(&wanted.read()?))
    }

    fn cancel(&mut self, number: u32) -> bool {
        self.market.cancel(number)
    }

    #[pyo3(signature = (number, price, qty, stop_price=0))]
    fn replace(&mut self, py: Python<'_>, number: u32, price: i64, qty: i64, stop_price: i64) -> PyResult<bool> {
        let prices = [price, stop_price];
        if qty <= 0 || qty > omni_types::LARGEST || prices.iter().any(|&price| !(0..=omni_types::LARGEST).contains(&price)) {
            return Err(Facts::new("ConfigError", "a replacement needs a price, or 0 to keep it, and a positive number of lots")
                .found(format!("{qty} lots at {price} ticks"))
                .raise(py));
        }
        Ok(self.market.replace(number, price, qty, stop_price))
    }

    /// Status, filled lots, price, total lots, whether a request is on its way.
    fn order_state(&self, py: Python<'_>, number: u32) -> PyResult<(u8, i64, i64, i64, bool)> {
        let order = self.order(py, number)?;
        Ok((order.status as u8, order.filled, order.price, order.qty, order.n_pending > 0))
    }

    fn order_reason(&self, py: Python<'_>, number: u32) -> PyResult<u16> {
        Ok(self.order(py, number)?.reason)
    }

    fn ahead(&self, number: u32) -> Option<f64> {
        self.market.ahead(number).map(|lots| lots as f64)
    }

    fn working(&self) -> Vec<u32> {
        self.market.working().to_vec()
    }

    #[pyo3(signature = (until, progress=None))]
    fn advance(&mut self, py: Python<'_>, until: i64, progress: Argument<'_, '_>) -> PyResult<bool> {
        loop {
            let market = &mut self.market;
            if let Some(stopped) = py.detach(|| market.advance_within(until, 0, COMMANDS_PER_BREATH)) {
                self.check(py)?;
                return Ok(stopped != Stopped::End);
            }
            report(py, progress, &self.market)?;
        }
    }

    fn advance_to_next(&mut self, py: Python<'_>, until: i64, wake: u8) -> PyResult<(u8, u8, u16)> {
        loop {
            match self.market.advance_within(until, wake, COMMANDS_PER_BREATH) {
                None => py.check_signals()?,
                Some(Stopped::End) => {
                    self.check(py)?;
                    return Ok((0, 0, 0));
                }
                Some(Stopped::Time) => return Ok((1, 0, 0)),
                Some(Stopped::Feed { what, instrument }) => return Ok((2, what, instrument)),
                Some(Stopped::Orders) => return Ok((3, 0, 0)),
            }
        }
    }

    /// What was heard of orders since the last call: order, kind, lots, ticks, maker, fee, venue's time.
    fn take_notices(&mut self) -> Vec<columns::NoticeRow> {
        self.market.take_notices().into_iter().map(columns::notice_row).collect()
    }

    #[pyo3(signature = (settings, until, progress=None))]
    fn run_quoter(
        &mut self,
        py: Python<'_>,
        settings: &Bound<'_, PyDict>,
        until: i64,
        progress: Argument<'_, '_>,
    ) -> PyResult<u64> {
        let config = shared::quoter(settings)?;
        check_instrument(py, config.instrument)?;
        let mut quoter = Quoter::new(config);
        let mut stride = config.interval;
        while self.market.now() < until {
            let (pause, before) = (self.market.now().saturating_add(stride).min(until), self.market.n_commands());
            let market = &mut self.market;
            if !py.detach(|| quoter.run(market, pause)) {
                self.check(py)?;
                break;
            }
            // As long as a breath lasts, whatever happens in the market.
            let is_short = self.market.n_commands() - before < COMMANDS_PER_BREATH / 2;
            stride = if is_short { stride.saturating_mul(2) } else { (stride / 2).max(1) };
            report(py, progress, &self.market)?;
        }
        Ok(quoter.n_looks())
    }

    fn finish(&mut self) {
        self.market.finish();
    }

    /// Hand the journal over to the operating system.
    fn commit(&mut self, py: Python<'_>) -> PyResult<()> {
        self.market.commit().map_err(|error| Refusal::from(error).raise(py))
    }

    fn orders<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        tables::orders(py, &self.market)
    }

    fn messages<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        columns::message_table(py, &self.market.recorder().messages)
    }

    fn samples<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        columns::sample_table(py, &self.market.recorder().samples)
    }

    fn events<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let events = self.market.events().cloned();
        let events = events.ok_or_else(|| {
            let facts = Facts::new("ConfigError", "this market keeps no events").found("keep_events=False");
            facts.hint("Make it with keep_events=True.").raise(py)
        })?;
        table(py, events)
    }

    fn accounts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        tables::accounts(py, &self.market)
    }

    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        tables::values(py, &self.market)
    }

    /// Rules of the participants, by place.
    fn names(&self) -> Vec<&'static str> {
        self.market.names().to_vec()
    }

    fn counts(&self, participant: usize) -> Vec<u64> {
        self.market.counts(participant)
    }
}
