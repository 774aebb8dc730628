"""``/api/v1/backtest``: pipelines that people start, as jobs that outlive this process."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from omni_lab.errors import ConfigError, SourceError, StateError
from omni_lab.gateway.answers import answer, page
from omni_lab.gateway.models import Body, Page, example_of, model_of
from omni_lab.gateway.problems import public
from omni_lab.gateway.routes.runs import found_run
from omni_lab.gateway.routing import Key, Limit, Name, needs, person_of, router
from omni_lab.pipelines.jobs import Job
from omni_lab.pipelines.jobs.job import ENDED
from omni_lab.system.people import Action
from omni_lab.system.services import Services

Pipeline = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$", description="Name of a pipeline.")]
States = Literal["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELED", "LOST"]
JobCursor = Annotated[
    str | None,
    Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$", description="The `next` of the page before."),
]


class JobIn(Body):
    """A pipeline that somebody wants."""

    model_config = ConfigDict(
        json_schema_extra=example_of(
            pipeline="backtest", parameters={"symbol": "SYNTH", "lookback_period": 120}
        )
    )

    pipeline: Pipeline = "backtest"
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        max_length=200,
        description="By name, as its form has them; the rest by default.",
    )


class Result(BaseModel):
    """What a job found."""

    id: str = Field(description="Of the job.")
    run_id: str = Field(description="Of its run, whose files `/runs` has.")
    headline: dict[str, str] = Field(description="The few results that its notebook put first.")
    metrics: dict[str, float | None] = Field(description="All that it measured.")
    conclusions: list[str] = Field(description="In sentences.")
    warnings: list[str] = Field(description="What to know before quoting a number.")


def backtest_routes(services: Services) -> APIRouter:
    """The routes of jobs."""
    routes, jobs = router("/backtest", "backtest"), services.jobs
    job_model = model_of(Job)

    @routes.post("", response_model=job_model, **needs(Action.RUN, 404, 409, status=202))
    def submit(request: Request, wanted: JobIn, key: Key = None) -> Response:
        """Queue a pipeline; its parameters are checked first. It goes on when this process ends."""
        _refuse_paths(wanted, services.settings.data_dir)
        who = person_of(request)
        job = jobs.submit(wanted.pipeline, wanted.parameters, who=who.name, key=key)
        return answer(told(job), 202, {"Location": f"/api/v1/backtest/{job.id}"})

    @routes.get("", response_model=Page[job_model], **needs(Action.READ))  # type: ignore[valid-type]
    def listed(
        state: Annotated[States | None, Query(description="Only in this state.")] = None,
        pipeline: Annotated[
            str | None, Query(pattern=r"^[A-Za-z0-9_:-]{1,100}$", description="Only of this pipeline.")
        ] = None,
        limit: Limit = 100,
        cursor: JobCursor = None,
    ) -> Response:
        """Jobs, newest first."""
        try:
            found = jobs.list(state=state, pipeline=pipeline, before=cursor, most=limit + 1)
        except SourceError as error:
            raise ConfigError("this is no cursor of this list", found=cursor, where="query.cursor") from error
        shown = page(found, limit, lambda job: job.id)
        return answer(shown | {"items": [told(job) for job in shown["items"]]})

    @routes.get("/{name}", response_model=job_model, **needs(Action.READ, 404))
    def job(name: Name) -> Response:
        """A job: its state, how far it is, and its run."""
        return answer(told(jobs.get(name)))

    @routes.get("/{name}/result", response_model=Result, **needs(Action.READ, 404, 409))
    def result(name: Name) -> Response:
        """What a job found, once it succeeded."""
        return answer(result_of(services, jobs.get(name)))

    @routes.post("/{name}/cancel", response_model=job_model, **needs(Action.RUN, 404, 409))
    def cancel(name: Name) -> Response:
        """Take a job out of the queue, or end it as Ctrl-C would; of one that ended, it is told as it is."""
        return answer(told(jobs.cancel(name)))

    return routes


def told(job: Job) -> dict[str, Any]:
    """A job as it is sent: without the key, which is its owner's alone, and without paths."""
    return asdict(job) | {"key": None, "text": public(job.text)}


def result_of(services: Services, job: Job) -> dict[str, Any]:
    """Fields of `Result`.

    Raises
    ------
    StateError
        If the job has not succeeded.
    """
    if job.state != "SUCCEEDED" or job.run_id is None:
        hint = None if job.state in ENDED else "Wait for its end: the stream jobs.ID tells."
        raise StateError("the job has no result", found=job.state, expected="SUCCEEDED", hint=hint)
    run = found_run(services, job.run_id)
    return {
        "id": job.id,
        "run_id": run.run_id,
        "headline": run.headline,
        "metrics": {name: _number(value) for name, value in run.metrics.items()},
        "conclusions": list(run.artifacts.get("conclusions") or ()),
        "warnings": list(run.artifacts.get("warnings") or ()),
    }


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _refuse_paths(wanted: JobIn, data_dir: Path) -> None:
    """Refuse files outside of the data directory: who may run a pipeline may not read this machine."""
    from omni_lab.pipelines.parameter import PATH
    from omni_lab.pipelines.runner import prepare_run

    request = prepare_run(wanted.pipeline, values=wanted.parameters)
    for name in wanted.parameters:
        value = request.settings.get(name)
        if request.parameters[name].kind != PATH or value is None:
            continue
        for each in value if isinstance(value, list) else [value]:
            if not Path(str(each)).resolve().is_relative_to(data_dir.resolve()):
                raise ConfigError(
                    "this file is not in the data directory", found=str(each), where=f"body.parameters.{name}"
                )
