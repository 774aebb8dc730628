"""Pairs of trades that could be one, and runs of trades that could be one's pieces; and who gets whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from omni_lab.execution.drop_copy.fills import UNKNOWN
from omni_lab.execution.drop_copy.rules import Tolerance, limit_nanos
from omni_lab.typing import BoolArray, IntArray

if TYPE_CHECKING:
    from omni_lab.execution.drop_copy.matching import Side

_BATCH = 4_000_000
# Rounds of mutual choice settle nearly all; what is left of long chains is settled one by one.
_ROUNDS = 12


def near_pairs(ours: Side, theirs: Side, tolerance: Tolerance, ticks: IntArray) -> tuple[IntArray, IntArray]:
    """Pairs within tolerance, from the nearest to the furthest.

    Both sides are in the order of their content; so are pairs that are equally near.

    Parameters
    ----------
    ours, theirs : Side
        Unmatched trades.
    tolerance : Tolerance
        Quantity, time, fees and orders.
    ticks : ndarray of int64, shape (n_symbols + 1,)
        Largest difference of price, in billionths, by symbol.

    Returns
    -------
    tuple of ndarray of int64, shape (n_pairs,)
        Places in the two sides.
    """
    found: list[tuple[IntArray, ...]] = [(np.zeros(0, dtype=np.int64),) * 5]
    same = (
        ("symbol", "account", "side")
        + (() if ticks.any() else ("price",))
        + (() if tolerance.qty_lots else ("qty",))
    )
    group_ours, group_theirs = groups(ours, theirs, same)
    # Times in one line: each group has a stretch of it of its own, so one search finds the window of a trade.
    order = np.lexsort([theirs.ts, group_theirs])
    for rows, low, high in _windows(
        group_ours, ours.ts, group_theirs[order], theirs.ts[order], tolerance.time_ns
    ):
        for each, place in _expanded(rows, low, high):
            left, right = each, order[place]
            d_qty = np.abs(ours.qty[left] - theirs.qty[right])
            d_price = np.abs(ours.price[left] - theirs.price[right])
            fits = (d_qty <= tolerance.qty_lots) & (d_price <= ticks[ours.symbol[left]])
            fits &= _same_order(ours.order[left], theirs.order[right], tolerance)
            if tolerance.fee is not None:
                fits &= ~_fees_far(ours.fee[left], theirs.fee[right], limit_nanos(tolerance.fee))
            left, right, d_qty, d_price = left[fits], right[fits], d_qty[fits], d_price[fits]
            found.append((d_qty, d_price, np.abs(ours.ts[left] - theirs.ts[right]), left, right))
    d_qty, d_price, d_ts, left, right = (np.concatenate(each) for each in zip(*found, strict=True))
    nearest = np.lexsort([right, left, d_ts, d_price, d_qty])
    return left[nearest], right[nearest]


def greedy(left: IntArray, right: IntArray, n_left: int, n_right: int) -> tuple[IntArray, IntArray]:
    """Of ranked pairs, those that one gets by taking each whose two are still free.

    A pair that is the best of both its members is taken whatever becomes of the others, so all such are taken
    at once, and again among the rest.
    """
    taken: list[tuple[IntArray, IntArray]] = [(left[:0], right[:0])]
    for _ in range(_ROUNDS):
        if not len(left):
            break
        place = np.arange(len(left))
        best_left, best_right = np.full(n_left, len(left)), np.full(n_right, len(left))
        # Written from the worst to the best, the best stays.
        best_left[left[::-1]] = place[::-1]
        best_right[right[::-1]] = place[::-1]
        chosen = (best_left[left] == place) & (best_right[right] == place)
        taken.append((left[chosen], right[chosen]))
        free_left, free_right = np.ones(n_left, dtype=np.bool_), np.ones(n_right, dtype=np.bool_)
        free_left[left[chosen]] = free_right[right[chosen]] = False
        rest = free_left[left] & free_right[right]
        left, right = left[rest], right[rest]
    used: tuple[set[int], set[int]] = (set(), set())
    late: list[tuple[int, int]] = []
    for one, other in zip(left.tolist(), right.tolist(), strict=True):
        if one not in used[0] and other not in used[1]:
            used[0].add(one)
            used[1].add(other)
            late.append((one, other))
    taken.append(
        (np.array([p[0] for p in late], dtype=np.int64), np.array([p[1] for p in late], dtype=np.int64))
    )
    return np.concatenate([pair[0] for pair in taken]), np.concatenate([pair[1] for pair in taken])


def runs(ones: Side, many: Side, tolerance: Tolerance) -> list[tuple[int, int, int, int, int, list[int]]]:
    """Runs of two or more trades of a side, next to each other in time, that add up to one of the other's.

    All are at one price, and the pieces of one account.

    Returns
    -------
    list of tuple
        Largest distance in time, number of pieces, time of the one, place of the one, place of the one again,
        places of the pieces: sorted, the first is to be taken first.
    """
    same = ("symbol", "account", "side", "price") + (("order",) if tolerance.same_order else ())
    group_ones, group_many = groups(ones, many, same)
    order = np.lexsort([np.arange(len(many)), many.ts, group_many])
    group, ts, qty = group_many[order], many.ts[order], many.qty[order]
    total = np.cumsum(qty, dtype=np.int64)
    owner = many.owner[order]
    changes = np.cumsum(np.concatenate([[0], owner[1:] != owner[:-1]]))[: len(owner)]
    found: list[tuple[int, int, int, int, int, list[int]]] = []
    for rows, low, high in _windows(group_ones, ones.ts, group, ts, tolerance.time_ns):
        for one, start in _expanded(rows, low, high):
            wanted = total[start] - qty[start] + ones.qty[one]
            end = np.minimum(np.searchsorted(total, wanted), len(total) - 1)
            fits = (end > start) & (total[end] == wanted) & (group[end] == group[start])
            fits &= (np.abs(ts[end] - ones.ts[one]) <= tolerance.time_ns) & (changes[start] == changes[end])
            distance = np.maximum(np.abs(ts[start] - ones.ts[one]), np.abs(ts[end] - ones.ts[one]))
            for d, o, s, e in np.stack([distance, one, start, end])[:, fits].T.tolist():
                found.append((d, e - s + 1, int(ones.ts[o]), o, o, order[s : e + 1].tolist()))
    return found


def groups(ours: Side, theirs: Side, same: tuple[str, ...]) -> tuple[IntArray, IntArray]:
    """Numbers of groups that agree in some columns."""
    number = np.zeros(len(ours) + len(theirs), dtype=np.int64)
    for name in same:
        values = np.concatenate([getattr(ours, name), getattr(theirs, name)])
        _, place = np.unique(values, return_inverse=True)
        # Dense again after each column, so that the product of two stays far within 64 bits.
        _, number = np.unique(number * (int(place.max(initial=0)) + 1) + place, return_inverse=True)
    return number[: len(ours)].astype(np.int64), number[len(ours) :].astype(np.int64)


def _windows(
    group: IntArray, ts: IntArray, other_group: IntArray, other_ts: IntArray, time_ns: int
) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
    """For each row the stretch of the other side, sorted by group and time, that lies within a time of it."""
    if not len(group) or not len(other_group):
        return
    # Times as places among all times, so that group and time fit into one number.
    moments = np.unique(other_ts)
    n = len(moments) + 1
    line = other_group * n + np.searchsorted(moments, other_ts)
    low = np.searchsorted(line, group * n + np.searchsorted(moments, ts - time_ns))
    high = np.searchsorted(line, group * n + np.searchsorted(moments, ts + time_ns, side="right"))
    rows = np.flatnonzero(high > low)
    counts = np.cumsum(high[rows] - low[rows])
    start = 0
    while start < len(rows):
        already = int(counts[start - 1]) if start else 0
        end = max(start + 1, int(np.searchsorted(counts, already + _BATCH)))
        yield rows[start:end], low[rows[start:end]], high[rows[start:end]]
        start = end


def _expanded(rows: IntArray, low: IntArray, high: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
    """Every row with every place of its stretch."""
    lengths = high - low
    ends = np.cumsum(lengths)
    place = np.arange(int(ends[-1])) - np.repeat(ends - lengths, lengths) + np.repeat(low, lengths)
    yield np.repeat(rows, lengths), place


def _same_order(ours: IntArray, theirs: IntArray, tolerance: Tolerance) -> BoolArray:
    different = (ours >= 0) & (theirs >= 0) & (ours != theirs)
    return ~different if tolerance.same_order else np.ones(len(ours), dtype=np.bool_)


def _fees_far(ours: IntArray, theirs: IntArray, limit: int) -> BoolArray:
    stated = (ours != UNKNOWN) & (theirs != UNKNOWN)
    far: BoolArray = stated & (np.abs(np.where(stated, ours, 0) - np.where(stated, theirs, 0)) > limit)
    return far
