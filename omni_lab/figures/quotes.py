"""Best bid and ask through a stretch of time, with the trades between them and the spread below."""

from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.decimate import decimate
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.figures.timeaxis import TimeAxis
from omni_lab.typing import ArrayLike, FloatArray, IntArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from omni_lab.figures._canvas import Figure

_MOST_TRADES = 4000


def quotes_figure(
    ts: ArrayLike,
    bid: ArrayLike,
    ask: ArrayLike,
    *,
    trades: tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike] | None = None,
    symbol: str = "",
    theme: str | Theme = "light",
) -> "Figure":
    """Best prices as steps, trades as marks that point the way of the aggressor, the spread below.

    Parameters
    ----------
    ts : array-like of int64 or datetime64, shape (n,)
        Times of the changes, nanoseconds, not falling.
    bid, ask : array-like of float, shape (n,)
        Best prices from each time on; NaN while a side is empty.
    trades : tuple of four array-likes, shape (n_trades,), optional
        Times, prices, quantities, and aggressors: 1 bought, 2 sold, 0 unknown.
    symbol : str
        Of what.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: the time-weighted spread in basis points, how often the book was locked or crossed, trades.

    Raises
    ------
    ShapeError
        If columns differ in length.
    """
    from omni_lab.figures._canvas import Figure

    paint, ns = find_theme(theme), panel.times(ts)
    bids, asks = panel.series(bid, ns, "bid"), panel.series(ask, ns, "ask")
    tape = None if trades is None else _tape(trades)
    figure = Figure(paint, (11.0, 5.6))
    with figure.painting():
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.0, 1.0])
        if len(ns) < 2:
            panel.empty(upper, "Fewer than two quotes.", paint)
            panel.empty(lower, "", paint)
        else:
            _draw(upper, lower, ns, bids, asks, tape, paint)
        upper.set_title(quotes_title(ns, bids, asks, tape, symbol))
        figure.alt = upper.get_title(loc="left")
    return figure


def quotes_title(
    ns: IntArray, bids: FloatArray, asks: FloatArray, tape: tuple[FloatArray, ...] | None, symbol: str
) -> str:
    """Spread, locked and crossed time, trades."""
    name = f"{symbol}: " if symbol else ""
    lasts = np.diff(ns).astype(np.float64)
    spread, mid = (asks - bids)[:-1], ((asks + bids) / 2.0)[:-1]
    whole = np.isfinite(spread) & (lasts > 0)
    if not whole.any():
        return f"{name}no two-sided market"
    weights = lasts[whole]
    bps = float(np.average(spread[whole] / mid[whole], weights=weights)) * 1e4
    unwell = float(weights[spread[whole] <= 0].sum() / weights.sum())
    said = f"{name}the spread is {words.number(bps, 1 if bps >= 1 else 2)} bps on average over time"
    if unwell > 0:
        said += f", locked or crossed {words.percent(unwell)} of it"
    if tape is not None and len(tape[0]):
        said += f"; {words.count(len(tape[0]), 'trade')} of {words.quantity(float(tape[2].sum()))}"
    return said


def _draw(
    upper: "Axes",
    lower: "Axes",
    ns: IntArray,
    bids: FloatArray,
    asks: FloatArray,
    tape: tuple[FloatArray, ...] | None,
    paint: Theme,
) -> None:
    axis = clock_axis(ns)
    x = axis.x(ns)
    for values, colour, name in ((bids, paint.buy, "bid"), (asks, paint.sell, "ask")):
        kept = decimate(x, values)
        upper.step(x[kept], values[kept], where="post", color=colour, linewidth=1.1, label=name)
    if tape is not None:
        _mark_trades(upper, axis, tape, paint)
    spread = asks - bids
    kept = decimate(x, spread)
    lower.fill_between(x[kept], spread[kept], 0.0, step="post", color=paint.muted, alpha=0.45, linewidth=0.0)
    panel.number_axis(upper)
    panel.number_axis(lower)
    panel.finish(upper, axis, "Price")
    panel.finish(lower, axis, "Spread")
    panel.hide_dates(upper)
    panel.legend_above(upper)


def _mark_trades(ax: "Axes", axis: TimeAxis, tape: tuple[FloatArray, ...], paint: Theme) -> None:
    ns, price, qty, who = tape
    if len(ns) > _MOST_TRADES:  # The largest ones tell most.
        largest = np.sort(np.argsort(qty, kind="stable")[-_MOST_TRADES:])
        ns, price, qty, who = (column[largest] for column in tape)
    if not len(ns):
        return
    size = 6.0 + 60.0 * np.sqrt(qty / max(float(qty.max()), 1.0))
    kinds = (
        (1, "^", paint.buy, "bought"),
        (2, "v", paint.sell, "sold"),
        (0, "o", paint.muted, "side unknown"),
    )
    for code, marker, colour, name in kinds:
        of = who == code
        if of.any():
            x = axis.x(ns[of].astype(np.int64))
            marks = ax.scatter(x, price[of], s=size[of], marker=marker, label=name, zorder=3)
            marks.set(facecolor=colour, edgecolor=paint.background, linewidth=0.4, alpha=0.8)


def clock_axis(ns: IntArray) -> TimeAxis:
    """Axis on which every nanosecond is equally wide, however unevenly things happen."""
    return TimeAxis(np.linspace(int(ns[0]), int(ns[-1]), 400).astype(np.int64))


def _tape(trades: tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike]) -> tuple[FloatArray, ...]:
    ns, *others = trades
    columns = (
        panel.times(ns).astype(np.float64),
        *(np.asarray(column, dtype=np.float64) for column in others),
    )
    shapes = [column.shape for column in columns]
    if len(set(shapes)) > 1:
        raise ShapeError(
            "a trade has a time, a price, a quantity and an aggressor", found=shapes, where="trades"
        )
    return columns
