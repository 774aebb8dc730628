"""Notebooks as pipelines: run one with papermill, keep what it made, find it again.

``runner`` executes, ``registry`` keeps, ``artifacts`` is what a notebook itself uses to record its results.
"""

from typing import TYPE_CHECKING

from omni_lab.lazy import attributes
from omni_lab.pipelines.artifacts import RunContext

if TYPE_CHECKING:
    from omni_lab.pipelines.registry import Origin, RunRecord, RunRegistry, find_run, list_runs
    from omni_lab.pipelines.runner import run_pipeline

__all__ = ["Origin", "RunContext", "RunRecord", "RunRegistry", "find_run", "list_runs", "run_pipeline"]

# A kernel needs RunContext alone.
__getattr__ = attributes(
    __name__,
    dict.fromkeys(("Origin", "RunRecord", "RunRegistry", "find_run", "list_runs"), "registry")
    | {"run_pipeline": "runner"},
)
