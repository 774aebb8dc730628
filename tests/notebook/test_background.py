"""A run in the background: seen while it goes, stopped cleanly, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from omni_lab.errors import PipelineError
from omni_lab.notebook.background import BackgroundRun, follow
from omni_lab.pipelines import list_runs
from omni_lab.pipelines.jobs.progress import Advance
from omni_lab.pipelines.jobs.request import Request
from omni_lab.pipelines.registry import RunRegistry

_PATIENCE_S = 90.0


def eventually(found: Callable[[], object]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_run_is_seen_cell_by_cell_and_hands_out_its_record(tiny: str) -> None:
    seen: list[Advance] = []
    record = follow(BackgroundRun(Request(subject=tiny, values={"n_bars": 30, "seconds": 2.0})), seen.append)
    assert (record.status, record.headline, record.metrics) == ("succeeded", {"Bars": "30"}, {"n_bars": 30})
    assert (record.origin.trigger, record.origin.name) == ("hand", "notebook")
    # The injected cell is one more than the five that were written.
    sleeping = [each for each in seen if each.place == "Second part"]
    assert sleeping
    assert (sleeping[0].done, sleeping[0].total, sleeping[0].noun) == (4, 6, "cell")
    assert [each.done for each in seen] == sorted(each.done for each in seen)


def test_an_interrupt_here_ends_the_run_as_interrupted(tiny: str) -> None:
    def interrupt(advance: Advance) -> None:
        if advance.place == "Second part":
            os.kill(os.getpid(), signal.SIGINT)

    record = follow(BackgroundRun(Request(subject=tiny, values={"seconds": 600.0})), interrupt)
    assert record.status == "interrupted"
    assert record.folder.notebook_file.is_file()


def test_a_run_that_is_stopped_twice_is_interrupted_once(tiny: str) -> None:
    run = BackgroundRun(Request(subject=tiny, values={"seconds": 600.0}))
    eventually(lambda: run.advance().place == "Second part")
    threads = [threading.Thread(target=run.stop) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert run.record().status == "interrupted"


def test_a_run_that_is_stopped_at_once_leaves_no_trace_or_an_interrupted_one(tiny: str) -> None:
    n_before = len(list_runs())
    run = BackgroundRun(Request(subject=tiny))
    run.stop()
    with pytest.raises(PipelineError, match="interrupted before it began"):
        run.record()
    assert len(list_runs()) == n_before


def test_a_run_whose_process_is_killed_is_lost(tiny: str) -> None:
    run = BackgroundRun(Request(subject=tiny, values={"seconds": 30.0}))
    eventually(lambda: run.advance().place == "Second part")
    run._child.kill()
    assert run.wait(_PATIENCE_S)
    assert run.record().status == "lost"


def test_a_run_ends_with_the_kernel_that_asked_for_it(tiny: str) -> None:
    code = f"""
import os, signal, time
from omni_lab.notebook.background import BackgroundRun
from omni_lab.pipelines.jobs.request import Request
run = BackgroundRun(Request(subject={tiny!r}, values={{"seconds": 600.0, "symbol": "ORPHAN"}}))
while run.advance().place != "Second part":
    time.sleep(0.1)
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL

    def ended() -> bool:
        with RunRegistry() as registry:
            found = [r for r in registry.list() if r.content["parameters"].get("symbol") == "ORPHAN"]
        return [each.status for each in found] == ["interrupted"]

    eventually(ended)


def test_a_process_that_cannot_begin_says_why(tiny: str) -> None:
    run = BackgroundRun(Request(subject=tiny, values={"n_bars": "many"}))
    with pytest.raises(PipelineError, match="the parameter 'n_bars' has another type"):
        follow(run, lambda advance: None)
