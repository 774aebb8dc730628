"""What a store says after it wrote or checked: frozen facts that print as a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from omni_lab.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

Change = Literal["added", "replaced", "repaired", "unchanged"]

_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolReport:
    """What ingesting did to one symbol.

    Attributes
    ----------
    symbol : str
        The symbol.
    change : {"added", "replaced", "repaired", "unchanged"}
        ``replaced``: other bars were stored before. ``repaired``: what was stored was damaged.
    n_rows, n_rows_before : int
        Bars stored now, and before.
    first_ns, last_ns : int
        Closing times of the first and last bar, nanoseconds since 1970 UTC.
    repairs : mapping of str to int
        How many bars each rule of :func:`omni_lab.data.checks.check_bars` touched.
    """

    symbol: str
    change: Change
    n_rows: int
    n_rows_before: int
    first_ns: int
    last_ns: int
    repairs: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What ingesting did, symbol by symbol.

    Attributes
    ----------
    source : str
        Whose bars they are.
    symbols : tuple of SymbolReport
        In the order they were ingested.
    notes : tuple of str
        What looked doubtful and was stored as it is.
    elapsed_s : float
        How long it took.
    """

    source: str
    symbols: tuple[SymbolReport, ...]
    notes: tuple[str, ...] = ()
    elapsed_s: float = 0.0

    @property
    def n_rows(self) -> int:
        """Bars stored of the ingested symbols."""
        return sum(symbol.n_rows for symbol in self.symbols)

    @property
    def changes(self) -> dict[Change, int]:
        """Number of symbols by what happened to them."""
        return dict(Counter(symbol.change for symbol in self.symbols))

    @property
    def changed(self) -> bool:
        """Whether the store is not as it was."""
        return any(symbol.change != "unchanged" for symbol in self.symbols)

    @property
    def repairs(self) -> dict[str, dict[str, int]]:
        """How many bars each rule touched, by symbol and rule; symbols left as they were are absent."""
        return {symbol.symbol: dict(symbol.repairs) for symbol in self.symbols if symbol.repairs}

    def to_pandas(self) -> pd.DataFrame:
        """One row for each symbol."""
        import pandas as pd

        rows = [
            {
                "symbol": symbol.symbol,
                "source": self.source,
                "change": symbol.change,
                "n_rows": symbol.n_rows,
                "n_rows_before": symbol.n_rows_before,
                "first": pd.Timestamp(symbol.first_ns, tz="UTC"),
                "last": pd.Timestamp(symbol.last_ns, tz="UTC"),
                "n_repaired": sum(symbol.repairs.values()),
            }
            for symbol in self.symbols
        ]
        return pd.DataFrame(rows)

    def __str__(self) -> str:
        changes = ", ".join(f"{count} {change}" for change, count in self.changes.items())
        symbols = "1 symbol" if len(self.symbols) == 1 else f"{len(self.symbols)} symbols"
        lines = [f"{self.source}: {symbols}, {self.n_rows:,} bars: {changes}"]
        for symbol in self.symbols:
            if symbol.change == "replaced":
                lines.append(
                    f"  {symbol.symbol}: {symbol.n_rows_before:,} bars replaced by {symbol.n_rows:,}"
                )
        for name, rules in self.repairs.items():
            counts = ", ".join(f"{count} {rule}" for rule, count in rules.items())
            lines.append(f"  {name}: {counts}")
        lines += [f"  note: {note}" for note in self.notes]
        if len(lines) > _SHOWN + 1:
            lines[_SHOWN + 1 :] = [f"  … and {len(lines) - _SHOWN - 1} more"]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something in a store that is not as its manifest says.

    Attributes
    ----------
    path : Path
        The file at fault.
    what : str
        What is wrong with it.
    """

    path: Path
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """Whether everything in a store is what was put there.

    Attributes
    ----------
    n_partitions, n_rows : int
        What was checked.
    problems : tuple of Problem
        What is damaged or missing; empty when all is well.
    leftovers : tuple of Path
        Harmless files that readers ignore: of killed writers, and replaced ones. A later ingest removes them.
    unit : str
        What a row is, in the plural.
    """

    n_partitions: int
    n_rows: int
    problems: tuple[Problem, ...] = ()
    leftovers: tuple[Path, ...] = ()
    unit: str = "bars"

    @property
    def ok(self) -> bool:
        """Whether nothing is damaged or missing."""
        return not self.problems

    def require(self) -> None:
        """Nothing, when all is well.

        Raises
        ------
        DataError
            Naming the problems otherwise.
        """
        if self.problems:
            raise DataError(
                "the store is damaged",
                found="; ".join(map(str, self.problems[:_SHOWN])),
                hint="Ingest the damaged symbols again.",
            )

    def __str__(self) -> str:
        verdict = "ok" if self.ok else f"{len(self.problems)} problems"
        lines = [f"{self.n_partitions} partitions, {self.n_rows:,} {self.unit}: {verdict}"]
        lines += [f"  {problem}" for problem in self.problems]
        if self.leftovers:
            lines.append(
                f"  {len(self.leftovers)} replaced or unfinished files, which a later ingest removes"
            )
        return "\n".join(lines)
