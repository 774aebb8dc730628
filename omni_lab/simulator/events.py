"""What happens to instruments during a run: splits, dividends, halts; and their currencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from omni_lab.data.moments import moment_ns
from omni_lab.data.times import iso
from omni_lab.errors import ConfigError, DataError
from omni_lab.strategies.settings import not_whole, out_of_range, refuse, settings


@settings
@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """So many old units of an instrument become so many new ones.

    It acts at the start of the instrument's first bar that closes at or after ``ex``, on bars that are not
    adjusted for it; in a captured market at the end of the last nanosecond before ``ex``. What is left of a
    lot is paid in cash at the last mark.

    Attributes
    ----------
    symbol : str
        The instrument.
    ex : int, str or datetime-like
        First moment of trading on the new terms; kept as text, UTC.
    new, old : int
        4 and 1 for a four-for-one split, 1 and 10 for a reverse split.
    """

    symbol: str
    ex: Any
    new: int
    old: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "ex", _time(self.ex, f"Split({self.symbol!r}).ex"))
        refuse(
            self,
            not_whole("new", self.new, least=1, most=1_000_000),
            not_whole("old", self.old, least=1, most=1_000_000),
        )


@settings
@dataclass(frozen=True, slots=True, kw_only=True)
class Dividend:
    """Cash for every unit of an instrument; whoever is short owes it.

    It is booked at the start of the instrument's first bar that closes at or after ``ex``, for the position
    held then: the bars must not be adjusted for it. In a captured market that is the last nanosecond before
    ``ex``.

    Attributes
    ----------
    symbol : str
        The instrument.
    ex : int, str or datetime-like
        First moment of trading without it; kept as text, UTC.
    amount : float
        Per unit, in the instrument's currency; positive.
    withheld : float
        Fraction that is withheld from long positions as tax.
    """

    symbol: str
    ex: Any
    amount: float
    withheld: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "ex", _time(self.ex, f"Dividend({self.symbol!r}).ex"))
        refuse(
            self,
            out_of_range("amount", self.amount, above=0),
            out_of_range("withheld", self.withheld, least=0, most=1),
        )


@settings
@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """A time in which an instrument does not trade: nothing fills in it, nor in bars that close in it.

    Attributes
    ----------
    symbol : str
        The instrument.
    start, end : int, str or datetime-like
        Both included; kept as text, UTC.
    """

    symbol: str
    start: Any
    end: Any

    def __post_init__(self) -> None:
        where = f"Halt({self.symbol!r})"
        object.__setattr__(self, "start", _time(self.start, f"{where}.start"))
        object.__setattr__(self, "end", _time(self.end, f"{where}.end"))
        if moment_ns(self.end) < moment_ns(self.start):
            raise ConfigError("a halt ends before it starts", found=(self.start, self.end), where=where)


@settings
@dataclass(frozen=True, slots=True, kw_only=True)
class Currencies:
    """Cash of several currencies, valued in one.

    Instruments are paid for in their own currency, whose cash may fall below zero; equity is the sum at the
    rates of the moment. A rate is the price of an instrument of the bars, or the mid of one of the feed; it
    can be traded itself.

    Attributes
    ----------
    base : str
        What capital, equity and reports are in.
    rates : mapping of str to str
        By currency, the symbol whose price is the base currency in one unit of it (``{"EUR": "EURUSD"}``),
        or, with ``1/`` before it, the other way round (``{"JPY": "1/USDJPY"}``).
    of : mapping of str to str
        By symbol, the currency of an instrument. Bars say it themselves
        (:attr:`omni_lab.domain.Instrument.currency`), a feed does not: there it is the base if it is not
        named.
    """

    base: str = "USD"
    rates: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    of: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        object.__setattr__(self, "rates", dict(self.rates))
        object.__setattr__(self, "of", dict(self.of))
        if self.base in self.rates:
            raise ConfigError("the base currency needs no rate", found=self.base, where="Currencies.rates")


def actions_to_engine(
    actions: Sequence[Split | Dividend], symbols: Sequence[str]
) -> list[tuple[int, int, str, float, float]]:
    """Splits and dividends as the native engine takes them, in the order of their times."""
    rows = []
    for each in actions:
        column = column_of(each.symbol, symbols, "actions")
        terms = (
            ("split", each.new, each.old)
            if isinstance(each, Split)
            else ("dividend", each.amount, each.withheld)
        )
        rows.append((column, moment_ns(each.ex), *terms))
    return sorted(rows, key=lambda row: row[1])


def halts_to_engine(halts: Sequence[Halt], symbols: Sequence[str]) -> list[tuple[int, int, int]]:
    """Halts as the native engine takes them."""
    return [
        (column_of(each.symbol, symbols, "halts"), moment_ns(each.start), moment_ns(each.end))
        for each in halts
    ]


def column_of(symbol: str, symbols: Sequence[str], where: str) -> int:
    """The column of a symbol that a setting names.

    Raises
    ------
    ConfigError
        If the bars, or the feed, have no such symbol.
    """
    if symbol not in symbols:
        raise ConfigError("the data hold no such symbol", found=symbol, expected=list(symbols), where=where)
    return list(symbols).index(symbol)


def _time(given: Any, where: str) -> str:
    try:
        return iso(moment_ns(given))
    except DataError as error:
        raise ConfigError(error.what, found=given, expected=error.expected, where=where) from error
