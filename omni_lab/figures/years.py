"""Returns of years as bars."""

from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.typing import ArrayLike, FloatArray, IntArray

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure

_MOST_WRITTEN = 24


def annual_figure(years: ArrayLike, annual: ArrayLike, *, theme: str | Theme = "light") -> "Figure":
    """Return of each year as a bar, with their mean.

    Parameters
    ----------
    years : array-like of int, shape (n_years,)
        Calendar years, increasing.
    annual : array-like of float, shape (n_years,)
        Returns as fractions; NaN leaves a gap.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: how many years gained, the best and the worst.

    Raises
    ------
    ShapeError
        If there is not a return for each year.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    rows, values = np.asarray(years, dtype=np.int64), np.asarray(annual, dtype=np.float64)
    if values.shape != rows.shape or rows.ndim != 1:
        raise ShapeError("every year has a return", found=values.shape, expected=str(rows.shape))
    known = np.isfinite(values)
    figure = Figure(paint, (11.0, 3.4))
    with figure.painting():
        ax = figure.subplots()
        if not known.any():
            panel.empty(ax, "No year to show.", paint)
        else:
            mean = float(values[known].mean())
            colours = [paint.buy if value >= 0 else paint.sell for value in values[known]]
            ax.bar(rows[known], values[known], width=0.72, color=colours)
            ax.axhline(0.0, color=paint.muted, linewidth=0.8)
            ax.axhline(mean, color=paint.text, linewidth=1.0, linestyle=(0, (5, 3)), label="Mean")
            ax.margins(y=0.16)
            if known.sum() <= _MOST_WRITTEN:
                for year, value in zip(rows[known], values[known], strict=True):
                    ax.annotate(
                        words.percent(float(value), sign=True, decimals=0),
                        (float(year), float(value)),
                        (0.0, 3.0 if value >= 0 else -3.0),
                        textcoords="offset points",
                        ha="center",
                        va="bottom" if value >= 0 else "top",
                        color=paint.muted,
                        fontsize=8.0,
                    )
            every = max(1, len(rows) // 14)
            ax.set_xticks(rows[::every], [str(year) for year in rows[::every]])
            ax.set_ylabel("Return of the year")
            ax.grid(visible=True, axis="y")
            panel.percent_axis(ax)
            ax.legend(loc="upper left")
        ax.set_title(years_title(rows[known], values[known]))
        figure.alt = ax.get_title(loc="left")
    return figure


def years_title(years: IntArray, annual: FloatArray) -> str:
    """How many years gained, the best and the worst."""
    if not len(years):
        return "No year to show"
    best, worst = int(np.argmax(annual)), int(np.argmin(annual))
    named = [f"{words.percent(float(annual[i]), sign=True)} in {years[i]}" for i in (best, worst)]
    if len(years) == 1:
        return f"One year: {named[0]}"
    gained = int((annual > 0).sum())
    return f"{gained} of {words.count(len(years), 'year')} gained; best {named[0]}, worst {named[1]}"
