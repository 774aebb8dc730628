"""Which steps train and which test: walks forward, and combinations of groups with purging and embargo.

Both splitters follow scikit-learn's protocol, ``split(X)`` and ``get_n_splits(X)``, without needing it. The
arithmetic of every index is in ``docs/research.md``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from omni_lab.errors import ConfigError, ShapeError
from omni_lab.typing import ArrayLike, BoolArray, IntArray


@dataclass(frozen=True, slots=True)
class Fold:
    """One walk forward: two ranges of steps, each with its end exclusive."""

    train_first: int
    train_stop: int
    test_first: int
    test_stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForward:
    """Train on the past, test on what follows, move on.

    Attributes
    ----------
    train : int
        Steps to train on; the first fold's if anchored, which then grow.
    test : int
        Steps of a test.
    step : int, optional
        How far a fold begins after the one before; ``test`` by default, so that tests follow each other.
    anchored : bool
        Whether every training begins at the first step.
    embargo : int
        Steps between training and test that belong to neither.

    Raises
    ------
    ConfigError
        If a length is not a whole number above zero (``embargo``: from zero).
    """

    train: int
    test: int
    step: int | None = None
    anchored: bool = False
    embargo: int = 0

    def __post_init__(self) -> None:
        for name, least in (("train", 1), ("test", 1), ("step", 1), ("embargo", 0)):
            value = getattr(self, name)
            if not (name == "step" and value is None):
                _whole(value, least, name)

    def folds(self, n_times: int) -> list[Fold]:
        """Folds whose whole test lies within so many steps; steps left over at the end are not tested.

        Raises
        ------
        ConfigError
            If not even one does.
        """
        step = self.step or self.test
        folds = []
        test_first = self.train + self.embargo
        while test_first + self.test <= n_times:
            train_stop = test_first - self.embargo
            train_first = 0 if self.anchored else train_stop - self.train
            folds.append(Fold(train_first, train_stop, test_first, test_first + self.test))
            test_first += step
        if not folds:
            raise ConfigError(
                "there are too few steps for one fold",
                found=n_times,
                expected=f"at least {self.train + self.embargo + self.test}",
                where="WalkForward",
            )
        return folds

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[IntArray, IntArray]]:
        """Indices of training and of test, fold after fold."""
        for fold in self.folds(_n_rows(X)):
            yield (
                np.arange(fold.train_first, fold.train_stop, dtype=np.int64),
                np.arange(fold.test_first, fold.test_stop, dtype=np.int64),
            )

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """How many folds there are."""
        return len(self.folds(_n_rows(X)))


@dataclass(frozen=True, slots=True)
class Split:
    """One combination of groups: which are tested, and the steps on both sides."""

    groups: tuple[int, ...]
    train: IntArray
    test: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class CombinatorialPurged:
    """Every way to test some of the groups and train on the others.

    Attributes
    ----------
    n_groups : int
        Consecutive groups of steps, N; the first ones are one step longer where N does not divide them.
    n_test_groups : int
        How many are tested at a time, k; ``1 ≤ k < N``.
    horizon : int
        How many steps after its own a label looks: that of step i is known at the close of ``i + horizon``. 0
        for the return of the step itself.
    embargo : int
        Steps after a test that do not train either, beyond those purged.

    Raises
    ------
    ConfigError
        If a number cannot be used.

    References
    ----------
    .. [1] López de Prado, *Advances in Financial Machine Learning*, Wiley 2018: purging and embargo in
    section
       7.4, combinatorial purged cross-validation in section 12.4.
    """

    n_groups: int
    n_test_groups: int = 2
    horizon: int = 0
    embargo: int = 0

    def __post_init__(self) -> None:
        for name, least in (("n_groups", 2), ("n_test_groups", 1), ("horizon", 0), ("embargo", 0)):
            _whole(getattr(self, name), least, name)
        if self.n_test_groups >= self.n_groups:
            raise ConfigError(
                "at least one group must be left to train on",
                found=self.n_test_groups,
                expected=f"below {self.n_groups}",
                where="n_test_groups",
            )

    @property
    def n_splits(self) -> int:
        """Combinations: C(N, k)."""
        return math.comb(self.n_groups, self.n_test_groups)

    @property
    def n_paths(self) -> int:
        """Ways through all groups: φ[N, k] = k / N · C(N, k)."""
        return self.n_splits * self.n_test_groups // self.n_groups

    def boundaries(self, n_times: int) -> IntArray:
        """First step of each group, and the number of steps, shape (n_groups + 1,).

        Raises
        ------
        ConfigError
            If there are fewer steps than groups.
        """
        if n_times < self.n_groups:
            raise ConfigError(
                "there are fewer steps than groups", found=n_times, expected=f"at least {self.n_groups}"
            )
        base, extra = divmod(n_times, self.n_groups)
        lengths = np.full(self.n_groups, base, dtype=np.int64)
        lengths[:extra] += 1
        return np.concatenate(([0], np.cumsum(lengths)))

    def combinations(self) -> list[tuple[int, ...]]:
        """The groups that each split tests, in lexical order."""
        return list(itertools.combinations(range(self.n_groups), self.n_test_groups))

    def paths(self) -> IntArray:
        """Which split tests each group on each path, shape (n_paths, n_groups).

        Path p takes of every group the p-th split that tests it.
        """
        testing = [
            [number for number, tested in enumerate(self.combinations()) if group in tested]
            for group in range(self.n_groups)
        ]
        return np.array(testing, dtype=np.int64).T

    def splits(self, n_times: int, *, label_ends: ArrayLike | None = None) -> list[Split]:
        """All splits of so many steps.

        Parameters
        ----------
        n_times : int
            Steps.
        label_ends : array_like of int, shape (n_times,), optional
            The last step that each label looks at, at least its own; instead of ``horizon``.

        Raises
        ------
        ConfigError
            If nothing is left to train on.
        """
        ends = self._ends(n_times, label_ends)
        bounds = self.boundaries(n_times)
        found = []
        for tested in self.combinations():
            blocks = _blocks([(int(bounds[g]), int(bounds[g + 1])) for g in tested])
            kept = purged(ends, blocks, self.embargo)
            if not kept.any():
                raise ConfigError(
                    "purging and embargo leave nothing to train on",
                    found=f"groups {tested}, horizon {self.horizon}, embargo {self.embargo}",
                    hint="Take fewer groups, or more steps.",
                )
            test = np.concatenate([np.arange(first, stop, dtype=np.int64) for first, stop in blocks])
            found.append(Split(tested, np.flatnonzero(kept).astype(np.int64), test))
        return found

    def split(
        self, X: Any, y: Any = None, groups: Any = None, *, label_ends: ArrayLike | None = None
    ) -> Iterator[tuple[IntArray, IntArray]]:
        """Indices of training and of test, split after split."""
        for each in self.splits(_n_rows(X), label_ends=label_ends):
            yield each.train, each.test

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Combinations: C(N, k)."""
        return self.n_splits

    def _ends(self, n_times: int, label_ends: ArrayLike | None) -> IntArray:
        steps = np.arange(n_times, dtype=np.int64)
        if label_ends is None:
            return steps + self.horizon
        ends = np.asarray(label_ends, dtype=np.int64)
        if ends.shape != steps.shape or (ends < steps).any():
            raise ShapeError(
                "each step has a label that ends at or after it",
                found=ends.shape,
                expected=str(steps.shape),
                where="label_ends",
            )
        return ends


def purged(label_ends: IntArray, tests: Sequence[tuple[int, int]], embargo: int) -> BoolArray:
    """Which steps may train beside tests.

    Step i looks at ``[i, label_ends[i]]``. It may train unless that overlaps what a test ``[a, b)`` looks at,
    ``[a, max(label_ends[a:b])]``, or i lies within ``embargo`` steps after that.

    Parameters
    ----------
    label_ends : ndarray of int64, shape (n_times,)
        The last step each label looks at.
    tests : sequence of (int, int)
        Ranges that are tested, ends exclusive.
    embargo : int
        Steps after a test's last label that do not train.

    Returns
    -------
    ndarray of bool, shape (n_times,)
    """
    steps = np.arange(len(label_ends))
    kept = np.ones(len(label_ends), dtype=np.bool_)
    for first, stop in tests:
        last = int(label_ends[first:stop].max())
        kept &= (label_ends < first) | (steps > last + embargo)
    return kept


def _blocks(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges in order, those that touch joined."""
    joined: list[tuple[int, int]] = []
    for first, stop in ranges:
        if joined and joined[-1][1] == first:
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((first, stop))
    return joined


def _n_rows(X: Any) -> int:
    if X is None:
        raise ConfigError("the number of folds depends on the data", where="X", hint="Pass X.")
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)


def _whole(value: Any, least: int, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ConfigError(f"this must be a whole number from {least}", found=value, where=where)
