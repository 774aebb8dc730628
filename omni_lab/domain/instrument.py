"""The instrument: what is traded, and the grids its prices and quantities lie on."""

import math
import re
from dataclasses import KW_ONLY, dataclass
from numbers import Real

from omni_lab.errors import ConfigError

_CURRENCY = re.compile(r"[A-Z][A-Z0-9]{2,9}")

MONEY_UNIT = 1e-18
"""The smallest amount of a currency that the engine counts."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """What is traded: its name and the grids its prices and quantities lie on.

    Attributes
    ----------
    symbol : str
        The venue's string for it, without spaces at its ends.
    tick_size : float, optional
        Smallest price step, in units of ``currency``. None infers it from the prices: the coarsest of
        1e-2, 1e-3, … 1e-8 on whose grid all of them lie, otherwise 1e-9.
    lot_size : float
        Smallest quantity; 1 is whole shares, 1e-6 is millionths of one.
    currency : str
        What its prices are quoted in, three to ten capitals or digits.

    Raises
    ------
    ConfigError
        Naming every field that cannot be used, not only the first.
    """

    symbol: str
    _: KW_ONLY
    tick_size: float | None = None
    lot_size: float = 1.0
    currency: str = "USD"

    def __post_init__(self) -> None:
        problems = symbol_problems(self.symbol)
        if self.tick_size is not None:
            problems += _step_problems("tick_size", self.tick_size)
        problems += _step_problems("lot_size", self.lot_size)
        if not _CURRENCY.fullmatch(str(self.currency)):
            problems.append(
                f"currency must be three to ten capitals or digits such as 'USD', not {self.currency!r}"
            )
        if not problems and self.tick_size is not None and self.tick_size * self.lot_size < MONEY_UNIT:
            problems.append(
                f"one lot at one tick must be worth at least {MONEY_UNIT:g} {self.currency}, "
                f"not {self.tick_size * self.lot_size:g}"
            )
        if problems:
            raise ConfigError("; ".join(problems), where=f"Instrument({self.symbol!r})")
        if self.tick_size is not None:
            object.__setattr__(self, "tick_size", float(self.tick_size))
        object.__setattr__(self, "lot_size", float(self.lot_size))


def symbol_problems(symbol: object) -> list[str]:
    """What keeps a value from being a symbol, as clauses; empty when nothing does."""
    if not isinstance(symbol, str):
        return [f"symbol must be a string, not {symbol!r}"]
    if not symbol or symbol != symbol.strip() or not symbol.isprintable():
        return [f"symbol must be printable text without spaces at its ends, not {symbol!r}"]
    return []


def _step_problems(name: str, value: object) -> list[str]:
    if isinstance(value, bool) or not isinstance(value, Real):
        return [f"{name} must be a number, not {value!r}"]
    if not 0 < float(value) < math.inf:
        return [f"{name} must be finite and greater than zero, not {value!r}"]
    return []
