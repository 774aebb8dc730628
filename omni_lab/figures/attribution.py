"""Where a profit came from, as bars that add up."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.typing import ArrayLike, FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from omni_lab.figures._canvas import Figure

_MOST = 20


def attribution_figure(
    labels: Sequence[str], parts: Mapping[str, ArrayLike], *, theme: str | Theme = "light"
) -> "Figure":
    """Profit as bars, one for each label, in parts: gains to the right of zero, losses to the left.

    Parameters
    ----------
    labels : sequence of str
        Symbols, strategies, days.
    parts : mapping of str to array-like of float, shape (n_labels,)
        Currency by part, in the order in which they are drawn; NaN draws nothing.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        A dot marks the sum of each bar. Title: the sum of all, and its largest part. Of more than 20 labels
        those that came to most are drawn, gains or losses.

    Raises
    ------
    ShapeError
        If a part has not one value for each label.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    columns = {name: np.asarray(values, dtype=np.float64) for name, values in parts.items()}
    for name, values in columns.items():
        if values.shape != (len(labels),):
            raise ShapeError("each part has one value for each label", found=values.shape, where=name)
    title = attribution_title({name: float(np.nansum(values)) for name, values in columns.items()})
    total = sum(columns.values(), start=np.zeros(len(labels)))
    shown = np.sort(np.argsort(-np.abs(np.nan_to_num(total)), kind="stable")[:_MOST])
    figure = Figure(paint, (7.6, 1.6 + 0.42 * max(len(shown), 1)))
    with figure.painting():
        ax = figure.subplots()
        if not len(labels):
            panel.empty(ax, "Nothing was traded.", paint)
        else:
            _bars(ax, paint, {name: np.nan_to_num(values[shown]) for name, values in columns.items()})
            places = np.arange(len(shown))
            # A dot may lie where the axis ends, for bars keep no room there.
            ax.plot(total[shown], places, "o", markersize=5.0, color=paint.text, label="total", clip_on=False)
            ax.axvline(0.0, color=paint.muted, linewidth=0.8)
            ax.set_yticks(places, [labels[at] for at in shown])
            ax.set_ylim(len(shown) - 0.5, -0.5)
            ax.set_xlabel("Profit, currency")
            panel.number_axis(ax, x=True)
            ax.grid(visible=True, axis="x")
            ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        ax.set_title(title if len(labels) else "Nothing was traded")
        figure.alt = ax.get_title(loc="left")
    return figure


def attribution_title(sums: Mapping[str, float]) -> str:
    """The sum, and the largest of its parts."""
    total = sum(sums.values())
    if not any(sums.values()):
        return "No profit and no loss"
    largest = max(sums, key=lambda name: abs(sums[name]))
    verb = "lost" if total < 0.0 else "made"
    part = f"{words.number(sums[largest], sign=True)} {largest}"
    return f"{words.number(abs(total))} {verb}, of which {part}"


def _bars(ax: "Axes", paint: Theme, columns: Mapping[str, FloatArray]) -> None:
    hues = (paint.equity, paint.fourth, paint.benchmark, paint.third)
    n_rows = len(next(iter(columns.values()), ()))
    right, left = np.zeros(n_rows), np.zeros(n_rows)
    for (name, values), hue in zip(columns.items(), hues * len(columns), strict=False):
        start = np.where(values >= 0.0, right, left)
        ax.barh(np.arange(n_rows), values, left=start, color=hue, height=0.6, label=name)
        right, left = right + np.maximum(values, 0.0), left + np.minimum(values, 0.0)
