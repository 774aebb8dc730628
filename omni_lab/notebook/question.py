"""What a pipeline is about to be asked from a notebook: as a request, and as a line for a cell."""

from __future__ import annotations

import shlex

from omni_lab.pipelines import question
from omni_lab.pipelines.jobs.request import Request
from omni_lab.pipelines.question import typed


class Question(question.Question):
    """A question that a cell may run; see `omni_lab.pipelines.question.Question`."""

    def request(self) -> Request:
        """What to run.

        Raises
        ------
        ConfigError
            If something is wrong.
        """
        self.check()
        return Request(subject=self.pipeline, values=self.changed)

    def command(self) -> str:
        """The same as a line for a cell."""
        said = [f"{name}={typed(self.parameters[name], value)}" for name, value in self.changed.items()]
        return " ".join(["%omni_run", self.pipeline, *map(shlex.quote, said)])
