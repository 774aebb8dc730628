"""On Dask and on Ray a search gives the bytes it gives here, whoever dies on the way."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni_lab.config import CLUSTER_VARIABLE
from omni_lab.errors import ConfigError
from omni_lab.simulator import (
    CombinatorialPurged,
    EventSimulator,
    SimulationConfig,
    SweepResults,
    WalkForward,
)
from omni_lab.simulator.clusters import Cluster, WorkerLost, open_cluster
from tests.simulator.market import random_bars
from tests.simulator.research import strategies as shared
from tests.simulator.research.strategies import GRID, crossover

ROOT = Path(__file__).parents[3]
SIM = EventSimulator(SimulationConfig(commission_rate=0.0002, slippage_bps=1))
BARS = random_bars(400, seed=1)

# Both take seconds to start: one process of the test run has each.
on_both = pytest.mark.parametrize("engine", ["dask", "ray"])


def sweep(strategy: Any, grid: Any, **options: Any) -> SweepResults:
    return SIM.sweep(BARS, strategy, grid, progress=False, **options)


@pytest.fixture(scope="module")
def dask_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster that somebody else started, with the tools that Dask brings."""
    pytest.importorskip("distributed", reason="pip install 'omni-lab[dask]'")
    folder = tmp_path_factory.mktemp("dask")
    where = folder / "scheduler.json"
    with (folder / "log").open("w") as log:
        started = []
        for tool, *options in (
            ("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"),
            ("dask_worker", "--nworkers", "2", "--nthreads", "1", "--host", "127.0.0.1", "--no-dashboard"),
        ):
            command = [
                sys.executable,
                "-m",
                f"distributed.cli.{tool}",
                *options,
                "--scheduler-file",
                str(where),
            ]
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            started.append(
                subprocess.Popen(
                    command, env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True
                )
            )
            # The file is there a moment before it says anything.
            eventually(lambda: where.exists() and where.read_text())
        yield "dask:" + address_in(where)
        for each in started:
            os.killpg(each.pid, signal.SIGKILL)
            each.wait()


@pytest.fixture(scope="module")
def ray() -> Iterator[Cluster]:
    """Ray, started once: searches with ``executor="ray"`` find it there and leave it."""
    pytest.importorskip("ray", reason="pip install 'omni-lab[ray]'")
    with open_cluster("ray", 2) as cluster:
        yield cluster


@pytest.fixture
def own(engine: str, request: pytest.FixtureRequest) -> str:
    """A cluster of the search's own; of Ray, which a process joins once, the one that is there."""
    pytest.importorskip("distributed", reason="pip install 'omni-lab[dask]'")
    if engine == "ray":
        request.getfixturevalue("ray")
    return engine


@pytest.fixture
def executor(engine: str, request: pytest.FixtureRequest) -> str:
    """The existing cluster of an engine."""
    if engine == "dask":
        return str(request.getfixturevalue("dask_address"))
    request.getfixturevalue("ray")
    return "ray"


@on_both
def test_five_hundred_backtests_are_the_same_bytes_though_a_worker_is_killed_on_the_way(
    own: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    grid = {"n": list(range(500)), "log": str(log), "pause_s": 0.003}
    plain = sweep(shared.signed, grid, workers=1, executor="serial", keep_returns=True)
    log.unlink()
    killed: list[int] = []

    def kill() -> None:
        eventually(lambda: len(shared.noted(log)) > 100)
        killed.append(shared.noted(log)[-1])
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    swept = sweep(shared.signed, grid, workers=2, executor=own, keep_returns=True)
    killer.join()
    assert swept.n_trials == 500
    assert swept.sha256 == plain.sha256
    pids = shared.noted(log)
    assert killed[0] != os.getpid()
    assert os.getpid() not in pids
    assert len(set(pids)) >= 2
    assert len(pids) > 500 or pids.count(killed[0]) < 500


@on_both
def test_walks_forward_and_cross_validations_are_the_same(executor: str) -> None:
    split = WalkForward(train=120, test=40)
    here = SIM.walk_forward(BARS, crossover, GRID, split, workers=1, executor="serial", progress=False)
    there = SIM.walk_forward(BARS, crossover, GRID, split, executor=executor, progress=False)
    assert there.equity.tobytes() == here.equity.tobytes()
    assert [each.parameters for each in there.folds] == [each.parameters for each in here.folds]
    purged = CombinatorialPurged(n_groups=4, n_test_groups=2)
    here_too = SIM.cross_validate(BARS, crossover, GRID, purged, workers=1, progress=False)
    there_too = SIM.cross_validate(BARS, crossover, GRID, purged, executor=executor, progress=False)
    assert repr(there_too) == repr(here_too)


@on_both
def test_a_trial_that_kills_its_worker_each_time_is_named_and_no_other_is_lost(
    own: str, tmp_path: Path
) -> None:
    marks = tmp_path / "marks"
    grid = {"fast": [3, 4, 5, 6, 7, 8], "slow": 10, "marks": str(marks), "lives": 99}
    swept = sweep(shared.deadly, grid, workers=2, executor=own, errors="record")
    assert [type(error) for error in swept.errors] == [type(None), WorkerLost, *[type(None)] * 4]
    assert "the worker died, 3 times" in str(swept.errors[1])
    assert marks.read_text() == "xxx"
    plain = sweep(crossover, {"fast": [3, 5, 6, 7, 8], "slow": 10}, workers=1)
    assert np.delete(swept.metrics["final_equity"], 1).tolist() == plain.metrics["final_equity"].tolist()


@on_both
def test_errors_come_home_and_functions_travel_by_value(executor: str) -> None:
    def cautious(bars: Any, fast: int) -> Any:
        return shared.picky(bars, fast)

    kept = sweep(cautious, {"fast": [2, 3, 4, 5]}, executor=executor, errors="record")
    assert kept.sha256 == sweep(cautious, {"fast": [2, 3, 4, 5]}, workers=1, errors="record").sha256
    assert "picky about 3 and 0" in str(kept.errors[1])
    assert isinstance(kept.errors[2], ValueError)
    assert "in a worker process" in kept.errors[2].__notes__[0]
    with pytest.raises(ValueError, match="four is refused") as raised:
        sweep(cautious, {"fast": [4, 2]}, executor=executor)
    assert "raised in trial 1 of 2, parameters {'fast': 4}" in raised.value.__notes__
    lock = threading.Lock()
    with pytest.raises(ConfigError, match="cannot be sent to another process"):
        sweep(lambda bars, n: [lock] * n, {"n": [1]}, executor=executor)


@on_both
def test_what_is_in_the_journal_is_not_run_again(executor: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    grid = {"n": list(range(12)), "log": str(log)}
    options = {"executor": executor, "journal": tmp_path / "journal.sqlite"}
    first = sweep(shared.slow_and_noted, {**grid, "n": list(range(8))}, **options)
    again = sweep(shared.slow_and_noted, grid, **options)
    assert sorted(shared.noted(log)) == list(range(12))
    assert again.metrics["final_equity"][:8].tobytes() == first.metrics["final_equity"].tobytes()


@on_both
def test_results_stream_as_they_end_and_what_was_not_begun_can_be_cancelled(
    executor: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"

    def note(item: int) -> int:
        with open(log, "a") as file:
            file.write(f"{item}\n")
        time.sleep(0.05)
        return item * item

    with open_cluster(executor, 2) as cluster:
        function = cluster.share(note)
        assert dict(cluster.map(function, range(5))) == {n: n * n for n in range(5)}
        assert list(cluster.map(function, [])) == []
        results = cluster.map(function, range(400))
        place, result = next(results)
        assert result == place * place
        results.close()
        assert dict(cluster.map(function, [7])) == {0: 49}
        assert len(shared.noted(log)) < 60


def test_the_settings_name_a_cluster_for_searches_that_are_worth_it(
    dask_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv(CLUSTER_VARIABLE, dask_address)
    short = sweep(shared.signed, {"n": [1, 2, 3], "log": str(log)})
    assert (short.n_trials, set(shared.noted(log))) == (3, {os.getpid()})
    sweep(shared.signed, {"n": list(range(120)), "log": str(log), "pause_s": 0.04})
    assert len(set(shared.noted(log))) == 3
    monkeypatch.setenv(CLUSTER_VARIABLE, "dusk")
    with pytest.raises(ConfigError, match=r"'dusk'.*OMNI_LAB_CLUSTER"):
        sweep(shared.signed, {"n": [1], "log": str(log)})


# A script without a guard, whose function is defined in it, as in a notebook.
SCRIPT = """
import sys, tests.simulator.research.strategies as shared
from omni_lab.simulator import EventSimulator
from tests.simulator.market import random_bars

def local(bars, n, log):
    return shared.signed(bars, n, log, pause_s=0.05)

grid = {"n": list(range(400)), "log": sys.argv[2]}
try:
    bars, executor = random_bars(400, seed=1), sys.argv[1]
    EventSimulator().sweep(bars, local, grid, workers=2, executor=executor, progress=False)
except KeyboardInterrupt as error:
    print("interrupted after", error.results.n_trials)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("engine", ["dask"])
def test_a_search_that_is_interrupted_or_killed_leaves_no_process_behind(
    engine: str, how: signal.Signals, tmp_path: Path
) -> None:
    pytest.importorskip("distributed", reason="pip install 'omni-lab[dask]'")
    script, log = tmp_path / "study.py", tmp_path / "log"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    command = [sys.executable, str(script), engine, str(log)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as search:
        eventually(lambda: len(set(shared.noted(log))) == 2)
        family = {search.pid, *descendants(search.pid)}
        assert set(shared.noted(log)) < family
        search.send_signal(how)
        said, _ = search.communicate()
    assert ("interrupted after" in said) == (how is signal.SIGINT)
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family))
    eventually(lambda: not list(tmp_path.glob("omni-*")))


@pytest.mark.parametrize("name", ["dusk", "dask:", "ray:", "dask-tcp://127.0.0.1:1", 7])
def test_a_name_of_no_cluster_is_refused(name: Any) -> None:
    with pytest.raises(ConfigError):
        sweep(crossover, GRID, executor=name)


def test_a_cluster_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    on_dask = pytest.importorskip(
        "omni_lab.simulator.clusters.on_dask", reason="pip install 'omni-lab[dask]'"
    )
    monkeypatch.setattr(on_dask, "_CONNECT_S", 1)
    for address in ("tcp://127.0.0.1:1", "nonsense://x"):
        with pytest.raises(ConfigError, match="no Dask cluster to work with"):
            sweep(crossover, GRID, executor=f"dask:{address}")


def eventually(holds: Callable[[], Any], patience_s: float = 120.0) -> None:
    """Wait until something holds; a busy machine may take long."""
    for _ in range(int(patience_s / 0.02)):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("it never came to be")


def address_in(scheduler_file: Path) -> str:
    return str(json.loads(scheduler_file.read_text())["address"])


def descendants(pid: int) -> set[int]:
    """Processes that a process started, and those that they did."""
    below: dict[int, set[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        below.setdefault(int(words[1]), set()).add(int(stat.parent.name))
    found, waiting = set[int](), [pid]
    while waiting:
        fresh = below.get(waiting.pop(), set()) - found
        found |= fresh
        waiting += fresh
    return found
