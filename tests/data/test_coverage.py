"""What each day has of its bars: by hand, and for real prices."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from omni_lab.data import DayCoverage, DayState, TradingCalendar, day_coverage, likely_calendar
from omni_lab.errors import DataError
from omni_lab.typing import IntArray

CLOSED, COMPLETE, PART, MISSING, EXTRA, OUTSIDE = DayState
NYSE = TradingCalendar.of("XNYS")


def stamps(*texts: str, zone: str = "America/New_York") -> IntArray:
    index = pd.DatetimeIndex(texts).tz_localize(zone).tz_convert("UTC").as_unit("ns")
    return index.asi8


def states(found: DayCoverage) -> dict[str, DayState]:
    return {str(day): DayState(state) for day, state in zip(found.date, found.state.tolist(), strict=True)}


def test_days_of_daily_bars() -> None:
    # Tuesday 2 July to Tuesday 9 July 2024: Wednesday ends at 13:00, Thursday is a holiday.
    have = ("2024-07-02", "2024-07-03", "2024-07-06", "2024-07-08")
    found = day_coverage(stamps(*(f"{day} 16:00" for day in have)), NYSE, "2024-07-01", "2024-07-09")
    assert states(found) == {
        "2024-07-01": OUTSIDE,
        "2024-07-02": COMPLETE,
        "2024-07-03": COMPLETE,
        "2024-07-04": CLOSED,
        "2024-07-05": MISSING,
        "2024-07-06": EXTRA,
        "2024-07-07": CLOSED,
        "2024-07-08": COMPLETE,
        "2024-07-09": OUTSIDE,
    }
    assert found.n_bars.tolist() == [0, 1, 1, 0, 0, 1, 0, 1, 0]
    assert found.n_expected.tolist() == [1, 1, 1, 0, 1, 0, 0, 1, 1]
    assert (found.count(MISSING), found.count(COMPLETE)) == (1, 3)


def test_a_session_is_filled_by_its_length() -> None:
    # Half hours: 13 of a whole day, 7 of one that ends at 13:00; one after the close fills nothing.
    whole = pd.date_range("2024-07-02 10:00", "2024-07-02 16:30", freq="30min").strftime("%F %T")
    half = pd.date_range("2024-07-03 10:00", "2024-07-03 13:00", freq="30min").strftime("%F %T")
    short = pd.date_range("2024-07-05 10:00", "2024-07-05 12:30", freq="30min").strftime("%F %T")
    found = day_coverage(stamps(*whole, *half, *short), NYSE, "2024-07-02", "2024-07-05")
    assert list(states(found).values()) == [COMPLETE, COMPLETE, CLOSED, PART]
    assert found.n_bars.tolist() == [13, 7, 0, 6]
    assert found.n_expected.tolist() == [13, 7, 0, 13]
    assert found.step_ns == 30 * 60 * 10**9


def test_a_break_is_not_expected() -> None:
    hong_kong = TradingCalendar.of("XHKG")
    hours = ("10:30", "11:30", "12:30", "14:00", "15:00", "16:00")
    bars = stamps(*(f"2024-03-05 {hour}" for hour in hours), zone="Asia/Hong_Kong")
    found = day_coverage(bars, hong_kong, "2024-03-05", "2024-03-05")
    # Five and a half hours of trading are six bars of an hour; that of 12:30 lies in the break.
    assert (found.n_bars.tolist(), found.n_expected.tolist(), states(found)["2024-03-05"]) == ([5], [6], PART)


def test_what_never_closes_counts_days_of_utc() -> None:
    hours = pd.date_range("2024-01-05 01:00", "2024-01-08 00:00", freq="h", tz="UTC").as_unit("ns").asi8
    found = day_coverage(np.delete(hours, 30), TradingCalendar.always_open(), "2024-01-05", "2024-01-07")
    assert list(states(found).values()) == [COMPLETE, PART, COMPLETE]
    assert found.n_bars.tolist() == [24, 23, 24]


@pytest.mark.parametrize(
    ("ts", "window", "words"),
    [
        ((), ("2024-01-01", "2024-01-02"), "no bars"),
        (("2024-01-31 16:00", "2024-02-29 16:00", "2024-03-28 16:00"), ("2024-01-01", "2024-01-02"), "apart"),
        (("2024-01-31 16:00",), ("2024-01-02", "2024-01-01"), "before it begins"),
    ],
)
def test_what_cannot_be_counted_is_refused(ts: tuple[str, ...], window: tuple[str, str], words: str) -> None:
    with pytest.raises(DataError, match=words):
        day_coverage(stamps(*ts) if ts else np.zeros(0, dtype=np.int64), NYSE, *window)


def test_the_calendar_is_that_which_bars_follow() -> None:
    for name, zone, hour in (
        ("XNYS", "America/New_York", "16:00"),
        ("XLON", "Europe/London", "16:30"),
        ("XTKS", "Asia/Tokyo", "15:00"),
    ):
        days = TradingCalendar.of(name).sessions("2022-01-01", "2023-12-31")
        assert likely_calendar(stamps(*(f"{day} {hour}" for day in days), zone=zone)).name == name
    every = np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]")
    assert likely_calendar(every).name == "ALWAYS_OPEN"
    weekdays = np.arange("2022-01-01", "2024-01-01", dtype="datetime64[D]")
    assert likely_calendar(weekdays[np.is_busday(weekdays)]).name == "WEEKDAYS"


def test_real_prices_are_whole(test_data: Path) -> None:
    """Two years of a share that lack nothing, as the exchange counts them, and one day that is taken away."""
    file = sorted((test_data / "prices_daily" / "djia30_ohlcv").glob("*.csv.gz"))[0]
    dates = pd.read_csv(file)["Date"].str[:10]
    ts = stamps(*(f"{day} 16:00" for day in dates))
    assert likely_calendar(ts) == NYSE
    year = int(dates.iloc[-1][:4]) - 1
    first, last = f"{year}-01-01", f"{year}-12-31"
    found = day_coverage(ts, NYSE, first, last)
    assert found.count(COMPLETE) == len(NYSE.sessions(first, last))
    assert found.count(COMPLETE) + found.count(CLOSED) == len(found.date)
    gone = int(np.flatnonzero(dates.str.startswith(f"{year}-06"))[3])
    without = day_coverage(np.delete(ts, gone), NYSE, first, last)
    assert without.date[without.state == MISSING].astype(str).tolist() == [dates.iloc[gone]]
    assert without.count(COMPLETE) == found.count(COMPLETE) - 1


def test_minutes_of_a_future_by_the_hours_of_the_exchange_for_shares(test_data: Path) -> None:
    frame = pd.read_csv(test_data / "intraday" / "6EH4_XCME_1min_202401.csv.gz")
    times = pd.to_datetime(frame["timestamp_utc"], utc=True).dt.as_unit("ns")
    found = day_coverage(times.astype("int64").to_numpy(), NYSE, "2024-01-02", "2024-01-31")
    local = pd.Series(1, index=pd.DatetimeIndex(times).tz_convert("America/New_York"))
    trading = local.between_time("09:30", "16:00", inclusive="right")
    by_hand = trading.groupby(pd.DatetimeIndex(trading.index).strftime("%F")).sum()
    sessions = found.n_expected > 0
    counted = dict(zip(found.date[sessions].astype(str), found.n_bars[sessions].tolist(), strict=True))
    assert counted == {day: by_hand[day] for day in counted}
    assert set(found.n_expected[sessions].tolist()) == {390}
    # Martin Luther King's day: shares rest, currencies do not.
    assert states(found)["2024-01-15"] == EXTRA
