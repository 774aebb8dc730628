"""Breaks of a reconciliation by age and kind, and what two sides hold differently."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.typing import ArrayLike

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure

_MOST = 20


def breaks_figure(
    counts: ArrayLike, kinds: Sequence[str], ages: Sequence[str], *, theme: str | Theme = "light"
) -> "Figure":
    """Breaks by kind, stacked by age: the older, the darker.

    Parameters
    ----------
    counts : array-like of int, shape (n_kinds, n_ages)
        How many of each.
    kinds : sequence of str, length n_kinds
        Names of the rows; kinds without any are left out.
    ages : sequence of str, length n_ages
        Names of the columns, from young to old.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: how many there are, and how many of the oldest class.

    Raises
    ------
    ShapeError
        If counts and names do not fit.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    table = np.asarray(counts, dtype=np.int64)
    if table.shape != (len(kinds), len(ages)):
        raise ShapeError(
            "every kind has a count of every age", found=table.shape, expected=str((len(kinds), len(ages)))
        )
    there = np.flatnonzero(table.sum(axis=1))[::-1]
    figure = Figure(paint, (11.0, 1.6 + 0.34 * max(len(there), 2)))
    with figure.painting():
        ax = figure.subplots()
        if not len(there):
            panel.empty(ax, "Nothing is open.", paint)
            ax.set_title("No break is open")
        else:
            left = np.zeros(len(there))
            for at, age in enumerate(ages):
                width = table[there, at]
                shade = 0.25 + 0.75 * (at + 1) / len(ages)
                ax.barh(np.arange(len(there)), width, left=left, color=paint.sell, alpha=shade, label=age)
                left += width
            ax.set_yticks(np.arange(len(there)), [kinds[row].replace("_", " ") for row in there])
            ax.set_xlabel("Open breaks")
            panel.number_axis(ax, x=True)
            ax.grid(visible=True, axis="x")
            ax.legend(loc="lower right", title="age")
            ax.set_title(breaks_title(int(table.sum()), int(table[:, -1].sum()), ages[-1]))
        figure.alt = ax.get_title(loc="left")
    return figure


def breaks_title(n: int, n_oldest: int, oldest: str) -> str:
    """How many breaks are open, and how many of the oldest class."""
    claim = f"{words.count(n, 'break')} {'is' if n == 1 else 'are'} open"
    return f"{claim}, {n_oldest:,} of them for {oldest.removeprefix('≥ ')} or longer" if n_oldest else claim


def gaps_figure(
    labels: Sequence[str],
    difference: ArrayLike,
    unresolved: ArrayLike,
    *,
    unit: str = "lots",
    theme: str | Theme = "light",
) -> "Figure":
    """What internal holds more than external, and how much of it is not resolved, the largest first.

    Parameters
    ----------
    labels : sequence of str, length n_places
        Account and symbol of each place.
    difference, unresolved : array-like of float, shape (n_places,)
        Internal less external, by all fills; the part that breaks explain which are not resolved.
    unit : str
        Of both.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        At most 20 places. Title: in how many of all places the sides differ, and in how many they still do.

    Raises
    ------
    ShapeError
        If the three differ in length.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    whole, rest = (np.asarray(each, dtype=np.float64) for each in (difference, unresolved))
    if not whole.shape == rest.shape == (len(labels),):
        raise ShapeError(
            "every place has two differences", found=(whole.shape, rest.shape), expected=str((len(labels),))
        )
    differs = np.flatnonzero((whole != 0) | (rest != 0))
    shown = differs[np.argsort(-np.maximum(np.abs(whole), np.abs(rest))[differs], kind="stable")][:_MOST][
        ::-1
    ]
    figure = Figure(paint, (11.0, 1.6 + 0.3 * max(len(shown), 2)))
    with figure.painting():
        ax = figure.subplots()
        if not len(shown):
            panel.empty(ax, "Both sides hold the same.", paint)
        else:
            places = np.arange(len(shown))
            ax.barh(places + 0.2, whole[shown], height=0.38, color=paint.benchmark, label="by all fills")
            ax.barh(places - 0.2, rest[shown], height=0.38, color=paint.sell, label="not resolved")
            ax.set_yticks(places, [labels[row] for row in shown])
            ax.axvline(0.0, color=paint.muted, linewidth=0.8)
            ax.set_xlabel(f"Internal less external, {unit}")
            panel.number_axis(ax, x=True)
            ax.grid(visible=True, axis="x")
            ax.legend(loc="lower right")
        ax.set_title(gaps_title(len(labels), len(differs), int(np.count_nonzero(rest))))
        figure.alt = ax.get_title(loc="left")
    return figure


def gaps_title(n: int, n_differ: int, n_unresolved: int) -> str:
    """In how many places the sides differ, and in how many they still do."""
    if not n_differ:
        return f"Both sides hold the same in {words.count(n, 'place')}"
    rest = f"{n_unresolved:,} of them {'is' if n_unresolved == 1 else 'are'} not resolved"
    return f"The sides differ in {n_differ:,} of {words.count(n, 'place')}; {rest}"
