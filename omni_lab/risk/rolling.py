"""Value at risk of every step from the steps before it alone, for backtests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from omni_lab.errors import OmniError, ShapeError
from omni_lab.models.garch import Garch, fit_garch
from omni_lab.progress import Progress
from omni_lab.risk import _checks as check
from omni_lab.risk._quantiles import normal_factors
from omni_lab.risk.methods import FILTERED, find_method
from omni_lab.risk.tails import tail_mass
from omni_lab.typing import ArrayLike, FloatArray

_CELLS = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingRisk:
    """VaR and ES of every step, known before it.

    Attributes
    ----------
    method : str
        How they were found.
    confidence : float
        Between 0.5 and 1.
    window : int
        Steps they rest on.
    var, es : ndarray of float64, shape (n_obs,)
        Positive losses. Those of step ``t`` rest on the returns ``t − window`` to ``t − 1``; NaN for the
        first `window` steps.
    """

    method: str
    confidence: float
    window: int
    var: FloatArray = field(repr=False)
    es: FloatArray = field(repr=False)


def rolling_var(
    returns: ArrayLike,
    window: int,
    method: str = "historical",
    *,
    confidence: float = 0.99,
    refit_every: int = 1,
    progress: bool = True,
    **settings: Any,
) -> RollingRisk:
    """VaR and ES of every step from the window before it, which cannot look ahead.

    Parameters
    ----------
    returns : array_like of float, shape (n_obs,)
        Profits per step, without NaN.
    window : int
        Steps before each step that it rests on.
    method : str
        A name of `RISK_METHODS`.
    confidence : float, default 0.99
        Between 0.5 and 1.
    refit_every : int, default 1
        Find the numbers anew every so many steps and keep them in between. The filtered methods keep the
        parameters of GARCH and follow the volatility at every step; fitting takes some 30 ms, so 20 or 60
        saves most of the time. ``historical`` and ``normal`` are fast and ignore it: they are found anew at
        every step.
    progress : bool, default True
        Show a bar where it takes longer than two seconds.
    **settings
        What the method's own function takes besides.

    Returns
    -------
    RollingRisk

    Raises
    ------
    ShapeError
        If there are no more returns than the window is long, or the window is too short for the method.
    ConfigError
        If there is no such method, or a setting is out of range.
    OmniError
        What the method raises of a window, with the step at which it happened.
    """
    find_method(method)
    level, steps = check.confidence(confidence), check.whole(window, "window", 2)
    every = check.whole(refit_every, "refit_every")
    values = check.sample(returns)
    if len(values) <= steps:
        raise ShapeError(
            "no step has a full window before it",
            found=len(values),
            expected=f"more than {steps}",
            where="returns",
        )
    var, es = np.full(len(values), np.nan), np.full(len(values), np.nan)
    if method in ("historical", "normal") and not settings:
        simple = _historical if method == "historical" else _normal
        views = np.lib.stride_tricks.sliding_window_view(values[:-1], steps)
        size = max(1, _CELLS // steps)
        for start in range(0, len(views), size):
            at = slice(steps + start, steps + start + len(views[start : start + size]))
            var[at], es[at] = simple(views[start : start + size], level)
    else:
        with Progress(len(values) - steps, "rolling VaR", progress) as report:
            for start in range(steps, len(values), every):
                stop = min(start + every, len(values))
                at = slice(start, stop)
                try:
                    var[at], es[at] = _block(values, start, stop, steps, method, level, settings)
                except OmniError as error:
                    error.add_note(f"at step {start} of {len(values)}, from the {steps} returns before it")
                    raise
                report(stop - steps)
    return RollingRisk(method=method, confidence=level, window=steps, var=var, es=es)


def _block(
    values: FloatArray,
    start: int,
    stop: int,
    window: int,
    method: str,
    level: float,
    settings: dict[str, Any],
) -> tuple[FloatArray | float, FloatArray | float]:
    """VaR and ES of the steps from one fit to the next."""
    function = find_method(method)
    if method not in FILTERED:
        risk = function(values[start - window : start], confidence=level, **settings)
        return risk.var, risk.es
    garch: Garch = fit_garch(values[start - window : start])
    each = [
        function(values[step - window : step], confidence=level, garch=garch, **settings)
        for step in range(start, stop)
    ]
    return np.array([risk.var for risk in each]), np.array([risk.es for risk in each])


def _historical(windows: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """`historical_risk` of every row."""
    n = windows.shape[1]
    beyond = tail_mass(n, level)
    whole = int(beyond)
    # What lies before the place is larger than what is there, in any order.
    tail = -np.partition(windows, whole, axis=1)[:, : whole + 1]
    var = tail[:, whole]
    return var, (tail[:, :whole].sum(axis=1) + (beyond - whole) * var) / beyond


def _normal(windows: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """`normal_risk` of every row; a row that never moves is refused as it is there."""
    mean, sigma = windows.mean(axis=1), windows.std(axis=1, ddof=1)
    still = np.flatnonzero(~(sigma > 1e-12 * np.abs(windows).max(axis=1)))
    if len(still):
        check.varies(windows[still[0]], f"returns, {windows.shape[1]} steps from the window {still[0]} on")
    var, es = normal_factors(level)
    return sigma * var - mean, sigma * es - mean
