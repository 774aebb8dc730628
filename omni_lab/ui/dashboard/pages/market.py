"""Market: the book as a ladder, depth, quotes and trades over time, the tape, and the ticket beside it."""

from __future__ import annotations

from typing import Any

from omni_lab.ui.dashboard.components import Live, columns, empty_card
from omni_lab.ui.dashboard.components.ticket import OrderTicket
from omni_lab.ui.dashboard.market_feed import LEVELS, MarketFeed
from omni_lab.ui.dashboard.page import Page
from omni_lab.ui.dashboard.session import Session

HZ = 10.0
"""How often the board may change, a second."""


class Board(Live):
    """The board of a market.

    Parameters
    ----------
    session : Session
        Its ``symbol`` is what is shown; a click on a level fills its ``ticket``.
    symbols : sequence of str
        What can be shown.
    """

    def __init__(self, session: Session, symbols: tuple[str, ...]) -> None:
        options = {
            "symbols": list(symbols),
            "symbol": session.symbol,
            "levels": LEVELS,
            "height": 380,
            "tape_height": 190,
            "tape_rows": 60,
        }
        super().__init__("market", options, heard=self._heard)
        self._session, self._symbols = session, symbols
        self.feed = MarketFeed(session.services, session.symbol)

    def look(self) -> None:
        """Show what is new, if the browser has shown what was."""
        if self.free and (frame := self.feed.frame()) is not None:
            self.show(frame)

    def turn_to(self, symbol: str) -> None:
        """Show another market."""
        self.feed = MarketFeed(self._session.services, symbol)

    def on_mount(self) -> None:
        """The browser knows nothing: the next frame has everything."""
        self.feed.begin()
        self._fresh = False

    def _heard(self, said: dict[str, Any]) -> None:
        match said:
            case {"symbol": str(symbol)} if symbol in self._symbols:
                self._session.symbol = symbol
            case {"unknown": str(text)}:
                self._session.say(f"No instrument begins with “{text[:20]}”, or more than one does.", "warn")
            case {"fill": {"side": "BUY" | "SELL" as side, "price": float() | int() as price, **rest}}:
                qty = rest.get("qty")
                self._session.ticket = {
                    "symbol": self._session.symbol,
                    "side": side,
                    "price": float(price),
                    "qty": qty if isinstance(qty, float | int) else None,
                }


def view(session: Session) -> Any:
    """What is shown."""
    symbols = session.services.system.status().symbols
    if not symbols:
        return empty_card("No market is traded.", "Start a system that has instruments: omni serve.")
    wanted = session.query.get("symbol", session.symbol)
    session.symbol = wanted if wanted in symbols else symbols[0]
    board = Board(session, tuple(symbols))

    def turned(_: Any) -> None:
        board.turn_to(session.symbol)
        session.put_in_address(symbol=session.symbol)

    session.watch(turned, "symbol")
    session.every(1 / HZ, board.look)
    return columns(board, OrderTicket(session), widths=(4, 1), least=(760, 300))


PAGE = Page(title="Market", key="m", slug="market", view=view)
