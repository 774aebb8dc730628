"""Every directory of a run is listed, whatever state it is in."""

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from omni_lab.errors import ConfigError
from omni_lab.pipelines import find_run, list_runs
from omni_lab.pipelines.summary import format_run, format_runs

NO_PROCESS = 2**22 + 1  # above the largest process id of Linux


def make_run(runs_dir: Path, run_id: str, **content: Any) -> Path:
    path = runs_dir / run_id
    path.mkdir(parents=True)
    record = {
        "status": "succeeded",
        "pipeline": "backtest",
        "started": "2026-05-01T12:00:00.000+00:00",
        "duration_s": 2.5,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        **content,
    }
    (path / "run.json").write_text(json.dumps(record))
    return path


def test_runs_are_listed_from_the_newest(tmp_path: Path) -> None:
    make_run(tmp_path, "20260501-120000-backtest-aaaaaaaa")
    make_run(tmp_path, "20260501-120000-backtest-00000000", started="2026-05-01T12:00:00.500+00:00")
    make_run(
        tmp_path, "20260430-120000-other-bbbbbbbb", pipeline="other", started="2026-04-30T12:00:00+00:00"
    )
    assert [run.run_id[-8:] for run in list_runs(tmp_path)] == ["00000000", "aaaaaaaa", "bbbbbbbb"]
    assert [run.pipeline for run in list_runs(tmp_path, pipeline="other")] == ["other"]
    assert find_run("last", tmp_path).run_id.endswith("00000000")


def test_no_directory_means_no_runs(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "nowhere") == []
    with pytest.raises(ConfigError, match="no runs yet"):
        find_run("last", tmp_path / "nowhere")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        '{"status": "succeeded"}',
        '{"status": "x", "pipeline": "y", "started": "yesterday"}',
        "\x00",
    ],
)
def test_a_damaged_record_is_listed_as_unreadable(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "20260501-120000-my-pipe-aaaaaaaa"
    path.mkdir()
    if text is not None:
        (path / "run.json").write_text(text)
    (run,) = list_runs(tmp_path)
    assert (run.status, run.pipeline) == ("unreadable", "my-pipe")
    assert run.started is not None
    assert "run.json" in run.problem
    assert "unreadable" in format_runs([run])
    assert format_run(run, verbose=True)


def test_a_strange_directory_is_listed_too(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "file.txt").write_text("")
    assert [(run.run_id, run.status, run.started) for run in list_runs(tmp_path)] == [
        ("notes", "unreadable", None)
    ]


def test_a_damaged_metrics_file_does_not_hide_the_run(tmp_path: Path) -> None:
    path = make_run(tmp_path, "20260501-120000-backtest-aaaaaaaa")
    (path / "metrics.json").write_text("{")
    (run,) = list_runs(tmp_path)
    assert (run.status, dict(run.metrics)) == ("succeeded", {})


def test_a_run_whose_process_is_gone_is_lost(tmp_path: Path) -> None:
    make_run(tmp_path, "a", status="running", pid=NO_PROCESS)
    make_run(tmp_path, "b", status="running", pid=os.getpid())
    make_run(tmp_path, "c", status="running", pid=NO_PROCESS, host="another machine")
    assert {run.run_id: run.status for run in list_runs(tmp_path)} == {
        "a": "lost",
        "b": "running",
        "c": "running",
    }


def test_a_run_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    make_run(tmp_path, "20260501-120000-backtest-aaaaaaaa")
    make_run(tmp_path, "20260501-120000-backtest-aaaaaaaa-2")
    make_run(tmp_path, "20260502-120000-backtest-aaaaaaaa")
    assert find_run("20260502", tmp_path).run_id == "20260502-120000-backtest-aaaaaaaa"
    assert (
        find_run("20260501-120000-backtest-aaaaaaaa", tmp_path).run_id == "20260501-120000-backtest-aaaaaaaa"
    )
    with pytest.raises(ConfigError, match="2 runs begin with this id"):
        find_run("20260501", tmp_path)
    with pytest.raises(ConfigError, match="no run has this id"):
        find_run("2027", tmp_path)
