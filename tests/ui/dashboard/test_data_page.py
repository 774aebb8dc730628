"""Data & features: what the lake has, its faults and the drift of its features, in a browser as computed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from omni_lab.data import TradingCalendar
from omni_lab.data.synthetic import synthetic_bars
from omni_lab.errors import DataError, UnknownSymbolError
from omni_lab.features import indicators
from omni_lab.features.drift import drift
from omni_lab.pipelines.studies import quality
from omni_lab.store import DuckDBStore
from omni_lab.system.services import Services
from omni_lab.ui.dashboard.states.data import DataState, bar_features
from omni_lab.ui.dashboard.states.prices import PricesState, columns_of
from tests.ui.browser import Page
from tests.ui.dashboard.desk import desk, stock, trading_days
from tests.ui.dashboard.served import (
    Served,
    accessibility,
    click,
    complaints,
    go,
    picture,
    rows_of,
    says,
    script,
)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A lake with two whole instruments, one that lacks a month, and one that is never quiet again."""
    with desk(Path(tmp_path_factory.mktemp("desk"))) as opened:
        stock(opened, "AAPL", "MSFT")
        store = DuckDBStore(opened.settings.lake_dir)
        days = trading_days(400)
        rng = np.random.default_rng(9)
        scale = np.where(np.arange(400) < 340, 0.005, 0.03)
        frames = {"GAPS": days.delete(list(range(100, 122))), "WILD": days}
        for symbol, index in frames.items():
            close = 50.0 * np.cumprod(1.0 + scale[: len(index)] * rng.standard_normal(len(index)))
            frame = pd.DataFrame({"ts": index, "close": np.round(close, 2)})
            store.ingest_frame(
                frame, source="made", symbol=symbol, daily_close="16:00 America/New_York", progress=False
            )
        yield opened


def test_what_is_stored_is_listed(services: Services) -> None:
    rows = {row["symbol"]: row for row in DataState(services).stored()}
    assert set(rows) == {"AAPL", "MSFT", "GAPS", "WILD"}
    assert (rows["GAPS"]["n_rows"], rows["WILD"]["n_rows"]) == (378, 400)
    assert rows["WILD"]["has"] == "close"


def test_bars_are_examined_as_the_pipeline_does(services: Services) -> None:
    found = DataState(services).examine()
    store = DuckDBStore(services.settings.lake_dir)
    expected = quality.examine(store.load("GAPS"), TradingCalendar.of("XNYS"), quality.Thresholds())
    assert next(each for each in found.found if each.symbol == "GAPS") == expected
    rows = found.rows()
    verdicts = {row["symbol"]: row["verdict"] for row in rows}
    assert (verdicts["AAPL"], verdicts["GAPS"]) == ("pass", "fail")
    assert rows[0]["verdict"] == "fail"
    assert next(row for row in rows if row["symbol"] == "GAPS")["n_missing"] >= 20


def test_days_are_those_of_the_sessions(services: Services) -> None:
    state = DataState(services)
    for name, text in (("symbol", "GAPS"), ("year", "2024"), ("years", "1")):
        state.calendar_form.say(name, text)
    found = state.calendar()
    assert (found.calendar, found.guessed) == ("XNYS", True)
    gone = trading_days(400)[100:122]
    assert [row["day"] for row in found.rows()] == [str(day.date()) for day in gone[::-1]]
    assert {row["state"] for row in found.rows()} == {"missing"}
    assert found.plot().alt == f"GAPS: 230 of 252 sessions complete; 22 missing, the first {gone[0].date()}"
    state.calendar_form.say("calendar", "XLON")
    other = state.calendar()
    assert (other.guessed, other.found.n_expected.sum()) == (
        False,
        len(TradingCalendar.of("XLON").sessions("2024-01-01", "2024-12-31")),
    )
    state.calendar_form.say("symbol", "")
    assert "symbol" in state.calendar_form.problem()
    state.calendar_form.say("symbol", "GAPS")
    state.calendar_form.say("calendar", "XLOM")
    assert "calendar" in state.calendar_form.problem()


def test_drift_is_that_of_the_features(services: Services) -> None:
    state = DataState(services)
    for name, text in (("symbol", "WILD"), ("recent", "60"), ("reference", "300"), ("window", "20")):
        state.drift_form.say(name, text)
    found = state.drift()
    close = DuckDBStore(services.settings.lake_dir).load("WILD").close()[:, 0]
    steps = indicators.returns(close)
    assert found.by_feature["return"].psi == drift(steps[-360:-60], steps[-60:]).psi
    assert found.by_feature["volatility"].verdict == "moved"
    assert found.rows()[0]["psi"] == max(each.psi for each in found.by_feature.values())
    state.drift_form.say("recent", "390")
    with pytest.raises(DataError, match="too few bars"):
        state.drift()


def test_somebody_who_looks_fetches_nothing(services: Services) -> None:
    state = DataState(services)
    state.examine_form.say("symbols", "SPX")
    with pytest.raises(UnknownSymbolError):
        state.examine()
    state.calendar_form.say("symbol", "SPX")
    with pytest.raises(UnknownSymbolError):
        state.calendar()
    assert len(state.stored()) == 4


def test_features_need_what_they_are_made_of() -> None:
    bars = synthetic_bars(n_bars=200)
    found = bar_features(bars, 20)
    assert set(found) >= {"range", "relative_volume", "volatility", "rsi"}
    assert all(values.shape == (200,) for values in found.values())
    steps = indicators.returns(bars.close()[:, 0])
    assert found["volatility"][-1] == pytest.approx(steps[-20:].std(ddof=1))


def test_prices_are_those_of_the_lake(services: Services) -> None:
    state = PricesState(services)
    assert "name an instrument" in state.form.problem()
    state.begin(DataState(services).stored())
    assert state.form.problem() == ""
    for name, text in (("symbol", "GAPS"), ("across", "z_score"), ("up", "volatility")):
        state.form.say(name, text)
    found = state.look()
    bars = DuckDBStore(services.settings.lake_dir).load("GAPS")
    np.testing.assert_array_equal(found.close, bars.close()[:, 0])
    np.testing.assert_array_equal(found.across, indicators.zscore(found.close, 20))
    assert (found.names, found.times) == (("z score", "volatility"), False)
    state.form.say("across", "time")
    assert state.look().across.tolist() == (bars.ts / 1e6).tolist()
    state.form.say("up", "volume")
    with pytest.raises(DataError, match="have no volume"):
        state.look()
    state.form.say("up", "colour")
    assert "up" in state.form.wrong
    whole = columns_of(synthetic_bars(n_bars=50), 20)
    assert set(whole) >= {"open", "high", "low", "close", "volume", "range", "return"}


def test_coverage_and_quality_in_a_browser(page: Page, served: Served, artefacts: Path) -> None:
    go(page, served, "data", height=1500)
    page.wait(script("box('In the lake')?.querySelectorAll('tbody tr').length === 4"))
    stored = {row[0]: row[2] for row in rows_of(page, "In the lake")}
    assert stored["GAPS"] == "378"
    says(page, ".empty", "Nothing was examined yet.")
    click(page, "form.form [type=submit]")
    page.wait(script("box('Quality')?.querySelectorAll('tbody tr').length === 4"))
    expected = DataState(served.services).examine()
    shown = {row[0]: row[1] for row in rows_of(page, "Quality")}
    assert shown == {row["symbol"]: row["verdict"] for row in expected.rows()}
    alt = "box('Coverage')?.querySelector('figure svg')?.parentElement.getAttribute('aria-label')"
    assert page.wait(script(alt)) == expected.plot().alt
    assert accessibility(page) == []
    assert complaints(page) == []
    picture(page, artefacts, "data-dark")


def test_days_in_a_browser(page: Page, served: Served, artefacts: Path) -> None:
    go(page, served, "data", height=1400, theme="light", tab="days")
    alt = "box('Calendar of coverage')?.querySelector('figure svg')?.parentElement.getAttribute('aria-label')"
    page.wait(script(f"({alt} || '').startsWith('AAPL: ')"))
    assert rows_of(page, "Days that are not whole") == []
    click(page, "tbody tr", "GAPS")
    page.wait(script(f"({alt} || '').startsWith('GAPS: ')"))
    state = DataState(served.services)
    state.calendar_form.say("symbol", "GAPS")
    expected = state.calendar()
    assert page.value(script(alt)) == expected.plot().alt
    shown = {row[0]: (row[2], row[3], row[4]) for row in rows_of(page, "Days that are not whole")}
    assert shown == {row["day"]: (row["state"], "0", "1") for row in expected.rows()}
    assert accessibility(page) == []
    assert complaints(page) == []
    picture(page, artefacts, "data-days-light")


def test_drift_in_a_browser(page: Page, served: Served, artefacts: Path) -> None:
    go(page, served, "data", height=1400, theme="light", tab="drift")
    page.wait(script("box('In the lake')?.querySelectorAll('tbody tr').length === 4"))
    click(page, "tbody tr", "WILD")
    page.wait(script("all('form.form input.field').some(i => i.value === 'WILD')"))
    click(page, "form.form [type=submit]")
    page.wait(script("box('Features')?.querySelectorAll('tbody tr').length > 3"))
    state = DataState(served.services)
    state.drift_form.say("symbol", "WILD")
    expected = {row["feature"]: f"{row['psi']:.3f}" for row in state.drift().rows()}
    assert {row[0]: row[2] for row in rows_of(page, "Features")} == expected
    click(page, "tbody tr", "z_score")
    alt = "box('Distribution')?.querySelector('figure svg')?.parentElement.getAttribute('aria-label')"
    page.wait(script(f"({alt} || '').startsWith('z score')"))
    assert accessibility(page) == []
    assert complaints(page) == []
    picture(page, artefacts, "data-drift-light")


def test_prices_in_a_browser(page: Page, served: Served, artefacts: Path) -> None:
    go(page, served, "data", height=1400, theme="dark", tab="prices")
    page.wait(script("box('In the lake')?.querySelectorAll('tbody tr').length === 4"))
    says(page, ".empty", "Nothing was looked at yet.")
    click(page, "tbody tr", "WILD")
    page.wait(script("all('form.form input.field').some(i => i.value === 'WILD')"))
    click(page, "form.form [type=submit]")
    page.wait(script("box('Close')?.querySelector('.said').textContent.includes('400 points')"))
    # The first bar has no return.
    page.wait(script("box('Cloud')?.querySelector('.said').textContent.startsWith('399 points')"))
    told = page.value(script("box('Cloud').querySelector('canvas').getAttribute('aria-label')"))
    assert told.startswith("Cloud: 399 points, return from −0.")
    assert " against time from 2024-01-03 21:00:00 to " in told
    assert accessibility(page) == []
    picture(page, artefacts, "data-prices-dark")
    # These bars are closes only: what they lack is said, and nothing else is drawn in its place.
    page.value(
        script(
            "(i => { i.value = 'volume'; i.dispatchEvent(new Event('change', {bubbles: true})); })"
            "(all('.form-row select')[0])"
        )
    )
    click(page, "form.form [type=submit]")
    says(page, ".empty", "these bars have no volume")
    assert accessibility(page) == []
    assert complaints(page) == []
