"""Returns by month, and the Sharpe ratio of a window that moves along."""

from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.figures.timeaxis import TimeAxis
from omni_lab.typing import ArrayLike, FloatArray, IntArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

    from omni_lab.figures._canvas import Figure

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def monthly_heatmap(
    years: ArrayLike, monthly: ArrayLike, annual: ArrayLike, *, theme: str | Theme = "light"
) -> "Figure":
    """Return of each month in a grid, years down and months across, and of each year beside it.

    Parameters
    ----------
    years : array-like of int, shape (n_years,)
        Calendar years.
    monthly : array-like of float, shape (n_years, 12)
        Returns as fractions; NaN where there is none.
    annual : array-like of float, shape (n_years,)
        Returns of the years.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: how many months gained, the best and the worst. Gains are blue and losses vermilion, on a scale
        whose middle is zero and whose ends are the same on both sides.

    Raises
    ------
    ShapeError
        If the shapes do not match.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    rows, table, totals = checked_months(years, monthly, annual)
    figure = Figure(paint, (11.0, 0.9 + heatmap_height(len(rows))))
    with figure.painting():
        ax = figure.subplots()
        draw_months(ax, rows, table, totals, paint)
        ax.set_title(months_title(rows, table))
        figure.alt = ax.get_title(loc="left")
    return figure


def rolling_sharpe_figure(
    ts: ArrayLike,
    rolling: ArrayLike,
    window: int,
    *,
    overall: float = float("nan"),
    theme: str | Theme = "light",
) -> "Figure":
    """Sharpe ratio of the last steps, over time.

    Parameters
    ----------
    ts : array-like of int64 or datetime64, shape (n_steps,)
        Times of the steps, nanoseconds since 1970 UTC, increasing.
    rolling : array-like of float, shape (n_steps,)
        Annual Sharpe ratio of the window that ends at each step; NaN leaves a gap.
    window : int
        Steps in a window.
    overall : float, optional
        Sharpe ratio of all steps; a dashed line.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: how often the ratio was above zero, and its last value.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    ns = panel.times(ts)
    values = panel.series(rolling, ns, "rolling")
    figure = Figure(paint, (11.0, 3.6))
    with figure.painting():
        ax = figure.subplots()
        draw_rolling_sharpe(ax, TimeAxis(ns), values, window, overall, paint)
        ax.set_title(rolling_title(ns, values, window))
        figure.alt = ax.get_title(loc="left")
    return figure


def months_title(years: IntArray, monthly: FloatArray) -> str:
    """How many months gained, the best and the worst."""
    known = np.isfinite(monthly)
    n_months = int(known.sum())
    if not n_months:
        return "No month to show"

    def name(flat: np.intp) -> str:
        year, month = np.unravel_index(flat, monthly.shape)
        return f"{words.percent(monthly[year, month], sign=True)} ({_MONTHS[month]} {years[year]})"

    if n_months == 1:
        return f"One month: {name(np.nanargmax(monthly))}"
    gained = int((monthly[known] > 0).sum())
    share = "No" if not gained else "Every" if gained == n_months else ""
    claim = f"{share} month of {n_months} gained" if share else f"{gained} of {n_months} months gained"
    return f"{claim}; best {name(np.nanargmax(monthly))}, worst {name(np.nanargmin(monthly))}"


def rolling_title(ts: IntArray, rolling: FloatArray, window: int) -> str:
    """How often the ratio was above zero, and its last value."""
    known = rolling[np.isfinite(rolling)]
    title = f"{words.bars(window, ts)} Sharpe"
    if not len(known):
        return f"{title}: not defined in any window"
    above = words.percent(float((known > 0).mean()), decimals=0)
    return f"{title} above zero {above} of the time; last {words.number(float(known[-1]))}"


def heatmap_height(n_years: int) -> float:
    """Inches that the grid needs."""
    return 0.27 * max(n_years, 1) if n_years <= 40 else 0.18 * n_years


def draw_months(ax: "Axes", years: IntArray, monthly: FloatArray, annual: FloatArray, theme: Theme) -> None:
    """Grid of months with a column of years, a number in every cell."""
    if not len(years):
        panel.empty(ax, "No month to show.", theme)
        return
    colours = diverging(theme)
    n_years = len(years)
    for values, left in ((monthly, 0.0), (annual[:, None], 12.35)):
        # Years vary more than months do; each of the two has a scale of its own.
        limit = _limit(values)
        x, y = left + np.arange(values.shape[1] + 1), np.arange(n_years + 1)
        cells = colours(0.5 + 0.5 * np.clip(np.nan_to_num(values) / limit, -1.0, 1.0))
        cells[~np.isfinite(values)] = (0.0, 0.0, 0.0, 0.0)
        ax.pcolormesh(x, y, cells, edgecolors=theme.background, linewidth=1.5)
        for (row, column), value in np.ndenumerate(values):
            if np.isfinite(value):
                ink = ink_on(cells[row, column, :3])
                text = words.percent(value, decimals=1 if abs(value) < 0.9995 else 0).removesuffix("%")
                place = (left + column + 0.5, row + 0.52)
                size = 8.0 if n_years <= 40 else 6.5
                weight = "bold" if left else "normal"
                ax.text(*place, text, ha="center", va="center", color=ink, fontsize=size, fontweight=weight)
    ax.set_xlim(0.0, 13.35)
    ax.set_ylim(n_years, 0.0)
    ax.set_xticks([*(np.arange(12) + 0.5), 12.85], [*_MONTHS, "Year"])
    every = 1 if n_years <= 40 else 5
    shown = np.flatnonzero(years % every == 0)
    ax.set_yticks(shown + 0.5, [str(year) for year in years[shown]])
    ax.tick_params(length=0.0)
    ax.xaxis.tick_top()
    ax.spines["bottom"].set_visible(False)
    corner: dict[str, Any] = {
        "xycoords": "axes fraction",
        "textcoords": "offset points",
        "ha": "right",
        "va": "bottom",
    }
    ax.annotate("%", (0.0, 1.0), xytext=(-5.0, 4.0), color=theme.muted, fontsize=8.5, **corner)


def draw_rolling_sharpe(
    ax: "Axes",
    axis: TimeAxis,
    rolling: FloatArray,
    window: int,
    overall: float,
    theme: Theme,
    max_ticks: int = 9,
) -> None:
    """Line of the ratio, above a line at zero; dashed, the ratio of all steps."""
    if not np.isfinite(rolling).any():
        panel.empty(ax, f"No window of {words.count(window, 'step')} has a Sharpe ratio.", theme)
        return
    panel.area(ax, axis, rolling, theme.buy, theme.sell, 0.15)
    panel.line(ax, axis, rolling, color=theme.equity)
    ax.axhline(0.0, color=theme.muted, linewidth=0.8)
    panel.finish(ax, axis, "Sharpe ratio (annual)", max_ticks=max_ticks)
    if np.isfinite(overall):
        label = f"all steps {words.number(overall)}"
        ax.axhline(overall, color=theme.third, linewidth=1.2, linestyle=(0, (5, 3)), label=label)
        ax.legend(loc="best")


def diverging(theme: Theme) -> "Colormap":
    """Colours from loss through nothing to gain; the middle is nearly the page."""
    from matplotlib.colors import LinearSegmentedColormap

    middle = "#f1f3f5" if theme.name == "light" else "#20272f"
    return LinearSegmentedColormap.from_list("loss_gain", [theme.sell, middle, theme.buy])


def _limit(values: FloatArray) -> float:
    """End of the colour scale: beyond all but the few largest, which would leave the rest pale."""
    sizes = np.abs(values[np.isfinite(values)])
    return max(float(np.quantile(sizes, 0.97)), 1e-9) if len(sizes) else 1.0


def ink_on(colour: FloatArray) -> str:
    """Black or white, whichever stands out more (WCAG 2.2, relative luminance)."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return "#ffffff" if float(linear @ (0.2126, 0.7152, 0.0722)) < 0.179 else "#000000"


def checked_months(
    years: ArrayLike, monthly: ArrayLike, annual: ArrayLike
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Years, months and totals as arrays; ShapeError if they do not match."""
    rows = np.asarray(years, dtype=np.int64)
    table, totals = np.asarray(monthly, dtype=np.float64), np.asarray(annual, dtype=np.float64)
    if table.shape != (len(rows), 12) or totals.shape != rows.shape:
        raise ShapeError(
            "the tables do not match the years",
            found={"years": rows.shape, "monthly": table.shape, "annual": totals.shape},
            expected="(n,), (n, 12) and (n,)",
        )
    return rows, table, totals
