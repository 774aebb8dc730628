"""The page of all runs: complete, harmless, cheap to keep, and usable with and without scripts."""

import json
import os
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from omni_lab.pipelines import index
from omni_lab.pipelines.folder import write_json, write_text
from omni_lab.pipelines.index import write_index
from omni_lab.pipelines.registry import RunRecord, read_run
from tests.ui.browser import CHROMIUM, WHY_NOT, chromium

DAY = "2026-03-0{}T12:00:00.000+00:00"


def run(runs_dir: Path, number: int, *, status: str = "succeeded", **facts: Any) -> Path:
    folder = runs_dir / f"2026030{number}-120000-toy-{number:08}"
    folder.mkdir(parents=True)
    headline = facts.pop("headline", {"Sharpe ratio": f"0.{number}"})
    content = {
        "status": status,
        "pipeline": "toy",
        "started": DAY.format(number),
        "duration_s": 60.0 * number,
    }
    write_json(folder / "run.json", {**content, "headline": headline, **facts})
    write_text(folder / "report.html", "a report")
    return folder


def rows(runs_dir: Path) -> list[dict[str, Any]]:
    page = (runs_dir / "index.html").read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="runs">(.*?)</script>', page, flags=re.DOTALL)
    assert found is not None
    content: list[dict[str, Any]] = json.loads(found[1])
    return content


def test_every_run_is_there_the_newest_first(tmp_path: Path) -> None:
    for number in (2, 1, 3):
        run(tmp_path, number)
    write_index(tmp_path)
    assert [row["started"][:10] for row in rows(tmp_path)] == ["2026-03-03", "2026-03-02", "2026-03-01"]
    assert rows(tmp_path)[0]["link"] == "20260303-120000-toy-00000003/report.html"
    assert rows(tmp_path)[0]["result"] == [["Sharpe ratio", "0.3"]]


def test_only_folders_that_changed_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [run(tmp_path, number) for number in (1, 2, 3)]
    write_index(tmp_path)
    read: list[str] = []

    def reading(path: Path) -> RunRecord:
        read.append(path.name)
        return read_run(path)

    monkeypatch.setattr(index, "read_run", reading)
    write_index(tmp_path)
    assert read == []
    write_json(folders[1] / "run.json", {"status": "failed", "pipeline": "toy", "started": DAY.format(2)})
    os.utime(folders[1] / "run.json", ns=(1, 1))
    write_index(tmp_path)
    assert read == [folders[1].name]
    assert rows(tmp_path)[1]["status"] == "failed"


def test_a_run_that_goes_on_is_looked_at_again_and_one_that_is_gone_leaves(tmp_path: Path) -> None:
    run(tmp_path, 1, status="running", host="another")
    gone = run(tmp_path, 2)
    write_index(tmp_path)
    for file in gone.iterdir():
        file.unlink()
    gone.rmdir()
    write_index(tmp_path)
    assert [row["status"] for row in rows(tmp_path)] == ["running"]


def test_tags_stay_until_others_are_told(tmp_path: Path) -> None:
    folder = run(tmp_path, 1)
    write_index(tmp_path, tags={folder.name: ("good", "best")})
    write_index(tmp_path)
    assert rows(tmp_path)[0]["tags"] == ["best", "good"]
    write_index(tmp_path, tags={folder.name: ()})
    assert rows(tmp_path)[0]["tags"] == []


@pytest.mark.parametrize(
    "damage", ["", "[]", "{}", '{"version": 1}', '{"version": 99, "runs": {}}', '{"version": 1, "runs": 5}']
)
def test_damage_to_what_is_kept_costs_time_only(tmp_path: Path, damage: str) -> None:
    run(tmp_path, 1)
    write_index(tmp_path)
    (tmp_path / ".index.json").write_text(damage)
    write_index(tmp_path)
    assert len(rows(tmp_path)) == 1


def test_a_folder_that_cannot_be_read_is_listed_as_that(tmp_path: Path) -> None:
    run(tmp_path, 1)
    (tmp_path / "20260302-120000-toy-aaaaaaaa").mkdir()
    (tmp_path / "20260303-120000-toy-bbbbbbbb").mkdir()
    (tmp_path / "20260303-120000-toy-bbbbbbbb" / "run.json").write_text("{")
    write_index(tmp_path)
    assert [row["status"] for row in rows(tmp_path)] == ["unreadable", "unreadable", "succeeded"]


def test_runs_that_end_at_once_are_all_on_the_page(tmp_path: Path) -> None:
    def end(number: int) -> None:
        run(tmp_path, number)
        write_index(tmp_path)

    threads = [threading.Thread(target=end, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rows(tmp_path)) == 8
    assert not list(tmp_path.glob("*.tmp"))


def test_what_a_killed_writer_left_is_cleared_away(tmp_path: Path) -> None:
    for name in (".index.html.0a1b2c3d.tmp", "..index.json.0a1b2c3d.tmp"):
        (tmp_path / name).touch()
    write_index(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".index.json", ".index.lock", "index.html"]


def test_without_runs_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    page = write_index(tmp_path / "runs").read_text(encoding="utf-8")
    assert "omni run backtest" in page


HOSTILE = "</script><script>document.title = 'X'</script><img src=x onerror=\"document.title = 'X'\">"
SHOWN = "[...document.querySelectorAll('tbody tr .id')].map((id) => id.textContent.slice(7, 8)).join('')"


def choose(field: str, value: str) -> str:
    """JavaScript that does what a reader does to a field."""
    return (
        f"(() => {{ const field = document.getElementById('{field}'); field.value = '{value}';"
        " field.dispatchEvent(new Event('input')); field.dispatchEvent(new Event('change')); })()"
    )


@pytest.mark.skipif(CHROMIUM is None, reason=WHY_NOT)
def test_the_page_in_a_browser_searches_filters_sorts_and_trusts_nobody(tmp_path: Path) -> None:
    runs_dir = tmp_path / "runs"
    for number in range(1, 6):
        run(runs_dir, number, changed_parameters=["symbol"], parameters={"symbol": f"S{number}"})
    run(runs_dir, 6, status="failed", error={"message": HOSTILE}, headline={HOSTILE: HOSTILE})
    path = write_index(runs_dir, tags={"20260302-120000-toy-00000002": [HOSTILE]})
    by_time = "document.querySelector('th[data-by=took_s] button').click()"
    with chromium(tmp_path / "profile") as page:
        page.open(path.as_uri(), width=1280)
        page.wait(f"document.getElementById('tools')?.hidden === false && {SHOWN} === '654321'")
        page.value(by_time)
        assert page.value(SHOWN) == "654321", "the longest first"
        page.value(by_time)
        assert page.value(SHOWN) == "123456"
        page.value(choose("search", "symbol=s4"))
        assert page.value(SHOWN) == "4"
        page.value(choose("search", "no such run"))
        assert page.value("document.getElementById('none').hidden") is False
        page.value(choose("search", ""))
        page.value(choose("status", "failed"))
        assert page.value(SHOWN) == "6"
        assert page.value("document.title") == "Runs"
        assert page.value("document.querySelectorAll('img').length") == 0
        assert page.value("document.documentElement.scrollWidth <= innerWidth")
        page.open(path.as_uri(), width=390)
        page.wait(f"{SHOWN} === '654321'")
        assert page.value("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut on a phone"
        assert (page.console, page.hosts) == ([], {""}), "the file itself, and nobody else"
