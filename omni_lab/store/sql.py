"""DuckDB as this package uses it: in memory, over Parquet files, columns out as NumPy arrays.

A DuckDB database file admits one process at a time, even to read. Files and an in-memory connection have no
such limit, so any number of notebooks read while one writes.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from omni_lab.errors import DataError
from omni_lab.store.partition import VALUE_COLUMNS
from omni_lab.typing import AnyArray

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

Parameters: TypeAlias = Sequence[object] | Mapping[str, object]

_VALUES = ", ".join(VALUE_COLUMNS)

_local = threading.local()


class _Held:
    """A connection, which can be referred to weakly."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        _held.add(self)


# A connection does not survive a fork, and closing it in the child waits for threads that do not exist there,
# or crashes. A child drops what was local to its parent's other threads: their connections, too, are held.
_held: weakref.WeakSet[_Held] = weakref.WeakSet()
_for_the_child: list[_Held] = []
os.register_at_fork(before=lambda: _for_the_child.extend(_held), after_in_parent=_for_the_child.clear)


def cursor() -> duckdb.DuckDBPyConnection:
    """A new cursor on this thread's in-memory connection; close it after use."""
    import duckdb

    held, process = getattr(_local, "held", (None, 0))
    if held is None or process != os.getpid():
        held = _Held(duckdb.connect(":memory:"))
        _local.held = held, os.getpid()
    return held.connection.cursor()


@contextmanager
def sandbox() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of its own for what somebody wrote: it installs nothing, and its times are UTC."""
    import duckdb

    with duckdb.connect(":memory:") as connection:
        connection.execute("SET autoinstall_known_extensions = false")
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def fetch_columns(
    connection: duckdb.DuckDBPyConnection,
    statement: str,
    parameters: Parameters = (),
) -> dict[str, AnyArray]:
    """Columns of a result; floats have NaN where SQL has NULL."""
    columns = connection.execute(statement, parameters).fetchnumpy()
    return {name: _filled(column) for name, column in columns.items()}


def fetch_frame(
    connection: duckdb.DuckDBPyConnection,
    statement: str,
    parameters: Parameters = (),
) -> pd.DataFrame:
    """A result as a frame. Every TIMESTAMP is taken for UTC and says so in its dtype."""
    import pandas as pd

    result = connection.execute(statement, parameters)
    types = [str(kind) for _, kind, *_ in result.description or ()]
    names = [str(name) for name, *_ in result.description or ()]
    # Two columns of one name would become one in a dict.
    if len(set(names)) < len(names):
        result.fetchall()
        raise DataError("two columns of the result share a name", found=names, hint="Name them with AS.")
    columns = result.fetchnumpy()
    frame = pd.DataFrame({name: _series(columns[name]) for name in names})
    for name, kind in zip(names, types, strict=True):
        if kind.startswith("TIMESTAMP"):
            frame[name] = frame[name].dt.tz_localize("UTC")
    return frame


def select_bars(
    connection: duckdb.DuckDBPyConnection,
    files: list[str],
    symbols: list[str],
    first_ns: int | None,
    last_ns: int | None,
) -> dict[str, AnyArray]:
    """Columns of the bars in these files, sorted by symbol as listed and by time.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Where to run it.
    files : list of str
        Parquet files of partitions.
    symbols : list of str
        The symbol in each file.
    first_ns, last_ns : int, optional
        Closing times to begin and end with, nanoseconds since 1970 UTC. As integers, because DuckDB's
        datetime parameters drop nanoseconds.

    Returns
    -------
    dict of str to ndarray
        ``code`` (the position in ``symbols``), ``ts_ns`` and the value columns.
    """
    bounds = np.iinfo(np.int64)
    return fetch_columns(
        connection,
        f"""
        SELECT code, ts_ns, {_VALUES}
        FROM read_parquet($files, hive_partitioning = false)
        JOIN (SELECT unnest($symbols) AS symbol, unnest($codes) AS code) USING (symbol)
        WHERE ts_ns BETWEEN $first AND $last
        ORDER BY code, ts_ns
        """,
        {
            "files": files,
            "symbols": symbols,
            "codes": list(range(len(symbols))),
            "first": int(bounds.min) if first_ns is None else first_ns,
            "last": int(bounds.max) if last_ns is None else last_ns,
        },
    )


def bars_of(files: list[str]) -> str:
    """The SELECT over the bars in these files that a query knows as ``bars``."""
    if not files:
        nothing = ", ".join(f"NULL::DOUBLE AS {name}" for name in VALUE_COLUMNS)
        return (
            "SELECT NULL::VARCHAR AS source, NULL::VARCHAR AS symbol, NULL::TIMESTAMP_NS AS ts, "
            f"{nothing}, NULL::BIGINT AS ts_ns WHERE false"
        )
    return (
        f"SELECT source, symbol, make_timestamp_ns(ts_ns) AS ts, {_VALUES}, ts_ns "
        f"FROM read_parquet([{', '.join(map(literal, files))}], hive_partitioning = false)"
    )


def literal(text: str) -> str:
    """Text quoted for SQL, where a statement cannot take parameters."""
    quoted = text.replace("'", "''")
    return f"'{quoted}'"


def check_select(statement: str) -> None:
    """Nothing, if the text is one SELECT.

    Raises
    ------
    DataError
        If it does not parse, is more than one statement, or is one that could change something.
    """
    import duckdb

    try:
        kinds = [found.type.name for found in duckdb.extract_statements(statement)]
    except duckdb.Error as error:
        raise _rejected(error) from error
    if kinds != ["SELECT"]:
        raise DataError(
            "a query only reads",
            found=", ".join(kinds) or "nothing",
            expected="one SELECT",
            where="sql",
        )


def _rejected(error: Exception) -> DataError:
    return DataError("DuckDB rejected the query", found=str(error), where="sql")


def _filled(column: Any) -> AnyArray:
    if isinstance(column, np.ma.MaskedArray):
        return np.asarray(column.filled(np.nan))
    return np.asarray(column)


def _series(column: Any) -> pd.Series[Any]:
    import pandas as pd

    if not isinstance(column, np.ma.MaskedArray):
        return pd.Series(column)
    values, missing = np.asarray(column.data), np.ma.getmaskarray(column)
    if values.dtype.kind == "f":
        return pd.Series(np.where(missing, np.nan, values))
    if values.dtype.kind in "iub":
        return pd.Series(pd.array(values)).mask(missing)
    return pd.Series(values).mask(missing)
