"""Tables of ticks as DuckDB sees them: a view for each, over the files of one snapshot."""

from __future__ import annotations

from pathlib import Path

from omni_lab.store.sql import literal
from omni_lab.store.ticks.files import FileEntry
from omni_lab.store.ticks.schema import TEXT, Column, Table
from omni_lab.store.ticks.snapshot import Snapshot

_SQL_TYPES = {
    **{
        f"int{bits}": name
        for bits, name in ((8, "TINYINT"), (16, "SMALLINT"), (32, "INTEGER"), (64, "BIGINT"))
    },
    **{
        f"uint{bits}": name
        for bits, name in ((8, "UTINYINT"), (16, "USMALLINT"), (32, "UINTEGER"), (64, "UBIGINT"))
    },
    **{"float32": "FLOAT", "float64": "DOUBLE", "bool": "BOOLEAN", TEXT: "VARCHAR"},
}


def view_of(snapshot: Snapshot, *, floats: bool) -> str:
    """The SELECT that a query knows by the table's name.

    ``symbol``, ``ts`` (TIMESTAMP_NS, in UTC), ``ts_ns`` (BIGINT), ``session`` and the columns of the table.

    Parameters
    ----------
    snapshot : Snapshot
        The table.
    floats : bool
        Prices in currency and quantities in shares, contracts or coins.
    """
    table, state = snapshot.table, snapshot.state
    groups: dict[tuple[int, str], list[FileEntry]] = {}
    for entry in state.in_order:
        # A file with hidden rows stands alone, because its condition is its own.
        groups.setdefault((entry.version, entry.name if entry.name in state.hidden else ""), []).append(entry)
    selects = [
        _select(table, snapshot.directory, entries, state.hidden.get(name, ()), floats=floats)
        for (_, name), entries in groups.items()
    ]
    return " UNION ALL ".join(selects) or _nothing(table, floats=floats)


def _select(
    table: Table,
    directory: Path,
    entries: list[FileEntry],
    hidden: tuple[tuple[int, int], ...],
    *,
    floats: bool,
) -> str:
    columns = [
        _scaled(column, table, floats=floats)
        if column.since <= entries[0].version
        else f'CAST({_default(column)} AS {_SQL_TYPES[column.dtype]}) AS "{column.name}"'
        for column in table.schema.columns
    ]
    files = ", ".join(literal(str(directory / entry.name)) for entry in entries)
    spans = " OR ".join(f"file_row_number BETWEEN {start} AND {stop - 1}" for start, stop in hidden)
    return (
        f"SELECT symbol, make_timestamp_ns(ts) AS ts, ts AS ts_ns, session, {', '.join(columns)} FROM "
        f"read_parquet([{files}], hive_partitioning = true, hive_types_autocast = false, "
        "file_row_number = true)" + (f" WHERE NOT ({spans})" if spans else "")
    )


def _scaled(column: Column, table: Table, *, floats: bool) -> str:
    if not floats or column.role not in ("price", "qty"):
        return f'"{column.name}"'
    own = [
        f"WHEN {literal(symbol)} THEN {_product(column, units.factor(column.role))}"
        for symbol, units in table.own_units.items()
    ]
    rest = _product(column, table.units.factor(column.role))
    scaled = f"CASE symbol {' '.join(own)} ELSE {rest} END" if own else rest
    return f'{scaled} AS "{column.name}"'


def _product(column: Column, factor: object) -> str:
    numerator, _, denominator = str(factor).partition("/")
    return f'"{column.name}"::DOUBLE * {numerator}::DOUBLE / {denominator or 1}::DOUBLE'


def _default(column: Column) -> str:
    if isinstance(column.default, str):
        return literal(column.default)
    return f"'{column.default}'" if isinstance(column.default, float) else str(column.default)


def _nothing(table: Table, *, floats: bool) -> str:
    columns = [
        f"NULL::{'DOUBLE' if floats and column.role in ('price', 'qty') else _SQL_TYPES[column.dtype]} "
        f'AS "{column.name}"'
        for column in table.schema.columns
    ]
    return (
        "SELECT NULL::VARCHAR AS symbol, NULL::TIMESTAMP_NS AS ts, NULL::BIGINT AS ts_ns, "
        f"NULL::VARCHAR AS session, {', '.join(columns)} WHERE false"
    )
