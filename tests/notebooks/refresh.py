"""Run notebooks from top to bottom and write their outputs back, by the rules of ``policy.py``.

    python -m tests.notebooks.refresh [NOTEBOOK...]

All of them by default. The parameters cell of a pipeline is first written from its form. Prices go to a
directory of their own, so that the result depends on nothing that lies around. A notebook that fails keeps
its outputs.
"""

import sys
import tempfile
from pathlib import Path

from omni_lab.config import HOME_VARIABLE, REAL_DATA_VARIABLE
from omni_lab.errors import OmniError
from omni_lab.pipelines.form import form_of, parameters_cell
from omni_lab.pipelines.kernel import execute
from tests.notebooks.policy import is_essay, normalise, notebooks, problems, read, write


def refresh(path: Path, home: Path) -> None:
    """Run one notebook with its own parameters and write it back."""
    write_parameters_cell(path)
    executed = home / path.name
    # Without the real data: what comes of them is not ours to keep.
    environment = {HOME_VARIABLE: str(home / "data"), REAL_DATA_VARIABLE: ""}
    execute(path, executed, {}, title=path.stem, cwd=path.parent, environment=environment)
    write(normalise(read(executed), essay=is_essay(path)), path)


def write_parameters_cell(path: Path) -> None:
    """Make the parameters cell of a pipeline what its form says; leave other notebooks alone."""
    described = None if is_essay(path) else form_of(path)
    if described is None:
        return
    notebook = read(path)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = parameters_cell(described)
    write(notebook, path)


def main(arguments: list[str]) -> int:
    """Refresh, and say what still breaks the rules."""
    left = []
    with tempfile.TemporaryDirectory() as home:
        for path in [Path(argument).absolute() for argument in arguments] or notebooks():
            try:
                refresh(path, Path(home))
            except OmniError as error:
                left.append(f"{path.name} was left as it was: {error}")
                continue
            left += problems(path)
            print(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB")
    print(*left, sep="\n", file=sys.stderr, end="\n" if left else "")
    return bool(left)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
