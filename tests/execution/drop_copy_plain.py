"""A slow matcher that says what ``docs/reconciliation.md`` says, with every pair of trades looked at.

It shares no code with the fast one but the names of things, and works on plain dictionaries.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

Row = dict[str, Any]
Match = tuple[str, frozenset[str], frozenset[str]]


def trades_of(reports: Iterable[Row]) -> list[Row]:
    """Trades after copies, corrections and busts; each with the names of the reports it came of."""
    ordered = sorted(reports, key=_content)
    trades: list[Row] = []
    by_id: dict[tuple[str, str], Row] = {}
    for row in ordered:
        if row["kind"] != "FILL":
            continue
        if row["fill_id"] is not None and (row["symbol"], row["fill_id"]) in by_id:
            continue
        trade = {**row, "busted": False, "corrected": False, "name": row["fill_id"] or f"#{row['tag']}"}
        trades.append(trade)
        if row["fill_id"] is not None:
            by_id[row["symbol"], row["fill_id"]] = trade
    changes = [row for row in ordered if row["kind"] != "FILL"]
    corrections = {
        (row["symbol"], row["fill_id"]): row["ref_id"]
        for row in changes
        if row["kind"] == "CORRECTION" and (row["symbol"], row["fill_id"]) not in by_id
    }
    for row in changes:
        root = row["ref_id"]
        while (row["symbol"], root) in corrections:
            root = corrections[row["symbol"], root]
        row["root"] = (row["symbol"], root)
    for row in changes:
        if row["root"] not in by_id:
            last = [each for each in changes if each["root"] == row["root"]][-1]
            trade = {
                **last,
                "fill_id": row["root"][1],
                "busted": False,
                "corrected": False,
                "name": last["fill_id"],
            }
            by_id[row["root"]] = trade
            trades.append(trade)
        trade = by_id[row["root"]]
        if row["kind"] == "BUST":
            trade["busted"] = True
        else:
            trade["corrected"] = True
            trade |= {name: row[name] for name in ("account", "side", "qty", "price")}
    return trades


def match(
    ours: Sequence[Row], theirs: Sequence[Row], *, price: int, qty: int, time: int, same_order: bool
) -> set[Match]:
    """Which trades are one: the names of both sides' trades by stage."""
    found: set[Match] = set()
    left = [list(ours), list(theirs)]

    def take(stage: str, mine: Sequence[Row], yours: Sequence[Row]) -> None:
        found.add((stage, frozenset(r["name"] for r in mine), frozenset(r["name"] for r in yours)))
        left[0] = [row for row in left[0] if not any(row is each for each in mine)]
        left[1] = [row for row in left[1] if not any(row is each for each in yours)]

    for a, b in product(ours, theirs):
        if a["fill_id"] is not None and (a["fill_id"], a["symbol"]) == (b["fill_id"], b["symbol"]):
            take("id", [a], [b])

    def live(at: int) -> list[Row]:
        return [row for row in left[at] if not row["busted"]]

    orders = {
        tuple(row[c] for c in ("symbol", "account", "side", "order_id")) for row in live(0) if row["order_id"]
    }
    for order in sorted(orders):
        mine, yours = (
            [r for r in live(at) if tuple(r[c] for c in ("symbol", "account", "side", "order_id")) == order]
            for at in (0, 1)
        )
        lots = sum(r["qty"] for r in mine)
        money = [sum(r["qty"] * r["price"] for r in rows) for rows in (mine, yours)]
        if yours and lots == sum(r["qty"] for r in yours) and abs(money[0] - money[1]) <= price * lots:
            take("order", mine, yours)

    def pairs(stage: str, sides: tuple[list[Row], list[Row]], price: int, qty: int) -> None:
        ranked = sorted(
            (
                (
                    abs(a["qty"] - b["qty"]),
                    abs(a["price"] - b["price"]),
                    abs(a["ts"] - b["ts"]),
                    _place(a),
                    _place(b),
                    i,
                    j,
                )
                for (i, a), (j, b) in product(enumerate(sides[0]), enumerate(sides[1]))
                if all(a[c] == b[c] for c in ("symbol", "account", "side"))
                and not (same_order and a["order_id"] and b["order_id"] and a["order_id"] != b["order_id"])
            ),
        )
        used: tuple[set[int], set[int]] = (set(), set())
        for d_qty, d_price, d_ts, _, _, i, j in ranked:
            if d_qty <= qty and d_price <= price and d_ts <= time and i not in used[0] and j not in used[1]:
                used[0].add(i)
                used[1].add(j)
                take(stage, [sides[0][i]], [sides[1][j]])

    pairs("terms", (live(0), live(1)), 0, 0)
    _pieces(live(0), live(1), time, same_order, take)
    if price or qty:
        pairs("near", (live(0), live(1)), price, qty)
    for busted in (False, True):
        pairs(
            "busted",
            ([r for r in left[0] if r["busted"] == busted], [r for r in left[1] if r["busted"] != busted]),
            0,
            0,
        )
    return found


def _pieces(ours: list[Row], theirs: list[Row], time: int, same_order: bool, take: Any) -> None:
    sides = (sorted(ours, key=_place), sorted(theirs, key=_place))
    columns = ("symbol", "account", "side", "price", *(("order_id",) if same_order else ()))
    found = []
    for swapped in (False, True):
        ones, many = sides[::-1] if swapped else sides
        for i, one in enumerate(ones):
            lane = [row for row in many if all(row[c] == one[c] for c in columns)]
            lane.sort(key=lambda row: (row["ts"], _place(row)))
            for start, end in product(range(len(lane)), repeat=2):
                run = lane[start : end + 1]
                near = all(abs(row["ts"] - one["ts"]) <= time for row in run)
                if end > start and near and sum(row["qty"] for row in run) == one["qty"]:
                    furthest = max(abs(row["ts"] - one["ts"]) for row in run)
                    places = [next(k for k, row in enumerate(many) if row is each) for each in run]
                    found.append((furthest, len(run), one["ts"], i, i, places, swapped))
    used: tuple[set[int], set[int]] = (set(), set())
    for _, _, _, _, one_place, places, swapped in sorted(found):
        one_side = int(swapped)
        if one_place in used[one_side] or used[1 - one_side] & set(places):
            continue
        used[one_side].add(one_place)
        used[1 - one_side].update(places)
        whole, run = [sides[one_side][one_place]], [sides[1 - one_side][k] for k in places]
        take("pieces", *((run, whole) if swapped else (whole, run)))


def _content(row: Row) -> tuple[Any, ...]:
    texts = tuple(row[name] or "" for name in ("fill_id", "order_id", "ref_id"))
    kind = ("FILL", "BUST", "CORRECTION").index(row["kind"])
    return (row["ts"], kind, row["qty"], row["price"], row["side"], row["account"], *texts)


def _place(row: Row) -> tuple[Any, ...]:
    side = 1 if row["side"] == "BUY" else 2
    texts = (
        (row["fill_id"] is not None, row["fill_id"] or ""),
        (row["order_id"] is not None, row["order_id"] or ""),
    )
    return (row["symbol"], row["account"], side, row["ts"], row["qty"], row["price"], *texts)
