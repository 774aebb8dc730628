"""`Reconciler`: two streams of fills in, breaks and what became of them out; `reconcile` is the same at once.

The answer is a function of the set of fills, the clock, the rules and what people decided, never of the order
in which fills arrived. Only the symbols that new fills are of are matched again.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from omni_lab.errors import DataError
from omni_lab.execution.drop_copy.breaks import Break, find_breaks
from omni_lab.execution.drop_copy.fills import LARGEST, Fills, concat
from omni_lab.execution.drop_copy.matching import Matching, match
from omni_lab.execution.drop_copy.result import Result
from omni_lab.execution.drop_copy.rules import ACTIONS, Rules
from omni_lab.execution.drop_copy.trades import Trades, common_keys, trades_of
from omni_lab.execution.drop_copy.verdicts import RESOLVED, AuditEntry, Judge, Line, Verdict, changes
from omni_lab.progress import Progress
from omni_lab.typing import BoolArray

if TYPE_CHECKING:
    import pandas as pd

REOPEN = "reopen"
"""What a person may do beside the actions of rules: say that a break is open after all."""

AnyFills: TypeAlias = "Fills | Mapping[str, Any] | pd.DataFrame"


@dataclass(slots=True, eq=False)
class Part:
    """Symbols that were matched together.

    Attributes
    ----------
    internal, external : Trades
        Of either side.
    matching : Matching
        Which are one.
    live : ndarray of bool, shape (n_symbols,)
        Symbols that no later part holds.
    """

    internal: Trades
    external: Trades
    matching: Matching
    live: BoolArray = field(init=False)

    def __post_init__(self) -> None:
        self.live = np.ones(len(self.internal.fills.symbols), dtype=np.bool_)

    def give_up(self, symbols: set[str]) -> tuple[Fills, Fills]:
        """The fills of some symbols, which are this part's no longer."""
        chosen = self.live & np.array([symbol in symbols for symbol in self.internal.fills.symbols])
        self.live &= ~chosen
        ours, theirs = self.internal.fills, self.external.fills
        return ours.take(chosen[ours.symbol]), theirs.take(chosen[theirs.symbol])


class Reconciler:
    """Matches fills of two sides as they arrive, in any order.

    Parameters
    ----------
    rules : Rules, optional
        Grids, tolerances, ages and rules; `Rules.default` by default.

    Attributes
    ----------
    touched : set of str
        Ids of breaks that came, went or were decided since `forget_changes`.
    """

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = Rules.default() if rules is None else rules
        self._lines: list[Line] = []
        self._first_line = 1
        self.touched: set[str] = set()
        self._judge = Judge(self.rules)
        self._pending: tuple[list[Fills], list[Fills]] = ([], [])
        self._parts: list[Part] = []
        self._home: dict[str, Part] = {}
        self._breaks: dict[str, list[Break]] = {}
        self._state: dict[str, tuple[Break, Verdict]] = {}
        self._said: dict[str, Verdict] = {}
        self._clock = -LARGEST
        self._judged_at = -LARGEST

    @property
    def clock(self) -> int:
        """The later of the time of the last fill and that of the last `advance`, nanoseconds UTC."""
        return self._clock

    @property
    def audit(self) -> list[AuditEntry]:
        """What happened to breaks, in order; lines are only ever added."""
        return [line.entry(self._first_line + at) for at, line in enumerate(self._lines)]

    def forget_changes(self) -> None:
        """Let go of the lines so far, which are written somewhere else, and of what was touched."""
        self._first_line += len(self._lines)
        self._lines.clear()
        self.touched.clear()

    def on_internal(self, fills: AnyFills) -> None:
        """Take fills that we booked; what `Fills.of` takes will do.

        Raises
        ------
        DataError
            If they cannot be used; nothing of them is kept then.
        """
        self._take(fills, 0)

    def on_external(self, fills: AnyFills) -> None:
        """Take fills that the venue reports; as `on_internal`."""
        self._take(fills, 1)

    def advance(self, ts: int) -> None:
        """Let time pass, match what is new, apply the rules.

        Parameters
        ----------
        ts : int
            Nanoseconds UTC.

        Raises
        ------
        DataError
            If it is earlier than the last one said, or out of range.
        """
        if abs(ts) > LARGEST:
            raise DataError("a time is within 2^62 nanoseconds of 1970", found=ts)
        self._clock = max(self._clock, int(ts))
        self._settle()

    def resolve(self, break_id: str, action: str, *, who: str, reason: str) -> Verdict:
        """Decide a break by hand; it stays decided as long as the break says the same.

        Parameters
        ----------
        break_id : str
            Of a break that there is.
        action : str
            One of `ACTIONS`, or ``reopen``.
        who, reason : str
            Name and reason, for the audit trail.

        Returns
        -------
        Verdict
            What stands now.

        Raises
        ------
        DataError
            If there is no such break, it was decided so already, or a name or reason is missing.
        """
        verdict = self.check_resolution(break_id, action, who=who, reason=reason)
        self._said[break_id] = verdict
        self._judge_all(everything=True)
        return verdict

    def check_resolution(self, break_id: str, action: str, *, who: str, reason: str) -> Verdict:
        """The verdict that `resolve` would make; nothing is changed but that new fills are matched."""
        self._settle()
        if action not in (*ACTIONS, REOPEN):
            raise DataError("unknown action", found=action, expected=(*ACTIONS, REOPEN))
        for name, text in (("who", who), ("reason", reason)):
            if not text.strip():
                raise DataError(f"a resolution by hand states {name}", found=text)
        if break_id not in self._state:
            raise DataError("there is no such break now", found=break_id, expected=list(self._state))
        found, now = self._state[break_id]
        if (action == "drop") != (found.kind == "duplicate") and action.startswith(("drop", "accept")):
            raise DataError("a duplicate is dropped, and only a duplicate is", found=action, where=found.kind)
        status = {REOPEN: "open", "keep_open": "waiting"}.get(action, RESOLVED)
        verdict = Verdict(status, "" if action == REOPEN else action, who=who.strip(), reason=reason.strip())
        if now.who and (now.status, now.action) == (verdict.status, verdict.action):
            raise DataError(f"{now.who} has decided so already", found=action, where=f"break {break_id}")
        return verdict

    def result(self) -> Result:
        """What has come of everything so far; matches what is new first."""
        self._settle()
        pairs = [self._state[found.id] for symbol in sorted(self._breaks) for found in self._breaks[symbol]]
        return Result(
            parts=tuple(
                (part.internal, part.external, part.matching, part.live.copy()) for part in self._parts
            ),
            breaks=tuple(pair[0] for pair in pairs),
            verdicts=tuple(pair[1] for pair in pairs),
            clock=self._clock,
            rules=self.rules,
            lines=tuple(self._lines),
            first_line=self._first_line,
        )

    def restore(self, said: Mapping[str, Verdict], clock: int, first_line: int) -> None:
        """Take over what others did to the same fills: decisions, clock, and the number of the next line.

        Their lines are theirs: what follows from the fills taken so far is not written again.
        """
        self._said.update(said)
        self._clock = max(self._clock, clock)
        self._settle()
        self.forget_changes()
        self._first_line = first_line

    def _take(self, fills: AnyFills, side: int) -> None:
        made = fills if isinstance(fills, Fills) else Fills.of(fills)
        if len(made):
            self._pending[side].append(made)
            self._clock = max(self._clock, int(made.ts.max()))

    def _settle(self) -> None:
        with _without_collection():
            symbols = self._match_what_is_new()
            if symbols or self._clock != self._judged_at:
                self._judge_all(everything=bool(symbols) or self._judge.depends_on_age)
        self._judged_at = self._clock

    def _match_what_is_new(self) -> set[str]:
        fresh = [*self._pending[0], *self._pending[1]]
        symbols = {fills.symbols[code] for fills in fresh for code in np.unique(fills.symbol).tolist()}
        if not symbols:
            return symbols
        homes = {id(self._home[s]): self._home[s] for s in sorted(symbols & self._home.keys())}
        before = [part.give_up(symbols) for part in homes.values()]
        together = [concat([*(each[at] for each in before), *self._pending[at]]) for at in range(2)]
        part = match_fills(together[0], together[1], self.rules)
        self._pending = ([], [])
        self._parts = [each for each in self._parts if each.live.any()] + [part]
        found: dict[str, list[Break]] = {symbol: [] for symbol in symbols}
        for each in find_breaks(part.internal, part.external, part.matching):
            found[each.symbol].append(each)
        self._breaks.update(found)
        self._home.update(dict.fromkeys(symbols, part))
        return symbols

    def _judge_all(self, *, everything: bool) -> None:
        if not everything:
            return
        after: dict[str, tuple[Break, Verdict]] = {}
        for breaks in self._breaks.values():
            for each in breaks:
                after[each.id] = (each, self._said.get(each.id) or self._judge.verdict(each, self._clock))
        self._lines += changes(self._state, after, self._clock)
        before, self._state = self._state, after
        self.touched |= {each for each in before.keys() | after.keys() if before.get(each) != after.get(each)}


@contextmanager
def _without_collection() -> Iterator[None]:
    """Breaks are many and none becomes garbage: to look for it would take a quarter of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def match_fills(internal: Fills, external: Fills, rules: Rules) -> Part:
    """Trades of two sides and which of them are one."""
    symbols = tuple(sorted({*internal.symbols, *external.symbols}))
    accounts = tuple(sorted({*internal.accounts, *external.accounts, ""}))
    internal, external = (_renamed(each, symbols, accounts) for each in (internal, external))
    key_ours, key_theirs, ref_ours, ref_theirs, n_keys = common_keys(internal, external)
    ours = trades_of(internal, key_ours, ref_ours, n_keys)
    theirs = trades_of(external, key_theirs, ref_theirs, n_keys)
    return Part(ours, theirs, match(ours, theirs, rules.tolerance, rules.grid))


def _renamed(fills: Fills, symbols: tuple[str, ...], accounts: tuple[str, ...]) -> Fills:
    """The same fills, with their names out of longer lists."""
    place = {name: at for at, name in enumerate(symbols)}, {name: at for at, name in enumerate(accounts)}
    symbol = np.array([place[0][name] for name in fills.symbols], dtype=np.int64)
    account = np.array([place[1][name] for name in fills.accounts], dtype=np.int64)
    return replace(
        fills,
        symbol=symbol[fills.symbol],
        account=account[fills.account],
        symbols=symbols,
        accounts=accounts,
    )


def reconcile(
    internal: AnyFills,
    external: AnyFills,
    rules: Rules | None = None,
    *,
    now: int | None = None,
    progress: bool = False,
) -> Result:
    """Match the fills of two sides and apply the rules to where they disagree.

    Parameters
    ----------
    internal, external : Fills, mapping or frame
        What we booked, and what the venue reports; see `Fills.of`.
    rules : Rules, optional
        Grids, tolerances, ages and rules; `Rules.default` by default.
    now : int, optional
        Time that ages are counted to, nanoseconds UTC; that of the last fill by default, and never earlier.
    progress : bool
        Whether to show a bar if it takes longer than two seconds.

    Returns
    -------
    Result
        Matches, breaks, verdicts, positions.

    Raises
    ------
    DataError
        If fills cannot be used; the first such row is named.

    Notes
    -----
    ``docs/reconciliation.md`` states the order of matching and what is guaranteed.
    """
    reconciler = Reconciler(rules)
    with Progress(3, "reconcile", progress) as report:
        reconciler.on_internal(internal)
        report(1)
        reconciler.on_external(external)
        report(2)
        if now is not None:
            reconciler.advance(now)
        result = reconciler.result()
        report(3)
    return result


__all__ = ["Part", "Reconciler", "match_fills", "reconcile"]
