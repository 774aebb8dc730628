"""Equity over time, and how far it was below its peak."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.figures.timeaxis import TimeAxis
from omni_lab.typing import ArrayLike, FloatArray, IntArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from omni_lab.figures._canvas import Figure


class Fall(Protocol):
    """What `omni_lab.risk.Drawdown` knows about a fall, in steps; the depth is negative."""

    @property
    def peak(self) -> int:
        """Last step at the peak; −1 before the first step."""

    @property
    def trough(self) -> int:
        """Lowest step."""

    @property
    def end(self) -> int:
        """First step back at the peak, or the last one."""

    @property
    def depth(self) -> float:
        """Lowest equity relative to the peak, minus one."""

    @property
    def recovered(self) -> bool:
        """Whether the peak was reached again."""


def equity_figure(
    ts: ArrayLike,
    equity: ArrayLike,
    drawdown: ArrayLike,
    *,
    initial_capital: float,
    benchmark: ArrayLike | None = None,
    benchmark_label: str = "Benchmark",
    currency: str = "USD",
    theme: str | Theme = "light",
) -> "Figure":
    """Equity over time, above its drawdown.

    Parameters
    ----------
    ts : array-like of int64 or datetime64, shape (n_steps,)
        Times of the steps, nanoseconds since 1970 UTC, increasing.
    equity : array-like of float, shape (n_steps,)
        Equity after each step. NaN leaves a gap.
    drawdown : array-like of float, shape (n_steps,)
        Equity relative to its running peak, minus one.
    initial_capital : float
        Equity before the first step; a dotted line.
    benchmark : array-like of float, shape (n_steps,), optional
        Prices or equity to compare with, in any unit; drawn as if the initial capital had been put into it at
        the first step that has a value.
    benchmark_label : str
        Its name.
    currency : str
        Of the equity.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: total return, length, worst drawdown, and the benchmark's return if there is one.

    Raises
    ------
    ShapeError
        If the series differ in length from the times.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    ns = panel.times(ts)
    values, depths = panel.series(equity, ns, "equity"), panel.series(drawdown, ns, "drawdown")
    other = None if benchmark is None else panel.series(benchmark, ns, "benchmark")
    figure = Figure(paint, (11.0, 5.8))
    with figure.painting():
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1.0])
        axis = TimeAxis(ns)
        draw_equity(upper, axis, values, initial_capital, other, benchmark_label, currency, paint)
        draw_underwater(lower, axis, depths, (), paint)
        upper.set_title(equity_title(ns, values, depths, initial_capital, other, benchmark_label))
        figure.alt = upper.get_title(loc="left")
    return figure


def drawdown_figure(
    ts: ArrayLike,
    drawdown: ArrayLike,
    worst: Sequence[Fall],
    *,
    theme: str | Theme = "light",
) -> "Figure":
    """Drawdown over time, above a table of the worst falls.

    Parameters
    ----------
    ts : array-like of int64 or datetime64, shape (n_steps,)
        Times of the steps, nanoseconds since 1970 UTC, increasing.
    drawdown : array-like of float, shape (n_steps,)
        Equity relative to its running peak, minus one.
    worst : sequence of Drawdown
        Deepest first, as `omni_lab.portfolio.performance.top_drawdowns` returns them; five fit well.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: depth of the worst fall, and how long it lasted.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    ns = panel.times(ts)
    depths = panel.series(drawdown, ns, "drawdown")
    figure = Figure(paint, (11.0, 3.6 + 0.26 * (len(worst) + 1)))
    with figure.painting():
        upper, lower = figure.subplots(2, 1, height_ratios=[3.2, 0.26 * (len(worst) + 1.5)])
        draw_underwater(upper, TimeAxis(ns), depths, worst, paint)
        draw_falls(lower, ns, worst, paint)
        upper.set_title(drawdown_title(ns, depths, worst))
        figure.alt = upper.get_title(loc="left")
    return figure


def equity_title(
    ts: IntArray,
    equity: FloatArray,
    drawdown: FloatArray,
    initial_capital: float,
    benchmark: FloatArray | None,
    benchmark_label: str,
) -> str:
    """Total return, length, worst drawdown, and the benchmark's return."""
    known = equity[np.isfinite(equity)]
    if not len(known):
        return "No equity to show"
    title = f"{words.percent(known[-1] / initial_capital - 1.0, sign=True)}"
    title += f" in {words.span(float(ts[-1] - ts[0]))}" if len(ts) > 1 else " in a single step"
    deepest = float(np.nanmin(drawdown, initial=0.0))
    title += f", worst drawdown {words.percent(deepest)}" if deepest < 0 else ", never below its peak"
    prices = np.empty(0) if benchmark is None else benchmark[np.isfinite(benchmark)]
    if len(prices):
        title += f"; {benchmark_label} {words.percent(prices[-1] / prices[0] - 1.0, sign=True)}"
    return title


def drawdown_title(ts: IntArray, drawdown: FloatArray, worst: Sequence[Fall], *, short: bool = False) -> str:
    """Depth and length of the worst fall."""
    if not worst:
        deepest = float(np.nanmin(drawdown, initial=0.0))
        return (
            f"Worst drawdown {words.percent(deepest)}"
            if deepest < 0
            else "The equity was never below its peak"
        )
    fall = worst[0]
    lasted = words.span(float(ts[fall.end] - ts[max(fall.peak, 0)]))
    title = f"Worst drawdown {words.percent(fall.depth)}, {lasted}{'' if short else ' under water'}"
    return title if fall.recovered else f"{title} so far"


def draw_equity(
    ax: "Axes",
    axis: TimeAxis,
    equity: FloatArray,
    initial_capital: float,
    benchmark: FloatArray | None,
    benchmark_label: str,
    currency: str,
    theme: Theme,
) -> None:
    """Equity and what it is compared with, on a logarithmic scale if it grew many times over."""
    shown = [equity]
    panel.line(ax, axis, equity, color=theme.equity, linewidth=1.5, zorder=2.5, label="Equity")
    if benchmark is not None and np.isfinite(benchmark).any():
        held = benchmark * (initial_capital / benchmark[np.isfinite(benchmark)][0])
        shown.append(held)
        panel.line(ax, axis, held, color=theme.benchmark, linewidth=1.1, label=benchmark_label)
    ax.axhline(initial_capital, color=theme.muted, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
    low = min(float(np.nanmin(values, initial=initial_capital)) for values in shown)
    high = max(float(np.nanmax(values, initial=initial_capital)) for values in shown)
    scale = ", log scale" if panel.value_axis(ax, low, high) else ""
    panel.finish(ax, axis, f"Equity ({currency}{scale})")
    panel.hide_dates(ax)
    if len(shown) > 1:
        ax.legend(loc="best", ncols=2)


def draw_underwater(
    ax: "Axes", axis: TimeAxis, drawdown: FloatArray, worst: Sequence[Fall], theme: Theme
) -> None:
    """Area between the equity and its peak; the worst falls are numbered at their lowest points."""
    from matplotlib import patheffects

    panel.area(ax, axis, drawdown, theme.drawdown, theme.drawdown, theme.drawdown_alpha)
    panel.line(ax, axis, drawdown, color=theme.drawdown, linewidth=0.9)
    panel.finish(ax, axis, "Drawdown")
    panel.percent_axis(ax)
    deepest = float(np.nanmin(drawdown, initial=0.0)) or -0.01
    ax.set_ylim(deepest * (1.16 if worst else 1.06), -deepest * 0.03)
    x = axis.x()
    numbered: list[float] = []
    for rank, fall in enumerate(worst, start=1):
        # Falls too shallow or too close to another to be told apart are left to the table.
        near = any(abs(x[fall.trough] - other) < 0.015 * (x[-1] - x[0]) for other in numbered)
        if near or fall.depth > 0.08 * deepest:
            continue
        numbered.append(float(x[fall.trough]))
        ax.annotate(
            str(rank),
            (x[fall.trough], fall.depth),
            xytext=(0.0, -4.0),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=8.5,
            fontweight="bold",
            path_effects=[patheffects.withStroke(linewidth=2.5, foreground=theme.background)],
        )


def draw_falls(ax: "Axes", ts: IntArray, worst: Sequence[Fall], theme: Theme) -> None:
    """Table of the worst falls."""
    if not worst:
        panel.empty(ax, "No step ended below an earlier peak.", theme)
        return
    rows = [("", "Depth", "Peak", "Lowest", "Recovered", "Under water")]
    for rank, fall in enumerate(worst, start=1):
        start = "start" if fall.peak < 0 else words.moment(int(ts[fall.peak]), ts)
        back = words.moment(int(ts[fall.end]), ts) if fall.recovered else "not yet"
        lowest = words.moment(int(ts[fall.trough]), ts)
        lasted = words.span(float(ts[fall.end] - ts[max(fall.peak, 0)]))
        rows.append((str(rank), words.percent(fall.depth), start, lowest, back, lasted))
    table(ax, rows, (0.02, 0.16, 0.38, 0.60, 0.81, 1.0), theme)


def table(ax: "Axes", rows: Sequence[Sequence[str]], edges: Sequence[float], theme: Theme) -> None:
    """Rows of text, the first one as the head; columns end at the edges, which are fractions of the width."""
    ax.set_axis_off()
    ax.set_xlim(0.0, 1.0)
    ax.set_ylim(max(len(rows), 4), 0.0)
    for i, row in enumerate(rows):
        style: dict[str, Any] = {"color": theme.muted} if i == 0 else {"color": theme.text}
        for text, edge in zip(row, edges, strict=True):
            ax.text(edge, i + 0.5, text, ha="right", va="center", fontsize=9.0, **style)
        ax.axhline(i + 1.0, color=theme.grid, linewidth=0.8)
