"""The embedded store: what goes in comes out, and what is wrong is said."""

import gzip
import logging
import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omni_lab.data.sources import get_source
from omni_lab.errors import DataError, SchemaError, SourceError, UnknownSymbolError
from omni_lab.store import BarStore, DuckDBStore


def bars(symbol: str = "A", n: int = 5, *, start: str = "2020-01-01", scale: float = 1.0) -> pd.DataFrame:
    """A few daily bars with open, high, low, volume and an adjusted close at half the close."""
    close = scale * np.linspace(10.0, 11.0, n)
    return pd.DataFrame(
        {
            "ts": pd.date_range(f"{start} 21:00", periods=n, freq="D", tz="UTC").as_unit("ns"),
            "symbol": symbol,
            "open": close - 0.25,
            "high": close + 0.5,
            "low": close - 0.5,
            "close": close,
            "volume": np.arange(100.0, 100.0 + n),
            "adj_close": close / 2.0,
        }
    )


@pytest.fixture
def store(tmp_path: Path) -> DuckDBStore:
    return DuckDBStore(tmp_path / "lake", lock_timeout_s=5.0)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> DuckDBStore:
    """A store with real prices, only read by the tests."""
    store = DuckDBStore(tmp_path_factory.mktemp("real") / "lake")
    store.ingest("skfolio", ["AAPL", "JPM", "MTUM", "SP500"], progress=False)
    store.ingest("arch", progress=False)
    store.ingest("statsmodels", progress=False)
    return store


def test_it_speaks_the_protocol(store: DuckDBStore) -> None:
    assert isinstance(store, BarStore)


# --- in and out -----------------------------------------------------------------------------------------


def test_real_bars_come_out_as_they_went_in(real: DuckDBStore) -> None:
    for name, symbol in (("arch", "SPX"), ("arch", "WTI"), ("skfolio", "AAPL"), ("statsmodels", "SP500_M")):
        expected = get_source(name).load([symbol])
        pd.testing.assert_frame_equal(real.read_bars(symbol), expected, check_exact=True)


def test_a_frame_comes_out_as_it_went_in(store: DuckDBStore) -> None:
    store.ingest_frame(bars(), source="mine", progress=False)
    pd.testing.assert_frame_equal(store.read_bars("A"), bars(), check_exact=True, check_freq=False)


def test_nanoseconds_survive(store: DuckDBStore) -> None:
    frame = bars(n=3)
    frame["ts"] = pd.to_datetime(
        [1_577_912_400_000_000_001, 1_577_912_400_000_000_002, 1_577_912_400_000_000_004]
    )
    store.ingest_frame(frame, source="mine", progress=False)
    ts = store.read_bars("A", start=np.datetime64(1_577_912_400_000_000_002, "ns"))["ts"]
    assert ts.astype("int64").tolist() == [1_577_912_400_000_000_002, 1_577_912_400_000_000_004]
    assert store.query("SELECT max(ts) AS t FROM bars")["t"][0].nanosecond == 4


def test_symbols_come_in_the_order_asked_for(real: DuckDBStore) -> None:
    frame = real.read_bars(["SPX", "AAPL"], "2018-12-28", "2018-12-31")
    assert frame["symbol"].tolist() == ["SPX", "SPX", "AAPL", "AAPL"]
    assert frame["ts"].dt.day.tolist() == [28, 31, 28, 31]


def test_a_day_as_an_end_includes_that_day(real: DuckDBStore) -> None:
    frame = real.read_bars("SPX", "2018-12-31", "2018-12-31")
    assert frame["ts"].tolist() == [pd.Timestamp("2018-12-31 21:00", tz="UTC")]
    assert frame["close"].tolist() == [2506.850098]


def test_symbols_that_file_systems_dislike_are_kept(store: DuckDBStore) -> None:
    for symbol in ("BRK/B", "^GSPC", "../x", "a'b", "EUR:USD", "x*?[1]", "ÅÄÖ"):
        store.ingest_frame(bars(symbol), source="mine", progress=False)
        assert store.read_bars(symbol)["symbol"].unique().tolist() == [symbol]
    assert len(store.symbols()) == 7
    assert store.query("SELECT count(DISTINCT symbol) AS n FROM bars")["n"].tolist() == [7]
    assert store.verify().ok
    assert {path.name for path in store.path.iterdir()} == {"bars"}


def test_a_lake_whose_path_looks_like_a_pattern(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "it's [a] *lake*?")
    store.ingest_frame(bars(), source="mine", progress=False)
    assert len(store.read_bars("A")) == 5
    assert len(store.query("FROM bars")) == 5


def test_polars_and_arrow_frames_are_taken(store: DuckDBStore) -> None:
    polars = pytest.importorskip("polars")
    store.ingest_frame(polars.from_pandas(bars("P")), source="mine", progress=False)
    store.ingest_frame(polars.from_pandas(bars("Q")).to_arrow(), source="mine", progress=False)
    for symbol in ("P", "Q"):
        assert store.read_bars(symbol)["close"].tolist() == bars()["close"].tolist()


def test_real_csv_files_come_out_as_they_went_in(store: DuckDBStore, test_data: Path) -> None:
    path = test_data / "prices_daily" / "djia30_ohlcv" / "AAPL.csv.gz"
    frame = pd.read_csv(path).rename(columns={"Name": "symbol"})
    report = store.ingest_frame(frame, source="djia30", daily_close="16:00 America/New_York", progress=False)
    # Two bars open or close above their high in the file.
    assert report.repairs == {"AAPL": {"widen_range": 2}}
    with gzip.open(path, "rt") as lines:
        rows = [line.rstrip("\n").split(",") for line in lines][1:]
    stored = store.read_bars("AAPL")
    assert stored["ts"].dt.strftime("%Y-%m-%d").tolist() == [row[0] for row in rows]
    for name, position in (("open", 1), ("close", 4), ("volume", 5)):
        assert stored[name].tolist() == [float(row[position]) for row in rows]
    assert stored["low"].tolist() == [min(float(value) for value in row[1:5]) for row in rows]
    assert stored["high"].tolist() == [max(float(value) for value in row[1:5]) for row in rows]


# --- ingesting again ------------------------------------------------------------------------------------


def test_the_same_bars_again_change_nothing(store: DuckDBStore) -> None:
    first = store.ingest("arch", progress=False)
    files = {path: path.stat().st_mtime_ns for path in store.path.rglob("*") if path.is_file()}
    again = store.ingest("arch", progress=False)
    assert (first.changes, again.changes) == ({"added": 4}, {"unchanged": 4})
    assert not again.changed
    assert again.repairs == {"VIX": {"missing_price": 46}, "WTI": {"missing_price": 290}}
    after = {path: path.stat().st_mtime_ns for path in store.path.rglob("*") if path.is_file()}
    assert {path: time for path, time in after.items() if path.name != ".writer.lock"} == {
        path: time for path, time in files.items() if path.name != ".writer.lock"
    }


def test_other_bars_replace_what_was_there_and_say_so(store: DuckDBStore) -> None:
    store.ingest_frame(bars(n=5), source="mine", progress=False)
    report = store.ingest_frame(bars(n=7), source="mine", progress=False)
    assert report.changes == {"replaced": 1}
    assert "A: 5 bars replaced by 7" in str(report)
    assert len(store.read_bars("A")) == 7


def test_calling_prices_adjusted_is_a_change(store: DuckDBStore) -> None:
    closes = bars()[["ts", "symbol", "close"]]
    store.ingest_frame(closes, source="mine", progress=False)
    report = store.ingest_frame(closes, source="mine", prices_adjusted=True, progress=False)
    assert report.changes == {"replaced": 1}
    assert len(store.read_bars("A", adjusted=True)) == 5


def test_a_report_shows_as_a_table(store: DuckDBStore) -> None:
    table = store.ingest("arch", ["VIX"], progress=False).to_pandas()
    assert list(table.loc[0, ["symbol", "change", "n_rows", "n_repaired"]]) == ["VIX", "added", 1259, 46]


def test_bars_at_midnight_are_stored_with_a_note(
    store: DuckDBStore, caplog: pytest.LogCaptureFixture
) -> None:
    frame = bars()
    frame["ts"] = frame["ts"].dt.normalize()
    with caplog.at_level(logging.WARNING):
        report = store.ingest_frame(frame, source="mine", progress=False)
    assert "midnight" in report.notes[0]
    assert "midnight" in str(report)
    assert "midnight" in caplog.text


# --- adjusted prices ------------------------------------------------------------------------------------


def test_adjusted_prices_scale_the_whole_bar(store: DuckDBStore) -> None:
    store.ingest_frame(bars(), source="mine", progress=False)
    raw, adjusted = store.read_bars("A"), store.read_bars("A", adjusted=True)
    for name in ("open", "high", "low", "close"):
        np.testing.assert_allclose(adjusted[name], raw[name] / 2.0, rtol=1e-15)
    assert adjusted["volume"].tolist() == raw["volume"].tolist()
    assert adjusted["close"].tolist() == raw["adj_close"].tolist()


def test_an_adjusted_close_stays_in_its_bar(store: DuckDBStore) -> None:
    rng = np.random.default_rng(7)
    frame = bars(n=2000)
    frame["close"] = frame["high"] = rng.uniform(1.0, 100.0, 2000)
    frame["low"] = frame["open"] = frame["close"]
    frame["adj_close"] = rng.uniform(0.01, 100.0, 2000)
    store.ingest_frame(frame, source="mine", progress=False)
    adjusted = store.read_bars("A", adjusted=True)
    assert (adjusted["low"] <= adjusted["close"]).all()
    assert (adjusted["close"] <= adjusted["high"]).all()


def test_prices_that_come_adjusted_are_read_as_they_are(real: DuckDBStore) -> None:
    pd.testing.assert_frame_equal(real.read_bars("AAPL", adjusted=True), real.read_bars("AAPL"))


def test_adjusted_prices_that_do_not_exist_are_refused(store: DuckDBStore) -> None:
    store.ingest_frame(bars().drop(columns="adj_close"), source="mine", progress=False)
    with pytest.raises(DataError, match="no adjusted prices: found 'A'"):
        store.read_bars("A", adjusted=True)


# --- for the engine -------------------------------------------------------------------------------------


def test_bars_are_loaded_for_the_engine(real: DuckDBStore) -> None:
    loaded = real.load(["IXIC", "SPX"], "2018-12-28", "2018-12-31")
    assert loaded.symbols == ("IXIC", "SPX")
    assert loaded.has_ohlc
    frame = real.read_bars(["IXIC", "SPX"], "2018-12-28", "2018-12-31")
    for name in ("open", "high", "low", "close", "volume"):
        panel = getattr(loaded, name)()
        np.testing.assert_allclose(panel.T.ravel(), frame[name].to_numpy(), rtol=1e-12)


def test_a_symbol_without_a_bar_is_nan_in_the_panel(real: DuckDBStore) -> None:
    loaded = real.load(["AAPL", "MTUM"], "2013-12-30", "2014-01-02")
    assert not loaded.has_ohlc
    assert np.isnan(loaded.close()).tolist() == [[False, True], [False, True], [False, False]]
    assert loaded.close()[-1, 1] == pytest.approx(52.704)


def test_closes_and_whole_bars_are_not_mixed_by_accident(real: DuckDBStore) -> None:
    with pytest.raises(DataError, match=r"closes alone for AAPL.*closes_only=True"):
        real.load(["SPX", "AAPL"])
    assert not real.load(["SPX", "AAPL"], closes_only=True).has_ohlc


def test_volumes_that_are_not_complete_are_kept_noted_and_not_given_to_the_engine(store: DuckDBStore) -> None:
    frame = bars().assign(volume=[1.0, float("nan"), 3.0, 4.0, 5.0])
    report = store.ingest_frame(frame, source="mine", progress=False)
    assert report.notes == ("A: 1 of 5 bars have no volume",)
    assert store.read_bars("A")["volume"].isna().tolist() == [False, True, False, False, False]
    assert store.load("A").volume() is None


# --- which symbol ---------------------------------------------------------------------------------------


def test_a_symbol_of_two_sources_is_taken_where_it_has_whole_bars(store: DuckDBStore) -> None:
    store.ingest_frame(bars("A", 5), source="whole", progress=False)
    store.ingest_frame(bars("A", 9)[["ts", "symbol", "close"]], source="closes", progress=False)
    assert len(store.read_bars("A")) == 5
    assert len(store.read_bars("A", source="closes")) == 9
    assert len(store.read_bars("closes:A")) == 9


def test_a_symbol_of_two_equal_sources_must_be_named_with_its_source(store: DuckDBStore) -> None:
    for source in ("one", "two"):
        store.ingest_frame(bars("A"), source=source, progress=False)
    with pytest.raises(DataError, match=r"several sources have this symbol.*'one:A', 'two:A'"):
        store.read_bars("A")
    assert len(store.read_bars("two:A")) == 5


def test_an_unknown_symbol_gets_close_matches_and_what_to_run(real: DuckDBStore) -> None:
    with pytest.raises(UnknownSymbolError, match=r"Did you mean 'AAPL'\? `omni store ls`"):
        real.read_bars("aapl")


def test_a_symbol_that_a_bundled_source_has_is_said_to_be_there(store: DuckDBStore) -> None:
    with pytest.raises(UnknownSymbolError, match=r"'arch' has it: run `omni ingest`"):
        store.read_bars("SPX")
    with pytest.raises(UnknownSymbolError, match="store is empty: run `omni ingest`"):
        store.read_bars("NOPE")


def test_a_symbol_of_another_source_is_said_to_be_there(real: DuckDBStore) -> None:
    with pytest.raises(UnknownSymbolError, match="stored as 'skfolio:AAPL'"):
        real.read_bars("AAPL", source="arch")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), "no symbol was asked for"),
        ((["SPX", "SPX"],), "asked for twice"),
        ((["SPX", "arch:SPX"],), "asked for twice"),
        ((7,), "symbols are text"),
        (([7],), "a symbol is a string"),
        (("SPX", "2019"), r"no bar of SPX lies in the range.*1999-01-04T21:00:00Z to 2018-12-31T21:00:00Z"),
        (("SPX", "2010", "2009"), r"ends before it starts.*Available: SPX 1999"),
        (("SPX", "soon"), r"start is not a date.*Available: SPX 1999"),
        (("SPX", None, 2010), "end is not a date"),
        ((["AAPL", "MTUM"], "1990", "2000"), r"no bar of MTUM.*MTUM 2014-01-02"),
    ],
)
def test_what_cannot_be_read_is_refused_and_what_there_is_is_said(
    real: DuckDBStore, arguments: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        real.read_bars(*arguments)


# --- what it refuses to store ---------------------------------------------------------------------------


def test_bad_bars_leave_the_store_as_it_was(store: DuckDBStore) -> None:
    store.ingest_frame(bars(), source="mine", progress=False)
    before = store.fingerprint()
    with pytest.raises(DataError, match=r"source 'mine': A at 2020-01-03.*not positive|not positive"):
        store.ingest_frame(bars().assign(close=[1.0, 1.0, -1.0, 1.0, 1.0]), source="mine", progress=False)
    assert store.fingerprint() == before


def test_an_unknown_source_is_refused(store: DuckDBStore) -> None:
    with pytest.raises(SourceError, match="unknown source: found 'yahoo'"):
        store.ingest("yahoo")
    assert not store.path.exists()


@pytest.mark.parametrize("source", ["", "My Source", "../up", "A"])
def test_a_source_name_is_plain(store: DuckDBStore, source: str) -> None:
    with pytest.raises(DataError, match="cannot have this name"):
        store.ingest_frame(bars(), source=source)


def test_a_symbol_is_named_once(store: DuckDBStore) -> None:
    with pytest.raises(SchemaError, match="a symbol was named too"):
        store.ingest_frame(bars(), source="mine", symbol="B")
    store.ingest_frame(bars().drop(columns="symbol"), source="mine", symbol="B", progress=False)
    assert len(store.read_bars("B")) == 5


def test_something_else_than_a_frame_is_refused(store: DuckDBStore) -> None:
    with pytest.raises(SchemaError, match="found 'list'"):
        store.ingest_frame([1, 2, 3], source="mine", symbol="A")


def test_a_symbol_too_long_for_a_file_name_is_refused(store: DuckDBStore) -> None:
    with pytest.raises(DataError, match="too long"):
        store.ingest_frame(bars("A" * 300), source="mine", progress=False)
    with pytest.raises(SourceError, match="A" * 300):
        store.read_bars("A" * 300)


def test_a_file_in_place_of_the_lake_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("")
    with pytest.raises(DataError, match="a store is a directory"):
        DuckDBStore(tmp_path / "lake")


def test_a_lake_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "file" / "lake")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="the store cannot be written"):
        store.ingest_frame(bars(), source="mine")


# --- SQL ------------------------------------------------------------------------------------------------


def test_a_query_reads_every_bar(real: DuckDBStore) -> None:
    result = real.query(
        "SELECT symbol, count(*) AS n, max(ts) AS last, count(open) AS opens FROM bars "
        "WHERE source = $source GROUP BY symbol ORDER BY symbol",
        {"source": "arch"},
    )
    assert result["symbol"].tolist() == ["IXIC", "SPX", "VIX", "WTI"]
    assert result["n"].tolist() == [5031, 5031, 1259, 8321]
    assert result["opens"].tolist() == [5031, 5031, 0, 0]
    assert str(result["last"].dtype) == "datetime64[ns, UTC]"


def test_a_query_returns_every_type(real: DuckDBStore) -> None:
    result = real.query(
        "SELECT ts, open, NULL AS nothing, [1, 2] AS list, DATE '2020-01-01' AS day, "
        "TIMESTAMPTZ '2020-01-01 00:00:00+01' AS z, CASE WHEN ts_ns > 0 THEN NULL ELSE 1 END AS maybe "
        "FROM bars WHERE symbol = 'VIX' LIMIT 2"
    )
    assert result["open"].isna().all()
    assert result["maybe"].isna().all()
    assert result["z"][0] == pd.Timestamp("2019-12-31 23:00", tz="UTC")


def test_an_empty_store_has_an_empty_view(store: DuckDBStore) -> None:
    assert store.query("FROM bars").empty
    assert store.symbols().empty
    assert store.verify().ok
    assert not store.path.exists()


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DROP VIEW bars", "a query only reads: found 'DROP'"),
        ("SELECT 1; SELECT 2", "found 'SELECT, SELECT'"),
        ("COPY bars TO 'x.csv'", "found 'COPY'"),
        ("INSERT INTO bars SELECT * FROM bars", "found 'INSERT'"),
        ("ATTACH 'x.db'", "found 'ATTACH'"),
        ("", "found 'nothing'"),
        ("SELEKT 1", "DuckDB rejected the query"),
        ("SELECT nope FROM bars", "DuckDB rejected the query"),
        ("SELECT 1 AS a, 2 AS a", "share a name"),
    ],
)
def test_only_one_select_is_a_query(real: DuckDBStore, statement: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        real.query(statement)


# --- what is stored -------------------------------------------------------------------------------------


def test_symbols_are_listed(real: DuckDBStore) -> None:
    table = real.symbols().set_index("symbol")
    assert table.index.tolist() == ["AAPL", "IXIC", "JPM", "MTUM", "SP500", "SP500_M", "SPX", "VIX", "WTI"]
    assert list(table.loc["SPX", ["source", "n_rows", "has_ohlc"]]) == ["arch", 5031, True]
    assert list(table.loc["AAPL", ["source", "n_rows", "has_ohlc"]]) == ["skfolio", 8313, False]
    assert table.loc["SPX", "first"] == pd.Timestamp("1999-01-04 21:00", tz="UTC")


def test_a_fingerprint_is_of_the_content_alone(tmp_path: Path) -> None:
    one, two = DuckDBStore(tmp_path / "one"), DuckDBStore(tmp_path / "two")
    for symbol in ("A", "B"):
        one.ingest_frame(bars(symbol), source="mine", progress=False)
    for symbol in ("B", "A"):
        two.ingest_frame(bars(symbol)[::-1][::-1], source="mine", progress=False)
    assert one.fingerprint() == two.fingerprint() == one.fingerprint(["B", "A"])
    assert one.fingerprint("A") != one.fingerprint("B")
    two.ingest_frame(bars("A", scale=1.0 + 1e-15), source="mine", progress=False)
    assert one.fingerprint("A") != two.fingerprint("A")
    assert one.fingerprint("B") == two.fingerprint("B")


def test_a_store_travels_to_another_process(real: DuckDBStore) -> None:
    assert pickle.loads(pickle.dumps(real)).fingerprint() == real.fingerprint()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside a thread that has read"])
def test_a_forked_process_reads_too(real: DuckDBStore, beside: bool) -> None:
    n_bars = len(real.read_bars("SPX"))
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=lambda: answers.put(len(real.read_bars("SPX"))), daemon=True)
    with ThreadPoolExecutor(1) as thread:
        if beside:
            assert len(thread.submit(real.read_bars, "SPX").result()) == n_bars
        child.start()
        child.join(60)
    assert child.exitcode == 0
    assert answers.get() == n_bars
