"""Fills, matches and breaks as rows of a database, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow.compute as pc

from omni_lab.execution.drop_copy.breaks import names_of
from omni_lab.execution.drop_copy.fills import Fills
from omni_lab.execution.drop_copy.matching import Stage
from omni_lab.execution.drop_copy.result import Result
from omni_lab.execution.drop_copy.trades import Trades
from omni_lab.typing import IntArray

FILL_COLUMNS = (
    *("book", "source", "step", "row", "kind", "side", "qty", "price_nanos", "fee_nanos", "ts"),
    *("symbol", "account", "fill_id", "ref_id", "order_id"),
)
MATCH_COLUMNS = ("book", "symbol", "stage", "internal", "external")
BREAK_COLUMNS = (
    *(
        "book",
        "break_id",
        "kind",
        "status",
        "action",
        "who",
        "rule",
        "reason",
        "symbol",
        "account",
        "held_by",
    ),
    *("internal", "external", "ours", "theirs", "since", "qty", "cash", "fee"),
)


def fill_rows(fills: Fills, book: str, source: str, step: int) -> list[tuple[Any, ...]]:
    """Rows of `FILL_COLUMNS`."""
    n = len(fills)
    numbers = (fills.kind, fills.side, fills.qty, fills.price, fills.fee, fills.ts)
    names = (
        np.array(fills.symbols, dtype=object)[fills.symbol].tolist(),
        np.array(fills.accounts, dtype=object)[fills.account].tolist(),
    )
    texts = (fills.fill_id.to_pylist(), fills.ref_id.to_pylist(), fills.order_id.to_pylist())
    same = ([book] * n, [source] * n, [step] * n, range(n))
    return list(zip(*same, *(column.tolist() for column in numbers), *names, *texts, strict=True))


def fills_of_rows(rows: Sequence[Any]) -> Fills:
    """Fills from rows that have the names of `FILL_COLUMNS`."""
    names = FILL_COLUMNS[4:]
    columns = {name: [getattr(row, name) for row in rows] for name in names}
    whole = ("kind", "side", "qty", "price_nanos", "fee_nanos", "ts")
    texts = {name: np.array(values, dtype=object) for name, values in columns.items() if name not in whole}
    return Fills.of({name: np.array(columns[name], dtype=np.int64) for name in whole} | texts)


def match_rows(result: Result, book: str, symbols: set[str] | None = None) -> list[tuple[Any, ...]]:
    """Rows of `MATCH_COLUMNS`, of some symbols or all."""
    rows: list[tuple[Any, ...]] = []
    for ours, theirs, matching, live in result.parts:
        wanted = (
            live if symbols is None else live & np.array([each in symbols for each in ours.fills.symbols])
        )
        if not wanted.any():
            continue
        pairs = _edges(matching.internal, matching.external, len(matching.stage))
        kept = wanted[ours.symbol[pairs[0]]]
        a, b = pairs[0][kept], pairs[1][kept]
        stages = np.array(["", *(stage.name.lower() for stage in Stage)], dtype=object)
        stage = stages[matching.stage[matching.internal[a]]].tolist()
        symbol = np.array(ours.fills.symbols, dtype=object)[ours.symbol[a]].tolist()
        rows += zip([book] * len(a), symbol, stage, _ids(ours, a), _ids(theirs, b), strict=True)
    return rows


def break_rows(result: Result, book: str, ids: set[str] | None = None) -> list[tuple[Any, ...]]:
    """Rows of `BREAK_COLUMNS`, of some breaks or all."""
    rows = []
    for each, verdict in zip(result.breaks, result.verdicts, strict=True):
        if ids is None or each.id in ids:
            _, lots, cash, fee = each.legs[0]
            said = (verdict.status, verdict.action, verdict.who, verdict.rule, verdict.reason)
            about = (
                each.symbol,
                each.account,
                each.held_by,
                " + ".join(each.internal),
                " + ".join(each.external),
            )
            # Cash may need more than 64 bits.
            rows.append(
                (
                    book,
                    each.id,
                    each.kind,
                    *said,
                    *about,
                    each.ours,
                    each.theirs,
                    each.since,
                    lots,
                    str(cash),
                    fee,
                )
            )
    return rows


def _ids(trades: Trades, chosen: IntArray) -> list[str]:
    ids = trades.fills.fill_id.take(trades.row[chosen])
    if pc.count(ids, mode="only_null").as_py() == 0:
        return list(ids.to_pylist())
    return names_of(trades.fills, trades.row[chosen])


def _edges(of_ours: IntArray, of_theirs: IntArray, n: int) -> tuple[IntArray, IntArray]:
    """Pairs that hold matches together: every trade with the first of the other side, in order of content."""
    ours, theirs = np.flatnonzero(of_ours >= 0), np.flatnonzero(of_theirs >= 0)
    first_ours, first_theirs = np.full(n, -1, dtype=np.int64), np.full(n, -1, dtype=np.int64)
    first_ours[of_ours[ours[::-1]]] = ours[::-1]
    first_theirs[of_theirs[theirs[::-1]]] = theirs[::-1]
    others = ours[first_ours[of_ours[ours]] != ours]
    return (
        np.concatenate([first_ours[of_theirs[theirs]], others]),
        np.concatenate([theirs, first_theirs[of_ours[others]]]),
    )
