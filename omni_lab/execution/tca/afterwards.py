"""Where the market went after fills."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.execution.tca.tape import Tape
from omni_lab.typing import ArrayLike, FloatArray

SECONDS = (1.0, 10.0, 60.0)
"""After a fill at which one usually looks back."""
_SECOND = 1e9


def markouts(
    tape: Tape, ts: ArrayLike, price: ArrayLike, sign: ArrayLike, *, seconds: Sequence[float] = SECONDS
) -> FloatArray:
    """From the price of each fill to the middle of the market some time later, basis points; + went our way.

    Parameters
    ----------
    tape : Tape
        Of the instrument.
    ts : array_like of int64, shape (n_fills,)
        Nanoseconds.
    price : array_like of float, shape (n_fills,)
        Paid or got.
    sign : array_like of float, shape (n_fills,)
        1 where bought, -1 where sold.
    seconds : sequence of float, length n_times

    Returns
    -------
    ndarray of float64, shape (n_fills, n_times)
        NaN where the tape has not come so far, or a side was empty.

    Raises
    ------
    ShapeError
        If the columns differ in length.
    """
    when, paid, way = (
        np.asarray(ts, dtype=np.int64),
        *(np.asarray(each, dtype=np.float64) for each in (price, sign)),
    )
    if not when.shape == paid.shape == way.shape or when.ndim != 1:
        raise ShapeError(
            "each fill has a time, a price and a side", found=(when.shape, paid.shape, way.shape)
        )
    later = when[:, None] + (np.asarray(seconds, dtype=np.float64) * _SECOND).astype(np.int64)
    mid = tape.mid_at(later.ravel()).reshape(later.shape)
    mid = np.where(later > tape.quote_ts[-1], np.nan, mid)
    return np.asarray(way[:, None] * (mid - paid[:, None]) / paid[:, None] * 1e4, dtype=np.float64)
