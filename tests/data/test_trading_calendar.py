"""Calendars against what the exchanges published, and against the days of real prices."""

import csv
import datetime as dt
import gzip
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from omni_lab.data import TradingCalendar
from omni_lab.errors import ConfigError, DataError

# NYSE, "Holidays & Trading Hours", the years 2020 to 2024: days without trading, and days that end at 13:00.
NYSE_CLOSED = """
2020-01-01 2020-01-20 2020-02-17 2020-04-10 2020-05-25 2020-07-03 2020-09-07 2020-11-26 2020-12-25
2021-01-01 2021-01-18 2021-02-15 2021-04-02 2021-05-31 2021-07-05 2021-09-06 2021-11-25 2021-12-24
2022-01-17 2022-02-21 2022-04-15 2022-05-30 2022-06-20 2022-07-04 2022-09-05 2022-11-24 2022-12-26
2023-01-02 2023-01-16 2023-02-20 2023-04-07 2023-05-29 2023-06-19 2023-07-04 2023-09-04 2023-11-23 2023-12-25
2024-01-01 2024-01-15 2024-02-19 2024-03-29 2024-05-27 2024-06-19 2024-07-04 2024-09-02 2024-11-28 2024-12-25
""".split()
NYSE_EARLY = """
2020-11-27 2020-12-24 2021-11-26 2022-11-25 2023-07-03 2023-11-24 2024-07-03 2024-11-29 2024-12-24
""".split()


def at(text: str, zone: str = "UTC") -> int:
    moment = dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return int(moment.timestamp()) * 10**9


def local(ns: int, zone: str) -> str:
    return dt.datetime.fromtimestamp(ns / 1e9, ZoneInfo(zone)).strftime("%H:%M")


@pytest.fixture(scope="module")
def nyse() -> TradingCalendar:
    return TradingCalendar.of("XNYS")


def test_nyse_trades_on_weekdays_but_its_published_holidays(nyse: TradingCalendar) -> None:
    weekdays = np.arange("2020-01-01", "2025-01-01", dtype="datetime64[D]")
    weekdays = weekdays[np.is_busday(weekdays)]
    closed = np.setdiff1d(weekdays, nyse.sessions("2020-01-01", "2024-12-31"))
    assert closed.astype(str).tolist() == NYSE_CLOSED


def test_nyse_closes_early_on_its_published_half_days(nyse: TradingCalendar) -> None:
    schedule = nyse.schedule("2020-01-01", "2024-12-31")
    closes = [local(each, "America/New_York") for each in schedule.close_ns.tolist()]
    early = [str(day) for day, close in zip(schedule.date, closes, strict=True) if close != "16:00"]
    assert early == NYSE_EARLY
    assert set(closes) == {"16:00", "13:00"}
    assert {local(each, "America/New_York") for each in schedule.open_ns.tolist()} == {"09:30"}


@pytest.mark.parametrize("day", ["2018-12-05", "2012-10-29", "2012-10-30", "2001-09-11", "2007-01-02"])
def test_days_that_nobody_foresaw_are_closed(nyse: TradingCalendar, day: str) -> None:
    assert len(nyse.sessions(day, day)) == 0
    assert np.isnat(nyse.session_of(f"{day}T15:00"))


def test_london(nyse: TradingCalendar) -> None:
    london = TradingCalendar.of("XLON")
    # The Platinum Jubilee, the state funeral and the coronation.
    for day in ("2022-06-02", "2022-06-03", "2022-09-19", "2023-05-08"):
        assert len(london.sessions(day, day)) == 0
    eve = london.schedule("2021-12-24", "2021-12-24")
    assert local(int(eve.close_ns[0]), "Europe/London") == "12:30"
    # The fourth of July is a day like others there.
    assert (len(london.sessions("2024-07-04", "2024-07-04")), len(nyse.sessions("2024-07-04", "2024-07-04"))) == (1, 0)


def test_hong_kong_pauses_for_lunch() -> None:
    hong_kong = TradingCalendar.of("XHKG")
    zone = "Asia/Hong_Kong"
    times = ["09:29", "09:30", "11:59", "12:00", "12:59", "13:00", "15:59", "16:00"]
    moments = np.array([at(f"2024-03-05 {time}", zone) for time in times])
    assert hong_kong.is_open(moments).tolist() == [False, True, True, False, False, True, True, False]
    # Bars that closed then: the last minute of the morning is in, the last of lunch is not.
    closed = hong_kong.is_open(moments, closing=True)
    assert closed.tolist() == [False, False, True, True, False, False, True, True]
    # Lunch belongs to the session.
    assert hong_kong.session_of(moments[3]) == np.datetime64("2024-03-05")


def test_what_comes_next(nyse: TradingCalendar) -> None:
    friday = at("2024-07-05 17:00", "America/New_York")
    assert nyse.next_open(friday) == at("2024-07-08 09:30", "America/New_York")
    assert nyse.next_close(friday) == at("2024-07-08 16:00", "America/New_York")
    within = np.array([at("2024-07-03 12:00", "America/New_York")])
    assert nyse.next_close(within).tolist() == [at("2024-07-03 13:00", "America/New_York")]


def test_daylight_saving_moves_the_open_in_utc(nyse: TradingCalendar) -> None:
    schedule = nyse.schedule("2024-03-08", "2024-03-11")
    assert [local(each, "UTC") for each in schedule.open_ns.tolist()] == ["14:30", "13:30"]


def test_sessions_of_a_year(nyse: TradingCalendar) -> None:
    assert nyse.sessions_per_year == 251.6  # 2,516 in the ten years from 2015
    assert TradingCalendar.always_open().sessions_per_year == 365.3
    assert TradingCalendar.weekdays().sessions_per_year == 260.9


def test_another_name_of_an_exchange_is_the_same_calendar(nyse: TradingCalendar) -> None:
    assert TradingCalendar.of("NYSE") == nyse


@pytest.mark.parametrize(("wrong", "near"), [("XNYX", "XNYS"), ("xnys", "XNYS"), ("XLOM", "XLON")])
def test_an_unknown_name_is_told_the_nearest(wrong: str, near: str) -> None:
    with pytest.raises(ConfigError, match=near):
        TradingCalendar.of(wrong)


def test_weekdays_of_ones_own() -> None:
    own = TradingCalendar.weekdays("10:00", "15:00", "Europe/Zurich", holidays=["2024-01-02", dt.date(2024, 1, 1)])
    assert own.holidays == ("2024-01-01", "2024-01-02")
    assert own.sessions("2024-01-01", "2024-01-08").astype(str).tolist() == [
        "2024-01-03",
        "2024-01-04",
        "2024-01-05",
        "2024-01-08",
    ]
    assert own.is_open([at("2024-01-03 10:00", "Europe/Zurich"), at("2024-01-03 15:00", "Europe/Zurich")]).tolist() == [
        True,
        False,
    ]


def test_always_open_has_the_days_of_utc() -> None:
    crypto = TradingCalendar.always_open()
    midnight = at("2024-01-06 00:00")
    assert bool(crypto.is_open(midnight)) is True
    assert crypto.session_of(midnight) == np.datetime64("2024-01-06")
    # A bar that closes at midnight belongs to the day that ends.
    assert crypto.session_of(midnight, closing=True) == np.datetime64("2024-01-05")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: TradingCalendar.weekdays("16:00", "09:30"), "ends before it begins"),
        (lambda: TradingCalendar.weekdays("half past nine"), "no time of day"),
        (lambda: TradingCalendar.weekdays(tz="Mars/Olympus"), "no such time zone"),
        (lambda: TradingCalendar.weekdays(holidays=["soon"]), "no date"),
        (lambda: TradingCalendar.of("XNYS").schedule("soon", "2024-01-01"), "no date"),
        (lambda: TradingCalendar.of("XHKG").schedule("1900-01-01", "1901-01-01"), "not known then"),
        (lambda: TradingCalendar.of("XHKG").schedule("2100-01-01", "2101-01-01"), "not known then"),
    ],
)
def test_what_is_no_calendar_is_refused(make: object, words: str) -> None:
    assert callable(make)
    with pytest.raises((ConfigError, DataError), match=words):
        make()


def dates_of(file: Path) -> set[str]:
    with gzip.open(file, "rt", newline="") as lines:
        return {row["Date"][:10] for row in csv.DictReader(lines)}


def test_real_prices_have_the_sessions_of_their_exchange(test_data: Path, nyse: TradingCalendar) -> None:
    files = sorted((test_data / "prices_daily" / "djia30_ohlcv").glob("*.csv.gz"))
    days = set().union(*map(dates_of, files))
    known = set(nyse.sessions(min(days), max(days)).astype(str).tolist())
    assert known - days == set()
    assert days - known == set()
