"""Demand and supply of an auction, and the price at which they meet."""

from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ShapeError
from omni_lab.figures import _panel as panel
from omni_lab.figures import words
from omni_lab.figures.theme import Theme, find_theme
from omni_lab.typing import ArrayLike, FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from omni_lab.figures._canvas import Figure

_AROUND = 0.12  # of the span of prices, left free at both ends


def auction_figure(
    bid_price: ArrayLike,
    bid_qty: ArrayLike,
    ask_price: ArrayLike,
    ask_qty: ArrayLike,
    *,
    price: float | None = None,
    reference: float | None = None,
    symbol: str = "",
    unit: str = "shares",
    theme: str | Theme = "light",
) -> "Figure":
    """What would be bought and sold at every price, and where the auction cleared.

    Parameters
    ----------
    bid_price, ask_price : array-like of float, shape (n_bids,) and (n_asks,)
        Limits of the orders that take part; NaN for market orders, which accept every price.
    bid_qty, ask_qty : array-like of float, shape (n_bids,) and (n_asks,)
        Their quantities.
    price : float, optional
        Where it cleared; None if it did not.
    reference : float, optional
        The price that ties are broken towards.
    symbol, unit : str
        What is traded, and in what it is counted.
    theme : {"light", "dark"} or Theme
        Colours.

    Returns
    -------
    Figure
        Title: volume, price, and what is left on which side. Demand is blue and steps down, supply vermilion
        and steps up.

    Raises
    ------
    ShapeError
        If prices and quantities differ in length.
    """
    from omni_lab.figures._canvas import Figure

    paint = find_theme(theme)
    bids, asks = _orders(bid_price, bid_qty, "bid_qty"), _orders(ask_price, ask_qty, "ask_qty")
    figure = Figure(paint, (11.0, 4.2))
    with figure.painting():
        ax = figure.subplots()
        if not len(bids[0]) and not len(asks[0]):
            panel.empty(ax, "No order takes part in the auction.", paint)
        else:
            _draw(ax, bids, asks, price, reference, unit, paint)
        ax.set_title(auction_title(bids, asks, price, symbol))
        figure.alt = ax.get_title(loc="left")
    return figure


def demand_at(price: float, bids: tuple[FloatArray, FloatArray]) -> float:
    """Quantity of the buys whose limit accepts a price."""
    limits, qty = bids
    return float(qty[np.isnan(limits) | (limits >= price)].sum())


def supply_at(price: float, asks: tuple[FloatArray, FloatArray]) -> float:
    """Quantity of the sells whose limit accepts a price."""
    limits, qty = asks
    return float(qty[np.isnan(limits) | (limits <= price)].sum())


def auction_title(
    bids: tuple[FloatArray, FloatArray],
    asks: tuple[FloatArray, FloatArray],
    price: float | None,
    symbol: str = "",
) -> str:
    """Volume, price, and what is left over."""
    name = f"{symbol}: " if symbol else ""
    if price is None:
        return f"{name}no auction, for no bid meets an ask"
    demand, supply = demand_at(price, bids), supply_at(price, asks)
    title = f"{name}{words.quantity(min(demand, supply))} cleared at {_written(price)}"
    if demand == supply:
        return f"{title}, and nothing is left over"
    side = "buy" if demand > supply else "sell"
    return f"{title}; {words.quantity(abs(demand - supply))} to {side} left over"


def _draw(
    ax: "Axes",
    bids: tuple[FloatArray, FloatArray],
    asks: tuple[FloatArray, FloatArray],
    price: float | None,
    reference: float | None,
    unit: str,
    theme: Theme,
) -> None:
    from matplotlib import ticker

    known = np.concatenate([bids[0], asks[0], [p for p in (price, reference) if p is not None]])
    limits = np.unique(known[np.isfinite(known)])
    limits = limits if len(limits) else np.zeros(1)
    room = _AROUND * (limits[-1] - limits[0]) or 1e-3 * abs(limits[-1]) or 1.0
    x = np.concatenate([[limits[0] - room], limits, [limits[-1] + room]])
    demand = np.array([demand_at(at, bids) for at in x])
    supply = np.array([supply_at(at, asks) for at in x])
    # At its own limit an order still counts: demand falls behind a price, supply rises at it.
    ax.step(x, demand, where="pre", color=theme.buy, linewidth=1.8, label="Demand (buy)")
    ax.step(x, supply, where="post", color=theme.sell, linewidth=1.8, label="Supply (sell)")
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(0.0, max(demand.max(), supply.max()) * 1.12 or 1.0)
    if price is not None:
        _mark_price(ax, price, demand_at(price, bids), supply_at(price, asks), reference, theme)
    if reference is not None:
        ax.axvline(
            reference, color=theme.muted, linewidth=0.9, linestyle=(0, (1, 2)), label="Reference", zorder=1
        )
    ax.xaxis.set_major_locator(ticker.MaxNLocator(9, steps=[1, 2, 5, 10]))
    ax.set(xlabel="Price", ylabel=f"Quantity ({unit})")
    panel.number_axis(ax)
    panel.number_axis(ax, x=True)
    ax.grid(visible=True, axis="y")
    panel.legend_above(ax)


def _mark_price(
    ax: "Axes", price: float, demand: float, supply: float, reference: float | None, theme: Theme
) -> None:
    """The clearing price, its volume, and the gap between what was wanted and what was offered."""
    volume = min(demand, supply)
    ax.axvline(price, color=theme.text, linewidth=1.0, zorder=1.5)
    ax.plot([price], [volume], "o", color=theme.text, markersize=6.0, zorder=3)
    told = f"{words.quantity(volume)} at {_written(price)}"
    if demand != supply:
        ax.plot([price, price], [demand, supply], color=theme.text, linewidth=4.0, alpha=0.35, zorder=2)
        told += f"\n{words.quantity(abs(demand - supply))} more {'demand' if demand > supply else 'supply'}"
    # Between the falling and the rising curve there is room above the crossing.
    beside = sum(ax.get_xlim()) / 2 if reference in (None, price) else reference
    right = price >= beside if beside == reference else price < beside
    ax.annotate(
        told,
        (price, ax.get_ylim()[1]),
        xytext=(6.0 if right else -6.0, -3.0),
        textcoords="offset points",
        ha="left" if right else "right",
        va="top",
        color=theme.text,
    )


def _orders(price: ArrayLike, qty: ArrayLike, name: str) -> tuple[FloatArray, FloatArray]:
    limits, sizes = np.asarray(price, dtype=np.float64), np.asarray(qty, dtype=np.float64)
    if limits.shape != sizes.shape or limits.ndim != 1:
        raise ShapeError(
            "every order of an auction has a limit and a quantity",
            found=sizes.shape,
            expected=str(limits.shape),
            where=name,
        )
    return limits, sizes


def _written(price: float) -> str:
    return words.number(price, words.decimals_of([price]))
