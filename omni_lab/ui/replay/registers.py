"""Registers of the risk gate as people read them: money in a currency, limits that are none as such."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from omni_lab.domain import RejectReason
from omni_lab.execution.edges import MONEY_UNITS, Edges
from omni_lab.execution.registers import WARNING_PREFIX
from omni_lab.execution.setup import MAX64, MAX128, PARTS
from omni_lab.figures.words import decimals_of, number, quantity
from omni_lab.ui.replay.times import clock

_HIGH = "_HIGH"
_CONSTANT = frozenset(
    {"DEVICE_ID", "VERSION", "N_ACCOUNTS", "N_INSTRUMENTS", "N_SECTORS", "TICK_VALUE", "SECTOR", "PARENT"}
)
_MONEY = frozenset(
    {
        *("MAX_NOTIONAL", "MAX_DAILY_LOSS", "REALISED", "CAPITAL", "CASH", "PEAK", "DAY_EQUITY"),
        *("VALUE", "EQUITY", "GROSS", "SECTOR_GROSS", "EXPOSURE"),
    }
)
_FRACTIONS = frozenset({"MAX_DRAWDOWN", "MAX_LEVERAGE", "MAX_SECTOR", "MAX_NAME"})
_TOKENS = frozenset({"ORDER_TOKENS", "CANCEL_TOKENS"})
_TIMES = frozenset({"ORDER_TS", "CANCEL_TS"})
_LOTS = frozenset({"MAX_POSITION", "MAX_ORDER_QTY", "POSITION", "OPEN_BUY", "OPEN_SELL"})
_NO_LIMIT = {
    **dict.fromkeys(("MAX_POSITION", "MAX_ORDER_QTY", "COLLAR_BPS", "ORDER_RATE", "CANCEL_RATE"), MAX64),
    **dict.fromkeys(_FRACTIONS, MAX64),
    **dict.fromkeys(("MAX_NOTIONAL", "MAX_DAILY_LOSS"), MAX128),
}
_RESETS = {
    **_NO_LIMIT,
    **dict.fromkeys(("ORDER_BURST", "CANCEL_BURST"), 1),
    **dict.fromkeys(_TOKENS, 10**9),
}
_ALWAYS = frozenset({"CONTROL", "STATUS", "CHECKED", "PASSED", "REFERENCE"})


class Reading(NamedTuple):
    """A register: its name, what it says, and what it said before if that was something else."""

    name: str
    value: str
    before: str | None = None


def readings(words: Mapping[str, int], before: Mapping[str, int] | None, edges: Edges) -> Iterator[Reading]:
    """Registers that changed, or that hold something other than after a reset.

    Parameters
    ----------
    words, before : mapping of str to int
        Unsigned values by name, now and one frame earlier.
    edges : Edges
        Names and grids.
    """
    for name in words:
        word = name.rsplit(".", 1)[-1].removeprefix(WARNING_PREFIX)
        if word.endswith(_HIGH) or word in _CONSTANT:
            continue
        value = _whole(words, name)
        then = value if before is None else _whole(before, name)
        if value == then and value == _RESETS.get(word, 0) and name not in _ALWAYS:
            continue
        told = _told(word, name, value, edges)
        yield Reading(name, told, _told(word, name, then, edges) if then != value else None)


def _whole(words: Mapping[str, int], name: str) -> int:
    """One or two words as one signed number."""
    high = words.get(name + _HIGH)
    bits = 64 if high is None else 128
    value = words[name] | (high or 0) << 64
    return value - 2**bits if value >= 2 ** (bits - 1) else value


def _told(word: str, name: str, value: int, edges: Edges) -> str:
    if value == _NO_LIMIT.get(word):
        return "no limit"
    if word in _FRACTIONS:
        return f"{100 * value / PARTS:g} %"
    if word in _MONEY:
        return number(value / MONEY_UNITS)
    if word in _TOKENS:
        return f"{value / 1e9:.3f}"
    if word in _TIMES:
        return clock(value).split(" ")[-1]
    if word == "CONTROL":
        return "KILLED" if value else "armed"
    if word in ("STATUS", "WARNING"):
        return RejectReason(value).name if value else "passed"
    if word == "REFERENCE":
        at = _instrument(name, word, edges)
        price = edges.price(at, value)
        decimals = decimals_of([edges.setup.instruments[at].tick_size])
        return "none" if price is None else number(price, decimals)
    if word in _LOTS:
        return quantity(edges.qty(_instrument(name, word, edges), value))
    return number(value, 0)


def _instrument(name: str, word: str, edges: Edges) -> int:
    """The instrument in a register's name; symbols and accounts may hold full stops themselves.

    It is the first one for an account's limit of lots, which is stated only where all have the same lot.
    """
    named = [symbol for symbol in edges.symbols if f".{name}".endswith(f".{symbol}.{word}")]
    return edges.instrument(max(named, key=len)) if named else 0
