//! `BarEngine`: one backtest, driven by a target array or by a strategy's callbacks, read back as columns.

use std::collections::HashMap;
use std::sync::Arc;

use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use omni_sim::{
    Commission, FillTiming, LimitFill, OnInsufficientCash, SimConfig, Slippage, TargetKind, check_targets, return_stats,
    run_targets,
};
use omni_types::Money;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::bars::Bars;
use crate::columns::Columns;
use crate::errors::{Facts, target_error};
use crate::models;
use crate::strategy::{Callbacks, drive};

/// Steps between two looks at Ctrl-C and two reports of progress.
const STEPS_PER_BREATH: usize = 1 << 15;

#[pyclass(module = "omni_lab._native")]
pub(crate) struct BarEngine {
    engine: Option<omni_sim::BarEngine>,
    initial_capital: f64,
    /// The equity curve, once Python has asked for it; the engine then no longer holds it.
    equity: Option<Py<PyArray1<f64>>>,
}

fn choice<T: Copy>(py: Python<'_>, name: &str, found: &str, choices: &[(&str, T)]) -> PyResult<T> {
    choices.iter().find(|(choice, _)| *choice == found).map(|&(_, value)| value).ok_or_else(|| {
        let expected = choices.iter().map(|(choice, _)| *choice).collect::<Vec<_>>().join(", ");
        Facts::new("ConfigError", format!("unknown {name}")).found(found).expected(&expected).raise(py)
    })
}

fn flags<E>(values: impl Iterator<Item = E>, code: impl Fn(E) -> u8) -> impl Iterator<Item = u8> {
    values.map(code)
}

impl BarEngine {
    fn engine(&self, py: Python<'_>) -> PyResult<&omni_sim::BarEngine> {
        self.engine.as_ref().ok_or_else(|| busy(py))
    }
}

fn busy(py: Python<'_>) -> PyErr {
    Facts::new("ConfigError", "the engine is running a strategy").hint("Read its results after the run.").raise(py)
}

/// Look for Ctrl-C and report how far the run has come.
pub(crate) fn breathe(py: Python<'_>, progress: Option<&Bound<'_, PyAny>>, steps_done: usize) -> PyResult<()> {
    py.check_signals()?;
    progress.map_or(Ok(()), |progress| progress.call1((steps_done,)).map(drop))
}

#[pymethods]
impl BarEngine {
    #[new]
    #[pyo3(signature = (bars, *, initial_capital, fill, limit_fill, commission_rate, commission_per_share, slippage_bps, slippage_ticks,
                        max_leverage, on_insufficient_cash, volume_limit, models=None, limits=None, sessions=None))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        bars: &Bars,
        initial_capital: f64,
        fill: &str,
        limit_fill: &str,
        commission_rate: f64,
        commission_per_share: f64,
        slippage_bps: f64,
        slippage_ticks: i64,
        max_leverage: Option<f64>,
        on_insufficient_cash: &str,
        volume_limit: Option<f64>,
        models: Option<&Bound<'_, PyDict>>,
        limits: Option<&Bound<'_, PyAny>>,
        sessions: Option<PyReadonlyArray1<'_, i64>>,
    ) -> PyResult<Self> {
        let capital = Money::from_f64(initial_capital).filter(|capital| capital.0 > 0).ok_or_else(|| {
            Facts::new("ConfigError", "initial_capital cannot be used")
                .found(initial_capital)
                .expected("a number > 0 and ≤ 1e19")
                .raise(py)
        })?;
        let config = SimConfig {
            initial_capital: capital,
            fill: choice(
                py,
                "fill",
                fill,
                &[
                    ("next_open", FillTiming::NextOpen),
                    ("this_close", FillTiming::ThisClose),
                    ("next_close", FillTiming::NextClose),
                ],
            )?,
            limit_fill: choice(py, "limit_fill", limit_fill, &[("touch", LimitFill::Touch), ("through", LimitFill::Through)])?,
            commission: Commission { rate: commission_rate, per_share: commission_per_share, per_fill: 0.0 },
            slippage: Slippage { bps: slippage_bps, ticks: slippage_ticks },
            max_leverage,
            on_insufficient_cash: choice(
                py,
                "on_insufficient_cash",
                on_insufficient_cash,
                &[("reduce", OnInsufficientCash::Reduce), ("reject", OnInsufficientCash::Reject)],
            )?,
            volume_limit,
        };
        let n_instruments = bars.panel.n_symbols();
        let engine = omni_sim::BarEngine::new(Arc::clone(&bars.panel), config);
        let engine = match models {
            Some(given) => engine.with_models(models::models(given, n_instruments)?),
            None => engine,
        };
        let engine = match limits {
            Some(given) => engine
                .with_limits(models::limits(given)?)
                .map_err(|error| Facts::new("ConfigError", error.to_string()).place("SimulationConfig.limits").raise(py))?,
            None => engine,
        };
        let engine = match sessions {
            Some(given) if given.len()? == bars.panel.n_steps() => engine.with_sessions(given.as_slice()?.into()),
            Some(given) => {
                let error = Facts::new("ShapeError", "sessions must have one number a step").found(given.len()?);
                return Err(error.expected(&bars.panel.n_steps().to_string()).raise(py));
            }
            None => engine,
        };
        Ok(Self { engine: Some(engine), initial_capital, equity: None })
    }

    #[pyo3(signature = (targets, kind, progress=None))]
    fn run_targets(
        &mut self,
        py: Python<'_>,
        targets: PyReadonlyArray2<'_, f64>,
        kind: &str,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let engine = self.engine.as_mut().ok_or_else(|| busy(py))?;
        let kind = choice(py, "kind", kind, &[("quantity", TargetKind::Quantity), ("weight", TargetKind::Weight)])?;
        let targets = targets.as_slice().map_err(|_| Facts::new("ShapeError", "targets must be C-contiguous").raise(py))?;
        let panel = Arc::clone(engine.panel());
        py.detach(|| check_targets(engine, targets))
            .map_err(|error| target_error(py, error, |symbol| panel.instruments()[symbol].symbol().to_owned()))?;
        engine.expect_orders(targets.iter().filter(|target| !target.is_nan()).count());
        while engine.step() < panel.n_steps() {
            let until = engine.step() + STEPS_PER_BREATH;
            py.detach(|| run_targets(engine, targets, kind, until));
            if let Err(error) = breathe(py, progress.as_ref(), engine.step()) {
                engine.stop();
                return Err(error);
            }
        }
        engine.finish();
        Ok(())
    }

    #[pyo3(signature = (name, parameters, progress=None))]
    fn run_native(
        &mut self,
        py: Python<'_>,
        name: &str,
        parameters: &Bound<'_, PyDict>,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let engine = self.engine.as_mut().ok_or_else(|| busy(py))?;
        let panel = Arc::clone(engine.panel());
        let mut strategy = models::strategy(name, parameters, panel.n_symbols())?;
        while engine.step() < panel.n_steps() {
            let until = engine.step() + STEPS_PER_BREATH;
            py.detach(|| strategy.run(engine, until));
            if let Err(error) = breathe(py, progress.as_ref(), engine.step()) {
                engine.stop();
                return Err(error);
            }
        }
        engine.finish();
        Ok(())
    }

    #[pyo3(signature = (callbacks, *, name, max_orders_per_step, progress=None))]
    fn run_strategy(
        &mut self,
        py: Python<'_>,
        callbacks: &Bound<'_, PyDict>,
        name: String,
        max_orders_per_step: usize,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let callbacks = Callbacks::new(callbacks, name, max_orders_per_step, progress)?;
        let engine = self.engine.take().ok_or_else(|| busy(py))?;
        // Whatever the strategy does, what was computed so far comes back.
        let (engine, outcome) = drive(py, engine, &callbacks)?;
        self.engine = Some(engine);
        outcome
    }

    #[getter]
    fn step(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.engine(py)?.step())
    }

    fn equity<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        if self.equity.is_none() {
            let engine = self.engine.as_mut().ok_or_else(|| busy(py))?;
            self.equity = Some(PyArray1::from_vec(py, engine.take_equity()).unbind());
        }
        Ok(self.equity.as_ref().map_or_else(|| PyArray1::from_slice(py, &[]), |equity| equity.bind(py).clone()))
    }

    fn orders<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let orders = self.engine(py)?.orders();
        let columns = Columns::new(py)
            .with("symbol", orders.iter().map(|order| order.symbol))?
            .with("step_sent", orders.iter().map(|order| order.step_sent))?
            .with("step_closed", orders.iter().map(|order| order.step_closed))?
            .with("side", flags(orders.iter(), |order| order.side as u8))?
            .with("kind", flags(orders.iter(), |order| order.kind as u8))?
            .with("status", flags(orders.iter(), |order| order.status as u8))?
            .with("reason", flags(orders.iter(), |order| order.reason as u8))?
            .with("qty", orders.iter().map(|order| order.qty))?
            .with("filled", orders.iter().map(|order| order.filled))?
            .with("price", orders.iter().map(|order| order.price.0))?;
        Ok(columns.done())
    }

    fn terms<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = self.engine(py)?.terms();
        let columns = Columns::new(py)
            .with("order", all.iter().map(|each| each.order))?
            .with("time_in_force", flags(all.iter(), |each| each.terms.time_in_force as u8))?
            .with("stop_price", all.iter().map(|each| each.terms.stop_price.0))?
            .with("trail", all.iter().map(|each| each.terms.trail))?
            .with("trail_unit", flags(all.iter(), |each| each.terms.trail_unit as u8))?
            .with("display_qty", all.iter().map(|each| each.terms.display_qty.0))?
            .with("min_qty", all.iter().map(|each| each.terms.min_qty))?
            .with("all_or_none", all.iter().map(|each| each.terms.all_or_none))?
            .with("post_only", flags(all.iter(), |each| each.terms.post_only as u8))?
            .with("expire_at", all.iter().map(|each| each.terms.expire_at))?
            .with("sent_qty", all.iter().map(|each| each.sent_qty))?
            .with("sent_price", all.iter().map(|each| each.sent_price.0))?
            .with("sent_stop", all.iter().map(|each| each.sent_stop.0))?;
        Ok(columns.done())
    }

    fn terms_changes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let changes = self.engine(py)?.terms_changes();
        let columns = Columns::new(py)
            .with("order", changes.iter().map(|each| each.order))?
            .with("step", changes.iter().map(|each| each.step))?
            .with("kind", flags(changes.iter(), |each| each.kind as u8))?
            .with("qty", changes.iter().map(|each| each.qty))?
            .with("price", changes.iter().map(|each| each.price.0))?
            .with("stop_price", changes.iter().map(|each| each.stop_price.0))?;
        Ok(columns.done())
    }

    fn fills<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let engine = self.engine(py)?;
        let (fills, orders) = (engine.fills(), engine.orders());
        let columns = Columns::new(py)
            .with("order", fills.iter().map(|fill| fill.order))?
            .with("step", fills.iter().map(|fill| fill.step))?
            .with("time", flags(fills.iter(), |fill| fill.time as u8))?
            .with("maker", fills.iter().map(|fill| fill.maker))?
            .with("symbol", fills.iter().map(|fill| orders[fill.order as usize].symbol))?
            .with("side", flags(fills.iter(), |fill| orders[fill.order as usize].side as u8))?
            .with("qty", fills.iter().map(|fill| fill.qty))?
            .with("price", fills.iter().map(|fill| fill.price.0))?
            .with("reference", fills.iter().map(|fill| engine.met_by(fill).0))?
            .with("commission", (0..fills.len()).map(|number| engine.commission_of(number)))?;
        Ok(columns.done())
    }

    fn trades<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let trades = self.engine(py)?.trades();
        let columns = Columns::new(py)
            .with("symbol", trades.iter().map(|trade| trade.symbol))?
            .with("step_entry", trades.iter().map(|trade| trade.step_entry))?
            .with("step_exit", trades.iter().map(|trade| trade.step_exit))?
            .with("lots", trades.iter().map(|trade| trade.lots))?
            .with("entry_ticks", trades.iter().map(|trade| trade.entry_ticks))?
            .with("exit_price", trades.iter().map(|trade| trade.exit_price.0))?
            .with("commission", trades.iter().map(|trade| trade.commission))?
            .with("pnl", trades.iter().map(|trade| trade.pnl))?;
        Ok(columns.done())
    }

    fn gate_counts(&self, py: Python<'_>) -> PyResult<HashMap<&'static str, u64>> {
        Ok(self.engine(py)?.gate_counts().unwrap_or_default().into_iter().collect())
    }

    fn flows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let flows = self.engine(py)?.flows();
        let columns = Columns::new(py)
            .with("step", flows.iter().map(|flow| flow.at as u32))?
            .with("symbol", flows.iter().map(|flow| flow.symbol.map_or(-1, i64::from)))?
            .with("currency", flows.iter().map(|flow| flow.currency))?
            .with("kind", flags(flows.iter(), |flow| flow.kind as u8))?
            .with("lots", flows.iter().map(|flow| flow.lots))?
            .with("amount", flows.iter().map(|flow| flow.amount.to_f64()))?;
        Ok(columns.done())
    }

    fn cash_by_step<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyArray1<f64>>>> {
        Ok(self.engine(py)?.cash_by_step().map(|cash| PyArray1::from_slice(py, cash)))
    }

    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = self.engine(py)?.counts();
        let table = PyDict::new(py);
        table.set_item("rejected", counts.rejected)?;
        table.set_item("insufficient_cash", counts.insufficient_cash)?;
        table.set_item("reduced", counts.reduced)?;
        table.set_item("replaced", counts.replaced)?;
        table.set_item("expired", counts.expired)?;
        table.set_item("rounded_to_zero", counts.rounded_to_zero)?;
        table.set_item("unpriced", counts.unpriced)?;
        table.set_item("volume_limited", counts.volume_limited)?;
        table.set_item("cancels_refused", counts.cancels_refused)?;
        table.set_item("replaces_refused", counts.replaces_refused)?;
        table.set_item("ended_by_terms", counts.ended_by_terms)?;
        Ok(table)
    }

    fn totals<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let engine = self.engine(py)?;
        let ledger = engine.ledger();
        let totals = PyDict::new(py);
        totals.set_item("cash", ledger.cash().to_f64())?;
        totals.set_item("commission_paid", ledger.fees().to_f64())?;
        totals.set_item("slippage_paid", ledger.slippage().to_f64())?;
        totals.set_item("n_steps_exposed", engine.n_steps_exposed())?;
        totals.set_item("n_orders", engine.orders().len())?;
        totals.set_item("n_fills", engine.fills().len())?;
        totals.set_item("n_trades", ledger.n_closing_fills())?;
        Ok(totals)
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let capital = self.initial_capital;
        // Threads that sweep do this at the same time.
        let stats = if let Some(equity) = &self.equity {
            let equity = equity.bind(py).readonly();
            let equity = equity.as_slice()?;
            py.detach(|| return_stats(equity, capital))
        } else {
            let equity = self.engine(py)?.equity();
            py.detach(|| return_stats(equity, capital))
        };
        let table = PyDict::new(py);
        table.set_item("final_equity", stats.final_equity)?;
        table.set_item("mean", stats.mean)?;
        table.set_item("std", stats.std)?;
        table.set_item("max_drawdown", stats.max_drawdown)?;
        Ok(table)
    }
}
