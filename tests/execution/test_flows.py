"""The random flows ask for everything that there is, and for the same again under the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from omni_lab.domain import CancelReason, EventKind, OrderType, RejectReason, TimeInForce
from omni_lab.execution import ReferenceOMS
from omni_lab.execution.codec import New, decode
from tests.execution.flows import CONFIG, FAMILY, FLOWS, NEW, commands
from tests.execution.script import config
from tests.execution.state_reader import read


@pytest.mark.parametrize("flow", FLOWS)
def test_a_seed_says_everything(flow: str) -> None:
    assert list(commands(1, 300, flow)) == list(commands(1, 300, flow))
    assert list(commands(1, 300, flow)) != list(commands(2, 300, flow))


@pytest.mark.parametrize("settings", [{}, FAMILY], ids=["flat", "family"])
def test_every_event_and_every_reason_comes_up(settings: dict[str, Any]) -> None:
    oms = ReferenceOMS(config(**settings))
    for kind, payload in commands(1, 20_000, "gated"):
        oms.execute(kind, payload)
    columns = oms.events().columns
    kinds, reasons = columns["kind"], columns["reason"]
    refusals = [EventKind.REJECTED, EventKind.CANCEL_REJECTED, EventKind.REPLACE_REJECTED]
    by_gate = {reason for reason in RejectReason if reason >= RejectReason.KILL_SWITCH}
    assert set(kinds.tolist()) == set(EventKind)
    # Sectors are those of the family.
    absent = set() if settings else {RejectReason.SECTOR_CONCENTRATION}
    assert set(reasons[np.isin(kinds, refusals)].tolist()) == set(RejectReason) - absent
    assert set(reasons[kinds == EventKind.WARNED].tolist()) == by_gate - absent - {RejectReason.KILL_SWITCH}
    assert set(reasons[kinds == EventKind.CANCELED].tolist()) == set(CancelReason)
    switched = columns["qty"][kinds == EventKind.KILL_SWITCH]
    assert set(switched.tolist()) == ({0, 1, 2} if settings else {0, 1})


@pytest.mark.parametrize("flow", FLOWS)
def test_every_type_and_time_in_force_is_sent(flow: str) -> None:
    orders = [decode(kind, payload) for kind, payload in commands(1, 5_000, flow) if kind == NEW]
    news = [order for order in orders if isinstance(order, New)]
    assert {order.order_type for order in news} == {int(kind) for kind in OrderType}
    assert {order.time_in_force for order in news} == {int(kind) for kind in TimeInForce}


@pytest.mark.parametrize("flow", FLOWS)
def test_books_stay_small_and_are_not_empty(flow: str) -> None:
    oms = ReferenceOMS(CONFIG)
    sizes = []
    for count, (kind, payload) in enumerate(commands(1, 6_000, flow)):
        oms.execute(kind, payload)
        if count % 300 == 299:
            sizes.append(len(read(oms.state()).live))
    assert 20 < sum(sizes) / len(sizes) < 200
    assert max(sizes) < 400
