"""What the rooms above ask of a store of bars, whichever database keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from omni_lab.domain import Instrument
from omni_lab.store.ranges import DateLike
from omni_lab.store.reports import IngestReport, VerifyReport

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.data.bars import Bars
    from omni_lab.data.sources import Source


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
