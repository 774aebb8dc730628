"""How much of what there should be is there: instruments down, years across."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.returns import ink_on
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.typing import ArrayLike, FloatArray, IntArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

    from omni_lab.figures._canvas import Figure

_MOST_WRITTEN = 600
_WORST_SHADE = 0.05


def coverage_figure(
    symbols: Sequence[str],
    years: ArrayLike,
    missing: ArrayLike,
    *,
    what: str = "sessions",
    theme: str | Theme = "light",
) -> "Figure":
    """Fraction that is missing in each year of each instrument, in a grid.

    Parameters
    ----------
    symbols : sequence of str, length n_symbols
        Names of the rows.
    years : array-like of int, shape (n_years,)
        Names of the columns.
    missing : array-like of float, shape (n_symbols, n_years)
        Fractions from 0 to 1; NaN where nothing is expected, which leaves the cell empty.
    what : str
        What is missing, in the plural.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: how many instruments lack none, and the worst year. Blue is whole, vermilion is 5% or more,
        and a number in the cell says how many per cent are missing.

    Raises
    ------
    ShapeError
        If the grid does not match its names.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    columns, cells = np.asarray(years, dtype=np.int64), np.asarray(missing, dtype=np.float64)
    if cells.shape != (len(symbols), len(columns)):
        raise ShapeError(
            "there must be one cell for each instrument and year",
            found=cells.shape,
            expected=str((len(symbols), len(columns))),
            where="missing",
        )
    figure = Figure(paint, (11.0, float(np.clip(1.4 + 0.26 * len(symbols), 2.2, 12.0))))
    with figure.painting():
        ax = figure.subplots()
        if np.isfinite(cells).any():
            _draw(ax, symbols, columns, cells, paint)
        else:
            panel.empty(ax, "Nothing is expected of any year.", paint)
        ax.set_title(coverage_title(symbols, columns, cells, what), wrap=True)
        figure.alt = ax.get_title(loc="left")
    return figure


def coverage_title(symbols: Sequence[str], years: IntArray, missing: FloatArray, what: str) -> str:
    """How many instruments lack none, and the worst year."""
    known = np.isfinite(missing).any(axis=1)
    if not known.any():
        return f"No instrument should have {what}"
    whole = int((np.nansum(missing[known], axis=1) == 0).sum())
    if whole == known.sum():
        return f"No {what} are missing in {words.count(whole, 'instrument')}"
    row, column = map(int, np.unravel_index(np.nanargmax(missing), missing.shape))
    worst = f"{words.percent(missing[row, column])} in {years[column]} of {symbols[row]}"
    return f"{whole} of {int(known.sum())} instruments lack no {what}; at worst {worst} are missing"


def _draw(ax: "Axes", symbols: Sequence[str], years: IntArray, cells: FloatArray, theme: Theme) -> None:
    shades = _shades(theme)(np.clip(np.nan_to_num(cells) / _WORST_SHADE, 0.0, 1.0))
    shades[~np.isfinite(cells)] = (0.0, 0.0, 0.0, 0.0)
    n_rows, n_columns = cells.shape
    ax.pcolormesh(
        np.arange(n_columns + 1), np.arange(n_rows + 1), shades, edgecolors=theme.background, linewidth=1.0
    )
    if cells.size <= _MOST_WRITTEN:
        for (row, column), value in np.ndenumerate(cells):
            if value > 0:
                text = words.percent(value, decimals=1 if value < 0.095 else 0).removesuffix("%")
                ink = ink_on(shades[row, column, :3])
                ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=ink, fontsize=7.0)
    ax.set_ylim(n_rows, 0.0)
    ax.set_yticks(np.arange(n_rows) + 0.5, symbols)
    every = max(1, n_columns // 16)
    ax.set_xticks(np.arange(0, n_columns, every) + 0.5, [str(year) for year in years[::every]])
    ax.tick_params(length=0.0)
    ax.spines["bottom"].set_visible(False)
    ax.set_xlabel("Year; numbers are per cent missing")


def _shades(theme: Theme) -> "Colormap":
    from matplotlib.colors import LinearSegmentedColormap

    whole = "#cfe3f1" if theme.name == "light" else "#12384f"
    return LinearSegmentedColormap.from_list("missing", [whole, theme.sell])
