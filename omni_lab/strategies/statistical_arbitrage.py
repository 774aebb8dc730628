"""Statistical arbitrage: baskets of prices that belong together, bet on to meet again when they part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import ConfigError
from omni_lab.models.baskets import CointegrationTest, Selection, select_baskets
from omni_lab.models.cointegration import Correction
from omni_lab.strategies.panel import Decide, PanelStrategy
from omni_lab.strategies.registry import register
from omni_lab.strategies.settings import (
    is_finite,
    not_among,
    not_whole,
    out_of_range,
    parse_settings,
    refuse,
    settings,
)
from omni_lab.strategies.spread import Hedge, SpreadTrader
from omni_lab.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from omni_lab.data import Bars

Groups = tuple[tuple[str, ...], ...]


@settings
@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticalArbitrageConfig:
    """Settings of :class:`StatisticalArbitrageStrategy`.

    Attributes
    ----------
    formation_period : int
        Bars on which baskets are chosen.
    trading_period : int
        Bars for which they are traded, right after; then they are closed and chosen anew.
    candidates : tuple of tuples of str, optional
        Baskets to test, by symbol; all combinations of ``basket_size`` instruments by default.
    basket_size : int
        Legs of a basket, from 2.
    test : {"engle_granger", "johansen"}
        Of cointegration.
    correction : {"holm", "bonferroni", "benjamini_hochberg", "benjamini_yekutieli", "none"}
        Of the p-values for the number of candidates.
    significance : float
        Largest corrected p-value that passes.
    min_half_life, max_half_life : float
        Bars in which half of a deviation must be expected to be gone.
    max_baskets : int
        How many are traded at most; each gets the same part of the gross exposure.
    hedge : {"formation", "rolling_ols", "kalman"}
        Whether coefficients stay as the formation found them, are fitted to the last ``hedge_window`` bars at
        every close, or are filtered.
    hedge_window : int
        Bars of a rolling fit.
    kalman_state_ratio : float
        Variance of a coefficient's change in one bar over that of the noise.
    entry_z, exit_z, stop_z : float
        Distance of the spread from its mean, in standard deviations, at which a basket is opened, closed
        with its purpose fulfilled, and closed at a loss; exit < entry < stop.
    break_window : int, optional
        Bars of the Dickey-Fuller test that watches whether the spread still comes back; None for no watch.
    break_every : int
        Bars between two such tests.
    break_significance : float
        p-value above which the basket is given up for the rest of its trading period.
    gross_exposure : float
        Sum of the absolute weights when all baskets are open; 1 is all of equity.
    """

    formation_period: int = 504
    trading_period: int = 252
    candidates: Groups | None = None
    basket_size: int = 2
    test: CointegrationTest = "engle_granger"
    correction: Correction = "holm"
    significance: float = 0.05
    min_half_life: float = 2.0
    max_half_life: float = 60.0
    max_baskets: int = 5
    hedge: Hedge = "formation"
    hedge_window: int = 120
    kalman_state_ratio: float = 1e-5
    entry_z: float = 2.0
    exit_z: float = 0.5
    stop_z: float = 4.0
    break_window: int | None = 252
    break_every: int = 21
    break_significance: float = 0.3
    gross_exposure: float = 1.0

    def __post_init__(self) -> None:
        _tupled(self)
        size: object = self.basket_size
        least = 40 + 4 * size if isinstance(size, int) else 40
        numbers = (self.exit_z, self.entry_z, self.stop_z)
        ordered = all(map(is_finite, numbers)) and 0 <= self.exit_z < self.entry_z < self.stop_z
        lives = is_finite(self.min_half_life) and is_finite(self.max_half_life)
        refuse(
            self,
            not_whole("formation_period", self.formation_period, least=least, most=1_000_000),
            not_whole("trading_period", self.trading_period, least=1, most=1_000_000),
            _not_groups(self.candidates),
            not_whole("basket_size", self.basket_size, least=2, most=12),
            not_among("test", self.test, CointegrationTest),
            not_among("correction", self.correction, Correction),
            out_of_range("significance", self.significance, above=0, most=1),
            []
            if lives and 0 <= self.min_half_life < self.max_half_life
            else ["min_half_life must be below max_half_life, and neither negative"],
            not_whole("max_baskets", self.max_baskets, least=1, most=10_000),
            not_among("hedge", self.hedge, Hedge),
            not_whole("hedge_window", self.hedge_window, least=20, most=1_000_000),
            out_of_range("kalman_state_ratio", self.kalman_state_ratio, least=0),
            [] if ordered else [f"0 <= exit_z < entry_z < stop_z must hold, not {numbers!r}"],
            []
            if self.break_window is None
            else not_whole("break_window", self.break_window, least=40, most=1_000_000),
            not_whole("break_every", self.break_every, least=1, most=1_000_000),
            out_of_range("break_significance", self.break_significance, above=0, most=1),
            out_of_range("gross_exposure", self.gross_exposure, above=0),
        )


@register("statistical_arbitrage")
class StatisticalArbitrageStrategy(PanelStrategy):
    r"""Bet that what has belonged together comes together again.

    **Formation.** Of the ``formation_period`` closes up to now, in logs, every candidate basket is tested for
    cointegration. p-values are corrected for the number of candidates; of those that pass and whose half-life
    is in bounds, the best ``max_baskets`` that share no instrument are kept. Nothing after this close takes
    part in the choice, and nothing before the next close is traded.

    **Trading.** For the next ``trading_period`` closes each basket has a score

    .. math:: z_t = \frac{\ln p_{1,t} - \alpha_t - \sum_j \beta_{j,t} \ln p_{j,t}}{\sigma_t},

    with :math:`\alpha, \beta, \sigma` from the formation; from a least-squares fit to the last bars, the
    current one included; or from a Kalman filter, where the numerator is the innovation and :math:`\sigma_t`
    its expected size. At :math:`z \ge` ``entry_z`` the spread is sold, at :math:`z \le -` ``entry_z``
    bought, in weights proportional to :math:`(1, -\beta)` that are left alone until it is closed: at
    :math:`|z| \le` ``exit_z`` (or beyond zero), at :math:`|z| \ge` ``stop_z``, when a Dickey-Fuller test on
    the spread no longer finds that it comes back, or at the end of the trading period. After a stop the
    basket is not opened again before its score has been back within ``exit_z``.

    Parameters
    ----------
    config : mapping or StatisticalArbitrageConfig, optional
        Settings by name; unknown ones are refused.

    References
    ----------
    .. [1] Gatev, Goetzmann and Rouwenhorst, "Pairs trading: performance of a relative-value arbitrage rule",
       Review of Financial Studies 19, 2006: formation, then trading; two standard deviations.
    .. [2] Vidyamurthy, "Pairs Trading", Wiley, 2004, chapters 5 to 7, for cointegration in logs.
    .. [3] Chan, "Algorithmic Trading", Wiley, 2013, chapters 2 and 3: half-life, Johansen's vector as
       weights, the Kalman filter.
    """

    def __init__(self, config: Mapping[str, Any] | StatisticalArbitrageConfig | None = None) -> None:
        self.config = parse_settings(StatisticalArbitrageConfig, config)

    def begin(self, symbols: Sequence[str]) -> Decide:
        """Weights of the closes at which a basket is opened or closed."""
        candidates = self._columns(symbols)
        traders: list[SpreadTrader] = []
        held = np.zeros(len(symbols))

        def decide(ts: IntArray, closes: FloatArray) -> FloatArray | None:
            nonlocal traders, held
            if self._forms(len(closes)):
                window = np.log(closes[-self.config.formation_period :])
                chosen = self._select(window, candidates).baskets
                traders = [SpreadTrader(basket, window, self.config) for basket in chosen]
            # All of them, not only up to the first that changes.
            elif not sum(trader.update(closes) for trader in traders):
                return None
            wanted = np.zeros(len(symbols))
            for trader in traders:
                wanted[list(trader.columns)] += trader.weights
            changed = wanted != held
            held = wanted
            return np.where(changed, wanted, np.nan)

        return decide

    def formations(self, bars: Bars) -> Iterator[tuple[int, Selection]]:
        """Step and outcome of every choice of baskets that a run on these bars makes.

        Yields
        ------
        step : int
            The last bar of the formation window; trading begins with the next.
        selection : Selection
            Columns are those of the bars.
        """
        closes, candidates = bars.close(), self._columns(bars.symbols)
        for n_known in range(1, bars.n_times + 1):
            if self._forms(n_known):
                window = np.log(closes[n_known - self.config.formation_period : n_known])
                yield n_known - 1, self._select(window, candidates)

    def _forms(self, n_known: int) -> bool:
        since = n_known - self.config.formation_period
        return since >= 0 and since % self.config.trading_period == 0

    def _select(self, window: FloatArray, candidates: list[tuple[int, ...]] | None) -> Selection:
        config = self.config
        return select_baskets(
            window,
            size=config.basket_size,
            candidates=candidates,
            test=config.test,
            correction=config.correction,
            significance=config.significance,
            half_lives=(config.min_half_life, config.max_half_life),
            most=config.max_baskets,
        )

    def _columns(self, symbols: Sequence[str]) -> list[tuple[int, ...]] | None:
        if self.config.candidates is None:
            return None
        place = {symbol: column for column, symbol in enumerate(symbols)}
        for symbol in (name for group in self.config.candidates for name in group):
            if symbol not in place:
                raise ConfigError(
                    "a candidate is not among the instruments",
                    found=symbol,
                    expected=tuple(symbols),
                    where="candidates",
                )
        return [tuple(place[symbol] for symbol in group) for group in self.config.candidates]


def _tupled(config: StatisticalArbitrageConfig) -> None:
    """Lists, as a parameter file holds them, become tuples."""
    given: Any = config.candidates
    if isinstance(given, list | tuple):
        groups = tuple(tuple(group) if isinstance(group, list | tuple) else group for group in given)
        object.__setattr__(config, "candidates", groups)


def _not_groups(given: Any) -> list[str]:
    if given is None:
        return []
    fine = isinstance(given, tuple) and len(given) > 0
    fine = fine and all(
        isinstance(group, tuple) and 2 <= len(group) == len(set(group)) and all(map(_is_text, group))
        for group in given
    )
    return [] if fine else [f"candidates must be groups of two different symbols or more, not {given!r}"]


def _is_text(value: object) -> bool:
    return isinstance(value, str)
