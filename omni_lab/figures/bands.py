"""Metrics with the bands that chance draws around them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.figures import _panel as panel
from omni_lab.figures.metrics import format_metric, label_of
from omni_lab.figures.theme import Theme, find_theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from omni_lab.figures._canvas import Figure


def bands_figure(
    bands: Mapping[str, tuple[float, float, float]],
    *,
    confidence: float = 0.95,
    theme: str | Theme = "light",
) -> "Figure":
    """A row a metric, each on a scale of its own: what was seen, and the band around it.

    Parameters
    ----------
    bands : mapping of str to (float, float, float)
        Value, lower and upper end, by the name of the metric. Those that are not known are left out.
    confidence : float, default 0.95
        Of the bands.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: which of return and Sharpe ratio may as well be zero.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    known = {name: told for name, told in bands.items() if np.isfinite(told).all()}
    figure = Figure(paint, (11.0, 0.9 + 0.5 * max(len(known), 1)))
    with figure.painting():
        axes = figure.subplots(max(len(known), 1), 1, squeeze=False)[:, 0]
        if not known:
            panel.empty(axes[0], "No metric has a band.", paint)
        for ax, (name, told) in zip(axes, known.items(), strict=False):
            _draw(ax, name, told, paint)
        axes[0].set_title(bands_title(known, confidence))
        figure.alt = axes[0].get_title(loc="left")
    return figure


def bands_title(bands: Mapping[str, tuple[float, float, float]], confidence: float) -> str:
    """Whether the band of the Sharpe ratio holds zero."""
    if "sharpe_ratio" not in bands:
        return f"{confidence:.0%} bands"
    value, low, high = (format_metric("sharpe_ratio", each) for each in bands["sharpe_ratio"])
    holds = "and zero is among them" if bands["sharpe_ratio"][1] <= 0.0 <= bands["sharpe_ratio"][2] else ""
    return f"A Sharpe ratio of {value} could have been {low} to {high} {holds}".strip()


def _draw(ax: "Axes", name: str, told: tuple[float, float, float], theme: Theme) -> None:
    value, low, high = told
    left, right = min(low, value), max(high, value)
    room = 0.25 * (right - left or 1.0)
    ax.plot((low, high), (0.0, 0.0), color=theme.equity, linewidth=7.0, alpha=0.35, solid_capstyle="butt")
    ax.plot((value,), (0.0,), color=theme.equity, marker="D", markersize=6.0, linestyle="none")
    if left <= 0.0 <= right:
        ax.axvline(0.0, color=theme.muted, linewidth=1.0)
    for at, side in ((low, "right"), (high, "left")):
        offset = (-6.0 if side == "right" else 6.0, 0.0)
        text = format_metric(name, at)
        ax.annotate(
            text,
            (at, 0.0),
            xytext=offset,
            textcoords="offset points",
            ha=side,
            va="center",
            color=theme.muted,
            fontsize=8.5,
        )
    ax.annotate(
        format_metric(name, value),
        (value, 0.0),
        xytext=(0.0, 6.0),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=8.5,
    )
    ax.set_xlim(left - room, right + room)
    ax.set_ylim(-1.3, 1.5)
    ax.set_ylabel(label_of(name), rotation=0.0, ha="right", va="center")
    ax.set_xticks(())
    ax.set_yticks(())
    ax.spines["bottom"].set_visible(False)
