"""Returns by month and year: by hand, as laws, and against pandas."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_lab.errors import ShapeError
from omni_lab.portfolio import performance as perf


def days(*dates: str) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    return np.array(dates, dtype="datetime64[D]")


def test_months_by_hand() -> None:
    ts = days("2019-11-15", "2019-11-29", "2019-12-31", "2020-02-03", "2020-02-28")
    years, table = perf.monthly_returns(ts, [105.0, 110.0, 99.0, 100.0, 198.0], 100.0)
    assert years.tolist() == [2019, 2020]
    assert table.shape == (2, 12)
    assert table[0, 10:] == pytest.approx([0.1, -0.1])
    assert table[1, 1] == pytest.approx(1.0)  # nothing in January: February starts from December
    assert np.count_nonzero(~np.isnan(table)) == 3
    years, by_year = perf.annual_returns(ts, [105.0, 110.0, 99.0, 100.0, 198.0], 100.0)
    assert years.tolist() == [2019, 2020]
    assert by_year == pytest.approx([-0.01, 1.0])


def test_a_year_without_steps_is_nan() -> None:
    years, by_year = perf.annual_returns(days("2019-06-03", "2021-06-01"), [110.0, 121.0], 100.0)
    assert years.tolist() == [2019, 2020, 2021]
    assert by_year == pytest.approx([0.1, np.nan, 0.1], nan_ok=True)


def test_months_are_cut_at_midnight_utc() -> None:
    ts = np.array(["2020-01-31T23:59:59.999999999", "2020-02-01T00:00:00"], dtype="datetime64[ns]")
    _, table = perf.monthly_returns(ts.astype(np.int64), [110.0, 121.0], 100.0)
    assert table[0, :2] == pytest.approx([0.1, 0.1])


def test_times_before_1970_have_their_months_too() -> None:
    years, table = perf.monthly_returns(days("1969-12-31", "1970-01-02"), [110.0, 121.0], 100.0)
    assert years.tolist() == [1969, 1970]
    assert table[0, 11] == pytest.approx(0.1)
    assert table[1, 0] == pytest.approx(0.1)


def test_single_month() -> None:
    years, table = perf.monthly_returns(days("2020-05-04", "2020-05-05"), [101.0, 103.0], 100.0)
    assert years.tolist() == [2020]
    assert table[0, 4] == pytest.approx(0.03)


def test_nothing_gives_nothing() -> None:
    years, table = perf.monthly_returns(np.array([], dtype=np.int64), [], 100.0)
    assert (years.shape, table.shape) == ((0,), (0, 12))
    years, by_year = perf.annual_returns(np.array([], dtype=np.int64), [], 100.0)
    assert (years.shape, by_year.shape) == ((0,), (0,))


def test_months_after_ruin_are_nan() -> None:
    _, table = perf.monthly_returns(days("2020-01-31", "2020-02-28", "2020-03-31"), [-5.0, -4.0, 3.0], 100.0)
    assert table[0, :3] == pytest.approx([-1.05, np.nan, np.nan], nan_ok=True)


def test_lengths_must_match() -> None:
    with pytest.raises(ShapeError, match="equally long"):
        perf.monthly_returns(days("2020-01-31"), [1.0, 2.0], 1.0)


@given(st.integers(0, 20_000), st.lists(st.floats(-0.2, 0.25), min_size=1, max_size=400), st.integers(1, 40))
def test_months_compound_to_the_total_and_agree_with_pandas(start: int, steps: list[float], gap: int) -> None:
    ts = np.datetime64(start, "D") + np.arange(len(steps)) * gap
    equity = 100.0 * np.cumprod(1 + np.array(steps))
    _, table = perf.monthly_returns(ts, equity, 100.0)
    held = table[~np.isnan(table)]
    assert np.prod(1 + held) == pytest.approx(equity[-1] / 100.0)
    closing = pd.Series(equity, index=pd.DatetimeIndex(ts)).resample("ME").last().dropna()
    expected = closing / closing.shift(fill_value=100.0) - 1
    assert held == pytest.approx(expected.to_numpy(), abs=1e-12)
