"""What is left of a strategy as more money follows it."""

from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.typing import ArrayLike

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure


def capacity_figure(
    sizes: ArrayLike,
    sharpe_ratio: ArrayLike,
    *,
    halved: float = float("nan"),
    participation: float = float("nan"),
    limit: float = 0.1,
    theme: str | Theme = "light",
) -> "Figure":
    """Annual Sharpe ratio against the money under management, on a logarithmic scale.

    Parameters
    ----------
    sizes, sharpe_ratio : array-like of float, shape (n_sizes,)
        Money, increasing and positive, and what the ratio is there.
    halved : float, optional
        Size at which half of the ratio is gone.
    participation : float, optional
        Size at which fills reach the limit.
    limit : float, default 0.1
        That limit, as a fraction of the volume.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: where half of the ratio is gone.

    Raises
    ------
    ShapeError
        If the two differ in length.
    """
    from matplotlib import ticker

    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    money, ratio = np.asarray(sizes, dtype=np.float64), np.asarray(sharpe_ratio, dtype=np.float64)
    if money.shape != ratio.shape or money.ndim != 1:
        raise ShapeError("every size has a ratio", found=ratio.shape, expected=str(money.shape))
    shown = ratio >= min(0.0, float(np.nanmax(ratio, initial=-np.inf))) - 0.25
    figure = Figure(paint, (11.0, 3.6))
    with figure.painting():
        ax = figure.subplots()
        if not shown.any():
            panel.empty(ax, "No size has a Sharpe ratio.", paint)
        else:
            ax.plot(money[shown], ratio[shown], color=paint.equity)
            ax.set_xscale("log")
            ax.axhline(0.0, color=paint.muted, linewidth=0.8)
            marks = (
                (halved, paint.sell, "half is gone"),
                (participation, paint.third, f"fills at {limit:.0%}"),
            )
            for at, colour, text in marks:
                if np.isfinite(at):
                    label = f"{text}, {words.compact(at)}"
                    ax.axvline(at, color=colour, linewidth=1.2, linestyle=(0, (5, 3)), label=label)
            ax.set_xlim(money[shown].min(), money[shown].max())
            ax.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: words.compact(value)))
            ax.xaxis.set_minor_locator(ticker.NullLocator())
            ax.set_xlabel("Money under management, log scale")
            ax.set_ylabel("Sharpe ratio (annual)")
            panel.number_axis(ax)
            ax.grid(visible=True, axis="y")
            if ax.get_legend_handles_labels()[0]:
                ax.legend(loc="best")
            ax.set_title(
                f"Half of the Sharpe ratio is gone at {words.compact(halved)}"
                if np.isfinite(halved)
                else "There is no Sharpe ratio to lose"
            )
        figure.alt = ax.get_title(loc="left")
    return figure
