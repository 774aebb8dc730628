"""The probability of backtest overfitting: against the procedure written out, and against what must be."""

import math
from itertools import combinations

import numpy as np
import pytest

from omni_lab.errors import ConfigError, DataError, ShapeError
from omni_lab.portfolio.overfitting import backtest_overfitting
from omni_lab.typing import FloatArray


def sharpe(table: FloatArray) -> FloatArray:
    return np.asarray(table.mean(axis=0) / table.std(axis=0, ddof=1))


def written_out(table: FloatArray, n_blocks: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Steps 2 to 6 of the paper, one split after the other: best in, best out, logit, all out."""
    blocks = np.split(table, n_blocks)
    best_in, best_out, logits, everyone = [], [], [], []
    for past in combinations(range(n_blocks), n_blocks // 2):
        inside = sharpe(np.vstack([blocks[i] for i in past]))
        outside = sharpe(np.vstack([blocks[i] for i in range(n_blocks) if i not in past]))
        best = int(inside.argmax())
        first = np.searchsorted(np.sort(outside), outside[best], side="left") + 1
        last = np.searchsorted(np.sort(outside), outside[best], side="right")
        omega = 0.5 * (first + last) / (len(outside) + 1)
        best_in.append(inside[best])
        best_out.append(outside[best])
        logits.append(math.log(omega / (1 - omega)))
        everyone.append(outside)
    return np.array(best_in), np.array(best_out), np.array(logits), np.concatenate(everyone)


def noise(n_obs: int, n_trials: int, seed: int = 0) -> FloatArray:
    return 0.01 * np.random.default_rng(seed).standard_normal((n_obs, n_trials))


def test_it_is_the_procedure_of_the_paper() -> None:
    table = noise(120, 7) + 0.001
    table[:, 6] = table[:, 5]  # a tie
    found = backtest_overfitting(table, n_blocks=6)
    best_in, best_out, logits, everyone = written_out(table, 6)
    assert found.in_sample == pytest.approx(best_in, rel=1e-9)
    assert found.out_of_sample == pytest.approx(best_out, rel=1e-9)
    assert found.logits == pytest.approx(logits, abs=1e-9)
    assert found.pbo == (logits <= 1e-12).mean()
    assert found.probability_of_loss == (best_out < 0).mean()
    assert (found.slope, found.intercept) == pytest.approx(np.polyfit(best_in, best_out, 1), rel=1e-7)
    assert found.r_squared == pytest.approx(np.corrcoef(best_in, best_out)[0, 1] ** 2, rel=1e-9)
    for cdf, values in ((found.chosen_cdf, best_out), (found.any_cdf, everyone)):
        exact = (values[:, np.newaxis] <= found.grid[np.newaxis]).mean(axis=0)
        # A value on the last point of the grid may round to either side of it.
        assert cdf[:-1] == pytest.approx(exact[:-1], abs=1.01 / len(best_out))


def test_trials_whose_luck_must_run_out_are_always_overfit() -> None:
    # Every trial comes out at zero over all, so that the best past has the worst future.
    table = noise(800, 50)
    table -= table.mean(axis=0)
    found = backtest_overfitting(table, n_blocks=10)
    assert found.pbo > 0.99
    assert found.slope == pytest.approx(-1.0, abs=0.25)
    assert found.probability_of_loss > 0.99
    assert not found.dominates_first_order
    assert not found.dominates_second_order


def test_a_trial_that_is_truly_better_is_no_overfit() -> None:
    table = noise(800, 50)
    table[:, 17] += 0.005
    found = backtest_overfitting(table, n_blocks=10)
    assert found.pbo < 0.01
    assert found.probability_of_loss == 0.0
    assert set(found.chosen) == {17}
    assert found.dominates_first_order
    assert found.dominates_second_order


def test_pure_noise_is_overfit_about_half_of_the_time() -> None:
    rates = [backtest_overfitting(noise(400, 20, seed), n_blocks=8).pbo for seed in range(40)]
    assert np.mean(rates) == pytest.approx(0.5, abs=0.1)


def test_a_known_rate_is_subtracted_and_incomplete_blocks_come_off_the_front() -> None:
    table = noise(83, 4) + 0.002
    found = backtest_overfitting(table, n_blocks=8, riskless=0.002)
    assert found.n_obs == 80
    assert found.in_sample == pytest.approx(backtest_overfitting(table[3:] - 0.002, n_blocks=8).in_sample)


def test_sixteen_blocks_are_split_in_every_way_and_batches_do_not_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = noise(320, 30)
    whole = backtest_overfitting(table)
    assert whole.n_splits == 12_870
    monkeypatch.setattr("omni_lab.portfolio.overfitting._CELLS", 100_000)
    parts = backtest_overfitting(table)
    assert parts.logits.tolist() == whole.logits.tolist()
    # All trials are then told from fewer splits.
    assert parts.any_cdf == pytest.approx(whole.any_cdf, abs=0.02)


def test_trials_that_never_trade_stand_at_zero() -> None:
    table = noise(200, 3)
    table[:, 1] = 0.0
    found = backtest_overfitting(table - 0.01, n_blocks=4, riskless=-0.01)
    assert np.isfinite(found.logits).all()
    assert (found.in_sample >= 0.0).all()


@pytest.mark.parametrize(
    ("table", "n_blocks", "error", "complaint"),
    [
        (noise(100, 1), 4, ShapeError, "a choice among trials"),
        (noise(7, 3), 4, ShapeError, "at least 8 returns"),
        (noise(100, 3)[0], 4, ShapeError, "a choice among trials"),
        (noise(100, 3), 5, ConfigError, "cannot be halved"),
        (noise(100, 3), 40, ConfigError, "cannot be halved"),
        (np.where(np.arange(100)[:, None] == 5, np.nan, noise(100, 3)), 4, DataError, "row 5, trial 0"),
    ],
)
def test_what_cannot_be_split_is_refused(
    table: FloatArray, n_blocks: int, error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint):
        backtest_overfitting(table, n_blocks=n_blocks)
