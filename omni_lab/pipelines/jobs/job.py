"""What is known of a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELED, LOST = (
    "QUEUED",
    "RUNNING",
    "SUCCEEDED",
    "FAILED",
    "CANCELED",
    "LOST",
)
ENDED = frozenset({SUCCEEDED, FAILED, CANCELED, LOST})


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A pipeline that somebody asked for.

    Attributes
    ----------
    id : str
    pipeline : str
        Name in ``notebooks/pipelines``, or ``flow:NAME``.
    parameters : mapping
        What was asked for, by name; the rest has its defaults.
    state : str
        QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELED or LOST.
    who : str
        Who asked.
    key : str or None
        His idempotency key.
    created_ts, started_ts, ended_ts : int
        Nanoseconds UTC; 0 for not yet.
    progress : float or None
        From 0 to 1; None where nobody can tell.
    text : str
        What it does now, or why it ended.
    run_id : str or None
        Of the run in the registry, once it began.
    attempt : int
        1, or 2 after it was lost once.
    """

    id: str
    pipeline: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    state: str = QUEUED
    who: str = ""
    key: str | None = None
    created_ts: int = 0
    started_ts: int = 0
    ended_ts: int = 0
    progress: float | None = None
    text: str = ""
    run_id: str | None = None
    attempt: int = 1
