"""``/api/v1/data``: what the lake holds."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from omni_lab.errors import SourceError
from omni_lab.gateway.answers import answer, number_cursor, page
from omni_lab.gateway.models import Page
from omni_lab.gateway.routing import Cursor, Limit, Symbol, needs, router
from omni_lab.store import DuckDBStore, TickReader
from omni_lab.system.people import Action
from omni_lab.system.services import Services

Source = Annotated[
    str | None,
    Query(
        pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$",
        description="Whose bars; needed where several have the symbol.",
    ),
]
Day = Annotated[
    str | None,
    Query(
        max_length=40,
        pattern=r"^\d{4}",
        description="ISO 8601, UTC; a day or a year means all of it.",
        examples=["2020-06-30"],
    ),
]


class Dataset(BaseModel):
    """Bars of a source, or a table of ticks."""

    name: str = Field(description="`bars.SOURCE` or `ticks.TABLE`.", examples=["bars.skfolio"])
    kind: str = Field(description="`bars`, or what the table holds.")
    n_symbols: int = Field(description="Instruments.")
    n_rows: int = Field(description="Rows.")
    first: str | None = Field(description="Time of the first row, ISO 8601 UTC.")
    last: str | None = Field(description="Time of the last row.")


class StoredSymbol(BaseModel):
    """What is stored of an instrument."""

    symbol: str = Field(description="Of the instrument.")
    source: str = Field(description="Whose bars.")
    n_rows: int = Field(description="Bars.")
    first: str = Field(description="Closing time of the first bar, ISO 8601 UTC.")
    last: str = Field(description="Closing time of the last bar.")
    has_ohlc: bool = Field(description="Whether there are open, high and low.")
    has_volume: bool = Field(description="Whether there is volume.")
    has_adjusted: bool = Field(description="Whether adjusted prices can be read.")


class DatasetDetails(Dataset):
    """A dataset with its instruments."""

    symbols: list[str] = Field(description="Instruments, sorted.")


class BarOut(BaseModel):
    """A bar; what its source does not have is null."""

    ts: str = Field(description="Closing time, ISO 8601 UTC.")
    ts_ns: int = Field(description="The same, nanoseconds.")
    open: float | None = Field(description="Currency.")
    high: float | None = Field(description="Currency.")
    low: float | None = Field(description="Currency.")
    close: float | None = Field(description="Currency.")
    volume: float | None = Field(description="Units.")
    adj_close: float | None = Field(description="Close adjusted for dividends and splits.")


class Year(BaseModel):
    """How much of a year is there."""

    year: int = Field(description="Of the sessions.")
    missing: float = Field(description="Fraction of the sessions without a bar.")


class Coverage(BaseModel):
    """How much of what there should be is there."""

    symbol: str = Field(description="Of the instrument.")
    calendar: str = Field(description="Whose sessions.")
    first: str = Field(description="First day.")
    last: str = Field(description="Last day.")
    n_bars: int = Field(description="Bars.")
    n_sessions: int = Field(description="Sessions from the first bar to the last.")
    n_missing: int = Field(description="Sessions without a bar.")
    longest_gap: int = Field(description="Most of them in a row.")
    verdict: str = Field(description="`pass`, `warn` or `fail`.")
    years: list[Year] = Field(description="By year.")


def data_routes(services: Services) -> APIRouter:
    """The routes of data."""
    routes = router("/data", "data")
    lake = services.settings.lake_dir

    @routes.get("/datasets", response_model=Page[Dataset], **needs(Action.READ))
    def datasets(limit: Limit = 100, cursor: Cursor = None) -> Response:
        """Bars by source, and tables of ticks, by name."""
        found = [each for each in _datasets(services) if cursor is None or each["name"] > cursor]
        return answer(page(found, limit, lambda each: each["name"]))

    @routes.get("/datasets/{name}", response_model=DatasetDetails, **needs(Action.READ, 404))
    def dataset(
        name: Annotated[str, Path(pattern=r"^(bars|ticks)\.[A-Za-z0-9_.-]{1,64}$", description="Its name.")],
    ) -> Response:
        """One dataset, with its instruments."""
        found = next((each for each in _datasets(services) if each["name"] == name), None)
        if found is None:
            known = [each["name"] for each in _datasets(services)]
            raise SourceError("there is no such dataset", found=name, expected=known, where="name")
        kind, _, rest = name.partition(".")
        if kind == "bars":
            held = DuckDBStore(lake).symbols()
            symbols = held[held["source"] == rest]["symbol"]
        else:
            symbols = TickReader(lake).symbols(rest)["symbol"]
        return answer(found | {"symbols": sorted(map(str, symbols))})

    @routes.get("/symbols", response_model=Page[StoredSymbol], **needs(Action.READ))
    def symbols(source: Source = None, limit: Limit = 100, cursor: Cursor = None) -> Response:
        """What is stored, one row for each symbol of each source."""
        held = DuckDBStore(lake).symbols()
        if source is not None:
            held = held[held["source"] == source]
        first = number_cursor(cursor)
        rows = held.iloc[first : first + limit + 1].to_dict("records")
        shown = page(list(enumerate(rows, first)), limit, lambda each: each[0] + 1)
        return answer(shown | {"items": [row for _, row in shown["items"]]})

    @routes.get("/bars", response_model=Page[BarOut], **needs(Action.READ, 404))
    def bars(
        symbol: Symbol,
        source: Source = None,
        start: Day = None,
        end: Day = None,
        adjusted: Annotated[bool, Query(description="Scaled by adjusted close over close.")] = False,
        limit: Limit = 1000,
        cursor: Cursor = None,
    ) -> Response:
        """Bars of an instrument, oldest first."""
        frame = DuckDBStore(lake).read_bars(symbol, start, end, adjusted=adjusted, source=source)
        ts = frame["ts"].astype("int64").to_numpy()
        first = int(np.searchsorted(ts, number_cursor(cursor, -(2**63), least=-(2**63)), side="right"))
        chosen = frame.iloc[first : first + limit + 1]
        names = ("open", "high", "low", "close", "volume", "adj_close")
        columns = [chosen[name].astype("float64").tolist() for name in names]
        rows = zip(chosen["ts"], ts[first : first + limit + 1].tolist(), *columns, strict=True)
        items = [dict(zip(("ts", "ts_ns", *names), row, strict=True)) for row in rows]
        return answer(page(items, limit, lambda bar: bar["ts_ns"]))

    @routes.get("/coverage", response_model=Coverage, **needs(Action.READ, 404))
    def coverage(
        symbol: Symbol,
        calendar: Annotated[str, Query(pattern=r"^[A-Z0-9_]{2,20}$", description="An exchange.")] = "XNYS",
        source: Source = None,
    ) -> Response:
        """Which sessions of an exchange have a bar."""
        from omni_lab.data.trading_calendar import TradingCalendar
        from omni_lab.pipelines.studies.quality import Thresholds, examine

        loaded = DuckDBStore(lake).load(symbol, source=source)
        found = examine(loaded, TradingCalendar.parse(calendar), Thresholds())
        names = ("symbol", "first", "last", "n_bars", "n_sessions", "n_missing", "longest_gap", "verdict")
        years = [{"year": year, "missing": share} for year, share in sorted(found.missing_by_year.items())]
        return answer({name: getattr(found, name) for name in names} | {"calendar": calendar, "years": years})

    return routes


def _datasets(services: Services) -> list[dict[str, Any]]:
    lake = services.settings.lake_dir
    held = DuckDBStore(lake).symbols()
    found = [
        {
            "name": f"bars.{source}",
            "kind": "bars",
            "n_symbols": len(rows),
            "n_rows": int(rows["n_rows"].sum()),
            "first": rows["first"].min(),
            "last": rows["last"].max(),
        }
        for source, rows in held.groupby("source")
    ]
    for row in TickReader(lake).tables().to_dict("records"):
        ends = {name: row[name] if row["n_rows"] else None for name in ("first", "last")}
        counts = {name: row[name] for name in ("kind", "n_symbols", "n_rows")}
        found.append({"name": f"ticks.{row['table']}", **counts, **ends})
    return sorted(found, key=lambda each: str(each["name"]))
