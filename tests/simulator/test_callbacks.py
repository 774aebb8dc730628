"""Callbacks beyond on_bar: changes of orders, timers, and what is kept of a run that fails."""

import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from omni_lab.errors import ConfigError, DataError, UnknownSymbolError
from omni_lab.simulator import BacktestResults, EventSimulator
from omni_lab.strategies import Bar, Context, Fill, OrderUpdate, Strategy, Timer
from tests.simulator.market import DAY_NS, START_NS, Script, flat_bars, random_bars, run

BARS = random_bars(10)


class Diary(Script):
    """A script that writes down what happens to its orders."""

    def __init__(self, acts: Any) -> None:
        super().__init__(acts)
        self.news: list[tuple[int, str, str]] = []

    def on_order(self, ctx: Context, update: OrderUpdate) -> None:
        self.news.append((update.order_id, update.status, update.reason))

    def on_fill(self, ctx: Context, fill: Fill) -> None:
        self.news.append((fill.order_id, "FILL", ""))


def test_every_change_of_an_order_is_told_once_and_in_order() -> None:
    def first(ctx: Context, bar: Bar) -> None:
        ctx.buy(1)
        ctx.buy(0)
        ctx.buy(1, limit=1.0)
        ctx.buy(1, limit=2.0)
        ctx.target(5)
        ctx.target(6)
        ctx.cancel(2)

    diary = Diary({0: first, 1: lambda ctx, bar: ctx.buy(1e9)})
    results = EventSimulator({"on_insufficient_cash": "reject"}).run_backtest(diary, BARS)
    assert diary.news == [
        (0, "ACCEPTED", ""),
        (1, "REJECTED", "INVALID_QTY"),
        (2, "ACCEPTED", ""),
        (3, "ACCEPTED", ""),
        (4, "ACCEPTED", ""),
        (4, "CANCELED", "REPLACED_BY_TARGET"),
        (5, "ACCEPTED", ""),
        (2, "CANCELED", "CANCELED_BY_STRATEGY"),
        (0, "FILL", ""),
        (5, "FILL", ""),
        (6, "ACCEPTED", ""),
        (6, "CANCELED", "INSUFFICIENT_CASH"),
        (3, "EXPIRED", "END_OF_DATA"),
    ]
    last = {number: (status, reason) for number, status, reason in diary.news if status != "FILL"}
    for number, (status, reason) in last.items():
        assert results.orders["reason"][number] == reason
        assert results.orders["status"][number] == ("FILLED" if status == "ACCEPTED" else status)


def test_an_update_describes_its_order() -> None:
    seen: list[Any] = []

    class Watching(Script):
        def on_order(self, ctx: Context, update: OrderUpdate) -> None:
            seen.append((update.symbol, update.side, update.type, update.qty, update.filled_qty))
            seen.append((update.ts, update.index, ctx.symbol, repr(update)))

    EventSimulator().run_backtest(
        Watching({2: lambda ctx, bar: ctx.sell(3, stop=50.0)}), flat_bars(*[100] * 4)
    )
    assert seen[0] == ("X", "SELL", "STOP", 3, 0)
    assert seen[1] == (START_NS + 2 * DAY_NS, 2, "X", "OrderUpdate(order 0, SELL 3 X ACCEPTED)")


def test_an_order_may_answer_an_order() -> None:
    class Again(Script):
        def on_order(self, ctx: Context, update: OrderUpdate) -> None:
            if update.status == "REJECTED" and ctx.index < 3:
                ctx.buy(2)

    results = EventSimulator().run_backtest(Again({1: lambda ctx, bar: ctx.buy(0)}), BARS)
    assert results.orders["status"].tolist() == ["REJECTED", "FILLED"]


# ---- Timers ----------------------------------------------------------------------------------------


class Clock(Strategy):
    """Sets timers at the start, and notes when they fire."""

    def __init__(self, *timers: dict[str, Any]) -> None:
        self.timers = timers
        self.fired: list[tuple[int, int]] = []

    def on_start(self, ctx: Context) -> None:
        self.ids = [ctx.timer(**timer) for timer in self.timers]

    def on_timer(self, ctx: Context, timer: Timer) -> None:
        assert timer.ts == ctx.ts >= timer.due
        assert timer.index == ctx.index
        self.fired.append((self.ids.index(timer.id), ctx.index))


def day(n: float) -> int:
    return START_NS + round(n * DAY_NS)


@pytest.mark.parametrize(
    "at",
    [
        day(2.5),
        "2024-01-03T12:00",
        "2024-01-03T14:00+02:00",
        datetime(2024, 1, 3, 12),
        datetime(2024, 1, 3, 12, tzinfo=UTC),
        np.datetime64("2024-01-03T12:00"),
    ],
)
def test_a_timer_fires_at_the_first_step_at_or_after_its_time(at: Any) -> None:
    clock = Clock({"at": at}, {"at": day(4)}, {"at": 0}, {"at": day(99)})
    EventSimulator().run_backtest(clock, BARS)
    assert clock.fired == [(2, 0), (0, 3), (1, 4)]


@pytest.mark.parametrize("every", [3 * DAY_NS, "3D", timedelta(days=3), np.timedelta64(72, "h")])
def test_a_timer_may_repeat(every: Any) -> None:
    clock = Clock({"every": every}, {"at": day(1), "every": every})
    EventSimulator().run_backtest(clock, BARS)
    assert clock.fired == [(1, 1), (0, 3), (1, 4), (0, 6), (1, 7), (0, 9)]


def test_times_in_a_gap_fire_once_together() -> None:
    keep = np.array([0, 1, 7, 8, 9])
    bars = type(BARS).from_closes(BARS.ts[keep], BARS.close()[keep, 0], symbols=["X"])
    clock = Clock({"every": DAY_NS})
    EventSimulator({"fill": "next_close"}).run_backtest(clock, bars)
    assert [step for _, step in clock.fired] == [1, 2, 3, 4]


def test_timers_come_before_the_bars_of_their_step_and_can_be_taken_back() -> None:
    calls: list[str] = []

    class Both(Clock):
        def on_timer(self, ctx: Context, timer: Timer) -> None:
            calls.append(f"timer {ctx.index}")
            if ctx.index == 2:
                assert ctx.cancel_timer(timer.id)
                assert not ctx.cancel_timer(timer.id)
                ctx.buy(1)

        def on_bar(self, ctx: Context, bar: Bar) -> None:
            calls.append(f"bar {ctx.index}")

    results = EventSimulator().run_backtest(Both({"every": "1D"}), random_bars(4))
    assert calls == ["bar 0", "timer 1", "bar 1", "timer 2", "bar 2", "bar 3"]
    assert results["n_fills"] == 1


@pytest.mark.parametrize(
    ("timer", "words"),
    [
        ({}, "needs a time"),
        ({"at": "noon"}, "no time"),
        ({"at": 1.5}, "no time"),
        ({"every": "often"}, "no length of time"),
        ({"every": 0}, "no length of time"),
    ],
)
def test_a_timer_that_cannot_be_meant_is_refused(timer: dict[str, Any], words: str) -> None:
    with pytest.raises((ConfigError, DataError), match=words):
        EventSimulator().run_backtest(Clock(timer), BARS)


# ---- Failing ---------------------------------------------------------------------------------------


class Mishap(Exception):
    """A strategy's own error."""


def fail(*_: Any) -> None:
    raise Mishap("no")


def failed(strategy: Strategy, error: type[BaseException], **settings: Any) -> tuple[str, BacktestResults]:
    """The note of the place where a strategy failed, and what was kept."""
    with pytest.raises(error) as raised:
        EventSimulator(settings).run_backtest(strategy, BARS)
    (note,) = raised.value.__notes__
    return note, vars(raised.value)["results"]


def buys_then(act: Any) -> dict[int, Any]:
    return {0: lambda ctx, bar: ctx.buy(10), 4: act}


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (fail, Mishap),
        (lambda ctx, bar: ctx.buy(1, symbol="NOPE"), UnknownSymbolError),
        (lambda ctx, bar: ctx.buy(float("nan")), DataError),
        (lambda ctx, bar: ctx.target(float("inf")), DataError),
        (lambda ctx, bar: ctx.target_weight(float("nan")), DataError),
        (lambda ctx, bar: [ctx.buy(1) for _ in range(10**6)], ConfigError),
    ],
)
def test_a_failing_run_keeps_what_it_came_to(act: Any, error: type[BaseException]) -> None:
    note, kept = failed(Script(buys_then(act)), error, max_orders_per_step=50)
    assert "raised in on_bar at step 4, 2024-01-05T00:00:00" in note
    assert 'symbol "S0", by the strategy Script' in note
    whole = run({0: lambda ctx, bar: ctx.buy(10)}, BARS)
    assert kept.ts.tolist() == BARS.ts[:5].tolist()
    assert kept.equity.tolist() == whole.equity[:5].tolist()
    assert kept.positions.tolist() == whole.positions[:5].tolist()
    assert kept["n_fills"] == 1
    assert kept.error is not None
    assert kept.error.startswith(error.__name__)
    assert "at step 4" in kept.error
    assert kept.warnings[0].startswith("The run ended before its data did")
    assert whole.error is None


def test_orders_without_end_end_the_run() -> None:
    def forever(ctx: Context, bar: Bar) -> None:
        while True:
            ctx.buy(1, limit=1.0)

    note, kept = failed(Script({3: forever}), ConfigError, max_orders_per_step=7)
    assert "on_bar at step 3" in note
    assert len(kept.orders) == 7
    assert set(kept.orders["reason"].tolist()) == {"RUN_STOPPED"}


def test_answers_to_answers_without_end_end_the_run() -> None:
    class Echo(Script):
        def on_order(self, ctx: Context, update: OrderUpdate) -> None:
            ctx.buy(0)

    note, kept = failed(Echo({2: lambda ctx, bar: ctx.buy(0)}), ConfigError)
    assert "on_order at step 2" in note
    assert len(kept.orders) == 100_000


def test_the_limit_of_orders_counts_each_step_anew() -> None:
    results = run(lambda ctx, bar: [ctx.buy(1) for _ in range(3)], BARS, max_orders_per_step=3)
    assert len(results.orders) == 30


@pytest.mark.parametrize("callback", ["on_fill", "on_order", "on_timer", "on_stop"])
def test_each_callback_is_named_when_it_fails(callback: str) -> None:
    class Failing(Script):
        def on_start(self, ctx: Context) -> None:
            ctx.timer(at=day(3))

    setattr(Failing, callback, fail)
    note, kept = failed(Failing({2: lambda ctx, bar: ctx.buy(1)}), Mishap)
    step = {"on_fill": 3, "on_order": 2, "on_timer": 3, "on_stop": 9}[callback]
    assert f"raised in {callback} at step {step}," in note
    assert len(kept.equity) == step + 1


def test_nothing_is_kept_of_a_run_that_fails_before_its_first_bar() -> None:
    class Failing(Script):
        def on_start(self, ctx: Context) -> None:
            fail()

    note, kept = failed(Failing({}), Mishap)
    assert "on_start at step 0" in note
    assert kept is None


@pytest.mark.parametrize("send", [lambda ctx: ctx.buy(1), lambda ctx: ctx.target(3)])
def test_an_order_sent_after_the_last_bar_is_an_error(send: Any) -> None:
    class Late(Script):
        def on_stop(self, ctx: Context) -> None:
            send(ctx)

    note, kept = failed(Late({}), ConfigError)
    assert "on_stop" in note
    assert kept.error is not None
    assert "after the last bar" in kept.error
    assert len(kept.equity) == BARS.n_times


def test_what_was_kept_can_be_sent_to_another_process() -> None:
    _, kept = failed(Script({5: lambda ctx, bar: ctx.buy(float("nan"))}), DataError)
    again = pickle.loads(pickle.dumps(kept))
    assert again.error == kept.error
    assert again.events_sha256 == kept.events_sha256


def test_an_interrupt_keeps_what_there_is_too() -> None:
    def interrupt(ctx: Context, bar: Bar) -> None:
        raise KeyboardInterrupt

    _, kept = failed(Script({2: interrupt}), KeyboardInterrupt)
    assert len(kept.equity) == 3


def test_a_strategy_that_would_never_be_called_is_refused() -> None:
    with pytest.raises(ConfigError, match="Idle must define on_bar or another callback"):
        EventSimulator().run_backtest(type("Idle", (Strategy,), {})(), BARS)


def test_any_callback_alone_makes_a_strategy() -> None:
    stopped: list[float] = []

    class Last(Strategy):
        def on_stop(self, ctx: Context) -> None:
            stopped.append(ctx.equity)

    EventSimulator().run_backtest(Last(), BARS)
    assert stopped == [100_000.0]
