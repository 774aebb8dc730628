"""A displayed book built from a feed in the plainest way, which accepts nothing that a feed must not say."""

from __future__ import annotations

from collections import Counter
from typing import Any

from omni_lab.domain import Side
from omni_lab.execution.face import OMSFace
from omni_lab.venues import Message

Queue = list[tuple[int, int]]
"""Order numbers and shares, the first to trade first."""


class PlainBook:
    """Orders of a whole market, as ITCH tells them."""

    def __init__(self) -> None:
        self.orders: dict[int, dict[str, Any]] = {}
        self.symbols: dict[int, str] = {}
        self.counts: Counter[str] = Counter()
        self.volume = 0
        self.matches: list[int] = []
        self.broken: list[int] = []

    def follow(self, message: Message) -> None:
        """Do what a message says."""
        self.counts[message.name] += 1
        match message.name:
            case "stock_directory":
                self.symbols[message.stock_locate] = message.stock
            case "add_order" | "add_order_mpid":
                assert message.order_reference_number not in self.orders
                self.orders[message.order_reference_number] = {
                    "locate": message.stock_locate,
                    "side": message.buy_sell_indicator,
                    "price": message.price,
                    "shares": message.shares,
                }
                assert self.symbols[message.stock_locate] == message.stock
            case "order_executed" | "order_executed_with_price":
                self._less(message.order_reference_number, message.executed_shares)
                self._print(message, message.fields.get("printable", "Y") == "Y", message.executed_shares)
            case "trade_non_cross":
                self._print(message, True, message.shares)
            case "cross_trade":
                self.volume += message.shares
            case "order_cancel":
                self._less(message.order_reference_number, message.cancelled_shares)
            case "order_delete":
                del self.orders[message.order_reference_number]
            case "order_replace":
                old = self.orders.pop(message.original_order_reference_number)
                assert message.new_order_reference_number not in self.orders
                self.orders[message.new_order_reference_number] = {
                    **old,
                    "price": message.price,
                    "shares": message.shares,
                }
            case "broken_trade":
                assert message.match_number in self.matches
                self.broken.append(message.match_number)

    def queues(self, symbol: str, side: str) -> dict[int, Queue]:
        """Queues of a side by price."""
        queues: dict[int, Queue] = {}
        for number, order in self.orders.items():
            if self.symbols[order["locate"]] == symbol and order["side"] == side:
                queues.setdefault(order["price"], []).append((number, order["shares"]))
        return queues

    def _less(self, number: int, shares: int) -> None:
        order = self.orders[number]
        assert 0 < shares <= order["shares"]
        order["shares"] -= shares
        if not order["shares"]:
            del self.orders[number]

    def _print(self, message: Message, printable: bool, shares: int) -> None:
        self.matches.append(message.match_number)
        if printable:
            self.volume += shares


def queues_of(oms: OMSFace, symbol: str, side: Side) -> dict[int, Queue]:
    """Displayed queues of a system's book by price, in the units of the wire, but for what does not fit."""
    orders = oms.book(symbol).orders(side)
    queues: dict[int, Queue] = {}
    for number, price, qty, hidden in zip(
        *(orders[name].tolist() for name in ("order_id", "price", "qty", "hidden")), strict=True
    ):
        if not hidden and round(price * 10_000) < 2**32 and round(qty) < 2**32:
            queues.setdefault(round(price * 10_000), []).append((number, round(qty)))
    return queues


def assert_same(book: PlainBook, oms: OMSFace) -> None:
    """The feed's book is the system's, queue by queue."""
    for instrument in oms.config.setup().instruments:
        for side, letter in ((Side.BUY, "B"), (Side.SELL, "S")):
            expected = queues_of(oms, instrument.symbol, side)
            assert book.queues(instrument.symbol, letter) == expected, (instrument.symbol, letter)
