"""Books of a whole market, kept while a feed runs through them, and the tables that they give.

The native module keeps them, and this is one of its doors. A :class:`MarketReplay` is a feed on its way;
:class:`BookTables` is what came out, as columns for programs and as frames for people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from omni_lab.data.events import COLUMNS, KIND_NAMES, SIDE_NAMES, EventFlag, EventKind, Events, TradingState
from omni_lab.data.feed_info import FeedInfo, named
from omni_lab.data.moments import moments_ns, span_ns
from omni_lab.errors import ConfigError, DataError
from omni_lab.typing import AnyArray

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab._native import FeedBooks

TABLES = ("bbo", "depth", "trades", "auctions", "status", "breaks")

Table = dict[str, AnyArray]
"""Columns of one table."""


class Best(NamedTuple):
    """Best bid and ask in currency, with what waits there; NaN and 0 for an empty side."""

    bid_price: float
    bid_qty: float
    ask_price: float
    ask_qty: float


@dataclass(frozen=True, kw_only=True)
class BookTables:
    """What books gave: section 2 of docs/feeds.md says what a row of each table is.

    Attributes
    ----------
    columns : mapping of str to dict of ndarray
        The tables as the engine made them, in units of the feed: ``bbo``, ``depth``, ``trades``,
        ``auctions``, ``status``, ``breaks``. Levels of ``depth`` are arrays of shape (n_rows, n_levels).
    counts : mapping of str to int
        What the feed did wrong (``unknown_order``, ``over_taken``, ``duplicate_order``, ``crossed``,
        ``locked``) and how much there was (``events``, ``orders``), since the replay began.
    checksum : int
        Comparable between programs; 0 unless it was asked for.
    info : FeedInfo
        Symbols, units, date.
    """

    columns: Mapping[str, Table]
    info: FeedInfo
    counts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    checksum: int = 0

    def __repr__(self) -> str:
        rows = ", ".join(
            f"{len(table['ts']):,} {name}" for name, table in self.columns.items() if len(table["ts"])
        )
        return f"<book tables of {self.info.source or 'a feed'}: {rows or 'empty'}>"

    @classmethod
    def concat(cls, parts: Iterable[BookTables]) -> Self:
        """Tables of consecutive parts of one replay as one; counts and checksum are those of the last."""
        each = list(parts)
        if not each:
            raise DataError("there are no tables to put together")
        columns = {
            name: {
                key: np.concatenate([part.columns[name][key] for part in each])
                for key in each[0].columns[name]
            }
            for name in each[0].columns
        }
        last = each[-1]
        return cls(columns=columns, info=last.info, counts=last.counts, checksum=last.checksum)

    def of(self, *symbols: str) -> Self:
        """The rows of these instruments, and those of the whole market in ``status``.

        Raises
        ------
        UnknownSymbolError
            If there is no such symbol.
        """
        numbers = np.array([self.info.number(symbol) for symbol in symbols], dtype=np.uint16)
        chosen = {}
        for name, table in self.columns.items():
            rows = np.isin(table["instrument"], numbers)
            if name == "status":
                rows |= table["kind"] == EventKind.SYSTEM
            chosen[name] = {key: column[rows] for key, column in table.items()}
        return replace(self, columns=chosen)

    def bbo(self, symbol: str | None = None) -> pd.DataFrame:
        """Best bid and ask at every change.

        Parameters
        ----------
        symbol : str, optional
            One instrument; all of them, named in the column ``symbol``, by default.

        Returns
        -------
        DataFrame
            ``ts``, ``bid_price``, ``bid_qty``, ``ask_price``, ``ask_qty``; prices in currency, NaN for an
            empty side.

        Raises
        ------
        UnknownSymbolError
            If there is no such symbol.
        """
        return self._frame("bbo", symbol)

    def depth(self, symbol: str | None = None) -> pd.DataFrame:
        """Levels as columns: ``bid_price_1`` is the best bid, ``ask_orders_3`` counts the third ask's orders.

        Parameters, errors and units are those of :meth:`bbo`.
        """
        return self._frame("depth", symbol)

    def depth_columns(self, symbol: str) -> Table:
        """Levels of one instrument as arrays, in currency and shares, contracts or coins.

        Returns
        -------
        dict of str to ndarray
            ``ts`` int64 of shape (n_rows,), and ``bid_price``, ``bid_qty``, ``bid_orders``, ``ask_…`` of
            shape (n_rows, n_levels), best first; NaN prices where there is no level.
        """
        return self.table_columns("depth", symbol)

    def table_columns(self, name: str, symbol: str) -> Table:
        """A table of one instrument as arrays on the clock of the feed, in currency and units.

        Parameters
        ----------
        name : str
            ``"bbo"``, ``"depth"``, ``"trades"``, ``"auctions"``, ``"status"`` or ``"breaks"``.
        symbol : str
            The instrument.

        Returns
        -------
        dict of str to ndarray
            ``ts`` int64 nanoseconds, and the columns of the table; NaN prices where there is nothing.
        """
        table = self.of(symbol).columns[name]
        return {
            "ts": table["ts"],
            **{each: self._shown(each, table) for each in table if each not in ("ts", "instrument")},
        }

    def trades(self, symbol: str | None = None) -> pd.DataFrame:
        """Trades with who took.

        Parameters, errors and units are those of :meth:`bbo`. ``aggressor`` is ``none`` where nobody knows;
        ``printable`` trades count in volume; ``hidden`` ones met an order that was not displayed.
        """
        return self._frame("trades", symbol)

    def auctions(self, symbol: str | None = None) -> pd.DataFrame:
        """Imbalances before auctions, and the crosses they ended in.

        Parameters, errors and units are those of :meth:`bbo`. ``side`` is the side with too much.
        """
        return self._frame("auctions", symbol)

    def status(self, symbol: str | None = None) -> pd.DataFrame:
        """States of trading, and events of the whole market.

        Parameters and errors are those of :meth:`bbo`. ``state`` is ``trading``, ``halted``, ``paused`` or
        ``quoting``; of the market it is the venue's code.
        """
        return self._frame("status", symbol)

    def breaks(self, symbol: str | None = None) -> pd.DataFrame:
        """Trades that were undone, by ``match_id``.

        Parameters and errors are those of :meth:`bbo`.
        """
        return self._frame("breaks", symbol)

    def _frame(self, name: str, symbol: str | None) -> pd.DataFrame:
        import pandas as pd

        tables = self if symbol is None else self.of(symbol)
        table = tables.columns.get(name)
        if table is None:
            raise DataError("this table was not kept", found=name, expected=tuple(tables.columns))
        columns: dict[str, Any] = {"ts": self.info.times(table["ts"])}
        if symbol is None:
            columns["symbol"] = self.info.names(table["instrument"])
        for key in table:
            if key in ("ts", "instrument", "flags"):
                continue
            values = self._shown(key, table)
            if getattr(values, "ndim", 1) == 2:
                columns.update({f"{key}_{level + 1}": values[:, level] for level in range(values.shape[1])})
            else:
                columns[key] = values
        if "flags" in table:
            columns["printable"] = (table["flags"] & EventFlag.PRINTABLE) > 0
            columns["hidden"] = (table["flags"] & EventFlag.HIDDEN) > 0
        return pd.DataFrame(columns)

    def _shown(self, key: str, table: Table) -> Any:
        """A column as people read it: currency, shares, names."""
        values = table[key]
        if key.endswith("price"):
            # A price of 0 is one where something waits, or traded, there.
            beside = table[key.replace("price", "qty")]
            return np.where((values == 0) & (beside == 0), np.nan, self.info.prices(values))
        if key.endswith("qty") or key == "imbalance":
            return self.info.quantities(values)
        if key in ("side", "aggressor"):
            return named(values, SIDE_NAMES)
        if key == "kind":
            return named(values, KIND_NAMES)
        if key == "state":
            words = {int(state): state.name.lower() for state in TradingState}
            of_market = table["kind"] == EventKind.SYSTEM
            pairs = zip(values.tolist(), of_market.tolist(), strict=True)
            return [chr(code) if market else words.get(code, str(code)) for code, market in pairs]
        return values


class MarketReplay:
    """A feed on its way through the books: step by step, or to the end at once.

    Iterating gives the tables batch by batch, each row once, so that a day of any size passes through bounded
    memory. Between batches, and after the last, the books answer questions. Ctrl-C stops between batches.

    Parameters
    ----------
    books : FeedBooks
        Native books, empty.
    advance : callable
        Sends the next batch into them; False when there was none.
    info : FeedInfo
        Symbols, units, date.

    Examples
    --------
    >>> replay = ItchFile("01302019.NASDAQ_ITCH50.gz").replay("AAPL", levels=5, every="1s")  # doctest: +SKIP
    >>> for tables in replay:  # doctest: +SKIP
    ...     store.append(tables.columns["bbo"])
    >>> replay.best("AAPL")  # doctest: +SKIP
    """

    def __init__(
        self, books: FeedBooks, advance: Callable[[], bool], info: FeedInfo | Callable[[], FeedInfo]
    ) -> None:
        self._books = books
        self._advance = advance
        self._info = info

    def __iter__(self) -> Iterator[BookTables]:
        going = True
        while going:
            going = self._advance()
            if not going:
                self._books.finish()
            yield self._taken()

    def run(self) -> BookTables:
        """Go to the end; the tables of all that was left."""
        while self._advance():
            pass
        self._books.finish()
        return self._taken()

    @property
    def info(self) -> FeedInfo:
        """Symbols, units, date."""
        return self._info() if callable(self._info) else self._info

    @property
    def counts(self) -> dict[str, int]:
        """What the feed did wrong so far, and how much there was."""
        return dict(self._books.counts())

    @property
    def checksum(self) -> int:
        """The sum of section 2 of docs/feeds.md so far; 0 unless it was asked for."""
        return int(self._books.checksum)

    def best(self, symbol: str) -> Best:
        """Best bid and ask of an instrument now.

        Raises
        ------
        UnknownSymbolError
            If there is no such symbol.
        """
        info = self.info
        bid, bid_qty, ask, ask_qty = self._books.best(info.number(symbol))
        prices = info.prices(np.array([bid, ask], dtype=np.int64))
        sizes = info.quantities(np.array([bid_qty, ask_qty], dtype=np.int64))
        return Best(
            float(prices[0]) if bid_qty else float("nan"),
            float(sizes[0]),
            float(prices[1]) if ask_qty else float("nan"),
            float(sizes[1]),
        )

    def depth(self, symbol: str, n_levels: int = 10) -> pd.DataFrame:
        """The best levels of an instrument now, a row a level, best first; NaN where a side is shorter."""
        import pandas as pd

        info = self.info
        levels = self._books.depth(info.number(symbol), n_levels)
        shown: dict[str, Any] = {}
        for name, values in levels.items():
            in_units = info.prices if name.endswith("price") else info.quantities
            shown[name] = pd.Series(values if name.endswith("orders") else in_units(values))
        return pd.DataFrame(shown)

    def queue(self, symbol: str, side: str, price: float) -> pd.DataFrame:
        """Orders that wait at a price now, first in line first: ``order_id`` and ``qty``.

        Parameters
        ----------
        symbol : str
        side : {"buy", "sell"}
        price : float
            In currency.
        """
        import pandas as pd

        if side not in SIDE_NAMES[1:]:
            raise ConfigError("there is no such side", found=side, expected=SIDE_NAMES[1:])
        info = self.info
        order_ids, quantities = self._books.queue(
            info.number(symbol), SIDE_NAMES.index(side), round(price / info.tick_size)
        )
        return pd.DataFrame({"order_id": order_ids, "qty": info.quantities(quantities)})

    def position(self, order_id: int) -> tuple[float, int] | None:
        """Quantity and number of orders in line before an order now; None when it does not wait."""
        found = self._books.position(order_id)
        if found is None:
            return None
        ahead_qty, n_ahead = found
        return float(self.info.quantities(np.array([ahead_qty], dtype=np.int64))[0]), n_ahead

    def _taken(self) -> BookTables:
        return BookTables(
            columns=self._books.take(),
            info=self.info,
            counts=MappingProxyType(self.counts),
            checksum=self.checksum,
        )


def open_books(
    info: FeedInfo,
    *,
    symbols: str | Iterable[str] | None = None,
    levels: int = 0,
    every: Any = None,
    at: Any = None,
    bbo: bool = True,
    trades: bool = True,
    notes: bool = True,
    checksum: bool = False,
) -> FeedBooks:
    """Empty native books.

    Parameters
    ----------
    info : FeedInfo
        Names the instruments and tells what a time of day is.
    symbols : str or iterable of str, optional
        Instruments to keep books of; all by default.
    levels : int
        Levels a row of ``depth``; 0 keeps no depth.
    every : str, timedelta or int of nanoseconds, optional
        A row of depth at most so often, as ``"100ms"``. Without it and ``at``: at every change of the levels.
    at : times, optional
        Rows of depth at these times, which must increase; ``"10:30"`` is a time at the venue.
    bbo, trades, notes : bool
        Whether to keep these tables; ``notes`` are ``auctions`` and ``status``.
    checksum : bool
        Whether to keep the sum that lets programs compare their books.

    Raises
    ------
    ConfigError
        If options contradict each other.
    UnknownSymbolError
        If there is no such symbol.
    DataError
        If a time or a span cannot be read.
    """
    from omni_lab._native import FeedBooks

    if levels < 0:
        raise ConfigError("levels must be a whole number >= 0", found=levels)
    if every is not None and at is not None:
        raise ConfigError("every and at exclude each other", found=f"every={every!r} and at={at!r}")
    if levels == 0 and (every is not None or at is not None):
        raise ConfigError(
            "there is nothing to write down at these times",
            found="levels=0",
            hint="Say how many levels: levels=10.",
        )
    return FeedBooks(
        n_levels=int(levels),
        depth_every_ns=0 if every is None else span_ns(every),
        depth_at=None if at is None else moments_ns(at, midnight=info.midnight_ns),
        bbo=bbo,
        trades=trades,
        notes=notes,
        checksum=checksum,
        instruments=info.numbers(symbols),
    )


def replay_events(batches: Iterable[Events], info: FeedInfo, **options: Any) -> MarketReplay:
    """A replay of events that come in batches; the options are those of :func:`open_books`.

    Batches of a source that reads a file are read as the replay goes.
    """
    books, waiting, latest = open_books(info, **options), iter(batches), [info]

    def advance() -> bool:
        batch = next(waiting, None)
        if batch is None:
            return False
        latest[0] = batch.info
        books.apply({name: getattr(batch, name) for name in COLUMNS})
        return True

    return MarketReplay(books, advance, lambda: latest[0])
