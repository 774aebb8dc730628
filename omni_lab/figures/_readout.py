"""The numbers behind a figure's lines, for a page that reads them out under the pointer.

A figure keeps its lines in ``Figure.readings``; shown in a notebook, it hands them out beside its picture
under `MIME`. Whoever cannot draw that shows the picture, as before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.figures import words
from omni_lab.figures.timeaxis import TimeAxis
from omni_lab.typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MIME = "application/vnd.omnilab.series+json"
MOST_POINTS = 6_000
"""Of a line: more than twenty years of days, and few enough to travel with the picture."""
MOST_IN_ALL = 30_000
"""Of all lines of a figure together."""

_DIGITS = 7


@dataclass(frozen=True, slots=True)
class Reading:
    """A line that was drawn: where, and through which values."""

    ax: "Axes"
    axis: TimeAxis
    values: FloatArray
    label: str
    colour: str


def note(ax: "Axes", axis: TimeAxis, values: FloatArray, label: str, colour: str) -> None:
    """Keep a line with the figure that it is drawn on, if that is one of ours."""
    readings = getattr(ax.get_figure(root=True), "readings", None)
    if readings is not None:
        readings.append(Reading(ax, axis, values, label, colour))


def series_of(readings: Sequence[Reading]) -> dict[str, Any] | None:
    """What a page needs to read the lines out, once the figure was drawn; None if there are too many points.

    Returns
    -------
    dict or None
        ``times``: of each axis the first time and the unit of its steps in milliseconds, and the steps.
        ``panels``: of each the ``box`` as fractions of the picture (left, top, width, height), the limits
        ``x`` and ``y``, the scale, and ``series`` of values, of seven digits, with their names and colours.
        Steps and values are one text with commas, nothing where there is no value: a notebook gives each
        item of a list a line of its own.
    """
    sizes = [len(reading.values) for reading in readings]
    if not sizes or max(sizes) > MOST_POINTS or sum(sizes) > MOST_IN_ALL or min(sizes) < 2:
        return None
    axes = list({id(reading.axis): reading.axis for reading in readings}.values())
    panels = list({id(reading.ax): reading.ax for reading in readings}.values())
    return {
        "version": 1,
        "times": [_times(axis) for axis in axes],
        "panels": [
            _panel(ax)
            | {
                "series": [
                    {
                        "times": axes.index(reading.axis),
                        "label": reading.label,
                        "colour": reading.colour,
                        "values": _rounded(reading.values),
                    }
                    for reading in readings
                    if reading.ax is ax
                ]
            }
            for ax in panels
        ],
    }


def _times(axis: TimeAxis) -> dict[str, Any]:
    steps = np.diff(axis.ts)
    unit = int(np.gcd.reduce(steps)) or 1
    return {
        "start_ms": int(axis.ts[0]) / 1e6,
        "unit_ms": unit / 1e6,
        "steps": ",".join(map(str, (steps // unit).tolist())),
        "side_by_side": axis.side_by_side,
        "intraday": words.is_intraday(axis.ts),
        "dated": bool(axis.ts[-1] >= words.NS_PER_DAY),
    }


def _panel(ax: "Axes") -> dict[str, Any]:
    box = ax.get_position()
    return {
        "box": [round(float(each), 5) for each in (box.x0, 1.0 - box.y1, box.width, box.height)],
        "x": [float(each) for each in ax.get_xlim()],
        "y": [float(each) for each in ax.get_ylim()],
        "log": ax.get_yscale() == "log",
        "percent": getattr(ax.yaxis.get_major_formatter(), "unit", "") == "%",
        "label": ax.get_ylabel(),
    }


def _rounded(values: FloatArray) -> str:
    return ",".join(f"{each:.{_DIGITS}g}" if np.isfinite(each) else "" for each in values)
