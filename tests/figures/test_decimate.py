"""Decimation keeps what can be seen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_lab.figures.decimate import decimate
from omni_lab.typing import FloatArray


def walk(n: int, seed: int) -> FloatArray:
    return np.cumsum(np.random.default_rng(seed).normal(size=n))


def columns_of(x: FloatArray, columns: int) -> FloatArray:
    return np.searchsorted(np.linspace(x[0], x[-1], columns + 1)[1:-1], x, side="right").astype(np.float64)


@settings(max_examples=40)
@given(st.integers(1, 3000), st.integers(1, 60), st.integers(0, 100), st.booleans())
def test_every_column_keeps_its_first_last_lowest_and_highest(
    n: int, columns: int, seed: int, irregular: bool
) -> None:
    y = walk(n, seed)
    x = np.arange(float(n))
    if irregular:
        x = np.cumsum(np.random.default_rng(seed).exponential(size=n) ** 4 + 1e-9)
    kept = decimate(x, y, columns)
    assert (np.diff(kept) > 0).all()
    assert len(kept) == n if n <= 4 * columns else len(kept) <= 4 * columns
    column = columns_of(x, columns)
    for number in np.unique(column):
        inside = np.flatnonzero(column == number)
        shown = kept[column[kept] == number]
        assert {inside[0], inside[-1]} <= set(shown)
        assert (y[shown].min(), y[shown].max()) == (y[inside].min(), y[inside].max())


def test_a_single_spike_in_a_million_survives() -> None:
    y = np.zeros(1_000_000)
    y[[123_456, 654_321]] = [7.0, -9.0]
    kept = decimate(np.arange(1e6), y)
    assert {123_456, 654_321} <= set(kept.tolist())
    assert len(kept) <= 6400


def test_a_gap_stays_a_gap() -> None:
    x, y = np.arange(50_000.0), walk(50_000, 1)
    y[20_000:30_000] = np.nan
    kept = decimate(x, y, 100)
    gap = np.isnan(y[kept])
    assert gap.any()
    assert not np.isnan(y[kept[(kept < 20_000) | (kept >= 30_000)]]).any()
    assert np.nanmax(y[kept]) == np.nanmax(y)


def test_nothing_but_gaps_is_no_error() -> None:
    kept = decimate(np.arange(10_000.0), np.full(10_000, np.nan), 10)
    assert len(kept) == pytest.approx(20)


def test_short_series_are_left_alone() -> None:
    assert decimate(np.arange(3.0), np.array([1.0, np.nan, 2.0])).tolist() == [0, 1, 2]
    assert decimate(np.empty(0), np.empty(0)).tolist() == []
