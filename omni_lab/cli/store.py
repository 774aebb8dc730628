"""``omni store``: what is kept."""

from typing import Annotated

import typer

from omni_lab.cli.app import DAMAGED, group

store_app = group("store", "What is kept: bars and ticks.", no_args_is_help=True)


@store_app.command("ls")
def store_ls(
    table: Annotated[
        str | None, typer.Argument(help="A table of ticks; its symbols are listed then.")
    ] = None,
) -> None:
    """List the symbols of the bars in the store, and the tables of ticks."""
    from omni_lab.pipelines.summary import format_symbols
    from omni_lab.store import DuckDBStore, TickReader
    from omni_lab.store.lake import format_result, format_tables

    if table is not None:
        typer.echo(format_result(TickReader().symbols(table), limit=10_000))
        return
    tables = TickReader().tables()
    bars = DuckDBStore().symbols()
    if len(bars) or tables.empty:
        typer.echo(format_symbols(bars))
    if len(tables):
        typer.echo(("\n" if len(bars) else "") + format_tables(tables))


@store_app.command("query")
def store_query(
    statement: Annotated[
        str, typer.Argument(metavar="SQL", help="One SELECT over bars, trade, quote, depth, event …")
    ],
    floats: Annotated[
        bool, typer.Option("--floats", help="Ticks in currency and shares, instead of whole units.")
    ] = False,
    style: Annotated[str, typer.Option("--format", "-f", help="table, csv or json.")] = "table",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Rows of a table to show.")] = 100,
) -> None:
    """Ask the store in SQL."""
    from omni_lab.store.lake import format_result, query_lake

    typer.echo(format_result(query_lake(statement, floats=floats), style, limit=limit))


@store_app.command("verify")
def store_verify() -> None:
    """Compare every file with its hash."""
    from omni_lab.store.lake import verify_lake

    reports = verify_lake()
    for name, report in reports.items():
        typer.echo(f"{name}: {report}")
    if not all(report.ok for report in reports.values()):
        raise typer.Exit(DAMAGED)
