"""What became of the best of many trials: ranks out of sample, and promise against delivery."""

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

_BINS = 40
_MOST_POINTS = 3000


def overfitting_figure(
    logits: ArrayLike,
    in_sample: ArrayLike,
    out_of_sample: ArrayLike,
    *,
    periods_per_year: float = 1.0,
    theme: str | Theme = "light",
) -> "Figure":
    """Ranks of the chosen trial out of sample, and its Sharpe ratio out of sample against that in it.

    Parameters
    ----------
    logits : array-like of float, shape (n_splits,)
        Of the relative rank out of sample of the trial that was best in sample; zero is the median.
    in_sample, out_of_sample : array-like of float, shape (n_splits,)
        Its Sharpe ratios **per period**.
    periods_per_year : float, default 1
        By whose root the ratios are drawn larger.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: how often the best in sample was no better than the median out of it.

    Raises
    ------
    ShapeError
        If the three differ in length.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    rank, inside, outside = (
        np.asarray(each, dtype=np.float64) for each in (logits, in_sample, out_of_sample)
    )
    if not rank.shape == inside.shape == outside.shape or rank.ndim != 1:
        raise ShapeError(
            "every split has a rank and two ratios", found=(rank.shape, inside.shape, outside.shape)
        )
    figure = Figure(paint, (11.0, 4.2))
    with figure.painting():
        left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.15))
        if not len(rank):
            panel.empty(left, "No split to show.", paint)
            right.set_axis_off()
        else:
            _draw_ranks(left, rank, paint)
            root = float(np.sqrt(periods_per_year))
            _draw_degradation(right, root * inside, root * outside, root != 1.0, paint)
        figure.alt = left.get_title(loc="left")
    return figure


def _draw_ranks(ax: "Axes", logits: FloatArray, theme: Theme) -> None:
    size = max(float(np.abs(logits).max()), 1.0)
    edges = np.linspace(-size, size, _BINS + 1)
    heights, _ = np.histogram(logits, edges)
    # Zero is an edge, and belongs to the left: no better than the median.
    exact = int(np.sum(logits == 0.0))
    heights[_BINS // 2] -= exact
    heights[_BINS // 2 - 1] += exact
    share = heights / len(logits)
    colours = [theme.sell if right <= 1e-12 else theme.buy for right in edges[1:]]
    ax.bar(edges[:-1], share, np.diff(edges), align="edge", color=colours, alpha=0.8)
    ax.axvline(0.0, color=theme.text, linewidth=1.0)
    ax.set_xlabel("Rank out of sample, as a logit: worse ← median → better")
    ax.set_ylabel("Share of splits")
    panel.percent_axis(ax)
    ax.grid(visible=True, axis="y")
    pbo = words.percent(float((logits <= 0.0).mean()), decimals=0)
    ax.set_title(f"No better than the median in {pbo} of splits")


def _draw_degradation(
    ax: "Axes", inside: FloatArray, outside: FloatArray, annual: bool, theme: Theme
) -> None:
    every = max(1, len(inside) // _MOST_POINTS)
    ax.scatter(inside[::every], outside[::every], s=7.0, color=theme.equity, alpha=0.25, linewidths=0.0)
    ax.axhline(0.0, color=theme.muted, linewidth=0.8)
    unit = "annual" if annual else "per period"
    ax.set_xlabel(f"Sharpe ratio where it was chosen ({unit})")
    ax.set_ylabel(f"Sharpe ratio afterwards ({unit})")
    panel.number_axis(ax)
    panel.number_axis(ax, x=True)
    ax.grid(visible=True, axis="y")
    loss = words.percent(float((outside < 0.0).mean()), decimals=0)
    if float(np.ptp(inside)) > 0.0:
        slope, level = np.polyfit(inside, outside, 1)
        ends = np.array([inside.min(), inside.max()])
        label = f"slope {words.number(float(slope))}"
        ax.plot(ends, level + slope * ends, color=theme.sell, linewidth=1.6, label=label)
        ax.legend(loc="best")
    ax.set_title(f"It lost in {loss} of the other halves")
