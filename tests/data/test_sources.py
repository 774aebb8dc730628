"""The bundled sources against the files of the packages, read here by other means."""

import csv
import gzip
import math
import sys
from datetime import datetime
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from omni_lab.data.sources import SOURCES, Source, get_source
from omni_lab.errors import DataError, MissingExtraError, SourceError, UnknownSymbolError


def raw(package: str, ending: str) -> list[dict[str, str]]:
    """Rows of a file of an installed package, as text."""
    [entry] = [file for file in metadata.files(package) or [] if file.as_posix().endswith(ending)]
    content = Path(str(entry.locate())).read_bytes()
    text = (gzip.decompress(content) if ending.endswith(".gz") else content).decode("utf-8-sig")
    return list(csv.DictReader(text.splitlines()))


def column(frame: pd.DataFrame, name: str) -> list[float]:
    return [float(value) for value in frame[name]]


def dates(frame: pd.DataFrame) -> list[str]:
    return list(frame["ts"].dt.tz_convert("America/New_York").dt.strftime("%Y-%m-%d"))


@pytest.mark.parametrize("source", SOURCES.values(), ids=str)
def test_a_source_answers_the_protocol(source: Source) -> None:
    assert isinstance(source, Source)
    assert source.description
    assert source.licence_note
    assert source.symbols()


def test_skfolio_closes_are_those_of_its_file() -> None:
    rows = raw("skfolio", "sp500_dataset.csv.gz")
    frame = get_source("skfolio").load(["JPM", "AAPL"])
    assert frame["symbol"].drop_duplicates().tolist() == ["JPM", "AAPL"]
    for symbol in ("JPM", "AAPL"):
        bars = frame[frame["symbol"] == symbol]
        assert column(bars, "close") == [float(row[symbol]) for row in rows]
        assert dates(bars) == [row["Date"] for row in rows]
    assert frame[["open", "high", "low", "volume", "adj_close"]].isna().all(axis=None)


def test_skfolio_has_the_members_the_index_and_the_factors() -> None:
    symbols = get_source("skfolio").symbols()
    assert len(symbols) == 26
    assert {"AAPL", "XOM", "SP500", "MTUM", "QUAL", "SIZE", "USMV", "VLUE"} <= set(symbols)


@pytest.mark.parametrize(
    ("symbol", "ending"),
    [("SPX", "arch/data/sp500/sp500.csv.gz"), ("IXIC", "arch/data/nasdaq/nasdaq.csv.gz")],
)
def test_arch_bars_are_those_of_its_files(symbol: str, ending: str) -> None:
    rows = raw("arch", ending)
    bars = get_source("arch").load([symbol])
    assert dates(bars) == [f"{datetime.strptime(row['Date'], '%m/%d/%Y'):%Y-%m-%d}" for row in rows]
    theirs = ("Open", "High", "Low", "Close", "Volume", "Adj Close")
    for ours, name in zip(("open", "high", "low", "close", "volume", "adj_close"), theirs, strict=True):
        assert column(bars, ours) == [float(row[name]) for row in rows]


@pytest.mark.parametrize(
    ("symbol", "ending", "name", "n_missing"),
    [("VIX", "vix.csv.gz", "vix", 46), ("WTI", "wti.csv.gz", "DCOILWTICO", 290)],
)
def test_days_without_a_price_are_dropped_and_counted(
    symbol: str, ending: str, name: str, n_missing: int
) -> None:
    rows = raw("arch", ending)
    there = [row for row in rows if row[name] not in ("", ".")]
    checked = get_source("arch").load_checked([symbol])
    assert column(checked.frame, "close") == [float(row[name]) for row in there]
    assert len(rows) - len(there) == n_missing
    assert checked.counts() == {symbol: {"missing_price": n_missing}}


def test_daily_bars_close_at_four_in_new_york() -> None:
    times = get_source("arch").load(["SPX"])["ts"]
    assert str(times.dtype) == "datetime64[ns, UTC]"
    local = times.dt.tz_convert("America/New_York")
    assert set(local.dt.strftime("%H:%M:%S")) == {"16:00:00"}
    assert set(times.dt.hour) == {20, 21}


def test_two_libraries_agree_on_the_index() -> None:
    ours = get_source("arch").load(["SPX"]).set_index("ts")["close"]
    theirs = get_source("skfolio").load(["SP500"]).set_index("ts")["close"]
    both = pd.concat([ours, theirs], axis=1, keys=["arch", "skfolio"], join="inner")
    assert len(both) == len(ours)
    assert float((both["arch"] - both["skfolio"]).abs().max()) < 0.005


def test_statsmodels_closes_are_those_of_its_file() -> None:
    rows = raw("statsmodels", "tsa/tests/results/SP500.csv")
    bars = get_source("statsmodels").load()
    assert column(bars, "close") == [float(row["SCHWERTSP500"]) for row in rows]
    assert dates(bars)[:2] == ["1947-01-31", "1947-02-28"]
    # The S&P 500 closed 1985 at 211.28.
    assert (dates(bars)[-1], column(bars, "close")[-1]) == ("1985-12-31", 211.28)


def test_the_dates_of_the_statsmodels_series_follow_from_the_yields_beside_it() -> None:
    theirs = [float(row["SCHWERTBAA"]) for row in raw("statsmodels", "tsa/tests/results/BAA.csv")]
    dated = raw("arch", "default.csv.gz")
    yields = [float(row["BAA"]) for row in dated]

    def n_equal(first: int) -> int:
        window = yields[first : first + len(theirs)]
        return sum(math.isclose(a, b) for a, b in zip(theirs, window, strict=True))

    starts = range(len(yields) - len(theirs) + 1)
    best = max(starts, key=n_equal)
    assert dated[best]["Date"] == "1/1/1947"
    assert dated[best + len(theirs) - 1]["Date"] == "12/1/1985"
    assert n_equal(best) == 466
    assert sorted(map(n_equal, starts))[-2] < 50


def test_the_dates_of_the_statsmodels_series_follow_from_the_market_return() -> None:
    closes = np.array(column(get_source("statsmodels").load(), "close"))
    change = closes[1:] / closes[:-1] - 1.0
    months = raw("arch", "frenchdata.csv.gz")
    market = np.array([float(row["Mkt-RF"]) + float(row["RF"]) for row in months]) / 100.0
    starts = range(len(market) - len(change) + 1)
    fit = [float(np.corrcoef(market[first : first + len(change)], change)[0, 1]) for first in starts]
    assert months[int(np.argmax(fit))]["Date"] == "194702"
    assert max(fit) > 0.98
    assert sorted(fit)[-2] < 0.2


def test_another_file_in_its_place_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "tsa" / "tests" / "results" / "SP500.csv"
    file.parent.mkdir(parents=True)
    file.write_text("SCHWERTSP500\n15.66\n15.43\n")
    fake_package("statsmodels", tmp_path, monkeypatch)
    with pytest.raises(DataError, match=r"not the series whose dates are known: found .*2 rows"):
        get_source("statsmodels").load()


def test_a_file_the_package_does_not_carry_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_package("arch", tmp_path, monkeypatch)
    with pytest.raises(SourceError, match=r"does not carry this file.*sp500\.csv\.gz"):
        get_source("arch").load(["SPX"])


@pytest.mark.parametrize("name", list(SOURCES))
def test_a_missing_package_names_its_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match="samples"):
        get_source(name).load()


def test_reading_a_source_imports_no_library_of_models(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [module for module in sys.modules if module.split(".")[0] in SOURCES]:
        monkeypatch.delitem(sys.modules, name)
    for source in SOURCES.values():
        source.load(source.symbols()[:1])
    assert not set(SOURCES) & set(sys.modules)


def test_an_unknown_source_is_refused_with_the_closest() -> None:
    with pytest.raises(SourceError, match="Did you mean 'skfolio'"):
        get_source("skfolo")


def test_an_unknown_symbol_is_refused_with_the_closest() -> None:
    with pytest.raises(UnknownSymbolError, match="Did you mean 'AAPL'"):
        get_source("skfolio").load(["AAPLE"])


def test_no_symbols_are_refused() -> None:
    with pytest.raises(DataError, match="no symbol was asked for"):
        get_source("arch").load([])


def fake_package(name: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this directory be the package of this name."""
    spec = type("Spec", (), {"submodule_search_locations": [str(directory)]})
    monkeypatch.setattr("omni_lab.data.sources.find_spec", lambda package: spec if package == name else None)
