"""What a configuration and limits may be, and what is said of those that may not."""

from typing import Any

import pytest

from omni_lab.domain import Instrument, TradingPhase
from omni_lab.errors import ConfigError
from omni_lab.execution import Limits, OMSConfig
from omni_lab.execution.setup import MAX64, MAX128


def test_a_symbol_is_an_instrument_with_a_tick_of_a_cent() -> None:
    config = OMSConfig(instruments=["ABC"])
    assert config.instruments == (Instrument("ABC", tick_size=0.01),)
    assert (config.accounts, config.initial_phase) == (("main",), TradingPhase.CONTINUOUS)
    (instrument,) = config.setup().instruments
    assert instrument.tick_value == 10**16


def test_limits_become_lots_and_units_of_money() -> None:
    limits = Limits(max_position=1.5, max_notional=0.1, max_daily_loss=1e6, cancel_rate=7)
    setup = limits.setup([0.001])
    assert (setup.max_position, setup.max_order_qty) == (1_500, MAX64)
    assert (setup.max_notional, setup.max_daily_loss) == (10**17, 10**24)
    assert (setup.order_rate, setup.cancel_rate, setup.collar_bps) == (MAX64, 7, MAX64)
    assert Limits().setup([1.0, 2.0]).max_notional == MAX128


def test_a_limit_of_a_quantity_needs_lots_of_one_size() -> None:
    instruments = [Instrument("A", tick_size=1.0), Instrument("B", tick_size=1.0, lot_size=0.1)]
    OMSConfig(instruments=instruments, limits=Limits(max_notional=5))
    with pytest.raises(ConfigError, match="max_position counts lots"):
        OMSConfig(instruments=instruments, limits=Limits(max_position=5))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"instruments": []}, "at least one instrument"),
        ({"instruments": "ABC"}, "at least one instrument"),
        ({"instruments": [5]}, "Instrument or a symbol"),
        ({"instruments": [" "]}, "symbol must be printable"),
        ({"instruments": [Instrument("ABC")]}, "'ABC' must state its tick_size"),
        ({"instruments": ["ABC", "ABC"]}, "twice as ABC"),
        ({"instruments": [Instrument("A", tick_size=1e-17, lot_size=0.15)]}, "whole number of 1e-18"),
        ({"instruments": [Instrument("A", tick_size=1e10)]}, "whole number of 1e-18, below 2"),
        ({"accounts": ()}, "at least one name"),
        ({"accounts": "main"}, "at least one name"),
        ({"accounts": ("a", "")}, "printable text"),
        ({"accounts": ("a", "a")}, "twice as a"),
        ({"accounts": [f"a{number}" for number in range(4_081)]}, "4,080 accounts"),
        ({"limits": {"mian": Limits()}}, "'mian' is stated"),
        ({"limits": 5}, "limits must be Limits"),
        ({"reference_prices": {"XYZ": 1.0}}, "'XYZ' is stated"),
        ({"reference_prices": {"ABC": 1.005}}, "off the grid.*1.0 or 1.01"),
        ({"reference_prices": {"ABC": 0.0}}, "1 to 2"),
        ({"initial_phase": "OPEN"}, "PRE_OPEN"),
        ({"durability": "always"}, "durability must be one of 'none', 'batch', 'every'"),
        ({"snapshot_every": 0}, "snapshot_every"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        OMSConfig(**{"instruments": ["ABC"]} | settings)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as told:
        OMSConfig(instruments=["ABC", "ABC"], accounts=(), snapshot_every=-1)
    assert all(word in str(told.value) for word in ("ABC", "accounts", "snapshot_every"))


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_position": -1}, "max_position must be a number that is not negative"),
        ({"max_notional": float("nan")}, "max_notional"),
        ({"max_daily_loss": "5"}, "max_daily_loss"),
        ({"collar_bps": 0.5}, "collar_bps must be a whole number"),
        ({"order_rate": 0}, "order_rate must be from 1"),
        ({"cancel_burst": 2e9}, "cancel_burst must be from 1"),
        ({"order_burst": None}, "order_burst"),
    ],
)
def test_a_limit_that_cannot_be_used_is_named(limits: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Limits(**limits)


def test_a_limit_between_two_lots_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"max_position.*1\.0 or 2\.0|off the grid"):
        OMSConfig(instruments=["ABC"], limits=Limits(max_position=1.5))
