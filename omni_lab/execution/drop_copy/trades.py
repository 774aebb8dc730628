"""Reports become trades: copies set aside, busts and corrections applied, in whatever order they came.

Everything here is a function of the set of reports; where a choice is needed, the times, numbers and texts of
the reports make it, never their order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omni_lab.execution.drop_copy.fills import UNKNOWN, FillKind, Fills, Text
from omni_lab.typing import BoolArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trades:
    """What one side holds to have traded.

    Attributes
    ----------
    fills : Fills
        The reports.
    key : ndarray of int64, shape (n_trades,)
        Number of its id, the same on both sides; -1 without id.
    row : ndarray of int64
        Report it began with.
    account, side, qty, price, fee : ndarray of int64
        Terms after the last correction, as in `Fills`.
    symbol, ts, since : ndarray of int64
        Its symbol; when it traded; when the last report about it was made.
    busted, corrected : ndarray of bool
        Whether it was taken back; whether its terms were changed.
    copy_row, copy_of : ndarray of int64, shape (n_copies,)
        Reports of an id that was reported before, and the trade each repeats.
    """

    fills: Fills
    key: IntArray
    row: IntArray
    symbol: IntArray
    account: IntArray
    side: IntArray
    qty: IntArray
    price: IntArray
    fee: IntArray
    ts: IntArray
    since: IntArray
    busted: BoolArray
    corrected: BoolArray
    copy_row: IntArray
    copy_of: IntArray

    def __len__(self) -> int:
        return len(self.row)


def common_keys(internal: Fills, external: Fills) -> tuple[IntArray, IntArray, IntArray, IntArray, int]:
    """Numbers of the ids of both sides: of reports, then of what busts and corrections are about.

    Equal numbers are equal ids of one symbol; -1 is no id. Both tables must have the same ``symbols``.

    Returns
    -------
    tuple
        Ids of internal and external reports, each as long as its table; the same of ``ref_id``; how many
        numbers there are.
    """
    parts = [internal.fill_id, external.fill_id]
    about = [np.flatnonzero(each.kind != FillKind.FILL) for each in (internal, external)]
    parts += [
        each.ref_id.take(pa.array(rows)) for each, rows in zip((internal, external), about, strict=True)
    ]
    encoded = pa.concat_arrays(parts).dictionary_encode()
    together = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    codes = np.split(together, np.cumsum([len(part) for part in parts])[:-1])
    n_ids = len(encoded.dictionary)
    symbols = [internal.symbol, external.symbol, internal.symbol[about[0]], external.symbol[about[1]]]
    keys, n_keys = _per_symbol(codes, symbols, n_ids, len(internal.symbols))
    refs = []
    for table, rows, values in ((internal, about[0], keys[2]), (external, about[1], keys[3])):
        ref = np.full(len(table), -1, dtype=np.int64)
        ref[rows] = values
        refs.append(ref)
    return keys[0], keys[1], refs[0], refs[1], n_keys


def _per_symbol(
    codes: list[IntArray], symbols: list[IntArray], n_ids: int, n_symbols: int
) -> tuple[list[IntArray], int]:
    """Numbers of pairs of id and symbol; those of the ids where no id has two symbols, as is usual."""
    home = np.full(n_ids + 1, -1, dtype=np.int64)  # the last place is for those without id
    for code, symbol in zip(codes, symbols, strict=True):
        home[code] = symbol
    if all((home[code] == symbol)[code >= 0].all() for code, symbol in zip(codes, symbols, strict=True)):
        return codes, n_ids
    together = np.concatenate(
        [code * n_symbols + symbol for code, symbol in zip(codes, symbols, strict=True)]
    )
    lacking = np.concatenate(codes) < 0
    pairs, number = np.unique(np.where(lacking, -1, together), return_inverse=True)
    first = int(len(pairs) > 0 and pairs[0] == -1)
    number = number.astype(np.int64) - first
    return np.split(number, np.cumsum([len(code) for code in codes])[:-1]), len(pairs) - first


def trades_of(fills: Fills, key: IntArray, ref: IntArray, n_keys: int) -> Trades:
    """The trades that reports of one side come to.

    Parameters
    ----------
    fills : Fills
        Its reports.
    key, ref : ndarray of int64, shape (n_fills,)
        Numbers of their ids and of the ids they are about, from `common_keys`.
    n_keys : int
        How many numbers there are.
    """
    plain = np.flatnonzero(fills.kind == FillKind.FILL)
    row, copy_row = _without_copies(fills, plain, key)
    at = np.full(n_keys + 1, -1, dtype=np.int64)
    named = key[row] >= 0
    at[key[row][named]] = np.flatnonzero(named)
    changed = _changes(fills, key, ref)
    # A report about a trade that was never reported stands for it.
    orphans = [(root, rows) for root, rows in changed.items() if at[root] < 0]
    row = np.concatenate([row, np.array([rows[-1] for _, rows in orphans], dtype=np.int64)])
    trade_key = np.concatenate([key[row[: len(row) - len(orphans)]], [root for root, _ in orphans]]).astype(
        np.int64
    )
    at[trade_key[len(row) - len(orphans) :]] = np.arange(len(row) - len(orphans), len(row))

    terms = row.copy()
    busted, corrected = np.zeros(len(row), dtype=np.bool_), np.zeros(len(row), dtype=np.bool_)
    since = fills.ts[row]
    fee = fills.fee[row]
    for root, rows in changed.items():
        trade = at[root]
        since[trade] = max(since[trade], int(fills.ts[rows].max()))
        corrections = rows[fills.kind[rows] == FillKind.CORRECTION]
        busted[trade] = len(corrections) < len(rows)
        if len(corrections):
            corrected[trade] = True
            terms[trade] = corrections[-1]
            stated = fills.fee[corrections][fills.fee[corrections] != UNKNOWN]
            fee[trade] = stated[-1] if len(stated) else fee[trade]
    return Trades(
        fills=fills,
        key=trade_key,
        row=row,
        symbol=fills.symbol[row],
        account=fills.account[terms],
        side=fills.side[terms],
        qty=fills.qty[terms],
        price=fills.price[terms],
        fee=fee,
        ts=fills.ts[row],
        since=since,
        busted=busted,
        corrected=corrected,
        copy_row=copy_row,
        copy_of=at[key[copy_row]],
    )


def _without_copies(fills: Fills, rows: IntArray, key: IntArray) -> tuple[IntArray, IntArray]:
    """Of rows with one id the first in time, and the others; the smaller numbers where times are equal."""
    named = rows[key[rows] >= 0]
    times = np.bincount(key[named]) if len(named) else np.zeros(0, dtype=np.int64)
    several = named[times[key[named]] > 1]
    if not len(several):
        return rows, several
    ordered = several[in_order(fills, several, key[several])]
    repeats = np.concatenate([[False], key[ordered][1:] == key[ordered][:-1]])
    copies = ordered[repeats]
    kept = np.ones(len(fills), dtype=np.bool_)
    kept[copies] = False
    return rows[kept[rows]], copies


def in_order(fills: Fills, rows: IntArray, first: IntArray) -> IntArray:
    """Places that sort rows by a number, then by time, then by all else that they say."""
    texts = [ranks(each.take(pa.array(rows))) for each in (fills.fill_id, fills.order_id, fills.ref_id)]
    numbers = [
        each[rows] for each in (fills.kind, fills.qty, fills.price, fills.side, fills.fee, fills.account)
    ]
    return np.lexsort([*reversed([first, fills.ts[rows], *numbers, *texts])]).astype(np.int64)


def ranks(texts: Text) -> IntArray:
    """Places of texts in the alphabet of their bytes, -1 for none."""
    encoded = texts.dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    place = np.empty(len(order) + 1, dtype=np.int64)
    place[order] = np.arange(len(order))
    place[-1] = -1
    found: IntArray = place[encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
    return found


def _changes(fills: Fills, key: IntArray, ref: IntArray) -> dict[int, IntArray]:
    """Busts and corrections by the trade they are about in the end, those of one trade in order.

    A correction may be about an earlier one; the chain is followed to its beginning. One that leads back to
    itself begins at its smallest id, which no venue sends and which must still mean something.
    """
    rows = np.flatnonzero(fills.kind != FillKind.FILL)
    if not len(rows):
        return {}
    rows = rows[in_order(fills, rows, np.zeros(len(rows), dtype=np.int64))]
    text = dict(zip(key[rows].tolist(), fills.fill_id.take(pa.array(rows)).to_pylist(), strict=True))
    text |= dict(zip(ref[rows].tolist(), fills.ref_id.take(pa.array(rows)).to_pylist(), strict=True))
    above: dict[int, int] = {}
    reported = set(key[np.flatnonzero(fills.kind == FillKind.FILL)].tolist())
    for own, target, kind in zip(
        key[rows].tolist(), ref[rows].tolist(), fills.kind[rows].tolist(), strict=True
    ):
        if kind == FillKind.CORRECTION and own >= 0 and own not in reported:
            above[own] = (
                target if own not in above else min(target, above[own], key=lambda each: str(text[each]))
            )
    found: dict[int, list[int]] = {}
    for row, target in zip(rows.tolist(), ref[rows].tolist(), strict=True):
        path = [target]
        while path[-1] in above:
            if above[path[-1]] in path:
                path.append(min(path[path.index(above[path[-1]]) :], key=lambda each: str(text[each])))
                break
            path.append(above[path[-1]])
        found.setdefault(path[-1], []).append(row)
    return {root: np.array(each, dtype=np.int64) for root, each in found.items()}
