"""Jobs: pipelines that people start and that go on without them. docs/gateway.md, section 5."""

from typing import TYPE_CHECKING

from omni_lab.lazy import attributes
from omni_lab.pipelines.jobs.job import CANCELED, FAILED, LOST, QUEUED, RUNNING, SUCCEEDED, Job

if TYPE_CHECKING:
    from omni_lab.pipelines.jobs.queue import JobQueue

__all__ = ["CANCELED", "FAILED", "LOST", "QUEUED", "RUNNING", "SUCCEEDED", "Job", "JobQueue"]

# A notebook that runs a pipeline has no queue.
__getattr__ = attributes(__name__, {"JobQueue": "queue"})
