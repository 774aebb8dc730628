"""Replace, upsert, retain and compact, beside a plain frame that does the same."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_lab.errors import DataError, SourceError
from omni_lab.store import DuckDBTickStore
from omni_lab.store.ticks import writer
from tests.store.tick_rows import DAY, HOUR, NOON, frame, same, trades


@pytest.fixture
def store(tmp_path: Path) -> DuckDBTickStore:
    return DuckDBTickStore(tmp_path / "lake")


def sorted_frame(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values(["symbol", "ts"], kind="stable", ignore_index=True)


def test_replacing_a_range_leaves_the_rows_around_it(store: DuckDBTickStore) -> None:
    old, new = trades(400, seed=1), trades(20, ("A", "B"), seed=2, start=NOON + HOUR // 4, span_ns=HOUR // 4)
    store.append("trade", old)
    first, last = NOON + HOUR // 4, NOON + HOUR // 2
    report = store.replace("trade", new, start=first, end=last)
    expected = frame(old)
    gone = expected["symbol"].isin(["A", "B"]) & expected["ts"].between(first, last)
    assert report.n_removed == gone.sum()
    same(store.read("trade"), sorted_frame(pd.concat([expected[~gone], pd.DataFrame(new)])))
    # Without new rows it is the way to take rows away.
    nothing = {name: values[:0] for name, values in new.items()}
    report = store.replace("trade", nothing, start=first, end=last, only="A")
    assert report.n_removed == (np.array(new["symbol"]) == "A").sum()
    found = store.read("trade", "A")["ts"].astype(np.int64)
    assert not found.between(first, last).any()
    assert (
        len(store.read("trade", "B"))
        == (expected[~gone]["symbol"] == "B").sum() + (np.array(new["symbol"]) == "B").sum()
    )


def test_replacing_without_a_range_replaces_what_each_symbol_has_between_its_new_rows(
    store: DuckDBTickStore,
) -> None:
    old = {"ts": NOON + np.arange(10), "price": np.arange(10), "qty": np.ones(10, dtype=np.int64)}
    store.append("trade", old, symbol="A")
    store.append("trade", old, symbol="B")
    new = {
        "ts": [NOON + 3, NOON + 6, NOON + 1],
        "symbol": ["A", "A", "B"],
        "price": [30, 60, 10],
        "qty": [1, 1, 1],
    }
    assert store.replace("trade", new).n_removed == 4 + 1
    assert store.read("trade", "A")["price"].tolist() == [0, 1, 2, 30, 60, 7, 8, 9]
    assert store.read("trade", "B")["price"].tolist() == [0, 10, *range(2, 10)]


def test_new_rows_outside_the_range_are_refused(store: DuckDBTickStore) -> None:
    store.append("trade", trades(10, seed=1))
    with pytest.raises(DataError, match="a new row lies outside the range"):
        store.replace("trade", trades(10, seed=2), end=NOON)
    with pytest.raises(DataError, match="a new row is of none of the symbols: found 'B'"):
        store.replace("trade", trades(10, ("B",), seed=2), only="A")
    with pytest.raises(SourceError, match="no such table"):
        store.replace("quote", trades(10, seed=2))


def test_an_upsert_twice_is_as_once(store: DuckDBTickStore) -> None:
    old = trades(300, seed=3)
    store.append("trade", old)
    new = {name: values[100:200] for name, values in old.items()} | {"price": np.arange(100)}
    for _ in range(2):
        report = store.upsert("trade", new, key=("ts", "match_id"))
        assert (report.n_rows, report.n_removed) == (100, 100)
        found = store.read("trade").set_index("match_id").sort_index()
        assert len(found) == 300
        assert found["price"].iloc[100:200].tolist() == list(range(100))
    assert store.append("trade", old, batch="b").n_rows == 300
    assert store.upsert("trade", new, key="match_id", batch="c").n_removed == 200
    assert store.upsert("trade", new, key="match_id", batch="c").repeated


def test_of_new_rows_with_the_same_key_the_last_counts(store: DuckDBTickStore) -> None:
    store.append("trade", {"ts": [NOON], "price": [1], "qty": [1]}, symbol="A")
    store.upsert("trade", {"ts": [NOON] * 3, "price": [2, 3, 4], "qty": [1, 1, 1]}, symbol="A")
    assert store.read("trade")["price"].tolist() == [4]


def test_a_file_with_many_hidden_rows_is_written_again(
    store: DuckDBTickStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_MOST_HIDDEN_SPANS", 5)
    old = trades(200, seed=4)
    store.append("trade", old)
    new = {name: values[::7] for name, values in old.items()} | {"price": np.zeros(29, dtype=np.int64)}
    store.upsert("trade", new, key="match_id")
    state = store.snapshot("trade").state
    assert state.hidden == {}
    assert len(state.retired) == 1
    expected = frame(old)
    expected.loc[expected["match_id"].isin(new["match_id"]), "price"] = 0
    found = store.read("trade").sort_values("match_id", ignore_index=True)
    assert found["price"].tolist() == expected.sort_values("match_id")["price"].tolist()


def test_what_is_old_is_dropped_and_symbols_with_it(store: DuckDBTickStore) -> None:
    old, new = trades(200, seed=5), trades(200, ("B", "D"), seed=6, start=NOON + DAY)
    store.append("trade", old)
    store.append("trade", new)
    limit = NOON + HOUR // 2
    expected = frame(old, new)
    report = store.retain("trade", before=limit)
    kept = expected[expected["ts"] >= limit].reset_index(drop=True)
    assert report.n_removed == len(expected) - len(kept)
    same(store.read("trade"), kept)
    same(store.query("SELECT * FROM trade ORDER BY symbol, ts, match_id"), kept.drop(columns="ts"))
    assert store.retain("trade", days=0.5).n_removed == len(kept) - 200
    same(store.read("trade"), frame(new))
    assert store.symbols("trade")["symbol"].tolist() == ["B", "D"]
    assert len(store.snapshot("trade").state.files) == 1
    assert store.retain("trade", before="2030-01-01").n_removed == 200
    assert len(store.read("trade")) == 0
    for before, days in ((None, None), (NOON, 1.0)):
        with pytest.raises(DataError, match="say what to drop"):
            store.retain("trade", before=before, days=days)


def test_compacting_changes_files_and_not_rows(store: DuckDBTickStore) -> None:
    batches = [trades(300, seed=seed, span_ns=2 * DAY) for seed in range(6)]
    for batch in batches:
        store.append("trade", batch)
    store.replace("trade", {name: values[:1] for name, values in batches[0].items()})
    before = store.read("trade")
    files = len(store.snapshot("trade").state.files)
    report = store.compact("trade", rows_per_file=250)
    state = store.snapshot("trade").state
    assert report.n_files == len(state.files) < files
    assert state.hidden == {}
    for session in {entry.session for entry in state.files.values()}:
        spans = sorted(
            (entry.first_symbol, entry.last_symbol)
            for entry in state.files.values()
            if entry.session == session
        )
        assert all(a[1] < b[0] for a, b in pairwise(spans))
    pd.testing.assert_frame_equal(store.read("trade"), before)
    assert store.compact("trade", rows_per_file=250).n_files == 0
    assert store.snapshot("trade").state.seq == state.seq


def test_many_small_files_of_symbols_of_their_own_are_merged(store: DuckDBTickStore) -> None:
    for i in range(9):
        store.append("trade", trades(10, (f"S{i}",), seed=i))
    assert store.compact("trade").n_files == 1
    assert len(store.read("trade")) == 90


SYMBOLS = ("A", "B", "AB")
rows_of = st.lists(
    st.tuples(st.sampled_from(SYMBOLS), st.integers(0, 12), st.integers(0, 3)), min_size=1, max_size=8
)
operations = st.lists(
    st.one_of(
        st.tuples(st.just("append"), rows_of),
        st.tuples(st.just("upsert"), rows_of),
        st.tuples(st.just("replace"), rows_of),
        st.tuples(st.just("retain"), st.integers(0, 6)),
        st.tuples(st.just("compact"), st.integers(1, 10)),
    ),
    min_size=1,
    max_size=8,
)


class PlainStore:
    """A frame that does what the store should, in the plainest way."""

    def __init__(self) -> None:
        self.rows = pd.DataFrame({"ts": [], "symbol": [], "price": [], "qty": []}).astype(
            {"ts": "int64", "price": "int64", "qty": "int64"}
        )

    def append(self, new: pd.DataFrame) -> None:
        self.rows = pd.concat([self.rows, sorted_frame(new)], ignore_index=True)

    def upsert(self, new: pd.DataFrame) -> None:
        last = sorted_frame(new).drop_duplicates(["symbol", "ts", "price"], keep="last")
        keys = set(zip(last["symbol"], last["ts"], last["price"], strict=True))
        stored = zip(self.rows["symbol"], self.rows["ts"], self.rows["price"], strict=True)
        self.rows = self.rows[[key not in keys for key in stored]]
        self.append(last)

    def replace(self, new: pd.DataFrame) -> None:
        for symbol, own in new.groupby("symbol"):
            inside = (self.rows["symbol"] == symbol) & self.rows["ts"].between(
                own["ts"].min(), own["ts"].max()
            )
            self.rows = self.rows[~inside]
        self.append(new)

    def retain(self, before: int) -> None:
        self.rows = self.rows[self.rows["ts"] >= before]


@settings(max_examples=40)
@given(operations=operations, spacing=st.sampled_from([1, DAY // 4]))
def test_any_changes_leave_what_a_plain_frame_has(
    tmp_path_factory: pytest.TempPathFactory, operations: list[tuple[str, Any]], spacing: int
) -> None:
    store, plain = DuckDBTickStore(tmp_path_factory.mktemp("lake")), PlainStore()
    store.create("trade")
    for i, (operation, argument) in enumerate(operations):
        if operation == "compact":
            store.compact("trade", rows_per_file=argument)
            continue
        if operation == "retain":
            store.retain("trade", before=NOON + argument * spacing)
            plain.retain(NOON + argument * spacing)
            continue
        new = pd.DataFrame(argument, columns=["symbol", "ts", "price"]).assign(qty=i)
        new["ts"] = NOON + new["ts"] * spacing
        getattr(plain, operation)(new)
        options = {"key": ("ts", "price")} if operation == "upsert" else {}
        getattr(store, operation)("trade", new, **options)
    expected = sorted_frame(plain.rows)
    same(DuckDBTickStore(store.path).read("trade"), expected)
    found = store.query("SELECT symbol, ts_ns AS ts, price, qty FROM trade")
    order = ["symbol", "ts", "price", "qty"]
    assert (
        found.sort_values(order)[order].to_numpy().tolist()
        == expected.sort_values(order)[order].to_numpy().tolist()
    )
    assert store.verify().ok
    last = expected.groupby("symbol").tail(1).reset_index(drop=True)
    same(store.latest("trade"), last)
    limit = NOON + 5 * spacing
    last = expected[expected["ts"] < limit].groupby("symbol").tail(1).reset_index(drop=True)
    same(store.latest("trade", at=limit, strict=True), last)
