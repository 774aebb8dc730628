"""How far features have moved: an index for each, and both distributions of one."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.typing import ArrayLike, FloatArray

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure


def drift_figure(
    names: Sequence[str],
    psi: ArrayLike,
    *,
    watch: float,
    moved: float,
    theme: str | Theme = "light",
) -> "Figure":
    """Population stability index of each feature, the largest on top, beside the usual limits.

    Parameters
    ----------
    names : sequence of str
        Of the features.
    psi : array-like of float, shape (n_features,)
        NaN where a feature could not be judged: it is left out.
    watch, moved : float
        From which a feature is watched, and from which it has moved.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: how many features have moved, and the one that moved most.

    Raises
    ------
    ShapeError
        If there is not an index for each name.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    values = np.asarray(psi, dtype=np.float64)
    if values.shape != (len(names),):
        raise ShapeError("every feature has an index", found=values.shape, expected=str((len(names),)))
    order = [row for row in np.argsort(values, kind="stable").tolist() if np.isfinite(values[row])]
    figure = Figure(paint, (9.0, 1.5 + 0.34 * max(len(order), 2)))
    with figure.painting():
        ax = figure.subplots()
        if not order:
            panel.empty(ax, "No feature could be judged.", paint)
        else:
            at, shown = np.arange(len(order)), values[order]
            colours = [paint.sell if v >= moved else paint.fourth if v >= watch else paint.buy for v in shown]
            ax.barh(at, shown, height=0.55, color=colours)
            for level, word, style in ((watch, "watch", (0, (1, 2))), (moved, "moved", (0, (5, 3)))):
                label = f"{word} from {words.number(level)}"
                ax.axvline(level, color=paint.muted, linewidth=1.0, linestyle=style, label=label)
            ax.set_xlim(0.0, max(float(shown.max()) * 1.12, moved * 1.15))
            for row, value in zip(at, shown, strict=True):
                ax.annotate(
                    words.number(float(value)),
                    (float(value), float(row)),
                    (4.0, 0.0),
                    textcoords="offset points",
                    va="center",
                    color=paint.muted,
                    fontsize=8.5,
                )
            ax.set_yticks(at, [names[row].replace("_", " ") for row in order])
            panel.number_axis(ax, x=True)
            ax.set_xlabel("Population stability index")
            ax.legend(loc="lower right")
        ax.set_title(drift_title(names, values, moved))
        figure.alt = ax.get_title(loc="left")
    return figure


def drift_title(names: Sequence[str], psi: FloatArray, moved: float) -> str:
    """How many features have moved, and the one that moved most."""
    known = np.flatnonzero(np.isfinite(psi))
    if not len(known):
        return "No feature could be judged"
    n_moved = int((psi[known] >= moved).sum())
    most = int(known[np.argmax(psi[known])])
    told = f"{names[most].replace('_', ' ')} the most: {words.number(float(psi[most]))}"
    return f"{n_moved or 'None'} of {words.count(len(known), 'feature')} moved; {told}"


def distributions_figure(
    edges: ArrayLike,
    reference: ArrayLike,
    recent: ArrayLike,
    *,
    name: str,
    theme: str | Theme = "light",
) -> "Figure":
    """Share of two samples in each bin, side by side.

    Parameters
    ----------
    edges : array-like of float, shape (n_bins + 1,)
        Of the bins; the outer ones may be infinite.
    reference, recent : array-like of float, shape (n_bins,)
        Shares, which sum to 1.
    name : str
        Of the feature.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: where the recent values differ most.

    Raises
    ------
    ShapeError
        If shares and bins disagree.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    sides, old, new = (np.asarray(each, dtype=np.float64) for each in (edges, reference, recent))
    if not old.shape == new.shape == (len(sides) - 1,):
        raise ShapeError("every bin has two shares", found=(old.shape, new.shape), expected=len(sides) - 1)
    labels = [_between(low, high) for low, high in pairwise(sides)]
    figure = Figure(paint, (9.0, 3.4))
    with figure.painting():
        ax, at = figure.subplots(), np.arange(len(old))
        ax.bar(at - 0.2, old, 0.38, color=paint.benchmark, label="reference")
        ax.bar(
            at + 0.2, new, 0.38, color=paint.equity, label="recent", hatch="//", edgecolor=paint.background
        )
        ax.set_xticks(at, labels, rotation=20, ha="right")
        ax.set_ylabel("Share of values")
        ax.grid(visible=True, axis="y")
        panel.percent_axis(ax)
        panel.legend_above(ax)
        widest = int(np.argmax(np.abs(new - old)))
        told = f"{words.percent(float(new[widest]))} of recent values {labels[widest]}"
        ax.set_title(f"{name.replace('_', ' ')}: {told}, {words.percent(float(old[widest]))} before")
        figure.alt = ax.get_title(loc="left")
    return figure


def _between(low: float, high: float) -> str:
    if not np.isfinite(low):
        return f"≤ {high:.3g}"
    return f"> {low:.3g}" if not np.isfinite(high) else f"{low:.3g} to {high:.3g}"
