"""What other costs would have made of a backtest."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import ConfigError
from omni_lab.figures.words import number, percent
from omni_lab.portfolio.performance import returns_from_equity, sharpe_ratio
from omni_lab.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.simulator.config import SimulationConfig
    from omni_lab.simulator.results import BacktestResults


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CostCurve:
    """A backtest under other costs.

    Attributes
    ----------
    multiples : ndarray of float64, shape (n_points,)
        Costs as multiples of `unit_bps`, increasing.
    sharpe_ratio, total_return, costs_paid : ndarray of float64, shape (n_points,)
        Annual Sharpe ratio, total return, and costs in currency.
    unit_bps : float
        What one multiple is, in basis points of the notional traded: the costs that the backtest charged on
        average, or one basis point where it charged none.
    assumed : bool
        Whether the unit is what the backtest charged.
    break_even : float
        Multiple at which the total return is zero. Zero or negative where it loses even without costs; NaN
        where nothing was traded.
    rerun : bool
        Whether the strategy ran again under each cost, or the fills were kept and charged anew.
    """

    multiples: FloatArray
    sharpe_ratio: FloatArray
    total_return: FloatArray
    costs_paid: FloatArray
    unit_bps: float
    assumed: bool
    break_even: float
    rerun: bool

    @property
    def break_even_bps(self) -> float:
        """The same in basis points of the notional traded."""
        return self.break_even * self.unit_bps

    def to_frame(self) -> pd.DataFrame:
        """A frame with a row a multiple: multiple, bps, sharpe_ratio, total_return, costs_paid."""
        import pandas as pd

        return pd.DataFrame(
            {
                "multiple": self.multiples,
                "bps": self.multiples * self.unit_bps,
                "sharpe_ratio": self.sharpe_ratio,
                "total_return": self.total_return,
                "costs_paid": self.costs_paid,
            }
        )

    def plot(self, *, theme: str = "light") -> Any:
        """Sharpe ratio and return against costs, as a figure."""
        from omni_lab.figures import cost_figure

        return cost_figure(
            self.multiples * self.unit_bps,
            self.sharpe_ratio,
            self.total_return,
            assumed=self.unit_bps if self.assumed else None,
            break_even=self.break_even_bps,
            theme=theme,
        )

    def __repr__(self) -> str:
        return (
            f"CostCurve(breaks even at {self.break_even_bps:.3g} bps of the notional, {self._of_assumed()})"
        )

    def _repr_html_(self) -> str:
        from omni_lab.figures.html import facts_html

        rows = zip(self.multiples, self.sharpe_ratio, self.total_return, strict=True)
        told = [
            (f"{multiple * self.unit_bps:.3g} bps", f"{number(ratio)}, {percent(total, sign=True)}")
            for multiple, ratio, total in rows
        ]
        subtitle = (
            f"breaks even at {number(self.break_even_bps, 1)} bps of the notional, {self._of_assumed()}"
        )
        return facts_html({"Sharpe ratio, return": told}, title="Under other costs", subtitle=subtitle)

    def _of_assumed(self) -> str:
        if not self.assumed:
            return "no costs assumed"
        return f"{number(self.break_even, 1)} times the {self.unit_bps:.3g} bps assumed"


def cost_sensitivity(
    results: BacktestResults,
    multiples: Sequence[float],
    *,
    rerun: Callable[[SimulationConfig], BacktestResults] | None = None,
) -> CostCurve:
    """See :meth:`BacktestResults.cost_sensitivity`."""
    wanted = np.unique(np.asarray(multiples, dtype=np.float64))
    if not len(wanted) or not (np.isfinite(wanted).all() and wanted[0] >= 0.0):
        raise ConfigError(
            "costs cannot be multiplied by this",
            found=list(multiples),
            expected="numbers of zero or more",
            where="multiples",
        )
    fills, config = results.fills, results.config
    traded, paid = float(fills["notional"].sum()), results["costs_paid"]
    assumed = paid > 0.0
    unit_bps = 1e4 * paid / traded if assumed else 1.0
    charged = _by_step(results, fills["commission"] + fills["slippage_cost"])
    unit = charged if assumed else _by_step(results, 1e-4 * fills["notional"])
    free = results.equity + np.cumsum(charged)
    if rerun is None:
        runs = [_figures(results, free - multiple * np.cumsum(unit)) for multiple in wanted]
        spent = wanted * float(unit.sum())
    else:
        _refuse_nothing_to_scale(assumed)
        again = [rerun(scaled(config, multiple)) for multiple in wanted]
        runs = [(each["sharpe_ratio"], each["total_return"]) for each in again]
        spent = np.array([each["costs_paid"] for each in again])
    ratios, totals = np.array(runs).T
    gain, total_unit = float(free[-1]) - config.initial_capital, float(unit.sum())
    even = gain / total_unit if total_unit > 0.0 else math.nan
    return CostCurve(
        multiples=wanted,
        sharpe_ratio=ratios,
        total_return=totals,
        costs_paid=spent,
        unit_bps=unit_bps,
        assumed=assumed,
        break_even=even if rerun is None else _crossing(wanted, totals, even),
        rerun=rerun is not None,
    )


def scaled(config: SimulationConfig, multiple: float) -> SimulationConfig:
    """Settings with all costs multiplied; ticks of slippage are rounded to whole ones."""
    return replace(
        config,
        commission_rate=config.commission_rate * multiple,
        commission_per_share=config.commission_per_share * multiple,
        slippage_bps=config.slippage_bps * multiple,
        slippage_ticks=round(config.slippage_ticks * multiple),
    )


def _by_step(results: BacktestResults, of_fills: FloatArray) -> FloatArray:
    steps = np.searchsorted(results.ts, results.fills["ts"])
    return np.bincount(steps, weights=of_fills, minlength=len(results.ts)).astype(np.float64)


def _figures(results: BacktestResults, equity: FloatArray) -> tuple[float, float]:
    config = results.config
    returns = returns_from_equity(equity, config.initial_capital)
    ratio = sharpe_ratio(returns, results["periods_per_year"], config.risk_free_rate)
    return ratio, float(equity[-1]) / config.initial_capital - 1.0


def _crossing(multiples: FloatArray, totals: FloatArray, otherwise: float) -> float:
    """Where the return crosses zero between two of the runs; outside of them, as the fills have it."""
    crossed = np.flatnonzero((totals[:-1] > 0.0) & (totals[1:] <= 0.0))
    if not len(crossed):
        return otherwise
    left = int(crossed[0])
    share = totals[left] / (totals[left] - totals[left + 1])
    return float(multiples[left] + share * (multiples[left + 1] - multiples[left]))


def _refuse_nothing_to_scale(assumed: bool) -> None:
    if not assumed:
        raise ConfigError(
            "there are no costs to multiply",
            expected="a backtest that charged commission or slippage",
            where="rerun",
            hint="Without rerun, the fills are charged in basis points of their notional.",
        )
