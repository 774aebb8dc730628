"""GARCH(1,1): that of arch, its recursion in plain Python, and parameters that are known."""

import math
from itertools import pairwise

import numpy as np
import pytest
from arch import arch_model

from omni_lab.errors import ConfigError, DataError, ModelError, ShapeError
from omni_lab.models.garch import fit_garch
from omni_lab.typing import FloatArray


def simulated(n: int = 4000, seed: int = 2) -> FloatArray:
    rng = np.random.default_rng(seed)
    r, variance = np.empty(n), 1e-4
    for i, z in enumerate(rng.standard_normal(n)):
        r[i] = 0.001 + math.sqrt(variance) * z
        variance = 3e-6 + 0.08 * (r[i] - 0.001) ** 2 + 0.89 * variance
    return r


def test_it_is_that_of_arch_in_the_unit_of_the_returns() -> None:
    x = simulated()
    fit = fit_garch(x)
    theirs = arch_model(x / x.std(), rescale=False).fit(disp="off")
    assert fit.sigma == pytest.approx(theirs.conditional_volatility * x.std(), rel=1e-9)
    assert fit.next_sigma == pytest.approx(
        float(theirs.forecast(horizon=1).variance.to_numpy()[-1, 0]) ** 0.5 * x.std(), rel=1e-9
    )
    large = fit_garch(1000.0 * x)
    assert large.next_sigma == pytest.approx(1000.0 * fit.next_sigma, rel=1e-6)
    assert large.log_likelihood == pytest.approx(fit.log_likelihood - len(x) * math.log(1000.0))


def test_it_finds_what_made_the_returns() -> None:
    fit = fit_garch(simulated(20_000))
    assert fit.alpha == pytest.approx(0.08, abs=0.015)
    assert fit.beta == pytest.approx(0.89, abs=0.02)
    assert fit.omega / (1.0 - fit.persistence) == pytest.approx(1e-4, rel=0.1)
    assert fit.residuals.std() == pytest.approx(1.0, abs=0.01)
    assert fit_garch(simulated(), innovations="t").alpha == pytest.approx(
        fit_garch(simulated()).alpha, abs=0.01
    )


def test_the_recursion_is_the_plain_one_and_looks_at_the_past_alone() -> None:
    x = simulated(500)
    fit = fit_garch(x)
    path = fit.volatility(x)
    assert path[:-1] == pytest.approx(fit.sigma)
    for (now, following), r in zip(pairwise(path), x, strict=True):
        assert following**2 == pytest.approx(fit.omega + fit.alpha * (r - fit.mean) ** 2 + fit.beta * now**2)
    other = x.copy()
    other[300:] *= -5.0
    assert (fit.volatility(other)[:301] == path[:301]).all()
    assert fit.volatility(other)[301] != path[301]


def test_bad_input_is_refused() -> None:
    with pytest.raises(ShapeError):
        fit_garch(simulated(99))
    with pytest.raises(DataError, match="missing"):
        fit_garch([*simulated(200), math.nan])
    with pytest.raises(ModelError, match="constant"):
        fit_garch(np.full(200, 0.01))
    with pytest.raises(ConfigError, match="innovations"):
        fit_garch(simulated(200), innovations="cauchy")  # type: ignore[arg-type]
