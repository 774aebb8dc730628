"""Where a time lies on the x axis, and what is written there.

Most series go on the calendar. Bars within the day that stop for nights and weekends would leave most of a
calendar empty; they are set side by side instead, one step apart, as traders are used to see them.
"""

from typing import TYPE_CHECKING

import numpy as np

from omni_lab.figures.words import NS_PER_DAY
from omni_lab.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAX_TICKS = 9
_MAX_SPANS = 20_000
# Distances between ticks, coarse to fine: a unit, how many of it, how to write a time, and the larger part of
# the date, which is written below it where it changes.
_GRIDS = (
    *(("Y", n, "%Y", "") for n in (100, 50, 20, 10, 5, 2, 1)),
    *(("M", n, "%b", "%Y") for n in (6, 3, 2, 1)),
    *(("D", n, "%-d %b", "%Y") for n in (14, 7, 2, 1)),
    *(("h", n, "%H:%M", "%-d %b %Y") for n in (4, 2, 1)),
    *(("m", n, "%H:%M", "%-d %b %Y") for n in (30, 15, 5, 1)),
    *(("s", n, "%H:%M:%S", "%-d %b %Y") for n in (30, 15, 5, 1)),
)
_MONDAY = 3  # days from the Monday of its week to 1 January 1970


class TimeAxis:
    """The x axis of one series.

    Parameters
    ----------
    ts : ndarray of int64, shape (n_steps,)
        Times of the steps, nanoseconds since 1970 UTC, increasing.

    Attributes
    ----------
    side_by_side : bool
        Whether steps are one apart, whatever the time between them.
    """

    def __init__(self, ts: IntArray) -> None:
        self.ts = ts
        self.side_by_side = _mostly_closed(ts)

    def x(self, ts: IntArray | None = None) -> FloatArray:
        """Places of the times, of all steps by default: days since 1970, or numbers of the steps."""
        if not self.side_by_side:
            return np.asarray((self.ts if ts is None else ts) / NS_PER_DAY)
        steps = np.arange(len(self.ts)) if ts is None else np.searchsorted(self.ts, ts)
        return steps.astype(np.float64)

    def decorate(self, ax: "Axes", max_ticks: int = _MAX_TICKS) -> None:
        """Limit the axis to the series, and set its ticks."""
        from matplotlib.ticker import FixedFormatter, FixedLocator

        places = self.x()
        if not len(places):
            ax.set_xticks([])
            return
        margin = 0.01 * float(places[-1] - places[0]) or 1.0
        ax.set_xlim(places[0] - margin, places[-1] + margin)
        at, labels = _ticks(self.ts, places, max_ticks)
        ax.xaxis.set_major_locator(FixedLocator(places[at].tolist()))
        ax.xaxis.set_major_formatter(FixedFormatter(labels))


def _mostly_closed(ts: IntArray) -> bool:
    if len(ts) < 3:
        return False
    usual = float(np.median(np.diff(ts)))
    return usual < NS_PER_DAY / 4 and usual * len(ts) < 0.7 * float(ts[-1] - ts[0])


def _ticks(ts: IntArray, places: FloatArray, max_ticks: int) -> tuple[IntArray, list[str]]:
    """First steps of round spans of time, and what to write there."""
    at, form, larger = np.zeros(1, dtype=np.int64), "%-d %b", "%Y"
    for unit, size, *forms in _GRIDS:
        finer = _first_steps(ts, unit, size)
        if finer is None or len(finer) > max_ticks:
            break
        if len(finer) > len(at):
            at, (form, larger) = finer, forms
    at = at[_apart(places[at], 0.55 / max_ticks * float(places[-1] - places[0]))]
    if ts[-1] < NS_PER_DAY and form.startswith("%H"):
        larger = ""  # times since a midnight, of a day that nobody told
    labels, above = [], ""
    for moment in ts[at].astype("datetime64[ns]").astype("datetime64[us]").astype(object):
        below = moment.strftime(larger)
        labels.append(moment.strftime(form) + (f"\n{below}" if below != above else ""))
        above = below
    return at, labels


def _apart(places: FloatArray, gap: float) -> list[int]:
    """Which ticks to keep so that labels do not touch: of two too close the later, for it begins a span."""
    kept: list[int] = []
    for i in reversed(range(len(places))):
        if not kept or places[kept[-1]] - places[i] >= gap:
            kept.append(i)
    return kept[::-1]


def _first_steps(ts: IntArray, unit: str, size: int) -> IntArray | None:
    """First step in each span of so many units that has one; None if there are too many spans to look up."""
    shift = _MONDAY if unit == "D" else 0
    first, last = (
        ts[[0, -1]].astype("datetime64[ns]").astype(f"datetime64[{unit}]").astype(np.int64) + shift
    ) // size
    if last - first > _MAX_SPANS:
        return None
    starts = (
        (np.arange(first, last + 1) * size - shift).astype(f"datetime64[{unit}]").astype("datetime64[ns]")
    )
    steps = np.unique(np.searchsorted(ts, starts.astype(np.int64)))
    return steps[steps < len(ts)]
