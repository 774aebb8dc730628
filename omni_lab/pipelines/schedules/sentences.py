"""A cron expression as a sentence, for those who have to believe that it means what they want."""

from __future__ import annotations

from collections.abc import Sequence

from omni_lab.pipelines.schedules.cron import Cron

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MOST_TIMES = 6


def sentence_of(cron: Cron) -> str:
    """When something is due, such as ``"At 17:30, Monday to Friday."``.

    Parameters
    ----------
    cron : Cron
        As `Cron.parse` read it.
    """
    return f"{_times(cron)}{_days(cron)}{_months(cron)}."


def _times(cron: Cron) -> str:
    hours, minutes = cron.hours, cron.minutes
    all_day = len(hours) == 24
    if len(minutes) == 60:
        return "Every minute" if all_day else f"Every minute {_hours(hours)}"
    if len(hours) * len(minutes) <= _MOST_TIMES:
        return "At " + _listed([f"{hour:02}:{minute:02}" for hour in hours for minute in minutes])
    step = _step(minutes, 60)
    told = f"Every {step} minutes" if step > 1 else f"At minute {_listed(list(map(str, minutes)))}"
    if len(minutes) == 1 and all_day:
        return f"Every hour at minute {minutes[0]}"
    return told if all_day and step > 1 else f"{told} of every hour" if all_day else f"{told} {_hours(hours)}"


def _hours(hours: Sequence[int]) -> str:
    if _is_run(hours):
        return f"from {hours[0]:02}:00 to {hours[-1]:02}:59"
    return "in the hours " + _listed([f"{hour:02}" for hour in hours])


def _days(cron: Cron) -> str:
    days = "" if cron.every_day and len(cron.days) == 31 else f"on day {_numbers(cron.days)} of the month"
    whole_week = cron.every_weekday and len(cron.weekdays) == 7
    weekdays = "" if whole_week else _weekdays(cron.weekdays)
    if days and weekdays:
        # crontab(5): where both are given, one of them is enough; a star with a step gives nothing up.
        link = " that is also " if cron.every_day or cron.every_weekday else " or on "
        return f", {days}{link}{weekdays}"
    if days or weekdays:
        return f", {days or weekdays}"
    return "" if len(cron.hours) == 24 else ", every day"


def _weekdays(days: Sequence[int]) -> str:
    if len(days) == 7:
        return "any day"
    if tuple(days) == (0, 6):
        return "Saturday and Sunday"
    names = [_WEEKDAYS[day] for day in days]
    return f"{names[0]} to {names[-1]}" if _is_run(days) and len(days) > 2 else _listed(names)


def _months(cron: Cron) -> str:
    if len(cron.months) == 12:
        return ""
    names = [_MONTHS[month - 1] for month in cron.months]
    told = f"{names[0]} to {names[-1]}" if _is_run(cron.months) and len(names) > 2 else _listed(names)
    return f", in {told}"


def _numbers(numbers: Sequence[int]) -> str:
    if _is_run(numbers) and len(numbers) > 2:
        return f"{numbers[0]} to {numbers[-1]}"
    return _listed(list(map(str, numbers)))


def _is_run(numbers: Sequence[int]) -> bool:
    return numbers[-1] - numbers[0] == len(numbers) - 1


def _step(numbers: Sequence[int], of: int) -> int:
    """The step of ``*/step``; 0 where it is none."""
    step = numbers[1] - numbers[0] if len(numbers) > 1 else 0
    return step if step and numbers == tuple(range(0, of, step)) else 0


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
