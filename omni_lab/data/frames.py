"""Frames of any library as plain columns, through narwhals; imported only when a frame arrives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np

from omni_lab.errors import DataError, SchemaError, UnknownSymbolError
from omni_lab.typing import AnyArray, FloatArray, IntArray

_TIME_NAMES = ("ts", "time", "timestamp", "datetime", "date")
_SYMBOL_NAMES = ("symbol", "ticker", "name")
_INTRABAR = ("open", "high", "low")


@dataclass(frozen=True, kw_only=True)
class BarTable:
    """Bars as columns of equal length, one row a bar.

    Attributes
    ----------
    ts : ndarray of int64, shape (n_rows,)
        Closing times, nanoseconds UTC.
    symbols : ndarray of str, shape (n_rows,), or None
        Instrument of each row; None for a frame of one instrument.
    columns : dict of str to ndarray of float64, shape (n_rows,)
        Open, high and low (all or none), close, volume if known.
    """

    ts: IntArray
    symbols: AnyArray | None
    columns: dict[str, FloatArray]

    def column(self, name: str) -> FloatArray | None:
        """The column, or None when it is not known."""
        return self.columns.get(name)

    def only(self, symbol: str) -> BarTable:
        """The rows of one instrument."""
        assert self.symbols is not None
        rows = self.symbols == symbol
        if not rows.any():
            known = sorted(set(self.symbols.tolist()))
            raise UnknownSymbolError("the frame holds no such symbol", found=symbol, expected=known)
        columns = {name: values[rows] for name, values in self.columns.items()}
        return replace(self, ts=self.ts[rows], symbols=self.symbols[rows], columns=columns)

    def to_panel(self) -> tuple[list[str], IntArray, dict[str, FloatArray | None]]:
        """Symbols (in order of first appearance), times, and one (n_times, n_symbols) panel a column."""
        assert self.symbols is not None
        names, first, codes = np.unique(self.symbols.astype(str), return_index=True, return_inverse=True)
        order = np.argsort(first, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(order.size)
        codes = rank[codes]
        times, rows = np.unique(self.ts, return_inverse=True)
        self._refuse_disorder(codes, names[order])
        panel = {}
        for name, values in self.columns.items():
            cells = np.full((times.size, names.size), np.nan)
            cells[rows, codes] = values
            panel[name] = cells
        self._refuse_holes(names[order], codes)
        columns = {name: panel.get(name) for name in (*_INTRABAR, "close", "volume")}
        return names[order].tolist(), times, columns

    def _refuse_disorder(self, codes: AnyArray, names: AnyArray) -> None:
        by_symbol = np.argsort(codes, kind="stable")
        same = np.diff(codes[by_symbol]) == 0
        step = np.diff(self.ts[by_symbol])
        bad = np.flatnonzero(same & (step <= 0))
        if bad.size:
            row, before = int(by_symbol[bad[0] + 1]), int(by_symbol[bad[0]])
            what = (
                "two bars have the same time"
                if step[bad[0]] == 0
                else "times must increase within an instrument"
            )
            raise DataError(
                what,
                found=str(np.datetime64(int(self.ts[row]), "ns")),
                where=f"rows {before} and {row} of {str(names[codes[row]])!r}",
                hint="Sort the frame by time and drop or merge duplicates.",
            )

    def _refuse_holes(self, names: AnyArray, codes: AnyArray) -> None:
        # In a panel an all-NaN cell means "no bar"; a row of a long frame claims there is one.
        hole = np.isnan(self.columns["close"])
        if hole.any():
            row = int(hole.argmax())
            raise DataError(
                "the close cannot be used",
                found=float("nan"),
                expected="a finite number > 0",
                where=f"row {row} of {str(names[codes[row]])!r}",
                hint="Leave the row out where there is no bar.",
            )


def read_frame(frame: Any) -> BarTable:
    """Columns of a pandas, polars or Arrow frame, with the names understood in any case.

    Raises
    ------
    SchemaError
        If the object is no such frame, or a column is missing, repeated or of the wrong type.
    """
    try:
        table = nw.from_native(frame, eager_only=True)
    except TypeError as error:
        raise SchemaError(
            "bars must be a frame",
            found=type(frame).__name__,
            expected="omni_lab.data.Bars, or a pandas, polars or Arrow frame",
        ) from error
    names = _names_by_lower_case(table.columns)
    if "close" not in names:
        raise SchemaError(
            "a column is missing", expected="close", found=list(table.columns), where="the frame"
        )
    symbol = next((names[name] for name in _SYMBOL_NAMES if name in names), None)
    present = [name for name in _INTRABAR if name in names]
    columns = {name: _numbers(table, names[name]) for name in ("close", *present) if name in names}
    if present and all(np.isnan(columns[name]).all() for name in present):
        present = []
    if present and len(present) < len(_INTRABAR):
        missing = [name for name in _INTRABAR if name not in present]
        raise SchemaError(
            "a column is missing", expected=missing, found=list(table.columns), where="the frame"
        )
    columns = {name: columns[name] for name in (*present, "close")}
    if "volume" in names:
        volume = _numbers(table, names["volume"])
        if not np.isnan(volume).all():
            columns["volume"] = volume
    symbols = None if symbol is None else np.asarray(table[symbol].to_list(), dtype=object)
    return BarTable(ts=_times(frame, table, names), symbols=symbols, columns=columns)


def _names_by_lower_case(columns: Sequence[Any]) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for column in columns:
        lower = str(column).strip().lower()
        if lower in names:
            raise SchemaError("two columns have the same name", found=str(column), where="the frame")
        names[lower] = column
    return names


def _numbers(table: nw.DataFrame[Any], name: str) -> FloatArray:
    column = table[name]
    if not column.dtype.is_numeric() and column.null_count() < len(column):
        raise SchemaError(
            f"the {name} column has the wrong type",
            found=str(column.dtype),
            expected="numbers",
            where=str(name),
        )
    return np.asarray(column.cast(nw.Float64).to_numpy(), dtype=np.float64)


def _times(frame: Any, table: nw.DataFrame[Any], names: dict[str, Any]) -> IntArray:
    name = next((names[name] for name in _TIME_NAMES if name in names), None)
    if name is not None:
        column = table[name]
    else:
        index = nw.maybe_get_index(table)
        if index is None or not hasattr(index, "dtype") or getattr(index.dtype, "kind", "") != "M":
            raise SchemaError(
                "the frame has no times",
                found=list(table.columns),
                expected=f"a column named {', '.join(_TIME_NAMES)}, or a pandas datetime index",
            )
        column = nw.from_native(index.to_series(), series_only=True)
    if column.dtype == nw.Date:
        column = column.cast(nw.Datetime("ns"))
    if not isinstance(column.dtype, nw.Datetime):
        if column.dtype.is_integer():
            return np.asarray(column.to_numpy(), dtype=np.int64)
        raise SchemaError(
            "times have the wrong type",
            found=str(column.dtype),
            expected="datetimes, dates, or int64 nanoseconds since 1970 UTC",
            where=str(name),
            hint="Parse them first, for example with pandas.to_datetime(…, utc=True).",
        )
    if column.null_count():
        raise DataError(
            "a time is missing", found="null", where=f"row {int(np.argmax(column.is_null().to_numpy()))}"
        )
    if column.dtype.time_zone is not None:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return np.asarray(column.to_numpy(), dtype="datetime64[ns]").view(np.int64)
