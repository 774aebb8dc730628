"""The tables of schedules, in the registry's database.

As in the registry, times are text, ISO 8601 in UTC with milliseconds, which sorts.
"""

from __future__ import annotations

import datetime as dt

from omni_lab.store.database import sa

metadata = sa.MetaData()

schedules = sa.Table(
    "schedules",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    # The schedule's own facts, as JSON.
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("paused", sa.Boolean, nullable=False),
    sa.Column("added", sa.Text, nullable=False),
    # What was due until then has its row in `schedule_firings`.
    sa.Column("seen_until", sa.Text, nullable=False),
)

firings = sa.Table(
    "schedule_firings",
    metadata,
    sa.Column("schedule", sa.Text, primary_key=True),
    sa.Column("due", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text),
    sa.Column("ended", sa.Text),
    # Who holds it: a word that only the holder knows, the process, and when it last said that it is there
    # (seconds since 1970, by the clock of the database).
    sa.Column("token", sa.Text),
    sa.Column("host", sa.Text),
    sa.Column("pid", sa.BigInteger),
    sa.Column("process", sa.Text),
    sa.Column("heartbeat", sa.Double),
    # How often it was held by somebody who ended before the run began.
    sa.Column("failures", sa.Integer, nullable=False, default=0),
    sa.Index("schedule_firings_by_state", "state", "due"),
)


def stamp(moment: dt.datetime) -> str:
    """A moment as it stands in the tables."""
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds")


def moment_of(text: str) -> dt.datetime:
    """The moment of a stamp."""
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)


def key_of(schedule: str, due: str) -> str:
    """What the run of a firing is known by: the registry takes a key once."""
    return f"schedule:{schedule}@{due}"
