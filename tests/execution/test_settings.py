"""What a configuration and limits may be, and what is said of those that may not."""

from typing import Any

import pytest

from omni_lab.domain import Instrument, TradingPhase
from omni_lab.errors import ConfigError
from omni_lab.execution import InstrumentLimits, Limits, OMSConfig, PositionLimits
from omni_lab.execution.setup import MAX64, MAX128


def test_a_symbol_is_an_instrument_with_a_tick_of_a_cent() -> None:
    config = OMSConfig(instruments=["ABC"])
    assert config.instruments == (Instrument("ABC", tick_size=0.01),)
    assert (config.accounts, config.initial_phase) == (("main",), TradingPhase.CONTINUOUS)
    (instrument,) = config.setup().instruments
    assert instrument.tick_value == 10**16


def test_limits_become_lots_and_units_of_money() -> None:
    limits = Limits(
        max_position=1.5,
        max_notional=0.1,
        max_daily_loss=1e6,
        cancel_rate=7,
        max_drawdown=0.1,
        max_leverage=2,
        max_sector=0.3,
        max_name=0.0001,
    )
    setup = limits.setup([0.001])
    assert (setup.max_position, setup.max_order_qty) == (1_500, MAX64)
    assert (setup.max_notional, setup.max_daily_loss) == (10**17, 10**24)
    fractions = (setup.max_drawdown, setup.max_leverage, setup.max_sector, setup.max_name)
    assert fractions == (1_000, 20_000, 3_000, 1)
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
        ({"soft_limits": 5}, "soft_limits must be Limits"),
        ({"soft_limits": {"mian": Limits()}}, "'mian' is stated soft limits"),
        ({"capital": -1.0}, "capital must be an amount"),
        ({"capital": {"main": float("nan")}}, "capital must be an amount"),
        ({"capital": {"mian": 1.0}}, "'mian' is stated capital"),
        ({"sectors": {"XYZ": "tech"}}, "'XYZ' is stated a sector"),
        ({"sectors": {"ABC": 5}}, "sectors must be the name of a sector by symbol"),
        ({"instrument_limits": {"XYZ": InstrumentLimits()}}, "'XYZ' is stated limits"),
        ({"instrument_limits": {"ABC": Limits()}}, "instrument_limits must be InstrumentLimits by symbol"),
        ({"instrument_limits": {"ABC": InstrumentLimits(max_order_qty=0.5)}}, "instrument_limits of 'ABC'"),
        ({"position_limits": {"main": PositionLimits()}}, r"'main' is stated position limits"),
        ({"position_limits": {("main", "XYZ"): PositionLimits()}}, "is no .account, symbol."),
        ({"position_limits": {("main", "ABC"): Limits()}}, "PositionLimits by"),
        ({"position_limits": {("main", "ABC"): PositionLimits(max_position=0.5)}}, "'main' in 'ABC'.*grid"),
        ({"parents": {"main": "firm"}}, "'firm' is a parent and is not listed"),
        ({"parents": {"desk": "main"}}, "'desk' is stated a parent"),
        ({"parents": {"main": "main"}}, "nobody is above himself"),
        ({"parents": "main"}, "parents must be"),
        ({"two_person": 1}, "two_person must be True or False"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        OMSConfig(**{"instruments": ["ABC"]} | settings)


def test_parents_stand_before_their_children() -> None:
    tree = {"strategy": "desk", "desk": "firm"}
    with pytest.raises(ConfigError, match=r"list the accounts as \('firm', 'desk', 'strategy'\)"):
        OMSConfig(instruments=["ABC"], accounts=("strategy", "desk", "firm"), parents=tree)
    config = OMSConfig(instruments=["ABC"], accounts=("firm", "desk", "strategy"), parents=tree)
    assert [account.parent for account in config.setup().accounts] == [None, 0, 1]
    with pytest.raises(ConfigError, match="nobody is above himself, as 'a', 'b'"):
        OMSConfig(instruments=["ABC"], accounts=("a", "b", "c"), parents={"a": "b", "b": "a", "c": "a"})
    names = tuple("abcde")
    with pytest.raises(ConfigError, match="four levels of accounts, and 'e' would"):
        OMSConfig(instruments=["ABC"], accounts=names, parents=dict(zip(names[1:], names, strict=False)))


def test_sectors_are_numbered_in_the_order_of_their_names() -> None:
    config = OMSConfig(instruments=["A", "B", "C", "D"], sectors={"A": "tech", "C": "banks", "D": "tech"})
    assert [each.sector for each in config.setup().instruments] == [2, 0, 1, 2]
    assert config.sector_names == ("banks", "tech")
    many = {f"S{number}": f"sector of {number}" for number in range(256)}
    with pytest.raises(ConfigError, match="255 sectors, not 256"):
        OMSConfig(instruments=list(many), sectors=many)


def test_limits_of_lots_differ_where_lots_do() -> None:
    instruments = [Instrument("A", tick_size=1.0), Instrument("B", tick_size=1.0, lot_size=0.1)]
    config = OMSConfig(
        instruments=instruments,
        instrument_limits={"B": InstrumentLimits(max_order_qty=0.5)},
        position_limits={
            ("main", "B"): PositionLimits(max_position=1.2),
            ("main", "A"): PositionLimits(max_position=3),
        },
    )
    setup = config.setup()
    assert setup.instruments[1].max_order_qty == 5
    assert [(each.instrument, each.max_position) for each in setup.positions] == [(0, 3), (1, 12)]


def test_problems_of_grids_are_told_at_once_too() -> None:
    with pytest.raises(ConfigError) as told:
        OMSConfig(
            instruments=["ABC", "XYZ"],
            reference_prices={"ABC": 1.005},
            limits={"main": Limits(max_position=0.5)},
            soft_limits={"main": Limits(max_order_qty=1.5)},
            instrument_limits={"XYZ": InstrumentLimits(max_order_qty=2.5)},
        )
    said = str(told.value)
    assert all(each in said for each in ("1.005", "limits of 'main'", "soft_limits", "instrument_limits"))


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
        ({"max_leverage": 0.00005}, "max_leverage must be a whole number of 1/10,000"),
        ({"max_drawdown": -0.1}, "max_drawdown must be a number that is not negative"),
        ({"max_name": float("inf")}, "max_name"),
    ],
)
def test_a_limit_that_cannot_be_used_is_named(limits: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Limits(**limits)


def test_a_limit_between_two_lots_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"max_position.*1\.0 or 2\.0|off the grid"):
        OMSConfig(instruments=["ABC"], limits=Limits(max_position=1.5))
