"""Stores of bars and of ticks behind protocols; the embedded ones keep Parquet files that DuckDB reads.

The ledger of trials is here too. Names are loaded when they are used: a backtest that only counts itself does
not wait for the stores of ticks.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omni_lab.store.duckdb_store import DuckDBStore
    from omni_lab.store.protocol import BarStore, TimeSeriesStore
    from omni_lab.store.ranges import DateLike
    from omni_lab.store.reports import IngestReport, Problem, SymbolReport, VerifyReport
    from omni_lab.store.ticks import (
        Column,
        DollarBars,
        DuckDBTickStore,
        FeedReport,
        TickReader,
        TimeBars,
        TradeBars,
        VolumeBars,
        WriteReport,
        ingest_itch,
        ingest_tables,
    )
    from omni_lab.store.trials import Trial, TrialLedger, TrialSummary

_MODULES = {
    "duckdb_store": ("DuckDBStore",),
    "protocol": ("BarStore", "TimeSeriesStore"),
    "ranges": ("DateLike",),
    "reports": ("IngestReport", "Problem", "SymbolReport", "VerifyReport"),
    "trials": ("Trial", "TrialLedger", "TrialSummary"),
}
_HOME_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "BarStore",
    "Column",
    "DateLike",
    "DollarBars",
    "DuckDBStore",
    "DuckDBTickStore",
    "FeedReport",
    "IngestReport",
    "Problem",
    "SymbolReport",
    "TickReader",
    "TimeBars",
    "TimeSeriesStore",
    "TradeBars",
    "Trial",
    "TrialLedger",
    "TrialSummary",
    "VerifyReport",
    "VolumeBars",
    "WriteReport",
    "ingest_itch",
    "ingest_tables",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOME_OF.get(name, 'ticks')}"), name)
    globals()[name] = found
    return found
