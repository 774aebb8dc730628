"""What people ask of a capture: what it holds, how a book stood, one number for all books."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omni_lab.errors import ConfigError
from omni_lab.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.data.itch import ItchFile
    from omni_lab.data.itch_stats import ItchStats

_BATCH = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BookCheck:
    """One pass over the books of a whole capture.

    Attributes
    ----------
    messages : int
        Messages read, of all types.
    cpu_s : float
        Seconds of processor that reading, decoding and the books took, all threads together.
    checksum : int
        Sum over the best prices after every message of the book, as docs/feeds.md defines it.
    counts : dict of str to int
        What the feed did wrong, and how much there was.
    """

    messages: int
    cpu_s: float
    checksum: int
    counts: dict[str, int]


def check_books(file: ItchFile, *, progress: bool = True) -> BookCheck:
    """Rebuild every book of a capture, and keep only the sum that lets programs compare their books."""
    from omni_lab._native import FeedBooks

    begun = time.process_time()
    reader = file.open()
    books = FeedBooks(bbo=False, trades=False, notes=False, checksum=True)
    with Progress(None, file.path.name, progress, unit="B") as report:
        while books.run(reader, _BATCH):
            report(*reader.position)
    cpu_s = time.process_time() - begun
    read = reader.counts()
    return BookCheck(
        messages=int(read["messages"]),
        cpu_s=cpu_s,
        checksum=books.checksum,
        counts=dict(books.counts()),
    )


def book_at(
    file: ItchFile, symbol: str, at: str | None = None, levels: int = 10, *, progress: bool = True
) -> pd.DataFrame:
    """The levels of one book, best first, at a time or at the end of the capture.

    Parameters
    ----------
    file : ItchFile
        The capture.
    symbol : str
        Of the book.
    at : str, optional
        Time at the venue, as ``"10:30"`` or ``"10:30:00.123456789"``.
    levels : int
        How many.
    progress : bool
        Whether to show a bar if it takes longer than two seconds.

    Returns
    -------
    DataFrame
        As :meth:`MarketReplay.depth` gives it.

    Raises
    ------
    ConfigError, DataError, UnknownSymbolError
        If there is no level to show, the time cannot be read, or there is no such symbol.
    """
    import pandas as pd

    if levels < 1:
        raise ConfigError("a book has levels", found=levels, expected="at least 1", where="levels")
    if at is None:
        replay = file.replay(symbol, bbo=False, trades=False, notes=False, progress=progress)
        for _ in replay:
            pass
        return replay.depth(symbol, levels)
    tables = file.books(
        symbol, levels=levels, at=[at], bbo=False, trades=False, notes=False, progress=progress
    )
    found: dict[str, Any] = tables.depth_columns(symbol)
    names = ("bid_price", "bid_qty", "bid_orders", "ask_price", "ask_qty", "ask_orders")
    return pd.DataFrame({name: found[name][-1] if len(found["ts"]) else [] for name in names})


def format_stats(stats: ItchStats, path: Path) -> str:
    """What a capture holds, as text."""
    frame = stats.to_frame()
    rows = [
        f"  {row.type}  {row.name:<28}{row.messages:>14,}{row.share:>8.1%}"
        for row in frame.itertuples(index=False)
    ]
    span = "no message"
    if stats.first_ns is not None and stats.last_ns is not None:
        span = f"{_clock(stats.first_ns)} to {_clock(stats.last_ns)} at the venue"
    lines = [
        f"{path}: {stats.n_messages:,} messages in {stats.n_bytes:,} bytes, {span}",
        f"{len(stats.symbols):,} symbols",
        *rows,
    ]
    if stats.n_unknown:
        lines.append(f"{stats.n_unknown:,} messages of unknown types were skipped by their length")
    if stats.n_resynchronised or stats.n_skipped_bytes:
        lines.append(f"{stats.n_skipped_bytes:,} bytes were skipped in {stats.n_resynchronised:,} places")
    if stats.truncated:
        lines.append("the file ends inside a message")
    return "\n".join(lines)


def _clock(ns: int) -> str:
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:09}"
