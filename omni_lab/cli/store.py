"""``omni store``: what is kept."""

import typer

from omni_lab.cli.app import group

store_app = group("store", "The prices that are kept.", no_args_is_help=True)


@store_app.command("ls")
def store_ls() -> None:
    """List the symbols in the store: source, number of bars, first and last day."""
    from omni_lab.pipelines.summary import format_symbols
    from omni_lab.store import DuckDBStore

    typer.echo(format_symbols(DuckDBStore().symbols()))
