"""Which trades of one side are which of the other's: by id, by order, by terms, in pieces.

The steps, and the order in which each of them chooses, are in ``docs/reconciliation.md``; this is that page
in columns. All choices go by content, so that the same trades match alike whatever order they came in.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

import numpy as np
import pyarrow as pa

from omni_lab.execution.drop_copy.candidates import greedy, near_pairs, runs
from omni_lab.execution.drop_copy.rules import Grid, Tolerance, limit_nanos
from omni_lab.execution.drop_copy.trades import Trades, ranks
from omni_lab.typing import AnyArray, BoolArray, IntArray


class Stage(IntEnum):
    """What made trades one."""

    ID = 1
    ORDER = 2
    TERMS = 3
    PIECES = 4
    NEAR = 5
    BUSTED = 6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Matching:
    """Trades that are one.

    Attributes
    ----------
    internal, external : ndarray of int64, shape (n_internal,) and (n_external,)
        Number of each trade's match, -1 for none. A match has at least one trade of either side.
    stage : ndarray of int64, shape (n_matches,)
        The `Stage` that made it.
    """

    internal: IntArray
    external: IntArray
    stage: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """Trades of one side that have not been matched, in the order of their content.

    ``account`` is -1 where accounts tell nothing, ``owner`` always the account.
    """

    trade: IntArray
    symbol: IntArray
    account: IntArray
    owner: IntArray
    side: IntArray
    order: IntArray
    qty: IntArray
    price: IntArray
    fee: IntArray
    ts: IntArray

    def __len__(self) -> int:
        return len(self.trade)

    def take(self, rows: IntArray) -> Side:
        """Some of them."""
        return Side(*(getattr(self, name)[rows] for name in self.__slots__))


def match(internal: Trades, external: Trades, tolerance: Tolerance, grid: Grid) -> Matching:
    """Match the trades of two sides.

    Parameters
    ----------
    internal, external : Trades
        With keys of one numbering, and the same symbols and accounts.
    tolerance : Tolerance
        For trades without a common id.
    grid : Grid
        For ticks.
    """
    matching = _Working(internal, external)
    matching.by_id()
    if not matching.is_settled():
        ticks = np.array(
            [limit_nanos(tolerance.price_ticks, grid.tick(s)) for s in internal.fills.symbols] + [0]
        )
        ours, theirs = matching.content(matching.free(0, busted=False), matching.free(1, busted=False))
        ours, theirs = matching.by_order(ours, theirs, ticks)
        exact = Tolerance(
            price_ticks=Decimal(0),
            time_ns=tolerance.time_ns,
            fee=tolerance.fee,
            same_order=tolerance.same_order,
        )
        ours, theirs = matching.by_terms(ours, theirs, exact, ticks * 0, Stage.TERMS)
        ours, theirs = matching.in_pieces(ours, theirs, tolerance)
        if tolerance.qty_lots or ticks.any():
            ours, theirs = matching.by_terms(ours, theirs, tolerance, ticks, Stage.NEAR)
        matching.by_bust(exact, ticks * 0)
    return matching.done()


class _Working:
    """Matches as they are found."""

    def __init__(self, internal: Trades, external: Trades) -> None:
        self.internal, self.external = internal, external
        self.of_internal = np.full(len(internal), -1, dtype=np.int64)
        self.of_external = np.full(len(external), -1, dtype=np.int64)
        self.stages: list[IntArray] = []
        self.n = 0

    def done(self) -> Matching:
        stage = np.concatenate(self.stages) if self.stages else np.zeros(0, dtype=np.int64)
        return Matching(internal=self.of_internal, external=self.of_external, stage=stage)

    def is_settled(self) -> bool:
        """Whether all of a side is matched, so that nothing more can be."""
        return bool((self.of_internal >= 0).all() or (self.of_external >= 0).all())

    def free(self, side: int, *, busted: bool) -> IntArray:
        """Trades of a side without a match, those that were taken back or the others."""
        of, trades = (self.of_external, self.external) if side else (self.of_internal, self.internal)
        return np.flatnonzero((of < 0) & (trades.busted == busted))

    def add(self, ours: IntArray, theirs: IntArray, stage: Stage) -> None:
        """Pairs of trades."""
        number = np.arange(self.n, self.n + len(ours))
        self.of_internal[ours], self.of_external[theirs] = number, number
        self.stages.append(np.full(len(ours), stage, dtype=np.int64))
        self.n += len(ours)

    def by_id(self) -> None:
        n_keys = max(int(self.internal.key.max(initial=-1)), int(self.external.key.max(initial=-1))) + 1
        at = np.full(n_keys + 1, -1, dtype=np.int64)
        named = self.internal.key >= 0
        at[self.internal.key[named]] = np.flatnonzero(named)
        theirs = np.flatnonzero(self.external.key >= 0)
        ours = at[self.external.key[theirs]]
        self.add(ours[ours >= 0], theirs[ours >= 0], Stage.ID)

    def content(self, ours: IntArray, theirs: IntArray) -> tuple[Side, Side]:
        """Columns of some trades, each side in the order of its content."""
        parts = [(self.internal, ours), (self.external, theirs)]
        orders = [trades.fills.order_id.take(pa.array(trades.row[rows])) for trades, rows in parts]
        ids = [trades.fills.fill_id.take(pa.array(trades.row[rows])) for trades, rows in parts]
        open_symbols = self.without_accounts()
        order = np.split(ranks(pa.concat_arrays(orders)), [len(ours)])
        name = np.split(ranks(pa.concat_arrays(ids)), [len(ours)])
        made = []
        for (trades, rows), each_order, each_name in zip(parts, order, name, strict=True):
            columns = [
                getattr(trades, c)[rows] for c in ("symbol", "account", "side", "qty", "price", "fee", "ts")
            ]
            symbol, account, side, qty, price, fee, ts = columns
            common = np.where(open_symbols[symbol], -1, account)
            late = [trades.since[rows], trades.corrected[rows]]
            sort = np.lexsort([*late, fee, each_order, each_name, price, qty, ts, side, account, symbol])
            made.append(Side(rows, symbol, common, account, side, each_order, qty, price, fee, ts).take(sort))
        return made[0], made[1]

    def without_accounts(self) -> BoolArray:
        """Symbols of which a side states no account at all: there accounts tell nothing."""
        n = len(self.internal.fills.symbols)
        named = np.array([bool(name) for name in self.internal.fills.accounts])
        stated = np.zeros((2, n), dtype=np.bool_)
        for at, trades in enumerate((self.internal, self.external)):
            stated[at, trades.symbol[named[trades.account]]] = True
        found: BoolArray = np.logical_not(stated[0] & stated[1])
        return found

    def rest(self, ours: Side, theirs: Side) -> tuple[Side, Side]:
        return (
            ours.take(np.flatnonzero(self.of_internal[ours.trade] < 0)),
            theirs.take(np.flatnonzero(self.of_external[theirs.trade] < 0)),
        )

    def by_order(self, ours: Side, theirs: Side, ticks: IntArray) -> tuple[Side, Side]:
        """Orders whose trades come to the same quantity on both sides, at prices that agree on average."""
        columns = [np.stack([s.symbol, s.account, s.side, s.order]) for s in (ours, theirs)]
        keep = [np.flatnonzero(s.order >= 0) for s in (ours, theirs)]
        if not (len(keep[0]) and len(keep[1])):
            return ours, theirs
        both = np.concatenate([c[:, k] for c, k in zip(columns, keep, strict=True)], axis=1)
        _, group = np.unique(both, axis=1, return_inverse=True)
        group_of = np.split(group.astype(np.int64).ravel(), [len(keep[0])])
        n = int(group.max()) + 1
        qty = [sums(g, s.qty[k], n) for g, s, k in zip(group_of, (ours, theirs), keep, strict=True)]
        money = [
            sums(g, s.qty[k].astype(object) * s.price[k], n)
            for g, s, k in zip(group_of, (ours, theirs), keep, strict=True)
        ]
        limit = np.zeros(n, dtype=object)
        limit[group_of[0]] = ticks[ours.symbol[keep[0]]].astype(object)
        owners = [
            _one_owner(g, s.owner[k], n) for g, s, k in zip(group_of, (ours, theirs), keep, strict=True)
        ]
        agree = (qty[0] > 0) & (qty[0] == qty[1]) & (np.abs(money[0] - money[1]) <= limit * qty[0])
        fits: BoolArray = agree.astype(np.bool_) & owners[0] & owners[1]
        number = np.cumsum(fits) - 1 + self.n
        for g, k, side, of in (
            (group_of[0], keep[0], ours, self.of_internal),
            (group_of[1], keep[1], theirs, self.of_external),
        ):
            chosen = fits[g]
            of[side.trade[k[chosen]]] = number[g[chosen]]
        self.stages.append(np.full(int(fits.sum()), Stage.ORDER, dtype=np.int64))
        self.n += int(fits.sum())
        return self.rest(ours, theirs)

    def by_terms(
        self, ours: Side, theirs: Side, tolerance: Tolerance, ticks: IntArray, stage: Stage
    ) -> tuple[Side, Side]:
        """Pairs within tolerance, the nearest first."""
        pairs = near_pairs(ours, theirs, tolerance, ticks)
        chosen_ours, chosen_theirs = greedy(*pairs, len(ours), len(theirs))
        self.add(ours.trade[chosen_ours], theirs.trade[chosen_theirs], stage)
        return self.rest(ours, theirs)

    def in_pieces(self, ours: Side, theirs: Side, tolerance: Tolerance) -> tuple[Side, Side]:
        """One trade of a side that is several of the other's, at one price."""
        found = sorted(
            [(*each, False) for each in runs(ours, theirs, tolerance)]
            + [(*each, True) for each in runs(theirs, ours, tolerance)]
        )
        used = (np.zeros(len(ours), dtype=np.bool_), np.zeros(len(theirs), dtype=np.bool_))
        stages = 0
        for *_, whole, pieces, swapped in found:
            of_whole, of_pieces = (used[1], used[0]) if swapped else used
            rows = np.array(pieces, dtype=np.int64)
            if of_whole[whole] or of_pieces[rows].any():
                continue
            of_whole[whole] = of_pieces[rows] = True
            one, many = (theirs, ours) if swapped else (ours, theirs)
            numbers = (
                (self.of_external, self.of_internal) if swapped else (self.of_internal, self.of_external)
            )
            numbers[0][one.trade[whole]] = self.n
            numbers[1][many.trade[rows]] = self.n
            self.n += 1
            stages += 1
        self.stages.append(np.full(stages, Stage.PIECES, dtype=np.int64))
        return self.rest(ours, theirs)

    def by_bust(self, exact: Tolerance, ticks: IntArray) -> None:
        """What is live here and was taken back there, without a common id."""
        for taken_back_here in (False, True):
            ours = self.free(0, busted=taken_back_here)
            theirs = self.free(1, busted=not taken_back_here)
            if len(ours) and len(theirs):
                self.by_terms(*self.content(ours, theirs), exact, ticks, Stage.BUSTED)


def _one_owner(group: IntArray, owner: IntArray, n: int) -> BoolArray:
    """Whether all of a group are of one account."""
    low, high = np.full(n, 2**62), np.full(n, -1)
    np.minimum.at(low, group, owner)
    np.maximum.at(high, group, owner)
    return np.asarray(low >= high, dtype=np.bool_)


def sums(group: IntArray, values: AnyArray, n: int) -> AnyArray:
    """Exact sums by group, as Python's integers."""
    found = np.zeros(n, dtype=object)
    np.add.at(found, group, values.astype(object))
    return found
