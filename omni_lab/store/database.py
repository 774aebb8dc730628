"""Databases that several processes or machines share: a file of SQLite here, PostgreSQL by its address there.

What is kept in them is said by those who keep it: reconciliations, the registry of runs, schedules.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from omni_lab.errors import ConfigError, MissingExtraError

__all__ = ["bulk_insert", "cause", "create_tables", "exc", "open_engine", "reading", "sa"]

_BUSY_S = 60
_SILENT = "5min"
_READS = "omni_lab_reads"
_CREATION = 0x6F6D6E69  # the number of the lock under which tables are made in PostgreSQL


def open_engine(target: str | Path) -> sa.Engine:
    """An engine for a file of SQLite or a URL.

    Raises
    ------
    ConfigError
        If it is neither.
    MissingExtraError
        If the driver of PostgreSQL is not installed: extra ``postgresql``.
    """
    text = str(target)
    try:
        if "://" not in text:
            Path(text).parent.mkdir(parents=True, exist_ok=True)
            text = f"sqlite:///{text}"
        if text.startswith("sqlite"):
            engine = sa.create_engine(text, connect_args={"timeout": _BUSY_S})
        else:
            # A server may have been started again since the connection was last used.
            engine = sa.create_engine(text, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        if error.name == "psycopg":
            raise MissingExtraError("psycopg", extra="postgresql", what="a database of PostgreSQL") from error
        raise _unusable(target, error) from error
    except (exc.ArgumentError, exc.NoSuchModuleError, OSError) as error:
        raise _unusable(target, error) from error
    if engine.dialect.name == "sqlite":
        _begin_at_once(engine)
    if engine.dialect.name == "postgresql":
        _end_when_silent(engine)
    return engine


def create_tables(engine: sa.Engine, metadata: sa.MetaData) -> None:
    """Make the tables that are not there; any number of processes may do so at once.

    Raises
    ------
    ConfigError
        If the database cannot be reached, or cannot be written.
    """
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:number)"), {"number": _CREATION})
            metadata.create_all(connection)
    except exc.SQLAlchemyError as error:
        where = engine.url.render_as_string()
        raise ConfigError(f"the database cannot be used: {cause(error)}", where=where) from error


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection that only reads, and so waits for no writer of a file of SQLite."""
    with engine.connect().execution_options(**{_READS: True}) as connection:
        yield connection


def bulk_insert(
    connection: sa.Connection, table: sa.Table, names: tuple[str, ...], rows: list[tuple[Any, ...]]
) -> None:
    """Insert many rows as the driver takes them, which is several times faster than one mapping for each."""
    if not rows:
        return
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    quoted = ", ".join(connection.dialect.identifier_preparer.quote(name) for name in names)
    statement = f"INSERT INTO {table.name} ({quoted}) VALUES ({', '.join([mark] * len(names))})"
    connection.exec_driver_sql(statement, rows)


def cause(error: exc.SQLAlchemyError) -> str:
    """The first line of what the database said."""
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]


def _begin_at_once(engine: sa.Engine) -> None:
    """Let a transaction of SQLite take its lock when it begins, so that what it reads stays true."""

    @sa.event.listens_for(engine, "connect")
    def connected(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver would begin on its own, and later
        _log_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        reads = connection.get_execution_options().get(_READS)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _end_when_silent(engine: sa.Engine) -> None:
    """Let PostgreSQL end a transaction, and free its locks, whose process hangs or whose machine is gone."""

    @sa.event.listens_for(engine, "connect")
    def connected(connection: Any, _: object) -> None:
        before, connection.autocommit = connection.autocommit, True
        with connection.cursor() as cursor:
            cursor.execute(f"SET idle_in_transaction_session_timeout = '{_SILENT}'")
        connection.autocommit = before


def _log_ahead(connection: Any) -> None:
    """Switch to the write-ahead log. Of several that do it at once to a new file, one is refused at once."""
    until = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _unusable(target: str | Path, error: Exception) -> ConfigError:
    return ConfigError(
        f"no database can be opened by this: {error}",
        found=str(target),
        expected="a path, or a URL such as postgresql+psycopg://user@host/database",
        hint="OMNI_LAB_HOME names the data directory." if isinstance(error, OSError) else None,
    )
