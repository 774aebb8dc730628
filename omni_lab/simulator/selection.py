"""Was the best of a sweep chosen, or found? The tests of many trials at once, on the returns they left.

They need the returns of every trial. Those are kept as 4-byte floats, which is plenty for statistics, and by
default only up to 64 MiB: 6,600 trials of ten years of days.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ConfigError, ShapeError
from omni_lab.portfolio.overfitting import N_BLOCKS, Overfitting, backtest_overfitting
from omni_lab.portfolio.performance import moments_of, per_step_rate, returns_from_equity
from omni_lab.portfolio.significance import effective_trials
from omni_lab.progress import Progress
from omni_lab.simulator.significance import Significance, judge, trials_made
from omni_lab.typing import AnyArray, ArrayLike, FloatArray

if TYPE_CHECKING:
    from omni_lab.data.bars import Bars
    from omni_lab.portfolio.snooping import Snooping
    from omni_lab.simulator.config import SimulationConfig

KEPT_BYTES = 64 * 2**20
_BYTES = 4


class Selection:
    """The trials of a sweep, for tests of the choice among them.

    Parameters
    ----------
    bars : Bars
        What they ran on.
    config : SimulationConfig
        Under which assumptions.
    family : str
        Of the trials, as the ledger knows it.
    n_trials : int
        How many there will be.
    per_year : float
        Periods in a year.
    keep : bool, optional
        Whether to keep their returns; by default if they take no more than 64 MiB.
    counted : bool
        Whether the trials go to the ledger.
    """

    def __init__(
        self,
        bars: Bars,
        config: SimulationConfig,
        *,
        family: str,
        n_trials: int,
        per_year: float,
        keep: bool | None,
        counted: bool,
    ) -> None:
        self.data, self.family, self.counted = bars.fingerprint if counted else "", family, counted
        self.per_year, self.initial_capital = per_year, config.initial_capital
        self.riskless = per_step_rate(config.risk_free_rate, per_year)
        if keep is None:
            keep = bars.n_times * n_trials * _BYTES <= KEPT_BYTES
        self._columns: AnyArray | None = np.empty((n_trials, bars.n_times), np.float32) if keep else None

    def add(self, trial: int, equity: FloatArray) -> None:
        """Keep the returns of a trial."""
        if self._columns is not None:
            self._columns[trial] = returns_from_equity(equity, self.initial_capital)

    @property
    def returns(self) -> FloatArray:
        """Returns per period, shape (n_times, n_trials); NaN after a trial's ruin.

        Raises
        ------
        ConfigError
            If they were not kept.
        """
        if self._columns is None:
            raise ConfigError(
                "the returns of the trials were not kept",
                expected="keep_returns=True",
                where="sweep",
                hint="By default they are kept up to 64 MiB.",
            )
        return self._columns.T.astype(np.float64)

    def pbo(self, n_blocks: int = N_BLOCKS) -> Overfitting:
        """See :meth:`SweepResults.pbo`."""
        return backtest_overfitting(_finite(self.returns), n_blocks=n_blocks, riskless=self.riskless)

    def reality_check(
        self, benchmark: ArrayLike | None, *, n_samples: int, seed: int, progress: bool
    ) -> Snooping:
        """See :meth:`SweepResults.reality_check`."""
        from omni_lab.portfolio.snooping import data_snooping

        returns = _finite(self.returns)
        against = np.full(len(returns), self.riskless) if benchmark is None else np.asarray(benchmark)
        if against.shape != (len(returns),):
            raise ShapeError(
                "the benchmark has one return a step",
                found=against.shape,
                expected=str((len(returns),)),
                where="benchmark",
            )
        with Progress(n_samples, "reality check", progress, unit="samples") as report:
            return data_snooping(
                returns - against[:, np.newaxis], n_samples=n_samples, seed=seed, progress=report
            )

    def deflated_sharpe(self, *, effective: bool, confidence: float) -> Significance:
        """See :meth:`SweepResults.deflated_sharpe`."""
        returns = self.returns
        found = [moments_of(column) for column in returns.T]
        ratios = np.array([(m.mean - self.riskless) / m.std if m.std > 0.0 else np.nan for m in found])
        known = ratios[np.isfinite(ratios)]
        if not len(known):
            raise ConfigError("no trial has a Sharpe ratio", hint="No parameter set ever traded.")
        best = found[int(np.nanargmax(ratios))]
        own = float(known.var(ddof=1)) if len(known) > 1 else 0.0
        made = _Made(float(len(known)), own, len(known), "")
        if self.counted:
            made = max(made, _Made(*trials_made(self.data, self.family)), key=lambda each: each.n_trials)
        return judge(
            float(np.nanmax(ratios)),
            len(returns),
            skew=best.skew,
            kurtosis=best.kurtosis + 3.0,
            per_year=self.per_year,
            n_trials=effective_trials(returns[:, np.isfinite(ratios)]) if effective else made.n_trials,
            variance=own if effective else made.variance,
            n_of_all=max(made.n_of_all, int(made.n_trials)),
            confidence=confidence,
            note=made.note,
        )


@dataclass(frozen=True, slots=True)
class _Made:
    n_trials: float
    variance: float
    n_of_all: int
    note: str


def _finite(returns: FloatArray) -> FloatArray:
    """The trials that were not ruined."""
    kept = np.isfinite(returns).all(axis=0)
    if int(kept.sum()) < 2:
        raise ShapeError(
            "there is no choice to judge",
            found=f"{int(kept.sum())} trials that were not ruined",
            expected="at least 2",
            where="sweep",
        )
    return returns[:, kept]
