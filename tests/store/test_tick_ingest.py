"""Feeds into the store, and the lake on the command line."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omni_lab import _native
from omni_lab.data.events import Events
from omni_lab.data.feed_info import FeedInfo
from omni_lab.data.itch import ItchFile
from omni_lab.errors import ConfigError, DataError
from omni_lab.store import DuckDBStore, DuckDBTickStore, ingest_itch, ingest_tables
from omni_lab.store.lake import format_result, format_tables, query_lake, verify_lake
from tests.store.tick_rows import NOON, frame, quotes, same, trades

NUMBERS = {"A": 1, "B": 2, "C": 300}
SYMBOLS = {number: symbol for symbol, number in NUMBERS.items()}


@pytest.fixture
def store(tmp_path: Path) -> DuckDBTickStore:
    return DuckDBTickStore(tmp_path / "lake")


def numbered(batch: dict[str, Any]) -> dict[str, Any]:
    """A batch as books give it: with numbers of instruments."""
    numbers = np.array([NUMBERS[symbol] for symbol in batch["symbol"]], dtype=np.uint16)
    return {name: values for name, values in batch.items() if name != "symbol"} | {"instrument": numbers}


def day(n_batches: int) -> Iterator[Mapping[str, Mapping[str, Any]]]:
    """Batches of trades and quotes, and one without either."""
    for i in range(n_batches):
        yield {
            "bbo": numbered(quotes(50, seed=i)),
            "trades": numbered(trades(20, seed=i)),
            "depth": {"ts": []},
        }
    yield {}


def test_tables_are_stored_in_batches_of_about_a_size(store: DuckDBTickStore) -> None:
    report = ingest_tables(
        store, day(7), source="day", symbols=SYMBOLS, rows_per_batch=120, compact=False, progress=False
    )
    assert report.n_rows == {"quote": 350, "trade": 140}
    assert report.n_repeated == {}
    assert "490 rows" in str(report)
    assert store.tables().set_index("table")["n_files"].to_dict() == {"quote": 3, "trade": 2}
    same(store.read("quote"), frame(*(quotes(50, seed=i) for i in range(7))))
    same(store.read("trade"), frame(*(trades(20, seed=i) for i in range(7))))


def test_an_interrupted_ingest_is_simply_repeated(store: DuckDBTickStore) -> None:
    def interrupted() -> Iterator[Mapping[str, Mapping[str, Any]]]:
        yield from list(day(5))[:5]
        raise KeyboardInterrupt

    options: dict[str, Any] = {"source": "day", "symbols": SYMBOLS, "rows_per_batch": 100, "progress": False}
    with pytest.raises(KeyboardInterrupt):
        ingest_tables(store, interrupted(), **options)
    assert len(store.read("quote")) == 200
    report = ingest_tables(store, day(7), **options)
    assert report.n_repeated == {"quote": 200, "trade": 100}
    assert report.n_rows == {"quote": 150, "trade": 40}
    same(store.read("quote"), frame(*(quotes(50, seed=i) for i in range(7))))
    assert store.tables()["n_files"].tolist() == [1, 1]
    with pytest.raises(DataError, match="used for other rows"):
        ingest_tables(store, [{"bbo": numbered(quotes(120, seed=1))}], **options)


@dataclass(frozen=True)
class Tables:
    """As much of BookTables as the store looks at."""

    columns: Mapping[str, Mapping[str, Any]]
    info: FeedInfo


def test_what_the_batches_say_about_themselves_is_kept(store: DuckDBTickStore) -> None:
    info = FeedInfo(symbols=SYMBOLS, tick_size=0.01, lot_size=0.5, date=pd.Timestamp("2020-01-02").date())
    batches = [
        Tables({"trades": numbered(trades(10, seed=1))}, info),
        Tables({"breaks": {"ts": [NOON], "instrument": [1], "match_id": [5]}}, info),
        Tables({"status": {"ts": [NOON], "instrument": [0], "kind": [14], "state": [79]}}, info),
    ]
    ingest_tables(store, batches, source="day")  # type: ignore[arg-type]  # it is BookTables enough
    assert store.tables()["tick_size"].tolist() == ["0.01", "0.01", "0.01"]
    assert store.query("SELECT session FROM trade")["session"].unique().tolist() == ["2020-01-02"]
    assert store.read("status")["symbol"].tolist() == ["#0"]
    assert store.query("SELECT match_id FROM break")["match_id"].tolist() == [5]


def test_events_are_stored_with_their_units_and_names(store: DuckDBTickStore) -> None:
    info = FeedInfo(symbols=SYMBOLS, tick_size=0.5, lot_size=0.001)
    columns = {"ts": [NOON, NOON + 1], "kind": [1, 2], "instrument": [300, 2], "price": [3, 0], "qty": [5, 2]}
    order_id = np.array([2**64 - 1, 7], dtype=np.uint64)
    events = Events.from_columns(columns | {"order_id": order_id}, info)
    store.append("event", events)
    found = store.read("event", ["C", "B"], floats=True)
    assert found["order_id"].tolist() == [2**64 - 1, 7]
    assert found["price"].tolist() == [1.5, 0.0]
    assert found["qty"].tolist() == [0.005, 0.002]


def test_a_capture_is_stored_as_its_books_say_it(store: DuckDBTickStore, tmp_path: Path) -> None:
    path = tmp_path / "01302019.NASDAQ_ITCH50"
    _native.itch_write(str(path), messages=20_000, symbols=20, seed=1)
    report = ingest_itch(store, path, levels=3, progress=False, rows_per_batch=5_000)
    tables = ItchFile(path).books(levels=3, progress=False)
    for name, table in {"bbo": "quote", "trades": "trade", "depth": "depth"}.items():
        assert report.n_rows[table] == len(tables.columns[name]["ts"])
    symbol = str(store.symbols("quote").sort_values("n_rows")["symbol"].iloc[-1])
    pd.testing.assert_frame_equal(
        store.read("quote", symbol, floats=True).drop(columns="symbol").replace(0.0, np.nan),
        tables.bbo(symbol).astype(np.float64, errors="ignore").replace(0.0, np.nan),
        check_dtype=False,
    )
    assert store.query("SELECT DISTINCT session FROM quote")["session"].tolist() == ["2019-01-30"]
    assert ingest_itch(store, path, levels=3, progress=False, rows_per_batch=5_000).n_rows == {}
    # Its events make the same book at any moment.
    ingest_itch(store, path, symbol, events=True, progress=False)
    depth = store.read_columns("depth", symbol)
    for row in np.linspace(0, len(depth["ts"]) - 1, 9).astype(int):
        last = int(np.searchsorted(depth["ts"], depth["ts"][row], side="right")) - 1
        book = store.book(symbol, int(depth["ts"][row]), levels=3)
        for side in ("bid_price", "bid_qty", "bid_orders", "ask_price", "ask_qty", "ask_orders"):
            assert book[side].tolist() == depth[side][last].tolist()


def test_the_lake_answers_for_bars_and_ticks(store: DuckDBTickStore) -> None:
    store.append("trade", trades(30, seed=1))
    bars = pd.DataFrame({"ts": pd.to_datetime([NOON], utc=True), "close": [100.0]})
    DuckDBStore(store.path).ingest_frame(bars, source="mine", symbol="A", progress=False)
    assert query_lake("SELECT close FROM bars", store.path)["close"].tolist() == [100.0]
    both = query_lake(
        "SELECT max(trade.price) AS top, any_value(bars.close) AS close FROM trade JOIN bars USING (symbol)",
        store.path,
        floats=True,
    )
    expected = frame(trades(30, seed=1)).query("symbol == 'A'")["price"].max() / 10_000
    assert both.to_numpy().tolist() == [[expected, 100.0]]
    assert [report.ok for report in verify_lake(store.path).values()] == [True, True]
    assert "30 rows: ok" in str(verify_lake(store.path)["ticks"])


def test_results_print_as_tables_csv_and_json(store: DuckDBTickStore) -> None:
    store.append("trade", {"ts": [NOON + 1, NOON + 2], "price": [1, 2], "qty": [3, 4]}, symbol="A")
    found = store.query("SELECT ts, price FROM trade ORDER BY ts")
    assert format_result(found, limit=1).splitlines()[-1] == "… and 1 more"
    assert format_result(found, "csv").splitlines()[1] == "2020-01-01T12:00:00.000000001+00:00,1"
    assert '"price":2' in format_result(found, "json")
    assert format_result(found.head(0)) == "no rows"
    with pytest.raises(ConfigError, match=r"no such format: found 'cvs'.*'csv'"):
        format_result(found, "cvs")
    lines = format_tables(store.tables()).splitlines()
    assert lines[1].split()[:5] == ["trade", "trade", "2", "1", "1"]
