"""Cross-sectional momentum: hold what has risen most, sell what has risen least."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from omni_lab.models.cross_section import balanced, cross_sectional_z, tails
from omni_lab.strategies.panel import Decide, PanelStrategy
from omni_lab.strategies.registry import register
from omni_lab.strategies.settings import not_among, not_whole, out_of_range, parse_settings, refuse, settings
from omni_lab.typing import FloatArray, IntArray

Weighting = Literal["z", "tails"]
Direction = Literal["long_short", "long_only"]


@settings
@dataclass(frozen=True, slots=True, kw_only=True)
class CrossSectionalMomentumConfig:
    """Settings of :class:`CrossSectionalMomentumStrategy`.

    Attributes
    ----------
    lookback_period : int
        Bars over which returns are measured.
    skip_period : int
        Most recent bars that are left out, because what rose last month tends to fall back.
    rebalance_period : int
        Bars between two decisions.
    holding_periods : int
        Decisions that are held at once, each with its part of the capital: 1 replaces the last, K holds the
        K latest, as the overlapping portfolios of Jegadeesh and Titman.
    weighting : {"z", "tails"}
        By the z-score of the return, or equally within the highest and the lowest returns.
    tail_fraction : float
        Share of the instruments in each tail, at most a half; only with ``"tails"``.
    direction : {"long_short", "long_only"}
        Half of the gross long and half short, or all of it long in what is above the average.
    volatility_window : int, optional
        Bars of daily returns by whose standard deviation each weight is divided; None for no scaling.
    gross_exposure : float
        Sum of the absolute weights; 1 is all of equity.
    """

    lookback_period: int = 231
    skip_period: int = 21
    rebalance_period: int = 21
    holding_periods: int = 1
    weighting: Weighting = "z"
    tail_fraction: float = 0.2
    direction: Direction = "long_short"
    volatility_window: int | None = None
    gross_exposure: float = 1.0

    def __post_init__(self) -> None:
        window = self.volatility_window
        refuse(
            self,
            not_whole("lookback_period", self.lookback_period, least=1, most=1_000_000),
            not_whole("skip_period", self.skip_period, least=0, most=1_000_000),
            not_whole("rebalance_period", self.rebalance_period, least=1, most=1_000_000),
            not_whole("holding_periods", self.holding_periods, least=1, most=1_000),
            not_among("weighting", self.weighting, Weighting),
            out_of_range("tail_fraction", self.tail_fraction, above=0, most=0.5),
            not_among("direction", self.direction, Direction),
            [] if window is None else not_whole("volatility_window", window, least=2, most=1_000_000),
            out_of_range("gross_exposure", self.gross_exposure, above=0),
        )


@register("cross_sectional_momentum")
class CrossSectionalMomentumStrategy(PanelStrategy):
    r"""Winners against losers among several instruments.

    At every ``rebalance_period``-th close *t*, instrument *i* is judged by its return over the lookback *J*,
    which ends *S* = ``skip_period`` bars ago,

    .. math:: R_i = \frac{P_{i,\,t-S}}{P_{i,\,t-S-J}} - 1,
              \qquad z_i = \frac{R_i - \bar R}{s_R} \text{ within } \pm 3,

    and gets a weight in proportion to :math:`z_i`, or to 1 and −1 in the tails of the ranking; if asked for,
    divided by its volatility. Longs and shorts are scaled to half of the gross exposure each. Instruments
    without a price at either end, or without one now, have no weight; with fewer than two that do, nothing is
    held.

    Parameters
    ----------
    config : mapping or CrossSectionalMomentumConfig, optional
        Settings by name; unknown ones are refused.

    References
    ----------
    .. [1] Jegadeesh and Titman, "Returns to buying winners and selling losers: implications for stock market
       efficiency", Journal of Finance 48, 1993, section I (J-month/K-month portfolios and the skipped week).
    .. [2] Lehmann, "Fads, martingales, and market efficiency", Quarterly Journal of Economics 105, 1990, for
       weights in proportion to the distance from the mean return.
    """

    def __init__(self, config: Mapping[str, Any] | CrossSectionalMomentumConfig | None = None) -> None:
        self.config = parse_settings(CrossSectionalMomentumConfig, config)

    def begin(self, symbols: Sequence[str]) -> Decide:
        """Weights of every rebalancing close, from the first at which the lookback is full."""
        config = self.config
        first = config.lookback_period + config.skip_period
        held: deque[FloatArray] = deque(maxlen=config.holding_periods)

        def decide(ts: IntArray, closes: FloatArray) -> FloatArray | None:
            step = len(closes) - 1
            if step < first or (step - first) % config.rebalance_period:
                return None
            held.append(self.weights(closes))
            # Until K decisions have been made, the capital of the rest is not invested.
            return np.asarray(np.sum(held, axis=0) / config.holding_periods)

        return decide

    def weights(self, closes: FloatArray) -> FloatArray:
        """Weights of one decision.

        Parameters
        ----------
        closes : ndarray of float64, shape (n, n_symbols)
            Up to the close of the decision, more than ``lookback_period + skip_period`` of them.

        Returns
        -------
        ndarray of float64, shape (n_symbols,)
        """
        config = self.config
        now = len(closes) - 1
        recent = closes[now - config.skip_period]
        returns = recent / closes[now - config.skip_period - config.lookback_period] - 1.0
        returns[np.isnan(closes[now])] = np.nan
        if config.weighting == "tails":
            raw = tails(returns, config.tail_fraction)
        else:
            raw = cross_sectional_z(returns)
        if config.volatility_window is not None:
            raw = raw / _volatility(closes[-config.volatility_window - 1 :])
        return balanced(raw, config.gross_exposure, long_only=config.direction == "long_only")


def _volatility(closes: FloatArray) -> FloatArray:
    """Standard deviation of returns; NaN where it is 0 or a close is missing."""
    with np.errstate(invalid="ignore"):
        spread = np.std(closes[1:] / closes[:-1] - 1.0, axis=0, ddof=1)
    return np.where(spread > 0, spread, np.nan)
