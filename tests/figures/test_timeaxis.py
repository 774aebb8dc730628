"""Places and ticks of the time axis."""

import numpy as np
import pytest

from omni_lab.figures._canvas import Figure
from omni_lab.figures.theme import LIGHT
from omni_lab.figures.timeaxis import TimeAxis
from omni_lab.typing import IntArray

MINUTE = 60_000_000_000
DAY = 1440 * MINUTE


def since(start: str, steps: IntArray) -> IntArray:
    return np.datetime64(start, "ns").astype(np.int64) + steps.astype(np.int64)


def sessions(start: str, n_days: int) -> IntArray:
    """One-minute bars from 14:31 to 21:00 on business days."""
    days = (
        np.busday_offset(start, np.arange(n_days), roll="forward").astype("datetime64[ns]").astype(np.int64)
    )
    return (days[:, None] + (14 * 60 + 31 + np.arange(390)) * MINUTE).reshape(-1)


def labels(ts: IntArray, max_ticks: int = 9) -> list[str]:
    ax = Figure(LIGHT, (8.0, 3.0)).subplots()
    TimeAxis(ts).decorate(ax, max_ticks)
    return [label.get_text() for label in ax.get_xticklabels()]


def business_days(start: str, n: int) -> IntArray:
    return np.busday_offset(start, np.arange(n), roll="forward").astype("datetime64[ns]").astype(np.int64)


@pytest.mark.parametrize(
    ("ts", "expected"),
    [
        (business_days("1999-01-04", 5031), ["2000", "2005", "2010", "2015"]),
        (business_days("2019-01-02", 700), ["Jan\n2019", "Jul", "Jan\n2020", "Jul", "Jan\n2021", "Jul"]),
        (business_days("2024-01-02", 3), ["2 Jan\n2024", "3 Jan", "4 Jan"]),
        (business_days("2023-12-28", 3), ["28 Dec\n2023", "29 Dec", "1 Jan\n2024"]),
        (business_days("2024-01-02", 1), ["2 Jan\n2024"]),
        (
            since("2024-01-02T09:01", np.arange(90) * MINUTE),
            ["09:01\n2 Jan 2024", "09:15", "09:30", "09:45", "10:00", "10:15", "10:30"],
        ),
        (
            since("2024-01-02T23:00", np.arange(5) * 60 * MINUTE),
            ["23:00\n2 Jan 2024", "00:00\n3 Jan 2024", "01:00", "02:00", "03:00"],
        ),
        (sessions("2024-01-02", 5), ["2 Jan\n2024", "3 Jan", "4 Jan", "5 Jan", "8 Jan"]),
    ],
    ids=["20 years", "3 years", "3 days", "new year", "one", "90 minutes", "midnight", "sessions"],
)
def test_ticks_lie_on_round_times(ts: IntArray, expected: list[str]) -> None:
    assert labels(ts) == expected


@pytest.mark.parametrize("n", [2, 10, 33, 100, 999, 10_000])
@pytest.mark.parametrize("step", [MINUTE // 60, MINUTE, 60 * MINUTE, DAY, 7 * DAY])
@pytest.mark.parametrize("max_ticks", [6, 9])
def test_there_are_some_ticks_and_not_too_many(n: int, step: int, max_ticks: int) -> None:
    found = labels(since("1990-03-07T10:17:23", np.arange(n) * step), max_ticks)
    assert 1 <= len(found) <= max_ticks
    assert len(found) >= 2 or n < 33


def test_weeks_begin_on_monday() -> None:
    found = labels(business_days("2024-01-02", 30))
    assert found == ["2 Jan\n2024", "8 Jan", "15 Jan", "22 Jan", "29 Jan", "5 Feb", "12 Feb"]


def test_labels_do_not_touch() -> None:
    # The first step is the last day of its week: its label would run into that of the Monday after it.
    assert labels(business_days("2024-01-05", 40))[0] == "8 Jan\n2024"


def test_bars_of_sessions_lie_side_by_side() -> None:
    ts = sessions("2024-01-02", 5)
    axis = TimeAxis(ts)
    assert axis.side_by_side
    assert axis.x().tolist() == list(range(len(ts)))
    assert axis.x(ts[[0, 390]]).tolist() == [0.0, 390.0]


@pytest.mark.parametrize(
    "ts",
    [
        business_days("2020-01-01", 500),
        since("2024-01-01", np.arange(5000) * MINUTE),
        np.array([0, DAY, 400 * DAY]),
        np.array([0, MINUTE]),
        np.array([], dtype=np.int64),
    ],
    ids=["daily", "round the clock", "sparse", "two", "none"],
)
def test_everything_else_lies_on_the_calendar(ts: IntArray) -> None:
    axis = TimeAxis(ts)
    assert not axis.side_by_side
    assert np.allclose(axis.x(), ts / DAY)
