"""What the numbers of a feed mean: names of instruments, units of prices and quantities, the day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from omni_lab.data.moments import midnight_ns, moment_ns
from omni_lab.errors import ConfigError, UnknownSymbolError
from omni_lab.typing import AnyArray, FloatArray, IntArray


@dataclass(frozen=True, kw_only=True)
class FeedInfo:
    """Symbols, units and date of a stream of events.

    Attributes
    ----------
    symbols : mapping of int to str
        Symbol of each instrument number. A feed may use numbers that nobody named: they are shown as ``#7``.
    tick_size : float
        What one unit of a price is worth, in currency: 1e-4 in ITCH and LOBSTER, 1e-9 in DBN.
    lot_size : float
        What one unit of a quantity is worth: 1 share, or 1e-8 of a coin.
    source : str
        Where the events come from, for people.
    date : date, optional
        Day of the feed. Without it times count from midnight at the venue; with it, from 1970 in UTC.
    zone : str
        Time zone of the venue, by its IANA name.
    """

    symbols: Mapping[int, str] = field(default_factory=dict)
    tick_size: float = 1.0
    lot_size: float = 1.0
    source: str = ""
    date: dt.date | None = None
    zone: str = "UTC"

    def __post_init__(self) -> None:
        for name in ("tick_size", "lot_size"):
            if not 0 < getattr(self, name) < np.inf:
                raise ConfigError(
                    f"{name} must be a finite number > 0", found=getattr(self, name), where="FeedInfo"
                )

    @property
    def midnight_ns(self) -> int:
        """Midnight at the venue on the date of the feed, nanoseconds UTC; 0 without a date."""
        return midnight_ns(self.date, self.zone) if self.date else 0

    def with_symbols(self, symbols: Mapping[int, str]) -> Self:
        """The same with other names."""
        return replace(self, symbols=symbols)

    def symbol(self, number: int) -> str:
        """Name of an instrument; ``#7`` where nobody named it."""
        return self.symbols.get(number, f"#{number}")

    def number(self, symbol: str) -> int:
        """Number of an instrument.

        Raises
        ------
        UnknownSymbolError
            Naming the closest symbol that exists.
        """
        for number, name in self.symbols.items():
            if name == symbol:
                return number
        if symbol[:1] == "#" and symbol[1:].isdigit():
            return int(symbol[1:])
        raise UnknownSymbolError(
            "no instrument of this feed goes by this symbol",
            found=symbol,
            expected=sorted(self.symbols.values()),
            where=self.source or None,
        )

    def numbers(self, symbols: Any) -> AnyArray | None:
        """Numbers of one or several symbols as uint16; None, which is all, for None."""
        if symbols is None:
            return None
        names = [symbols] if isinstance(symbols, str) else list(symbols)
        return np.array([self.number(name) for name in names], dtype=np.uint16)

    def moment_ns(self, when: Any) -> int:
        """A time in the nanoseconds of this feed; see :func:`omni_lab.data.moments.moment_ns`."""
        return moment_ns(when, midnight=self.midnight_ns)

    def prices(self, units: IntArray) -> FloatArray:
        """Prices in currency."""
        return _scaled(units, self.tick_size)

    def quantities(self, units: IntArray) -> FloatArray:
        """Quantities in shares, contracts or coins."""
        return _scaled(units, self.lot_size)

    def times(self, ts: IntArray) -> Any:
        """Times as pandas shows them: UTC datetimes with a date, else time since midnight."""
        import pandas as pd

        if self.date:
            return pd.to_datetime(ts, unit="ns", utc=True)
        return pd.to_timedelta(ts, unit="ns")

    def names(self, instruments: AnyArray) -> Any:
        """Symbols of instrument numbers, as a pandas categorical."""
        present, codes = np.unique(instruments, return_inverse=True)
        return named(codes, [self.symbol(int(number)) for number in present])


def named(codes: AnyArray, words: Sequence[str]) -> Any:
    """Codes as the words that they stand for, a pandas categorical."""
    import pandas as pd

    return pd.Categorical.from_codes(codes.astype(np.int64), pd.Index(list(words)))


def _scaled(units: AnyArray, unit: float) -> FloatArray:
    # A division by 10,000 is rounded once; a product with 0.0001 would carry the error of 0.0001.
    parts = 1 / unit
    if parts >= 1 and abs(parts - round(parts)) < 1e-6 * parts:
        return np.asarray(units / float(round(parts)))
    return np.asarray(units * unit)
