"""Stores of bars behind one protocol; the embedded one keeps Parquet files and reads them through DuckDB."""

from omni_lab.store.duckdb_store import DuckDBStore
from omni_lab.store.protocol import BarStore
from omni_lab.store.ranges import DateLike
from omni_lab.store.reports import IngestReport, Problem, SymbolReport, VerifyReport

__all__ = [
    "BarStore",
    "DateLike",
    "DuckDBStore",
    "IngestReport",
    "Problem",
    "SymbolReport",
    "VerifyReport",
]
