"""``omni itch``: captures of the ITCH 5.0 feed."""

import json
from pathlib import Path
from typing import Annotated

import typer

from omni_lab.cli.app import Progress, group

itch_app = group("itch", "Captures of the ITCH 5.0 feed.", no_args_is_help=True)

Capture = Annotated[Path, typer.Argument(metavar="FILE", help="The capture; .gz and .zst are unpacked.")]
Framing = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="binaryfile, soupbin, moldudp64, pcap or pcapng; else recognised."),
]
Lenient = Annotated[bool, typer.Option("--lenient", help="Skip and count what is wrong.")]


@itch_app.command("stats")
def itch_stats(
    file: Capture, framing: Framing = None, lenient: Lenient = False, progress: Progress = True
) -> None:
    """Count what a capture holds: messages by type, symbols, times, and what could not be read."""
    from omni_lab.data import ItchFile
    from omni_lab.data.itch_report import format_stats

    capture = ItchFile(file, framing=framing, lenient=lenient)
    typer.echo(format_stats(capture.stats(progress=progress), file))


@itch_app.command("to-parquet")
def itch_to_parquet(
    file: Capture,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where the tables go.")],
    types: Annotated[str | None, typer.Option(metavar="AFE…", help="Only these message types.")] = None,
    symbol: Annotated[list[str] | None, typer.Option(help="Only this symbol; repeatable.")] = None,
    framing: Framing = None,
    lenient: Lenient = False,
    progress: Progress = True,
) -> None:
    """Write a Parquet file for each type of message, with every field."""
    from omni_lab.data import ItchFile

    capture = ItchFile(file, framing=framing, lenient=lenient)
    written = capture.to_parquet(output, types, symbols=symbol or None, progress=progress)
    typer.echo(f"{output}: {sum(written.values()):,} messages in {len(written)} files")


@itch_app.command("book")
def itch_book(
    file: Capture,
    symbol: Annotated[str | None, typer.Argument(help="Whose book to show.")] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="At a time of the venue, as 10:30; else the last book.")
    ] = None,
    levels: Annotated[int, typer.Option("--levels", "-n", min=1, help="How many levels.")] = 10,
    checksum: Annotated[
        bool, typer.Option("--checksum", help="Rebuild all books; prints messages, seconds and sum as JSON.")
    ] = False,
    framing: Framing = None,
    lenient: Lenient = False,
    progress: Progress = True,
) -> None:
    """Rebuild books from a capture: show one of them, or one number for all."""
    from omni_lab.data import ItchFile
    from omni_lab.data.itch_report import book_at, check_books

    capture = ItchFile(file, framing=framing, lenient=lenient)
    if checksum:
        found = check_books(capture, progress=progress)
        facts = {"messages": found.messages, "cpu_s": round(found.cpu_s, 6), "checksum": found.checksum}
        typer.echo(json.dumps(facts | {"checksum_hex": f"{found.checksum:016x}", "counts": found.counts}))
        return
    if symbol is None:
        raise typer.BadParameter("name a symbol, or ask for --checksum", param_hint="SYMBOL")
    typer.echo(book_at(capture, symbol, at, levels, progress=progress).to_string(index=False))


@itch_app.command("generate")
def itch_generate(
    output: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    messages: Annotated[int, typer.Option(min=1, help="How many messages.")] = 1_000_000,
    symbols: Annotated[int, typer.Option(min=1, help="How many symbols.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bytes.")] = 1,
    progress: Progress = True,
) -> None:
    """Write a made-up day with a realistic mix of messages."""
    from omni_lab.data.synthetic import synthetic_itch

    written = synthetic_itch(output, messages=messages, symbols=symbols, seed=seed, progress=progress)
    typer.echo(f"{output}: {written['bytes']:,} bytes, {written['orders']:,} orders wait in the end")
