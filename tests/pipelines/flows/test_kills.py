"""Kills at random moments: of kernels, and of the process that runs the flow.

After each the registry is consistent, no kernel is left, and the flow goes on to the result of a flow that
nobody disturbed, without running again what had succeeded. The moments are random, their seeds are fixed.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from omni_lab.pipelines import RunRecord
from omni_lab.pipelines.flows import load_flow, resume_flow, run_flow
from omni_lab.pipelines.flows.kept import step_states
from omni_lab.pipelines.registry import RunRegistry
from tests.lengths import LONG
from tests.pipelines.flows.conftest import IMPORTED, assert_consistent, kernels_of

N_KERNELS = 100 if LONG else 20
N_RUNNERS = 100 if LONG else 20
N_A_FLOW = 9

FLOW = """\
parameters: {base: 1.0}
steps:
  left: {pipeline: add, set: {value: "${base}", pause: 0.1}}
  right: {pipeline: add, set: {value: 10.0, given: "${base}", pause: 0.2}}
  sum: {pipeline: add, after: right, set: {value: 0.5, given: "${left.metrics.sum}", run: "${right.run_id}"}}
  last: {pipeline: add, set: {given: "${sum.metrics.sum}"}}
"""

RUNNER = """
import sys
from omni_lab.pipelines import kernel_pool
from omni_lab.pipelines.flows import resume_flow, run_flow
what, run, base, *kernel_pool.IMPORTED = sys.argv[1:]
if what == "run":
    run_flow("it", values={"base": float(base)}, workers=2, progress=False)
else:
    resume_flow(run, workers=2, progress=False)
"""


def expected(base: float) -> dict[str, float]:
    """What an undisturbed flow comes to; a test of its own holds that."""
    return {"left": base, "right": 10.0 + base, "sum": 0.5 + base, "last": 1.5 + base}


@pytest.fixture
def flow(flows: Path) -> str:
    (flows / "notebooks" / "pipelines" / "flows" / "it.yaml").write_text(FLOW)
    return "it"


def results(record: RunRecord) -> dict[str, float | None]:
    with RunRegistry() as registry:
        return {
            name: registry.find(str(step["run_id"])).metrics["sum"]
            for name, step in step_states(record).items()
        }


def assert_ran_once(chain: list[str]) -> None:
    """Over a flow and what went on with it, each step succeeded in one run."""
    with RunRegistry() as registry:
        succeeded = [
            str(each.origin.step)
            for run_id in chain
            for each in registry.list(parent=run_id, status="succeeded")
        ]
    assert sorted(succeeded) == sorted(expected(0.0))


def test_an_undisturbed_flow_comes_to_what_is_expected(flows: Path, flow: str) -> None:
    record = run_flow(flow, progress=False)
    assert (record.status, results(record)) == ("succeeded", expected(1.0))


def test_a_flow_survives_kills_of_its_kernels(flows: Path, flow: str) -> None:
    moments, n_killed, base = random.Random(7), 0, 1.0
    read = load_flow(flow)
    patient = replace(read, steps=tuple(replace(each, retries=2, retry_delay_s=0.0) for each in read.steps))
    while n_killed < N_KERNELS:
        base += 1.0
        killer = _Killer(flows, moments, min(N_A_FLOW, N_KERNELS - n_killed))
        with killer:
            record = run_flow(patient, values={"base": base}, workers=2, progress=False)
        chain = [record.run_id]
        n_killed += killer.n_killed
        while record.status != "succeeded":
            assert record.status == "failed"
            assert "DeadKernelError" in record.problem or "kernel" in record.problem
            assert_consistent(flows)
            killer = _Killer(flows, moments, max(0, min(N_A_FLOW, N_KERNELS - n_killed)))
            with killer:
                record = resume_flow(record.run_id, workers=2, progress=False)
            n_killed += killer.n_killed
            chain.append(record.run_id)
        assert results(record) == expected(base)
        assert_ran_once(chain)
        assert_consistent(flows)


def test_a_flow_survives_kills_of_the_process_that_runs_it(flows: Path, flow: str) -> None:
    moments, n_killed, base = random.Random(8), 0, 1.0
    while n_killed < N_RUNNERS:
        base += 1.0
        chain: list[str] = []
        while True:
            what = "resume" if chain else "run"
            command = [sys.executable, "-c", RUNNER, what, chain[-1] if chain else "-", str(base), *IMPORTED]
            with subprocess.Popen(command) as process:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(moments.uniform(0.2, 4.0) if n_killed < N_RUNNERS else None)
                n_killed += process.poll() is None
                process.kill()
            assert_consistent(flows)
            newest = _newest_flow(base)
            if newest is None:
                continue  # killed before it had begun
            if newest.run_id not in chain:
                chain.append(newest.run_id)
            if newest.status == "succeeded":
                break
            assert newest.status in ("lost", "interrupted"), newest
        assert results(newest) == expected(base)
        assert_ran_once(chain)


class _Killer:
    """Kills kernels of a project, each a random while after it was seen first, until it has had enough."""

    def __init__(self, project: Path, moments: random.Random, quota: int) -> None:
        self._project, self._moments, self._quota = project, moments, quota
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.n_killed = 0

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        due: dict[int, float] = {}
        while not self._over.wait(0.1) and self.n_killed < self._quota:
            for pid in kernels_of(self._project):
                due.setdefault(pid, time.monotonic() + self._moments.uniform(0.0, 1.0))
                if time.monotonic() >= due[pid]:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                        self.n_killed += 1
                    due[pid] = float("inf")


def _newest_flow(base: float) -> RunRecord | None:
    with RunRegistry() as registry:
        found = [each for each in registry.list(kind="flow") if each.content["parameters"] == {"base": base}]
    return found[0] if found else None
