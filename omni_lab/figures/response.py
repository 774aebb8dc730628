"""How a price responds to something, on average over many runs, with what chance leaves open."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.typing import ArrayLike, FloatArray

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure

_ERRORS = 2.0  # standard errors that the band is wide, either way


def response_figure(
    seconds: ArrayLike,
    moves: Mapping[str, ArrayLike],
    *,
    unit: str = "ticks",
    theme: str | Theme = "light",
) -> "Figure":
    """Mean move after an event, a line with a band of two standard errors for each market.

    Parameters
    ----------
    seconds : array-like of float, shape (n_times,)
        Time since the event, rising.
    moves : mapping of str to array-like of float, shape (n_runs, n_times)
        By the name of a market: moves of the price since before the event, one row a run. NaN where there was
        no price: that run does not count at that time.
    unit : str
        Of the moves.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: what is left at the end of the largest mean move, by market.

    Raises
    ------
    ShapeError
        If a market has not one column for each time.
    """
    times = np.asarray(seconds, dtype=np.float64)
    means = {name: _mean_and_error(times, paths, name) for name, paths in moves.items()}
    title = response_title({name: mean for name, (mean, _) in means.items()})
    return _lines(times, means, title, ("Seconds since the event", f"Mean move, {unit}"), find_theme(theme))


def markout_figure(
    seconds: ArrayLike,
    moves: Mapping[str, ArrayLike],
    *,
    unit: str = "basis points",
    theme: str | Theme = "light",
) -> "Figure":
    """Where the market had gone some time after our fills, a line with a band for each kind of fill.

    Parameters
    ----------
    seconds : array-like of float, shape (n_times,)
        Time since the fill, rising.
    moves : mapping of str to array-like of float, shape (n_fills, n_times)
        By the kind of fill: from the price that was paid to the middle of the market, + where it went our
        way. NaN where there was no market.
    unit : str
        Of the moves.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: what a fill was worth at the last of the times, by kind.

    Raises
    ------
    ShapeError
        If a kind has not one column for each time.
    """
    times = np.asarray(seconds, dtype=np.float64)
    means = {name: _mean_and_error(times, paths, name) for name, paths in moves.items()}
    title = markout_title(times, {name: mean for name, (mean, _) in means.items()}, unit)
    axes = ("Seconds since the fill", f"Mean gain at the mid, {unit}")
    return _lines(times, means, title, axes, find_theme(theme))


def markout_title(times: FloatArray, means: Mapping[str, FloatArray], unit: str) -> str:
    """What fills were worth at the last of the times, by kind."""
    known = {name: mean[-1] for name, mean in means.items() if len(mean) and np.isfinite(mean[-1])}
    if not known:
        return "No fill to look back on"
    worth = ", ".join(f"{words.number(value, 2, sign=True)} {name}" for name, value in known.items())
    return f"{times[-1]:g} seconds after a fill it was worth, in {unit}: {worth}"


def _lines(
    times: FloatArray,
    means: Mapping[str, tuple[FloatArray, FloatArray]],
    title: str,
    axes: tuple[str, str],
    paint: Theme,
) -> "Figure":
    """Means over time with their bands."""
    from omni_lab.figures._canvas import Figure

    figure = Figure(paint, (8.4, 4.6))
    with figure.painting():
        ax = figure.subplots()
        if not means or not len(times):
            panel.empty(ax, "Nothing to show.", paint)
        else:
            hues = (paint.equity, paint.drawdown, paint.third, paint.fourth)
            for (name, (mean, error)), hue in zip(means.items(), hues * len(means), strict=False):
                ax.fill_between(times, mean - _ERRORS * error, mean + _ERRORS * error, color=hue, alpha=0.2)
                ax.plot(times, mean, color=hue, label=name)
            ax.axhline(0.0, color=paint.muted, linewidth=0.8, zorder=0)
            ax.set_xlabel(axes[0])
            ax.set_ylabel(f"{axes[1]}, ± 2 standard errors")
            ax.grid(visible=True, axis="y")
            panel.number_axis(ax)
            panel.number_axis(ax, x=True)
            ax.legend(loc="best")
        ax.set_title(title)
        figure.alt = ax.get_title(loc="left")
    return figure


def response_title(means: Mapping[str, FloatArray]) -> str:
    """The share of each largest mean move that is left at the end."""
    kept = []
    for name, mean in means.items():
        largest = mean[np.nanargmax(np.abs(mean))] if np.isfinite(mean).any() else 0.0
        if largest:
            kept.append(f"{words.number(100 * mean[-1] / largest, 0)} % with {name}")
    return "Left of the move at the end: " + ", ".join(kept) if kept else "Nothing moved"


def _mean_and_error(times: FloatArray, paths: ArrayLike, name: str) -> tuple[FloatArray, FloatArray]:
    rows = np.asarray(paths, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != len(times):
        raise ShapeError(
            "moves need a row for each run and a column for each time",
            found=rows.shape,
            expected=("n_runs", len(times)),
            where=name,
        )
    seen = np.isfinite(rows)
    n = np.maximum(seen.sum(axis=0), 1)
    mean = np.where(seen.any(axis=0), np.where(seen, rows, 0.0).sum(axis=0) / n, np.nan)
    squares = np.where(seen, (rows - mean) ** 2, 0.0).sum(axis=0)
    return mean, np.sqrt(squares / np.maximum(n - 1, 1) / n)
