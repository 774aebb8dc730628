"""What the backtest notebook asks beside the simulator: a benchmark, what costs do, what may be concluded.

The sentences are written from the numbers, so that they cannot say more than the run did.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import ConfigError
from omni_lab.figures.metrics import format_metric, label_of
from omni_lab.figures.words import number, percent
from omni_lab.portfolio.performance import sharpe_ratio

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.data import Bars
    from omni_lab.simulator import BacktestResults, EventSimulator, SimulationConfig
    from omni_lab.simulator.significance import Significance
    from omni_lab.strategies import Strategy

HEADLINE = (
    "total_return",
    "annual_return",
    "annual_volatility",
    "sharpe_ratio",
    "max_drawdown",
    "exposure",
    "n_trades",
    "costs_paid",
)
COST_MULTIPLES = (0.0, 1.0, 2.0, 5.0)
_BEST = 5
_T_VALUE = 2.0


def make_strategy(name: str, settings: Mapping[str, Any]) -> "Strategy":
    """Strategy of a registered name.

    Parameters
    ----------
    name : str
        One of :func:`omni_lab.strategies.names`.
    settings : mapping of str to object
        Passed to it; it refuses what it does not know.

    Raises
    ------
    ConfigError
        If there is no such strategy, or it refuses a setting.
    """
    from omni_lab.strategies import create

    return create(name, settings)


def describe_bars(bars: "Bars") -> dict[str, str]:
    """What somebody would look at before believing prices: span, gaps, extremes, zeros.

    Parameters
    ----------
    bars : Bars
        Of one instrument.

    Returns
    -------
    dict of str to str
        Findings by what was looked at.
    """
    close, ts = bars.close()[:, 0], bars.ts
    returns = close[1:] / close[:-1] - 1.0
    low, high = int(np.argmin(returns)), int(np.argmax(returns))
    gap = int(np.argmax(np.diff(ts)))
    volume = bars.volume()
    return {
        "bars": f"{bars.n_times:,} of {'open, high, low, close' if bars.has_ohlc else 'closes only'}",
        "first": _day(ts[0]),
        "last": _day(ts[-1]),
        "longest gap": f"{(ts[gap + 1] - ts[gap]) / 86_400e9:.1f} days, from {_day(ts[gap])}",
        "largest fall": f"{percent(returns[low])} on {_day(ts[low + 1])}",
        "largest rise": f"{percent(returns[high], sign=True)} on {_day(ts[high + 1])}",
        "unchanged closes": f"{int(np.sum(returns == 0)):,}",
        "bars without volume": "not known" if volume is None else f"{int(np.sum(~(volume[:, 0] > 0))):,}",
        "prices off their grid": f"{bars.off_grid:,}",
    }


def buy_and_hold(simulator: "EventSimulator", bars: "Bars") -> "BacktestResults":
    """Results of putting all capital into the instrument once, under the same costs and fills.

    Parameters
    ----------
    simulator : EventSimulator
    bars : Bars
        Of one instrument.
    """
    weights = np.full((bars.n_times, 1), np.nan)
    weights[0] = 1.0
    return simulator.run_targets(bars, weights, kind="weight", name="buy and hold", progress=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostPoint:
    """A run with all costs multiplied.

    Attributes
    ----------
    multiple : float
        Of the costs assumed; 0 is free trading.
    total_return, sharpe_ratio : float
        As in the metrics of the run.
    costs_paid : float
        Commission or fees, slippage, impact, borrow fees and interest, currency.
    """

    multiple: float
    total_return: float
    sharpe_ratio: float
    costs_paid: float


def cost_sensitivity(
    backtest: "Callable[[SimulationConfig], BacktestResults]",
    config: "SimulationConfig",
    multiples: Iterable[float] = COST_MULTIPLES,
) -> list[CostPoint]:
    """The same strategy under other costs.

    Parameters
    ----------
    backtest : callable
        Runs the strategy under a config.
    config : SimulationConfig
        With the costs assumed.
    multiples : iterable of float
        What to multiply commission or fees, slippage, impact and financing with; ticks of slippage are
        rounded.
    """
    from omni_lab.simulator.cost_sensitivity import scaled

    points = []
    for multiple in multiples:
        results = backtest(scaled(config, multiple))
        points.append(
            CostPoint(
                multiple=multiple,
                total_return=results["total_return"],
                sharpe_ratio=results["sharpe_ratio"],
                costs_paid=results["costs_paid"] + results.financing_paid,
            )
        )
    return points


def sharpe_error(results: "BacktestResults") -> float:
    """Standard error of the annual Sharpe ratio, for independent returns.

    References
    ----------
    .. [1] Lo, "The statistics of Sharpe ratios", Financial Analysts Journal 58, 2002, equation 9.
    """
    ratio, per_year = results["sharpe_ratio"], results["periods_per_year"]
    return float(np.sqrt((1.0 + 0.5 * ratio**2 / per_year) / len(results.returns) * per_year))


def luckiest_of(n_trials: int, standard_error: float) -> float:
    """Sharpe ratio that the best of so many rules is expected to show when none of them has any merit.

    Parameters
    ----------
    n_trials : int
        Rules tried, taken as unrelated to each other; at least 2.
    standard_error : float
        Of each one's Sharpe ratio.

    References
    ----------
    .. [1] Bailey and López de Prado, "The deflated Sharpe ratio", Journal of Portfolio Management 40, 2014,
       equation 1.
    """
    if n_trials < 2:
        raise ConfigError("there is no best of fewer than two", found=n_trials, where="n_trials")
    quantile = NormalDist().inv_cdf
    tail = quantile(1.0 - 1.0 / (n_trials * np.e))
    return float(
        standard_error * ((1.0 - np.euler_gamma) * quantile(1.0 - 1.0 / n_trials) + np.euler_gamma * tail)
    )


def headline(metrics: Mapping[str, float]) -> dict[str, str]:
    """The few metrics a reader wants first, formatted, by label."""
    return {label_of(name): format_metric(name, metrics[name]) for name in HEADLINE}


def conclusions(
    results: "BacktestResults",
    benchmark: "BacktestResults",
    costs: Sequence[CostPoint] = (),
    luck: "Significance | None" = None,
) -> list[str]:
    """What the run shows, in sentences.

    Parameters
    ----------
    results : BacktestResults
        Of the strategy.
    benchmark : BacktestResults
        Of holding the instrument over the same bars.
    costs : sequence of CostPoint, optional
        From :func:`cost_sensitivity`.
    luck : Significance, optional
        From ``results.significance()``: probabilities, and how many trials were made, in place of a standard
        error.
    """
    if not results["n_fills"]:
        return ["The strategy never traded: the run says only that its thresholds were never reached."]
    sentences = [_against_holding(results, benchmark)]
    sentences += [_significance(results)] if luck is None else luck.sentences()
    sentences.append(_halves(results))
    if results["n_trades"]:
        sentences.append(_concentration(results))
    sentences += _costs(costs)
    return sentences


def cautions(results: "BacktestResults") -> list[str]:
    """What a reader must know before quoting a number: the simulator's warnings, and what the data lack."""
    found = list(results.warnings)
    if not results.bars.has_ohlc:
        found.append("Only closes are known: fills are at closes, and no stop or limit could be tried.")
    return found


def cost_table(points: Sequence[CostPoint]) -> "pd.DataFrame":
    """The runs of :func:`cost_sensitivity` as a table to look at."""
    import pandas as pd

    return (
        pd.DataFrame(
            {
                "costs": [f"{point.multiple:g}×" for point in points],
                "total return": [percent(point.total_return, sign=True) for point in points],
                "Sharpe ratio": [number(point.sharpe_ratio) for point in points],
                "costs paid": [number(point.costs_paid, 0) for point in points],
            }
        )
        .set_index("costs")
        .rename_axis(None)
    )


def trade_table(results: "BacktestResults", n_each: int = 5) -> "pd.DataFrame":
    """The best and the worst trades as a table to look at, the best first.

    Parameters
    ----------
    results : BacktestResults
    n_each : int
        How many of either; all of them when there are no more than twice as many.
    """
    import pandas as pd

    trades = results.trades
    order = np.argsort(-trades["pnl"], kind="stable")
    if len(order) > 2 * n_each:
        order = np.concatenate([order[:n_each], order[-n_each:]])
    return pd.DataFrame(
        {
            "entered": [_day(ns) for ns in trades["ts_entry"][order]],
            "left": [_day(ns) for ns in trades["ts_exit"][order]],
            "bars held": [f"{n:,}" for n in trades["bars_held"][order]],
            "entry price": [number(price) for price in trades["entry_price"][order]],
            "exit price": [number(price) for price in trades["exit_price"][order]],
            "gain": [number(pnl, 0, sign=True) for pnl in trades["pnl"][order]],
            "return": [percent(part, sign=True) for part in trades["return_"][order]],
        },
        index=[str(side).lower() for side in trades["side"][order]],
    )


def _against_holding(results: "BacktestResults", benchmark: "BacktestResults") -> str:
    better = results["sharpe_ratio"] > benchmark["sharpe_ratio"]
    return (
        f"It returned {percent(results['annual_return'], sign=True)} a year with a worst drawdown of "
        f"{percent(results['max_drawdown'])}; holding the instrument returned "
        f"{percent(benchmark['annual_return'], sign=True)} a year with {percent(benchmark['max_drawdown'])}. "
        f"Per unit of risk that is {'better' if better else 'no better'}: a Sharpe ratio of "
        f"{number(results['sharpe_ratio'])} against {number(benchmark['sharpe_ratio'])}."
    )


def _significance(results: "BacktestResults") -> str:
    ratio, error = results["sharpe_ratio"], sharpe_error(results)
    if not np.isfinite(ratio):
        return "Its returns do not vary, so that it has no Sharpe ratio."
    verdict = (
        "it can be told from zero, had this been the only rule ever tried on these prices"
        if abs(ratio) > _T_VALUE * error
        else "it cannot be told from zero"
    )
    years = len(results.returns) / results["periods_per_year"]
    return f"Over {years:.1f} years that ratio has a standard error of about {number(error)}: {verdict}."


def _halves(results: "BacktestResults") -> str:
    middle = len(results.returns) // 2
    first, second = (
        sharpe_ratio(part, results["periods_per_year"])
        for part in (results.returns[:middle], results.returns[middle:])
    )
    turn = _day(results.ts[middle])
    if not (np.isfinite(first) and np.isfinite(second)):
        return f"It did not trade in both halves of the period, which meet on {turn}: this is one regime."
    steady = min(first, second) > 0.0 and abs(first - second) < 0.5 * max(first, second)
    return f"The Sharpe ratio was {number(first)} before {turn} and {number(second)} after: " + (
        "both halves agree." if steady else "one regime carries the result, or none does."
    )


def _concentration(results: "BacktestResults") -> str:
    pnl = np.sort(results.trades["pnl"])[::-1]
    n_best = min(_BEST, len(pnl))
    best, total = float(pnl[:n_best].sum()), float(pnl.sum())
    start = f"{len(pnl)} trades were closed, {percent(results['hit_rate'], decimals=0)} of them with a gain"
    if total <= 0:
        return f"{start}; together they lost {number(-total, 0)}."
    if best >= total:
        return f"{start}; without the best {n_best} of them they would have lost {number(best - total, 0)}."
    return f"{start}; the best {n_best} of them made {percent(best / total, decimals=0)} of the profit."


def _costs(points: Sequence[CostPoint]) -> list[str]:
    if len(points) < 2 or not any(point.costs_paid for point in points):
        return []
    free, dearest = points[0], points[-1]
    assumed = next((point for point in points if point.multiple == 1.0), free)
    sentence = f"Costs took {number(assumed.costs_paid, 0)} and brought the return from "
    sentence += f"{percent(free.total_return, sign=True)} to {percent(assumed.total_return, sign=True)}; "
    even = _break_even(points)
    if free.total_return <= 0:
        return [sentence + "the strategy loses even when trading is free."]
    if even is None:
        return [sentence + f"at {dearest.multiple:g} times the costs assumed it still makes money."]
    return [sentence + f"it breaks even at about {number(even, 1)} times the costs assumed."]


def _break_even(points: Sequence[CostPoint]) -> float | None:
    for left, right in pairwise(points):
        if left.total_return > 0 >= right.total_return:
            share = left.total_return / (left.total_return - right.total_return)
            return left.multiple + share * (right.multiple - left.multiple)
    return None


def _day(ns: int) -> str:
    return str(np.datetime64(int(ns), "ns").astype("datetime64[D]"))
