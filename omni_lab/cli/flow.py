"""``omni flow``: graphs of pipelines, run, watched, cancelled and resumed."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omni_lab.cli.app import FAILED_RUN, INTERRUPTED_RUN, group

if TYPE_CHECKING:
    from omni_lab.pipelines import RunRecord
    from omni_lab.pipelines.flows.engine import StepState

flow_app = group("flow", "Flows: pipelines as the steps of a graph.", no_args_is_help=True)

Run = Annotated[str, typer.Argument(help="Beginning of the id of a flow's run, a tag, or 'last'.")]
Workers = Annotated[int | None, typer.Option(min=1, help="How many steps may run at once.")]
Cluster = Annotated[
    str | None, typer.Option(help="Where steps run: processes, dask, dask:ADDRESS, ray, ray:ADDRESS.")
]
Progress = Annotated[bool, typer.Option(help="Say what becomes of each step.")]


@flow_app.command("ls")
def ls() -> None:
    """List the flows there are."""
    from omni_lab.pipelines.flows.summary import format_flows

    typer.echo(format_flows())


@flow_app.command("show")
def show(name: Annotated[str, typer.Argument(help="Name of a flow, or a YAML file.")]) -> None:
    """Show the steps and parameters of a flow."""
    from omni_lab.pipelines.flows import load_flow
    from omni_lab.pipelines.flows.summary import format_flow

    typer.echo(format_flow(load_flow(name)))


@flow_app.command("run")
def run(
    name: Annotated[str, typer.Argument(help="Name of a flow, or a YAML file.")],
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", metavar="NAME=VALUE", help="Set one parameter of the flow; repeatable."),
    ] = None,
    workers: Workers = None,
    cluster: Cluster = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run also what was answered before.")] = False,
    progress: Progress = True,
) -> None:
    """Run a flow to its end."""
    from omni_lab.pipelines.flows import run_flow

    _end(
        run_flow(
            name,
            assignments=assignments or (),
            workers=workers,
            cluster=cluster,
            fresh=fresh,
            progress=_progress(progress),
        )
    )


@flow_app.command("status")
def status(run: Run = "last") -> None:
    """Show where each step of a flow's run stands."""
    from omni_lab.pipelines.flows.summary import format_flow_run

    typer.echo(format_flow_run(_find(run)))


@flow_app.command("cancel")
def cancel(run: Run) -> None:
    """Have a flow that runs end, here or on another machine."""
    from omni_lab.pipelines.registry import RunRegistry

    record = _find(run)
    if record.is_final:
        typer.echo(f"{record.run_id} has ended already: {record.status}")
        return
    with RunRegistry() as registry:
        registry.ask_to_stop(record.run_id)
    typer.echo(f"{record.run_id} is told to end")


@flow_app.command("resume")
def resume(run: Run, workers: Workers = None, cluster: Cluster = None, progress: Progress = True) -> None:
    """Go on with a flow that failed, was interrupted or killed; steps that succeeded stay."""
    from omni_lab.pipelines.flows import resume_flow

    _end(resume_flow(_find(run).run_id, workers=workers, cluster=cluster, progress=_progress(progress)))


def _find(run: str) -> "RunRecord":
    from omni_lab.errors import ConfigError
    from omni_lab.pipelines import find_run, list_runs

    if run == "last":
        newest = list_runs(kind="flow", limit=1)
        if not newest:
            raise ConfigError("no flow was run yet", hint="Run one: omni flow run NAME.")
        return newest[0]
    record = find_run(run)
    if record.kind != "flow":
        raise ConfigError("this run is no flow", found=record.run_id, hint="List them: omni runs ls.")
    return record


def _progress(wanted: bool) -> Any:
    """A line for each step that runs in a terminal, a line for each change elsewhere."""
    if not wanted or sys.stderr.isatty():
        return wanted

    def tell(name: str, state: "StepState") -> None:
        more = f" (attempt {state.attempt})" if state.attempt > 1 else ""
        problem = f": {state.problem}" if state.problem else ""
        typer.echo(f"{name}  {state.state}{more}{problem}", err=True)

    return tell


def _end(record: "RunRecord") -> None:
    from omni_lab.pipelines.flows.summary import format_flow_run
    from omni_lab.pipelines.registry import INTERRUPTED, SUCCEEDED

    good = record.status == SUCCEEDED
    typer.echo(format_flow_run(record), err=not good)
    if not good:
        raise typer.Exit(INTERRUPTED_RUN if record.status == INTERRUPTED else FAILED_RUN)
