"""``omni runs``: the runs that were made."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omni_lab.cli.app import group

if TYPE_CHECKING:
    from omni_lab.pipelines import RunRegistry

runs_app = group("runs", "The runs that were made.", invoke_without_command=True)

Run = Annotated[str, typer.Argument(metavar="RUN", help="Beginning of a run id, a tag, or 'last'.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, the newest first.")]
Pipeline = Annotated[str | None, typer.Option(help="Only this pipeline's.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


@runs_app.callback()
def runs(ctx: typer.Context, limit: Limit = 20, pipeline: Pipeline = None) -> None:
    """List the runs that were made, or do something with one of them."""
    if ctx.invoked_subcommand is None:
        runs_ls(limit=limit, pipeline=pipeline)


@runs_app.command("ls")
def runs_ls(
    limit: Limit = 20,
    pipeline: Pipeline = None,
    status: Annotated[str | None, typer.Option(help="Only those that ended so, or are running.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only those with this tag.")] = None,
    since: Annotated[str | None, typer.Option(metavar="DAY", help="Only those begun since, UTC.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the runs that were made."""
    from omni_lab.pipelines import list_runs
    from omni_lab.pipelines.summary import format_runs, run_facts

    asked = {"pipeline": pipeline, "status": _status(status), "tag": tag, "since": since}
    found = list_runs(**asked, limit=limit + 1)  # type: ignore[arg-type]  # each is str | None
    if as_json:
        _print_json([run_facts(run) for run in found[:limit]])
        return
    if not found:
        chosen = any(value is not None for value in asked.values())
        typer.echo("No run is like that." if chosen else "There are no runs yet. Make one: omni run backtest")
        return
    typer.echo(format_runs(found[:limit]))
    if len(found) > limit:
        typer.echo("… and older ones; --limit shows more")


@runs_app.command("show")
def runs_show(run: Run = "last", as_json: AsJson = False) -> None:
    """Show one run: parameters, metrics, conclusions, files, versions, and where its report is."""
    from omni_lab.pipelines.summary import format_run, run_facts

    with _registry() as registry:
        found = registry.find(run)
        made = registry.artifacts(found.run_id)
        if as_json:
            _print_json({**run_facts(found), "record": dict(found.content), "artifacts": made})
        else:
            typer.echo(format_run(found, verbose=True, files=made))


@runs_app.command("log")
def runs_log(run: Run = "last", as_json: AsJson = False) -> None:
    """Show what happened to a run, and what its cells printed so far."""
    from omni_lab.pipelines.summary import format_events, format_output

    with _registry() as registry:
        found = registry.find(run)
        events = registry.events(found.run_id)
    if as_json:
        _print_json(events)
        return
    typer.echo(format_events(events))
    if printed := format_output(found):
        typer.echo(f"\n{printed}")


@runs_app.command("open")
def runs_open(
    run: Run = "last",
    notebook: Annotated[bool, typer.Option("--notebook", help="The notebook instead of the report.")] = False,
) -> None:
    """Open the report of a run in the browser."""
    import webbrowser

    from omni_lab.errors import ConfigError
    from omni_lab.pipelines import find_run

    found = find_run(run)
    path = found.folder.notebook_file if notebook else found.folder.report_file
    if not path.is_file():
        raise ConfigError(
            "the run has no such file",
            found=str(path),
            hint=f"It is {found.status}, of the machine {found.host or 'that ran it'}: omni runs log {run}",
        )
    typer.echo(path)
    webbrowser.open(path.as_uri())


@runs_app.command("tag")
def runs_tag(
    run: Run,
    tags: Annotated[list[str], typer.Argument(metavar="TAG...", help="Words without spaces.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take them away.")] = False,
) -> None:
    """Give a run tags, or take them away."""
    from omni_lab.pipelines.index import write_index

    with _registry() as registry:
        found = registry.find(run)
        (registry.untag if remove else registry.tag)(found.run_id, *tags)
        left = registry.find(found.run_id).tags
    if found.folder.path.is_dir():
        write_index(found.folder.path.parent, tags={found.run_id: left})
    typer.echo(f"{found.run_id}  {', '.join(left) or 'no tags'}")


@runs_app.command("gc")
def runs_gc(
    older_than: Annotated[str, typer.Option(metavar="AGE", help="Such as 30d, 12h or 4w.")] = "30d",
    keep_tagged: Annotated[bool, typer.Option(help="Leave runs that have a tag.")] = True,
    dry_run: Annotated[bool, typer.Option(help="Only say what would go; --no-dry-run removes it.")] = True,
) -> None:
    """Remove folders of old runs. Their rows stay, and say so."""
    from omni_lab.config import Settings
    from omni_lab.pipelines.index import write_index
    from omni_lab.pipelines.registry.gc import collect, old_runs
    from omni_lab.pipelines.summary import format_sizes

    with _registry() as registry:
        old = old_runs(registry, older_than, keep_tagged=keep_tagged)
        if not dry_run:
            collect(registry, old)
            write_index(Settings.from_env().runs_dir)
    typer.echo(format_sizes(old))
    if old and dry_run:
        typer.echo("Nothing has been removed; --no-dry-run does it.")


@runs_app.command("export")
def runs_export(
    run: Run,
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="Must not exist.")],
    force: Annotated[bool, typer.Option("--force", help="Replace it if it exists.")] = False,
) -> None:
    """Write a run's folder with its record to a file to hand on."""
    from omni_lab.pipelines.registry.export import export

    with _registry() as registry:
        typer.echo(export(registry, registry.find(run), file, replace=force))


@contextmanager
def _registry() -> "Iterator[RunRegistry]":
    from omni_lab.config import Settings
    from omni_lab.pipelines.registry.asking import none_yet, registry_of_project

    with registry_of_project() as registry:
        if registry is None:
            raise none_yet(Settings.from_env().runs_dir)
        yield registry


def _status(status: str | None) -> str | None:
    from omni_lab.errors import ConfigError
    from omni_lab.pipelines.registry import FINAL, QUEUED, RUNNING

    known = (QUEUED, RUNNING, *FINAL)
    if status is not None and status not in known:
        raise ConfigError("no run has such a status", found=status, expected=known)
    return status


def _print_json(content: Any) -> None:
    from omni_lab.pipelines.summary import plain

    typer.echo(json.dumps(plain(content), indent=1))
