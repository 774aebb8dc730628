"""What the rooms above ask of a store of bars or of ticks, whichever database keeps them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from omni_lab.domain import Instrument
from omni_lab.store.ranges import DateLike
from omni_lab.store.reports import IngestReport, VerifyReport
from omni_lab.typing import AnyArray

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.data.bars import Bars
    from omni_lab.data.sources import Source
    from omni_lab.store.ticks.incoming import Symbols
    from omni_lab.store.ticks.reader import When
    from omni_lab.store.ticks.reports import WriteReport
    from omni_lab.store.ticks.resample import BarRule


@runtime_checkable
class BarStore(Protocol):
    """Bars of many symbols from many sources, kept as they were ingested.

    A symbol is named ``"AAPL"``, or ``"source:AAPL"`` where it matters whose bars are meant. Times are UTC.
    """

    def ingest(
        self, source: str | Source, symbols: Iterable[str] | None = None, *, progress: bool = True
    ) -> IngestReport:
        """Store the bars of a source; a second time changes nothing."""
        ...

    def symbols(self) -> pd.DataFrame:
        """What is stored, one row for each symbol of each source."""
        ...

    def read_bars(
        self,
        symbols: str | Iterable[str],
        start: DateLike | None = None,
        end: DateLike | None = None,
        *,
        adjusted: bool = False,
        source: str | None = None,
    ) -> pd.DataFrame:
        """Bars as a long frame."""
        ...

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
        """Bars as the engine takes them."""
        ...

    def fingerprint(self, symbols: str | Iterable[str] | None = None, *, source: str | None = None) -> str:
        """Hash of what is stored of these symbols; of everything by default."""
        ...

    def verify(self) -> VerifyReport:
        """Whether what is stored is what was put there."""
        ...


@runtime_checkable
class TimeSeriesStore(Protocol):
    """Tables of rows with a symbol and a time: trades, quotes, events, depth, bars and others.

    A change is seen as a whole or not at all, also by readers in other processes, which never wait. Prices
    and quantities are integers with units that belong to the table; times are nanoseconds, UTC.
    """

    def append(
        self,
        table: str,
        data: Any,
        *,
        symbol: str | None = None,
        symbols: Symbols | None = None,
        batch: str | None = None,
        session: str | dt.date | None = None,
    ) -> WriteReport:
        """Add rows; a batch of the same name once."""
        ...

    def replace(
        self,
        table: str,
        data: Any,
        *,
        start: When | None = None,
        end: When | None = None,
        only: str | Iterable[str] | None = None,
    ) -> WriteReport:
        """Put rows in the place of what their symbols have in a range of time."""
        ...

    def upsert(self, table: str, data: Any, *, key: str | Sequence[str] = "ts") -> WriteReport:
        """Add rows in the place of those with the same symbol and key."""
        ...

    def retain(self, table: str, *, before: When | None = None, days: float | None = None) -> WriteReport:
        """Drop what is old."""
        ...

    def read(
        self,
        table: str,
        symbols: str | Iterable[str] | None = None,
        start: When | None = None,
        end: When | None = None,
        *,
        columns: Sequence[str] | None = None,
        floats: bool = False,
        by_time: bool = False,
    ) -> pd.DataFrame:
        """Rows of some symbols in a range of time."""
        ...

    def read_columns(
        self,
        table: str,
        symbols: str | Iterable[str] | None = None,
        start: When | None = None,
        end: When | None = None,
        *,
        columns: Sequence[str] | None = None,
        floats: bool = False,
    ) -> dict[str, AnyArray]:
        """The same as NumPy columns."""
        ...

    def latest(
        self,
        table: str,
        symbols: str | Iterable[str] | None = None,
        at: When | None = None,
        *,
        strict: bool = False,
        floats: bool = False,
    ) -> pd.DataFrame:
        """The last row of each symbol at or before a moment."""
        ...

    def resample(
        self,
        symbols: str | Iterable[str] | None,
        rule: BarRule | str | dt.timedelta,
        start: When | None = None,
        end: When | None = None,
    ) -> pd.DataFrame:
        """Bars from trades."""
        ...

    def asof(
        self,
        symbols: str | Iterable[str] | None,
        start: When | None = None,
        end: When | None = None,
        *,
        left: str = "trade",
        right: str = "quote",
        strict: bool = False,
    ) -> pd.DataFrame:
        """Rows of one table, each with the last row of another one at or before its time."""
        ...

    def book(self, symbol: str, at: When, *, levels: int = 10) -> pd.DataFrame:
        """The book of a symbol at a moment."""
        ...

    def tables(self) -> pd.DataFrame:
        """What is stored, one row for each table."""
        ...

    def symbols(self, table: str) -> pd.DataFrame:
        """The symbols that have rows in a table."""
        ...

    def verify(self) -> VerifyReport:
        """Whether what is stored is what was put there."""
        ...
