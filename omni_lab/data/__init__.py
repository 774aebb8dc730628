"""Data from its sources to checked bars and events. Heavy libraries are imported when something asks."""

from typing import TYPE_CHECKING

from omni_lab.lazy import attributes

if TYPE_CHECKING:
    from omni_lab.data.bars import Bars
    from omni_lab.data.binance import BinanceFile
    from omni_lab.data.books import BookTables, MarketReplay
    from omni_lab.data.checks import CheckedBars, check_bars
    from omni_lab.data.coverage import DayCoverage, DayState, day_coverage, likely_calendar
    from omni_lab.data.databento import DatabentoFile
    from omni_lab.data.events import EventFlag, EventKind, Events, TradingState
    from omni_lab.data.feed_info import FeedInfo
    from omni_lab.data.itch import ItchFile
    from omni_lab.data.lobster_day import LobsterDay
    from omni_lab.data.sources import SOURCES, PackageSource, Source, get_source
    from omni_lab.data.synthetic import SYNTHETIC_SYMBOL, synthetic_bars, synthetic_itch
    from omni_lab.data.trading_calendar import Schedule, TradingCalendar

__all__ = [
    "SOURCES",
    "SYNTHETIC_SYMBOL",
    "Bars",
    "BinanceFile",
    "BookTables",
    "CheckedBars",
    "DatabentoFile",
    "DayCoverage",
    "DayState",
    "EventFlag",
    "EventKind",
    "Events",
    "FeedInfo",
    "ItchFile",
    "LobsterDay",
    "MarketReplay",
    "PackageSource",
    "Schedule",
    "Source",
    "TradingCalendar",
    "TradingState",
    "check_bars",
    "day_coverage",
    "get_source",
    "likely_calendar",
    "synthetic_bars",
    "synthetic_itch",
]

__getattr__ = attributes(
    __name__,
    {
        "Bars": "bars",
        "BinanceFile": "binance",
        "BookTables": "books",
        "MarketReplay": "books",
        "CheckedBars": "checks",
        "check_bars": "checks",
        "DayCoverage": "coverage",
        "DayState": "coverage",
        "day_coverage": "coverage",
        "likely_calendar": "coverage",
        "DatabentoFile": "databento",
        "EventFlag": "events",
        "EventKind": "events",
        "Events": "events",
        "TradingState": "events",
        "FeedInfo": "feed_info",
        "ItchFile": "itch",
        "LobsterDay": "lobster_day",
        "Schedule": "trading_calendar",
        "TradingCalendar": "trading_calendar",
        "PackageSource": "sources",
        "SOURCES": "sources",
        "Source": "sources",
        "get_source": "sources",
        "SYNTHETIC_SYMBOL": "synthetic",
        "synthetic_bars": "synthetic",
        "synthetic_itch": "synthetic",
    },
)
