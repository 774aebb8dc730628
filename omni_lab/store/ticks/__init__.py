"""The tick store: tables of anything that has a symbol and a time."""

from omni_lab.store.ticks.ingest import ingest_itch, ingest_tables
from omni_lab.store.ticks.reader import TickReader
from omni_lab.store.ticks.reports import FeedReport, WriteReport
from omni_lab.store.ticks.resample import DollarBars, TimeBars, TradeBars, VolumeBars
from omni_lab.store.ticks.schema import Column
from omni_lab.store.ticks.store import DuckDBTickStore

__all__ = [
    "Column",
    "DollarBars",
    "DuckDBTickStore",
    "FeedReport",
    "TickReader",
    "TimeBars",
    "TradeBars",
    "VolumeBars",
    "WriteReport",
    "ingest_itch",
    "ingest_tables",
]
