"""One basket while it is traded: its score at every close, and when it is open."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from omni_lab.models.baskets import Basket
from omni_lab.models.cointegration import adf_p_value
from omni_lab.models.kalman import KalmanRegression
from omni_lab.models.regression import fit_line
from omni_lab.typing import FloatArray

if TYPE_CHECKING:
    from omni_lab.strategies.statistical_arbitrage import StatisticalArbitrageConfig

Hedge = Literal["formation", "rolling_ols", "kalman"]


class SpreadTrader:
    """Opens and closes one basket by the score of its spread.

    Parameters
    ----------
    basket : Basket
        As the formation found it.
    formation : ndarray of float64, shape (n_times, n_symbols)
        Log closes of all instruments on which it was found.
    config : StatisticalArbitrageConfig

    Attributes
    ----------
    columns : tuple of int
        Its instruments.
    score : float
        The last one; NaN before the first.
    position : int
        1 if the spread is held, −1 if it is sold short, 0 if neither.
    weights : ndarray of float64, shape (n_legs,)
        Weights aimed at, as of the close at which it was opened; 0 when it is closed.
    is_broken : bool
        Whether it was given up because its spread no longer comes back.
    """

    def __init__(self, basket: Basket, formation: FloatArray, config: StatisticalArbitrageConfig) -> None:
        self.columns = basket.columns
        self.score = math.nan
        self.position = 0
        self.weights = np.zeros(len(basket.columns))
        self.is_broken = False
        self._fit = basket.fit
        self._vector = basket.fit.vector
        self._config = config
        self._share = config.gross_exposure / config.max_baskets
        self._is_barred = False
        self._n_seen = 0
        self._filter: KalmanRegression | None = None
        if config.hedge == "kalman":
            self._filter = KalmanRegression(len(self.columns), state_ratio=config.kalman_state_ratio)
            for row in formation[:, list(self.columns)]:
                self._filter.update(row[0], _regressors(row))

    def update(self, closes: FloatArray) -> bool:
        """Take in the closes up to now; True if the weights have changed.

        A close at which a leg has no bar is passed over.
        """
        if self.is_broken or np.isnan(closes[-1, list(self.columns)]).any():
            return False
        self._n_seen += 1
        before = self.position
        self.score = self._score(closes)
        self._watch(closes)
        self._decide()
        if self.position == before:
            return False
        gross = np.abs(self._vector).sum()
        self.weights = self.position * self._share * self._vector / gross
        return True

    def _decide(self) -> None:
        z, config = self.score, self._config
        if self.is_broken:
            self.position = 0
        elif math.isnan(z):
            return
        elif self.position:
            # A long spread was bought below its mean: what counts is how far below it still is.
            below = -self.position * z
            if below >= config.stop_z:
                self.position, self._is_barred = 0, True
            elif below <= config.exit_z:
                self.position = 0
        elif self._is_barred:
            self._is_barred = abs(z) > config.exit_z
        elif config.entry_z <= abs(z) < config.stop_z:
            self.position = -1 if z > 0 else 1

    def _score(self, closes: FloatArray) -> float:
        if self._filter is not None:
            row = np.log(closes[-1, list(self.columns)])
            noise = self._filter.noise
            self._filter.update(row[0], _regressors(row))
            self._vector = np.concatenate([[1.0], -self._filter.coefficients[1:]])
            return self._filter.innovation / math.sqrt(noise * self._filter.innovation_ratio)
        if self._config.hedge == "formation":
            spread = self._fit.spread(np.log(closes[-1, list(self.columns)]))
            return float(spread) / self._fit.scale
        prices = np.log(self._known(closes, self._config.hedge_window))
        fit = fit_line(prices[:, 0], prices[:, 1:])
        self._vector = np.concatenate([[1.0], -fit.slopes])
        return float(fit.residuals[-1]) / fit.scale if fit.scale > 0 else math.nan

    def _watch(self, closes: FloatArray) -> None:
        window, config = self._config.break_window, self._config
        if window is None or self._n_seen % config.break_every:
            return
        spread = self._fit.spread(np.log(self._known(closes, window)))
        if len(spread) >= window // 2 and adf_p_value(spread) > config.break_significance:
            self.is_broken = True

    def _known(self, closes: FloatArray, window: int) -> FloatArray:
        """The last closes of its legs, without those at which one of them has no bar."""
        recent = closes[-window:, list(self.columns)]
        return np.asarray(recent[~np.isnan(recent).any(axis=1)])


def _regressors(row: FloatArray) -> FloatArray:
    """A constant and the legs after the first."""
    return np.concatenate([[1.0], row[1:]])
