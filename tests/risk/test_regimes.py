"""Regimes: a plain Hamilton filter, states that are known, and what looks ahead."""

import math
from functools import cache

import numpy as np
import pytest
from scipy.stats import norm

from omni_lab.errors import ConfigError, DataError, ModelError, ShapeError
from omni_lab.risk import RegimeFit, fit_regimes, rolling_regimes
from omni_lab.typing import FloatArray, IntArray


@cache
def world(n: int = 1500, seed: int = 3) -> tuple[FloatArray, IntArray]:
    """Returns of a calm and a wild regime, and which it was."""
    rng = np.random.default_rng(seed)
    state, states = 0, np.empty(n, dtype=np.int64)
    for i in range(n):
        state = 1 - state if rng.random() < (0.01, 0.03)[state] else state
        states[i] = state
    return rng.normal(np.array([0.001, -0.002])[states], np.array([0.006, 0.02])[states]), states


@cache
def fitted() -> RegimeFit:
    return fit_regimes(world()[0], progress=False)


def plain_filter(x: FloatArray, fit: RegimeFit) -> tuple[FloatArray, FloatArray, float]:
    """Hamilton's filter, a step at a time."""
    values, vectors = np.linalg.eig(fit.transition.T)
    prior = np.real(vectors[:, np.argmax(np.real(values))])
    prior /= prior.sum()
    predicted, filtered, likelihood = [], [], 0.0
    for each in x:
        predicted.append(prior)
        joint = prior * norm.pdf(each, fit.means, fit.volatilities)
        likelihood += math.log(joint.sum())
        filtered.append(joint / joint.sum())
        prior = filtered[-1] @ fit.transition
    return np.array(predicted), np.array(filtered), likelihood


def test_it_is_the_filter_of_hamilton() -> None:
    x, _ = world()
    predicted, filtered, likelihood = plain_filter(x, fitted())
    assert fitted().predicted == pytest.approx(predicted, abs=1e-7)
    assert fitted().filtered == pytest.approx(filtered, abs=1e-7)
    assert fitted().log_likelihood == pytest.approx(likelihood, rel=1e-8)
    other = np.random.default_rng(0).normal(0.0, 0.01, 200)
    again = fitted().run(other)
    assert again.predicted == pytest.approx(plain_filter(other, fitted())[0], abs=1e-7)
    assert again.filtered == pytest.approx(plain_filter(other, fitted())[1], abs=1e-7)


def test_nothing_near_is_more_likely() -> None:
    x, _ = world()
    assert fitted().converged
    best = fitted().log_likelihood
    for name in ("means", "volatilities"):
        for i in range(2):
            for factor in (0.97, 1.03):
                moved = {"means": fitted().means.copy(), "volatilities": fitted().volatilities.copy()}
                moved[name][i] *= factor
                near = RegimeFit(
                    **moved,
                    transition=fitted().transition,
                    log_likelihood=0.0,
                    converged=True,
                    predicted=np.empty(0),
                    filtered=np.empty(0),
                    smoothed=np.empty(0),
                )
                assert plain_filter(x, near)[2] <= best + 1e-6


def test_it_finds_what_made_the_returns() -> None:
    _, states = world()
    fit = fitted()
    assert fit.volatilities == pytest.approx([0.006, 0.02], rel=0.1)
    assert fit.durations == pytest.approx([100.0, 33.0], rel=0.5)
    assert np.mean((fit.smoothed[:, 1] > 0.5) == states) > 0.95
    assert np.mean((fit.filtered[:, 1] > 0.5) == states) > 0.9
    for probabilities in (fit.predicted, fit.filtered, fit.smoothed):
        assert probabilities.sum(axis=1) == pytest.approx(1.0)
    assert fit.transition.sum(axis=1) == pytest.approx([1.0, 1.0])


def test_units_do_not_matter() -> None:
    x, _ = world()
    large = fit_regimes(100.0 * x, progress=False)
    assert large.volatilities == pytest.approx(100.0 * fitted().volatilities, rel=1e-3)
    assert large.log_likelihood == pytest.approx(fitted().log_likelihood - len(x) * math.log(100.0), abs=1e-2)


def test_three_regimes_come_from_calm_to_wild() -> None:
    fit = fit_regimes(world()[0], 3, progress=False)
    assert (np.diff(fit.volatilities) > 0).all()
    assert fit.log_likelihood > fitted().log_likelihood - 1e-6
    again = fit.run(world()[0])
    assert again.filtered == pytest.approx(fit.filtered, abs=1e-9)


# --- what looks ahead -----------------------------------------------------------------------------


def test_filtered_probabilities_do_not_see_the_future_and_smoothed_ones_do() -> None:
    x, _ = world()
    other = x.copy()
    other[1000:] = np.random.default_rng(1).normal(0.0, 0.03, 500)
    plain, changed = fitted().run(x), fitted().run(other)
    assert (plain.filtered[:1000] == changed.filtered[:1000]).all()
    assert (plain.predicted[:1001] == changed.predicted[:1001]).all()
    assert (plain.predicted[1001] != changed.predicted[1001]).any()
    # The fit's own probabilities move, smoothed and filtered: its parameters have seen the change.
    again = fit_regimes(other, progress=False)
    assert np.abs(again.smoothed[:1000] - fitted().smoothed[:1000]).max() > 0.05
    assert np.abs(again.filtered[:1000] - fitted().filtered[:1000]).max() > 1e-3


def test_smoothed_probabilities_know_the_step_after() -> None:
    """Ahead of a wild stretch the smoothed probability has risen, the filtered one has not."""
    _, states = world()
    eve = np.flatnonzero((states[:-1] == 0) & (states[1:] == 1))
    smoothed, filtered = fitted().smoothed[eve, 1].mean(), fitted().filtered[eve, 1].mean()
    assert smoothed > filtered + 0.1


def test_rolling_regimes_cannot_look_ahead() -> None:
    x = world()[0][:900]
    plain = rolling_regimes(x, 600, refit_every=150, progress=False)
    assert np.isnan(plain.predicted[:600]).all()
    assert np.isfinite(plain.predicted[600:]).all()
    for step in (700, 760):
        other = x.copy()
        other[step:] = 0.05
        changed = rolling_regimes(other, 600, refit_every=150, progress=False)
        assert (plain.predicted[600 : step + 1] == changed.predicted[600 : step + 1]).all()
        assert (plain.filtered[600:step] == changed.filtered[600:step]).all()
        assert (plain.filtered[step] != changed.filtered[step]).any()
    first = fit_regimes(x[:600], progress=False).run(x[:700])
    assert plain.filtered[600:700] == pytest.approx(first.filtered[600:])


def test_bad_input_is_refused() -> None:
    x, _ = world()
    with pytest.raises(ConfigError, match="2 to 4"):
        fit_regimes(x, 5)
    with pytest.raises(ConfigError, match="n_regimes"):
        fit_regimes(x, 1)
    with pytest.raises(ShapeError, match="at least 100"):
        fit_regimes(x[:99])
    with pytest.raises(DataError):
        fit_regimes(np.where(np.arange(len(x)) == 5, np.nan, x))
    with pytest.raises(ModelError, match="constant"):
        fit_regimes(np.full(300, 0.01))
    with pytest.raises(ShapeError, match="first fit"):
        rolling_regimes(x, len(x))
