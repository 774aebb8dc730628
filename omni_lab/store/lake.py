"""Bars and ticks of one lake, asked together: what the command line shows."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from omni_lab.store.duckdb_store import DuckDBStore
from omni_lab.store.reports import VerifyReport
from omni_lab.store.ticks.reader import TickReader

if TYPE_CHECKING:
    import pandas as pd

PathLike = str | os.PathLike[str]

_FORMATS = ("table", "csv", "json")


def query_lake(statement: str, path: PathLike | None = None, *, floats: bool = False) -> pd.DataFrame:
    """The result of one SELECT over ``bars`` and the tables of ticks.

    Parameters
    ----------
    statement : str
        In DuckDB's SQL; see :meth:`omni_lab.store.DuckDBStore.query` and
        :meth:`omni_lab.store.TickReader.query`.
    path : path-like, optional
        The lake; that of this project by default.
    floats : bool
        Ticks with prices in currency and quantities in shares, contracts or coins.

    Raises
    ------
    DataError
        If it is not one SELECT, DuckDB rejects it, or a file is damaged.
    """
    ticks = TickReader(path)
    words = set(re.findall(r"\w+", statement.lower()))
    if "bars" in words and not words & {*ticks.tables()["table"]}:
        return DuckDBStore(path).query(statement)
    views = {"bars": DuckDBStore(path).view()} if "bars" in words else {}
    return ticks.query(statement, floats=floats, views=views)


def verify_lake(path: PathLike | None = None) -> dict[str, VerifyReport]:
    """Whether what is stored is what was put there: ``bars`` and ``ticks``.

    Parameters
    ----------
    path : path-like, optional
        The lake; that of this project by default.
    """
    return {"bars": DuckDBStore(path).verify(), "ticks": TickReader(path).verify()}


def format_tables(tables: pd.DataFrame) -> str:
    """Tables of ticks, as :meth:`omni_lab.store.TickReader.tables` lists them, one a line."""
    rows: list[tuple[str, ...]] = [
        ("TABLE", "KIND", "ROWS", "SYMBOLS", "FILES", "MB", "FIRST (UTC)", "LAST (UTC)")
    ]
    for row in tables.to_dict("records"):
        span = [f"{row[end]:%Y-%m-%d %H:%M:%S}" if row["n_rows"] else "–" for end in ("first", "last")]
        counts = [f"{row[name]:,}" for name in ("n_rows", "n_symbols", "n_files")]
        rows.append((row["table"], row["kind"], *counts, f"{row['n_bytes'] / 1e6:,.1f}", *span))
    return _aligned(rows, right=range(2, 6))


def format_result(frame: pd.DataFrame, style: str = "table", *, limit: int = 100) -> str:
    """The result of a query as text.

    Parameters
    ----------
    frame : DataFrame
        What was found.
    style : {"table", "csv", "json"}
        Times are ISO 8601 with nanoseconds in the latter two; they have all rows.
    limit : int
        Rows of a table to show; what is left out is counted.

    Raises
    ------
    ConfigError
        If there is no such style.
    """
    from omni_lab.errors import ConfigError

    if style not in _FORMATS:
        raise ConfigError("there is no such format", found=style, expected=_FORMATS)
    if style == "table":
        more = len(frame) - limit
        text = frame.head(limit).to_string(index=False) if len(frame) else "no rows"
        return text + (f"\n… and {more:,} more" if more > 0 else "")
    exact = frame.copy()
    for name in exact.select_dtypes("datetimetz").columns:
        exact[name] = [None if stamp != stamp else stamp.isoformat() for stamp in exact[name]]
    return exact.to_csv(index=False).rstrip() if style == "csv" else exact.to_json(orient="records")


def _aligned(rows: list[tuple[str, ...]], right: range) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)
