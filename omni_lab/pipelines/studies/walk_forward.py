"""What the walk_forward notebook asks beside the simulator: what to choose from, what else was to be had.

The sentences are written from the numbers, so that they cannot say more than the run did.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import ConfigError
from omni_lab.figures.words import number, percent
from omni_lab.portfolio.performance import moments_of, sharpe_ratio
from omni_lab.portfolio.significance import deflated_sharpe, effective_trials, probabilistic_sharpe
from omni_lab.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.data import Bars
    from omni_lab.simulator import EventSimulator, WalkForwardResults

_MOST_SETS = 10_000
_FEWEST = 2  # sets that traded, without which there is no spread between them
_NOISE = 0.6  # different choices for each fold, from which they say nothing


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """What is chosen from.

    Attributes
    ----------
    sets : list of dict
        Settings of the strategy.
    n_refused : int
        Combinations that the strategy does not take, such as a fast average slower than the slow one.
    """

    sets: list[dict[str, Any]]
    n_refused: int


def parameter_sets(
    strategy: str, grid: Mapping[str, Any], settings: Mapping[str, Any] | None = None
) -> ParameterSets:
    """All combinations of the values that the strategy takes.

    Parameters
    ----------
    strategy : str
        Its registered name.
    grid : mapping of str to list
        Values by setting.
    settings : mapping, optional
        What stays the same in all of them.

    Raises
    ------
    ConfigError
        If there is no such strategy, a value of the grid is no list, or the strategy takes fewer than two
        combinations: then with what it says of the first that it refuses.
    """
    from omni_lab.strategies import create

    create(strategy)
    for name, values in grid.items():
        if not isinstance(values, list | tuple) or not values:
            raise ConfigError(
                "a grid has a list of values for each setting", found=values, where=f"grid, {name}"
            )
    n_sets = int(np.prod([len(values) for values in grid.values()], dtype=np.int64))
    if n_sets > _MOST_SETS:
        raise ConfigError(
            "the grid is too large",
            found=f"{n_sets:,} sets",
            expected=f"at most {_MOST_SETS:,}",
            where="grid",
        )
    taken: list[dict[str, Any]] = []
    refusal: ConfigError | None = None
    for values in product(*grid.values()):
        each = {**(settings or {}), **dict(zip(grid, values, strict=True))}
        try:
            create(strategy, each)
        except ConfigError as error:
            refusal = refusal or error
        else:
            taken.append(each)
    if len(taken) < 2:
        raise ConfigError(
            f"the strategy takes fewer than two of {n_sets:,} sets, so that there is nothing to choose",
            where="grid",
            hint=str(refusal) if refusal else None,
        ) from refusal
    return ParameterSets(taken, n_sets - len(taken))


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternatives:
    """What else there was to be had over the tested steps.

    Attributes
    ----------
    holding : ndarray of float64, shape (n_tested,)
        Returns of the instrument.
    sets : list of dict
        What was chosen from.
    returns : ndarray of float64, shape (n_tested, n_sets)
        Of each set kept all the time.
    per_year : float
        Steps in a year.
    """

    holding: FloatArray
    sets: list[dict[str, Any]]
    returns: FloatArray
    per_year: float

    @property
    def ratios(self) -> FloatArray:
        """Annual Sharpe ratio of each set; NaN where it did not trade."""
        return np.array([sharpe_ratio(column, self.per_year) for column in self.returns.T])

    @property
    def best(self) -> int:
        """Number of the set that was best, which nobody knew before; 0 where none ever traded."""
        return int(np.argmax(np.nan_to_num(self.ratios, nan=-np.inf)))

    @property
    def deflated(self) -> float:
        """Probability that the best set has merit, given how many were tried; NaN if less than two traded."""
        ratios = self.ratios / np.sqrt(self.per_year)
        if np.isfinite(ratios).sum() < _FEWEST:
            return float("nan")
        chosen = self.returns[:, self.best]
        return deflated_sharpe(
            float(ratios[self.best]),
            len(chosen),
            n_trials=effective_trials(self.returns),
            variance=float(np.nanvar(ratios, ddof=1)),
            **_moments(chosen),
        )


def alternatives(
    simulator: "EventSimulator",
    bars: "Bars",
    strategy: str,
    sets: list[dict[str, Any]],
    walk: "WalkForwardResults",
) -> Alternatives:
    """Returns of holding the instrument, and of every set, over the steps that were tested.

    Parameters
    ----------
    simulator : EventSimulator
        Should count no trials: these were counted by the walk.
    bars : Bars
        Of one instrument.
    strategy : str
    sets : list of dict
    walk : WalkForwardResults
        Of the same bars.
    """
    first, stop = walk.folds[0].fold.test_first, walk.folds[-1].fold.test_stop
    close = bars.close()[first - 1 : stop, 0]
    # They see what the first training saw, so that their windows are full when the first test begins.
    seen = bars.slice(walk.folds[0].fold.train_first, stop)
    swept = simulator.sweep(seen, strategy, sets, progress=False, keep_returns=True)
    assert swept.returns is not None
    return Alternatives(
        holding=close[1:] / close[:-1] - 1.0,
        sets=sets,
        returns=swept.returns[-(stop - first) :],
        per_year=swept.periods_per_year,
    )


def merit(returns: FloatArray) -> float:
    """Probability that returns have a Sharpe ratio above zero; NaN where they do not vary."""
    ratio = sharpe_ratio(returns, 1.0)
    return probabilistic_sharpe(ratio, len(returns), **_moments(returns))


def growth(walk: "WalkForwardResults", other: Alternatives) -> dict[str, FloatArray]:
    """Growth of one unit: chosen year after year, the best afterwards, and the instrument held."""
    series = {
        "chosen on the past": walk.returns,
        "best afterwards": other.returns[:, other.best],
        "held": other.holding,
    }
    return {name: np.asarray(np.cumprod(1.0 + returns)) for name, returns in series.items()}


def growth_title(walk: "WalkForwardResults", other: Alternatives) -> str:
    """What choosing on the past made of one unit, against holding."""
    made, held = (float(np.prod(1.0 + each)) for each in (walk.returns, other.holding))
    verb = "more" if made > held else "less"
    return f"Choosing on the past made {number(made)} of 1, {verb} than the {number(held)} of holding"


def choice_table(walk: "WalkForwardResults") -> "pd.DataFrame":
    """How often each set was chosen, the most often first."""
    import pandas as pd

    chosen = pd.DataFrame([each.parameters for each in walk.folds]).astype(str)
    return chosen.value_counts(sort=True).rename("folds").reset_index()


def conclusions(walk: "WalkForwardResults", other: Alternatives, metric: str) -> list[str]:
    """What the walk shows, in sentences."""
    if not walk.returns.any():
        return ["No choice ever traded in a test: the walk says only that its thresholds were never reached."]
    stitched = sharpe_ratio(walk.returns, other.per_year)
    held, best = sharpe_ratio(other.holding, other.per_year), float(other.ratios[other.best])
    merits = [percent(each, decimals=0) for each in (other.deflated, merit(walk.returns))]
    verdict = "Choosing did better." if stitched > held else "The search was not worth its trouble."
    return [
        *_choices(walk, metric),
        f"Over the tested steps the Sharpe ratio is {number(stitched)}; that of holding the instrument is "
        f"{number(held)}. {verdict}",
        f"The best set afterwards had {number(best)}: what nobody could have known was worth "
        f"{number(best - stitched)}. The probability that it has any merit, given so many tries, is "
        f"{merits[0]}; that what was chosen on the past has any, {merits[1]}.",
    ]


def _choices(walk: "WalkForwardResults", metric: str) -> list[str]:
    n_folds, won = len(walk.folds), sum(each.out_return > 0 for each in walk.folds)
    name = metric.replace("_", " ").replace("sharpe", "Sharpe")
    noise = ": the choice is hardly more than noise." if walk.n_distinct > _NOISE * n_folds else "."
    lost = f"{number(walk.degradation)} was lost on the way"
    if not walk.degradation > 0:
        lost = "nothing was lost on the way, which is luck more often than skill"
    return [
        f"The choices had a {name} of {number(walk.in_sample)} while they were made and "
        f"{number(walk.out_of_sample)} after: {lost}. {won} of {n_folds} tests gained.",
        f"{walk.n_distinct} different sets of {walk.n_trials} were chosen in {n_folds} folds{noise}",
    ]


def doubts(walk: "WalkForwardResults", n_refused: int, anchored: bool) -> list[str]:
    """What a reader must know before quoting a number."""
    said = [
        "The lengths of training and test are choices too; trying many of them would be a search again.",
        "The grid was drawn by somebody who knew the history: its values are not chosen on the past.",
    ]
    if anchored:
        said.append("Training grows from fold to fold, so late choices rest on regimes that are long over.")
    if n_refused:
        said.append(f"{n_refused:,} combinations were left out because the strategy does not take them.")
    if len(walk.folds) < 5:
        said.append(f"{len(walk.folds)} folds are few: the stitched result is little more than one period.")
    return said


def _moments(returns: FloatArray) -> dict[str, float]:
    found = moments_of(returns)
    return {"skew": found.skew, "kurtosis": found.kurtosis + 3.0}
