"""``omni runs report`` and ``omni runs diff``: one run to read, and two beside each other."""

from pathlib import Path
from typing import Annotated

import typer

from omni_lab.cli.runs import Run, runs_app


@runs_app.command("report")
def runs_report(
    run: Run = "last",
    pdf: Annotated[bool, typer.Option("--pdf", help="Print it, with Chromium.")] = False,
    open_it: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Say where the report of a run is; it is written if the run has none."""
    from omni_lab.errors import ConfigError
    from omni_lab.pipelines import find_run
    from omni_lab.pipelines.report import write_report
    from omni_lab.pipelines.report_pdf import print_report

    record = find_run(run)
    made = record.folder.report_file
    if not made.is_file():
        if not record.folder.notebook_file.is_file():
            raise ConfigError("this run left no notebook", found=record.run_id, where=str(record.folder.path))
        # A report that is there stays: its hash is part of what the run left.
        write_report(record)
    if pdf:
        made = print_report(record)
    typer.echo(made)
    if open_it:
        typer.launch(made.absolute().as_uri())


@runs_app.command("diff")
def runs_diff(
    a: Annotated[str, typer.Argument(help="One run.")],
    b: Annotated[str, typer.Argument(help="The other.")] = "last",
    figure: Annotated[
        Path | None, typer.Option("--figure", metavar="FILE.png", help="Draw both equities into a file.")
    ] = None,
    theme: Annotated[str, typer.Option(help="Of the figure: light or dark.")] = "light",
) -> None:
    """Say what differs between two runs: parameters, code, data, versions, metrics, weights, trades."""
    from omni_lab.pipelines import find_run
    from omni_lab.pipelines.compare import compare_runs

    diff = compare_runs(find_run(a), find_run(b))
    typer.echo(str(diff))
    if figure is not None:
        diff.plot(theme=theme).savefig(figure, dpi=160)
        typer.echo(f"\nfigure    {figure}")
