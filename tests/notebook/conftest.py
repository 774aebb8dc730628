"""A pipeline of two seconds, so that what is around a run can be tested and not the run."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PARAMETERS = """symbol: str = "SPX"  # what is looked at
n_bars: int = 20  # how many
share: float | None = None  # of something; none is all
days: list[int] = [1, 5]  # horizons
fees: dict | None = None  # a schedule
seconds: float = 0.0  # to sleep in the second part
fails: bool = False  # whether it breaks
run_dir: str | None = None  # set by the runner
"""


def tiny_notebook(path: Path) -> Path:
    """Write it."""
    code, text = new_code_cell, new_markdown_cell
    cells = [
        text("# A tiny study"),  # type: ignore[no-untyped-call]
        code("import time\nfrom omni_lab.pipelines.artifacts import RunContext"),  # type: ignore[no-untyped-call]
        code(PARAMETERS, metadata={"tags": ["parameters"]}),  # type: ignore[no-untyped-call]
        text("## First part"),  # type: ignore[no-untyped-call]
        code("run = RunContext(run_dir)\nrun.record(metrics={'n_bars': n_bars})"),  # type: ignore[no-untyped-call]
        text("## Second part"),  # type: ignore[no-untyped-call]
        code("time.sleep(seconds)\nassert not fails, 'it was <asked> to'"),  # type: ignore[no-untyped-call]
        code("run.record(headline={'Bars': str(n_bars)})"),  # type: ignore[no-untyped-call]
    ]
    nbformat.write(new_notebook(cells=cells), path)  # type: ignore[no-untyped-call]
    return path


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    """Path of a pipeline notebook of the test's own."""
    return str(tiny_notebook(tmp_path / "tiny.ipynb"))
