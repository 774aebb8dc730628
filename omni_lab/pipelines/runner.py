"""Run a pipeline: check its parameters, execute the notebook, leave a directory that says what happened.

How a run ended is decided by how the execution ended here, by exception or return, never by what the executed
notebook says of itself. However it ended, the record and as much of the notebook as ran are left readable.
"""

import os
import platform
import signal
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import omni_lab
from omni_lab.config import HOME_VARIABLE, Settings
from omni_lab.errors import PipelineError
from omni_lab.pipelines.backtest_request import strategy_of_request
from omni_lab.pipelines.catalog import find_parameter_file, find_pipeline, read_notebook
from omni_lab.pipelines.environment import git_state, versions
from omni_lab.pipelines.folder import RunFolder, create_run_folder, write_json
from omni_lab.pipelines.form import form_of_notebook
from omni_lab.pipelines.parameters import RUN_DIR_PARAMETER, Parameter, parameter_values, read_parameters
from omni_lab.pipelines.registry import FAILED, INTERRUPTED, RUNNING, SUCCEEDED, RunRecord, read_run
from omni_lab.strategies.identity import label

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What to run, checked; nothing has been written yet.

    Attributes
    ----------
    pipeline : str
    notebook : Path
    notebook_sha256 : str
    parameters : mapping of str to Parameter
        As the notebook declares them.
    settings : mapping of str to object
        Effective values, without ``run_dir``.
    parameter_file : Path or None
    strategy : mapping or None
        Of a backtest: name, parameters and hash of its strategy.
    """

    pipeline: str
    notebook: Path
    notebook_sha256: str
    parameters: Mapping[str, Parameter]
    settings: Mapping[str, Any]
    parameter_file: Path | None = None
    strategy: Mapping[str, Any] | None = None


def prepare_run(
    pipeline: str,
    *,
    parameter_file: str | None = None,
    assignments: Sequence[str] = (),
    values: Mapping[str, Any] | None = None,
) -> RunRequest:
    """Find a pipeline and settle its parameters.

    Parameters
    ----------
    pipeline : str
        Name in ``notebooks/pipelines``, or a path to a notebook.
    parameter_file : str, optional
        Path to a YAML file, or the name of one in ``params/`` beside the notebook.
    assignments : sequence of str, optional
        ``"name=value"``, as typed. They win over the file.
    values : mapping, optional
        Python values by name. They win over everything.

    Raises
    ------
    ConfigError
        If the pipeline or the file does not exist, a parameter is unknown, has another type or is out of
        range, parameters do not go together, or a backtest asks for a strategy or a model of costs that
        cannot be.
    DataError
        If the notebook cannot be read.
    """
    notebook = find_pipeline(pipeline)
    parameters = read_parameters(read_notebook(notebook), where=notebook.name)
    described = form_of_notebook(notebook, parameters)
    if described is not None:
        parameters.update(described.parameters)
    file = find_parameter_file(parameter_file, notebook) if parameter_file else None
    effective = parameter_values(
        parameters,
        file=file,
        assignments=assignments,
        values=values,
        rules=described.check_rules if described else None,
    )
    effective.pop(RUN_DIR_PARAMETER, None)
    return RunRequest(
        pipeline=notebook.stem,
        notebook=notebook,
        notebook_sha256=sha256(notebook.read_bytes()).hexdigest(),
        parameters=parameters,
        settings=effective,
        parameter_file=file,
        strategy=strategy_of_request(parameters, effective),
    )


def run_pipeline(
    pipeline: str,
    *,
    parameter_file: str | None = None,
    assignments: Sequence[str] = (),
    values: Mapping[str, Any] | None = None,
    runs_dir: Path | None = None,
    progress: bool = True,
    cell_timeout_s: float | None = None,
) -> RunRecord:
    """Execute a pipeline notebook and keep everything about it in a directory of its own.

    Parameters
    ----------
    pipeline, parameter_file, assignments, values
        See :func:`prepare_run`.
    runs_dir : Path, optional
        Parent of the run's directory; the project's runs by default.
    progress : bool
        Show a bar where standard error is a terminal.
    cell_timeout_s : float, optional
        Longest a cell may take; no limit by default.

    Returns
    -------
    RunRecord
        Of the finished run; ``status`` says whether it succeeded, failed or was interrupted.

    Raises
    ------
    ConfigError, DataError
        If the request is refused; no directory has been made then.
    """
    request = prepare_run(pipeline, parameter_file=parameter_file, assignments=assignments, values=values)
    settings = Settings.from_env()
    started = datetime.now(UTC)
    folder = create_run_folder(
        (runs_dir or settings.runs_dir).absolute(),
        request.pipeline,
        started,
        {
            "parameters": request.settings,
            "notebook": request.notebook_sha256,
            "version": omni_lab.__version__,
        },
        strategy=label(request.strategy) if request.strategy else "",
    )
    record = _first_record(request, folder, started)
    write_json(folder.run_file, record)
    try:
        with _terminate_as_interrupt():
            _execute(request, folder, settings, progress, cell_timeout_s)
    except KeyboardInterrupt:
        outcome = _finished(INTERRUPTED, {"type": "KeyboardInterrupt", "message": "interrupted by the user"})
    except PipelineError as error:
        outcome = _finished(FAILED, _facts(error))
    except Exception as error:
        # Not the notebook's fault: the record must not stay at "running", and the cause must be seen.
        _close(record, folder, started, _finished(FAILED, _facts(error)))
        raise
    else:
        outcome = _finished(SUCCEEDED, None)
    _close(record, folder, started, outcome)
    return read_run(folder.path)


def _execute(
    request: RunRequest, folder: RunFolder, settings: Settings, progress: bool, cell_timeout_s: float | None
) -> None:
    from omni_lab.pipelines.kernel import execute

    parameters = dict(request.settings)
    if RUN_DIR_PARAMETER in request.parameters:
        parameters[RUN_DIR_PARAMETER] = str(folder.path)
    execute(
        request.notebook,
        folder.partial_notebook_file,
        parameters,
        title=request.pipeline,
        # Where nbval and JupyterLab run it too.
        cwd=request.notebook.parent,
        environment={HOME_VARIABLE: str(settings.data_dir)},
        progress=progress,
        cell_timeout_s=cell_timeout_s,
    )


def _first_record(request: RunRequest, folder: RunFolder, started: datetime) -> dict[str, Any]:
    defaults = {name: parameter.default for name, parameter in request.parameters.items()}
    return {
        "schema": SCHEMA,
        "run_id": folder.run_id,
        "pipeline": request.pipeline,
        "status": RUNNING,
        "started": started.isoformat(timespec="milliseconds"),
        "finished": None,
        "duration_s": None,
        "error": None,
        "strategy": request.strategy,
        "parameters": dict(request.settings),
        "changed_parameters": [name for name, value in request.settings.items() if value != defaults[name]],
        "parameter_file": request.parameter_file.name if request.parameter_file else None,
        "seed": request.settings.get("seed"),
        "data_fingerprint": None,
        "notebook": request.notebook.name,
        "notebook_sha256": request.notebook_sha256,
        "versions": versions(),
        "git": git_state(request.notebook.parent),
        "platform": platform.platform(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
    }


def _finished(status: str, error: dict[str, Any] | None) -> dict[str, Any]:
    return {"status": status, "error": error}


def _facts(error: Exception) -> dict[str, Any]:
    return {
        "type": getattr(error, "error_type", type(error).__name__),
        "message": str(error),
        "cell": getattr(error, "cell", None),
    }


def _close(record: dict[str, Any], folder: RunFolder, started: datetime, outcome: dict[str, Any]) -> None:
    """Write how the run ended, then its report: a report that fails must not take the record with it."""
    finished = datetime.now(UTC)
    if folder.partial_notebook_file.is_file():
        folder.partial_notebook_file.replace(folder.notebook_file)
    record.update(
        outcome,
        finished=finished.isoformat(timespec="milliseconds"),
        duration_s=round((finished - started).total_seconds(), 3),
        data_fingerprint=read_run(folder.path).artifacts.get("data_fingerprint"),
    )
    write_json(folder.run_file, record)
    if folder.notebook_file.is_file():
        from omni_lab.pipelines.report import write_report

        write_report(read_run(folder.path))


@contextmanager
def _terminate_as_interrupt() -> "Iterator[None]":
    """Let a scheduler's SIGTERM end a run as Ctrl-C does, with its record written."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(signum: int, frame: "FrameType | None") -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
