"""A market that is written down, at its pace."""

import math

import numpy as np
import pytest

from omni_lab.execution import OMS, OMSConfig
from omni_lab.system import SystemConfig
from omni_lab.system.config import DESK, STREET
from omni_lab.system.feed import ScriptFeed
from omni_lab.system.market import Market, open_script
from tests.system.days import made_up_day

SECOND = 10**9


class Clock:
    """A time that is set."""

    def __init__(self) -> None:
        self.now = 1_800_000_000 * SECOND

    def __call__(self) -> int:
        return self.now


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    path = made_up_day(tmp_path_factory.mktemp("day"))
    return open_script(SystemConfig(mode="replay", market=str(path), n_symbols=2))


def test_a_day_begins_anew_with_the_same_book(market: Market) -> None:
    clock = Clock()
    feed = ScriptFeed(market, slice_ns=3_600 * SECOND, endless=True, clock=clock)
    oms = OMS(OMSConfig(instruments=market.instruments, accounts=(STREET, DESK)))
    feed.begin()
    next_id, laps, opened, told = 1, 0, [], 0
    while laps < 3:
        due = feed.due_in()
        assert due is not None
        clock.now += math.ceil(due * SECOND)
        piece = feed.take(next_id)
        assert (np.diff(piece.commands["ts"]) >= 0).all()
        assert (piece.commands["ts"] <= clock.now).all()
        if piece.begins:
            laps += 1
            told = 0
            oms.mass_cancel(account=STREET)
        oms.apply(piece.commands)
        next_id += int((piece.commands["kind"] == 1).sum())
        told += piece.n_events
        assert oms.orders(live=False)["order_id"].max() == next_id - 1
        if piece.begins:
            opened.append([oms.book(each.symbol).depth() for each in market.instruments])
    assert all(len(side) for depth in opened[0] for side in depth)
    for lap in opened[1:]:
        assert all(
            np.array_equal(a, b)
            for x, y in zip(opened[0], lap, strict=True)
            for a, b in zip(x, y, strict=True)
        )


def test_slices_come_when_they_are_due(market: Market) -> None:
    clock = Clock()
    feed = ScriptFeed(market, slice_ns=60 * SECOND, speed=60.0, clock=clock)
    feed.begin()
    began, first = clock.now, int(market.script.ts[0])
    n_commands, n_events, next_id = 0, 0, 1
    while (due := feed.due_in()) is not None:
        clock.now += math.ceil(due * SECOND)
        passed = (clock.now - began) * 60
        piece = feed.take(next_id)
        next_id += int((piece.commands["kind"] == 1).sum())
        # Nothing is told before its time, and what is late is late by a slice.
        assert (piece.commands["ts"] <= first + passed).all()
        assert (piece.commands["ts"] > first + passed - 61 * SECOND).all()
        n_commands += len(piece.commands["ts"])
        n_events += piece.n_events
    assert (n_commands, n_events) == (len(market.script), market.script.n_events)
    assert feed.progress == 1.0
