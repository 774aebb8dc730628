"""What running a notebook costs above the notebook's own work: papermill, the kernel, record and report.

Each way runs the same two notebooks: one that does next to nothing, and one that imports what our pipelines
import. A notebook's own work is the time its cells took by papermill's own clock; the rest is overhead. The
acceptance: 3 s cold, 1 s warm.

    python tests/bench/papermill_runs.py
    python tests/bench/papermill_runs.py --quick
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from table import print_table, progress, seconds

LEGEND = """
overhead   wall from the call to the finished record, its report included, less what the cells took; median
           of rounds. Cold starts a fresh interpreter for the kernel, warm forks one that has the imports done
CPU of all  the notebook included, of the run and its kernel, without the pool; depends on the load least
"""
CELLS = {
    "small": ["x = seed", "print(x)"],
    "imports": [
        "import numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt\n"
        "from omni_lab.pipelines import RunContext\nfrom omni_lab.simulator import EventSimulator\n"
        "from omni_lab.store import DuckDBStore",
        "print(seed)",
    ],
}


def run(*, quick: bool, rounds: int = 5) -> tuple[dict[str, Any], list[str]]:
    """Measure everything and print the table; the figures by name, and what is wrong."""
    from omni_lab.pipelines import run_pipeline
    from omni_lab.pipelines.kernel_pool import KernelPool

    rounds = min(rounds, 2) if quick else rounds
    print("\n(m) What a run costs above its notebook's own work", flush=True)
    figures: dict[str, dict[str, list[float]]] = {}
    ends: dict[str, set[str]] = {name: set() for name in CELLS}
    with tempfile.TemporaryDirectory(prefix="omni-bench-") as folder, _project(Path(folder)):
        run_pipeline("small", progress=False)  # what is imported once, and bytecode
        _empty_pool_s(KernelPool)
        pool_s = _empty_pool_s(KernelPool)
        for name in CELLS:
            for way in ("cold", "warm"):
                progress(f"{name}, {way}")
                before_s = _cpu_s()
                with KernelPool() if way == "warm" else nullcontext() as pool:
                    if pool is not None:
                        assert pool.wait(), "the pool did not start"
                    found = [_measured(name, ends) for _ in range(rounds)]
                cpu_s = _cpu_s() - before_s - (pool_s if way == "warm" else 0.0)
                figures[f"{name}, {way} kernel"] = _columns(found, cpu_s)
            progress(f"{name}, omni run")
            before_s = _cpu_s()
            found = [_command(name, Path(folder), ends) for _ in range(rounds)]
            figures[f"{name}, omni run"] = _columns(found, _cpu_s() - before_s)
    table = [["", "overhead", "worst", "notebook", "CPU of all", ""]]
    for label, each in figures.items():
        over, own = median(each["overhead_s"]), median(each["notebook_s"])
        worst = max(each["overhead_s"])
        table.append([label, *map(seconds, (over, worst, own, each["cpu_s"][0])), ""])
    table.append(["a pool, started and ended", "", "", "", seconds(pool_s), ""])
    progress("")
    print_table(table)
    wrong = [f"notebooks: {name} came to different outputs" for name, each in ends.items() if len(each) != 1]
    return figures, wrong


def _measured(name: str, ends: dict[str, set[str]]) -> tuple[float, float]:
    from omni_lab.pipelines import run_pipeline

    begun = time.perf_counter()
    record = run_pipeline(name, progress=False)
    wall = time.perf_counter() - begun
    own = _own_work(record.folder.notebook_file, name, ends)
    return wall - own, own


def _command(name: str, folder: Path, ends: dict[str, set[str]]) -> tuple[float, float]:
    begun = time.perf_counter()
    command = [sys.executable, "-m", "omni_lab.cli", "run", name, "--no-progress"]
    subprocess.run(command, check=True, capture_output=True)
    wall = time.perf_counter() - begun
    newest = max((folder / "home" / "runs").glob(f"*-{name}-*"), key=lambda path: path.stat().st_mtime_ns)
    own = _own_work(newest / "notebook.ipynb", name, ends)
    return wall - own, own


def _own_work(notebook: Path, name: str, ends: dict[str, set[str]]) -> float:
    """Seconds that the cells took; what they printed is compared between the ways."""
    content = json.loads(notebook.read_text())
    own, printed = 0.0, []
    for cell in content["cells"]:
        told = cell["metadata"].get("papermill", {})
        if told.get("start_time") and told.get("end_time"):
            start, end = (datetime.fromisoformat(told[which]) for which in ("start_time", "end_time"))
            own += (end - start).total_seconds()
        printed += [output.get("text") for output in cell.get("outputs", ())]
    ends[name].add(json.dumps(printed))
    return own


def _columns(found: list[tuple[float, float]], cpu_s: float) -> dict[str, list[float]]:
    return {
        "overhead_s": [each[0] for each in found],
        "notebook_s": [each[1] for each in found],
        "cpu_s": [cpu_s / len(found)],
    }


def _cpu_s() -> float:
    """CPU of this process and of all that it has started and waited for."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _empty_pool_s(pool: Callable[[], Any]) -> float:
    before_s = _cpu_s()
    with pool() as made:
        assert made.wait(), "the pool did not start"
    return _cpu_s() - before_s


@contextmanager
def _project(folder: Path) -> Iterator[None]:
    """The two notebooks as pipelines of a project that is the working directory."""
    import nbformat

    pipelines = folder / "notebooks" / "pipelines"
    pipelines.mkdir(parents=True)
    for name, cells in CELLS.items():
        tagged = nbformat.v4.new_code_cell("seed: int = 7  # of nothing\nrun_dir: str | None = None  # set")
        tagged.metadata["tags"] = ["parameters"]
        node = nbformat.v4.new_notebook(cells=[tagged, *map(nbformat.v4.new_code_cell, cells)])
        nbformat.write(node, pipelines / f"{name}.ipynb")
    changed = {
        "OMNI_LAB_HOME": str(folder / "home"),
        # Kept for this run, as any installation keeps it after its first start.
        "PYTHONPYCACHEPREFIX": os.environ.get("PYTHONPYCACHEPREFIX") or str(folder / "bytecode"),
        "PYTHONDONTWRITEBYTECODE": "",
    }
    before, here = {name: os.environ.get(name) for name in changed}, Path.cwd()
    os.environ.update(changed)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def main() -> int:
    """Run this case alone."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="two rounds")
    _, wrong = run(quick=parser.parse_args().quick)
    print(LEGEND, *wrong, sep="\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
