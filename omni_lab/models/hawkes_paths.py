"""Paths of Hawkes processes by thinning: wait as if the intensity lasted, accept by what is left of it."""

import numpy as np

from omni_lab.errors import ModelError
from omni_lab.models._checks import require_positive
from omni_lab.models.hawkes import Hawkes
from omni_lab.typing import FloatArray

_CHUNK = 4096


def simulate_hawkes(
    model: Hawkes, seconds: float, *, rng: np.random.Generator, most: int = 5_000_000
) -> list[FloatArray]:
    """Arrivals of each kind from 0 on, with nothing before.

    Parameters
    ----------
    model : Hawkes
        A process that is not stationary may be simulated, too, while it lasts.
    seconds : float
        How long.
    rng : Generator
        Where chance comes from.
    most : int
        Arrivals of all kinds after which to give up.

    Returns
    -------
    list of d ndarrays of float64
        Seconds, strictly rising, one column for each kind.

    Raises
    ------
    ModelError
        If more than ``most`` arrive.
    ConfigError
        If the time is not above 0.

    References
    ----------
    .. [1] Ogata, "On Lewis' simulation method for point processes", IEEE Transactions on Information Theory
       27(1), 1981, algorithm 2.
    """
    require_positive("simulate_hawkes", seconds=seconds)
    arrivals: list[list[float]] = [[] for _ in range(model.n_kinds)]
    jump, decay, baseline = model.branching * model.decay, model.decay, model.baseline
    excited = np.zeros_like(jump)  # what is left of past arrivals, by kind and cause
    now, n, bound = 0.0, 0, float(baseline.sum())
    waits, chances, used = rng.exponential(size=_CHUNK), rng.random(_CHUNK), 0
    while bound > 0.0:
        if used == _CHUNK:
            waits, chances, used = rng.exponential(size=_CHUNK), rng.random(_CHUNK), 0
        wait = float(waits[used]) / bound
        now += wait
        if now >= seconds:
            break
        excited *= np.exp(-decay * wait)
        levels = np.cumsum(baseline + excited.sum(axis=1))
        # Intensities only fall between arrivals, so the bound was at least what they are now.
        kind = int(np.searchsorted(levels, float(chances[used]) * bound, side="right"))
        used += 1
        bound = float(levels[-1])
        if kind < model.n_kinds:
            arrivals[kind].append(now)
            excited[:, kind] += jump[:, kind]
            bound += float(jump[:, kind].sum())
            n += 1
            if n > most:
                raise ModelError(
                    "too many arrivals",
                    found=f"more than {most:,} in {now:,.4g} of {seconds:,.4g} seconds",
                    where="simulate_hawkes",
                    hint=f"The branching ratio is {model.branching_ratio:.3g}; 1 or more grows without end.",
                )
    return [np.array(of) for of in arrivals]
