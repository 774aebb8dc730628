"""What people hold, turned into rows of a table and checked once: arrays, frames of any library, events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from omni_lab.data.events import Events
from omni_lab.errors import DataError, SchemaError, ShapeError
from omni_lab.store.ticks.rows import Rows, empty_rows, sorted_rows
from omni_lab.store.ticks.schema import BOOK_COLUMNS, DEPTH, GENERIC, TEXT, Column, Schema, Units
from omni_lab.typing import AnyArray, IntArray

Symbols = Mapping[int, str] | Sequence[str]
"""Symbol of each instrument number of a feed."""

_OFF_GRID = 1e-3
_INTEGERS = "iu"
_TEXT_TYPES = ("string", "large_string", "string_view", "binary", "large_binary", "fixed_size_binary", "null")


def columns_of(data: Any, where: str) -> dict[str, Any]:
    """Columns by name: NumPy arrays, and Arrow columns where there is text.

    Raises
    ------
    SchemaError
        If it is neither a mapping of arrays nor a frame.
    """
    if isinstance(data, Mapping):
        return {str(name): values for name, values in data.items()}
    if isinstance(data, Events):
        return dict(data.columns())
    if not hasattr(data, "__arrow_c_stream__"):
        raise SchemaError(
            "rows must come as columns",
            found=type(data).__name__,
            expected="a mapping of names to arrays, or a pandas, polars or Arrow frame",
            where=where,
            hint="Collect it first: frame.collect()." if hasattr(data, "collect") else None,
        )
    import pyarrow as pa

    if hasattr(data, "reset_index"):  # pandas: times may be in the index
        if "ts" not in data.columns and getattr(data.index.dtype, "kind", "") == "M":
            data = data.rename_axis("ts").reset_index()
        table = pa.Table.from_pandas(data, preserve_index=False)
    else:
        table = pa.table(data)
    if len(set(table.column_names)) < len(table.column_names):
        raise SchemaError("two columns have the same name", found=table.column_names, where=where)
    return {name: table.column(name) for name in table.column_names}


def infer_columns(columns: Mapping[str, Any], where: str) -> tuple[Column, ...]:
    """Columns of a table that a first batch makes: anything but ``symbol``, ``instrument`` and ``ts``."""
    found = []
    for name, values in columns.items():
        if name not in ("symbol", "instrument", "ts"):
            array = _numpy(values, name, where)
            text = array.dtype.kind in "OUST"
            found.append(Column(name, TEXT if text else str(array.dtype)))
    return tuple(found)


def n_levels_of(columns: Mapping[str, Any]) -> int:
    """Levels in columns of depth, which have two dimensions or a number at their end; 0 without any."""
    wide = np.shape(columns.get("bid_price", ()))
    return wide[1] if len(wide) == 2 else sum(name.startswith("bid_price_") for name in columns)


def prepare(
    columns: Mapping[str, Any],
    schema: Schema,
    *,
    symbol: str | None,
    symbols: Symbols | None,
    units_of: Callable[[str], Units],
    where: str,
) -> Rows:
    """Checked rows of a table, sorted by symbol and time.

    Parameters
    ----------
    columns : mapping
        As :func:`columns_of` gives them.
    schema : Schema
        What the table holds. A column that has a default may be missing.
    symbol : str, optional
        The symbol of every row.
    symbols : mapping or sequence, optional
        Symbol of each number in the column ``instrument``.
    units_of : callable
        Units of a symbol, for prices and quantities that come as floats.
    where : str
        What to call the batch in errors.

    Raises
    ------
    SchemaError
        If a column is missing, unknown or of the wrong type.
    ShapeError
        If columns differ in length or have several dimensions.
    DataError
        If a value is missing or does not fit, or a symbol is no name.
    """
    flat = _levels_apart(columns, schema, where)
    if "ts" not in flat:
        raise SchemaError("a column is missing", found=sorted(flat), expected="ts", where=where)
    ts = _times(flat.pop("ts"), where)
    names, codes = _symbols(flat, len(ts), symbol, symbols, where)
    strange = [name for name in flat if name not in schema.names]
    if strange:
        raise SchemaError(
            "the table has no such column",
            found=strange[0],
            expected=schema.names,
            where=where,
            hint=None if schema.name == GENERIC else "Leave it out, or keep it in a table of kind 'tick'.",
        )
    # A batch with prices in currency has its averages of prices in currency, too.
    floats = {
        schema[name].role
        for name, values in flat.items()
        if schema[name].numpy_dtype.kind in _INTEGERS and _numpy(values, name, where).dtype.kind == "f"
    }
    units = _common_units(names, units_of, where) if floats else Units()
    out: dict[str, AnyArray] = {"ts": ts}
    for column in schema.columns:
        if column.name in flat:
            values = _numpy(flat[column.name], column.name, where)
            _check_length(values, len(ts), column.name, where)
            out[column.name] = _cast(values, column, units, money="price" in floats, where=where)
        elif column.default is None:
            raise SchemaError("a column is missing", found=sorted(flat), expected=column.name, where=where)
        else:
            out[column.name] = column.filled(len(ts))
    return sorted_rows(names, codes, out) if len(ts) else empty_rows(schema)


def _common_units(names: Sequence[str], units_of: Callable[[str], Units], where: str) -> Units:
    units = {units_of(name) for name in names}
    if len(units) > 1:
        raise DataError(
            "floats of symbols with different units cannot come in one batch",
            found=sorted({each.tick_size for each in units}),
            where=where,
            hint="Append them apart.",
        )
    return units.pop() if units else Units()


def _levels_apart(columns: Mapping[str, Any], schema: Schema, where: str) -> dict[str, Any]:
    flat = dict(columns)
    if schema.name != DEPTH:
        return flat
    found = n_levels_of(columns)
    if found != schema.n_levels:
        raise SchemaError(
            "the table has another number of levels", found=found, expected=str(schema.n_levels), where=where
        )
    for name in BOOK_COLUMNS:
        wide = flat.pop(name, None)
        if wide is not None:
            array = np.asarray(wide)
            if array.ndim != 2 or array.shape[1] != schema.n_levels:
                raise ShapeError(
                    "a column of depth has the wrong shape",
                    found=array.shape,
                    expected=f"(n_rows, {schema.n_levels})",
                    where=f"{name} of {where}",
                )
            flat |= {f"{name}_{level + 1}": array[:, level] for level in range(schema.n_levels)}
    return flat


def _numpy(values: Any, name: str, where: str) -> AnyArray:
    """A column as NumPy array; text as strings in an object array."""
    if hasattr(values, "null_count"):  # Arrow
        if values.null_count:
            raise DataError("a value is missing", found="null", where=f"column {name} of {where}")
        import pyarrow as pa

        if pa.types.is_dictionary(values.type):
            values = values.cast(values.type.value_type)
        if pa.types.is_fixed_size_list(values.type):
            flat = np.asarray(pa.chunked_array([values]).combine_chunks().flatten())
            return flat.reshape(-1, values.type.list_size)
        return np.asarray(values.to_numpy())
    array = np.asarray(values)
    return array.astype(object) if array.dtype.kind in "UT" else array


def _check_length(values: AnyArray, n_rows: int, name: str, where: str) -> None:
    if values.shape != (n_rows,):
        raise ShapeError(
            "columns differ in length" if values.ndim == 1 else "a column must have one dimension",
            found=values.shape,
            expected=f"({n_rows},), as ts",
            where=f"column {name} of {where}",
        )


def _times(values: Any, where: str) -> IntArray:
    where = f"column ts of {where}"
    kind = getattr(values, "type", None)
    if kind is not None and str(kind).startswith("timestamp"):
        import pyarrow as pa

        try:
            values = values.cast(pa.timestamp("ns", kind.tz))
        except pa.ArrowInvalid as error:
            raise DataError(
                "a time cannot be counted in nanoseconds", found=str(error), where=where
            ) from error
    array = _numpy(values, "ts", where)
    if array.ndim != 1:
        raise ShapeError("times must be one-dimensional", found=array.shape, where=where)
    if array.dtype.kind == "M":
        if np.isnat(array).any():
            row = int(np.isnat(array).argmax())
            raise DataError("a time is missing", found="NaT", where=f"row {row} of {where}")
        exact = array.astype("datetime64[ns]")
        if (exact.astype(array.dtype) != array).any():  # NumPy wraps around silently
            raise DataError("a time cannot be counted in nanoseconds", expected="1678 to 2261", where=where)
        return exact.view(np.int64)
    if array.dtype.kind not in _INTEGERS:
        raise SchemaError(
            "times have the wrong type",
            found=str(array.dtype),
            expected="datetime64, or int64 nanoseconds since 1970 UTC",
            where=where,
        )
    return _integers(array, Column("ts"), where)


def _cast(values: AnyArray, column: Column, units: Units, *, money: bool, where: str) -> AnyArray:
    where = f"column {column.name} of {where}"
    target, kind = column.numpy_dtype, values.dtype.kind
    if column.dtype == TEXT:
        if kind not in "OS" or not all(isinstance(value, str | bytes) for value in values):
            raise _wrong_type(values, "text", where)
        decoded = [value.decode() if isinstance(value, bytes) else value for value in values]
        return np.array(decoded, dtype=object)
    if target.kind in _INTEGERS:
        if kind == "f" and column.role in ("price", "qty"):
            return _on_grid(values, column, units, where)
        if kind not in _INTEGERS:
            hint = "Integers alone can be exact." if kind == "f" else None
            raise _wrong_type(values, column.dtype, where, hint)
        return _integers(values, column, where)
    if target.kind == "f" and kind in "fiu":
        floats = values.astype(target)
        return np.asarray(floats / float(units.factor(column.role)), target) if money else floats
    if target.kind == "b" and kind == "b":
        return values
    raise _wrong_type(values, column.dtype, where)


def _integers(values: AnyArray, column: Column, where: str) -> AnyArray:
    target = column.numpy_dtype
    if values.size and not np.can_cast(values.dtype, target):
        bounds = np.iinfo(column.dtype)
        if int(values.min()) < bounds.min or int(values.max()) > bounds.max:
            row = int(np.argmax((values < bounds.min) | (values > bounds.max)))
            raise DataError(
                "a number does not fit its column",
                found=int(values[row]),
                expected=f"{bounds.min} to {bounds.max}",
                where=f"row {row} of {where}",
            )
    return np.ascontiguousarray(values, dtype=target)


def _on_grid(values: AnyArray, column: Column, units: Units, where: str) -> AnyArray:
    """Floats in currency or shares as whole units."""
    factor = units.factor(column.role)
    scaled = values.astype(np.float64) * float(factor.denominator) / float(factor.numerator)
    whole = np.rint(scaled)
    off = ~(np.abs(scaled - whole) <= _OFF_GRID)
    if off.any():
        row = int(off.argmax())
        unit = units.tick_size if column.role == "price" else units.lot_size
        raise DataError(
            "a number is no multiple of its unit" if np.isfinite(values[row]) else "a number is missing",
            found=float(values[row]),
            expected=f"a multiple of {unit}",
            where=f"row {row} of {where}",
            hint="Give the table the right tick_size and lot_size when it is made.",
        )
    return whole.astype(column.numpy_dtype)


def _symbols(
    flat: dict[str, Any], n_rows: int, symbol: str | None, symbols: Symbols | None, where: str
) -> tuple[list[str], AnyArray]:
    """Names, and the position of each row's name in them. Takes the columns that say it out of ``flat``."""
    named, numbered = flat.pop("symbol", None), flat.pop("instrument", None)
    if symbol is not None:
        if named is not None:
            raise SchemaError(
                "there is a column of symbols and a symbol was named too", found=symbol, where=where
            )
        return _checked_names([symbol], where), np.zeros(n_rows, dtype=np.uint16)
    if named is not None:
        return _coded(named, n_rows, where)
    if numbered is None or symbols is None:
        raise SchemaError(
            "rows need a symbol",
            found=sorted(flat),
            expected="a column symbol, or instrument with symbols=…, or symbol='AAPL' for all",
            where=where,
        )
    numbers = _numpy(numbered, "instrument", where)
    _check_length(numbers, n_rows, "instrument", where)
    if numbers.dtype.kind not in _INTEGERS:
        raise _wrong_type(numbers, "an integer", f"column instrument of {where}")
    name_of = dict(symbols) if isinstance(symbols, Mapping) else dict(enumerate(symbols))
    if numbers.dtype == np.uint16:
        counts = np.bincount(numbers, minlength=1)
        present = np.flatnonzero(counts)
        lookup: AnyArray = np.zeros(len(counts), dtype=np.uint16)
        lookup[present] = np.arange(len(present))
        codes: AnyArray = lookup[numbers]
    else:
        present, codes = np.unique(numbers, return_inverse=True)
    names = [name_of.get(int(number), f"#{int(number)}") for number in present]
    return _once(_checked_names(names, where), codes)


def _coded(named: Any, n_rows: int, where: str) -> tuple[list[str], AnyArray]:
    import pyarrow as pa

    try:
        column = named if isinstance(named, pa.ChunkedArray | pa.Array) else pa.array(named, from_pandas=True)
        chunk = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        chunk = chunk.chunk(0) if isinstance(chunk, pa.ChunkedArray) else chunk
        if str(getattr(chunk.type, "value_type", chunk.type)).partition("[")[0] not in _TEXT_TYPES:
            raise pa.ArrowTypeError("not text")
        coded = (
            chunk if pa.types.is_dictionary(chunk.type) else chunk.cast(pa.large_string()).dictionary_encode()
        )
        names = coded.dictionary.cast(pa.large_string()).to_pylist()
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        kind = getattr(named, "type", getattr(named, "dtype", type(named).__name__))
        raise SchemaError(
            "symbols have the wrong type", found=str(kind), expected="text", where=where
        ) from error
    if coded.null_count:
        row = int(np.argmax(coded.is_null().to_numpy(zero_copy_only=False)))
        raise DataError("a symbol is missing", found="null", where=f"row {row} of column symbol of {where}")
    codes = coded.indices.to_numpy()
    _check_length(codes, n_rows, "symbol", where)
    present = np.unique(codes)
    _checked_names([names[int(code)] for code in present], where)
    return _once([name or "" for name in names], codes)


def _once(names: list[str], codes: AnyArray) -> tuple[list[str], AnyArray]:
    if len(set(names)) == len(names):
        return names, codes
    unique = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return list(unique), np.array([unique[name] for name in names])[codes]


def _checked_names(names: list[str], where: str) -> list[str]:
    for name in names:
        if not name or name != name.strip() or not name.isprintable():
            raise DataError("a symbol cannot have this name", found=name, expected="text", where=where)
    return names


def _wrong_type(values: AnyArray, expected: str, where: str, hint: str | None = None) -> SchemaError:
    return SchemaError(
        "a column has the wrong type", found=str(values.dtype), expected=expected, where=where, hint=hint
    )
