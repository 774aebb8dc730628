"""The story of an order on bars: worked by hand, and added up to what the run paid."""

from typing import Any

import numpy as np
import pytest

from omni_lab.errors import DataError
from omni_lab.execution import Limits
from omni_lab.simulator import (
    BacktestResults,
    EventSimulator,
    FeeSchedule,
    MarketImpact,
    SimulationConfig,
    Split,
)
from omni_lab.simulator.config import FillTiming
from omni_lab.strategies import Bar, Context, Fill, Strategy
from tests.simulator.market import DAY_NS, START_NS, Script, bars_of, random_bars, run

ROWS = ((10, 11, 9, 10), (10, 11, 9.5, 10.5), (10.6, 11, 10, 10.5), (11, 12.5, 10.5, 12), (12, 12, 11, 11.5))


@pytest.fixture(scope="module")
def traded() -> BacktestResults:
    acts = {
        0: lambda ctx, bar: ctx.buy(150),
        1: lambda ctx, bar: ctx.sell(40, limit=12),
        2: lambda ctx, bar: ctx.sell(100),
        3: lambda ctx, bar: ctx.buy(10),
    }
    return run(acts, bars_of(*ROWS), initial_capital=1000, slippage_ticks=2, commission_per_share=0.01)


def test_an_order_beyond_the_buying_power_says_what_was_allowed(traded: BacktestResults) -> None:
    # 1000 buys 99 at 10.02 with 0.99 of commission: marked at 10, exposure 990 of 1000 − 1.98 − 0.99.
    facts = traded.explain(0).facts
    assert (facts["filled_qty"], facts["cut_qty"], facts["status"]) == (99, 51, "CANCELED")
    assert (facts["exposure"], facts["exposure_allowed"]) == (0, 1000)
    assert (facts["price_met"], facts["price_paid"]) == ((10.0,), (10.02,))
    assert facts["slippage"] == pytest.approx(1.98)
    assert facts["commission"] == pytest.approx(0.99)
    assert traded.explain(0).sentences[2] == (
        "2024-01-02T00:00:00  buying power cut it by 51: exposure was 0.00 of 1,000.00 allowed before it"
    )


def test_a_limit_that_waits_says_how_near_the_market_came(traded: BacktestResults) -> None:
    story = traded.explain(1)
    assert story.facts["bars_waited"] == 1
    assert story.sentences[1:3] == (
        "2024-01-03T00:00:00  waited 1 bar; the highest high of that time was 11",
        "2024-01-04T00:00:00  filled 40 inside the bar: met 12, paid 12: "
        "0 of slippage, 0 of impact, 0.4 of commission",
    )


def test_the_decision_knows_its_bar_and_the_account(traded: BacktestResults) -> None:
    facts = traded.explain(2).facts
    assert [facts[f"known_{name}"] for name in ("open", "high", "low", "close")] == [10.6, 11, 10, 10.5]
    assert (facts["step"], facts["ts"]) == (2, START_NS + 2 * DAY_NS)
    assert facts["position_before"] == 99
    assert facts["cash_before"] == pytest.approx(1000 - 99 * 10.02 - 0.99)
    assert facts["equity_before"] == pytest.approx(7.03 + 99 * 10.5)


def test_a_reversal_tells_the_trade_that_it_closed(traded: BacktestResults) -> None:
    # 99 of the 100 close; of the dollar of commission 99 cents belong to them, as do those of the entry.
    facts = traded.explain(2).facts
    assert facts["trades"] == (0,)
    assert facts["realised_pnl"] == pytest.approx(99 * (10.98 - 10.02) - 0.99 - 0.99)
    assert traded.explain(3).facts["trades"] == (1,)


def test_this_close_is_told_from_the_account_before_its_own_fill() -> None:
    results = run(
        {1: lambda ctx, bar: ctx.buy(5), 2: lambda ctx, bar: ctx.sell(5)},
        bars_of(*ROWS),
        fill="this_close",
        initial_capital=1000,
        slippage_ticks=5,
        max_leverage=None,
    )
    first, second = (results.explain(number).facts for number in (0, 1))
    assert (first["position_before"], first["cash_before"], first["equity_before"]) == (0, 1000, 1000)
    assert second["position_before"] == 5
    assert second["cash_before"] == pytest.approx(1000 - 5 * 10.55)
    assert second["equity_before"] == pytest.approx(1000 - 5 * 0.05)


class _Bracket(Strategy):
    """Buys once, and from the fill offers what it got."""

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        if bar.index == 1:
            ctx.buy(5)

    def on_fill(self, ctx: Context, fill: Fill) -> None:
        if fill.side == "BUY":
            ctx.sell(fill.qty, limit=10.9)


def test_an_order_sent_from_a_fill_knew_only_the_bar_before() -> None:
    results = EventSimulator(SimulationConfig(initial_capital=1000)).run_backtest(_Bracket(), bars_of(*ROWS))
    facts = results.explain(1).facts
    assert (facts["step"], facts["known_step"], facts["known_close"]) == (2, 1, 10.5)
    assert (facts["position_before"], facts["equity_before"]) == (0, 1000)
    assert "told of a fill" in results.explain(1).sentences[0]


def test_a_refusal_of_the_gate_names_the_check_and_its_limit() -> None:
    results = run({0: lambda ctx, bar: ctx.buy(7)}, bars_of(*ROWS), limits=Limits(max_order_qty=5))
    facts = results.explain(0).facts
    assert (facts["refused_by_gate"], facts["gate_limit"], facts["filled_qty"]) == ("ORDER_SIZE", 5, 0)
    assert "the risk gate refused it: ORDER_SIZE; max_order_qty is 5" in str(results.explain(0))


def test_a_refusal_for_want_of_cash_counts_what_earlier_orders_took() -> None:
    def act(ctx: Context, bar: Bar) -> None:
        ctx.buy(60)
        ctx.buy(60)

    results = run({0: act}, bars_of(*ROWS), initial_capital=1000, on_insufficient_cash="reject")
    facts = results.explain(1).facts
    assert (facts["filled_qty"], facts["cut_qty"]) == (0, 60)
    assert (facts["exposure"], facts["exposure_allowed"]) == (600, 1000)


def test_slippage_and_impact_are_told_apart() -> None:
    bars = random_bars(60, seed=5)
    results = run(
        {30: lambda ctx, bar: ctx.buy(200)}, bars, slippage_ticks=3, impact=MarketImpact(model="square_root")
    )
    facts = results.explain(0).facts
    assert facts["slippage"] == pytest.approx(200 * 0.03)
    assert facts["impact"] > 0
    assert facts["slippage"] + facts["impact"] == pytest.approx(results["slippage_paid"])


SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {"commission_rate": 1e-3, "slippage_bps": 3.0, "volume_limit": 0.01, "max_leverage": 1.5},
    "reject": {"on_insufficient_cash": "reject", "fill": "next_close", "slippage_ticks": 1},
    "this_close": {"fill": "this_close", "commission_per_share": 0.01, "max_leverage": 1.2},
    "models": {
        "fees": FeeSchedule(minimum=1.0),
        "impact": MarketImpact(model="almgren_chriss"),
        "slippage_ticks": 2,
        "max_leverage": None,
        "actions": [
            Split(symbol="S0", ex="2024-02-20", new=3, old=2),
            Split(symbol="S1", ex="2024-03-01", new=1, old=7),
        ],
    },
}


def _random_orders(seed: int, lots: int = 400) -> Script:
    rng = np.random.default_rng(seed)

    def act(ctx: Context, bar: Bar) -> None:
        for _ in range(rng.integers(0, 3)):
            send = ctx.buy if rng.random() < 0.5 else ctx.sell
            near = bar.close * (1 + 0.02 * rng.standard_normal())
            limit, stop = ((None, None), (near, None), (None, near))[rng.integers(0, 3)]
            send(float(rng.integers(1, lots)), symbol=bar.symbol, limit=limit, stop=stop)

    return Script(act)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_facts_of_all_orders_add_up_to_the_run(name: str) -> None:
    bars = random_bars(120, 2, seed=3, missing=0.1)
    results = EventSimulator(SimulationConfig(**SETTINGS[name])).run_backtest(_random_orders(4), bars)
    stories = [results.explain(number) for number in range(len(results.orders))]
    total = {
        key: sum(story.facts[key] for story in stories)
        for key in ("commission", "slippage", "impact", "filled_qty", "realised_pnl")
    }
    assert results["n_fills"] > 50
    assert total["commission"] == pytest.approx(results["commission_paid"])
    assert total["slippage"] + total["impact"] == pytest.approx(results["slippage_paid"])
    assert total["filled_qty"] == results.fills["qty"].sum()
    closed = sorted(row for story in stories for row in story.facts["trades"])
    by_split = set(range(len(results.trades))) - set(closed)
    assert len(closed) == len(set(closed))
    assert not by_split or name == "models"
    assert total["realised_pnl"] == pytest.approx(results.trades["pnl"][closed].sum())
    for story in stories:
        for row in story.facts["trades"]:
            assert results.trades["exit_price"][row] in story.facts["price_paid"]
            assert results.trades["symbol"][row] == story.facts["symbol"]
    cut = [story.facts for story in stories if story.facts["cut_qty"]]
    assert len(cut) == sum(results.counts[each] for each in ("reduced", "insufficient_cash"))


def test_an_order_that_there_is_not_is_refused(traded: BacktestResults) -> None:
    for number in (-1, 4):
        with pytest.raises(DataError, match="no such order"):
            traded.explain(number)


@pytest.mark.parametrize("fill", ["next_open", "next_close", "this_close"])
def test_what_the_buying_power_allowed_is_what_the_fills_before_had_left(fill: FillTiming) -> None:
    bars = random_bars(150, seed=9)
    config = SimulationConfig(fill=fill, max_leverage=1.5, slippage_ticks=3, commission_rate=1e-3)
    results = EventSimulator(config).run_backtest(_random_orders(2, lots=1500), bars)
    fills, opens, closes = results.fills, bars.open(), bars.close()
    assert opens is not None
    n_cut = 0
    for number in np.flatnonzero(results.orders["reason"] == "INSUFFICIENT_CASH").tolist():
        story = results.explain(number)
        mine = np.flatnonzero(fills["order_id"] == number)
        if not len(mine):
            continue
        row = int(mine[-1])
        signs = np.where(fills["side"] == "BUY", 1.0, -1.0)
        moved = signs * fills["qty"]
        held = moved[:row].sum()
        cash = config.initial_capital - (moved * fills["price"] + fills["commission"])[:row].sum()
        step = int(np.searchsorted(results.ts, fills["ts"][row]))
        mark = float((closes if fills["time"][row] == "CLOSE" else opens)[step, 0])
        assert story.facts["exposure"] == pytest.approx(abs(held) * mark)
        assert story.facts["exposure_allowed"] == pytest.approx(1.5 * (cash + held * mark))
        # What it got fits, and one lot more would not.
        for more, fits in ((0, True), (1, False)):
            qty, price = fills["qty"][row] + more, fills["price"][row]
            after = held + signs[row] * qty
            paid = signs[row] * qty * price + 1e-3 * qty * price
            equity = cash - paid + after * mark
            assert (abs(after) * mark <= 1.5 * equity + 1e-6) == fits
        n_cut += 1
    assert n_cut > 5
