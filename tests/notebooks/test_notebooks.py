"""Notebooks keep what the decision page says, and a number that drifts is seen."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from omni_lab.config import HOME_VARIABLE
from omni_lab.pipelines.catalog import find_pipeline, list_pipelines
from omni_lab.pipelines.form import form_of, parameters_cell
from omni_lab.pipelines.parameters import read_parameters
from tests.notebooks import policy

NOTEBOOKS = policy.notebooks()
BACKTEST = policy.NOTEBOOKS / "pipelines" / "backtest.ipynb"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_keeps_what_the_policy_says(path: Path) -> None:
    assert policy.problems(path) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_opens_with_a_title_then_imports_then_parameters(path: Path) -> None:
    first, *rest = policy.read(path).cells
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    code = [cell for cell in rest if cell.cell_type == "code"]
    assert "import " in code[0].source
    assert code[1].metadata.get("tags") == ["parameters"]
    assert read_parameters(policy.read(path), where=path.name)


@pytest.mark.parametrize("name", list_pipelines())
def test_a_pipeline_asks_what_its_form_says(name: str) -> None:
    described = form_of(name)
    assert described is not None
    cells = policy.read(find_pipeline(name)).cells
    assert [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])] == [
        parameters_cell(described)
    ]


def test_there_are_notebooks() -> None:
    assert {"00_tour", "02_order_book", "backtest"} <= {path.stem for path in NOTEBOOKS}


def test_essays_show_their_figures() -> None:
    for path in filter(policy.is_essay, NOTEBOOKS):
        outputs = [output for cell in policy.read(path).cells for output in cell.get("outputs", [])]
        assert any("image/png" in output.get("data", {}) for output in outputs)


# --- drift ----------------------------------------------------------------------------------------


def up_to_the_check(notebook: NotebookNode) -> NotebookNode:
    """The notebook without what follows its first checked cell."""
    last = next(i for i, cell in enumerate(notebook.cells) if policy.is_checked(cell))
    notebook.cells = notebook.cells[: last + 1]
    return notebook


def nbval(path: Path, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "--nbval-lax",
            "--nbval-current-env",
            "-q",
            "-p",
            "no:cacheprovider",
            path,
        ],
        cwd=path.parent,
        env={**os.environ, HOME_VARIABLE: str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_number_that_drifts_fails_nbval(tmp_path: Path) -> None:
    kept, drifted = tmp_path / "kept.ipynb", tmp_path / "drifted.ipynb"
    notebook = up_to_the_check(policy.read(BACKTEST))
    policy.write(notebook, kept)
    text = notebook.cells[-1].outputs[0].text
    assert "final equity 2" in text
    notebook.cells[-1].outputs[0].text = text.replace("final equity 2", "final equity 3")
    policy.write(notebook, drifted)

    same, other = nbval(kept, tmp_path / "home"), nbval(drifted, tmp_path / "home")
    assert same.returncode == 0, same.stdout
    assert other.returncode == 1, other.stdout
    assert "1 failed" in other.stdout
    assert "Cell outputs differ" in other.stdout


# --- each rule can fail ---------------------------------------------------------------------------


def stream(text: str, name: str = "stdout") -> NotebookNode:
    node: NotebookNode = new_output("stream", name=name, text=text)  # type: ignore[no-untyped-call]
    return node


def picture() -> NotebookNode:
    data = {"image/png": "iVBORw0K", "text/plain": "<Figure>"}
    node: NotebookNode = new_output("display_data", data=data)  # type: ignore[no-untyped-call]
    return node


def sample() -> NotebookNode:
    """A notebook in which nothing is wrong."""
    notebook: NotebookNode = new_notebook(  # type: ignore[no-untyped-call]
        cells=[
            new_markdown_cell("# A", id="title"),  # type: ignore[no-untyped-call]
            new_code_cell("x = 1", id="set", execution_count=1),  # type: ignore[no-untyped-call]
            new_code_cell(  # type: ignore[no-untyped-call]
                f"# {policy.MARK}\nprint(x)", id="check", execution_count=2, outputs=[stream("1\n")]
            ),
        ],
        metadata=policy._METADATA,
    )
    return notebook


def spoil_count(notebook: NotebookNode) -> None:
    notebook.cells[1].execution_count = 3


def spoil_stripped(notebook: NotebookNode) -> None:
    notebook.cells[2].outputs = []


def spoil_unmarked(notebook: NotebookNode) -> None:
    notebook.cells[2].source = "print(x)"


def spoil_output(notebook: NotebookNode) -> None:
    notebook.cells[1].outputs = [stream("left over\n")]


def spoil_stderr(notebook: NotebookNode) -> None:
    notebook.cells[2].outputs.append(stream("UserWarning\n", "stderr"))


def spoil_real_data(notebook: NotebookNode) -> None:
    notebook.cells[2].metadata["tags"] = ["real_data"]


def spoil_path(notebook: NotebookNode) -> None:
    notebook.cells[2].outputs = [stream("/" + "home/someone/lake\n")]


def spoil_address(notebook: NotebookNode) -> None:
    notebook.cells[2].outputs = [stream("<object at 0x7f3a2b1c4d50>\n")]


def spoil_time(notebook: NotebookNode) -> None:
    notebook.cells[2].outputs = [stream("took 12.5 ms\n")]


def spoil_figure(notebook: NotebookNode) -> None:
    notebook.cells[2].outputs.append(picture())


def spoil_metadata(notebook: NotebookNode) -> None:
    notebook.metadata["widgets"] = {}


def spoil_cell_metadata(notebook: NotebookNode) -> None:
    notebook.cells[1].metadata["execution"] = {}


def spoil_id(notebook: NotebookNode) -> None:
    notebook.cells[1].id = "a1b2c3d4"


def spoil_size(notebook: NotebookNode) -> None:
    notebook.cells[0].source += "x" * policy.LARGEST_BYTES


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (spoil_count, "not run once each from top to bottom"),
        (spoil_stripped, "no text to compare"),
        (spoil_unmarked, "no cell is marked"),
        (spoil_output, "only checked outputs"),
        (spoil_stderr, "standard error"),
        (spoil_real_data, "not ours to keep"),
        (spoil_path, "place on a machine"),
        (spoil_address, "place on a machine"),
        (spoil_time, "differs between runs"),
        (spoil_figure, "shows a figure"),
        (spoil_metadata, "names a machine or a session"),
        (spoil_cell_metadata, "metadata beside its tags"),
        (spoil_id, "cell id"),
        (spoil_size, "more than 1 MiB"),
    ],
)
def test_a_notebook_that_keeps_something_else_is_found(
    tmp_path: Path, spoil: Callable[[NotebookNode], None], complaint: str
) -> None:
    path, notebook = tmp_path / "a.ipynb", sample()
    policy.write(notebook, path)
    assert policy.problems(path) == []
    spoil(notebook)
    policy.write(notebook, path)
    assert any(complaint in problem for problem in policy.problems(path))


def test_a_widget_is_kept_as_the_page_it_shows_and_real_data_not_at_all() -> None:
    notebook = executed()
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/html": "<p>page</p>"}
    shown = new_output("display_data", data=view)  # type: ignore[no-untyped-call]
    notebook.cells[1].outputs = [shown]
    assert policy.normalise(notebook, essay=True).cells[1].outputs[0].data == {"text/html": "<p>page</p>"}
    notebook.cells[1].outputs = [shown, picture()]
    notebook.cells[1].metadata = nbformat.from_dict({"tags": ["real_data"]})  # type: ignore[no-untyped-call]
    assert policy.normalise(notebook, essay=True).cells[1].outputs == []


def executed() -> NotebookNode:
    """What a run leaves: counts, timings, everything shown."""
    notebook = sample()
    notebook.metadata = nbformat.from_dict({"papermill": {"duration": 1.0}})  # type: ignore[no-untyped-call]
    for count, cell in enumerate(notebook.cells[1:], 1):
        cell.execution_count = count
        cell.metadata = nbformat.from_dict(  # type: ignore[no-untyped-call]
            {"papermill": {"duration": 0.5}, "tags": ["keep_output"] if count == 1 else []}
        )
    notebook.cells[1].outputs = [stream("table\n"), picture()]
    return notebook


@pytest.mark.parametrize(("essay", "n_kept"), [(True, 2), (False, 0)])
def test_normalising_keeps_by_kind_and_is_stable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, essay: bool, n_kept: int
) -> None:
    monkeypatch.setattr(policy, "_repainted", lambda png: png)
    once: dict[str, Any] = json.loads(json.dumps(policy.normalise(executed(), essay=essay)))
    again = nbformat.from_dict(json.loads(json.dumps(once)))  # type: ignore[no-untyped-call]
    assert policy.normalise(again, essay=essay) == once
    assert len(once["cells"][1]["outputs"]) == n_kept
    assert len(once["cells"][2]["outputs"]) == 1
    assert [cell["execution_count"] for cell in once["cells"][1:]] == [1, 2]
