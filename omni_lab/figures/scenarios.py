"""Figures of bad times: what a portfolio would lose in them, and which regime it was."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.figures.timeaxis import TimeAxis
from omni_lab.typing import ArrayLike

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure

_MOST_POSITIONS = 12


def stress_figure(
    scenarios: Sequence[str],
    positions: Sequence[str],
    pnl: ArrayLike,
    *,
    theme: str | Theme = "light",
) -> "Figure":
    """Profit by position in every scenario, as a table whose cells are coloured by size.

    Parameters
    ----------
    scenarios, positions : sequence of str
        Names of the rows and of the columns.
    pnl : array-like of float, shape (n_scenarios, n_positions)
        Money, losses negative, as `omni_lab.risk.Scenarios.pnl`; NaN where nothing is known.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: the worst scenario. A last column holds totals; where a position is not known there is none.
        Of more than 12 positions the smaller ones are drawn together.

    Raises
    ------
    ShapeError
        If the table does not have a row a scenario and a column a position.
    """
    from matplotlib.colors import LinearSegmentedColormap

    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    cells = np.asarray(pnl, dtype=np.float64)
    if cells.shape != (len(scenarios), len(positions)):
        raise ShapeError(
            "a table has a row a scenario and a column a position",
            found=cells.shape,
            expected=str((len(scenarios), len(positions))),
        )
    total = cells.sum(axis=1)
    names = list(positions)
    if len(names) > _MOST_POSITIONS:
        size = np.nansum(np.abs(cells), axis=0)
        order = np.argsort(-size, kind="stable")
        kept, rest = np.sort(order[: _MOST_POSITIONS - 1]), order[_MOST_POSITIONS - 1 :]
        cells = np.column_stack((cells[:, kept], cells[:, rest].sum(axis=1)))
        names = [*(positions[i] for i in kept), f"{len(rest)} others"]
    figure = Figure(paint, (11.0, 1.1 + 0.36 * max(len(scenarios), 2)))
    with figure.painting():
        ax = figure.subplots()
        if not np.isfinite(cells).any():
            panel.empty(ax, "No scenario has data.", paint)
            ax.set_title("No scenario has data")
        else:
            table = np.column_stack((cells, total))
            # Two hues that everybody tells apart, through the page's own colour.
            hues = LinearSegmentedColormap.from_list("pnl", [paint.sell, paint.background, paint.buy])
            largest = float(np.nanmax(np.abs(cells)))
            scaled = np.column_stack((cells / (largest or 1.0), np.zeros(len(total))))
            ax.imshow(np.ma.masked_invalid(scaled), cmap=hues, vmin=-1.25, vmax=1.25, aspect="auto")
            for (row, column), value in np.ndenumerate(table):
                is_total = column == len(names)
                ax.text(
                    column,
                    row,
                    words.compact(_rounded(value)) if np.isfinite(value) else words.MISSING,
                    ha="center",
                    va="center",
                    fontsize=8.5,
                    color=paint.text if np.isfinite(value) else paint.muted,
                    fontweight="bold" if is_total else "normal",
                )
            ax.axvline(len(names) - 0.5, color=paint.muted, linewidth=1.0)
            ax.set_xticks(range(len(names) + 1), [*names, "total"])
            ax.set_yticks(range(len(scenarios)), scenarios)
            ax.tick_params(length=0.0, top=True, labeltop=True, bottom=False, labelbottom=False)
            ax.spines["bottom"].set_visible(False)
            ax.set_title(_worst(scenarios, total))
        figure.alt = ax.get_title(loc="left")
    return figure


def regimes_figure(
    ts: ArrayLike,
    price: ArrayLike,
    probability: ArrayLike,
    *,
    name: str = "wild",
    threshold: float = 0.5,
    label: str = "Price",
    theme: str | Theme = "light",
) -> "Figure":
    """Price with the stretches shaded in which a regime was likely, and its probability below.

    Parameters
    ----------
    ts : array-like of int64 or datetime64, shape (n_obs,)
        Times of the steps.
    price : array-like of float, shape (n_obs,)
        Positive.
    probability : array-like of float, shape (n_obs,)
        Of the regime; NaN where it is not known yet.
    name : str, default "wild"
        Of the regime.
    threshold : float, default 0.5
        From where it is likely.
    label : str, default "Price"
        What the first of the axes counts.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: in which part of the time the regime was likely.

    Raises
    ------
    ShapeError
        If the arrays differ in length.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    ns = panel.times(ts)
    level, chance = panel.series(price, ns, "price"), panel.series(probability, ns, "probability")
    known = np.isfinite(chance)
    likely = known & (np.nan_to_num(chance) > threshold)
    figure = Figure(paint, (11.0, 5.4))
    with figure.painting():
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3.0, 1.0])
        if not known.any():
            panel.empty(top, "No probability is known.", paint)
            bottom.set_axis_off()
            top.set_title("No probability is known")
        else:
            axis = TimeAxis(ns)
            panel.line(top, axis, level, color=paint.text, linewidth=1.1, zorder=2.5)
            for ax in (top, bottom):
                ax.fill_between(
                    axis.x(),
                    0.0,
                    1.0,
                    where=likely.tolist(),
                    transform=ax.get_xaxis_transform(),
                    color=paint.sell,
                    alpha=0.22,
                    linewidth=0.0,
                    step="mid",
                    label=f"{name} regime likely",
                )
            panel.line(bottom, axis, chance, color=paint.sell, linewidth=1.0)
            scale = panel.value_axis(top, float(np.nanmin(level)), float(np.nanmax(level)))
            bottom.set_ylim(0.0, 1.0)
            bottom.set_yticks((0.0, 0.5, 1.0))
            panel.percent_axis(bottom)
            panel.finish(bottom, axis, "Probability")
            panel.finish(top, axis, f"{label}, log scale" if scale else label)
            panel.hide_dates(top)
            panel.legend_above(top)
            share = float(likely.sum()) / float(known.sum())
            top.set_title(f"The {name} regime was likely in {words.percent(share, decimals=0)} of the time")
        figure.alt = top.get_title(loc="left")
    return figure


def _rounded(value: float) -> float:
    """Three digits of what is below a thousand, whole numbers above: a table has little room."""
    return round(value) if abs(value) >= 100.0 else float(f"{value:.3g}")


def _worst(scenarios: Sequence[str], total: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
    if not np.isfinite(total).any():
        return "No scenario is known for every position"
    at = int(np.nanargmin(total))
    if total[at] >= 0.0:
        return "No scenario loses"
    return f"Worst is {scenarios[at]}: {words.compact(_rounded(float(total[at])))}"
