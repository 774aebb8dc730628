"""Executing a notebook with papermill in a kernel of this interpreter.

The engine never looks for an installed kernelspec: the kernel is this Python, whatever the notebook or the
user's Jupyter says. ``kernels`` starts it. papermill is imported here and nowhere else.
"""

import logging
import re
import tempfile
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from papermill.exceptions import PapermillExecutionError

from omni_lab.errors import PipelineError
from omni_lab.pipelines.catalog import read_notebook
from omni_lab.pipelines.kernels import KERNEL_NAME, end_kernel, kernel_manager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jupyter_client.manager import AsyncKernelManager
    from nbformat import NotebookNode

logger = logging.getLogger(__name__)
# What nbclient reports as an error is raised here with its place and reason.
logger.setLevel(logging.CRITICAL)


class CellError(PipelineError):
    """A cell of the pipeline failed.

    Parameters
    ----------
    error_type, message : str
        Name of the exception and its text.
    cell : str
        Which cell: its place and the heading above it.
    hint : str, optional
        What to try.
    """

    def __init__(self, error_type: str, message: str, *, cell: str, hint: str | None = None) -> None:
        self.error_type = error_type
        self.message = message
        self.cell = cell
        super().__init__(f"{error_type}: {message}" if message else error_type, where=cell, hint=hint)


def execute(
    notebook_file: Path,
    output_file: Path,
    parameters: Mapping[str, Any],
    *,
    title: str,
    cwd: Path,
    environment: Mapping[str, str],
    progress: bool = True,
    cell_timeout_s: float | None = None,
) -> None:
    """Run a notebook from top to bottom, writing it out after each cell.

    Parameters
    ----------
    notebook_file, output_file : Path
        What to run, and where the executed notebook goes.
    parameters : mapping of str to object
        Injected after the tagged cell.
    title : str
        Shown by the progress bar.
    cwd : Path
        Working directory of the kernel.
    environment : mapping of str to str
        Added to the kernel's environment.
    progress : bool
        Whether to show a bar where standard error is a terminal.
    cell_timeout_s : float, optional
        Longest a cell may take.

    Raises
    ------
    CellError
        If a cell raises, exits, takes too long or takes the kernel with it.
    """
    papermill_engines.register(KERNEL_NAME, _ThisInterpreterEngine)
    try:
        with _quiet_papermill():
            papermill.execute_notebook(
                _unformatted(notebook_file),
                _unformatted(output_file),
                parameters=dict(parameters),
                engine_name=KERNEL_NAME,
                kernel_name=KERNEL_NAME,
                language="python",
                # tqdm's None means: only where somebody is looking.
                progress_bar={"desc": title, "disable": None, "leave": False} if progress else False,
                kernel_cwd=str(cwd),
                kernel_env=dict(environment),
                execution_timeout=cell_timeout_s,
            )
    except PapermillExecutionError as error:
        cell = _place(read_notebook(output_file), _is_failed)
        raise CellError(error.ename, error.evalue, cell=cell) from error
    except (DeadKernelError, CellTimeoutError) as error:
        dead = isinstance(error, DeadKernelError)
        notebook = read_notebook(output_file)
        raise CellError(
            type(error).__name__,
            "the kernel died while it ran the cell"
            if dead
            else f"the cell took longer than {cell_timeout_s} s",
            cell=_place(notebook, _last_started(notebook)),
            hint="Out of memory, a crash in native code and os._exit() all end a kernel this way."
            if dead
            else None,
        ) from error
    _raise_unless_complete(read_notebook(output_file))


class _ThisInterpreterEngine(Engine):  # type: ignore[misc]  # papermill has no types
    """Runs the cells in a fresh kernel of this interpreter."""

    @classmethod
    def nb_kernel_name(cls, nb: "NotebookNode", name: str | None = None) -> str:
        return KERNEL_NAME

    @classmethod
    def nb_language(cls, nb: "NotebookNode", language: str | None = None) -> str:
        return "python"

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        *,
        kernel_cwd: str,
        kernel_env: Mapping[str, str],
        start_timeout: int = 60,
        execution_timeout: float | None = None,
        **_: Any,
    ) -> None:
        nb_man.nb.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        with tempfile.TemporaryDirectory(prefix="omni-kernel-") as private:
            manager = kernel_manager(Path(private), kernel_env)
            client = _Client(
                nb_man,
                manager=manager,
                timeout=execution_timeout,
                startup_timeout=start_timeout,
                kernel_name=kernel_name,
                log=logger,
            )
            try:
                client.execute(cwd=kernel_cwd)
            finally:
                end_kernel(manager)


class _Client(PapermillNotebookClient):  # type: ignore[misc]  # papermill has no types
    """papermill's client over a kernel manager of ours, which it owns and ends."""

    def __init__(self, nb_man: Any, *, manager: "AsyncKernelManager", **options: Any) -> None:
        self._manager = manager
        super().__init__(nb_man, **options)

    def create_kernel_manager(self) -> "AsyncKernelManager":
        self.km = self._manager
        return self._manager

    def papermill_execute_cells(self) -> None:
        try:
            super().papermill_execute_cells()
        except BaseException:
            # Interrupted: the kernel is busy and would keep a polite request waiting.
            self.shutdown_kernel = "immediate"
            raise


def _unformatted(path: Path) -> str:
    """Path as papermill takes it: it runs str.format over what it is given."""
    return str(path).replace("{", "{{").replace("}", "}}")


@contextmanager
def _quiet_papermill() -> "Iterator[None]":
    """Keep papermill from warning about parameters that its own inspection cannot read."""
    logger = logging.getLogger("papermill")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _raise_unless_complete(notebook: "NotebookNode") -> None:
    """Refuse a notebook that stopped early without an error; papermill reads ``sys.exit(0)`` as success."""
    if any(map(_is_failed, notebook.cells)):
        raise CellError(
            "SystemExit",
            "the cell ended the notebook before its last cell",
            cell=_place(notebook, _is_failed),
            hint="Leave sys.exit() out of pipelines: raise an error, or let the last cell be the end.",
        )
    if any(map(_is_unexecuted, notebook.cells)):
        raise CellError(
            "Incomplete", "the notebook stopped before this cell", cell=_place(notebook, _is_unexecuted)
        )


def _is_failed(cell: "NotebookNode") -> bool:
    return cell.cell_type == "code" and any(output.output_type == "error" for output in cell.outputs)


def _is_unexecuted(cell: "NotebookNode") -> bool:
    return bool(cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None)


def _last_started(notebook: "NotebookNode") -> "Callable[[NotebookNode], bool]":
    """Tell the cell that the kernel was at: the last one that papermill began."""
    started = [cell for cell in notebook.cells if cell.metadata.get("papermill", {}).get("start_time")]
    return lambda cell: bool(started) and cell is started[-1]


def _place(notebook: "NotebookNode", is_it: "Callable[[NotebookNode], bool]") -> str:
    heading, code_cells = "", 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            headings: list[str] = re.findall(r"^#{1,3} +(.+)$", cell.source, flags=re.MULTILINE)
            heading = headings[-1] if headings else heading
        code_cells += cell.cell_type == "code"
        if is_it(cell):
            return f"code cell {code_cells}" + (f", under “{heading}”" if heading else "")
    return "no cell in particular"
