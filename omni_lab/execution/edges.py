"""Where people meet the engine: prices and names on one side; ticks, lots and numbers on the other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Context, Decimal
from enum import IntEnum
from numbers import Real
from typing import TypeVar

from omni_lab.errors import ConfigError, DataError, UnknownSymbolError
from omni_lab.execution.registers import Sizes
from omni_lab.execution.setup import MAX64, Setup
from omni_lab.typing import AnyArray

Word = TypeVar("Word", bound=IntEnum)
_Steps = TypeVar("_Steps", float, AnyArray)

MONEY_UNITS = 10**18
"""Units of money in one of a currency."""
EXACT = Context(prec=80)
"""Decimal arithmetic that rounds nothing which fits into 128 bits."""
_OFF_GRID = 1e-6


def word(kind: type[Word], value: Word | str | int) -> Word:
    """A member of an enumeration by itself or by its name, in letters of any size.

    Raises
    ------
    ConfigError
        If there is none, naming those there are.
    """
    if isinstance(value, kind):
        return value
    if isinstance(value, str):
        name = value.upper().replace("-", "_").replace(" ", "_")
        if name in kind.__members__:
            return kind[name]
    raise ConfigError(f"unknown {kind.__name__}", found=value, expected=list(kind.__members__))


def on_grid(value: object, step: float, *, where: str) -> int:
    """How many steps a value is.

    Parameters
    ----------
    value : float
        A price, or a quantity.
    step : float
        The grid it must lie on, to a millionth of a step.
    where : str
        What it is called, for the error.

    Raises
    ------
    DataError
        If it is no finite number, lies between two steps, or is too many of them.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or abs(value) == math.inf or value != value:
        raise DataError("a finite number is needed", found=value, where=where)
    try:
        steps = float(value) / step
        n_steps = round(steps)
    except OverflowError:
        raise DataError("more steps than 64 bits can count", found=value, where=where) from None
    if abs(steps - n_steps) > _OFF_GRID:
        below = math.floor(steps)
        near = f"{from_grid(below, step)} or {from_grid(below + 1, step)}, for the step is {step:g}"
        raise DataError("off the grid", found=value, expected=near, where=where)
    if abs(n_steps) > MAX64:
        raise DataError("more steps than 64 bits can count", found=value, where=where)
    return n_steps


def from_grid(n_steps: _Steps, step: float) -> _Steps:
    """The value of so many steps, or of each: 30 steps of 0.01 are 0.3, as a person would write it."""
    per_unit = round(1 / step)
    if per_unit and abs(per_unit * step - 1) < 1e-12:
        return n_steps / per_unit
    return n_steps * step


def money_units(value: float | Decimal) -> int:
    """An amount of a currency in units of 1e-18, as its shortest decimal says."""
    return int(EXACT.to_integral_value(EXACT.multiply(Decimal(str(value)), Decimal(MONEY_UNITS))))


class Edges:
    """The names and grids of one configuration.

    Parameters
    ----------
    setup : Setup
        Of the system.
    sectors : sequence of str
        Names of the sectors, from 1 on; those without one are called by their number.

    Attributes
    ----------
    symbols, accounts, sectors : tuple of str
        By number; sectors from 1 on.
    sizes : Sizes
        Of the device with the registers.
    """

    def __init__(self, setup: Setup, sectors: Sequence[str] = ()) -> None:
        self.setup = setup
        self.sizes = Sizes.of(setup)
        numbers = range(len(sectors) + 1, self.sizes.n_sectors + 1)
        self.sectors = (*sectors, *(f"sector {number}" for number in numbers))
        self.symbols = tuple(instrument.symbol for instrument in setup.instruments)
        self.accounts = tuple(account.name for account in setup.accounts)
        self._instruments = _numbers(self.symbols)
        self._accounts = _numbers(self.accounts)

    def instrument(self, symbol: str) -> int:
        """The number of an instrument.

        Raises
        ------
        UnknownSymbolError
            If there is none of that symbol.
        """
        if symbol not in self._instruments:
            raise UnknownSymbolError("no such instrument", found=symbol, expected=self.symbols)
        return self._instruments[symbol]

    def account(self, name: str | None) -> int:
        """The number of an account; None is the first.

        Raises
        ------
        ConfigError
            If there is none of that name.
        """
        if name is None:
            return 0
        if name not in self._accounts:
            raise ConfigError("no such account", found=name, expected=self.accounts)
        return self._accounts[name]

    def ticks(self, instrument: int, price: float | None, *, where: str = "price") -> int:
        """A price in ticks, 0 for None."""
        if price is None:
            return 0
        return on_grid(price, self.setup.instruments[instrument].tick_size, where=where)

    def lots(self, instrument: int, qty: float | None, *, where: str = "qty", none: int = 0) -> int:
        """A quantity in lots, ``none`` for None."""
        if qty is None:
            return none
        return on_grid(qty, self.setup.instruments[instrument].lot_size, where=where)

    def price(self, instrument: int, ticks: int) -> float | None:
        """Ticks as a price, None for 0."""
        return from_grid(ticks, self.setup.instruments[instrument].tick_size) if ticks else None

    def qty(self, instrument: int, lots: int) -> float:
        """Lots as a quantity."""
        return from_grid(lots, self.setup.instruments[instrument].lot_size)


def name_at(names: Sequence[str], number: int) -> str | None:
    """The name of a number, None if it has none."""
    return names[number] if 0 <= number < len(names) else None


def _numbers(names: Sequence[str]) -> Mapping[str, int]:
    return {name: number for number, name in enumerate(names)}
