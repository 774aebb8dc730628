"""Indicators and conditions: batch, incremental and plain; and that Python sleeps until a condition holds."""

from typing import Any

import numpy as np
import pytest

from omni_lab.data import Bars
from omni_lab.errors import ConfigError, SchemaError, ShapeError
from omni_lab.features import indicators as plain
from omni_lab.simulator import EventSimulator, indicator_values
from omni_lab.strategies import Bar, Context, Strategy
from omni_lab.strategies.indicators import (
    Condition,
    Expression,
    above,
    atr,
    below,
    cross_above,
    cross_below,
    ema,
    highest,
    lowest,
    momentum_z,
    price,
    returns,
    rsi,
    sma,
    std,
    vwap,
    zscore,
)
from omni_lab.typing import FloatArray
from tests.simulator.market import random_bars

BARS = random_bars(400, 2, missing=0.1)
EXPRESSIONS = [
    *(sma(20), ema(20), std(20), zscore(20), highest(20), lowest(20, "low"), rsi(14), atr(14), vwap(10)),
    *(
        returns(5),
        momentum_z(20),
        price(),
        price("open"),
        price("volume"),
        sma(1),
        std(2),
        rsi(1),
        highest(1),
    ),
]


def of_plain(bars: Bars, column: int, expression: Expression) -> FloatArray:
    """The plain twin of an indicator, over the bars that an instrument has."""
    o, h, low, c = (
        np.asarray(bars.native.values(name))[:, column] for name in ("open", "high", "low", "close")
    )
    v = np.asarray(bars.native.values("volume"))[:, column]
    here = ~np.isnan(c)
    o, h, low, c, v = (each[here] for each in (o, h, low, c, v))
    n, columns = expression.window, {"open": o, "high": h, "low": low, "close": c, "volume": v}
    log_returns = np.diff(np.log(c))
    z = np.sqrt(n) * np.divide(plain.sma(log_returns, max(n, 1)), plain.rolling_std(log_returns, max(n, 2)))
    values: dict[str, Any] = {
        "price": lambda: columns[expression.column],
        "sma": lambda: plain.sma(c, n),
        "ema": lambda: plain.ema(c, n),
        "std": lambda: plain.rolling_std(c, n),
        "zscore": lambda: plain.zscore(c, n),
        "highest": lambda: plain.highest(columns[expression.column], n),
        "lowest": lambda: plain.lowest(columns[expression.column], n),
        "rsi": lambda: plain.rsi(c, n),
        "atr": lambda: plain.atr(h, low, c, n),
        "vwap": lambda: plain.vwap(h, low, c, v, n),
        "returns": lambda: plain.returns(c, n),
        "momentum_z": lambda: np.concatenate([[np.nan], z]),
    }
    found = np.full(bars.n_times, np.nan)
    found[here] = values[expression.name]()
    return found


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_the_engine_s_indicators_are_the_plain_ones(expression: Expression) -> None:
    found = indicator_values(BARS, expression)
    for column in range(BARS.n_symbols):
        expected = of_plain(BARS, column, expression)
        np.testing.assert_allclose(found[:, column], expected, rtol=1e-9, atol=1e-9)
        assert np.isfinite(found[:, column]).sum() > 300


def test_batch_and_incremental_values_are_equal_to_the_last_bit() -> None:
    seen = np.full((len(EXPRESSIONS), *BARS.close().shape), np.nan)

    class Watching(Strategy):
        def on_start(self, ctx: Context) -> None:
            self.declared = [ctx.declare(each) for each in EXPRESSIONS]

        def on_bar(self, ctx: Context, bar: Bar) -> None:
            seen[:, bar.index, BARS.symbols.index(bar.symbol)] = [each.value for each in self.declared]

    EventSimulator().run_backtest(Watching(), BARS)
    for values, expression in zip(seen, EXPRESSIONS, strict=True):
        np.testing.assert_array_equal(values, indicator_values(BARS, expression), err_msg=str(expression))


def test_the_strength_index_by_hand() -> None:
    # Of the first 14 changes the rises add up to 3.34 and the falls to 1.40; then comes a fall of 0.28.
    closes = [
        44.34,
        44.09,
        44.15,
        43.61,
        44.33,
        44.83,
        45.10,
        45.42,
        45.84,
        46.08,
        45.89,
        46.03,
        45.61,
        46.28,
    ]
    closes += [46.28, 46.00]
    bars = Bars.from_closes(BARS.ts[: len(closes)], np.array(closes), symbols=["X"])
    found = indicator_values(bars, rsi(14))[:, 0]
    assert np.isnan(found[:14]).all()
    rises, falls = 3.34 * 13, 1.40 * 13 + 14 * 0.28
    assert found[14:] == pytest.approx([100 * 3.34 / 4.74, 100 * rises / (rises + falls)])


class Waking(Strategy):
    """Notes each step and symbol at which its condition called."""

    def __init__(self, condition: Condition) -> None:
        self.condition = condition
        self.calls: list[tuple[int, str]] = []

    def on_start(self, ctx: Context) -> None:
        ctx.when(self.condition, self.wake)

    def wake(self, ctx: Context, bar: Bar) -> None:
        assert (ctx.index, ctx.symbol) == (bar.index, bar.symbol)
        self.calls.append((bar.index, bar.symbol))


def expected_calls(truth: FloatArray) -> list[tuple[int, str]]:
    """Where a condition holds: row by row, column by column."""
    return [(int(step), BARS.symbols[column]) for step, column in np.argwhere(truth == 1.0)]


def comparison(a: FloatArray, b: FloatArray | float) -> FloatArray:
    """1 where a > b, 0 where not, NaN where that is unknown."""
    return np.where(np.isnan(a) | np.isnan(b), np.nan, np.greater(a, b))


def previous(values: FloatArray) -> FloatArray:
    """Each value's predecessor among the bars that its instrument has."""
    found = np.full_like(values, np.nan)
    for column, here in enumerate(~np.isnan(BARS.close()).T):
        found[here, column] = np.concatenate([[np.nan], values[here, column][:-1]])
    return found


FAST, SLOW = indicator_values(BARS, sma(5)), indicator_values(BARS, ema(20))
CLOSE = indicator_values(BARS, price())
UP, DOWN = comparison(FAST, SLOW), comparison(SLOW, FAST)


@pytest.mark.parametrize(
    ("condition", "truth"),
    [
        (above(sma(5), ema(20)), UP),
        (below(sma(5), ema(20)), DOWN),
        (cross_above(sma(5), ema(20)), UP * (1 - previous(UP))),
        (cross_below(sma(5), ema(20)), DOWN * (1 - previous(DOWN))),
        (above(price(), 101.0), comparison(CLOSE, 101.0)),
        (~above(sma(5), ema(20)), 1 - UP),
        (above(sma(5), ema(20)) & above(price(), 101), UP * comparison(CLOSE, 101.0)),
        (~above(sma(5), ema(20)) | above(price(), 101), np.fmax(1 - UP, comparison(CLOSE, 101.0))),
    ],
)
def test_a_condition_calls_where_it_holds_and_nowhere_else(condition: Condition, truth: FloatArray) -> None:
    strategy = Waking(condition)
    EventSimulator().run_backtest(strategy, BARS)
    assert strategy.calls == expected_calls(truth)
    assert 5 < len(strategy.calls) < BARS.n_times * BARS.n_symbols - 5


def test_conditions_come_in_the_order_declared_and_before_on_bar() -> None:
    calls: list[str] = []

    class Ordered(Strategy):
        def on_start(self, ctx: Context) -> None:
            ctx.when(above(price(), 0), lambda ctx, bar: calls.append("first"))
            ctx.when(above(price(), 1), lambda ctx, bar: calls.append("second"))

        def on_bar(self, ctx: Context, bar: Bar) -> None:
            calls.append("bar")

    EventSimulator().run_backtest(Ordered(), random_bars(2))
    assert calls == ["first", "second", "bar"] * 2


def test_a_crossover_written_with_conditions_trades_like_the_array() -> None:
    class Crossover(Strategy):
        def on_start(self, ctx: Context) -> None:
            ctx.when(cross_above(sma(5), sma(20)), lambda ctx, bar: ctx.target(10))
            ctx.when(cross_below(sma(5), sma(20)), lambda ctx, bar: ctx.target(-10))

    fast, slow = indicator_values(BARS, sma(5)), indicator_values(BARS, sma(20))
    up, down = comparison(fast, slow), comparison(slow, fast)
    targets = np.full(fast.shape, np.nan)
    targets[up * (1 - previous(up)) == 1] = 10
    targets[down * (1 - previous(down)) == 1] = -10
    found = EventSimulator().run_backtest(Crossover(), BARS)
    expected = EventSimulator().run_targets(BARS, targets)
    assert found.events_sha256 == expected.events_sha256
    assert found["n_trades"] > 10


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (lambda ctx: ctx.when("up", print), ConfigError, "not a condition"),
        (lambda ctx: ctx.when(sma(3), print), ConfigError, "not a condition"),
        (lambda ctx: ctx.when(above(sma(3), 1), 3), ConfigError, "must be callable"),
        (lambda ctx: ctx.declare(3), ConfigError, "not an indicator"),
        (lambda ctx: ctx.declare(std(1)), ConfigError, "window of std"),
        (lambda ctx: ctx.declare(sma(-1)), ConfigError, "window of sma"),
        (lambda ctx: ctx.declare(Expression("smaa", 3)), ConfigError, "unknown indicator"),
        (lambda ctx: ctx.when(above(Expression("smaa", 3), 1), print), ConfigError, "unknown indicator"),
    ],
)
def test_what_cannot_be_meant_is_refused(act: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        EventSimulator().run_backtest(_starting_with(act), BARS)


def test_conditions_are_declared_before_the_first_bar() -> None:
    class Late(Strategy):
        def on_bar(self, ctx: Context, bar: Bar) -> None:
            ctx.when(above(price(), 1), print)

    with pytest.raises(ConfigError, match="declared after the first bar"):
        EventSimulator().run_backtest(Late(), BARS)


@pytest.mark.parametrize("expression", [atr(3), price("high"), highest(3, "high"), vwap(3)], ids=str)
def test_bars_without_the_column_are_refused(expression: Expression) -> None:
    closes = Bars.from_closes(BARS.ts, BARS.close())
    with pytest.raises(SchemaError, match="needs"):
        indicator_values(closes, expression)
    with pytest.raises(SchemaError, match="needs"):
        EventSimulator({"fill": "next_close"}).run_backtest(
            _starting_with(lambda ctx: ctx.declare(expression)), closes
        )


def test_a_condition_has_no_truth_value_and_compares_only_indicators_and_numbers() -> None:
    with pytest.raises(ConfigError, match=r"&, \| and ~"):
        bool(above(sma(3), 1))
    wrong: Any = "close"
    with pytest.raises(ConfigError, match="only indicators and numbers"):
        above(sma(3), wrong)


def test_plain_indicators_refuse_what_they_cannot_use() -> None:
    with pytest.raises(ConfigError, match="window"):
        plain.sma([1.0, 2.0], 0)
    with pytest.raises(ShapeError, match="one-dimensional"):
        plain.sma(np.ones((2, 2)), 1)
    with pytest.raises(ShapeError, match="differ in length"):
        plain.atr([1.0], [1.0], [1.0, 2.0], 1)
    assert np.isnan(plain.ema([1.0, 2.0], 5)).all()


def _starting_with(act: Any) -> Strategy:
    class Starting(Strategy):
        def on_start(self, ctx: Context) -> None:
            act(ctx)

    return Starting()
