"""Journals as text, for the command line."""

from __future__ import annotations

import math
from collections.abc import Sequence

from omni_lab.execution.edges import MONEY_UNITS
from omni_lab.execution.journal import Inspection, JournalReport
from omni_lab.execution.replay import Replay
from omni_lab.execution.setup import InstrumentSetup, LimitSetup, PositionSetup

_SHOWN = 20


def format_report(report: JournalReport) -> str:
    """What verifying a journal found."""
    segments = _count(report.n_segments, "segment")
    snapshot = f"newest snapshot: {_or_none(report.snapshot)}"
    if report.n_frames:
        span = f"frames {report.first_sequence:,} to {report.last_sequence:,}, {snapshot}"
        lines = [f"{report.path}: {report.n_frames:,} frames in {segments}, all of them good", span]
    else:
        lines = [f"{report.path}: not one good frame in {segments}", snapshot]
    lines += [f"not valid and passed over: {path}" for path in report.rejected_snapshots]
    if report.lost is not None:
        lines.append(str(report.lost))
    return "\n".join(lines)


def format_inspection(found: Inspection) -> str:
    """A journal at a glance: files, frames by kind, and what it was begun with."""
    setup = found.setup
    files = [(path.name, f"{sequence:,}", f"{size:,}") for path, sequence, size in found.segments]
    snapshots = [(path.name, f"{sequence:,}", f"{size:,}") for path, sequence, size in found.snapshots]
    frames = [(kind, f"{n_frames:,}", f"{n_bytes:,}") for kind, n_frames, n_bytes in found.frames]
    instruments = [
        (
            each.symbol,
            f"{each.tick_size:g}",
            f"{each.lot_size:g}",
            each.currency,
            f"{each.sector}" if each.sector else "",
            _limits(each),
        )
        for each in setup.instruments
    ]
    accounts = [
        (
            each.name,
            "" if each.parent is None else setup.accounts[each.parent].name,
            f"{each.capital / MONEY_UNITS:,.2f}",
            _limits(each.limits),
            _limits(each.soft),
        )
        for each in setup.accounts
    ]
    positions = [
        (setup.accounts[each.account].name, setup.instruments[each.instrument].symbol, _limits(each))
        for each in setup.positions
    ]
    parts = [
        format_report(found.report),
        _table(("SEGMENT", "FIRST FRAME", "BYTES"), files),
        _table(("SNAPSHOT", "FRAME", "BYTES"), snapshots) if snapshots else "no snapshots",
        _table(("FRAMES", "HOW MANY", "BYTES OF PAYLOAD"), frames),
        _table(("INSTRUMENT", "TICK", "LOT", "CURRENCY", "SECTOR", "LIMITS"), instruments),
        _table(("ACCOUNT", "PARENT", "CAPITAL", "LIMITS", "WARNS OF"), accounts),
        *([_table(("ACCOUNT", "INSTRUMENT", "LIMITS"), positions)] if positions else []),
        _kill_switches(found),
    ]
    return "\n\n".join(parts)


def format_replay(replay: Replay) -> str:
    """The state that a journal leads to: its hash, positions and open orders."""
    positions = [
        (
            each.account,
            each.symbol,
            f"{each.qty:,g}",
            "" if each.average_price is None else f"{each.average_price:,.10g}",
            f"{each.realised:,.2f}",
            "" if math.isnan(each.unrealised) else f"{each.unrealised:,.2f}",
        )
        for each in replay.positions()
    ]
    columns = replay.orders()
    live = [replay.order(number) for number in columns["order_id"][:_SHOWN].tolist()]
    orders = [
        (
            f"{each.order_id}",
            each.account,
            each.symbol,
            each.side,
            each.order_type,
            f"{each.leaves_qty:,g}",
            "" if each.price is None else f"{each.price:,.10g}",
            each.state,
        )
        for each in live
    ]
    n_live = len(columns["order_id"])
    parts = [
        f"after frame {replay.sequence:,}: {replay.text}",
        f"state hash {replay.state_hash}",
        _table(("ACCOUNT", "SYMBOL", "QTY", "AVERAGE", "REALISED", "UNREALISED"), positions)
        if positions
        else "no positions",
        _table(("ORDER", "ACCOUNT", "SYMBOL", "SIDE", "TYPE", "LEAVES", "PRICE", "STATE"), orders)
        if orders
        else "no open orders",
    ]
    if n_live > _SHOWN:
        parts.append(f"… and {n_live - _SHOWN:,} more open orders")
    return "\n\n".join(parts)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in (headings, *rows)
    ]
    return "\n".join(line.rstrip() for line in lines)


def _kill_switches(found: Inspection) -> str:
    """Who threw and reset kill switches, the last ones last."""
    if not found.switches:
        return "nobody threw or reset a kill switch"
    rows = [
        (
            f"{each.sequence:,}",
            f"{each.ts}",
            "thrown" if each.thrown else "reset",
            each.switch,
            each.who,
            each.why,
        )
        for each in found.switches[-_SHOWN:]
    ]
    table = _table(("FRAME", "TIME (NS)", "SWITCH", "OF", "WHO", "WHY"), rows)
    n_earlier = len(found.switches) - len(rows)
    return f"… {n_earlier:,} earlier\n{table}" if n_earlier else table


def _limits(limits: LimitSetup | InstrumentSetup | PositionSetup) -> str:
    """Those that limit something, in the units of their registers."""
    default = LimitSetup()
    stated = {
        name: getattr(limits, name)
        for name in LimitSetup.__slots__
        if getattr(limits, name, getattr(default, name)) != getattr(default, name)
    }
    return ", ".join(f"{name} {value:,}" for name, value in stated.items()) or "none"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _or_none(sequence: int | None) -> str:
    return "none" if sequence is None else f"frame {sequence:,}"
