"""The checks that every order, replace and cancel passes before it acts: ``docs/gate.md``, section 4.

A check is a rule, who it is asked of, and what it measures. The gate asks for the first that fails; `explain`
shows them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from omni_lab.domain import RejectReason
from omni_lab.execution.reference.gate import FIRST_REASON, TOKEN, Gate, LimitBank
from omni_lab.execution.setup import MAX64, MAX128, PARTS

MONEY = 10**18


class Request(NamedTuple):
    """An order, a replace or a cancel, as the gate sees it.

    Attributes
    ----------
    account, instrument, side : int
        Whose, in what, and which way.
    now : int
        The clock.
    price : int
        Its price, else its stop price, else 0.
    qty, leaves, added : int
        Its total, what of that may still trade, and by how much that is more than before.
    cancels : bool
        Whether it is a cancel.
    """

    account: int
    instrument: int
    side: int
    now: int
    price: int = 0
    qty: int = 0
    leaves: int = 0
    added: int = 0
    cancels: bool = False


class Verdict(NamedTuple):
    """What the gate says: the reason of a refusal and of a warning, 0 for none."""

    refused: int
    warned: int


class Measure(NamedTuple):
    """What a check measures, and what it may be: numerators and denominators; the limit None for none."""

    value: int
    value_unit: int
    limit: int | None
    limit_unit: int


class Check(NamedTuple):
    """One of the twelve.

    Attributes
    ----------
    reason : RejectReason
        Of those it refuses.
    applies : callable
        Whether it has anything to say of a request.
    banks : callable
        Who is asked, in this order.
    fails : callable
        Whether one of these refuses; a rate takes its token.
    measure : callable
        What that goes by.
    """

    reason: RejectReason
    applies: Callable[[Gate, Request], bool]
    banks: Callable[[Gate, Request], Iterator[Any]]
    fails: Callable[[Gate, Request, Any], bool]
    measure: Callable[[Gate, Request, Any], Measure]


def check(gate: Gate, request: Request) -> Verdict:
    """Check a request, and count it."""
    refused = _first(gate, request, hard)
    warned = 0 if refused else _first(gate, request, soft)
    lineage = [gate.accounts[account] for account in gate.lineages[request.account]]
    gate.status, gate.warning = refused, warned
    gate.checked += 1
    gate.passed += not refused
    for bank in lineage:
        bank.checked += 1
        bank.refused += refused > 0
        bank.warned += warned > 0
    if refused:
        gate.refused[refused - FIRST_REASON] += 1
    if warned:
        gate.warned[warned - FIRST_REASON] += 1
    return Verdict(refused, warned)


def exceeds(measure: Measure, *, reached: bool = False) -> bool:
    """Whether what is measured is more than its limit, or as much where reaching it is too much already."""
    if measure.limit is None:
        return False
    value, limit = measure.value * measure.limit_unit, measure.limit * measure.value_unit
    return value > limit or (reached and value == limit)


def hard(gate: Gate, request: Request, each: Check) -> Iterator[Any]:
    """The banks that can refuse a request for this reason."""
    return each.banks(gate, request)


def soft(gate: Gate, request: Request, each: Check) -> Iterator[LimitBank]:
    """The banks that can warn of it."""
    if each.reason != RejectReason.KILL_SWITCH:
        for account in gate.lineages[request.account]:
            yield gate.warnings[account]


def _first(gate: Gate, request: Request, banks: Callable[[Gate, Request, Check], Iterator[Any]]) -> int:
    for each in CHECKS:
        if each.applies(gate, request):
            for bank in banks(gate, request, each):
                if each.fails(gate, request, bank):
                    return each.reason.value
    return 0


# --- who is asked -------------------------------------------------------------------------------------------


def _accounts(gate: Gate, request: Request) -> Iterator[Any]:
    for account in gate.lineages[request.account]:
        yield gate.accounts[account]


def _accounts_and_positions(gate: Gate, request: Request) -> Iterator[Any]:
    for account in gate.lineages[request.account]:
        yield gate.accounts[account]
        yield gate.position(account, request.instrument)


def _instrument_and(
    others: Callable[[Gate, Request], Iterator[Any]],
) -> Callable[[Gate, Request], Iterator[Any]]:
    def banks(gate: Gate, request: Request) -> Iterator[Any]:
        yield gate.instruments[request.instrument]
        yield from others(gate, request)

    return banks


def _everybody(gate: Gate, request: Request) -> Iterator[Any]:
    yield gate
    yield gate.instruments[request.instrument]
    yield from _accounts(gate, request)


# --- what it is asked about ---------------------------------------------------------------------------------


def _is_order(gate: Gate, request: Request) -> bool:
    return not request.cancels


def _is_cancel(gate: Gate, request: Request) -> bool:
    return request.cancels


def _is_in_a_sector(gate: Gate, request: Request) -> bool:
    return not request.cancels and gate.instruments[request.instrument].sector > 0


# --- 1 to 5: switches, sizes and prices ---------------------------------------------------------------------


def _killed(gate: Gate, request: Request, bank: Any) -> bool:
    return bool(bank.control)


def _control(gate: Gate, request: Request, bank: Any) -> Measure:
    return Measure(bank.control, 1, 0, 1)


def _position_too_large(gate: Gate, request: Request, bank: Any) -> bool:
    return request.added > 0 and bool(_reach(gate, request, bank) > bank.max_position)


def _reach(gate: Gate, request: Request, bank: Any) -> int:
    return gate.position(bank.account, request.instrument).toward(request.side) + request.added


def _position(gate: Gate, request: Request, bank: Any) -> Measure:
    return Measure(_reach(gate, request, bank), 1, _limit(bank.max_position), 1)


def _order_too_large(gate: Gate, request: Request, bank: Any) -> bool:
    return bool(request.qty > bank.max_order_qty)


def _size(gate: Gate, request: Request, bank: Any) -> Measure:
    return Measure(request.qty, 1, _limit(bank.max_order_qty), 1)


def _outside_collar(gate: Gate, request: Request, bank: Any) -> bool:
    reference = gate.instruments[request.instrument].reference
    distance = abs(request.price - reference)
    if not (request.price and reference) or bank.collar_bps == MAX64:
        return False
    return bool(distance * 10_000 > bank.collar_bps * reference)


def _collar(gate: Gate, request: Request, bank: Any) -> Measure:
    reference = gate.instruments[request.instrument].reference
    unit = reference if request.price else 0  # without a price there is no distance
    return Measure(abs(request.price - reference) * 10_000, unit, _limit(bank.collar_bps), 1)


def _too_much_money(gate: Gate, request: Request, bank: Any) -> bool:
    return bank.max_notional < MAX128 and bool(_worth(gate, request) > bank.max_notional)


def _worth(gate: Gate, request: Request) -> int:
    instrument = gate.instruments[request.instrument]
    return (request.price or instrument.reference) * request.leaves * instrument.tick_value


def _notional(gate: Gate, request: Request, bank: Any) -> Measure:
    return Measure(_worth(gate, request), MONEY, _limit(bank.max_notional), MONEY)


# --- 6 and 7: rates -----------------------------------------------------------------------------------------


def _no_order_token(gate: Gate, request: Request, bank: LimitBank) -> bool:
    if bank.order_rate == MAX64:
        return False
    bank.order_tokens = order_tokens(bank, request.now)
    bank.order_ts = request.now
    fails = bank.order_tokens < TOKEN
    bank.order_tokens -= 0 if fails else TOKEN
    return fails


def order_tokens(bank: LimitBank, now: int) -> int:
    """The tokens that there are at this time."""
    return min(bank.order_burst * TOKEN, bank.order_tokens + (now - bank.order_ts) * bank.order_rate)


def _orders(gate: Gate, request: Request, bank: LimitBank) -> Measure:
    limited = bank.order_rate < MAX64
    return Measure(1, 1, order_tokens(bank, request.now) if limited else None, TOKEN)


def _no_cancel_token(gate: Gate, request: Request, bank: LimitBank) -> bool:
    if bank.cancel_rate == MAX64:
        return False
    bank.cancel_tokens = cancel_tokens(bank, request.now)
    bank.cancel_ts = request.now
    fails = bank.cancel_tokens < TOKEN
    bank.cancel_tokens -= 0 if fails else TOKEN
    return fails


def cancel_tokens(bank: LimitBank, now: int) -> int:
    """The tokens that there are at this time."""
    return min(bank.cancel_burst * TOKEN, bank.cancel_tokens + (now - bank.cancel_ts) * bank.cancel_rate)


def _cancels(gate: Gate, request: Request, bank: LimitBank) -> Measure:
    limited = bank.cancel_rate < MAX64
    return Measure(1, 1, cancel_tokens(bank, request.now) if limited else None, TOKEN)


# --- 8 to 12: what an account can lose, and where it stands -------------------------------------------------


def _grows(gate: Gate, request: Request, account: int) -> bool:
    """Whether the worst case of a position does."""
    position = gate.position(account, request.instrument)
    return position.worst(request.side, max(request.added, 0)) > position.worst()


def _held_back(
    limit: str,
    measure: Callable[[Gate, Request, Any], Measure],
    *,
    reached: bool = False,
    priced: bool = False,
) -> Callable[[Gate, Request, Any], bool]:
    """A rule for what grows; `reached` if the limit itself is too much, `priced` if it needs a reference."""

    def fails(gate: Gate, request: Request, bank: LimitBank) -> bool:
        if _limit(getattr(bank, limit)) is None or not _grows(gate, request, bank.account):
            return False
        no_reference = not gate.instruments[request.instrument].reference
        return (priced and no_reference) or exceeds(measure(gate, request, bank), reached=reached)

    return fails


def _loss(gate: Gate, request: Request, bank: LimitBank) -> Measure:
    lost = gate.accounts[bank.account].day_equity - gate.equity(bank.account)
    return Measure(lost, MONEY, _limit(bank.max_daily_loss), MONEY)


def _drawdown(gate: Gate, request: Request, bank: LimitBank) -> Measure:
    peak = gate.accounts[bank.account].peak
    return Measure(peak - gate.equity(bank.account), peak, _limit(bank.max_drawdown), PARTS)


def _exposure_after(gate: Gate, request: Request, account: int) -> int:
    lots = gate.position(account, request.instrument).worst(request.side, max(request.added, 0))
    return gate.exposure(account, request.instrument, lots)


def _of_equity(gate: Gate, request: Request, bank: LimitBank, before: int, limit: int) -> Measure:
    """An exposure that this request would change, against equity."""
    account = bank.account
    change = _exposure_after(gate, request, account) - gate.exposure(account, request.instrument)
    return Measure(before + change, gate.equity(account), _limit(limit), PARTS)


def _leverage(gate: Gate, request: Request, bank: LimitBank) -> Measure:
    return _of_equity(gate, request, bank, gate.gross(bank.account), bank.max_leverage)


def _sector(gate: Gate, request: Request, bank: LimitBank) -> Measure:
    sector = gate.instruments[request.instrument].sector
    return _of_equity(gate, request, bank, gate.sector_gross(bank.account, sector), bank.max_sector)


def _name(gate: Gate, request: Request, bank: LimitBank) -> Measure:
    before = gate.exposure(bank.account, request.instrument)
    return _of_equity(gate, request, bank, before, bank.max_name)


def _limit(value: int) -> int | None:
    return None if value in (MAX64, MAX128) else value


_R = RejectReason
CHECKS = (
    Check(_R.KILL_SWITCH, _is_order, _everybody, _killed, _control),
    Check(_R.POSITION_LIMIT, _is_order, _accounts_and_positions, _position_too_large, _position),
    Check(_R.ORDER_SIZE, _is_order, _instrument_and(_accounts_and_positions), _order_too_large, _size),
    Check(_R.PRICE_COLLAR, _is_order, _instrument_and(_accounts), _outside_collar, _collar),
    Check(_R.NOTIONAL, _is_order, _instrument_and(_accounts), _too_much_money, _notional),
    Check(_R.ORDER_RATE, _is_order, _accounts, _no_order_token, _orders),
    Check(_R.CANCEL_RATE, _is_cancel, _accounts, _no_cancel_token, _cancels),
    Check(_R.DAILY_LOSS, _is_order, _accounts, _held_back("max_daily_loss", _loss, reached=True), _loss),
    Check(_R.DRAWDOWN, _is_order, _accounts, _held_back("max_drawdown", _drawdown, reached=True), _drawdown),
    Check(_R.LEVERAGE, _is_order, _accounts, _held_back("max_leverage", _leverage, priced=True), _leverage),
    Check(
        _R.SECTOR_CONCENTRATION,
        _is_in_a_sector,
        _accounts,
        _held_back("max_sector", _sector, priced=True),
        _sector,
    ),
    Check(_R.SINGLE_NAME, _is_order, _accounts, _held_back("max_name", _name, priced=True), _name),
)
"""In the order in which they are made."""
