"""What holds in every run, whatever the market and the decisions."""

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_lab.data import Bars
from omni_lab.simulator import BacktestResults, EventSimulator, SimulationConfig
from omni_lab.simulator.marks import last_known
from omni_lab.strategies import MomentumStrategy
from omni_lab.typing import FloatArray
from tests.simulator.market import random_bars


@st.composite
def settings(draw: st.DrawFn, max_leverage: tuple[float | None, ...] = (1.0, 0.5, 3.0, None)) -> Any:
    return SimulationConfig(
        initial_capital=draw(st.sampled_from([10_000.0, 12_345.67])),
        commission_rate=draw(st.sampled_from([0.0, 0.0002, 0.01])),
        commission_per_share=draw(st.sampled_from([0.0, 0.005])),
        slippage_bps=draw(st.sampled_from([0.0, 3.0])),
        fill=draw(st.sampled_from(["next_open", "next_close", "this_close"])),
        max_leverage=draw(st.sampled_from(max_leverage)),
        on_insufficient_cash=draw(st.sampled_from(["reduce", "reject"])),
        volume_limit=draw(st.sampled_from([None, 0.01])),
    )


@st.composite
def markets(draw: st.DrawFn) -> tuple[Bars, FloatArray]:
    """Bars of one to three instruments with holes, and targets in shares with holes of their own."""
    n_times, n_symbols = draw(st.integers(1, 40)), draw(st.integers(1, 3))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    targets = rng.integers(-60, 61, (n_times, n_symbols)).astype(np.float64)
    targets[rng.random(targets.shape) < 0.5] = np.nan
    return random_bars(n_times, n_symbols, seed=seed, missing=0.15), targets


def run(market: tuple[Bars, FloatArray], config: SimulationConfig) -> BacktestResults:
    return EventSimulator(config).run_targets(*market)


@given(markets(), settings())
def test_cash_and_positions_at_their_marks_are_the_equity(market: Any, config: SimulationConfig) -> None:
    results = run(market, config)
    value = np.nansum(results.positions * last_known(results.bars.close()), axis=1)
    assert results.cash + value == pytest.approx(results.equity, rel=1e-9, abs=1e-6)
    assert (results.gross_exposure >= np.abs(value) - 1e-6).all()


@given(markets(), settings())
def test_the_fills_of_an_instrument_add_up_to_its_position(market: Any, config: SimulationConfig) -> None:
    results = run(market, config)
    fills = results.fills
    signed = np.where(fills["side"] == "BUY", fills["qty"], -fills["qty"])
    for column, symbol in enumerate(results.symbols):
        mine = fills["symbol"] == symbol
        steps = np.searchsorted(results.ts, fills["ts"][mine])
        for step in range(results.bars.n_times):
            assert signed[mine][steps <= step].sum() == results.positions[step, column]


@given(markets(), settings())
def test_the_fills_of_an_order_add_up_to_what_it_says(market: Any, config: SimulationConfig) -> None:
    results = run(market, config)
    filled: dict[int, float] = defaultdict(float)
    for order_id, qty in zip(results.fills["order_id"].tolist(), results.fills["qty"].tolist(), strict=True):
        filled[order_id] += qty
    orders = results.orders
    assert [filled[order_id] for order_id in orders["order_id"].tolist()] == orders["filled_qty"].tolist()
    whole = orders["filled_qty"] == orders["qty"]
    assert (whole == (orders["status"] == "FILLED")).all()
    assert ((orders["reason"] == "") == whole).all()
    assert (orders["filled_qty"] <= orders["qty"]).all()
    assert (orders["ts_closed"] >= orders["ts_submitted"]).all()


@given(markets(), settings())
def test_equity_is_capital_and_closed_and_open_profit(market: Any, config: SimulationConfig) -> None:
    results = run(market, config)
    quantity: dict[str, float] = defaultdict(float)
    cost: dict[str, float] = defaultdict(float)
    fills = results.fills
    for symbol, side, qty, price in zip(*(fills[n] for n in ("symbol", "side", "qty", "price")), strict=True):
        signed, held = (qty if side == "BUY" else -qty), quantity[symbol]
        closing = min(qty, abs(held)) if held * signed < 0 else 0.0
        if closing:
            cost[symbol] *= 1.0 - closing / abs(held)
        cost[symbol] += np.sign(signed) * (qty - closing) * price
        quantity[symbol] += signed
    closes = last_known(results.bars.close())[-1]
    mark = dict(zip(results.symbols, closes, strict=True))
    unrealised = sum(held * mark[symbol] - cost[symbol] for symbol, held in quantity.items() if held)
    unsettled = results["commission_paid"] - results.trades["commission"].sum()
    profit = results.trades["pnl"].sum() + unrealised - unsettled
    assert results.final_equity == pytest.approx(config.initial_capital + profit, abs=1e-6)


@given(markets(), settings(), st.integers(1, 40))
def test_what_comes_later_does_not_change_earlier_fills(
    market: Any, config: SimulationConfig, n_known: int
) -> None:
    bars, targets = market
    n_known = min(n_known, bars.n_times)
    known = bars.slice(0, n_known)
    columns = [bars.symbols.index(symbol) for symbol in known.symbols]
    short, whole = run((known, targets[:n_known, columns]), config), run(market, config)
    n_fills = int((whole.fills["ts"] <= known.ts[-1]).sum())
    if known.n_symbols == bars.n_symbols:
        assert len(short.fills) == n_fills
        for name in ("ts", "symbol", "side", "qty", "price", "commission"):
            assert short.fills[name].tolist() == whole.fills[name][:n_fills].tolist()
        assert short.equity.tolist() == whole.equity[:n_known].tolist()


@given(markets(), settings(max_leverage=(None,)), st.randoms())
def test_without_a_limit_on_leverage_the_order_of_instruments_does_not_matter(
    market: Any, config: SimulationConfig, random: Any
) -> None:
    bars, targets = market
    order = list(range(bars.n_symbols))
    random.shuffle(order)
    other = bars.take([bars.symbols[column] for column in order])
    first, second = run(market, config), run((other, targets[:, order]), config)
    assert second.equity.tolist() == first.equity.tolist()
    assert second.positions.tolist() == first.positions[:, order].tolist()
    assert sorted(second.fills["notional"]) == sorted(first.fills["notional"])


@given(markets(), settings())
def test_metrics_agree_with_the_curves_and_tables(market: Any, config: SimulationConfig) -> None:
    results = run(market, config)
    equity = np.concatenate([[config.initial_capital], results.equity])
    assert results["total_return"] == pytest.approx(equity[-1] / equity[0] - 1, abs=1e-12)
    assert results["max_drawdown"] == pytest.approx(
        (equity / np.maximum.accumulate(equity) - 1).min(), abs=1e-12
    )
    assert results["commission_paid"] == pytest.approx(results.fills["commission"].sum(), abs=1e-9)
    assert results["slippage_paid"] == pytest.approx(results.fills["slippage_cost"].sum(), abs=1e-9)
    assert results["exposure"] == (np.abs(results.positions).sum(axis=1) > 0).mean()
    assert np.prod(1.0 + results.returns) == pytest.approx(equity[-1] / equity[0], rel=1e-9)


@given(
    seed=st.integers(0, 2**32 - 1),
    stop_loss=st.sampled_from([None, 0.005, 0.03]),
    volume_limit=st.sampled_from([None, 0.02, 0.5]),
    fill=st.sampled_from(["next_open", "next_close", "this_close"]),
)
def test_a_long_only_momentum_never_sells_what_it_does_not_have(
    seed: int, stop_loss: float | None, volume_limit: float | None, fill: Any
) -> None:
    bars = random_bars(150, 2, seed=seed, missing=0.1)
    strategy = MomentumStrategy(
        {
            "lookback_period": 3,
            "entry_threshold": 1.0,
            "stop_loss": stop_loss,
            "direction": "long_only",
            "position_size": 0.5,
        }
    )
    config = SimulationConfig(volume_limit=volume_limit, fill=fill)
    results = EventSimulator(config).run_backtest(strategy, bars)
    assert results.positions.min() >= 0.0
    assert results["n_fills"] > 0
