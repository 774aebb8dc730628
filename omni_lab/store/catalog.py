"""Which partitions a store has, and which of them a symbol means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from omni_lab.errors import DataError, OmniError, UnknownSymbolError
from omni_lab.store.partition import Partition, partition_dir, partition_dirs, read_manifest

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Catalog:
    """The partitions under a directory, as their manifests state them at the moment of asking.

    Attributes
    ----------
    bars_dir : Path
        The directory of all partitions; it need not exist.
    """

    bars_dir: Path

    def partitions(self, symbol: str | None = None) -> list[Partition]:
        """Every partition, or those of one symbol; sorted by source."""
        manifests = map(read_manifest, partition_dirs(self.bars_dir, symbol))
        return [found for found in manifests if found is not None]

    def path(self, partition: Partition) -> Path:
        """The Parquet file of a partition."""
        return partition_dir(self.bars_dir, partition.source, partition.symbol) / partition.file

    def resolve(self, symbols: str | Iterable[str], source: str | None = None) -> list[Partition]:
        """The partition of each symbol, in the order asked for.

        Parameters
        ----------
        symbols : str or iterable of str
            ``"AAPL"`` or ``"source:AAPL"``.
        source : str, optional
            The source of all of them. Without it, a symbol that several sources have is taken from the one
            that has open, high and low.

        Raises
        ------
        UnknownSymbolError
            If a symbol is not stored.
        DataError
            If there is no symbol, one is asked for twice, or several sources could be meant.
        """
        wanted = listed(symbols)
        if not wanted:
            raise DataError("no symbol was asked for", where=str(self.bars_dir))
        partitions = [self._resolve_one(symbol, source) for symbol in wanted]
        asked: dict[str, str] = {}
        for symbol, found in zip(wanted, partitions, strict=True):
            if found.symbol in asked:
                raise DataError(
                    "a symbol was asked for twice",
                    found=f"{asked[found.symbol]} and {symbol}",
                    hint="Read them apart.",
                )
            asked[found.symbol] = symbol
        return partitions

    def _resolve_one(self, symbol: object, source: str | None) -> Partition:
        if not isinstance(symbol, str):
            raise DataError("a symbol is a string", found=symbol)
        candidates = self.partitions(symbol)
        prefix, colon, rest = symbol.partition(":")
        if not candidates and colon:
            candidates = [found for found in self.partitions(rest) if found.source == prefix]
        if source is not None:
            candidates = [found for found in candidates if found.source == source]
        if len(candidates) > 1:
            candidates = [self._only_whole(symbol, candidates)]
        if not candidates:
            raise self._unknown(symbol, source)
        return candidates[0]

    def _only_whole(self, symbol: str, candidates: list[Partition]) -> Partition:
        whole = [found for found in candidates if found.has_ohlc]
        if len(whole) == 1:
            return whole[0]
        raise DataError(
            "several sources have this symbol",
            found=symbol,
            expected=tuple(found.name for found in candidates),
            where=str(self.bars_dir),
            hint=f"Say which: {candidates[0].name!r}, or source={candidates[0].source!r}.",
        )

    def _unknown(self, symbol: str, source: str | None) -> UnknownSymbolError:
        partitions = self.partitions()
        stored = sorted({found.symbol for found in partitions})
        by_capitals = {name.upper(): name for name in stored}
        hints = []
        if elsewhere := [found.name for found in partitions if found.symbol == symbol]:
            hints.append(f"It is stored as {' and '.join(map(repr, elsewhere))}.")
        elif close := get_close_matches(symbol.upper(), by_capitals, n=3):
            hints.append(f"Did you mean {' or '.join(repr(by_capitals[match]) for match in close)}?")
        if bundled := _bundled_source(symbol, source):
            hints.append(f"The source {bundled!r} has it: run `omni ingest`.")
        elif stored:
            hints.append("`omni store ls` lists what is stored.")
        else:
            hints.append("The store is empty: run `omni ingest`.")
        return UnknownSymbolError(
            "this symbol is not stored" if source is None else f"source {source!r} has no such symbol here",
            found=symbol,
            expected=tuple(stored) or None,
            where=str(self.bars_dir),
            hint=" ".join(hints),
        )


def listed(symbols: str | Iterable[str]) -> list[str]:
    """Symbols as a list, one alone or many."""
    if isinstance(symbols, str):
        return [symbols]
    try:
        return list(symbols)
    except TypeError:
        raise DataError("symbols are text", found=symbols, expected="'AAPL' or ['AAPL', 'MSFT']") from None


def available(partitions: list[Partition]) -> str:
    """The first and last bar of each partition, for messages; of the first few when there are many."""
    spans = [f"{found.symbol} {found.span}" for found in partitions[:_SHOWN]]
    more = len(partitions) - len(spans)
    return "; ".join(spans) + (f"; and {more} more" if more else "")


def names(partitions: list[Partition]) -> str:
    """Symbols of partitions, for messages; the first few when there are many."""
    more = len(partitions) - _SHOWN
    return ", ".join(found.symbol for found in partitions[:_SHOWN]) + (
        f" and {more} more" if more > 0 else ""
    )


def _bundled_source(symbol: str, source: str | None) -> str | None:
    """The registered source that could be ingested to have this symbol."""
    from omni_lab.data.sources import SOURCES

    for name, bundled in SOURCES.items():
        try:
            if source in (None, name) and symbol in bundled.symbols():
                return name
        except OmniError:  # Its package is not installed, so ingesting would not help.
            continue
    return None
