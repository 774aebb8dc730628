"""Each check of data quality finds what was planted, and nothing in bars that are whole."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni_lab.data import Bars, TradingCalendar
from omni_lab.domain import Instrument
from omni_lab.errors import DataError, UnknownSymbolError
from omni_lab.pipelines.studies import quality
from omni_lab.pipelines.studies.quality import SymbolQuality, Thresholds, examine
from omni_lab.store import DuckDBStore
from omni_lab.typing import FloatArray

CALENDAR = TradingCalendar.weekdays(tz="UTC", open="09:00", close="17:00")
N = 600


def days(n: int = N) -> np.ndarray[Any, np.dtype[np.datetime64]]:
    """Closing times of so many weekdays."""
    dates = np.busday_offset(np.datetime64("2020-01-06"), np.arange(n))
    return np.asarray(dates.astype("datetime64[ns]") + np.timedelta64(17, "h"))


def walk(n: int = N) -> FloatArray:
    returns = 0.01 * np.random.default_rng(3).standard_normal(n)
    return np.round(100.0 * np.exp(np.cumsum(returns)), 2)


def look(
    close: FloatArray | None = None, drop: Iterable[int] = (), volume: Any = None, **most: Any
) -> SymbolQuality:
    """Examine a walk without some of its days."""
    kept = np.setdiff1d(np.arange(N), list(drop))
    prices = walk() if close is None else close
    bars = Bars.from_closes(days()[kept], prices[kept], None if volume is None else volume[kept], symbol="A")
    return examine(bars, CALENDAR, Thresholds(**most))


def test_bars_that_are_whole_pass_every_check() -> None:
    found = look(volume=np.full(N, 5.0))
    assert found.verdict == "pass"
    assert set(found.grades) == {"jumps", "stale", "grid", "volume", "missing", "gap", "outside"}
    assert (found.n_bars, found.n_sessions, found.first, found.last) == (N, N, "2020-01-06", "2022-04-22")
    assert set(found.missing_by_year.values()) == {0.0}


def test_missing_sessions_are_counted_by_year_and_graded() -> None:
    found = look(drop=[10, 11, 12])
    assert (found.n_missing, found.longest_gap, found.n_sessions) == (3, 3, N)
    assert found.missing_by_year[2020] == pytest.approx(3 / 259)
    assert found.grades["missing"] == "warn"
    assert look(drop=[10, 11, 12], most_missing=0.004).grades["missing"] == "fail"
    assert look(drop=[10, 11, 12], longest_gap=2).grades["gap"] == "fail"
    assert look(drop=[10, 11, 12], longest_gap=3).grades["gap"] == "pass"


def test_sessions_before_the_first_bar_are_not_missing() -> None:
    assert look(drop=[0, 1, 2, N - 1]).n_missing == 0


def test_bars_of_a_weekend_and_two_of_one_day_are_outside() -> None:
    ts = days().copy()
    ts[5] = ts[4] + np.timedelta64(1, "D")  # the Monday after a Friday becomes a Saturday
    ts[21] = ts[20] + np.timedelta64(1, "h")
    found = examine(Bars.from_closes(ts, walk(), symbol="A"), CALENDAR, Thresholds(most_outside=0.0))
    assert (found.n_outside, found.n_doubled, found.n_missing) == (1, 1, 2)
    assert found.grades["outside"] == "fail"


def test_a_wrong_price_is_a_jump_that_comes_back_and_a_crash_is_one_that_stays() -> None:
    wrong, crash = walk(), walk()
    wrong[300] *= 1.5
    crash[300:] *= 0.5
    found, fell = look(wrong), look(crash)
    assert (found.n_jumps, found.n_came_back) == (2, 1)
    assert (fell.n_jumps, fell.n_came_back) == (1, 0)
    assert found.largest_on in (str(days()[300])[:10], str(days()[301])[:10])
    assert fell.largest_on == str(days()[300])[:10]
    assert look(wrong, most_jumps=0.0).grades["jumps"] == "fail"


def test_a_wild_year_does_not_hide_a_wrong_price_of_a_calm_one() -> None:
    returns = 0.001 * np.random.default_rng(1).standard_normal(2_000)
    returns[1_000:] *= 50.0
    returns[200] = 0.03
    close = 100.0 * np.exp(np.cumsum(returns))
    local = abs(quality.robust_z(close)[199])
    over_all = 0.03 / (1.4826 * np.median(np.abs(returns - np.median(returns))))
    assert over_all < 12.0 < local


def test_closes_that_stand_still_are_stale_and_short_runs_are_not() -> None:
    assert quality.stale([1.0, 2, 2, 2, 3, 3, 1], 3).tolist() == [False, True, True, True, *[False] * 3]
    assert not quality.stale([], 2).size
    still = walk()
    still[100:106] = still[100]
    assert look(still).n_stale == 6
    assert look(still, most_stale=0.0).grades["stale"] == "fail"


def test_constant_closes_have_no_jumps() -> None:
    found = look(np.full(N, 10.0))
    assert (found.n_jumps, np.isnan(found.largest_z), found.largest_on) == (0, True, "")
    assert found.grades["stale"] == "fail"


def test_bars_without_volume_are_counted_where_volumes_are_known() -> None:
    volume = np.full(N, 5.0)
    volume[[3, 4]] = 0.0
    assert look(volume=volume).n_idle == 2
    assert look(volume=volume).grades["volume"] == "warn"
    assert look().n_idle is None


def test_prices_off_a_grid_that_is_given_are_counted() -> None:
    bars = Bars.from_closes(days(), walk(), symbol="A", instruments={"A": Instrument("A", tick_size=0.5)})
    found = examine(bars, CALENDAR, Thresholds())
    assert found.n_off_grid > N // 2
    assert found.verdict == "fail"


def test_sessions_are_not_asked_of_monthly_bars_nor_second_bars_of_hourly_ones() -> None:
    monthly = examine(Bars.from_closes(days()[::21], walk()[::21], symbol="A"), CALENDAR, Thresholds())
    assert (monthly.n_sessions, "missing" in monthly.grades) == (0, False)
    hours = (days(60)[:, None] - np.timedelta64(1, "h") * np.arange(7)[::-1]).ravel()
    hourly = examine(Bars.from_closes(hours, walk(420), symbol="A"), CALENDAR, Thresholds())
    assert (hourly.n_sessions, hourly.n_doubled, hourly.n_outside) == (60, 0, 0)


def test_two_bars_are_enough_to_look_at() -> None:
    found = examine(Bars.from_closes(days(2), walk(2), symbol="A"), CALENDAR, Thresholds())
    assert (found.n_bars, found.n_jumps, found.n_missing) == (2, 0, 0)


def test_failures_stop_what_follows_and_name_the_checks() -> None:
    whole, broken = look(), look(drop=range(10, 100))
    quality.refuse_failures([whole])
    with pytest.raises(DataError, match=r"1 symbol failed.*A: missing, gap"):
        quality.refuse_failures([whole, broken])


def test_table_coverage_and_sentences_agree() -> None:
    found = [look(), look(drop=[10])]
    table = quality.table(found)
    assert table["verdict"].tolist() == ["pass", "warn"]
    assert table["why"].tolist() == ["", "missing warn"]
    years, missing = quality.coverage(found)
    assert years.tolist() == [2020, 2021, 2022]
    assert missing[0].tolist() == [0.0, 0.0, 0.0]
    assert quality.conclusions(found)[0] == "1 symbol passes (A); 1 symbol warns (A)."
    assert "Bars are missing in 1 of 1,200 sessions" in quality.conclusions(found)[1]


@pytest.mark.skipif(find_spec("arch") is None, reason="pip install 'omni-lab[samples]'")
def test_symbols_are_those_asked_for_else_all_that_is_stored(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    with pytest.raises(DataError, match="the store is empty"):
        quality.chosen_symbols(store, [], None)
    assert quality.chosen_symbols(store, ["VIX", "VIX"], None) == ["VIX"]
    assert quality.chosen_symbols(store, [], None) == ["VIX"]
    with pytest.raises(UnknownSymbolError):
        quality.chosen_symbols(store, ["NOPE"], None)
