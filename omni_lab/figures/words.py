"""Numbers, times and spans as people read them: proper minus signs, as many decimals as matter."""

import math
from collections.abc import Sequence

import numpy as np

from omni_lab.typing import FloatArray, IntArray

NS_PER_DAY = 86_400_000_000_000
MISSING = "–"
_MINUS = "−"
_MOST_DECIMALS = 9
_SCALES = ((1e12, "T"), (1e9, "B"), (1e6, "M"))


def percent(value: float, *, sign: bool = False, decimals: int | None = None) -> str:
    """Fraction as a percentage: ``−23.4%``.

    Without `decimals`, large numbers get fewer and small ones more.
    """
    if not math.isfinite(value):
        return infinite(value)
    size = abs(value)
    if decimals is None and size >= 1000:
        return ("+" if sign and value > 0 else "") + compact(value * 100) + "%"
    if decimals is None:
        decimals = 0 if size >= 10 else 1 if size >= 0.01 or size == 0 else 2 if size >= 0.0001 else 3
    return _signed(f"{value * 100:{'+' if sign else ''},.{decimals}f}") + "%"


def number(value: float, decimals: int = 2, *, sign: bool = False) -> str:
    """Fixed decimals and thousands separated: ``−1,234.50``."""
    return _signed(f"{value:{'+' if sign else ''},.{decimals}f}") if math.isfinite(value) else infinite(value)


def count(n: float, noun: str, plural: str | None = None) -> str:
    """``1 trade``, ``2 trades``, ``no trades``."""
    if n == 1:
        return f"1 {noun}"
    return f"{number(n, 0) if n else 'no'} {plural or noun + 's'}"


def thousands(value: float) -> tuple[float, str]:
    """Million, billion or trillion, whichever fits the value, and its letter; 1 and nothing below."""
    return next((scale for scale in _SCALES if abs(value) >= scale[0]), (1.0, ""))


def compact(value: float) -> str:
    """Three digits and a letter from a million: ``1.25M``."""
    size, letter = thousands(value)
    return (
        _signed(f"{value:,.0f}" if 1000 <= abs(value) < 1e6 else f"{value / size:.{3 if letter else 6}g}")
        + letter
    )


def quantity(qty: float) -> str:
    """A quantity with the decimals that it needs; a letter from a million: ``1,200``, ``0.25``, ``1.25M``."""
    if abs(qty) >= 1e6:
        return compact(qty)
    decimals = next((d for d in range(_MOST_DECIMALS) if abs(round(qty, d) - qty) < 1e-9), _MOST_DECIMALS)
    return number(qty, decimals)


def decimals_of(prices: Sequence[float]) -> int:
    """As many as tell prices apart as they are, and at least two unless all are whole."""
    array = np.asarray(prices, dtype=np.float64)
    needed = next((d for d in range(_MOST_DECIMALS) if _are_round(array, d)), _MOST_DECIMALS)
    return max(needed, 2) if needed else 0


def _are_round(prices: FloatArray, decimals: int) -> bool:
    return np.allclose(prices, prices.round(decimals), rtol=1e-12, atol=1e-10)


def infinite(value: float) -> str:
    """What stands for a number that is not finite."""
    return MISSING if math.isnan(value) else "∞" if value > 0 else f"{_MINUS}∞"


def span(ns: float) -> str:
    """Length of time in the largest unit that leaves two digits or so: ``311 days``, ``7.5 years``."""
    days = ns / NS_PER_DAY
    if days >= 3 * 365.25:
        return f"{days / 365.25:.1f} years"
    if days >= 2 or days == 1:
        return count(round(days), "day")
    if days >= 2 / 24:
        return f"{days * 24:.1f} hours"
    if days >= 1 / 1440:
        return count(round(days * 1440), "minute")
    seconds = f"{days * 86400:.3g}"
    return f"{seconds} second" if seconds == "1" else f"{seconds} seconds"


def moment(ns: int, ts: IntArray) -> str:
    """Date of a time in a series; in a short one within the days, the time of day in place of the year."""
    if is_intraday(ts) and ts[-1] - ts[0] < 180 * NS_PER_DAY:
        return str(np.datetime64(ns, "ns").astype("datetime64[m]"))[5:].replace("T", " ")
    return str(np.datetime64(ns, "ns").astype("datetime64[D]"))


def is_intraday(ts: IntArray) -> bool:
    """Whether steps are usually closer together than days are."""
    return len(ts) > 1 and float(np.median(np.diff(ts))) < 0.8 * NS_PER_DAY


def bars(n: int, ts: IntArray) -> str:
    """So many steps, named after their distance: ``126-day``, else ``390-bar``."""
    daily = len(ts) > 1 and abs(float(np.median(np.diff(ts))) / NS_PER_DAY - 1.0) < 0.2
    return f"{n:,}-{'day' if daily else 'bar'}"


def _signed(text: str) -> str:
    if not any(digit in text for digit in "123456789"):
        text = text.lstrip("+-")
    return text.replace("-", _MINUS)
