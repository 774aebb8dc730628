"""Orders: those that live and those that ended, fills, and the ticket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omni_lab.figures import words
from omni_lab.system.people import Action
from omni_lab.ui.dashboard.components import RowAction, Table, columns, rows
from omni_lab.ui.dashboard.components.asks import AskField, Asks
from omni_lab.ui.dashboard.components.blotter import (
    ENDED_COLUMNS,
    FILL_COLUMNS,
    OPEN_COLUMNS,
    Blotter,
    fill_row,
    order_row,
    turnover,
)
from omni_lab.ui.dashboard.components.buttons import Button, Buttons
from omni_lab.ui.dashboard.components.drafts import positive
from omni_lab.ui.dashboard.components.ticket import OrderTicket
from omni_lab.ui.dashboard.page import Page
from omni_lab.ui.params import param

if TYPE_CHECKING:
    from omni_lab.system.system import TradingSystem
    from omni_lab.ui.dashboard.session import Session

_LOOK_S = 0.2
_MOST_FILLS = 10_000


class OrdersState(param.Parameterized):
    """What the page shows.

    Attributes
    ----------
    open, ended, fills : list of dict
        Rows of the tables, the newest first.
    """

    open = param.List(default=[])
    ended = param.List(default=[])
    fills = param.List(default=[])

    def __init__(self, system: TradingSystem, **params: Any) -> None:
        super().__init__(**params)  # type: ignore[no-untyped-call]
        self._system = system
        self._blotter = Blotter(system)
        self._last_fill = 0
        self._heard: list[Any] = []

    def read(self) -> dict[str, list[Any]] | None:
        """What changed, from any thread; None for nothing."""
        news = self._blotter.look()
        newer = self._system.fills(after=self._last_fill, most=_MOST_FILLS)
        if newer:
            self._last_fill = newer[-1].number
            self._heard = [*self._heard, *newer][-_MOST_FILLS:]
        if not news and not newer:
            return None
        return {
            "open": self._blotter.rows(live=True),
            "ended": self._blotter.rows(live=False),
            "fills": [fill_row(each) for each in reversed(self._heard)],
        }

    @property
    def said(self) -> str:
        """What was bought and sold, in words."""
        traded = turnover(self._heard)
        return (
            f"{words.count(len(self._heard), 'fill')}: bought {words.number(traded['BUY'])}, "
            f"sold {words.number(traded['SELL'])}"
        )


class OrdersView:
    """The page of a session."""

    def __init__(self, session: Session) -> None:
        self.session, self.system = session, session.services.system
        self.state = OrdersState(self.system)
        self.asks = Asks(session)
        self.open = Table(
            "Open orders",
            OPEN_COLUMNS,
            key="order_id",
            session=session,
            empty=("No order is open.", "Write one in the ticket, or start a strategy."),
            actions=(RowAction(name="replace", label="Replace"), RowAction(name="cancel", label="Cancel")),
            act=self._act,
            height=300,
        )
        self.ended = Table(
            "Ended orders",
            ENDED_COLUMNS,
            key="order_id",
            session=session,
            empty=("No order has ended yet.", "Filled, canceled and refused orders come here."),
            height=260,
        )
        self.fills = Table(
            "Fills",
            FILL_COLUMNS,
            key="number",
            session=session,
            empty=("Nothing was filled yet.", "An order at the other side's price is filled at once."),
            height=300,
        )
        self.tools = Buttons(
            "Orders",
            Button(name="cancel_all", label="Cancel all…", press=self._ask_all, danger=True, trades=True),
        )
        self.ticket = OrderTicket(session)
        session.watch(lambda event: self.open.fill(event.new, off=self._off()), "open", of=self.state)
        session.watch(lambda event: self.ended.fill(event.new), "ended", of=self.state)
        session.watch(lambda event: self.fills.fill(event.new), "fills", of=self.state)
        session.watch(lambda _: self._dress(), "status")
        session.every(_LOOK_S, self._look)
        self._dress()

    def layout(self) -> Any:
        """What is shown."""
        tables = rows(self.tools, self.open, self.ended, self.fills)
        return rows(columns(tables, self.ticket, widths=(1, 0), least=(350, 300)), self.asks)

    async def _look(self) -> None:
        found = await self.session.background(self.state.read)
        first = not self.open.rows and self.open._frame is not None and self.open._frame["state"] == "loading"
        if found is not None:
            self.state.param.update(**found)
        if first:
            for table, name in ((self.open, "open"), (self.ended, "ended"), (self.fills, "fills")):
                table.fill(getattr(self.state, name), off=self._off() if name == "open" else None)
        self._dress()

    def _off(self) -> dict[str, str]:
        """Why orders cannot be touched. Cancels pass while trading is halted: the gate lets them."""
        trades, role = self.session.why_not(Action.TRADE), self._role()
        found = {"replace": trades, "cancel": role}
        return {name: why for name, why in found.items() if why}

    def _role(self) -> str | None:
        return self.session.why_not(Action.TRADE) if not self.session.person.may(Action.TRADE) else None

    def _dress(self) -> None:
        n_open = len(self.state.open)
        why = self._role() or (None if n_open else "No order is open.")
        label = f"Cancel all {n_open} …" if n_open else "Cancel all…"
        self.tools.dress({"cancel_all": why}, said=self.state.said, labels={"cancel_all": label})
        if self.open.rows:
            self.open.fill(self.open.rows, off=self._off())

    def _act(self, name: str, key: str) -> None:
        why = self._off().get(name)
        if why:
            self.session.say(why, "warn")
            return
        self.session.start(self._ask(name, int(key)))

    async def _ask(self, name: str, order_id: int) -> None:
        order = await self.session.background(self.system.order, order_id)
        row = order_row(order)
        price = "" if order.price is None else f" at {order.price:.12g}"
        what = f"{order.side} {words.quantity(order.qty)} {order.symbol}{price}"
        if name == "cancel":
            left = words.quantity(order.leaves_qty)
            text = f"Order {order_id}: {what}, {row['state']}. {left} of it wait and would be withdrawn."
            self.asks.ask(
                "Cancel this order?",
                text,
                lambda _: self._cancel(order_id),
                go="Cancel order",
                leave="Keep it",
                danger=True,
            )
            return
        fields = [AskField(name="qty", label="Total quantity", value=f"{order.qty:.12g}", number=True)]
        if order.price is not None:
            fields.append(AskField(name="price", label="Price", value=f"{order.price:.12g}", number=True))
        self.asks.ask(
            "Replace this order",
            f"Order {order_id}: {what}. With less quantity it keeps its place in the queue; another price, "
            "or more, loses it.",
            lambda told: self._replace(order_id, told),
            fields=fields,
            go="Replace",
            leave="Leave it",
        )

    async def _cancel(self, order_id: int) -> None:
        order = await self.session.background(self.system.cancel, order_id, who=self.session.person)
        self.session.say(f"Order {order_id}: {order.state.replace('_', ' ').lower()}.", "good")

    async def _replace(self, order_id: int, told: dict[str, str]) -> None:
        qty, price = positive(told, "qty"), positive(told, "price")
        order = await self.session.background(
            self.system.replace, order_id, who=self.session.person, qty=qty, price=price
        )
        at = "" if order.price is None else f" at {order.price:.12g}"
        self.session.say(f"Order {order_id} is now {words.quantity(order.qty)}{at}.", "good")

    def _ask_all(self) -> None:
        n_open = len(self.state.open)
        self.asks.ask(
            "Cancel all orders?",
            f"{words.count(n_open, 'open order').capitalize()} of the account would be canceled at once, "
            "those of a strategy as well. A strategy that runs may send new ones.",
            self._cancel_all,
            go="Cancel all",
            leave="Keep them",
            danger=True,
        )

    async def _cancel_all(self, _: dict[str, str]) -> None:
        n = await self.session.background(self.system.cancel_all, who=self.session.person)
        self.session.say(f"{words.count(n, 'order').capitalize()} canceled.", "good")


def view(session: Session) -> Any:
    """What is shown."""
    return OrdersView(session).layout()


PAGE = Page(title="Orders", key="b", slug="orders", view=view)
