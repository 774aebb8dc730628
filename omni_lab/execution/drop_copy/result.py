"""`Result`: what came of a reconciliation, as frames, sums and text."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from omni_lab.execution.drop_copy.breaks import Break
from omni_lab.execution.drop_copy.fills import NANOS
from omni_lab.execution.drop_copy.matching import Matching, Stage
from omni_lab.execution.drop_copy.positions import Gap, Holding, gap_frame, gaps_of, holdings
from omni_lab.execution.drop_copy.rules import BREAKS, Rules
from omni_lab.execution.drop_copy.trades import Trades
from omni_lab.execution.drop_copy.verdicts import OPEN, RESOLVED, STATUSES, AuditEntry, Line, Verdict
from omni_lab.typing import BoolArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

_UNITS = (
    ("d", 86_400 * NANOS),
    ("h", 3_600 * NANOS),
    ("min", 60 * NANOS),
    ("s", NANOS),
    ("ms", 10**6),
    ("ns", 1),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Result:
    """What came of a reconciliation.

    Attributes
    ----------
    parts : tuple of (Trades, Trades, Matching, ndarray)
        Trades of both sides, which are one, and the symbols for which this part stands.
    breaks : tuple of Break
        Sorted by symbol, time and id.
    verdicts : tuple of Verdict
        Where each of them stands.
    clock : int
        Time that ages are counted to, nanoseconds UTC.
    rules : Rules
        What was applied.
    lines : tuple of Line
        What happened to breaks, in order; `audit` is the same as people read it.
    first_line : int
        Number of the first of them.
    """

    parts: tuple[tuple[Trades, Trades, Matching, BoolArray], ...]
    breaks: tuple[Break, ...]
    verdicts: tuple[Verdict, ...]
    clock: int
    rules: Rules
    lines: tuple[Line, ...] = ()
    first_line: int = 1

    @property
    def audit(self) -> list[AuditEntry]:
        """The audit trail, in order."""
        return [line.entry(self.first_line + at) for at, line in enumerate(self.lines)]

    @property
    def n_fills(self) -> tuple[int, int]:
        """Reports of the internal and of the external side."""
        counts = [
            (int(live[a.fills.symbol].sum()), int(live[b.fills.symbol].sum())) for a, b, _, live in self.parts
        ]
        return sum(each[0] for each in counts), sum(each[1] for each in counts)

    @property
    def n_matches(self) -> dict[str, int]:
        """How many matches each stage made, by its name in small letters."""
        found: Counter[int] = Counter()
        for numbers, _, matching, live in self._live():
            del live
            found.update(matching.stage[numbers].tolist())
        return {stage.name.lower(): found[stage] for stage in Stage}

    def matches(self) -> pd.DataFrame:
        """A pandas frame of trades that are one, a row for each trade of either side.

        Columns ``match`` (from 0, in order of symbol, time and content), ``stage``, ``source``, ``symbol``,
        ``fill_id``, ``ts``, ``qty``, ``price``.
        """
        import pandas as pd

        frames = [self._match_rows(part) for part in self._live()]
        frame = pd.concat(frames) if frames else pd.DataFrame(columns=["part", "match"])
        if not len(frame):
            return frame
        columns = ["symbol", "ts", "source", "fill_id", "qty", "price"]
        frame = frame.sort_values(columns, kind="stable")
        # Both orders go by content: first the trades of a match, then matches by their first trade.
        key = frame.groupby(["part", "match"], sort=False).ngroup()
        frame = frame.assign(match=key).sort_values("match", kind="stable").drop(columns="part")
        return frame.reset_index(drop=True)

    def break_frame(self) -> pd.DataFrame:
        """A pandas frame of breaks, one row each, with age, class of age, status and what decided it.

        ``qty``, ``cash`` and ``fee`` are the effect: what internal has more because of it, in units of the
        instrument and of its currency.
        """
        import pandas as pd

        rows = []
        ages = self.age_names
        for found, verdict in zip(self.breaks, self.verdicts, strict=True):
            lot = Fraction(self.rules.grid.lot(found.symbol))
            _, lots, cash, fee = found.legs[0]
            rows.append(
                {
                    "break_id": found.id,
                    "kind": found.kind,
                    "status": verdict.status,
                    "action": verdict.action,
                    "rule": verdict.rule,
                    "who": verdict.who,
                    "reason": verdict.reason,
                    "symbol": found.symbol,
                    "account": found.account,
                    "held_by": found.held_by,
                    "internal": " + ".join(found.internal),
                    "external": " + ".join(found.external),
                    "ours": found.ours,
                    "theirs": found.theirs,
                    "qty": float(lots * lot),
                    "cash": float(cash * lot / NANOS),
                    "fee": fee / NANOS,
                    "since": found.since,
                    "age_s": (self.clock - found.since) / NANOS,
                    "age": ages[self.age_class(found)],
                }
            )
        names = ["break_id", "kind", "status", "symbol", "account", "age", "cash"]
        frame = pd.DataFrame(rows) if rows else pd.DataFrame(columns=names)
        if rows:
            frame["since"] = pd.to_datetime(frame["since"], utc=True)
        return frame

    @property
    def age_names(self) -> tuple[str, ...]:
        """Names of the classes of age, from young to old: ``< 5min``, ``5min to 1h``."""
        bounds = [_span(each) for each in self.rules.ageing_ns]
        if not bounds:
            return ("any",)
        middle = [f"{low} to {high}" for low, high in pairwise(bounds)]
        return (f"< {bounds[0]}", *middle, f"≥ {bounds[-1]}")

    def age_class(self, found: Break) -> int:
        """Place of a break's class of age in `age_names`."""
        return bisect_right(self.rules.ageing_ns, self.clock - found.since)

    def counts(self, *, status: str | None = None) -> dict[str, int]:
        """Breaks by kind, those of one status or all."""
        found = Counter(
            each.kind
            for each, verdict in zip(self.breaks, self.verdicts, strict=True)
            if status in (None, verdict.status)
        )
        return {kind: found[kind] for kind in BREAKS}

    def ageing(self, *, status: str = OPEN) -> IntArray:
        """Breaks of a status by kind and age, shape (len(BREAKS), n_classes); rows as in `BREAKS`."""
        table = np.zeros((len(BREAKS), len(self.age_names)), dtype=np.int64)
        for each, verdict in zip(self.breaks, self.verdicts, strict=True):
            if verdict.status == status:
                table[BREAKS.index(each.kind), self.age_class(each)] += 1
        return table

    def gaps(self) -> list[Gap]:
        """Holdings by account and symbol, exact, with what breaks explain of their difference."""
        both: tuple[dict[tuple[str, str], Holding], dict[tuple[str, str], Holding]] = ({}, {})
        for ours, theirs, matching, live in self.parts:
            for total, part in zip(both, holdings(ours, theirs, matching, live), strict=True):
                total.update(part)
        unresolved = [
            e for e, verdict in zip(self.breaks, self.verdicts, strict=True) if verdict.status != RESOLVED
        ]
        return gaps_of(*both, self.breaks, unresolved)

    def positions(self, marks: Mapping[str, float] | None = None) -> pd.DataFrame:
        """A pandas frame of `gaps` in units of instruments and currency; see `positions.gap_frame`."""
        return gap_frame(self.gaps(), self.rules.grid, marks)

    def audit_frame(self) -> pd.DataFrame:
        """A pandas frame of the audit trail, one row for each line."""
        import pandas as pd

        return pd.DataFrame(
            [entry.to_mapping() for entry in self.audit], columns=list(AuditEntry.__dataclass_fields__)
        )

    def summary(self, by: str = "kind") -> pd.DataFrame:
        """Counts of breaks by status, and the cash at stake in those not resolved, in currency.

        Parameters
        ----------
        by : {"kind", "symbol", "account", "age"}
            What a row is.
        """
        from omni_lab.execution.drop_copy.report import summary

        return summary(self, by)

    def report(self) -> str:
        """The end-of-day report as text."""
        from omni_lab.execution.drop_copy.report import report

        return report(self)

    def __repr__(self) -> str:
        found = Counter(verdict.status for verdict in self.verdicts)
        ours, theirs = self.n_fills
        breaks = ", ".join(f"{found[status]:,} {status}" for status in STATUSES)
        return f"Result({ours:,} internal and {theirs:,} external fills; breaks: {breaks})"

    def _live(self) -> Iterator[tuple[IntArray, tuple[Trades, Trades], Matching, BoolArray]]:
        """Parts with the numbers of the matches for which they stand."""
        for ours, theirs, matching, live in self.parts:
            numbers = np.unique(matching.internal[(matching.internal >= 0) & live[ours.symbol]])
            yield numbers, (ours, theirs), matching, live

    def _match_rows(self, part: tuple[IntArray, tuple[Trades, Trades], Matching, BoolArray]) -> pd.DataFrame:
        import pandas as pd

        numbers, sides, matching, live = part
        wanted = np.zeros(len(matching.stage) + 1, dtype=np.bool_)
        wanted[numbers] = True
        frames = []
        for name, trades, of in zip(
            ("internal", "external"), sides, (matching.internal, matching.external), strict=True
        ):
            rows = np.flatnonzero((of >= 0) & wanted[of])
            frames.append(
                pd.DataFrame(
                    {
                        "part": id(matching),
                        "match": of[rows],
                        "stage": np.array(["", *(each.name.lower() for each in Stage)], dtype=object)[
                            matching.stage[of[rows]]
                        ],
                        "source": name,
                        "symbol": np.array(trades.fills.symbols, dtype=object)[trades.symbol[rows]],
                        "fill_id": trades.fills.fill_id.take(pa.array(trades.row[rows]))
                        .fill_null("")
                        .to_pandas(),
                        "ts": trades.ts[rows],
                        "qty": trades.qty[rows],
                        "price": trades.price[rows] / NANOS,
                    }
                )
            )
        del live
        return pd.concat(frames)


def _span(ns: int) -> str:
    unit, size = next((unit, size) for unit, size in _UNITS if ns % size == 0)
    return f"{ns // size}{unit}"
