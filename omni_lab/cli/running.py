"""``omni run``, ``omni runs``, ``omni ingest``, ``omni doctor``: pipelines and what they need."""

from typing import Annotated

import typer

from omni_lab.cli.app import FAILED_RUN, INTERRUPTED_RUN, app, group

runs_app = group("runs", "The runs that were made.", invoke_without_command=True)


@app.command()
def run(
    pipeline: Annotated[
        str | None,
        typer.Argument(help="Name of a pipeline, or a notebook file; without it, the list of them."),
    ] = None,
    parameters: Annotated[
        str | None,
        typer.Option("--parameters", "-p", metavar="FILE|NAME", help="YAML file, or a named parameter set."),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", metavar="NAME=VALUE", help="Set one parameter; repeatable."),
    ] = None,
    list_parameters: Annotated[
        bool, typer.Option("--list-parameters", help="Show what can be set, and stop.")
    ] = False,
    progress: Annotated[bool, typer.Option(help="Show a progress bar in a terminal.")] = True,
    cell_timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=0.0, help="Longest a cell may take.")
    ] = None,
) -> None:
    """Run a pipeline notebook and write its report."""
    from omni_lab.pipelines import run_pipeline
    from omni_lab.pipelines.registry import INTERRUPTED, SUCCEEDED
    from omni_lab.pipelines.runner import prepare_run
    from omni_lab.pipelines.summary import format_parameters, format_pipelines, format_run

    if pipeline is None:
        typer.echo(format_pipelines())
        return
    if list_parameters:
        request = prepare_run(pipeline, parameter_file=parameters, assignments=assignments or ())
        typer.echo(format_parameters(request))
        return
    record = run_pipeline(
        pipeline,
        parameter_file=parameters,
        assignments=assignments or (),
        progress=progress,
        cell_timeout_s=cell_timeout,
    )
    typer.echo(format_run(record), err=record.status != SUCCEEDED)
    if record.status != SUCCEEDED:
        raise typer.Exit(INTERRUPTED_RUN if record.status == INTERRUPTED else FAILED_RUN)


@runs_app.callback()
def runs(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, the newest first.")] = 20,
    pipeline: Annotated[str | None, typer.Option(help="Only this pipeline's.")] = None,
) -> None:
    """List the runs that were made, or show one of them."""
    if ctx.invoked_subcommand is None:
        _list_runs(limit, pipeline)


@runs_app.command("ls")
def runs_ls(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, the newest first.")] = 20,
    pipeline: Annotated[str | None, typer.Option(help="Only this pipeline's.")] = None,
) -> None:
    """List the runs that were made."""
    _list_runs(limit, pipeline)


@runs_app.command("show")
def runs_show(run: Annotated[str, typer.Argument(help="Beginning of a run id, or 'last'.")] = "last") -> None:
    """Show one run: parameters, metrics, conclusions, versions, and where its report is."""
    from omni_lab.pipelines import find_run
    from omni_lab.pipelines.summary import format_run

    typer.echo(format_run(find_run(run), verbose=True))


@app.command()
def ingest(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SOURCE]...", help="Which; all that are installed by default."),
    ] = None,
) -> None:
    """Read prices into the store; what it has already is left as it is."""
    from omni_lab.pipelines.prices import ingest_sources
    from omni_lab.store import DuckDBStore

    for report in ingest_sources(DuckDBStore(), sources or ()):
        typer.echo(str(report))


@app.command()
def doctor() -> None:
    """Say what is installed and what is missing."""
    from omni_lab.pipelines.doctor import BROKEN, diagnose, format_findings

    findings = diagnose()
    typer.echo(format_findings(findings))
    if any(finding.state == BROKEN for finding in findings):
        raise typer.Exit(1)


def _list_runs(limit: int, pipeline: str | None) -> None:
    from omni_lab.pipelines import list_runs
    from omni_lab.pipelines.summary import format_runs

    found = list_runs(pipeline=pipeline)
    if not found:
        typer.echo("There are no runs yet. Make one: omni run backtest")
        return
    typer.echo(format_runs(found[:limit]))
    if len(found) > limit:
        typer.echo(f"… and {len(found) - limit} older; --limit shows more")
