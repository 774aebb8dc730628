"""Notebooks as pipelines: run one with papermill, keep what it made, find it again.

``runner`` executes, ``registry`` lists, ``artifacts`` is what a notebook itself uses to record its results.
"""

from omni_lab.pipelines.artifacts import RunContext
from omni_lab.pipelines.registry import RunRecord, find_run, list_runs
from omni_lab.pipelines.runner import run_pipeline

__all__ = ["RunContext", "RunRecord", "find_run", "list_runs", "run_pipeline"]
