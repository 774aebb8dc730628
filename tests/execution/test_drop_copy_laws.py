"""Laws: a slow matcher finds the same, breaks put in are found and no others, and order means nothing."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_lab.execution.drop_copy import BREAKS, Fills, Reconciler, Result, Rules, Tolerance, reconcile
from omni_lab.execution.drop_copy.synthetic import inject_breaks, synthetic_fills
from tests.execution import drop_copy_plain as slow
from tests.lengths import LONG

S = 1_000_000_000
CENT = 10_000_000


def crowd(seed: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Reports of two sides from so few values that nearly everything could be nearly anything else."""
    chance = random.Random(seed)
    sides: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])
    for at, rows in enumerate(sides):
        for number in range(chance.randint(0, 14)):
            kind = chance.choices(["FILL", "BUST", "CORRECTION"], [8, 1, 1])[0]
            own = (
                chance.choice([None, *(f"e{n}" for n in range(8))])
                if kind == "FILL"
                else f"{at}{kind[0]}{number}"
            )
            # A chain of corrections leads to earlier numbers only, so that none goes in a circle.
            earlier = [row["fill_id"] for row in rows if row["kind"] == "CORRECTION"]
            row = {
                "fill_id": own,
                "ref_id": None if kind == "FILL" else chance.choice([*(f"e{n}" for n in range(8)), *earlier]),
                "order_id": chance.choice([None, "o1", "o2"]),
                "account": chance.choice(["A", "A", "B"]),
                "symbol": chance.choice(["X", "X", "Y"]),
                "side": chance.choice(["BUY", "BUY", "SELL"]),
                "qty": chance.choice([1, 1, 2, 2, 3, 4]),
                "price": chance.choice([10, 10, 11, 12]) * CENT,
                "ts": chance.randint(0, 12) * (S // 4),
                "kind": kind,
            }
            rows.append(row)
        if chance.random() < 0.5:  # one that the other side may have in two pieces
            whole = {
                "ref_id": None,
                "order_id": None,
                "account": "A",
                "symbol": "Y",
                "side": "SELL",
                "kind": "FILL",
            }
            for number, qty in enumerate([[3], [1, 2]][chance.randint(0, 1)]):
                rows.append({**whole, "fill_id": f"p{at}{number}", "qty": qty, "price": 10 * CENT, "ts": S})
    for number, row in enumerate(sides[0] + sides[1]):
        row["tag"] = number
    return sides


def fills(rows: list[dict[str, Any]]) -> Fills:
    columns = ["fill_id", "ref_id", "order_id", "account", "symbol", "side", "kind", "qty", "ts", "price"]
    frame = pd.DataFrame(rows, columns=columns).rename(columns={"price": "price_nanos"})
    return Fills.of(frame.astype({"qty": "int64", "ts": "int64", "price_nanos": "int64"}))


def matches(result: Result) -> list[tuple[Any, ...]]:
    """Matches of the fast matcher by the terms of their members; ids alone do not name those without."""
    frame = result.matches()
    found: list[tuple[Any, ...]] = []
    if len(frame):
        for (_, stage), rows in frame.groupby(["match", "stage"]):
            sides = [
                tuple(sorted(zip(part["symbol"], part["fill_id"], part["ts"], part["qty"], strict=True)))
                for part in (rows[rows["source"] == "internal"], rows[rows["source"] == "external"])
            ]
            found.append((str(stage), *sides))
    return sorted(found)


def slow_matches(sides: tuple[list[Any], list[Any]], **limits: Any) -> list[Any]:
    trades = [slow.trades_of(rows) for rows in sides]
    names = [{row["name"]: row for row in rows} for rows in trades]
    assert [len(each) for each in names] == [len(each) for each in trades], "names of trades are one's own"
    found = []
    for stage, *members in slow.match(trades[0], trades[1], **limits):
        content = [
            tuple(
                sorted(
                    # A trade that only a bust or correction tells of goes by the id of that report.
                    (
                        row["symbol"],
                        (row["name"] if not row["name"].startswith("#") else ""),
                        row["ts"],
                        row["qty"],
                    )
                    for row in (names[at][name] for name in member)
                )
            )
            for at, member in enumerate(members)
        ]
        found.append((stage, *content))
    return sorted(found)


LIMITS = [
    {"price": 0, "qty": 0, "time": S, "same_order": True},
    {"price": CENT, "qty": 0, "time": S, "same_order": True},
    {"price": CENT, "qty": 1, "time": 2 * S, "same_order": False},
    {"price": 2 * CENT, "qty": 3, "time": 0, "same_order": True},
]


@pytest.mark.parametrize("limits", LIMITS, ids=["exact", "a tick", "wide", "same time"])
def test_a_slow_matcher_finds_the_same(limits: dict[str, Any]) -> None:
    n_matches: dict[str, int] = {}
    for seed in range(240 if LONG else 120):
        sides = crowd(seed)
        # Names of trades must be their own for the slow one: an id of two symbols stands once a side.
        sides = tuple(_one_symbol(rows) for rows in sides)  # type: ignore[assignment]
        tolerance = Tolerance(
            price_ticks=Decimal(limits["price"]) / CENT,
            qty_lots=limits["qty"],
            time_ns=limits["time"],
            same_order=limits["same_order"],
        )
        result = reconcile(fills(sides[0]), fills(sides[1]), Rules(tolerance=tolerance))
        assert matches(result) == slow_matches(sides, **limits), f"seed {seed}"
        assert all(gap.unexplained == (0, 0, 0) for gap in result.gaps()), f"seed {seed}"
        for name, n in result.n_matches.items():
            n_matches[name] = n_matches.get(name, 0) + n
    # Parts of a fill, what takes one back, and fills that are near each other come some time apart.
    wanted = {"id", "order", "terms"}
    if limits["time"]:
        wanted |= {"pieces", "busted", "near"} if limits["price"] or limits["qty"] else {"pieces", "busted"}
    assert {name for name in wanted if not n_matches[name]} == set()


def _one_symbol(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    home: dict[str, str] = {}
    for row in rows:
        for name in (row["fill_id"], row["ref_id"]):
            if name is not None:
                row["symbol"] = home.setdefault(name, row["symbol"])
    for row in rows:
        for name in (row["ref_id"], row["fill_id"]):
            if name is not None:
                row["symbol"] = home[name]
    return rows


@pytest.mark.parametrize("seed", range(12))
def test_breaks_that_were_put_in_are_found_and_no_others(seed: int) -> None:
    injected = inject_breaks(synthetic_fills(4_000, seed=seed, symbols=20), seed=seed)
    result = reconcile(injected.internal, injected.external)
    found = sorted((each.kind, "+".join(each.internal), "+".join(each.external)) for each in result.breaks)
    assert found == sorted(injected.truth.itertuples(index=False, name=None))
    assert set(result.counts().values()) == {40}
    assert len(injected.harmless) == 4 * 40
    assert all(gap.unexplained == (0, 0, 0) for gap in result.gaps())
    # The rules' limits: fees by half cents up to five of them, prices by ticks up to five.
    frame = result.break_frame()
    fees = frame[frame["kind"] == "fee"]
    assert (fees["status"].eq("resolved") == fees["fee"].abs().le(0.01 + 1e-12)).all()
    assert set(frame[frame["kind"] == "duplicate"]["status"]) == {"resolved"}
    assert BREAKS[0] in set(frame["kind"])


def answer(result: Result) -> dict[str, Any]:
    """All of a result but the audit trail, which tells of the way."""
    return {
        "breaks": [tuple(each) for each in result.breaks],
        "verdicts": list(result.verdicts),
        "matches": result.matches().to_csv(index=False),
        "gaps": result.gaps(),
        "report": result.report(),
    }


@settings(max_examples=40)
@given(data=st.data(), seed=st.integers(0, 10_000), wide=st.booleans())
def test_the_order_of_arrival_means_nothing(data: st.DataObject, seed: int, wide: bool) -> None:
    rules = Rules(
        rules=Rules.default().rules,
        tolerance=Tolerance(qty_lots=1, same_order=False) if wide else Tolerance(),
    )
    sides = crowd(seed)
    now = data.draw(st.integers(4 * S, 400 * S))
    expected = answer(reconcile(fills(sides[0]), fills(sides[1]), rules, now=now))

    arriving = [(at, row) for at in (0, 1) for row in sides[at]]
    arriving = data.draw(st.permutations(arriving))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(arriving)), max_size=6)))
    reconciler = Reconciler(rules)
    for start, end in zip([0, *cuts], [*cuts, len(arriving)], strict=True):
        for at in (0, 1):
            rows = [row for side, row in arriving[start:end] if side == at]
            (reconciler.on_external if at else reconciler.on_internal)(fills(rows))
        if data.draw(st.booleans()):
            reconciler.advance(min(reconciler.clock, now))
    reconciler.advance(now)
    assert answer(reconciler.result()) == expected


@pytest.mark.parametrize("seed", range(3))
def test_a_day_in_pieces_is_the_day(seed: int) -> None:
    injected = inject_breaks(synthetic_fills(3_000, seed=seed, symbols=40), seed=seed)
    whole = reconcile(injected.internal, injected.external)
    chance = random.Random(seed)
    reconciler = Reconciler()
    at = [0, 0]
    sides = (injected.internal, injected.external)
    import numpy as np

    while at[0] < len(sides[0]) or at[1] < len(sides[1]):
        side = chance.choice([k for k in (0, 1) if at[k] < len(sides[k])])
        n = chance.randint(1, 400)
        rows = np.arange(at[side], min(at[side] + n, len(sides[side])))
        (reconciler.on_external if side else reconciler.on_internal)(sides[side].take(rows))
        at[side] += n
        reconciler.advance(reconciler.clock)
    assert answer(reconciler.result()) == answer(whole)
    # What the trail says in the end is what stands.
    last = {entry.break_id: entry.after for entry in reconciler.audit}
    now = {found.id: verdict for found, verdict in zip(whole.breaks, whole.verdicts, strict=True)}
    assert {each for each, state in last.items() if state} == {
        each for each, v in now.items() if not v.waits_by_rule
    }
    assert [entry.n for entry in reconciler.audit] == list(range(1, len(reconciler.audit) + 1))
