"""A moment as one block of HTML, for any screen: no scripts, no addresses, all text escaped.

What changed carries a mark and what it was before; colours never say anything alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Literal

from omni_lab.execution.events import Event
from omni_lab.execution.sentences import plain
from omni_lab.execution.views import BookView, Order, Position
from omni_lab.figures import ladder_svg
from omni_lab.figures.words import MISSING, number, quantity
from omni_lab.ui.books import sides_of
from omni_lab.ui.replay.moment import Moment
from omni_lab.ui.replay.registers import Reading
from omni_lab.ui.replay.style import STYLE
from omni_lab.ui.replay.tables import table
from omni_lab.ui.replay.times import clock

Scheme = Literal["auto", "light", "dark"]

_ARROWS = {"BUY": "▲ buy", "SELL": "▼ sell"}


def page(
    moment: Moment,
    book: BookView,
    *,
    last: int,
    own: Iterable[int] = (),
    queue: bool = True,
    scheme: Scheme = "auto",
) -> str:
    """Everything there is to see after a frame.

    Parameters
    ----------
    moment : Moment
        The frame, and the system after it.
    book : BookView
        The book to show.
    last : int
        Number of the last frame.
    own : iterable of int
        Ids of the orders to mark in the book.
    queue : bool
        Whether every order in the book is a segment.
    scheme : {"auto", "light", "dark"}
        Colours; ``auto`` takes JupyterLab's, or the reader's setting outside of it.
    """
    bids, asks = sides_of(book, tuple(own))
    shown = ladder_svg(bids, asks, last=book.last, symbol=book.symbol, queue=queue, width=600.0)
    return (
        f'<div class="omni-replay {scheme}"><style>{STYLE}</style>{_head(moment, last)}'
        f'<div class="columns"><section><h4>{escape(book.symbol)} book, {plain(book.phase)}</h4>{shown}'
        f"{_note(book)}</section>{_events(moment)}</div>"
        f'<div class="columns">{_orders(moment)}{_positions(moment)}{_registers(moment.registers)}</div>'
        "</div>"
    )


def _head(moment: Moment, last: int) -> str:
    return (
        f'<header><div class="soft">Frame {moment.sequence:,} of {last:,} · {escape(clock(moment.ts))}</div>'
        f'<div class="said">{escape(moment.said)}</div>'
        f'<div class="soft hash" title="SHA-256 of the state after this frame">state '
        f"{moment.state_hash[:16]}…</div></header>"
    )


def _note(book: BookView) -> str:
    text = "Pale: sum up to that price. Hatched: does not show. Outlined: the order or account followed."
    return (
        f'<p class="soft">{text}</p>'
        if len(book.orders("BUY")["price"]) + len(book.orders("SELL")["price"])
        else ""
    )


def _events(moment: Moment) -> str:
    rows = [_event_row(event, moment) for event in moment.events]
    more = moment.n_events - len(moment.events)
    title = "What came of it" + (f" (the first {len(rows)} of {moment.n_events:,})" if more else "")
    heads = ("Event", "Order", "Side", "Qty", "Price", "Left", "Why")
    return table(title, heads, rows, "Nothing: no event.", text=(0, 2, 6))


def _event_row(event: Event, moment: Moment) -> Sequence[str]:
    kind = plain(event.kind)
    if event.switch:
        whose = event.account or event.symbol or "everything"
        return kind, "", "", "", "", "", f"{whose}: {event.switch.lower()}"
    if event.register:
        address, value = event.register
        return kind, "", "", "", "", "", f"{moment.grids.registers.get(address, hex(address))} = {value:,}"
    why = event.reason or event.phase or event.liquidity
    return (
        kind,
        str(event.order_id or ""),
        _ARROWS.get(event.side or "", ""),
        quantity(event.qty) if event.qty else "",
        _price(event.price, "", moment.grids.decimals.get(event.symbol or "", 0)),
        quantity(event.leaves) if event.order_id or event.leaves else "",
        plain(why) if why else "",
    )


def _orders(moment: Moment) -> str:
    rows = [_order_row(order, moment) for order in moment.orders]
    n_live = moment.n_orders
    shown = sum(order.place is not None for order in moment.orders)
    title = f"Orders: {n_live:,} live" + (f", {shown} of them here" if shown < n_live else "")
    heads = ("", "Order", "Account", "Side", "Type", "Qty", "Left", "Price", "State", "Waits")
    return table(title, heads, rows, "No order yet.", text=(0, 2, 3, 4, 8, 9), wide=True)


def _order_row(order: Order, moment: Moment) -> Sequence[str]:
    decimals = moment.grids.decimals[order.symbol]
    price = order.working_price or order.price or order.stop_price
    state = plain(order.state) + (f" ({plain(order.reason)})" if order.reason else "")
    return (
        "●" if order.order_id in moment.touched else "",
        str(order.order_id),
        order.account,
        _ARROWS[order.side],
        plain(order.order_type),
        quantity(order.qty),
        quantity(order.leaves_qty),
        _price(price, "market" if order.order_type == "MARKET" else MISSING, decimals),
        state,
        plain(order.place) if order.place else MISSING,
    )


def _positions(moment: Moment) -> str:
    rows = [_position_row(each, moment) for each in moment.positions]
    heads = ("", "Account", "Symbol", "Qty", "Average", "Realised", "Open PnL")
    return table("Positions", heads, rows, "Nothing has traded.", text=(0, 1, 2))


def _position_row(each: Position, moment: Moment) -> Sequence[str]:
    decimals = moment.grids.decimals[each.symbol]
    return (
        "●" if (each.account, each.symbol) in moment.traded else "",
        each.account,
        each.symbol,
        quantity(each.qty),
        _price(each.average_price, MISSING, decimals + 2),
        number(each.realised, sign=True),
        number(each.unrealised, sign=True),
    )


def _registers(found: Iterable[Reading]) -> str:
    changed = sorted(found, key=lambda each: each.before is None)
    rows = [
        ("●" if each.before is not None else "", each.name, each.value, each.before or "") for each in changed
    ]
    return table("Risk gate", ("", "Register", "Value", "Was"), rows, "All as after a reset.", text=(0, 1))


def _price(price: float | None, missing: str, decimals: int) -> str:
    return missing if price is None else number(price, decimals)
