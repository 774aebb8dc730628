"""The reality check and the test of superior predictive ability, against arch and against what must be."""

import numpy as np
import pytest

from omni_lab.errors import DataError, ShapeError
from omni_lab.models.resampling import sample_batches
from omni_lab.portfolio.snooping import data_snooping, long_run_variance
from omni_lab.typing import FloatArray


def trials(n_obs: int, n_trials: int, seed: int) -> FloatArray:
    """Related trials of different risk, the first ones clearly poor."""
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((n_obs, n_trials)) + rng.standard_normal((n_obs, 1))
    table[:, : n_trials // 3] -= 0.4
    return np.asarray(0.01 * table * np.linspace(0.5, 1.5, n_trials))


@pytest.mark.parametrize("gain", [0.0, 0.001, 0.0018])
def test_p_values_are_those_of_arch(gain: float) -> None:
    from arch.bootstrap import SPA

    table = trials(400, 12, seed=3)
    table[:, 9] += gain
    theirs = SPA(np.zeros(400), -table, block_size=5, reps=3000, bootstrap="stationary", seed=1)
    theirs.compute()
    found = data_snooping(table, studentize=False, length=5.0, n_samples=3000)
    assert (found.spa_lower, found.spa_consistent, found.spa_upper) == pytest.approx(
        tuple(theirs.pvalues), abs=0.04
    )
    # Without studentisation the upper bound is White's check.
    assert found.reality_check == pytest.approx(found.spa_upper, abs=1e-12)


def test_the_variance_is_what_samples_show() -> None:
    table = np.cumsum(trials(300, 4, seed=5), axis=0)
    drawn = np.concatenate([table[rows].mean(axis=1) for rows in sample_batches(300, 9.0, 6000, 0)])
    assert long_run_variance(table, 9.0) == pytest.approx(300 * drawn.var(axis=0), rel=0.07)


def test_chance_is_called_chance_as_often_as_promised() -> None:
    rng = np.random.default_rng(0)
    p = [
        data_snooping(rng.standard_normal((200, 10)), length=1.0, n_samples=200).spa_consistent
        for _ in range(150)
    ]
    assert np.mean(np.array(p) < 0.1) == pytest.approx(0.1, abs=0.06)
    assert np.mean(p) == pytest.approx(0.5, abs=0.1)


def test_a_better_trial_is_found_among_restless_ones() -> None:
    table = trials(600, 20, seed=1)
    table[:, -1] = 20.0 * (table[:, -1] - table[:, -1].mean())
    table[:, 8] += 0.004
    found = data_snooping(table)
    assert found.best == 8
    assert found.spa_consistent < 0.01
    # Means that are not divided by their error see only the restless trial.
    assert found.reality_check > 0.2


def test_bounds_are_in_order() -> None:
    found = data_snooping(trials(300, 9, seed=2))
    assert found.spa_lower <= found.spa_consistent <= found.spa_upper


def test_trials_that_all_fall_short_prove_nothing() -> None:
    found = data_snooping(trials(300, 9, seed=2) - 0.05)
    assert (found.spa_lower, found.spa_consistent, found.spa_upper) == (1.0, 1.0, 1.0)
    assert found.reality_check > 0.9


def test_the_seed_decides_and_trials_equal_to_the_benchmark_do_not() -> None:
    table = trials(200, 6, seed=4)
    first = data_snooping(table, seed=1)
    assert first == data_snooping(table, seed=1)
    idle = np.insert(table, 2, 0.0, axis=1)
    with_idle = data_snooping(idle, seed=1)
    assert with_idle.spa_consistent == first.spa_consistent
    assert with_idle.n_trials == 7
    assert with_idle.best == first.best + (first.best >= 2)


@pytest.mark.parametrize(
    ("table", "error", "complaint"),
    [
        (np.zeros(50), ShapeError, "needs a table"),
        (np.zeros((1, 3)), ShapeError, "needs a table"),
        (np.zeros((50, 3)), DataError, "no trial differs"),
        (np.full((50, 3), np.inf), DataError, "row 0, trial 0"),
    ],
)
def test_what_is_no_table_of_excess_returns_is_refused(
    table: FloatArray, error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint):
        data_snooping(table)
