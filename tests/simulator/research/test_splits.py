"""Splitters: index arithmetic by hand, the book's own example, and purging against brute force."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_lab.errors import ConfigError, ShapeError
from omni_lab.simulator import CombinatorialPurged, WalkForward
from omni_lab.simulator.research.splits import Fold, purged


def test_a_rolling_walk_moves_both_ends() -> None:
    folds = WalkForward(train=10, test=3).folds(20)
    assert folds == [Fold(0, 10, 10, 13), Fold(3, 13, 13, 16), Fold(6, 16, 16, 19)]


def test_an_anchored_walk_grows_and_an_embargo_lies_between() -> None:
    folds = WalkForward(train=10, test=3, anchored=True, embargo=2).folds(18)
    assert folds == [Fold(0, 10, 12, 15), Fold(0, 13, 15, 18)]


def test_a_step_of_its_own_leaves_gaps_or_overlaps() -> None:
    assert [f.test_first for f in WalkForward(train=4, test=2, step=5).folds(16)] == [4, 9, 14]
    assert [f.test_first for f in WalkForward(train=4, test=2, step=1).folds(8)] == [4, 5, 6]


@given(
    train=st.integers(1, 20),
    test=st.integers(1, 10),
    step=st.integers(1, 12),
    embargo=st.integers(0, 5),
    anchored=st.booleans(),
    extra=st.integers(0, 40),
)
def test_no_walk_trains_on_what_it_tests_or_on_what_comes_after(
    train: int, test: int, step: int, embargo: int, anchored: bool, extra: int
) -> None:
    n = train + embargo + test + extra
    split = WalkForward(train=train, test=test, step=step, embargo=embargo, anchored=anchored)
    parts = list(split.split(np.zeros((n, 2))))
    assert len(parts) == split.get_n_splits(np.zeros(n)) == (extra // step) + 1
    for number, (inside, outside) in enumerate(parts):
        assert inside[-1] + embargo + 1 == outside[0]
        assert len(outside) == test
        assert len(inside) == train + (number * step if anchored else 0)
        assert outside[-1] < n


@pytest.mark.parametrize(
    "bad", [{"train": 0, "test": 1}, {"train": 1, "test": -1}, {"train": 1, "test": 1, "embargo": 0.5}]
)
def test_lengths_that_cannot_be_used_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="whole number"):
        WalkForward(**bad)


def test_too_few_steps_are_told() -> None:
    with pytest.raises(ConfigError, match="at least 13"):
        WalkForward(train=10, test=2, embargo=1).folds(12)
    with pytest.raises(ConfigError, match="fewer steps than groups"):
        CombinatorialPurged(n_groups=6).splits(5)
    with pytest.raises(ConfigError, match="left to train on"):
        CombinatorialPurged(n_groups=3, n_test_groups=3)
    with pytest.raises(ConfigError, match="nothing to train on"):
        CombinatorialPurged(n_groups=3, n_test_groups=2, horizon=9).splits(9)


# --- combinations ---------------------------------------------------------------------------------


def test_six_groups_two_tested_are_the_splits_and_paths_of_the_book() -> None:
    """Advances in Financial Machine Learning, section 12.4 and figures 12.1 and 12.2."""
    split = CombinatorialPurged(n_groups=6, n_test_groups=2)
    assert (split.n_splits, split.n_paths, split.get_n_splits()) == (15, 5, 15)
    # The first two paths as the text lists them: for each group the split, counted from one.
    assert (split.paths()[0] + 1).tolist() == [1, 1, 2, 3, 4, 5]
    assert (split.paths()[1] + 1).tolist() == [2, 6, 6, 7, 8, 9]
    # Split 3 tests groups 1 and 4; split 15 tests the last two.
    assert split.combinations()[2] == (0, 3)
    assert split.combinations()[14] == (4, 5)


@pytest.mark.parametrize(("n", "k"), [(2, 1), (5, 1), (6, 2), (6, 3), (8, 4), (10, 2), (10, 8)])
def test_every_group_is_on_every_path_exactly_once_and_every_test_is_used_once(n: int, k: int) -> None:
    split = CombinatorialPurged(n_groups=n, n_test_groups=k)
    paths, combinations = split.paths(), split.combinations()
    assert len(combinations) == split.n_splits == math.comb(n, k)
    assert paths.shape == (split.n_paths, n) == (k * math.comb(n, k) // n, n)
    used = [(int(number), group) for path in paths for group, number in enumerate(path)]
    assert len(set(used)) == len(used) == k * math.comb(n, k)
    assert all(group in combinations[number] for number, group in used)


@given(
    n_times=st.integers(12, 60),
    n_groups=st.integers(2, 6),
    k=st.integers(1, 3),
    horizon=st.integers(0, 4),
    embargo=st.integers(0, 4),
)
def test_groups_cover_all_steps_and_none_trains_while_it_is_tested(
    n_times: int, n_groups: int, k: int, horizon: int, embargo: int
) -> None:
    k = min(k, n_groups - 1)
    split = CombinatorialPurged(n_groups=n_groups, n_test_groups=k, horizon=horizon, embargo=embargo)
    bounds = split.boundaries(n_times)
    lengths = np.diff(bounds)
    assert lengths.sum() == n_times
    assert lengths.max() - lengths.min() <= 1
    try:
        parts = split.splits(n_times)
    except ConfigError:
        return
    tested = np.zeros(n_times, dtype=int)
    for part in parts:
        tested[part.test] += 1
        looked_at = set().union(*(range(i, i + horizon + 1) for i in part.test.tolist()))
        for i in part.train.tolist():
            assert looked_at.isdisjoint(range(i, i + horizon + 1))
    assert (tested == math.comb(n_groups - 1, k - 1)).all()


@given(data=st.data(), n=st.integers(3, 25), embargo=st.integers(0, 5))
def test_purging_is_what_comparing_every_pair_of_labels_says(
    data: st.DataObject, n: int, embargo: int
) -> None:
    ends = np.array([i + data.draw(st.integers(0, 6)) for i in range(n)], dtype=np.int64)
    first = data.draw(st.integers(0, n - 1))
    stop = data.draw(st.integers(first + 1, n))
    kept = purged(ends, [(first, stop)], embargo)
    last = max(int(ends[j]) for j in range(first, stop))
    for i in range(n):
        # From the first step of the test to the end of its last label, every step counts as looked at.
        overlaps = first <= i <= last or any(
            i <= int(ends[j]) and j <= int(ends[i]) for j in range(first, stop)
        )
        assert kept[i] == (not overlaps and not last < i <= last + embargo)


def test_purging_by_hand() -> None:
    # Ten steps in five groups; group 2 (steps 4 and 5) is tested; labels look one step ahead; embargo of one.
    split = CombinatorialPurged(n_groups=5, n_test_groups=1, horizon=1, embargo=1).splits(10)[2]
    assert split.test.tolist() == [4, 5]
    # Step 3 looks at 4; the test looks at 4 to 6; step 7 is embargoed.
    assert split.train.tolist() == [0, 1, 2, 8, 9]


def test_labels_may_be_given_and_must_not_end_before_they_begin() -> None:
    split = CombinatorialPurged(n_groups=3, n_test_groups=1)
    parts = split.splits(6, label_ends=[0, 3, 2, 3, 4, 5])
    # Step 1 looks as far as 3: it is purged where group 1 is tested, and purges up to 3 where group 0 is.
    assert [part.train.tolist() for part in parts] == [[4, 5], [0, 4, 5], [0, 1, 2, 3]]
    with pytest.raises(ConfigError, match="nothing to train on"):
        split.splits(6, label_ends=np.full(6, 5))
    with pytest.raises(ShapeError, match="label"):
        split.splits(6, label_ends=np.zeros(6, dtype=int))


def test_scikit_learn_takes_both_splitters() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    selection = pytest.importorskip("sklearn.model_selection")
    rng = np.random.default_rng(0)
    features = rng.standard_normal((60, 2))
    target = features @ [1.0, -2.0] + 0.1 * rng.standard_normal(60)
    for split, n in ((WalkForward(train=20, test=10), 4), (CombinatorialPurged(n_groups=5), 10)):
        scores = selection.cross_val_score(linear.LinearRegression(), features, target, cv=split)
        assert len(scores) == n
        assert scores.min() > 0.9
