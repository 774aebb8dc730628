"""A metric over two parameters of a search: plateaus and needles."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.returns import diverging, ink_on
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.typing import ArrayLike, FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from omni_lab.figures._canvas import Figure

_MOST_WRITTEN = 260
_FRACTIONS = ("total_return", "max_drawdown", "annual_return")


def parameter_heatmap(
    x: Sequence[Any],
    y: Sequence[Any],
    values: ArrayLike,
    *,
    x_label: str,
    y_label: str,
    metric: str,
    note: str = "",
    theme: str | Theme = "light",
) -> "Figure":
    """Metric in a grid of cells, one parameter across and another up; the best cell is framed.

    Parameters
    ----------
    x, y : sequence
        Values of the parameters, in the order in which they are drawn.
    values : array-like of float, shape (n_y, n_x)
        The metric; NaN leaves a cell empty.
    x_label, y_label : str
        Names of the parameters.
    metric : str
        Name of the metric; returns and drawdowns are written in percent.
    note : str
        What else is to be known of the cells, told in the title's second half.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: the best value, where it is, and the median cell. Colours have their middle at zero where
        values have both signs, otherwise at the median.

    Raises
    ------
    ShapeError
        If the cells do not match the parameters.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    cells = np.asarray(values, dtype=np.float64)
    if cells.shape != (len(y), len(x)):
        raise ShapeError(
            "there must be one cell for each pair of values",
            found=cells.shape,
            expected=str((len(y), len(x))),
            where="values",
        )
    width = float(np.clip(2.2 + 0.62 * len(x), 6.5, 13.0))
    figure = Figure(paint, (width, float(np.clip(1.3 + 0.36 * len(y), 3.2, 9.0))))
    with figure.painting():
        ax = figure.subplots()
        if np.isfinite(cells).any():
            _draw(ax, x, y, cells, metric, paint)
            ax.set_xlabel(x_label)
            ax.set_ylabel(y_label)
            ax.set_title(heatmap_title(x, y, cells, x_label, y_label, metric, note), wrap=True)
        else:
            panel.empty(ax, f"No cell has a {words_of(metric)}.", paint)
            ax.set_title(f"{words_of(metric).capitalize()}: not defined anywhere")
        figure.alt = ax.get_title(loc="left")
    return figure


def heatmap_title(
    x: Sequence[Any],
    y: Sequence[Any],
    cells: FloatArray,
    x_label: str,
    y_label: str,
    metric: str,
    note: str = "",
) -> str:
    """The best value, where it is, and the median cell."""
    row, column = map(int, np.unravel_index(np.nanargmax(cells), cells.shape))
    known = cells[np.isfinite(cells)]
    best = _written(float(known.max()), metric)
    median = _written(float(np.median(known)), metric)
    place = f"{x_label} {_label(x[column])}, {y_label} {_label(y[row])}"
    title = f"Best {words_of(metric)} {best} at {place}; median of {len(known)} cells {median}"
    return f"{title}\n{note}" if note else title


def words_of(metric: str) -> str:
    """A metric's name as people write it: ``Sharpe ratio``."""
    return metric.replace("_", " ").replace("sharpe", "Sharpe")


def _draw(
    ax: "Axes", x: Sequence[Any], y: Sequence[Any], cells: FloatArray, metric: str, theme: Theme
) -> None:
    from matplotlib.patches import Rectangle

    known = cells[np.isfinite(cells)]
    middle = 0.0 if known.min() < 0.0 < known.max() else float(np.median(known))
    reach = max(float(np.quantile(np.abs(known - middle), 0.97)), 1e-12)
    colours = diverging(theme)(0.5 + 0.5 * np.clip((np.nan_to_num(cells) - middle) / reach, -1.0, 1.0))
    colours[~np.isfinite(cells)] = (0.0, 0.0, 0.0, 0.0)
    n_y, n_x = cells.shape
    many = cells.size > 900
    ax.pcolormesh(
        np.arange(n_x + 1),
        np.arange(n_y + 1),
        colours,
        edgecolors="none" if many else theme.background,
        linewidth=0.0 if many else 1.5,
    )
    if cells.size <= _MOST_WRITTEN:
        for (row, column), value in np.ndenumerate(cells):
            if np.isfinite(value):
                text = _written(value, metric).removesuffix("%")
                ink = ink_on(colours[row, column, :3])
                ax.text(column + 0.5, row + 0.48, text, ha="center", va="center", color=ink, fontsize=8.0)
    row, column = np.unravel_index(np.nanargmax(cells), cells.shape)
    frame: dict[str, Any] = {"fill": False, "edgecolor": theme.text, "linewidth": 1.8, "zorder": 3}
    ax.add_patch(Rectangle((float(column), float(row)), 1.0, 1.0, **frame))
    for set_ticks, names in ((ax.set_xticks, x), (ax.set_yticks, y)):
        every = max(1, -(-len(names) // 20))
        shown = range(0, len(names), every)
        set_ticks([place + 0.5 for place in shown], [_label(names[place]) for place in shown])
    ax.tick_params(length=0.0)
    ax.spines["bottom"].set_visible(False)


def _written(value: float, metric: str) -> str:
    return words.percent(value) if metric in _FRACTIONS else words.number(value, 2 if abs(value) < 1e3 else 0)


def _label(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
