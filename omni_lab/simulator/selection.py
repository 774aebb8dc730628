"""Was the best of a sweep chosen, or found? The tests of many trials at once, on the returns they left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ConfigError, ShapeError
from omni_lab.portfolio.overfitting import N_BLOCKS, Overfitting, backtest_overfitting
from omni_lab.portfolio.performance import moments_of
from omni_lab.portfolio.significance import effective_trials
from omni_lab.progress import Progress
from omni_lab.simulator.significance import Significance, judge, trials_made
from omni_lab.typing import ArrayLike, FloatArray

if TYPE_CHECKING:
    from omni_lab.portfolio.snooping import Snooping

KEPT_BYTES = 64 * 2**20
"""Returns of a sweep that are kept unless one says: 3,300 trials of ten years of days."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The trials of a sweep, for tests of the choice among them.

    Attributes
    ----------
    kept : ndarray of float64, shape (n_times, n_trials), or None
        Their returns per period, if they were kept; NaN after a trial's ruin.
    data, family : str
        What they ran on and what they are trials of, as the ledger knows it; ``data`` is empty where they
        were not counted.
    per_year : float
        Periods in a year.
    riskless : float
        Riskless return per period.
    """

    kept: FloatArray | None
    data: str
    family: str
    per_year: float
    riskless: float

    @property
    def returns(self) -> FloatArray:
        """Returns per period, shape (n_times, n_trials); NaN after a trial's ruin.

        Raises
        ------
        ConfigError
            If they were not kept.
        """
        if self.kept is None:
            raise ConfigError(
                "the returns of the trials were not kept",
                expected="keep_returns=True",
                where="sweep",
                hint="By default they are kept up to 64 MiB.",
            )
        return self.kept

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
        if self.data:
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
