"""A day of messages from LOBSTER as commands for an order-management system.

LOBSTER rebuilds the NASDAQ book and writes one line for each change: seconds after midnight, kind, order,
shares, price in ten-thousandths of a dollar, side of the order. An execution is somebody who took: it becomes
an IOC order on the other side, at the price of the order that was hit. The same day as events of a market is
:class:`omni_lab.data.lobster_day.LobsterDay`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from omni_lab.data.lobster_csv import message_batches
from omni_lab.domain import CommandKind, Liquidity, OrderType, Side, TimeInForce
from omni_lab.typing import IntArray

_NEW, _LESS, _DELETE, _EXECUTE = 1, 2, 3, 4
_PRICES_PER_TICK = 100  # of a cent


class Tape(NamedTuple):
    """Commands that repeat what happened, and which order each of them should meet.

    Attributes
    ----------
    commands : dict of str to ndarray of int64, shape (n_commands,)
        As ``oms.apply`` takes them: times in nanoseconds after midnight, prices in cents. Order ids count
        from 1, as a fresh system gives them out.
    maker : ndarray of int64, shape (n_commands,)
        The order that an execution hit, 0 for other commands.
    n_skipped : int
        Messages about orders from before the file begins, and executions of hidden orders.
    """

    commands: dict[str, IntArray]
    maker: IntArray
    n_skipped: int


def read_lobster(path: Path | str) -> Tape:
    """Commands that repeat a message file.

    Parameters
    ----------
    path : path
        A message file, also compressed by gzip or in a zip archive.

    Raises
    ------
    SchemaError, SourceError, CodecError
        As :func:`omni_lab.data.lobster_csv.message_batches`.
    """
    return _tape(
        message
        for batch in message_batches(path)
        for message in zip(*(batch[name].tolist() for name in batch), strict=True)
    )


def _tape(messages: Iterable[tuple[int, ...]]) -> Tape:
    kinds = {_NEW: CommandKind.NEW, _LESS: CommandKind.REPLACE, _DELETE: CommandKind.CANCEL}
    ids: dict[int, int] = {}
    totals: dict[int, int] = {}
    n_orders = n_skipped = 0
    found: list[tuple[int, ...]] = []
    for ts, kind, name, shares, price, sign in messages:
        qty = shares
        side, order_id, maker = Side.BUY if sign > 0 else Side.SELL, ids.get(name, 0), 0
        in_force = TimeInForce.DAY
        if kind == _NEW or (kind == _EXECUTE and order_id):
            n_orders += 1
            if kind == _NEW:
                ids[name], totals[name] = n_orders, qty
            else:
                side, maker, in_force = Side.SELL if sign > 0 else Side.BUY, order_id, TimeInForce.IOC
        elif kind == _LESS and order_id:
            totals[name] = qty = totals[name] - shares
        elif kind != _DELETE or not order_id:
            n_skipped += 1
            continue
        ticks = price // _PRICES_PER_TICK if kind in (_NEW, _EXECUTE) else 0
        facts = (
            kinds.get(kind, CommandKind.NEW),
            ts,
            order_id * (not maker),
            side,
            in_force,
        )
        found.append((*facts, qty, ticks, maker))
    columns = np.array(found, dtype=np.int64).reshape(-1, 8).T
    names = ("kind", "ts", "order_id", "side", "time_in_force", "qty", "price")
    commands = dict(zip(names, columns, strict=False))
    commands["order_type"] = np.full(len(found), OrderType.LIMIT, dtype=np.int64)
    return Tape(commands, columns[7], n_skipped)


def agreement(maker: IntArray, commands: IntArray, events: dict[str, IntArray]) -> float:
    """Part of the executions in which the system filled the order that the exchange filled.

    Parameters
    ----------
    maker : ndarray of int64, shape (n_commands,)
        Of a `Tape`.
    commands : ndarray of int64, shape (n_commands,)
        Frame of each command.
    events : dict of str to ndarray
        What ``oms.apply`` returned.
    """
    hit = maker > 0
    expected = dict(zip(commands[hit].tolist(), maker[hit].tolist(), strict=True))
    made = events["liquidity"] == Liquidity.MAKER
    filled: dict[int, set[int]] = {}
    for sequence, order_id in zip(
        events["seq"][made].tolist(), events["order_id"][made].tolist(), strict=True
    ):
        filled.setdefault(sequence, set()).add(order_id)
    same = sum(filled.get(sequence) == {order_id} for sequence, order_id in expected.items())
    return same / len(expected) if expected else float("nan")
