"""Frames of any library as plain columns, through narwhals; imported only when a frame arrives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np

from omni_lab.data.times import as_nanoseconds, disordered, iso
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
    symbols : tuple of str
        The instruments, in order of first appearance; empty for a frame of one instrument without a name.
    codes : ndarray of int, shape (n_rows,)
        Which of them a row belongs to.
    columns : dict of str to ndarray of float64, shape (n_rows,)
        Open, high and low (all or none), close, volume if known.
    """

    ts: IntArray
    symbols: tuple[str, ...]
    codes: AnyArray
    columns: dict[str, FloatArray]

    def column(self, name: str) -> FloatArray | None:
        """The column, or None when it is not known."""
        return self.columns.get(name)

    def only(self, symbol: str) -> BarTable:
        """The rows of one instrument."""
        if symbol not in self.symbols:
            raise UnknownSymbolError("the frame holds no such symbol", found=symbol, expected=self.symbols)
        rows = self.codes == self.symbols.index(symbol)
        return replace(
            self,
            ts=self.ts[rows],
            symbols=(symbol,),
            codes=np.zeros(int(rows.sum()), dtype=np.int64),
            columns={name: values[rows] for name, values in self.columns.items()},
        )

    def to_panel(self) -> tuple[IntArray, dict[str, FloatArray | None]]:
        """Times, and one (n_times, n_symbols) panel a column, None for those not known."""
        self._refuse_disorder()
        self._refuse_holes()
        times, rows = np.unique(self.ts, return_inverse=True)
        panel: dict[str, FloatArray | None] = dict.fromkeys((*_INTRABAR, "close", "volume"))
        for name, values in self.columns.items():
            cells = np.full((times.size, len(self.symbols)), np.nan)
            cells[rows, self.codes] = values
            panel[name] = cells
        return times, panel

    def _refuse_disorder(self) -> None:
        by_symbol = np.argsort(self.codes, kind="stable")
        ts, codes = self.ts[by_symbol], self.codes[by_symbol]
        bad = np.flatnonzero((codes[1:] == codes[:-1]) & (ts[1:] <= ts[:-1]))
        if bad.size:
            first = int(bad[0])
            rows = f"rows {by_symbol[first]} and {by_symbol[first + 1]} of {self.symbols[codes[first]]!r}"
            raise disordered(int(ts[first]), int(ts[first + 1]), where=rows)

    def _refuse_holes(self) -> None:
        # In a panel an all-NaN cell means "no bar"; a row of a long frame claims there is one.
        hole = np.isnan(self.columns["close"])
        if hole.any():
            row = int(hole.argmax())
            raise DataError(
                "the close cannot be used",
                found=float("nan"),
                expected="a finite number > 0",
                where=f"row {row}, {self.symbols[self.codes[row]]!r} at {iso(int(self.ts[row]))}",
                hint="Leave the row out where there is no bar.",
            )


def read_frame(frame: Any) -> BarTable:
    """Columns of a pandas, polars or Arrow frame, with the names understood in any case.

    Raises
    ------
    SchemaError
        If the object is no such frame, or a column is missing, repeated or of the wrong type.
    DataError
        If a time or a symbol is missing.
    """
    table = _frame(frame)
    names = _names_by_lower_case(table.columns)
    present = [name for name in _INTRABAR if name in names]
    columns = {name: _numbers(table, names[name]) for name in (*present, *_required(names, ("close",)))}
    if present and not all(np.isnan(columns[name]).all() for name in present):
        _required(names, _INTRABAR)
    else:
        columns = {"close": columns["close"]}
    if "volume" in names:
        volume = _numbers(table, names["volume"])
        if not np.isnan(volume).all():
            columns["volume"] = volume
    symbols, codes = _symbols(table, names)
    return BarTable(ts=_times(table, names), symbols=symbols, codes=codes, columns=columns)


def _frame(frame: Any) -> nw.DataFrame[Any]:
    try:
        return nw.from_native(frame, eager_only=True)
    except TypeError as error:
        hint = "Pass symbol=… for what the store holds." if isinstance(frame, str) else None
        if hasattr(frame, "collect"):
            hint = "Collect it first: frame.collect()."
        raise SchemaError(
            "bars must be a frame",
            found=type(frame).__name__,
            expected="omni_lab.data.Bars, or a pandas, polars or Arrow frame",
            hint=hint,
        ) from error
    except nw.exceptions.DuplicateError as error:
        raise SchemaError(
            "two columns have the same name", found=[str(name) for name in frame.columns], where="the frame"
        ) from error


def _names_by_lower_case(columns: Sequence[Any]) -> dict[str, Any]:
    if any(isinstance(column, tuple) for column in columns):
        raise SchemaError(
            "the columns have several levels",
            found=columns[0],
            expected="one level: a time, open, high, low, close, volume, symbol",
            where="the frame",
            hint="Take one instrument out, or move the symbols into a column with DataFrame.stack.",
        )
    names: dict[str, Any] = {}
    for column in columns:
        lower = str(column).strip().lower()
        if lower in names:
            raise SchemaError("two columns have the same name", found=str(column), where="the frame")
        names[lower] = column
    return names


def _required(names: dict[str, Any], wanted: tuple[str, ...]) -> tuple[str, ...]:
    missing = [name for name in wanted if name not in names]
    if missing:
        raise SchemaError(
            "a column is missing",
            found=list(names.values()),
            expected=" and ".join(missing),
            where="the frame",
            hint="Leave out open, high and low together if only closes are known."
            if len(wanted) > 1
            else None,
        )
    return wanted


def _numbers(table: nw.DataFrame[Any], name: Any) -> FloatArray:
    column = table[name]
    if not column.dtype.is_numeric() and column.null_count() < len(column):
        raise SchemaError(
            f"the {name} column has the wrong type",
            found=str(column.dtype),
            expected="numbers",
            where=str(name),
            hint="Convert it first, for example with pandas.to_numeric.",
        )
    return np.asarray(column.cast(nw.Float64).to_numpy(), dtype=np.float64)


def _symbols(table: nw.DataFrame[Any], names: dict[str, Any]) -> tuple[tuple[str, ...], AnyArray]:
    name = next((names[name] for name in _SYMBOL_NAMES if name in names), None)
    if name is None:
        return (), np.zeros(len(table), dtype=np.int64)
    import pyarrow as pa

    try:
        text = pa.chunked_array([table[name].to_arrow()]).cast(pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise SchemaError(
            f"the {name} column has the wrong type",
            found=str(table[name].dtype),
            expected="text",
            where=str(name),
        ) from error
    if text.null_count:
        row = int(np.argmax(text.is_null().to_numpy()))
        raise DataError("a symbol is missing", found="null", where=f"row {row} of {name}")
    coded = text.combine_chunks().dictionary_encode()
    return tuple(coded.dictionary.to_pylist()), coded.indices.to_numpy()


def _times(table: nw.DataFrame[Any], names: dict[str, Any]) -> IntArray:
    name = next((names[name] for name in _TIME_NAMES if name in names), None)
    if name is None:
        return as_nanoseconds(_time_index(table), where="the index")
    column = table[name]
    native = column.to_native()
    if getattr(getattr(native, "dtype", None), "kind", None) == "M":
        # narwhals 2.29 does not know pandas times in zones with an underscore, as New York's.
        return as_nanoseconds(native, where=str(name))
    if column.dtype == nw.Date:
        column = column.cast(nw.Datetime("us"))
    if isinstance(column.dtype, nw.Datetime):
        if column.dtype.time_zone is not None:
            column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    elif not column.dtype.is_integer():
        raise SchemaError(
            "times have the wrong type",
            found=str(column.dtype),
            expected="datetimes, dates, or int64 nanoseconds since 1970 UTC",
            where=str(name),
            hint="Parse them first, for example with pandas.to_datetime(…, utc=True).",
        )
    return as_nanoseconds(column.to_numpy(), where=str(name))


def _time_index(table: nw.DataFrame[Any]) -> Any:
    index = nw.maybe_get_index(table)
    if getattr(getattr(index, "dtype", None), "kind", None) == "M":
        return index
    raise SchemaError(
        "the frame has no times",
        found=list(table.columns),
        expected=f"a column named {', '.join(_TIME_NAMES)}, or a pandas datetime index",
        where="the frame" if index is None else f"the frame, whose index is a {type(index).__name__}",
        hint="Name the column that holds them so, or call reset_index() if they are a level of the index.",
    )
