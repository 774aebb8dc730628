"""Cron expressions of five fields, with the meaning that crontab(5) gives them, and the moments they name.

APScheduler's own reading counts weekdays from Monday and wants both days to match; what is exported to
systemd and Kubernetes must mean the same as here, so the standard decides. Moments are UTC. A wall time that
a clock change leaves out is due at the first moment after the gap; one that comes twice is due the first
time.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

from omni_lab.errors import ConfigError, OmniError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_SUNDAY_TOO = 7
_DAY = dt.timedelta(days=1)
# 29 February may be eight years away: 2096 to 2104.
_FURTHEST_DAYS = 9 * 366
MOST_AT_ONCE = 1000
"""Of what was missed in one absence, so many firings are told one by one: the newest."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        words = f", or {self.names[0]} to {self.names[-1]}" if self.names else ""
        return f"{self.low} to {self.high}{words}; *, a-b, a,b and a step as */5"


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week (0 and 7 are Sunday)", 0, _SUNDAY_TOO, _WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """When something is due, on the clock of some zone. Make one with :meth:`parse`.

    Attributes
    ----------
    text : str
        As it was given.
    minutes, hours, days, months, weekdays : tuple of int
        Increasing; the weekdays 0 to 6 from Sunday.
    every_day, every_weekday : bool
        Whether the field begins with a star. Where neither does, a day that matches one of them is enough.
    """

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    every_day: bool
    every_weekday: bool

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Read five fields: minute, hour, day of the month, month, day of the week.

        Raises
        ------
        ConfigError
            With every field that cannot be used.
        """
        parts = text.split()
        if len(parts) != len(_FIELDS):
            raise ConfigError(
                "a cron expression has five fields",
                found=text,
                expected="minute, hour, day of the month, month, day of the week",
                where="cron",
                hint='At 17:30 from Monday to Friday: "30 17 * * 1-5".',
            )
        values: list[tuple[int, ...]] = []
        problems: list[OmniError] = []
        for field, part in zip(_FIELDS, parts, strict=True):
            try:
                values.append(_values(field, part))
            except ConfigError as problem:
                problems.append(problem)
        if len(problems) == 1:
            raise problems[0]
        if problems:
            told = "\n  ".join(map(str, problems))
            raise ConfigError(f"{len(problems)} fields of {text!r} cannot be used:\n  {told}")
        minutes, hours, days, months, weekdays = values
        weekdays = tuple(sorted({day % _SUNDAY_TOO for day in weekdays}))
        stars = (parts[2].startswith("*"), parts[4].startswith("*"))
        return cls(" ".join(parts), minutes, hours, days, months, weekdays, *stars)

    def matches_day(self, day: dt.date) -> bool:
        """Whether there are due times on a date."""
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, day.isoweekday() % _SUNDAY_TOO in self.weekdays
        if self.every_day or self.every_weekday:
            return by_day and by_weekday
        return by_day or by_weekday

    def times(self) -> list[dt.time]:
        """Due times of such a day, increasing."""
        return [dt.time(hour, minute) for hour in self.hours for minute in self.minutes]


def next_due(cron: Cron, zone: ZoneInfo, after: dt.datetime) -> dt.datetime | None:
    """The first moment due after another, UTC; None where there is none within nine years."""
    first = after.astimezone(zone).date() - _DAY
    for number in range(_FURTHEST_DAYS):
        moments = _moments(cron, zone, first + number * _DAY)
        if moments and moments[-1] > after:
            return moments[bisect_right(moments, after)]
    return None


def due_between(
    cron: Cron, zone: ZoneInfo, after: dt.datetime, until: dt.datetime, *, most: int = MOST_AT_ONCE
) -> list[dt.datetime]:
    """Moments due after one and up to another, increasing, UTC.

    Parameters
    ----------
    cron : Cron
    zone : ZoneInfo
        Whose clock the expression is read on.
    after, until : datetime
        The first is not included, the second is.
    most : int
        Longest list; it holds the newest.
    """
    found: set[dt.datetime] = set()
    day, first = until.astimezone(zone).date(), after.astimezone(zone).date() - _DAY
    while day >= first and len(found) < most:
        moments = _moments(cron, zone, day)
        found.update(moments[bisect_right(moments, after) : bisect_right(moments, until)])
        day -= _DAY
    return sorted(found)[-most:]


@lru_cache(maxsize=1024)
def _moments(cron: Cron, zone: ZoneInfo, day: dt.date) -> tuple[dt.datetime, ...]:
    """Due moments of a date on the zone's clock, in order; those of one gap are one."""
    if not cron.matches_day(day):
        return ()
    return tuple(dict.fromkeys(_moment(day, time, zone) for time in cron.times()))


def _moment(day: dt.date, time: dt.time, zone: ZoneInfo) -> dt.datetime:
    """When a clock shows a time for the first time; the end of the gap where it never does."""
    wall = dt.datetime.combine(day, time)
    moment = wall.replace(tzinfo=zone).astimezone(dt.UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return moment
    # The clock jumps somewhere between the readings by the new and by the old offset.
    low, high = wall.replace(tzinfo=zone, fold=1).astimezone(dt.UTC), moment
    before = low.astimezone(zone).utcoffset()
    while high - low > dt.timedelta(seconds=1):
        middle = low + (high - low) // 2
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
    return high.replace(microsecond=0)


def _values(field: _Field, text: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in text.split(","):
        body, slash, step = part.partition("/")
        first, dash, last = body.partition("-")
        if body == "*":
            low, high = field.low, field.high
        else:
            low = _number(field, first, text)
            high = _number(field, last, text, ends=True) if dash else low
        if slash and body != "*" and not dash:
            raise _bad(field, text, hint=f"A step needs a range: {first}-{field.high}/{step}.")
        if high < low or (slash and not (step.isdecimal() and int(step) > 0)):
            raise _bad(field, text)
        found.update(range(low, high + 1, int(step) if slash else 1))
    return tuple(sorted(found))


def _number(field: _Field, text: str, whole: str, *, ends: bool = False) -> int:
    name = text.lower()
    if name in field.names:
        number = field.names.index(name) + field.low
        # A week may end on Sunday: fri-sun.
        return _SUNDAY_TOO if ends and name == "sun" else number
    if text.isascii() and text.isdecimal() and field.low <= int(text) <= field.high:
        return int(text)
    raise _bad(field, whole)


def _bad(field: _Field, text: str, hint: str | None = None) -> ConfigError:
    return ConfigError(
        f"the {field.name} cannot be used", found=text, expected=field.expected, where="cron", hint=hint
    )
