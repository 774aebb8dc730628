"""A backtest of the registry as figures, from the files that it left; and the backtest itself, made again.

The equity is drawn as it was stored. What a run did not store (its prices, fills and orders) comes from
making the backtest again, which is believed only if it comes to the same events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import DataError, SchemaError, StateError
from omni_lab.pipelines.compare import EQUITY_FILE, equity_of
from omni_lab.pipelines.registry.records import RunRecord
from omni_lab.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure
    from omni_lab.risk import Drawdown
    from omni_lab.simulator import BacktestResults

ROLLING_YEARS = 0.5
BACKTEST = "backtest"


@dataclass(frozen=True, kw_only=True, eq=False)
class TearSheet:
    """The worth of an account over a run, and what follows from it.

    Attributes
    ----------
    run_id : str
    ts : ndarray of int64, shape (n_steps,)
        Nanoseconds UTC.
    equity : ndarray of float64, shape (n_steps,)
        Currency.
    initial_capital : float
        Before the first step, currency.
    """

    run_id: str
    ts: IntArray
    equity: FloatArray
    initial_capital: float

    @cached_property
    def drawdown(self) -> FloatArray:
        """Equity relative to its running peak, minus one, shape (n_steps,)."""
        from omni_lab.portfolio.performance import drawdown

        return drawdown(self.equity, self.initial_capital)

    @cached_property
    def worst(self) -> tuple[Drawdown, ...]:
        """The five deepest falls."""
        from omni_lab.risk.drawdowns import top_drawdowns

        return top_drawdowns(self.equity, self.initial_capital)

    @cached_property
    def returns(self) -> FloatArray:
        """Simple return of each step, shape (n_steps,)."""
        from omni_lab.portfolio.performance import returns_from_equity

        return returns_from_equity(self.equity, self.initial_capital)

    @cached_property
    def per_year(self) -> float:
        """Steps in a year, as their times have it."""
        from omni_lab.portfolio.performance import infer_periods_per_year

        return infer_periods_per_year(self.ts)

    @cached_property
    def sharpe(self) -> float:
        """Annual Sharpe ratio of all steps."""
        from omni_lab.portfolio.performance import sharpe_ratio

        return sharpe_ratio(self.returns, self.per_year)

    def draw(self, kind: str, *, theme: str = "light") -> Figure:
        """One of `KINDS` as a figure."""
        return _DRAWINGS[kind](self, theme)


def tear_sheet(run: RunRecord) -> TearSheet:
    """What a run left of the worth of its account.

    Parameters
    ----------
    run : RunRecord
        Of a pipeline that leaves ``equity.parquet``: backtest, walk_forward, portfolio.

    Raises
    ------
    DataError
        If it left none, or one that cannot be read.
    """
    try:
        ts, equity = equity_of(run)
    except FileNotFoundError as error:
        raise DataError(
            "the run left no equity",
            found=run.status,
            expected=EQUITY_FILE,
            where=f"run {run.run_id}",
            hint=f"It is a run of {run.pipeline}; runs of backtest, walk_forward and portfolio leave one.",
        ) from error
    except (OSError, ValueError, SchemaError) as error:
        raise DataError(f"its equity cannot be read: {error}", where=f"run {run.run_id}") from error
    if not len(equity):
        raise DataError("its equity is empty", where=f"run {run.run_id}")
    told = (run.content.get("parameters") or {}).get("initial_capital")
    capital = float(told) if isinstance(told, int | float) and told > 0 else float(equity[0])
    return TearSheet(run_id=run.run_id, ts=ts, equity=equity, initial_capital=capital)


def backtest_again(run: RunRecord) -> BacktestResults:
    """The results of a run of ``backtest``, made again from what it was asked.

    Parameters
    ----------
    run : RunRecord
        That succeeded.

    Returns
    -------
    BacktestResults
        Of the same orders, fills and equity, bit for bit. The trial is not counted again.

    Raises
    ------
    StateError
        If it is a run of something else or did not succeed, or its data or our code have changed since.
    ConfigError, DataError
        If it cannot be made any more.
    """
    manifest = run.artifacts.get("manifest")
    if run.pipeline != BACKTEST or not isinstance(manifest, dict):
        raise StateError(
            "only a backtest that succeeded can be replayed",
            found=f"{run.pipeline}, {run.status}",
            where=f"run {run.run_id}",
        )
    results = _made_again(dict(run.content.get("parameters") or {}))
    if results.events_sha256 != manifest.get("events_sha256"):
        moved = results.bars.fingerprint != (manifest.get("data") or {}).get("fingerprint")
        raise StateError(
            "made again, the backtest comes to something else",
            found="the store has other prices now" if moved else "the same prices, other events",
            where=f"run {run.run_id}",
            hint="Run it anew, and look at that run.",
        )
    return results


def _made_again(asked: dict[str, Any]) -> BacktestResults:
    from dataclasses import fields

    from omni_lab.pipelines.backtest_request import MORE_SETTINGS, settings_of_strategy
    from omni_lab.pipelines.prices import load_bars
    from omni_lab.pipelines.studies.backtest import make_strategy
    from omni_lab.simulator import EventSimulator, SimulationConfig
    from omni_lab.store import DuckDBStore

    bars = load_bars(
        DuckDBStore(),
        asked["symbol"],
        **{name: asked[name] for name in ("source", "start", "end", "closes_only", "seed")},
    )
    name = asked["strategy"]
    rule = make_strategy(name, settings_of_strategy(name, asked, asked.get(MORE_SETTINGS)))
    known = {field.name for field in fields(SimulationConfig)}
    config = SimulationConfig.from_mapping({name: value for name, value in asked.items() if name in known})
    return EventSimulator(config, count_trials=False).run_backtest(rule, bars, progress=False)


def _equity(sheet: TearSheet, theme: str) -> Figure:
    from omni_lab.figures import equity_figure

    return equity_figure(
        sheet.ts, sheet.equity, sheet.drawdown, initial_capital=sheet.initial_capital, theme=theme
    )


def _drawdown(sheet: TearSheet, theme: str) -> Figure:
    from omni_lab.figures import drawdown_figure

    return drawdown_figure(sheet.ts, sheet.drawdown, sheet.worst, theme=theme)


def _monthly(sheet: TearSheet, theme: str) -> Figure:
    from omni_lab.figures import monthly_heatmap
    from omni_lab.portfolio.calendar import annual_returns, monthly_returns

    years, monthly = monthly_returns(sheet.ts, sheet.equity, sheet.initial_capital)
    _, annual = annual_returns(sheet.ts, sheet.equity, sheet.initial_capital)
    return monthly_heatmap(years, monthly, annual, theme=theme)


def _annual(sheet: TearSheet, theme: str) -> Figure:
    from omni_lab.figures import annual_figure
    from omni_lab.portfolio.calendar import annual_returns

    return annual_figure(*annual_returns(sheet.ts, sheet.equity, sheet.initial_capital), theme=theme)


def _rolling(sheet: TearSheet, theme: str) -> Figure:
    from omni_lab.figures import rolling_sharpe_figure
    from omni_lab.portfolio.performance import rolling_sharpe

    wanted = round(sheet.per_year * ROLLING_YEARS) if np.isfinite(sheet.per_year) else 2
    window = min(max(2, wanted), max(2, len(sheet.ts) // 4))
    rolling = rolling_sharpe(sheet.returns, window, sheet.per_year)
    return rolling_sharpe_figure(sheet.ts, rolling, window, overall=sheet.sharpe, theme=theme)


_DRAWINGS: dict[str, Callable[[TearSheet, str], Figure]] = {
    "equity": _equity,
    "monthly": _monthly,
    "annual": _annual,
    "drawdown": _drawdown,
    "rolling_sharpe": _rolling,
}
KINDS = tuple(_DRAWINGS)
"""What a tear sheet can draw."""
