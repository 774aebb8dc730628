"""Runs & schedules in a browser: a run from its log to its notebook, two beside each other, hours edited."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from omni_lab.errors import ConfigError, ForbiddenError
from omni_lab.pipelines.schedules import Schedule, ScheduleStore
from omni_lab.system.people import LOCAL, Person, Role
from omni_lab.system.services import Services
from omni_lab.ui.dashboard.states.schedules import SchedulesState
from tests.ui.browser import Page
from tests.ui.dashboard.desk import desk, record, record_backtest
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
    wait,
)

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
VIEWER = Person("vera", Role.VIEWER)
FIELD = "all('.form-row').find(r => r.querySelector('label').textContent === {!r})"


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with desk(Path(tmp_path_factory.mktemp("desk"))) as opened:
        # Nobody keeps the hours here: the queue of jobs is read, not worked off.
        opened.jobs.close()
        yield opened


@pytest.fixture(scope="module")
def ids(services: Services) -> list[str]:
    registry = services.registry
    return [
        record_backtest(registry, 0, lookback_period=120),
        record_backtest(registry, 1, lookback_period=40),
        record(registry, "ingest", {"symbols": ["X"]}, 2, status="failed", error="no such symbol: X"),
    ]


def fill(page: Page, name: str, text: str) -> None:
    field = FIELD.format(name)
    page.wait(script(f"Boolean({field})"))
    page.value(
        script(f"(r => {{ const i = r.querySelector('.field'); i.focus(); i.select(); }})({field}), true")
    )
    page.write(text)


# --- schedules, without a browser -----------------------------------------------------------------------


def test_a_schedule_is_made_changed_paused_and_removed(services: Services) -> None:
    state = SchedulesState(services, LOCAL)
    form = state.form(None, ZoneInfo("America/New_York"))
    form.say("name", "evening")
    form.say("calendar", "XNYS")
    form.say("assignments", "symbol=SYNTH\nlookback_period=60")
    form.say("missed_within", "90min")
    assert form.problem() == ""
    state.save(form)
    kept = ScheduleStore(services.registry).get("evening")
    assert (kept.assignments, kept.missed_within_s) == (("symbol=SYNTH", "lookback_period=60"), 5400.0)
    again = state.form("evening")
    assert again.texts["assignments"] == "symbol=SYNTH\nlookback_period=60"
    assert again.texts["missed_within"] == "90min"
    again.say("cron", "0 9 * * *")
    state.save(again)
    state.look(NOON)
    (row,) = state.rows
    assert row["says"] == "At 09:00, every day (UTC)"
    assert row["next"] == int(dt.datetime(2026, 3, 3, 9, tzinfo=dt.UTC).timestamp() * 1e9)
    state.enable("evening", False)
    state.look(NOON)
    assert (state.rows[0]["paused"], state.rows[0]["next"]) == ("paused", 0)
    job = state.run_now("evening")
    assert (job.pipeline, dict(job.parameters)) == ("backtest", {"symbol": "SYNTH", "lookback_period": 60})
    services.jobs.cancel(job.id)
    state.remove("evening")
    with pytest.raises(ConfigError, match="no such schedule"):
        state.form("evening")


def test_what_is_wrong_with_a_schedule_is_said_beside_its_field(services: Services) -> None:
    form = SchedulesState(services, LOCAL).form()
    for name, text in (("name", "a b"), ("cron", "61 * * * *"), ("tz", "Mars"), ("missed_within", "soon")):
        form.say(name, text)
    assert set(form.wrong()) == {"name", "cron", "tz", "missed_within"}
    assert form.wrong()["cron"].startswith("the minute cannot be used: 61")
    for name, text in (("name", "ok"), ("cron", "0 * * * *"), ("tz", "UTC"), ("missed_within", "1h")):
        form.say(name, text)
    form.say("assignments", "lookbak=3")
    assert set(form.wrong()) == {"assignments"}
    form.say("assignments", "")
    form.say("runs", "backtes")
    assert set(form.wrong()) == {"runs"}


def test_next_times_are_told_on_the_clock_of_the_screen(services: Services) -> None:
    form = SchedulesState(services, LOCAL).form()
    form.say("cron", "30 17 * * 1-5")
    told = form.says(ZoneInfo("America/New_York"), NOON)
    assert told.startswith("At 17:30, Monday to Friday. Next: Mon 2026-03-02 12:30, Tue 2026-03-03 12:30")
    assert told.endswith("(America/New_York).")


def test_a_viewer_changes_no_schedule(services: Services) -> None:
    state = SchedulesState(services, VIEWER)
    form = state.form()
    form.say("name", "mine")
    for refused in (lambda: state.save(form), lambda: state.run_now("x"), lambda: state.remove("x")):
        with pytest.raises(ForbiddenError):
            refused()


# --- in a browser ---------------------------------------------------------------------------------------


def test_a_run_is_shown_from_its_log_to_its_notebook(
    page: Page, served: Served, ids: list[str], artefacts: Path
) -> None:
    go(page, served, "runs", height=1300)
    page.wait(script("box('Runs')?.querySelectorAll('tbody tr').length === 3"))
    assert [row[-1] for row in rows_of(page, "Runs")] == ids[::-1]
    click(page, "tbody tr", ids[1])
    says(page, "section.box h2", ids[1])
    says(page, "dd", "SYNTH")
    assert accessibility(page) == []
    picture(page, artefacts, "runs-dark")
    click(page, "[role=tab]", "Files")
    page.wait(script("box('Files')?.querySelectorAll('tbody tr').length > 3"))
    hashes = {file.path: file.sha256 for file in served.services.registry.artifacts(ids[1])}
    assert {row[0]: row[3] for row in rows_of(page, "Files")} == hashes
    click(page, "[role=tab]", "Notebook")
    html = page.wait(script("one('iframe.document')?.srcdoc || ''"))
    assert "made by a cell" in html
    assert page.value(script("one('iframe.document').getAttribute('sandbox')")) == ""
    assert page.value("document.title") != "taken"
    click(page, "tbody tr", ids[1])
    click(page, "tbody tr", ids[2])
    click(page, "[role=tab]", "Log")
    says(page, "pre.log", "no such symbol: X")
    assert complaints(page) == []


def test_two_runs_are_put_beside_each_other(page: Page, served: Served, ids: list[str]) -> None:
    go(page, served, "runs", runs=f"{ids[0]},{ids[1]}", tab="compare")
    says(page, "caption", "Parameters that differ")
    asked = "all('table.data tr').map(r => r.textContent).filter(t => t.startsWith('lookback period'))"
    assert page.value(script(asked)) == ["lookback period12040"]


def test_a_run_is_asked_again_with_another_parameter(page: Page, served: Served, ids: list[str]) -> None:
    go(page, served, "runs", runs=ids[0])
    page.wait(script("said('button', 'Run again with changes')?.disabled === false"))
    click(page, "button", "Run again with changes")
    fill(page, "lookback period", "77")
    page.wait(script("one('form.form [type=submit]')?.disabled === false"))
    click(page, "form.form [type=submit]")
    job = wait(lambda: next((each for each in served.services.jobs.list() if each.state == "QUEUED"), None))
    assert dict(job.parameters) == {"symbol": "SYNTH", "lookback_period": 77}
    served.services.jobs.cancel(job.id)
    page.wait(script("!one('dialog[open]')"))


def test_tags_are_kept(page: Page, served: Served, ids: list[str]) -> None:
    go(page, served, "runs", runs=ids[0])
    page.wait(script("said('button', 'Tags')?.disabled === false"))
    click(page, "button.act", "Tags")
    fill(page, "tags", "keeper slow")
    click(page, "form.form [type=submit]")
    wait(lambda: served.services.registry.find(ids[0]).tags == ("keeper", "slow"))
    says(page, "td", "keeper slow")


def test_hours_are_edited_and_errors_stand_beside_them(
    page: Page, served: Served, ids: list[str], artefacts: Path
) -> None:
    store = ScheduleStore(served.services.registry)
    store.add(Schedule(name="hourly", cron="0 * * * *", runs="data_quality"), now=NOON)
    go(page, served, "runs", view="schedules", theme="light")
    says(page, "td", "Every hour at minute 0 (UTC)")
    click(page, "button", "Edit")
    fill(page, "cron", "0 25 * * *")
    note = f"{FIELD.format('cron')}.querySelector('.form-note').textContent"
    page.wait(script(f"{note}.includes('✗ the hour cannot be used: 25')"))
    assert page.value(script("one('form.form [type=submit]').disabled"))
    fill(page, "cron", "15 6 * * 1-5")
    page.wait(script(f"{note}.includes('At 06:15, Monday to Friday.')"))
    picture(page, artefacts, "schedules-light")
    assert accessibility(page) == []
    click(page, "form.form [type=submit]")
    says(page, "td", "At 06:15, Monday to Friday (UTC)")
    assert store.get("hourly").cron == "15 6 * * 1-5"
    click(page, "button:not([hidden])", "Pause")
    says(page, "td.warn", "paused")
    assert store.get("hourly").paused
    assert complaints(page) == []
    assert json.loads(page.value("JSON.stringify(document.documentElement.dataset.theme)")) == "light"
