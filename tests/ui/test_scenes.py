"""Scenes: the same on the native system and its twin, and figures that say what they show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from omni_lab.execution import OMS, ReferenceOMS
from omni_lab.ui import Scene, auction_orders, book_figure, compare, random_orders, small_book

SYSTEMS = [OMS, ReferenceOMS]


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_scene_keeps_the_book_before_and_after_and_what_came(system: Any) -> None:
    oms = small_book(system)
    with Scene(oms) as scene:
        oms.submit("ABC", "buy", 450)
    assert (scene.before.best_ask, scene.after.best_ask) == (100.01, 100.02)
    assert [event.qty for event in scene.events if event.order_id == 9] == [450, 200, 100, 150]
    figure = scene.figure("It took 450")
    assert figure.alt == "It took 450. Before. After"
    assert len(figure.axes) == 2


def test_both_systems_begin_alike() -> None:
    native, plain = (small_book(system) for system in SYSTEMS)
    assert native.state_hash == plain.state_hash
    assert len(native.events()) == len(plain.events()) == 0


def test_a_small_book_takes_other_settings() -> None:
    assert small_book(ReferenceOMS, initial_phase="halted").book("ABC").phase == "HALTED"


def test_own_icebergs_and_hidden_orders_are_marked_in_the_figure() -> None:
    oms = small_book(ReferenceOMS)
    mine = oms.submit("ABC", "sell", 500, 100.01, display_qty=100)
    oms.submit("ABC", "sell", 50, 100.01, display_qty=0)
    figure = book_figure(oms.book("ABC"), own=[mine])
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert "▼ sell 500, 100 shown, 300 ahead, +50 hidden" in texts


def test_books_are_compared_side_by_side() -> None:
    oms = small_book(ReferenceOMS)
    with Scene(oms) as scene:
        oms.cancel(1)
    figure = compare({"before": scene.before, "without the first": scene}, "One went")
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["before", "without the first"]


def test_orders_of_an_auction_are_those_that_take_part() -> None:
    oms = small_book(ReferenceOMS, initial_phase="pre_open")
    oms.submit("ABC", "buy", 70, order_type="market", time_in_force="at_open")
    oms.submit("ABC", "buy", 80, 100.0, time_in_force="at_close")
    oms.submit("ABC", "sell", 90, stop_price=99.0)
    bid_price, bid_qty, ask_price, ask_qty = auction_orders(oms, "ABC")
    assert np.isnan(bid_price).tolist() == [False] * 4 + [True]
    assert bid_qty.sum() == 1_400 + 70
    assert (len(ask_price), ask_qty.sum()) == (4, 1_300)
    closing = auction_orders(oms, "ABC", closing=True)
    assert closing[1].sum() == 1_400 + 80


def test_random_orders_are_the_same_for_a_seed_and_about_half_trade() -> None:
    orders = [random_orders(500, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    same = [all(np.array_equal(orders[0][name], other[name]) for name in other) for other in orders[1:]]
    assert same == [True, False]
    oms = small_book(ReferenceOMS)
    events = oms.apply(orders[0])
    takers = np.unique(events["order_id"][events["liquidity"] == 2])
    assert 0.3 < len(takers) / 500 < 0.7
