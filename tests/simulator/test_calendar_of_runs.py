"""A calendar in a run over bars: sessions of orders, annual figures, bars that should not be there."""

from typing import Any

import numpy as np
import pytest

from omni_lab.data import Bars, TradingCalendar
from omni_lab.errors import ConfigError, DataError
from omni_lab.simulator import BacktestResults, SimulationConfig
from omni_lab.typing import IntArray
from tests.simulator.market import run

MINUTE_NS = 60 * 10**9
DAILY = np.array(
    ["2024-07-01", "2024-07-02", "2024-07-03", "2024-07-05", "2024-07-08"], dtype="datetime64[ns]"
).view(np.int64)


def bars_at(ts: IntArray) -> Bars:
    price = 100.0 + np.arange(len(ts)) * 0.25
    return Bars.from_arrays(ts, price, price + 0.5, price - 0.5, price, symbols=["X"])


def idle(bars: Bars, **settings: Any) -> BacktestResults:
    return run({}, bars, **settings)


def said(results: BacktestResults, words: str) -> bool:
    return any(words in sentence for sentence in results.warnings)


def halves(*days: str) -> IntArray:
    """Closing times of half-hour bars of 09:30 to 16:00 in New York, in summer."""
    starts = np.array([f"{day}T13:30" for day in days], dtype="datetime64[ns]").view(np.int64)
    return (starts[:, None] + 30 * MINUTE_NS * np.arange(1, 14)).reshape(-1)


def test_days_of_the_exchange_are_inside() -> None:
    results = idle(bars_at(DAILY), calendar="XNYS")
    assert not said(results, "XNYS")
    assert results["periods_per_year"] == 251.6


def test_a_bar_on_a_holiday_and_a_day_without_one_are_said() -> None:
    ts = np.sort(np.append(np.delete(DAILY, 1), np.datetime64("2024-07-04", "ns").view(np.int64)))
    results = idle(bars_at(ts), calendar="XNYS")
    assert said(results, "1 of 5 bars lie outside the sessions of XNYS: 2024-07-04T00:00:00.")
    assert said(results, "1 of 5 sessions of XNYS have no bar: 2024-07-02.")


def test_bars_outside_can_be_refused() -> None:
    ts = np.append(DAILY, np.datetime64("2024-07-13", "ns").view(np.int64))
    with pytest.raises(DataError, match="2024-07-13"):
        idle(bars_at(ts), calendar="XNYS", outside="refuse")


def test_intraday_bars_go_by_the_time_at_which_they_closed() -> None:
    ts = halves("2024-07-01", "2024-07-02")
    results = idle(bars_at(ts), calendar="XNYS")
    assert not said(results, "XNYS")
    assert results["periods_per_year"] == pytest.approx(13 * 251.6)
    # On the third the market closes at 13:00: six of the thirteen are outside.
    assert said(
        idle(bars_at(halves("2024-07-02", "2024-07-03")), calendar="XNYS"), "6 of 26 bars lie outside"
    )


def test_a_day_order_ends_with_its_session_and_not_with_the_day_of_utc() -> None:
    own = TradingCalendar.weekdays("22:00", "23:59", "UTC")
    ts = np.array(["2024-07-01T22:30", "2024-07-01T23:30", "2024-07-02T22:30"], dtype="datetime64[ns]")
    act: dict[int, Any] = {0: lambda ctx, bar: ctx.buy(1, limit=50, time_in_force="DAY")}
    results = run(act, bars_at(ts.view(np.int64)), calendar=own)
    assert results.orders["ts_closed"][0] == results.ts[1]
    assert results.orders["reason"][0] == "END_OF_SESSION"


def test_a_session_may_pass_midnight_of_utc() -> None:
    # From 18:00 in Chicago: the bars of 23:30 and 00:30 UTC belong to one session.
    chicago = TradingCalendar.weekdays("18:00", "20:00", "America/Chicago")
    ts = np.array(["2024-07-01T23:30", "2024-07-02T00:30", "2024-07-02T23:30"], dtype="datetime64[ns]")
    act: dict[int, Any] = {0: lambda ctx, bar: ctx.buy(1, time_in_force="AT_CLOSE")}
    filled = run(act, bars_at(ts.view(np.int64)), calendar=chicago, max_leverage=None)
    assert filled.fills["ts"].tolist() == [int(filled.ts[1])]
    # Without it the day of UTC ends before: the bar of 00:30 is of the next one, and so is its close.
    plain = run(act, bars_at(ts.view(np.int64)), max_leverage=None)
    assert plain.fills["ts"].tolist() == [int(plain.ts[2])]


def test_the_calendar_is_a_setting_like_others() -> None:
    for given in ("XNYS", "NYSE", TradingCalendar.of("XNYS")):
        config = SimulationConfig(calendar=given)  # type: ignore[arg-type]
        assert config.calendar == TradingCalendar.of("XNYS")
        assert SimulationConfig.from_mapping(config.to_mapping()) == config
    own = TradingCalendar.weekdays(holidays=["2024-01-01"])
    config = SimulationConfig(calendar=own)
    assert SimulationConfig.from_mapping(config.to_mapping()) == config
    assert SimulationConfig(calendar="ALWAYS_OPEN").calendar == TradingCalendar.always_open()  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", ["XNYX", 7, {"name": "XNYS", "colour": "red"}])
def test_what_is_no_calendar_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError):
        SimulationConfig(calendar=wrong)


def test_crypto_days_are_sessions_every_day() -> None:
    week = (
        np.arange("2024-07-01", "2024-07-15", dtype="datetime64[D]").astype("datetime64[ns]").view(np.int64)
    )
    results = idle(bars_at(week), calendar=TradingCalendar.always_open())
    assert not said(results, "ALWAYS_OPEN")
    assert results["periods_per_year"] == 365.3
