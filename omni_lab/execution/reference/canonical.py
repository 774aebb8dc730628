"""What a state may say (``docs/oms.md``, section 7): what no system could have written is refused here.

The native system refuses the same, so that both write again the bytes that either accepts.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence

from omni_lab.domain import (
    OrderState,
    OrderType,
    PegReference,
    PostOnly,
    SelfTrade,
    Side,
    TimeInForce,
    TradingPhase,
    TrailUnit,
    Trigger,
)
from omni_lab.errors import CodecError
from omni_lab.execution.codec import ACCOUNT, EVERYTHING, INSTRUMENT
from omni_lab.execution.reference import device
from omni_lab.execution.reference.gate import Gate
from omni_lab.execution.reference.order import (
    AUCTION,
    CONDITIONAL,
    DISPLAYED,
    HIDDEN,
    PARKED,
    STOP_TYPES,
    STOPPED,
    OrderRecord,
)
from omni_lab.execution.registers import (
    INSTRUMENT_WORDS,
    LIMIT_WORDS,
    POSITION_WORDS,
    WARNING_PREFIX,
    account_address,
    instrument_address,
    position_address,
)
from omni_lab.execution.setup import MAX_PRICE, MAX_QTY

_MARKET = OrderType.MARKET.value
_LIMIT = OrderType.LIMIT.value
_STOP_LIMIT = OrderType.STOP_LIMIT.value
_PEGGED = OrderType.PEGGED.value

# Requests are answered within their command.
_PENDING = (OrderState.PENDING_NEW, OrderState.PENDING_CANCEL, OrderState.PENDING_REPLACE)
_FROM_0 = range(MAX_PRICE + 1)
_FROM_1 = range(1, MAX_PRICE + 1)
_MARKET_FIELDS = {"phase": [*map(int, TradingPhase)], "last price": _FROM_0}
_RECORD_FIELDS = {
    "side": [*map(int, Side)],
    "order_type": [*map(int, OrderType)],
    "time_in_force": [*map(int, TimeInForce)],
    "state": [int(state) for state in OrderState if state not in _PENDING],
}
_LIVE_FIELDS = {
    "place": range(AUCTION + 1),
    "post_only": [*map(int, PostOnly)],
    "self_trade": [*map(int, SelfTrade)],
    "trigger": [*map(int, Trigger)],
    "trail_unit": [*map(int, TrailUnit)],
    "peg_reference": [*map(int, PegReference)],
    "all_or_none": range(2),
    "working": _FROM_0,
    "showing": range(1, MAX_QTY + 1),
    # A trailing buy follows its reference at a distance of up to the largest price.
    "stop_price": range(2 * MAX_PRICE + 1),
    "trail": _FROM_0,
    "peg_offset": range(-MAX_PRICE, MAX_PRICE + 1),
    "display_qty": range(-1, MAX_QTY + 1),
    "min_qty": range(MAX_QTY + 1),
}
_WORDS = {"working": "working price", "showing": "slice"}


def check_counters(**counters: int) -> None:
    """Refuse counters below 1."""
    for name, value in counters.items():
        _refuse(value < 1, f"the {name} cannot be", value, "1 or more")


def check_registers(gate: Gate) -> None:
    """Refuse settings that their registers do not take.

    Raises
    ------
    CodecError
        If a kill switch is neither on nor off.
    ConfigError
        With the value, as if it were written.
    """
    switches = [gate.control, *(bank.control for bank in gate.accounts)]
    for switch in (*switches, *(bank.control for bank in gate.instruments)):
        _refuse(switch > 1, "a kill switch cannot be", switch, "0 or 1")
    capital = ("CAPITAL", "CAPITAL_HIGH")
    for account in range(gate.n_accounts):
        _check_bank(gate, account_address, account, gate.accounts[account], (*LIMIT_WORDS, *capital))
        _check_bank(gate, _warning_address, account, gate.warnings[account], LIMIT_WORDS)
    for number, instrument in enumerate(gate.instruments):
        _check_bank(gate, instrument_address, number, instrument, INSTRUMENT_WORDS[5:])
    for index, position in enumerate(gate.positions):
        _check_bank(gate, position_address, index, position, POSITION_WORDS[3:5])


def _check_bank(
    gate: Gate, address: Callable[[int, str], int], number: int, bank: object, names: Sequence[str]
) -> None:
    for name, word in zip(names, device.bank_words(bank, names), strict=True):
        device.writing(gate, address(number, name), word)


def _warning_address(account: int, word: str) -> int:
    return account_address(account, WARNING_PREFIX + word)


def check_waiting(waiting: Sequence[tuple[int, int]], gate: Gate) -> None:
    """Refuse resets that wait in vain, and ones in another order than by scope, then number."""
    before = (-1, -1)
    sizes = {EVERYTHING: 1, ACCOUNT: gate.n_accounts, INSTRUMENT: gate.n_instruments}
    for scope in waiting:
        kind, number = scope
        where = "the resets that wait"
        _refuse(number >= sizes.get(kind, 0), "the scope cannot be", scope, "one that exists", where)
        _refuse(scope <= before, "the scope cannot be", scope, "one after the other", where)
        waits = gate.two_person and gate.switch(scope).control
        _refuse(not waits, "the scope cannot be", scope, "one that waits for a second person", where)
        before = scope


def check_market(phase: int, last: int, where: str) -> None:
    """Refuse a phase and a last price that no instrument has."""
    _check_fields({"phase": phase, "last price": last}, _MARKET_FIELDS, where)


def check_places(places: Iterable[tuple[int, int]], gate: Gate) -> None:
    """Refuse positions of nobody, in nothing, and in another order than by account, then instrument."""
    before = (-1, -1)
    for place in places:
        check_place(*place, gate, "the positions")
        _refuse(place <= before, "account and instrument cannot be", place, "ones in ascending order")
        before = place


def check_place(account: int, instrument: int, gate: Gate, where: str) -> None:
    """Refuse an account and an instrument that do not exist."""
    known = account < len(gate.accounts) and instrument < gate.n_instruments
    _refuse(not known, "account and instrument cannot be", (account, instrument), "known ones", where)


def check_record(fields: Mapping[str, int], gate: Gate, where: str) -> None:
    """Refuse an order of nobody, in nothing, or with a code outside its table."""
    check_place(fields["account"], fields["instrument"], gate, where)
    _check_fields(fields, _RECORD_FIELDS, where)


def check_live(
    fields: Mapping[str, int], order: OrderRecord, next_stamp: int, stamps: Container[int]
) -> None:
    """Refuse what no waiting order says, or not one with this record; others have these stamps."""
    where = f"order {order.id}"
    stamp = fields["stamp"]
    _refuse(not 1 <= stamp < next_stamp, "the stamp cannot be", stamp, f"1 to {next_stamp - 1}", where)
    _refuse(stamp in stamps, "the stamp cannot be", stamp, "one for each order", where)
    _check_fields(fields, _LIVE_FIELDS, where)
    place, working, showing = (fields[name] for name in ("place", "working", "showing"))
    _refuse(
        not _is_priced(order),
        "the price of a live order cannot be",
        order.price,
        "one that goes with its type",
        where,
    )
    _refuse(
        not _is_placed(order, place, working),
        "place and working price of a live order cannot be",
        (place, working),
        "ones that go with its type and price",
        where,
    )
    display_qty = fields["display_qty"]
    is_iceberg = place == DISPLAYED and display_qty > 0
    shows = showing <= min(display_qty, order.leaves) if is_iceberg else showing == order.leaves
    _refuse(
        not (shows and order.leaves in range(1, MAX_QTY + 1)),
        "slice and leaves of a live order cannot be",
        (showing, order.leaves),
        "ones that go together",
        where,
    )


def _is_priced(order: OrderRecord) -> bool:
    if order.order_type in (_LIMIT, _STOP_LIMIT):
        return order.price in _FROM_1
    if order.order_type == _PEGGED:
        return order.price in _FROM_0
    return order.price == 0


def _is_placed(order: OrderRecord, place: int, working: int) -> bool:
    at_limit = order.order_type == _LIMIT and working == order.price
    if place in (DISPLAYED, CONDITIONAL):
        return at_limit
    if place == HIDDEN:
        return at_limit or (order.order_type == _PEGGED and working >= 1)
    if place == STOPPED:
        return order.order_type in STOP_TYPES and working == 0
    if place == PARKED:
        return order.order_type == _PEGGED and working == 0
    return at_limit or (order.order_type == _MARKET and working == 0)


def _check_fields(fields: Mapping[str, int], allowed: Mapping[str, Sequence[int]], where: str) -> None:
    for name, values in allowed.items():
        value = fields[name]
        if value not in values:
            what = f"the {_WORDS.get(name, name)} cannot be"
            raise CodecError(what, found=value, expected=_told(values), where=where)


def _told(values: Sequence[int]) -> str:
    if isinstance(values, range):
        return f"{values[0]} to {values[-1]}"
    return f"one of {', '.join(map(str, values))}"


def _refuse(wrong: bool, what: str, found: object, expected: str, where: str | None = None) -> None:
    if wrong:
        raise CodecError(what, found=found, expected=expected, where=where)
