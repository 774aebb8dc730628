"""Parts that pages share: what is sent of a long line, files of tables, charts that grow."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omni_lab.errors import ShapeError
from omni_lab.system.people import LOCAL
from omni_lab.system.services import Services
from omni_lab.ui.dashboard import Page as DashboardPage
from omni_lab.ui.dashboard import Session, dashboard_app
from omni_lab.ui.dashboard.components import Chart, Column, Line, RowAction, Series, Table, Tile, Tiles, rows
from omni_lab.ui.dashboard.components.series import stretch, thinned
from tests.ui.browser import Page
from tests.ui.dashboard.served import accessibility, complaints, picture, rows_of, script, serve, shown, wait

SECOND = 10**9
N = 1_000_000


def walk() -> tuple[Any, Any]:
    """A million points, one of them far out."""
    ts = 1_700_000_000 * SECOND + np.arange(N) * (SECOND // 100)
    values = 100.0 + np.cumsum(np.random.default_rng(3).normal(0.0, 0.01, N))
    values[123_456] = 250.0
    return ts, values


def test_a_thinned_line_keeps_its_ends_and_what_stands_out() -> None:
    ts, values = walk()
    rows = thinned(ts, values, 0, N, 2_000)
    assert len(rows) <= 2_000
    assert rows[0] == 0
    assert rows[-1] == N - 1
    assert 123_456 in rows
    assert (np.diff(rows) > 0).all()
    gaps = values.copy()
    gaps[500_000:600_000] = np.nan
    assert np.isnan(gaps[thinned(ts, gaps, 0, N, 2_000)]).any()


def test_a_short_stretch_is_sent_whole_with_its_neighbours() -> None:
    ts, values = walk()
    found = stretch(ts, values, ts[1_000] / 1e6, ts[1_100] / 1e6)
    assert found["n"] == 101
    assert found["x"] == (ts[999:1_102] / 1e6).tolist()
    assert found["y"] == values[999:1_102].tolist()
    assert stretch(ts[:0], values[:0], None, None)["n"] == 0
    outside = stretch(ts, values, 0.0, 1e15)
    assert (outside["n"], [outside["from"], outside["to"]]) == (N, outside["whole"])


def test_times_and_values_of_a_line_are_equally_long(services: Services) -> None:
    with pytest.raises(ShapeError, match="equally long"):
        Series("x", Session(services, LOCAL, None)).fill([1, 2], [1.0])


def test_a_file_of_a_table_has_all_rows_and_types(services: Services) -> None:
    columns = [Column(key="id", label="Id", kind="int"), Column(key="ts", label="At", kind="time")]
    columns.append(Column(key="qty", label="Qty", kind="qty"))
    table = Table("Some orders", columns, key="id", session=Session(services, LOCAL, None), most=2)
    table.fill({"id": i, "ts": i * SECOND, "qty": np.nan if i == 2 else float(i)} for i in range(1, 4))
    assert table._frame is not None
    assert table._frame["rows"] == [[1, 1_000.0, 1.0], [2, 2_000.0, None]]
    assert table._frame["n"] == 3
    kept = pd.read_parquet(io.BytesIO(table.file("parquet")))
    assert kept["id"].tolist() == [1, 2, 3]
    assert str(kept["ts"].dtype) == "datetime64[ns, UTC]"
    lines = table.file("csv").decode().splitlines()
    assert lines[0] == "id,ts,qty"
    assert lines[3].startswith("3,1970-01-01 00:00:03")


def test_a_chart_sends_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    chart = Chart("x", Line(label="x"))
    monkeypatch.setattr(chart, "_send_msg", sent.append)
    ts, values = np.arange(1, 4) * SECOND, np.array([1.0, np.nan, 3.0])
    chart.extend(ts, values)
    assert sent == []
    chart._handle_msg({"ready": True})
    chart.extend(ts, values)
    assert '"reset": true, "x": [1000.0, 2000.0, 3000.0], "y": [[1.0, null, 3.0]]' in sent[0]
    chart.extend(np.append(ts, 4 * SECOND), np.append(values, 4.0))
    assert len(sent) == 1
    chart._handle_msg({"shown": 1})
    chart.extend(np.append(ts, 4 * SECOND), np.append(values, 4.0))
    assert '"reset": false, "x": [4000.0], "y": [[4.0]]' in sent[1]


def test_a_number_is_never_cut(browser: Page, services: Services) -> None:
    sums = [0.5, -117_114.25, 1_234_567.25, -98_765_432.25, 1_234_567_890.25, 1e12 + 0.25, -0.01]

    def view(session: Session) -> Any:
        tiles = Tiles(*(Tile(key=str(n), label="Sum", kind="money", decimals=2) for n in range(len(sums))))
        tiles.show({str(n): {"value": value} for n, value in enumerate(sums)})
        return tiles

    shown_page = DashboardPage(title="Sums", key="s", slug="sums", view=view)
    cut = "all('.tile .value').filter(e => e.scrollWidth > e.clientWidth || e.textContent.length < 4)"
    with serve(services, {"/dashboard": dashboard_app(services, pages=(shown_page,))}) as served:
        for width in (1440, 1280, 390):
            browser.open(served.url, width=width, height=800)
            shown(browser)
            browser.wait(script("all('.tile .value').some(e => e.textContent === '1,234,567,890.25')"))
            assert browser.value(script(f"{cut}.map(e => e.textContent)")) == []
        browser.call("Page.navigate", url="about:blank")


def test_a_million_points_and_a_table_in_a_browser(
    browser: Page, services: Services, artefacts: Path, tmp_path: Path
) -> None:
    acted: list[Any] = []
    ts, values = walk()

    def view(session: Session) -> Any:
        series = Series("Price", session)
        series.fill(ts, values)
        columns = [Column(key="name", label="Name"), Column(key="n", label="Number", kind="int")]
        action = RowAction(name="drop", label="Drop")
        table = Table(
            "Names",
            columns,
            key="name",
            session=session,
            actions=[action],
            act=lambda name, key: acted.append((name, key)),
            select="one",
            chosen=acted.append,
        )
        table.fill({"name": f"name {i}", "n": i * 1_000} for i in range(1_000))
        return rows(series, table)

    shown_page = DashboardPage(title="Parts", key="p", slug="parts", view=view)
    page = browser
    page.console.clear()
    with serve(services, {"/dashboard": dashboard_app(services, pages=(shown_page,))}) as served:
        page.open(served.url, width=1440, height=1_000)
        shown(page)
        page.wait(script("box('Price').querySelector('.said').textContent.includes('1,000,000 points')"))
        picture(page, artefacts, "parts")
        page.value(script("box('Price').querySelector('.canvas').focus()"))
        for _ in range(3):
            page.press("+")
        page.wait(script("box('Price').querySelector('.said').textContent.startsWith('125,00')"))

        assert rows_of(page, "Names")[1][:2] == ["name 1", "1,000"]
        assert page.value(script("box('Names').querySelectorAll('tbody tr').length")) < 200
        page.value(script("box('Names').querySelectorAll('th .field')[1].focus()"))
        page.write(">997,000")
        page.wait(script("box('Names').querySelectorAll('tbody tr').length === 2"))
        page.click(script("box('Names').querySelectorAll('thead button')[1]"))
        page.click(script("box('Names').querySelectorAll('thead button')[1]"))
        wait(lambda: rows_of(page, "Names")[0][1] == "999,000")
        assert (
            page.value(script("box('Names').querySelectorAll('th')[1].getAttribute('aria-sort')"))
            == "descending"
        )
        page.click(script("box('Names').querySelector('tbody button')"))
        page.click(script("box('Names').querySelector('tbody td')"))
        wait(lambda: acted == [("drop", "name 999"), ["name 999"]])
        assert accessibility(page) == []
        page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
        page.click(script("said('button', 'CSV')"))
        wait(lambda: [each for each in tmp_path.iterdir() if each.suffix == ".csv"])
        assert complaints(page) == []
        page.call("Page.navigate", url="about:blank")
    assert len((tmp_path / "names.csv").read_text().splitlines()) == 1_001
