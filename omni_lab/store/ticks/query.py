"""SQL over the tables of a tick store."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from omni_lab.errors import DataError
from omni_lab.store import sql
from omni_lab.store.ticks.snapshot import Snapshot
from omni_lab.store.ticks.views import view_of

if TYPE_CHECKING:
    import pandas as pd


def query_tables(
    statement: str,
    parameters: sql.Parameters,
    names: Iterable[str],
    snapshot: Callable[[str], Snapshot],
    *,
    floats: bool,
    views: Mapping[str, str],
) -> pd.DataFrame:
    """The result of one SELECT over the tables with these names.

    Raises
    ------
    DataError
        If it is not one SELECT, or DuckDB rejects it.
    FileNotFoundError
        If a file of a snapshot is gone.
    """
    import duckdb

    sql.check_select(statement)
    words = set(re.findall(r"\w+", statement.lower()))
    # A view looks into its files, and most tables have no part in a query.
    asked = {name: view_of(snapshot(name), floats=floats) for name in names if name in words}
    known = ", ".join([*names, *views])
    with sql.sandbox() as connection:
        try:
            for name, view in {**views, **asked}.items():
                connection.execute(f'CREATE VIEW "{name}" AS {view}')
            return sql.fetch_frame(connection, statement, parameters)
        except duckdb.IOException as error:
            raise FileNotFoundError(str(error)) from error
        except duckdb.Error as error:
            raise DataError(
                "DuckDB rejected the query",
                found=str(error),
                where="sql",
                hint=f"The tables are {known}." if "does not exist" in str(error) else None,
            ) from error
