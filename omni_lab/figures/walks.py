"""Choices judged on what came after: walks forward, and the paths of a combinatorial cross-validation."""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.parameters import words_of
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.figures.timeaxis import TimeAxis
from omni_lab.typing import ArrayLike, FloatArray, IntArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from omni_lab.figures._canvas import Figure


def walk_forward_figure(
    ts: ArrayLike,
    equity: ArrayLike,
    first: ArrayLike,
    in_sample: ArrayLike,
    out_of_sample: ArrayLike,
    *,
    initial_capital: float,
    metric: str = "sharpe_ratio",
    overall: float = float("nan"),
    currency: str = "USD",
    theme: str | Theme = "light",
) -> "Figure":
    """Equity of the stitched tests, above what each fold promised and what it did.

    Parameters
    ----------
    ts : array-like of int64 or datetime64, shape (n_steps,)
        Times of the tested steps.
    equity : array-like of float, shape (n_steps,)
        The account that lived through the tests.
    first : array-like of int, shape (n_folds,)
        Number of the step at which each test begins.
    in_sample, out_of_sample : array-like of float, shape (n_folds,)
        The metric of the chosen parameters in training, and in the test.
    initial_capital : float
        Equity before the first step.
    metric : str
        Its name.
    overall : float, optional
        The metric of all tests together.
    currency : str
        Of the equity.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: the metric in and out of sample, and how many tests were positive.

    Raises
    ------
    ShapeError
        If the series disagree.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    ns = panel.times(ts)
    values = panel.series(equity, ns, "equity")
    begins = np.asarray(first, dtype=np.int64)
    inside, outside = (np.asarray(each, dtype=np.float64) for each in (in_sample, out_of_sample))
    if not begins.shape == inside.shape == outside.shape:
        raise ShapeError("folds disagree in number", found=(begins.shape, inside.shape, outside.shape))
    figure = Figure(paint, (11.0, 5.8))
    with figure.painting():
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[2.2, 1.4])
        axis = TimeAxis(ns)
        edges = _edges(axis, begins)
        for ax in (upper, lower):
            for left, right in list(pairwise(edges.tolist()))[1::2]:
                ax.axvspan(left, right, color=paint.grid, alpha=0.35, linewidth=0.0, zorder=0)
        panel.line(upper, axis, values, color=paint.equity, linewidth=1.5, zorder=2.5)
        upper.axhline(initial_capital, color=paint.muted, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
        low = float(np.nanmin(values, initial=initial_capital))
        high = float(np.nanmax(values, initial=initial_capital))
        scale = ", log scale" if panel.value_axis(upper, low, high) else ""
        panel.finish(upper, axis, f"Equity ({currency}{scale})")
        panel.hide_dates(upper)
        _draw_folds(lower, axis, edges, inside, outside, metric, paint)
        upper.set_title(walk_title(inside, outside, metric, overall))
        figure.alt = upper.get_title(loc="left")
    return figure


def paths_figure(
    ts: ArrayLike,
    curves: ArrayLike,
    metrics: ArrayLike,
    *,
    in_sample: float,
    metric: str = "sharpe_ratio",
    theme: str | Theme = "light",
) -> "Figure":
    """Every path out of sample, beside the distribution of the metric over them.

    Parameters
    ----------
    ts : array-like of int64 or datetime64, shape (n_steps,)
        Times of the steps.
    curves : array-like of float, shape (n_steps, n_paths)
        Equity of each path as a multiple of its start.
    metrics : array-like of float, shape (n_paths,)
        The metric of each path.
    in_sample : float
        What the choices had in training, on average; a dashed line.
    metric : str
        Its name.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: the range of the metric over the paths, and what it was in sample.

    Raises
    ------
    ShapeError
        If the series disagree.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    ns = panel.times(ts)
    paths, values = np.asarray(curves, dtype=np.float64), np.asarray(metrics, dtype=np.float64)
    if paths.shape != (len(ns), len(values)):
        raise ShapeError(
            "there must be one row a step and one column a path",
            found=paths.shape,
            expected=str((len(ns), len(values))),
            where="curves",
        )
    figure = Figure(paint, (11.0, 4.4))
    with figure.painting():
        left, right = figure.subplots(1, 2, width_ratios=[2.4, 1.0])
        axis = TimeAxis(ns)
        order = np.argsort(np.nan_to_num(values, nan=-np.inf))
        for column in order:
            colour = paint.sell if values[column] <= 0 else paint.equity
            panel.line(left, axis, paths[:, column], color=colour, linewidth=1.0, alpha=0.75)
        left.axhline(1.0, color=paint.muted, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
        low, high = float(np.nanmin(paths, initial=1.0)), float(np.nanmax(paths, initial=1.0))
        scale = ", log scale" if panel.value_axis(left, low, high) else ""
        panel.finish(left, axis, f"Equity (times the start{scale})", max_ticks=7)
        _draw_distribution(right, values, in_sample, metric, paint)
        left.set_title(paths_title(values, in_sample, metric))
        figure.alt = left.get_title(loc="left")
    return figure


def walk_title(inside: FloatArray, outside: FloatArray, metric: str, overall: float) -> str:
    """The metric in and out of sample, and how many tests were positive."""
    if not np.isfinite(inside).any():
        return f"{words_of(metric)}: not defined in any fold"
    known = outside[np.isfinite(outside)]
    title = f"Mean {words_of(metric)} {words.number(float(np.nanmean(inside)))} in sample"
    if np.isfinite(overall):
        title += f", {words.number(overall)} out of sample"
    return f"{title}; {int((known > 0).sum())} of {words.count(len(outside), 'test')} above zero"


def paths_title(values: FloatArray, in_sample: float, metric: str) -> str:
    """The range over the paths, and what was promised."""
    known = values[np.isfinite(values)]
    name = words_of(metric)
    if not len(known):
        return f"{name}: not defined on any path"
    if len(known) == 1:
        found = f"{name} {words.number(float(known[0]))} on the one path"
    else:
        low, high = words.number(float(known.min())), words.number(float(known.max()))
        found = f"{name} from {low} to {high} over {words.count(len(values), 'path')}"
    return f"{found}; {words.number(in_sample)} in sample"


def _edges(axis: TimeAxis, begins: IntArray) -> FloatArray:
    """Where tests begin on the axis, and where the last one ends."""
    places = axis.x()
    return np.append(places[begins], places[-1]) if len(places) else np.empty(0)


def _draw_folds(
    ax: "Axes",
    axis: TimeAxis,
    edges: FloatArray,
    inside: FloatArray,
    outside: FloatArray,
    metric: str,
    theme: Theme,
) -> None:
    """For each fold a hollow mark for what it promised and a bar for what it did."""
    middle, width = 0.5 * (edges[:-1] + edges[1:]), np.diff(edges)
    colours = [theme.buy if value > 0 else theme.sell for value in outside]
    ax.bar(middle, np.nan_to_num(outside), 0.6 * width, color=colours, alpha=0.85, label="out of sample")
    ax.scatter(
        middle,
        inside,
        s=34,
        facecolors=theme.background,
        edgecolors=theme.text,
        linewidths=1.2,
        zorder=3,
        label="in sample",
    )
    ax.axhline(0.0, color=theme.muted, linewidth=0.8)
    panel.finish(ax, axis, words_of(metric).capitalize() if metric != "sharpe_ratio" else "Sharpe (annual)")
    ax.margins(y=0.22)
    ax.legend(loc="best", ncols=2)


def _draw_distribution(ax: "Axes", values: FloatArray, in_sample: float, metric: str, theme: Theme) -> None:
    """How many paths have about which value, with their mean and what was promised."""
    from matplotlib.ticker import MaxNLocator

    known = np.sort(values[np.isfinite(values)])
    if not len(known):
        panel.empty(ax, f"No path has a {words_of(metric)}.", theme)
        return
    reach = [*known.tolist(), 0.0] + ([in_sample] if np.isfinite(in_sample) else [])
    low, high = min(reach), max(reach)
    margin = 0.08 * (high - low) or 1.0
    edges = np.linspace(low - margin, high + margin, 25)
    counts, _ = np.histogram(known, edges)
    colours = [theme.sell if right <= 0 else theme.equity for right in edges[1:]]
    ax.bar(edges[:-1], counts, np.diff(edges), align="edge", color=colours, alpha=0.8)
    ax.axvline(0.0, color=theme.muted, linewidth=0.8)
    lines = [(float(known.mean()), "mean of paths", theme.third, "-")]
    if np.isfinite(in_sample):
        lines.append((in_sample, "in sample", theme.fourth, "--"))
    for place, label, colour, style in lines:
        ax.axvline(place, color=colour, linewidth=1.5, linestyle=style, label=label)
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(0.0, counts.max() * 1.45)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    panel.number_axis(ax, x=True)
    ax.set_xlabel(words_of(metric))
    ax.set_ylabel("Paths")
    ax.grid(visible=True, axis="y")
    ax.legend(loc="upper center", ncols=2, fontsize=8.0, handlelength=1.4, columnspacing=1.0)
