"""What a backtest's Sharpe ratio is worth: its probability, and what the trials made so far take from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from omni_lab.errors import DataError
from omni_lab.figures.metrics import format_metric, label_of
from omni_lab.figures.words import number, percent
from omni_lab.portfolio import significance as tests
from omni_lab.portfolio.bootstrap import N_SAMPLES, Band, metric_bands
from omni_lab.portfolio.performance import moments_of, per_step_rate
from omni_lab.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.simulator.results import BacktestResults


@dataclass(frozen=True, slots=True, kw_only=True)
class Significance:
    """How far a Sharpe ratio can be told from luck.

    Attributes
    ----------
    sharpe_ratio : float
        **Annual.** What it was computed from **per period** is this over √periods_per_year.
    standard_error : float
        Of the annual ratio.
    benchmark : float
        Annual ratio that the probability and the track record are measured against.
    n_obs : int
        Returns.
    periods_per_year : float
    skew, kurtosis : float
        Of the returns; 3 for normal ones, not the excess.
    confidence : float
        That the bands and the track record are for.
    psr : float
        Probabilistic Sharpe ratio: probability that the true one exceeds the benchmark, for a single trial.
    min_track_record : float
        Number of returns it takes to tell the ratio from the benchmark; infinite where it is no larger.
    n_trials : float
        Trials that the ratio was the best of, as far as they were counted.
    n_trials_of_all : int
        Trials of any family on the same data.
    trials_variance : float
        Variance of the trials' annual Sharpe ratios; 0 for one trial.
    expected_max : float
        Annual ratio that the best of so many trials without merit is expected to show.
    dsr : float
        Deflated Sharpe ratio: probability that the true one is above zero, given all these trials.
    bands : mapping of str to Band
        Of the headline metrics, by block bootstrap.
    note : str
        What is wrong with the count of trials; empty when nothing is.
    """

    sharpe_ratio: float
    standard_error: float
    benchmark: float
    n_obs: int
    periods_per_year: float
    skew: float
    kurtosis: float
    confidence: float
    psr: float
    min_track_record: float
    n_trials: float
    n_trials_of_all: int
    trials_variance: float
    expected_max: float
    dsr: float
    bands: Mapping[str, Band] = field(default_factory=dict)
    note: str = ""

    @property
    def years(self) -> float:
        """Length of the record."""
        return self.n_obs / self.periods_per_year

    @property
    def min_years(self) -> float:
        """`min_track_record` in years."""
        return self.min_track_record / self.periods_per_year

    def sentences(self) -> tuple[str, ...]:
        """What follows from the numbers."""
        if math.isnan(self.sharpe_ratio):
            return ("There is no Sharpe ratio to judge: its returns do not vary, or it was ruined.",)
        told = [
            f"Had it been the only trial, the probability that its true Sharpe ratio is above "
            f"{number(self.benchmark)} would be {percent(self.psr, decimals=1)}."
        ]
        if math.isfinite(self.min_track_record):
            enough = self.n_obs >= self.min_track_record
            told.append(
                f"To show it with {self.confidence:.0%} confidence takes {number(self.min_years, 1)} years "
                f"of such returns; there are {'' if enough else 'only '}{number(self.years, 1)}."
            )
        if self.n_trials > 1:
            told.append(
                f"The best of {number(self.n_trials, 0)} trials without merit would be expected to show "
                f"{number(self.expected_max)}; against that, the probability is "
                f"{percent(self.dsr, decimals=1)}."
            )
        return tuple(told)

    def to_frame(self) -> pd.DataFrame:
        """A frame with a row a number: ``value``, and for those with a band ``low``, ``high``, ``error``."""
        import pandas as pd

        names = (
            "sharpe_ratio standard_error psr dsr expected_max n_trials n_trials_of_all min_track_record "
            "min_years n_obs years skew kurtosis"
        )
        rows: dict[str, dict[str, float]] = {
            name: {"value": float(getattr(self, name))} for name in names.split()
        }
        for name, band in self.bands.items():
            rows[name] = {"value": band.estimate, "low": band.low, "high": band.high, "error": band.error}
        return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high", "error"])

    def plot(self, *, theme: str = "light") -> Any:
        """The bands as a figure."""
        from omni_lab.figures import bands_figure

        told = {name: (band.estimate, band.low, band.high) for name, band in self.bands.items()}
        return bands_figure(told, confidence=self.confidence, theme=theme)

    def __repr__(self) -> str:
        return (
            f"Significance(Sharpe {self.sharpe_ratio:.2f} ± {self.standard_error:.2f}, PSR {self.psr:.3f}, "
            f"DSR {self.dsr:.3f} after {self.n_trials:g} trials)"
        )

    def _repr_html_(self) -> str:
        from omni_lab.figures.html import facts_html

        groups = {
            "Sharpe ratio": [
                ("Annual", f"{number(self.sharpe_ratio)} ± {number(self.standard_error)}"),
                ("Probabilistic (PSR)", percent(self.psr, decimals=1)),
                ("Deflated (DSR)", percent(self.dsr, decimals=1)),
            ],
            "Trials": [
                ("Of this family on these data", number(self.n_trials, 0)),
                ("Of any family", number(self.n_trials_of_all, 0)),
                ("Best of as many without merit", number(self.expected_max)),
            ],
            "Track record": [
                ("Years", number(self.years, 1)),
                (f"Years needed for {self.confidence:.0%}", number(self.min_years, 1)),
                ("Skewness, kurtosis", f"{number(self.skew)}, {number(self.kurtosis)}"),
            ],
        }
        if self.bands:
            groups[f"{self.confidence:.0%} band"] = [
                (label_of(name), f"{format_metric(name, band.low)} to {format_metric(name, band.high)}")
                for name, band in self.bands.items()
            ]
        notes = [*self.sentences(), *([self.note] if self.note else [])]
        return facts_html(groups, title="Could it be luck?", notes=notes)


def significance(
    results: BacktestResults,
    *,
    confidence: float = 0.95,
    benchmark: float = 0.0,
    n_samples: int = N_SAMPLES,
    progress: bool = True,
) -> Significance:
    """See :meth:`BacktestResults.significance`."""
    per_year, rate = results["periods_per_year"], results.config.risk_free_rate
    riskless = per_step_rate(rate, per_year)
    bands: dict[str, Band] = {}
    if n_samples:
        with Progress(n_samples, "bootstrap", progress, unit="samples") as report:
            bands = metric_bands(
                results.returns,
                per_year,
                risk_free_rate=rate,
                confidence=confidence,
                n_samples=n_samples,
                seed=results.config.seed,
                progress=report,
            )
    found = moments_of(results.returns)
    n_trials, variance, n_of_all, note = trials_made(results.bars.fingerprint, results.family)
    if not results.counted:
        note = "This run was not counted as a trial (count_trials=False), and the others may not have been."
    return judge(
        (found.mean - riskless) / found.std if found.std > 0.0 else math.nan,
        len(results.returns),
        skew=found.skew,
        kurtosis=found.kurtosis + 3.0,
        per_year=per_year,
        n_trials=n_trials,
        variance=variance,
        n_of_all=n_of_all,
        confidence=confidence,
        benchmark=benchmark,
        bands=bands,
        note=note,
    )


def judge(
    sharpe: float,
    n_obs: int,
    *,
    skew: float,
    kurtosis: float,
    per_year: float,
    n_trials: float,
    variance: float,
    n_of_all: int,
    confidence: float = 0.95,
    benchmark: float = 0.0,
    bands: Mapping[str, Band] | None = None,
    note: str = "",
) -> Significance:
    """Significance of a Sharpe ratio **per period**, with the variance of the trials' ratios **per period**.

    The benchmark is annual, as in the result.
    """
    root = math.sqrt(per_year)
    shape = {"skew": skew, "kurtosis": kurtosis}
    n_trials, variance = max(n_trials, 1.0), variance if n_trials > 1 else 0.0
    return Significance(
        sharpe_ratio=sharpe * root,
        standard_error=tests.sharpe_error(sharpe, n_obs, **shape) * root,
        benchmark=benchmark,
        n_obs=n_obs,
        periods_per_year=per_year,
        skew=skew,
        kurtosis=kurtosis,
        confidence=confidence,
        psr=tests.probabilistic_sharpe(sharpe, n_obs, benchmark=benchmark / root, **shape),
        min_track_record=tests.min_track_record_length(
            sharpe, benchmark=benchmark / root, confidence=confidence, **shape
        ),
        n_trials=n_trials,
        n_trials_of_all=n_of_all,
        trials_variance=variance * per_year,
        expected_max=tests.expected_max_sharpe(n_trials, variance) * root,
        dsr=tests.deflated_sharpe(sharpe, n_obs, n_trials=n_trials, variance=variance, **shape),
        bands=bands or {},
        note=note,
    )


def trials_made(data: str, family: str) -> tuple[int, float, int, str]:
    """Trials of a family on some data, variance of their ratios per period, trials of all, what is wrong."""
    from omni_lab.store.trials import TrialLedger

    ledger = TrialLedger()
    try:
        own, every = ledger.summary(data, family), ledger.summary(data)
    except DataError as error:
        return 1, 0.0, 1, f"The trials are not known: {error}"
    variance = 0.0 if math.isnan(own.sharpe_variance) else own.sharpe_variance
    return own.n_trials, variance, every.n_trials, ""
