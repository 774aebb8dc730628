"""`Chart`: lines over time that grow at their end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from omni_lab.figures.decimate import decimate
from omni_lab.typing import FloatArray, IntArray
from omni_lab.ui.dashboard.components.boxes import Empty
from omni_lab.ui.dashboard.components.live import Live

_FIRST = 600
_MOST = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a `Chart`.

    Attributes
    ----------
    label : str
    colour : str
        Name of a colour of the theme (``buy``, ``sell``, ``soft``, …) or ``#rrggbb``.
    drawdown : bool
        Whether the area below its peak is shaded.
    dash : tuple of int
        Pixels drawn and left out; empty for a line without gaps.
    """

    label: str
    colour: str = "accent"
    drawdown: bool = False
    dash: tuple[int, ...] = ()


class Chart(Live):
    """Lines over time. What is new is appended; the whole is sent when the browser begins anew.

    Parameters
    ----------
    title : str
    *lines : Line
    kind : str
        How values are written, as of a `Column`.
    decimals : int, optional
    windows : sequence of str
        Of ``1m``, ``5m``, ``15m``, ``1h``, ``1d`` and ``all``: how much of the end can be shown.
    height : int
        Pixels.
    empty : (str, str)
        What is said while there is no point.

    Attributes
    ----------
    since : int or None
        Time of the last point that was sent, nanoseconds UTC; None if the browser knows nothing.
    """

    def __init__(
        self,
        title: str,
        *lines: Line,
        kind: str = "money",
        decimals: int | None = None,
        windows: Sequence[str] = ("5m", "1h", "all"),
        height: int = 280,
        empty: Empty = ("Nothing yet.", ""),
        **params: Any,
    ) -> None:
        options = {
            "title": title,
            "series": [asdict(each) for each in lines],
            "kind": kind,
            "decimals": decimals,
            "windows": list(windows),
            "height": height,
            "empty": list(empty),
            "most": _MOST,
        }
        super().__init__("chart", options, **params)
        self.since: int | None = None

    def on_mount(self) -> None:
        """The browser knows nothing: the next points are all of them."""
        self.since = None
        self._fresh = False

    def extend(self, ts: IntArray, *values: FloatArray) -> None:
        """Show the points after ``since``, if the browser is free.

        Parameters
        ----------
        ts : ndarray of int64, shape (n,)
            Nanoseconds UTC, increasing; points that were sent are left out.
        *values : ndarray of float64, shape (n,)
            For each line; NaN leaves a gap.
        """
        if not self.free:
            return
        first = 0 if self.since is None else int(np.searchsorted(ts, self.since, side="right"))
        if first == len(ts) and self.since is not None:
            return
        rows = np.arange(first, len(ts))
        if len(rows) > 4 * _FIRST:
            x = ts[rows].astype(np.float64)
            rows = rows[np.unique(np.concatenate([decimate(x, each[rows], _FIRST) for each in values]))]
        frame = {
            "reset": self.since is None,
            "x": (ts[rows] / 1e6).tolist(),
            "y": [[v if math.isfinite(v) else None for v in each[rows].tolist()] for each in values],
        }
        self.since = int(ts[-1]) if len(ts) else 0
        self.show(frame)
