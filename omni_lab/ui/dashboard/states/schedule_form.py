"""A schedule that is about to be kept, as fields with what is wrong beside each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from omni_lab.errors import ConfigError, OmniError
from omni_lab.pipelines.catalog import list_pipelines
from omni_lab.pipelines.schedules import Schedule
from omni_lab.pipelines.schedules.cron import Cron, next_due
from omni_lab.pipelines.schedules.schedule import ALL, LAST, NONE, SKIP, WAIT
from omni_lab.pipelines.schedules.sentences import sentence_of
from omni_lab.ui.dashboard.states.fields import Field
from omni_lab.ui.params import param

N_NEXT = 3
_BLANK = {
    "name": "",
    "runs": "backtest",
    "cron": "30 17 * * 1-5",
    "tz": "UTC",
    "calendar": "",
    "parameter_file": "",
    "assignments": "",
    "missed": LAST,
    "missed_within": "6h",
    "overlap": SKIP,
    "paused": "false",
}
_HELP = {
    "name": "letters, digits, '_', '.' and '-'",
    "runs": "a pipeline, or flow:NAME",
    "tz": "zone whose clock the hours are read on",
    "calendar": "an exchange such as XNYS: only on days that are sessions of it",
    "parameter_file": "a named parameter set",
    "assignments": "parameters, one NAME=VALUE in a line",
    "missed": "which to run of those that no scheduler saw",
    "missed_within": "but none that is older, such as 90min, 6h, 2d",
    "overlap": "what a firing does while the run before it is going",
    "paused": "whether it waits to be enabled",
}
_CHOICES = {"missed": (LAST, ALL, NONE), "overlap": (SKIP, WAIT)}
_PROBE: dict[str, Any] = {"name": "probe", "cron": "0 0 * * *", "runs": "backtest"}
_ZONES = ("UTC", "America/New_York", "Europe/London", "Europe/Paris", "Asia/Tokyo")


class ScheduleForm(param.Parameterized):
    """A schedule that is about to be kept, as fields.

    Parameters
    ----------
    schedule : Schedule, optional
        What is changed; a new one by default.
    zone : ZoneInfo, optional
        On whose clock its next times are told.
    """

    version = param.Integer(default=0)

    def __init__(self, schedule: Schedule | None = None, zone: ZoneInfo | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.zone = zone or ZoneInfo("UTC")
        self.is_new = schedule is None
        self.texts = dict(_BLANK)
        if schedule is not None:
            self.texts |= {
                name: str(value or "") for name, value in schedule.facts().items() if name in self.texts
            }
            self.texts["assignments"] = "\n".join(schedule.assignments)
            self.texts["missed_within"] = _span(schedule.missed_within_s)
            self.texts["paused"] = "true" if schedule.paused else "false"

    def say(self, name: str, value: str | None) -> None:
        """Say what a field is, as it was typed."""
        if name in self.texts and (self.is_new or name != "name"):
            self.texts[name] = (value or "").strip()

    def fields(self) -> list[Field]:
        """All of them, with what is wrong beside each."""
        wrong = self.wrong()
        return [
            self._field(name, wrong.get(name, "")) for name in self.texts if self.is_new or name != "name"
        ]

    def wrong(self) -> dict[str, str]:
        """What is wrong, by field."""
        found = {}
        for name in self.texts:
            try:
                self._check(name)
            except OmniError as error:
                found[name] = _short(error)
        if not found:
            try:
                self.schedule().check_request()
            except OmniError as error:
                found["assignments" if self.texts["assignments"] else "runs"] = _short(error)
        return found

    def problem(self) -> str:
        """What has to be mended; empty when it can be kept."""
        wrong = self.wrong()
        return f"To be mended first: {', '.join(n.replace('_', ' ') for n in wrong)}." if wrong else ""

    def says(self, zone: ZoneInfo, now: dt.datetime | None = None) -> str:
        """The cron expression as a sentence, with its next times on a clock; empty where it is wrong."""
        try:
            cron, own = Cron.parse(self.texts["cron"]), ZoneInfo(self.texts["tz"])
        except (OmniError, ValueError, OSError):
            return ""
        moment, times = now or dt.datetime.now(dt.UTC), []
        for _ in range(N_NEXT):
            following = next_due(cron, own, moment)
            if following is None:
                break
            times.append(f"{following.astimezone(zone):%a %Y-%m-%d %H:%M}")
            moment = following
        return f"{sentence_of(cron)} Next: {', '.join(times)} ({zone.key})."

    def schedule(self) -> Schedule:
        """What is said, as a schedule.

        Raises
        ------
        ConfigError
            With everything that is wrong.
        """
        return Schedule(
            **{name: value for name, read in _READ.items() if (value := read(self.texts[name])) is not None}
            | {"missed_within_s": _seconds(self.texts["missed_within"])}
        )

    def _check(self, name: str) -> None:
        if name == "missed_within":
            _seconds(self.texts[name])
            return
        value = _READ[name](self.texts[name])
        if value is not None:
            Schedule(**{**_PROBE, name: value})

    def _field(self, name: str, wrong: str) -> Field:
        help = _HELP.get(name, "")
        if name == "cron":
            help = self.says(self.zone) or "minute, hour, day of the month, month, day of the week"
        choices = _CHOICES.get(name, ())
        proposals = {"runs": tuple(list_pipelines()), "tz": _ZONES}.get(name, ())
        kind: Any = "choice" if choices else "switch" if name == "paused" else "text"
        return Field(
            name=name,
            label={"tz": "zone", "parameter_file": "parameter set", "assignments": "parameters"}.get(
                name, name.replace("_", " ")
            ),
            text=self.texts[name],
            help=help,
            kind="long" if name == "assignments" else kind,
            choices=choices or proposals,
            wrong=wrong,
        )


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


_READ: dict[str, Callable[[str], Any]] = {
    "name": str,
    "runs": str,
    "cron": str,
    "tz": str,
    "calendar": lambda text: text or None,
    "parameter_file": lambda text: text or None,
    "assignments": _lines,
    "missed": str,
    "overlap": str,
    "paused": lambda text: text == "true",
}


def _seconds(text: str) -> float:
    from omni_lab.data.moments import span_ns

    return span_ns(text) / 1e9


def _span(seconds: float) -> str:
    whole = round(seconds)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if whole and whole % size == 0:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def _short(error: OmniError) -> str:
    """What is wrong in the words that have room beside a field."""
    if not isinstance(error, ConfigError):
        return str(error).splitlines()[0]
    told = str(error.what)
    if error.found not in (None, ""):
        told += f": {error.found}"
    if error.expected is not None and not isinstance(error.expected, list | tuple):
        told += f"; expected {error.expected}"
    return told
