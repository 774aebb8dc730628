"""Allocation: hold the weights that a rule finds best by the recent past, and rebalance to them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from omni_lab.errors import ConfigError, ShapeError
from omni_lab.models.covariance import shrunk_covariance
from omni_lab.models.weights import maximum_diversification, minimum_variance, risk_parity
from omni_lab.strategies.panel import Calendar, Decide, PanelStrategy, starts_period
from omni_lab.strategies.registry import register
from omni_lab.strategies.settings import not_among, not_whole, out_of_range, parse_settings, refuse, settings
from omni_lab.typing import ArrayLike, FloatArray, IntArray

Objective = Literal["equal_weight", "minimum_variance", "risk_parity", "maximum_diversification", "custom"]

Weigher = Callable[[FloatArray], ArrayLike]
"""Returns of shape (n_times, n_assets) to weights of shape (n_assets,)."""

_OBJECTIVES = {
    "minimum_variance": minimum_variance,
    "risk_parity": risk_parity,
    "maximum_diversification": maximum_diversification,
}


@settings
@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationConfig:
    """Settings of :class:`AllocationStrategy`.

    Attributes
    ----------
    objective : str
        ``"equal_weight"``, ``"minimum_variance"``, ``"risk_parity"``, ``"maximum_diversification"``, or
        ``"custom"`` with a function or estimator given beside the settings.
    estimation_window : int
        Daily returns from which weights are found, the last of them that of the close of the decision.
    rebalance : {"daily", "weekly", "monthly", "quarterly", "yearly"}
        How often weights are found anew: at the first close of each such period.
    drift_band : float, optional
        Trade only if the weight of some instrument is further than this from its new one; 0.05 is five
        points of equity. None trades every time.
    shrinkage : "ledoit_wolf" or float
        How far the covariance is pulled toward equal variances without correlation; from 0 to 1.
    gross_exposure : float
        Sum of the weights; 1 is all of equity.
    """

    objective: Objective = "risk_parity"
    estimation_window: int = 252
    rebalance: Calendar = "monthly"
    drift_band: float | None = None
    shrinkage: float | Literal["ledoit_wolf"] = "ledoit_wolf"
    gross_exposure: float = 1.0

    def __post_init__(self) -> None:
        mixed = self.shrinkage == "ledoit_wolf" or not out_of_range("", self.shrinkage, least=0, most=1)
        refuse(
            self,
            not_among("objective", self.objective, Objective),
            not_whole("estimation_window", self.estimation_window, least=2, most=1_000_000),
            not_among("rebalance", self.rebalance, Calendar),
            out_of_range("drift_band", self.drift_band, above=0, optional=True),
            []
            if mixed
            else [f"shrinkage must be 'ledoit_wolf' or a number from 0 to 1, not {self.shrinkage!r}"],
            out_of_range("gross_exposure", self.gross_exposure, above=0),
        )


@register("allocation")
class AllocationStrategy(PanelStrategy):
    r"""Rebalance to weights estimated on a window that ends at the decision.

    At the first close of each period the returns of the last ``estimation_window`` bars give a covariance
    :math:`\Sigma`, shrunk, and the weights are

    ======================= ====================================================
    equal_weight            :math:`w_i = 1/n`
    minimum_variance        :math:`\min w^\top \Sigma w`
    risk_parity             :math:`w_i (\Sigma w)_i` equal for all *i*
    maximum_diversification :math:`\max w^\top \sigma / \sqrt{w^\top \Sigma w}`
    custom                  whatever the function returns
    ======================= ====================================================

    over the instruments with a close in every bar of the window; the others are not held. The first four are
    long-only. Between decisions nothing is traded. Whether weights have drifted out of the band is judged by
    closes alone, as if every decision had been filled at its own close.

    Parameters
    ----------
    config : mapping or AllocationConfig, optional
        Settings by name; unknown ones are refused.
    weights : callable or estimator, optional
        For ``objective="custom"``: a function from returns, shape (n_times, n_assets), to weights; or an
        object with ``fit(returns)`` and ``weights_``, such as any optimiser of skfolio, a copy of which is
        fitted each time.

    References
    ----------
    .. [1] DeMiguel, Garlappi and Uppal, "Optimal versus naive diversification", Review of Financial Studies
       22, 2009: why equal weights belong in every comparison.
    .. [2] Maillard, Roncalli and Teiletche, "The properties of equally weighted risk contribution
       portfolios", Journal of Portfolio Management 36, 2010.
    .. [3] Choueifaty and Coignard, "Toward maximum diversification", Journal of Portfolio Management 35,
       2008.
    """

    def __init__(
        self, config: Mapping[str, Any] | AllocationConfig | None = None, *, weights: Any = None
    ) -> None:
        self.config = parse_settings(AllocationConfig, config)
        if (weights is None) == (self.config.objective == "custom"):
            raise ConfigError(
                "a function of one's own and objective='custom' go together",
                found=f"objective={self.config.objective!r}, weights={weights!r}",
                where="AllocationStrategy",
            )
        if weights is not None and not callable(weights) and not hasattr(weights, "fit"):
            raise ConfigError(
                "these weights cannot be asked for",
                found=type(weights).__name__,
                expected="a function of returns, or an estimator with fit and weights_",
                where="weights",
            )
        self._custom = weights

    @property
    def parameters(self) -> dict[str, Any]:
        """The settings, and what a custom rule is called."""
        parameters = asdict(self.config)
        if self._custom is not None:
            named = getattr(self._custom, "__qualname__", None)
            parameters["weights"] = f"{self._custom.__module__}:{named}" if named else repr(self._custom)
        return parameters

    def begin(self, symbols: Sequence[str]) -> Decide:
        """Weights of the closes at which it trades."""
        config = self.config
        aimed = np.zeros(len(symbols))
        latest = bought_at = np.full(len(symbols), np.nan)

        def decide(ts: IntArray, closes: FloatArray) -> FloatArray | None:
            nonlocal aimed, bought_at, latest
            # What has no price now is worth its last one.
            latest = np.where(np.isnan(closes[-1]), latest, closes[-1])
            if len(closes) <= config.estimation_window or not starts_period(ts, config.rebalance):
                return None
            wanted = self.weights(closes[-config.estimation_window - 1 :])
            band = config.drift_band
            if band is not None and not np.abs(wanted - _drifted(aimed, latest / bought_at)).max() > band:
                return None
            aimed, bought_at = wanted, latest
            return wanted

        return decide

    def weights(self, closes: FloatArray) -> FloatArray:
        """Weights by one window of closes, shape (estimation_window + 1, n_symbols); 0 where one is missing.

        Raises
        ------
        ShapeError, ConfigError
            If a custom rule returns something else than a finite weight for each instrument.
        """
        there = ~np.isnan(closes).any(axis=0)
        found = np.zeros(closes.shape[1])
        if there.any():
            known = closes[:, there]
            found[there] = self._weigh(known[1:] / known[:-1] - 1.0)
        return self.config.gross_exposure * found

    def _weigh(self, returns: FloatArray) -> FloatArray:
        config = self.config
        if self._custom is not None:
            return self._by_custom_rule(returns)
        if config.objective == "equal_weight":
            return np.full(returns.shape[1], 1.0 / returns.shape[1])
        return _OBJECTIVES[config.objective](shrunk_covariance(returns, config.shrinkage))

    def _by_custom_rule(self, returns: FloatArray) -> FloatArray:
        if hasattr(self._custom, "fit"):
            found = np.asarray(copy.deepcopy(self._custom).fit(returns).weights_, dtype=np.float64)
        else:
            found = np.asarray(self._custom(returns), dtype=np.float64)
        if found.shape != (returns.shape[1],):
            raise ShapeError(
                "a weight is needed for each instrument",
                found=found.shape,
                expected=str((returns.shape[1],)),
                where="weights",
            )
        if not np.isfinite(found).all():
            raise ConfigError("a weight is no number", found=found.tolist(), where="weights")
        return found


def _drifted(aimed: FloatArray, growth: FloatArray) -> FloatArray:
    """Weights that prices have made of those aimed at; what is not invested keeps its value."""
    worth = np.where(aimed != 0, aimed * growth, 0.0)
    return np.asarray(worth / (worth.sum() + 1.0 - aimed.sum()))
