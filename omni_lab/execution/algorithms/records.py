"""What a desk leaves behind, as columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.typing import AnyArray

if TYPE_CHECKING:
    from omni_lab.execution.algorithms.job import Job


def parent_columns(jobs: Sequence[Job]) -> dict[str, AnyArray]:
    """One row for each parent.

    Returns
    -------
    dict of str to ndarray, shape (n_parents,)
        ``parent``, ``symbol``, ``side``, ``algorithm``, ``state``, ``qty`` and ``filled_qty`` (units),
        ``start``, ``end`` (0: none) and ``ended`` (0: not yet; nanoseconds), ``limit`` (NaN: none),
        ``arrival`` (mid at the start), ``average_price`` (NaN without fills), ``fees``, ``n_children``.
    """
    lots = [job.market.lot_size for job in jobs]
    parents = [job.parent for job in jobs]
    worth = [sum(fill[2] * fill[3] for fill in job.fills) for job in jobs]
    average = [w / p.filled if p.filled else math.nan for w, p in zip(worth, parents, strict=True)]
    limits = [math.nan if p.order.limit is None else p.order.limit for p in parents]
    return {
        "parent": np.array([p.number for p in parents], dtype=np.int64),
        "symbol": np.array([p.order.symbol for p in parents], dtype=np.str_),
        "side": np.array([p.order.side for p in parents], dtype=np.str_),
        "algorithm": np.array([job.algorithm.name for job in jobs], dtype=np.str_),
        "state": np.array([p.state.value for p in parents], dtype=np.str_),
        "qty": np.array([p.lots * lot for p, lot in zip(parents, lots, strict=True)], dtype=np.float64),
        "filled_qty": np.array(
            [p.filled * lot for p, lot in zip(parents, lots, strict=True)], dtype=np.float64
        ),
        "start": np.array([p.start for p in parents], dtype=np.int64),
        "end": np.array([p.order.end or 0 for p in parents], dtype=np.int64),
        "ended": np.array([p.ended or 0 for p in parents], dtype=np.int64),
        "limit": np.array(limits, dtype=np.float64),
        "arrival": np.array([p.arrival for p in parents], dtype=np.float64),
        "average_price": np.array(average, dtype=np.float64),
        "fees": np.array([sum(fill[5] for fill in job.fills) for job in jobs], dtype=np.float64),
        "n_children": np.array([len(p.children) for p in parents], dtype=np.int64),
    }


def child_columns(jobs: Sequence[Job]) -> dict[str, AnyArray]:
    """One row for each child order, by parent and in the order they were sent.

    Returns
    -------
    dict of str to ndarray, shape (n_children,)
        ``parent``, ``order_id``, ``sent`` (nanoseconds), ``qty``, ``filled_qty`` (units), ``price`` (NaN:
        market order), ``mid`` (when it was sent), ``rests`` (bool), ``reason`` (its end; empty: not yet).
    """
    rows = [(job, child) for job in jobs for child in job.parent.children.values()]
    prices = [math.nan if child.price is None else child.price for _, child in rows]
    return {
        "parent": np.array([job.parent.number for job, _ in rows], dtype=np.int64),
        "order_id": np.array([child.order_id for _, child in rows], dtype=np.int64),
        "sent": np.array([child.sent for _, child in rows], dtype=np.int64),
        "qty": np.array([child.lots * job.market.lot_size for job, child in rows], dtype=np.float64),
        "filled_qty": np.array([child.filled * job.market.lot_size for job, child in rows], dtype=np.float64),
        "price": np.array(prices, dtype=np.float64),
        "mid": np.array([child.mid for _, child in rows], dtype=np.float64),
        "rests": np.array([child.rests for _, child in rows], dtype=np.bool_),
        "reason": np.array([child.reason for _, child in rows], dtype=np.str_),
    }


def fill_columns(jobs: Sequence[Job]) -> dict[str, AnyArray]:
    """One row for each fill, by parent and time.

    Returns
    -------
    dict of str to ndarray, shape (n_fills,)
        ``parent``, ``order_id``, ``ts`` (when it was heard, nanoseconds), ``qty`` (units), ``price``, ``mid``
        (of the last look before), ``fee``, ``is_maker``.
    """
    rows = [(job, fill) for job in jobs for fill in job.fills]
    return {
        "parent": np.array([job.parent.number for job, _ in rows], dtype=np.int64),
        "order_id": np.array([fill[1] for _, fill in rows], dtype=np.int64),
        "ts": np.array([fill[0] for _, fill in rows], dtype=np.int64),
        "qty": np.array([fill[2] * job.market.lot_size for job, fill in rows], dtype=np.float64),
        "price": np.array([fill[3] for _, fill in rows], dtype=np.float64),
        "mid": np.array([fill[4] for _, fill in rows], dtype=np.float64),
        "fee": np.array([fill[5] for _, fill in rows], dtype=np.float64),
        "is_maker": np.array([fill[6] for _, fill in rows], dtype=np.bool_),
    }


def look_columns(job: Job) -> dict[str, AnyArray]:
    """What was due, filled and open at every look, units."""
    looks = np.array(job.looks, dtype=np.int64).reshape(-1, 4)
    lot = job.market.lot_size
    return {
        "ts": looks[:, 0],
        "due": looks[:, 1] * lot,
        "filled": looks[:, 2] * lot,
        "open": looks[:, 3] * lot,
    }
