"""The embedded store: bars as Parquet files under one directory, read through DuckDB.

Layout: ``<path>/bars/source=<source>/symbol=<symbol>/`` with one Parquet file and its ``manifest.json``. Any
number of processes read beside one writer, without a server and without waiting.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from omni_lab.config import Settings
from omni_lab.domain import Instrument
from omni_lab.errors import DataError, SchemaError
from omni_lab.store import sql
from omni_lab.store.catalog import Catalog, available, listed, names
from omni_lab.store.partition import VALUE_COLUMNS, Partition, is_intact
from omni_lab.store.ranges import DateLike, parse_range
from omni_lab.store.reports import IngestReport, VerifyReport
from omni_lab.store.verification import verify_bars
from omni_lab.store.writer import write_bars
from omni_lab.typing import AnyArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.data.bars import Bars
    from omni_lab.data.checks import CheckedBars
    from omni_lab.data.sources import Source

logger = logging.getLogger(__name__)

T = TypeVar("T")

_SOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_PATIENCE_S = 10.0


class DuckDBStore:
    """Bars in Parquet files, read through DuckDB.

    Nothing is created until something is ingested. Files are compared with their hashes the first time this
    object reads them, so a damaged file is an error and never a wrong price.

    Parameters
    ----------
    path : path-like, optional
        The lake; its bars are in ``path/bars``. By default the lake of this project
        (:class:`omni_lab.config.Settings`).
    lock_timeout_s : float
        How long to wait for another writer.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, lock_timeout_s: float = 60.0) -> None:
        self.path = Settings.from_env().lake_dir if path is None else Path(path).expanduser().absolute()
        self.lock_timeout_s = lock_timeout_s
        self._intact: set[tuple[Path, int]] = set()
        if self.path.exists() and not self.path.is_dir():
            raise DataError("a store is a directory, and this is a file", found=str(self.path))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    @property
    def bars_dir(self) -> Path:
        """Where the partitions are."""
        return self.path / "bars"

    @property
    def _catalog(self) -> Catalog:
        return Catalog(self.bars_dir)

    # --- writing ----------------------------------------------------------------------------------------

    def ingest(
        self, source: str | Source, symbols: Iterable[str] | None = None, *, progress: bool = True
    ) -> IngestReport:
        """Store the bars of a source.

        What a symbol had in the store from this source is replaced as a whole; the same bars again change
        nothing.

        Parameters
        ----------
        source : str or Source
            A registered name (:data:`omni_lab.data.sources.SOURCES`) or any source.
        symbols : iterable of str, optional
            All that the source has, by default.
        progress : bool
            Whether to show progress when it takes more than a second.

        Returns
        -------
        IngestReport
            What changed, and what was repaired on the way in.

        Raises
        ------
        SourceError, MissingExtraError, UnknownSymbolError
            If the source, its package or a symbol does not exist.
        DataError
            If the bars cannot be relied on, or the store cannot be written.
        """
        from omni_lab.data.sources import get_source

        origin = get_source(source) if isinstance(source, str) else source
        return self._write(origin.load_checked(symbols), origin.name, origin.prices_adjusted, progress)

    def ingest_frame(
        self,
        frame: Any,
        *,
        source: str,
        symbol: str | None = None,
        daily_close: str | None = None,
        prices_adjusted: bool = False,
        progress: bool = True,
    ) -> IngestReport:
        """Store the bars of a frame.

        Parameters
        ----------
        frame : DataFrame
            Long, as :func:`omni_lab.data.checks.check_bars` takes it; a polars frame or an Arrow table is
            converted. Without a symbol column, ``symbol`` names its one symbol.
        source : str
            Whose bars they are: small letters, digits, ``_``, ``.`` and ``-``.
        symbol : str, optional
            For a frame without a symbol column.
        daily_close : str, optional
            Where dates have no time of day, when they closed: ``"16:00 America/New_York"``.
        prices_adjusted : bool
            Whether closes already include dividends and splits, or there are none.
        progress : bool
            Whether to show progress when it takes more than a second.

        Raises
        ------
        SchemaError, DataError
            If the frame cannot be relied on, or the store cannot be written.
        """
        import pandas as pd

        from omni_lab.data.checks import check_bars

        table = frame.to_pandas() if hasattr(frame, "to_pandas") else frame
        where = f"frame for source {source!r}"
        if not isinstance(table, pd.DataFrame):
            raise SchemaError("bars must come as a frame", found=type(frame).__name__, where=where)
        if symbol is not None:
            if {"symbol", "ticker"} & {str(label).strip().lower() for label in table.columns}:
                raise SchemaError(
                    "the frame has a column of symbols and a symbol was named too",
                    found=symbol,
                    where=where,
                    hint="Drop one of them.",
                )
            table = table.assign(symbol=symbol)
        checked = check_bars(table, where=where, daily_close=daily_close)
        return self._write(checked, source, prices_adjusted, progress)

    def _write(
        self, checked: CheckedBars, source: str, prices_adjusted: bool, progress: bool
    ) -> IngestReport:
        if not _SOURCE_NAME.fullmatch(source):
            raise DataError(
                "a source cannot have this name",
                found=source,
                expected="small letters, digits, '_', '.' and '-', beginning with a letter or a digit",
            )
        report = write_bars(
            self.bars_dir,
            checked,
            source=source,
            prices_adjusted=prices_adjusted,
            lock_timeout_s=self.lock_timeout_s,
            progress=progress,
        )
        logger.info("%s", report)
        for note in report.notes:
            logger.warning("%s: %s", source, note)
        return report

    # --- reading ----------------------------------------------------------------------------------------

    def symbols(self) -> pd.DataFrame:
        """What is stored, one row for each symbol of each source.

        Returns
        -------
        DataFrame
            ``symbol``, ``source``, ``n_rows``, ``first`` and ``last`` (closing times, UTC), ``has_ohlc``,
            ``has_volume``, ``has_adjusted`` (whether ``adjusted=True`` can be read); sorted by symbol.
        """
        import pandas as pd

        partitions = sorted(self._catalog.partitions(), key=lambda found: (found.symbol, found.source))
        return pd.DataFrame(
            {
                "symbol": pd.Series([found.symbol for found in partitions], dtype="str"),
                "source": pd.Series([found.source for found in partitions], dtype="str"),
                "n_rows": np.array([found.n_rows for found in partitions], dtype=np.int64),
                "first": _stamps(np.array([found.first_ns for found in partitions], dtype=np.int64)),
                "last": _stamps(np.array([found.last_ns for found in partitions], dtype=np.int64)),
                "has_ohlc": np.array([found.has_ohlc for found in partitions], dtype=bool),
                "has_volume": np.array([found.has_volume for found in partitions], dtype=bool),
                "has_adjusted": np.array([found.has_adjusted for found in partitions], dtype=bool),
            }
        )

    def read_bars(
        self,
        symbols: str | Iterable[str],
        start: DateLike | None = None,
        end: DateLike | None = None,
        *,
        adjusted: bool = False,
        source: str | None = None,
    ) -> pd.DataFrame:
        """Bars as a long frame, a block for each symbol in the order asked for.

        Parameters
        ----------
        symbols : str or iterable of str
            ``"AAPL"`` or ``"source:AAPL"``. A symbol that several sources have is taken from the one that
            has open, high and low.
        start, end : str, date, datetime or datetime64, optional
            Both inclusive. Without a zone they are UTC; without a time of day they mean the whole day, month
            or year.
        adjusted : bool
            Scale open, high, low and close by adjusted close / close of their bar. Volume stays.
        source : str, optional
            The source of every symbol.

        Returns
        -------
        DataFrame
            ``ts`` (datetime64[ns, UTC]), ``symbol``, ``open``, ``high``, ``low``, ``close``, ``volume``,
            ``adj_close``; NaN where the source has nothing.

        Raises
        ------
        UnknownSymbolError
            If a symbol is not stored.
        DataError
            If the range is no range or holds no bar of some symbol, if several sources could be meant, if
            adjusted prices are asked for where there are none, or if a file is damaged.
        """
        import pandas as pd

        partitions, codes, columns = self._read(symbols, start, end, adjusted=adjusted, source=source)
        labels = np.array([found.symbol for found in partitions], dtype=object)
        return pd.DataFrame(
            {
                "ts": _stamps(columns["ts_ns"]),
                "symbol": pd.Series(labels[codes], dtype="str"),
                **{name: columns[name] for name in VALUE_COLUMNS},
            }
        )

    def load(
        self,
        symbols: str | Iterable[str],
        start: DateLike | None = None,
        end: DateLike | None = None,
        *,
        adjusted: bool = False,
        source: str | None = None,
        closes_only: bool = False,
        instruments: Sequence[Instrument] | Mapping[str, Instrument] | None = None,
    ) -> Bars:
        """Bars as the engine takes them: a dense panel, NaN where a symbol has no bar.

        Volume is part of it where every bar of every symbol has one.

        Parameters
        ----------
        symbols, start, end, adjusted, source
            As for :meth:`read_bars`.
        closes_only : bool
            Leave out open, high and low. Needed where some symbols have them and others do not.
        instruments : sequence or mapping of Instrument, optional
            Tick and lot sizes; by default whole lots, and ticks inferred from the prices.

        Raises
        ------
        UnknownSymbolError, DataError
            As for :meth:`read_bars`, and if only some of the symbols have open, high and low.
        """
        from omni_lab.data.bars import Bars

        partitions, codes, columns = self._read(symbols, start, end, adjusted=adjusted, source=source)
        bare = [found for found in partitions if not found.has_ohlc]
        if bare and len(bare) < len(partitions) and not closes_only:
            raise DataError(
                "some symbols have open, high and low, and others have closes alone",
                found=f"closes alone for {names(bare)}",
                hint="Load them apart, or pass closes_only=True.",
            )
        ts = np.unique(columns["ts_ns"])
        rows = np.searchsorted(ts, columns["ts_ns"])
        labels = [found.symbol for found in partitions]

        def panel(name: str) -> FloatArray:
            dense = np.full((len(ts), len(partitions)), np.nan)
            dense[rows, codes] = columns[name]
            return dense

        volume = panel("volume") if all(found.has_volume for found in partitions) else None
        if closes_only or bare:
            return Bars.from_closes(ts, panel("close"), volume, symbols=labels, instruments=instruments)
        prices = (panel("open"), panel("high"), panel("low"), panel("close"))
        return Bars.from_arrays(ts, *prices, volume, symbols=labels, instruments=instruments)

    def fingerprint(self, symbols: str | Iterable[str] | None = None, *, source: str | None = None) -> str:
        """SHA-256, in hex, of all that is stored of these symbols; of everything by default.

        It depends on sources, symbols, times and values alone: not on the order asked for, on when they were
        ingested, or on how the files are encoded.
        """
        import hashlib

        partitions = self._catalog.partitions() if symbols is None else self._catalog.resolve(symbols, source)
        lines = sorted(f"{found.name} {found.content_sha256}\n" for found in partitions)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def query(self, statement: str, parameters: sql.Parameters = ()) -> pd.DataFrame:
        """The result of one SELECT in DuckDB's SQL.

        Parameters
        ----------
        statement : str
            Reads the view ``bars``: ``source``, ``symbol``, ``ts`` (TIMESTAMP_NS, in UTC), ``open``,
            ``high``, ``low``, ``close``, ``volume``, ``adj_close``, ``ts_ns`` (BIGINT). What a source lacks
            is NULL.
        parameters : sequence or mapping
            Values for ``?`` or ``$name``. A datetime parameter loses its nanoseconds in DuckDB; compare
            ``ts_ns`` where they matter.

        Returns
        -------
        DataFrame
            Timestamps are UTC.

        Raises
        ------
        DataError
            If it is not one SELECT, DuckDB rejects it, or a file is damaged.
        """
        sql.check_select(statement)

        with sql.sandbox() as connection:

            def read(partitions: list[Partition]) -> pd.DataFrame:
                files = [str(self._catalog.path(found)) for found in partitions]
                connection.execute(f"CREATE OR REPLACE VIEW bars AS {sql.bars_of(files)}")
                return sql.fetch_frame(connection, statement, parameters)

            return self._undisturbed(self._catalog.partitions, read)

    def view(self) -> str:
        """The SELECT that a query knows as ``bars``, over the files of this moment."""
        return sql.bars_of([str(self._catalog.path(found)) for found in self._catalog.partitions()])

    def verify(self) -> VerifyReport:
        """Whether every file holds the bytes and values whose hashes its manifest states."""
        return verify_bars(self.bars_dir)

    # --- how it is done ---------------------------------------------------------------------------------

    def _read(
        self,
        symbols: str | Iterable[str],
        start: DateLike | None,
        end: DateLike | None,
        *,
        adjusted: bool,
        source: str | None,
    ) -> tuple[list[Partition], IntArray, dict[str, AnyArray]]:
        """Partitions in the order asked for, the position of each bar's symbol in it, and the columns."""
        wanted = listed(symbols)

        def read(partitions: list[Partition]) -> tuple[list[Partition], IntArray, dict[str, AnyArray]]:
            first, last = parse_range(start, end, available=available(partitions), where=names(partitions))
            if adjusted:
                _require_adjusted(partitions)
            for found in partitions:
                self._require_intact(found)
            files = [str(self._catalog.path(found)) for found in partitions]
            with closing(sql.cursor()) as cursor:
                columns = sql.select_bars(cursor, files, [found.symbol for found in partitions], first, last)
            codes = columns.pop("code").astype(np.int64)
            _require_bars(partitions, codes, start, end)
            return partitions, codes, _adjusted(columns) if adjusted else columns

        return self._undisturbed(lambda: self._catalog.resolve(wanted, source), read)

    def _undisturbed(self, pick: Callable[[], list[Partition]], read: Callable[[list[Partition]], T]) -> T:
        """What ``read`` returns, tried again where a writer replaced a file under it."""
        import duckdb

        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            partitions = pick()
            try:
                return read(partitions)
            except (FileNotFoundError, duckdb.IOException) as error:
                if pick() == partitions:
                    raise DataError(
                        "a file of the store cannot be read",
                        found=str(error),
                        where=str(self.bars_dir),
                        hint="DuckDBStore.verify() says which; ingest its symbol again.",
                    ) from error
            except duckdb.Error as error:
                raise DataError("DuckDB rejected the query", found=str(error), where="sql") from error
        raise DataError("the store is being rewritten faster than it can be read", where=str(self.bars_dir))

    def _require_intact(self, found: Partition) -> None:
        path = self._catalog.path(found)
        key = (path, path.stat().st_mtime_ns)
        if key in self._intact:
            return
        if not is_intact(path.parent, found):
            raise DataError(
                "a file of the store is damaged: its bytes are not those that were written",
                where=str(path),
                hint=f"Ingest {found.name} again.",
            )
        self._intact.add(key)


def _require_bars(
    partitions: list[Partition], codes: IntArray, start: DateLike | None, end: DateLike | None
) -> None:
    n_bars = np.bincount(codes, minlength=len(partitions))
    absent = [found for found, count in zip(partitions, n_bars, strict=True) if not count]
    if absent:
        raise DataError(
            f"no bar of {names(absent)} lies in the range",
            found=f"{'first' if start is None else start} to {'last' if end is None else end}",
            hint=f"Available: {available(absent)}.",
        )


def _require_adjusted(partitions: list[Partition]) -> None:
    raw = [found for found in partitions if not found.has_adjusted]
    if raw:
        raise DataError(
            "there are no adjusted prices",
            found=names(raw),
            expected="a column adj_close, or prices ingested as adjusted",
            hint="Read them with adjusted=False.",
        )


def _adjusted(columns: dict[str, AnyArray]) -> dict[str, AnyArray]:
    close, adj_close = columns["close"], columns["adj_close"]
    # Where there is no adjusted close the prices are adjusted already.
    target = np.where(np.isnan(adj_close), close, adj_close)
    factor = target / close
    # Rounding must not push the close out of the bar's range.
    return columns | {
        "open": columns["open"] * factor,
        "high": np.maximum(columns["high"] * factor, target),
        "low": np.minimum(columns["low"] * factor, target),
        "close": target,
    }


def _stamps(ts_ns: IntArray) -> pd.DatetimeIndex:
    import pandas as pd

    return pd.DatetimeIndex(ts_ns.view("datetime64[ns]"), tz="UTC")
