"""A small project in a temporary directory, with pipelines that end in every way a pipeline can."""

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from omni_lab.config import HOME_VARIABLE

PARAMETERS = """\
symbol: str = "SPX"  # what to trade, as in symbol=SPX
lookback: int = 20  # bars
stop_loss: float | None = None  # fraction of the entry price; none is off
weights: list[float] = [0.5, 0.5]  # of the two legs
reverse: bool = False  # trade the other way
seed: int = 7  # of everything random
run_dir: str | None = None  # set by the runner
"""

Cell = tuple[str, str] | tuple[str, str, list[str]]
WriteNotebook = Callable[..., Path]


def notebook(*cells: Cell) -> NotebookNode:
    """Notebook of ``(kind, source)`` or ``(kind, source, tags)``."""
    node: NotebookNode = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]
    for kind, source, *tags in cells:
        new = nbformat.v4.new_markdown_cell if kind == "md" else nbformat.v4.new_code_cell
        cell = new(source)  # type: ignore[no-untyped-call]
        if tags:
            cell.metadata["tags"] = tags[0]
        node.cells.append(cell)
    return node


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Directory with an empty ``notebooks/pipelines`` that is the working directory, and a data directory."""
    (tmp_path / "notebooks" / "pipelines" / "params").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def write_notebook(project: Path) -> WriteNotebook:
    """Write a pipeline: its parameters cell, then a cell of code under each heading."""

    def write(name: str, *codes: str, parameters: str = PARAMETERS) -> Path:
        cells: list[Cell] = [("md", f"# The {name} pipeline"), ("code", parameters, ["parameters"])]
        for number, code in enumerate(codes, 1):
            cells += [("md", f"## Step {number}"), ("code", code)]
        path = project / "notebooks" / "pipelines" / f"{name}.ipynb"
        nbformat.write(notebook(*cells), path)  # type: ignore[no-untyped-call]
        return path

    return write
