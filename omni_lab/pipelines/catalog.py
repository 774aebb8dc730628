"""Which pipelines there are, and which named parameter sets: notebooks and YAML files beside them."""

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from omni_lab.errors import ConfigError, DataError

if TYPE_CHECKING:
    from types import ModuleType

    from nbformat import NotebookNode

_PIPELINES = Path("notebooks") / "pipelines"
_PARAMS = "params"
_GRAMMAR = "rfc3987_syntax"


def pipelines_dir() -> Path:
    """Directory of the pipeline notebooks: of the project above the working directory, else of this checkout.

    Raises
    ------
    ConfigError
        If there is none.
    """
    here = Path.cwd()
    for root in (here, *here.parents, Path(__file__).resolve().parents[2]):
        if (root / _PIPELINES).is_dir():
            return root / _PIPELINES
    raise ConfigError(
        "no pipelines were found",
        expected=f"a directory {_PIPELINES.as_posix()} here or above",
        where=str(here),
        hint="Work inside the project, or name a notebook file.",
    )


def list_pipelines() -> list[str]:
    """Names of the pipelines."""
    return sorted(notebook.stem for notebook in pipelines_dir().glob("*.ipynb"))


def find_pipeline(pipeline: str) -> Path:
    """Notebook of a pipeline, given by name or as a path.

    Raises
    ------
    ConfigError
        If there is no such notebook.
    """
    if pipeline.endswith(".ipynb"):
        notebook = Path(pipeline).expanduser().absolute()
        if not notebook.is_file():
            raise ConfigError("this notebook does not exist", found=str(notebook))
        return notebook
    notebook = pipelines_dir() / f"{pipeline}.ipynb"
    if not notebook.is_file():
        raise ConfigError(
            "unknown pipeline", found=pipeline, expected=list_pipelines(), where=str(pipelines_dir())
        )
    return notebook


def find_parameter_file(name: str, notebook: Path) -> Path:
    """File of a parameter set, given as a path or by its name in ``params/`` beside the notebook.

    Raises
    ------
    ConfigError
        If there is no such file.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return path.absolute()
    directory = notebook.parent / _PARAMS
    for candidate in (directory / name, directory / f"{name}.yaml"):
        if candidate.is_file():
            return candidate
    raise ConfigError(
        "there is no such parameter file",
        found=name,
        expected=[file.stem for file in list_parameter_files(notebook)] or "a path to a YAML file",
        where=str(directory),
    )


def list_parameter_files(notebook: Path, *, pipeline: str = "") -> list[Path]:
    """Parameter sets beside a notebook; with ``pipeline``, those whose name begins with it."""
    return sorted((notebook.parent / _PARAMS).glob(f"{pipeline}*.yaml"))


def read_notebook(path: Path) -> "NotebookNode":
    """Read a notebook, in the current format whatever its own.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    nbformat = import_nbformat()
    try:
        notebook: NotebookNode = nbformat.read(path, as_version=4)
    except (OSError, ValueError, nbformat.ValidationError) as error:
        raise DataError(f"the notebook cannot be read: {error}", where=str(path)) from error
    return notebook


def import_nbformat() -> "ModuleType":
    """The module ``nbformat``, in a fraction of the time that importing it takes otherwise.

    Where it finds the package ``rfc3987_syntax``, its validator has a grammar of international web addresses
    compiled, which takes longer than everything else that runs a notebook and is used by no notebook. From
    then on `jsonschema` checks no such addresses in this process; those who imported it before keep theirs.
    """
    if "jsonschema" in sys.modules or _GRAMMAR in sys.modules:
        return import_module("nbformat")
    # How Python is told that there is no such module.
    sys.modules[_GRAMMAR] = None  # type: ignore[assignment]
    try:
        return import_module("nbformat")
    finally:
        sys.modules.pop(_GRAMMAR, None)
