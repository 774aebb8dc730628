"""The ``omni`` command: parses, calls, prints. What it calls is imported when it is called."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import omni_lab
from omni_lab.errors import JournalError, OmniError

BAD_INPUT = 2
FAILED_RUN = 1
DAMAGED = 1
INTERRUPTED_RUN = 130


class _Commands(TyperGroup):
    """Says what is wrong in a sentence, and shows where it was raised only to whoever asks."""

    def invoke(self, ctx: Any) -> Any:  # click's context, whichever click this Typer brings
        try:
            return super().invoke(ctx)
        except OmniError as error:
            if ctx.find_root().params.get("debug"):
                raise
            typer.secho(f"omni: {error}", fg="red", err=True)
            ctx.exit(BAD_INPUT)


app = typer.Typer(
    cls=_Commands,
    help="OmniLab: research, backtest and replay, from notebooks and from here.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help, in half the time
    context_settings={"help_option_names": ["-h", "--help"]},
)
runs_app = typer.Typer(help="The runs that were made.", invoke_without_command=True)
store_app = typer.Typer(help="The prices that are kept.", no_args_is_help=True)
journal_app = typer.Typer(help="The journals that order-management systems wrote.", no_args_is_help=True)
app.add_typer(runs_app, name="runs")
app.add_typer(store_app, name="store")
app.add_typer(journal_app, name="journal")

Journal = Annotated[Path, typer.Argument(metavar="DIR", help="Directory of the journal.")]
Progress = Annotated[bool, typer.Option(help="Show a progress bar if it takes longer than two seconds.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(omni_lab.__version__)
        raise typer.Exit


@app.callback()
def root(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """OmniLab: research, backtest and replay, from notebooks and from here."""


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


@store_app.command("ls")
def store_ls() -> None:
    """List the symbols in the store: source, number of bars, first and last day."""
    from omni_lab.pipelines.summary import format_symbols
    from omni_lab.store import DuckDBStore

    typer.echo(format_symbols(DuckDBStore().symbols()))


@journal_app.command("inspect")
def journal_inspect(journal: Journal) -> None:
    """Show what a journal holds: files, frames by kind, snapshots, instruments and accounts."""
    from omni_lab.execution.journal import inspect_journal
    from omni_lab.execution.journal_tables import format_inspection

    typer.echo(format_inspection(inspect_journal(journal)))


@journal_app.command("verify")
def journal_verify(journal: Journal) -> None:
    """Read every frame of a journal; nothing is written. Exit code 1 if it is damaged."""
    from omni_lab.execution.journal import journal_at, verify_journal
    from omni_lab.execution.journal_tables import format_report

    journal = journal_at(journal)
    try:
        typer.echo(format_report(verify_journal(journal)))
    except JournalError as error:
        typer.secho(f"omni: {error}", fg="red", err=True)
        raise typer.Exit(DAMAGED) from error


@journal_app.command("replay")
def journal_replay(
    journal: Journal,
    to: Annotated[int | None, typer.Option(metavar="FRAME", help="Stop after this frame.")] = None,
    progress: Progress = True,
) -> None:
    """Carry out a journal again; prints the state it leads to: hash, positions, open orders."""
    from omni_lab.execution.export import replay_to
    from omni_lab.execution.journal_tables import format_replay

    typer.echo(format_replay(replay_to(journal, to, progress=progress)))


@journal_app.command("export")
def journal_export(
    journal: Journal,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")],
    what: Annotated[str, typer.Option(metavar="events|commands", help="Which columns.")] = "events",
    file_format: Annotated[
        str | None,
        typer.Option("--format", metavar="csv|parquet|jsonl", help="By default what FILE ends in."),
    ] = None,
    progress: Progress = True,
) -> None:
    """Write what a journal's commands said, or what came of them, as columns."""
    from omni_lab.execution.export import export_journal

    n_rows = export_journal(journal, output, what=what, file_format=file_format, progress=progress)
    typer.echo(f"{output}: {n_rows:,} {what}")


@app.command()
def doctor() -> None:
    """Say what is installed and what is missing."""
    from omni_lab.pipelines.doctor import BROKEN, diagnose, format_findings

    findings = diagnose()
    typer.echo(format_findings(findings))
    if any(finding.state == BROKEN for finding in findings):
        raise typer.Exit(1)


@app.command()
def version() -> None:
    """Print the version."""
    _print_version(True)


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


def main() -> None:
    """Entry point of the ``omni`` command."""
    app(prog_name="omni")


if __name__ == "__main__":
    main()
