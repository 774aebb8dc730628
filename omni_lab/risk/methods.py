"""Every way to find value at risk, by name, and bands around it by resampling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from omni_lab.errors import ConfigError, OmniError
from omni_lab.models.resampling import block_length, sample_batches
from omni_lab.progress import Progress
from omni_lab.risk import _checks as check
from omni_lab.risk.cornish_fisher import cornish_fisher_risk
from omni_lab.risk.evt import evt_risk
from omni_lab.risk.filtered import filtered_evt_risk, filtered_risk
from omni_lab.risk.student import student_risk
from omni_lab.risk.tails import TailRisk, historical_risk, normal_risk
from omni_lab.typing import ArrayLike

RISK_METHODS: Mapping[str, Callable[..., TailRisk]] = MappingProxyType(
    {
        "historical": historical_risk,
        "normal": normal_risk,
        "student": student_risk,
        "cornish_fisher": cornish_fisher_risk,
        "evt": evt_risk,
        "filtered": filtered_risk,
        "filtered_evt": filtered_evt_risk,
    }
)
"""What `tail_risk` and `rolling_var` know, by name."""

FILTERED = frozenset({"filtered", "filtered_evt"})


class TailBand(NamedTuple):
    """Where VaR or ES might have come out, had the same market been lived through again.

    Attributes
    ----------
    low, high : float
        Quantiles of the resampled values.
    error : float
        Their standard deviation.
    """

    low: float
    high: float
    error: float


def tail_risk(
    returns: ArrayLike,
    method: str = "historical",
    *,
    confidence: float = 0.99,
    horizon: int = 1,
    **settings: Any,
) -> TailRisk:
    """VaR and ES by the method of that name.

    Parameters
    ----------
    returns : array_like of float, shape (n_obs,)
        Profits per step, without NaN; losses are negative.
    method : str
        A name of `RISK_METHODS`: ``historical``, ``normal``, ``student``, ``cornish_fisher``, ``evt``,
        ``filtered``, ``filtered_evt``.
    confidence : float, default 0.99
        Between 0.5 and 1.
    horizon : int, default 1
        Steps over which the loss is counted; returns add up.
    **settings
        What the method's own function takes besides, as ``threshold_quantile``.

    Raises
    ------
    ConfigError
        If there is no such method.
    OmniError
        What the method's function raises.
    """
    return find_method(method)(returns, confidence=confidence, horizon=horizon, **settings)


def find_method(method: str) -> Callable[..., TailRisk]:
    """The function of that name; ConfigError if there is none."""
    if method not in RISK_METHODS:
        raise ConfigError("unknown method", found=method, expected=tuple(RISK_METHODS), where="method")
    return RISK_METHODS[method]


def tail_bands(
    returns: ArrayLike,
    method: str = "historical",
    *,
    confidence: float = 0.99,
    horizon: int = 1,
    band: float = 0.95,
    n_samples: int = 500,
    length: float | None = None,
    seed: int = 0,
    progress: bool = True,
    **settings: Any,
) -> tuple[TailBand, TailBand]:
    """Bands around VaR and ES from the stationary bootstrap.

    Parameters
    ----------
    returns : array_like of float, shape (n_obs,)
        Profits per step, without NaN.
    method : str
        A name of `RISK_METHODS`, but none of those that depend on today: strung-together blocks have no
        today.
    confidence, horizon, **settings
        As `tail_risk`.
    band : float, default 0.95
        Probability of the band, half of the rest on either side.
    n_samples : int, default 500
        Samples to draw.
    length : float, optional
        Mean length of a block. By default that of Politis and White for the squares of the returns, whose
        dependence is what clusters losses.
    seed : int, default 0
        Of the draws.
    progress : bool, default True
        Show a bar where it takes longer than two seconds.

    Returns
    -------
    var, es : TailBand

    Raises
    ------
    ConfigError
        If the method depends on today, or a setting is out of range.
    OmniError
        What the method's function raises of the returns as they are. Samples for which it gives no number
        are left out; if more than one in ten are, the first of their errors is raised.
    """
    function = find_method(method)
    if method in FILTERED:
        raise ConfigError(
            "this method depends on today's volatility, which a resampled past does not have",
            found=method,
            expected=tuple(name for name in RISK_METHODS if name not in FILTERED),
            where="method",
        )
    level = check.confidence(band)
    values = check.sample(returns, least=2)
    function(values, confidence=confidence, horizon=horizon, **settings)
    if length is None:
        length = block_length((values - values.mean()) ** 2)
    found: list[tuple[float, float]] = []
    failed: list[OmniError] = []
    with Progress(n_samples, "bootstrap", progress, unit="samples") as report:
        for rows in sample_batches(len(values), length, n_samples, seed):
            for row in rows:
                try:
                    risk = function(values[row], confidence=confidence, horizon=horizon, **settings)
                    found.append((risk.var, risk.es))
                except OmniError as error:
                    failed.append(error)
                report(len(found) + len(failed))
    if len(failed) > 0.1 * n_samples:
        raise failed[0]
    table = np.array(found)
    low, high = np.quantile(table, [0.5 - level / 2.0, 0.5 + level / 2.0], axis=0)
    errors = table.std(axis=0, ddof=1)
    var, es = (TailBand(float(a), float(b), float(c)) for a, b, c in zip(low, high, errors, strict=True))
    return var, es
