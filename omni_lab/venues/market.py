"""`Market`: an order-management system with OUCH on one side and ITCH on the other, and no sockets yet.

Everything that comes in goes through the system's gate, journal and book; everything that goes out is read
from its events. A market reads these events itself: whoever else wants them asks for them here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from omni_lab._native import MessageLog
from omni_lab.domain import EventKind, TradingPhase
from omni_lab.errors import ConfigError, DataError
from omni_lab.execution.events import EventLog
from omni_lab.execution.face import OMSFace
from omni_lab.venues import codes
from omni_lab.venues.answers import Answers
from omni_lab.venues.desk import OuchDesk
from omni_lab.venues.feed import ItchFeed
from omni_lab.venues.listing import DAY_NS, Listing, Row, listings_of, rows_of
from omni_lab.venues.messages import Message, encode, known
from omni_lab.venues.settings import User, users_by_name
from omni_lab.venues.tickets import Tickets

KEEP_BYTES = 256 << 20
"""How much of each session is kept for those who come late."""


class Trade(NamedTuple):
    """What is remembered of a trade, so that it can be broken: instrument, and the orders of both sides."""

    instrument: int
    orders: tuple[int, int]


class Market:
    """A venue's inside: orders of users in, answers to them and a public feed out.

    Parameters
    ----------
    oms : OMSFace
        The system; the market alone reads its events from now on.
    users : iterable of User
        Who may trade.
    session : str, optional
        Name of the sessions, up to 10 characters; by default made of day and second, so that a market that is
        made anew is not taken for the one before.
    clock : callable
        Nanoseconds UTC, for the times of commands.
    keep_bytes : int
        How much of each session is kept.

    Attributes
    ----------
    oms : OMSFace
        The system. Commands may be given to it directly; `publish` tells what came of them.
    users : dict of str to User
        By name in small letters.
    feed : ItchFeed
        The public side.
    logs : dict of str to MessageLog
        What users are told, by name in small letters.
    unknown : int
        Messages of a type that nobody knows.

    Raises
    ------
    ConfigError
        If an instrument does not fit on the wire, or users are named twice or have an unknown account.
    """

    def __init__(
        self,
        oms: OMSFace,
        users: Iterable[User],
        *,
        session: str | None = None,
        clock: Callable[[], int] = time.time_ns,
        keep_bytes: int = KEEP_BYTES,
    ) -> None:
        self.oms = oms
        self.users = users_by_name(users)
        self.unknown = 0
        self._clock = clock
        accounts = {name: number for number, name in enumerate(oms.config.accounts)}
        for user in self.users.values():
            if user.account not in accounts:
                raise ConfigError(
                    "no such account", found=user.account, expected=list(accounts), where=user.name
                )
        now = clock()
        midnight_ns = now // DAY_NS * DAY_NS
        name = session or _session_name(now)
        self.logs = {name_: MessageLog(name, max_bytes=keep_bytes) for name_ in self.users}
        listings = listings_of(oms)
        self._tickets = Tickets()
        self._answers = Answers(self._tickets, listings, midnight_ns=midnight_ns, tell=self._tell)
        self._desk = OuchDesk(oms, listings, accounts, self._tickets, self._answers)
        self.feed = ItchFeed(
            oms,
            listings,
            MessageLog(name, max_bytes=keep_bytes),
            midnight_ns=midnight_ns,
            visibility=self._desk.visibility,
        )
        self._midnight_ns = midnight_ns
        self._phases: dict[int, TradingPhase] = {}
        self._trades: dict[int, Trade] = {}
        self._broken: set[int] = set()
        self._listeners: list[Callable[[], None]] = []
        self._watchers: list[Callable[[EventLog], None]] = []
        self._start(now, listings)

    def on_news(self, listener: Callable[[], None]) -> None:
        """Call somebody whenever there are new messages in a log."""
        self._listeners.append(listener)

    def on_events(self, watcher: Callable[[EventLog], None]) -> None:
        """Hand the system's events to somebody, after they were told to users and feed."""
        self._watchers.append(watcher)

    def handle(self, user_name: str, data: bytes) -> None:
        """Do what a user's OUCH message asks, and tell everyone what came of it.

        Raises
        ------
        CodecError
            If it has too few bytes.
        JournalError
            If the system cannot go on.
        """
        user = self.users[user_name.lower()]
        if data[:1] not in _CLIENT_TYPES:
            self.unknown += 1
            return
        self._desk.handle(user, known("ouch_client", data), self._clock())
        self.publish()

    def publish(self) -> None:
        """Tell users and feed what came of commands since the last time."""
        events = self.oms.events()
        replaces, self._desk.replaces = self._desk.replaces, {}
        if events:
            rows = rows_of(events.columns)
            for row in rows:
                self._note(row)
                self._answers.tell(row)
            self.feed.follow(rows, replaces)
            for watcher in self._watchers:
                watcher(events)
        self._wake()

    def on_time(self) -> None:
        """Let orders expire whose time is over, and publish."""
        now = self._clock()
        if self._desk.due(now):
            self.oms.advance(now)
        self.publish()

    def break_trade(self, match_number: int, reason: str = "S") -> None:
        """Undo a trade for both of its sides and in the feed; positions in the system stay as they are.

        Parameters
        ----------
        match_number : int
            The trade's number: ``match_number`` on the wire, ``trade_id`` in events.
        reason : {"E", "C", "S", "X"}
            Erroneous, by consent, by the supervisor, from outside.

        Raises
        ------
        DataError
            If there was no such trade, or it is broken already.
        """
        if reason not in codes.BREAKS:
            raise ConfigError(
                "no trade is broken for this reason", found=reason, expected=sorted(codes.BREAKS)
            )
        trade = self._trades.get(match_number)
        if trade is None or match_number in self._broken:
            raise DataError("no such trade, or it is broken already", found=match_number)
        self._broken.add(match_number)
        now = self._clock()
        for order_id in trade.orders:
            self._answers.broken(order_id, match_number, reason, now)
        self.feed.broken(now, trade.instrument, match_number)
        self._wake()

    def end_day(self) -> None:
        """Close what is open, tell everyone that the day is over, and end all sessions."""
        self.oms.set_phase(TradingPhase.CLOSED, ts=self._clock())
        self.publish()
        now = self._clock()
        for name, log in self.logs.items():
            self._tell(
                self.users[name], Message("system_event", {"timestamp": self._time(now), "event_code": "E"})
            )
            log.end()
        self.feed.end(now)
        self._wake()

    def _start(self, now: int, listings: Sequence[Listing]) -> None:
        # What came of commands from before the market was there is in the books, and nobody waits for it.
        self.oms.events()
        by_account = {user.account: user for user in reversed(self.users.values())}
        self._tickets.recover(self.oms, listings, by_account)
        for number, listing in enumerate(listings):
            self._phases[number] = TradingPhase[self.oms.book(listing.symbol).phase]
        for user in self.users.values():
            self._tell(user, Message("system_event", {"timestamp": self._time(now), "event_code": "S"}))
        self.feed.start(now)

    def _note(self, row: Row) -> None:
        """Remember what later messages depend on."""
        if row.kind == EventKind.PHASE_CHANGED:
            after = TradingPhase(row.qty)
            self._answers.cross = codes.cross_of(self._phases[row.instrument], after)
            self._phases[row.instrument] = after
        elif row.kind == EventKind.FILLED:
            before = self._trades.get(row.trade_id)
            first = row.order_id if before is None else before.orders[0]
            self._trades[row.trade_id] = Trade(row.instrument, (first, row.order_id))

    def _tell(self, user: User, message: Message) -> None:
        self.logs[user.name.lower()].append(encode("ouch_venue", message))

    def _wake(self) -> None:
        for listener in self._listeners:
            listener()

    def _time(self, ts: int) -> int:
        return max(ts - self._midnight_ns, 0)


def _session_name(now: int) -> str:
    """Year, day of the year and second of the day: ``"3000143200"`` is noon of 2030-01-01."""
    return time.strftime("%y%j", time.gmtime(now // 10**9)) + f"{now % DAY_NS // 10**9:05d}"


_CLIENT_TYPES = frozenset({b"O", b"U", b"X", b"M", b"N"})
