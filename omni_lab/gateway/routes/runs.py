"""``/api/v1/runs``: what was run, what came of it, and how two differ."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse

from omni_lab.errors import ConfigError, SourceError
from omni_lab.gateway.answers import answer, page
from omni_lab.gateway.models import Page
from omni_lab.gateway.problems import public
from omni_lab.gateway.routing import Limit, Name, needs, router
from omni_lab.pipelines.compare import ABSENT, RunDiff, compare_runs
from omni_lab.pipelines.registry import RunRecord
from omni_lab.pipelines.summary import format_output, plain
from omni_lab.system.people import Action
from omni_lab.system.services import Services

SANDBOX = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""What a page that a notebook wrote may do: be looked at."""
_MOST_ROWS = 100

RunCursor = Annotated[
    str | None,
    Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$", description="The `next` of the page before."),
]
RunId = Annotated[
    str,
    Query(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$",
        description="Of a run: its id or the beginning of it, a tag that it alone has, or `last`.",
    ),
]
Pipeline = Annotated[
    str | None, Query(pattern=r"^[A-Za-z0-9_.:-]{1,100}$", description="Only of this pipeline or flow.")
]
Tag = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_.:-]{1,100}$", description="Only with this tag.")]


class Run(BaseModel):
    """A run."""

    run_id: str = Field(description="Its id.")
    kind: str = Field(description="`pipeline` or `flow`.")
    pipeline: str = Field(description="What was run.")
    status: str = Field(
        description="`queued`, `running`, `succeeded`, `failed`, `interrupted`, `lost`, `unreadable`."
    )
    started: str | None = Field(description="ISO 8601, UTC.")
    duration_s: float | None = Field(description="So far, where it is going.")
    trigger: str = Field(description="`hand`, `flow`, `schedule`, `jupyter` or `api`.")
    tags: list[str] = Field(description="That people gave it.")
    headline: dict[str, str] = Field(description="The few results that its notebook put first.")
    problem: str = Field(description="The error that ended it; empty for none.")


class RunFile(BaseModel):
    """A file that a run left."""

    name: str = Field(description="Of the file.")
    kind: str = Field(description="`notebook`, `report`, `metrics`, `record`, `figure` or `file`.")
    path: str = Field(description="In the folder of the run.")
    size: int = Field(description="Bytes.")
    sha256: str = Field(description="Of its bytes.")


class RunHappening(BaseModel):
    """A change of a run's status."""

    at: str = Field(description="ISO 8601, UTC.")
    status: str = Field(description="The status since then.")
    why: str = Field(description="Why.")


class RunDetails(Run):
    """A run, and all that it left."""

    parameters: dict[str, Any] = Field(description="That it ran with.")
    metrics: dict[str, float | None] = Field(description="All that it measured.")
    conclusions: list[str] = Field(description="In sentences.")
    warnings: list[str] = Field(description="What to know before quoting a number.")
    fingerprint: str | None = Field(description="Of the question; equal for equal questions.")
    files: list[RunFile] = Field(description="That it left.")
    events: list[RunHappening] = Field(description="What happened to it, in order.")


class Difference(BaseModel):
    """A value that differs; null where a run does not have it."""

    a: Any = Field(description="Of the first.")
    b: Any = Field(description="Of the second.")


class MetricOut(BaseModel):
    """A number of both runs."""

    name: str = Field(description="Of the number.")
    a: float | None = Field(description="Of the first.")
    b: float | None = Field(description="Of the second.")
    delta: float | None = Field(description="The second minus the first.")


class EquityOut(BaseModel):
    """Equity of both runs."""

    ts: list[int] = Field(description="Nanoseconds UTC.")
    a: list[float | None] = Field(description="Of the first, currency.")
    b: list[float | None] = Field(description="Of the second, currency.")
    parts_at: int | None = Field(description="The first time at which both are known and differ.")


class RowsOut(BaseModel):
    """Rows of a table that only one of the runs has; the first hundred."""

    n_common: int = Field(description="Rows that both have.")
    n_only_a: int = Field(description="Rows that only the first has.")
    n_only_b: int = Field(description="Rows that only the second has.")
    only_a: list[dict[str, Any]] = Field(description="Of the first.")
    only_b: list[dict[str, Any]] = Field(description="Of the second.")


class Diff(BaseModel):
    """What differs between two runs."""

    a: str = Field(description="Id of the first.")
    b: str = Field(description="Id of the second.")
    same_results: bool = Field(description="Whether all that came out is the same bit for bit.")
    parameters: dict[str, Difference] = Field(description="Those that differ.")
    made_with: dict[str, Difference] = Field(description="What differs of data, notebook, code and versions.")
    metrics: list[MetricOut] = Field(description="All, in the order of the first.")
    equity: EquityOut | None = Field(description="Where both left one.")
    rows: dict[str, RowsOut] = Field(description="`trades` and `fills`.")
    notes: list[str] = Field(description="What could not be compared.")


def run_routes(services: Services) -> APIRouter:
    """The routes of runs."""
    routes, registry = router("/runs", "runs"), services.registry

    @routes.get("", response_model=Page[Run], **needs(Action.READ))
    def runs(
        pipeline: Pipeline = None,
        status: Annotated[
            Literal["queued", "running", "succeeded", "failed", "interrupted", "lost"] | None,
            Query(description="Only those that are so."),
        ] = None,
        tag: Tag = None,
        limit: Limit = 100,
        cursor: RunCursor = None,
    ) -> Response:
        """Runs, newest first."""
        try:
            found = registry.list(pipeline=pipeline, status=status, tag=tag, before=cursor, limit=limit + 1)
        except ConfigError as error:
            raise ConfigError("this is no cursor of this list", found=cursor, where="query.cursor") from error
        shown = page(found, limit, lambda run: run.run_id)
        return answer(shown | {"items": [told(run) for run in shown["items"]]})

    @routes.get("/diff", response_model=Diff, **needs(Action.READ, 404))
    def diff(a: RunId, b: RunId) -> Response:
        """What differs between two runs."""
        return answer(diff_of(compare_runs(found_run(services, a), found_run(services, b))))

    @routes.get("/{name}", response_model=RunDetails, **needs(Action.READ, 404))
    def run(name: Name) -> Response:
        """A run, and all that it left."""
        return answer(details_of(services, found_run(services, name)))

    @routes.get("/{name}/log", response_class=PlainTextResponse, **needs(Action.READ, 404))
    def log(name: Name) -> Response:
        """What its cells printed, and the error that ended it; also of a run that is going."""
        return PlainTextResponse(
            format_output(found_run(services, name)), headers={"X-Content-Type-Options": "nosniff"}
        )

    @routes.get("/{name}/notebook", response_class=HTMLResponse, **needs(Action.READ, 404))
    def notebook(name: Name) -> Response:
        """The executed notebook as a page without scripts, in a sandbox."""
        from omni_lab.pipelines.catalog import read_notebook
        from omni_lab.pipelines.report import render_report

        found = found_run(services, name)
        file = _file(found, found.folder.notebook_file)
        return HTMLResponse(render_report(read_notebook(file), found), headers=SANDBOX)

    @routes.get("/{name}/report", response_class=HTMLResponse, **needs(Action.READ, 404))
    def report(name: Name) -> Response:
        """The report that the run wrote, in a sandbox."""
        found = found_run(services, name)
        file = _file(found, found.folder.report_file)
        return FileResponse(file, media_type="text/html", headers=SANDBOX)

    return routes


def found_run(services: Services, name: str) -> RunRecord:
    """A run.

    Raises
    ------
    SourceError
        If no run, or more than one, answers to the name.
    """
    try:
        return services.registry.find(name)
    except ConfigError as error:
        raise SourceError(error.what, found=name, where="run", hint=error.hint) from error


def told(run: RunRecord) -> dict[str, Any]:
    """A run as a list shows it."""
    return {
        "run_id": run.run_id,
        "kind": run.kind,
        "pipeline": run.pipeline,
        "status": run.status,
        "started": run.started,
        "duration_s": run.duration_s,
        "trigger": run.origin.trigger,
        "tags": run.tags,
        "headline": run.headline,
        "problem": public(run.problem),
    }


def details_of(services: Services, run: RunRecord) -> dict[str, Any]:
    """Fields of `RunDetails`."""
    events = [plain(each) for each in services.registry.events(run.run_id)]
    return told(run) | {
        "parameters": plain(run.content.get("parameters") or {}),
        "metrics": plain(dict(run.metrics)),
        "conclusions": list(run.artifacts.get("conclusions") or ()),
        "warnings": list(run.artifacts.get("warnings") or ()),
        "fingerprint": run.fingerprint,
        "files": services.registry.artifacts(run.run_id),
        "events": [each | {"why": public(each["why"])} for each in events],
    }


def diff_of(diff: RunDiff) -> dict[str, Any]:
    """Fields of `Diff`."""
    equity = diff.equity
    return {
        "a": diff.a.run_id,
        "b": diff.b.run_id,
        "same_results": diff.same_results,
        "parameters": {name: _pair(pair) for name, pair in diff.parameters.items()},
        "made_with": {name: _pair(pair) for name, pair in diff.made_with.items()},
        "metrics": [
            {"name": each.name, "a": each.a, "b": each.b, "delta": each.delta} for each in diff.metrics
        ],
        "equity": equity and {"ts": equity.ts, "a": equity.a, "b": equity.b, "parts_at": equity.parts_at},
        "rows": {
            name: {
                "n_common": each.n_common,
                "n_only_a": len(each.only_a),
                "n_only_b": len(each.only_b),
                "only_a": each.only_a.head(_MOST_ROWS).astype(object).to_dict("records"),
                "only_b": each.only_b.head(_MOST_ROWS).astype(object).to_dict("records"),
            }
            for name, each in diff.rows.items()
        },
        "notes": [public(note) for note in diff.notes],
    }


def _pair(pair: tuple[Any, Any]) -> dict[str, Any]:
    return {name: None if value is ABSENT else plain(value) for name, value in zip("ab", pair, strict=True)}


def _file(run: RunRecord, file: Path) -> Path:
    """A file of a run, which is a file and lies in its folder.

    Raises
    ------
    SourceError
        If it does not.
    """
    if not file.is_file() or not file.resolve().is_relative_to(run.folder.path.resolve()):
        raise SourceError("the run left no such file", found=file.name, where=run.run_id)
    return file
