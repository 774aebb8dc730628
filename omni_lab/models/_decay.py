"""Sums in which what is old counts less, exponentially, at uneven times."""

import numpy as np

from omni_lab.typing import FloatArray

_MOST_DECAY = 200.0  # Within a block the weights span e^200, far from the largest float.


def decayed_sums(ts: FloatArray, values: FloatArray, rate: float) -> FloatArray:
    """``S_k = Σ_{j ≤ k} values_j · exp(−rate · (ts_k − ts_j))``.

    Parameters
    ----------
    ts : ndarray of float64, shape (n,)
        Times, not falling.
    values : ndarray of float64, shape (n,)
        What comes at each time; not negative, so that nothing cancels.
    rate : float
        Above 0, for each unit of time.

    Returns
    -------
    ndarray of float64, shape (n,)
        Each includes the value of its own time.
    """
    sums = np.empty(len(ts))
    carried, carried_at, start = 0.0, 0.0, 0
    while start < len(ts):
        origin = ts[start]
        stop = int(np.searchsorted(ts, origin + _MOST_DECAY / rate, side="right"))
        age = rate * (ts[start:stop] - origin)
        carried *= float(np.exp(-rate * (origin - carried_at))) if start else 0.0
        sums[start:stop] = np.exp(-age) * (carried + np.cumsum(values[start:stop] * np.exp(age)))
        carried, carried_at, start = float(sums[stop - 1]), float(ts[stop - 1]), stop
    return sums


def sums_before(at: FloatArray, ts: FloatArray, rate: float) -> tuple[FloatArray, FloatArray]:
    """What decaying marks of size 1 have left at given times, counting only earlier marks.

    Parameters
    ----------
    at : ndarray of float64, shape (n,)
        Times, not falling.
    ts : ndarray of float64, shape (m,)
        Times of the marks, not falling.
    rate : float
        Above 0.

    Returns
    -------
    left : ndarray of float64, shape (n,)
        ``Σ_{s < t} exp(−rate · (t − s))``.
    aged : ndarray of float64, shape (n,)
        ``Σ_{s < t} (t − s) · exp(−rate · (t − s))``, which is ``−∂left/∂rate``.
    """
    n_before = np.searchsorted(ts, at, side="left")
    left, aged = np.zeros(len(at)), np.zeros(len(at))
    some = n_before > 0
    if some.any():
        sums = decayed_sums(ts, np.ones(len(ts)), rate)
        # The aged sum gains `gap · S` between two marks, which is a decayed sum itself.
        gaps = np.diff(ts, prepend=ts[0])
        grown = np.zeros(len(ts))
        grown[1:] = gaps[1:] * sums[:-1] * np.exp(-rate * gaps[1:])
        ages = decayed_sums(ts, grown, rate)
        last = n_before[some] - 1
        gap = at[some] - ts[last]
        fade = np.exp(-rate * gap)
        left[some] = sums[last] * fade
        aged[some] = (ages[last] + gap * sums[last]) * fade
    return left, aged
