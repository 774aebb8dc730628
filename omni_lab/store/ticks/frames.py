"""Rows as what people work with: pandas, Arrow and polars frames, NumPy columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import MissingExtraError
from omni_lab.store.ticks.rows import Rows
from omni_lab.store.ticks.schema import BOOK_COLUMNS, Schema, Table, Units
from omni_lab.typing import AnyArray

if TYPE_CHECKING:
    import pandas as pd


def in_units(rows: Rows, table: Table) -> Rows:
    """The same rows with prices in currency and quantities in shares, contracts or coins, as float64."""
    by_symbol = [table.units_of(symbol) for symbol in rows.symbols]
    same = set(by_symbol)
    columns = dict(rows.columns)
    for name in rows.columns:
        if name == "ts" or (column := table.schema[name]).role not in ("price", "qty"):
            continue
        if len(same) <= 1:
            columns[name] = (by_symbol[0] if by_symbol else Units()).to_float(rows.columns[name], column.role)
        else:
            parts = [
                units.to_float(rows.columns[name][run], column.role)
                for units, (_, run) in zip(by_symbol, rows.runs(), strict=True)
            ]
            columns[name] = np.concatenate(parts)
    return Rows(rows.symbols, rows.starts, columns)


def to_numpy(rows: Rows, schema: Schema) -> dict[str, AnyArray]:
    """Columns: ``symbol`` (objects), ``ts`` (int64), the others; depth has shape (n_rows, n_levels)."""
    symbols = np.array(rows.symbols, dtype=object)
    columns: dict[str, AnyArray] = {"symbol": np.repeat(symbols, np.diff(rows.starts)), **rows.columns}
    for name in BOOK_COLUMNS if schema.n_levels else ():
        levels = [f"{name}_{level + 1}" for level in range(schema.n_levels)]
        if all(level in columns for level in levels):
            columns[name] = np.stack([columns.pop(level) for level in levels], axis=1)
    return columns


def to_pandas(rows: Rows, *, by_time: bool = False) -> pd.DataFrame:
    """A frame: ``ts`` (datetime64[ns, UTC]), ``symbol`` (categorical) and the others."""
    import pandas as pd

    order = np.argsort(rows.ts, kind="stable") if by_time and len(rows.symbols) > 1 else slice(None)
    names = pd.Index(rows.symbols, dtype="str")
    symbols = pd.Categorical.from_codes(rows.codes[order], names)
    ts = pd.DatetimeIndex(rows.ts[order].view("datetime64[ns]"), tz="UTC")
    rest = {name: values[order] for name, values in rows.columns.items() if name != "ts"}
    return pd.DataFrame({"ts": ts, "symbol": symbols, **rest}, copy=False)


def to_arrow(rows: Rows) -> Any:
    """An Arrow table: ``ts`` (timestamp[ns, UTC]), ``symbol`` (dictionary) and the others."""
    import pyarrow as pa

    codes = pa.array(rows.codes.astype(np.int32))
    columns = {
        "ts": pa.array(rows.ts).cast(pa.timestamp("ns", tz="UTC")),
        "symbol": pa.DictionaryArray.from_arrays(codes, pa.array(rows.symbols, pa.string())),
    }
    columns |= {name: pa.array(values) for name, values in rows.columns.items() if name != "ts"}
    return pa.table(columns)


def to_polars(rows: Rows) -> Any:
    """A polars frame of the same columns as the Arrow table.

    Raises
    ------
    MissingExtraError
        If polars is not installed.
    """
    import narwhals as nw

    try:
        return nw.from_arrow(to_arrow(rows), backend="polars").to_native()
    except ImportError as error:
        raise MissingExtraError("polars", extra="polars", what="reading polars frames") from error
