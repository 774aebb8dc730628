"""What the portfolio notebook asks beside the simulator: weights as held, whose risk they are, last orders.

The sentences are written from the numbers, so that they cannot say more than the run did.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import ConfigError, DataError
from omni_lab.figures.words import count, number, percent
from omni_lab.pipelines.backtest_request import settings_of_strategy
from omni_lab.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.data import Bars
    from omni_lab.risk import ComponentRisk
    from omni_lab.simulator import BacktestResults
    from omni_lab.store import BarStore
    from omni_lab.strategies.panel import PanelStrategy

_FEW_BARS = 20
_T_VALUE = 2.0


def make_rule(
    name: str, knobs: Mapping[str, Any], settings: Mapping[str, Any] | None = None
) -> "PanelStrategy":
    """A rule that looks at all instruments at once.

    Parameters
    ----------
    name : str
        Its registered name.
    knobs : mapping
        Settings of which it takes those that it knows.
    settings : mapping, optional
        Settings that it must know; they win.

    Raises
    ------
    ConfigError
        If there is no such strategy, it refuses a setting, or it does not give weights.
    """
    from omni_lab.strategies import create, names
    from omni_lab.strategies.panel import PanelStrategy

    rule = create(name, settings_of_strategy(name, knobs, settings))
    if not isinstance(rule, PanelStrategy):
        fitting = [each for each in names() if isinstance(create(each), PanelStrategy)]
        raise ConfigError(
            "this strategy does not weigh instruments", found=name, expected=fitting, where="strategy"
        )
    return rule


def load_panel(
    store: "BarStore",
    symbols: Sequence[str],
    *,
    source: str | None = None,
    start: str | None = None,
    end: str | None = None,
) -> "Bars":
    """Closes of several instruments, ingested first where the store lacks them.

    Raises
    ------
    UnknownSymbolError, SourceError, MissingExtraError
        As :func:`omni_lab.pipelines.prices.ensure_ingested`.
    DataError
        If the range holds no bar of some symbol.
    """
    from omni_lab.pipelines.prices import ensure_ingested

    for symbol in symbols:
        ensure_ingested(store, symbol, source=source, progress=False)
    return store.load(symbols, start=start, end=end, source=source, closes_only=True)


def held_weights(results: "BacktestResults") -> FloatArray:
    """Share of equity in each instrument after each step; (n_times, n_symbols), negative where short."""
    from omni_lab.simulator.marks import last_known

    worth = np.nan_to_num(results.positions * last_known(results.bars.close()))
    return np.asarray(worth / results.equity[:, np.newaxis])


def first_invested(results: "BacktestResults") -> int:
    """Step after which something is held for the first time.

    Raises
    ------
    DataError
        If nothing ever is.
    """
    invested = np.flatnonzero((results.positions != 0).any(axis=1))
    if not len(invested) or results.bars.n_times - invested[0] < _FEW_BARS:
        raise DataError(
            "the rule was hardly ever invested",
            found=count(results.bars.n_times, "bar"),
            expected="its windows, and some time after them",
            hint="Begin earlier, or shorten estimation_window or lookback_period.",
        )
    return int(invested[0])


def weights_table(results: "BacktestResults", weights: FloatArray, first: int) -> "pd.DataFrame":
    """What `weights.parquet` holds: ts, symbol and weight of every step from the first that is invested."""
    import pandas as pd

    shape = weights[first:].shape
    return pd.DataFrame(
        {
            "ts": np.repeat(pd.to_datetime(results.ts[first:], utc=True), shape[1]),
            "symbol": np.tile(np.array(results.symbols, dtype=object), shape[0]),
            "weight": weights[first:].ravel(),
        }
    )


def shared_risk(bars: "Bars", weights: FloatArray, *, window: int, confidence: float) -> "ComponentRisk":
    """Whose risk the last weights are, by the shrunk covariance of the last returns, as if these were normal.

    Parameters
    ----------
    bars : Bars
    weights : ndarray of float64, shape (n_symbols,)
    window : int
        Returns to look at; those of days on which an instrument has no price are left out.
    confidence : float
        Of the expected shortfall.

    Raises
    ------
    DataError
        If fewer than two days have a price of every instrument that is held.
    """
    from omni_lab.models.covariance import shrunk_covariance
    from omni_lab.risk import normal_components

    held = np.flatnonzero(weights)
    close = bars.close()[-window - 1 :, held]
    returns = close[1:] / close[:-1] - 1.0
    returns = returns[~np.isnan(returns).any(axis=1)]
    if len(returns) < 2 or not len(held):
        raise DataError("there are too few days with a price of all that is held", found=len(returns))
    covariance = np.zeros((len(weights), len(weights)))
    covariance[np.ix_(held, held)] = shrunk_covariance(returns)
    return normal_components(weights, covariance, confidence=confidence)


def last_rebalance(results: "BacktestResults") -> "pd.DataFrame":
    """Fills of the last step at which anything was traded, the largest first; what `orders.parquet` holds."""
    import pandas as pd

    fills = results.fills.to_pandas()
    last = fills[fills["ts"] == fills["ts"].max()]
    table = pd.DataFrame(
        {
            "ts": pd.to_datetime(last["ts"], utc=True),
            "symbol": last["symbol"].astype(str),
            "side": last["side"].astype(str).str.lower(),
            "qty": last["qty"],
            "price": last["price"],
            "notional": last["notional"],
        }
    )
    return table.sort_values("notional", key=np.abs, ascending=False, ignore_index=True)


def effective_number(weights: FloatArray) -> float:
    """How many equal positions are as spread out: one over the sum of squared shares of the gross."""
    gross = float(np.abs(weights).sum())
    return 1.0 / float(np.sum((weights / gross) ** 2)) if gross > 0 else 0.0


def compare(results: "BacktestResults", equal: "BacktestResults", first: int) -> "pd.DataFrame":
    """The rule beside equal weights from the first step that both are invested, as a table to look at."""
    import pandas as pd

    return pd.DataFrame({name: facts(each, first) for name, each in (("rule", results), ("equal", equal))})


def facts(results: "BacktestResults", first: int) -> dict[str, float]:
    """Annual return, volatility, Sharpe ratio and worst drawdown from a step on, and turnover a year."""
    from omni_lab.portfolio import performance

    per_year = results["periods_per_year"]
    returns = results.returns[first + 1 :]
    grown = np.cumprod(1.0 + returns)
    return {
        "annual_return": performance.annual_return(grown, 1.0, per_year),
        "annual_volatility": performance.annual_volatility(returns, per_year),
        "sharpe_ratio": performance.sharpe_ratio(returns, per_year),
        "max_drawdown": float(performance.drawdown(grown, 1.0).min()),
        "turnover": results["turnover"],
    }


def difference_t(results: "BacktestResults", equal: "BacktestResults", first: int) -> float:
    """Difference in mean return at one volatility, in standard errors; NaN where they do not differ.

    Two portfolios of the same shares rise and fall together, so their difference is known much better than
    either of them.
    """
    ours, theirs = results.returns[first + 1 :], equal.returns[first + 1 :]
    difference = ours / ours.std() - theirs / theirs.std()
    spread = float(difference.std(ddof=1))
    return float(difference.mean() / spread * np.sqrt(len(difference))) if spread > 1e-12 else float("nan")


def growth_title(results: "BacktestResults", equal: "BacktestResults", first: int) -> str:
    """What the rule made of one unit, against equal weights."""
    ours, theirs = (float(each.equity[-1] / each.equity[first]) for each in (results, equal))
    verb = "more" if ours > theirs else "less"
    return f"The rule made {number(ours)} of 1, {verb} than the {number(theirs)} of equal weights"


def weights_title(weights: FloatArray, symbols: Sequence[str]) -> str:
    """How spread out the portfolio was, and who was largest at the end."""
    spread = np.median([effective_number(row) for row in weights])
    largest = int(np.argmax(np.abs(weights[-1])))
    return (
        f"As spread out as {spread:.0f} equal positions of {len(symbols)}; "
        f"{symbols[largest]} ended largest with {percent(weights[-1, largest], decimals=0)}"
    )


def conclusions(
    results: "BacktestResults", equal: "BacktestResults", risk: "ComponentRisk", first: int
) -> list[str]:
    """What the run shows, in sentences."""
    ours, theirs = facts(results, first), facts(equal, first)
    t = difference_t(results, equal, first)
    told = "cannot be told from luck" if not abs(t) > _T_VALUE else "is more than luck would bring"
    share, weight = risk.es.share, risk.weights / np.abs(risk.weights).sum()
    most = int(np.argmax(share))
    return [
        f"The rule returned {_earned(ours)}; equal weights {_earned(theirs)}.",
        f"At the same volatility the difference between the two {told} (t = {number(t, 1)}).",
        f"It turned over {number(ours['turnover'])} times its equity a year, against "
        f"{number(theirs['turnover'])}, and paid {number(results['costs_paid'], 0)} in costs.",
        f"{results.symbols[most]} has {percent(share[most], decimals=0)} of the risk with "
        f"{percent(weight[most], decimals=0)} of the money; the expected shortfall of a day is "
        f"{percent(risk.es.total)} of equity at {percent(risk.confidence)}.",
    ]


def _earned(found: Mapping[str, float]) -> str:
    return (
        f"{percent(found['annual_return'], sign=True)} a year with a volatility of "
        f"{percent(found['annual_volatility'])} and a worst drawdown of {percent(found['max_drawdown'])}"
    )


def doubts(results: "BacktestResults", confidence: float) -> list[str]:
    """What a reader must know before quoting a number."""
    return [
        *results.warnings,
        "Only closes are used: weights are found at a close, and traded at the price that fill names.",
        f"The {percent(confidence)} shortfall takes returns for normal; real ones fall further.",
    ]
