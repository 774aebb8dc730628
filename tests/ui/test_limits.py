"""Limits as gauges, from what a system says of its headroom."""

from __future__ import annotations

from typing import Any

import pytest

from omni_lab.domain import Instrument
from omni_lab.errors import ConfigError
from omni_lab.execution import Limits, OMSConfig, PositionLimits, ReferenceOMS
from omni_lab.ui import headroom_figure


def desk() -> ReferenceOMS:
    oms = ReferenceOMS(
        OMSConfig(
            instruments=[Instrument("X", tick_size=1.0), Instrument("Y", tick_size=1.0)],
            accounts=("firm", "desk"),
            parents={"desk": "firm"},
            capital=1_000.0,
            sectors={"X": "tech"},
            reference_prices={"X": 100.0, "Y": 10.0},
            limits={"desk": Limits(max_leverage=2.0, order_rate=1), "firm": Limits(max_sector=4.0)},
            soft_limits={"desk": Limits(max_leverage=1.4, max_name=1.2)},
            position_limits={("desk", "X"): PositionLimits(max_position=30)},
        )
    )
    oms.submit("X", "BUY", 15, 100, account="desk")
    return oms


def drawn(figure: Any) -> tuple[list[str], list[str]]:
    """Labels from the top, and what is written beside the gauges."""
    (ax,) = figure.axes
    return [label.get_text() for label in ax.get_yticklabels()], [text.get_text() for text in ax.texts]


def test_the_gauges_are_those_of_the_limits_used_most_first() -> None:
    figure = headroom_figure(desk().headroom())
    assert drawn(figure) == (
        ["desk: name X", "desk: leverage", "desk: position X", "firm: sector tech"],
        ["150.00% of 120.00%", "150.00% of 200.00%", "15 lots of 30 lots", "150.00% of 400.00%"],
    )
    assert figure.alt == "Warned of, within the limits: desk: name X, desk: leverage"


def test_one_account_and_a_few_gauges_can_be_asked_for() -> None:
    room = desk().headroom()
    assert drawn(headroom_figure(room, account="firm"))[0] == ["firm: sector tech"]
    assert drawn(headroom_figure(room, most=2))[0] == ["desk: name X", "desk: leverage"]
    with pytest.raises(ConfigError, match="no such account"):
        headroom_figure(room, account="nobody")


def test_what_is_beyond_its_limit_stands_first() -> None:
    oms = desk()
    oms.set_limits("firm", Limits(max_sector=1.0))
    figure = headroom_figure(oms.headroom())
    assert drawn(figure)[0][0] == "firm: sector tech"
    assert figure.alt == "Beyond the limit: firm: sector tech"


def test_without_limits_there_is_nothing_to_see() -> None:
    oms = ReferenceOMS(OMSConfig(instruments=["X"]))
    figure = headroom_figure(oms.headroom())
    assert figure.alt == "Nothing is limited"
    assert figure._repr_png_()[:4] == b"\x89PNG"
