"""A schedule against what was done, and what it cost."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.typing import ArrayLike

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure

# Six hues of Okabe and Ito, neighbours apart in lightness as well.
_HUES = ("#0072B2", "#56B4E9", "#E69F00", "#D55E00", "#CC79A7", "#009E73")


def schedule_figure(
    ts: ArrayLike,
    due: ArrayLike,
    filled: ArrayLike,
    *,
    fill_ts: ArrayLike = (),
    fill_price: ArrayLike = (),
    mid_ts: ArrayLike = (),
    mid: ArrayLike = (),
    title: str = "",
    theme: str | Theme = "light",
) -> "Figure":
    """What a parent should have done by when and what it had done; below, the prices that it got.

    Parameters
    ----------
    ts : array-like of int64, shape (n_looks,)
        Times of the looks, nanoseconds, never falling.
    due, filled : array-like of float, shape (n_looks,)
        Units.
    fill_ts, fill_price : array-like, shape (n_fills,), optional
        Fills: nanoseconds and prices.
    mid_ts, mid : array-like, shape (n_quotes,), optional
        The middle of the market; NaN leaves a gap.
    title : str
        Words before what is said of the lag.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Minutes since the first look across. Title: how far it was behind at most.

    Raises
    ------
    ShapeError
        If columns that belong together differ in length, or there is no look.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    looks, wanted, done = (np.asarray(each, dtype=np.float64) for each in (ts, due, filled))
    if not looks.shape == wanted.shape == done.shape or looks.ndim != 1 or not len(looks):
        raise ShapeError(
            "each look has what was due and filled", found=(looks.shape, wanted.shape, done.shape)
        )
    prices = np.asarray(fill_price, dtype=np.float64)
    middles = np.asarray(mid, dtype=np.float64)
    minutes = (looks - looks[0]) / 6e10
    has_prices = bool(len(prices) or len(middles))
    figure = Figure(paint, (11.0, 5.6 if has_prices else 3.6))
    with figure.painting():
        rows = figure.subplots(2 if has_prices else 1, 1, sharex=True, squeeze=False)[:, 0]
        top = rows[0]
        top.fill_between(minutes, wanted, done, step="post", color=paint.equity, alpha=0.15, linewidth=0.0)
        top.plot(
            minutes, wanted, color=paint.muted, linestyle=(0, (5, 3)), drawstyle="steps-post", label="due"
        )
        top.plot(minutes, done, color=paint.equity, drawstyle="steps-post", label="filled")
        top.set_ylabel("Units")
        top.legend(loc="upper left")
        behind = float(np.max(wanted - done))
        share = behind / wanted[-1] if wanted[-1] else 0.0
        words_ = f"never more than {words.number(behind, 0)} ({words.percent(share)}) behind its schedule"
        top.set_title(f"{title}: {words_}" if title else words_[0].upper() + words_[1:])
        if has_prices:
            bottom = rows[1]
            if len(middles):
                since = (np.asarray(mid_ts, dtype=np.float64) - looks[0]) / 6e10
                inside = (since >= 0.0) & (since <= minutes[-1])
                bottom.plot(
                    since[inside],
                    middles[inside],
                    color=paint.muted,
                    linewidth=0.8,
                    drawstyle="steps-post",
                    label="mid",
                )
            when = (np.asarray(fill_ts, dtype=np.float64) - looks[0]) / 6e10
            bottom.scatter(when, prices, color=paint.sell, s=10.0, zorder=3, label="fills")
            bottom.set_ylabel("Price")
            bottom.legend(loc="best")
            panel.number_axis(bottom)
        rows[-1].set_xlabel("Minutes since the start")
        for ax in rows:
            ax.grid(visible=True, axis="y")
        panel.number_axis(top)
        figure.alt = top.get_title(loc="left")
    return figure


def decomposition_figure(
    labels: Sequence[str], parts: Mapping[str, ArrayLike], *, theme: str | Theme = "light"
) -> "Figure":
    """Costs as bars, a bar for each label, in pieces: costs to the right of zero, what was won to the left.

    Parameters
    ----------
    labels : sequence of str
        Algorithms, symbols, hours.
    parts : mapping of str to array-like of float, shape (n_labels,)
        Basis points by part, in the order in which they are drawn; what is 0 everywhere is left out.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        A dot marks the sum of a bar. Title: the cheapest and the dearest.

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
    figure = Figure(paint, (11.0, 1.4 + 0.5 * max(len(labels), 1)))
    with figure.painting():
        ax = figure.subplots()
        right, left = np.zeros(len(labels)), np.zeros(len(labels))
        places = np.arange(len(labels))
        for (name, values), color in zip(columns.items(), cycle(_HUES)):
            if not np.abs(values).max(initial=0.0) > 0.0:
                continue
            start = np.where(values >= 0.0, right, left)
            ax.barh(places, values, left=start, color=color, height=0.6, label=name)
            right, left = right + np.maximum(values, 0.0), left + np.minimum(values, 0.0)
        total = right + left
        ax.plot(
            total, places, linestyle="none", marker="o", markersize=5.0, color=paint.text, label="shortfall"
        )
        ax.axvline(0.0, color=paint.muted, linewidth=0.8)
        ax.set_yticks(places, list(labels))
        ax.invert_yaxis()
        ax.set_xlabel("Basis points of what was to be traded")
        panel.number_axis(ax, x=True)
        ax.grid(visible=True, axis="x")
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        if len(labels):
            best, worst = int(np.argmin(total)), int(np.argmax(total))
            ax.set_title(
                f"{labels[best]} cost {words.number(total[best], 1)} bps, "
                f"{labels[worst]} {words.number(total[worst], 1)} bps"
                if best != worst
                else f"{labels[best]} cost {words.number(total[best], 1)} bps"
            )
        figure.alt = ax.get_title(loc="left")
    return figure
