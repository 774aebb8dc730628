"""Indicators and conditions in words: what a strategy declares and the engine computes by itself.

``sma(20)`` says what is meant and holds no numbers. A strategy hands it to ``ctx.declare``, which returns a
number that is kept current, or compares it in a condition and hands that to ``ctx.when``; over a whole panel
:func:`omni_lab.simulator.indicator_values` computes the same, to the last bit. The definitions are stated at
each function; their plain twins are in :mod:`omni_lab.features.indicators`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from omni_lab.errors import ConfigError

Column = Literal["open", "high", "low", "close", "volume"]
Spelled = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Expression:
    """An indicator by name.

    Attributes
    ----------
    name : str
        Which one.
    window : int
        Over how many bars.
    column : str
        Of which column, where there is a choice.
    """

    name: str
    window: int = 0
    column: Column = "close"

    @property
    def spelled(self) -> Spelled:
        """As the engine reads it."""
        return (self.name, self.window, self.column)

    def __str__(self) -> str:
        return self.column if self.name == "price" else f"{self.name}({self.window})"


Operand = Expression | float


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """What must hold at a closed bar: comparisons, joined by ``&``, ``|`` and ``~``.

    A comparison with NaN is neither true nor false but unknown, and so is what depends on it; a trigger fires
    only where its condition is true.
    """

    spelled: Spelled
    words: str

    def __and__(self, other: Condition) -> Condition:
        return Condition(("and", self.spelled, other.spelled), f"({self.words} and {other.words})")

    def __or__(self, other: Condition) -> Condition:
        return Condition(("or", self.spelled, other.spelled), f"({self.words} or {other.words})")

    def __invert__(self) -> Condition:
        return Condition(("not", self.spelled), f"not {self.words}")

    def __bool__(self) -> bool:
        raise ConfigError(
            "a condition has no truth value of its own",
            found=self.words,
            hint="Join conditions with &, | and ~ rather than and, or and not.",
        )

    def __repr__(self) -> str:
        return f"Condition({self.words})"


def price(column: Column = "close") -> Expression:
    """A column of the bar itself."""
    return Expression("price", column=column)


def sma(window: int) -> Expression:
    """Simple moving average of the last ``window`` closes."""
    return Expression("sma", window)


def ema(window: int) -> Expression:
    """Exponential moving average of closes.

    It moves by 2 / (window + 1) of the distance to each close, from the mean of the first ``window`` ones on.
    """
    return Expression("ema", window)


def std(window: int) -> Expression:
    """Standard deviation (ddof 1) of the last ``window`` closes, in units of the price; at least 2 bars."""
    return Expression("std", window)


def zscore(window: int) -> Expression:
    """Distance of the close from the mean of the last ``window`` closes (itself among them).

    Counted in their standard deviations (ddof 1); NaN where they do not vary.
    """
    return Expression("zscore", window)


def highest(window: int, column: Column = "close") -> Expression:
    """Largest price of a column in the last ``window`` bars, the current one included."""
    return Expression("highest", window, column)


def lowest(window: int, column: Column = "close") -> Expression:
    """Smallest price of a column in the last ``window`` bars, the current one included."""
    return Expression("lowest", window, column)


def rsi(window: int = 14) -> Expression:
    """Relative strength index, 0 to 100, smoothed as Wilder does; 50 where nothing moved.

    References
    ----------
    .. [1] Wilder, "New Concepts in Technical Trading Systems", 1978, section VI.
    """
    return Expression("rsi", window)


def atr(window: int = 14) -> Expression:
    """Average true range in units of the price, smoothed as Wilder does; from the second bar on.

    References
    ----------
    .. [1] Wilder, "New Concepts in Technical Trading Systems", 1978, section III.
    """
    return Expression("atr", window)


def vwap(window: int) -> Expression:
    """Mean of the typical price (high + low + close) / 3 of the last ``window`` bars, weighted by volume.

    NaN while nothing was traded in them.
    """
    return Expression("vwap", window)


def returns(window: int = 1) -> Expression:
    """Simple return over the last ``window`` bars."""
    return Expression("returns", window)


def momentum_z(window: int) -> Expression:
    """Log return over the last ``window`` bars in standard deviations of such a return.

    See :class:`omni_lab.strategies.MomentumStrategy`.
    """
    return Expression("momentum_z", window)


def above(a: Operand, b: Operand) -> Condition:
    """``a > b`` at this bar."""
    return _comparison("above", ">", a, b)


def below(a: Operand, b: Operand) -> Condition:
    """``a < b`` at this bar."""
    return _comparison("below", "<", a, b)


def cross_above(a: Operand, b: Operand) -> Condition:
    """``a > b`` at this bar, and not at the instrument's bar before it."""
    return _comparison("cross_above", "crosses above", a, b)


def cross_below(a: Operand, b: Operand) -> Condition:
    """``a < b`` at this bar, and not at the instrument's bar before it."""
    return _comparison("cross_below", "crosses below", a, b)


def _comparison(name: str, verb: str, a: Operand, b: Operand) -> Condition:
    return Condition((name, _spelled(a), _spelled(b)), f"{a} {verb} {b}")


def _spelled(operand: Operand) -> Spelled | float:
    if isinstance(operand, Expression):
        return operand.spelled
    given: object = operand
    if isinstance(given, int | float) and not isinstance(given, bool):
        return float(given)
    raise ConfigError("only indicators and numbers can be compared", found=given)
