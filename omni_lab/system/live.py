"""The market of a venue's ITCH feed as it comes in, over SoupBinTCP.

What happened before we came is not done again: the orders that stand then are entered at once.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from omni_lab.config import secret
from omni_lab.data import EventFlag, EventKind, Events
from omni_lab.data.events import TradingState
from omni_lab.data.feed_info import FeedInfo
from omni_lab.domain import CommandKind, Instrument
from omni_lab.errors import ConfigError, GatewayError
from omni_lab.execution.edges import from_grid
from omni_lab.system.config import SystemConfig
from omni_lab.system.feed import Slice
from omni_lab.system.translation import PRINT_COLUMNS, Script, Translator
from omni_lab.typing import AnyArray, IntArray
from omni_lab.venues import Gap, ItchClient
from omni_lab.venues.messages import Message

logger = logging.getLogger(__name__)

PASSWORD_VARIABLE = "OMNI_LAB_FEED_PASSWORD"
"""Names the variable with the password of the login; the address names the user."""
LIVE = "itch://"
"""What the address of a venue's feed begins with."""
_UNIT, _UNITS_PER_TICK = 1e-4, 100
_PATIENCE_S, _QUIET_S = 10.0, 0.3
_STATES = {
    "T": TradingState.TRADING,
    "H": TradingState.HALTED,
    "P": TradingState.PAUSED,
    "Q": TradingState.QUOTING,
}
_SIDES = {"B": 1, "S": 2}
_COLUMNS = ("kind", "side", "flags", "instrument", "order_id", "other_id", "qty", "price")
Row = tuple[int, int, int, int, int, int, int, int]


class LiveFeed:
    """A venue's feed, slice by slice.

    Parameters
    ----------
    config : SystemConfig
        ``market`` is ``"itch://USER@HOST:PORT"``.

    Raises
    ------
    ConfigError
        If that is no such address.
    GatewayError
        If the venue does not let us in, or names no instrument that is asked for.
    """

    def __init__(self, config: SystemConfig) -> None:
        self._address = _address(config.market)
        self._slice_s = config.slice_ms / 1e3
        self._rows: list[Row] = []
        self._first_at: float | None = None
        self._names: dict[int, str] = {}
        self._lost = self._ended = False
        self._error: Exception | None = None
        self._news = threading.Condition()
        self._last_at = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: ItchClient | None = None
        self.on_news: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._listen, name="omni-feed", daemon=True)
        self._thread.start()
        try:
            self._await_backlog()
            self.symbols = self._chosen(config)
        except BaseException:
            self.close()
            raise
        numbers = {name: number for number, name in self._names.items()}
        self._translator = Translator(
            {numbers[symbol]: place for place, symbol in enumerate(self.symbols)},
            [_UNITS_PER_TICK] * len(self.symbols),
        )
        self._ids = np.zeros(1 << 12, dtype=np.int64)
        self._begins = True

    @property
    def source(self) -> str:
        """What it is, in a phrase."""
        host, port, _ = self._address
        return f"ITCH feed of {host}:{port}"

    @property
    def progress(self) -> float:
        """There is no end."""
        return float("nan")

    price_unit = _UNIT
    reference_prices: Mapping[str, float] = MappingProxyType({})

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """What is traded, in cents and single shares."""
        return tuple(Instrument(symbol, tick_size=_UNIT * _UNITS_PER_TICK) for symbol in self.symbols)

    def begin(self) -> None:
        """The clock is everybody's."""

    def now(self) -> int | None:
        """Time in the market is ours."""
        return time.time_ns()

    def due_in(self) -> float | None:
        """Seconds until the next slice is due: a slice after the first news of it."""
        with self._news:
            if self._begins or self._lost:
                return 0.0
            if self._first_at is None:
                return None if self._ended else 1.0
            return max(0.0, self._first_at + self._slice_s - time.monotonic())

    def take(self, next_id: int) -> Slice:
        """What came in."""
        with self._news:
            rows, self._rows, self._first_at = self._rows, [], None
            lost, self._lost = self._lost, False
        now = time.time_ns()
        begins, self._begins = self._begins or lost, False
        script = self._translator.translate(_events(rows, now, self._names))
        if begins:
            # The trades of before are nobody's business now, and what stands is all that is left of them.
            script = self._translator.standing(now)
        number, kind = script.number, script.kind
        is_new = kind == CommandKind.NEW
        self._make_room(int(number.max(initial=-1)) + 1)
        self._ids[number[is_new]] = next_id + np.arange(int(is_new.sum()))
        commands: dict[str, AnyArray] = {
            "kind": kind,
            "ts": script.ts,
            "order_id": np.where(is_new | (number < 0), 0, self._ids[number]).astype(np.uint64),
            **{
                name: getattr(script, name)
                for name in ("instrument", "side", "time_in_force", "qty", "price", "phase")
            },
        }
        return Slice(commands, _prints(script, quietly=begins), now, len(rows), begins)

    def close(self) -> None:
        """Log out."""
        loop, client = self._loop, self._client
        if loop is not None and client is not None and self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(client.stop(), loop)
        self._thread.join()

    def _make_room(self, wanted: int) -> None:
        if wanted > len(self._ids):
            more = np.zeros(max(wanted, 2 * len(self._ids)) - len(self._ids), dtype=np.int64)
            self._ids = np.concatenate([self._ids, more])

    # --- what comes in --------------------------------------------------------------------------------------

    def _listen(self) -> None:
        try:
            asyncio.run(self._read())
        except Exception as error:  # noqa: BLE001 - it is told by whoever waits for the feed
            logger.warning("the feed ended: %s", error)
            self._error = error
        with self._news:
            self._ended = True
            self._news.notify_all()
        self.on_news()

    async def _read(self) -> None:
        host, port, user = self._address
        self._loop = asyncio.get_running_loop()
        self._client = ItchClient.over_tcp(host, port, user, secret(PASSWORD_VARIABLE) or "")
        await asyncio.wait_for(self._client.start(), _PATIENCE_S)
        async for item in self._client:
            with self._news:
                self._last_at = time.monotonic()
                if isinstance(item, Gap):
                    self._forget(item)
                elif item.message is not None:
                    self._note(item.message)
                self._news.notify_all()
            self.on_news()

    def _forget(self, gap: Gap) -> None:
        logger.error("%d messages of the feed are lost: the book begins anew", gap.n_messages)
        cleared = [(int(EventKind.CLEAR), 0, 0, number, 0, 0, 0, 0) for number in self._names]
        self._rows = [*self._rows, *cleared]
        self._lost = True

    def _note(self, message: Message) -> None:
        if message.name == "stock_directory":
            self._names[int(message.stock_locate)] = str(message.stock)
            return
        row = row_of(message)
        if row is not None:
            self._rows.append(row)
            if self._first_at is None:
                self._first_at = self._last_at

    def _await_backlog(self) -> None:
        """Wait until the venue has told what there is."""
        until = time.monotonic() + _PATIENCE_S
        with self._news:
            while time.monotonic() < until and not self._ended:
                if self._names and time.monotonic() - self._last_at >= _QUIET_S:
                    return
                self._news.wait(_QUIET_S)
        host, port, user = self._address
        raise GatewayError(
            "the feed tells nothing" if self._error is None else f"the feed cannot be read: {self._error}",
            where=f"itch://{user}@{host}:{port}",
            hint=f"Its password is that of {PASSWORD_VARIABLE}.",
        )

    def _chosen(self, config: SystemConfig) -> tuple[str, ...]:
        named = [self._names[number] for number in sorted(self._names)]
        missing = [symbol for symbol in config.symbols if symbol not in named]
        if missing:
            raise GatewayError("the feed names no such instrument", found=missing[0], expected=named)
        return config.symbols or tuple(named[: config.n_symbols])


def row_of(message: Message) -> Row | None:
    """An event in its columns; None for messages that no book needs."""
    last, printable = int(EventFlag.LAST), int(EventFlag.PRINTABLE)
    at = int(message.fields.get("stock_locate", 0))
    facts = message.fields
    match message.name:
        case "add_order" | "add_order_mpid":
            side, ref = _SIDES[facts["buy_sell_indicator"]], facts["order_reference_number"]
            return (int(EventKind.ADD), side, last, at, ref, 0, facts["shares"], facts["price"])
        case "order_executed" | "order_executed_with_price":
            counts = facts.get("printable", "Y") != "N"
            flags = last | (printable if counts else 0)
            ref, price = facts["order_reference_number"], facts.get("execution_price", 0)
            return (
                *(int(EventKind.EXECUTE), 0, flags, at, ref),
                *(facts["match_number"], facts["executed_shares"], price),
            )
        case "order_cancel":
            return (
                *(int(EventKind.CANCEL), 0, last, at, facts["order_reference_number"], 0),
                *(facts["cancelled_shares"], 0),
            )
        case "order_delete":
            return (int(EventKind.DELETE), 0, last, at, facts["order_reference_number"], 0, 0, 0)
        case "order_replace":
            return (
                *(int(EventKind.REPLACE), 0, last, at, facts["original_order_reference_number"]),
                *(facts["new_order_reference_number"], facts["shares"], facts["price"]),
            )
        case "trade_non_cross":
            side = _SIDES.get(facts["buy_sell_indicator"], 0)
            return (
                *(int(EventKind.TRADE), side, last | printable, at, 0, facts["match_number"]),
                *(facts["shares"], facts["price"]),
            )
        case "cross_trade":
            return (
                *(int(EventKind.CROSS), 0, last | printable, at, 0, facts["match_number"]),
                *(facts["shares"], facts["cross_price"]),
            )
        case "stock_trading_action":
            state = _STATES.get(facts["trading_state"])
            return None if state is None else (int(EventKind.STATUS), 0, last, at, 0, 0, int(state), 0)
    return None


def _events(rows: list[Row], now: int, names: dict[int, str]) -> Events:
    columns: dict[str, AnyArray] = {
        name: np.array([row[place] for row in rows], dtype=np.int64) for place, name in enumerate(_COLUMNS)
    }
    columns["ts"] = np.full(len(rows), now, dtype=np.int64)
    return Events.from_columns(columns, FeedInfo(symbols=names, tick_size=_UNIT, source="a feed"))


def _prints(script: Script, *, quietly: bool) -> dict[str, IntArray]:
    prints: dict[str, Any] = {name: script.prints[name][: 0 if quietly else None] for name in PRINT_COLUMNS}
    return prints | {"price": from_grid(prints["price"], _UNIT), "qty": prints["qty"].astype(np.float64)}


def _address(market: str) -> tuple[str, int, str]:
    """Host, port and user of ``itch://USER@HOST:PORT``."""
    try:
        parts = urlsplit(market)
        host, port, user = parts.hostname, parts.port, parts.username
    except ValueError:
        host = port = user = None
    if not host or not port or not user:
        raise ConfigError(
            "this is no address of a feed", found=market, expected="itch://USER@HOST:PORT", where="market"
        )
    return host, port, user
