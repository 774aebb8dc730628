"""The hot path: one thread that takes the market, the strategy and the desk's requests into the system."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from omni_lab.errors import StateError
from omni_lab.execution.events import EventLog
from omni_lab.system.feed import Slice
from omni_lab.system.ledger import Ledger, next_id
from omni_lab.typing import AnyArray

if TYPE_CHECKING:
    from omni_lab.execution.oms import OMS
    from omni_lab.execution.views import BookView

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")
Quote = tuple[int, int, float, float, float, float]
"""Time, instrument, best bid and its quantity, best ask and its quantity."""
_LONGEST_WAIT_S = 1.0
DAY_NS = 86_400 * 10**9


class Feed(Protocol):
    """Where slices of a market come from."""

    @property
    def source(self) -> str:
        """What it is, in a phrase."""

    def begin(self) -> None:
        """Start the clock."""

    def due_in(self) -> float | None:
        """Seconds until the next slice is due; None at the end."""

    def now(self) -> int | None:
        """Time in the market, nanoseconds; None where no clock of ours says it."""

    def take(self, next_id: int) -> Slice:
        """The slice that is due."""


class Host(Protocol):
    """A strategy in its place."""

    def look(self, happened: Happened) -> None:
        """After something happened."""

    def due_at(self) -> int | None:
        """When its next timer is due, nanoseconds."""


class Worker(Protocol):
    """Who works parents off beside the strategy.

    He is told of everything in its order, and looks when nobody else does.
    """

    def note(self, happened: Happened) -> None:
        """Something happened."""

    def look(self, ts: int) -> None:
        """Act where that is due."""

    def due_at(self) -> int | None:
        """When it wants to look next, nanoseconds."""


@dataclass(frozen=True, slots=True, eq=False)
class Happened:
    """What came of one step of the engine.

    Attributes
    ----------
    events : dict of str to ndarray
        Raw columns of the system's events.
    own : EventLog
        Those of the account's orders.
    prints : dict of str to ndarray or None
        Trades that are only told.
    quotes : list of tuple
        Best prices of what was touched.
    books : dict of int to BookView
        The books of what was touched, by instrument.
    ts : int
        Time in the market.
    n_market_events : int
        Events of the market in it.
    sequence : int
        Of the last frame that was told of.
    begins : bool
        Whether the market begins anew with it.
    """

    events: dict[str, AnyArray]
    own: EventLog
    prints: dict[str, AnyArray] | None
    quotes: list[Quote]
    books: dict[int, BookView]
    ts: int
    n_market_events: int
    sequence: int
    begins: bool = False


class Engine:
    """The thread of the hot path.

    Parameters
    ----------
    oms : OMS
    ledger : Ledger
    feed : Feed
    next_order_id : int
        The id that the next order gets.
    tell : callable
        Where `Happened` goes: it returns at once.
    ended : callable
        Called in the thread when it ends, with what went wrong or None.
    new_day : callable, optional
        Called with the time before the first slice of another day (UTC).
    """

    def __init__(
        self,
        oms: OMS,
        ledger: Ledger,
        feed: Feed,
        *,
        next_order_id: int,
        tell: Callable[[Happened], None],
        ended: Callable[[BaseException | None], None],
        new_day: Callable[[int], None] | None = None,
    ) -> None:
        self.oms, self.ledger, self.feed = oms, ledger, feed
        self.host: Host | None = None
        self.worker: Worker | None = None
        self._depth = 0
        self.clock = oms.clock
        self._next_id = next_order_id
        self._tell, self._ended, self._new_day = tell, ended, new_day
        self._wake = threading.Condition()
        self._requests: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._stopping = self._over = False
        self.opened = threading.Event()
        self._touched = np.zeros(len(oms.config.instruments), dtype=bool)
        self._symbols = [each.symbol for each in oms.config.setup().instruments]
        self._thread: threading.Thread | None = None

    def start(self, begin: Callable[[], None], end: Callable[[], None]) -> None:
        """Begin; with something that is done before the first slice, and something after the last."""
        self._thread = threading.Thread(target=self._run, args=(begin, end), name="omni-engine", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the step that is being done, and wait for it."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread is not None and not self.is_here:
            self._thread.join()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end; whether it came."""
        assert self._thread is not None, "it was started"
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def next_id(self) -> int:
        """The id that the next order gets."""
        return self._next_id

    @property
    def is_here(self) -> bool:
        """Whether the caller is the engine itself."""
        return threading.current_thread() is self._thread

    def ask(self, what: Callable[[], Answer]) -> Answer:
        """Do something between two slices, and return what it returns.

        Raises
        ------
        StateError
            If the engine has ended.
        """
        if self.is_here:
            return what()
        future: Future[Answer] = Future()
        with self._wake:
            if self._over or self._stopping:
                raise StateError("the system has stopped", hint="Start it.")
            self._requests.append((what, future))
            self._wake.notify_all()
        return future.result()

    def poke(self) -> None:
        """Look whether something is due; for feeds that get something."""
        with self._wake:
            self._wake.notify_all()

    # --- in its thread --------------------------------------------------------------------------------------

    def _run(self, begin: Callable[[], None], end: Callable[[], None]) -> None:
        error: BaseException | None = None
        try:
            self.feed.begin()
            begin()
            while not self._stopping:
                self._serve()
                due = self._due_in()
                if due is None:
                    break
                if due > 0:
                    self._rest(due)
                else:
                    self.step()
            end()
        except Exception as failed:
            logger.exception("the trading system cannot go on")
            error = failed
        finally:
            with self._wake:
                self._over = True
                left = list(self._requests)
                self._requests.clear()
            self.opened.set()
            for _, future in left:
                future.set_exception(StateError("the system has stopped", hint="Start it."))
            self._ended(error)

    def _due_in(self) -> float | None:
        due = self.feed.due_in()
        now = self.feed.now()
        for each in (self.host, self.worker):
            timer = None if each is None else each.due_at()
            if due is not None and timer is not None and now is not None:
                due = min(due, max(0.0, (timer - now) / 1e9))
        return due

    def _rest(self, seconds: float) -> None:
        with self._wake:
            if not self._requests and not self._stopping:
                self._wake.wait(min(seconds, _LONGEST_WAIT_S))

    def _serve(self) -> None:
        while self._requests:
            what, future = self._requests.popleft()
            try:
                answer = what()
            except Exception as error:  # noqa: BLE001 - it is raised where it was asked
                self.settle()
                future.set_exception(error)
            else:
                self.settle()
                future.set_result(answer)

    def settle(self) -> None:
        """Hand on what came of commands that were sent one by one."""
        events = self.oms.events()
        if len(events):
            self._pass_on(events.columns, None, 0)

    def step(self) -> None:
        """Take the slice that is due, if one is, and let the strategy look."""
        if self.feed.due_in() == 0.0:
            piece = self.feed.take(self._next_id)
            if self._new_day is not None and 0 < self.clock // DAY_NS < piece.ts // DAY_NS:
                self._new_day(piece.ts)
            if piece.begins:
                self.oms.mass_cancel(account="street", ts=piece.ts)
                self.settle()
            events = self.oms.apply(piece.commands) if len(piece.commands["kind"]) else {}
            self.clock = max(self.clock, piece.ts)
            self._pass_on(events, piece.prints, piece.n_events, begins=piece.begins)
            self.opened.set()
        elif self.host is not None or self.worker is not None:
            now = self.feed.now()
            self.clock = max(self.clock, now or 0)
            self._pass_on({}, None, 0)

    def _pass_on(
        self,
        events: Mapping[str, AnyArray],
        prints: dict[str, AnyArray] | None,
        n_market_events: int,
        *,
        begins: bool = False,
    ) -> None:
        columns = dict(events) or self.oms.events().columns
        sequence = self.oms.sequence
        self._next_id = next_id(columns, self._next_id)
        self.clock = max(self.clock, self.oms.clock)
        books = self._books(columns)
        happened = Happened(
            events=columns,
            own=self.ledger.note(columns),
            prints=prints,
            quotes=[(self.clock, number, *book.best()) for number, book in books.items()],
            books=books,
            ts=self.clock,
            n_market_events=n_market_events,
            sequence=sequence,
            begins=begins,
        )
        self._tell(happened)
        if self.worker is not None:
            self.worker.note(happened)
        if self.host is not None:
            # What a strategy sends is passed on within its look.
            self._depth += 1
            try:
                self.host.look(happened)
            finally:
                self._depth -= 1
        if self.worker is not None and not self._depth:
            self.worker.look(self.clock)

    def _books(self, columns: Mapping[str, AnyArray]) -> dict[int, BookView]:
        """The books of the instruments that were touched."""
        self._touched[:] = False
        self._touched[columns["instrument"][columns["side"] > 0]] = True
        touched = np.flatnonzero(self._touched).tolist()
        return {number: self.oms.book(self._symbols[number]) for number in touched}
