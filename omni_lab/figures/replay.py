"""A replay at a glance: what the account was worth, what it held, and where it traded."""

from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.figures.timeaxis import TimeAxis
from omni_lab.typing import ArrayLike, IntArray

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure

_MOST_MARKS = 2_000


def replay_figure(
    ts: IntArray,
    equity: ArrayLike,
    position: ArrayLike,
    mid: ArrayLike,
    fill_ts: IntArray,
    fill_prices: ArrayLike,
    bought: ArrayLike,
    *,
    title: str = "",
    theme: str | Theme = "light",
) -> "Figure":
    """Mid with fills, position and profit over the time of a replay.

    Parameters
    ----------
    ts : ndarray of int64, shape (n_samples,)
        When the account was looked at, nanoseconds, increasing.
    equity, position, mid : array-like of float, shape (n_samples,)
        Currency, units, currency; NaN leaves a gap.
    fill_ts : ndarray of int64, shape (n_fills,)
        When fills were heard of, nanoseconds.
    fill_prices : array-like of float, shape (n_fills,)
        Their prices.
    bought : array-like of bool, shape (n_fills,)
        Whether they bought.
    title : str
        Above all.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure

    Raises
    ------
    ShapeError
        If columns that belong together differ in length.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    worth, held, middle = (np.asarray(each, dtype=np.float64) for each in (equity, position, mid))
    prices, is_bought = np.asarray(fill_prices, dtype=np.float64), np.asarray(bought, dtype=np.bool_)
    axis = TimeAxis(np.asarray(ts))
    clock, marks = axis.x(), axis.x(np.asarray(fill_ts))
    if len({len(clock), len(worth), len(held), len(middle)}) > 1:
        raise ShapeError(
            "the curves differ in length", found=[len(clock), len(worth), len(held), len(middle)]
        )
    if len({len(marks), len(prices), len(is_bought)}) > 1:
        raise ShapeError("the fills differ in length", found=[len(marks), len(prices), len(is_bought)])
    figure = Figure(paint, (9.6, 7.2))
    with figure.painting():
        top, centre, bottom = figure.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1.4, 1.8]})
        if not len(clock):
            panel.empty(top, "Nothing was sampled.", paint)
        else:
            top.plot(clock, middle, color=paint.muted, linewidth=1.0, label="mid")
            shown = np.linspace(0, len(marks) - 1, min(len(marks), _MOST_MARKS)).astype(np.int64)
            for side, marker, colour, name in (
                (True, "^", paint.buy, "bought"),
                (False, "v", paint.sell, "sold"),
            ):
                mine = shown[is_bought[shown] == side]
                top.scatter(
                    marks[mine], prices[mine], s=14, marker=marker, color=colour, label=name, zorder=3
                )
            top.legend(loc="upper left", ncols=3)
            centre.step(clock, held, where="post", color=paint.text, linewidth=1.0)
            centre.axhline(0.0, color=paint.muted, linewidth=0.8)
            bottom.plot(clock, worth - worth[0], color=paint.equity, linewidth=1.4)
            bottom.axhline(0.0, color=paint.muted, linewidth=0.8)
        for ax, label in ((top, "Price"), (centre, "Position"), (bottom, "Profit")):
            ax.set_ylabel(label)
            ax.grid(visible=True, axis="y")
            panel.number_axis(ax)
        if len(clock):
            axis.decorate(bottom)
        top.set_title(title)
        figure.alt = f"{title}: price with fills, position and profit"
    return figure
