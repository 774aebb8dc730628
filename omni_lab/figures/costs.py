"""What is left of a strategy as trading gets dearer."""

from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.typing import ArrayLike

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure


def cost_figure(
    cost_bps: ArrayLike,
    sharpe_ratio: ArrayLike,
    total_return: ArrayLike,
    *,
    assumed: float | None = None,
    break_even: float = float("nan"),
    theme: str | Theme = "light",
) -> "Figure":
    """Annual Sharpe ratio and total return against the costs of trading.

    Parameters
    ----------
    cost_bps : array-like of float, shape (n_points,)
        Costs in basis points of the notional traded, increasing.
    sharpe_ratio, total_return : array-like of float, shape (n_points,)
        What comes out at these costs; NaN leaves a gap.
    assumed : float, optional
        The costs of the backtest: a dashed line.
    break_even : float, optional
        The costs at which the return is zero: a dotted line, where it lies in the figure.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: where it breaks even.

    Raises
    ------
    ShapeError
        If the three differ in length.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    bps, ratio, total = (
        np.asarray(each, dtype=np.float64) for each in (cost_bps, sharpe_ratio, total_return)
    )
    if not bps.shape == ratio.shape == total.shape or bps.ndim != 1:
        raise ShapeError("every cost has two outcomes", found=(bps.shape, ratio.shape, total.shape))
    figure = Figure(paint, (11.0, 3.6))
    with figure.painting():
        left, right = figure.subplots(1, 2, sharex=True)
        for ax, values, label in ((left, ratio, "Sharpe ratio (annual)"), (right, total, "Total return")):
            ax.plot(bps, values, color=paint.equity, marker="o", markersize=4.0)
            ax.axhline(0.0, color=paint.muted, linewidth=0.8)
            if assumed is not None:
                text = f"assumed, {words.number(assumed, 1)} bps"
                ax.axvline(assumed, color=paint.third, linewidth=1.2, linestyle=(0, (5, 3)), label=text)
            if len(bps) and bps.min() <= break_even <= bps.max():
                text = f"breaks even, {words.number(break_even, 1)} bps"
                ax.axvline(break_even, color=paint.sell, linewidth=1.2, linestyle=(0, (1, 1.5)), label=text)
            ax.set_xlabel("Costs, bps of the notional traded")
            ax.set_ylabel(label)
            panel.number_axis(ax, x=True)
            ax.grid(visible=True, axis="y")
        panel.number_axis(left)
        panel.percent_axis(right)
        if right.get_legend_handles_labels()[0]:
            right.legend(loc="best")
        left.set_title(cost_title(break_even, assumed))
        figure.alt = left.get_title(loc="left")
    return figure


def cost_title(break_even: float, assumed: float | None) -> str:
    """Where it breaks even, and how far that is from what was assumed."""
    if not np.isfinite(break_even):
        return "Nothing was traded, so costs do not matter"
    if break_even <= 0.0:
        return "It loses even when trading is free"
    title = f"It breaks even at {words.number(break_even, 1)} bps of what it trades"
    return title if not assumed else f"{title}, {words.number(break_even / assumed, 1)} times the assumed"
