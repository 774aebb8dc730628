"""``omni journal``: the journals that order-management systems wrote."""

from pathlib import Path
from typing import Annotated

import typer

from omni_lab.cli.app import DAMAGED, Progress, group
from omni_lab.errors import JournalError

journal_app = group("journal", "The journals that order-management systems wrote.", no_args_is_help=True)

Journal = Annotated[Path, typer.Argument(metavar="DIR", help="Directory of the journal.")]


@journal_app.command("inspect")
def journal_inspect(journal: Journal) -> None:
    """Show what a journal holds: files, frames by kind, snapshots, instruments and accounts."""
    from omni_lab.execution.journal import inspect_journal
    from omni_lab.execution.journal_tables import format_inspection

    typer.echo(format_inspection(inspect_journal(journal)))


@journal_app.command("verify")
def journal_verify(journal: Journal, progress: Progress = True) -> None:
    """Read every frame of a journal; nothing is written. Exit code 1 if it is damaged."""
    from omni_lab.execution.journal import journal_at, verify_journal
    from omni_lab.execution.journal_tables import format_report

    journal = journal_at(journal)
    try:
        report = verify_journal(journal, progress=progress)
    except JournalError as error:
        typer.secho(f"omni: {error}", fg="red", err=True)
        raise typer.Exit(DAMAGED) from error
    typer.echo(format_report(report))
    if report.lost is not None and not report.n_frames:
        raise typer.Exit(DAMAGED)


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
