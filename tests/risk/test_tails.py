"""VaR and ES of one series: closed forms, other libraries, repeated samples, and what is refused."""

import math
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from scipy import integrate, stats

from omni_lab.errors import ConfigError, DataError, ModelError, SchemaError, ShapeError
from omni_lab.risk import (
    TailRisk,
    cornish_fisher_is_valid,
    cornish_fisher_risk,
    fit_student,
    historical_risk,
    normal_risk,
    student_risk,
)
from omni_lab.typing import FloatArray


def heavy(n: int = 2000, seed: int = 1, dof: float = 4.0) -> FloatArray:
    return np.asarray(stats.t.rvs(dof, loc=0.001, scale=0.01, size=n, random_state=seed))


# --- historical -----------------------------------------------------------------------------------


def test_historical_by_hand() -> None:
    risk = historical_risk([-10.0, -8.0, -6.0, -4.0, 1, 2, 3, 4, 5, 6], confidence=0.75)
    assert risk.var == 6.0  # 2.5 of ten losses lie beyond: two of them, and half of the third
    assert risk.es == pytest.approx((10.0 + 8.0 + 0.5 * 6.0) / 2.5)
    assert risk.n_obs == 10


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.975, 0.99, 0.999])
@pytest.mark.parametrize("n", [1000, 1733])
def test_historical_is_that_of_numpy_and_skfolio(confidence: float, n: int) -> None:
    from skfolio.measures import cvar, value_at_risk

    x = heavy(n)
    risk = historical_risk(x, confidence=confidence)
    assert risk.var == np.quantile(-x, confidence, method="inverted_cdf")
    assert risk.es == pytest.approx(float(cvar(x, beta=confidence)), rel=1e-12)
    if n == 1733:  # where a whole number of losses lies beyond, skfolio takes the upper of two quantiles
        assert risk.var == pytest.approx(float(value_at_risk(x, beta=confidence)))


def test_es_minimises_the_function_of_rockafellar_and_uryasev() -> None:
    x = heavy(501)
    risk = historical_risk(x, confidence=0.95)
    cost = [at + np.maximum(-x - at, 0.0).mean() / 0.05 for at in np.sort(-x)]
    assert min(cost) == pytest.approx(risk.es, rel=1e-12)
    assert np.sort(-x)[np.argmin(cost)] == pytest.approx(risk.var)


def test_historical_errors_are_those_of_repeated_samples() -> None:
    x = heavy(500)
    drawn = np.random.default_rng(0).choice(x, (20_000, 500))
    again = np.quantile(-drawn, 0.95, axis=1, method="inverted_cdf")
    assert historical_risk(x, confidence=0.95).var_error == pytest.approx(again.std(), rel=0.02)
    many = [historical_risk(heavy(1000, seed, 6.0), confidence=0.95) for seed in range(400)]
    for name in ("var", "es"):
        seen = np.std([getattr(risk, name) for risk in many], ddof=1)
        assert np.mean([getattr(risk, f"{name}_error") for risk in many]) == pytest.approx(seen, rel=0.12)


def test_sums_that_overlap_are_the_losses_of_a_horizon() -> None:
    x = heavy(500)
    sums = np.array([x[i : i + 5].sum() for i in range(496)])
    risk = historical_risk(x, confidence=0.95, horizon=5)
    once = historical_risk(sums, confidence=0.95)
    assert (risk.var, risk.es) == pytest.approx((once.var, once.es))
    assert math.isnan(risk.var_error)
    assert math.isnan(risk.es_error)


# --- normal ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("confidence", [0.9, 0.99])
@pytest.mark.parametrize("horizon", [1, 10])
def test_normal_is_the_closed_form(confidence: float, horizon: int) -> None:
    x = heavy()
    risk = normal_risk(x, confidence=confidence, horizon=horizon)
    law = stats.norm(-horizon * x.mean(), math.sqrt(horizon) * x.std(ddof=1))
    assert risk.var == pytest.approx(law.ppf(confidence), rel=1e-12)
    tail = integrate.quad(law.ppf, confidence, 1.0)[0] / (1.0 - confidence)
    assert risk.es == pytest.approx(tail, rel=1e-6)


def test_normal_errors_are_those_of_repeated_samples() -> None:
    rng = np.random.default_rng(0)
    many = [normal_risk(row, confidence=0.99, horizon=4) for row in rng.normal(0.1, 1.0, (2000, 200))]
    for name in ("var", "es"):
        seen = np.std([getattr(risk, name) for risk in many], ddof=1)
        assert getattr(many[0], f"{name}_error") == pytest.approx(seen, rel=0.1)


# --- Student's t ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dof", [2.2, 4.0, 9.0])
def test_student_is_as_likely_as_the_fit_of_scipy(dof: float) -> None:
    x = heavy(1500, dof=dof)
    fit = fit_student(x)
    theirs = stats.t.fit(x)
    assert fit.log_likelihood == pytest.approx(stats.t.logpdf(x, fit.dof, fit.location, fit.scale).sum())
    assert fit.log_likelihood > stats.t.logpdf(x, *theirs).sum() - 1e-4
    assert (fit.dof, fit.location, fit.scale) == pytest.approx(theirs, rel=0.01)


@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_student_is_the_integral_of_its_tail(confidence: float) -> None:
    x = heavy()
    fit, risk = fit_student(x), student_risk(x, confidence=confidence)
    law = stats.t(fit.dof, -fit.location, fit.scale)
    assert risk.var == pytest.approx(law.ppf(confidence), rel=1e-10)
    assert risk.es == pytest.approx(law.expect(lambda loss: loss, lb=risk.var, conditional=True), rel=1e-6)


def test_normal_returns_make_a_student_that_is_normal() -> None:
    x = np.random.default_rng(0).normal(0.0, 0.01, 20_000)
    assert fit_student(x).dof > 50
    assert student_risk(x).es == pytest.approx(normal_risk(x).es, rel=0.03)


# --- Cornish and Fisher ---------------------------------------------------------------------------


def bent(n: int = 4000) -> FloatArray:
    """Returns inside the domain of validity: some skewness, some more kurtosis."""
    return np.asarray(stats.norminvgauss.rvs(3.0, -0.6, size=n, random_state=5) * 0.01)


def test_cornish_fisher_is_the_integral_of_its_quantiles() -> None:
    x = bent()
    s, k = float(stats.skew(x)), float(stats.kurtosis(x))
    assert cornish_fisher_is_valid(s, k)

    def quantile(chance: float) -> float:
        z = stats.norm.ppf(chance)
        w = z + (z**2 - 1) * s / 6 + (z**3 - 3 * z) * k / 24 - (2 * z**3 - 5 * z) * s**2 / 36
        return float(x.mean() + x.std(ddof=1) * w)

    risk = cornish_fisher_risk(x, confidence=0.975)
    assert risk.var == pytest.approx(-quantile(0.025), rel=1e-12)
    assert risk.es == pytest.approx(-integrate.quad(quantile, 0.0, 0.025)[0] / 0.025, rel=1e-6)
    assert risk.var == pytest.approx(historical_risk(x, confidence=0.975).var, rel=0.05)


def test_cornish_fisher_of_a_normal_is_normal_and_tends_to_it_over_a_horizon() -> None:
    z = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    assert cornish_fisher_is_valid(0.0, 0.0)
    kurtosis = float(stats.kurtosis(z))
    assert kurtosis < 0  # so that the expansion just fails, which is said
    with pytest.raises(ModelError, match="no quantile function"):
        cornish_fisher_risk(z)
    x = bent()
    far, flat = cornish_fisher_risk(x, horizon=2500), normal_risk(x, horizon=2500)
    assert far.var == pytest.approx(flat.var, rel=0.01)
    assert far.es == pytest.approx(flat.es, rel=0.01)


@pytest.mark.parametrize("skewness", [0.0, 0.4, 1.0, 2.5])
def test_the_domain_is_where_the_quantiles_rise(skewness: float) -> None:
    z = np.linspace(-60.0, 60.0, 200_001)
    for kurtosis in np.linspace(-1.0, 12.0, 53):
        slope = 1.0 + z * skewness / 3 + (3 * z**2 - 3) * kurtosis / 24 - (6 * z**2 - 5) * skewness**2 / 36
        assert cornish_fisher_is_valid(skewness, float(kurtosis)) == bool(slope.min() >= -1e-9)


# --- what is refused ------------------------------------------------------------------------------

PLAIN: list[Callable[..., TailRisk]] = [historical_risk, normal_risk, student_risk, cornish_fisher_risk]


@pytest.mark.parametrize("function", PLAIN)
def test_bad_input_is_refused_in_words(function: Callable[..., TailRisk]) -> None:
    x = bent(300)
    with pytest.raises(DataError, match="first in row 7"):
        function(np.where(np.arange(300) == 7, np.nan, x))
    with pytest.raises(ShapeError, match="too few"):
        function([])
    with pytest.raises(ShapeError, match="one dimension"):
        function(np.zeros((3, 3)))
    for level in (0.0, 0.5, 1.0, 99.0, math.nan):
        with pytest.raises(ConfigError, match="confidence"):
            function(x, confidence=level)
    for horizon in (0, -1, 1.5):
        with pytest.raises(ConfigError, match="horizon"):
            function(x, horizon=horizon)


@pytest.mark.parametrize("function", [normal_risk, student_risk, cornish_fisher_risk])
def test_a_series_that_never_moves_has_no_scale(function: Callable[..., TailRisk]) -> None:
    with pytest.raises(ModelError, match="constant"):
        function(np.full(100, 0.01))


def test_too_few_losses_for_the_confidence() -> None:
    with pytest.raises(ShapeError, match="at least 100"):
        historical_risk(heavy(99), confidence=0.99)
    assert historical_risk(heavy(100), confidence=0.99).es == pytest.approx(-heavy(100).min())
    assert historical_risk(np.full(100, 0.01)).var == -0.01  # what always gains loses nothing


def test_losses_scale_and_shift_as_money_does() -> None:
    x = bent(600)
    for function in PLAIN:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            once, twice = function(x), function(2.0 * x - 0.01)
        assert twice.var == pytest.approx(2.0 * once.var + 0.01, rel=1e-4)
        assert twice.es == pytest.approx(2.0 * once.es + 0.01, rel=1e-4)
        assert once.es > once.var


def test_words_are_no_returns() -> None:
    with pytest.raises(SchemaError, match="not numbers"):
        historical_risk("x")
