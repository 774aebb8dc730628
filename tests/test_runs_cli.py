"""``omni runs``: every command on runs that are there, old, tagged, going, lost or gone."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from omni_lab.cli import app
from omni_lab.config import HOME_VARIABLE
from omni_lab.pipelines import RunContext, RunRegistry, find_run, list_runs
from omni_lab.pipelines.recording import Recording
from omni_lab.pipelines.registry import tables as t

CELL = {
    "cell_type": "code",
    "metadata": {},
    "source": "",
    "execution_count": 1,
    "outputs": [{"output_type": "stream", "name": "stdout", "text": "12 bars\n"}],
}
NOTEBOOK = json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [CELL]})


def omni(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["runs", *arguments])


def good(*arguments: str) -> str:
    done = omni(*arguments)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def made(status: str = "succeeded", *, started: str | None = None, **facts: Any) -> str:
    """A run that has ended, without a kernel; its id."""
    with RunRegistry() as registry:
        recording = Recording.begin(registry, {"pipeline": "toy", "parameters": {"n": 1}, **facts}, facts)
        run = RunContext(recording.folder.path)
        run.record(metrics={"sharpe": 0.5, "none": float("nan")}, headline={"Sharpe": "0.50"})
        run.save("table.csv", "a,b\n")
        recording.folder.notebook_file.write_text(NOTEBOOK)
        recording.folder.report_file.write_text("<!DOCTYPE html>")
        error = (
            None if status == "succeeded" else {"type": "ValueError", "message": "no such luck", "cell": None}
        )
        run_id = recording.close(status, error).run_id
        if started:
            with registry.engine.begin() as connection:
                connection.execute(t.runs.update().where(t.runs.c.run_id == run_id).values(started=started))
        return run_id


def test_runs_are_listed_as_a_table_and_for_programs() -> None:
    assert "omni run backtest" in good("ls")
    first, second, third = made(), made("failed"), made(pipeline="other")
    good("tag", first, "keep")
    assert good("ls") == good() != good("--limit", "1")
    assert [line.split()[0] for line in good("ls").splitlines()[1:]] == [third, second, first]
    for options, expected in (
        (["--status", "failed"], [second]),
        (["--pipeline", "other"], [third]),
        (["--tag", "keep"], [first]),
        (["--since", "2020-01-01", "--limit", "2"], [third, second]),
        (["--since", "2999-01-01"], []),
    ):
        listed = json.loads(good("ls", "--json", *options))
        assert [run["run_id"] for run in listed] == expected, options
    assert "No run is like that" in good("ls", "--tag", "nothing")
    (one,) = json.loads(good("ls", "--json", "--tag", "keep"))
    assert one["metrics"] == {"sharpe": 0.5, "none": None}
    assert (one["tags"], one["headline"]) == (["keep"], {"Sharpe": "0.50"})


def test_bad_input_is_2_in_a_sentence(home: Path) -> None:
    for arguments in (["show"], ["log"], ["open"], ["tag", "last", "x"], ["export", "last", "x.zip"], ["gc"]):
        assert omni(*arguments).exit_code == 2, arguments
    assert not home.exists(), "asking makes nothing"
    made()
    for arguments in (
        ["ls", "--status", "good"],
        ["ls", "--since", "yesterday"],
        ["show", "nope"],
        ["tag", "last", "two words"],
        ["gc", "--older-than", "soon"],
        ["gc", "--older-than", "999999d"],
        ["export", "last", "run.tar"],
        ["export", "last", "nowhere/run.zip"],
    ):
        done = omni(*arguments)
        assert done.exit_code == 2, arguments
        assert "Traceback" not in done.output


def test_one_run_is_shown_with_files_and_for_programs() -> None:
    run = made(trigger="schedule", trigger_name="daily", parent="p", step="s")
    good("tag", "last", "month-end")
    shown = good("show", "last")
    for part in (
        run,
        "table.csv",
        "sharpe",
        "asked by schedule daily",
        "step s, attempt 1, of p",
        "tags month-end",
    ):
        assert part in shown
    told = json.loads(good("show", run[:-1], "--json"))
    assert told["record"]["trigger"] == "schedule"
    assert {each["name"]: each["size"] for each in told["artifacts"]}["table.csv"] == 4


def test_the_log_says_what_happened_and_what_was_printed() -> None:
    made("failed")
    text = good("log")
    assert [line.split()[2] for line in text.splitlines()[1:3]] == ["running", "failed"]
    assert "no such luck" in text
    assert text.endswith("12 bars\n")
    assert [event["status"] for event in json.loads(good("log", "--json"))] == ["running", "failed"]


def test_the_log_of_a_run_that_is_going_is_what_it_printed_so_far() -> None:
    with RunRegistry() as registry:
        going = Recording.begin(registry, {"pipeline": "toy"}, {})
        going.folder.partial_notebook_file.write_text(NOTEBOOK)
        assert good("log").endswith("12 bars\n")
        assert omni("export", "last", "run.zip").exit_code == 2, "it has not ended"
        going.close("succeeded")


def test_the_report_is_opened_in_the_browser(tmp_path: Path) -> None:
    run = made()
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path / "opened"}\n')
    browser.chmod(0o755)
    subprocess.run(
        [sys.executable, "-m", "omni_lab.cli", "runs", "open"],
        env={**os.environ, "BROWSER": str(browser)},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    assert (tmp_path / "opened").read_text().strip() == find_run(run).folder.report_file.as_uri()
    find_run(run).folder.report_file.unlink()
    assert omni("open").exit_code == 2


def test_tags_come_and_go() -> None:
    run = made()
    assert good("tag", run, "b", "a").split() == [run, "a,", "b"]
    assert find_run("a").run_id == run
    assert "no tags" in good("tag", "last", "--remove", "a", "b")


def test_gc_removes_folders_and_keeps_rows(home: Path) -> None:
    old, tagged, new = (
        made(started="2020-01-01T00:00:00.000+00:00"),
        made(started="2020-01-02T00:00:00.000+00:00"),
        made(),
    )
    good("tag", tagged, "keep")
    runs = home / "runs"
    dry = good("gc", "--older-than", "30d")
    assert old in dry
    assert tagged not in dry
    assert new not in dry
    assert len(list(runs.iterdir())) == 3, "nothing has been removed"
    good("gc", "--older-than", "30d", "--no-dry-run")
    assert sorted(path.name for path in runs.iterdir()) == sorted([tagged, new])
    assert dict(find_run(old).metrics) == {"sharpe": 0.5, "none": None}
    assert "its folder was removed" in good("log", old)
    assert "No folder is that old" in good("gc", "--no-dry-run")
    good("gc", "--no-keep-tagged", "--no-dry-run")
    assert [path.name for path in runs.iterdir()] == [new]
    assert len(list_runs()) == 3
    assert omni("export", old, "run.zip").exit_code == 2, "its folder is gone"


def test_gc_leaves_what_is_going_and_what_is_not_a_runs(home: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    long_ago = "2020-01-01T00:00:00.000+00:00"
    with RunRegistry() as registry:
        going = Recording.begin(registry, {"pipeline": "toy"}, {})
        linked = home / "runs" / "linked"
        linked.symlink_to(precious)
        for run_id, folder in (("astray", precious), ("linked", linked)):
            registry.begin({"run_id": run_id, "pipeline": "toy", "started": long_ago, "folder": str(folder)})
            registry.finish(run_id, "failed")
        with registry.engine.begin() as connection:
            connection.execute(t.runs.update().values(started=long_ago))
        good("gc", "--older-than", "1h", "--no-dry-run")
        assert going.folder.path.is_dir()
        going.close("succeeded")
    assert precious.is_dir()


def test_an_exported_run_is_taken_in_where_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = made(seed=7)
    good("tag", run, "keep")
    good("export", "last", "run.zip")
    assert omni("export", "last", "run.zip").exit_code == 2, "it exists"
    good("export", "last", "run.zip", "--force")
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith((".zip", ".tmp"))] == ["run.zip"]
    with zipfile.ZipFile("run.zip") as packed:
        assert packed.testzip() is None
        beside = json.loads(packed.read(f"{run}/registry.json"))
        packed.extractall(tmp_path / "other" / "runs")
    assert (beside["tags"], beside["events"][-1]["status"]) == (["keep"], "succeeded")
    before = find_run(run)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "other"))
    found = find_run(run)
    assert (found.status, found.content, dict(found.metrics)) == (
        "succeeded",
        before.content,
        dict(before.metrics),
    )
    with RunRegistry() as registry:
        assert [{"sha256": each.sha256, "path": each.path} for each in registry.artifacts(run)] == [
            {"sha256": each["sha256"], "path": each["path"]} for each in beside["artifacts"]
        ]


def test_an_export_that_fails_leaves_no_file(tmp_path: Path) -> None:
    made()
    (tmp_path / "run.zip").mkdir()
    assert omni("export", "last", "run.zip", "--force").exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] in (["home", "run.zip"], ["run.zip", "home"])
