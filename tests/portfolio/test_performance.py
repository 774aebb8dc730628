"""Ratios and the summary: numbers to check by hand, and numbers that other packages print."""

import math
import re
from collections.abc import Sequence

import numpy as np
import pytest

from omni_lab.errors import ConfigError, OmniError, SchemaError, ShapeError
from omni_lab.portfolio import performance as perf

DAY = 86_400_000_000_000
MINUTE = 60_000_000_000

METRICS = [
    "initial_capital",
    "final_equity",
    "total_return",
    "annual_return",
    "annual_volatility",
    "sharpe_ratio",
    "sortino_ratio",
    "calmar_ratio",
    "max_drawdown",
    "max_drawdown_length",
    "max_drawdown_days",
    "turnover",
    "hit_rate",
    "profit_factor",
    "exposure",
    "mean_leverage",
    "commission_paid",
    "slippage_paid",
    "costs_paid",
    "n_trades",
    "n_orders",
    "n_fills",
    "best_step",
    "worst_step",
    "skew",
    "kurtosis",
    "time_under_water",
    "periods_per_year",
]


def daily(n: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.arange(n, dtype=np.int64) * DAY


def same(found: float, expected: float) -> bool:
    return math.isclose(found, expected, rel_tol=1e-12) or (math.isnan(found) and math.isnan(expected))


def test_summary_by_hand() -> None:
    # Returns +10%, −10%, +20%: mean 1/15, deviations 1/30, −1/6, 2/15.
    summary = perf.summarize(
        [110.0, 99.0, 118.8],
        daily(3),
        initial_capital=100.0,
        gross_exposure=[0.0, 99.0, 59.4],
        traded_notional=327.8,
        trade_pnl=[10.0, -11.0, 19.8],
        n_orders=5,
        n_fills=4,
        commission_paid=1.5,
        slippage_paid=0.5,
        periods_per_year=3.0,
    )
    assert list(summary) == METRICS
    sigma = math.sqrt((1 / 900 + 1 / 36 + 4 / 225) / 2)
    expected = {
        "initial_capital": 100.0,
        "final_equity": 118.8,
        "total_return": 0.188,
        "annual_return": 0.188,  # three steps are one year here
        "annual_volatility": sigma * math.sqrt(3),
        "sharpe_ratio": 1 / 15 / sigma * math.sqrt(3),
        "sortino_ratio": 1 / 15 / math.sqrt(0.01 / 3) * math.sqrt(3),  # = 2
        "calmar_ratio": 1.88,
        "max_drawdown": -0.1,
        "max_drawdown_length": 2.0,
        "max_drawdown_days": 2.0,
        "turnover": 327.8 / (327.8 / 3),
        "hit_rate": 2 / 3,
        "profit_factor": 29.8 / 11.0,
        "exposure": 2 / 3,
        "mean_leverage": (0.0 + 1.0 + 0.5) / 3,
        "commission_paid": 1.5,
        "slippage_paid": 0.5,
        "costs_paid": 2.0,
        "n_trades": 3.0,
        "n_orders": 5.0,
        "n_fills": 4.0,
        "best_step": 0.2,
        "worst_step": -0.1,
        # Σd³ = (1 − 125 + 64) / 27000 and Σd⁴ = (1 + 625 + 256) / 810000 over Σd² = 42 / 900
        "skew": (-60 / 27000 / 3) / (42 / 900 / 3) ** 1.5,
        "kurtosis": (882 / 810000 / 3) / (42 / 900 / 3) ** 2 - 3,
        "time_under_water": 1 / 3,
        "periods_per_year": 3.0,
    }
    assert summary == pytest.approx(expected, rel=1e-12)
    assert all(type(value) is float for value in summary.values())


def test_summary_agrees_with_the_single_functions() -> None:
    steps = 0.0004 + 0.01 * np.sin(np.arange(700.0) ** 2)
    equity = 5_000.0 * np.cumprod(1 + steps)
    ts = daily(700)
    summary = perf.summarize(equity, ts, initial_capital=5_000.0, risk_free_rate=0.02, periods_per_year=252)
    returns = perf.returns_from_equity(equity, 5_000.0)
    assert summary["sharpe_ratio"] == perf.sharpe_ratio(returns, 252, 0.02)
    assert summary["sortino_ratio"] == perf.sortino_ratio(returns, 252, 0.02)
    assert summary["calmar_ratio"] == perf.calmar_ratio(equity, 5_000.0, 252)
    assert summary["annual_volatility"] == perf.annual_volatility(returns, 252)
    assert summary["max_drawdown"] == perf.max_drawdown(equity, 5_000.0)
    assert summary["max_drawdown_length"] == perf.max_drawdown_length(equity, 5_000.0)
    assert summary["max_drawdown_days"] == perf.max_drawdown_days(equity, ts, 5_000.0)
    assert summary["time_under_water"] == perf.time_under_water(equity, 5_000.0)
    assert (summary["skew"], summary["kurtosis"]) == (perf.skew(returns), perf.kurtosis(returns))


# Printed by empyrical-reloaded 0.7.1 (252 periods a year; its rates are per step): the mixed returns of its
# own tests, and a longer series that anybody can make again. skew and kurtosis by scipy.stats 1.17.1.
MIXED = [0.0, 0.01, 0.10, -0.04, 0.02, 0.03, 0.02, 0.01, -0.10]
_T = np.arange(1.0, 1001.0)
WAVES = 0.0005 + 0.01 * np.sin(_T * _T * 0.37) + 0.004 * np.cos(_T / 40)


@pytest.mark.parametrize(
    ("returns", "expected"),
    [
        (
            MIXED,
            {
                "sharpe_ratio": 1.6368951821422704,
                "sortino_ratio": 2.4565184222025884,
                "calmar_ratio": 19.13592537319459,
                "annual_return": 1.9135925373194578,
                "annual_volatility": 0.8552777326693359,
                "max_drawdown": -0.1,
            },
        ),
        (
            WAVES,
            {
                "sharpe_ratio": 0.24851504421833612,
                "sortino_ratio": 0.3623500450999262,
                "calmar_ratio": 0.06312459074692499,
                "annual_return": 0.023186664110262933,
                "annual_volatility": 0.12227622747589713,
                "max_drawdown": -0.36731587224416873,
                "skew": 0.08242115944070656,
                "kurtosis": -1.1483148431188908,
            },
        ),
    ],
    ids=["mixed", "waves"],
)
def test_same_numbers_as_other_packages(returns: Sequence[float], expected: dict[str, float]) -> None:
    equity = 100.0 * np.cumprod(1.0 + np.asarray(returns))
    summary = perf.summarize(equity, daily(len(equity)), initial_capital=100.0, periods_per_year=252)
    assert {name: summary[name] for name in expected} == pytest.approx(expected, rel=1e-9)


def test_risk_free_rate_is_compounded_over_the_year() -> None:
    # 0.0001 a step, the rate given to empyrical for these two numbers.
    annual = 1.0001**252 - 1
    assert perf.sharpe_ratio(WAVES, 252, annual) == pytest.approx(0.042424289537771026, rel=1e-9)
    assert perf.sortino_ratio(WAVES, 252, annual) == pytest.approx(0.0611370979030345, rel=1e-9)


def test_rolling_sharpe_is_that_of_empyrical() -> None:
    rolling = perf.rolling_sharpe(WAVES, 63, 252)
    assert np.isnan(rolling[:62]).all()
    assert rolling[[62, 162, 999]] == pytest.approx(
        [9.585498327644338, -7.936884855262974, 2.408603056735976]
    )


@pytest.mark.parametrize("window", [2, 3, 7, 50, 119, 120])
def test_rolling_sharpe_is_the_sharpe_of_each_window(window: int) -> None:
    returns = WAVES[:120]
    rolling = perf.rolling_sharpe(returns, window, 252, 0.03)
    for end in range(window, 121):
        expected = perf.sharpe_ratio(returns[end - window : end], 252, 0.03)
        assert rolling[end - 1] == pytest.approx(expected, rel=1e-9)


def test_rolling_sharpe_does_not_remember_an_outlier() -> None:
    returns = np.concatenate(([1e6], WAVES[:40]))
    assert perf.rolling_sharpe(returns, 20, 252)[-1] == pytest.approx(perf.sharpe_ratio(WAVES[20:40], 252))


def test_rolling_sharpe_is_nan_where_nothing_moved_and_beside_a_nan() -> None:
    flat = np.concatenate((np.zeros(30), WAVES[:30], np.full(30, 0.01)))
    rolling = perf.rolling_sharpe(flat, 10, 252)
    assert np.isnan(rolling[:30]).all()
    assert np.isfinite(rolling[30:69]).all()
    assert np.isnan(rolling[69:]).all()
    with_nan = WAVES[:50].copy()
    with_nan[20] = np.nan
    assert np.flatnonzero(np.isnan(perf.rolling_sharpe(with_nan, 10, 252))).tolist() == [
        *range(9),
        *range(20, 30),
    ]


def test_rolling_sharpe_of_too_few_returns_is_nan() -> None:
    assert np.isnan(perf.rolling_sharpe([0.1, 0.2], 3, 252)).all()
    assert perf.rolling_sharpe([], 3, 252).shape == (0,)


@pytest.mark.parametrize(
    ("equity", "expected"),
    [
        # Nothing happened: no risk, hence no ratio.
        (
            [100.0] * 5,
            {
                "total_return": 0.0,
                "annual_return": 0.0,
                "annual_volatility": 0.0,
                "sharpe_ratio": math.nan,
                "sortino_ratio": math.nan,
                "calmar_ratio": math.nan,
                "max_drawdown": 0.0,
                "max_drawdown_length": 0.0,
                "max_drawdown_days": 0.0,
                "time_under_water": 0.0,
                "skew": math.nan,
                "kurtosis": math.nan,
            },
        ),
        # The same gain every step: scatter there is none but that of rounding.
        (
            list(100.0 * 1.01 ** np.arange(1.0, 300.0)),
            {"annual_volatility": 0.0, "sharpe_ratio": math.nan, "sortino_ratio": math.nan, "skew": math.nan},
        ),
        # One bar.
        (
            [110.0],
            {
                "total_return": 0.1,
                "annual_return": 1.1**252 - 1,
                "annual_volatility": math.nan,
                "sharpe_ratio": math.nan,
                "sortino_ratio": math.nan,
                "max_drawdown": 0.0,
                "best_step": 0.1,
                "worst_step": 0.1,
            },
        ),
        # All is lost, and then there is nothing to earn a return on.
        (
            [50.0, 0.0, 0.0],
            {
                "total_return": -1.0,
                "annual_return": -1.0,
                "calmar_ratio": -1.0,
                "max_drawdown": -1.0,
                "annual_volatility": math.nan,
                "sharpe_ratio": math.nan,
                "sortino_ratio": math.nan,
            },
        ),
        # More than all is lost.
        (
            [50.0, -20.0],
            {
                "total_return": -1.2,
                "annual_return": -1.0,
                "max_drawdown": -1.2,
                "worst_step": -1.4,
            },
        ),
        # A leading flat stretch counts as time, not as risk.
        (
            [100.0, 100.0, 100.0, 101.0],
            {
                "sharpe_ratio": 0.0025 / 0.005 * math.sqrt(252),
                "sortino_ratio": math.nan,
                "annual_return": 1.01 ** (252 / 4) - 1,
                "max_drawdown_length": 0.0,
            },
        ),
        # Nothing at all.
        (
            [],
            {
                "final_equity": 100.0,
                "total_return": 0.0,
                "annual_return": math.nan,
                "sharpe_ratio": math.nan,
                "max_drawdown": math.nan,
                "best_step": math.nan,
                "time_under_water": math.nan,
            },
        ),
    ],
    ids=["constant", "constant growth", "one bar", "zero", "negative", "flat start", "empty"],
)
def test_edges(equity: list[float], expected: dict[str, float]) -> None:
    summary = perf.summarize(equity, daily(len(equity)), initial_capital=100.0, periods_per_year=252)
    wrong = {name: summary[name] for name, value in expected.items() if not same(summary[name], value)}
    assert not wrong
    assert list(summary) == METRICS


def test_what_is_not_given_is_not_made_up() -> None:
    summary = perf.summarize([101.0, 102.0], daily(2), initial_capital=100.0)
    unknown = [
        "turnover",
        "hit_rate",
        "profit_factor",
        "exposure",
        "mean_leverage",
        "n_trades",
        "n_orders",
        "n_fills",
    ]
    assert [name for name in METRICS if math.isnan(summary[name])] == [
        "sortino_ratio",
        "calmar_ratio",
        *unknown,
    ]


@pytest.mark.parametrize(
    ("pnl", "hits", "factor"),
    [
        ([], math.nan, math.nan),
        ([5.0, 1.0], 1.0, math.inf),
        ([-5.0, -1.0], 0.0, 0.0),
        ([0.0, 0.0], 0.0, math.nan),
        ([3.0, 0.0, -2.0, -4.0], 0.25, 0.5),
    ],
)
def test_trades(pnl: list[float], hits: float, factor: float) -> None:
    assert same(perf.hit_rate(pnl), hits)
    assert same(perf.profit_factor(pnl), factor)


def test_leverage_leaves_out_the_steps_without_equity() -> None:
    assert perf.mean_leverage([100.0, 50.0, 10.0], [100.0, 100.0, -5.0]) == pytest.approx(0.75)
    assert math.isnan(perf.mean_leverage([1.0], [0.0]))
    assert math.isnan(perf.turnover(10.0, [-1.0, -2.0], 252))


def test_one_round_trip_of_the_whole_equity_a_year_is_a_turnover_of_two() -> None:
    assert perf.turnover(200.0, np.full(252, 100.0), 252) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("ts", "expected"),
    [
        ([], math.nan),
        ([0], math.nan),
        ([0, 0], math.nan),
        ([0, DAY], 365.25),
        (np.arange(100) * MINUTE, 525_960.0),
        # 251 steps in 365 days are 251.17 a year and 246 are 246.2: daily prices of any span. 240 are not.
        (np.linspace(0, 365 * DAY, 252), 252.0),
        (np.linspace(0, 365 * DAY, 248), 252.0),
        (np.linspace(0, 365 * DAY, 241), 240 * 365.25 / 365),
        (np.array(["2020-01-31", "2020-02-29", "2020-03-31"], dtype="datetime64[D]"), 2 * 365.25 / 60),
    ],
)
def test_periods_per_year(ts: np.ndarray[tuple[int], np.dtype[np.int64]], expected: float) -> None:
    times = np.asarray(ts)
    times = times if times.dtype.kind == "M" else times.astype(np.int64)
    assert same(perf.infer_periods_per_year(times), expected)


def test_a_fast_gain_of_a_few_minutes_overflows_quietly() -> None:
    assert perf.annual_return([200.0], 100.0, 525_960.0) == math.inf


@pytest.mark.parametrize("capital", [0.0, -1.0, math.nan, math.inf])
def test_capital_must_be_positive(capital: float) -> None:
    with pytest.raises(ConfigError, match="initial_capital"):
        perf.summarize([1.0], [0], initial_capital=capital)


def test_bad_arguments_name_what_is_wrong() -> None:
    cases: list[tuple[type[OmniError], str, object]] = [
        (ShapeError, "equity", lambda: perf.drawdown([[1.0]], 1.0)),
        (ShapeError, "'equity': 2, 'ts': 1", lambda: perf.summarize([1.0, 2.0], [0], initial_capital=1.0)),
        (SchemaError, "float64", lambda: perf.infer_periods_per_year([0.5, 1.5])),
        (ConfigError, "window", lambda: perf.rolling_sharpe([0.1, 0.2], 1, 252)),
        (ConfigError, "periods_per_year", lambda: perf.annual_volatility([0.1, 0.2], 0.0)),
        (ConfigError, "0.03 for 3%", lambda: perf.sharpe_ratio([0.1, 0.2], 252, -3.0)),
    ]
    for kind, message, call in cases:
        assert callable(call)
        with pytest.raises(kind, match=re.escape(message)):
            call()
