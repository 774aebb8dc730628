"""A window of a rebuilt book: what it holds, and that its figures say it."""

from pathlib import Path

import numpy as np
import pytest

from omni_lab.data import BookTables, Events, ItchFile, synthetic_itch
from omni_lab.data.feed_info import FeedInfo
from omni_lab.errors import ConfigError, UnknownSymbolError
from omni_lab.ui import MarketWindow

SECOND = 10**9
ADD, DELETE, EXECUTE = 1, 3, 5


@pytest.fixture(scope="module")
def tables() -> BookTables:
    """A bid of 100 at 10.00 and an ask at 10.02, which is taken after 20 seconds."""
    columns = {
        "ts": np.array([1, 2, 3, 20, 21]) * SECOND,
        "kind": np.array([ADD, ADD, ADD, EXECUTE, DELETE], dtype=np.uint8),
        "side": np.array([1, 2, 2, 2, 1], dtype=np.uint8),
        "flags": np.array([2, 2, 2, 3, 2], dtype=np.uint8),
        "instrument": np.zeros(5, dtype=np.uint16),
        "order_id": np.array([1, 2, 3, 2, 1], dtype=np.uint64),
        "other_id": np.array([0, 0, 0, 77, 0], dtype=np.uint64),
        "qty": np.array([100, 50, 80, 50, 0]),
        "price": np.array([100_000, 100_200, 100_300, 0, 0]),
    }
    info = FeedInfo(symbols={0: "ABC"}, tick_size=0.0001, source="made up")
    return Events.from_columns(columns, info).books(levels=2)


def test_a_window_holds_currency_and_shares(tables: BookTables) -> None:
    window = MarketWindow(tables, "ABC")
    np.testing.assert_allclose(window.quotes["bid_price"], [10.0, 10.0, 10.0, np.nan])
    np.testing.assert_allclose(window.quotes["ask_price"], [np.nan, 10.02, 10.03, 10.03])
    np.testing.assert_allclose(window.trades["price"], [10.02])
    np.testing.assert_allclose(window.trades["qty"], [50.0])
    assert window.trades["aggressor"].tolist() == [1]


def test_flow_counts_the_ask_that_was_taken(tables: BookTables) -> None:
    flow = MarketWindow(tables, "ABC").flow("10s")
    # The first ask comes and takes 50 from demand; at 20 s it is gone.
    assert flow.imbalance.tolist()[:2] == [-50.0, 50.0]
    assert flow.ts.tolist()[:2] == [10 * SECOND, 20 * SECOND]
    np.testing.assert_allclose(flow.price_change[1], 0.5)  # half a cent, on a grid of cents


def test_a_window_ends_before_its_end(tables: BookTables) -> None:
    window = MarketWindow(tables, "ABC", 2 * SECOND, 20 * SECOND)
    assert window.quotes["ts"].tolist() == [2 * SECOND]
    assert len(window.trades["ts"]) == 0


def test_a_day_is_drawn(tmp_path: Path) -> None:
    synthetic_itch(tmp_path / "day.itch", messages=20_000, symbols=5, seed=2)
    day = ItchFile(tmp_path / "day.itch").books(levels=5, every="10s")
    symbol = day.info.names(day.columns["bbo"]["instrument"][:1])[0]
    window = MarketWindow(day, str(symbol), "09:30", "16:00")
    assert str(symbol) in window.quotes_figure().alt
    assert "within 10 bps" in window.depth_figure().alt
    assert "flow explains" in window.flow_figure("60s").alt


def test_what_is_not_there_is_refused(tables: BookTables) -> None:
    with pytest.raises(UnknownSymbolError, match="XYZ"):
        MarketWindow(tables, "XYZ")
    without = BookTables(columns={"bbo": tables.columns["bbo"]}, info=tables.info)
    with pytest.raises(ConfigError, match="depth"):
        MarketWindow(without, "ABC").depth_figure()
