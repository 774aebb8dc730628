"""The database of reconciliations: how it is opened, and its tables. The one door to SQLAlchemy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omni_lab.errors import ConfigError, MissingExtraError

try:
    import sqlalchemy as sa
    from sqlalchemy import exc
except ImportError as error:
    raise MissingExtraError(
        "sqlalchemy", extra="registry", what="keeping a reconciliation in a database"
    ) from error

__all__ = ["Tables", "bulk_insert", "cause", "exc", "make_tables", "open_engine", "sa"]

_BUSY_S = 60


@dataclass(frozen=True, slots=True)
class Tables:
    """Tables of reconciliations; ``book`` is the name of one, in each of them.

    Attributes
    ----------
    books : Table
        A row for each: how many steps it has taken, its clock, its rules. Its row is its lock.
    steps : Table
        What was done, in order: a batch of either side, a later time, a decision by hand.
    fills : Table
        Reports of both sides, by step and row.
    matches : Table
        Trades that are one: an internal with an external id, a row for each pair; a match of several trades
        has as many rows as it takes to hold them together.
    breaks : Table
        Breaks that there are now, and where they stand.
    resolutions : Table
        Decisions by hand, all of them.
    audit : Table
        Lines of the audit trail; only ever added.
    """

    books: sa.Table
    steps: sa.Table
    fills: sa.Table
    matches: sa.Table
    breaks: sa.Table
    resolutions: sa.Table
    audit: sa.Table


def make_tables() -> Tables:
    """The tables, in metadata of their own."""
    metadata = sa.MetaData()

    def table(name: str, key: str, whole: str, text: str, *more: sa.Index) -> sa.Table:
        keys = key.split()
        columns = [("book", sa.Text), *((each, sa.BigInteger) for each in whole.split())]
        columns += [(each, sa.Text) for each in text.split()]
        optional = {"fill_id", "ref_id", "order_id"}
        made: list[Any] = [
            sa.Column(n, kind, primary_key=n in keys, nullable=n in optional, autoincrement=False)
            for n, kind in columns
        ]
        return sa.Table(f"drop_copy_{name}", metadata, *made, *more)

    return Tables(
        books=table("books", "book", "step clock", "rules"),
        steps=table(
            *("steps", "book step", "step ts n_rows", "kind name"),
            sa.Index("drop_copy_step_names", "book", "kind", "name", unique=True),
        ),
        fills=table(
            *("fills", "book step source row", "step row kind side qty price_nanos fee_nanos ts"),
            "source symbol account fill_id ref_id order_id",
        ),
        matches=table(
            *("matches", "", "", "symbol stage internal external"),
            sa.Index("drop_copy_match_symbols", "book", "symbol"),
        ),
        breaks=table(
            *("breaks", "book break_id", "since qty fee"),
            "break_id kind status action who rule reason symbol account held_by "
            "internal external ours theirs cash",
        ),
        resolutions=table("resolutions", "book step", "step", "break_id status action who reason"),
        audit=table("audit", "book n", "n ts", "break_id what event before after who rule reason"),
    )


def open_engine(target: str | Path) -> sa.Engine:
    """An engine for a file of SQLite or a URL.

    Raises
    ------
    ConfigError
        If it is neither, or its driver is not installed.
    """
    text = str(target)
    try:
        if "://" not in text:
            Path(text).parent.mkdir(parents=True, exist_ok=True)
            text = f"sqlite:///{text}"
        settings = {"connect_args": {"timeout": _BUSY_S}} if text.startswith("sqlite") else {}
        engine = sa.create_engine(text, **settings)
    except (exc.ArgumentError, exc.NoSuchModuleError, ModuleNotFoundError, OSError) as error:
        raise ConfigError(
            f"no database can be opened by this: {error}",
            found=str(target),
            expected="a path, or a URL such as postgresql+psycopg://user@host/database",
        ) from error
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
