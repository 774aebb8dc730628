"""JupyterLab's "Create a notebook job" as an entry to pipelines; jupyter-scheduler is imported here alone.

Its dialogue gives parameters as text. They are read by the types that the notebook declares, the run is made
as any other, with its row in the registry, and what is offered for download is laid where the dialogue looks
for it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omni_lab.errors import ConfigError, MissingExtraError, PipelineError
from omni_lab.pipelines.catalog import find_pipeline, list_pipelines
from omni_lab.pipelines.registry import Origin
from omni_lab.pipelines.registry.records import SUCCEEDED

try:
    from jupyter_scheduler.executors import ExecutionManager
    from jupyter_scheduler.models import JobFeature
except ImportError as missing:
    raise MissingExtraError("jupyter_scheduler", extra="lab", what="jobs of JupyterLab") from missing

if TYPE_CHECKING:
    from omni_lab.pipelines.registry import RunRecord

_FEATURES = {JobFeature.job_name, JobFeature.output_formats, JobFeature.stop_job, JobFeature.delete_job}


class PipelineExecutionManager(ExecutionManager):  # type: ignore[misc]  # jupyter-scheduler has no types
    """Runs a job as a pipeline: trigger ``jupyter``, its name that of the job."""

    def execute(self) -> None:
        """Run the job's notebook, and leave its outputs where they are asked for, however it ended.

        Raises
        ------
        ConfigError
            If the notebook has no parameters cell, or does not take a parameter; its message is the job's.
        PipelineError
            If the run did not succeed.
        """
        from omni_lab.pipelines.runner import run_pipeline

        job = self.model
        record = run_pipeline(
            _pipeline(Path(self.staging_paths["input"])),
            assignments=[f"{name}={text}" for name, text in (job.parameters or {}).items()],
            progress=False,
            origin=Origin(trigger="jupyter", name=job.name, key=f"jupyter:{self.job_id}"),
        )
        for kind in job.output_formats or []:
            _leave(record, kind, Path(self.staging_paths[kind]))
        if record.status != SUCCEEDED:
            raise PipelineError(f"the run {record.run_id} {record.status}: {record.problem}")

    @classmethod
    def supported_features(cls) -> dict[JobFeature, bool]:
        """What the dialogue may offer."""
        return {feature: feature in _FEATURES for feature in JobFeature}

    def validate(cls, input_path: str) -> bool:  # called with the class, as a plain function
        """Whether the file is a notebook; its kernel is always this interpreter."""
        return Path(input_path).suffix == ".ipynb"


def _pipeline(copy: Path) -> str:
    """The pipeline of which a file is a copy, by its name; else the file itself."""
    try:
        original = find_pipeline(copy.stem) if copy.stem in list_pipelines() else None
    except ConfigError:
        return str(copy)  # there are no pipelines here
    return copy.stem if original is not None and original.read_bytes() == copy.read_bytes() else str(copy)


def _leave(record: RunRecord, kind: str, target: Path) -> None:
    ready = {"ipynb": record.folder.notebook_file, "html": record.folder.report_file}
    if kind in ready:
        if ready[kind].is_file():
            shutil.copyfile(ready[kind], target)
        return
    if record.folder.notebook_file.is_file():
        target.write_bytes(_converted(record.folder.notebook_file, kind))


def _converted(notebook: Path, kind: str) -> bytes:
    import nbconvert

    exporter: Any = nbconvert.get_exporter(kind)()  # type: ignore[no-untyped-call]
    made, _ = exporter.from_filename(str(notebook))
    return made if isinstance(made, bytes) else str(made).encode()
