"""A strategy's callbacks: when they are called, what they may do, and what happens when they fail."""

from typing import Any

import numpy as np
import pytest

from omni_lab.data import Bars
from omni_lab.errors import ConfigError, DataError, SchemaError, UnknownSymbolError
from omni_lab.simulator import EventSimulator
from omni_lab.strategies import Bar, Context, Fill, MomentumStrategy, Strategy
from tests.simulator.market import Script, bars_of, executed, flat_bars, hold, random_bars, run

BARS = random_bars(10)


class Diary(Strategy):
    """Writes down every call; buys once."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def on_start(self, ctx: Context) -> None:
        self.calls.append("start")

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        self.calls.append(f"bar {bar.index}")
        if bar.index == 0:
            ctx.buy(1)

    def on_fill(self, ctx: Context, fill: Fill) -> None:
        self.calls.append(f"fill {fill.index}")

    def on_stop(self, ctx: Context) -> None:
        self.calls.append("stop")


def test_callbacks_come_in_the_order_of_time() -> None:
    diary = Diary()
    EventSimulator().run_backtest(diary, flat_bars(1, 2, 3))
    assert diary.calls == ["start", "bar 0", "fill 1", "bar 1", "bar 2", "stop"]


def test_a_strategy_sees_the_bars_and_its_account() -> None:
    seen = []

    def look(ctx: Context, bar: Bar) -> None:
        seen.append((bar.symbol, bar.index, bar.ts, bar.open, bar.high, bar.low, bar.close, bar.volume))
        assert (ctx.symbol, ctx.index, ctx.ts) == (bar.symbol, bar.index, bar.ts)
        if bar.index == 0:
            assert (ctx.cash, ctx.equity, ctx.position) == (100_000.0, 100_000.0, 0.0)
            assert np.isnan(ctx.average_price())
            ctx.buy(10)
        else:
            assert (ctx.position, ctx.average_price(), ctx.cash) == (10.0, 102.0, 98_980.0)
            assert ctx.equity == 98_980 + 10 * bar.close

    bars = bars_of((100, 101, 99, 100), (102, 110, 95, 105), volume=[7, 8])
    run(look, bars)
    first, second = bars.ts.tolist()
    assert seen == [("X", 0, first, 100, 101, 99, 100, 7), ("X", 1, second, 102, 110, 95, 105, 8)]


def test_history_ends_at_the_bar_being_handled() -> None:
    bars = random_bars(30, 2, missing=0.3)
    closes, seen = bars.close()[:, 0], []

    def look(ctx: Context, bar: Bar) -> None:
        if bar.symbol == "S0":
            seen.append(bar.index)
            there = closes[: bar.index + 1]
            assert ctx.history("close", 5).tolist() == there[~np.isnan(there)][-5:].tolist()
            assert ctx.history("close", 1)[0] == bar.close
            assert len(ctx.history("close", 0)) == 0

    run(look, bars)
    assert len(seen) == np.count_nonzero(~np.isnan(closes))


def test_an_order_can_be_canceled_until_it_is_filled() -> None:
    ids: dict[str, int] = {}
    answers = []

    def send(ctx: Context, bar: Bar) -> None:
        ids["limit"], ids["market"] = ctx.buy(1, limit=50.0), ctx.buy(1)

    def cancel(ctx: Context, bar: Bar) -> None:
        answers.append([ctx.is_working(ids[name]) for name in ("limit", "market")])
        answers.append([ctx.cancel(ids[name]) for name in ("limit", "market")])
        answers.append([ctx.is_working(ids[name]) for name in ("limit", "market")])
        answers.append([ctx.cancel(99)])

    results = run({0: send, 1: cancel}, flat_bars(100, 100, 100))
    assert answers == [[True, False], [True, False], [False, False], [False]]
    assert results.orders["reason"].tolist() == ["CANCELED_BY_STRATEGY", ""]


def test_orders_may_name_another_instrument() -> None:
    bars = random_bars(4, 2)
    script = Script({0: lambda ctx, bar: bar.symbol == "S0" and ctx.buy(3, symbol="S1")})
    results = EventSimulator().run_backtest(script, bars)
    assert results.fills["symbol"].tolist() == ["S1"]
    assert results.positions[-1].tolist() == [0.0, 3.0]


def test_a_bar_that_is_kept_does_not_change() -> None:
    kept: list[Bar] = []
    run(lambda ctx, bar: kept.append(bar), BARS)
    assert [bar.index for bar in kept] == list(range(10))
    assert [bar.close for bar in kept] == BARS.close()[:, 0].tolist()


def test_an_instance_can_run_again_and_does_the_same() -> None:
    strategy, bars = MomentumStrategy({"stop_loss": 0.02}), random_bars(400, 3, missing=0.1)
    first, second = (EventSimulator().run_backtest(strategy, bars) for _ in range(2))
    assert first.events_sha256 == second.events_sha256


def test_a_run_within_a_run_disturbs_neither() -> None:
    inner = []

    def nest(ctx: Context, bar: Bar) -> None:
        inner.append(EventSimulator().run_backtest(hold, BARS).final_equity)
        ctx.buy(1)

    outer = run({3: nest, 5: nest}, BARS)
    assert inner == [EventSimulator().run_backtest(hold, BARS).final_equity] * 2
    assert [step for step, *_ in executed(outer)] == [4, 6]


class Mishap(Exception):
    """A strategy's own error."""


@pytest.mark.parametrize("callback", ["on_start", "on_bar", "on_fill", "on_stop"])
def test_a_strategy_s_own_error_passes_with_a_note_of_the_place(callback: str) -> None:
    mishap = Mishap("no")

    def fail(*_: Any) -> None:
        raise mishap

    def fail_late(_: Diary, __: Context, bar: Bar) -> None:
        if bar.index == 2:
            raise mishap

    failing = type("Failing", (Diary,), {callback: fail_late if callback == "on_bar" else fail})
    with pytest.raises(Mishap) as raised:
        EventSimulator().run_backtest(failing(), flat_bars(1, 2, 3, symbol="ABC"))
    assert raised.value is mishap
    (note,) = raised.value.__notes__
    step = {"on_start": 0, "on_bar": 2, "on_fill": 1, "on_stop": 2}[callback]
    assert f"raised in {callback} at step {step}," in note
    assert "ABC" in note


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (lambda ctx, bar: ctx.buy(float("nan")), DataError, "qty cannot be used: found nan"),
        (lambda ctx, bar: ctx.sell(float("inf")), DataError, "qty cannot be used: found inf"),
        (lambda ctx, bar: ctx.buy(1, limit=float("nan")), DataError, "limit cannot be used"),
        (lambda ctx, bar: ctx.buy(1, stop=float("inf")), DataError, "stop cannot be used"),
        (lambda ctx, bar: ctx.buy(1, trail=1.0, trail_bps=20), ConfigError, "not both"),
        (lambda ctx, bar: ctx.buy(1, symbol="Y"), UnknownSymbolError, "found 'Y'"),
        (lambda ctx, bar: ctx.position_of("Y"), UnknownSymbolError, "found 'Y'"),
        (lambda ctx, bar: ctx.target(float("nan")), DataError, "target cannot be used"),
        (lambda ctx, bar: ctx.target_weight(float("nan")), DataError, "weight cannot be used"),
        (lambda ctx, bar: ctx.history("vwap", 3), SchemaError, "found 'vwap'"),
        (lambda ctx, bar: ctx.history("volume", 3), SchemaError, "have no volume"),
        (lambda ctx, bar: ctx.sma(3), ConfigError, "Declare indicators in on_start"),
        (lambda ctx, bar: ctx.buy("1"), TypeError, "real number"),
    ],
)
def test_what_cannot_be_meant_is_an_error_at_once(act: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as raised:
        run({1: act}, flat_bars(100, 101, 102))
    assert any("on_bar at step 1" in note for note in raised.value.__notes__)


@pytest.mark.parametrize(
    "use",
    [
        lambda ctx: ctx.equity,
        lambda ctx: ctx.index,
        lambda ctx: ctx.position_of("X"),
        lambda ctx: ctx.buy(1),
        lambda ctx: ctx.cancel(0),
        lambda ctx: ctx.history("close", 1),
    ],
)
def test_a_context_kept_after_its_run_says_that_it_is_over(use: Any) -> None:
    kept: list[Context] = []
    run({0: lambda ctx, bar: kept.append(ctx)}, flat_bars(1, 2))
    with pytest.raises(ConfigError, match="belongs to a run that is over"):
        use(kept[0])


def test_indicators_follow_the_instrument_being_handled() -> None:
    bars, seen = random_bars(8, 2), []

    class Average(Strategy):
        def on_start(self, ctx: Context) -> None:
            self.sma = ctx.sma(3)

        def on_bar(self, ctx: Context, bar: Bar) -> None:
            assert np.isnan(self.sma.value) == (bar.index < 2)
            assert self.sma.of(bar.symbol) == self.sma.value or bar.index < 2
            seen.append(self.sma.value)

    EventSimulator().run_backtest(Average(), bars)
    close = bars.close()
    expected = (close[:-2] + close[1:-1] + close[2:]) / 3
    assert np.array(seen).reshape(8, 2)[2:] == pytest.approx(expected, abs=1e-12)


def test_strategies_that_need_intrabar_prices_are_refused_on_closes_before_they_start() -> None:
    closes = Bars.from_closes(BARS.ts, BARS.close())
    protected = MomentumStrategy({"stop_loss": 0.05})
    with pytest.raises(ConfigError, match="only closes"):
        EventSimulator({"fill": "next_close"}).run_backtest(protected, closes)
    EventSimulator({"fill": "next_close"}).run_backtest(MomentumStrategy(), closes)
