"""Price changes against order-flow imbalance: a point for each interval, and the line through them."""

from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.typing import ArrayLike

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure


def flow_figure(
    flow: ArrayLike,
    price_change: ArrayLike,
    *,
    slope: float,
    intercept: float,
    r_squared: float,
    interval: str = "interval",
    unit: str = "ticks",
    symbol: str = "",
    theme: str | Theme = "light",
) -> "Figure":
    """Scatter of price changes over order-flow imbalance with a fitted line.

    Parameters
    ----------
    flow, price_change : array-like of float, shape (n,)
        Of each interval; pairs with a NaN are left out.
    slope, intercept, r_squared : float
        Of the line, as `omni_lab.features.fit_linear_impact` finds them; NaN draws none.
    interval : str
        What a point is, as ``"10 seconds"``.
    unit : str
        Of the price change.
    symbol : str
        Of what.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: which part of the price changes the flow of the same interval explains.

    Raises
    ------
    ShapeError
        If the columns differ in length.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    x, y = np.asarray(flow, dtype=np.float64), np.asarray(price_change, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise ShapeError("a flow has a price change", found=y.shape, expected=str(x.shape))
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    figure = Figure(paint, (7.6, 5.2))
    with figure.painting():
        ax = figure.subplots()
        if not len(x):
            panel.empty(ax, "No interval has both a flow and a price change.", paint)
        else:
            up = y > 0
            for of, colour, marker in (
                (up, paint.buy, "^"),
                (y < 0, paint.sell, "v"),
                (y == 0, paint.muted, "o"),
            ):
                ax.scatter(x[of], y[of], s=16.0, marker=marker, color=colour, alpha=0.55, linewidth=0.0)
            if np.isfinite(slope):
                ends = np.array([x.min(), x.max()])
                ax.plot(ends, intercept + slope * ends, color=paint.text, linewidth=1.4)
            ax.axhline(0.0, color=paint.grid, linewidth=0.8, zorder=0)
            ax.axvline(0.0, color=paint.grid, linewidth=0.8, zorder=0)
            panel.number_axis(ax)
            panel.number_axis(ax, x=True)
            ax.set_xlabel(f"Order-flow imbalance in {interval}")
            ax.set_ylabel(f"Change of the middle, {unit}")
        ax.set_title(flow_title(r_squared, len(x), interval, symbol))
        figure.alt = ax.get_title(loc="left")
    return figure


def flow_title(r_squared: float, n: int, interval: str, symbol: str) -> str:
    """Which part of the price changes the flow explains."""
    name = f"{symbol}: " if symbol else ""
    if not np.isfinite(r_squared):
        return f"{name}too little to fit a line"
    return (
        f"{name}flow explains {words.percent(r_squared)} of price changes in the same {interval} (n = {n:,})"
    )
