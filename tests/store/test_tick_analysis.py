"""Bars, as-of joins and books: against numbers worked out by hand, and against pandas."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_lab.errors import DataError, SourceError, UnknownSymbolError
from omni_lab.store import DollarBars, DuckDBTickStore, TimeBars, TradeBars, VolumeBars
from omni_lab.store.ticks.asof import join_asof
from omni_lab.store.ticks.rows import Rows, reordered, sorted_rows
from omni_lab.typing import AnyArray
from tests.store.tick_rows import DAY, HOUR, MINUTE, NOON, SECOND, frame, quotes, trades


@pytest.fixture
def store(tmp_path: Path) -> DuckDBTickStore:
    return DuckDBTickStore(tmp_path / "lake")


@pytest.fixture
def tape(store: DuckDBTickStore) -> DuckDBTickStore:
    """Eight trades of A at whole dollars; the last is no part of volume."""
    store.append(
        "trade",
        {
            "ts": NOON + np.array([0, 10, 59, 60, 61, 185, 190, 191]) * SECOND,
            "price": np.array([10.0, 12.0, 9.0, 11.0, 13.0, 20.0, 18.0, 99.0]),
            "qty": [100, 100, 200, 300, 100, 500, 100, 100],
            "flags": [1, 1, 1, 1, 1, 1, 1, 0],
        },
        symbol="A",
    )
    return store


def seconds(bars: pd.DataFrame) -> list[int]:
    return ((bars["ts"].astype(np.int64) - NOON) // SECOND).tolist()


def test_time_bars_hold_what_came_before_their_close(tape: DuckDBTickStore) -> None:
    bars = tape.resample("A", "1min", floats=True)
    assert seconds(bars) == [60, 120, 240]
    assert bars["open"].tolist() == [10, 11, 20]
    assert bars["high"].tolist() == [12, 13, 20]
    assert bars["low"].tolist() == [9, 11, 18]
    assert bars["close"].tolist() == [9, 13, 18]
    assert bars["volume"].tolist() == [400, 400, 600]
    assert bars["n"].tolist() == [3, 2, 2]
    assert bars["vwap"].tolist() == pytest.approx([4000 / 400, 4600 / 400, 11800 / 600])
    assert tape.resample("A", "1min", only_printable=False, floats=True)["high"].tolist() == [12, 13, 99]


def test_intervals_that_the_range_cuts_are_left_out(tape: DuckDBTickStore) -> None:
    minute = TimeBars("1min")
    assert seconds(tape.resample("A", minute, NOON, NOON + 120 * SECOND - 1)) == [60, 120]
    assert seconds(tape.resample("A", minute, NOON + 1, NOON + 120 * SECOND - 2)) == []
    assert seconds(tape.resample("A", minute, NOON + 1, NOON + 240 * SECOND)) == [120, 240]
    shifted = TimeBars(60 * SECOND, origin_ns=30 * SECOND)
    assert seconds(tape.resample("A", shifted)) == [30, 90, 210]


def test_trade_bars_are_of_so_many_trades_and_the_rest_is_none(tape: DuckDBTickStore) -> None:
    bars = tape.resample("A", "3 trades", floats=True)
    assert seconds(bars) == [59, 185]
    assert bars["open"].tolist() == [10, 11]
    assert bars["close"].tolist() == [9, 20]
    assert bars["n"].tolist() == [3, 3]
    assert len(tape.resample("A", TradeBars(8))) == 0


def test_volume_bars_end_with_the_trade_that_fills_them(tape: DuckDBTickStore) -> None:
    bars = tape.resample("A", "400 volume", floats=True)
    assert seconds(bars) == [59, 61, 185]
    assert bars["volume"].tolist() == [400, 400, 500]
    assert tape.resample("A", VolumeBars(401))["volume"].tolist() == [700, 600]


def test_dollar_bars_end_with_the_trade_that_fills_them(tape: DuckDBTickStore) -> None:
    # 1000, 1200, 1800, 3300, 1300, 10000, 1800 dollars
    bars = tape.resample("A", "4e3 dollars", floats=True)
    assert seconds(bars) == [59, 61, 185]
    assert bars["n"].tolist() == [3, 2, 1]
    assert seconds(tape.resample("A", DollarBars(4000.01))) == [60, 185]


def bars_by_hand(own: pd.DataFrame, rule: str) -> pd.DataFrame:
    """Bars of one symbol, trade by trade and with pandas."""
    if " " not in rule:
        every = pd.Timedelta(rule).value
        bar, label = own["ts"] // every, (own["ts"] // every + 1) * every
    else:
        size, what = float(rule.split(maxsplit=1)[0].replace("_", "")), rule.split()[1]
        money = own["qty"] * own["price"] / 10_000
        amounts = {"trades": money * 0 + 1, "volume": own["qty"], "dollars": money}[what]
        numbers, number, total = [], 0, 0.0
        for amount in amounts:
            numbers.append(number)
            total += amount
            if total >= size:
                number, total = number + 1, 0.0
        whole = np.array(numbers) < number
        own, bar = own[whole], pd.Series(numbers, own.index)[whole]
        label = own["ts"]
    by_bar = own.groupby(bar)
    volume = by_bar["qty"].sum()
    return pd.DataFrame(
        {
            "ts": label.groupby(bar).last(),
            "symbol": by_bar["symbol"].first(),
            "open": by_bar["price"].first(),
            "high": by_bar["price"].max(),
            "low": by_bar["price"].min(),
            "close": by_bar["price"].last(),
            "volume": volume,
            "vwap": (own["price"] * own["qty"]).groupby(bar).sum() / volume,
            "n": by_bar.size(),
        }
    )


@pytest.mark.parametrize("rule", ["1min", "7s", "50 trades", "2000 volume", "250_000 dollars"])
def test_bars_agree_with_pandas(store: DuckDBTickStore, rule: str) -> None:
    batches = [trades(1500, seed=1), trades(700, ("C", "D"), seed=2)]
    for batch in batches:
        store.append("trade", batch)
    each = [bars_by_hand(own, rule) for _, own in frame(*batches).groupby("symbol")]
    expected = pd.concat(each, ignore_index=True)
    found = store.resample(None, rule)
    found = found.assign(ts=found["ts"].astype(np.int64), symbol=found["symbol"].astype(str))
    pd.testing.assert_frame_equal(found, expected.astype({"symbol": found["symbol"].dtype}))


def test_bars_can_be_stored_and_read(tape: DuckDBTickStore) -> None:
    bars = tape.resample("A", "1min")
    tape.append("bar", bars)
    pd.testing.assert_frame_equal(tape.read("bar"), bars)
    # In currency they are the same bars.
    tape.upsert("bar", tape.resample("A", "1min", floats=True))
    pd.testing.assert_frame_equal(tape.read("bar"), bars)


def test_sums_beyond_64_bits_make_bars_too(store: DuckDBTickStore) -> None:
    store.create("trade", tick_size=1e-9)
    n_trades = 4_000
    store.append(
        "trade",
        {
            "ts": NOON + np.arange(n_trades),
            "price": np.full(n_trades, 1e4),
            "qty": np.full(n_trades, 1000),
        },
        symbol="A",
    )
    bars = store.resample("A", "1e9 dollars", floats=True)
    assert bars["n"].tolist() == [100] * 40
    assert bars["vwap"].tolist() == [1e4] * 40


@pytest.mark.parametrize("rule", ["fast", "0 trades", "-5 volume", "0s", 7.5])
def test_what_is_no_rule_is_refused(tape: DuckDBTickStore, rule: Any) -> None:
    with pytest.raises(DataError, match=r"no length of time|greater than 0|no rule"):
        tape.resample("A", rule)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("tolerance", [None, "3s"])
def test_asof_joins_agree_with_pandas(store: DuckDBTickStore, strict: bool, tolerance: str | None) -> None:
    tape = trades(600, seed=3, start=NOON + HOUR // 2)
    ticker = [quotes(300, seed=4), quotes(300, seed=5, start=NOON + HOUR), quotes(9, ("A",), seed=6)]
    for each in (tape, *ticker):  # whole seconds, so that there are ties
        each["ts"] = each["ts"] // SECOND * SECOND
    store.append("trade", tape)
    for each in ticker:
        store.append("quote", each)
    first, last = NOON + 40 * MINUTE, NOON + 80 * MINUTE
    found = store.asof(None, first, last, strict=strict, tolerance=tolerance)
    left = frame(tape)
    left = left[left["ts"].between(first, last)]
    right = frame(*ticker).assign(quote_ts=lambda t: t["ts"])
    expected = pd.merge_asof(
        left.sort_values("ts", kind="stable").astype({"symbol": "object"}),
        right.sort_values("ts", kind="stable").astype({"symbol": "object"}),
        on="ts",
        by="symbol",
        allow_exact_matches=not strict,
        tolerance=None if tolerance is None else 3 * SECOND,
    ).sort_values(["symbol", "ts", "match_id"], ignore_index=True)
    found = found.sort_values(["symbol", "ts", "match_id"], ignore_index=True)
    assert found["quote_ts"].isna().tolist() == expected["quote_ts"].isna().tolist()
    assert found["quote_ts"].isna().any() == (tolerance is not None)
    matched = expected["quote_ts"].notna()
    for name in ("bid_price", "bid_qty", "ask_price", "ask_qty"):
        assert found[name].tolist() == expected[name].fillna(0).astype(np.int64).tolist()
    assert (
        found["quote_ts"][matched].astype(np.int64).tolist()
        == expected["quote_ts"][matched].astype(np.int64).tolist()
    )


def test_a_trade_before_all_quotes_has_none(store: DuckDBTickStore) -> None:
    store.append("trade", {"ts": [NOON, NOON + 2], "price": [1.0, 2.0], "qty": [1, 1]}, symbol="A")
    store.append("trade", {"ts": [NOON], "price": [1.0], "qty": [1]}, symbol="B")
    quote = {"bid_price": [1.5], "bid_qty": [7], "ask_price": [2.5], "ask_qty": [8]}
    store.append("quote", {"ts": [NOON + 1], **quote}, symbol="A")
    found = store.asof(["A", "B"], floats=True)
    assert found["bid_price"].fillna(-1).tolist() == [-1, 1.5, -1]
    assert found["quote_ts"].isna().tolist() == [True, False, True]
    assert found["price"].tolist() == [1.0, 2.0, 1.0]
    with pytest.raises(UnknownSymbolError, match="'C'"):
        store.asof(["C"])


times = st.lists(st.tuples(st.sampled_from(["A", "B"]), st.integers(0, 8)), max_size=9)


def rows(moments: list[tuple[str, int]]) -> Rows:
    """Rows of both symbols at these times, numbered from 1 in the order given."""
    ts = np.array([ts for _, ts in moments], dtype=np.int64)
    codes = np.array(["AB".index(symbol) for symbol, _ in moments], dtype=np.int64)
    return reordered(sorted_rows("AB", codes, {"ts": ts, "n": np.arange(1, len(ts) + 1)}), "AB")


@given(left=times, right=times, strict=st.booleans(), tolerance=st.none() | st.integers(0, 4))
def test_an_asof_join_takes_the_last_row_at_or_before(
    left: list[tuple[str, int]], right: list[tuple[str, int]], strict: bool, tolerance: int | None
) -> None:
    found = join_asof(
        rows(left), rows(right), rows([]), prefix="right_", strict=strict, tolerance_ns=tolerance
    )
    for symbol, run in found.runs():
        for ts, n in zip(found.ts[run], found.columns["right_n"][run], strict=True):
            before = [
                (at, i + 1)
                for i, (name, at) in enumerate(right)
                if name == symbol and (at < ts if strict else at <= ts)
            ]
            at, expected = max(before, default=(-100, 0))
            assert n == (0 if tolerance is not None and ts - at > tolerance else expected)


def add(ts: int, order_id: int, side: int, qty: int, price: int) -> tuple[int, ...]:
    return ts, 1, side, order_id, qty, price


EVENTS = (
    add(0, 1, 1, 100, 99),
    add(1, 2, 1, 200, 98),
    add(2, 3, 2, 300, 101),
    (3, 3, 0, 1, 0, 0),  # order 1 is deleted
    add(4, 4, 1, 50, 98),
    (5, 11, 0, 0, 0, 0),  # clear
    add(6, 5, 2, 70, 102),
)


def plain_replay(events: Mapping[str, AnyArray], n_levels: int) -> dict[str, AnyArray]:
    """Levels after some events, kept in a dict; it knows what the test needs."""
    orders: dict[int, tuple[int, int, int]] = {}
    for kind, side, order_id, qty, price in zip(
        *(events[name].tolist() for name in ("kind", "side", "order_id", "qty", "price")), strict=True
    ):
        if kind == 1:
            orders[order_id] = side, price, qty
        elif kind == 3:
            del orders[order_id]
        else:
            orders.clear()
    levels: dict[str, AnyArray] = {}
    for side, name in ((1, "bid"), (2, "ask")):
        prices = sorted({p for s, p, _ in orders.values() if s == side}, reverse=side == 1)[:n_levels]
        at = [[q for s, p, q in orders.values() if (s, p) == (side, price)] for price in prices]
        blank = [0] * (n_levels - len(prices))
        levels[f"{name}_price"] = np.array(prices + blank)
        levels[f"{name}_qty"] = np.array([sum(each) for each in at] + blank)
        levels[f"{name}_orders"] = np.array([len(each) for each in at] + blank)
    return levels


def store_events(store: DuckDBTickStore, start: int, session: str | None = None) -> None:
    names = ("ts", "kind", "side", "order_id", "qty", "price")
    columns = dict(zip(names, np.array(EVENTS).T, strict=True))
    store.append("event", columns | {"ts": columns["ts"] + start}, symbol="A", session=session)


def test_the_book_at_a_moment_is_what_its_events_say(store: DuckDBTickStore) -> None:
    store_events(store, NOON)
    book = store.book("A", NOON + 2, levels=2, replay=plain_replay)
    assert book["bid_price"].tolist() == [99, 98]
    assert book["ask_qty"].tolist() == [300, 0]
    assert book.index.tolist() == [1, 2]
    assert book.attrs == {"symbol": "A", "ts": NOON + 2}
    book = store.book("A", NOON + 4, levels=2, replay=plain_replay, floats=True)
    assert book["bid_price"].tolist() == [0.0098, 0]
    assert book["bid_qty"].tolist() == [250, 0]
    assert book["bid_orders"].tolist() == [2, 0]
    book = store.book("A", NOON + DAY, levels=1, replay=plain_replay)
    assert book[["bid_price", "ask_price"]].to_numpy().tolist() == [[0, 102]]
    with pytest.raises(DataError, match="no event of this symbol at or before the time"):
        store.book("A", NOON - 1, replay=plain_replay)


def test_a_book_begins_with_its_session(store: DuckDBTickStore) -> None:
    # Two sessions that share a day in UTC; orders of the first are still there at its end.
    store_events(store, NOON, session="2020-01-01")
    store_events(store, NOON + 100, session="2020-01-02")
    seen: list[int] = []

    def replay(events: Mapping[str, AnyArray], n_levels: int) -> dict[str, AnyArray]:
        seen.append(len(events["ts"]))
        return plain_replay(events, n_levels)

    assert store.book("A", NOON + 103, levels=3, replay=replay)["bid_price"].tolist() == [98, 0, 0]
    assert store.book("A", NOON + 99, levels=1, replay=replay)["ask_price"].tolist() == [102]
    assert seen == [4, 2]


def test_the_book_at_a_moment_is_the_last_depth_before_it(store: DuckDBTickStore) -> None:
    levels = {"bid_price": [[99, 98], [97, 96]], "bid_qty": [[1, 2], [3, 4]], "bid_orders": [[1, 1], [1, 1]]}
    depth = levels | {name.replace("bid", "ask"): values for name, values in levels.items()}
    store.append("depth", {"ts": [NOON, NOON + 10], **depth}, symbol="A")
    assert store.book("A", NOON + 9)["bid_price"].tolist() == [99, 98]
    assert store.book("A", NOON + 10, levels=1)["ask_qty"].tolist() == [3]
    with pytest.raises(DataError, match="no depth at or before the time"):
        store.book("A", NOON - 1)
    with pytest.raises(UnknownSymbolError, match="'B'"):
        store.book("B", NOON)


def test_without_events_and_depth_there_is_no_book(store: DuckDBTickStore) -> None:
    with pytest.raises(SourceError, match="no table to make a book from"):
        store.book("A", NOON)
