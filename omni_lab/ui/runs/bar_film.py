"""A run over bars as a film: a moment is a step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.data.moments import moment_ns
from omni_lab.data.times import iso
from omni_lab.figures.words import MISSING, number, percent, quantity
from omni_lab.simulator.marks import last_known
from omni_lab.typing import FloatArray
from omni_lab.ui.runs.candles import candles_svg
from omni_lab.ui.runs.film import MOST_MESSAGES, MOST_ORDERS, Grouped, Row, RunMoment, Standing, last_at

if TYPE_CHECKING:
    from omni_lab.simulator import BacktestResults

_SHOWN_BARS = 60
_ARROWS = {"BUY": "▲ buy", "SELL": "▼ sell"}
_EARLIER_FILL, _SENT, _OWN_FILL, _ENDED = range(4)


class BarFilm:
    """Steps of a run over bars; see `omni_lab.ui.runs.film.RunFilm`.

    Parameters
    ----------
    results : BacktestResults
        The run.
    """

    def __init__(self, results: BacktestResults) -> None:
        self._results = results
        orders, fills = results.orders, results.fills
        sent = np.searchsorted(results.ts, orders["ts_submitted"])
        closed = np.searchsorted(results.ts, orders["ts_closed"])
        self._fill_steps = np.searchsorted(results.ts, fills["ts"])
        self._fills_of = Grouped(fills["order_id"], len(sent))
        self._standing = Standing(sent, closed)
        self._marks = last_known(results.bars.close())
        bars = results.bars
        self._prices: dict[str, FloatArray | None] = {
            "open": bars.open(),
            "high": bars.high(),
            "low": bars.low(),
            "close": bars.close(),
        }
        # What was said, in the order of the steps: kind, and the row of its order or fill.
        ended = np.flatnonzero(orders["status"] != "FILLED")
        own = sent[fills["order_id"]] == self._fill_steps
        steps = np.concatenate([sent, self._fill_steps, closed[ended]])
        kinds = np.concatenate(
            [np.full(len(sent), _SENT), np.where(own, _OWN_FILL, _EARLIER_FILL), np.full(len(ended), _ENDED)]
        )
        rows = np.concatenate([np.arange(len(sent)), np.arange(len(own)), ended])
        sorting = np.lexsort((rows, kinds, steps))
        self._said_at, self._said, self._row = steps[sorting], kinds[sorting], rows[sorting]

    @property
    def title(self) -> str:
        """The strategy, and on what."""
        return f"{self._results.strategy} on {self._results.listed_symbols}"

    @property
    def noun(self) -> str:
        """What one moment is called."""
        return "Step"

    @property
    def n_moments(self) -> int:
        """How many there are."""
        return len(self._results.ts)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The instruments."""
        return self._results.symbols

    def at(self, when: Any) -> int:
        """The last step that had closed by then."""
        return last_at(self._results.ts, moment_ns(when), iso)

    def next_message(self, after: int) -> int | None:
        """The next step in which something happened to an order; None if there is none."""
        place = int(np.searchsorted(self._said_at, after, side="right"))
        return int(self._said_at[place]) if place < len(self._said_at) else None

    def moment(self, number: int, symbol: str) -> RunMoment:
        """What there is to see after a step."""
        first = max(number - _SHOWN_BARS + 1, 0)
        standing = self._standing.at(number)
        latest = standing[::-1][:MOST_ORDERS]
        return RunMoment(
            number=number,
            when=iso(int(self._results.ts[number])),
            said=self._headline(number),
            chart=self._chart(first, number, symbol),
            chart_title=f"{symbol}, the last {number - first + 1} bars",
            note="Hollow: it rose. ▲ we bought, ▼ we sold, at the price of the tip.",
            account=self._account(number),
            positions=self._positions(number),
            orders=tuple(self._order(int(order), number) for order in latest),
            n_orders=len(standing),
            messages=self._messages(number),
        )

    def _headline(self, step: int) -> str:
        begin, end = np.searchsorted(self._said_at, [step, step + 1])
        kinds = self._said[begin:end]
        n_sent = int((kinds == _SENT).sum())
        n_ended = int((kinds == _ENDED).sum())
        n_fills = len(kinds) - n_sent - n_ended
        counts = ((n_fills, "filled"), (n_sent, "sent"), (n_ended, "ended unfilled"))
        return (
            ", ".join(f"{count} {word}" for count, word in counts if count) or "Nothing happened to an order"
        )

    def _chart(self, first: int, step: int, symbol: str) -> str:
        results = self._results
        column = results.symbols.index(symbol)
        shown = {
            name: None if each is None else each[first : step + 1, column]
            for name, each in self._prices.items()
        }
        begin, end = np.searchsorted(self._fill_steps, [first, step + 1])
        mine = begin + np.flatnonzero(results.fills["symbol"][begin:end] == symbol)
        fills = (
            self._fill_steps[mine] - first,
            results.fills["price"][mine],
            results.fills["side"][mine] == "BUY",
        )
        labels = (iso(int(results.ts[first])), iso(int(results.ts[step])))
        room = min(_SHOWN_BARS, self.n_moments)
        return candles_svg(shown, _days(labels), fills, n_places=room, symbol=symbol)

    def _account(self, step: int) -> tuple[tuple[str, str], ...]:
        results = self._results
        capital, equity = results.config.initial_capital, float(results.equity[step])
        return (
            ("Equity", number(equity)),
            ("Since the start", percent(equity / capital - 1.0, sign=True)),
            ("From the peak", percent(float(results.drawdown[step]))),
            ("Cash", number(float(results.cash[step]))),
            ("Gross exposure", number(float(results.gross_exposure[step]))),
        )

    def _positions(self, step: int) -> tuple[Row, ...]:
        held = np.flatnonzero(self._results.positions[step])[:MOST_ORDERS]
        rows = []
        for column in held.tolist():
            qty = float(self._results.positions[step, column])
            price = float(self._marks[step, column])
            rows.append((self.symbols[column], quantity(qty), number(price), number(qty * price)))
        return tuple(rows)

    def _order(self, order: int, step: int) -> Row:
        orders = self._results.orders
        kind, qty = str(orders["type"][order]), float(orders["qty"][order])
        price = orders["limit_price"][order] if kind == "LIMIT" else orders["stop_price"][order]
        fills = self._fills_of.of(order)
        done = fills[self._fill_steps[fills] <= step]
        left = qty - float(self._results.fills["qty"][done].sum())
        return (
            str(order),
            str(orders["symbol"][order]),
            _ARROWS[str(orders["side"][order])],
            kind.lower(),
            quantity(qty),
            quantity(left),
            "market" if np.isnan(price) else number(float(price)),
            "waits" if left == qty else "part filled",
        )

    def _messages(self, step: int) -> tuple[Row, ...]:
        end = int(np.searchsorted(self._said_at, step, side="right"))
        return tuple(
            self._message(place, step) for place in range(end - 1, max(end - MOST_MESSAGES, 0) - 1, -1)
        )

    def _message(self, place: int, step: int) -> Row:
        orders, fills = self._results.orders, self._results.fills
        kind, row, at = int(self._said[place]), int(self._row[place]), int(self._said_at[place])
        mark, when = "●" if at == step else "", iso(int(self._results.ts[at]))
        if kind in (_EARLIER_FILL, _OWN_FILL):
            order = int(fills["order_id"][row])
            what = f"filled {str(fills['time'][row]).lower()}"
            return (
                mark,
                when,
                str(order),
                what,
                quantity(float(fills["qty"][row])),
                number(float(fills["price"][row])),
            )
        qty = quantity(float(orders["qty"][row]))
        if kind == _SENT:
            price = self._order(row, at)[6]
            return mark, when, str(row), str(orders["side"][row]).lower(), qty, price
        reason = str(orders["reason"][row]).lower().replace("_", " ")
        what = str(orders["status"][row]).lower() + (f": {reason}" if reason else "")
        return mark, when, str(row), what, qty, MISSING


def _days(labels: tuple[str, str]) -> tuple[str, str]:
    """Dates alone where both times are midnight."""
    if all(label.endswith("T00:00:00") for label in labels):
        return labels[0][:10], labels[1][:10]
    return labels[0].replace("T", " "), labels[1].replace("T", " ")
