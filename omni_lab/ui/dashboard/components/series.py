"""`Series`: a line of millions of points, of which the browser gets the few thousand that can be seen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.typing import ArrayLike, FloatArray, IntArray
from omni_lab.ui.dashboard.components.boxes import Empty
from omni_lab.ui.dashboard.components.live import Live

if TYPE_CHECKING:
    from omni_lab.ui.dashboard.session import Session

SHOWN = 2_000
"""Points that are sent at most."""


class Series(Live):
    """A line over time that is walked through by wheel, drag and arrow keys.

    What is in sight is thinned in a thread (minimum and maximum of each stretch, then the largest triangles),
    anew for every stretch that is looked at; the page says how many points it stands for.

    Parameters
    ----------
    title : str
    session : Session
    kind : str
        How values are written, as of a `Column`.
    decimals : int, optional
    height : int
        Pixels.
    empty : (str, str)
        What is said where there is no point.

    References
    ----------
    .. [1] Van Der Donckt, Van Der Donckt, Rademaker and Van Hoecke, "MinMaxLTTB: Leveraging
       MinMax-Preselection to Scale LTTB", 2023.
    """

    def __init__(
        self,
        title: str,
        session: Session,
        *,
        kind: str = "number",
        decimals: int | None = None,
        height: int = 300,
        empty: Empty = ("No points.", ""),
        **params: Any,
    ) -> None:
        options = {"title": title, "kind": kind, "decimals": decimals, "height": height, "empty": list(empty)}
        super().__init__("series", options, heard=self._heard, **params)
        self._session = session
        self._ts: IntArray = np.empty(0, np.int64)
        self._values: FloatArray = np.empty(0)
        self._asked = 0

    def fill(self, ts: ArrayLike, values: ArrayLike) -> None:
        """Show a line.

        Parameters
        ----------
        ts : array-like of int64, shape (n,)
            Nanoseconds UTC, increasing.
        values : array-like of float, shape (n,)
            NaN leaves a gap.

        Raises
        ------
        ShapeError
            If they differ in length.
        """
        self._ts, self._values = np.asarray(ts, np.int64), np.asarray(values, np.float64)
        if self._ts.shape != self._values.shape or self._ts.ndim != 1:
            shapes = (self._ts.shape, self._values.shape)
            raise ShapeError("times and values must be equally long", found=shapes, where="values")
        self._look(None, None)

    def _look(self, first_ms: float | None, last_ms: float | None) -> None:
        self._asked += 1
        self._session.start(self._thin(first_ms, last_ms, self._asked))

    async def _thin(self, first_ms: float | None, last_ms: float | None, asked: int) -> None:
        frame = await self._session.background(stretch, self._ts, self._values, first_ms, last_ms)
        if asked == self._asked:
            self.show(frame)

    def _heard(self, said: dict[str, Any]) -> None:
        match said:
            case {"range": [float() | int() as first, float() | int() as last]}:
                self._look(float(first), float(last))
            case {"range": None}:
                self._look(None, None)


def stretch(
    ts: IntArray, values: FloatArray, first_ms: float | None, last_ms: float | None, shown: int = SHOWN
) -> dict[str, Any]:
    """What a browser is sent of a stretch of a line.

    Parameters
    ----------
    ts, values : ndarray, shape (n,)
    first_ms, last_ms : float or None
        The stretch, milliseconds since 1970; None for an end of the line.
    shown : int
        Points at most, and those beside the stretch that the line goes on to.

    Returns
    -------
    dict
        ``x``, ``y``, ``n`` (points in the stretch), ``from``, ``to`` (its ends), ``whole`` (the line's).
    """
    if not len(ts):
        return {"x": [], "y": [], "n": 0, "from": 0, "to": 0, "whole": [0, 0]}
    whole = [float(ts[0]) / 1e6, float(ts[-1]) / 1e6]
    begin = whole[0] if first_ms is None else max(first_ms, whole[0])
    end = whole[1] if last_ms is None else min(last_ms, whole[1])
    first = int(np.searchsorted(ts, int(begin * 1e6), side="left"))
    last = int(np.searchsorted(ts, math.ceil(end * 1e6), side="right"))
    rows = thinned(ts, values, max(first - 1, 0), min(last + 1, len(ts)), shown)
    return {
        "x": (ts[rows] / 1e6).tolist(),
        "y": [v if math.isfinite(v) else None for v in values[rows].tolist()],
        "n": max(last - first, 0),
        "from": begin,
        "to": end,
        "whole": whole,
    }


def thinned(ts: IntArray, values: FloatArray, first: int, last: int, shown: int) -> IntArray:
    """Positions from ``first`` to before ``last`` that a picture needs; all of them if they are few."""
    if last - first <= shown:
        return np.arange(first, last)
    from tsdownsample import MinMaxLTTBDownsampler, NaNMinMaxLTTBDownsampler

    part = np.ascontiguousarray(values[first:last])
    sampler = NaNMinMaxLTTBDownsampler if np.isnan(part).any() else MinMaxLTTBDownsampler
    found = sampler().downsample(np.ascontiguousarray(ts[first:last]), part, n_out=shown)
    return np.asarray(found, np.int64) + first
