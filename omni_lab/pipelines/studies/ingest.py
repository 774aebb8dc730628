"""What the ingest notebook does: bring symbols of sources into a store, and say what changed."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from omni_lab.errors import UnknownSymbolError
from omni_lab.figures.words import count
from omni_lab.pipelines.prices import ingest_sources, installed_sources

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.store import BarStore, DuckDBStore, IngestReport


def ingest(
    store: "BarStore", sources: Sequence[str] = (), symbols: Sequence[str] = ()
) -> "list[IngestReport]":
    """Bring symbols of sources into a store; what it has already is left as it is.

    Parameters
    ----------
    store : BarStore
    sources : sequence of str, optional
        All that are installed, by default.
    symbols : sequence of str, optional
        All that the sources have, by default.

    Raises
    ------
    SourceError, MissingExtraError, ConfigError
        As :func:`omni_lab.pipelines.prices.ingest_sources`; nothing has been ingested then.
    UnknownSymbolError
        If no source has a symbol; nothing has been ingested then.
    """
    from omni_lab.data.sources import get_source

    if not symbols:
        return ingest_sources(store, sources, progress=False)
    had = {name: get_source(name).symbols() for name in installed_sources(sources)}
    known = [symbol for each in had.values() for symbol in each]
    for symbol in symbols:
        if symbol not in known:
            raise UnknownSymbolError(
                "no source has this symbol", found=symbol, expected=known, where=f"sources {', '.join(had)}"
            )
    chosen = {
        name: [symbol for symbol in dict.fromkeys(symbols) if symbol in has] for name, has in had.items()
    }
    return [store.ingest(name, own, progress=False) for name, own in chosen.items() if own]


def table(reports: "Iterable[IngestReport]") -> "pd.DataFrame":
    """The reports as a table to look at: one symbol of one source a row."""
    import pandas as pd

    rows = pd.concat([report.to_pandas() for report in reports], ignore_index=True)
    return rows.assign(
        first=rows["first"].dt.strftime("%Y-%m-%d"),
        last=rows["last"].dt.strftime("%Y-%m-%d"),
        added=rows["n_rows"] - rows["n_rows_before"],
    )[["symbol", "source", "change", "added", "n_rows", "first", "last", "n_repaired"]]


def conclusions(reports: "Sequence[IngestReport]") -> list[str]:
    """What was brought in, and what was mended on the way, in sentences."""
    changes: dict[str, int] = {}
    for report in reports:
        for change, n in report.changes.items():
            changes[change] = changes.get(change, 0) + n
    n_symbols = sum(changes.values())
    said = ", ".join(f"{n} {change}" for change, n in changes.items())
    if set(changes) == {"unchanged"}:
        said = "the store had all of them, bar for bar"
    sentences = [f"{count(n_symbols, 'symbol')} of {count(len(reports), 'source')}: {said}."]
    repairs: dict[str, int] = {}
    for report in reports:
        for rules in report.repairs.values():
            for rule, n in rules.items():
                repairs[rule] = repairs.get(rule, 0) + n
    if repairs:
        told = ", ".join(f"{n:,} by {rule}" for rule, n in sorted(repairs.items()))
        sentences.append(f"Bars were mended on the way in, by rules that are counted: {told}.")
    return sentences


def doubts(reports: "Sequence[IngestReport]") -> list[str]:
    """What looked doubtful and was stored as it is, and the terms under which each source is offered."""
    from omni_lab.data.sources import SOURCES

    found = [f"{report.source}: {note}." for report in reports for note in report.notes]
    for report in reports:
        replaced = [symbol.symbol for symbol in report.symbols if symbol.change in ("replaced", "repaired")]
        if replaced:
            found.append(f"{report.source}: other bars were stored before of {', '.join(replaced)}.")
    return found + [
        f"{report.source} is offered under terms: {SOURCES[report.source].licence_note}."
        for report in reports
        if report.source in SOURCES
    ]


def held_by_year(
    store: "DuckDBStore", reports: "Iterable[IngestReport]"
) -> tuple[list[int], dict[str, list[float]]]:
    """Which fraction of the months of each year has no bar, by symbol, from its first bar to its last.

    Parameters
    ----------
    store : DuckDBStore
    reports : iterable of IngestReport
        Whose symbols.

    Returns
    -------
    years : list of int
        From the first year of any symbol to the last.
    missing : dict of str to list of float
        By ``symbol``; ``source:symbol`` where two sources have it. NaN before the first and after the last.
    """
    held = store.query(
        "SELECT source, symbol, year(ts) AS year, count(DISTINCT month(ts)) AS n, "
        "min(month(ts)) AS first, max(month(ts)) AS last FROM bars GROUP BY ALL ORDER BY ALL"
    )
    wanted = [(report.source, each.symbol) for report in reports for each in report.symbols]
    names = [symbol for _, symbol in wanted]
    rows = {key: own.set_index("year") for key, own in held.groupby(["source", "symbol"])}
    years = list(range(held["year"].min(), held["year"].max() + 1))
    missing = {}
    for source, symbol in wanted:
        own = rows[source, symbol]
        name = symbol if names.count(symbol) == 1 else f"{source}:{symbol}"
        missing[name] = [_missing_months(own, year) for year in years]
    return years, missing


def _missing_months(own: "pd.DataFrame", year: int) -> float:
    begin, end = int(own.index.min()), int(own.index.max())
    if not begin <= year <= end:
        return float("nan")
    if year not in own.index:
        return 1.0
    n, first, last = (int(own[name].to_dict()[year]) for name in ("n", "first", "last"))
    expected = (last if year == end else 12) - (first if year == begin else 1) + 1
    return 1.0 - n / expected
