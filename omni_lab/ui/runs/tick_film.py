"""A replay of a market as a film: a moment is a message about an order, or a sample of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from omni_lab.figures import BookSide, book_side, ladder_svg
from omni_lab.figures.words import MISSING, decimals_of, number, quantity
from omni_lab.simulator.ticks.story import time_text
from omni_lab.typing import FloatArray, IntArray
from omni_lab.ui.runs.film import MOST_MESSAGES, MOST_ORDERS, Grouped, Row, RunMoment, Standing, last_at
from omni_lab.ui.runs.heard_books import HeardBooks

if TYPE_CHECKING:
    from omni_lab.simulator.ticks import TickResults

_ARROWS = {"BUY": "▲ buy", "SELL": "▼ sell"}
_ENDS = ("FILL", "DENIED", "CANCELED", "EXPIRED", "REJECTED")
_STANDING = ("PENDING_NEW", "NEW", "PARTIALLY_FILLED")
_STATES = {
    "SENT": "on its way",
    "ACCEPTED": "waits",
    "REPLACED": "waits",
    "FILL": "part filled",
    "CANCEL_SENT": "cancel asked",
    "REPLACE_SENT": "replacement asked",
    "REQUEST_REFUSED": "waits",
    "TRIGGERED": "elected",
    "REPRICED": "waits",
    "REFRESHED": "waits",
    "DECREMENTED": "waits",
}


class Working(NamedTuple):
    """An order at a moment: price (NaN for the market), quantities, its state, whether the venue has it."""

    order: int
    price: float
    qty: float
    left: float
    state: str
    taken_in: bool


class TickFilm:
    """Messages and samples of a replay; see `omni_lab.ui.runs.film.RunFilm`.

    Parameters
    ----------
    results : TickResults
        The run.
    """

    def __init__(self, results: TickResults) -> None:
        self._results = results
        messages, orders = results.messages, results.orders
        n_messages, n_samples = len(messages), len(results.ts)
        # A sample comes after what was said and heard at its time.
        ts = np.concatenate([messages["ts"], results.ts])
        is_sample = np.repeat([0, 1], [n_messages, n_samples])
        rows = np.concatenate([np.arange(n_messages), np.arange(n_samples)])
        sorting = np.lexsort((rows, is_sample, ts))
        self._ts, self._is_sample, self._row = ts[sorting], is_sample[sorting] > 0, rows[sorting]
        self._moment_of = np.flatnonzero(~self._is_sample)
        self._messages_of = Grouped(messages["order_id"], len(orders))
        self._standing = Standing(*self._spans())
        self._decimals = decimals_of([results.feed.tick_size])
        self._books = HeardBooks(results.feed, self._ts)
        fills, flows = results.fills, results.flows
        self._multiplier = results.config.multiplier
        signed = np.where(fills["side"] == "BUY", fills["qty"], -fills["qty"])
        # A flow comes after what was said and heard at its time, and before a sample.
        n_before = np.searchsorted(messages["ts"], flows["ts"], side="right")
        n_before += np.searchsorted(results.ts, flows["ts"], side="left")
        self._fill_moments = self._moment_of[messages["kind"] == "FILL"]
        moments = np.concatenate([self._fill_moments, n_before])
        paid = np.concatenate([signed * fills["price"] * self._multiplier + fills["fee"], -flows["amount"]])
        moved = np.concatenate([signed, flows["qty"]])
        symbols = np.concatenate([fills["symbol"], flows["symbol"]])
        in_time = np.argsort(moments, kind="stable")
        moments, moved, symbols = moments[in_time], moved[in_time], symbols[in_time]
        self._paid_moments = moments
        self._cash_after = results.config.initial_capital - np.cumsum(paid[in_time])
        if results.config.currencies is not None:
            # Between two samples nobody knows what foreign cash is worth.
            self._cash_after[:] = np.nan
        self._held_after = {}
        for symbol in results.symbols:
            mine = np.flatnonzero(symbols == symbol)
            self._held_after[symbol] = (moments[mine], np.cumsum(moved[mine]))

    @property
    def title(self) -> str:
        """The strategy, and on what."""
        return f"{self._results.strategy} on {', '.join(self.symbols[:4])}"

    @property
    def noun(self) -> str:
        """What one moment is called."""
        return "Event"

    @property
    def n_moments(self) -> int:
        """How many there are."""
        return len(self._ts)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The instruments."""
        return self._results.symbols

    def at(self, when: Any) -> int:
        """The last message or sample at or before that time of our clock."""
        ts = self._results.feed.info.moment_ns(when)
        return last_at(self._ts, ts, lambda each: time_text(self._results, each))

    def next_message(self, after: int) -> int | None:
        """The next message about an order; None if there is none."""
        place = int(np.searchsorted(self._moment_of, after, side="right"))
        return int(self._moment_of[place]) if place < len(self._moment_of) else None

    def cash(self, moment: int) -> float:
        """Cash at a moment, as we knew it, currency; NaN after the first change of a run in several."""
        n_paid = int(np.searchsorted(self._paid_moments, moment, side="right"))
        return float(self._cash_after[n_paid - 1]) if n_paid else float(self._results.config.initial_capital)

    def position(self, moment: int, symbol: str) -> float:
        """Signed quantity of an instrument at a moment, as we knew it."""
        moments, held = self._held_after[symbol]
        n_fills = int(np.searchsorted(moments, moment, side="right"))
        return float(held[n_fills - 1]) if n_fills else 0.0

    def equity(self, moment: int) -> float:
        """Cash plus positions at the mids we had heard of; NaN where one is not known."""
        held = [(symbol, self.position(moment, symbol)) for symbol in self.symbols]
        worth = [qty * self._books.mid(moment, symbol) * self._multiplier for symbol, qty in held if qty]
        return self.cash(moment) + sum(worth)

    def levels(self, moment: int, symbol: str) -> dict[str, FloatArray]:
        """The book that we had heard of; see `HeardBooks.levels`."""
        return self._books.levels(moment, symbol)

    def working(self, moment: int) -> list[Working]:
        """Orders that have not ended, as we knew them, in the order they were sent."""
        return [self._working(int(order), moment) for order in self._standing.at(moment)]

    def moment(self, number: int, symbol: str) -> RunMoment:
        """What there is to see at a message or a sample."""
        ids = self._standing.at(number)
        latest = [self._working(int(order), number) for order in ids[::-1][:MOST_ORDERS]]
        symbols = self._results.orders["symbol"]
        shown = [each for each in latest if each.taken_in and symbols[each.order] == symbol]
        bids, asks = (self._side(number, symbol, side, shown) for side in ("BUY", "SELL"))
        return RunMoment(
            number=number,
            when=time_text(self._results, int(self._ts[number])),
            said=self._headline(number),
            chart=ladder_svg(bids, asks, symbol=symbol, queue=True, width=600.0),
            chart_title=f"{symbol}, as we had heard of it",
            note="Pale: sum up to that price. Outlined: our orders, which the captured market did not see.",
            account=self._account(number),
            positions=self._positions(number),
            orders=tuple(self._order(each) for each in latest),
            n_orders=len(ids),
            messages=self._messages(number),
        )

    def _spans(self) -> tuple[IntArray, IntArray]:
        """Of each order, the moment it was sent and the one at which we heard that it had ended."""
        messages, orders = self._results.messages, self._results.orders
        begins = np.full(len(orders), self.n_moments)
        np.minimum.at(begins, messages["order_id"], self._moment_of)
        ending = np.flatnonzero(np.isin(messages["kind"], _ENDS))
        ends = np.zeros(len(orders), dtype=np.int64)
        np.maximum.at(ends, messages["order_id"][ending], self._moment_of[ending])
        ends[np.isin(orders["status"], _STANDING)] = self.n_moments
        return begins, ends

    def _working(self, order: int, moment: int) -> Working:
        messages = self._results.messages
        rows = self._messages_of.of(order)
        price, qty, filled, state, taken_in = np.nan, 0.0, 0.0, "SENT", False
        for row in rows[: int(np.searchsorted(self._moment_of[rows], moment, side="right"))].tolist():
            state = str(messages["kind"][row])
            if state in ("SENT", "REPLACED"):
                price, qty = float(messages["price"][row]), float(messages["qty"][row])
            if state == "REPRICED":
                price = float(messages["price"][row])
            qty -= float(messages["qty"][row]) if state == "DECREMENTED" else 0.0
            filled += float(messages["qty"][row]) if state == "FILL" else 0.0
            taken_in |= state in ("ACCEPTED", "REPLACED", "FILL")
        return Working(order, price, qty, qty - filled, _STATES.get(state, state.lower()), taken_in)

    def _side(self, moment: int, symbol: str, side: str, own: list[Working]) -> BookSide:
        """A side of the book with our orders in it, behind what shows at their prices."""
        name, sign = ("bid", -1.0) if side == "BUY" else ("ask", 1.0)
        levels = self._books.levels(moment, symbol)
        sides = self._results.orders["side"]
        ours = [each for each in own if sides[each.order] == side and not np.isnan(each.price)]
        price = np.concatenate([levels[f"{name}_price"], [each.price for each in ours]])
        qty = np.concatenate([levels[f"{name}_qty"], [each.left for each in ours]])
        mine = np.repeat([False, True], [len(price) - len(ours), len(ours)])
        sorting = np.argsort(sign * price, kind="stable")
        return book_side(price[sorting], qty[sorting], own=mine[sorting])

    def _headline(self, moment: int) -> str:
        if self._is_sample[moment]:
            return "The account was sampled"
        row = self._message(int(self._row[moment]), moment)
        return f"Order {row[2]}: {row[3]} {row[4]} at {row[5]}".replace(f" {MISSING} at {MISSING}", "")

    def _account(self, moment: int) -> tuple[tuple[str, str], ...]:
        equity, capital = self.equity(moment), self._results.config.initial_capital
        fills = int(np.searchsorted(self._fill_moments, moment, side="right"))
        return (
            ("Equity", number(equity)),
            ("Since the start", number(equity - capital, sign=True)),
            ("Cash", number(self.cash(moment))),
            ("Fills", f"{fills:,}"),
        )

    def _positions(self, moment: int) -> tuple[Row, ...]:
        rows: list[Row] = []
        for symbol in self.symbols:
            qty = self.position(moment, symbol)
            if qty and len(rows) < MOST_ORDERS:
                mid = self._books.mid(moment, symbol)
                rows.append((symbol, quantity(qty), self._price(mid, 1), number(qty * mid)))
        return tuple(rows)

    def _order(self, each: Working) -> Row:
        orders = self._results.orders
        return (
            str(each.order),
            str(orders["symbol"][each.order]),
            _ARROWS[str(orders["side"][each.order])],
            str(orders["time_in_force"][each.order]).lower().replace("_", " "),
            quantity(each.qty),
            quantity(each.left),
            "market" if np.isnan(each.price) else self._price(each.price),
            each.state,
        )

    def _messages(self, moment: int) -> tuple[Row, ...]:
        end = int(np.searchsorted(self._moment_of, moment, side="right"))
        return tuple(
            self._message(row, moment) for row in range(end - 1, max(end - MOST_MESSAGES, 0) - 1, -1)
        )

    def _message(self, row: int, moment: int) -> Row:
        messages = self._results.messages
        order, qty = int(messages["order_id"][row]), float(messages["qty"][row])
        kind, reason = (str(messages[name][row]).lower().replace("_", " ") for name in ("kind", "reason"))
        if kind == "sent":
            kind = str(self._results.orders["side"][order]).lower()
        return (
            "●" if self._moment_of[row] == moment else "",
            time_text(self._results, int(messages["ts"][row])),
            str(order),
            kind + (f": {reason}" if reason else ""),
            quantity(qty) if qty else MISSING,
            self._price(float(messages["price"][row])),
        )

    def _price(self, price: float, more: int = 0) -> str:
        return MISSING if np.isnan(price) else number(price, self._decimals + more)
