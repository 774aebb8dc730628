"""A run ends in one way, its directory says which, and two runs never meet."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import pytest

from omni_lab.errors import ConfigError, DataError
from omni_lab.pipelines import RunRecord, find_run, list_runs, run_pipeline
from omni_lab.store import Trial, TrialLedger
from tests.pipelines.conftest import WriteNotebook

RECORDING = """
from omni_lab.pipelines import RunContext
run = RunContext(run_dir)
run.record(metrics={"lookback": lookback}, headline={"Symbol": symbol}, data_fingerprint="f00d")
print(symbol, stop_loss, weights, reverse)
"""

SLEEPING = """
import os, pathlib, time
pathlib.Path({flag!r}).write_text(str(os.getpid()))
time.sleep(600)
"""


def outcome(run: RunRecord) -> dict[str, Any]:
    """The record, after checking that everything a reader relies on is there."""
    content: dict[str, Any] = json.loads(run.folder.run_file.read_text())
    assert content["status"] == run.status
    assert content["run_id"] == run.folder.path.name
    assert content["finished"] >= content["started"]
    assert content["duration_s"] > 0
    assert content["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"omni_lab", "numpy", "papermill"} <= set(content["versions"])
    assert run.folder.report_file.read_text().startswith("<!DOCTYPE html>")
    nbformat.validate(nbformat.read(run.folder.notebook_file, as_version=4))  # type: ignore[no-untyped-call]
    left = {path.name for path in run.folder.path.iterdir()}
    assert left <= {"run.json", "metrics.json", "artifacts.json", "notebook.ipynb", "report.html", "figures"}
    return content


def test_a_run_that_succeeds_keeps_everything(write_notebook: WriteNotebook) -> None:
    write_notebook("toy", RECORDING)
    run = run_pipeline("toy", assignments=["symbol=007", "stop_loss=0.05"], progress=False)
    content = outcome(run)
    assert (run.status, content["error"], content["seed"]) == ("succeeded", None, 7)
    assert content["parameters"] == {
        "symbol": "007",
        "lookback": 20,
        "stop_loss": 0.05,
        "weights": [0.5, 0.5],
        "reverse": False,
        "seed": 7,
    }
    assert content["changed_parameters"] == ["symbol", "stop_loss"]
    assert content["data_fingerprint"] == "f00d"
    assert dict(run.metrics) == {"lookback": 20}
    assert run.headline == {"Symbol": "007"}
    executed = nbformat.read(run.folder.notebook_file, as_version=4)  # type: ignore[no-untyped-call]
    assert executed.cells[-1].outputs[0].text == "007 0.05 [0.5, 0.5] False\n"
    assert find_run("last") == run


def test_equal_requests_have_equal_hashes(write_notebook: WriteNotebook) -> None:
    write_notebook("toy", "x = 1")
    first, second = (run_pipeline("toy", progress=False) for _ in range(2))
    other = run_pipeline("toy", assignments=["seed=8"], progress=False)
    digests = [run.run_id.split("-")[3] for run in (first, second, other)]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        ("print('so far')\n1 / 0", "ZeroDivisionError", "division by zero"),
        ("import sys\nsys.exit(0)", "SystemExit", "before its last cell"),
        ("import sys\nsys.exit()", "SystemExit", "before its last cell"),
        ("import sys\nsys.exit(3)", "SystemExit", "3"),
        ("import os\nos._exit(0)", "DeadKernelError", "kernel died"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "DeadKernelError", "kernel died"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", "KeyboardInterrupt"),
        ("def f(:", "SyntaxError", "invalid syntax"),
    ],
)
def test_a_cell_that_does_not_return_fails_the_run(
    write_notebook: WriteNotebook, code: str, error: str, message: str
) -> None:
    write_notebook("bad", "x = 1", code, "y = 2")
    run = run_pipeline("bad", progress=False)
    content = outcome(run)
    assert (run.status, content["error"]["type"]) == ("failed", error)
    assert message in content["error"]["message"]
    assert content["error"]["cell"] == "code cell 4, under “Step 2”", "injected parameters count as one"
    executed = nbformat.read(run.folder.notebook_file, as_version=4)  # type: ignore[no-untyped-call]
    assert executed.cells[-1].execution_count is None, "the cell after it did not run"


def test_a_cell_that_takes_too_long_fails_the_run(write_notebook: WriteNotebook) -> None:
    write_notebook("slow", "import time\ntime.sleep(60)")
    run = run_pipeline("slow", progress=False, cell_timeout_s=1)
    assert (run.status, outcome(run)["error"]["type"]) == ("failed", "CellTimeoutError")


def test_a_refused_request_leaves_nothing(write_notebook: WriteNotebook, project: Path) -> None:
    write_notebook("toy", "x = 1")
    (project / "broken.ipynb").write_text("{")
    requests: list[tuple[type[Exception], dict[str, Any]]] = [
        (ConfigError, {"pipeline": "nope"}),
        (ConfigError, {"pipeline": "nope.ipynb"}),
        (ConfigError, {"pipeline": "toy", "assignments": ["nope=1"]}),
        (ConfigError, {"pipeline": "toy", "parameter_file": "nope"}),
        (DataError, {"pipeline": "broken.ipynb"}),
    ]
    for expected, request in requests:
        with pytest.raises(expected):
            run_pipeline(**request)
    assert not (project / "home").exists()


def test_a_named_parameter_set_is_found_beside_the_notebook(
    write_notebook: WriteNotebook, project: Path
) -> None:
    write_notebook("toy", RECORDING)
    (project / "notebooks" / "pipelines" / "params" / "toy_short.yaml").write_text(
        "lookback: 5\nsymbol: AAPL\n"
    )
    run = run_pipeline("toy", parameter_file="toy_short", assignments=["symbol=MSFT"], progress=False)
    assert run.content["parameter_file"] == "toy_short.yaml"
    assert dict(run.metrics) == {"lookback": 5}
    assert run.headline == {"Symbol": "MSFT"}


def test_the_kernel_is_this_interpreter_without_the_users_profile(
    write_notebook: WriteNotebook, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A profile that would break any run, and a kernelspec of the usual name that points nowhere.
    startup = project / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("import os; os._exit(1)")
    spec = project / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(
        '{"argv": ["/nowhere/python"], "display_name": "x", "language": "python"}'
    )
    monkeypatch.setenv("IPYTHONDIR", str(project / "ipython"))
    monkeypatch.setenv("JUPYTER_PATH", str(project / "jupyter"))
    write_notebook(
        "where",
        "import sys, os\nfrom omni_lab.config import Settings\nfrom omni_lab.pipelines import RunContext\n"
        "RunContext(run_dir).record(headline={'exe': sys.executable, 'cwd': os.getcwd(), "
        "'home': str(Settings.from_env().data_dir)})",
    )
    run = run_pipeline("where", progress=False)
    assert run.headline == {
        "exe": sys.executable,
        "cwd": str(project / "notebooks" / "pipelines"),
        "home": str(project / "home"),
    }


def start(project: Path, pipeline: str) -> subprocess.Popen[str]:
    code = f"from omni_lab.pipelines import run_pipeline; print(run_pipeline({pipeline!r}).status)"
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(file: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not file.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the notebook did not get to its cell"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_so(
    write_notebook: WriteNotebook, project: Path, number: signal.Signals
) -> None:
    flag = project / "flag"
    write_notebook("sleeper", SLEEPING.format(flag=str(flag)))
    process = start(project, "sleeper")
    wait_for(flag, process)
    time.sleep(0.2)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert (stdout, process.returncode) == ("interrupted\n", 0), stderr
    (run,) = list_runs()
    assert outcome(run)["error"]["type"] == "KeyboardInterrupt"
    assert_ends(int(flag.read_text()))


def test_a_killed_runner_leaves_a_run_that_is_listed_as_lost(
    write_notebook: WriteNotebook, project: Path
) -> None:
    flag = project / "flag"
    write_notebook("sleeper", SLEEPING.format(flag=str(flag)))
    process = start(project, "sleeper")
    wait_for(flag, process)
    process.kill()
    process.communicate(timeout=60)
    (run,) = list_runs()
    assert run.status == "lost"
    assert_ends(int(flag.read_text()))


def assert_ends(pid: int) -> None:
    """A kernel does not outlive its runner."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail(f"the kernel {pid} is still there")


def test_runs_at_the_same_moment_do_not_meet(write_notebook: WriteNotebook, project: Path) -> None:
    write_notebook("toy", RECORDING, "import time\ntime.sleep(1)")
    processes = [start(project, "toy") for _ in range(3)]
    for process in processes:
        stdout, stderr = process.communicate(timeout=120)
        assert stdout == "succeeded\n", stderr
    runs = list_runs()
    assert [run.status for run in runs] == ["succeeded"] * 3
    assert len({run.content["pid"] for run in runs}) == 3
    for run in runs:
        outcome(run)


def test_a_run_may_be_started_from_a_thread_and_from_a_running_loop(write_notebook: WriteNotebook) -> None:
    write_notebook("toy", RECORDING)

    async def from_a_loop() -> RunRecord:
        return run_pipeline("toy", progress=False)

    with ThreadPoolExecutor(2) as pool:
        in_threads = list(pool.map(lambda _: run_pipeline("toy", progress=False), range(2)))
    runs = [*in_threads, asyncio.run(from_a_loop())]
    assert [run.status for run in runs] == ["succeeded"] * 3
    assert len({run.run_id for run in runs}) == 3


def test_a_path_with_braces_and_spaces_is_a_path(write_notebook: WriteNotebook, project: Path) -> None:
    source = write_notebook("toy", RECORDING)
    odd = project / "odd {name} here" / "my {x} notebook.ipynb"
    odd.parent.mkdir()
    source.rename(odd)
    run = run_pipeline(str(odd), runs_dir=odd.parent / "runs", progress=False)
    assert outcome(run)["status"] == "succeeded"


def test_a_backtest_says_its_family_and_how_many_trials_there_were(
    write_notebook: WriteNotebook, project: Path
) -> None:
    ledger = TrialLedger(project / "home" / "trials.sqlite")
    ledger.record(
        [
            Trial(
                data="f00d",
                family="toys.Toy",
                parameters=str(n),
                settings="s",
                source="run",
                sharpe=0.1 * n,
                n_obs=9,
            )
            for n in range(3)
        ]
    )
    write_notebook(
        "toy",
        "from omni_lab.pipelines import RunContext\n"
        "RunContext(run_dir).record(data_fingerprint='f00d', trial_family='toys.Toy')",
    )
    run = run_pipeline("toy", progress=False)
    assert (run.content["trial_family"], run.content["n_trials"]) == ("toys.Toy", 3)
    assert find_run("last").content["n_trials"] == 3
    write_notebook("other", "x = 1")
    assert run_pipeline("other", progress=False).content["n_trials"] is None
