"""Events of a market as commands of `street`: what it takes to rebuild a captured market in a book of ours.

Adds become limit orders, executions IOC orders of the other side, and so on: docs/system.md, section 2.
A `Script` names orders by their number among the orders of `street`, because the ids that they get depend on
who else trades.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Self

import numpy as np

from omni_lab.data import EventFlag, EventKind, Events
from omni_lab.data.events import TradingState
from omni_lab.domain import CommandKind, Side, TimeInForce, TradingPhase
from omni_lab.errors import DataError
from omni_lab.typing import AnyArray, BoolArray, IntArray

PRINT_COLUMNS = ("ts", "instrument", "price", "qty", "side", "row")
_STATES = frozenset(int(state) for state in TradingState)


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """Commands of `street` in the order of the market.

    Attributes
    ----------
    ts : ndarray of int64, shape (n_commands,)
        Time in the market, nanoseconds.
    kind, instrument, side, time_in_force, phase : ndarray of int64, shape (n_commands,)
        Codes and numbers as commands have them.
    qty, price : ndarray of int64, shape (n_commands,)
        Lots and ticks.
    number : ndarray of int64, shape (n_commands,)
        Of a new order, which one of `street` it is, from 0; of a cancel or replace, which one it is about.
        -1 for neither.
    row : ndarray of int64, shape (n_commands,)
        The event that it comes from, counted over the whole market.
    prints : dict of str to ndarray
        Trades that are told and do not happen in the book: `PRINT_COLUMNS`; prices in units of the feed,
        which may lie between two ticks, ``side`` of who took.
    n_events : int
        Events of the market up to the end of this.
    """

    ts: IntArray
    kind: IntArray
    instrument: IntArray
    side: IntArray
    time_in_force: IntArray
    phase: IntArray
    qty: IntArray
    price: IntArray
    number: IntArray
    row: IntArray
    prints: dict[str, IntArray]
    n_events: int

    def __len__(self) -> int:
        return len(self.ts)

    @classmethod
    def concat(cls, parts: Sequence[Script]) -> Self:
        """Several scripts of one market, one after the other."""
        columns = [each.name for each in fields(cls) if each.name not in ("prints", "n_events")]
        return cls(
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in columns},
            prints={name: np.concatenate([part.prints[name] for part in parts]) for name in PRINT_COLUMNS},
            n_events=parts[-1].n_events,
        )


@dataclass(slots=True)
class _Waiting:
    """An order of the market that waits: its number, side, ticks, total and leaves in lots."""

    number: int
    side: int
    price: int
    total: int
    leaves: int


class Translator:
    """Turns batches of one market's events into scripts; orders that wait are carried over.

    Parameters
    ----------
    instruments : mapping of int to int
        Our number of each instrument of the feed; others are left out.
    units_per_tick : sequence of int
        Price units of the feed in a tick, by our number.

    Attributes
    ----------
    counts : Counter
        ``unknown``: events about orders that never came; ``out_of_turn``: executions of orders that were
        not first at their price.
    """

    def __init__(self, instruments: Mapping[int, int], units_per_tick: Sequence[int]) -> None:
        self._ours = np.full(1 << 16, -1, dtype=np.int64)
        for theirs, ours in instruments.items():
            self._ours[theirs] = ours
        self._units = np.array(units_per_tick, dtype=np.int64)
        self._waiting: dict[tuple[int, int], _Waiting] = {}
        self._phases = [int(TradingPhase.CONTINUOUS)] * len(units_per_tick)
        self._n_new = 0
        self._n_events = 0
        self.counts: Counter[str] = Counter()

    def translate(self, events: Events) -> Script:
        """Commands of a batch.

        Raises
        ------
        DataError
            If the feed tells levels and not orders.
        """
        if (events.kind == EventKind.LEVEL).any():
            raise DataError(
                "this capture tells levels, and a book of ours needs orders",
                found=events.source or "a feed of levels",
                expected="a feed of orders: ITCH, LOBSTER, Databento's mbo",
            )
        # A book that is cleared begins anew: orders of before are not those of after.
        cuts = np.flatnonzero((events.kind == EventKind.CLEAR) & (self._ours[events.instrument] >= 0))
        edges = [0, *(cut for row in cuts for cut in (int(row), int(row) + 1)), len(events)]
        parts = [self._part(events[first:last]) for first, last in pairwise(edges)]
        return Script.concat(parts)

    def standing(self, ts: int) -> Script:
        """What waits now, as new orders in the order in which they joined, all at one time."""
        listed = sorted(self._waiting.items(), key=lambda each: each[1].number)
        rows = [(key[0], order.side, order.leaves, order.price) for key, order in listed]
        for number, (_, order) in enumerate(listed, self._n_new):
            order.number, order.total = number, order.leaves
        columns = {
            name: np.array([row[place] for row in rows], dtype=np.int64)
            for place, name in enumerate(("instrument", "side", "qty", "price"))
        }
        n_rows = len(rows)
        facts = {
            "ts": np.full(n_rows, ts),
            "kind": np.full(n_rows, int(CommandKind.NEW)),
            "number": self._n_new + np.arange(n_rows),
            "row": np.full(n_rows, self._n_events),
        }
        self._n_new += n_rows
        return self._script(columns | facts, _no_prints())

    def _part(self, events: Events) -> Script:
        instrument = self._ours[events.instrument]
        kept = (instrument >= 0) & (events.kind != EventKind.SYSTEM)
        columns = {
            "row": self._n_events + np.arange(len(events), dtype=np.int64),
            "ts": np.asarray(events.ts, dtype=np.int64),
            "kind": events.kind.astype(np.int64),
            "side": events.side.astype(np.int64),
            "flags": events.flags.astype(np.int64),
            "order_id": events.order_id,
            "other_id": events.other_id,
            "qty": np.asarray(events.qty, dtype=np.int64),
            "price": np.asarray(events.price, dtype=np.int64),
        }
        self._n_events += len(events)
        rows = {name: column[kept] for name, column in columns.items()} | {"instrument": instrument[kept]}
        rows["units"] = rows["price"]
        rows["price"] = rows["price"] // self._units[rows["instrument"]]
        if len(rows["kind"]) == 1 and rows["kind"][0] == EventKind.CLEAR:
            return self._clear(rows)
        rows = self._without_modify(rows)
        return _Orders(self, rows).script()

    def _clear(self, rows: Mapping[str, AnyArray]) -> Script:
        instrument, side = int(rows["instrument"][0]), int(rows["side"][0])
        gone = [
            key for key, order in self._waiting.items() if key[0] == instrument and side in (0, order.side)
        ]
        for key in gone:
            del self._waiting[key]
        return self._script(
            {
                "ts": rows["ts"],
                "kind": np.array([CommandKind.MASS_CANCEL]),
                "instrument": rows["instrument"],
                "side": rows["side"],
                "row": rows["row"],
            },
            _no_prints(),
        )

    def _script(self, columns: Mapping[str, AnyArray], prints: dict[str, IntArray]) -> Script:
        n_rows = len(columns["ts"])
        rest = {"time_in_force": 0, "phase": int(TradingPhase.CONTINUOUS), "qty": 0, "price": 0, "number": -1}
        filled = {name: np.full(n_rows, value, dtype=np.int64) for name, value in rest.items()}
        whole = filled | {name: np.asarray(column, dtype=np.int64) for name, column in columns.items()}
        return Script(**whole, prints=prints, n_events=self._n_events)

    def _without_modify(self, rows: dict[str, AnyArray]) -> dict[str, AnyArray]:
        """Modifications as what they are: less of an order that keeps its place, or another one."""
        modified = np.flatnonzero(rows["kind"] == EventKind.MODIFY)
        if not len(modified):
            return rows
        rows = {name: column.copy() for name, column in rows.items()}
        named = np.unique(rows["order_id"][modified])
        replaces = rows["kind"] == EventKind.REPLACE
        touched = np.isin(rows["order_id"], named) | (replaces & np.isin(rows["other_id"], named))
        state: dict[tuple[int, int], list[int]] = {}
        for row in np.flatnonzero(touched).tolist():
            kind, qty, price = (int(rows[name][row]) for name in ("kind", "qty", "price"))
            key = int(rows["instrument"][row]), int(rows["order_id"][row])
            before = state.get(key)
            if before is None and key in self._waiting:
                known = self._waiting[key]
                before = state[key] = [known.price, known.leaves]
            if kind == EventKind.ADD:
                state[key] = [price, qty]
            elif kind == EventKind.REPLACE:
                state[key[0], int(rows["other_id"][row])] = [price, qty]
            elif before is None:
                continue
            elif kind in (EventKind.CANCEL, EventKind.EXECUTE):
                before[1] -= qty
            elif kind == EventKind.MODIFY:
                if price == before[0] and qty <= before[1]:
                    rows["kind"][row], rows["qty"][row] = EventKind.CANCEL, before[1] - qty
                else:
                    rows["kind"][row], rows["other_id"][row] = EventKind.REPLACE, rows["order_id"][row]
                state[key] = [price, qty]
        # What modifies an order that nobody knows is dropped where all such events are.
        rows["kind"][rows["kind"] == EventKind.MODIFY] = EventKind.CANCEL
        return rows


class _Orders:
    """One batch: which order each event is about, and what becomes of it."""

    def __init__(self, translator: Translator, rows: dict[str, AnyArray]) -> None:
        self.translator, self.rows = translator, rows
        kind = rows["kind"]
        self.is_add, self.is_replace = kind == EventKind.ADD, kind == EventKind.REPLACE
        self.is_about = np.isin(
            kind, (EventKind.CANCEL, EventKind.DELETE, EventKind.REPLACE, EventKind.EXECUTE)
        )

    def script(self) -> Script:
        self._match()
        self._count()
        return self._commands()

    def _match(self) -> None:
        """Births of orders, of before and of this batch, and of which of them each event speaks."""
        rows, waiting = self.rows, self.translator._waiting
        about = np.flatnonzero(self.is_about)
        n_rows = len(rows["kind"])
        named = zip(rows["instrument"][about].tolist(), rows["order_id"][about].tolist(), strict=True)
        # In a long batch all that waits is looked at, because it may be in front of others.
        old_keys = waiting.keys() if len(waiting) <= n_rows else {key for key in named if key in waiting}
        old = sorted(old_keys, key=lambda key: waiting[key].number)
        born = np.flatnonzero(self.is_add | self.is_replace)
        self.n_old, self.old = len(old), old
        ids = np.where(self.is_add[born], rows["order_id"][born], rows["other_id"][born])
        all_ids = np.concatenate(
            [np.array([key[1] for key in old], dtype=np.uint64), ids, rows["order_id"][about]]
        )
        all_instruments = np.concatenate(
            [
                np.array([key[0] for key in old], dtype=np.int64),
                rows["instrument"][born],
                rows["instrument"][about],
            ]
        )
        _, codes = np.unique(all_ids, return_inverse=True)
        _, codes = np.unique(codes.astype(np.int64) * (1 << 16) + all_instruments, return_inverse=True)
        n_births = self.n_old + len(born)
        self.birth_row = np.concatenate([np.full(self.n_old, -1, dtype=np.int64), born])
        span = n_rows + 2
        birth_keys = codes[:n_births] * span + self.birth_row + 1
        order = np.argsort(birth_keys, kind="stable")
        keys = codes[n_births:] * span + about + 1
        place = np.searchsorted(birth_keys[order], keys, side="left") - 1
        found = np.where(place >= 0, order[np.maximum(place, 0)], -1) if n_births else np.full(len(about), -1)
        same = (
            (found >= 0) & (codes[:n_births][np.maximum(found, 0)] == codes[n_births:])
            if n_births
            else found >= 0
        )
        self.birth_of = np.full(n_rows, -1, dtype=np.int64)
        self.birth_of[about] = np.where(same, found, -1)
        self._sides(born)

    def _sides(self, born: IntArray) -> None:
        """Side of each birth: a replacement has that of the order before it; one without any is none."""
        rows, n_births = self.rows, len(self.birth_row)
        old = [self.translator._waiting[key] for key in self.old]
        side = np.concatenate([np.array([each.side for each in old], dtype=np.int64), rows["side"][born]])
        ancestor = np.arange(n_births)
        replaced = self.n_old + np.flatnonzero(self.is_replace[born])
        parents = self.birth_of[self.birth_row[replaced]]
        ancestor[replaced] = np.where(parents >= 0, parents, replaced)
        while True:
            further = ancestor[ancestor]
            if np.array_equal(further, ancestor):
                break
            ancestor = further
        is_orphan = np.zeros(n_births, dtype=bool)
        is_orphan[replaced] = parents < 0
        self.is_known = ~is_orphan[ancestor]
        self.side = side[ancestor]
        lost = (
            (self.birth_of >= 0) & ~self.is_known[np.maximum(self.birth_of, 0)]
            if n_births
            else self.birth_of >= 0
        )
        self.birth_of[lost] = -1
        self.price = np.concatenate(
            [np.array([each.price for each in old], dtype=np.int64), rows["price"][born]]
        )
        self.first_qty = np.concatenate(
            [np.array([each.leaves for each in old], dtype=np.int64), rows["qty"][born]]
        )
        self.first_total = np.concatenate(
            [np.array([each.total for each in old], dtype=np.int64), rows["qty"][born]]
        )

    def _count(self) -> None:
        """Total and leaves of the order of each event, after it; which executions are trades of the book."""
        rows, kind = self.rows, self.rows["kind"]
        known = self.birth_of >= 0
        takes = known & np.isin(kind, (EventKind.CANCEL, EventKind.EXECUTE))
        at = np.flatnonzero(takes)
        at = at[np.argsort(self.birth_of[at], kind="stable")]
        births, qty = self.birth_of[at], rows["qty"][at]
        starts = np.flatnonzero(np.diff(births, prepend=-1))
        self.leaves = np.zeros(len(kind), dtype=np.int64)
        self.leaves[at] = self.first_qty[births] - _sums(qty, starts)
        self.gone = (known & ((kind == EventKind.DELETE) | self.is_replace)) | (takes & (self.leaves <= 0))
        executed = takes & (kind == EventKind.EXECUTE)
        printed = (rows["flags"] & EventFlag.PRINTABLE) != 0
        # What is not printed is part of a cross that was; out of turn, the book of ours would fill another.
        self.is_aside = executed & printed & ~self._is_first()
        self.is_trade = executed & printed & ~self.is_aside
        self.is_less = takes & ~self.is_trade
        self.total = np.zeros(len(kind), dtype=np.int64)
        self.total[at] = self.first_total[births] - _sums(np.where(self.is_less[at], qty, 0), starts)

    def _is_first(self) -> BoolArray:
        """Whether the order of an event is the first of those that wait at its price."""
        n_births, n_rows = len(self.birth_row), len(self.rows["kind"])
        if not n_births:
            return np.zeros(n_rows, dtype=bool)
        ends = np.full(n_births, n_rows, dtype=np.int64)
        gone = np.flatnonzero(self.gone)[::-1]
        ends[self.birth_of[gone]] = gone
        ends[~self.is_known] = -1
        instrument = np.concatenate(
            [
                np.array([key[0] for key in self.old], dtype=np.int64),
                self.rows["instrument"][self.birth_row[self.n_old :]],
            ]
        )
        # Births are in the order in which they joined; those of before by their numbers.
        turn = np.lexsort((np.arange(n_births), self.side, self.price, instrument))
        level = np.stack([instrument, self.price, self.side])[:, turn]
        begins = np.flatnonzero(np.concatenate([[True], (np.diff(level, axis=1) != 0).any(axis=0)]))
        # The latest end of all that joined before, level by level.
        lift = np.repeat(np.arange(len(begins)), np.diff(begins, append=n_births)) * (n_rows + 2)
        latest = np.maximum.accumulate(ends[turn] + lift) - lift
        before = np.concatenate([[-1], latest[:-1]])
        before[begins] = -1
        blocked_until = np.empty(n_births, dtype=np.int64)
        blocked_until[turn] = before
        return np.asarray(blocked_until[np.maximum(self.birth_of, 0)] < np.arange(n_rows))

    def _commands(self) -> Script:
        rows, kind, translator = self.rows, self.rows["kind"], self.translator
        known = self.birth_of >= 0
        replaced = self.is_replace & known
        ends = self.gone & ~self.is_trade
        reduced = self.is_less & (self.leaves > 0)
        status = np.flatnonzero(kind == EventKind.STATUS)
        phases = self._phases(status)
        about = np.maximum(self.birth_of, 0)
        price = self.price[about] if len(self.price) else np.zeros(len(kind), dtype=np.int64)
        side = self.side[about] if len(self.side) else np.zeros(len(kind), dtype=np.int64)
        new_side = np.where(self.is_add, rows["side"], side)
        blocks: list[tuple[IntArray, dict[str, AnyArray | int]]] = [
            (np.flatnonzero(ends), {"kind": CommandKind.CANCEL}),
            (np.flatnonzero(reduced), {"kind": CommandKind.REPLACE, "qty": self.total}),
            (
                np.flatnonzero(self.is_add | replaced),
                {"kind": CommandKind.NEW, "qty": rows["qty"], "price": rows["price"], "side": new_side},
            ),
            (
                np.flatnonzero(self.is_trade),
                {
                    "kind": CommandKind.NEW,
                    "qty": rows["qty"],
                    "price": price,
                    "side": 3 - side,
                    "time_in_force": TimeInForce.IOC,
                },
            ),
            (
                status[phases >= 0],
                {"kind": CommandKind.SET_PHASE, "phase": _spread(status, phases, len(kind))},
            ),
        ]
        at = np.concatenate([block[0] for block in blocks])
        # Of one event, the cancel stands before the new order, as the blocks do.
        order = np.argsort(at, kind="stable")
        columns: dict[str, AnyArray] = {}
        for name in ("kind", "qty", "price", "side", "time_in_force", "phase"):
            default = (
                int(TradingPhase.CONTINUOUS) if name == "phase" else int(Side.BUY) if name == "side" else 0
            )
            parts = [_part(said.get(name, default), where) for where, said in blocks]
            columns[name] = np.concatenate(parts)[order]
        at = at[order]
        columns |= {name: rows[name][at] for name in ("ts", "row", "instrument")}
        columns["number"] = self._numbers(at, columns["kind"], columns["time_in_force"])
        translator.counts["unknown"] += int((self.is_about & ~known).sum())
        translator.counts["out_of_turn"] += int(self.is_aside.sum())
        self._carry()
        return translator._script(columns, self._prints(known))

    def _numbers(self, at: IntArray, kind: IntArray, time_in_force: IntArray) -> IntArray:
        """Numbers of orders: counted up for new ones, looked up for others."""
        is_new = kind == CommandKind.NEW
        number = np.full(len(at), -1, dtype=np.int64)
        number[is_new] = self.translator._n_new + np.arange(int(is_new.sum()))
        self.translator._n_new += int(is_new.sum())
        old = [self.translator._waiting[key].number for key in self.old]
        self.number = np.full(len(self.birth_row), -1, dtype=np.int64)
        self.number[: self.n_old] = old
        stands = is_new & (time_in_force != TimeInForce.IOC)
        birth_at = np.full(len(self.rows["kind"]) + 1, -1, dtype=np.int64)
        birth_at[self.birth_row[self.n_old :]] = np.arange(self.n_old, len(self.birth_row))
        self.number[birth_at[at[stands]]] = number[stands]
        about = (kind == CommandKind.CANCEL) | (kind == CommandKind.REPLACE)
        number[about] = self.number[self.birth_of[at[about]]]
        return number

    def _carry(self) -> None:
        """Remember what waits after this batch, and forget what ended."""
        waiting, rows = self.translator._waiting, self.rows
        leaves, total = self.first_qty.copy(), self.first_total.copy()
        at = np.flatnonzero(self.is_trade | self.is_less)
        # Later events of an order overwrite earlier ones.
        leaves[self.birth_of[at]], total[self.birth_of[at]] = self.leaves[at], self.total[at]
        leaves[self.birth_of[self.gone]] = 0
        keep = (leaves > 0) & self.is_known
        for birth, key in enumerate(self.old):
            if keep[birth]:
                waiting[key].leaves, waiting[key].total = int(leaves[birth]), int(total[birth])
            else:
                del waiting[key]
        born = self.n_old + np.flatnonzero(keep[self.n_old :])
        at = self.birth_row[born]
        ids = np.where(self.is_add[at], rows["order_id"][at], rows["other_id"][at])
        facts = (self.number[born], self.side[born], self.price[born], total[born], leaves[born])
        listed = zip(*(column.tolist() for column in facts), strict=True)
        for instrument, order_id, order in zip(
            rows["instrument"][at].tolist(), ids.tolist(), listed, strict=True
        ):
            waiting[instrument, order_id] = _Waiting(*order)

    def _phases(self, status: IntArray) -> IntArray:
        """The phase that each status brings; -1 where it brings none."""
        brought = []
        for row in status.tolist():
            instrument, state = int(self.rows["instrument"][row]), int(self.rows["qty"][row])
            # While a market is halted its book may be crossed, and orders still come.
            phase = TradingPhase.CONTINUOUS if state == TradingState.TRADING else TradingPhase.PRE_OPEN
            changes = state in _STATES and self.translator._phases[instrument] != phase
            if changes:
                self.translator._phases[instrument] = int(phase)
            brought.append(int(phase) if changes else -1)
        return np.array(brought, dtype=np.int64)

    def _prints(self, known: BoolArray) -> dict[str, IntArray]:
        rows, kind = self.rows, self.rows["kind"]
        lost = (kind == EventKind.EXECUTE) & ~known & (rows["price"] > 0)
        told = lost | self.is_aside | np.isin(kind, (EventKind.TRADE, EventKind.CROSS))
        at = np.flatnonzero(told & (rows["qty"] > 0))
        found = {name: rows[name][at] for name in ("ts", "instrument", "qty", "row")}
        about = np.maximum(self.birth_of[at], 0)
        aside, units = self.is_aside[at], self.translator._units[rows["instrument"][at]]
        of_order = self.price[about] * units if len(self.price) else rows["units"][at]
        found["price"] = np.where(aside & (rows["units"][at] == 0), of_order, rows["units"][at])
        side = np.where(
            aside & (len(self.side) > 0), self.side[about] if len(self.side) else 0, rows["side"][at]
        )
        return found | {"side": np.where(side > 0, 3 - side, 0)}


def _sums(values: IntArray, starts: IntArray) -> IntArray:
    """Running sums that begin anew at these places."""
    if not len(values):
        return values
    sums = np.cumsum(values)
    before = np.concatenate([[0], sums[starts[1:] - 1]])
    return np.asarray(sums - np.repeat(before, np.diff(starts, append=len(values))))


def _spread(at: IntArray, values: IntArray, n_rows: int) -> IntArray:
    found = np.zeros(n_rows, dtype=np.int64)
    found[at] = values
    return found


def _part(said: AnyArray | int, where: IntArray) -> IntArray:
    if isinstance(said, np.ndarray):
        return np.asarray(said[where], dtype=np.int64)
    return np.full(len(where), int(said), dtype=np.int64)


def _no_prints() -> dict[str, IntArray]:
    return {name: np.zeros(0, dtype=np.int64) for name in PRINT_COLUMNS}
