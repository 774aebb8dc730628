"""Trades of a market: those of the book, and those that are only told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omni_lab.domain import EventKind, Liquidity
from omni_lab.execution.edges import Edges, from_grid
from omni_lab.typing import AnyArray

if TYPE_CHECKING:
    from omni_lab.system.engine import Happened

COLUMNS = ("trade_id", "seq", "ts", "instrument", "price", "qty", "side", "own")


class Trade(NamedTuple):
    """A trade: frame, time, instrument, price, quantity and who took (1 a buyer, 2 a seller, 0 nobody)."""

    seq: int
    ts: int
    instrument: int
    price: float
    qty: float
    side: int


def trades_of(happened: Happened, edges: Edges, account: int) -> dict[str, AnyArray]:
    """Trades of one step in the order of their times, as people write them.

    Returns
    -------
    dict of str to ndarray
        ``trade_id`` and ``seq`` (0 of those that are only told), ``ts``, ``instrument``, ``price``, ``qty``,
        ``side`` (1 a buyer took, 2 a seller, 0 nobody), ``own`` (whether the account was on a side).
    """
    setups = edges.setup.instruments
    found = _of_the_book(happened.events, account)
    at = found["instrument"].tolist()
    found["price"] = _scaled(found["price"], [setups[number].tick_size for number in at])
    found["qty"] = _scaled(found["qty"], [setups[number].lot_size for number in at])
    prints = happened.prints
    if prints is None or not len(prints["ts"]):
        return found
    nothing = np.zeros(len(prints["ts"]), dtype=np.int64)
    told = prints | {"trade_id": nothing, "seq": nothing, "own": nothing.astype(np.bool_)}
    found = {name: np.concatenate([found[name], told[name]]) for name in COLUMNS}
    order = np.argsort(found["ts"], kind="stable")
    found = {name: column[order] for name, column in found.items()}
    found["seq"] = np.maximum.accumulate(found["seq"])
    return found


def priced(happened: Happened, edges: Edges, account: int) -> list[Trade]:
    """The same one by one."""
    found = trades_of(happened, edges, account)
    return [Trade(*row) for row in zip(*(found[name].tolist() for name in Trade._fields), strict=True)]


def _of_the_book(columns: Mapping[str, AnyArray], account: int) -> dict[str, AnyArray]:
    """Both fills of a trade are one row, in ticks and lots."""
    fills = np.flatnonzero(columns["kind"] == EventKind.FILLED)
    trade_id = columns["trade_id"][fills]
    second = np.flatnonzero(trade_id[1:] == trade_id[:-1]) + 1
    at, makers = fills[second], fills[second - 1]
    is_auction = columns["liquidity"][at] == Liquidity.AUCTION
    own = (columns["account"][at] == account) | (columns["account"][makers] == account)
    found = {name: columns[name][at] for name in ("trade_id", "seq", "ts", "instrument", "price", "qty")}
    return found | {"side": np.where(is_auction, 0, columns["side"][at]).astype(np.int8), "own": own}


def _scaled(counts: AnyArray, steps: list[float]) -> AnyArray:
    """Ticks as prices, lots as quantities, as a person would write them."""
    return np.array([from_grid(count, step) for count, step in zip(counts.tolist(), steps, strict=True)])
