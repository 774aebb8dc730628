"""``omni new``: something to start from."""

from pathlib import Path
from typing import Annotated

import typer

from omni_lab.cli.app import group

new_app = group("new", "Something to start from.", no_args_is_help=True)


@new_app.command("strategy")
def new_strategy(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower case words joined by underscores.")],
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="Directory to write to.")] = Path("."),
) -> None:
    """Write a strategy, its test and its notebook, all of which pass as they are."""
    from omni_lab.pipelines import scaffold

    written = scaffold.new_strategy(name, into)
    for path in written:
        typer.echo(f"wrote {path}")
    typer.echo(f"Test it: pytest {written[1]}")
