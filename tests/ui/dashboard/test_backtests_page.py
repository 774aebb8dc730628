"""Backtests in a browser: what is shown is what is stored; start, progress, result, comparison, cancel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from omni_lab.figures.metrics import format_metric
from omni_lab.pipelines.jobs.job import ENDED, SUCCEEDED
from omni_lab.pipelines.registry.records import SUCCEEDED as RUN_SUCCEEDED
from omni_lab.pipelines.tearsheet import tear_sheet
from omni_lab.system.people import Person, Role
from omni_lab.system.services import Services
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

FIELD = "all('.form-row').find(r => r.querySelector('label').textContent === {name!r})"


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with desk(Path(tmp_path_factory.mktemp("desk"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def ids(services: Services) -> list[str]:
    registry = services.registry
    return [
        record_backtest(registry, 0, lookback_period=120),
        record_backtest(registry, 1, lookback_period=40),
        record(registry, "backtest", {"symbol": "NOSUCH"}, 2, status="failed", error="unknown symbol NOSUCH"),
    ]


def ready(page: Page, name: str) -> None:
    """Wait for a field of the form."""
    page.wait(script(f"Boolean({FIELD.format(name=name)})"))


def fill(page: Page, name: str, text: str) -> None:
    """Write into a field of the form, as somebody types."""
    field = FIELD.format(name=name)
    page.value(
        script(f"(r => {{ const i = r.querySelector('.field'); i.focus(); i.select?.(); }})({field}), true")
    )
    page.write(text)


def note(page: Page, name: str) -> str:
    return str(page.value(script(f"{FIELD.format(name=name)}.querySelector('.form-note').textContent")))


def alt(page: Page, title: str) -> str:
    """What a figure says to those who do not see it, once it is drawn."""
    found = f"(box({json.dumps(title)})?.querySelector('figure svg')?.parentElement || null)"
    return str(page.wait(script(f"{found}?.getAttribute('aria-label')")))


def test_what_is_shown_is_what_is_stored(page: Page, served: Served, ids: list[str], artefacts: Path) -> None:
    go(page, served, "backtests", height=1600)
    page.wait(script("box('Backtests')?.querySelectorAll('tbody tr').length === 3"))
    run = served.services.registry.find(ids[1])
    rows = {row[1]: row[2:] for row in rows_of(page, "Backtests")}
    shown = rows["backtest · SYNTH · lookback period 40"]
    sharpe = run.metrics["sharpe_ratio"]
    assert sharpe is not None
    assert shown[0] == "succeeded"
    assert shown[3] == f"{sharpe:.2f}".replace("-", "−")
    click(page, "tbody tr", "lookback period 40")
    sheet = tear_sheet(run)
    for kind, title in (("equity", "Equity and drawdown"), ("annual", "Returns by year")):
        assert alt(page, title) == sheet.draw(kind).alt
    assert "buys" in alt(page, "Fills on price")
    says(page, "section.box", ids[1])
    says(page, "dd", format_metric("sharpe_ratio", sharpe))
    assert f"runs={ids[1]}" in page.value("decodeURIComponent(location.search)")
    assert accessibility(page) == []
    assert complaints(page) == []
    picture(page, artefacts, "backtests-dark")


def test_a_run_that_failed_says_why_and_draws_nothing(page: Page, served: Served, ids: list[str]) -> None:
    go(page, served, "backtests", runs=ids[2])
    says(page, ".failed", "unknown symbol NOSUCH")
    says(page, "section.box .empty", "left no equity")


def test_runs_are_compared_doubted_and_replayed(
    page: Page, served: Served, ids: list[str], artefacts: Path
) -> None:
    go(page, served, "backtests", height=1500, theme="light", runs=f"{ids[0]},{ids[1]}", tab="compare")
    says(page, "caption", "Metrics, and how far they are from those of A")
    asked = "all('table.data tr').map(r => r.textContent).filter(t => t.startsWith('lookback period'))"
    assert page.value(script(asked)) == ["lookback period12040"]
    assert "of 2 runs" in alt(page, "Growth of one unit")
    assert accessibility(page) == []
    picture(page, artefacts, "backtests-compare-light")
    click(page, "[role=tab]", "Overfitting")
    says(page, "dt", "Probability of backtest overfitting")
    alt(page, "The best of each past, in its future")
    click(page, "[role=tab]", "Replay")
    says(page, ".omni-replay header", "Step 0 of 0 to")
    click(page, "button", "Next message")
    page.wait(script("!said('.omni-replay header', 'Step 0 of')"))
    assert complaints(page) == []
    assert page.value("document.documentElement.dataset.theme") == "light"


def test_a_backtest_is_started_followed_and_looked_at(page: Page, served: Served, ids: list[str]) -> None:
    registry = served.services.registry
    go(page, served, "backtests")
    ready(page, "lookback period")
    fill(page, "lookback period", "1")
    page.wait(script(f"{FIELD.format(name='lookback period')}.textContent.includes('✗')"))
    assert note(page, "lookback period") == "✗ 1 is not at least 2 bars"
    assert page.value(script("one('form.form [type=submit]').disabled"))
    fill(page, "lookback period", "60")
    fill(page, "symbol", "SYNTH")
    page.wait(script("!one('form.form [type=submit]').disabled"))
    click(page, "form.form [type=submit]")
    says(page, ".run-job", "backtest · SYNTH · lookback period 60")
    page.wait(script("Number(one('.run-job-bar')?.getAttribute('aria-valuenow')) > 0"))
    # It is looked at by itself when it has arrived.
    page.wait(script("Boolean(said('.run-job .badge', 'succeeded'))"), patience_s=180)
    job = served.services.jobs.list()[0]
    assert job.state == SUCCEEDED
    assert job.run_id is not None
    assert registry.find(job.run_id).status == RUN_SUCCEEDED
    says(page, "section.box h2", job.run_id)
    assert alt(page, "Equity and drawdown") == tear_sheet(registry.find(job.run_id)).draw("equity").alt


def test_a_job_is_canceled(page: Page, served: Served, ids: list[str]) -> None:
    go(page, served, "backtests")
    ready(page, "symbol")
    fill(page, "symbol", "SYNTH")
    fill(page, "seed", "11")
    page.wait(script("!one('form.form [type=submit]').disabled"))
    click(page, "form.form [type=submit]")
    says(page, ".run-job", "seed 11")
    click(page, ".run-job button.danger:not([hidden])")
    jobs = served.services.jobs
    job = wait(
        lambda: next(
            (each for each in jobs.list() if each.state in ENDED and dict(each.parameters).get("seed") == 11),
            None,
        ),
        60,
    )
    assert job.state == "CANCELED"
    says(page, ".run-job .badge", "canceled")


def test_a_viewer_sees_why_nothing_can_be_started(page: Page, served: Served, ids: list[str]) -> None:
    served.person = Person("vera", Role.VIEWER)
    go(page, served, "backtests")
    says(page, ".form-problem", "The role viewer may not start runs.")
    assert page.value(script("one('form.form [type=submit]').disabled"))
