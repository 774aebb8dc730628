"""Stores of bars and of ticks behind protocols; the embedded ones keep Parquet files that DuckDB reads."""

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
    "VerifyReport",
    "VolumeBars",
    "WriteReport",
    "ingest_itch",
    "ingest_tables",
]
