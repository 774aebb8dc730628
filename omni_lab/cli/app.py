"""The command itself: what every part of it shares."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import omni_lab
from omni_lab.errors import OmniError

BAD_INPUT = 2
FAILED_RUN = 1
DAMAGED = 1
INTERRUPTED_RUN = 130

Progress = Annotated[bool, typer.Option(help="Show a progress bar if it takes longer than two seconds.")]


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


def group(name: str, sentence: str, **settings: Any) -> typer.Typer:
    """A group of commands, hung into the command."""
    made = typer.Typer(help=sentence, **settings)
    app.add_typer(made, name=name)
    return made


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
def version() -> None:
    """Print the version."""
    _print_version(True)
