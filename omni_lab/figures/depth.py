"""How much waits at which price, through time: a picture of the book with the best prices drawn in."""

from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.quotes import clock_axis
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.typing import ArrayLike, FloatArray, IntArray

if TYPE_CHECKING:
    from omni_lab.figures._canvas import Figure

_COLUMNS = 700
_ROWS = 240
_SHOWN = 0.995  # of the quantity; what lies further away would make the rest small


def depth_figure(
    ts: ArrayLike,
    bid_price: ArrayLike,
    bid_qty: ArrayLike,
    ask_price: ArrayLike,
    ask_qty: ArrayLike,
    *,
    symbol: str = "",
    tick_size: float | None = None,
    theme: str | Theme = "light",
) -> "Figure":
    """Quantity at each price over time, darker where more waits; best bid and ask as lines.

    Parameters
    ----------
    ts : array-like of int64 or datetime64, shape (n,)
        Times of the snapshots, nanoseconds, not falling. A snapshot holds until the next one.
    bid_price, bid_qty, ask_price, ask_qty : array-like of float, shape (n, n_levels)
        Best level first; 0 or NaN where there is none.
    symbol : str
        Of what.
    tick_size : float, optional
        Height of a row; by default the smallest distance of prices, or more if that were too fine to see.
    theme : {"light", "dark"} or Theme
        Colours. The scale is logarithmic, of one hue that also reads in grey.

    Returns
    -------
    Figure
        Title: how much waits within ten basis points of the middle, on either side.

    Raises
    ------
    ShapeError
        If shapes differ.
    """
    from omni_lab.figures._canvas import Figure

    paint, ns = find_theme(theme), panel.times(ts)
    sides = [_levels(bid_price, bid_qty, ns, "bid"), _levels(ask_price, ask_qty, ns, "ask")]
    figure = Figure(paint, (11.0, 5.6))
    with figure.painting():
        ax = figure.subplots()
        if len(ns) < 2 or not any((qty > 0).any() for _, qty in sides):
            panel.empty(ax, "No depth to show.", paint)
        else:
            _draw(figure, ns, sides, tick_size, paint)
        ax.set_title(depth_title(sides, symbol))
        figure.alt = ax.get_title(loc="left")
    return figure


def depth_title(sides: list[tuple[FloatArray, FloatArray]], symbol: str) -> str:
    """Median quantity within ten basis points of the middle, on either side."""
    name = f"{symbol}: " if symbol else ""
    (bids, bid_qty), (asks, ask_qty) = sides
    if not (bids.size and asks.size):
        return f"{name}no depth"
    mid = (bids[:, :1] + asks[:, :1]) / 2.0
    near = [
        float(np.nanmedian(np.where(np.abs(price / mid - 1.0) <= 1e-3, qty, 0.0).sum(axis=1)))
        for price, qty in ((bids, bid_qty), (asks, ask_qty))
    ]
    if not np.isfinite(mid).any():
        return f"{name}no two-sided market"
    return (
        f"{name}within 10 bps of the middle {words.quantity(round(near[0]))} are bid"
        f" and {words.quantity(round(near[1]))} offered, in the median"
    )


def _draw(
    figure: "Figure",
    ns: IntArray,
    sides: list[tuple[FloatArray, FloatArray]],
    tick_size: float | None,
    paint: Theme,
) -> None:
    from matplotlib.colors import LogNorm

    ax = figure.axes[0]
    axis = clock_axis(ns)
    columns = np.linspace(int(ns[0]), int(ns[-1]), min(_COLUMNS, max(len(ns), 50)) + 1)
    # What a column shows is the book at its beginning.
    rows = np.maximum(np.searchsorted(ns, columns[:-1], side="right") - 1, 0)
    low, high = _price_range(sides)
    step = tick_size or _smallest_step(sides)
    step *= max(1.0, np.ceil((high - low) / step / _ROWS))
    first = np.floor(low / step + 0.5)
    n_rows = int(np.floor(high / step + 0.5) - first) + 1
    image = np.zeros((n_rows, len(rows)))
    for price, qty in sides:
        at = np.floor(price[rows] / step + 0.5) - first
        seen = np.isfinite(at) & (at >= 0) & (at < n_rows) & (qty[rows] > 0)
        column = np.broadcast_to(np.arange(len(rows))[:, None], at.shape)
        np.add.at(image, (at[seen].astype(np.int64), column[seen]), qty[rows][seen])
    x = axis.x(columns[[0, -1]].astype(np.int64))
    there = image[image > 0]
    floor, top = np.quantile(there, [0.02, 0.999])
    drawn = ax.imshow(
        np.where(image > 0, image, np.nan),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        extent=(x[0], x[1], (first - 0.5) * step, (first + n_rows - 0.5) * step),
        cmap="cividis_r" if paint.name == "light" else "cividis",
        norm=LogNorm(max(floor, 1e-12), max(top, floor * 10.0)),
    )
    times = axis.x(columns[:-1].astype(np.int64))
    for (price, _), colour, name in zip(sides, (paint.buy, paint.sell), ("bid", "ask"), strict=True):
        ax.step(times, price[rows, 0], where="post", color=paint.background, linewidth=2.6)
        ax.step(times, price[rows, 0], where="post", color=colour, linewidth=1.2, label=name)
    bar = figure.colorbar(drawn, ax=ax, pad=0.01, aspect=30)
    bar.set_label("Quantity, log scale")
    bar.outline.set_visible(False)
    panel.number_axis(ax)
    panel.finish(ax, axis, "Price")
    ax.grid(visible=False)
    ax.set_xlim(x[0], x[1])
    ax.set_ylim((first - 0.5) * step, (first + n_rows - 0.5) * step)
    panel.legend_above(ax)


def _price_range(sides: list[tuple[FloatArray, FloatArray]]) -> tuple[float, float]:
    """Prices between which nearly all of the quantity waits."""
    price = np.concatenate([price.ravel() for price, _ in sides])
    qty = np.concatenate([qty.ravel() for _, qty in sides])
    there = np.isfinite(price) & (qty > 0)
    order = np.argsort(price[there], kind="stable")
    price, reached = price[there][order], np.cumsum(qty[there][order])
    cut = (1.0 - _SHOWN) / 2.0 * reached[-1]
    low, high = np.searchsorted(reached, [cut, reached[-1] - cut])
    return float(price[low]), float(price[min(high, len(price) - 1)])


def _smallest_step(sides: list[tuple[FloatArray, FloatArray]]) -> float:
    prices = np.unique(np.concatenate([price[np.isfinite(price)] for price, _ in sides]))
    steps = np.diff(prices)
    steps = steps[steps > 1e-9]
    return float(steps.min()) if len(steps) else 1.0


def _levels(price: ArrayLike, qty: ArrayLike, ns: IntArray, name: str) -> tuple[FloatArray, FloatArray]:
    prices, sizes = np.asarray(price, dtype=np.float64), np.asarray(qty, dtype=np.float64)
    if prices.ndim != 2 or prices.shape != sizes.shape or len(prices) != len(ns):
        raise ShapeError(
            "a snapshot has a price and a quantity for each level",
            found=f"prices {prices.shape}, quantities {sizes.shape}",
            expected=f"({len(ns)}, n_levels)",
            where=name,
        )
    there = (sizes > 0) & (prices != 0)
    return np.where(there, prices, np.nan), np.where(there, sizes, 0.0)
