"""Dates as people write them."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omni_lab.errors import DataError
from omni_lab.store.ranges import parse_range

DAY = 86_400_000_000_000
Y2020 = 1_577_836_800_000_000_000


def parse(start: Any = None, end: Any = None) -> tuple[int | None, int | None]:
    return parse_range(start, end, available="1990 to 2022", where="AAPL")


@pytest.mark.parametrize(
    ("value", "first", "last"),
    [
        ("2020-01-01", Y2020, Y2020 + DAY - 1),
        ("2020-01", Y2020, Y2020 + 31 * DAY - 1),
        ("2020", Y2020, Y2020 + 366 * DAY - 1),
        (" 2020 ", Y2020, Y2020 + 366 * DAY - 1),
        (dt.date(2020, 1, 1), Y2020, Y2020 + DAY - 1),
        (np.datetime64("2020-01-01"), Y2020, Y2020 + DAY - 1),
        (dt.datetime(2020, 1, 1), Y2020, Y2020),
        (pd.Timestamp("2020-01-01"), Y2020, Y2020),
        ("2020-01-01T00:00:00", Y2020, Y2020),
        ("2020-01-01 00:00", Y2020, Y2020),
        ("2020-01-01T00:00:00Z", Y2020, Y2020),
        ("2019-12-31T19:00-05:00", Y2020, Y2020),
        ("2020-01-01T05:30+0530", Y2020, Y2020),
        ("2020-01-01T00:00:00.000000001", Y2020 + 1, Y2020 + 1),
        ("2020-01-01T00:00:00.000000001Z", Y2020 + 1, Y2020 + 1),
        (pd.Timestamp(Y2020 + 7, tz="America/New_York"), Y2020 + 7, Y2020 + 7),
        (dt.datetime(2020, 1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))), Y2020, Y2020),
        (np.datetime64(Y2020 + 7, "ns"), Y2020 + 7, Y2020 + 7),
    ],
)
def test_a_value_means_its_period_and_a_time_its_nanosecond(value: Any, first: int, last: int) -> None:
    assert parse(value, value) == (first, last)


def test_an_open_range_stays_open() -> None:
    assert parse() == (None, None)


@pytest.mark.parametrize(
    "value",
    [
        *("hello", "", "today", "NaT", "2020-13-01", "20200101", "01/02/2020", "2020-01-01T25:00", "9999"),
        *("2020-01-01T00:00+99:00", "1500-01-01"),
        *(2020, 3.5, True, np.datetime64("NaT"), pd.NaT, object()),
    ],
)
def test_what_is_no_date_is_refused_and_what_there_is_is_said(value: Any) -> None:
    with pytest.raises(DataError, match="start is not a date") as caught:
        parse(start=value)
    assert "1990 to 2022" in str(caught.value)


def test_a_range_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(DataError, match=r"ends before it starts.*Available: 1990 to 2022"):
        parse("2020-01-02", "2020-01-01")


def test_one_day_is_a_range() -> None:
    assert parse("2020-01-01", "2020-01-01") == (Y2020, Y2020 + DAY - 1)
