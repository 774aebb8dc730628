"""A moment of a run as one block of HTML: no scripts, no addresses, all text escaped."""

from __future__ import annotations

from html import escape

from omni_lab.ui.replay.page import Scheme
from omni_lab.ui.replay.style import STYLE
from omni_lab.ui.replay.tables import table
from omni_lab.ui.runs.film import RunFilm, RunMoment

_ORDER_HEADS = ("Order", "Symbol", "Side", "Type", "Qty", "Left", "Price", "State")


def page(film: RunFilm, moment: RunMoment, *, scheme: Scheme = "auto") -> str:
    """Everything there is to see at a moment.

    Parameters
    ----------
    film : RunFilm
        The run.
    moment : RunMoment
        What it shows.
    scheme : {"auto", "light", "dark"}
        Colours; ``auto`` takes JupyterLab's, or the reader's setting outside of it.
    """
    return (
        f'<div class="omni-replay {scheme}"><style>{STYLE}</style>{_head(film, moment)}'
        f'<div class="columns"><section><h4>{escape(moment.chart_title)}</h4>{moment.chart}'
        f'<p class="soft">{escape(moment.note)}</p></section>{_messages(moment)}</div>'
        f'<div class="columns">{_account(moment)}{_positions(moment)}{_orders(moment)}</div></div>'
    )


def _head(film: RunFilm, moment: RunMoment) -> str:
    place = f"{film.noun} {moment.number:,} of 0 to {film.n_moments - 1:,}"
    return (
        f'<header><div class="soft">{place} · {escape(moment.when)}</div>'
        f'<div class="said">{escape(moment.said)}</div>'
        f'<div class="soft">{escape(film.title)}</div></header>'
    )


def _account(moment: RunMoment) -> str:
    return table("Account", ("", ""), moment.account, "", text=(0,))


def _positions(moment: RunMoment) -> str:
    heads = ("Symbol", "Qty", "Price", "Value")
    return table("Positions", heads, moment.positions, "Nothing is held.", text=(0,))


def _orders(moment: RunMoment) -> str:
    n_shown = len(moment.orders)
    title = f"Orders: {moment.n_orders:,} working"
    title += f", the newest {n_shown} of them here" if n_shown < moment.n_orders else ""
    return table(title, _ORDER_HEADS, moment.orders, "No order works.", text=(0, 1, 2, 3, 7), wide=True)


def _messages(moment: RunMoment) -> str:
    heads = ("", "Time", "Order", "What", "Qty", "Price")
    empty = "Nothing was said of an order yet."
    return table(
        "Last messages, the latest first", heads, moment.messages, empty, text=(0, 1, 2, 3), wide=True
    )
