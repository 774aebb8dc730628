"""What goes into the tick store comes out of it, by symbol and time, as whatever people work with."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from omni_lab.errors import (
    ConfigError,
    DataError,
    MissingExtraError,
    SchemaError,
    ShapeError,
    SourceError,
    UnknownSymbolError,
)
from omni_lab.store import Column, DuckDBTickStore, TickReader, TimeSeriesStore
from tests.store.tick_rows import DAY, HOUR, NOON, SECOND, frame, quotes, same, trades


@pytest.fixture
def store(tmp_path: Path) -> DuckDBTickStore:
    return DuckDBTickStore(tmp_path / "lake")


def test_it_is_a_time_series_store_and_makes_nothing_before_it_is_written_to(store: DuckDBTickStore) -> None:
    series: TimeSeriesStore = store
    assert isinstance(series, TimeSeriesStore)
    assert store.tables().empty
    assert store.verify().ok
    assert not store.path.exists()


def test_rows_come_out_by_symbol_and_time_and_ties_in_the_order_they_came(store: DuckDBTickStore) -> None:
    first, second = trades(500, seed=1), trades(300, seed=2, span_ns=HOUR // 2)
    second["ts"] //= SECOND  # many of the same time
    second["ts"] *= SECOND
    store.append("trade", first)
    report = store.append("trade", second)
    assert (report.n_rows, report.n_symbols, report.n_files, report.seq) == (300, 3, 1, 2)
    same(store.read("trade"), frame(first, second))


def test_symbols_come_in_the_order_asked_for(store: DuckDBTickStore) -> None:
    batch = trades(200, seed=3)
    store.append("trade", batch)
    expected = frame(batch)
    parts = [expected[expected["symbol"] == symbol] for symbol in ("C", "A")]
    same(store.read("trade", ["C", "A"]), pd.concat(parts, ignore_index=True))
    by_time = store.read("trade", by_time=True)["ts"]
    assert by_time.is_monotonic_increasing
    assert len(by_time) == 200


def test_a_range_includes_both_its_ends_to_the_nanosecond(store: DuckDBTickStore) -> None:
    ts = NOON + np.array([0, 1, 2, 3])
    store.append("trade", {"ts": ts, "price": [1, 2, 3, 4], "qty": [1, 1, 1, 1]}, symbol="A")
    assert store.read("trade", "A", NOON + 1, NOON + 2)["price"].tolist() == [2, 3]
    assert store.read("trade", "A", np.datetime64(NOON + 3, "ns"))["price"].tolist() == [4]
    assert store.read("trade", "A", "2020-01-01", "2020-01-01")["price"].tolist() == [1, 2, 3, 4]
    assert store.read("trade", "A", end="2019")["price"].tolist() == []
    assert store.read("trade", "A")["ts"].astype(np.int64).tolist() == ts.tolist()


def test_a_long_symbol_is_read_from_the_middle_of_its_row_groups(store: DuckDBTickStore) -> None:
    n_rows = 100_000
    batch = {
        "ts": NOON + np.arange(n_rows),
        "price": np.arange(n_rows),
        "qty": np.ones(n_rows, dtype=np.int64),
    }
    store.append("trade", batch, symbol="B")
    store.append("trade", {name: values[:7] for name, values in batch.items()}, symbol="A")
    store.compact("trade")
    for first, last in ((0, 10), (32_760, 32_775), (50_000, 50_000), (65_536, 99_998), (99_999, 200_000)):
        found = store.read_columns("trade", "B", NOON + first, NOON + last)["price"]
        assert found.tolist() == list(range(first, min(last + 1, n_rows)))


def test_a_batch_over_several_days_is_a_file_a_day_and_a_session_is_one(store: DuckDBTickStore) -> None:
    batch = trades(300, seed=4, span_ns=3 * DAY)
    assert store.append("trade", batch).n_files == 4
    assert store.append("trade", batch, session="2020-01-02").n_files == 1
    assert store.append("trade", batch, session=dt.date(2020, 1, 3)).n_files == 1
    same(store.read("trade"), frame(batch, batch, batch))
    days = store.query("SELECT DISTINCT session FROM trade ORDER BY session")["session"].tolist()
    assert days == ["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-04"]


def test_a_batch_is_stored_once_under_its_name(store: DuckDBTickStore) -> None:
    batch = trades(50, seed=5)
    assert not store.append("trade", batch, batch="morning").repeated
    again = DuckDBTickStore(store.path).append("trade", batch, batch="morning")
    assert again.repeated
    assert again.n_rows == 0
    assert "stored already" in str(again)
    same(store.read("trade"), frame(batch))
    with pytest.raises(DataError, match=r"used for other rows.*found '49 rows', expected '?50 rows"):
        store.append("trade", {name: values[:49] for name, values in batch.items()}, batch="morning")


@pytest.mark.parametrize("kind", ["pandas", "index", "categorical", "arrow", "polars", "bytes", "instrument"])
def test_rows_may_come_in_any_form(store: DuckDBTickStore, kind: str) -> None:
    batch = quotes(100, seed=6)
    table = pd.DataFrame(batch).assign(ts=pd.to_datetime(batch["ts"], utc=True))
    options: dict[str, Any] = {}
    data: Any = table
    match kind:
        case "index":
            data = table.set_index("ts")
        case "categorical":
            data = table.assign(symbol=pd.Categorical(table["symbol"], categories=["Z", "C", "B", "A"]))
        case "arrow":
            data = pa.Table.from_pandas(table)
        case "polars":
            data = pl.from_pandas(table)
        case "bytes":
            data = batch | {"symbol": batch["symbol"].astype("S8")}
        case "instrument":
            numbers = {"A": 7, "B": 4, "C": 65_535}
            data = {name: values for name, values in batch.items() if name != "symbol"}
            data["instrument"] = np.array([numbers[symbol] for symbol in batch["symbol"]], dtype=np.uint16)
            options["symbols"] = {number: symbol for symbol, number in numbers.items()}
    store.append("quote", data, **options)
    same(store.read("quote"), frame(batch))


def test_an_instrument_that_nobody_named_is_called_by_its_number(store: DuckDBTickStore) -> None:
    data = {"ts": [NOON, NOON], "instrument": [0, 3], "price": [1, 2], "qty": [1, 1]}
    store.append("trade", data, symbols=["A", "B"])
    assert store.symbols("trade")["symbol"].tolist() == ["#3", "A"]


def test_rows_come_out_in_any_form(store: DuckDBTickStore) -> None:
    batch = trades(50, seed=7)
    store.append("trade", batch)
    expected = store.read("trade", floats=True)
    assert str(expected["ts"].dtype) == "datetime64[ns, UTC]"
    assert isinstance(expected["symbol"].dtype, pd.CategoricalDtype)
    arrow = store.read_arrow("trade", floats=True)
    assert str(arrow.schema.field("ts").type) == "timestamp[ns, tz=UTC]"
    assert arrow.column("price").to_pylist() == expected["price"].tolist()
    polars = store.read_polars("trade", floats=True)
    assert polars["ts"].to_physical().to_list() == expected["ts"].astype(np.int64).tolist()
    assert polars["symbol"].cast(pl.String).to_list() == expected["symbol"].tolist()
    columns = store.read_columns("trade")
    assert columns["ts"].dtype == np.int64
    assert columns["symbol"].tolist() == expected["symbol"].tolist()
    assert (columns["price"] / 10_000).tolist() == expected["price"].tolist()
    assert list(store.read("trade", "A", columns=["qty"])) == ["ts", "symbol", "qty"]
    assert all(values.flags.writeable for values in columns.values())


def test_without_polars_its_extra_is_named(store: DuckDBTickStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append("trade", trades(5, seed=1))

    def absent(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'polars'")

    monkeypatch.setattr("narwhals.from_arrow", absent)  # it keeps what it once imported
    with pytest.raises(MissingExtraError, match=r"omni-lab\[polars\]"):
        store.read_polars("trade")


def test_prices_are_integers_inside_and_exact_floats_at_the_edge(store: DuckDBTickStore) -> None:
    prices = np.array([100.25, 0.0001, 123_456.7891])
    store.append("trade", {"ts": NOON + np.arange(3), "price": prices, "qty": [1, 2, 3]}, symbol="A")
    assert store.read("trade")["price"].tolist() == [1_002_500, 1, 1_234_567_891]
    assert store.read("trade", floats=True)["price"].tolist() == prices.tolist()
    with pytest.raises(
        DataError, match=r"no multiple of its unit.*100.00005.*0\.0001.*row 1 of column price"
    ):
        store.append("trade", {"ts": [1, 2], "price": [1.0, 100.00005], "qty": [1, 1]}, symbol="A")
    with pytest.raises(DataError, match=r"a number is missing.*row 0 of column price"):
        store.append("trade", {"ts": [1], "price": [np.nan], "qty": [1]}, symbol="A")


def test_a_symbol_may_have_units_of_its_own_for_good(store: DuckDBTickStore) -> None:
    store.append("trade", {"ts": [NOON], "price": [10_000], "qty": [5]}, symbol="A")
    coin = {"ts": [NOON], "price": [65_000.5], "qty": [0.125]}
    store.append("trade", coin, symbol="BTC", tick_size=0.5, lot_size="0.001")
    store.append(
        "trade", {"ts": [NOON], "price": [1.0], "qty": [1]}, symbol="B", lot_size=1.0, tick_size=1e-4
    )
    assert set(store.snapshot("trade").table.own_units) == {"BTC"}
    found = store.read("trade", ["A", "BTC"], floats=True)
    assert found["price"].tolist() == [1.0, 65_000.5]
    assert found["qty"].tolist() == [5.0, 0.125]
    assert store.query(
        "SELECT price, qty FROM trade WHERE symbol != 'B' ORDER BY symbol", floats=True
    ).to_numpy().tolist() == [
        [1.0, 5.0],
        [65_000.5, 0.125],
    ]
    with pytest.raises(DataError, match=r"BTC is stored with other units.*tick_size 0\.01"):
        store.append("trade", coin, symbol="BTC", tick_size=0.01, lot_size="0.001")
    with pytest.raises(DataError, match="different units cannot come in one batch"):
        store.append("trade", {"ts": [1, 1], "symbol": ["A", "BTC"], "price": [1.0, 1.0], "qty": [1, 1]})


def test_depth_goes_in_and_out_with_its_levels(store: DuckDBTickStore) -> None:
    levels = np.arange(6).reshape(2, 3)
    names = [f"{side}_{what}" for side in ("bid", "ask") for what in ("price", "qty", "orders")]
    data = {"ts": [NOON, NOON + 1], **{name: levels + i for i, name in enumerate(names)}}
    store.append("depth", data, symbol="A")
    columns = store.read_columns("depth")
    assert columns["ask_qty"].tolist() == (levels + 4).tolist()
    assert store.read("depth")["bid_price_3"].tolist() == [2, 5]
    store.append("depth", store.read("depth"))
    assert len(store.read("depth")) == 4
    with pytest.raises(SchemaError, match=r"another number of levels.*found 2, expected 3"):
        store.append("depth", {"ts": [1], "bid_price": [[1, 2]], "bid_qty": [[1, 2]]}, symbol="A")


def test_a_tick_table_takes_the_columns_of_its_first_batch_or_those_it_is_made_with(
    store: DuckDBTickStore,
) -> None:
    data = {"ts": [NOON, NOON + 1], "value": [1.5, np.nan], "n": np.array([1, 2], dtype=np.int32)}
    store.append("tick", data | {"word": ["x", "y"], "on": [True, False]}, symbol="A")
    found = store.read("tick")
    assert found["word"].tolist() == ["x", "y"]
    assert found["on"].tolist() == [True, False]
    assert found["n"].dtype == np.int32
    assert np.isnan(found["value"].iloc[1])
    store.create("funding", "tick", columns=[Column("rate", "float64"), Column("note", "text", default="")])
    store.append("funding", {"ts": [NOON], "rate": [0.0001]}, symbol="BTC")
    assert store.read("funding")["note"].tolist() == [""]
    assert store.tables()["table"].tolist() == ["funding", "tick"]


def test_a_table_of_another_name_is_made_first(store: DuckDBTickStore) -> None:
    bars = {"ts": [NOON], "open": [1], "high": [2], "low": [1], "close": [2], "volume": [10]}
    with pytest.raises(SourceError, match=r"no such table.*bar_1min.*create\('bar_1min', kind\)"):
        store.append("bar_1min", bars, symbol="A")
    store.create("bar_1min", "bar", tick_size=0.01)
    store.create("bar_1min", "bar", tick_size=0.01)
    store.append("bar_1min", bars, symbol="A")
    assert store.read("bar_1min", floats=True)["high"].tolist() == [0.02]
    with pytest.raises(DataError, match="there is a table of this name that is different"):
        store.create("bar_1min", "bar")


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"price": None}, SchemaError, r"a column is missing.*expected price"),
        ({"ts": None}, SchemaError, r"a column is missing.*expected ts"),
        ({"colour": [1, 2]}, SchemaError, r"no such column.*'colour'"),
        ({"price": ["1", "2"]}, SchemaError, r"wrong type.*column price"),
        ({"aggressor": [1.0, 2.0]}, SchemaError, r"wrong type.*float64.*expected uint8.*column aggressor"),
        ({"aggressor": [1, 256]}, DataError, r"does not fit.*256.*row 1 of column aggressor"),
        ({"qty": [1]}, ShapeError, r"differ in length.*\(1,\).*\(2,\).*column qty"),
        ({"qty": [[1], [2]]}, ShapeError, r"one dimension.*column qty"),
        ({"ts": [1.5, 2.5]}, SchemaError, r"times have the wrong type.*float64"),
        ({"ts": ["2020", "2021"]}, SchemaError, r"times have the wrong type"),
        ({"ts": np.array(["2020", "NaT"], dtype="M8[ns]")}, DataError, r"a time is missing.*row 1"),
        ({"ts": np.array(["2020", "9999"], dtype="M8[s]")}, DataError, r"cannot be counted in nanoseconds"),
        ({"symbol": ["A", None]}, DataError, r"a symbol is missing.*row 1"),
        ({"symbol": ["A", ""]}, DataError, r"cannot have this name.*''"),
        ({"symbol": ["A", "B\n"]}, DataError, r"cannot have this name"),
        ({"symbol": [1, 2]}, SchemaError, r"symbols have the wrong type|cannot have this name"),
        ({"symbol": None}, SchemaError, r"rows need a symbol"),
    ],
)
def test_bad_rows_are_refused_and_nothing_is_stored(
    store: DuckDBTickStore, change: dict[str, Any], error: type[Exception], match: str
) -> None:
    good = {"ts": [NOON, NOON + 1], "symbol": ["A", "B"], "price": [1, 2], "qty": [1, 1]}
    bad = {name: values for name, values in (good | change).items() if values is not None}
    with pytest.raises(error, match=match):
        store.append("trade", bad)
    assert store.tables().empty
    store.append("trade", good)
    with pytest.raises(error, match=match):
        store.append("trade", bad)
    assert len(store.read("trade")) == 2


def test_what_is_no_table_of_columns_is_refused(store: DuckDBTickStore) -> None:
    with pytest.raises(SchemaError, match=r"rows must come as columns.*'list'"):
        store.append("trade", [1, 2], symbol="A")
    with pytest.raises(SchemaError, match=r"collect\(\)"):
        store.append("trade", pl.LazyFrame({"ts": [1]}), symbol="A")
    with pytest.raises(SchemaError, match="a symbol was named too"):
        store.append("trade", trades(2, seed=1), symbol="A")
    for session in ("today", "2020-02-30"):
        with pytest.raises(DataError, match="a session is a day"):
            store.append("trade", trades(2, seed=1), session=session)
    with pytest.raises(SchemaError, match=r"a column is missing.*expected ts"):
        store.append("trade", pd.DataFrame(trades(2, seed=1)).drop(columns="ts"))
    for name in ("Trade", "../x", "quote"):
        with pytest.raises(SchemaError, match=r"cannot have this name|belongs to another kind"):
            store.create(name, "trade")
    for size, match in (
        (0, "greater than 0"),
        ("inf", "greater than 0"),
        ("nan", ""),
        ("a cent", "not a number"),
    ):
        with pytest.raises(ConfigError, match=f"tick_size.*{match}"):
            store.create("mine", "trade", tick_size=size)
    with pytest.raises(SchemaError, match="no such kind of table"):
        store.create("mine", "trades")


def test_no_rows_are_no_change(store: DuckDBTickStore) -> None:
    nothing = {name: values[:0] for name, values in trades(1, seed=1).items()}
    store.append("trade", nothing)
    assert len(store.read("trade")) == 0
    before = store.snapshot("trade").state.seq
    assert store.append("trade", nothing).n_files == 0
    assert store.snapshot("trade").state.seq == before


def test_an_unknown_table_or_symbol_says_what_there_is(store: DuckDBTickStore) -> None:
    with pytest.raises(SourceError, match=r"no such table.*'trade'.*A first append makes it"):
        store.read("trade")
    store.append("trade", trades(5, ("AAPL", "MSFT"), seed=1))
    with pytest.raises(UnknownSymbolError, match=r"has no such symbol: found 'APPL'.*Did you mean 'AAPL'"):
        store.read("trade", "APPL")
    with pytest.raises(SourceError, match=r"no such table: found 'trades'.*Did you mean 'trade'"):
        store.read("trades")
    with pytest.raises(DataError, match="asked for twice"):
        store.read("trade", ["AAPL", "AAPL"])
    with pytest.raises(DataError, match=r"ends before it starts.*Available: 2020-01-01"):
        store.read("trade", "AAPL", "2021", "2020")
    with pytest.raises(SchemaError, match=r"no such column: found 'bid'"):
        store.read("trade", "AAPL", columns=["bid"])


def test_latest_is_the_last_row_at_or_before_a_moment(store: DuckDBTickStore) -> None:
    for seed in range(4):
        store.append("trade", trades(200, seed=seed, start=NOON + seed * HOUR // 2))
    expected = frame(*(trades(200, seed=seed, start=NOON + seed * HOUR // 2) for seed in range(4)))
    for at in (NOON - 1, NOON + HOUR // 3, NOON + HOUR, NOON + 9 * HOUR):
        for strict in (False, True):
            before = expected[expected["ts"] < at] if strict else expected[expected["ts"] <= at]
            last = before.groupby("symbol").tail(1).reset_index(drop=True)
            same(store.latest("trade", at=at, strict=strict), last)
    ts = int(expected["ts"].iloc[7])
    assert store.latest("trade", "A", ts)["ts"].astype(np.int64).tolist() == [ts]
    assert store.latest("trade", "A", ts, strict=True)["ts"].astype(np.int64).tolist() == [
        int(expected["ts"].iloc[6])
    ]


def test_lists_say_what_there_is(store: DuckDBTickStore) -> None:
    first, second = trades(100, seed=1), trades(50, ("B", "D"), seed=2, start=NOON + DAY)
    store.append("trade", first)
    store.append("trade", second)
    [facts] = store.tables().to_dict("records")
    assert (facts["n_rows"], facts["n_symbols"], facts["n_files"]) == (150, 4, 2)
    assert facts["first"].value == first["ts"][0]
    expected = frame(first, second).groupby("symbol")["ts"].agg(["size", "min", "max"])
    listed = store.symbols("trade")
    assert listed["symbol"].tolist() == expected.index.tolist()
    assert listed["n_rows"].tolist() == expected["size"].tolist()
    assert listed["first"].astype(np.int64).tolist() == expected["min"].tolist()
    assert listed["last"].astype(np.int64).tolist() == expected["max"].tolist()


def test_sql_reads_the_tables_and_nothing_else(store: DuckDBTickStore) -> None:
    batch = trades(200, seed=8)
    store.append("trade", batch)
    store.append("quote", quotes(100, seed=9))
    found = store.query(
        "SELECT symbol, count(*) AS n, max(ts) AS last, sum(price * qty) AS notional FROM trade "
        "WHERE ts_ns >= $since AND symbol IN (SELECT symbol FROM quote) GROUP BY symbol ORDER BY symbol",
        {"since": NOON},
        floats=True,
    )
    expected = frame(batch).assign(notional=lambda t: t["price"] / 10_000 * t["qty"]).groupby("symbol")
    assert found["n"].tolist() == expected.size().tolist()
    assert found["last"].astype(np.int64).tolist() == expected["ts"].max().tolist()
    np.testing.assert_allclose(found["notional"], expected["notional"].sum())
    with pytest.raises(DataError, match="a query only reads"):
        store.query("DROP TABLE trade")
    with pytest.raises(DataError, match=r"rejected the query.*The tables are quote, trade"):
        store.query("SELECT * FROM trads")
    store.create("bar")
    assert store.query("SELECT open, ts FROM bar").empty


def test_a_reader_without_a_writer_reads(store: DuckDBTickStore) -> None:
    store.append("trade", trades(10, seed=1))
    reader = TickReader(store.path)
    assert len(reader.read("trade")) == 10
    assert not hasattr(reader, "append")
    with pytest.raises(DataError, match="a store is a directory"):
        TickReader(next(store.path.rglob("*.parquet")))
