"""The end-of-day report: counts and amounts by kind, symbol, account and age, as a frame and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from omni_lab.errors import ConfigError, DataError
from omni_lab.execution.drop_copy.fills import NANOS
from omni_lab.execution.drop_copy.rules import BREAKS
from omni_lab.execution.drop_copy.verdicts import RESOLVED, STATUSES, describe

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.execution.drop_copy.result import Result

_BY = ("kind", "symbol", "account", "age")
_SHOWN = 12


def summary(result: Result, by: str = "kind") -> pd.DataFrame:
    """Counts of breaks by status, and the cash at stake in those not resolved.

    Parameters
    ----------
    result : Result
        Of a reconciliation.
    by : {"kind", "symbol", "account", "age"}
        What a row is.

    Returns
    -------
    DataFrame
        Columns ``open``, ``waiting``, ``resolved``, ``total`` and ``amount``: the sum of cash without signs,
        and of fees for breaks of fees, in currency. Kinds and ages in their order, names in the alphabet.

    Raises
    ------
    ConfigError
        If ``by`` is none of the four.
    """
    import pandas as pd

    if by not in _BY:
        raise ConfigError("breaks are not counted by this", found=by, expected=_BY)
    counts: Counter[tuple[str, str]] = Counter()
    stake: Counter[tuple[str, str]] = Counter()  # by name and symbol, in billionths times lots
    fees: Counter[str] = Counter()
    ages = result.age_names
    for found, verdict in zip(result.breaks, result.verdicts, strict=True):
        name = ages[result.age_class(found)] if by == "age" else str(getattr(found, by))
        counts[name, verdict.status] += 1
        if verdict.status == RESOLVED:
            continue
        if found.kind == "fee":
            fees[name] += abs(found.legs[0][3])
        else:
            stake[name, found.symbol] += found.amount
    amounts = {name: Fraction(0) for name, _ in counts}
    for (name, symbol), cash in stake.items():
        amounts[name] += cash * Fraction(result.rules.grid.lot(symbol)) / NANOS
    order: Sequence[str] = {"kind": BREAKS, "age": ages}.get(by) or sorted(amounts)
    rows = [
        (
            *(name, *(counts[name, status] for status in STATUSES)),
            *(
                sum(counts[name, status] for status in STATUSES),
                float(amounts[name] + Fraction(fees[name], NANOS)),
            ),
        )
        for name in order
        if name in amounts
    ]
    frame = pd.DataFrame(rows, columns=[by, *STATUSES, "total", "amount"])
    return frame.set_index(by)


def report(result: Result) -> str:
    """The end-of-day report as text: what was compared, what matched how, breaks, positions that differ.

    Parameters
    ----------
    result : Result
        Of a reconciliation.
    """
    import numpy as np

    ours, theirs = result.n_fills
    at = str(np.datetime64(result.clock, "ns"))[:19].replace("T", " ")
    matched = ", ".join(f"{n:,} by {stage}" for stage, n in result.n_matches.items() if n) or "none"
    lines = [
        f"Reconciliation at {at} UTC",
        f"{ours:,} internal and {theirs:,} external reports; matches: {matched}",
    ]
    if not result.breaks:
        lines.append("No breaks.")
    else:
        for by in _BY:
            frame = summary(result, by)
            # Of many symbols those with most at stake are shown.
            shown = (
                frame
                if by in ("kind", "age")
                else frame.sort_values(["amount", "total"], ascending=False, kind="stable").head(_SHOWN)
            )
            lines += ["", f"Breaks by {by}", _table(shown)]
            if len(shown) < len(frame):
                lines.append(f"… and {len(frame) - len(shown):,} more")
    lines += ["", *_positions(result), *_open(result)]
    return "\n".join(lines)


def write_report(result: Result, folder: Path) -> list[Path]:
    """Write ``report.txt``, and as CSV ``breaks``, ``positions``, ``matches`` and ``audit``; their paths.

    Each file is written whole or not at all.

    Raises
    ------
    DataError
        If the directory cannot be written to.
    """
    frames = {
        "breaks.csv": result.break_frame,
        "positions.csv": result.positions,
        "matches.csv": result.matches,
        "audit.csv": result.audit_frame,
    }
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("report.txt", *frames):
            text = result.report() + "\n" if name == "report.txt" else frames[name]().to_csv(index=False)
            temporary = folder / f".{name}.tmp"
            temporary.write_text(text, encoding="utf-8")
            paths.append(temporary.replace(folder / name))
    except OSError as error:
        raise DataError(
            f"the report cannot be written: {error.strerror or error}", where=str(folder)
        ) from error
    return paths


def _positions(result: Result) -> list[str]:
    gaps = [gap for gap in result.gaps() if any(gap.difference)]
    if not gaps:
        return ["Positions, cash and fees agree everywhere."]
    unexplained = sum(any(gap.unexplained) for gap in gaps)
    lines = [
        f"Positions, cash or fees differ in {len(gaps):,} places (internal less external); "
        + ("breaks explain all of it" if not unexplained else f"{unexplained:,} are NOT explained by breaks")
    ]
    gaps.sort(key=lambda gap: (-abs(gap.difference[1]), gap.account, gap.symbol))
    for gap in gaps[:_SHOWN]:
        lot = Fraction(result.rules.grid.lot(gap.symbol))
        place = f"{gap.account} {gap.symbol}".strip()
        whole, rest = (
            (float(lots * lot), float(cash * lot / NANOS), fees / NANOS)
            for lots, cash, fees in (gap.difference, gap.unresolved)
        )
        lines.append(
            f"  {place:<20} position {whole[0]:+,.6g}, cash {whole[1]:+,.2f}, fees {whole[2]:+,.2f}; "
            f"not resolved {rest[0]:+,.6g}, {rest[1]:+,.2f}, {rest[2]:+,.2f}"
        )
    if len(gaps) > _SHOWN:
        lines.append(f"  … and {len(gaps) - _SHOWN:,} more")
    return lines


def _open(result: Result) -> list[str]:
    waiting = [(f, v) for f, v in zip(result.breaks, result.verdicts, strict=True) if v.status != RESOLVED]
    if not waiting:
        return []
    waiting.sort(key=lambda pair: (-pair[0].amount, pair[0].id))
    lines = ["", f"Not resolved, the largest of {len(waiting):,}"]
    lines += [f"  {found.id}  {verdict.status:<8} {describe(found)}" for found, verdict in waiting[:_SHOWN]]
    return lines


def _table(frame: pd.DataFrame) -> str:
    text = frame.copy()
    text["amount"] = [f"{amount:,.2f}" for amount in frame["amount"]]
    text.index.name = None
    return "\n".join(f"  {line}" for line in text.to_string().splitlines())
