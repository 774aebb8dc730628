"""VaR of every step from the steps before it: the plain loop, and that it cannot look ahead."""

import math

import numpy as np
import pytest

from omni_lab.errors import ConfigError, ModelError, ShapeError
from omni_lab.risk import RISK_METHODS, backtest_var, rolling_var, tail_bands, tail_risk
from omni_lab.typing import FloatArray


def returns(n: int = 700, seed: int = 4) -> FloatArray:
    """Clusters of volatility with a little skewness."""
    rng = np.random.default_rng(seed)
    r, variance = np.empty(n), 1e-4
    for i, z in enumerate(rng.gamma(20.0, size=n)):
        r[i] = math.sqrt(variance / 20.0) * (20.0 - z)
        variance = 5e-6 + 0.12 * r[i] ** 2 + 0.83 * variance
    return r


SETTINGS = {"filtered": {"refit_every": 25}, "filtered_evt": {"refit_every": 25}}


@pytest.mark.parametrize("method", [name for name in RISK_METHODS if name != "cornish_fisher"])
def test_it_is_the_method_on_the_window_before_each_step(method: str) -> None:
    x = returns()
    settings = SETTINGS.get(method, {"refit_every": 20})
    found = rolling_var(x, 400, method, confidence=0.95, progress=False, **settings)
    assert np.isnan(found.var[:400]).all()
    assert np.isnan(found.es[:400]).all()
    for step in (400, 500, 600):  # where all methods are found anew
        alone = tail_risk(x[step - 400 : step], method, confidence=0.95)
        assert found.var[step] == pytest.approx(alone.var, rel=1e-9)
        assert found.es[step] == pytest.approx(alone.es, rel=1e-9)


@pytest.mark.parametrize("method", [name for name in RISK_METHODS if name != "cornish_fisher"])
def test_no_future_changes_the_past(method: str) -> None:
    """Whatever comes from a step on, the VaR of that step and of all before it stays, to the last bit."""
    x = returns()
    settings = SETTINGS.get(method, {"refit_every": 50})
    plain = rolling_var(x, 400, method, confidence=0.95, progress=False, **settings)
    for step in (401, 487, 650):
        other = x.copy()
        other[step:] = np.random.default_rng(step).normal(0.0, 0.1, len(x) - step)
        again = rolling_var(other, 400, method, confidence=0.95, progress=False, **settings)
        assert (again.var[400 : step + 1] == plain.var[400 : step + 1]).all()
        assert (again.es[400 : step + 1] == plain.es[400 : step + 1]).all()
    # And it would be noticed: one step later the change is in the window of the methods found anew there.
    assert method not in ("historical", "normal") or again.es[651] != plain.es[651]


def test_the_filter_follows_between_fits() -> None:
    x = returns()
    found = rolling_var(x, 400, "filtered", confidence=0.95, refit_every=300, progress=False)
    assert len(set(found.var[400:].tolist())) == 300
    held = rolling_var(x, 400, "student", confidence=0.95, refit_every=300, progress=False)
    assert len(set(held.var[400:].tolist())) == 1


def test_a_settings_of_the_method_is_passed_on() -> None:
    x = returns(450)
    low = rolling_var(x, 400, "evt", refit_every=50, threshold_quantile=0.8, progress=False)
    assert low.var[400] == pytest.approx(tail_risk(x[:400], "evt", threshold_quantile=0.8).var)


def test_filtered_var_is_exceeded_in_fewer_bunches() -> None:
    x = returns(3000, seed=8)
    plain = rolling_var(x, 500, "historical", confidence=0.95)
    live = rolling_var(x, 500, "filtered", confidence=0.95, refit_every=250, progress=False)
    judged = [backtest_var(x, each.var, confidence=0.95) for each in (plain, live)]
    assert judged[1].independence.statistic < judged[0].independence.statistic
    assert judged[1].kupiec.p_value > 0.05


def test_bad_input_is_refused_and_says_where() -> None:
    x = returns()
    with pytest.raises(ShapeError, match="full window"):
        rolling_var(x, 700)
    with pytest.raises(ShapeError, match="at least 100"):
        rolling_var(x, 50, confidence=0.99)
    with pytest.raises(ConfigError, match="Did you mean 'historical'"):
        rolling_var(x, 200, "historic")
    with pytest.raises(ConfigError, match="window"):
        rolling_var(x, 1)
    with pytest.raises(ConfigError, match="refit_every"):
        rolling_var(x, 200, refit_every=0)
    still = x.copy()
    still[100:320] = 0.0
    with pytest.raises(ModelError, match="constant") as caught:
        rolling_var(still, 200, "student", refit_every=100, progress=False)
    assert "at step 300" in caught.value.__notes__[0]
    with pytest.raises(ModelError, match="constant"):
        rolling_var(still, 200, "normal")


# --- bands ----------------------------------------------------------------------------------------


def test_bands_of_independent_returns_have_the_error_of_the_formula() -> None:
    x = np.random.default_rng(0).normal(0.0, 0.01, 1000)
    for method in ("normal", "historical"):
        alone = tail_risk(x, method, confidence=0.95)
        var, es = tail_bands(x, method, confidence=0.95, length=1.0, n_samples=2000, progress=False)
        assert var.error == pytest.approx(alone.var_error, rel=0.1)
        assert es.error == pytest.approx(alone.es_error, rel=0.12)
        assert var.low < alone.var < var.high
        assert es.low < alone.es < es.high
        assert var.high - var.low == pytest.approx(2 * 1.96 * alone.var_error, rel=0.15)


def test_clusters_widen_the_bands() -> None:
    x = returns(3000)
    blocks, _ = tail_bands(x, confidence=0.95, n_samples=300, progress=False)
    single, _ = tail_bands(x, confidence=0.95, n_samples=300, length=1.0, progress=False)
    assert blocks.error > 1.1 * single.error
    assert tail_bands(x, confidence=0.95, n_samples=50, progress=False) == tail_bands(
        x, confidence=0.95, n_samples=50, progress=False
    )


def test_bands_refuse_what_has_no_past_to_draw_from() -> None:
    with pytest.raises(ConfigError, match="today"):
        tail_bands(returns(), "filtered")
    with pytest.raises(ModelError, match="Cornish-Fisher"):
        tail_bands(np.random.default_rng(0).standard_t(2, 500), "cornish_fisher", progress=False)
