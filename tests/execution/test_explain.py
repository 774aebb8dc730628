"""What the gate would say, and what its limits leave room for: gate.md, section 7."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from omni_lab.domain import EventKind, RejectReason
from omni_lab.errors import ConfigError, DataError, OmniError
from omni_lab.execution import (
    Explanation,
    InstrumentLimits,
    Limits,
    LimitTable,
    OMSConfig,
    PositionLimits,
    ReferenceOMS,
)
from omni_lab.execution.codec import Cancel, New, Replace, decode
from tests.execution.conftest import AnyOMS
from tests.execution.flows import FAMILY, commands
from tests.execution.script import config

CONFIG: dict[str, Any] = {
    "accounts": ("firm", "desk"),
    "parents": {"desk": "firm"},
    "capital": {"firm": 10_000.0, "desk": 1_000.0},
    "sectors": {"X": "tech", "Z": "cars"},
    "reference_prices": {"X": 100, "Y": 50},
    "limits": {
        "firm": Limits(max_leverage=1.5, max_sector=1.0),
        "desk": Limits(max_position=50, max_notional=500, order_rate=4, order_burst=2, max_daily_loss=30),
    },
    "soft_limits": {"desk": Limits(max_drawdown=0.05, max_name=0.4)},
    "instrument_limits": {"X": InstrumentLimits(collar_bps=200)},
    "position_limits": {("desk", "X"): PositionLimits(max_position=8, max_order_qty=6)},
}


def rows(table: LimitTable, *names: str) -> list[tuple[Any, ...]]:
    return list(zip(*(table.columns[name].tolist() for name in names), strict=True))


def limited(table: LimitTable) -> dict[tuple[str, ...], tuple[Any, ...]]:
    """Value, limit, headroom and outcome of what is limited, by check, level and severity."""
    keys = rows(table, "check", "level", "severity")
    values = rows(table, "value", "limit", "headroom", "passes")
    return {
        key: value
        for key, value in zip(keys, values, strict=True)
        if math.isfinite(value[1]) and key[0] != "KILL_SWITCH"
    }


def test_an_order_is_explained_by_hand(oms_class: type[AnyOMS]) -> None:
    oms = oms_class(config(**CONFIG))
    oms.submit("X", "BUY", 2, 99, account="desk")
    before = oms.state()
    told = oms.explain("X", "BUY", 5, 101, account="desk")
    assert limited(told) == {
        ("POSITION_LIMIT", "desk", "hard"): (7, 50, 43, True),
        ("POSITION_LIMIT", "desk.X", "hard"): (7, 8, 1, True),
        ("ORDER_SIZE", "desk.X", "hard"): (5, 6, 1, True),
        ("PRICE_COLLAR", "X", "hard"): (100, 200, 100, True),
        ("NOTIONAL", "desk", "hard"): (505, 500, -5, False),
        ("ORDER_RATE", "desk", "hard"): (1, 1, 0, True),
        ("DAILY_LOSS", "desk", "hard"): (0, 30, 30, True),
        ("LEVERAGE", "firm", "hard"): (0.07, 1.5, 1.5 - 0.07, True),
        ("SECTOR_CONCENTRATION", "firm", "hard"): (0.07, 1.0, 1.0 - 0.07, True),
        ("DRAWDOWN", "desk", "warn"): (0, 0.05, 0.05, True),
        ("SINGLE_NAME", "desk", "warn"): (0.7, 0.4, 0.4 - 0.7, False),
    }
    assert (told.refused, told.warned) == ("NOTIONAL", None)
    assert oms.state() == before
    checks = [check for check, _ in dict.fromkeys(rows(told, "check", "severity"))]
    order = ["POSITION_LIMIT", "ORDER_SIZE", "PRICE_COLLAR", "NOTIONAL", "ORDER_RATE"]
    order += ["DAILY_LOSS", "DRAWDOWN", "LEVERAGE", "SECTOR_CONCENTRATION", "SINGLE_NAME"]
    assert checks == ["KILL_SWITCH", *order, *order]
    assert rows(told, "check", "level")[:4] == [
        *(("KILL_SWITCH", "everything"), ("KILL_SWITCH", "X")),
        *(("KILL_SWITCH", "firm"), ("KILL_SWITCH", "desk")),
    ]


def test_only_what_applies_is_told(oms_class: type[AnyOMS]) -> None:
    oms = oms_class(config(**CONFIG))
    market = {check for check, _ in rows(oms.explain("Y", "SELL", 1), "check", "level")}
    assert not market & {"SECTOR_CONCENTRATION", "CANCEL_RATE"}
    assert len(market) == 10
    collars = oms.explain("Y", "SELL", 1).columns
    # Without a price there is no distance from the reference.
    assert np.isnan(collars["value"][collars["check"] == "PRICE_COLLAR"]).all()
    number = oms.submit("X", "BUY", 2, 99, account="desk")
    assert {check for (check,) in rows(oms.explain_cancel(number), "check")} == {"CANCEL_RATE"}


def test_a_replacement_is_explained(oms_class: type[AnyOMS]) -> None:
    oms = oms_class(config(**CONFIG))
    number = oms.submit("X", "BUY", 4, 100, account="desk")
    told = limited(oms.explain(replace=number, qty=7, price=103.0))
    assert told["ORDER_SIZE", "desk.X", "hard"] == (7, 6, -1, False)
    assert told["POSITION_LIMIT", "desk.X", "hard"] == (7, 8, 1, True)
    assert told["PRICE_COLLAR", "X", "hard"] == (300, 200, -100, False)
    assert told["NOTIONAL", "desk", "hard"] == (721, 500, -221, False)
    smaller = oms.explain(replace=number, qty=1)
    assert smaller.refused is None
    assert limited(smaller)["POSITION_LIMIT", "desk", "hard"] == (1, 50, 49, True)
    assert oms.explain(replace=number, price=103.0).refused == "PRICE_COLLAR"


def test_a_fraction_of_nothing_is_no_number(oms_class: type[AnyOMS]) -> None:
    oms = oms_class(config(limits=Limits(max_leverage=1.0, max_drawdown=0.5)))
    told = oms.explain("X", "BUY", 1, 10)
    found = limited(told)
    for check in ("LEVERAGE", "DRAWDOWN"):
        value, limit, headroom, passes = found[check, "a", "hard"]
        assert math.isnan(value)
        assert math.isnan(headroom)
        assert (limit, passes) == (1.0 if check == "LEVERAGE" else 0.5, False)
    assert told.refused == "DRAWDOWN"
    assert any("no equity" in each for each in told.sentences)
    columns = told.columns
    free = columns["limit"][columns["check"] == "ORDER_SIZE"]
    assert np.isposinf(free).all()


def test_rates_are_told_as_they_will_be(oms_class: type[AnyOMS]) -> None:
    oms = oms_class(config(limits=Limits(order_rate=1, order_burst=2), soft_limits=Limits(cancel_rate=2)))
    number = oms.submit("X", "BUY", 1, 10)
    oms.submit("X", "BUY", 1, 10, ts=250_000_000)
    assert limited(oms.explain("X", "BUY", 1, 10))["ORDER_RATE", "a", "hard"] == (1, 0.25, -0.75, False)
    later = oms.explain("X", "BUY", 1, 10, ts=10**9)
    assert limited(later)["ORDER_RATE", "a", "hard"] == (1, 1.0, 0, True)
    told = oms.explain_cancel(number)
    assert limited(told)["CANCEL_RATE", "a", "warn"] == (1, 1.0, 0, True)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda oms: oms.explain("X", "BUY"), ConfigError, "a symbol, a side and a quantity"),
        (lambda oms: oms.explain("NO", "BUY", 1), OmniError, "no such instrument"),
        (lambda oms: oms.explain("X", "BUY", 0.5), DataError, "off the grid"),
        (lambda oms: oms.explain("X", replace=1, qty=1), ConfigError, "alone: found \\['symbol'\\]|symbol"),
        (lambda oms: oms.explain(replace=1, display_qty=1.0), ConfigError, "display_qty"),
        (lambda oms: oms.explain(replace=9, qty=1), DataError, "no such order"),
        (lambda oms: oms.explain_cancel(9), DataError, "no such order"),
        (lambda oms: oms.explain_cancel(1), DataError, "has ended"),
        (lambda oms: oms.explain(replace=1, qty=5), DataError, "has ended"),
    ],
)
def test_what_cannot_be_explained_is_an_error(
    oms_class: type[AnyOMS], call: Any, error: type[OmniError], said: str
) -> None:
    oms = oms_class(config())
    oms.cancel(oms.submit("X", "BUY", 1, 100))
    with pytest.raises(error, match=said):
        call(oms)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_first_that_fails_is_the_verdict(oms_class: type[AnyOMS], seed: int) -> None:
    """Of every command of a flow that reaches the gate."""
    oms = oms_class(config(**FAMILY))
    n_checked = {"refused": 0, "warned": 0}
    for kind, payload in commands(seed, 3_000, "gated"):
        command = decode(kind, payload)
        about_order = isinstance(command, New | Cancel | Replace)
        known = isinstance(command, New) or (about_order and _lives(oms, command))
        known = known and not (isinstance(command, New) and max(command.account, command.instrument) > 2)
        if not known:
            oms.execute(kind, payload)
            continue
        told = Explanation(oms._explain(kind, payload), "")
        oms.events()
        n_before = oms.read_register(0x40)
        oms.execute(kind, payload)
        events = oms.events().columns["kind"].tolist()
        if oms.read_register(0x40) == n_before or events[0] == EventKind.EXPIRED:
            continue  # it did not reach the gate, or after others had made room
        assert told.refused == _reason(oms.read_register(0x30))
        assert told.warned == _reason(oms.read_register(0x38))
        n_checked["refused"] += told.refused is not None
        n_checked["warned"] += told.warned is not None
    assert min(n_checked.values()) > 50


def _lives(oms: AnyOMS, command: Any) -> bool:
    try:
        return oms.order(command.order_id).place is not None
    except DataError:
        return False


def _reason(code: int) -> str | None:
    return RejectReason(code).name if code else None


def test_headroom_by_hand(oms_class: type[AnyOMS]) -> None:
    oms = oms_class(config(**CONFIG))
    oms.submit("X", "BUY", 3, 100, account="desk")
    oms.submit("X", "SELL", 3, 100, account="firm")
    oms.submit("X", "SELL", 4, 101, account="desk")
    oms.mark("X", 110)
    room = oms.headroom()
    found = limited(room)
    assert found == {
        ("LEVERAGE", "firm", "hard"): (440 / 10_000, 1.5, 1.5 - 0.044, True),
        ("SECTOR_CONCENTRATION", "firm", "hard"): (440 / 10_000, 1.0, 1.0 - 0.044, True),
        ("POSITION_LIMIT", "desk", "hard"): (3, 50, 47, True),
        ("POSITION_LIMIT", "desk.X", "hard"): (3, 8, 5, True),
        ("ORDER_RATE", "desk", "hard"): (1, 0, -1, False),
        ("DAILY_LOSS", "desk", "hard"): (-30, 30, 60, True),
        ("DRAWDOWN", "desk", "warn"): (0, 0.05, 0.05, True),
        ("SINGLE_NAME", "desk", "warn"): (330 / 1_030, 0.4, 0.4 - 330 / 1_030, True),
    }
    sectors = {
        (account, sector): value
        for account, check, severity, sector, value in rows(
            room, "account", "check", "severity", "sector", "value"
        )
        if check == "SECTOR_CONCENTRATION" and severity == "hard"
    }
    assert sectors == {
        ("firm", "tech"): 440 / 10_000,
        ("desk", "tech"): 330 / 1_030,
    }
    names = {
        (account, instrument): value
        for account, instrument, check, severity, value in rows(
            room, "account", "instrument", "check", "severity", "value"
        )
        if check == "SINGLE_NAME" and severity == "hard"
    }
    assert names == {("firm", "X"): 440 / 10_000, ("desk", "X"): 330 / 1_030}
    assert any(text.startswith("ORDER_RATE: desk") for text in room.sentences)
    used = dict(zip(rows(room, "check", "level", "severity"), room.used.tolist(), strict=True))
    assert used["POSITION_LIMIT", "desk", "hard"] == 3 / 50
    assert math.isnan(used["ORDER_RATE", "desk", "hard"])


def test_tables_read_as_text_html_and_frames(oms_class: type[AnyOMS]) -> None:
    oms = oms_class(config(**CONFIG))
    told = oms.explain("X", "BUY", 7, 100, account="desk")
    text = repr(told)
    assert text.startswith(
        "The gate would refuse this:\nORDER_SIZE: the order is of 7 lots, and desk.X allows 6"
    )
    assert "raise max_order_qty of desk.X" in text
    assert "checks without a limit)" in text
    assert "KILL_SWITCH" not in text
    frame = told.to_frame()
    assert list(frame.columns) == [
        *("check", "level", "severity", "value", "limit", "headroom", "unit", "passes"),
    ]
    assert len(frame) == len(told)
    assert frame["unit"][frame["check"] == "LEVERAGE"].unique().tolist() == ["of equity"]
    html = told._repr_html_()
    # The heading, and one row for each line below the sentences and above the count of the others.
    assert html.count("<tr>") == text.count("\n") - len(told.sentences) - 1
    fine = oms.explain("Y", "BUY", 1, 50, account="desk")
    assert repr(fine).startswith("The gate would let this pass.")
    warned = oms.explain("X", "BUY", 5, 99, account="desk")
    assert repr(warned).startswith(
        "The gate would let this pass, and warn:\nSINGLE_NAME: the exposure of desk"
    )
    room = oms.headroom()
    assert repr(room).startswith("Everything stands within its limits.\naccount")
    assert room.to_frame()["sector"].isin(["", "tech", "cars"]).all()
    oms.kill("desk", who="ann", why="a test")
    oms.kill(instrument="Y", who="ann", why="a test")
    assert oms.headroom().switched_off == ("desk", "Y")
    assert repr(oms.headroom()).startswith(
        "The kill switch of desk is on: no new order passes.\nThe kill switch of Y"
    )
    assert repr(oms_class(config()).headroom()).startswith("No account has a limit.")


def test_names_are_escaped(oms_class: type[AnyOMS]) -> None:
    oms = oms_class(OMSConfig(instruments=["X"], accounts=["<b>"], limits=Limits(max_order_qty=1)))
    html = oms.explain("X", "BUY", 2, 1.0)._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;" in html


def test_sectors_keep_their_names_where_a_system_keeps_its_configuration(
    oms_class: type[AnyOMS],
) -> None:
    oms = oms_class(config(**CONFIG))
    oms.submit("X", "BUY", 1, 100)
    assert set(oms.headroom().columns["sector"].tolist()) == {"", "tech"}
    again = ReferenceOMS.from_state(oms.state())
    assert set(again.headroom().columns["sector"].tolist()) == {"", "sector 2"}
