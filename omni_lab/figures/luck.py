"""The Sharpe ratios of many trials, and what the best of them owes to their number."""

from typing import TYPE_CHECKING

import numpy as np

from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.typing import ArrayLike

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure


def luck_figure(
    sharpe_ratios: ArrayLike, *, expected_max: float = float("nan"), theme: str | Theme = "light"
) -> "Figure":
    """Histogram of the Sharpe ratios of many trials, with the best, and the best that luck would bring.

    Parameters
    ----------
    sharpe_ratios : array-like of float, shape (n_trials,)
        Annual; NaN is left out.
    expected_max : float, optional
        What the best of as many trials without merit is expected to show, annual.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: the best, and whether luck alone would do better.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    ratios = np.asarray(sharpe_ratios, dtype=np.float64)
    ratios = ratios[np.isfinite(ratios)]
    figure = Figure(paint, (11.0, 3.6))
    with figure.painting():
        ax = figure.subplots()
        if not len(ratios):
            panel.empty(ax, "No trial has a Sharpe ratio.", paint)
        else:
            best = float(ratios.max())
            ax.hist(ratios, bins=min(60, max(10, len(ratios) // 8)), color=paint.benchmark, alpha=0.6)
            ax.axvline(best, color=paint.equity, linewidth=2.0, label=f"the best, {words.number(best)}")
            if np.isfinite(expected_max):
                text = f"expected of luck alone, {words.number(expected_max)}"
                ax.axvline(expected_max, color=paint.sell, linewidth=1.6, linestyle=(0, (5, 3)), label=text)
            ax.axvline(0.0, color=paint.muted, linewidth=0.8)
            ax.set_xlabel("Sharpe ratio (annual)")
            ax.set_ylabel("Trials")
            panel.number_axis(ax)
            panel.number_axis(ax, x=True)
            ax.grid(visible=True, axis="y")
            ax.legend(loc="upper left")
            ax.set_title(luck_title(len(ratios), best, expected_max))
        figure.alt = ax.get_title(loc="left")
    return figure


def luck_title(n_trials: int, best: float, expected_max: float) -> str:
    """The best, and whether luck alone would do better."""
    claim = f"The best of {words.count(n_trials, 'trial')} has a Sharpe ratio of {words.number(best)}"
    if not np.isfinite(expected_max):
        return claim
    verdict = "luck alone would bring" if best <= expected_max else "more than luck alone would bring,"
    return f"{claim}; {verdict} {words.number(expected_max)}"
