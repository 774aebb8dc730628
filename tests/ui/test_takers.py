"""Takers of a small book by hand, of a made-up day by its numbers, and of real Apple by another route."""

from pathlib import Path

import numpy as np
import pytest

from omni_lab.config import real_data_dir
from omni_lab.data import Events, ItchFile, LobsterDay, synthetic_itch
from omni_lab.data.feed_info import FeedInfo
from omni_lab.errors import DataError
from omni_lab.ui import MarketWindow, market_takers

SECOND = 10**9
ADD, EXECUTE = 1, 5


def window(**changed: list[int]) -> MarketWindow:
    """A bid at 10.00 and asks at 10.02 and 10.03; one taker uses up the first and hits the second."""
    columns = {
        "ts": [1, 2, 3, 20, 20, 40],
        "kind": [ADD, ADD, ADD, EXECUTE, EXECUTE, ADD],
        "side": [1, 2, 2, 2, 2, 2],
        "order_id": [1, 2, 3, 2, 3, 4],
        "qty": [100, 50, 80, 50, 10, 10],
        "price": [100_000, 100_200, 100_300, 0, 0, 100_200],
    } | changed
    n = len(columns["ts"])
    whole = {
        "ts": np.array(columns["ts"]) * SECOND,
        "kind": np.array(columns["kind"], dtype=np.uint8),
        "side": np.array(columns["side"], dtype=np.uint8),
        "flags": np.full(n, 2, dtype=np.uint8),
        "instrument": np.zeros(n, dtype=np.uint16),
        "order_id": np.array(columns["order_id"], dtype=np.uint64),
        "other_id": np.zeros(n, dtype=np.uint64),
        "qty": np.array(columns["qty"]),
        "price": np.array(columns["price"]),
    }
    info = FeedInfo(symbols={0: "ABC"}, tick_size=0.0001, source="made up")
    return MarketWindow(Events.from_columns(whole, info).books(levels=2), "ABC")


def test_a_taker_of_two_levels_is_one_arrival() -> None:
    takers = market_takers(window(), "10s")
    # The middle was 10.01 and the deeper trade at 10.03.
    assert takers.ts.tolist() == [20 * SECOND]
    assert takers.depth_ticks.tolist() == [2.0]
    assert takers.arrival_s.tolist() == [0.0]
    assert takers.seconds == 39.0
    # 1 tick wide is a cent: 2 ticks from 2 s to 20 s, then 3 until 40 s.
    assert takers.spread_ticks == pytest.approx((2.0 * 18.0 + 3.0 * 20.0) / 38.0)
    # The middle seen at 0, 10, 20, 30, 40 s: none, 1001, 1001.5, 1001.5, 1001.
    assert takers.sigma_ticks == pytest.approx((0.5 / 30.0) ** 0.5)
    # After 10 s trades were 1 and 2 ticks above 1001: nothing reached below it, and 2 ticks above it.
    assert takers.reached_ticks.tolist()[1] == -1.0
    assert takers.reached_ticks.tolist()[5] == 2.0


def test_one_quote_is_not_a_market() -> None:
    alone = window(ts=[1], kind=[ADD], side=[1], order_id=[1], qty=[1], price=[100_000])
    with pytest.raises(DataError, match="fewer than two quotes"):
        market_takers(alone)


def test_takers_of_a_made_up_day_hit_the_best_price_and_no_other(tmp_path: Path) -> None:
    synthetic_itch(tmp_path / "day.itch", messages=40_000, symbols=5, seed=2, progress=False)
    day = ItchFile(tmp_path / "day.itch")
    takers = market_takers(MarketWindow(day.books(), day.stats().symbols[1], "09:30", "16:00"))
    assert len(takers.ts) > 50
    assert np.quantile(takers.depth_ticks, 0.99) <= takers.spread_ticks


def test_real_apple_takers_are_the_executions_of_its_messages() -> None:
    real = real_data_dir()
    if real is None:
        pytest.skip("OMNI_LAB_TEST_DATA is not set")
    (path,) = (real / "lob" / "lobster").glob("AAPL_*_message_50.csv.gz")
    takers = market_takers(MarketWindow(LobsterDay(path).books(levels=1), "AAPL", "09:40", "10:30"))
    # Straight from the file: types 4 and 5 are executions; the side is that of the order that waited. Those
    # of one taker share a time.
    rows = np.loadtxt(path, delimiter=",", usecols=(0, 1, 5), dtype=np.float64)
    ours = rows[(rows[:, 0] >= 34_800.0) & (rows[:, 0] < 37_800.0)]
    visible = ours[ours[:, 1] == 4.0]
    n_visible = len(np.unique(visible[:, [0, 2]], axis=0))
    executions = ours[np.isin(ours[:, 1], (4.0, 5.0))]
    n_all = len(np.unique(executions[:, [0, 2]], axis=0))
    assert n_visible <= len(takers.ts) <= n_all
    assert 10.0 < takers.spread_ticks < 25.0
    assert 3.0 < takers.sigma_ticks < 6.0
