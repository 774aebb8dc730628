"""What becomes of a break: decided by the first rule that fits, by a person, or by nobody yet.

A verdict is a function of the break, the rules, the clock and what people said. `changes` compares two sets
of verdicts and says what has to be written into the audit trail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import NamedTuple

from omni_lab.execution.drop_copy.breaks import Break
from omni_lab.execution.drop_copy.rules import Rule, Rules, limit_nanos

OPEN, WAITING, RESOLVED = "open", "waiting", "resolved"
STATUSES = (OPEN, WAITING, RESOLVED)


class Verdict(NamedTuple):
    """Where a break stands.

    Attributes
    ----------
    status : str
        ``open``: somebody has to look; ``waiting``: a rule keeps it open; ``resolved``.
    action : str
        What is done about it: one of `ACTIONS`, empty for nothing yet.
    who : str
        A person; empty where a rule decided or nobody has.
    rule : str
        Name of the rule that decided; empty where a person did or nobody has.
    reason : str
        Why, in the words of the person.
    """

    status: str = OPEN
    action: str = ""
    who: str = ""
    rule: str = ""
    reason: str = ""

    @property
    def waits_by_rule(self) -> bool:
        """Whether a rule keeps it open: most such never become a break that anybody sees."""
        return self.status == WAITING and not self.who


NOTHING = Verdict()
_EVENTS = {OPEN: "reopened", WAITING: "kept open", RESOLVED: "resolved"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line of the audit trail; lines are only ever added.

    Attributes
    ----------
    n : int
        Number of the line, from 1.
    ts : int
        Clock of the reconciliation, nanoseconds UTC.
    break_id, what : str
        The break, and what it says.
    event : str
        ``opened``, ``resolved``, ``kept open``, ``reopened``, or ``withdrawn`` where reports that came later
        leave no break.
    before, after : str
        Status and action; empty where there is no break.
    who, rule, reason : str
        As in `Verdict`.
    """

    n: int
    ts: int
    break_id: str
    what: str
    event: str
    before: str
    after: str
    who: str
    rule: str
    reason: str

    def to_mapping(self) -> dict[str, str | int]:
        """Its fields by name."""
        return asdict(self)


class Judge:
    """Decides breaks by rules.

    Parameters
    ----------
    rules : Rules
        The first that fits decides.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._of_kind: dict[str, list[Rule]] = {}
        for rule in rules.rules:
            for kind in rule.breaks:
                self._of_kind.setdefault(kind, []).append(rule)
        self._limit = lru_cache(maxsize=None)(self._limit_of)
        self.depends_on_age = any(
            rule.younger_than_ns is not None or rule.older_than_ns is not None for rule in rules.rules
        )

    def verdict(self, found: Break, clock: int) -> Verdict:
        """What the rules say about a break at a time, nanoseconds UTC."""
        for rule in self._of_kind.get(found.kind, ()):
            if self._fits(rule, found, clock - found.since):
                status = WAITING if rule.action == "keep_open" else RESOLVED
                return Verdict(status, rule.action, rule=rule.name)
        return NOTHING

    def _fits(self, rule: Rule, found: Break, age: int) -> bool:
        if rule.younger_than_ns is not None and age >= rule.younger_than_ns:
            return False
        if rule.older_than_ns is not None and age < rule.older_than_ns:
            return False
        if rule.symbols is not None and found.symbol not in rule.symbols:
            return False
        if rule.accounts is not None and found.account not in rule.accounts:
            return False
        _, lots, cash, fee = found.legs[0]
        if rule.within_lots is not None and abs(lots) > rule.within_lots:
            return False
        ticks, money, fees = self._limit(rule, found.symbol)
        if ticks is not None and abs(cash) > ticks * found.qty:
            return False
        if found.kind == "fee":
            return fees is None or abs(fee) <= fees
        return money is None or abs(cash) <= money

    def _limit_of(self, rule: Rule, symbol: str) -> tuple[int | None, int | None, int | None]:
        """Limits of price in billionths, of cash in billionths times lots, of fees in billionths."""
        ticks = amount = fee = None
        if rule.within_ticks is not None:
            ticks = limit_nanos(rule.within_ticks, self._rules.grid.tick(symbol))
        if rule.within_amount is not None:
            fee = limit_nanos(rule.within_amount)
            amount = limit_nanos(rule.within_amount / self._rules.grid.lot(symbol))
        return ticks, amount, fee


class Line(NamedTuple):
    """A change of a verdict, before it is written as an `AuditEntry`."""

    ts: int
    found: Break
    event: str
    before: str
    after: str
    verdict: Verdict

    def entry(self, n: int) -> AuditEntry:
        """The line of that number."""
        who, rule, reason = self.verdict[2:]
        said = {"event": self.event, "before": self.before, "after": self.after}
        about = {"break_id": self.found.id, "what": describe(self.found)}
        return AuditEntry(n=n, ts=self.ts, **about, **said, who=who, rule=rule, reason=reason)


def changes(
    before: Mapping[str, tuple[Break, Verdict]], after: Mapping[str, tuple[Break, Verdict]], ts: int
) -> list[Line]:
    """What to write into the audit trail when one set of verdicts follows another.

    A break that a rule keeps waiting from the beginning is not written down before the wait is over: a fill
    whose other side comes a second later leaves no trace.

    Parameters
    ----------
    before, after : mapping of str to (Break, Verdict)
        By id of the break.
    ts : int
        Time of the lines.
    """
    lines: list[Line] = []
    for found in _sorted(before[each][0] for each in before.keys() - after.keys()):
        last = before[found.id][1]
        if not last.waits_by_rule:
            lines.append(Line(ts, found, "withdrawn", _state(last), "", NOTHING))
    for found in _sorted(
        pair[0] for each, pair in after.items() if each not in before or before[each][1] != pair[1]
    ):
        verdict = after[found.id][1]
        then = before[found.id][1] if found.id in before else None
        known = then is not None and not then.waits_by_rule
        if not known and verdict.waits_by_rule:
            continue
        state = _state(then) if then is not None else ""
        if not known:
            lines.append(Line(ts, found, "opened", state, OPEN, NOTHING))
            state = OPEN
        if known or verdict != NOTHING:
            lines.append(Line(ts, found, _EVENTS[verdict.status], state, _state(verdict), verdict))
    return lines


def describe(found: Break) -> str:
    """A break in a sentence without a full stop."""
    place = f"{found.symbol}, {found.account}" if found.account else found.symbol
    ids = " + ".join(found.internal or ("nothing",)), " + ".join(found.external or ("nothing",))
    said = f": {found.ours or 'nothing'} against {found.theirs or 'nothing'}"
    return f"{found.kind} ({place}) internal {ids[0]}, external {ids[1]}{said}"


def _state(verdict: Verdict) -> str:
    return f"{verdict.status}: {verdict.action}" if verdict.action else verdict.status


def _sorted(found: Iterable[Break]) -> list[Break]:
    return sorted(found, key=lambda each: (each.symbol, each.since, each.id))
