"""The instrument: what it accepts, and that it names everything it refuses."""

from typing import Any

import pytest

from omni_lab.domain import Instrument
from omni_lab.errors import ConfigError


def test_defaults_are_whole_shares_in_dollars_on_an_inferred_grid() -> None:
    instrument = Instrument("AAPL")
    assert (instrument.tick_size, instrument.lot_size, instrument.currency) == (None, 1.0, "USD")


def test_steps_become_floats() -> None:
    instrument = Instrument("ES", tick_size=1, lot_size=1)
    assert isinstance(instrument.tick_size, float)
    assert isinstance(instrument.lot_size, float)


@pytest.mark.parametrize(
    ("settings", "clause"),
    [
        ({"symbol": ""}, "symbol must be printable"),
        ({"symbol": " AAPL"}, "symbol must be printable"),
        ({"symbol": "A\nB"}, "symbol must be printable"),
        ({"symbol": 7}, "symbol must be a string"),
        ({"tick_size": 0.0}, "tick_size must be finite and greater than zero"),
        ({"tick_size": float("nan")}, "tick_size must be finite"),
        ({"tick_size": True}, "tick_size must be a number"),
        ({"tick_size": "0.01"}, "tick_size must be a number"),
        ({"lot_size": -1.0}, "lot_size must be finite and greater than zero"),
        ({"lot_size": float("inf")}, "lot_size must be finite"),
        ({"lot_size": None}, "lot_size must be a number"),
        ({"currency": "usd"}, "currency must be"),
        ({"currency": None}, "currency must be"),
        ({"tick_size": 1e-9, "lot_size": 1e-10}, "one lot at one tick must be worth at least 1e-18 USD"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(settings: dict[str, Any], clause: str) -> None:
    with pytest.raises(ConfigError, match=clause):
        Instrument(**{"symbol": "AAPL"} | settings)


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Instrument("", tick_size=-1.0, lot_size=0.0, currency="$")
    assert [
        name for name in ("symbol", "tick_size", "lot_size", "currency") if name in caught.value.what
    ] == [
        "symbol",
        "tick_size",
        "lot_size",
        "currency",
    ]
