"""Questions that need more than rows: bars from trades, quotes beside trades, the book at a moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.data.moments import span_ns
from omni_lab.errors import DataError, SourceError
from omni_lab.store.ticks import frames
from omni_lab.store.ticks.asof import join_asof
from omni_lab.store.ticks.book import Replay, from_depth, from_events
from omni_lab.store.ticks.reader import TickReader, When, moment, time_range, wanted
from omni_lab.store.ticks.resample import BarRule, bar_rule, bars
from omni_lab.store.ticks.rows import Rows
from omni_lab.store.ticks.schema import DEPTH, schema_of
from omni_lab.store.ticks.snapshot import Snapshot
from omni_lab.typing import AnyArray

if TYPE_CHECKING:
    import pandas as pd

_PRINTABLE = 1


class TickAnalysis(TickReader):
    """What a tick store answers about trades, quotes and books."""

    def resample(
        self,
        symbols: str | Iterable[str] | None,
        rule: BarRule | str | dt.timedelta,
        start: When | None = None,
        end: When | None = None,
        *,
        table: str = "trade",
        only_printable: bool = True,
        floats: bool = False,
    ) -> pd.DataFrame:
        """Bars from trades, labelled at their close.

        Parameters
        ----------
        symbols, start, end, floats
            As for :meth:`read`.
        rule : str, timedelta, TimeBars, TradeBars, VolumeBars or DollarBars
            ``"1min"``, ``"1000 trades"``, ``"50_000 volume"``, ``"1e6 dollars"``;
            :mod:`omni_lab.store.ticks.resample` defines each. Intervals that ``start`` or ``end`` cuts are
            left out, and so is what fills no bar of the other kinds.
        table : str
            Of kind ``"trade"``, or any with ``price`` and ``qty``.
        only_printable : bool
            Only trades that count in volume, where the table has flags.

        Returns
        -------
        DataFrame
            ``ts``, ``symbol``, ``open``, ``high``, ``low``, ``close``, ``volume``, ``vwap`` (in units of
            price, NaN without volume) and ``n``, the number of trades. It can be appended to a table of kind
            ``"bar"``.
        """
        chosen = bar_rule(rule)
        stored = self._table(table)
        first, last = time_range(start, end, self.snapshot(table))
        filtered = only_printable and "flags" in stored.schema.names
        trades = self._rows(table, symbols, start, end, ["price", "qty", *(["flags"] if filtered else [])])
        if filtered:
            trades = trades.take((trades.columns["flags"] & _PRINTABLE) != 0)
        found = bars(trades, stored, chosen, first, last)
        as_bars = replace(stored, schema=schema_of("bar"))
        return frames.to_pandas(frames.in_units(found, as_bars) if floats else found)

    def asof(
        self,
        symbols: str | Iterable[str] | None,
        start: When | None = None,
        end: When | None = None,
        *,
        left: str = "trade",
        right: str = "quote",
        strict: bool = False,
        tolerance: str | dt.timedelta | int | None = None,
        floats: bool = False,
    ) -> pd.DataFrame:
        """Rows of one table, each with the last row of another one at or before its time.

        Parameters
        ----------
        symbols, start, end, floats
            As for :meth:`read`; the range is that of the left table.
        left, right : str
            The tables.
        strict : bool
            Only rows of the right table before the time, not at it.
        tolerance : str, timedelta or int, optional
            How old they may be: ``"1s"``, or nanoseconds.

        Returns
        -------
        DataFrame
            The columns of both; ``{right}_ts`` is the time of the right row, and names that both have get the
            same prefix. Without a right row it is NaT, and integers are 0.
        """
        import pandas as pd

        tolerance_ns = None if tolerance is None else span_ns(tolerance)
        names = self._undisturbed(left, lambda snapshot: wanted(snapshot, symbols))
        rows = self._rows(left, names, start, end, floats=floats)
        first, last = (int(rows.ts.min()), int(rows.ts.max())) if len(rows) else (0, 0)

        def read(snapshot: Snapshot) -> tuple[Rows, Rows]:
            parts = snapshot.rows(names, first, last), snapshot.latest(names, first, strict=True)
            return (
                (frames.in_units(parts[0], snapshot.table), frames.in_units(parts[1], snapshot.table))
                if floats
                else parts
            )

        during, before = self._undisturbed(right, read)
        joined = join_asof(rows, during, before, prefix=f"{right}_", strict=strict, tolerance_ns=tolerance_ns)
        frame = frames.to_pandas(joined)
        times = frame[f"{right}_ts"].to_numpy(dtype=np.int64)
        frame[f"{right}_ts"] = pd.DatetimeIndex(times.view("datetime64[ns]"), tz="UTC")
        return frame

    def book(
        self,
        symbol: str,
        at: When,
        *,
        levels: int = 10,
        source: str | None = None,
        replay: Replay | None = None,
        floats: bool = False,
    ) -> pd.DataFrame:
        """The book of a symbol after all that happened at or before a moment.

        Parameters
        ----------
        symbol : str
            Which.
        at : str, date, datetime, datetime64 or int
            The moment.
        levels : int
            How many of each side, at most.
        source : str, optional
            A table of kind ``"depth"``, whose last row is shown, or one of kind ``"event"``, whose events are
            replayed from the beginning of the session or the last one that cleared the book. By default
            ``"event"`` where it has the symbol, else ``"depth"``.
        replay : callable, optional
            Turns events and a number of levels into columns of depth; the native books by default.
        floats : bool
            Prices in currency and quantities in shares.

        Returns
        -------
        DataFrame
            One row a level, best first: ``bid_price``, ``bid_qty``, ``bid_orders``, ``ask_price``,
            ``ask_qty``, ``ask_orders``; 0 where a side has no such level. ``attrs`` has ``symbol`` and
            ``ts``, the time in nanoseconds of the last change that it includes.

        Raises
        ------
        SourceError, UnknownSymbolError, DataError
            If there is nothing to make it from.
        """
        import pandas as pd

        name = source or self._book_source(symbol)
        at_ns = moment(at)

        def read(snapshot: Snapshot) -> tuple[dict[str, AnyArray], int]:
            snapshot.require([symbol])
            if snapshot.table.schema.name != DEPTH:
                return from_events(snapshot, symbol, at_ns, levels, replay)
            depth = snapshot.latest([symbol], at_ns)
            if not len(depth):
                raise DataError("there is no depth at or before the time", found=symbol, where=name)
            return from_depth(depth, min(levels, snapshot.table.schema.n_levels)), int(depth.ts[0])

        columns, ts = self._undisturbed(name, read)
        if floats:
            units = self._table(name).units_of(symbol)
            for side in ("bid", "ask"):
                columns[f"{side}_price"] = units.to_float(columns[f"{side}_price"], "price")
                columns[f"{side}_qty"] = units.to_float(columns[f"{side}_qty"], "qty")
        frame = pd.DataFrame({column: np.ravel(values) for column, values in columns.items()})
        frame.index = pd.RangeIndex(1, len(frame) + 1, name="level")
        frame.attrs = {"symbol": symbol, "ts": ts}
        return frame

    def _book_source(self, symbol: str) -> str:
        names = self._names()
        for name in ("event", DEPTH):
            if name in names and symbol in self.snapshot(name).state.symbols:
                return name
        if not {"event", DEPTH} & {*names}:
            raise SourceError(
                "there is no table to make a book from",
                found=names,
                expected=("event", DEPTH),
                where=str(self.ticks_dir),
            )
        self.snapshot("event" if "event" in names else DEPTH).require([symbol])
        raise AssertionError("no table has the symbol, and none misses it")
