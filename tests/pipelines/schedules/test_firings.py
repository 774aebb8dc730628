"""What becomes of a moment that is due: the rules for what was missed, what overlaps, holidays and pauses."""

import datetime as dt
from typing import Any

import pytest

from omni_lab.errors import ConfigError
from omni_lab.pipelines.schedules.firings import SKIPPED, WAITING, judge
from omni_lab.pipelines.schedules.schedule import Schedule

NOW = dt.datetime(2026, 7, 1, 12, 0, tzinfo=dt.UTC)
MISSED = "missed: a later firing stands for it"


def schedule(**facts: Any) -> Schedule:
    return Schedule(**{"name": "nightly", "cron": "0 * * * *", "runs": "toy"} | facts)


def verdicts(hours_ago: list[float], *, is_going: bool = False, **facts: Any) -> list[str]:
    """What becomes of moments that lie some hours ago: ``"waiting"``, or why not."""
    due = [NOW - dt.timedelta(hours=each) for each in hours_ago]
    made = judge(schedule(**facts), due, NOW, is_going=is_going)
    assert [each.due for each in made] == due
    assert all(bool(each.reason) == (each.state == SKIPPED) for each in made)
    return [each.reason or each.state for each in made]


def test_of_what_was_missed_the_newest_runs() -> None:
    assert verdicts([3, 2, 1]) == [MISSED, MISSED, WAITING]
    assert verdicts([3, 2, 1, 0]) == [MISSED, MISSED, MISSED, WAITING], "one that is on time stands for them"


def test_what_was_missed_too_long_ago_does_not_run() -> None:
    assert verdicts([9, 7]) == ["missed: too long ago"] * 2
    assert verdicts([9, 2], missed_within_s=3600.0) == ["missed: too long ago"] * 2


def test_all_that_was_missed_runs_where_that_is_asked_for() -> None:
    assert verdicts([7, 3, 2, 0], missed="all") == [
        "missed: too long ago",
        WAITING,
        WAITING,
        "overlap: the run before it was not over",
    ]
    assert verdicts([3, 2, 0], missed="all", overlap="wait") == [WAITING] * 3


def test_nothing_that_was_missed_runs_where_that_is_asked_for() -> None:
    assert verdicts([3, 0], missed="none") == ["missed: no scheduler was there", WAITING]


def test_a_firing_beside_a_run_is_skipped_or_waits() -> None:
    assert verdicts([0], is_going=True) == ["overlap: the run before it was not over"]
    assert verdicts([0], is_going=True, overlap="wait") == [WAITING]
    assert verdicts([1], is_going=True) == ["overlap: the run before it was not over"]
    assert verdicts([1], is_going=True, missed="all") == [WAITING], "what is made up for takes its turn"


def test_a_paused_schedule_skips() -> None:
    assert verdicts([2, 0], paused=True) == ["paused"] * 2


def fires(day: str, **facts: Any) -> bool:
    """Whether a schedule of New York's close fires on a date there."""
    found = schedule(**{"tz": "America/New_York", "calendar": "XNYS"} | facts)
    due = dt.datetime.fromisoformat(f"{day}T17:30").replace(tzinfo=found.zone).astimezone(dt.UTC)
    made = judge(found, [due], due, is_going=False)[0]
    assert made.reason in ("", "no session of XNYS")
    return made.state == WAITING


def test_on_holidays_and_weekends_of_the_exchange_nothing_fires() -> None:
    assert [fires(f"2026-07-{day:02}") for day in (2, 3, 4, 5, 6)] == [True, False, False, False, True]
    assert fires("2026-07-03", calendar=None)


def test_a_half_day_is_a_session() -> None:
    assert fires("2026-11-27"), "the day after Thanksgiving closes at 13:00"
    assert not fires("2026-11-26")


def test_the_date_of_a_session_is_the_one_on_the_schedules_clock() -> None:
    due = dt.datetime(2026, 7, 3, 22, 0, tzinfo=dt.UTC)  # Friday, a holiday there; Saturday in Tokyo
    tokyo = schedule(tz="Asia/Tokyo", calendar="XTKS")
    assert judge(tokyo, [due], due, is_going=False)[0].reason == "no session of XTKS"
    assert not judge(tokyo, [due - dt.timedelta(days=1)], due - dt.timedelta(days=1), is_going=False)[
        0
    ].reason


@pytest.mark.parametrize(
    ("facts", "fragments"),
    [
        ({"tz": "America/Nowhere"}, ["time zone", "America/Nowhere"]),
        ({"tz": ""}, ["time zone"]),
        ({"tz": "../etc/passwd"}, ["time zone"]),
        ({"cron": "30 17 * *"}, ["five fields"]),
        ({"cron": "0 0 31 2,4 *"}, ["no date ever"]),
        ({"calendar": "XNYC"}, ["trading calendar", "XNYS"]),
        ({"missed": "some"}, ["'last', 'all', 'none'"]),
        ({"overlap": "kill"}, ["'skip', 'wait'"]),
        ({"missed_within_s": 0.0}, ["longer than zero"]),
        ({"missed_within_s": float("nan")}, ["longer than zero"]),
        ({"name": "a b"}, ["letters, digits"]),
        ({"name": "../x"}, ["letters, digits"]),
        ({"name": "a\n"}, ["letters, digits"]),
        ({"name": "a b", "cron": "x", "tz": "y", "missed": "z"}, ["3 things", "five fields", "zone", "'z'"]),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_with_all_reasons(
    facts: dict[str, Any], fragments: list[str]
) -> None:
    with pytest.raises(ConfigError) as refused:
        schedule(**facts)
    for fragment in fragments:
        assert fragment in str(refused.value)


def test_a_schedule_is_kept_by_its_facts() -> None:
    made = schedule(assignments=("a=1", "b=x y"), calendar="XNYS", parameter_file="p", missed="all")
    assert Schedule.from_facts(made.facts()) == made
