"""Edges of the native engine that a strategy can reach: what it may know when, and what it may keep."""

import sys
import threading
from typing import Any

import numpy as np
import pytest

from omni_lab._native import Bars as NativeBars
from omni_lab.errors import ConfigError, DataError
from omni_lab.progress import Progress
from omni_lab.simulator import EventSimulator
from omni_lab.strategies import Context, Fill
from tests.simulator.market import Script, bars_of, flat_bars, random_bars, run

BARS = bars_of((100, 101, 99, 100), (102, 110, 95, 105), (106, 107, 104, 106))


# ---- What may be known when ------------------------------------------------------------------------


def test_the_past_seen_from_a_fill_at_the_open_ends_before_the_bar() -> None:
    seen = []

    class Watching(Script):
        def on_fill(self, ctx: Context, fill: Fill) -> None:
            seen.append(ctx.history("close", 9).tolist())

    EventSimulator().run_backtest(Watching({0: lambda ctx, _: ctx.buy(1)}), BARS)
    assert seen == [[100.0]]


def test_before_the_first_bar_there_is_no_past() -> None:
    seen = []

    class Watching(Script):
        def on_start(self, ctx: Context) -> None:
            seen.append(ctx.history("close", 9).tolist())

    EventSimulator().run_backtest(Watching({}), BARS)
    assert seen == [[]]


@pytest.mark.parametrize("act", [lambda c: c.buy(1), lambda c: c.target(1), lambda c: c.target_weight(1.0)])
def test_before_the_first_bar_no_order_can_be_sent(act: Any) -> None:
    class Early(Script):
        def on_start(self, ctx: Context) -> None:
            act(ctx)

    with pytest.raises(ConfigError, match=r"before the first bar.*on_bar"):
        EventSimulator().run_backtest(Early({}), BARS)


def test_a_fill_tells_the_position_it_leaves() -> None:
    seen = []

    class Watching(Script):
        def on_fill(self, ctx: Context, fill: Fill) -> None:
            seen.append((fill.qty, fill.position))

    EventSimulator().run_backtest(Watching({0: lambda ctx, _: (ctx.buy(3), ctx.buy(4))}), BARS)
    assert seen == [(3, 3), (4, 7)]


def test_a_triggered_stop_stays_a_stop_in_the_orders() -> None:
    bars = flat_bars(100, 100, 90, 90, volume=[10] * 4)
    acts = {0: lambda ctx, _: ctx.buy(1), 1: lambda ctx, _: ctx.sell(5, stop=95)}
    orders = run(acts, bars, volume_limit=0.1, max_leverage=None).orders
    assert orders["type"].tolist() == ["MARKET", "STOP"]
    assert orders["stop_price"][1] == 95


# ---- What may be kept ------------------------------------------------------------------------------


def test_bars_a_strategy_keeps_may_be_freed_in_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []
    run(lambda ctx, bar: kept.append(bar), random_bars(5))
    errors: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", errors.append)
    thread = threading.Thread(target=kept.clear)
    thread.start()
    thread.join()
    assert not kept
    assert not errors


def test_a_context_of_a_run_that_is_over_says_so_in_any_thread() -> None:
    kept: list[Any] = []
    found: list[BaseException] = []
    run({0: lambda ctx, _: kept.append(ctx)}, random_bars(5))

    def use() -> None:
        try:
            kept[0].position_of()
        except BaseException as error:  # noqa: BLE001
            found.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert isinstance(found[0], ConfigError)
    assert "a run that is over" in str(found[0])


# ---- Sizes and counts ------------------------------------------------------------------------------


def test_a_slow_strategy_on_few_bars_shows_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(Progress, "_report", lambda self, done, total=None: calls.append(done))
    EventSimulator().run_backtest(Script({}), random_bars(1260))
    assert len(calls) > 10
    assert calls[-1] == 1260


def test_a_window_longer_than_any_data_stays_without_a_value() -> None:
    seen = []

    class Patient(Script):
        def on_start(self, ctx: Context) -> None:
            self.mean = ctx.sma(10**15)

        def on_stop(self, ctx: Context) -> None:
            seen.append(self.mean.value)

    EventSimulator().run_backtest(Patient({}), BARS)
    assert np.isnan(seen).all()


def test_errors_find_large_integers_exactly() -> None:
    ts = np.array([1_704_153_600_000_000_001] * 2)
    with pytest.raises(DataError) as refused:
        NativeBars(ts, ["A"], [None], [1.0], np.ones((2, 1)))
    assert refused.value.found == 1_704_153_600_000_000_001


def test_a_weight_for_an_instrument_without_a_price_is_counted() -> None:
    bars = random_bars(4, 2)
    close = bars.close()
    close[:2, 1] = np.nan
    late = type(bars).from_closes(bars.ts, close, symbols=bars.symbols)
    act = {0: lambda ctx, _: ctx.target_weight(0.5, symbol=bars.symbols[1])}
    results = run(act, late, fill="next_close")
    assert results.counts["unpriced"] == 1
    assert any("no price yet" in warning for warning in results.warnings)


def test_a_past_of_less_than_no_bars_is_refused() -> None:
    with pytest.raises(ConfigError, match="history"):
        run({0: lambda ctx, _: ctx.history("close", -1)}, BARS)


@pytest.mark.parametrize("order_id", [-1, 0, 2**40])
def test_canceling_what_does_not_work_answers_false(order_id: int) -> None:
    answers = []
    run({0: lambda ctx, _: answers.append((ctx.cancel(order_id), ctx.is_working(order_id)))}, BARS)
    assert answers == [(False, False)]
