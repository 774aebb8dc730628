"""``omni run``, ``omni ingest``, ``omni doctor``: pipelines and what they need."""

from typing import Annotated

import typer

from omni_lab.cli.app import FAILED_RUN, INTERRUPTED_RUN, app


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
