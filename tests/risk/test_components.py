"""Whose risk it is: Euler's sum, slopes by differences, positions closed by hand; factors."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from statsmodels.regression.linear_model import OLS
from statsmodels.tools import add_constant

from omni_lab.errors import ConfigError, DataError, ModelError, ShapeError
from omni_lab.models.covariance import shrunk_covariance
from omni_lab.risk import (
    ComponentRisk,
    fit_factor_model,
    historical_components,
    historical_risk,
    normal_components,
    normal_risk,
    student_components,
    student_risk,
)
from omni_lab.typing import FloatArray

WEIGHTS = np.array([0.5, 0.8, -0.3, 0.0])


def panel(n: int = 1000, seed: int = 0) -> FloatArray:
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(4, 4))
    return np.asarray(0.01 * rng.standard_t(5, (n, 4)) @ mix + 0.0005)


def normal(w: FloatArray) -> ComponentRisk:
    return normal_components(w, np.cov(panel().T), mean=panel().mean(axis=0), confidence=0.975, horizon=3)


def student(w: FloatArray) -> ComponentRisk:
    return student_components(w, np.cov(panel().T), 5.0, mean=panel().mean(axis=0), confidence=0.975)


def historical(w: FloatArray) -> ComponentRisk:
    return historical_components(w, panel(), confidence=0.975)


KINDS: list[Callable[[FloatArray], ComponentRisk]] = [normal, student, historical]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("measure", ["var", "es"])
def test_components_add_up_and_are_weight_times_marginal(
    kind: Callable[[FloatArray], ComponentRisk], measure: str
) -> None:
    parts = getattr(kind(WEIGHTS), measure)
    assert parts.component.sum() == pytest.approx(parts.total, rel=1e-12)
    assert parts.share.sum() == pytest.approx(1.0)
    held = WEIGHTS != 0.0
    assert (WEIGHTS * parts.marginal)[held] == pytest.approx(parts.component[held])
    assert parts.component[3] == 0.0
    assert parts.incremental[3] == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("measure", ["var", "es"])
def test_marginal_is_the_slope_and_incremental_the_position_closed(
    kind: Callable[[FloatArray], ComponentRisk], measure: str
) -> None:
    parts = getattr(kind(WEIGHTS), measure)
    for i in range(3):
        step, gone = np.zeros(4), WEIGHTS.copy()
        step[i], gone[i] = 1e-7, 0.0
        slope = (
            getattr(kind(WEIGHTS + step), measure).total - getattr(kind(WEIGHTS - step), measure).total
        ) / 2e-7
        assert parts.marginal[i] == pytest.approx(slope, rel=1e-5)
        assert parts.incremental[i] == pytest.approx(parts.total - getattr(kind(gone), measure).total)


def test_totals_are_those_of_the_portfolios_own_returns() -> None:
    x = panel() @ WEIGHTS
    assert normal(WEIGHTS).var.total == pytest.approx(normal_risk(x, confidence=0.975, horizon=3).var)
    assert normal(WEIGHTS).es.total == pytest.approx(normal_risk(x, confidence=0.975, horizon=3).es)
    alone = historical_risk(x, confidence=0.975)
    assert historical(WEIGHTS).var.total == pytest.approx(alone.var)
    assert historical(WEIGHTS).es.total == pytest.approx(alone.es)
    wide = np.random.default_rng(1).standard_t(5, 200_000)
    fitted = student_risk(wide, confidence=0.975)
    told = student_components([1.0], [[5.0 / 3.0]], 5.0, confidence=0.975)
    assert told.var.total == pytest.approx(fitted.var, rel=0.01)
    assert told.es.total == pytest.approx(fitted.es, rel=0.02)


def test_neighbours_smooth_and_still_add_up() -> None:
    parts = historical_components(WEIGHTS, panel(), confidence=0.975, neighbours=10).var
    assert parts.component.sum() == pytest.approx(parts.total)
    closed = normal(WEIGHTS).var.share
    rough = historical(WEIGHTS).var.share
    assert np.abs(parts.share - closed).sum() < np.abs(rough - closed).sum()


def test_a_hedge_has_a_negative_component() -> None:
    parts = normal_components([1.0, -0.5], [[4.0, 2.0], [2.0, 2.0]]).var
    assert parts.component[1] < 0.0 < parts.component[0]


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ShapeError, match="a row and a column"):
        normal_components([1.0, 2.0], np.eye(3))
    with pytest.raises(DataError, match="symmetric"):
        normal_components([1.0, 2.0], [[1.0, 0.5], [0.2, 1.0]])
    with pytest.raises(DataError, match="negative variance"):
        normal_components([1.0, 2.0], [[1.0, 2.0], [2.0, 1.0]])
    with pytest.raises(ModelError, match="never moves"):
        normal_components([1.0, -1.0], [[1.0, 1.0], [1.0, 1.0]])
    with pytest.raises(ConfigError, match="dof"):
        student_components([1.0], [[1.0]], 2.0)
    with pytest.raises(ShapeError, match="one weight"):
        historical_components([1.0], panel())
    with pytest.raises(ShapeError, match="too few returns"):
        historical_components(WEIGHTS, panel(20))
    with pytest.raises(DataError, match="missing"):
        historical_components([1.0, math.nan, 1.0, 1.0], panel())


# --- factors --------------------------------------------------------------------------------------


def factors() -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(3)
    f = rng.normal(0.0005, 0.01, (800, 2)) @ np.array([[1.0, 0.4], [0.0, 0.5]])
    exposures = np.array([[1.0, 0.2], [0.5, -1.0], [1.5, 0.0]])
    return 0.0002 + f @ exposures.T + rng.normal(0.0, [0.004, 0.008, 0.002], (800, 3)), f


def test_exposures_are_those_of_statsmodels() -> None:
    r, f = factors()
    model = fit_factor_model(r, f)
    for i in range(3):
        theirs = OLS(r[:, i], add_constant(f)).fit()
        assert model.alpha[i] == pytest.approx(theirs.params[0])
        assert model.exposures[i] == pytest.approx(theirs.params[1:])
        assert model.exposure_errors[i] == pytest.approx(theirs.bse[1:])
        assert model.idiosyncratic_variance[i] == pytest.approx(theirs.mse_resid)
        assert model.r_squared[i] == pytest.approx(theirs.rsquared)
    assert model.factor_covariance == pytest.approx(np.cov(f.T))
    shrunk = fit_factor_model(r, f, shrinkage="ledoit_wolf")
    assert shrunk.factor_covariance == pytest.approx(shrunk_covariance(f))


def test_risk_by_factor_adds_up_and_is_the_slope() -> None:
    r, f = factors()
    model = fit_factor_model(r, f)
    w = np.array([0.5, 0.7, -0.4])
    risk = model.decompose(w)
    assert risk.volatility == pytest.approx(math.sqrt(w @ model.covariance @ w))
    assert risk.factor.sum() + risk.idiosyncratic.sum() == pytest.approx(risk.volatility)
    assert risk.marginal @ w == pytest.approx(risk.volatility)
    assert risk.marginal_factor * risk.exposures == pytest.approx(risk.factor)
    for i in range(3):
        step = np.zeros(3)
        step[i] = 1e-6
        slope = (model.decompose(w + step).volatility - model.decompose(w - step).volatility) / 2e-6
        assert risk.marginal[i] == pytest.approx(slope, rel=1e-6)
    explained = risk.exposures @ model.factor_covariance @ risk.exposures / risk.volatility**2
    assert risk.factor_share == pytest.approx(explained)
    assert risk.volatility == pytest.approx((r @ w).std(ddof=1), rel=0.02)


def test_factors_that_determine_nothing_are_refused() -> None:
    r, f = factors()
    with pytest.raises(ModelError, match="rank 2 of 3"):
        fit_factor_model(r, np.column_stack((f, f.sum(axis=1))))
    with pytest.raises(ModelError, match="rank 1 of 2"):
        fit_factor_model(r, np.column_stack((f[:, 0], np.ones(800))))
    with pytest.raises(ShapeError, match="same steps"):
        fit_factor_model(r[1:], f)
    with pytest.raises(ShapeError, match="n_obs >= 4"):
        fit_factor_model(r[:3], f[:3])
    with pytest.raises(ModelError, match="never moves"):
        fit_factor_model(r, f).decompose(np.zeros(3))
