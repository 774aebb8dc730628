"""Events of the market of a system: captured, from a file, or made up from a seed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import DataError, SourceError

if TYPE_CHECKING:
    from omni_lab.data import Events
    from omni_lab.system.config import SystemConfig

MADE_UP = "synthetic"
MADE_UP_DATE = "2024-01-02"
"""Day of the made-up market: a Tuesday."""
_MADE_UP_MESSAGES = 100_000
_OPENS, _CLOSES = ord("Q"), ord("M")


@dataclass(frozen=True, slots=True, eq=False)
class Captured:
    """Events of some instruments on one day.

    Attributes
    ----------
    source : str
        What they come from, in a phrase.
    events : Events
    symbols : dict of str to int
        What is traded, in our order, and its number in the feed.
    session : tuple of int
        When trading opens and closes, in the times of the events; all of it where the feed does not say.
    """

    source: str
    events: Events
    symbols: dict[str, int]
    session: tuple[int, int]


def captured(config: SystemConfig) -> Captured:
    """The market that a configuration names.

    Raises
    ------
    SourceError
        If there is no such capture.
    UnknownSymbolError
        If it has no such instrument.
    DataError
        If nothing happens there.
    """
    return _made_up(config) if config.market == MADE_UP else _from_file(config)


def is_capture(market: str) -> bool:
    """Whether a market is a file of events, or made up."""
    return market == MADE_UP or Path(market).expanduser().is_file()


def _made_up(config: SystemConfig) -> Captured:
    from omni_lab.data import ItchFile, synthetic_itch

    n_symbols = len(config.symbols) or config.n_symbols
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made-up.itch"
        messages = _MADE_UP_MESSAGES * n_symbols
        synthetic_itch(path, messages=messages, symbols=n_symbols, seed=config.seed, progress=False)
        capture = ItchFile(path, date=MADE_UP_DATE)
        theirs = capture.symbols()
        events = capture.events(progress=False)
    names = config.symbols or tuple(theirs[number] for number in sorted(theirs))
    named = dict(zip(sorted(theirs), names, strict=True))
    events = replace(events, info=events.info.with_symbols(named))
    symbols = {symbol: number for number, symbol in named.items()}
    return Captured(f"synthetic, seed {config.seed}", events, symbols, _survey([events], n_symbols)[1])


def _from_file(config: SystemConfig) -> Captured:
    from omni_lab.data import DatabentoFile, ItchFile, LobsterDay

    path = Path(config.market).expanduser()
    if not path.is_file():
        raise SourceError(
            "there is no such capture",
            found=config.market,
            where="SystemConfig.market",
            hint=f"Name a file, {MADE_UP!r}, or itch://HOST:PORT.",
        )
    if "_message_" in path.name or ".dbn" in path.suffixes:
        events = LobsterDay(path).events() if "_message_" in path.name else DatabentoFile(path).events()
        busiest, session = _survey([events], config.n_symbols)
        chosen = config.symbols or busiest
    else:
        capture = ItchFile(path)
        busiest, session = _survey(capture.event_batches(progress=False), config.n_symbols)
        chosen = config.symbols or busiest
        events = capture.events(chosen, progress=False)
    return Captured(f"capture {path.name}", events, _numbers(events, chosen), session)


def _numbers(events: Events, symbols: Sequence[str]) -> dict[str, int]:
    return {symbol: events.info.number(symbol) for symbol in symbols}


def _survey(batches: Iterable[Events], n_symbols: int) -> tuple[tuple[str, ...], tuple[int, int]]:
    """Symbols of the instruments that trade most often, the busiest first; when the session begins and ends.

    Where nothing trades, those with the most orders. Without system events that say so, the session is all
    that there is.
    """
    from omni_lab.data import EventKind

    trades, orders = np.zeros((2, 1 << 16), dtype=np.int64)
    symbols: dict[int, str] = {}
    first, last, opens, closes = 0, 0, 0, 0
    for batch in batches:
        if not len(batch):
            continue
        traded = np.isin(batch.kind, (EventKind.EXECUTE, EventKind.TRADE))
        trades += np.bincount(batch.instrument[traded], minlength=len(trades))
        orders += np.bincount(batch.instrument[batch.kind == EventKind.ADD], minlength=len(orders))
        symbols.update(batch.symbols)
        first, last = first or int(batch.ts[0]), int(batch.ts[-1])
        system = batch.kind == EventKind.SYSTEM
        opened, closed = (batch.ts[system & (batch.qty == code)] for code in (_OPENS, _CLOSES))
        opens = opens or (int(opened[0]) if len(opened) else 0)
        closes = int(closed[-1]) if len(closed) else closes
    counts = trades if trades.any() else orders
    busiest = np.argsort(-counts, kind="stable")[:n_symbols]
    found = tuple(symbols.get(int(number), f"#{number}") for number in busiest if counts[number])
    if not found:
        raise DataError("nothing happens in this capture", where="SystemConfig.market")
    return found, (opens or first, closes or last + 1)
