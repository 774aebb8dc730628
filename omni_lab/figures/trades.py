"""Fills on the price, and the position held under it."""

from typing import TYPE_CHECKING, cast

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.figures.timeaxis import TimeAxis
from omni_lab.typing import ArrayLike, BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from omni_lab.figures._canvas import Figure

_MAX_MARKERS = 300  # of a side; more run into each other
_MAX_SPANS = 250  # stretches of one sign that can be told apart as shading


def trades_figure(
    ts: ArrayLike,
    price: ArrayLike,
    fill_ts: ArrayLike,
    fill_price: ArrayLike,
    fill_is_buy: ArrayLike,
    *,
    position: ArrayLike | None = None,
    symbol: str = "",
    currency: str = "USD",
    theme: str | Theme = "light",
) -> "Figure":
    """Price with every buy and sell on it, above the position.

    Where more fills were made than can be told apart, the first of each side in each of 300 equal parts of
    the axis is drawn and the figure says how many there were.

    Parameters
    ----------
    ts : array-like of int64 or datetime64, shape (n_steps,)
        Times of the steps, nanoseconds since 1970 UTC, increasing.
    price : array-like of float, shape (n_steps,)
        Price after each step; NaN leaves a gap.
    fill_ts : array-like of int64 or datetime64, shape (n_fills,)
        Times of the fills.
    fill_price : array-like of float, shape (n_fills,)
        Their prices.
    fill_is_buy : array-like of bool, shape (n_fills,)
        Whether bought; sold otherwise.
    position : array-like of float, shape (n_steps,), optional
        Position after each step, negative when short.
    symbol : str
        What is traded.
    currency : str
        Of the prices.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: number of buys and sells, and how much of the time was spent long and short.

    Raises
    ------
    ShapeError
        If series differ in length.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    ns = panel.times(ts)
    prices = panel.series(price, ns, "price")
    held = None if position is None else panel.series(position, ns, "position")
    when, at, bought = checked_fills(fill_ts, fill_price, fill_is_buy)
    figure = Figure(paint, (11.0, 4.6 if held is None else 5.8))
    with figure.painting():
        axis = TimeAxis(ns)
        if held is None:
            upper = figure.subplots()
        else:
            upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.6, 1.0])
            draw_position(lower, axis, held, paint)
        draw_trades(upper, axis, prices, when, at, bought, held, symbol, currency, paint)
        if held is not None:
            panel.hide_dates(upper)
        upper.set_title(trades_title(bought, held, symbol))
        figure.alt = upper.get_title(loc="left")
    return figure


def trades_title(is_buy: BoolArray, position: FloatArray | None, symbol: str) -> str:
    """Number of buys and sells, and how much of the time was spent long and short."""
    n_buys = int(is_buy.sum())
    title = f"{symbol}: " if symbol else ""
    if len(is_buy):
        title += f"{words.count(n_buys, 'buy')}, {words.count(len(is_buy) - n_buys, 'sell')}"
    else:
        title += "no fills"
    if position is None or not len(position):
        return title
    sides = {"long": float((position > 0).mean()), "short": float((position < 0).mean())}
    parts = [f"{side} {words.percent(part, decimals=0)}" for side, part in sides.items() if part]
    return f"{title}; {' and '.join(parts)} of the time" if parts else f"{title}; never in a position"


def draw_trades(
    ax: "Axes",
    axis: TimeAxis,
    price: FloatArray,
    fill_ts: IntArray,
    fill_price: FloatArray,
    fill_is_buy: BoolArray,
    position: FloatArray | None,
    symbol: str,
    currency: str,
    theme: Theme,
) -> None:
    """Price, shading for the position, and a triangle for each fill: up and blue for a buy, else down."""
    from matplotlib.transforms import ScaledTranslation

    inches = cast("Figure", ax.get_figure(root=True)).dpi_scale_trans
    if position is not None:
        _shade(ax, axis, position, theme)
    panel.line(ax, axis, price, color=theme.muted, linewidth=1.0)
    x = axis.x(fill_ts)
    n_drawn = 0
    for side, marker, colour, label, below in (
        (fill_is_buy, "^", theme.buy, "Buy", -1.0),
        (~fill_is_buy, "v", theme.sell, "Sell", 1.0),
    ):
        kept = _thinned(x, np.flatnonzero(side))
        n_drawn += len(kept)
        if len(kept):
            # A triangle touches the price it was filled at with its tip: buys stand below, sells hang above.
            points = 6.5 if len(kept) <= 80 else 5.0
            shift = ScaledTranslation(0.0, below * 0.55 * points / 72.0, inches)
            ax.scatter(
                x[kept],
                fill_price[kept],
                s=points**2,
                transform=ax.transData + shift,
                marker=marker,
                color=colour,
                edgecolors=theme.background,
                linewidths=0.6,
                zorder=3,
                label=label,
            )
    low, high = float(np.nanmin(price, initial=np.inf)), float(np.nanmax(price, initial=-np.inf))
    scale = ", log scale" if panel.value_axis(ax, low, high) else ""
    panel.finish(ax, axis, f"{symbol or 'Price'} ({currency}{scale})")
    ax.margins(y=0.08)
    if len(fill_ts):
        panel.legend_above(ax)
    if n_drawn < len(fill_ts):
        note = f"{n_drawn:,} of {len(fill_ts):,} fills drawn"
        ax.text(0.995, 0.02, note, transform=ax.transAxes, ha="right", fontsize=8.5, color=theme.muted)


def draw_position(ax: "Axes", axis: TimeAxis, position: FloatArray, theme: Theme) -> None:
    """Position over time, in steps."""
    from matplotlib import ticker

    panel.area(ax, axis, position, theme.buy, theme.sell, 0.55, step=True)
    ax.axhline(0.0, color=theme.muted, linewidth=0.8)
    held = bool(np.nan_to_num(position).any())
    ax.yaxis.set_major_locator(ticker.MaxNLocator(3) if held else ticker.FixedLocator([0.0]))
    panel.number_axis(ax)
    panel.finish(ax, axis, "Position")


def _shade(ax: "Axes", axis: TimeAxis, position: FloatArray, theme: Theme) -> None:
    """Tint the time spent long and short, unless it changed too often to be seen."""
    sign = np.sign(np.nan_to_num(position))
    starts = np.flatnonzero(np.diff(sign, prepend=np.nan))
    if not 0 < len(starts) <= _MAX_SPANS:
        return
    x = axis.x()
    stops = np.append(x[starts[1:]], x[-1])
    for wanted, colour in ((1.0, theme.buy), (-1.0, theme.sell)):
        spans = [(x[a], stop - x[a]) for a, stop in zip(starts, stops, strict=True) if sign[a] == wanted]
        ax.broken_barh(
            spans, (0.0, 1.0), transform=ax.get_xaxis_transform(), color=colour, alpha=0.09, zorder=0
        )


def _thinned(x: FloatArray, fills: IntArray) -> IntArray:
    """First fill in each of as many equal parts of the axis as there may be markers."""
    if len(fills) <= _MAX_MARKERS:
        return fills
    at = x[fills]
    part = np.floor((at - at[0]) / max(at[-1] - at[0], 1e-12) * (_MAX_MARKERS - 1))
    return np.asarray(fills[np.flatnonzero(np.diff(part, prepend=-1.0))])


def checked_fills(
    ts: ArrayLike, price: ArrayLike, is_buy: ArrayLike
) -> tuple[IntArray, FloatArray, BoolArray]:
    """Columns of the fills as arrays; ShapeError if they are not equally long."""
    when = panel.times(ts)
    at, bought = np.asarray(price, dtype=np.float64), np.asarray(is_buy, dtype=np.bool_)
    if not when.shape == at.shape == bought.shape:
        raise ShapeError(
            "a fill has a time, a price and a side",
            found={"fill_ts": when.shape, "fill_price": at.shape, "fill_is_buy": bought.shape},
            expected="equal lengths",
        )
    return when, at, bought
