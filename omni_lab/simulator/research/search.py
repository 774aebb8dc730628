"""Which parameter sets are tried: all of a grid, so many drawn at random, or those that a search proposes.

A search is a description; its proposals come from a generator that is told the figures of each batch before
it proposes the next. The batches depend on the search alone, never on how many workers run them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from omni_lab.errors import ConfigError

Parameters = dict[str, Any]
Proposals = Generator[list[Parameters], Sequence[Mapping[str, float]], None]
"""Yields batches of parameter sets, and receives the metrics of each set of a batch, NaN where it failed."""

_MOST_REPEATS = 100


@runtime_checkable
class Search(Protocol):
    """What a sweep asks for parameter sets."""

    @property
    def n_trials(self) -> int:
        """How many sets it will propose at most."""

    def proposals(self) -> Proposals:
        """A fresh generator of batches; the same each time."""


@dataclass(frozen=True, slots=True)
class Between:
    """A range of numbers to draw from: whole numbers if both ends are, ends included.

    Attributes
    ----------
    low, high : int or float
        The ends, ``low < high``.
    log : bool
        Whether orders of magnitude are equally likely, rather than values; needs a positive ``low``.

    Raises
    ------
    ConfigError
        If there is nothing between the ends.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ConfigError("a range goes from a number up to a larger one", found=(self.low, self.high))
        if self.log and self.low <= 0:
            raise ConfigError("a logarithmic range begins above zero", found=self.low, where="Between.low")

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers are drawn."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def draw(self, rng: np.random.Generator) -> int | float:
        """One number."""
        # A whole number owns the half unit on both sides of it.
        low, high = (self.low - 0.5, self.high + 0.5) if self.is_whole else (self.low, self.high)
        if self.log:
            value = math.exp(rng.uniform(math.log(low), math.log(high)))
        else:
            value = float(rng.uniform(low, high))
        return min(max(round(value), int(self.low)), int(self.high)) if self.is_whole else value


class GridSearch:
    """All combinations of the values by name, or the sets of a list, in order.

    Parameters
    ----------
    grid : mapping of sequences, or sequence of mappings
        Values by name, one or many; or the parameter sets themselves.
    """

    def __init__(self, grid: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> None:
        self._sets = parameter_sets(grid)

    @property
    def n_trials(self) -> int:
        """The number of sets."""
        return len(self._sets)

    def proposals(self) -> Proposals:
        """All sets in one batch."""
        yield [dict(each) for each in self._sets]


class RandomSearch:
    """Parameter sets drawn at random, no set twice.

    Each parameter is drawn from a stream of its own, made from the seed and its name. So the first fifty of a
    hundred trials are those of a search of fifty, and another parameter leaves the values of the others as
    they were (unless a set comes up twice and is left out).

    Parameters
    ----------
    space : mapping of str to values
        By name: a :class:`Between`; a sequence to choose from, each value as likely; anything with
        ``rvs(random_state=…)``, such as a frozen distribution of SciPy; or one value, which is always taken.
    n_trials : int
        How many sets; fewer if the space does not hold as many.
    seed : int
        Of the streams.

    References
    ----------
    .. [1] Bergstra and Bengio, "Random search for hyper-parameter optimization", Journal of Machine Learning
       Research 13, 2012.
    """

    def __init__(self, space: Mapping[str, Any], n_trials: int, *, seed: int = 7) -> None:
        self.space, self.seed = checked_space(space), seed
        self._n_trials = positive(n_trials, "n_trials")

    @property
    def n_trials(self) -> int:
        """How many sets were asked for."""
        return self._n_trials

    def proposals(self) -> Proposals:
        """All sets in one batch."""
        streams = {name: np.random.default_rng([self.seed, *name.encode()]) for name in self.space}
        sets: dict[str, Parameters] = {}
        repeats = 0
        while len(sets) < self._n_trials and repeats < _MOST_REPEATS:
            drawn = {name: _drawn(values, streams[name]) for name, values in self.space.items()}
            key = repr(drawn)
            repeats = repeats + 1 if key in sets else 0
            sets.setdefault(key, drawn)
        yield list(sets.values())


def as_search(given: Search | Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> Search:
    """A search as it is; a grid or a list of sets as a :class:`GridSearch`."""
    return given if isinstance(given, Search) else GridSearch(given)


def fixed_sets(grid: Search | Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> list[Parameters]:
    """All sets of a grid, a list or a random search.

    Raises
    ------
    ConfigError
        If it is a search that learns from its trials, or holds no set.
    """
    search = as_search(grid)
    if not isinstance(search, GridSearch | RandomSearch):
        raise ConfigError(
            "each fold tries the same parameter sets, and this search proposes others as it learns",
            found=type(search).__name__,
            expected="a grid, a list of sets or RandomSearch",
            where="grid",
        )
    return next(search.proposals())


def parameter_sets(grid: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> list[Parameters]:
    """All combinations of a grid, or the sets of a list.

    Raises
    ------
    ConfigError
        If there is none, or the grid is neither.
    """
    sets: list[Any]
    if isinstance(grid, Mapping):
        combinations = itertools.product(*map(values_of, grid.values())) if grid else ()
        sets = [dict(zip(grid, combination, strict=True)) for combination in combinations]
    else:
        sets = list(grid)
        for each in sets:
            if not isinstance(each, Mapping):
                raise ConfigError(
                    "this is not a grid of parameters",
                    found=each,
                    expected="a mapping of names to values, or a list of mappings",
                    where="grid",
                )
    if not sets:
        raise ConfigError("the grid holds no parameter set", where="grid")
    return [dict(each) for each in sets]


def checked_space(space: Mapping[str, Any]) -> dict[str, Any]:
    """A space with sequences made lists.

    Raises
    ------
    ConfigError
        If it is no mapping, or empty, or a parameter has nothing to choose from.
    """
    given: Any = space
    if not isinstance(given, Mapping) or not given:
        raise ConfigError(
            "a space of parameters is a mapping of names to ranges or choices", found=space, where="space"
        )
    checked = {
        name: values if isinstance(values, Between) or hasattr(values, "rvs") else values_of(values)
        for name, values in space.items()
    }
    for name, values in checked.items():
        if isinstance(values, list) and not values:
            raise ConfigError("a parameter has nothing to choose from", where=name)
    return checked


def values_of(given: Any) -> list[Any]:
    """Several values as a list, one value as a list of it."""
    return list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]


def positive(value: Any, where: str) -> int:
    """A whole number of at least one, or a ConfigError that says where."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ConfigError("this must be a whole number above zero", found=value, where=where)
    return int(value)


def _drawn(values: Any, rng: np.random.Generator) -> Any:
    if isinstance(values, Between):
        return values.draw(rng)
    if isinstance(values, list):
        return values[int(rng.integers(len(values)))]
    value = values.rvs(random_state=rng)
    return value.item() if isinstance(value, np.generic) else value
