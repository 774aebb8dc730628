"""Figures of research: several equities beside one another, weights over time, the score of a spread."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.figures.timeaxis import TimeAxis
from omni_lab.typing import ArrayLike, FloatArray

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure

_MOST_NAMED = 9


def growth_figure(
    ts: ArrayLike,
    curves: Mapping[str, ArrayLike],
    *,
    title: str,
    others: Sequence[ArrayLike] = (),
    split: int | None = None,
    theme: str | Theme = "light",
) -> "Figure":
    """Growth of one unit put into each of several strategies, in logs where it grew many times over.

    Parameters
    ----------
    ts : array-like of int64 or datetime64, shape (n_steps,)
        Times of the steps.
    curves : mapping of str to array-like of float, shape (n_steps,)
        Equity of each by name, positive; at most five, so that they can be told apart.
    title : str
        What the figure shows, as a finding.
    others : sequence of array-like of float, shape (n_steps,)
        Equities to see them among, thin and grey, without names.
    split : int, optional
        Step from which results are out of sample; a vertical line.
    theme : {"light", "dark"} or Theme
        Colours.

    Raises
    ------
    ShapeError
        If a curve differs in length from the times, or more than five have names.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    ns = panel.times(ts)
    hues = (paint.equity, paint.drawdown, paint.third, paint.fourth, paint.text)
    if not 1 <= len(curves) <= len(hues):
        raise ShapeError(
            "too few or too many curves have names", found=len(curves), expected=f"1 to {len(hues)}"
        )
    figure = Figure(paint, (11.0, 4.8))
    with figure.painting():
        ax, axis = figure.subplots(), TimeAxis(ns)
        crowd = [_grown(panel.series(values, ns, "others")) for values in others]
        named = [_grown(panel.series(values, ns, name)) for name, values in curves.items()]
        for growth in crowd:
            panel.line(ax, axis, growth, color=paint.benchmark, linewidth=0.6, alpha=0.6)
        for name, growth, hue in zip(curves, named, hues, strict=False):
            panel.line(ax, axis, growth, color=hue, linewidth=1.5, zorder=2.5, label=name)
        ax.axhline(1.0, color=paint.muted, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
        if split is not None:
            ax.axvline(axis.x()[split], color=paint.muted, linewidth=1.0, linestyle=(0, (5, 3)))
        low = min(float(np.nanmin(growth)) for growth in (*named, *crowd))
        high = max(float(np.nanmax(growth)) for growth in (*named, *crowd))
        scale = ", log scale" if panel.value_axis(ax, low, high) else ""
        panel.finish(ax, axis, f"Growth of 1{scale}")
        ax.legend(loc="upper left")
        ax.set_title(title)
        figure.alt = title
    return figure


def weights_figure(
    ts: ArrayLike,
    weights: ArrayLike,
    names: Sequence[str],
    *,
    title: str,
    theme: str | Theme = "light",
) -> "Figure":
    """Long-only weights over time, as areas upon one another.

    Parameters
    ----------
    ts : array-like of int64 or datetime64, shape (n_steps,)
        Times of the steps.
    weights : array-like of float, shape (n_steps, n_symbols)
        Not negative; NaN counts as 0.
    names : sequence of str
        Of the columns. The largest nine by their mean are named, the rest drawn together.
    title : str
        What the figure shows, as a finding.
    theme : {"light", "dark"} or Theme
        Colours.

    Raises
    ------
    ShapeError
        If the weights do not fit times and names.
    """
    from matplotlib import colormaps
    from matplotlib.colors import to_rgba

    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    ns = panel.times(ts)
    cells = np.nan_to_num(np.asarray(weights, dtype=np.float64))
    if cells.shape != (len(ns), len(names)):
        raise ShapeError(
            "weights have a row a step and a column a name",
            found=cells.shape,
            expected=str((len(ns), len(names))),
        )
    order = np.argsort(-cells.mean(axis=0), kind="stable")
    named, others = order[:_MOST_NAMED], order[_MOST_NAMED:]
    areas = [cells[:, column] for column in named]
    labels = [names[column] for column in named]
    if len(others):
        areas.append(cells[:, others].sum(axis=1))
        labels.append(f"{len(others)} others")
    figure = Figure(paint, (11.0, 4.4))
    with figure.painting():
        ax, axis = figure.subplots(), TimeAxis(ns)
        tones = list(colormaps["cividis"](np.linspace(0.08, 1.0, len(named))))
        if len(others):
            tones.append(to_rgba(paint.grid))
        ax.stackplot(axis.x(), *(100.0 * area for area in areas), labels=labels, colors=tones, linewidth=0.3)
        ax.set_ylim(0.0, max(1.0, 100.0 * float(cells.sum(axis=1).max(initial=0.0))))
        panel.finish(ax, axis, "Share of equity (%)")
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), reverse=True)
        ax.set_title(title)
        figure.alt = title
    return figure


def spread_figure(
    ts: ArrayLike,
    score: ArrayLike,
    position: ArrayLike,
    *,
    entry: float,
    exit: float,
    stop: float,
    title: str,
    split: int | None = None,
    theme: str | Theme = "light",
) -> "Figure":
    """Score of a spread with the lines at which it is traded, and when it was held.

    Parameters
    ----------
    ts : array-like of int64 or datetime64, shape (n_steps,)
        Times of the steps.
    score : array-like of float, shape (n_steps,)
        Distance of the spread from its mean, in standard deviations; NaN leaves a gap.
    position : array-like of float, shape (n_steps,)
        Above 0 while the spread is held, below while it is sold short.
    entry, exit, stop : float
        Where it is opened, closed, and given up, on both sides of the mean.
    title : str
        What the figure shows, as a finding.
    split : int, optional
        First step at which it may be traded; a vertical line.
    theme : {"light", "dark"} or Theme
        Colours.

    Raises
    ------
    ShapeError
        If score or position differs in length from the times.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    ns = panel.times(ts)
    z, held = panel.series(score, ns, "score"), panel.series(position, ns, "position")
    figure = Figure(paint, (11.0, 4.4))
    with figure.painting():
        ax, axis = figure.subplots(), TimeAxis(ns)
        panel.line(ax, axis, z, color=paint.text, linewidth=1.1, zorder=2.5)
        lowest, highest = ax.get_ylim()
        for side, colour, name in ((1, paint.buy, "held"), (-1, paint.sell, "sold short")):
            ax.fill_between(
                axis.x(),
                lowest,
                highest,
                where=np.sign(held) == side,
                color=colour,
                alpha=0.16,
                step="mid",
                label=name if (np.sign(held) == side).any() else None,
                linewidth=0.0,
            )
        for level, style in ((entry, (0, (5, 3))), (exit, (0, (1, 2))), (stop, "solid")):
            for at in (-level, level):
                if lowest <= at <= highest:
                    ax.axhline(at, color=paint.muted, linewidth=0.9, linestyle=style)
        if split is not None:
            ax.axvline(axis.x()[split], color=paint.muted, linewidth=1.2)
        ax.set_ylim(lowest, highest)
        panel.number_axis(ax)
        panel.finish(ax, axis, "Score (standard deviations)")
        if ax.get_legend_handles_labels()[0]:
            panel.legend_above(ax)
        ax.set_title(title)
        figure.alt = title
    return figure


def _grown(equity: FloatArray) -> FloatArray:
    return np.asarray(equity / equity[0])
