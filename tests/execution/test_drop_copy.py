"""Every kind of break on fills that a reader can check by hand, and what becomes of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omni_lab.errors import ConfigError, DataError, SchemaError, ShapeError
from omni_lab.execution.drop_copy import Break, Fills, Reconciler, Result, Rule, Rules, Tolerance, reconcile

S = 1_000_000_000
NO_RULES = Rules()
COLUMNS = ("fill_id", "order_id", "account", "symbol", "side", "qty", "price", "fee", "ts", "kind", "ref_id")


def fill(fill_id: str | None, **changed: Any) -> dict[str, Any]:
    """One report: 100 at 10.00, a tenth of fee, one second after midnight."""
    usual = {
        "order_id": "o",
        "account": "A",
        "symbol": "X",
        "side": "BUY",
        "qty": 100,
        "price": 10.0,
        "fee": 0.1,
    }
    return {"fill_id": fill_id, **usual, "ts": S, "kind": "FILL", "ref_id": None, **changed}


def table(*rows: dict[str, Any]) -> Fills:
    return Fills.of(
        pd.DataFrame(rows, columns=list(COLUMNS)).astype({"qty": "int64", "ts": "int64", "price": float})
    )


def only(result: Result) -> Break:
    (found,) = result.breaks
    return found


def check(result: Result) -> None:
    """The law that holds for everything: breaks explain all of the difference."""
    assert all(gap.unexplained == (0, 0, 0) for gap in result.gaps())


def test_the_same_fills_have_no_break() -> None:
    result = reconcile(table(fill("1"), fill("2", qty=50)), table(fill("2", qty=50), fill("1")), NO_RULES)
    assert result.breaks == ()
    assert result.n_matches["id"] == 2
    assert "Positions, cash and fees agree everywhere." in result.report()


@pytest.mark.parametrize(
    ("changed", "kind", "ours", "theirs", "leg"),
    [
        ({"price": 10.02}, "price", "10", "10.02", (0, 2_000_000_000, 0)),
        ({"qty": 90}, "quantity", "100", "90", (10, -100_000_000_000, 0)),
        ({"side": "SELL"}, "side", "BUY", "SELL", (200, -2_000_000_000_000, 0)),
        ({"fee": 0.25}, "fee", "0.1", "0.25", (0, 0, -150_000_000)),
    ],
)
def test_terms_that_differ(changed: Any, kind: str, ours: str, theirs: str, leg: Any) -> None:
    result = reconcile(table(fill("1")), table(fill("1", **changed)), NO_RULES)
    found = only(result)
    assert (found.kind, found.ours, found.theirs) == (kind, ours, theirs)
    assert found.legs == (("A", *leg),)
    check(result)


def test_an_account_that_differs_moves_the_position() -> None:
    result = reconcile(table(fill("1")), table(fill("1", account="B")), NO_RULES)
    assert only(result).legs == (("A", 100, -1000 * S, S // 10), ("B", -100, 1000 * S, -S // 10))
    check(result)


def test_everything_that_differs_is_a_break_of_its_own() -> None:
    other = fill("1", account="B", side="SELL", qty=70, price=10.5, fee=0.3)
    result = reconcile(table(fill("1")), table(other), NO_RULES)
    assert {each.kind for each in result.breaks} == {"account", "side", "quantity", "price", "fee"}
    check(result)


@pytest.mark.parametrize(
    ("ours", "kind", "held_by"),
    [(True, "missing_external", "internal"), (False, "missing_internal", "external")],
)
def test_what_only_one_side_has(ours: bool, kind: str, held_by: str) -> None:
    sides = (table(fill("1")), table()) if ours else (table(), table(fill("1")))
    result = reconcile(*sides, NO_RULES)
    assert (only(result).kind, only(result).held_by) == (kind, held_by)
    assert only(result).legs == (("A", *((100, -1000 * S, S // 10) if ours else (-100, 1000 * S, -S // 10))),)
    check(result)


def test_an_id_twice_is_a_copy_of_the_first() -> None:
    result = reconcile(table(fill("1"), fill("1", ts=5 * S), fill("1", ts=9 * S)), table(fill("1")), NO_RULES)
    assert [(each.kind, each.since) for each in result.breaks] == [("duplicate", 5 * S), ("duplicate", 9 * S)]
    assert len({each.id for each in result.breaks}) == 2
    check(result)


BUST = {"kind": "BUST", "ref_id": "1", "ts": 60 * S}


def test_a_bust_that_we_missed() -> None:
    result = reconcile(table(fill("1")), table(fill("9", **BUST), fill("1")), NO_RULES)
    assert (only(result).kind, only(result).held_by, only(result).since) == ("busted", "internal", 60 * S)
    check(result)


def test_a_bust_that_the_venue_does_not_know() -> None:
    result = reconcile(table(fill("1"), fill("9", **BUST)), table(fill("1")), NO_RULES)
    assert (only(result).kind, only(result).held_by) == ("busted", "external")
    assert only(result).legs == (("A", -100, 1000 * S, -S // 10),)
    check(result)


def test_a_bust_of_both_sides_is_no_break() -> None:
    both = (fill("1"), fill("9", **BUST))
    assert reconcile(table(*both), table(*both), NO_RULES).breaks == ()


def test_a_bust_without_its_trade_stands_for_it() -> None:
    assert only(reconcile(table(fill("1")), table(fill("9", **BUST)), NO_RULES)).kind == "busted"
    assert reconcile(table(), table(fill("9", **BUST)), NO_RULES).breaks == ()


def test_a_bust_takes_back_copies_too() -> None:
    result = reconcile(
        table(fill("1"), fill("1", ts=2 * S), fill("9", **BUST)),
        table(fill("1"), fill("9", **BUST)),
        NO_RULES,
    )
    assert (only(result).kind, only(result).amount) == ("duplicate", 0)
    check(result)


def test_a_busted_trade_without_a_common_id_is_found_by_its_terms() -> None:
    result = reconcile(table(fill("mine")), table(fill("1"), fill("9", **BUST)), NO_RULES)
    assert only(result).kind == "busted"
    assert (only(result).internal, only(result).external) == (("mine",), ("1",))
    # A live trade goes before it: what was booked again after a bust is that one.
    again = reconcile(table(fill("mine")), table(fill("1"), fill("9", **BUST), fill("2")), NO_RULES)
    assert again.breaks == ()


def correction(own: str, about: str, **changed: Any) -> dict[str, Any]:
    return fill(own, kind="CORRECTION", ref_id=about, **{"ts": 60 * S, **changed})


def test_a_correction_that_we_missed() -> None:
    result = reconcile(table(fill("1")), table(fill("1"), correction("2", "1", price=10.5)), NO_RULES)
    found = only(result)
    assert (found.kind, found.held_by) == ("corrected", "external")
    assert (found.ours, found.theirs) == ("BUY 100 @ 10", "BUY 100 @ 10.5")
    check(result)


def test_a_correction_to_what_we_had_is_no_break() -> None:
    assert (
        reconcile(
            table(fill("1", price=10.5)), table(fill("1"), correction("2", "1", price=10.5)), NO_RULES
        ).breaks
        == ()
    )


def test_the_last_correction_of_a_chain_counts() -> None:
    chain = [fill("1"), correction("2", "1", price=10.5), correction("3", "2", price=10.7, ts=90 * S)]
    for shuffled in (chain, chain[::-1]):
        assert reconcile(table(fill("1", price=10.7)), table(*shuffled), NO_RULES).breaks == ()
    # The bust of a correction takes back the trade.
    busted = [*chain, fill("4", kind="BUST", ref_id="3", ts=99 * S)]
    assert only(reconcile(table(fill("1")), table(*busted), NO_RULES)).kind == "busted"


def test_corrections_in_a_circle_still_mean_something() -> None:
    circle = [correction("2", "3", price=10.5), correction("3", "2", price=10.7)]
    found = {only(reconcile(table(), table(*rows), NO_RULES)).id for rows in (circle, circle[::-1])}
    assert len(found) == 1


def test_a_correction_without_its_fee_keeps_the_fee() -> None:
    changed = [fill("1"), correction("2", "1", price=10.5, fee=np.nan)]
    assert reconcile(table(fill("1", price=10.5)), table(*changed), NO_RULES).breaks == ()


# --- without a common id --------------------------------------------------------------------------


def test_one_fill_is_several_of_its_order() -> None:
    ours = table(fill("1", qty=300))
    theirs = table(fill("a", fee=0.03, ts=S), fill("b", qty=200, fee=0.07, ts=2 * S))
    for sides in ((ours, theirs), (theirs, ours)):
        result = reconcile(*sides, NO_RULES)
        assert result.breaks == ()
        assert result.n_matches["order"] == 1


def test_an_order_at_another_average_price_is_a_break_of_price() -> None:
    theirs = table(fill("a", price=9.99), fill("b", qty=200, price=10.01))
    result = reconcile(table(fill("1", qty=300, fee=0.2)), theirs, NO_RULES)
    assert only(result).kind == "price"
    assert only(result).legs == (("A", 0, S, 0),)
    check(result)
    assert {v.rule for v in reconcile(table(fill("1", qty=300, fee=0.2)), theirs).verdicts} == {"one tick"}


def test_pieces_are_found_without_orders() -> None:
    theirs = [
        fill("a", order_id=None, qty=100),
        fill("b", order_id=None, qty=200),
        fill("c", order_id=None, qty=50),
    ]
    result = reconcile(table(fill("1", order_id=None, qty=300)), table(*theirs), NO_RULES)
    assert result.n_matches["pieces"] == 1
    # Fees of 0.1 and of twice that are not the same.
    assert {each.kind for each in result.breaks} == {"missing_internal", "fee"}
    check(result)


def test_the_nearest_in_time_goes_first() -> None:
    theirs = table(fill("late", ts=S + 900), fill("near", ts=S + 100))
    result = reconcile(table(fill("1")), theirs, NO_RULES)
    frame = result.matches()
    assert frame["fill_id"].tolist() == ["1", "near"]
    assert only(result).external == ("late",)


@pytest.mark.parametrize(
    ("changed", "tolerance"),
    [
        ({"ts": 3 * S}, Tolerance()),
        ({"price": 10.02}, Tolerance()),
        ({"qty": 99}, Tolerance()),
        ({"order_id": "other"}, Tolerance()),
        ({"fee": 0.2}, Tolerance(fee=Decimal("0.05"))),
        ({"symbol": "Y"}, Tolerance()),
        ({"account": "B"}, Tolerance()),
        ({"side": "SELL"}, Tolerance()),
    ],
)
def test_what_lies_beyond_tolerance_is_not_the_same(changed: Any, tolerance: Tolerance) -> None:
    orders = {"order_id": None} if "order_id" not in changed else {}
    result = reconcile(
        table(fill("1", **orders)), table(fill("a", **{**orders, **changed})), Rules(tolerance=tolerance)
    )
    assert {each.kind for each in result.breaks} == {"missing_internal", "missing_external"}


def test_what_is_within_tolerance_is_the_same_with_breaks() -> None:
    rules = Rules(tolerance=Tolerance(price_ticks=Decimal(2), qty_lots=1, time_ns=5 * S, same_order=False))
    theirs = table(fill("a", order_id="z", price=10.02, qty=99, ts=6 * S))
    result = reconcile(table(fill("1")), theirs, rules)
    assert result.n_matches["near"] == 1
    assert {each.kind for each in result.breaks} == {"price", "quantity"}
    check(result)


def test_an_account_or_fee_that_a_side_does_not_state_is_no_break() -> None:
    plain = fill("a", account=None, fee=np.nan)
    for theirs in (table({**plain, "fill_id": "1"}), table(plain)):
        result = reconcile(table(fill("1")), theirs, NO_RULES)
        assert result.breaks == ()
        check(result)


def test_one_id_of_two_symbols_is_two_trades() -> None:
    result = reconcile(
        table(fill("1"), fill("1", symbol="Y")), table(fill("1", symbol="Y"), fill("1")), NO_RULES
    )
    assert result.breaks == ()
    assert result.n_matches["id"] == 2


# --- rules, ages and people -----------------------------------------------------------------------


def test_the_first_rule_that_fits_decides() -> None:
    def verdicts(**changed: Any) -> list[tuple[str, str]]:
        result = reconcile(table(fill("1")), table(fill("1", **changed)))
        return [(verdict.status, verdict.rule) for verdict in result.verdicts]

    assert verdicts(price=10.01) == [("resolved", "one tick")]
    assert verdicts(price=10.02) == [("open", "")]
    assert verdicts(fee=0.11) == [("resolved", "one cent of fee")]
    assert verdicts(fee=0.111) == [("open", "")]
    assert verdicts(qty=99) == [("open", "")]


def test_a_fill_may_be_late_for_five_minutes_and_no_longer() -> None:
    reconciler = Reconciler()
    reconciler.on_internal(table(fill("1")))
    reconciler.advance(S + 300 * S - 1)
    assert [v.status for v in reconciler.result().verdicts] == ["waiting"]
    assert reconciler.audit == []  # nobody has to know
    reconciler.advance(S + 300 * S)
    assert [v.status for v in reconciler.result().verdicts] == ["open"]
    reconciler.on_external(table(fill("1")))
    reconciler.advance(S + 400 * S)
    assert reconciler.result().breaks == ()
    assert [(entry.event, entry.ts) for entry in reconciler.audit] == [
        ("opened", 301 * S),
        ("withdrawn", 401 * S),
    ]
    assert [entry.n for entry in reconciler.audit] == [1, 2]


def test_ages_fall_into_classes() -> None:
    rules = Rules(ageing_ns=(10 * S, 60 * S))
    result = reconcile(
        table(fill("1", ts=0), fill("2", ts=45 * S), fill("3", ts=99 * S)), table(), rules, now=100 * S
    )
    assert result.age_names == ("< 10s", "10s to 1min", "≥ 1min")
    assert result.break_frame()["age"].tolist() == ["≥ 1min", "10s to 1min", "< 10s"]
    assert result.ageing().sum(axis=0).tolist() == [1, 1, 1]


def test_a_person_decides_and_the_trail_says_who() -> None:
    reconciler = Reconciler()
    reconciler.on_internal(table(fill("1", qty=90)))
    reconciler.on_external(table(fill("1")))
    (found,) = reconciler.result().breaks
    reconciler.resolve(found.id, "accept_external", who="Ann", reason="the venue showed its tape")
    result = reconciler.result()
    assert result.verdicts[0][:3] == ("resolved", "accept_external", "Ann")
    assert [gap.unresolved for gap in result.gaps()] == [(0, 0, 0)]
    last = reconciler.audit[-1]
    assert (last.event, last.who, last.reason) == ("resolved", "Ann", "the venue showed its tape")
    assert (last.before, last.after) == ("open", "resolved: accept_external")
    with pytest.raises(DataError, match="Ann has decided so already"):
        reconciler.resolve(found.id, "accept_external", who="Bob", reason="so do I")
    reconciler.resolve(found.id, "reopen", who="Bob", reason="that was another tape")
    assert reconciler.result().verdicts[0].status == "open"
    # What says something else is another break, about which nobody has said anything.
    reconciler.on_internal(table(correction("2", "1", qty=80)))
    (other,) = reconciler.result().breaks
    assert other.id != found.id
    assert reconciler.audit[-1].event == "opened"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"break_id": "0" * 16}, "there is no such break now"),
        ({"action": "forget"}, "unknown action"),
        ({"who": " "}, "states who"),
        ({"reason": ""}, "states reason"),
        ({"action": "drop"}, "a duplicate is dropped"),
    ],
)
def test_a_resolution_that_cannot_be(change: dict[str, str], message: str) -> None:
    reconciler = Reconciler()
    reconciler.on_internal(table(fill("1")))
    (found,) = reconciler.result().breaks
    given = {"break_id": found.id, "action": "accept_internal", "who": "Ann", "reason": "so", **change}
    before = reconciler.audit
    with pytest.raises(DataError, match=message):
        reconciler.resolve(**given)
    assert reconciler.audit == before


def test_time_does_not_run_backwards() -> None:
    reconciler = Reconciler()
    reconciler.on_internal(table(fill("1")))
    reconciler.advance(500 * S)
    reconciler.advance(400 * S)
    assert reconciler.clock == 500 * S
    with pytest.raises(DataError, match="within"):
        reconciler.advance(2**63)


# --- rules as data --------------------------------------------------------------------------------


def test_rules_are_data_and_back() -> None:
    rules = Rules.from_mapping(
        {
            "grid": {"tick_size": 0.5, "lot_sizes": {"BTC": "0.001"}},
            "tolerance": {"time": "250ms", "fee": "0.02", "same_order": False},
            "ageing": ["1min", "1h"],
            "rules": [
                {
                    "name": "half",
                    "breaks": "price",
                    "action": "accept_external",
                    "within_ticks": 1,
                    "symbols": ["BTC"],
                },
                {
                    "name": "old",
                    "breaks": ["quantity"],
                    "action": "keep_open",
                    "older_than": "1d",
                    "within_lots": 3,
                },
            ],
        }
    )
    assert rules.tolerance.time_ns == S // 4
    assert rules.ageing_ns == (60 * S, 3600 * S)
    assert rules.rules[1].older_than_ns == 86_400 * S
    assert Rules.from_mapping(rules.to_mapping()) == rules
    assert Rules.from_mapping(Rules.default().to_mapping()) == Rules.default()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rule": []}, "'rule' is unknown"),
        ({"rules": [{"name": "a", "breaks": "price"}]}, "must state action"),
        ({"rules": [{"name": "a", "breaks": "prize", "action": "drop"}]}, "unknown break 'prize'"),
        ({"rules": [{"name": "a", "breaks": "price", "action": "drop"}]}, "only a duplicate can be dropped"),
        (
            {"rules": [{"name": "a", "breaks": "fee", "action": "keep_open", "within_ticks": 1}]},
            "ticks measure",
        ),
        (
            {"rules": [{"name": "a", "breaks": "fee", "action": "keep_open", "younger_than": "soon"}]},
            "must be a span",
        ),
        ({"tolerance": {"qty_lots": "many"}}, "qty_lots must be int"),
        ({"tolerance": {"price_ticks": -1}}, "not negative"),
        ({"grid": {"tick_size": 0}}, "are positive"),
        ({"grid": {"tick_size": "a cent"}}, "must be a number"),
        ({"ageing": ["1h", "1min"]}, "must be positive and increase"),
        ({"rules": [{"name": "a", "breaks": "fee", "action": "keep_open"}] * 2}, "two rules are named 'a'"),
    ],
)
def test_rules_that_cannot_be_are_named(given: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Rules.from_mapping(given)


def test_amounts_count_lots() -> None:
    rule = Rule(name="ten", breaks=("quantity",), action="accept_internal", within_amount=Decimal(10))
    grid = Rules.from_mapping({"grid": {"lot_size": "0.01"}}).grid
    # Ninety-nine lots at 10 are worth 9.90 when a lot is a hundredth, and 990 when it is one.
    for rules, status in ((Rules(rules=(rule,), grid=grid), "resolved"), (Rules(rules=(rule,)), "open")):
        result = reconcile(table(fill("1")), table(fill("1", qty=1)), rules)
        assert [verdict.status for verdict in result.verdicts] == [status]
    assert reconcile(table(fill("1")), table(), Rules(grid=grid)).positions()["cash_internal"].tolist() == [
        -10.0
    ]


# --- fills that cannot be -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "kind", "message"),
    [
        ({"qty": 0}, DataError, "at least one lot"),
        ({"qty": 2**41}, DataError, "at most 2"),
        ({"side": "LEFT"}, DataError, "unknown side"),
        ({"kind": "LOST"}, DataError, "unknown kind"),
        ({"price": float("nan")}, DataError, "has a price"),
        ({"price": float("inf")}, DataError, "finite"),
        ({"fee": 1e-10}, DataError, "whole number of billionths"),
        ({"symbol": ""}, DataError, "has a symbol"),
        ({"kind": "BUST"}, DataError, "names the fill it is about"),
        ({"ref_id": "0"}, DataError, "only a bust or correction"),
        ({"kind": "BUST", "ref_id": "1"}, DataError, "about itself"),
    ],
)
def test_a_fill_that_cannot_be_is_named(changed: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        table(fill("0"), fill("1", **changed)) if "ref_id" not in changed else table(fill("1", **changed))


def test_columns_that_cannot_be_are_named() -> None:
    good: dict[str, Any] = {"symbol": ["X"], "side": ["BUY"], "qty": [1], "price": [1.0], "ts": [0]}
    assert len(Fills.of(good)) == 1
    with pytest.raises(SchemaError, match="need a column 'qty'"):
        Fills.of({name: values for name, values in good.items() if name != "qty"})
    with pytest.raises(SchemaError, match="no such column"):
        Fills.of(good, colour=["red"])
    with pytest.raises(SchemaError, match="stated once"):
        Fills.of(good, price_nanos=[1])
    with pytest.raises(ShapeError, match="differ in length"):
        Fills.of({**good, "qty": [1, 2]})
    with pytest.raises(SchemaError, match="whole numbers"):
        Fills.of({**good, "qty": [1.5]})
    with pytest.raises(SchemaError, match="text or a whole number"):
        Fills.of(good, fill_id=np.array([1.5]))


def test_amounts_are_exact_decimals() -> None:
    amounts = [0.1, 0.3, 1234.565, 5_000_000.000000001, 999_999_999.01, Decimal("0.123456789"), "7.25"]
    made = [
        int(Fills.of(symbol=["X"], side=[1], qty=[1], ts=[0], price=np.array([a], dtype=object)).price[0])
        for a in amounts
    ]
    assert made == [int(Decimal(str(a)) * S) for a in amounts]
    floats = Fills.of(
        symbol=["X"] * 3, side=[1] * 3, qty=[1] * 3, ts=[0] * 3, price=[0.1, 10004.0, 123456.789]
    )
    assert floats.price.tolist() == [100_000_000, 10004 * S, 123_456_789_000_000]


def test_frames_of_three_libraries_are_the_same_fills() -> None:
    import polars as pl
    import pyarrow as pa

    rows = pd.DataFrame([fill("1"), fill("2", side="SELL", fee=None)]).drop(columns=["ref_id"])
    rows["ts"] = pd.to_datetime(rows["ts"], utc=True)
    frames: list[Any] = [rows, pl.from_pandas(rows), pa.Table.from_pandas(rows)]
    tables = [Fills.of(each) for each in frames]
    for other in tables[1:]:
        pd.testing.assert_frame_equal(tables[0].to_frame(), other.to_frame())
        assert reconcile(tables[0], other, NO_RULES).breaks == ()
    assert tables[0].ts.tolist() == [S, S]


# --- positions and profit -------------------------------------------------------------------------


def test_positions_cash_and_profit_of_both_sides() -> None:
    ours = table(fill("1"), fill("2", side="SELL", qty=40, price=11.0), fill("3", qty=10))
    theirs = table(fill("1"), fill("2", side="SELL", qty=40, price=11.5))
    result = reconcile(ours, theirs, NO_RULES)
    (row,) = result.positions({"X": 12.0}).to_dict("records")
    assert (row["position_internal"], row["position_external"], row["position_difference"]) == (70, 60, 10)
    assert (row["cash_internal"], row["cash_external"]) == (-660.0, -540.0)
    assert row["cash_difference"] == row["cash_explained"] == -120.0
    assert row["fees_difference"] == pytest.approx(0.1)
    # 40 sold at 11 of 110 bought at 10; 40 sold at 11.5 of 100 bought at 10.
    assert (row["realised_internal"], row["realised_external"]) == (40.0, 60.0)
    assert row["profit_internal"] == pytest.approx(-660 + 70 * 12 - 0.3)
    assert row["profit_difference"] == pytest.approx(row["profit_internal"] - row["profit_external"])
    with pytest.raises(DataError, match="no mark"):
        result.positions({"Y": 1.0})


def test_sums_beyond_64_bits_are_exact() -> None:
    many = [fill(str(at), qty=2**40, price=4_000_000_000.123456789) for at in range(3)]
    result = reconcile(table(*many), table(), NO_RULES)
    (gap,) = result.gaps()
    price = int(table(many[0]).price[0])
    assert gap.internal.paid == 3 * 2**40 * price > 2**63
    check(result)


def test_the_report_says_what_there_is() -> None:
    ours = table(fill("1"), fill("2", qty=40), fill("3", symbol="Y"), fill("4", price=10.01))
    theirs = table(fill("1"), fill("2", qty=50), fill("4"))
    text = reconcile(ours, theirs, now=1_000 * S).report()
    for part in (
        "4 internal and 3 external reports; matches: 3 by id",
        "Breaks by kind",
        "Breaks by age",
        "Positions, cash or fees differ in 2 places (internal less external); breaks explain all of it",
        "missing_external (Y, A) internal 3, external nothing: BUY 100 @ 10 against nothing",
    ):
        assert part in text
    result = reconcile(ours, theirs, now=1_000 * S)
    by_kind = result.summary()
    assert by_kind.loc["quantity", "amount"] == 100.0
    assert by_kind.loc["price", "resolved"] == 1
    assert result.summary("symbol")["total"].tolist() == [2, 1]
    with pytest.raises(ConfigError, match="not counted by this"):
        result.summary("colour")
