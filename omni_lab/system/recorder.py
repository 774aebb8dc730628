"""The cold path: one thread that reads what happened, remembers it, and tells everybody who follows."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.messaging.bus import Stream
from omni_lab.system.columns import RecentColumns
from omni_lab.system.engine import Happened
from omni_lab.system.publishing import OrdersStream, StateStream
from omni_lab.system.trades import trades_of
from omni_lab.system.wire import market_json
from omni_lab.typing import AnyArray

if TYPE_CHECKING:
    from omni_lab.execution.edges import Edges
    from omni_lab.execution.oms import OMS
    from omni_lab.execution.views import BookView

logger = logging.getLogger(__name__)

TAPE = {
    **{"number": np.int64, "trade_id": np.int64, "ts": np.int64, "price": np.float64, "qty": np.float64},
    **{"side": np.int8, "own": np.bool_},
}
QUOTES = {
    **{"ts": np.int64, "bid": np.float64, "bid_qty": np.float64},
    **{"ask": np.float64, "ask_qty": np.float64},
}
_KEEP_TRADES, _KEEP_QUOTES = 100_000, 100_000
_MARKET_S, _ACCOUNT_S, _SYSTEM_S, _SAMPLE_S, _RATE_S = 0.05, 0.2, 0.5, 1.0, 5.0
_MOST_WAITING = 4_096
_MOST_TOLD = 1_000


class Recorder:
    """The thread of the cold path.

    Parameters
    ----------
    oms : OMS
        Books are read from it.
    edges : Edges
    account : int
        Number of the account.
    orders : OrdersStream
    markets : list of Stream
        By our number of the instrument.
    states : mapping of str to (StateStream, callable)
        ``account`` and ``system``, each with who says it.
    sample : callable
        Takes a sample of the account, once a second.
    keep : callable
        Takes events of the account's orders, the frame up to which there are no others, and how many events
        of the market there were.
    has_traded : bool
        Whether the account has sent orders before: without any its worth does not change.
    """

    def __init__(
        self,
        oms: OMS,
        edges: Edges,
        account: int,
        *,
        orders: OrdersStream,
        markets: list[Stream],
        states: Mapping[str, tuple[StateStream, Callable[[], Mapping[str, Any]]]],
        sample: Callable[[], None],
        keep: Callable[[Mapping[str, AnyArray], int, int], None],
        has_traded: bool,
    ) -> None:
        self._oms, self._edges, self._account = oms, edges, account
        self._orders, self._states, self._sample, self._keep = orders, states, sample, keep
        self._ticks = [each.tick_size for each in edges.setup.instruments]
        self._markets = [StateStream(stream) for stream in markets]
        # Times may be alike, and what is only told has no trade id: a tape is searched by its own numbers.
        self.tapes = [RecentColumns(TAPE, _KEEP_TRADES) for _ in markets]
        self.quotes = [RecentColumns(QUOTES, _KEEP_QUOTES) for _ in markets]
        self.n_market_events = 0
        self.last_event_at = float("nan")
        self._rates: deque[tuple[float, int]] = deque()
        self._waiting: deque[Happened] = deque()
        self._news = threading.Condition()
        self._stopping = False
        self._changed = [True] * len(markets)
        self._trades: list[list[dict[str, Any]]] = [[] for _ in markets]
        self._n_trades = [0] * len(markets)
        self._told_at = [0.0] * len(markets)
        self._next = {"account": 0.0, "system": 0.0, "sample": 0.0}
        self._account_changed, self._has_traded = True, has_traded
        self._books: dict[int, BookView] = {}
        self._clock = 0
        self._thread = threading.Thread(target=self._run, name="omni-recorder", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Tell what is left, and end."""
        with self._news:
            self._stopping = True
            self._news.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def tell_all(self) -> None:
        """Tell everything as it is now; after the end."""
        self._tell(finally_=True)

    def put(self, happened: Happened) -> None:
        """Take what happened; it is read later."""
        with self._news:
            # A replay that goes as fast as it can is faster than anybody who remembers it.
            while len(self._waiting) >= _MOST_WAITING and self._thread.is_alive():
                self._news.wait(1.0)
            self._waiting.append(happened)
            if len(self._waiting) == 1:
                self._news.notify_all()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that happened so far is remembered; whether it is."""
        with self._news:
            return self._news.wait_for(lambda: not self._waiting or not self._thread.is_alive(), timeout)

    @property
    def market_rate(self) -> float:
        """Events of the market a second, of the last seconds."""
        now = time.monotonic()
        recent = [(at, count) for at, count in list(self._rates) if now - at <= _RATE_S]
        return sum(count for _, count in recent) / _RATE_S

    # --- in its thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._news:
                if not self._waiting and not self._stopping:
                    self._news.wait(self._due_in())
                waiting = list(self._waiting)
                stopping = self._stopping
            try:
                for happened in waiting:
                    self._read(happened)
                self._tell(finally_=stopping)
            except Exception:
                logger.exception("what happened could not be told")
            with self._news:
                for _ in waiting:
                    self._waiting.popleft()
                self._news.notify_all()
                if stopping and not self._waiting:
                    return

    def _due_in(self) -> float:
        now = time.monotonic()
        due = min(self._next.values())
        for number, changed in enumerate(self._changed):
            if changed:
                due = min(due, self._told_at[number] + _MARKET_S)
        return max(0.0, due - now)

    def _read(self, happened: Happened) -> None:
        self._clock = happened.ts
        if happened.n_market_events:
            now = time.monotonic()
            self.n_market_events += happened.n_market_events
            self.last_event_at = now
            if not happened.begins:
                self._rates.append((now, happened.n_market_events))
            while self._rates and now - self._rates[0][0] > _RATE_S:
                self._rates.popleft()
        for ts, number, bid, bid_qty, ask, ask_qty in happened.quotes:
            self._changed[number] = True
            row = {"ts": ts, "bid": bid, "bid_qty": bid_qty, "ask": ask, "ask_qty": ask_qty}
            self.quotes[number].extend(row)
        self._books.update(happened.books)
        if len(happened.own):
            self._account_changed = self._has_traded = True
        elif happened.quotes and self._has_traded:
            self._account_changed = True
        self._read_trades(happened)
        for event in happened.own:
            self._orders.tell(event)
        self._keep(happened.own.columns, happened.sequence, self.n_market_events)

    def _read_trades(self, happened: Happened) -> None:
        trades = trades_of(happened, self._edges, self._account)
        for number in np.unique(trades["instrument"]).tolist():
            rows = np.flatnonzero(trades["instrument"] == number)
            self._remember(number, {name: trades[name][rows] for name in TAPE if name in trades})

    def _remember(self, number: int, rows: dict[str, AnyArray]) -> None:
        first = self._n_trades[number] + 1
        self._n_trades[number] += len(rows["ts"])
        self.tapes[number].extend(rows | {"number": np.arange(first, first + len(rows["ts"]))})
        self._changed[number] = True
        names = ("trade_id", "ts", "price", "qty", "side")
        columns = [rows[name][-_MOST_TOLD:].tolist() for name in names]
        self._trades[number] += [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        # Who is told at most every 50 ms of a market that runs is not told of every trade of it.
        del self._trades[number][:-_MOST_TOLD]

    def _tell(self, *, finally_: bool) -> None:
        now = time.monotonic()
        for number, stream in enumerate(self._markets):
            if self._changed[number] and (finally_ or now - self._told_at[number] >= _MARKET_S):
                self._changed[number] = False
                self._told_at[number] = now
                book = self._books.pop(number, None) or self._oms.book(self._edges.symbols[number])
                trades, self._trades[number] = self._trades[number], []
                stream.tell(market_json(book, self._clock, self._ticks[number]), trades, ts=self._clock)
        if finally_ or now >= self._next["account"]:
            self._next["account"] = now + _ACCOUNT_S
            if self._account_changed or finally_:
                self._account_changed = False
                self._say("account")
        if finally_ or now >= self._next["system"]:
            self._next["system"] = now + _SYSTEM_S
            self._say("system")
        if finally_ or now >= self._next["sample"]:
            self._next["sample"] = now + _SAMPLE_S
            self._sample()

    def _say(self, name: str) -> None:
        stream, says = self._states[name]
        stream.tell(says(), ts=self._clock)
