"""The registry: what runs were made, in a database that several processes and machines may share.

`RunRegistry` keeps them; `find_run` and `list_runs` ask for them. What a run left behind lies in its folder
(`omni_lab.pipelines.folder`), whose ``run.json`` says the same as the row.
"""

from typing import TYPE_CHECKING

from omni_lab.lazy import attributes
from omni_lab.pipelines.registry.records import (
    FAILED,
    FINAL,
    INTERRUPTED,
    LOST,
    QUEUED,
    RUNNING,
    SUCCEEDED,
    UNREADABLE,
    AlreadyBegun,
    Artifact,
    Origin,
    RunEvent,
    RunRecord,
    read_run,
)

if TYPE_CHECKING:
    from omni_lab.pipelines.registry.asking import find_run, list_runs
    from omni_lab.pipelines.registry.registry import RunRegistry

__all__ = [
    "FAILED",
    "FINAL",
    "INTERRUPTED",
    "LOST",
    "QUEUED",
    "RUNNING",
    "SUCCEEDED",
    "UNREADABLE",
    "AlreadyBegun",
    "Artifact",
    "Origin",
    "RunEvent",
    "RunRecord",
    "RunRegistry",
    "find_run",
    "list_runs",
    "read_run",
]

# A notebook that records its results needs no database.
__getattr__ = attributes(__name__, {"RunRegistry": "registry", "find_run": "asking", "list_runs": "asking"})
