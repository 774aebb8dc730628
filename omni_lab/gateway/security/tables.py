"""The tables of the gateway's security: users, sessions, keys, secrets, the audit log.

Times are whole seconds since 1970, nanoseconds in the audit log. What is secret lies here as a hash, or
encrypted.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any, Final

from omni_lab.store.database import create_tables, open_engine, sa

metadata = sa.MetaData()


def _text(name: str, **settings: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=False, **settings)


def _whole(name: str, *, nullable: bool = False, **settings: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, nullable=nullable, **settings)


facts = sa.Table("gateway_facts", metadata, _text("name", primary_key=True), _text("value"))
"""Single values: the number of changes so far, the one-time token's hash, the end of the audit log."""

users = sa.Table(
    "gateway_users",
    metadata,
    _text("name", primary_key=True),
    _text("password"),
    _text("role"),
    sa.Column("active", sa.Boolean, nullable=False),
    _whole("version"),
    _whole("created"),
    _whole("changed"),
)

sessions = sa.Table(
    "gateway_sessions",
    metadata,
    _text("id", primary_key=True),
    _text("user", index=True),
    _text("kind"),
    _whole("version"),
    _whole("created"),
    _whole("expires"),
    _whole("revoked", nullable=True),
    sa.Index("gateway_sessions_by_revocation", "revoked"),
)
"""One for each log-in: a browser's, or the family of a refresh token."""

refreshes = sa.Table(
    "gateway_refreshes",
    metadata,
    _text("hash", primary_key=True),
    _text("session", index=True),
    _whole("expires"),
    _whole("used", nullable=True),
)

signing_keys = sa.Table(
    "gateway_signing_keys",
    metadata,
    _text("kid", primary_key=True),
    _text("secret"),
    _whole("created"),
    _whole("retired", nullable=True),
)

api_keys = sa.Table(
    "gateway_api_keys",
    metadata,
    _text("id", primary_key=True),
    _text("hash"),
    _text("owner", index=True),
    _text("label"),
    _text("scopes"),
    _whole("created"),
    _whole("expires", nullable=True),
    _whole("last_used", nullable=True),
    _whole("revoked", nullable=True),
)

secrets = sa.Table(
    "gateway_secrets",
    metadata,
    _text("name", primary_key=True),
    _text("value"),
    _whole("changed"),
)

audit = sa.Table(
    "gateway_audit",
    metadata,
    _whole("n", primary_key=True, autoincrement=False),
    _whole("ts"),
    *(_text(name) for name in ("person", "action", "subject", "outcome", "address", "request_id", "detail")),
    _text("before"),
    _text("hash"),
    sa.Index("gateway_audit_by_time", "ts"),
)

CHANGES: Final = "changes"
AUDIT_END: Final = "audit_end"
ONE_TIME: Final = "one_time_token"

_APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER IF NOT EXISTS gateway_audit_no_{what} BEFORE {what} ON gateway_audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        for what in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION gateway_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$",
        "CREATE OR REPLACE TRIGGER gateway_audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE "
        "ON gateway_audit FOR EACH STATEMENT EXECUTE FUNCTION gateway_audit_refuse()",
    ],
}
for _dialect, _statements in _APPEND_ONLY.items():
    for _statement in _statements:
        _ddl = sa.DDL(_statement)  # type: ignore[no-untyped-call]
        sa.event.listen(audit, "after_create", _ddl.execute_if(dialect=_dialect))


def open_tables(target: str | Path) -> sa.Engine:
    """The database with its tables, made where they are not there.

    Parameters
    ----------
    target : str or Path
        A file of SQLite, or a URL.

    Raises
    ------
    ConfigError
        If it cannot be used.
    """
    if "://" not in str(target):
        _make_private(Path(target))
    engine = open_engine(target)
    create_tables(engine, metadata)
    return engine


def _make_private(file: Path) -> None:
    """An empty file of SQLite for its owner alone; what the database writes beside it is so too."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL, 0o600))


def changed(connection: sa.Connection) -> None:
    """Count a change that every process has to know of: it is done in the transaction of the change."""
    connection.execute(_COUNT, {"name": CHANGES})


def get(connection: sa.Connection, name: str) -> str | None:
    """A single value, or None."""
    found = connection.execute(sa.select(facts.c.value).where(facts.c.name == name)).scalar()
    return None if found is None else str(found)


def put(connection: sa.Connection, name: str, value: str | None) -> None:
    """Set a single value; None takes it away."""
    if value is None:
        connection.execute(facts.delete().where(facts.c.name == name))
    else:
        connection.execute(_PUT, {"name": name, "value": value})


_PUT = sa.text(
    "INSERT INTO gateway_facts (name, value) VALUES (:name, :value) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
_COUNT = sa.text(
    "INSERT INTO gateway_facts (name, value) VALUES (:name, '1') ON CONFLICT (name) DO UPDATE "
    "SET value = CAST(CAST(gateway_facts.value AS BIGINT) + 1 AS TEXT)"
)
