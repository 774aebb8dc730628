"""Maximum likelihood of Hawkes processes with exponential kernels, with standard errors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from omni_lab.errors import DataError, ModelError
from omni_lab.models._checks import require_positive
from omni_lab.models._decay import sums_before
from omni_lab.models.hawkes import Hawkes
from omni_lab.typing import ArrayLike, FloatArray


@dataclass(frozen=True, slots=True)
class HawkesFit:
    """A fitted process.

    Attributes
    ----------
    model : Hawkes
        The likeliest one.
    log_likelihood : float
        Of the arrivals under it.
    baseline_error : ndarray of float64, shape (d,)
        Standard errors, from the curvature of the likelihood.
    branching_error, decay_error : ndarray of float64, shape (d, d)
        The same; NaN where a branching number is so close to 0 that its decay means nothing.
    n : int
        Arrivals of all kinds.
    """

    model: Hawkes
    log_likelihood: float
    baseline_error: FloatArray
    branching_error: FloatArray
    decay_error: FloatArray
    n: int


def hawkes_log_likelihood(model: Hawkes, arrivals: Sequence[ArrayLike], seconds: float) -> float:
    """``Σ_i [Σ_k ln λ_i(t_ik) − ∫₀ᵀ λ_i]`` with nothing before time 0.

    Parameters
    ----------
    model : Hawkes
        Under which.
    arrivals : sequence of d array-likes of float
        Seconds from 0 on of the arrivals of each kind, not falling, none after ``seconds``.
    seconds : float
        How long was watched, T.

    Returns
    -------
    float
        −inf if something arrived when nothing could.

    Raises
    ------
    DataError
        If arrivals lie outside, or fall.

    References
    ----------
    .. [1] Ozaki, "Maximum likelihood estimation of Hawkes' self-exciting point processes", Annals of the
       Institute of Statistical Mathematics 31, 1979.
    """
    events = _watched(model, arrivals, seconds)
    total = 0.0
    for i in range(model.n_kinds):
        theta = np.concatenate(([model.baseline[i]], model.branching[i], model.decay[i]))
        total += _row_likelihood(theta, i, events, seconds)[0]
    return total


def fit_hawkes(arrivals: Sequence[ArrayLike], seconds: float, *, start: Hawkes | None = None) -> HawkesFit:
    """The likeliest process of arrivals.

    Each kind's own parameters enter only its own part of the likelihood, so kinds are fitted one after the
    other; within each the search goes over logarithms, by the exact slope.

    Parameters
    ----------
    arrivals : sequence of d array-likes of float
        Seconds from 0 on of the arrivals of each kind, not falling, none after ``seconds``.
    seconds : float
        How long was watched.
    start : Hawkes, optional
        Where the search begins, with branching above 0. By default half of the arrivals are taken to be
        caused, after waits of the usual length between arrivals.

    Returns
    -------
    HawkesFit
        The model and its errors.

    Raises
    ------
    ModelError
        If a kind has fewer than ten arrivals, or the search does not settle.
    DataError
        If arrivals lie outside, or fall.
    """
    from scipy.optimize import minimize

    d = len(arrivals)
    counts = [len(np.atleast_1d(np.asarray(of))) for of in arrivals]
    if not counts or min(counts) < 10:
        raise ModelError("too few arrivals", found=counts, expected="ten of each kind", where="fit_hawkes")
    rate = np.array(counts) / seconds
    model = start or Hawkes(rate / 2.0, np.full((d, d), 0.5 / d), float(rate.sum()))
    events = _watched(model, arrivals, seconds)
    thetas, errors, total = [], [], 0.0
    for i in range(d):

        def minus(log_theta: FloatArray, i: int = i) -> tuple[float, FloatArray]:
            theta = np.exp(log_theta)
            value, slope = _row_likelihood(theta, i, events, seconds)
            # For each arrival, or the first step would be as long as there are arrivals.
            return -value / counts[i], -slope * theta / counts[i]

        first = np.log(np.concatenate(([model.baseline[i]], model.branching[i], model.decay[i])) + 1e-12)
        around = np.log(np.concatenate(([rate[i]], np.ones(d), np.full(d, float(rate.sum())))))
        reach = np.concatenate(([14.0], np.full(d, 14.0), np.full(d, 12.0)))
        found = minimize(
            minus,
            np.clip(first, around - reach, around + reach),
            jac=True,
            method="L-BFGS-B",
            bounds=np.column_stack([around - reach, around + reach]),
            options={"maxiter": 1000, "ftol": 1e-13, "gtol": 1e-8},
        )
        if not found.success:
            raise ModelError(
                "the search for the likeliest process does not settle",
                found=str(found.message),
                where=f"fit_hawkes: kind {i}",
                hint="Begin nearer, with start=, or ask for fewer kinds.",
            )
        theta = np.exp(found.x)
        thetas.append(theta)
        errors.append(_row_errors(theta, i, events, seconds))
        total -= float(found.fun) * counts[i]
    best, wide = np.array(thetas), np.array(errors)
    return HawkesFit(
        model=Hawkes(best[:, 0], best[:, 1 : d + 1], best[:, d + 1 :]),
        log_likelihood=total,
        baseline_error=wide[:, 0],
        branching_error=wide[:, 1 : d + 1],
        decay_error=wide[:, d + 1 :],
        n=sum(counts),
    )


def _row_likelihood(
    theta: FloatArray, i: int, events: list[FloatArray], seconds: float
) -> tuple[float, FloatArray]:
    """Kind i's part of the likelihood at (μ, n_i·, β_i·), and its slope."""
    d = len(events)
    mu, branching, decay = theta[0], theta[1 : d + 1], theta[d + 1 :]
    rate = np.full(len(events[i]), mu)
    of_branching, of_decay = np.empty((d, len(rate))), np.empty((d, len(rate)))
    expected, slope = mu * seconds, np.empty(len(theta))
    slope[0] = -seconds
    for j, of in enumerate(events):
        beta = float(decay[j])
        left, aged = sums_before(events[i], of, beta)
        of_branching[j] = beta * left
        of_decay[j] = branching[j] * (left - beta * aged)
        rate += branching[j] * of_branching[j]
        fade = np.exp(-beta * (seconds - of))
        caused = float((1.0 - fade).sum())
        expected += branching[j] * caused
        slope[1 + j] = -caused
        slope[1 + d + j] = -branching[j] * float(((seconds - of) * fade).sum())
    if rate.size and rate.min() <= 0.0:
        return -np.inf, np.zeros(len(theta))
    slope[0] += float((1.0 / rate).sum())
    slope[1 : d + 1] += of_branching @ (1.0 / rate)
    slope[d + 1 :] += of_decay @ (1.0 / rate)
    return float(np.log(rate).sum() - expected), slope


def _row_errors(theta: FloatArray, i: int, events: list[FloatArray], seconds: float) -> FloatArray:
    """Square roots of the diagonal of the inverse curvature, which is taken from differences of the slope."""
    d = len(events)
    errors = np.full(len(theta), np.nan)
    # A number at the edge of what it may be has no curvature, and takes its decay with it.
    inside = np.concatenate(([True], theta[1 : d + 1] > 1e-4))
    free = np.flatnonzero(np.concatenate((inside, inside[1:])))
    curvature = np.empty((len(free), len(free)))
    for row, at in enumerate(free):
        step = np.zeros(len(theta))
        step[at] = 1e-4 * theta[at]
        up = _row_likelihood(theta + step, i, events, seconds)[1][free]
        down = _row_likelihood(theta - step, i, events, seconds)[1][free]
        curvature[row] = (down - up) / (2.0 * step[at])
    try:
        variances = np.diag(np.linalg.inv((curvature + curvature.T) / 2.0))
    except np.linalg.LinAlgError:
        return errors
    errors[free] = np.sqrt(np.where(variances > 0, variances, np.nan))
    return errors


def _watched(model: Hawkes, arrivals: Sequence[ArrayLike], seconds: float) -> list[FloatArray]:
    require_positive("arrivals", seconds=seconds)
    events = model.checked(arrivals)
    for i, of in enumerate(events):
        if len(of) and (of[0] < 0 or of[-1] > seconds):
            raise DataError(
                "arrivals outside the time that was watched",
                found=(float(of[0]), float(of[-1])),
                expected=f"from 0 to {seconds}",
                where=f"arrivals of kind {i}",
            )
    return events
