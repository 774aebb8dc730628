"""Flows and named sets that ship can be run as they stand; a day that cannot be closed leaves its report."""

import json
from pathlib import Path

import pytest

from omni_lab.config import HOME_VARIABLE
from omni_lab.pipelines import run_pipeline
from omni_lab.pipelines.catalog import pipelines_dir
from omni_lab.pipelines.flows import list_flows, load_flow
from omni_lab.pipelines.flows.checks import settled
from omni_lab.pipelines.runner import prepare_run

ROOT = Path(__file__).parents[2]
PIPELINES = ("execution", "replay_day", "reconcile", "risk_report")
SETS = sorted(
    (file.stem, name)
    for file in (ROOT / "notebooks" / "pipelines" / "params").glob("*.yaml")
    for name in PIPELINES
    if file.stem.startswith(f"{name}_")
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's own pipelines, with an empty data directory."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("name", ["daily", "research"])
def test_every_step_of_a_flow_fits_its_pipeline(name: str) -> None:
    assert name in list_flows()
    flow, values = settled(load_flow(name), values={"symbol": "IXIC"})
    assert values["symbol"] == "IXIC"
    assert {step.pipeline for step in flow.steps} <= {file.stem for file in pipelines_dir().glob("*.ipynb")}


def test_the_daily_flow_goes_from_prices_to_books() -> None:
    flow = load_flow("daily")
    assert flow.downstream("ingest") == {step.name for step in flow.steps} - {"ingest"}
    assert flow["risk"].upstream == ("portfolio",)
    assert flow["execution"].upstream == ("portfolio",)
    assert flow["reconcile"].upstream == ("execution",)


@pytest.mark.parametrize(("stem", "pipeline"), SETS)
def test_a_named_set_is_one_of_its_pipeline(stem: str, pipeline: str) -> None:
    assert prepare_run(pipeline, parameter_file=stem).settings


def test_a_day_that_cannot_be_closed_fails_and_can_be_read() -> None:
    run = run_pipeline("reconcile", values={"strict": True, "fills": 300, "share": 0.004}, progress=False)
    assert run.status == "failed"
    assert "the day cannot be closed" in run.problem
    left = {path.name for path in run.folder.path.iterdir()}
    assert {"breaks.parquet", "positions.parquet", "report.html"} <= left
    assert json.loads(run.folder.metrics_file.read_text())["n_blocking"] > 0
