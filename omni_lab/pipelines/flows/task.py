"""A step that is to be run, as it travels to the process that runs it, and how that went.

Both are plain data, so that they can be written to a pipe or sent to another machine.
"""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from omni_lab.errors import OmniError
from omni_lab.pipelines.registry import FAILED, Origin

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTask:
    """One attempt of a step.

    Attributes
    ----------
    step, pipeline : str
    values : mapping
        Parameters of the pipeline.
    origin : mapping
        Of the run, as of :class:`Origin`.
    timeout_s : float, optional
        Longest it may take, in seconds.
    runs_dir : str
        Parent of the run's folder.
    registry : str
        Where the run is written down.
    """

    step: str
    pipeline: str
    values: Mapping[str, Any]
    origin: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float | None = None
    runs_dir: str = ""
    registry: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAnswer:
    """How an attempt of a step ended.

    Attributes
    ----------
    step : str
    status : str
        Of its run.
    run_id : str or None
        None where no run was begun, or where that is not known.
    problem : str
    is_final : bool
        Whether trying again cannot help.
    """

    step: str
    status: str
    run_id: str | None = None
    problem: str = ""
    is_final: bool = False


def run_task(task: StepTask) -> StepAnswer:
    """Run a step here; whatever becomes of it is said, not raised, but for what stops this process."""
    from omni_lab.pipelines.registry import RunRegistry
    from omni_lab.pipelines.runner import run_pipeline

    try:
        with RunRegistry(task.registry or None) as registry:
            record = run_pipeline(
                task.pipeline,
                values=task.values,
                runs_dir=Path(task.runs_dir) if task.runs_dir else None,
                progress=False,
                origin=Origin(**task.origin),
                registry=registry,
            )
    except OmniError as error:
        return StepAnswer(step=task.step, status=FAILED, problem=str(error), is_final=True)
    except Exception as error:
        logger.exception("the step %s failed outside its notebook", task.step)
        return StepAnswer(step=task.step, status=FAILED, problem=f"{type(error).__name__}: {error}")
    kind = (record.content.get("error") or {}).get("type")
    problem = f"{kind}: {record.problem}" if kind and not record.problem.startswith(kind) else record.problem
    return StepAnswer(step=task.step, status=record.status, run_id=record.run_id, problem=problem)
