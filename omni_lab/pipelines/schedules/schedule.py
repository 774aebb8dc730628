"""What a schedule is: when, on whose clock, what to run, and what to do about hours that were missed."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from omni_lab.errors import ConfigError, OmniError
from omni_lab.pipelines.schedules.cron import Cron, next_due

LAST, ALL, NONE = "last", "all", "none"
SKIP, WAIT = "skip", "wait"
FLOW_PREFIX = "flow:"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_PROBE = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A pipeline or a flow, and when it is to run.

    Attributes
    ----------
    name : str
        Letters, digits, ``_``, ``.`` and ``-``.
    cron : str
        Five fields, as crontab(5) has them.
    tz : str
        The zone whose clock they are read on, as ``"America/New_York"``.
    runs : str
        A pipeline, or ``"flow:NAME"``.
    parameter_file : str or None
        A named set of parameters, or a path.
    assignments : tuple of str
        ``"name=value"``, as typed.
    calendar : str or None
        An exchange; on dates of the zone that are no session of it, nothing runs.
    missed : str
        Of firings that no scheduler saw: ``"last"`` runs the newest one, ``"all"`` each, ``"none"`` none.
    missed_within_s : float
        Not those that are older than this, in seconds.
    overlap : str
        While its run is going, the next firing is to ``"skip"`` or to ``"wait"``.
    paused : bool
        Whether its firings are skipped for now.

    Raises
    ------
    ConfigError
        With every problem found.
    """

    name: str
    cron: str
    runs: str
    tz: str = "UTC"
    parameter_file: str | None = None
    assignments: tuple[str, ...] = ()
    calendar: str | None = None
    missed: str = LAST
    missed_within_s: float = 6 * 3600.0
    overlap: str = SKIP
    paused: bool = False

    def __post_init__(self) -> None:
        problems: list[OmniError] = []
        for check in (self._check_name, self._check_hours, self._check_calendar, self._check_rules):
            try:
                check()
            except OmniError as problem:
                problems.append(problem)
        if len(problems) == 1:
            raise problems[0]
        if problems:
            told = "\n  ".join(map(str, problems))
            raise ConfigError(f"{len(problems)} things about the schedule cannot be used:\n  {told}")

    @cached_property
    def hours(self) -> Cron:
        """The expression, read."""
        return Cron.parse(self.cron)

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone."""
        try:
            return ZoneInfo(self.tz)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ConfigError(
                "there is no such time zone", found=self.tz, expected="a name as America/New_York", where="tz"
            ) from error

    @property
    def flow(self) -> str | None:
        """Name of the flow it runs; None where it runs a pipeline."""
        return self.runs.removeprefix(FLOW_PREFIX) if self.runs.startswith(FLOW_PREFIX) else None

    def is_session(self, moment: dt.datetime) -> bool:
        """Whether the date of a moment, on the schedule's clock, is a session; a half day is one."""
        if self.calendar is None:
            return True
        from omni_lab.data.trading_calendar import TradingCalendar

        day = moment.astimezone(self.zone).date()
        return len(TradingCalendar.parse(self.calendar).sessions(day, day)) > 0

    def check_request(self) -> None:
        """Refuse what could not be run: an unknown pipeline or flow, parameters that it does not take.

        Raises
        ------
        ConfigError, DataError
            As a run itself would say it.
        """
        if self.flow is None:
            from omni_lab.pipelines.runner import prepare_run

            prepare_run(self.runs, parameter_file=self.parameter_file, assignments=self.assignments)
            return
        from omni_lab.pipelines.flows import load_flow
        from omni_lab.pipelines.flows.checks import settled

        if self.parameter_file is not None:
            raise ConfigError(
                "a flow takes no parameter set",
                found=self.parameter_file,
                where=self.runs,
                hint="Set its parameters one by one: --set NAME=VALUE.",
            )
        settled(load_flow(self.flow), assignments=self.assignments)

    def facts(self) -> dict[str, Any]:
        """Its attributes, as plain values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {
            "assignments": list(self.assignments)
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Schedule:
        """The schedule of :meth:`facts`."""
        return cls(**{**facts, "assignments": tuple(facts["assignments"])})

    def _check_name(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigError(
                "the name of a schedule cannot be used",
                found=self.name,
                expected="letters, digits, '_', '.' and '-', the first a letter or a digit, at most 100",
                where="name",
            )

    def _check_hours(self) -> None:
        problems: list[OmniError] = []
        readers: tuple[Callable[[], object], ...] = (lambda: self.hours, lambda: self.zone)
        for reader in readers:
            try:
                reader()
            except ConfigError as problem:
                problems.append(problem)
        if problems:
            raise problems[0] if len(problems) == 1 else ConfigError("; ".join(map(str, problems)))
        if next_due(self.hours, self.zone, _PROBE) is None:
            raise ConfigError("no date ever matches this", found=self.cron, where="cron")

    def _check_calendar(self) -> None:
        if self.calendar is not None:
            from omni_lab.data.trading_calendar import TradingCalendar

            TradingCalendar.parse(self.calendar)

    def _check_rules(self) -> None:
        for name, choices in (("missed", (LAST, ALL, NONE)), ("overlap", (SKIP, WAIT))):
            if getattr(self, name) not in choices:
                raise ConfigError(
                    f"unknown rule {name!r}", found=getattr(self, name), expected=choices, where=name
                )
        if not self.missed_within_s > 0:
            raise ConfigError(
                "a span is longer than zero",
                found=self.missed_within_s,
                expected="seconds > 0",
                where="missed_within",
            )
