"""A warm kernel differs from a cold one in nothing but the time it takes."""

import json
import logging
import os
import signal
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from omni_lab.pipelines import kernel, run_pipeline
from omni_lab.pipelines.kernel_pool import KernelPool, is_possible
from omni_lab.pipelines.kernel_server import read_at_import
from tests.pipelines.conftest import WriteNotebook

pytestmark = pytest.mark.skipif(not is_possible(), reason="kernels are forked on Linux only")

NUMBERS = """
import os, random, sys, warnings
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
from omni_lab.pipelines import RunContext
from omni_lab.simulator import EventSimulator, SimulationConfig
from omni_lab.data import synthetic_bars
from omni_lab.strategies import MomentumStrategy
results = EventSimulator(SimulationConfig(initial_capital=1e5), count_trials=False).run_backtest(
    MomentumStrategy(), synthetic_bars(seed=seed), progress=False
)
rng = np.random.default_rng(seed)
a = rng.standard_normal((300, 300))
RunContext(run_dir).record(metrics={**results.metrics, "norm": float(np.linalg.norm(a @ a.T))})
print(results.events_sha256, hash("a string"), list({"x", "yy", "zzz"}))
print(sorted(name for name in os.environ if name not in %r), os.getcwd(), sys.path, sys.argv[:1])
import beside
print(sorted(map(str, warnings.filters)), plt.get_backend(), os.getpid() == os.getpgid(0))
print(get_ipython().profile_dir.location.split("/")[-2:])
"""
FIGURE = "plt.plot([1, 2, 3], [seed, 1, 2]); plt.show()"


def outputs(path: Path) -> list[Any]:
    cells = json.loads(path.read_text())["cells"]
    found = [output for cell in cells for output in cell.get("outputs", ())]
    return [output.get("text") or output.get("data") for output in found]


def test_a_warm_kernel_comes_to_the_same_as_a_cold_one(write_notebook: WriteNotebook, project: Path) -> None:
    write_notebook("numbers", NUMBERS % ["JPY_PARENT_PID", "PYTEST_CURRENT_TEST"], FIGURE)
    (project / "notebooks" / "pipelines" / "beside.py").write_text("")
    cold = run_pipeline("numbers", progress=False)
    with KernelPool() as pool:
        assert pool.wait()
        warm = [run_pipeline("numbers", progress=False) for _ in range(2)]
    for run in warm:
        assert (run.status, run.problem) == ("succeeded", "")
        assert run.metrics == cold.metrics
        assert outputs(run.folder.notebook_file) == outputs(cold.folder.notebook_file)


def test_each_kernel_is_used_once_and_knows_its_run(
    write_notebook: WriteNotebook, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_notebook(
        "mark",
        "import os, random, numpy as np, omni_lab\nassert not hasattr(omni_lab, 'mark')\nomni_lab.mark = 1\n"
        "print(os.getppid(), os.environ['OMNI_LAB_HOME'], np.random.random(), random.random())",
    )
    with KernelPool(imported=("ipykernel.kernelapp", "numpy")) as pool:
        assert pool.wait()
        first = run_pipeline("mark", progress=False)
        monkeypatch.setenv("OMNI_LAB_HOME", str(project / "another"))
        second = run_pipeline("mark", progress=False)
    one, two = (outputs(run.folder.notebook_file)[-1][0].split() for run in (first, second))
    assert one[0] == two[0] != str(os.getpid()), "both were forked by the same process"
    assert (one[1], two[1]) == (str(project / "home"), str(project / "another"))
    assert not set(one[2:]) & set(two[2:]), "nothing random is shared"


def test_a_pool_that_cannot_serve_leaves_it_to_a_cold_kernel(
    write_notebook: WriteNotebook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_notebook("tell", "import os\nprint(os.environ.get('OMP_NUM_THREADS'))")
    caplog.set_level(logging.INFO)
    with KernelPool(imported=("ipykernel.kernelapp",)) as pool:
        assert pool.wait()
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        run = run_pipeline("tell", progress=False)
        assert outputs(run.folder.notebook_file)[-1] == ["3\n"]
        assert "the environment is not the one" in caplog.text
        assert pool._server is not None
        os.kill(pool._server.pid, signal.SIGKILL)
        pool._server.wait()
        assert run_pipeline("tell", progress=False).status == "succeeded"


@pytest.mark.parametrize("warm", [False, True])
def test_a_kernel_that_is_interrupted_amid_its_start_is_ended(
    write_notebook: WriteNotebook, monkeypatch: pytest.MonkeyPatch, warm: bool
) -> None:
    write_notebook("toy", "x = 1")
    pids: list[int] = []

    def interrupted(client: Any) -> None:
        pids.append(client.km.provisioner.pid)
        raise KeyboardInterrupt

    monkeypatch.setattr(kernel._Client, "start_new_kernel_client", interrupted)
    with KernelPool() if warm else nullcontext():
        assert run_pipeline("toy", progress=False).status == "interrupted"
        assert len(pids) == 1
        assert not Path(f"/proc/{pids[0]}").exists()


def test_what_a_run_may_change_is_no_reason_for_a_cold_kernel() -> None:
    environment = {"PATH": "x", "OMP_NUM_THREADS": "1"}
    changed = {**environment, "OMNI_LAB_HOME": "there", "IPYTHONDIR": "private", "PWD": "here"}
    assert read_at_import(environment) == read_at_import(changed)
    assert read_at_import({**environment, "OMP_NUM_THREADS": "2"}) != read_at_import(environment)


def test_a_kernel_that_crashes_is_told_like_a_cold_one(write_notebook: WriteNotebook) -> None:
    write_notebook("crash", "import os\nos.kill(os.getpid(), 9)")
    with KernelPool(imported=("ipykernel.kernelapp",)) as pool:
        assert pool.wait()
        run = run_pipeline("crash", progress=False)
    assert (run.status, run.content["error"]["type"]) == ("failed", "DeadKernelError")
