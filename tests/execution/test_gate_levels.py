"""Every check of the risk gate below, at and above its limit, at every level it has: gate.md, section 4."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from omni_lab.execution import Explanation, InstrumentLimits, Limits, PositionLimits
from tests.execution.conftest import AnyOMS
from tests.execution.script import config

LINEAGE = ("firm", "desk", "strategy")
WHO = "strategy"
OTHER = "other"


class Case(NamedTuple):
    """A limit, and what comes one below it, at it and one above it.

    Attributes
    ----------
    limits : dict
        The limit, by its name.
    act : callable
        From a system and -1, 0 or 1 to what was explained of the last command before it was sent.
    refused_at : bool
        Whether the limit itself is refused.
    """

    limits: dict[str, float]
    act: Callable[[AnyOMS, int], Explanation]
    refused_at: bool = False


def send(oms: AnyOMS, qty: float, price: float | None = 100.0, side: str = "BUY") -> Explanation:
    told = oms.explain("X", side, qty, price, account=WHO)
    oms.submit("X", side, qty, price, account=WHO)
    return told


def of_ten(oms: AnyOMS, more: int) -> Explanation:
    return send(oms, 10 + more)


def on_top_of_what_is_open(oms: AnyOMS, more: int) -> Explanation:
    oms.submit("X", "SELL", 4, 101, account=WHO)
    oms.submit("X", "BUY", 7, 101, account=OTHER)
    oms.submit("X", "SELL", 3, 102, account=WHO)
    return send(oms, 3 + more, 103, side="SELL")


def five_away(oms: AnyOMS, more: int) -> Explanation:
    return send(oms, 1, 105 + more)


def after_orders(oms: AnyOMS, more: int) -> Explanation:
    for _ in range(2 + more):
        oms.submit("X", "BUY", 1, 100, account=WHO)
    return send(oms, 1)


def after_cancels(oms: AnyOMS, more: int) -> Explanation:
    numbers = [oms.submit("X", "BUY", 1, 100, account=WHO) for _ in range(3 + more)]
    for number in numbers[1:]:
        oms.cancel(number)
    told = oms.explain_cancel(numbers[0])
    oms.cancel(numbers[0])
    return told


def after_a_loss(oms: AnyOMS, more: int) -> Explanation:
    """A lot bought at 200 is worth 100 less, one more or one less."""
    oms.submit("X", "SELL", 1, 200, account=OTHER)
    oms.submit("X", "BUY", 1, 200, account=WHO)
    oms.mark("X", 100 - more)
    return send(oms, 1, 100)


def twenty(oms: AnyOMS, more: int) -> Explanation:
    return send(oms, 20 + more)


def twenty_with_what_is_open(oms: AnyOMS, more: int) -> Explanation:
    oms.submit("X", "SELL", 5, 100, account=OTHER)
    oms.submit("X", "BUY", 5, 100, account=WHO)
    oms.submit("X", "BUY", 5, 99, account=WHO)
    oms.submit("X", "SELL", 18, 102, account=WHO)
    return send(oms, 10 + more, 98)


CASES = {
    "POSITION_LIMIT": Case({"max_position": 10}, of_ten),
    "POSITION_LIMIT of a seller": Case({"max_position": 10}, on_top_of_what_is_open),
    "ORDER_SIZE": Case({"max_order_qty": 10}, of_ten),
    "PRICE_COLLAR": Case({"collar_bps": 500}, five_away),
    "NOTIONAL": Case({"max_notional": 1_000}, of_ten),
    "ORDER_RATE": Case({"order_rate": 1, "order_burst": 3}, after_orders),
    "CANCEL_RATE": Case({"cancel_rate": 1, "cancel_burst": 3}, after_cancels),
    "DAILY_LOSS": Case({"max_daily_loss": 100}, after_a_loss, refused_at=True),
    "DRAWDOWN": Case({"max_drawdown": 0.1}, after_a_loss, refused_at=True),
    "LEVERAGE": Case({"max_leverage": 2.0}, twenty),
    "LEVERAGE with what is held": Case({"max_leverage": 2.0}, twenty_with_what_is_open),
    "SECTOR_CONCENTRATION": Case({"max_sector": 2.0}, twenty),
    "SINGLE_NAME": Case({"max_name": 2.0}, twenty),
    "SINGLE_NAME with what is held": Case({"max_name": 2.0}, twenty_with_what_is_open),
}
OF_AN_INSTRUMENT = ("ORDER_SIZE", "PRICE_COLLAR", "NOTIONAL")
OF_A_POSITION = ("POSITION_LIMIT", "POSITION_LIMIT of a seller", "ORDER_SIZE")


def family(**settings: Any) -> Any:
    accounts = (OTHER, *LINEAGE)
    parents = {"desk": "firm", "strategy": "desk"}
    return config(
        **{
            "accounts": accounts,
            "parents": parents,
            "capital": 1_000.0,
            "sectors": {"X": "tech"},
            "reference_prices": {"X": 100},
        }
        | settings
    )


def outcome(oms: AnyOMS) -> tuple[str | None, str | None]:
    """The reasons why the last command was refused and warned of."""
    events = [*oms.events()]
    last = [event for event in events if event.seq == events[-1].seq]
    refused = [event.reason for event in last if event.kind in ("REJECTED", "CANCEL_REJECTED")]
    warned = [event.reason for event in last if event.kind == "WARNED"]
    return (refused or [None])[0], (warned or [None])[0]


def is_refused(case: Case, more: int) -> bool:
    return more > 0 or (more == 0 and case.refused_at)


def failing_levels(told: Explanation, severity: str) -> list[str]:
    return [level for _, level in failing(told, severity)]


@pytest.mark.parametrize("more", [-1, 0, 1], ids=["below", "at", "above"])
@pytest.mark.parametrize("level", LINEAGE)
@pytest.mark.parametrize("name", CASES)
def test_a_limit_of_an_account_holds_for_all_below_it(
    oms_class: type[AnyOMS], name: str, level: str, more: int
) -> None:
    case, reason = CASES[name], name.split(maxsplit=1)[0]
    oms = oms_class(family(limits={level: Limits(**case.limits)}))  # type: ignore[arg-type]
    told = case.act(oms, more)
    refused = is_refused(case, more)
    assert outcome(oms) == (reason if refused else None, None)
    assert (told.refused, failing_levels(told, "hard")) == ((reason, [level]) if refused else (None, []))


@pytest.mark.parametrize("more", [-1, 0, 1], ids=["below", "at", "above"])
@pytest.mark.parametrize("level", LINEAGE)
@pytest.mark.parametrize("name", CASES)
def test_a_soft_limit_warns_and_lets_pass(oms_class: type[AnyOMS], name: str, level: str, more: int) -> None:
    case, reason = CASES[name], name.split(maxsplit=1)[0]
    oms = oms_class(family(soft_limits={level: Limits(**case.limits)}))  # type: ignore[arg-type]
    told = case.act(oms, more)
    warned = is_refused(case, more)
    assert outcome(oms) == (None, reason if warned else None)
    assert (told.refused, told.warned) == (None, reason if warned else None)
    assert failing_levels(told, "warn") == ([level] if warned else [])


@pytest.mark.parametrize("more", [-1, 0, 1], ids=["below", "at", "above"])
@pytest.mark.parametrize("name", OF_AN_INSTRUMENT)
def test_a_limit_of_an_instrument_holds_for_everybody(oms_class: type[AnyOMS], name: str, more: int) -> None:
    case = CASES[name]
    oms = oms_class(family(instrument_limits={"X": InstrumentLimits(**case.limits)}))  # type: ignore[arg-type]
    told = case.act(oms, more)
    refused = is_refused(case, more)
    assert outcome(oms) == (name if refused else None, None)
    assert failing_levels(told, "hard") == (["X"] if refused else [])


@pytest.mark.parametrize("more", [-1, 0, 1], ids=["below", "at", "above"])
@pytest.mark.parametrize("level", LINEAGE)
@pytest.mark.parametrize("name", OF_A_POSITION)
def test_a_limit_of_a_position_holds_there(oms_class: type[AnyOMS], name: str, level: str, more: int) -> None:
    case, reason = CASES[name], name.split(maxsplit=1)[0]
    limits = PositionLimits(**case.limits)
    oms = oms_class(family(position_limits={(level, "X"): limits, (level, "Y"): PositionLimits()}))
    told = case.act(oms, more)
    refused = is_refused(case, more)
    assert outcome(oms) == (reason if refused else None, None)
    assert failing_levels(told, "hard") == ([f"{level}.X"] if refused else [])
    oms.submit("Y", "BUY", 999, 100, account=WHO)
    assert outcome(oms) == (None, None)


@pytest.mark.parametrize("level", ["everything", "instrument", *LINEAGE])
def test_a_kill_switch_holds_for_its_scope(oms_class: type[AnyOMS], level: str) -> None:
    oms = oms_class(family())
    account = level if level in LINEAGE else None
    oms.kill(account, instrument="X" if level == "instrument" else None, who="ann", why="a test")
    oms.events()
    told = send(oms, 1)
    assert outcome(oms) == ("KILL_SWITCH", None)
    name = "X" if level == "instrument" else level
    assert (told.refused, failing_levels(told, "hard")) == ("KILL_SWITCH", [name])
    oms.submit("X", "BUY", 1, 100, account=OTHER)
    assert outcome(oms)[0] == (None if account else "KILL_SWITCH")


def test_what_brothers_do_counts_together(oms_class: type[AnyOMS]) -> None:
    oms = oms_class(
        family(
            accounts=("firm", "one", "two"),
            parents={"one": "firm", "two": "firm"},
            limits={"firm": Limits(max_position=10, order_rate=1, order_burst=3)},
        )
    )
    oms.submit("X", "BUY", 6, 100, account="one")
    oms.submit("X", "BUY", 5, 100, account="two")
    assert outcome(oms) == ("POSITION_LIMIT", None)
    oms.submit("X", "BUY", 4, 100, account="two")
    assert outcome(oms) == (None, None)
    oms.submit("X", "SELL", 1, 101, account="one")
    oms.submit("X", "SELL", 1, 101, account="two")
    assert outcome(oms) == ("ORDER_RATE", None)


def test_the_checks_and_their_levels_have_an_order(oms_class: type[AnyOMS]) -> None:
    # An order that breaks every limit at every level.
    tight = {
        "max_position": 1,
        "max_order_qty": 1,
        "collar_bps": 1,
        "max_notional": 1,
        "max_daily_loss": 1,
        "max_drawdown": 0.0001,
        "max_leverage": 0.0001,
        "max_sector": 0.0001,
        "max_name": 0.0001,
    }
    accounts = {name: dict(tight) for name in LINEAGE}
    places = {name: {each: tight[each] for each in ("max_position", "max_order_qty")} for name in LINEAGE}
    instrument = {each: tight[each] for each in ("max_order_qty", "collar_bps", "max_notional")}
    oms = oms_class(family())
    oms.submit("X", "SELL", 1, 100, account=OTHER)
    oms.submit("X", "BUY", 1, 100, account=WHO)
    for name in LINEAGE:
        oms.set_limits(name, Limits(**tight))  # type: ignore[arg-type]
        oms.set_limits(name, Limits(**tight), soft=True)  # type: ignore[arg-type]
        oms.set_position_limits(name, "X", PositionLimits(**places[name]))
    oms.set_instrument_limits("X", InstrumentLimits(**instrument))  # type: ignore[arg-type]
    oms.mark("X", 90)
    everywhere = ["X", *(each for name in LINEAGE for each in (name, f"{name}.X"))]
    expected = [
        *(("POSITION_LIMIT", level) for level in everywhere[1:]),
        *(("ORDER_SIZE", level) for level in everywhere),
        *(("PRICE_COLLAR", level) for level in ("X", *LINEAGE)),
        *(("NOTIONAL", level) for level in ("X", *LINEAGE)),
        *(
            (check, level)
            for check in ("DAILY_LOSS", "DRAWDOWN", "LEVERAGE", "SECTOR_CONCENTRATION", "SINGLE_NAME")
            for level in LINEAGE
        ),
    ]
    told = oms.explain("X", "BUY", 5, 200, account=WHO)
    assert failing(told, "hard") == expected
    assert failing(told, "warn") == [pair for pair in expected if pair[1] in LINEAGE]
    # So says the gate too, while one after the other is lifted.
    for check, level in expected:
        oms.submit("X", "BUY", 5, 200, account=WHO)
        assert outcome(oms) == (check, None), level
        name, dot, _ = level.partition(".")
        limits = instrument if level == "X" else places[name] if dot else accounts[name]
        del limits[FIELDS[check]]
        if level == "X":
            oms.set_instrument_limits("X", InstrumentLimits(**limits))  # type: ignore[arg-type]
        elif dot:
            oms.set_position_limits(name, "X", PositionLimits(**limits))
        else:
            oms.set_limits(name, Limits(**limits))  # type: ignore[arg-type]
        oms.events()
    oms.submit("X", "BUY", 5, 200, account=WHO)
    assert outcome(oms) == (None, "POSITION_LIMIT")


def failing(told: Explanation, severity: str) -> list[tuple[str, str]]:
    columns = told.columns
    rows = (columns["severity"] == severity) & ~columns["passes"]
    return list(zip(columns["check"][rows].tolist(), columns["level"][rows].tolist(), strict=True))


FIELDS = {
    "POSITION_LIMIT": "max_position",
    "ORDER_SIZE": "max_order_qty",
    "PRICE_COLLAR": "collar_bps",
    "NOTIONAL": "max_notional",
    "DAILY_LOSS": "max_daily_loss",
    "DRAWDOWN": "max_drawdown",
    "LEVERAGE": "max_leverage",
    "SECTOR_CONCENTRATION": "max_sector",
    "SINGLE_NAME": "max_name",
}
