"""What panels have in common: checked arguments, lines, titles, axes. No matplotlib at import."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures._readout import note
from omni_lab.figures.decimate import decimate
from omni_lab.figures.theme import Theme
from omni_lab.figures.timeaxis import TimeAxis
from omni_lab.figures.words import compact, number, thousands
from omni_lab.typing import ArrayLike, FloatArray, IntArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.lines import Line2D

_LOG_FROM = 10.0


def times(ts: ArrayLike) -> IntArray:
    """Nanoseconds since 1970, UTC, from integers or datetime64."""
    array = np.asarray(ts)
    if array.dtype.kind == "M":
        array = array.astype("datetime64[ns]")
    return array.astype(np.int64, copy=False)


def series(values: ArrayLike, ts: IntArray, name: str) -> FloatArray:
    """One float for each time; ShapeError if there are more or fewer."""
    array = np.asarray(values, dtype=np.float64)
    if array.shape != ts.shape:
        raise ShapeError(
            "a series has one value for each time", found=array.shape, expected=str(ts.shape), where=name
        )
    return array


def line(ax: "Axes", axis: TimeAxis, values: FloatArray, **style: Any) -> "Line2D":
    """Line over time, of no more points than can be seen."""
    x = axis.x()
    kept = decimate(x, values)
    if np.count_nonzero(np.isfinite(values[kept])) == 1:
        style.setdefault("marker", "o")
    (drawn,) = ax.plot(x[kept], values[kept], **style)
    note(ax, axis, values, str(style.get("label", "")), str(style.get("color", "")))
    return drawn


def area(
    ax: "Axes",
    axis: TimeAxis,
    values: FloatArray,
    above: str,
    below: str,
    alpha: float,
    *,
    step: bool = False,
) -> None:
    """Areas between zero and a series over time, one colour above and one below."""
    from matplotlib.patches import Rectangle

    x = axis.x()
    kept = decimate(x, values)
    size = float(np.nanmax(np.abs(values[kept]), initial=0.0))
    for colour, height in ((above, size), (below, -size)):
        # One polygon across zero, seen through a window on one side of it: thousands of small ones are slow.
        drawn = ax.fill_between(
            x[kept],
            values[kept],
            0.0,
            step="post" if step else None,
            color=colour,
            alpha=alpha,
            linewidth=0.0,
        )
        drawn.set_clip_path(Rectangle((0.0, 0.0), 1.0, height, transform=ax.get_yaxis_transform()))


def finish(ax: "Axes", axis: TimeAxis, ylabel: str, *, max_ticks: int = 9) -> None:
    """Label, horizontal grid lines and dates."""
    ax.set_ylabel(ylabel)
    ax.grid(visible=True, axis="y")
    axis.decorate(ax, max_ticks)


def hide_dates(ax: "Axes") -> None:
    """Leave the dates to the panel below."""
    ax.tick_params(axis="x", labelbottom=False, length=0.0)


def value_axis(ax: "Axes", low: float, high: float) -> bool:
    """Scale and ticks for money: logarithmic, and True, if the values span more than a factor of ten."""
    from matplotlib import ticker

    if not 0.0 < low < high / _LOG_FROM:
        number_axis(ax)
        return False
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0), numticks=8))
    ax.yaxis.set_minor_locator(ticker.NullLocator())
    ax.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: compact(value)))
    return True


def percent_axis(ax: "Axes", *, x: bool = False) -> None:
    """Write an axis in percent, with as many decimals as its ticks need."""
    _write_ticks(ax.xaxis if x else ax.yaxis, 100.0, "%")


def number_axis(ax: "Axes", *, x: bool = False) -> None:
    """Write an axis in numbers with as many decimals as its ticks need, and a letter from a million."""
    _write_ticks(ax.xaxis if x else ax.yaxis, 1.0, "")


def _write_ticks(axis: "Axis", factor: float, unit: str) -> None:
    from matplotlib import ticker

    class Written(ticker.Formatter):
        def __init__(self) -> None:
            self.unit = unit

        def __call__(self, value: float, pos: int | None = None) -> str:
            return self.format_ticks([value])[0]

        def format_ticks(self, values: Sequence[float]) -> list[str]:
            scaled = np.asarray(values, dtype=np.float64) * factor
            size, letter = thousands(float(np.abs(scaled).max(initial=0.0))) if factor == 1.0 else (1.0, "")
            steps = np.diff(np.sort(scaled / size)) if len(scaled) > 1 else scaled / size
            decimals = next((d for d in range(9) if _are_round(steps, d)), 9)
            return [number(value / size, decimals) + letter + unit for value in scaled]

    axis.set_major_formatter(Written())


def _are_round(steps: FloatArray, decimals: int) -> bool:
    rounded = np.round(steps, decimals)
    close = np.allclose(steps, rounded, rtol=0.0, atol=10.0**-decimals / 50)
    return close and bool(np.all(rounded[steps != 0.0] != 0.0))


def legend_above(ax: "Axes") -> None:
    """Legend on the line of the title, at its right end, where it hides nothing."""
    ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=4, handletextpad=0.3, borderaxespad=0.1)


def empty(ax: "Axes", message: str, theme: Theme) -> None:
    """Say on a panel why nothing is drawn."""
    ax.set_axis_off()
    ax.text(0.5, 0.5, message, transform=ax.transAxes, ha="center", va="center", color=theme.muted)
