"""What happened to one order: sentences for people, facts for programs. Who tells it knows the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from omni_lab.errors import DataError


@dataclass(frozen=True, slots=True)
class OrderStory:
    """What happened to one order, in sentences and as a table.

    Attributes
    ----------
    order_id : int
    sentences : tuple of str
        From the decision to the end, each with its time.
    facts : dict
        What the sentences say, by name; :meth:`BacktestResults.explain` and :meth:`TickResults.explain` list
        the names.
    """

    order_id: int
    sentences: tuple[str, ...]
    facts: dict[str, Any]

    def __str__(self) -> str:
        return "\n".join(self.sentences)

    def _repr_html_(self) -> str:
        from html import escape

        lines = "".join(f"<li>{escape(each)}</li>" for each in self.sentences)
        return f"<p><b>Order {self.order_id}</b></p><ol>{lines}</ol>"


def check_order(order_id: int, n_orders: int) -> None:
    """Refuse the number of an order that there is not.

    Raises
    ------
    DataError
        If there is no such order.
    """
    if not 0 <= order_id < n_orders:
        expected = f"0 to {n_orders - 1}" if n_orders else "the run sent no order"
        raise DataError("there is no such order", found=order_id, expected=expected)


def ending(status: str, filled: float, qty: float) -> str:
    """How the last sentence of a story begins."""
    return f"In the end {status.lower().replace('_', ' ')}: {filled:g} of {qty:g} filled"
