"""Databases that several processes or machines share: a file of SQLite here, PostgreSQL by its address there.

What is kept in them is said by those who keep it: reconciliations, the registry of runs, schedules.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from omni_lab.errors import ConfigError, MissingExtraError

__all__ = ["bulk_insert", "cause", "exc", "open_engine", "sa"]

_BUSY_S = 60


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
        settings = {"connect_args": {"timeout": _BUSY_S}} if text.startswith("sqlite") else {}
        engine = sa.create_engine(text, **settings)
    except ModuleNotFoundError as error:
        if error.name == "psycopg":
            raise MissingExtraError("psycopg", extra="postgresql", what="a database of PostgreSQL") from error
        raise _unusable(target, error) from error
    except (exc.ArgumentError, exc.NoSuchModuleError, OSError) as error:
        raise _unusable(target, error) from error
    if engine.dialect.name == "sqlite":
        _begin_at_once(engine)
    return engine


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
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _unusable(target: str | Path, error: Exception) -> ConfigError:
    return ConfigError(
        f"no database can be opened by this: {error}",
        found=str(target),
        expected="a path, or a URL such as postgresql+psycopg://user@host/database",
    )
