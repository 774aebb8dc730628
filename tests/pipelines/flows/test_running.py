"""Flows run in real processes and kernels: cached, retried, timed out, cancelled, two at once."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from omni_lab.errors import ConfigError
from omni_lab.pipelines import RunRecord
from omni_lab.pipelines.flows import Flow, Step, resume_flow, run_flow
from omni_lab.pipelines.flows.engine import StepState
from omni_lab.pipelines.registry import RunRegistry
from tests.pipelines.conftest import WriteNotebook
from tests.pipelines.flows.conftest import (
    ADD,
    PARAMETERS,
    assert_consistent,
    command_of,
    kernels_of,
    processes_of,
    wait_until,
)


def add(name: str, *after: str, **options: Any) -> Step:
    return Step(name=name, pipeline="add", after=after, **options)


CHAIN = (
    add("first", values={"value": "${base}"}),
    add("second", values={"given": "${first.metrics.sum}", "run": "${first.run_id}"}),
)


def chain(*more: Step, base: float = 1.0, **options: Any) -> Flow:
    return Flow(name="chain", steps=(*CHAIN, *more), parameters={"base": base}, **options)


def quietly(flow: Flow, **options: Any) -> RunRecord:
    return run_flow(flow, progress=False, **options)


def states(record: RunRecord) -> dict[str, str]:
    return {name: step["state"] for name, step in record.content["steps"].items()}


def runs(record: RunRecord) -> dict[str, RunRecord]:
    with RunRegistry() as registry:
        return {
            name: registry.find(step["run_id"])
            for name, step in record.content["steps"].items()
            if step["run_id"]
        }


def sums(record: RunRecord) -> Mapping[str, float | None]:
    return {name: run.metrics["sum"] for name, run in runs(record).items()}


def test_a_flow_passes_on_what_its_steps_made_and_keeps_everything(flows: Path) -> None:
    side = add("side", values={"value": 5})
    record = quietly(chain(side, base=2.5))
    assert (record.status, record.kind, record.pipeline) == ("succeeded", "flow", "chain")
    assert sums(record) == {"first": 2.5, "second": 3.5, "side": 5.0}
    made = runs(record)
    for name, run in made.items():
        assert run.origin.trigger == "flow"
        assert (run.origin.name, run.origin.parent) == ("chain", record.run_id)
        assert (run.origin.step, run.origin.attempt) == (name, 1)
    assert made["second"].content["parameters"]["run"] == made["first"].run_id
    assert json.loads((record.folder.path / "flow.json").read_text())["steps"] == record.content["steps"]
    assert_consistent(flows)


def test_a_step_is_cached_until_what_it_depends_on_changes(
    flows: Path, write_notebook: WriteNotebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = quietly(chain())
    again = quietly(chain())
    assert states(again) == {"first": "cached", "second": "cached"}
    assert runs(again) == runs(first), "its record says from which run"

    assert states(quietly(chain(base=3.0))) == {"first": "succeeded", "second": "succeeded"}

    # Upstream runs again, comes to the same, and nothing changes downstream.
    rerun = quietly(Flow(name="chain", steps=(add("first", cache=False), CHAIN[1])))
    assert states(rerun) == {"first": "succeeded", "second": "cached"}
    assert runs(rerun)["first"].run_id != runs(first)["first"].run_id

    assert set(states(quietly(chain(), fresh=True)).values()) == {"succeeded"}

    (runs(first)["first"].folder.path / "metrics.json").unlink()
    newest = runs(quietly(chain()))["first"]
    assert newest.run_id != runs(first)["first"].run_id, "what lost a file answers nothing"

    write_notebook("add", ADD + "\n# other text", parameters=PARAMETERS)
    assert states(quietly(chain())) == {"first": "succeeded", "second": "succeeded"}


def test_code_and_lake_are_part_of_the_question(flows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from omni_lab.pipelines.registry import hashes
    from omni_lab.pipelines.runner import prepare_run

    asked = prepare_run("add").fingerprint()
    assert asked == prepare_run("add").fingerprint()
    assert asked != prepare_run("add").fingerprint({"first": "x"})
    named = prepare_run("add", values={"run": "A"}).fingerprint({}, {"run": "${first.run_id}"})
    assert named == prepare_run("add", values={"run": "B"}).fingerprint({}, {"run": "${first.run_id}"})
    with monkeypatch.context() as patch:
        patch.setattr(hashes, "code_sha256", lambda: "other code")
        assert prepare_run("add").fingerprint() != asked

    from omni_lab.store import DuckDBStore

    days = pd.DataFrame({"date": pd.date_range("2024-01-02", periods=3), "close": [1.0, 2.0, 3.0]})
    DuckDBStore().ingest_frame(days, symbol="X", source="test")
    assert prepare_run("add").fingerprint() != asked


def test_what_changes_shared_state_is_never_cached(flows: Path, write_notebook: WriteNotebook) -> None:
    (flows / "notebooks" / "pipelines" / "forms").mkdir()
    (flows / "notebooks" / "pipelines" / "forms" / "fill.py").write_text(
        "from omni_lab.pipelines.form import form, knob\n"
        "@form('fill', writes=('lake',))\nclass Fill:\n    value: int = knob(1, 'a number')\n"
    )
    write_notebook("fill", "x = value", parameters="value: int = 1  # a number\n")
    flow = Flow(name="it", steps=(Step(name="fill", pipeline="fill"),))
    assert states(quietly(flow)) == states(quietly(flow)) == {"fill": "succeeded"}


def test_a_failure_skips_downstream_only_and_a_retry_is_a_run_of_its_own(
    flows: Path, write_notebook: WriteNotebook
) -> None:
    write_notebook(
        "flaky",
        "from pathlib import Path\nseen = Path(where)\nn = len(seen.read_text()) if seen.exists() else 0\n"
        "seen.write_text('x' * (n + 1))\nassert n >= fails, f'attempt {n + 1}'\n" + ADD,
        parameters=PARAMETERS
        + f"where: str = {str(flows / 'seen')!r}  # file\nfails: int = 2  # how often\n",
    )
    flow = Flow(
        name="it",
        steps=(
            Step(name="flaky", pipeline="flaky", retries=2, retry_delay_s=0.01),
            add("then", "flaky"),
            Step(name="broken", pipeline="flaky", values={"where": str(flows / "more"), "fails": 9}),
            add("never", "broken"),
            add("nor", "never", "then"),
        ),
    )
    record = quietly(flow)
    assert record.status == "failed"
    assert states(record) == {
        "flaky": "succeeded", "then": "succeeded", "broken": "failed", "never": "skipped", "nor": "skipped"
    }  # fmt: skip
    assert "attempt 1" in record.problem
    with RunRegistry() as registry:
        tried = [each for each in registry.list(parent=record.run_id) if each.origin.step == "flaky"]
    assert sorted((each.origin.attempt, each.status) for each in tried) == [
        (1, "failed"), (2, "failed"), (3, "succeeded")
    ]  # fmt: skip

    (flows / "more").write_text("x" * 9)
    resumed = resume_flow(record.run_id, progress=False)
    assert resumed.status == "succeeded"
    assert resumed.content["resumes"] == record.run_id
    kept = {name: runs(record)[name].run_id for name in ("flaky", "then")}
    assert {name: runs(resumed)[name].run_id for name in kept} == kept, "what had succeeded stays"
    with pytest.raises(ConfigError, match="nothing is left to do"):
        resume_flow(resumed.run_id)
    assert_consistent(flows)


@pytest.mark.parametrize("also", ["", "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"])
def test_a_timeout_ends_a_cell_even_one_that_ignores_interrupts(
    flows: Path, write_notebook: WriteNotebook, also: str
) -> None:
    write_notebook("slow", also + "import time\ntime.sleep(600)", parameters=PARAMETERS)
    # After another step: the process that runs it has started by then.
    slow = Step(name="slow", pipeline="slow", after=("first",), timeout_s=8.0)
    flow = Flow(name="it", steps=(add("first"), slow, add("then", "slow")))
    record = quietly(flow)
    assert record.status == "failed"
    assert states(record) == {"first": "succeeded", "slow": "failed", "then": "skipped"}
    run = runs(record)["slow"]
    assert (run.status, run.content["error"]["type"]) == ("failed", "Timeout")
    assert_consistent(flows)


def test_a_worker_that_does_not_end_is_killed_and_its_run_is_closed(
    flows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from omni_lab.pipelines.flows import places

    monkeypatch.setattr(places, "GRACE_S", 1.0)
    slow = add("slow", "first", values={"pause": 600.0}, timeout_s=12.0)
    stopped = threading.Event()

    def freeze() -> None:
        with RunRegistry() as registry:
            wait_until(lambda: registry.list(status="running", pipeline="add") and kernels_of(flows), "slow")
        for pid in processes_of(flows):
            if "flows.worker" in command_of(pid):
                os.kill(pid, signal.SIGSTOP)
        stopped.set()

    def tell(name: str, state: StepState) -> None:
        if (name, state.state) == ("slow", "running"):
            threading.Thread(target=freeze).start()

    record = run_flow(Flow(name="it", steps=(add("first"), slow)), progress=tell)
    assert stopped.is_set()
    run = runs(record)["slow"]
    assert (run.status, run.content["error"]["type"]) == ("failed", "Timeout")
    assert_consistent(flows)


def test_a_flow_is_cancelled_from_another_process_and_resumed(flows: Path) -> None:
    slow = add("slow", "first", values={"pause": 600.0})
    with ThreadPoolExecutor() as pool:
        running = pool.submit(quietly, chain(slow, add("then", "slow")))
        with RunRegistry() as registry:
            wait_until(
                lambda: any(each.origin.step == "slow" for each in registry.list(status="running")), "slow"
            )
            (flow,) = registry.list(kind="flow")
        command = [sys.executable, "-m", "omni_lab.cli", "flow", "cancel", flow.run_id]
        subprocess.run(command, check=True, capture_output=True)
        record = running.result()
    assert record.status == "interrupted"
    found = states(record)
    assert (found["first"], found["slow"], found["then"]) == ("succeeded", "interrupted", "skipped")
    assert runs(record)["slow"].status == "interrupted"
    assert_consistent(flows)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_says_what_becomes_of_the_steps_and_ends_cleanly(flows: Path, number: int) -> None:
    (flows / "notebooks" / "pipelines" / "flows" / "it.yaml").write_text(
        "parameters: {pause: 0.0}\nsteps:\n  a: {pipeline: add}\n"
        "  b: {pipeline: add, after: a, set: {pause: '${pause}', value: 3}}\n"
    )
    command = [sys.executable, "-m", "omni_lab.cli", "flow", "run", "it", "--set", "pause=600"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        with RunRegistry() as registry:
            wait_until(
                lambda: any(each.origin.step == "b" for each in registry.list(status="running")), "step b"
            )
        process.send_signal(number)
        _, told = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in told
    lines = [line.replace(":", " ").split()[:2] for line in told.splitlines()]
    assert [line for line in lines if line[:1] in (["a"], ["b"])][:4] == [
        ["a", "running"], ["a", "succeeded"], ["b", "running"], ["b", "interrupted"]
    ]  # fmt: skip
    assert_consistent(flows)


def test_two_flows_at_once_do_not_meet(flows: Path) -> None:
    with ThreadPoolExecutor() as pool:
        one, other = pool.map(lambda base: quietly(chain(base=base), workers=1), [10.0, 20.0])
    assert sums(one) == {"first": 10.0, "second": 11.0}
    assert sums(other) == {"first": 20.0, "second": 21.0}
    assert_consistent(flows)


def test_bad_values_of_a_run_upstream_fail_the_step_and_are_not_retried(flows: Path) -> None:
    bad = add("bad", values={"given": "${first.metrics.nope}"}, retries=3, retry_delay_s=600.0)
    record = quietly(chain(bad))
    assert states(record) == {"first": "succeeded", "second": "succeeded", "bad": "failed"}
    assert "nope" in record.content["steps"]["bad"]["problem"]
