"""Flows: graphs of pipelines, run in parallel, cached, retried, cancelled and resumed.

``flow`` says what one is, ``reading`` reads YAML, ``checks`` settles all values before anything runs,
``engine`` decides what runs when, ``places`` runs steps, ``runner`` drives and records it all.
"""

from typing import TYPE_CHECKING

from omni_lab.lazy import attributes
from omni_lab.pipelines.flows.flow import Flow, Step

if TYPE_CHECKING:
    from omni_lab.pipelines.flows.reading import list_flows, load_flow
    from omni_lab.pipelines.flows.runner import resume_flow, run_flow

__all__ = ["Flow", "Step", "list_flows", "load_flow", "resume_flow", "run_flow"]

__getattr__ = attributes(
    __name__,
    {"list_flows": "reading", "load_flow": "reading", "resume_flow": "runner", "run_flow": "runner"},
)
