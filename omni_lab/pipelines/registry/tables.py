"""The tables of the registry, and what of a run's record stands in which column.

A row and ``run.json`` say the same: what is asked for has a column of its own, the rest stands
in one. Times are text, ISO 8601 in UTC, which sorts; structures are JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from omni_lab.errors import ConfigError
from omni_lab.pipelines.folder import dump_json
from omni_lab.store.database import cause, create_tables, exc, reading, sa

SCHEMA: Final = 1
"""Version of the tables."""

metadata = sa.MetaData()

_TEXT = (
    "run_id kind pipeline status trigger trigger_name key parent step started finished fingerprint "
    "data_fingerprint notebook notebook_sha256 code_sha256 lock_sha256 trial_family host home process"
)
_WHOLE = "attempt pid n_trials"
_JSON = "parameters upstream versions seed error headline"
_NEEDED = frozenset({"run_id", "kind", "pipeline", "status", "trigger", "attempt", "started", "folder"})

facts = sa.Table(
    "omni_registry", metadata, sa.Column("name", sa.Text, primary_key=True), sa.Column("value", sa.Text)
)

runs = sa.Table(
    "runs",
    metadata,
    *(
        sa.Column(name, sa.Text, primary_key=name == "run_id", nullable=name not in _NEEDED)
        for name in f"{_TEXT} {_JSON} commit more folder removed".split()
    ),
    *(sa.Column(name, sa.BigInteger, nullable=name not in _NEEDED) for name in _WHOLE.split()),
    # Seconds since 1970, by the clock of the database.
    sa.Column("duration_s", sa.Double),
    sa.Column("heartbeat", sa.Double),
    sa.Column("stop_asked", sa.Double),
    sa.Index("runs_keys", "key", unique=True),
    sa.Index("runs_by_start", "started", "run_id"),
    sa.Index("runs_by_status", "status"),
    sa.Index("runs_by_fingerprint", "fingerprint"),
    sa.Index("runs_by_parent", "parent"),
)


def _of_run(table: str, *columns: sa.Column[Any]) -> sa.Table:
    run = sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id"), primary_key=True)
    return sa.Table(table, metadata, run, *columns)


run_metrics = _of_run(
    "run_metrics", sa.Column("name", sa.Text, primary_key=True), sa.Column("value", sa.Double)
)
run_artifacts = _of_run(
    "run_artifacts",
    sa.Column("path", sa.Text, primary_key=True),
    *(sa.Column(name, sa.Text, nullable=False) for name in ("name", "kind", "sha256")),
    sa.Column("size", sa.BigInteger, nullable=False),
)
run_tags = _of_run("run_tags", sa.Column("tag", sa.Text, primary_key=True))
sa.Index("run_tags_by_tag", run_tags.c.tag)
run_events = sa.Table(
    "run_events",
    metadata,
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id"), nullable=False, index=True),
    *(sa.Column(name, sa.Text, nullable=False) for name in ("at", "status", "why")),
)

_NUMBERS = frozenset(f"{_WHOLE} duration_s".split())
_LARGEST = 2**63 - 1
_IN_ORDER = f"{_TEXT} duration_s {_WHOLE} {_JSON}".split()
_PLAIN = frozenset(_TEXT.split()) | _NUMBERS
_STRUCTURED = frozenset(_JSON.split())
_DEFAULTS: Mapping[str, Any] = {"kind": "pipeline", "trigger": "hand", "attempt": 1}


def complete(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record with everything that a row has, None where it says nothing."""
    return {**dict.fromkeys(name for name in _IN_ORDER if name not in record), **_DEFAULTS, **record}


def row_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of a complete record, but for ``folder``."""
    row = {name: _fitting(name, record[name]) for name in _PLAIN & record.keys()}
    row |= {name: value for name, value in _DEFAULTS.items() if row.get(name, value) is None}
    row |= {
        name: None if record[name] is None else as_json(record[name]) for name in _STRUCTURED & record.keys()
    }
    row["more"] = as_json({n: value for n, value in record.items() if n not in _PLAIN | _STRUCTURED})
    git = record.get("git")
    row["commit"] = clean(str(git["commit"])) if isinstance(git, Mapping) and git.get("commit") else None
    return row


def record_of_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """The record that a row states."""
    structured = {name: json.loads(row[name]) if row[name] else None for name in _STRUCTURED}
    more: dict[str, Any] = json.loads(row["more"] or "{}")
    return {name: row[name] for name in _PLAIN} | structured | more


def _fitting(name: str, value: Any) -> Any:
    """A value as its column takes it; None for what a damaged record may hold instead."""
    if value is None or name not in _NUMBERS:
        return clean(value if value is None else str(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if name == "duration_s" or -_LARGEST <= value <= _LARGEST else None


def clean(text: Any) -> Any:
    """Text without what a database cannot hold: zero characters and halves of surrogate pairs."""
    if not isinstance(text, str):
        return text
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def as_json(value: Any) -> str:
    """Structure as ASCII, in which no text is too strange for a database."""
    return json.dumps(json.loads(dump_json(value)))


def prepare(engine: sa.Engine) -> None:
    """Make the tables of a new registry; refuse those of a newer one.

    Raises
    ------
    ConfigError
        If the database cannot be used, or was written by a newer version.
    """
    try:
        version = _version(engine)
        if version is None:
            create_tables(engine, metadata)
            _note_version(engine)
            version = _version(engine)
    except exc.SQLAlchemyError as error:
        where = engine.url.render_as_string()
        raise ConfigError(f"the registry cannot be used: {cause(error)}", where=where) from error
    if version is None or version > SCHEMA:
        raise ConfigError(
            "the registry was written by a newer version of OmniLab",
            found=f"version {version} of its tables",
            expected=f"version {SCHEMA} at most",
            where=engine.url.render_as_string(),
            hint="Update OmniLab, or set OMNI_LAB_REGISTRY to another database.",
        )


def _version(engine: sa.Engine) -> int | None:
    with reading(engine) as connection:
        if not sa.inspect(connection).has_table(facts.name):
            return None
        found = connection.execute(sa.select(facts.c.value).where(facts.c.name == "schema")).scalar()
    return None if found is None else int(found)


def _note_version(engine: sa.Engine) -> None:
    insert = insert_or_leave(engine, facts)
    with engine.begin() as connection:
        connection.execute(insert, {"name": "schema", "value": str(SCHEMA)})


def insert_or_leave(engine: sa.Engine, table: sa.Table) -> Any:
    """An insert that leaves alone what is there already."""
    if engine.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as insert_postgresql

        return insert_postgresql(table).on_conflict_do_nothing()
    from sqlalchemy.dialects.sqlite import insert as insert_sqlite

    return insert_sqlite(table).on_conflict_do_nothing()
