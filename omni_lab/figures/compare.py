"""Two runs in one picture: equity over equity, drawdown over drawdown, and the numbers that differ."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.equity import table
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.figures.timeaxis import TimeAxis
from omni_lab.typing import ArrayLike, FloatArray, IntArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from omni_lab.figures._canvas import Figure

_SAME_START = 0.5  # how far apart first values may be to be drawn as they are
_DASHES = (0, (5, 1.6))


def compare_figure(
    ts: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    *,
    parts_at: int | None = None,
    metrics: Sequence[tuple[str, str, str, str]] = (),
    names: tuple[str, str] = ("A", "B"),
    theme: str | Theme = "light",
) -> "Figure":
    """Equity of two runs above their drawdowns, above a table of metrics.

    The second is dashed as well as of another colour, so that no eye and no printer mixes them up.

    Parameters
    ----------
    ts : array-like of int64 or datetime64, shape (n_steps,)
        Times, nanoseconds since 1970 UTC, increasing.
    a, b : array-like of float, shape (n_steps,)
        Equity; NaN where a run has none. Runs that start with very different sums are drawn as multiples of
        their first value.
    parts_at : int, optional
        When they first differ; a dotted line.
    metrics : sequence of (str, str, str, str)
        Name, value of each, difference.
    names : tuple of str
        What the runs are called.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: how far apart they end, and since when.

    Raises
    ------
    ShapeError
        If the series differ in length from the times.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    ns = panel.times(ts)
    both = [panel.series(a, ns, "a"), panel.series(b, ns, "b")]
    unit = "Equity"
    if not _start_alike(both):
        both, unit = [values / _first(values) for values in both], "Equity (times the start)"
    rows = 0.27 * (len(metrics) + 1.5) if metrics else 0.0
    figure = Figure(paint, (11.0, 5.8 + rows))
    with figure.painting():
        ratios = [3.2, 1.2, *([rows * 0.8] if metrics else [])]
        upper, lower, *rest = figure.subplots(len(ratios), 1, height_ratios=ratios)
        lower.sharex(upper)
        _draw(upper, lower, TimeAxis(ns), both, names, unit, parts_at, paint)
        upper.set_title(compare_title(ns, both, parts_at))
        for ax in rest:
            table(ax, [("", *names, "B − A"), *metrics], (0.34, 0.56, 0.78, 1.0), paint)
        figure.alt = upper.get_title(loc="left")
    return figure


def compare_title(ts: IntArray, both: Sequence[FloatArray], parts_at: int | None) -> str:
    """How far apart they end, and since when they differ."""
    known = [values[np.isfinite(values)] for values in both]
    if not all(map(len, known)):
        return "Not both runs left their equity"
    if parts_at is None:
        return "The two runs are the same wherever both have an equity"
    ends = [float(values[-1] / values[0]) - 1.0 for values in known]
    ended_a, ended_b = (words.percent(end, sign=True) for end in ends)
    return f"B ends {ended_b}, A {ended_a}; they part on {words.moment(parts_at, ts)}"


def _draw(
    upper: "Axes",
    lower: "Axes",
    axis: TimeAxis,
    both: Sequence[FloatArray],
    names: tuple[str, str],
    unit: str,
    parts_at: int | None,
    theme: Theme,
) -> None:
    if not any(np.isfinite(values).any() for values in both):
        for ax in (upper, lower):
            panel.empty(ax, "" if ax is lower else "No equity was left to compare.", theme)
        return
    looks = ((theme.equity, "-", 1.6), (theme.drawdown, _DASHES, 1.3))
    for values, name, (colour, style, width) in zip(both, names, looks, strict=True):
        look = {"color": colour, "linestyle": style, "linewidth": width}
        panel.line(upper, axis, values, label=name, **look)
        panel.line(lower, axis, _underwater(values), label=f"{name}, drawdown", **look)
    low = min(float(np.nanmin(values)) for values in both if np.isfinite(values).any())
    high = max(float(np.nanmax(values)) for values in both if np.isfinite(values).any())
    panel.finish(upper, axis, unit + (", log scale" if panel.value_axis(upper, low, high) else ""))
    panel.hide_dates(upper)
    panel.finish(lower, axis, "Drawdown")
    panel.percent_axis(lower)
    upper.legend(loc="best", ncols=2)
    if parts_at is not None:
        at = float(axis.x(np.array([parts_at], dtype=np.int64))[0])
        for ax in (upper, lower):
            ax.axvline(at, color=theme.muted, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1)


def _underwater(values: FloatArray) -> FloatArray:
    """Relative to the running peak, minus one; NaN where the series has none."""
    peak = np.fmax.accumulate(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(peak > 0.0, values / peak - 1.0, np.nan)


def _first(values: FloatArray) -> float:
    known = values[np.isfinite(values) & (values != 0.0)]
    return float(known[0]) if len(known) else 1.0


def _start_alike(both: Sequence[FloatArray]) -> bool:
    one, other = (abs(_first(values)) for values in both)
    return min(one, other) >= _SAME_START * max(one, other)
