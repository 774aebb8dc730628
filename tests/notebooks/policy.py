"""What the repository keeps of a notebook, and what is wrong with one that keeps something else.

``docs/decisions/0003-notebook-outputs.md`` says why. ``refresh.py`` writes notebooks by these rules, and
``test_notebooks.py`` holds them.
"""

import base64
import io
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
MARK = "NBVAL_CHECK_OUTPUT"
KEEP_TAG = "keep_output"
NEVER_TAG = "real_data"
LARGEST_BYTES = 2**20

_COLOURS = 160
_WIDGET = "application/vnd.jupyter.widget-view+json"
_SERIES = "application/vnd.omnilab.series+json"
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_PRIVATE = re.compile(r"(?<![\w.])/(?:home|root|tmp|Users|work|var|opt)/|[A-Za-z]:\\\\|\bat 0x[0-9a-f]{6,}")
_VARYING = re.compile(r"\d+(?:\.\d+)? ?(?:ms|µs|s/it|it/s)\b|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+")


def notebooks() -> list[Path]:
    """Every notebook of the repository."""
    return sorted(path for path in NOTEBOOKS.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)


def read(path: Path) -> NotebookNode:
    """The notebook in the current format."""
    notebook: NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    return notebook


def write(notebook: NotebookNode, path: Path) -> None:
    """Write it as the test wants it: one space of indent, one line end at the end."""
    nbformat.validate(notebook)
    path.write_text(nbformat.writes(notebook).rstrip("\n") + "\n", encoding="utf-8")  # type: ignore[no-untyped-call]


def is_checked(cell: NotebookNode) -> bool:
    """Whether nbval compares the cell's output."""
    return cell.cell_type == "code" and MARK in cell.source


def is_essay(path: Path) -> bool:
    """Whether people read it where it lies; pipelines are read as reports of their runs."""
    return path.parent == NOTEBOOKS


def normalise(notebook: NotebookNode, *, essay: bool) -> NotebookNode:
    """Keep what earns its place of a notebook's outputs, in place, and nothing of the machine that made them.

    Kept are the outputs of checked cells, and in essays figures and the outputs of cells tagged
    ``keep_output``. A cell tagged ``real_data`` keeps nothing: its data are not ours.
    """
    notebook.metadata = nbformat.from_dict(_METADATA)  # type: ignore[no-untyped-call]
    n_code = 0
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})  # type: ignore[no-untyped-call]
        if cell.cell_type != "code":
            continue
        n_code += 1
        cell.execution_count = n_code
        if NEVER_TAG in tags:
            cell.outputs = []
        whole = is_checked(cell) or (essay and KEEP_TAG in tags)
        cell.outputs = [_lean(o, n_code) for o in cell.outputs if whole or (essay and _is_figure(o))]
    return notebook


def problems(path: Path) -> list[str]:
    """What breaks the rules in a notebook, as sentences; empty when nothing does."""
    notebook, name, essay = read(path), path.name, is_essay(path)
    found = []
    if notebook.metadata != _METADATA:
        found.append(f"{name}: its metadata names a machine or a session; run the refresh command")
    if path.stat().st_size > LARGEST_BYTES:
        found.append(f"{name}: {path.stat().st_size / 2**20:.2f} MiB is more than 1 MiB")
    if path.read_bytes()[-2:-1] == b"\n" or path.read_bytes()[-1:] != b"\n":
        found.append(f"{name}: a text file ends with one line end")
    if not any(map(is_checked, notebook.cells)):
        found.append(f"{name}: no cell is marked {MARK}, so no number in it can be seen to drift")
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    if counts != list(range(1, len(counts) + 1)):
        found.append(f"{name}: its cells were not run once each from top to bottom: {counts}")
    for number, cell in enumerate(notebook.cells):
        found += [f"{name}, cell {number} ({cell.get('id')}): {what}" for what in _cell_problems(cell, essay)]
    return found


def _cell_problems(cell: NotebookNode, essay: bool) -> list[str]:
    found = []
    if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f-]+)?", cell.get("id", "00000000")):
        found.append("a cell id says what is in the cell, so that two branches can be merged")
    if set(cell.metadata) - {"tags"}:
        found.append(f"metadata beside its tags: {sorted(set(cell.metadata) - {'tags'})}")
    if cell.cell_type != "code":
        return found
    text = "".join(map(_text, cell.outputs))
    if is_checked(cell):
        if not text.strip():
            found.append("it is checked, and has no text to compare")
        if any(o.output_type == "display_data" or "image/png" in o.get("data", {}) for o in cell.outputs):
            found.append("it is checked, and shows a figure, whose bytes differ between machines")
        if _VARYING.search(text):
            found.append(f"it is checked, and prints what differs between runs: {_VARYING.search(text)}")
    elif not essay and cell.outputs:
        found.append("a pipeline keeps only checked outputs")
    if NEVER_TAG in cell.metadata.get("tags", []) and cell.outputs:
        found.append("it shows real data, which are not ours to keep")
    if any(_SERIES in output.get("data", {}) for output in cell.outputs):
        found.append("it keeps the numbers behind a figure beside the picture")
    for output in cell.outputs:
        if output.output_type == "error" or output.get("name") == "stderr":
            found.append("an error, or something written to standard error, was kept")
    if _PRIVATE.search(text):
        found.append(f"its output names a place on a machine: {_PRIVATE.search(text)}")
    return found


def _is_figure(output: NotebookNode) -> bool:
    return "image/png" in output.get("data", {})


def _text(output: NotebookNode) -> str:
    data = output.get("data", {})
    return str(output.get("text", "")) + str(data.get("text/plain", "")) + str(data.get("text/html", ""))


def _lean(output: NotebookNode, execution_count: int) -> NotebookNode:
    if output.output_type == "execute_result":
        output.execution_count = execution_count
    # The model of a widget is not kept, so its number would lead nowhere; the page it also shows stays.
    output.get("data", {}).pop(_WIDGET, None)
    # The numbers behind a figure are for the report of a run.
    output.get("data", {}).pop(_SERIES, None)
    if _is_figure(output):
        output.data["image/png"] = _repainted(output.data["image/png"])
    return output


def _repainted(png: str) -> str:
    """The picture in fewer colours: a chart needs few, and takes a third of the bytes."""
    from PIL import Image

    raw = base64.b64decode(png)
    with Image.open(io.BytesIO(raw)) as image:
        painted = image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
        buffer = io.BytesIO()
        painted.save(buffer, format="png", optimize=True)
    smaller = min(raw, buffer.getvalue(), key=len)
    return base64.b64encode(smaller).decode()
