"""ITCH 5.0 for tests: messages as bytes, from the specification's table once more, and a small day."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from omni_lab.data.itch_messages import (
    MESSAGES,
    AddOrder,
    AddOrderAttributed,
    CrossTrade,
    NetOrderImbalance,
    NonCrossTrade,
    OrderCancel,
    OrderDelete,
    OrderExecuted,
    OrderExecutedWithPrice,
    OrderReplace,
    StockDirectory,
    StockTradingAction,
    SystemEvent,
)

# What follows the type, the locate, the tracking number and the time.
FORMATS = {
    "S": "c",
    "R": "8sccIcc2scccccIc",
    "H": "8scc4s",
    "Y": "8sc",
    "L": "4s8sccc",
    "V": "QQQ",
    "W": "c",
    "K": "8sIcI",
    "J": "8sIIII",
    "h": "8scc",
    "A": "QcI8sI",
    "F": "QcI8sI4s",
    "E": "QIQ",
    "C": "QIQcI",
    "X": "QI",
    "D": "Q",
    "U": "QQII",
    "P": "QcI8sIQ",
    "Q": "Q8sIQc",
    "B": "Q",
    "I": "QQc8sIIIcc",
    "N": "8sc",
    "O": "8scIIIQII",
}
LENGTHS = dict(
    zip(
        "SRHYLVWKJhAFECXDUPQBINO",
        (12, 39, 25, 20, 26, 35, 12, 28, 35, 21, 36, 40, 31, 36, 23, 19, 35, 44, 40, 19, 50, 20, 48),
        strict=True,
    )
)
_TYPES = {message: kind for kind, message in MESSAGES.items()}
_MINUTE = 60 * 10**9


def encoded(message: Any) -> bytes:
    """A message as the venue sends it."""
    kind = _TYPES[type(message)]
    fields: list[Any] = []
    for code, value in zip(_codes(FORMATS[kind]), message[3:], strict=True):
        padding = int(code[:-1] or 1) if code[-1] in "sc" else 0
        fields.append(value.encode().ljust(padding) if isinstance(value, str) else value)
    time = int(message.timestamp).to_bytes(6, "big")
    head = kind.encode() + struct.pack(">HH", message.stock_locate, message.tracking_number) + time
    return head + struct.pack(">" + FORMATS[kind], *fields)


def framed(messages: Iterable[Any]) -> bytes:
    """Messages with a 2-byte length before each."""
    return b"".join(len(each).to_bytes(2, "big") + each for each in map(encoded, messages))


def directory(locate: int, symbol: str, ts: int = 0) -> StockDirectory:
    """An instrument of the day."""
    blank = ("Q", "N", 100, "N", "C", "Z", "P", "N", "", "1", "N", 0, "N")
    return StockDirectory(locate, 0, ts, symbol, *blank)


def at(hour: int, minute: int, ns: int = 0) -> int:
    """Nanoseconds since midnight."""
    return (60 * hour + minute) * _MINUTE + ns


def small_day() -> list[Any]:
    """Two instruments from the first message to the last: every kind of event once or twice."""
    return [
        SystemEvent(0, 0, at(3, 0), "O"),
        directory(14, "AAPL", at(3, 5)),
        directory(7, "MSFT", at(3, 5)),
        StockTradingAction(14, 0, at(3, 6), "AAPL", "T", "", ""),
        SystemEvent(0, 0, at(4, 0), "S"),
        AddOrder(14, 0, at(9, 0), 1, "B", 100, "AAPL", 1_665_600),
        AddOrderAttributed(14, 0, at(9, 0), 2, "S", 50, "AAPL", 1_666_000, "NITE"),
        AddOrder(7, 2, at(9, 1), 3, "S", 10, "MSFT", 1_050_100),
        NetOrderImbalance(
            14, 0, at(9, 25), 5_000, 200, "S", "AAPL", 1_660_000, 1_661_000, 1_665_600, "O", "L"
        ),
        SystemEvent(0, 0, at(9, 30), "Q"),
        CrossTrade(14, 0, at(9, 30, 1), 5_000, "AAPL", 1_665_800, 70, "O"),
        # Three in the same nanosecond: only their order in the file tells what came first.
        OrderExecuted(14, 0, at(9, 30, 5), 1, 40, 71),
        OrderCancel(14, 0, at(9, 30, 5), 1, 10),
        OrderExecuted(14, 0, at(9, 30, 5), 1, 20, 72),
        OrderExecutedWithPrice(14, 0, at(9, 31), 2, 5, 73, "N", 1_665_900),
        OrderReplace(7, 0, at(9, 32), 3, 4, 20, 1_050_000),
        NonCrossTrade(7, 0, at(9, 33), 0, "B", 15, "MSFT", 1_050_050, 74),
        StockTradingAction(14, 0, at(10, 0), "AAPL", "H", "", "T1"),
        OrderDelete(7, 0, at(11, 0), 4),
        SystemEvent(0, 0, at(20, 5), "C"),
    ]


def _codes(form: str) -> list[str]:
    """Codes of a struct format with their counts: ``8sc`` is ``8s`` and ``c``."""
    codes, count = [], ""
    for letter in form:
        if letter.isdigit():
            count += letter
        else:
            codes.append(count + letter)
            count = ""
    return codes
