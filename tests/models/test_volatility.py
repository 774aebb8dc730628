"""Volatility of a walk that is known, and sums that fade against their double loop."""

import itertools

import numpy as np
import pytest

from omni_lab.errors import ConfigError, DataError
from omni_lab.models import ema_volatility, realised_volatility
from omni_lab.models._decay import decayed_sums, sums_before
from omni_lab.typing import FloatArray, IntArray

NS = 1_000_000_000


def walk(n: int, sigma: float, seed: int) -> tuple[IntArray, FloatArray]:
    rng = np.random.default_rng(seed)
    gaps = rng.exponential(0.5, n)
    ts = np.round(np.cumsum(gaps) * NS).astype(np.int64)
    return ts, np.cumsum(sigma * np.sqrt(np.diff(ts, prepend=0) / NS) * rng.standard_normal(n))


def test_realised_volatility_of_a_walk_at_uneven_times() -> None:
    ts, price = walk(20_000, 0.7, 1)
    # Squares of normals weighted by exponential gaps: Σ gap² = 2 Σ gap · mean, so the error is σ / sqrt(n).
    assert realised_volatility(ts, price) == pytest.approx(0.7, abs=4.0 * 0.7 / 20_000**0.5)


def test_realised_volatility_by_hand() -> None:
    # Moves of 3 and 4 ticks in four seconds: sqrt(25 / 4).
    assert realised_volatility([0, 3 * NS, 4 * NS], [0.0, 3.0, -1.0]) == 2.5
    assert realised_volatility([0, NS, 3 * NS, 4 * NS], [0.0, np.nan, 3.0, -1.0]) == 2.5
    assert np.isnan(realised_volatility([5], [1.0]))


def test_ema_volatility_is_the_weighted_mean_of_a_loop() -> None:
    ts, price = walk(60, 0.7, 2)
    price[[7, 8, 30]] = np.nan
    got = ema_volatility(ts, price, half_life_s=3.0)
    known = np.flatnonzero(np.isfinite(price))
    for place, at in enumerate(known[1:], 1):
        top = bottom = 0.0
        for before, after in itertools.pairwise(known[: place + 1]):
            weight = 0.5 ** ((ts[at] - ts[after]) / NS / 3.0)
            top += weight * (price[after] - price[before]) ** 2
            bottom += weight * (ts[after] - ts[before]) / NS
        assert got[at] == pytest.approx((top / bottom) ** 0.5, rel=1e-9)
    assert np.isnan(got[[0, 7, 8, 30]]).all()


def test_ema_volatility_follows_a_change() -> None:
    ts, calm = walk(4_000, 0.5, 3)
    price = np.concatenate((calm[:2_000], calm[1_999] + 3.0 * (calm[2_000:] - calm[1_999])))
    got = ema_volatility(ts, price, half_life_s=60.0)
    assert got[1_999] == pytest.approx(0.5, rel=0.3)
    assert got[-1] == pytest.approx(1.5, rel=0.3)


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(ConfigError, match="half_life_s"):
        ema_volatility([0, 1], [1.0, 2.0], half_life_s=0.0)
    with pytest.raises(DataError, match="out of order"):
        realised_volatility([1, 0], [1.0, 2.0])


@pytest.mark.parametrize("rate", [0.01, 3.0, 500.0])
def test_fading_sums_are_those_of_a_double_loop(rate: float) -> None:
    rng = np.random.default_rng(4)
    ts = np.sort(np.round(rng.uniform(0.0, 100.0, 300), 2))  # some at one time
    ts[200:] += 1e4  # and a long silence
    values = rng.random(300)
    slow = [sum(values[j] * np.exp(-rate * (ts[i] - ts[j])) for j in range(i + 1)) for i in range(300)]
    np.testing.assert_allclose(decayed_sums(ts, values, rate), slow, rtol=1e-10)

    at = np.sort(np.concatenate((ts[::3], rng.uniform(-5.0, 120.0, 50))))
    left, aged = sums_before(at, ts, rate)
    gaps = [(t - ts[ts < t]) for t in at]
    np.testing.assert_allclose(left, [np.exp(-rate * gap).sum() for gap in gaps], rtol=1e-10, atol=1e-300)
    expected = [(gap * np.exp(-rate * gap)).sum() for gap in gaps]
    np.testing.assert_allclose(aged, expected, rtol=1e-10, atol=1e-300)
