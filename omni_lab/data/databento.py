"""Databento's files (DBN, versions 1 to 3) as events, columns or bars, through the package ``databento-dbn``.

The package checks the format and brings old versions to the newest; records then are columns of a structured
array. What the actions mean is documented by Databento: a trade (T) and a fill (F) do not touch the book, and
a cancel (C) or modify (M) that does follows every fill. Our events say the same in their own way: a fill is
an EXECUTE that takes from its order, so what the following cancel takes is lessened by it, and a trade is
kept as TRADE only for the part that no fill explains.
"""

from __future__ import annotations

import datetime as dt
import io
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from omni_lab.data.dbn_events import events_from_levels, events_from_orders, events_from_trades
from omni_lab.data.events import Events
from omni_lab.data.feed_info import FeedInfo
from omni_lab.data.packed import unpacked
from omni_lab.errors import CodecError, ConfigError, DataError, MissingExtraError, SourceError
from omni_lab.typing import AnyArray

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.data.books import BookTables

_TICK_SIZE = 1e-9
_CHUNK = 1 << 20
_LONGEST_EVENT = 1 << 16
_BAR_NS = {"1s": 10**9, "1m": 60 * 10**9, "1h": 3_600 * 10**9, "1d": 86_400 * 10**9}
# The class that lays out the records of a schema, and the types that they bear.
_SCHEMAS: dict[str, tuple[str, frozenset[int]]] = {
    "mbo": ("MBOMsg", frozenset({160})),
    "mbp-1": ("MBP1Msg", frozenset({1})),
    "tbbo": ("MBP1Msg", frozenset({1})),
    "mbp-10": ("MBP10Msg", frozenset({10})),
    "trades": ("TradeMsg", frozenset({0})),
    "bbo-1s": ("BBOMsg", frozenset({195})),
    "bbo-1m": ("BBOMsg", frozenset({196})),
    "ohlcv-1s": ("OHLCVMsg", frozenset({32})),
    "ohlcv-1m": ("OHLCVMsg", frozenset({33})),
    "ohlcv-1h": ("OHLCVMsg", frozenset({34})),
    "ohlcv-1d": ("OHLCVMsg", frozenset({35})),
}

Clock = Literal["received", "event"]


class DatabentoFile:
    """A DBN file of one schema, plain or compressed by zstd.

    Parameters
    ----------
    path : path
        ``.dbn`` or ``.dbn.zst``.
    clock : {"received", "event"}
        Which time events bear: when Databento's server received the packet, which never falls, or what the
        venue says.

    Attributes
    ----------
    dataset, schema : str
        As ``GLBX.MDP3`` and ``mbo``.
    version : int
        Of the format in the file.
    counts : dict of str to int
        Of the last full reading: ``records``, ``other_records`` of other types in between, ``fills``,
        ``maybe_bad_book`` (records so flagged by Databento).

    Raises
    ------
    MissingExtraError
        If ``databento-dbn`` is not installed.
    SourceError
        If there is no such file, or it is empty.
    CodecError
        If it is no DBN file, or while reading, damaged or cut off.
    ConfigError
        If the clock is unknown.
    """

    def __init__(self, path: Path | str, *, clock: Clock = "received") -> None:
        if clock not in ("received", "event"):
            raise ConfigError("there is no such clock", found=clock, expected=("received", "event"))
        self.path = Path(path)
        self.counts: dict[str, int] = {}
        self._dbn = _package()
        self._clock = clock
        chunks = self._plain_chunks()
        head = next(chunks, b"")
        self.version = head[3]
        metadata = self._metadata(head, chunks)
        self.dataset = str(metadata.dataset)
        self.schema = str(metadata.schema)
        self._names = _names(metadata.mappings)
        self._date = dt.datetime.fromtimestamp(int(metadata.start) / 1e9, dt.UTC).date()
        self._numbers: dict[tuple[int, int], int] = {}

    def __repr__(self) -> str:
        return f"<DBN {self.schema} of {self.dataset}: {self.path.name}>"

    @property
    def info(self) -> FeedInfo:
        """Units and date, and the symbols met so far; prices are in 1e-9."""
        several = len({publisher for publisher, _ in self._numbers}) > 1
        symbols = {
            number: self._names.get(instrument, str(instrument)) + (f".{publisher}" if several else "")
            for (publisher, instrument), number in self._numbers.items()
        }
        return FeedInfo(
            symbols=symbols, tick_size=_TICK_SIZE, source=f"{self.dataset}, {self.path.name}", date=self._date
        )

    def record_batches(self) -> Iterator[AnyArray]:
        """Records as structured arrays with Databento's field names, a few megabytes at a time.

        Raises
        ------
        DataError
            If the schema is none that is laid out here.
        CodecError
            If the file is damaged or cut off.
        """
        if self.schema not in _SCHEMAS:
            raise DataError(
                "records of this schema are not read",
                found=self.schema,
                expected=tuple(_SCHEMAS),
                where=self.path.name,
            )
        name, types = _SCHEMAS[self.schema]
        layout = np.dtype(getattr(self._dbn, name)._dtypes)
        counts: Counter[str] = Counter()
        sink = io.BytesIO()
        with self._translated():
            coder = self._dbn.Transcoder(
                sink,
                self._dbn.Encoding.DBN,
                self._dbn.Compression.NONE,
                upgrade_policy=self._dbn.VersionUpgradePolicy.UPGRADE_TO_V3,
            )
            skip = -1
            for chunk in chain(self._plain_chunks(), [None]):
                # The coder holds output back until it is told that there is no more.
                coder.flush() if chunk is None else coder.write(chunk)
                block = sink.getvalue()
                if skip < 0:
                    if len(block) < 8:
                        continue
                    skip = 8 + int.from_bytes(block[4:8], "little")
                records, n_others = _records(block[skip:], layout, types)
                sink.seek(0)
                sink.truncate()
                skip = 0
                counts["records"] += len(records)
                counts["other_records"] += n_others
                if len(records):
                    yield records
            left = len(coder.buffer())
        if left:
            raise CodecError(
                "the file ends inside a record",
                found=f"{left} bytes after {counts['records']:,} whole records",
                where=self.path.name,
                hint="Fetch it again.",
            )
        self.counts = dict(counts)

    def batches(self) -> Iterator[Events]:
        """Events in runs of bounded length.

        Raises
        ------
        DataError
            If the schema holds no events (``ohlcv-…``, ``definition`` and the like), or a side of the book at
            a time.
        CodecError
            If the file is damaged or cut off.
        """
        convert = self._converter()
        counts: Counter[str] = Counter()
        held = None
        for batch in self.record_batches():
            records = batch if held is None else np.concatenate([held, batch])
            ends = np.flatnonzero(records["flags"] & 128)
            # The book is whole only where a venue's event ends; what hangs over waits for the next batch.
            cut = int(ends[-1]) + 1 if ends.size else 0
            cut = cut if len(records) - cut < _LONGEST_EVENT else len(records)
            held = records[cut:]
            yield from self._converted(convert, records[:cut], counts)
        if held is not None and len(held):
            yield from self._converted(convert, held, counts)
        self.counts = {**self.counts, "fills": counts["fills"], "maybe_bad_book": counts["maybe_bad_book"]}

    def events(self) -> Events:
        """All events of the file; errors are those of :meth:`batches`."""
        parts = list(self.batches())
        return Events.concat([Events.from_columns({"ts": [], "kind": []}, self.info), *parts])

    def books(self, **options: Any) -> BookTables:
        """Books built from the events; see :class:`omni_lab.data.books.MarketReplay`."""
        from omni_lab.data.books import replay_events

        return replay_events(self.batches(), self.info, **options).run()

    def bars(self) -> pd.DataFrame:
        """Bars of an ``ohlcv-…`` file, as :meth:`omni_lab.data.bars.Bars.from_frame` takes them.

        Returns
        -------
        DataFrame
            ``ts`` (when the bar closed; Databento states when it opened), ``symbol``, ``open``, ``high``,
            ``low``, ``close`` in currency, ``volume``.

        Raises
        ------
        DataError
            If the file holds something else.
        """
        import pandas as pd

        if not self.schema.startswith("ohlcv-"):
            raise DataError(
                "this file holds no bars", found=self.schema, expected="ohlcv-1s, -1m, -1h or -1d"
            )
        layout = np.dtype(self._dbn.OHLCVMsg._dtypes)
        records = np.concatenate([np.empty(0, layout), *self.record_batches()])
        numbers = self._number(records)
        closed = records["ts_event"].astype(np.int64) + _BAR_NS[self.schema.removeprefix("ohlcv-")]
        info = self.info
        prices = {name: info.prices(records[name]) for name in ("open", "high", "low", "close")}
        symbols = [info.symbol(number) for number in numbers.tolist()]
        return pd.DataFrame(
            {"ts": info.times(closed), "symbol": symbols, **prices, "volume": records["volume"]}
        )

    def _converter(self) -> Callable[..., dict[str, AnyArray]]:
        match self.schema:
            case "mbo":
                pending: dict[tuple[int, int], int] = {}
                return lambda *arguments: events_from_orders(*arguments, pending=pending)
            case "trades":
                return events_from_trades
            case "mbp-1" | "mbp-10" | "tbbo" | "bbo-1s" | "bbo-1m":
                levels: dict[int, AnyArray] = {}
                return lambda *arguments: events_from_levels(*arguments, before=levels)
        raise DataError(
            "this schema holds no events of a market",
            found=self.schema,
            expected=("mbo", "mbp-1", "mbp-10", "tbbo", "bbo-1s", "bbo-1m", "trades"),
            where=self.path.name,
            hint="bars() reads bars." if self.schema.startswith("ohlcv") else None,
        )

    def _converted(
        self, convert: Callable[..., dict[str, AnyArray]], records: AnyArray, counts: Counter[str]
    ) -> Iterator[Events]:
        if not len(records):
            return
        counts["maybe_bad_book"] += int(((records["flags"] & 4) > 0).sum())
        if "action" in (records.dtype.names or ()):
            counts["fills"] += int((records["action"] == b"F").sum())
        field = "ts_recv" if self._clock == "received" else "ts_event"
        columns = convert(records, self._number(records), records[field].astype(np.int64))
        if len(columns["ts"]):
            yield Events.from_columns(columns, self.info)

    def _number(self, records: AnyArray) -> AnyArray:
        """The feed's number of each record's instrument, given out in the order of appearance."""
        keys = records["publisher_id"].astype(np.uint64) << np.uint64(32) | records["instrument_id"]
        different, first, codes = np.unique(keys, return_index=True, return_inverse=True)
        for row in np.sort(first).tolist():
            name = int(records["publisher_id"][row]), int(records["instrument_id"][row])
            number = self._numbers.setdefault(name, len(self._numbers))
            if number > 0xFFFF:
                raise DataError("a file may hold 65,536 instruments", where=self.path.name)
        pairs = zip(
            (different >> np.uint64(32)).tolist(), (different & np.uint64(0xFFFFFFFF)).tolist(), strict=True
        )
        return np.array([self._numbers[pair] for pair in pairs], dtype=np.uint16)[codes]

    def _plain_chunks(self) -> Iterator[bytes]:
        import pyarrow as pa

        with unpacked(self.path, "DBN file") as file:
            magic = file.read(8)
            is_old = magic[1:4] == b"\x2a\x4d\x18" and magic[0] >> 4 == 5
            is_packed = magic[:4] == b"\x28\xb5\x2f\xfd"
            if is_old or not (is_packed or magic[:3] == b"DBN"):
                raise CodecError(
                    "this is no DBN file",
                    found=magic,
                    expected="bytes that begin with DBN, or a zstd frame of such",
                    where=self.path.name,
                    hint="It is in the older format DBZ, which Databento's dbn tool converts."
                    if is_old
                    else "A fragment without metadata cannot be read alone.",
                )
            file.seek(0)
            try:
                stream = pa.CompressedInputStream(file, "zstd") if is_packed else file
                while chunk := stream.read(_CHUNK):
                    yield chunk
            except OSError as error:
                raise CodecError(
                    "the DBN file is damaged", found=str(error), where=self.path.name, hint="Fetch it again."
                ) from error

    def _metadata(self, head: bytes, more: Iterator[bytes]) -> Any:
        if head[:3] != b"DBN":
            raise CodecError(
                "this is no DBN file",
                found=head[:8],
                expected="bytes that begin with DBN",
                where=self.path.name,
            )
        needed = 8 + int.from_bytes(head[4:8], "little")
        while len(head) < needed and (chunk := next(more, b"")):
            head += chunk
        with self._translated():
            return self._dbn.Metadata.decode(head[:needed])

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (self._dbn.DBNError, ValueError) as error:
            if isinstance(error, (CodecError, SourceError, DataError)):
                raise
            raise CodecError("this is no whole DBN file", found=str(error), where=self.path.name) from error


def _package() -> Any:
    try:
        return import_module("databento_dbn")
    except ImportError as error:
        raise MissingExtraError("databento-dbn", extra="databento", what="reading DBN files") from error


def _records(block: bytes, layout: np.dtype[Any], types: frozenset[int]) -> tuple[AnyArray, int]:
    """Records of one layout in whole records of any, and how many others there are."""
    if len(block) % layout.itemsize == 0:
        records = np.frombuffer(block, layout)
        if (records["length"] == layout.itemsize // 4).all() and np.isin(records["rtype"], list(types)).all():
            return records, 0
    offset, found, n_others = 0, [], 0
    while offset < len(block):
        length = 4 * block[offset]
        if block[offset + 1] in types and length == layout.itemsize:
            found.append(block[offset : offset + length])
        else:
            n_others += 1
        offset += max(length, 4)
    return np.frombuffer(b"".join(found), layout), n_others


def _names(mappings: Any) -> dict[int, str]:
    """Symbol of each of Databento's numbers; where one symbol stands for several, the number is added."""
    names: dict[int, str] = {}
    for symbol, intervals in dict(mappings).items():
        numbers = {int(each["symbol"]) for each in intervals if str(each["symbol"]).isdigit()}
        for number in numbers:
            names[number] = symbol if len(numbers) == 1 else f"{symbol}:{number}"
    return names
