"""What the gate would say of a command, and what its limits leave room for: ``docs/gate.md``, section 7."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf, nan
from typing import Any, NamedTuple

import numpy as np

from omni_lab.domain import RejectReason, Side
from omni_lab.execution.reference.checks import CHECKS, Check, Measure, Request, exceeds, hard, soft
from omni_lab.execution.reference.gate import Gate, InstrumentBank, LimitBank, PositionBank
from omni_lab.execution.setup import MAX64, Setup
from omni_lab.typing import AnyArray

HARD, WARN = "hard", "warn"
_CHECKS = {each.reason: each for each in CHECKS}
_RATES = frozenset({RejectReason.ORDER_RATE, RejectReason.CANCEL_RATE})
_REACHED = frozenset({RejectReason.DAILY_LOSS, RejectReason.DRAWDOWN})
_OF_AN_ACCOUNT = (
    *(RejectReason.ORDER_RATE, RejectReason.CANCEL_RATE, RejectReason.DAILY_LOSS, RejectReason.DRAWDOWN),
    RejectReason.LEVERAGE,
)


class Row(NamedTuple):
    """A check at one level: what is measured, what it may be, and whether it passes."""

    check: str
    level: str
    severity: str
    value: float
    limit: float
    headroom: float
    passes: bool


class Room(NamedTuple):
    """How near a limit an account stands, in an instrument or a sector where it is about one."""

    account: str
    instrument: str
    sector: int
    check: str
    level: str
    severity: str
    value: float
    limit: float
    headroom: float
    passes: bool


def explain(gate: Gate, setup: Setup, request: Request) -> dict[str, AnyArray]:
    """Columns of a `Row` for each check and level that applies to a request; nothing changes."""
    rows = []
    for severity, banks in ((HARD, hard), (WARN, soft)):
        for each in CHECKS:
            if not each.applies(gate, request):
                continue
            for bank in banks(gate, request, each):
                measure = each.measure(gate, request, bank)
                # To ask a rate would take its token.
                rate = each.reason in _RATES
                passes = not exceeds(measure) if rate else not each.fails(gate, request, bank)
                level = _level(bank, request.instrument, setup)
                rows.append(Row(each.reason.name, level, severity, *_floats(measure), passes))
    return _columns(Row._fields, rows)


def headroom(gate: Gate, setup: Setup, now: int) -> dict[str, AnyArray]:
    """Columns of a `Room` for each limit of each account, as things stand at this time."""
    rows: list[Room] = []
    for account in range(gate.n_accounts):
        for severity, bank in ((HARD, gate.accounts[account]), (WARN, gate.warnings[account])):
            rows += _rooms(gate, setup, bank, severity, now)
    return _columns(Room._fields, rows)


def _rooms(gate: Gate, setup: Setup, bank: LimitBank, severity: str, now: int) -> Iterator[Room]:
    account = bank.account
    held = [number for number in range(gate.n_instruments) if _is_held(gate.position(account, number))]
    whatever = Request(account, 0, Side.BUY.value, now)
    for number in held:
        request = _the_worse_side(gate, whatever._replace(instrument=number))
        yield _room(gate, setup, bank, severity, _CHECKS[RejectReason.POSITION_LIMIT], request)
        if severity == HARD:
            position = gate.position(account, number)
            yield _room(gate, setup, position, severity, _CHECKS[RejectReason.POSITION_LIMIT], request)
    for reason in _OF_AN_ACCOUNT:
        yield _room(gate, setup, bank, severity, _CHECKS[reason], whatever, instrument="")
    first_of = {each.sector: number for number, each in reversed([*enumerate(gate.instruments)])}
    for sector, number in sorted(first_of.items()):
        if sector and gate.sector_gross(account, sector):
            request = whatever._replace(instrument=number)
            check = _CHECKS[RejectReason.SECTOR_CONCENTRATION]
            yield _room(gate, setup, bank, severity, check, request, instrument="", sector=sector)
    for number in held:
        if gate.exposure(account, number):
            request = whatever._replace(instrument=number)
            yield _room(gate, setup, bank, severity, _CHECKS[RejectReason.SINGLE_NAME], request)


def _room(
    gate: Gate,
    setup: Setup,
    bank: Any,
    severity: str,
    check: Check,
    request: Request,
    *,
    instrument: str | None = None,
    sector: int = 0,
) -> Room:
    measure = check.measure(gate, request, bank)
    passes = not exceeds(measure, reached=check.reason in _REACHED)
    symbol = setup.instruments[request.instrument].symbol
    return Room(
        setup.accounts[bank.account].name,
        symbol if instrument is None else instrument,
        sector,
        check.reason.name,
        _level(bank, request.instrument, setup),
        severity,
        *_floats(measure),
        passes,
    )


def _is_held(position: PositionBank) -> bool:
    return position.worst() > 0 or position.max_position < MAX64


def _the_worse_side(gate: Gate, request: Request) -> Request:
    """The same on the side whose open orders would lead furthest from nothing."""
    position = gate.position(request.account, request.instrument)
    return max(
        (request._replace(side=side.value) for side in Side), key=lambda each: position.toward(each.side)
    )


def _level(bank: object, instrument: int, setup: Setup) -> str:
    symbol = setup.instruments[instrument].symbol
    if isinstance(bank, Gate):
        return "everything"
    if isinstance(bank, InstrumentBank):
        return symbol
    assert isinstance(bank, LimitBank | PositionBank)
    account = setup.accounts[bank.account].name
    return f"{account}.{symbol}" if isinstance(bank, PositionBank) else account


def _floats(measure: Measure) -> tuple[float, float, float]:
    """Value, limit and headroom in the unit of their check; the value NaN where that unit is nothing."""
    value = float(measure.value) / float(measure.value_unit) if measure.value_unit else nan
    limit = inf if measure.limit is None else float(measure.limit) / float(measure.limit_unit)
    return value, limit, limit - value


def _columns(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> dict[str, AnyArray]:
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return {
        name: np.array(column, dtype=_DTYPES.get(name)) for name, column in zip(names, columns, strict=True)
    }


_DTYPES: dict[str, Any] = {
    **dict.fromkeys(("account", "instrument", "check", "level", "severity"), np.str_),
    **dict.fromkeys(("value", "limit", "headroom"), np.float64),
    "passes": np.bool_,
    "sector": np.int64,
}
