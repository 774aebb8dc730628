"""Cron expressions mean what crontab(5) says, on the clock of a zone, through clock changes."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from omni_lab.errors import ConfigError
from omni_lab.pipelines.schedules.cron import MOST_AT_ONCE, Cron, due_between, next_due

NEW_YORK = ZoneInfo("America/New_York")
MINUTE = dt.timedelta(minutes=1)


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def walls(cron: str, zone: ZoneInfo, first: str, last: str) -> list[str]:
    """Due times between two wall times, as the zone's clock shows them."""
    after, until = (dt.datetime.fromisoformat(text).replace(tzinfo=zone) for text in (first, last))
    found = due_between(Cron.parse(cron), zone, after.astimezone(dt.UTC), until.astimezone(dt.UTC))
    return [f"{moment.astimezone(zone):%a %d %H:%M %Z}" for moment in found]


@pytest.mark.parametrize(
    ("weekdays", "names"),
    [
        ("0", ["Sun"]),
        ("7", ["Sun"]),
        ("1", ["Mon"]),
        ("1-5", ["Mon", "Tue", "Wed", "Thu", "Fri"]),
        ("5-7", ["Fri", "Sat", "Sun"]),
        ("fri-sun", ["Fri", "Sat", "Sun"]),
        ("SUN-TUE", ["Mon", "Tue", "Sun"]),
        ("*/3", ["Wed", "Sat", "Sun"]),
        ("1,3", ["Mon", "Wed"]),
    ],
)
def test_weekdays_count_from_sunday(weekdays: str, names: list[str]) -> None:
    found = walls(f"0 12 * * {weekdays}", ZoneInfo("UTC"), "2026-03-02T00:00", "2026-03-09T00:00")
    assert [each[:3] for each in found] == names


def test_a_day_that_matches_one_of_two_restricted_fields_is_enough() -> None:
    found = walls("0 12 13 * fri", ZoneInfo("UTC"), "2026-10-01T00:00", "2026-10-31T00:00")
    assert [each[:6] for each in found] == ["Fri 02", "Fri 09", "Tue 13", "Fri 16", "Fri 23", "Fri 30"]
    assert walls("0 12 */13 * fri", ZoneInfo("UTC"), "2026-10-01T00:00", "2026-11-30T00:00") == [
        "Fri 27 12:00 UTC"
    ], "a star with a step is a star"


@pytest.mark.parametrize(
    ("cron", "fragments"),
    [
        ("", ["five fields", "30 17 * * 1-5"]),
        ("0 30 17 * * 1-5", ["five fields"]),
        ("@daily", ["five fields"]),
        ("60 * * * *", ["minute", "0 to 59"]),
        ("* 24 * * *", ["hour"]),
        ("* * 0 * *", ["day of the month", "1 to 31"]),
        ("* * * 13 *", ["month"]),
        ("* * * * 8", ["day of the week", "Sunday"]),
        ("* * * * mo", ["day of the week"]),
        ("5/15 * * * *", ["5-59/15"]),
        ("*/0 * * * *", ["minute"]),
        ("*/x * * * *", ["minute"]),
        ("9-5 * * * *", ["minute"]),
        ("1,,2 * * * *", ["minute"]),
        ("-1 * * * *", ["minute"]),
        ("² * * * *", ["minute"]),
        ("60 24 * * *", ["2 fields", "minute", "hour"]),
    ],
)
def test_what_is_no_cron_expression_is_refused_with_what_would_be(cron: str, fragments: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        Cron.parse(cron)
    for fragment in fragments:
        assert fragment in str(refused.value)


def test_a_time_that_the_clock_leaves_out_is_due_right_after_the_gap() -> None:
    found = walls("30 2 * * *", NEW_YORK, "2026-03-07T00:00", "2026-03-10T00:00")
    assert found == ["Sat 07 02:30 EST", "Sun 08 03:00 EDT", "Mon 09 02:30 EDT"]
    found = walls("*/20 1-3 * * *", NEW_YORK, "2026-03-08T01:30", "2026-03-08T03:30")
    assert found == ["Sun 08 01:40 EST", "Sun 08 03:00 EDT", "Sun 08 03:20 EDT"], "several are one"


def test_a_time_that_comes_twice_is_due_once() -> None:
    found = walls("30 1 * * *", NEW_YORK, "2026-10-31T00:00", "2026-11-02T12:00")
    assert found == ["Sat 31 01:30 EDT", "Sun 01 01:30 EDT", "Mon 02 01:30 EST"]
    found = walls("0,30 * * * *", NEW_YORK, "2026-11-01T00:30", "2026-11-01T02:30")
    assert found == ["Sun 01 01:00 EDT", "Sun 01 01:30 EDT", "Sun 01 02:00 EST", "Sun 01 02:30 EST"]


def test_a_whole_day_that_a_zone_leaves_out_is_due_at_its_end() -> None:
    found = walls("0 12 * * *", ZoneInfo("Pacific/Apia"), "2011-12-29T00:00", "2011-12-31T23:00")
    assert [each[:12] for each in found] == ["Thu 29 12:00", "Sat 31 00:00", "Sat 31 12:00"]


def test_the_next_of_29_february_may_be_eight_years_away() -> None:
    cron = Cron.parse("0 0 29 2 *")
    assert next_due(cron, ZoneInfo("UTC"), utc("2096-03-01T00:00")) == utc("2104-02-29T00:00")
    assert next_due(Cron.parse("0 0 30 2 *"), ZoneInfo("UTC"), utc("2026-01-01T00:00")) is None


def test_of_a_long_absence_the_newest_are_listed() -> None:
    found = due_between(Cron.parse("* * * * *"), NEW_YORK, utc("2016-01-01T00:00"), utc("2026-01-01T00:00"))
    assert len(found) == MOST_AT_ONCE
    assert (found[0], found[-1]) == (utc("2025-12-31T07:21"), utc("2026-01-01T00:00"))


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    between = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    stepped = st.tuples(between, st.integers(1, 7)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    listed = st.lists(number.map(str), min_size=1, max_size=3).map(",".join)
    return st.one_of(st.just("*"), st.integers(1, 20).map(lambda n: f"*/{n}"), between, stepped, listed)


CRONS = st.tuples(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7)).map(" ".join)
CHANGES = st.sampled_from(
    [
        ("America/New_York", "2026-03-08T07:00"),
        ("America/New_York", "2026-11-01T06:00"),
        ("Europe/London", "2026-03-29T01:00"),
        ("Australia/Lord_Howe", "2026-10-03T15:30"),  # by half an hour
        ("Africa/Cairo", "2026-04-23T22:00"),  # at midnight
        ("America/Sao_Paulo", "2018-11-04T03:00"),
        ("Pacific/Apia", "2011-12-30T10:00"),
        ("Asia/Kolkata", "2026-01-01T00:00"),
    ]
)


def by_walking(cron: Cron, zone: ZoneInfo, after: dt.datetime, until: dt.datetime) -> list[dt.datetime]:
    """Every minute looked at: what the clock shows, has shown before, and has jumped over."""

    def matches(wall: dt.datetime) -> bool:
        return cron.matches_day(wall.date()) and wall.hour in cron.hours and wall.minute in cron.minutes

    found, moment = [], after
    while moment < until:
        before, moment = moment.astimezone(zone).replace(tzinfo=None), moment + MINUTE
        local = moment.astimezone(zone)
        wall = local.replace(tzinfo=None)
        jumped = [before + n * MINUTE for n in range(1, int((wall - before) / MINUTE))]
        if any(map(matches, jumped)) or (matches(wall) and not local.fold):
            found.append(moment)
    return found


@settings(max_examples=100)
@given(cron=CRONS, change=CHANGES, hours=st.integers(1, 30), offset=st.integers(-1500, 60))
def test_due_moments_are_those_of_a_walk_over_every_minute(
    cron: str, change: tuple[str, str], hours: int, offset: int
) -> None:
    parsed, zone = Cron.parse(cron), ZoneInfo(change[0])
    after = utc(change[1]) + offset * MINUTE
    until = after + dt.timedelta(hours=hours)
    expected = by_walking(parsed, zone, after, until)
    assert due_between(parsed, zone, after, until, most=10_000) == expected
    following = next_due(parsed, zone, after)
    assert (following if following is not None and following <= until else None) == next(iter(expected), None)


@settings(max_examples=40)
@given(cron=st.tuples(field(0, 59), field(0, 23), field(1, 31), field(1, 12)).map(" ".join))
def test_apscheduler_reads_the_same_where_it_means_the_same(cron: str) -> None:
    triggers = pytest.importorskip("apscheduler.triggers.cron", reason="install the extra 'schedules'")
    try:
        trigger = triggers.CronTrigger.from_crontab(f"{cron} *", timezone=dt.UTC)
    except ValueError:
        reject()  # a step that leads nowhere, which crontab(5) allows
    start = utc("2026-02-03T04:05")
    theirs = trigger.get_next_fire_time(None, start)
    ours = next_due(Cron.parse(f"{cron} *"), ZoneInfo("UTC"), start - MINUTE)
    assert ours == theirs
