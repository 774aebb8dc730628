"""Events: what happened in a market, in the columns of docs/feeds.md, whatever feed it came from.

Readers of feeds make them, books take them. Everything that is wrong with a column is found here, at the
door; a stream whose times fall is let in and says so.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from enum import IntEnum, IntFlag
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from omni_lab.data.feed_info import FeedInfo, named
from omni_lab.errors import DataError, SchemaError, ShapeError
from omni_lab.typing import AnyArray, ArrayLike, IntArray

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.data.books import BookTables


class EventKind(IntEnum):
    """What happened; section 1 of docs/feeds.md says what each does to a book."""

    ADD = 1
    CANCEL = 2
    DELETE = 3
    REPLACE = 4
    EXECUTE = 5
    TRADE = 6
    CROSS = 7
    BREAK = 8
    STATUS = 9
    IMBALANCE = 10
    CLEAR = 11
    LEVEL = 12
    MODIFY = 13
    SYSTEM = 14


class EventFlag(IntFlag):
    """Bits of the column ``flags``."""

    PRINTABLE = 1
    LAST = 2
    SNAPSHOT = 4
    HIDDEN = 8
    ATTRIBUTED = 16


class TradingState(IntEnum):
    """What ``qty`` says in an event of kind STATUS."""

    TRADING = 1
    HALTED = 2
    PAUSED = 3
    QUOTING = 4


COLUMNS: Mapping[str, np.dtype[Any]] = {
    "ts": np.dtype(np.int64),
    "kind": np.dtype(np.uint8),
    "side": np.dtype(np.uint8),
    "flags": np.dtype(np.uint8),
    "instrument": np.dtype(np.uint16),
    "order_id": np.dtype(np.uint64),
    "other_id": np.dtype(np.uint64),
    "qty": np.dtype(np.int64),
    "price": np.dtype(np.int64),
}
"""The columns in their order, with their types."""

SIDE_NAMES = ("none", "buy", "sell")
KIND_NAMES = ("none", *(kind.name.lower() for kind in EventKind))


@dataclass(frozen=True, kw_only=True, eq=False)
class Events:
    """Events in the order of the feed, as read-only columns of equal length.

    :meth:`from_columns` is the friendlier door: it fills in what is missing and casts what fits.

    Attributes
    ----------
    ts : ndarray of int64, shape (n_events,)
        Nanoseconds, since 1970 in UTC or since midnight at the venue: ``info.date`` decides.
    kind, side, flags : ndarray of uint8, shape (n_events,)
        :class:`EventKind`; 0 none, 1 buy, 2 sell, of the order that waits; bits of :class:`EventFlag`.
    instrument : ndarray of uint16, shape (n_events,)
        Number of the instrument; ``info`` names it.
    order_id, other_id : ndarray of uint64, shape (n_events,)
        Names of orders; ``other_id`` is the new name of a replaced order, or the number of a match.
    qty, price : ndarray of int64, shape (n_events,)
        In lots and price units of the feed.
    info : FeedInfo
        Symbols, units, date.

    Raises
    ------
    SchemaError
        If a column has another type.
    ShapeError
        If columns differ in length.
    DataError
        If a kind or a side has no meaning.
    """

    ts: IntArray
    kind: NDArray[np.uint8]
    side: NDArray[np.uint8]
    flags: NDArray[np.uint8]
    instrument: NDArray[np.uint16]
    order_id: NDArray[np.uint64]
    other_id: NDArray[np.uint64]
    qty: IntArray
    price: IntArray
    info: FeedInfo

    def __post_init__(self) -> None:
        for name, dtype in COLUMNS.items():
            column = np.asarray(getattr(self, name))
            if column.dtype != dtype:
                raise SchemaError(
                    "a column of events has the wrong type",
                    found=str(column.dtype),
                    expected=str(dtype),
                    where=name,
                )
            if column.ndim != 1 or len(column) != len(self.ts):
                raise ShapeError(
                    "columns of events must have one dimension and one length",
                    found=column.shape,
                    expected=f"({len(self.ts)},), as ts",
                    where=name,
                )
            frozen = np.ascontiguousarray(column).view()
            frozen.flags.writeable = False
            object.__setattr__(self, name, frozen)
        _refuse_others(self.kind, 1, max(EventKind), "kind")
        _refuse_others(self.side, 0, 2, "side")

    @classmethod
    def from_columns(cls, columns: Mapping[str, ArrayLike], info: FeedInfo | None = None) -> Self:
        """Events from columns of any integers.

        Parameters
        ----------
        columns : mapping of str to array_like
            ``ts`` and ``kind`` at least. Missing columns are 0, and every event then ends its packet.
        info : FeedInfo, optional
            Symbols, units, date.

        Raises
        ------
        SchemaError
            If a column is missing, unknown, not of integers, or holds numbers that its type cannot.
        """
        strange = sorted(columns.keys() - COLUMNS.keys())
        if strange:
            raise SchemaError("events have no such column", found=strange[0], expected=tuple(COLUMNS))
        if missing := [name for name in ("ts", "kind") if name not in columns]:
            raise SchemaError("a column of events is missing", found=sorted(columns), expected=missing[0])
        n_events = np.asarray(columns["ts"]).shape
        absent = {name: np.zeros(n_events, dtype) for name, dtype in COLUMNS.items() if name not in columns}
        if "flags" in absent:
            absent["flags"][:] = EventFlag.LAST
        made = {name: _cast(name, np.asarray(values)) for name, values in columns.items()}
        return cls(**{**absent, **made}, info=info or FeedInfo())

    @classmethod
    def from_array(cls, records: AnyArray, info: FeedInfo | None = None) -> Self:
        """Events from a structured array, as :meth:`to_array` makes it."""
        return cls.from_columns({name: records[name] for name in records.dtype.names or ()}, info)

    @classmethod
    def concat(cls, parts: Iterable[Events]) -> Self:
        """Several runs of events of one feed, one after the other.

        Raises
        ------
        DataError
            If there are none, or they differ in unit, date or the names of their instruments.
        """
        each = list(parts)
        if not each:
            raise DataError("there are no events to put together")
        symbols: dict[int, str] = {}
        for part in each:
            clash = next((n for n, s in part.info.symbols.items() if symbols.setdefault(n, s) != s), None)
            if clash is not None:
                raise DataError(
                    "an instrument has two names", found=part.info.symbols[clash], expected=symbols[clash]
                )
        info = each[0].info.with_symbols(symbols)
        for part in each[1:]:
            for name in ("tick_size", "lot_size", "date", "zone"):
                if getattr(part.info, name) != getattr(info, name):
                    raise DataError(
                        f"runs of events differ in {name}",
                        found=getattr(part.info, name),
                        expected=str(getattr(info, name)),
                        hint="Put together what comes from one feed and one day.",
                    )
        return cls(
            **{name: np.concatenate([getattr(part, name) for part in each]) for name in COLUMNS}, info=info
        )

    def __len__(self) -> int:
        return len(self.ts)

    def __getitem__(self, rows: slice | AnyArray) -> Self:
        return type(self)(**{name: column[rows] for name, column in self.columns().items()}, info=self.info)

    def __repr__(self) -> str:
        names = sorted(self.info.symbols.values())
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        span = (
            f", {self.info.times(self.ts[[0, -1]])[0]} to {self.info.times(self.ts[[0, -1]])[1]}"
            if len(self)
            else ""
        )
        return f"<{len(self):,} events of {self.info.source or 'a feed'}: {shown or 'no symbols'}{span}>"

    @property
    def symbols(self) -> Mapping[int, str]:
        """Symbol of each instrument number."""
        return self.info.symbols

    @property
    def tick_size(self) -> float:
        """What one unit of a price is worth."""
        return self.info.tick_size

    @property
    def lot_size(self) -> float:
        """What one unit of a quantity is worth."""
        return self.info.lot_size

    @property
    def source(self) -> str:
        """Where the events come from."""
        return self.info.source

    @property
    def date(self) -> dt.date | None:
        """Day of the feed, where it is known."""
        return self.info.date

    @cached_property
    def n_backward(self) -> int:
        """How many events are earlier than the one before them; 0 for a stream in the order of time."""
        return int((self.ts[1:] < self.ts[:-1]).sum())

    def require_order(self) -> Self:
        """The same events, if their times never fall.

        Raises
        ------
        DataError
            Naming the first event that is earlier than the one before it.
        """
        if not self.n_backward:
            return self
        row = int((self.ts[1:] < self.ts[:-1]).argmax()) + 1
        raise DataError(
            "the times of events fall",
            found=int(self.ts[row]),
            expected=f"a time at or after {int(self.ts[row - 1])}",
            where=f"event {row} of {self.source or 'a feed'}",
            hint="Take events from one capture, in its order.",
        )

    def columns(self) -> dict[str, AnyArray]:
        """The nine columns, without a copy."""
        return {name: getattr(self, name) for name in COLUMNS}

    def between(self, start: Any = None, end: Any = None) -> Self:
        """Events with ``start <= ts < end``.

        Parameters
        ----------
        start, end : int, str, datetime, …, optional
            As :func:`omni_lab.data.moments.moment_ns` understands them: ``"09:30"`` is a time at the venue.
        """
        if start is None and end is None:
            return self
        first = -(2**63) if start is None else self.info.moment_ns(start)
        stop = 2**63 - 1 if end is None else self.info.moment_ns(end)
        if self.n_backward:
            return self[(self.ts >= first) & (self.ts < stop)]
        return self[int(np.searchsorted(self.ts, first)) : int(np.searchsorted(self.ts, stop))]

    def of(self, *symbols: str) -> Self:
        """Events of these instruments; system events belong to none and are left out.

        Raises
        ------
        UnknownSymbolError
            If there is no such symbol.
        """
        numbers = np.array([self.info.number(symbol) for symbol in symbols], dtype=np.uint16)
        return self[np.isin(self.instrument, numbers) & (self.kind != EventKind.SYSTEM)]

    def batches(self, max_events: int = 1 << 20) -> Iterator[Self]:
        """The same events in runs of bounded length."""
        for start in range(0, len(self), max_events):
            yield self[start : start + max_events]

    def to_frame(self, *, raw: bool = False) -> pd.DataFrame:
        """A pandas frame, one row an event.

        Parameters
        ----------
        raw : bool
            Leave the numbers as the columns hold them. Otherwise times are datetimes (or spans since midnight
            where the date is unknown), kinds, sides and instruments are names, prices and quantities are
            floats in currency and in shares, contracts or coins.
        """
        import pandas as pd

        if raw:
            return pd.DataFrame(self.columns())
        return pd.DataFrame(
            {
                "ts": self.info.times(self.ts),
                "kind": named(self.kind, KIND_NAMES),
                "side": named(self.side, SIDE_NAMES),
                "symbol": self.info.names(self.instrument),
                "order_id": self.order_id,
                "other_id": self.other_id,
                "qty": self._quantities(),
                "price": self.info.prices(self.price),
                "flags": self.flags,
            }
        )

    def to_array(self) -> AnyArray:
        """A structured array with the columns as fields."""
        records = np.empty(len(self), dtype=list(COLUMNS.items()))
        for name, column in self.columns().items():
            records[name] = column
        return records

    def books(self, **options: Any) -> BookTables:
        """Books built from these events; the options are those of :func:`omni_lab.data.books.open_books`."""
        from omni_lab.data.books import replay_events

        return replay_events(self.batches(), self.info, **options).run()

    def _quantities(self) -> AnyArray:
        # In these kinds the number is a state, not a quantity.
        counted = (self.kind != EventKind.STATUS) & (self.kind != EventKind.SYSTEM)
        return np.where(counted, self.info.quantities(self.qty), self.qty)


def _cast(name: str, values: AnyArray) -> AnyArray:
    dtype = COLUMNS[name]
    if values.dtype.kind not in "iub" and values.size:
        raise SchemaError(
            "a column of events has the wrong type", found=str(values.dtype), expected=str(dtype), where=name
        )
    bounds = np.iinfo(dtype)
    if values.size and not (bounds.min <= int(values.min()) and int(values.max()) <= bounds.max):
        row = int(np.argmax((values < bounds.min) | (values > bounds.max)))
        raise SchemaError(
            "a number does not fit its column",
            found=int(values[row]),
            expected=f"{bounds.min} to {bounds.max}",
            where=f"row {row} of {name}",
        )
    return values.astype(dtype, copy=False)


def _refuse_others(codes: AnyArray, least: int, most: int, name: str) -> None:
    if codes.size and not (least <= int(codes.min()) and int(codes.max()) <= most):
        row = int(np.argmax((codes < least) | (codes > most)))
        raise DataError(
            f"there is no such {name} of event",
            found=int(codes[row]),
            expected=f"{least} to {most}",
            where=f"row {row} of {name}",
        )


assert tuple(COLUMNS) == tuple(each.name for each in fields(Events))[:-1]
