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
    from typing import TypeVar

    import pandas as pd

    from omni_lab.simulator.costs import FeeSchedule, FeeTier, Financing, MarketImpact

    ModelT = TypeVar("ModelT", FeeSchedule, FeeTier, Financing, MarketImpact)

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
    sizing: str | None = None,
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
    charged = _Charged(
        results, sizing or ("quantity" if results.parameters.get("kind") == "quantity" else "weight")
    )
    if rerun is None:
        curves = [charged.equity(multiple) for multiple in wanted]
        ratios, totals = np.array([_figures(results, curve) for curve in curves]).T
        spent = wanted * charged.total
    else:
        _refuse_nothing_to_scale(charged.assumed or results.financing_paid > 0.0)
        again = [rerun(scaled(results.config, multiple)) for multiple in wanted]
        ratios, totals = np.array([[each["sharpe_ratio"], each["total_return"]] for each in again]).T
        spent = np.array([each["costs_paid"] + each.financing_paid for each in again])
    even = charged.break_even()
    return CostCurve(
        multiples=wanted,
        sharpe_ratio=ratios,
        total_return=totals,
        costs_paid=spent,
        unit_bps=charged.unit_bps,
        assumed=charged.assumed,
        break_even=even if rerun is None else _crossing(wanted, totals, even),
        rerun=rerun is not None,
    )


class _Charged:
    """The fills of a run under other costs, their sizes kept as quantities or as parts of the equity."""

    def __init__(self, results: BacktestResults, sizing: str) -> None:
        if sizing not in ("quantity", "weight"):
            raise ConfigError("unknown sizing", found=sizing, expected=("quantity", "weight"), where="sizing")
        fills = results.fills
        traded, paid = float(fills["notional"].sum()), results["costs_paid"]
        self.assumed, self.by_weight = paid > 0.0, sizing == "weight"
        self.unit_bps = 1e4 * paid / traded if self.assumed else 1.0
        self._paid = _by_step(results, fills["commission"] + fills["slippage_cost"])
        self._unit = self._paid if self.assumed else _by_step(results, 1e-4 * fills["notional"])
        self.total = float(self._unit.sum())
        self._equity, self._capital = results.equity, results.config.initial_capital

    def equity(self, multiple: float) -> FloatArray:
        extra = multiple * self._unit - self._paid
        if not self.by_weight:
            return np.asarray(self._equity - np.cumsum(extra))
        before = np.concatenate(([self._capital], self._equity[:-1]))
        with np.errstate(divide="ignore", invalid="ignore"):
            growth = np.where(before > 0.0, (self._equity - extra) / before, 0.0)
        return np.asarray(self._capital * np.cumprod(np.maximum(growth, 0.0)))

    def break_even(self) -> float:
        """Multiple at which nothing is gained: in closed form for quantities, else by bisection."""
        if self.total <= 0.0:
            return math.nan
        free = float(self.equity(0.0)[-1]) - self._capital
        even = free / self.total
        if free <= 0.0 or not self.by_weight:
            return even
        low, high = 0.0, even
        while float(self.equity(high)[-1]) > self._capital:
            low, high = high, 2.0 * high
        for _ in range(60):
            middle = 0.5 * (low + high)
            gains = float(self.equity(middle)[-1]) > self._capital
            low, high = (middle, high) if gains else (low, middle)
        return 0.5 * (low + high)


def scaled(config: SimulationConfig, multiple: float) -> SimulationConfig:
    """Settings with all costs multiplied: commission or fees, slippage, impact, financing.

    Ticks of slippage are rounded to whole ones. Interest that is received is no cost and stays, as do
    dividends and what limits orders.

    Raises
    ------
    ConfigError
        If a multiplied rate is no rate any more, such as a fee of 100% of the notional.
    """
    return replace(
        config,
        fees=None if config.fees is None else _scaled_fees(config.fees, multiple),
        impact=None if config.impact is None else _times(config.impact, multiple, "temporary", "permanent"),
        financing=None if config.financing is None else _scaled_financing(config.financing, multiple),
        commission_rate=config.commission_rate * multiple,
        commission_per_share=config.commission_per_share * multiple,
        slippage_bps=config.slippage_bps * multiple,
        slippage_ticks=round(config.slippage_ticks * multiple),
    )


def _scaled_fees(fees: FeeSchedule, multiple: float) -> FeeSchedule:
    """The schedule of which every order's fee is the multiple of what it was."""
    names = ("taker_rate", "maker_rate", "taker_per_share", "maker_per_share")
    tiers = [_times(tier, multiple, *names) for tier in fees.tiers]
    return replace(_times(fees, multiple, "minimum", "maximum", "maximum_rate"), tiers=tiers)


def _scaled_financing(financing: Financing, multiple: float) -> Financing:
    by_symbol = {symbol: rate * multiple for symbol, rate in financing.borrow_rates.items()}
    scaled = replace(_times(financing, multiple, "borrow_rate", "margin_rate"), borrow_rates=by_symbol)
    return _times(scaled, multiple, "cash_rate") if financing.cash_rate < 0.0 else scaled


def _times(model: ModelT, multiple: float, *names: str) -> ModelT:
    """Settings of which some are multiplied; None stays none."""
    values = {name: getattr(model, name) for name in names}
    return replace(model, **{name: value * multiple for name, value in values.items() if value is not None})


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
            expected="a backtest that charged commission, slippage or interest",
            where="rerun",
            hint="Without rerun, the fills are charged in basis points of their notional.",
        )
