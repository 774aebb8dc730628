"""Every reason to refuse an order that makes no sense, at its edges and in order: matching.md, section 2."""

from typing import Any

import pytest

from omni_lab.execution import ReferenceOMS
from tests.execution.script import config

LARGEST = 2**50
NOW = 1_000

MARKET, LIMIT, STOP, STOP_LIMIT, TRAILING_STOP, PEGGED = range(1, 7)
DAY, GTC, AT_OPEN, IOC, FOK, GTD, AT_CLOSE = 0, 1, 2, 3, 4, 6, 7
TICKS, BPS = 1, 2
LAST, BBO = 1, 2

# An order of each type that is in order.
GOOD: dict[int, dict[str, int]] = {
    MARKET: {},
    LIMIT: {"price": 100},
    STOP: {"stop_price": 100, "trigger": LAST},
    STOP_LIMIT: {"price": 100, "stop_price": 100, "trigger": LAST},
    TRAILING_STOP: {"trail": 5, "trail_unit": TICKS, "trigger": LAST},
    PEGGED: {"peg_reference": 1},
}


def refusal(oms_class: type[ReferenceOMS], order_type: int, **fields: int) -> str | None:
    """Why an order that differs from a good one in these fields is refused; None if it comes in."""
    oms = oms_class(config())
    oms.advance(NOW)
    oms.events()
    columns: dict[str, Any] = {"order_type": order_type, "qty": 10, **GOOD[order_type], **fields}
    oms.apply(columns)
    return oms.order(1).reason if oms.order(1).state == "REJECTED" else None


@pytest.mark.parametrize("order_type", list(GOOD))
def test_good_orders_come_in(oms_class: type[ReferenceOMS], order_type: int) -> None:
    assert refusal(oms_class, order_type) is None


@pytest.mark.parametrize(
    ("order_type", "fields", "reason"),
    [
        (LIMIT, {"qty": 0}, "INVALID_QTY"),
        (LIMIT, {"qty": -1}, "INVALID_QTY"),
        (LIMIT, {"qty": LARGEST}, None),
        (LIMIT, {"qty": LARGEST + 1}, "INVALID_QTY"),
        (LIMIT, {"price": 0}, "INVALID_PRICE"),
        (LIMIT, {"price": -1}, "INVALID_PRICE"),
        (LIMIT, {"price": LARGEST}, None),
        (LIMIT, {"price": LARGEST + 1}, "INVALID_PRICE"),
        (STOP_LIMIT, {"price": 0}, "INVALID_PRICE"),
        (MARKET, {"price": 1}, "INVALID_PRICE"),
        (STOP, {"price": 1}, "INVALID_PRICE"),
        (TRAILING_STOP, {"price": 1}, "INVALID_PRICE"),
        (PEGGED, {"price": LARGEST}, None),
        (PEGGED, {"price": LARGEST + 1}, "INVALID_PRICE"),
        (PEGGED, {"price": -1}, "INVALID_PRICE"),
        (STOP, {"stop_price": 0}, "INVALID_STOP_PRICE"),
        (STOP, {"stop_price": LARGEST}, None),
        (STOP_LIMIT, {"stop_price": LARGEST + 1}, "INVALID_STOP_PRICE"),
        (LIMIT, {"stop_price": 1}, "INVALID_STOP_PRICE"),
        (TRAILING_STOP, {"stop_price": 1}, "INVALID_STOP_PRICE"),
        (TRAILING_STOP, {"trail": 0}, "INVALID_STOP_PRICE"),
        (TRAILING_STOP, {"trail": LARGEST}, None),
        (TRAILING_STOP, {"trail": LARGEST + 1}, "INVALID_STOP_PRICE"),
        (TRAILING_STOP, {"trail": 9_999, "trail_unit": BPS}, None),
        (TRAILING_STOP, {"trail": 10_000, "trail_unit": BPS}, "INVALID_STOP_PRICE"),
        (TRAILING_STOP, {"trail_unit": 0}, "INVALID_STOP_PRICE"),
        (STOP, {"trail": 1}, "INVALID_STOP_PRICE"),
        (STOP, {"trail_unit": TICKS}, "INVALID_STOP_PRICE"),
        (STOP, {"trigger": 0}, "INVALID_TRIGGER"),
        (STOP, {"trigger": BBO}, None),
        (LIMIT, {"trigger": LAST}, "INVALID_TRIGGER"),
        (PEGGED, {"peg_reference": 0}, "INVALID_PEG"),
        (LIMIT, {"peg_reference": 1}, "INVALID_PEG"),
        (LIMIT, {"peg_offset": 1}, "INVALID_PEG"),
        (PEGGED, {"peg_offset": -(2**40)}, None),
        (PEGGED, {"peg_offset": 2**40 + 1}, "INVALID_PEG"),
        (LIMIT, {"display_qty": -2}, "INVALID_DISPLAY_QTY"),
        (LIMIT, {"display_qty": 10}, None),
        (LIMIT, {"display_qty": 11}, "INVALID_DISPLAY_QTY"),
        (LIMIT, {"qty": 65_536 * 3, "display_qty": 3}, None),
        (LIMIT, {"qty": 65_536 * 3 + 1, "display_qty": 3}, "INVALID_DISPLAY_QTY"),
        (LIMIT, {"qty": LARGEST, "display_qty": 0}, None),
        (LIMIT, {"min_qty": -1}, "INVALID_MIN_QTY"),
        (LIMIT, {"min_qty": 10}, None),
        (LIMIT, {"min_qty": 11}, "INVALID_MIN_QTY"),
        (LIMIT, {"time_in_force": GTD}, "INVALID_EXPIRY"),
        (LIMIT, {"time_in_force": GTD, "expire_at": NOW}, "INVALID_EXPIRY"),
        (LIMIT, {"time_in_force": GTD, "expire_at": NOW + 1}, None),
        (LIMIT, {"time_in_force": GTC, "expire_at": NOW + 1}, "INVALID_EXPIRY"),
    ],
)
def test_a_field_out_of_its_range_is_refused(
    oms_class: type[ReferenceOMS], order_type: int, fields: dict[str, int], reason: str | None
) -> None:
    assert refusal(oms_class, order_type, **fields) == reason


STANDING = {DAY, GTC, GTD}
TIMES = (DAY, GTC, AT_OPEN, IOC, FOK, GTD, AT_CLOSE)


@pytest.mark.parametrize(
    ("order_type", "fields", "allowed"),
    [
        (MARKET, {}, {DAY, IOC, FOK, AT_OPEN, AT_CLOSE}),
        (LIMIT, {}, set(TIMES)),
        (STOP, {}, STANDING),
        (STOP_LIMIT, {}, STANDING),
        (TRAILING_STOP, {}, STANDING),
        (PEGGED, {}, STANDING),
        (LIMIT, {"display_qty": 5}, STANDING),
        (LIMIT, {"display_qty": 0}, STANDING),
        (STOP_LIMIT, {"display_qty": 5}, STANDING),
        (MARKET, {"display_qty": 5}, set()),
        (STOP, {"display_qty": 0}, set()),
        (PEGGED, {"display_qty": 0}, set()),
        (LIMIT, {"min_qty": 5}, STANDING | {IOC}),
        (MARKET, {"min_qty": 5}, {DAY, IOC}),
        (STOP_LIMIT, {"min_qty": 5}, set()),
        (PEGGED, {"min_qty": 5}, set()),
        (LIMIT, {"all_or_none": 1}, STANDING),
        (MARKET, {"all_or_none": 1}, set()),
        (STOP_LIMIT, {"all_or_none": 1}, set()),
        (LIMIT, {"min_qty": 5, "all_or_none": 1}, set()),
        (LIMIT, {"min_qty": 5, "display_qty": 5}, set()),
        (LIMIT, {"all_or_none": 1, "display_qty": 0}, set()),
        (LIMIT, {"all_or_none": 1, "post_only": 1}, set()),
        (LIMIT, {"post_only": 1}, STANDING),
        (LIMIT, {"post_only": 2, "display_qty": 5}, STANDING),
        (MARKET, {"post_only": 1}, set()),
        (STOP_LIMIT, {"post_only": 1}, set()),
        (PEGGED, {"post_only": 2}, set()),
    ],
)
def test_what_goes_with_which_time_in_force(
    oms_class: type[ReferenceOMS], order_type: int, fields: dict[str, int], allowed: set[int]
) -> None:
    for time_in_force in TIMES:
        until = NOW + 1 if time_in_force == GTD else 0
        reason = refusal(oms_class, order_type, **fields, time_in_force=time_in_force, expire_at=until)
        # An on-open order comes too late in continuous trading, which is looked at after its form.
        fine = "PHASE_FORBIDS" if time_in_force == AT_OPEN else None
        assert reason == (fine if time_in_force in allowed else "INVALID_COMBINATION"), time_in_force


def test_the_first_rule_that_is_broken_is_the_reason(oms_class: type[ReferenceOMS]) -> None:
    broken = [
        ("INVALID_QTY", {"qty": 0}),
        ("INVALID_PRICE", {"price": 0}),
        ("INVALID_STOP_PRICE", {"stop_price": 5}),
        ("INVALID_TRIGGER", {"trigger": 1}),
        ("INVALID_PEG", {"peg_offset": 5}),
        ("INVALID_DISPLAY_QTY", {"display_qty": -5}),
        ("INVALID_MIN_QTY", {"min_qty": -5}),
        ("INVALID_EXPIRY", {"expire_at": 5}),
        ("INVALID_COMBINATION", {"post_only": 1, "time_in_force": IOC}),
    ]
    for first, (reason, _) in enumerate(broken):
        fields: dict[str, int] = {}
        for _, each in broken[first:]:
            fields |= each
        assert refusal(oms_class, LIMIT, **fields) == reason


def test_a_refused_order_has_an_id_and_a_record(oms_class: type[ReferenceOMS]) -> None:
    oms = oms_class(config())
    assert [oms.submit("X", "BUY", 0, 100), oms.submit("X", "BUY", 1, 100)] == [1, 2]
    event = oms.events()[0]
    assert (event.kind, event.state, event.reason) == ("REJECTED", "REJECTED", "INVALID_QTY")
    assert (event.price, event.qty, event.leaves, event.cum) == (100, 0, 0, 0)


def test_an_unknown_account_or_instrument_gets_no_id(oms_class: type[ReferenceOMS]) -> None:
    oms = oms_class(config())
    events = oms.apply({"account": [3, 0, 3, 0], "instrument": [0, 3, 3, 0], "qty": 1, "price": 9})
    assert events["order_id"].tolist() == [0, 0, 0, 1]
    assert events["reason"].tolist() == [6, 5, 6, 0]
    assert events["account"].tolist() == [3, 0, 3, 0]
    assert events["instrument"].tolist() == [0, 3, 3, 0]
