"""The tables of jobs, in the registry's database: a row for each, and everything that happened to it.

Rows and events change together: the state of a job is what its events come to.
"""

from __future__ import annotations

import json
from typing import Any

from omni_lab.pipelines.jobs.job import Job
from omni_lab.store.database import sa

metadata = sa.MetaData()

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    *(
        sa.Column(name, sa.Text, nullable=False)
        for name in ("pipeline", "parameters", "state", "who", "text")
    ),
    *(sa.Column(name, sa.Text) for name in ("key", "run_id")),
    # Nanoseconds UTC.
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("created_ts", "started_ts", "ended_ts")),
    sa.Column("progress", sa.Double),
    sa.Column("attempt", sa.Integer, nullable=False),
    # Number of the last event.
    sa.Column("sequence", sa.Integer, nullable=False),
    # Who holds it: a word that only the holder knows, the process, and when it last said that it is there
    # (seconds since 1970, by the clock of the database).
    *(sa.Column(name, sa.Text) for name in ("token", "host", "process")),
    sa.Column("pid", sa.BigInteger),
    sa.Column("heartbeat", sa.Double),
    sa.Column("cancel_asked", sa.Double),
    # How often it was held by somebody who ended before it began.
    sa.Column("failures", sa.Integer, nullable=False),
    sa.UniqueConstraint("who", "key"),
    sa.Index("jobs_by_state", "state", "created_ts"),
    sa.Index("jobs_by_age", "created_ts", "id"),
)

job_events = sa.Table(
    "job_events",
    metadata,
    sa.Column("job_id", sa.Text, sa.ForeignKey("jobs.id"), primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("ts", sa.BigInteger, nullable=False),
    # What of the job changed, and what happened, as JSON.
    sa.Column("patch", sa.Text, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
)

SHOWN = tuple(Job.__dataclass_fields__)
"""Columns that are fields of a job."""
TOLD = tuple(name for name in SHOWN if name != "key")
"""Those that everybody is told: a key is its owner's alone."""


def job_of(row: Any) -> Job:
    """The job of a row."""
    values = {name: row._mapping[name] for name in SHOWN}
    return Job(**values | {"parameters": json.loads(values["parameters"])})
