"""A day of a market for a pipeline to replay: captured, from a file, or made up from a seed.

Files are read by ``omni_lab.data``; which orders fill in the replay is for the simulator.
"""

import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ConfigError, DataError, SourceError

if TYPE_CHECKING:
    from omni_lab.data import Events, ItchFile
    from omni_lab.execution.tca import Tape
    from omni_lab.simulator import MarketFeed

MADE_UP_DATE = "2024-01-02"
"""Day of the made-up market: a Tuesday."""
_MADE_UP = (
    "The market is made up: its takers know nothing, and a gain on it shows only that the machinery works."
)
_SILENT = "Nobody in a replayed market sees our orders: what they would have moved is not in the costs."
_WITHOUT_DATE = "The capture does not say its day: times count from midnight at the venue."


@dataclass(frozen=True, kw_only=True)
class MarketDay:
    """One instrument on one day, ready to be replayed.

    Attributes
    ----------
    symbol : str
        The instrument.
    feed : MarketFeed
        Its events, prepared.
    origin : str
        Where they come from, in a line that names no directory.
    caveats : tuple of str
        What to know before believing a result on them.
    """

    symbol: str
    feed: "MarketFeed"
    origin: str
    caveats: tuple[str, ...]

    @cached_property
    def tape(self) -> "Tape":
        """Quotes and trades on the clock of fills, which is later by the delay of the feed."""
        from omni_lab.execution.tca import Tape

        delay = self.feed.delay_ns
        return Tape.from_events(
            self.feed.events, self.symbol, delay_ns=delay if isinstance(delay, int) else 0
        )

    @property
    def traded(self) -> float:
        """Units that the market traded."""
        return float(self.tape.qty.sum())


def open_market(
    path: str | None = None,
    *,
    symbol: str | None = None,
    date: str | None = None,
    session: str | None = None,
    messages: int = 300_000,
    symbols: int = 20,
    seed: int = 5,
) -> MarketDay:
    """One instrument of a captured day, or of a made-up one.

    Parameters
    ----------
    path : str, optional
        A capture: NASDAQ's ITCH, LOBSTER's message file (its name has ``_message_``), or Databento's
        ``.dbn``; made up by default.
    symbol : str, optional
        The instrument; the one with most trades by default.
    date : str, optional
        Day of the capture, where its name does not tell.
    session : str, optional
        Calendar, such as ``"XNAS"``: outside of its sessions nothing trades.
    messages, symbols, seed : int
        Of the made-up day: how many messages, of how many instruments, drawn from which seed.

    Raises
    ------
    SourceError
        If there is no such file.
    UnknownSymbolError
        If the capture has no such instrument.
    DataError
        If it did not trade there, or no price is ever quoted on both sides.
    CodecError
        If the bytes are not what the name promises.
    """
    if path is None:
        events, chosen = _made_up(symbol, messages, symbols, seed)
        origin, caveats = f"made up: {messages:,} messages of {symbols} instruments, seed {seed}", [_MADE_UP]
    else:
        events, chosen = _captured(Path(path).expanduser(), symbol, date)
        origin, caveats = f"captured: {Path(path).name}", [_SILENT]
        caveats += [] if events.info.date else [_WITHOUT_DATE]
    day = MarketDay(symbol=chosen, feed=_prepared(events, session), origin=origin, caveats=tuple(caveats))
    _require_a_market(day)
    return day


def _made_up(symbol: str | None, messages: int, symbols: int, seed: int) -> "tuple[Events, str]":
    from omni_lab.data import ItchFile, synthetic_itch

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made-up.itch"
        synthetic_itch(path, messages=messages, symbols=symbols, seed=seed, progress=False)
        return _of_itch(ItchFile(path, date=MADE_UP_DATE), symbol)


def _captured(path: Path, symbol: str | None, date: str | None) -> "tuple[Events, str]":
    from omni_lab.data import DatabentoFile, ItchFile, LobsterDay

    if not path.is_file():
        raise SourceError(
            "there is no such capture", found=str(path), where="path", hint="Without a path a day is made up."
        )
    if "_message_" in path.name:
        return _one_of(LobsterDay(path).events(), symbol)
    if ".dbn" in path.suffixes:
        return _one_of(DatabentoFile(path).events(), symbol)
    return _of_itch(ItchFile(path, date=date), symbol)


def _of_itch(capture: "ItchFile", symbol: str | None) -> "tuple[Events, str]":
    chosen = symbol or _busiest(capture)
    return capture.events(chosen, progress=False), chosen


def _busiest(capture: "ItchFile") -> str:
    """The instrument that trades most often; the day is read in batches, however long it is."""
    counts = np.zeros(1 << 16, dtype=np.int64)
    for batch in capture.event_batches(progress=False):
        counts += np.bincount(batch.instrument[_trades(batch)], minlength=len(counts))
    if not counts.any():
        raise DataError("nothing trades in this capture", found=capture.path.name, where="path")
    names = capture.symbols()
    number = int(counts.argmax())
    if number not in names:
        raise DataError(
            "the capture does not name the instrument that trades most",
            found=f"number {number}",
            where="path",
            hint="Set symbol to one that it names.",
        )
    return names[number]


def _one_of(events: "Events", symbol: str | None) -> "tuple[Events, str]":
    """Events of the instrument asked for, else of the one that trades most."""
    if symbol is None:
        traded = np.bincount(events.instrument[_trades(events)])
        if not traded.any():
            raise DataError("nothing trades in this capture", where="path")
        symbol = events.symbols[int(traded.argmax())]
    return events.of(symbol), symbol


def _trades(events: "Events") -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    from omni_lab.data import EventKind

    return np.isin(events.kind, (EventKind.EXECUTE, EventKind.TRADE))


def _prepared(events: "Events", session: str | None) -> "MarketFeed":
    from omni_lab.data.trading_calendar import TradingCalendar
    from omni_lab.simulator import MarketFeed
    from omni_lab.simulator.ticks.sessions import within_sessions

    if session is not None:
        events = within_sessions(events, TradingCalendar.of(session))
    return MarketFeed(events)


def _require_a_market(day: MarketDay) -> None:
    tape = day.tape
    quoted = np.isfinite(tape.bid + tape.ask)
    if not quoted.any() or not len(tape.trade_ts):
        raise DataError(
            "this is not a market that orders can be sent to",
            found=f"{int(quoted.sum()):,} two-sided quotes, {len(tape.trade_ts):,} trades of {day.symbol}",
            expected="both",
            where="path",
            hint="A book can only be rebuilt from a capture that holds its day from the beginning.",
        )
    if not np.diff(tape.trade_ts[[0, -1]]).item() > 0:
        raise ConfigError("all trades are at one moment", found=day.symbol, where="path")
