"""Captures of Nasdaq TotalView-ITCH 5.0: messages, columns, events, books and Parquet from one file.

One of the doors to the native module, which reads, unpacks and decodes; section 3 of docs/feeds.md says which
captures it understands. Everything here streams: a day of any size needs the memory of a batch, except where
a method returns the whole of something.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.data.books import BookTables, MarketReplay, Table, open_books
from omni_lab.data.events import Events
from omni_lab.data.feed_info import FeedInfo
from omni_lab.data.itch_messages import MESSAGES, text_of
from omni_lab.data.itch_stats import ItchStats, stats_of
from omni_lab.data.moments import EASTERN, date_in_name
from omni_lab.errors import CodecError, ConfigError, SourceError
from omni_lab.progress import Progress
from omni_lab.typing import AnyArray

if TYPE_CHECKING:
    from omni_lab._native import ItchReader

_BATCH = 1 << 17
_TICK_SIZE = 1e-4
_WITH_STOCK = tuple(kind for kind, message in MESSAGES.items() if "stock" in message._fields)


class ItchFile:
    """A capture on disk.

    Parameters
    ----------
    path : path
        BinaryFILE, SoupBinTCP, pcap or pcapng, also compressed by gzip or zstd. Nothing is judged by the name
        but the date.
    date : date or str, optional
        Day of the capture; by default from names such as ``01302019.NASDAQ_ITCH50.gz`` and
        ``S081321-v50.txt.gz``. With a date, times of events are UTC; without one they count from midnight.
    framing : str, optional
        ``binaryfile``, ``soupbin``, ``moldudp64``, ``pcap`` or ``pcapng``; by default what the bytes look
        like.
    lenient : bool
        Skip and count what is wrong, instead of raising at the first of it.

    Attributes
    ----------
    path : Path
    date : date or None

    Raises
    ------
    SourceError
        If there is no such file, it is a directory, or it is empty.
    CodecError
        While reading: where the bytes are not what they should be, with their offset, and the number of whole
        messages before it, which have been delivered.

    Examples
    --------
    >>> day = ItchFile("01302019.NASDAQ_ITCH50.gz")  # doctest: +SKIP
    >>> for message in day.messages("A", "F", symbols=["AAPL"]):  # doctest: +SKIP
    ...     print(message.order_reference_number, message.shares)
    >>> tables = day.books("AAPL", levels=5, every="1s")  # doctest: +SKIP
    >>> tables.bbo("AAPL")  # doctest: +SKIP
    """

    def __init__(
        self,
        path: Path | str,
        *,
        date: dt.date | str | None = None,
        framing: str | None = None,
        lenient: bool = False,
    ) -> None:
        self.path = _checked(Path(path))
        self.date = _day(date) or date_in_name(self.path.name)
        self._framing = framing
        self._lenient = lenient
        self._symbols: dict[int, str] | None = None
        self._has_all = False

    def __repr__(self) -> str:
        return f"<ITCH capture {self.path.name}{f' of {self.date}' if self.date else ''}>"

    @property
    def info(self) -> FeedInfo:
        """Symbols, units, date."""
        return self._info(self.symbols())

    def stats(self, *, progress: bool = True) -> ItchStats:
        """Count everything, in one pass over the file."""
        from omni_lab._native import itch_scan

        with Progress(None, self.path.name, progress, unit="B") as shown:
            found = itch_scan(
                str(self.path),
                framing=self._framing,
                lenient=self._lenient,
                progress=shown if progress else None,
            )
        self._symbols, self._has_all = _directory(found["locate"], found["symbol"]), True
        return stats_of(found, self._symbols)

    def symbols(self) -> dict[int, str]:
        """Symbol of each stock locate, as far as it takes to know them.

        A venue names its instruments before the first order; reading ends there. A capture without a stock
        directory is read whole, for messages that carry a symbol.
        """
        if self._symbols is None:
            found: dict[int, str] = {}
            seen: set[str] = set()
            try:
                for batch in self._columns(_WITH_STOCK, None, progress=False):
                    seen |= batch.keys()
                    for columns in batch.values():
                        found.update(_new_names(columns, found))
                    if "R" in seen and seen & {"A", "F"}:
                        break
                else:
                    self._has_all = True
            except CodecError:
                # Whoever reads on will meet it, after what comes before it.
                self._has_all = True
            self._symbols = found
        return dict(self._symbols)

    def messages(
        self, *types: str, symbols: str | Iterable[str] | None = None, progress: bool = False
    ) -> Iterator[Any]:
        """Messages one by one, in the order of the feed.

        Parameters
        ----------
        *types : str
            Bytes of message types, as ``"A"``; all by default.
        symbols : str or iterable of str, optional
            Instruments; all by default.

        Yields
        ------
        NamedTuple
            One of :mod:`omni_lab.data.itch_messages`.

        Raises
        ------
        ConfigError
            If there is no such type.
        UnknownSymbolError
            If there is no such symbol.
        """
        for batch in self.column_batches(*types, symbols=symbols, progress=progress):
            yield from _in_order(batch)

    def dispatch(
        self,
        handlers: Mapping[str, Callable[[Any], object]],
        *,
        symbols: str | Iterable[str] | None = None,
        progress: bool = True,
    ) -> int:
        """Call back for every message of the types that have a handler; how many there were.

        Parameters
        ----------
        handlers : mapping of str to callable
            What to call with each message of a type.
        symbols : str or iterable of str, optional
            Instruments; all by default.

        Raises
        ------
        ConfigError, UnknownSymbolError
            As :meth:`messages`.
        """
        by_class = {MESSAGES[kind]: handlers[kind] for kind in _types(tuple(handlers))} if handlers else {}
        n_messages = 0
        for message in self.messages(*handlers, symbols=symbols, progress=progress) if handlers else ():
            by_class[type(message)](message)
            n_messages += 1
        return n_messages

    def column_batches(
        self, *types: str, symbols: str | Iterable[str] | None = None, progress: bool = True
    ) -> Iterator[dict[str, Table]]:
        """Columns of each type, a batch of messages at a time.

        Yields
        ------
        dict of str to dict of str to ndarray
            By type: every field under its name in the specification, in units of the wire, times in
            nanoseconds since midnight, and ``number``, the message's place in the capture.

        Raises
        ------
        ConfigError, UnknownSymbolError
            As :meth:`messages`.
        """
        return self._columns(_types(types), self._numbers(symbols), progress=progress)

    def columns(
        self, *types: str, symbols: str | Iterable[str] | None = None, progress: bool = True
    ) -> dict[str, Table]:
        """Columns of each type, of the whole capture; see :meth:`column_batches`."""
        parts: dict[str, list[Table]] = {}
        for batch in self.column_batches(*types, symbols=symbols, progress=progress):
            for kind, columns in batch.items():
                parts.setdefault(kind, []).append(columns)
        return {
            kind: {name: np.concatenate([part[name] for part in each]) for name in each[0]}
            for kind, each in parts.items()
        }

    def event_batches(
        self,
        symbols: str | Iterable[str] | None = None,
        start: Any = None,
        end: Any = None,
        *,
        progress: bool = True,
    ) -> Iterator[Events]:
        """Events with ``start <= ts < end`` in runs of bounded length.

        Parameters
        ----------
        symbols : str or iterable of str, optional
            Instruments; all by default.
        start, end : str, datetime, time or int, optional
            ``"09:30"`` is a time in New York. Reading ends with the first batch that lies behind ``end``.

        Raises
        ------
        UnknownSymbolError, DataError
            If there is no such symbol, or a time cannot be read.
        """
        numbers, info = self._numbers(symbols), self.info
        start = None if start is None else info.moment_ns(start)
        end = None if end is None else info.moment_ns(end)
        return self._events(numbers, info, start, end, progress=progress)

    def events(
        self,
        symbols: str | Iterable[str] | None = None,
        start: Any = None,
        end: Any = None,
        *,
        progress: bool = True,
    ) -> Events:
        """Events with ``start <= ts < end``; parameters and errors are those of :meth:`event_batches`."""
        empty = Events.from_columns({"ts": [], "kind": []}, self.info)
        return Events.concat(chain([empty], self.event_batches(symbols, start, end, progress=progress)))

    def replay(
        self, symbols: str | Iterable[str] | None = None, *, progress: bool = True, **options: Any
    ) -> MarketReplay:
        """The capture on its way through the books of these instruments, of all by default.

        Parameters
        ----------
        symbols : str or iterable of str, optional
            Instruments; all by default.
        **options
            ``levels``, ``every``, ``at``, ``bbo``, ``trades``, ``notes``, ``checksum``: see
            :func:`omni_lab.data.books.open_books`.

        Raises
        ------
        UnknownSymbolError, ConfigError, DataError
            If there is no such symbol, or an option cannot be used.
        """
        named = None if symbols is None else self._numbers(symbols)
        # Who wants all need not wait for the names.
        info = self._info({} if named is None else self.symbols())
        books = open_books(info, symbols=symbols, **options)
        reader = self.open(info.midnight_ns)
        shown = ExitStack()
        report = shown.enter_context(Progress(None, self.path.name, progress, unit="B"))

        def advance() -> bool:
            going = bool(books.run(reader, _BATCH))
            if going:
                report(*reader.position)
            else:
                shown.close()
            return going

        return MarketReplay(books, advance, lambda: self.info)

    def books(
        self, symbols: str | Iterable[str] | None = None, *, progress: bool = True, **options: Any
    ) -> BookTables:
        """Tables of the whole capture: best prices, depth, trades, auctions, states.

        Parameters and errors are those of :meth:`replay`.
        """
        return self.replay(symbols, progress=progress, **options).run()

    def to_parquet(
        self,
        folder: Path | str,
        types: Iterable[str] | None = None,
        *,
        symbols: str | Iterable[str] | None = None,
        compression: str = "lz4",
        progress: bool = True,
    ) -> dict[str, int]:
        """Write a Parquet file for each type; see :func:`~omni_lab.data.itch_parquet.write_parquet`."""
        from omni_lab.data.itch_parquet import write_parquet

        kinds = _types(tuple(types or ()))
        batches = self._columns(kinds, self._numbers(symbols), progress=progress)
        return write_parquet(
            batches, Path(folder), source=self.path.name, date=self.date, compression=compression
        )

    def _numbers(self, symbols: str | Iterable[str] | None) -> AnyArray | None:
        if symbols is None:
            return None
        wanted = {symbols} if isinstance(symbols, str) else set(symbols)
        if not self._has_all and not wanted <= set(self.symbols().values()):
            # An instrument may be named late in the day.
            self.stats()
        return self._info(self._symbols or {}).numbers(sorted(wanted))

    def _info(self, symbols: Mapping[int, str]) -> FeedInfo:
        return FeedInfo(
            symbols=symbols,
            tick_size=_TICK_SIZE,
            source=f"ITCH, {self.path.name}",
            date=self.date,
            zone=EASTERN,
        )

    def open(self, midnight_ns: int = 0) -> ItchReader:
        """A native reader at the first byte; times of its events count from `midnight_ns`."""
        from omni_lab._native import ItchReader

        return ItchReader(str(self.path), framing=self._framing, lenient=self._lenient, base_ns=midnight_ns)

    def _columns(
        self, types: tuple[str, ...], numbers: AnyArray | None, *, progress: bool
    ) -> Iterator[dict[str, Table]]:
        reader = self.open()
        wanted = "".join(types).encode() if types else None
        with Progress(None, self.path.name, progress, unit="B") as shown:
            while (batch := reader.messages(_BATCH, wanted, numbers)) is not None:
                yield {kind: columns for kind, columns in batch.items() if len(columns["timestamp"])}
                shown(*reader.position)

    def _events(
        self, numbers: AnyArray | None, info: FeedInfo, start: int | None, end: int | None, *, progress: bool
    ) -> Iterator[Events]:
        reader = self.open(info.midnight_ns)
        with Progress(None, self.path.name, progress, unit="B") as shown:
            while (columns := reader.events(_BATCH, numbers)) is not None:
                batch = Events(**columns, info=info)
                shown(*reader.position)
                if len(batch) and end is not None and int(batch.ts[0]) >= end and not batch.n_backward:
                    break
                part = batch.between(start, end)
                if len(part):
                    yield part


def _checked(path: Path) -> Path:
    if path.is_dir():
        raise SourceError("a capture is a file", found=f"the directory {path}", expected="one ITCH file")
    if not path.is_file():
        raise SourceError("there is no such capture", found=str(path), hint="Check the path.")
    if path.stat().st_size == 0:
        raise SourceError("the capture is empty", found=str(path), hint="Fetch it again.")
    return path


def _day(date: dt.date | str | None) -> dt.date | None:
    if not isinstance(date, str):
        return date
    try:
        return dt.date.fromisoformat(date)
    except ValueError as error:
        raise ConfigError("this is no date", found=date, expected="one as 2019-01-30") from error


def _types(types: tuple[str, ...]) -> tuple[str, ...]:
    for kind in types:
        if kind not in MESSAGES:
            raise ConfigError("ITCH 5.0 has no such message type", found=kind, expected=tuple(MESSAGES))
    return types


def _directory(locates: AnyArray, symbols: Any) -> dict[int, str]:
    names = (
        text_of(symbols) if isinstance(symbols, np.ndarray) else [str(symbol).rstrip() for symbol in symbols]
    )
    return dict(zip(np.asarray(locates).tolist(), names, strict=True))


def _new_names(columns: Table, known: Mapping[int, str]) -> dict[int, str]:
    locates, first = np.unique(columns["stock_locate"], return_index=True)
    new = [
        row
        for locate, row in zip(locates.tolist(), first.tolist(), strict=True)
        if locate and locate not in known
    ]
    return _directory(columns["stock_locate"][new], columns["stock"][new])


def _in_order(batch: dict[str, Table]) -> Iterator[Any]:
    """Messages of a batch, back in the order of the feed."""
    messages: list[Any] = []
    for kind, columns in batch.items():
        message = MESSAGES[kind]
        fields = [_values(columns[name]) for name in message._fields]
        messages += map(message._make, zip(*fields, strict=True))
    if len(batch) == 1:
        yield from messages
        return
    numbers = np.concatenate([columns["number"] for columns in batch.values()]) if batch else np.empty(0)
    for place in np.argsort(numbers, kind="stable").tolist():
        yield messages[place]


def _values(column: AnyArray) -> list[Any]:
    return text_of(column) if column.dtype.kind == "S" or column.dtype == np.uint8 else column.tolist()
