"""The look-ahead guard: honest strategies pass, cheats are caught however they cheat, and it tells.

``MARKET`` is what a cheat peeks at: the very data it is run on, kept somewhere else.
"""

import contextlib
import functools
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from omni_lab.data import Bars
from omni_lab.errors import ConfigError, DataError
from omni_lab.simulator import EventSimulator, LookaheadReport
from omni_lab.strategies import Bar, Context, Fill, MomentumStrategy, Strategy
from omni_lab.typing import FloatArray
from tests.simulator.market import DAY_NS, START_NS, days, flat_bars, hold, random_bars

BARS = random_bars(200, seed=1)
MARKET = BARS.close()[:, 0]
TIMES = pd.to_datetime(BARS.ts, utc=True)

Signals = Callable[..., Any]


def check(strategy: Any, bars: Bars = BARS, **options: Any) -> LookaheadReport:
    return EventSimulator().check_lookahead(strategy, bars, progress=False, **options)


def closes(bars: Bars) -> Any:
    return pd.Series(bars.close()[:, 0])


def tomorrow(close: Any) -> FloatArray:
    """The direction of the next close: what nobody knows today."""
    values = np.asarray(close, dtype=np.float64).reshape(-1)
    return np.sign(np.append(values[1:], values[-1]) - values)


# ---- Honest ------------------------------------------------------------------------------------


def crossover(bars: Bars) -> Any:
    return np.sign(closes(bars).rolling(5).mean() - closes(bars).rolling(20).mean())


def z_score_of_the_past(bars: Bars) -> Any:
    close = closes(bars)
    return (close - close.expanding(10).mean()) / close.expanding(10).std()


def convolution(bars: Bars) -> FloatArray:
    close = bars.close()[:, 0]
    return np.convolve(close, np.full(10, 0.1))[: len(close)] / close - 1.0


def transform(bars: Bars) -> FloatArray:
    """A moving average through the frequencies: every value is rounded with all the others."""
    close = bars.close()[:, 0]
    n = 2 * len(close) + 20
    kernel = np.zeros(n)
    kernel[:10] = 0.1
    return np.asarray(np.fft.irfft(np.fft.rfft(close, n) * np.fft.rfft(kernel), n)[: len(close)] / 100.0)


def windows(bars: Bars) -> FloatArray:
    """Needs twenty bars before it can run at all."""
    close = bars.close()[:, 0]
    means = np.lib.stride_tricks.sliding_window_view(close, 20) @ np.full(20, 0.05)
    return np.concatenate([np.full(19, np.nan), means / close[19:] - 1.0])


def train_then_trade(bars: Bars) -> FloatArray:
    """Fits a regression on the first hundred returns, and trades on what follows."""
    returns = np.diff(np.log(bars.close()[:, 0]), prepend=np.nan)
    signal = np.full(bars.n_times, np.nan)
    if bars.n_times > 102:
        beta = np.polyfit(returns[1:100], returns[2:101], 1)
        signal[102:] = np.sign(np.polyval(beta, returns[102:]))
    return signal


@pytest.mark.parametrize(
    "signals",
    [crossover, z_score_of_the_past, convolution, transform, windows, train_then_trade, hold],
    ids=lambda signals: str(signals.__name__),
)
def test_a_causal_function_passes(signals: Signals) -> None:
    report = check(signals)
    assert report, str(report)
    assert report.n_cuts == BARS.n_times - 1
    assert report.captured == ()


@pytest.mark.parametrize("config", [{}, {"stop_loss": 0.01}, {"direction": "long_only"}])
def test_momentum_passes(config: Any) -> None:
    assert check(MomentumStrategy({"lookback_period": 5, "entry_threshold": 1.0, **config}))


class Memory(Strategy):
    """Keeps closes of its own and never forgets them, not even between runs."""

    def __init__(self) -> None:
        self.closes: list[float] = []

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        self.closes.append(bar.close)
        ctx.target_weight(float(np.sign(self.closes[-1] - self.closes[max(0, len(self.closes) - 10)])))


class Seeded(Strategy):
    """Decides by dice, but always by the same."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(5)

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        ctx.target(int(self.rng.integers(-10, 10)))


@pytest.mark.parametrize("strategy", [Memory(), Seeded()], ids=["memory", "dice"])
def test_state_of_its_own_is_no_look_ahead(strategy: Strategy) -> None:
    before = dict(vars(strategy))
    assert check(strategy)
    assert vars(strategy) == before


class Follower(Strategy):
    """Trades on data it carries along, but only on what is past."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.ts = BARS.ts

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        row = int(np.searchsorted(self.ts, bar.ts))
        ctx.target_weight(float(np.sign(self.data[row] - self.data[max(0, row - 5)])))


def test_data_of_its_own_is_no_look_ahead_if_only_the_past_is_read() -> None:
    report = check(Follower(MARKET))
    assert report
    assert report.captured == ("data",)
    assert "Its own data (data) was changed too" in str(report)


def test_instruments_that_are_listed_later_are_no_look_ahead() -> None:
    close = random_bars(120, 3, seed=4).close()
    close[:60, 1] = close[:100, 2] = np.nan
    bars = Bars.from_arrays(days(120), close, close, close, close, symbols=["A", "B", "C"])

    def equal_weights(bars: Bars) -> Any:
        assert bars.n_symbols == 3
        there = ~np.isnan(bars.close())
        return there / np.maximum(there.sum(axis=1, keepdims=True), 1)

    assert check(equal_weights, bars)
    assert check(Memory(), bars)


@pytest.mark.parametrize("tick", [1.0, 0.25])
def test_a_coarse_tick_grid_raises_no_false_alarm(tick: float) -> None:
    from omni_lab.domain import Instrument

    close = np.round(MARKET / tick) * tick
    instruments = [Instrument("X", tick_size=tick)]
    bars = Bars.from_arrays(days(200), close, close + tick, close - tick, close, instruments=instruments)
    assert check(crossover, bars)


def test_prices_that_collapse_or_explode_raise_no_false_alarm() -> None:
    for growth in (-0.2, 0.2):
        close = np.maximum(np.round(100.0 * np.exp(growth * np.arange(100)), 2), 0.01)
        assert check(crossover, flat_bars(*close))


# ---- Cheats that compute ----------------------------------------------------------------------


def shift_back(bars: Bars) -> Any:
    return np.sign(closes(bars).shift(-1) - closes(bars))


def normalise_by_the_whole_sample(bars: Bars) -> Any:
    return (closes(bars) - closes(bars).mean()) / closes(bars).std()


def centred_average(bars: Bars) -> Any:
    return np.sign(closes(bars).rolling(21, center=True, min_periods=1).mean().diff())


def fill_backward(bars: Bars) -> Any:
    return np.sign(closes(bars).rolling(20).mean().bfill() - 100.0)


def scale_by_the_maximum(bars: Bars) -> Any:
    return crossover(bars) / closes(bars).max() * 100.0


def smooth_twice(bars: Bars) -> Any:
    """Forward and backward, as zero-phase filters do."""
    forward = closes(bars).ewm(span=10).mean()
    return np.sign(forward[::-1].ewm(span=10).mean()[::-1].diff())


@pytest.mark.parametrize(
    "signals",
    [
        shift_back,
        normalise_by_the_whole_sample,
        centred_average,
        fill_backward,
        scale_by_the_maximum,
        smooth_twice,
    ],
    ids=lambda signals: str(signals.__name__),
)
def test_a_function_that_uses_later_bars_is_caught(signals: Signals) -> None:
    report = check(signals)
    assert not report
    assert report.leak is not None
    assert report.leak.step <= report.leak.cut
    assert f"{signals.__name__} looks ahead. The decision of step {report.leak.step} (" in str(report)


def test_the_report_names_step_time_instrument_and_what_changed() -> None:
    """Flat until step 3, where it buys because the close of step 4 is higher."""

    def once(bars: Bars) -> FloatArray:
        close, targets = bars.close(), np.zeros((bars.n_times, 2))
        if bars.n_times > 4:
            targets[3, 1] = close[4, 1] > close[3, 1]
        return targets

    close = np.array([[5.0, 10.0]] * 4 + [[5.0, 11.0]] * 4)
    bars = Bars.from_arrays(days(8), close, close, close, close, symbols=["A", "B"])
    report = check(once, bars)
    leak = report.leak
    assert leak is not None
    assert (leak.step, leak.symbol, leak.cut, leak.ts) == (3, "B", 3, START_NS + 3 * DAY_NS)
    assert (leak.original, leak.changed) == ("target 1", "target 0")
    assert str(report) == (
        "once looks ahead. The decision of step 3 (2024-01-04T00:00:00) on B changes when the future after "
        "step 3 is cut off: target 1 becomes target 0."
    )
    with pytest.raises(DataError, match="on B changes"):
        report.raise_if_failed()


def test_a_single_peek_in_eight_years_is_found() -> None:
    """Two thousand bars, one of which is traded on the next: a sample of bars would miss it."""
    bars = random_bars(2_000, seed=2)

    def nearly_honest(bars: Bars) -> Any:
        targets = np.array(closes(bars).rolling(20).mean().diff().clip(-1, 1))
        if bars.n_times > 1_235:
            targets[1_234] = np.sign(bars.close()[1_235, 0] - bars.close()[1_234, 0])
        return targets

    report = check(nearly_honest, bars)
    assert report.leak is not None
    assert (report.leak.step, report.leak.cut) == (1_234, 1_234)


@pytest.mark.parametrize("phase", [0, 1, 2])
def test_a_peek_in_a_rhythm_is_found_whatever_its_phase(phase: int) -> None:
    """Every third week; a guard whose cuts beat in the same time could miss it for ever."""
    bars = random_bars(1_500, seed=3)

    def rhythmic(bars: Bars) -> Any:
        targets = np.zeros(bars.n_times)
        rows = np.arange(20 + phase, bars.n_times, 21)
        targets[rows] = tomorrow(bars.close())[rows]
        return targets

    assert not check(rhythmic, bars)


# ---- Cheats that carry the data along ----------------------------------------------------------


class Peek(Strategy):
    """Buys before every rise; ``later`` says what it knows of the next bar."""

    def __init__(self, data: Any = None) -> None:
        self.data = data

    def later(self, bar: Bar) -> float | None:
        values = np.asarray(self.data)
        return float(values[bar.index + 1]) if bar.index + 1 < len(values) else None

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        known = self.later(bar)
        if known is not None:
            ctx.target_weight(float(np.sign(known - bar.close)))


class Holder:
    def __init__(self, close: Any) -> None:
        self.close = close


class PeekInside(Peek):
    """The same through something that holds the data under the name ``close``."""

    def later(self, bar: Bar) -> float | None:
        column = self.data.close if isinstance(self.data, Holder | Bars) else self.data["close"]
        values = np.asarray(column() if callable(column) else column).reshape(len(BARS), -1)[:, 0]
        return float(values[bar.index + 1]) if bar.index + 1 < len(values) else None


class PeekByTime(Peek):
    def later(self, bar: Bar) -> float | None:
        coming = self.data[self.data.index > pd.Timestamp(bar.ts, tz="UTC")]
        return float(coming.iloc[0]) if len(coming) else None


class PeekByStep(Peek):
    def later(self, bar: Bar) -> float | None:
        found = self.data.get(bar.index + 1)
        return None if found is None else float(found)


class PeekAtClass(Peek):
    market = MARKET

    def later(self, bar: Bar) -> float | None:
        return float(self.market[bar.index + 1]) if bar.index + 1 < len(self.market) else None


class PeekAtGlobal(Peek):
    def later(self, bar: Bar) -> float | None:
        return float(MARKET[bar.index + 1]) if bar.index + 1 < len(MARKET) else None


class PeekAtDefault(Peek):
    def later(self, bar: Bar, market: FloatArray = MARKET) -> float | None:
        return float(market[bar.index + 1]) if bar.index + 1 < len(market) else None


class PeekOnFill(Strategy):
    """Honest at every close; its stops know better."""

    def __init__(self) -> None:
        self.lows = np.asarray(BARS.low())[:, 0]

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        if bar.index == 50:
            ctx.buy(100)

    def on_fill(self, ctx: Context, fill: Fill) -> None:
        if fill.side == "BUY":
            ctx.sell(100, limit=float(self.lows[fill.index + 3]))


@pytest.mark.parametrize(
    "strategy",
    [
        Peek(MARKET),
        Peek(MARKET.tolist()),
        Peek(tuple(MARKET.tolist())),
        Peek((100.0 * MARKET).round().astype(np.int64)),
        Peek(pd.Series(MARKET)),
        Peek(pl.Series(MARKET)),
        PeekInside({"close": MARKET}),
        PeekInside(pl.DataFrame({"close": MARKET})),
        PeekInside(pd.DataFrame({"close": MARKET})),
        PeekInside(Holder(MARKET)),
        PeekInside(BARS),
        PeekInside(pa.table({"close": MARKET})),
        PeekByTime(pd.Series(MARKET, index=TIMES)),
        PeekByTime(pd.Series(MARKET, index=TIMES).iloc[::3]),
        PeekByStep(dict(enumerate(MARKET.tolist()))),
        PeekAtClass(),
        PeekAtGlobal(),
        PeekAtDefault(),
        PeekOnFill(),
    ],
    ids=lambda strategy: f"{type(strategy).__name__}-{type(getattr(strategy, 'data', None)).__name__}",
)
def test_a_strategy_that_peeks_at_data_of_its_own_is_caught(strategy: Strategy) -> None:
    report = check(strategy)
    assert report.leak is not None, str(report)
    assert report.captured


def at_global(bars: Bars) -> Any:
    return tomorrow(MARKET)


def at_default(bars: Bars, market: FloatArray = MARKET) -> Any:
    return tomorrow(market)


def at_keyword(bars: Bars, *, market: FloatArray = MARKET) -> Any:
    return tomorrow(market)


def through_a_helper(bars: Bars) -> Any:
    return at_global(bars)


def through_a_function_inside(bars: Bars) -> Any:
    def inner() -> FloatArray:
        return tomorrow(MARKET)

    return inner()


@contextlib.contextmanager
def nothing_special() -> Iterator[None]:
    yield


# A decorator that is written in another module, as most are.
WITHIN = nothing_special()


def at_closure(market: Any) -> Signals:
    return lambda bars: tomorrow(market)


class Called:
    def __init__(self, market: FloatArray) -> None:
        self.market = market

    def __call__(self, bars: Bars) -> Any:
        return tomorrow(self.market)

    def method(self, bars: Bars) -> Any:
        return self(bars)


@pytest.mark.parametrize(
    "signals",
    [
        at_global,
        at_default,
        at_keyword,
        through_a_helper,
        through_a_function_inside,
        WITHIN(at_global),
        at_closure(MARKET),
        at_closure(pd.Series(MARKET, index=TIMES)),
        at_closure(pl.Series(MARKET)),
        Called(MARKET),
        Called(MARKET).method,
        functools.partial(at_keyword, market=MARKET.copy()),
    ],
)
def test_a_function_that_peeks_at_data_of_its_own_is_caught(signals: Signals) -> None:
    report = check(signals)
    assert report.leak is not None, str(report)
    assert report.captured


def test_the_data_of_the_strategy_is_left_as_it_was() -> None:
    market, frame = MARKET.copy(), pd.DataFrame({"close": MARKET})
    strategy = PeekInside(frame)
    check(strategy)
    check(at_global)
    assert (market == MARKET).all()
    assert strategy.data is frame
    assert (frame["close"] == market).all()


# ---- What cannot be judged ---------------------------------------------------------------------


def test_a_strategy_that_rolls_dice_is_called_so() -> None:
    dice = np.random.default_rng(0)
    report = check(lambda bars: dice.standard_normal(bars.n_times))
    assert not report
    assert not report.deterministic
    assert "decides differently on the same data" in str(report)


def test_targets_fetched_from_elsewhere_cannot_be_examined() -> None:
    stored = {"of": lambda: np.ones(200)}
    report = check(lambda bars: stored["of"]())
    assert not report
    assert report.inconclusive
    assert "cannot be examined" in str(report)
    assert "ShapeError" in str(report)


def test_a_function_that_reaches_past_the_end_is_caught_by_its_error() -> None:
    def every_month(bars: Bars) -> FloatArray:
        close, targets = bars.close()[:, 0], np.zeros(bars.n_times)
        for row in range(0, min(bars.n_times, 190), 21):
            targets[row] = float(close[row + 5] > close[row])
        return targets

    report = check(every_month)
    assert report.leak is not None


def test_failures_for_want_of_data_are_counted_and_told() -> None:
    report = check(windows)
    assert report.passed
    assert 0 < report.n_failed < 60
    assert "runs failed (ValueError: window shape" in str(report)


def test_a_strategy_that_cannot_be_copied_is_refused_with_advice() -> None:
    class Locked(Strategy):
        def __init__(self) -> None:
            self.lock = threading.Lock()

        def on_bar(self, ctx: Context, bar: Bar) -> None:
            """Nothing."""

    with pytest.raises(ConfigError, match="on_start"):
        check(Locked())


def test_one_bar_has_no_future() -> None:
    with pytest.raises(DataError, match="no future"):
        check(hold, random_bars(1))


def test_a_strategy_s_own_error_on_the_data_as_it_is_passes_through() -> None:
    def broken(bars: Bars) -> Any:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        check(broken)


# ---- How much it does --------------------------------------------------------------------------


def test_the_report_says_how_much_was_looked_at() -> None:
    report = check(crossover, max_cuts=10)
    assert (report.n_cuts, report.n_runs) == (10, 2 + 30)
    assert report.n_decisions == 200 - 19
    assert str(report) == (
        "No look-ahead found in crossover: 181 decisions, 32 runs, the future changed after 10 of 200 steps."
    )


def test_a_number_of_cuts_below_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="max_cuts"):
        check(crossover, max_cuts=0)


def test_the_work_does_not_grow_with_the_data() -> None:
    ts = START_NS + 60 * 10**9 * np.arange(100_000, dtype=np.int64)
    close = np.round(100.0 + np.cumsum(np.random.default_rng(0).standard_normal(100_000)) / 100.0, 2)
    report = check(
        lambda bars: np.sign(bars.close() - 100.0), Bars.from_arrays(ts, close, close, close, close)
    )
    assert report
    assert report.n_runs < 200
    assert report.n_cuts < report.n_times


def test_what_numpy_warns_of_on_other_futures_does_not_reach_the_user() -> None:
    def logarithms(bars: Bars) -> Any:
        spread = MARKET[: bars.n_times] - 50.0
        return np.sign(np.diff(np.log(spread), prepend=np.nan))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check(logarithms)


def test_the_check_comes_out_the_same_every_time() -> None:
    assert check(crossover) == check(crossover)
    assert check(centred_average) == check(centred_average)


def test_a_strategy_that_has_run_can_be_examined() -> None:
    strategy = MomentumStrategy({"lookback_period": 5, "entry_threshold": 1.0})
    EventSimulator().run_backtest(strategy, random_bars(60))
    assert EventSimulator().check_lookahead(strategy, random_bars(60), progress=False)
    assert EventSimulator().check_agreement(strategy, random_bars(60), progress=False)
