"""The S&P 500 of 1999 to 2018, held: numbers that are common knowledge."""

import numpy as np
import pytest
from arch.data import sp500

from omni_lab.portfolio import performance as perf
from omni_lab.typing import FloatArray, IntArray


@pytest.fixture(scope="module")
def index() -> tuple[IntArray, FloatArray]:
    frame = sp500.load()
    return frame.index.to_numpy().astype("datetime64[ns]").astype(np.int64), frame["Close"].to_numpy(
        dtype=float
    )


def test_the_crash_of_2008_is_the_worst_fall(index: tuple[IntArray, FloatArray]) -> None:
    ts, close = index
    worst = perf.top_drawdowns(close, close[0], k=2)
    day = ts.astype("datetime64[ns]").astype("datetime64[D]").astype(str)
    assert worst[0].depth == pytest.approx(-0.5678, abs=5e-5)
    assert (day[worst[0].peak], day[worst[0].trough]) == ("2007-10-09", "2009-03-09")
    assert day[worst[0].end] == "2013-03-28"
    # The dot-com crash before it: from 1527.46 on 24 March 2000 to 776.76 on 9 October 2002.
    assert worst[1].depth == pytest.approx(776.76 / 1527.46 - 1, abs=5e-5)
    assert (day[worst[1].peak], day[worst[1].trough]) == ("2000-03-24", "2002-10-09")


def test_returns_by_year_and_month(index: tuple[IntArray, FloatArray]) -> None:
    ts, close = index
    years, annual = perf.annual_returns(ts, close, close[0])
    by_year = dict(zip(years.tolist(), annual.tolist(), strict=True))
    # Price returns as S&P Dow Jones Indices publishes them.
    published = {2000: -10.14, 2003: 26.38, 2008: -38.49, 2013: 29.60, 2015: -0.73, 2018: -6.24}
    assert {year: round(100 * by_year[year], 2) for year in published} == published
    _, monthly = perf.monthly_returns(ts, close, close[0])
    assert round(100 * monthly[list(years).index(2008), 9], 2) == -16.94


def test_daily_prices_make_252_periods_a_year(index: tuple[IntArray, FloatArray]) -> None:
    assert perf.infer_periods_per_year(index[0]) == 252.0
