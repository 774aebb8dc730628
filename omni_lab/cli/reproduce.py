"""``omni runs reproduce``: the same question again."""

from typing import Annotated

import typer

from omni_lab.cli.app import FAILED_RUN
from omni_lab.cli.runs import Run, runs_app


@runs_app.command("reproduce")
def runs_reproduce(
    run: Run = "last",
    progress: Annotated[bool, typer.Option(help="Show a progress bar in a terminal.")] = True,
) -> None:
    """Run the same question again; say bit-equal, or what differs."""
    from omni_lab.pipelines.reproduce import format_reproduction, reproduce

    found = reproduce(run, progress=progress)
    typer.echo(format_reproduction(found))
    if not found.bit_equal:
        raise typer.Exit(FAILED_RUN)
