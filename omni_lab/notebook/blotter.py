"""The orders of a system as a blotter: filtered, looked at again, canceled after a second click."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from omni_lab.errors import ConfigError
from omni_lab.execution.face import OMSFace
from omni_lab.execution.sentences import plain
from omni_lab.execution.views import Order
from omni_lab.figures.words import MISSING, quantity
from omni_lab.notebook.cards import framed
from omni_lab.ui.jupyter import widgets
from omni_lab.ui.replay.tables import table

_ARROWS = {"BUY": "▲ buy", "SELL": "▼ sell"}
_MOST_ROWS = 200
_NONE = ("no order", 0)
_LIVE, _ALL = "live", "all"


def orders(oms: OMSFace, *, every_s: float | None = None) -> OrdersBox:
    """The orders of a system.

    Parameters
    ----------
    oms : OMSFace
        An order-management system, native or plain. Events that nobody has asked for yet stay where they are.
    every_s : float, optional
        Look again so often, in seconds, while no cell runs; by default when a button is pressed, or `update`
        called.

    Raises
    ------
    ConfigError
        If `every_s` is not above 0.
    MissingExtraError
        If ``ipywidgets`` is not installed: extra ``lab``.
    """
    box = OrdersBox(oms)
    if every_s is not None:
        box.follow(every_s)
    return box


class OrdersBox(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Filter, table, and a cancel that asks before it acts.

    Parameters
    ----------
    oms : OMSFace
        Whose orders.
    """

    def __init__(self, oms: OMSFace) -> None:
        self.oms = oms
        self._ticking: asyncio.Task[None] | None = None
        self._which = widgets.ToggleButtons(
            options=[_LIVE, _ALL], tooltips=["Orders that may still trade", "Also those that have ended"]
        )
        self._which.style.button_width = "60px"
        self._filter = widgets.Text(
            placeholder="filter: symbol, account, side, state", layout={"width": "260px"}
        )
        self._refresh = widgets.Button(icon="refresh", tooltip="Look again", layout={"width": "38px"})
        self._chosen = widgets.Dropdown(options=[_NONE], layout={"width": "320px"})
        self._cancel = widgets.Button(description="Cancel it", icon="times", disabled=True)
        self._sure = widgets.Button(description="Yes, cancel", button_style="danger")
        self._keep = widgets.Button(description="Keep it")
        self._asking = widgets.HBox([self._sure, self._keep], layout={"display": "none"})
        self._said = widgets.HTML()
        self._html = widgets.HTML()
        super().__init__(
            [
                widgets.HBox([self._which, self._filter, self._refresh], layout={"flex_flow": "row wrap"}),
                self._html,
                widgets.HBox(
                    [self._chosen, self._cancel, self._asking, self._said], layout={"flex_flow": "row wrap"}
                ),
            ]
        )
        self._wire()
        self.update()

    def update(self) -> None:
        """Show the orders as they are now."""
        live_only = self._which.value == _LIVE
        ids = self.oms.orders(live=live_only)["order_id"].tolist()
        # The newest first: what was just sent is what one looks for.
        found = [self.oms.order(int(each)) for each in reversed(ids)]
        shown = [order for order in found if _matches(order, self._filter.value)]
        heads = ("", "Order", "Account", "Symbol", "Side", "Type", "Qty", "Filled", "Left", "Price", "State")
        n_cut = max(len(shown) - _MOST_ROWS, 0)
        title = f"Orders: {len(shown):,} of {len(found):,}" + (f", the newest {_MOST_ROWS}" if n_cut else "")
        empty = "No order yet." if not found else "No order matches the filter."
        rows = [_row(order) for order in shown[:_MOST_ROWS]]
        self._html.value = framed(table(title, heads, rows, empty, text=(0, 2, 3, 4, 5, 10), wide=True))
        self._offer([order for order in shown[:_MOST_ROWS] if order.place is not None])

    def follow(self, every_s: float) -> None:
        """Look again every so many seconds, until `stop`.

        Raises
        ------
        ConfigError
            If there is no time between, or no event loop as a kernel has one.
        """
        if not every_s > 0:
            raise ConfigError("one looks again after some time", found=every_s, expected="above 0 s")
        self.stop()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError as error:
            raise ConfigError("only a kernel can look again by itself", hint="Call update().") from error
        self._ticking = loop.create_task(self._tick(every_s))

    def stop(self) -> None:
        """Look again only when asked."""
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None

    def close(self) -> None:
        """Take it from the screen."""
        self.stop()
        super().close()

    async def _tick(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            self.update()

    def _wire(self) -> None:
        for each in (self._which, self._filter):
            each.observe(lambda _: self.update(), "value")
        self._refresh.on_click(lambda _: self.update())
        self._chosen.observe(lambda _: self._ask(False), "value")
        self._cancel.on_click(lambda _: self._ask(True))
        self._keep.on_click(lambda _: self._ask(False))
        self._sure.on_click(lambda _: self._do_cancel())

    def _offer(self, live: Sequence[Order]) -> None:
        """The orders that can be canceled; the choice stays where it was, if that one still lives."""
        before = self._chosen.value
        options = [_NONE, *((_spoken(order), order.order_id) for order in live)]
        if tuple(options) != tuple(self._chosen.options):
            self._chosen.options = options
            self._chosen.value = before if before in {value for _, value in options} else _NONE[1]
        self._cancel.disabled = self._chosen.value == _NONE[1]

    def _ask(self, is_asking: bool) -> None:
        self._cancel.disabled = self._chosen.value == _NONE[1]
        self._asking.layout.display = "flex" if is_asking else "none"
        if is_asking:
            self._said.value = ""

    def _do_cancel(self) -> None:
        order_id = int(self._chosen.value)
        self._ask(False)
        done = self.oms.cancel(order_id)
        why = "" if done else f": it is {plain(self.oms.order(order_id).state)}"
        self._said.value = framed(f"Order {order_id} {'was canceled' if done else 'was not canceled'}{why}.")
        self.update()


def _row(order: Order) -> tuple[str, ...]:
    price = order.working_price or order.price or order.stop_price
    return (
        "",
        str(order.order_id),
        order.account,
        order.symbol,
        _ARROWS[order.side],
        plain(order.order_type),
        quantity(order.qty),
        quantity(order.cum_qty),
        quantity(order.leaves_qty),
        f"{price:,g}" if price is not None else "market" if order.order_type == "MARKET" else MISSING,
        plain(order.state) + (f" ({plain(order.reason)})" if order.reason else ""),
    )


def _spoken(order: Order) -> str:
    price = order.working_price or order.price or order.stop_price
    at = f" at {price:,g}" if price is not None else ""
    return f"{order.order_id}: {order.side.lower()} {quantity(order.leaves_qty)} {order.symbol}{at}"


def _matches(order: Order, wanted: str) -> bool:
    """Whether every word of the filter begins a word of the order."""
    facts = (order.account, order.symbol, order.side, plain(order.order_type), plain(order.state))
    words = " ".join([*facts, str(order.order_id)]).lower().split()
    return all(any(word.startswith(each) for word in words) for each in wanted.lower().split())
