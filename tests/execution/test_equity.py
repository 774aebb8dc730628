"""What an account has and risks, by hand: gate.md, sections 2, 3 and 5."""

from __future__ import annotations

from typing import Any

import pytest

from omni_lab.errors import ConfigError
from omni_lab.execution import Limits
from omni_lab.execution.registers import account_address, instrument_address, position_address
from tests.execution.conftest import AnyOMS, Play
from tests.execution.script import config

UNIT = 10**18


def wide(oms: AnyOMS, address: int) -> float:
    """An amount of a currency in two words."""
    value = oms.read_register(address) | oms.read_register(address + 8) << 64
    return (value - 2**128 * (value >> 127)) / UNIT


def money(oms: AnyOMS, *words: str, account: int = 0) -> list[float]:
    return [wide(oms, account_address(account, word)) for word in words]


def exposure(oms: AnyOMS, account: int, instrument: int) -> float:
    return wide(oms, position_address(account * 3 + instrument, "EXPOSURE"))


def sector_gross(oms: AnyOMS, account: int, sector: int, n_sectors: int = 2) -> float:
    return wide(oms, 0x100_0000 + 0x10 * (account * n_sectors + sector - 1))


FAMILY: dict[str, Any] = {
    "parents": {"b": "a"},
    "capital": {"a": 1_000.0, "b": 400.0},
    "sectors": {"X": "tech", "Y": "cars", "Z": "tech"},
}


def test_money_of_an_account_is_that_of_its_lineage(play: Play) -> None:
    oms = play(
        """
        c: sell 6 @100          | 1 accepted
        b: buy 4 @100           | 2 accepted; 2 takes 4@100 from 1
        a: buy 2 @100           | 3 accepted; 3 takes 2@100 from 1
        mark 110                | mark 110
        b: sell 1 @105          | 4 accepted
        c: buy 1 @105           | 5 accepted; 5 takes 1@105 from 4
        """,
        **FAMILY,
    ).oms
    # b: 3 of 4 left, bought at 100 and worth 105. a: those, and 2 of its own.
    assert money(oms, "CAPITAL", "CASH", "VALUE", "EQUITY", "REALISED", account=1) == [
        *(400.0, -295.0, 315.0, 420.0),
        5.0,
    ]
    assert money(oms, "CAPITAL", "CASH", "VALUE", "EQUITY", "REALISED", account=0) == [
        *(1_000.0, -495.0, 525.0, 1_030.0),
        5.0,
    ]
    assert money(oms, "CASH", "VALUE", "EQUITY", account=2) == [495.0, -525.0, -30.0]
    assert sum(money(oms, "EQUITY", account=number)[0] for number in (0, 2)) == 1_000.0


def test_exposure_is_the_worst_that_open_orders_can_lead_to(play: Play) -> None:
    script = play(
        """
        mark 100                | mark 100
        mark Z 10               | mark 10
        b: buy 3 @99            | 1 accepted
        b: sell 5 @101          | 2 accepted
        b: buy Y 9 @50          | 3 accepted
        a: sell Z 7 @11         | 4 accepted
        """,
        **FAMILY,
    )
    oms = script.oms
    # Of X 5 could be sold short; Y has no reference price; Z is open in the parent alone.
    assert [exposure(oms, 1, each) for each in range(3)] == [500.0, 0.0, 0.0]
    assert [exposure(oms, 0, each) for each in range(3)] == [500.0, 0.0, 70.0]
    assert [money(oms, "GROSS", account=each)[0] for each in (0, 1)] == [570.0, 500.0]
    assert [sector_gross(oms, 0, each) for each in (1, 2)] == [0.0, 570.0]
    script.run("""
        c: sell 3 @99           | 5 accepted; 5 takes 3@99 from 1
        cancel 2                | 2 canceled 5 REQUESTED
        b: buy 4 @98            | 6 accepted
    """)
    # 3 held and 4 more open, at 99.
    assert exposure(oms, 1, 0) == 7 * 99
    script.run("b: sell 12 @120 | 7 accepted")
    assert exposure(oms, 1, 0) == 9 * 99


def test_a_position_counts_for_no_more_than_a_bound(oms_class: type[AnyOMS]) -> None:
    oms = oms_class(config())
    for side, account in (("SELL", "b"), ("BUY", "a")):
        oms.submit("X", side, 2.0**50, 2.0**50, account=account)
    bound = 2**110 / UNIT
    assert exposure(oms, 0, 0) == bound
    assert money(oms, "VALUE", "GROSS") == [bound, bound]
    assert money(oms, "VALUE", account=1) == [-bound]
    # 2^100 of a currency do not fit into 128 bits of 1e-18.
    most = (2**127 - 1) / UNIT
    assert money(oms, "CASH") == [-most]
    assert money(oms, "CASH", account=1) == [most]


def test_a_peak_is_kept_where_somebody_watches_it(play: Play) -> None:
    watched = {"limits": {"a": Limits(max_drawdown=0.5)}, "soft_limits": {"b": Limits(max_drawdown=0.5)}}
    script = play(
        """
        c: sell 10 @100         | 1 accepted
        b: buy 1 @100           | 2 accepted; 2 takes 1@100 from 1
        mark 150                | mark 150
        mark 120                | mark 120
        """,
        capital=1_000.0,
        **watched,
    )
    oms = script.oms
    assert [money(oms, "PEAK", "EQUITY", account=each) for each in range(3)] == [
        *([1_000.0, 1_000.0], [1_050.0, 1_020.0]),
        [1_000.0, 980.0],
    ]
    # Neither limit stands for c: the first to do so begins with what there is. A second one changes nothing.
    oms.set_limits("c", Limits(max_drawdown=0.25), soft=True)
    assert money(oms, "PEAK", account=2) == [980.0]
    oms.mark("X", 110)
    oms.mark("X", 115)
    oms.set_limits("c", Limits(max_drawdown=0.5))
    assert money(oms, "PEAK", "EQUITY", account=2) == [990.0, 985.0]
    oms.write_register(account_address(1, "PEAK"), 0)
    assert money(oms, "PEAK", account=1) == [1_015.0]
    # No longer watched, it stays; watched again, it begins anew.
    oms.set_limits("b", Limits(), soft=True)
    oms.mark("X", 200)
    assert money(oms, "PEAK", "EQUITY", account=1) == [1_015.0, 1_100.0]
    oms.set_limits("b", Limits(max_drawdown=0.5))
    assert money(oms, "PEAK", account=1) == [1_100.0]


def test_a_trade_raises_the_peak_when_both_sides_are_filled(play: Play) -> None:
    # At 120 the seller's loss and the buyer's gain are there at once; a peak in between would be 1,000.
    script = play(
        """
        c: sell 1 @100          | 1 accepted
        b: buy 1 @100           | 2 accepted; 2 takes 1@100 from 1
        b: sell 1 @120          | 3 accepted
        c: buy 1 @120           | 4 accepted; 4 takes 1@120 from 3
        """,
        parents={"b": "a", "c": "a"},
        capital=1_000.0,
        limits=Limits(max_drawdown=0.9),
    )
    assert [money(script.oms, "PEAK", account=each)[0] for each in range(3)] == [1_000.0, 1_020.0, 1_000.0]


def test_capital_brought_in_is_no_profit(play: Play) -> None:
    script = play(
        """
        c: sell 1 @100          | 1 accepted
        b: buy 1 @100           | 2 accepted; 2 takes 1@100 from 1
        mark 50                 | mark 50
        """,
        capital=1_000.0,
        limits=Limits(max_drawdown=0.9),
    )
    oms = script.oms
    oms.set_capital("b", 3_000.0)
    assert money(oms, "CAPITAL", "EQUITY", "PEAK", "DAY_EQUITY", account=1) == [
        *(3_000.0, 2_950.0, 3_000.0),
        3_000.0,
    ]
    oms.set_capital("b", 100.0)
    assert money(oms, "EQUITY", "PEAK", "DAY_EQUITY", account=1) == [50.0, 100.0, 100.0]
    oms.new_day("b")
    assert money(oms, "EQUITY", "PEAK", "DAY_EQUITY", account=1) == [50.0, 100.0, 50.0]
    written = [event for event in oms.events() if event.kind == "REGISTER_WRITTEN"]
    oms.set_capital("b", 100.0)
    assert len(oms.events()) == 0
    assert len(written) == 5
    with pytest.raises(ConfigError, match="not negative"):
        oms.set_capital("b", -1.0)


def test_a_day_is_of_one_account_alone(play: Play) -> None:
    oms = play(
        """
        c: sell 1 @100          | 1 accepted
        b: buy 1 @100           | 2 accepted; 2 takes 1@100 from 1
        mark 50                 | mark 50
        """,
        **FAMILY,
    ).oms
    oms.new_day("b")
    assert money(oms, "DAY_EQUITY", account=1) == [350.0]
    assert money(oms, "DAY_EQUITY", account=0) == [1_000.0]
    oms.new_day()
    assert money(oms, "DAY_EQUITY", account=0) == [950.0]


@pytest.mark.parametrize("limits", [{"max_leverage": 9.0}, {"max_sector": 9.0}, {"max_name": 9.0}])
def test_without_a_reference_price_an_exposure_cannot_grow(play: Play, limits: dict[str, float]) -> None:
    reason = {"max_leverage": "LEVERAGE", "max_sector": "SECTOR_CONCENTRATION", "max_name": "SINGLE_NAME"}
    (name,) = limits
    told = play(
        f"""
        b: buy 1 @100           | 1 rejected {reason[name]}
        b: buy 1                | 2 rejected {reason[name]}
        mark 1                  | mark 1
        b: buy 1 @100           | 3 accepted
        """,
        limits={"a": Limits(**limits)},  # type: ignore[arg-type]
        **FAMILY,
    )
    assert told.oms.read_register(instrument_address(0, "REFERENCE")) == 1


def test_what_only_reduces_the_worst_case_is_never_held_back(play: Play) -> None:
    tight = Limits(max_daily_loss=0, max_drawdown=0.0, max_leverage=0.0, max_sector=0.0, max_name=0.0)
    script = play(
        """
        c: sell 10 @100         | 1 accepted
        b: buy 5 @100           | 2 accepted; 2 takes 5@100 from 1
        """,
        **FAMILY,
    )
    for account in ("a", "b"):
        script.oms.set_limits(account, tight)
    script.oms.events()
    script.run("""
        b: buy 1 @99            | 3 rejected DAILY_LOSS
        b: sell 5 @101          | 4 accepted
        b: sell 5 @102          | 5 accepted
        b: sell 1 @103          | 6 rejected DAILY_LOSS
        a: sell 1 @103          | 7 rejected DAILY_LOSS
        replace 5 qty=4         | 5 replaced 4@102
    """)


def test_no_equity_allows_no_exposure(play: Play) -> None:
    play(
        """
        mark 100                | mark 100
        b: buy 1 @100           | 1 rejected LEVERAGE
        a: buy 1 @100           | 2 accepted
        """,
        limits={"b": Limits(max_leverage=1_000.0)},
    )
