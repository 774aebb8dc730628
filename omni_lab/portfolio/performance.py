"""Performance of an equity curve: the definitions of every metric that a backtest reports.

Pure functions of arrays. An equity curve has one value per step, after that step; the initial capital stands
before the first one, so a curve of n steps has n returns. Ratios whose denominator is zero are NaN, never
infinite, except `profit_factor`; NaN in the input gives NaN. Rates are decimals and annual where the name
says so. Months and years, and trading, are defined in the modules `calendar` and `trading` beside this one,
falls from a peak in `omni_lab.risk.drawdowns`; all of it can be had from here.
"""

import math
from typing import NamedTuple

import numpy as np

from omni_lab.portfolio import _checks as check
from omni_lab.portfolio.calendar import annual_returns, monthly_returns
from omni_lab.portfolio.trading import exposure, hit_rate, mean_leverage, profit_factor, turnover
from omni_lab.risk.drawdowns import (
    Drawdown,
    drawdown,
    find_falls,
    max_drawdown,
    max_drawdown_days,
    max_drawdown_length,
    time_under_water,
    top_drawdowns,
)
from omni_lab.typing import ArrayLike, FloatArray

__all__ = [
    "Drawdown",
    "Moments",
    "annual_return",
    "annual_returns",
    "annual_volatility",
    "calmar_ratio",
    "drawdown",
    "exposure",
    "hit_rate",
    "infer_periods_per_year",
    "kurtosis",
    "max_drawdown",
    "max_drawdown_days",
    "max_drawdown_length",
    "mean_leverage",
    "moments_of",
    "monthly_returns",
    "per_step_rate",
    "profit_factor",
    "returns_from_equity",
    "rolling_sharpe",
    "sharpe_ratio",
    "skew",
    "sortino_ratio",
    "summarize",
    "time_under_water",
    "top_drawdowns",
    "total_return",
    "turnover",
]

NAN = float("nan")
_YEAR_NS = 365.25 * 86_400e9
_TRADING_DAYS = 252.0
# A return is a quotient near one, minus one: it carries an error of about 1e-16 however small it is. Scatter
# below this, as in a curve that grows by the same 1% each step, is rounding and not risk.
_ROUNDING = 1e-15
_BLOCK = 8192


def summarize(
    equity: ArrayLike,
    ts: ArrayLike,
    *,
    initial_capital: float,
    gross_exposure: ArrayLike | None = None,
    traded_notional: float | None = None,
    trade_pnl: ArrayLike | None = None,
    n_orders: int | None = None,
    n_fills: int | None = None,
    commission_paid: float = 0.0,
    slippage_paid: float = 0.0,
    risk_free_rate: float = 0.0,
    periods_per_year: float | None = None,
) -> dict[str, float]:
    """All metrics of a backtest, by name.

    Parameters
    ----------
    equity : array-like of float, shape (n_steps,)
        Equity after each step.
    ts : array-like of int64 or datetime64, shape (n_steps,)
        Times of the steps, nanoseconds since 1970 UTC, increasing.
    initial_capital : float
        Equity before the first step, positive.
    gross_exposure : array-like of float, shape (n_steps,), optional
        Σ |position| × mark after each step.
    traded_notional : float, optional
        Σ |quantity| × price over all fills, buys and sells alike.
    trade_pnl : array-like of float, shape (n_trades,), optional
        Profit of each closed trade after its commissions.
    n_orders, n_fills : int, optional
        How many there were.
    commission_paid, slippage_paid : float, default 0
        Costs over the whole run, positive when paid.
    risk_free_rate : float, default 0
        Annual, compounded; what the Sharpe and Sortino ratios measure the mean return against.
    periods_per_year : float, optional
        Steps per year; `infer_periods_per_year` of the times by default.

    Returns
    -------
    dict of str to float
        The keys are always the same. What cannot be known from the arguments given is NaN.

    Raises
    ------
    ConfigError
        If the initial capital is not a positive number.
    ShapeError
        If the arrays differ in length or are not one-dimensional.
    """
    values, ns = check.floats(equity, "equity"), check.times(ts)
    check.same_length(equity=values, ts=ns)
    per_year = infer_periods_per_year(ns) if periods_per_year is None else float(periods_per_year)
    steps = returns_from_equity(values, initial_capital)
    depths = drawdown(values, initial_capital)
    deepest = float(depths.min()) if len(depths) else NAN
    growth = annual_return(values, initial_capital, per_year)
    falls = find_falls(depths)
    moments = moments_of(steps)
    riskless = per_step_rate(risk_free_rate, per_year)
    gross = None if gross_exposure is None else check.floats(gross_exposure, "gross_exposure")
    pnl = None if trade_pnl is None else check.floats(trade_pnl, "trade_pnl")
    return {
        "initial_capital": float(initial_capital),
        "final_equity": float(values[-1]) if len(values) else float(initial_capital),
        "total_return": total_return(values, initial_capital),
        "annual_return": growth,
        "annual_volatility": moments.std * _root(per_year),
        "sharpe_ratio": _annual_ratio(moments.mean - riskless, moments.std, per_year),
        "sortino_ratio": _annual_ratio(moments.mean - riskless, _downside(steps, riskless), per_year),
        "calmar_ratio": _calmar(growth, deepest),
        "max_drawdown": deepest,
        "max_drawdown_length": float(falls.n_steps),
        "max_drawdown_days": falls.n_days(ns),
        "turnover": NAN if traded_notional is None else turnover(traded_notional, values, per_year),
        "hit_rate": NAN if pnl is None else hit_rate(pnl),
        "profit_factor": NAN if pnl is None else profit_factor(pnl),
        "exposure": NAN if gross is None else exposure(gross),
        "mean_leverage": NAN if gross is None else mean_leverage(gross, values),
        "commission_paid": float(commission_paid),
        "slippage_paid": float(slippage_paid),
        "costs_paid": float(commission_paid) + float(slippage_paid),
        "n_trades": NAN if pnl is None else float(len(pnl)),
        "n_orders": NAN if n_orders is None else float(n_orders),
        "n_fills": NAN if n_fills is None else float(n_fills),
        "best_step": float(steps.max()) if len(steps) else NAN,
        "worst_step": float(steps.min()) if len(steps) else NAN,
        "skew": moments.skew,
        "kurtosis": moments.kurtosis,
        "time_under_water": falls.n_steps_under_water / len(depths) if len(depths) else NAN,
        "periods_per_year": per_year,
    }


def infer_periods_per_year(ts: ArrayLike) -> float:
    """Steps per year of 365.25 days, as the times show it.

    ``(n_steps − 1) / years between the first and the last step``, and 252 when that lies within 2% of 252, so
    that daily prices of any span are annualised alike.

    Parameters
    ----------
    ts : array-like of int64 or datetime64, shape (n_steps,)
        Times of the steps, nanoseconds since 1970 UTC, increasing.

    Returns
    -------
    float
        NaN when fewer than two different times leave it open.
    """
    ns = check.times(ts)
    if len(ns) < 2 or ns[-1] <= ns[0]:
        return NAN
    per_year = (len(ns) - 1) / (float(ns[-1] - ns[0]) / _YEAR_NS)
    return _TRADING_DAYS if abs(per_year - _TRADING_DAYS) <= 0.02 * _TRADING_DAYS else per_year


def returns_from_equity(equity: ArrayLike, initial_capital: float) -> FloatArray:
    """Simple return of each step, ``equity[t] / equity[t − 1] − 1``, the first against the initial capital.

    Parameters
    ----------
    equity : array-like of float, shape (n_steps,)
        Equity after each step.
    initial_capital : float
        Equity before the first step, positive.

    Returns
    -------
    ndarray of float64, shape (n_steps,)
        −1 in a step that loses everything; NaN in the steps after an equity of zero or less, from which there
        is no return.
    """
    values = check.floats(equity, "equity")
    steps = np.empty_like(values)
    if not len(values):
        return steps
    steps[0] = values[0] / check.capital(initial_capital)
    with np.errstate(divide="ignore", invalid="ignore"):
        np.divide(values[1:], values[:-1], out=steps[1:])
    steps -= 1.0
    if values.min() <= 0.0:
        steps[1:][values[:-1] <= 0.0] = NAN
    return steps


def total_return(equity: ArrayLike, initial_capital: float) -> float:
    """Final equity relative to the initial capital, minus one; 0 without steps."""
    values = check.floats(equity, "equity")
    return float(values[-1]) / check.capital(initial_capital) - 1.0 if len(values) else 0.0


def annual_return(equity: ArrayLike, initial_capital: float, periods_per_year: float) -> float:
    """Compound annual growth rate: ``(final / initial) ** (periods_per_year / n_steps) − 1``.

    A year is `periods_per_year` steps, not a span of the calendar. −1 when the final equity is zero or less:
    more than everything cannot be lost at a compound rate. NaN without steps.
    """
    values, initial = check.floats(equity, "equity"), check.capital(initial_capital)
    growth = float(values[-1]) / initial if len(values) else NAN
    if growth <= 0.0:
        return -1.0
    with np.errstate(over="ignore"):
        return float(np.expm1(math.log(growth) * check.per_year(periods_per_year) / max(len(values), 1)))


def annual_volatility(returns: ArrayLike, periods_per_year: float) -> float:
    """Standard deviation of the returns (ddof 1) × √periods_per_year; NaN with fewer than two returns."""
    return moments_of(check.floats(returns, "returns")).std * _root(periods_per_year)


def sharpe_ratio(returns: ArrayLike, periods_per_year: float, risk_free_rate: float = 0.0) -> float:
    """Mean excess return over its standard deviation, annualised.

    ``(mean(r) − rf) / std(r, ddof=1) × √periods_per_year`` with the risk-free rate of one step
    ``rf = (1 + risk_free_rate) ** (1 / periods_per_year) − 1``.

    Parameters
    ----------
    returns : array-like of float, shape (n_steps,)
        Simple returns.
    periods_per_year : float
        Steps per year.
    risk_free_rate : float, default 0
        Annual, compounded.

    Returns
    -------
    float
        NaN with fewer than two returns, and where all returns are the same: no risk was seen, so none was
        paid for.

    References
    ----------
    .. [1] Sharpe, "The Sharpe ratio", Journal of Portfolio Management 21(1), 1994, equations 3 to 6.
    """
    moments = moments_of(check.floats(returns, "returns"))
    excess = moments.mean - per_step_rate(risk_free_rate, periods_per_year)
    return _annual_ratio(excess, moments.std, periods_per_year)


def sortino_ratio(returns: ArrayLike, periods_per_year: float, target: float = 0.0) -> float:
    """Mean return above a target over the downside deviation from it, annualised.

    ``(mean(r) − τ) / √mean(min(r − τ, 0)²) × √periods_per_year``. The mean under the root is over **all**
    steps, those above the target counting as zero; leaving them out would reward a strategy that loses seldom
    but much.

    Parameters
    ----------
    returns : array-like of float, shape (n_steps,)
        Simple returns.
    periods_per_year : float
        Steps per year.
    target : float, default 0
        Annual return wanted, compounded; ``τ = (1 + target) ** (1 / periods_per_year) − 1``.

    Returns
    -------
    float
        NaN without returns, and where none fell short of the target.

    References
    ----------
    .. [1] Sortino and Price, "Performance measurement in a downside risk framework", Journal of Investing
       3(3), 1994.
    """
    steps = check.floats(returns, "returns")
    tau = per_step_rate(target, periods_per_year)
    return _annual_ratio(_mean(steps) - tau, _downside(steps, tau), periods_per_year)


def calmar_ratio(equity: ArrayLike, initial_capital: float, periods_per_year: float) -> float:
    """`annual_return` over the size of `max_drawdown`; NaN if the equity never fell.

    References
    ----------
    .. [1] Young, "Calmar ratio: a smoother tool", Futures 20(1), 1991. There over the last 36 months,
       here over the whole curve.
    """
    growth = annual_return(equity, initial_capital, periods_per_year)
    return _calmar(growth, max_drawdown(equity, initial_capital))


def skew(returns: ArrayLike) -> float:
    """Skewness of the returns, ``mean((r − m)³) / mean((r − m)²)^1.5``; NaN where all are the same.

    The moments are those of the sample itself, without correction for its size, as the probabilistic Sharpe
    ratio takes them.
    """
    return moments_of(check.floats(returns, "returns")).skew


def kurtosis(returns: ArrayLike) -> float:
    """Excess kurtosis of the returns, ``mean((r − m)⁴) / mean((r − m)²)² − 3``: zero for normal ones.

    The moments are those of the sample itself, as in `skew`. NaN where all returns are the same.
    """
    return moments_of(check.floats(returns, "returns")).kurtosis


def rolling_sharpe(
    returns: ArrayLike, window: int, periods_per_year: float, risk_free_rate: float = 0.0
) -> FloatArray:
    """`sharpe_ratio` of the last `window` returns, at every step.

    Parameters
    ----------
    returns : array-like of float, shape (n_steps,)
        Simple returns.
    window : int
        Number of returns in a window, at least 2.
    periods_per_year : float
        Steps per year.
    risk_free_rate : float, default 0
        Annual, compounded.

    Returns
    -------
    ndarray of float64, shape (n_steps,)
        NaN in the first ``window − 1`` steps, in windows that hold a NaN, and where all returns of a window
        are the same.

    Raises
    ------
    ConfigError
        If the window is shorter than 2.
    """
    steps = check.floats(returns, "returns")
    check.window(window)
    rolling = np.full(len(steps), NAN)
    if len(steps) < window:
        return rolling
    # Moments about a value near the mean, or the sums of squares would cancel. The median is near that of
    # most windows, whatever happened in one of them.
    known = steps[np.isfinite(steps)]
    centre = float(np.median(known)) if len(known) else 0.0
    centred = steps - centre
    mean = _rolling_sum(centred, window) / window
    square = _rolling_sum(np.square(centred, out=centred), window)
    variance = (square - window * mean * mean) / (window - 1)
    # No scatter but that of rounding: in the subtraction above, or in the returns themselves.
    variance[variance <= np.maximum(1e-13 * square / window, _ROUNDING**2)] = NAN
    excess = mean + (centre - per_step_rate(risk_free_rate, periods_per_year))
    rolling[window - 1 :] = excess / np.sqrt(variance) * _root(periods_per_year)
    return rolling


def _annual_ratio(excess: float, risk: float, periods_per_year: float) -> float:
    return excess / risk * _root(periods_per_year) if risk > 0.0 else NAN


def _calmar(growth: float, deepest: float) -> float:
    return growth / -deepest if deepest < 0.0 else NAN


def per_step_rate(annual_rate: float, periods_per_year: float) -> float:
    """Rate of one step that compounds to an annual one."""
    if not annual_rate:
        return 0.0
    return math.expm1(math.log1p(check.rate(annual_rate)) / check.per_year(periods_per_year))


def _root(periods_per_year: float) -> float:
    return math.sqrt(check.per_year(periods_per_year))


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else NAN


class Moments(NamedTuple):
    """Mean, standard deviation (ddof 1), skewness and excess kurtosis of a sample; NaN where undefined."""

    mean: float
    std: float  # ddof 1
    skew: float
    kurtosis: float


def moments_of(values: FloatArray) -> Moments:
    """Moments of a sample, without correction for its size except in the standard deviation.

    Two passes: the mean, then the powers of the distances from it. The second pass goes block by block: a
    million floats in fresh memory cost several times the arithmetic on them.
    """
    n, mean = len(values), _mean(values)
    if n < 2:
        return Moments(mean, NAN, NAN, NAN)
    second = third = fourth = 0.0
    for start in range(0, n, _BLOCK):
        centred = values[start : start + _BLOCK] - mean
        power = centred * centred
        second += float(power.sum())
        centred *= power
        third += float(centred.sum())
        power *= power
        fourth += float(power.sum())
    std = math.sqrt(second / (n - 1))
    if std <= _ROUNDING * (1.0 + abs(mean)):
        return Moments(mean, 0.0, NAN, NAN)
    variance = second / n
    return Moments(mean, std, third / n / variance**1.5, fourth / n / variance**2 - 3.0)


def _downside(values: FloatArray, target: float) -> float:
    """Root of the mean squared shortfall, over all values."""
    square = 0.0
    for start in range(0, len(values), _BLOCK):
        short = np.minimum(values[start : start + _BLOCK], target)
        short -= target
        short *= short
        square += float(short.sum())
    return math.sqrt(square / len(values)) if len(values) else NAN


def _rolling_sum(values: FloatArray, window: int) -> FloatArray:
    """Sums of `window` consecutive values, shape (n − window + 1,), without a running total that drifts.

    The values are cut into blocks as long as the window. A window is the tail of one block and the head of
    the next, so its sum is a running sum from the right plus one from the left, both within a block. (Van
    Herk's trick for running minima, 1992.)
    """
    n_blocks = -(-len(values) // window)
    blocks = np.zeros((n_blocks, window))
    blocks.reshape(-1)[: len(values)] = values
    heads = np.cumsum(blocks, axis=1).reshape(-1)[window - 1 : len(values)].copy()
    tails = np.cumsum(blocks[:, ::-1], axis=1)[:, ::-1]
    # A window that fills its block exactly is a head already.
    tails[:, 0] = 0.0
    heads += tails.reshape(-1)[: len(heads)]
    return heads
