"""``omni reconcile``: our fills against the venue's."""

from pathlib import Path
from typing import Annotated

import typer

from omni_lab.cli.app import Progress, app

_OPEN_BREAKS = 1


@app.command()
def reconcile(
    internal: Annotated[Path, typer.Argument(metavar="INTERNAL", help="What we booked: see below.")],
    external: Annotated[Path, typer.Argument(metavar="EXTERNAL", help="What the venue reports.")],
    rules: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Rules as YAML; else the default.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the report and its tables there.")
    ] = None,
    now: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Count ages up to this time, UTC; else to the last fill."),
    ] = None,
    store: Annotated[
        str | None, typer.Option(metavar="FILE|URL", help="Keep it in this database, under --name.")
    ] = None,
    name: Annotated[str, typer.Option(help="Of the reconciliation in the database.")] = "default",
    progress: Progress = True,
) -> None:
    """Reconcile fills: CSV, Parquet, FIX messages (.fix, .log, .txt), or the directory of a journal.

    Prints the end-of-day report. Exit code 1 if a break is open.
    """
    from omni_lab.data.moments import moment_ns
    from omni_lab.execution.drop_copy import Rules, read_fills
    from omni_lab.execution.drop_copy import reconcile as at_once
    from omni_lab.execution.drop_copy.report import write_report

    chosen = None if rules is None else Rules.from_file(rules)
    grid = (chosen or Rules.default()).grid
    ours, theirs = read_fills(internal, grid), read_fills(external, grid)
    until = None if now is None else moment_ns(now)
    if store is None:
        result = at_once(ours, theirs, chosen, now=until, progress=progress)
    else:
        from omni_lab.execution.drop_copy import Store

        with Store(store, name, rules=chosen) as kept:
            kept.on_both(ours, theirs, batch=f"{internal} {external}")
            if until is not None:
                kept.advance(until)
            result = kept.result()
    typer.echo(result.report())
    if out is not None:
        for path in write_report(result, out):
            typer.echo(f"written: {path}")
    if any(verdict.status == "open" for verdict in result.verdicts):
        raise typer.Exit(_OPEN_BREAKS)
