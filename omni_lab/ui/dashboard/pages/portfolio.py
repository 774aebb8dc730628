"""Portfolio: weights by a method, the frontier they lie on, and the list of orders that leads to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omni_lab.errors import OmniError
from omni_lab.figures.words import number, percent
from omni_lab.system.people import Action
from omni_lab.ui.dashboard.components import Column, Picture, RowAction, Table, Tile, Tiles, columns, rows
from omni_lab.ui.dashboard.components.form import Form
from omni_lab.ui.dashboard.components.tabs import Actions
from omni_lab.ui.dashboard.page import Page
from omni_lab.ui.dashboard.states.portfolio import Optimised, PortfolioState

if TYPE_CHECKING:
    from omni_lab.ui.dashboard.session import Session

_TILES = (
    Tile(key="expected", label="Expected return a year", kind="percent"),
    Tile(key="volatility", label="Volatility a year", kind="percent"),
    Tile(key="ratio", label="Sharpe ratio", kind="number"),
    Tile(key="turnover", label="To be traded", kind="percent"),
)
_ORDERS = (
    Column(key="symbol", label="Symbol"),
    Column(key="side", label="Side", kind="side"),
    Column(key="qty", label="Qty", kind="qty", filter=False),
    Column(key="price", label="Price", kind="price", filter=False),
    Column(key="notional", label="Notional", kind="money", filter=False),
    Column(key="cost", label="Cost", kind="number", filter=False),
    Column(key="weight_before", label="Weight now", kind="percent", filter=False),
    Column(key="weight_after", label="Weight then", kind="percent", filter=False),
)
_NOTHING = ("Nothing was optimised yet.", "Name instruments of the lake and press Optimise.")
_NOT_TRADED = "The system does not trade it."


class PortfolioPage:
    """The page of a session.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.state = PortfolioState(session.services, session.person)
        self._form = Form(
            "Optimise", self.state, go="Optimise", send=lambda: session.start(self._optimise()), height=620
        )
        self._tiles = Tiles(*_TILES)
        self._frontier = Picture("Efficient frontier", session, height=420)
        self._weights = Picture("Weights", session)
        self._bar = Actions(lambda _: session.start(self._send_all()))
        self._orders = Table(
            "Rebalance list",
            _ORDERS,
            key="symbol",
            session=session,
            empty=("There is nothing to trade.", "Press Optimise; the list leads from what is held to it."),
            actions=(RowAction(name="ticket", label="To ticket"),),
            act=lambda _, symbol: self._to_ticket(symbol),
            height=420,
        )
        self.whole = rows(
            columns(self._form, rows(self._tiles, self._frontier), widths=(4, 8), least=340),
            columns(self._weights, rows(self._bar, self._orders), widths=(4, 8), least=340),
        )
        for picture in (self._frontier, self._weights):
            picture.empty(*_NOTHING)
        self._tiles.show({tile.key: {"value": None} for tile in _TILES})
        self._orders.fill([])
        session.start(self._begin())
        session.every(1.0, self._offer)

    async def _begin(self) -> None:
        await self._session.background(self.state.begin)
        self._form.update()

    async def _optimise(self) -> None:
        self._form.allow(None, busy="Optimising …")
        self._frontier.wait()
        self._weights.wait()
        try:
            found = await self._session.background(self.state.optimise)
        except OmniError as error:
            self._form.complain(str(error))
            for picture in (self._frontier, self._weights):
                picture.empty("It could not be optimised.", str(error.what if error.what else error))
            return
        finally:
            self._form.allow(self._session.why_not(Action.RUN))
        self._show(found)

    def _show(self, found: Optimised) -> None:
        risk, gain = found.annual(found.weights)
        excess = gain - float(self.state.values["riskless"])
        basis = f"by the mean of {found.n_obs:,} steps"
        self._tiles.show(
            {
                "expected": {"value": gain, "note": basis},
                "volatility": {"value": risk, "note": "by a shrunk covariance"},
                "ratio": {"value": excess / risk if risk > 0.0 else None, "note": "above the riskless rate"},
                "turnover": {
                    "value": found.orders.turnover,
                    "note": f"of {number(found.equity, 0)}; costs {number(float(found.orders.cost.sum()))}",
                },
            }
        )
        self._frontier.draw(lambda theme: found.plot_frontier(theme=theme))
        self._weights.draw(lambda theme: found.plot_weights(theme=theme))
        self._offer()
        self._fill()

    def _fill(self) -> None:
        found = self.state.found
        if found is None:
            return
        why_not = self._session.why_not(Action.TRADE)

        def off(row: Any) -> dict[str, str] | None:
            told = why_not or (None if row["symbol"] in found.traded else _NOT_TRADED)
            return {"ticket": told} if told else None

        self._orders.fill(found.orders.rows(), row_off=off)

    def _offer(self) -> None:
        """What may be sent now."""
        self._form.allow(self._session.why_not(Action.RUN))
        found = self.state.found
        sendable = self._sendable()
        why_not = self._session.why_not(Action.TRADE)
        if why_not is None and not sendable:
            why_not = "Press Optimise first." if found is None else "The system trades none of these."
        left = 0 if found is None else len(found.orders.rows()) - len(sendable)
        text = f"{left} of them are not traded by the system." if left else ""
        label = f"Send {len(sendable)} orders" if len(sendable) != 1 else "Send 1 order"
        self._bar.fill([{"name": "send", "label": label, "why_not": why_not, "tone": "main trades"}], text)
        self._fill()

    def _sendable(self) -> list[str]:
        found = self.state.found
        if found is None:
            return []
        return [str(row["symbol"]) for row in found.orders.rows() if row["symbol"] in found.traded]

    def _to_ticket(self, symbol: str) -> None:
        found = self.state.found
        row = (
            next((each for each in found.orders.rows() if each["symbol"] == symbol), None) if found else None
        )
        if row is not None:
            self._session.symbol = symbol
            self._session.ticket = {name: row[name] for name in ("symbol", "side", "price", "qty")}
            self._session.go("orders", symbol=symbol)

    async def _send_all(self) -> None:
        symbols, found = self._sendable(), self.state.found
        if not symbols or found is None:
            return
        total = sum(float(row["notional"]) for row in found.orders.rows() if row["symbol"] in symbols)
        text = (
            f"{len(symbols)} orders at the market, of {number(total, 0)} together "
            f"({percent(total / found.equity)} of equity); what does not fill at once is canceled."
        )
        if not await self._session.confirm("Send the rebalance list?", text, yes="Send", danger=True):
            return
        sent = await self._session.background(self.state.send, symbols)
        filled = sum(order.cum_qty > 0 for order in sent)
        refused = sum(order.state == "REJECTED" for order in sent)
        told = f"{len(sent)} orders were sent, {filled} filled" + (f", {refused} refused" if refused else "")
        self._session.say(f"{told}.", "warn" if refused else "good")
        await self._optimise()


def view(session: Session) -> Any:
    """What is shown."""
    return PortfolioPage(session).whole


PAGE = Page(title="Portfolio", key="p", slug="portfolio", view=view)
