"""Run a pipeline: check its parameters, execute the notebook, leave a record that says what happened.

How a run ended is decided by how the execution ended here, by exception or return, never by what the executed
notebook says of itself. However it ended, the record and as much of the notebook as ran are left readable.
"""

import threading
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import omni_lab
from omni_lab.config import HOME_VARIABLE, Settings
from omni_lab.errors import PipelineError
from omni_lab.pipelines.backtest_request import strategy_of_request
from omni_lab.pipelines.catalog import find_parameter_file, find_pipeline, read_notebook
from omni_lab.pipelines.environment import surroundings, trial_facts
from omni_lab.pipelines.folder import RunFolder
from omni_lab.pipelines.form import form_of_notebook
from omni_lab.pipelines.parameter import PATH
from omni_lab.pipelines.parameters import RUN_DIR_PARAMETER, Parameter, parameter_values, read_parameters
from omni_lab.pipelines.recording import Recording, RunTimeout, terminate_as_interrupt, undisturbed
from omni_lab.pipelines.registry.hashes import content_sha256, lake_sha256, question_sha256
from omni_lab.pipelines.registry.records import (
    FAILED,
    INTERRUPTED,
    SUCCEEDED,
    Origin,
    RunRecord,
    origin_facts,
    read_run,
)
from omni_lab.pipelines.registry.registry import RunRegistry
from omni_lab.strategies.identity import label


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
    reads, writes : tuple of str
        Shared state that it depends on or changes. A notebook without a form is taken to read the lake.
    """

    pipeline: str
    notebook: Path
    notebook_sha256: str
    parameters: Mapping[str, Parameter]
    settings: Mapping[str, Any]
    parameter_file: Path | None = None
    strategy: Mapping[str, Any] | None = None
    reads: tuple[str, ...] = ("lake",)
    writes: tuple[str, ...] = ()

    def fingerprint(
        self, upstream: Mapping[str, str] | None = None, named: Mapping[str, Any] | None = None
    ) -> str:
        """Hash of the question: pipeline, notebook, parameters, code, what is installed, the state it reads.

        Parameters
        ----------
        upstream : mapping of str to str, optional
            Fingerprints of what was made upstream, by step.
        named : mapping, optional
            Parameters that name runs upstream, as the flow writes them: the question does not change because
            a run that came to the same has another id.
        """
        state = {"lake": lake_sha256(Settings.from_env().lake_dir)} if "lake" in self.reads else {}
        return question_sha256(
            pipeline=self.pipeline,
            notebook=self.notebook_sha256,
            parameters={name: self._told(name, value) for name, value in self.settings.items()}
            | dict(named or {}),
            state=state,
            upstream=upstream or {},
        )

    def _told(self, name: str, value: Any) -> Any:
        """A value as part of the question: of a file, what it holds."""
        if self.parameters[name].kind != PATH or value is None:
            return value
        return [content_sha256(Path(path)) for path in (value if isinstance(value, list) else [value])]


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
        **({"reads": described.reads, "writes": described.writes} if described else {}),
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
    origin: Origin | None = None,
    registry: RunRegistry | None = None,
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
    origin : Origin, optional
        Why it is made; by hand by default.
    registry : RunRegistry, optional
        Where it is written down; the project's by default.

    Returns
    -------
    RunRecord
        Of the finished run; ``status`` says whether it succeeded, failed or was interrupted.

    Raises
    ------
    ConfigError, DataError
        If the request is refused, or the registry cannot be used; no directory has been made then.
    AlreadyBegun
        If a run with the key of the origin was begun before.
    """
    origin = origin or Origin()
    request = prepare_run(pipeline, parameter_file=parameter_file, assignments=assignments, values=values)
    with nullcontext(registry) if registry is not None else RunRegistry() as kept:
        recording = Recording.begin(
            kept,
            _first_facts(request, origin),
            {
                "parameters": request.settings,
                "notebook": request.notebook_sha256,
                "version": omni_lab.__version__,
            },
            runs_dir=runs_dir,
            strategy=label(request.strategy) if request.strategy else "",
        )
        return _run(request, recording, progress, cell_timeout_s)


def _run(
    request: RunRequest, recording: Recording, progress: bool, cell_timeout_s: float | None
) -> RunRecord:
    try:
        with terminate_as_interrupt(), recording.beating():
            _execute(request, recording.folder, progress, cell_timeout_s)
    except RunTimeout as error:
        outcome = FAILED, {"type": "Timeout", "message": str(error), "cell": None}
    except KeyboardInterrupt:
        outcome = (
            INTERRUPTED,
            {"type": "KeyboardInterrupt", "message": "interrupted by the user", "cell": None},
        )
    except PipelineError as error:
        outcome = FAILED, _told(error)
    except Exception as error:
        # Not the notebook's fault: the record must not stay at "running", and the cause must be seen.
        _close(recording, FAILED, _told(error))
        raise
    else:
        return _close(recording, SUCCEEDED, None)
    return _close(recording, *outcome)


def _execute(request: RunRequest, folder: RunFolder, progress: bool, cell_timeout_s: float | None) -> None:
    from omni_lab.pipelines.kernel import execute

    # A kernel takes a second to start; what renders the report is imported meanwhile.
    threading.Thread(target=import_module, args=("nbconvert",), daemon=True, name="omni-report").start()
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
        environment={HOME_VARIABLE: str(Settings.from_env().data_dir)},
        progress=progress,
        cell_timeout_s=cell_timeout_s,
    )


def _first_facts(request: RunRequest, origin: Origin) -> dict[str, Any]:
    defaults = {name: parameter.default for name, parameter in request.parameters.items()}
    return {
        "kind": "pipeline",
        "pipeline": request.pipeline,
        **origin_facts(origin),
        "strategy": request.strategy,
        "parameters": dict(request.settings),
        "changed_parameters": [name for name, value in request.settings.items() if value != defaults[name]],
        "parameter_file": request.parameter_file.name if request.parameter_file else None,
        "seed": request.settings.get("seed"),
        "fingerprint": request.fingerprint(origin.upstream, origin.named),
        "notebook": request.notebook.name,
        "notebook_path": str(request.notebook),
        "notebook_sha256": request.notebook_sha256,
        **surroundings(request.notebook.parent),
    }


def _told(error: Exception) -> dict[str, Any]:
    return {
        "type": getattr(error, "error_type", type(error).__name__),
        "message": str(error),
        "cell": getattr(error, "cell", None),
    }


def _close(recording: Recording, status: str, error: Mapping[str, Any] | None) -> RunRecord:
    folder = recording.folder
    with undisturbed():
        if folder.partial_notebook_file.is_file():
            folder.partial_notebook_file.replace(folder.notebook_file)
        made = read_run(folder.path).artifacts
        facts = {"data_fingerprint": made.get("data_fingerprint"), "headline": made.get("headline")}
        facts |= trial_facts(made)
        report = _write_report if folder.notebook_file.is_file() else None
        return recording.close(status, error, facts=facts, report=report)


def _write_report(run: RunRecord) -> None:
    from omni_lab.pipelines.report import write_report

    write_report(run)
