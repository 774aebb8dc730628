"""Times and spans as people write them become the nanoseconds of a feed."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from omni_lab.data.moments import DAY_NS, midnight_ns, moment_ns, moments_ns, span_ns
from omni_lab.errors import DataError

WINTER = dt.date(2019, 1, 30)
HOUR = 3_600_000_000_000


def test_midnight_in_new_york_follows_the_clock_change() -> None:
    assert midnight_ns(WINTER) == np.datetime64("2019-01-30T05:00", "ns").astype(int)
    assert midnight_ns(dt.date(2021, 8, 13)) == np.datetime64("2021-08-13T04:00", "ns").astype(int)
    # The day on which clocks go forward has 23 hours.
    assert midnight_ns(dt.date(2019, 3, 11)) - midnight_ns(dt.date(2019, 3, 10)) == DAY_NS - HOUR


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("10:30", midnight_ns(WINTER) + 10 * HOUR + HOUR // 2),
        ("9:30:00.000000001", midnight_ns(WINTER) + 9 * HOUR + HOUR // 2 + 1),
        (dt.time(16), midnight_ns(WINTER) + 16 * HOUR),
        (dt.timedelta(hours=4), midnight_ns(WINTER) + 4 * HOUR),
        (np.timedelta64(4, "h"), midnight_ns(WINTER) + 4 * HOUR),
        ("2019-01-30T05:00", midnight_ns(WINTER)),
        ("2019-01-30T00:00-05:00", midnight_ns(WINTER)),
        (np.datetime64("2019-01-30T05:00"), midnight_ns(WINTER)),
        (dt.datetime(2019, 1, 30, 5, tzinfo=dt.UTC), midnight_ns(WINTER)),
        (pd.Timestamp("2019-01-30", tz="America/New_York"), midnight_ns(WINTER)),
        (pd.Timestamp("2019-01-30 05:00:00.000000007"), midnight_ns(WINTER) + 7),
        (123, 123),
    ],
)
def test_a_moment_is_nanoseconds(when: object, expected: int) -> None:
    assert moment_ns(when, midnight=midnight_ns(WINTER)) == expected


@pytest.mark.parametrize("when", ["half past nine", "25h", None, True, 9.5])
def test_what_is_no_moment_is_refused(when: object) -> None:
    with pytest.raises(DataError, match="no time"):
        moment_ns(when)


def test_moments_must_increase() -> None:
    assert moments_ns(["09:30", "10:00"]).tolist() == [9 * HOUR + HOUR // 2, 10 * HOUR]
    assert moments_ns("10:00").tolist() == [10 * HOUR]
    with pytest.raises(DataError, match="time 2 of the list"):
        moments_ns(["09:30", "10:00", "09:45"])


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ("100ms", 100_000_000),
        ("1.5 s", 1_500_000_000),
        ("1min", 60_000_000_000),
        (dt.timedelta(seconds=1), 10**9),
    ],
)
def test_a_span_is_nanoseconds(span: object, expected: int) -> None:
    assert span_ns(span) == expected


@pytest.mark.parametrize("span", ["soon", "0s", -1, "100", None])
def test_what_is_no_span_is_refused(span: object) -> None:
    with pytest.raises(DataError, match="no length of time"):
        span_ns(span)
