"""Runs of the registry: which there are, one of them, several beside each other, and how to run one again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omni_lab.errors import ConfigError, SourceError
from omni_lab.pipelines.registry.records import Artifact, RunEvent, RunRecord
from omni_lab.system.people import Action, Person
from omni_lab.ui.dashboard.states.question import QuestionState
from omni_lab.ui.params import param

if TYPE_CHECKING:
    from omni_lab.pipelines.jobs import Job
    from omni_lab.system.services import Services

MOST_LISTED = 500
MOST_SHOWN_BYTES = 16 << 20
"""A larger report is not sent to a browser."""
MOST_SAVED_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetail:
    """What is known of one run.

    Attributes
    ----------
    run : RunRecord
    events : tuple of RunEvent
        What happened to it.
    files : tuple of Artifact
        What it left.
    """

    run: RunRecord
    events: tuple[RunEvent, ...]
    files: tuple[Artifact, ...]


class RunsState(param.Parameterized):
    """The registry as somebody looks at it.

    Parameters
    ----------
    services : Services
    person : Person
        Who looks.

    Attributes
    ----------
    runs : list of RunRecord
        The newest first, as `look` found them.
    chosen : list of str
        Ids of the runs that are looked at: one, or several beside each other.
    pipelines : tuple of str
        Only runs of these; empty for all.
    """

    runs = param.List(default=[], item_type=RunRecord)
    chosen = param.List(default=[], item_type=str)

    def __init__(self, services: Services, person: Person, pipelines: Sequence[str] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._services, self._person = services, person
        self.pipelines = tuple(pipelines)

    def look(self) -> None:
        """Read the registry again; runs whose process is gone are ended first."""
        self._services.registry.settle()
        found = self._services.registry.list(limit=MOST_LISTED)
        wanted = [run for run in found if not self.pipelines or run.pipeline in self.pipelines]
        if [told_of(run) for run in wanted] != [told_of(run) for run in self.runs]:
            self.runs = wanted

    def run(self, run_id: str) -> RunRecord:
        """One run.

        Raises
        ------
        ConfigError
            If there is none of that id.
        """
        return self._services.registry.find(run_id)

    def detail(self, run_id: str) -> RunDetail:
        """One run, with its events and files.

        Raises
        ------
        ConfigError
            If there is none of that id.
        """
        run = self.run(run_id)
        registry = self._services.registry
        return RunDetail(
            run=run, events=tuple(registry.events(run.run_id)), files=tuple(registry.artifacts(run.run_id))
        )

    def read_file(self, run_id: str, path: str) -> bytes:
        """A file of a run, which must be one that the registry knows.

        Raises
        ------
        SourceError
            If the run has no such file, it is gone, or it is too large for a browser.
        """
        detail = self.detail(run_id)
        known = {each.path: each for each in detail.files}
        if path not in known:
            raise SourceError("the run has no such file", found=path, expected=sorted(known), where=run_id)
        file = detail.run.folder.path / path
        try:
            size = file.stat().st_size
            if size > MOST_SAVED_BYTES:
                raise SourceError("the file is too large to send", found=size, expected=MOST_SAVED_BYTES)
            return file.read_bytes()
        except OSError as error:
            raise SourceError(
                f"the file cannot be read: {error.strerror}", where=f"{run_id}/{path}"
            ) from error

    def rerun(self, run_id: str) -> QuestionState:
        """What a run was asked, to be asked again with changes.

        Raises
        ------
        ConfigError
            If it is a run of a flow, or its pipeline does not take these parameters any more.
        """
        run = self.run(run_id)
        if run.kind != "pipeline":
            raise ConfigError("only a pipeline can be run again from here", found=run.kind, where=run.run_id)
        return QuestionState(run.pipeline, values=run.content.get("parameters") or {})

    def start(self, question: QuestionState) -> Job:
        """Queue what is asked.

        Raises
        ------
        ForbiddenError
            If the person may not start runs.
        ConfigError, DataError
            If it cannot be run.
        """
        self._person.require(Action.RUN)
        question.question.check()
        return self._services.jobs.submit(question.pipeline, question.changed, who=self._person.name)

    def cancel(self, job_id: str) -> Job:
        """End a job.

        Raises
        ------
        ForbiddenError
            If the person may not.
        """
        self._person.require(Action.RUN)
        return self._services.jobs.cancel(job_id)

    def tag(self, run_id: str, text: str) -> None:
        """Make these the tags of a run; words with spaces between.

        Raises
        ------
        ForbiddenError
            If the person may not.
        ConfigError
            If one cannot be a tag.
        """
        self._person.require(Action.RUN)
        run, wanted = self.run(run_id), set(text.split())
        registry = self._services.registry
        registry.tag(run.run_id, *sorted(wanted - set(run.tags)))
        registry.untag(run.run_id, *sorted(set(run.tags) - wanted))


def told_of(run: RunRecord) -> tuple[Any, ...]:
    """What of a run changes while one looks."""
    return run.run_id, run.status, run.tags, run.is_final or round(run.duration_s or 0.0)


def report_of(run: RunRecord, *, theme: str) -> str:
    """The executed notebook of a run as a page that runs nothing, in a theme.

    Parameters
    ----------
    run : RunRecord
    theme : {"dark", "light"}

    Raises
    ------
    SourceError
        If there is no notebook yet, or its report is too large for a browser.
    """
    import re

    from omni_lab.pipelines.report import write_report

    file = run.folder.report_file
    if not file.is_file():
        if not run.folder.notebook_file.is_file():
            told = "it has not ended yet" if not run.is_final else "its folder is gone"
            raise SourceError("the run has no notebook to show", found=told, where=f"run {run.run_id}")
        file = write_report(run)
    size = Path(file).stat().st_size
    if size > MOST_SHOWN_BYTES:
        raise SourceError("the report is too large to show", found=f"{size:,} bytes", where=str(file.name))
    text = file.read_text(encoding="utf-8")
    # Its own scripts would only be refused, and its policy is that of a page of its own.
    text = re.sub(r"<script\b.*?</script\s*>", "", text, flags=re.DOTALL | re.IGNORECASE)
    return text.replace("<html ", f'<html data-theme="{theme}" ', 1)
