"""What an order cost, part by part, and how far algorithms lie apart."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.typing import ArrayLike, FloatArray

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure


def waterfall_figure(
    parts: Mapping[str, float], *, title: str = "", theme: str | Theme = "light"
) -> "Figure":
    """Parts of a cost as steps, each from where the one before ended, and their sum.

    Parameters
    ----------
    parts : mapping of str to float
        Basis points by part, in the order in which they are drawn; + was lost.
    title : str
        Words before what is said of the sum.
    theme : {"light", "dark"} or Theme
        Colours; what was lost has that of a loss.

    Returns
    -------
    Figure
        Title: the sum and its largest part.

    Raises
    ------
    ShapeError
        If there is no part, or one is not finite.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    names, sizes = list(parts), np.array(list(parts.values()), dtype=np.float64)
    if not len(sizes) or not np.isfinite(sizes).all():
        raise ShapeError("a waterfall has parts that are numbers", found=dict(parts), where="parts")
    ends = np.cumsum(sizes)
    begins = np.concatenate(([0.0], ends[:-1]))
    total = float(ends[-1])
    figure = Figure(paint, (11.0, 4.2))
    with figure.painting():
        ax = figure.subplots()
        places = np.arange(len(sizes) + 1)
        heights = np.append(sizes, total)
        colours = [paint.sell if size > 0.0 else paint.buy for size in sizes] + [paint.muted]
        ax.bar(places, heights, bottom=np.append(begins, 0.0), color=colours, width=0.6)
        for at, level in enumerate(ends):
            ax.plot([at + 0.3, at + 0.7], [level, level], color=paint.muted, linewidth=0.8)
        for place, height, base in zip(places, heights, np.append(begins, 0.0), strict=True):
            ax.annotate(
                words.number(height, sign=True),
                (place, max(base, base + height)),
                xytext=(0.0, 3.0),
                textcoords="offset points",
                ha="center",
                fontsize=9.0,
            )
        ax.axhline(0.0, color=paint.muted, linewidth=0.8)
        low, high = min(0.0, float(ends.min())), max(0.0, float(ends.max()))
        ax.set_ylim(low - 0.06 * (high - low), high + 0.12 * (high - low) or 1.0)
        ax.set_xticks(places, [*names, "shortfall"])
        ax.set_ylabel("Basis points")
        ax.grid(visible=True, axis="y")
        panel.number_axis(ax)
        told = waterfall_title(parts)
        ax.set_title(f"{title} {told}" if title else told[0].upper() + told[1:])
        figure.alt = ax.get_title(loc="left")
    return figure


def waterfall_title(parts: Mapping[str, float]) -> str:
    """The sum and its largest part."""
    total = float(sum(parts.values()))
    largest = max(parts, key=lambda name: abs(parts[name]))
    verb = "cost" if total >= 0.0 else "won"
    return (
        f"{verb} {words.number(abs(total))} bps, of which {words.number(parts[largest], sign=True)} {largest}"
    )


def peers_figure(
    labels: Sequence[str],
    apart: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    *,
    base: str,
    theme: str | Theme = "light",
) -> "Figure":
    """How much more each of some algorithms cost than one of them, with the bands of chance.

    Parameters
    ----------
    labels : sequence of str
        The algorithms, without the one that they are compared with.
    apart, low, high : array-like of float, shape (n_labels,)
        Mean difference and the ends of its band, basis points; + is dearer.
    base : str
        What they are compared with.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: which of the bands leave zero out.

    Raises
    ------
    ShapeError
        If there is not one value and band for each label.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    values, left, right = (np.asarray(each, dtype=np.float64) for each in (apart, low, high))
    if not values.shape == left.shape == right.shape == (len(labels),):
        raise ShapeError(
            "each label has a value and a band", found=(values.shape, left.shape, right.shape), where="apart"
        )
    figure = Figure(paint, (11.0, 1.4 + 0.45 * max(len(labels), 1)))
    with figure.painting():
        ax = figure.subplots()
        if not labels:
            panel.empty(ax, "There is no other to compare with.", paint)
        else:
            places = np.arange(len(labels))
            ax.hlines(places, left, right, color=paint.equity, linewidth=3.0, alpha=0.4)
            ax.plot(values, places, linestyle="none", marker="o", color=paint.equity)
            ax.axvline(0.0, color=paint.muted, linewidth=0.8)
            ax.set_yticks(places, list(labels))
            ax.set_ylim(len(labels) - 0.5, -0.5)
            ax.set_xlabel(f"Basis points dearer than {base}, with 95% bands")
            ax.grid(visible=True, axis="x")
            panel.number_axis(ax, x=True)
        ax.set_title(peers_title(labels, left, right, base))
        figure.alt = ax.get_title(loc="left")
    return figure


def peers_title(labels: Sequence[str], low: FloatArray, high: FloatArray, base: str) -> str:
    """Which of the bands leave zero out."""
    if not len(labels):
        return "Nothing was compared"
    worse = [name for name, end in zip(labels, low, strict=True) if end > 0.0]
    better = [name for name, end in zip(labels, high, strict=True) if end < 0.0]
    said = [f"{' and '.join(worse)} dearer"] if worse else []
    said += [f"{' and '.join(better)} cheaper"] if better else []
    if not said:
        return f"None can be told from {base}"
    return f"Outside the bands of chance, against {base}: {', '.join(said)}"
