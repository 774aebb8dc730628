"""The rules: each looks at one thing and says what is wrong with it now. Nothing is remembered here."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.errors import ConfigError, JournalError
from omni_lab.pipelines.jobs import CANCELED, FAILED, LOST
from omni_lab.pipelines.jobs.job import ENDED

if TYPE_CHECKING:
    from omni_lab.system.services import Services

_NEWEST_JOBS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """From where on something is wrong.

    Attributes
    ----------
    feed_age_s : float
        Silence of the market while the system runs, seconds.
    loss_share : float
        Of the limit of the day's loss; 0.8 is 80 %.
    disk_share, disk_bytes : float, int
        Room on the disk of the data directory below which it is said, as a share and in bytes; the lesser
        room of the two counts.
    job_hours : float
        How long a job that failed is spoken of.
    """

    feed_age_s: float = 10.0
    loss_share: float = 0.8
    disk_share: float = 0.05
    disk_bytes: int = 5_000_000_000
    job_hours: float = 24.0

    def __post_init__(self) -> None:
        for name in ("feed_age_s", "loss_share", "disk_share", "disk_bytes", "job_hours"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ConfigError("a threshold is a positive number", found=value, where=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is wrong now.

    Attributes
    ----------
    key : str
        What makes two findings the same one.
    severity : {"info", "warning", "error", "critical"}
    text : str
        One line.
    hint : str
        What to do about it.
    labels : mapping of str to str
    """

    key: str
    severity: str
    text: str
    hint: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


Rule = Callable[["Services", Thresholds], Iterator[Finding]]


def system_failed(services: Services, thresholds: Thresholds) -> Iterator[Finding]:
    """The system, or its strategy, cannot go on."""
    now = services.system.status()
    if now.state == "FAILED":
        text = f"{now.name} has failed: {now.error or 'nobody knows why'}"
        yield Finding(
            key="system", severity="critical", text=text, hint="Look at the log, and start it again."
        )
    elif now.strategy_state == "FAILED":
        text = f"the strategy {now.strategy} has failed: {now.error or 'nobody knows why'}"
        yield Finding(key="strategy", severity="error", text=text, hint="Its orders were canceled.")


def feed_stale(services: Services, thresholds: Thresholds) -> Iterator[Finding]:
    """The market is silent while the system runs."""
    now = services.system.status()
    if now.state in ("RUNNING", "HALTED") and now.feed_age_s > thresholds.feed_age_s:
        text = f"the market is silent for {now.feed_age_s:.0f} s"
        hint = f"It comes from {now.source}."
        yield Finding(key="feed", severity="error", text=text, hint=hint)


def halted(services: Services, thresholds: Thresholds) -> Iterator[Finding]:
    """A kill switch is on."""
    for scope, why in services.system.status().halted.items():
        text = f"the kill switch of {scope} is on: {why}"
        hint = "Somebody who may takes it back, with a reason."
        yield Finding(key=f"halted:{scope}", severity="critical", text=text, hint=hint)


def daily_loss(services: Services, thresholds: Thresholds) -> Iterator[Finding]:
    """The loss of the day comes near its limit."""
    headroom, account = services.system.headroom(), services.system.status().account
    columns, used = headroom.columns, headroom.used
    rows = (
        (columns["account"] == account) & (columns["check"] == "DAILY_LOSS") & (columns["severity"] == "hard")
    )
    for row in np.flatnonzero(rows):
        share, limit = float(used[row]), float(columns["limit"][row])
        if share >= thresholds.loss_share:
            text = f"the loss of the day is {share:.0%} of its limit of {limit:,.0f}"
            beyond = (
                "Nothing may be added any more."
                if share >= 1.0
                else "At 100 % nothing may be added any more."
            )
            severity = "critical" if share >= 1.0 else "warning"
            yield Finding(key="loss", severity=severity, text=text, hint=beyond)


def job_failed(services: Services, thresholds: Thresholds) -> Iterator[Finding]:
    """The newest job of a pipeline that came to an end has failed or was lost."""
    since = time.time_ns() - int(thresholds.job_hours * 3.6e12)
    seen: set[str] = set()
    for job in services.jobs.list(most=_NEWEST_JOBS):
        if job.state not in ENDED or job.state == CANCELED or job.pipeline in seen:
            continue
        seen.add(job.pipeline)
        if job.state in (FAILED, LOST) and job.ended_ts >= since:
            text = f"the job {job.pipeline} {'has failed' if job.state == FAILED else 'was lost'}: {job.text}"
            labels = {"job": job.id, "pipeline": job.pipeline}
            hint = f"See the run {job.run_id}." if job.run_id else ""
            yield Finding(key=f"job:{job.pipeline}", severity="error", text=text, hint=hint, labels=labels)


def disk_full(services: Services, thresholds: Thresholds) -> Iterator[Finding]:
    """The disk of the data directory has little room left."""
    directory = services.settings.data_dir
    usage = shutil.disk_usage(directory if directory.exists() else ".")
    least = min(thresholds.disk_share * usage.total, thresholds.disk_bytes)
    if usage.free < least:
        text = f"{usage.free / 1e9:.1f} GB are left on the disk of {directory}"
        severity = "critical" if usage.free < least / 4 else "warning"
        yield Finding(key="disk", severity=severity, text=text, hint="Old runs go with: omni runs gc.")


def journal_broken(services: Services, thresholds: Thresholds) -> Iterator[Finding]:
    """The journal cannot be read or written."""
    try:
        services.system.journal()
    except (JournalError, OSError) as error:
        yield Finding(key="journal", severity="critical", text=f"the journal: {error}", hint="Stop trading.")


RULES: Mapping[str, Rule] = {
    "system": system_failed,
    "feed": feed_stale,
    "halted": halted,
    "loss": daily_loss,
    "jobs": job_failed,
    "disk": disk_full,
    "journal": journal_broken,
}
"""By name."""
