"""Pareto tails: scipy's fit, closed forms, repeated samples; and tails of residuals."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from omni_lab.errors import ConfigError, DataError, ModelError
from omni_lab.models.garch import Garch, fit_garch
from omni_lab.risk import (
    ParetoTail,
    evt_risk,
    filtered_evt_risk,
    filtered_risk,
    fit_pareto_tail,
    historical_risk,
    mean_excess,
)
from omni_lab.typing import FloatArray


def excesses(shape: float, n: int = 1500, seed: int = 3) -> FloatArray:
    return np.asarray(stats.genpareto.rvs(shape, scale=0.02, size=n, random_state=seed))


def tail(shape: float, scale: float = 0.02) -> ParetoTail:
    return ParetoTail(
        threshold=0.03,
        shape=shape,
        scale=scale,
        shape_error=0.1,
        scale_error=0.001,
        n_excesses=100,
        n_obs=1000,
    )


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.3, 0.9, 1.3])
def test_the_fit_is_as_likely_as_that_of_scipy(shape: float) -> None:
    y = excesses(shape)
    fit = fit_pareto_tail(np.concatenate((y + 0.05, np.zeros(8500))), threshold=0.05)
    theirs, _, scale = stats.genpareto.fit(y, floc=0.0)
    assert stats.genpareto.logpdf(y, fit.shape, 0.0, fit.scale).sum() > (
        stats.genpareto.logpdf(y, theirs, 0.0, scale).sum() - 1e-5
    )
    assert (fit.shape, fit.scale) == pytest.approx((theirs, scale), abs=1e-3)
    assert abs(fit.shape - shape) < 3.0 * fit.shape_error
    assert (fit.n_excesses, fit.n_obs) == (1500, 10_000)


@pytest.mark.parametrize("shape", [-0.4, -1e-8, 0.0, 1e-8, 0.25, 0.8])
@pytest.mark.parametrize("confidence", [0.9, 0.99, 0.9999])
def test_var_and_es_are_those_of_the_distribution(shape: float, confidence: float) -> None:
    fit = tail(shape)
    var = fit.var(confidence)
    law = stats.genpareto(shape, loc=0.03, scale=0.02)
    assert var == pytest.approx(law.isf(min((1.0 - confidence) / 0.1, 1.0)), rel=1e-7)
    if confidence > 0.9:
        assert float(fit.survival([var])[0]) == pytest.approx(1.0 - confidence, rel=1e-6)
    if shape < 0.5:
        es = integrate.quad(lambda p: law.isf(min(p / 0.1, 1.0)), 0.0, 1.0 - confidence)[0] / (
            1.0 - confidence
        )
        assert fit.es(confidence) == pytest.approx(es, rel=1e-5)


def test_survival_is_that_of_scipy_and_unknown_below_the_threshold() -> None:
    x = np.array([0.0, 0.03, 0.04, 0.2, 1.0])
    for shape in (-0.4, 0.0, 0.5):
        found = tail(shape).survival(x)
        assert math.isnan(found[0])
        assert found[1:] == pytest.approx(0.1 * stats.genpareto.sf(x[1:], shape, 0.03, 0.02), abs=1e-15)


def test_a_tail_without_a_mean_has_no_es() -> None:
    assert tail(1.0).es(0.99) == math.inf
    assert math.isnan(tail(1.0).es_error(0.99))
    assert math.isfinite(tail(0.99).es(0.99))


def test_errors_are_those_of_repeated_samples() -> None:
    """Losses of a t with four degrees, so shape, threshold and count all vary from sample to sample."""
    fits = []
    for seed in range(300):
        losses = stats.t.rvs(4, size=4000, random_state=seed)
        fits.append(fit_pareto_tail(losses, threshold=2.0))
    for seen, told in [
        ([fit.shape for fit in fits], [fit.shape_error for fit in fits]),
        ([fit.scale for fit in fits], [fit.scale_error for fit in fits]),
        ([fit.var(0.995) for fit in fits], [fit.var_error(0.995) for fit in fits]),
        ([fit.es(0.995) for fit in fits], [fit.es_error(0.995) for fit in fits]),
    ]:
        assert np.mean(told) == pytest.approx(np.std(seen, ddof=1), rel=0.15)
    true = float(stats.t.isf(0.005, 4))
    assert np.mean([fit.var(0.995) for fit in fits]) == pytest.approx(true, rel=0.02)


def test_mean_excess_of_a_pareto_is_its_line() -> None:
    by_hand = mean_excess([1.0, 2.0, 4.0], [0.0, 1.0, 3.0, 4.0])
    assert by_hand[:3] == pytest.approx([7.0 / 3.0, 2.0, 1.0])
    assert math.isnan(by_hand[3])
    y = stats.genpareto.rvs(0.25, size=200_000, random_state=0)
    at = np.array([0.0, 1.0, 2.0])
    assert mean_excess(y, at) == pytest.approx((1.0 + 0.25 * at) / 0.75, rel=0.03)


def test_what_a_tail_cannot_say_is_refused() -> None:
    x = stats.t.rvs(4, size=1000, random_state=0)
    with pytest.raises(ConfigError, match="below the threshold"):
        evt_risk(x, confidence=0.85)
    with pytest.raises(ConfigError, match="one step"):
        evt_risk(x, horizon=10)
    with pytest.raises(ModelError, match="found '19 of"):
        fit_pareto_tail(np.arange(190.0), threshold=170.0)
    with pytest.raises(ModelError, match="constant"):
        fit_pareto_tail(np.repeat([0.0, 1.0], 50), threshold=0.5)
    with pytest.raises(DataError):
        evt_risk([*x, math.inf])


# --- tails of residuals ---------------------------------------------------------------------------


def clustered(n: int = 3000, seed: int = 0) -> FloatArray:
    rng = np.random.default_rng(seed)
    z = rng.standard_t(6, n + 500) / math.sqrt(1.5)
    r, variance = np.empty(n + 500), 1e-4
    for i, each in enumerate(z):
        r[i] = 0.0005 + math.sqrt(variance) * each
        variance = 2e-6 + 0.1 * (r[i] - 0.0005) ** 2 + 0.88 * variance
    return r[500:]


@pytest.fixture(scope="module")
def garch() -> Garch:
    return fit_garch(clustered())


def test_filtered_is_the_tail_of_residuals_at_todays_volatility(garch: Garch) -> None:
    x = clustered()
    for function, residual in [
        (filtered_risk(x, garch=garch), historical_risk(garch.residuals)),
        (filtered_evt_risk(x, garch=garch), evt_risk(garch.residuals)),
    ]:
        assert function.var == pytest.approx(garch.next_sigma * residual.var - garch.mean)
        assert function.es == pytest.approx(garch.next_sigma * residual.es - garch.mean)
        assert function.var_error == pytest.approx(garch.next_sigma * residual.var_error)
    assert filtered_risk(x).var == pytest.approx(filtered_risk(x, garch=garch).var, rel=1e-9)
    assert filtered_evt_risk(x).var == pytest.approx(filtered_risk(x).var, rel=0.1)


def test_filtered_follows_the_volatility(garch: Garch) -> None:
    x = clustered()
    calm, wild = np.append(x, np.full(20, garch.mean)), np.append(x, [0.08, -0.08])
    today = filtered_risk(x, garch=garch).var
    assert filtered_risk(calm, garch=garch).var < today < filtered_risk(wild, garch=garch).var


def test_paths_of_one_step_are_the_residuals_and_of_many_keep_the_variance(garch: Garch) -> None:
    """The variance of a sum over h steps follows from GARCH in closed form."""
    x, steps = clustered(), 10
    risk = filtered_risk(x, garch=garch, horizon=steps, n_paths=200_000, confidence=0.99)
    again = filtered_risk(x, garch=garch, horizon=steps, n_paths=200_000, confidence=0.99)
    assert risk.var == again.var
    second = float((garch.residuals**2).mean())
    variance, total = garch.next_sigma**2, 0.0
    for _ in range(steps):
        total += variance * second
        variance = garch.omega + (garch.alpha * second + garch.beta) * variance
    normal = math.sqrt(total) * stats.norm.ppf(0.99) - steps * garch.mean
    assert normal < risk.var < 1.25 * normal  # heavier than normal, and not by much after ten steps
    assert math.isnan(risk.var_error)


def test_filtered_of_a_series_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="one step"):
        filtered_evt_risk(clustered(), horizon=2)
    with pytest.raises(ConfigError, match="n_paths"):
        filtered_risk(clustered(), horizon=2, n_paths=3)
