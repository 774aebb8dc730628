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
    change, root = _changes(fills, key, ref)
    # A report about a trade that was never reported stands for it.
    orphan = at[root] < 0
    orphans, places = np.unique(root[orphan], return_inverse=True)
    stand_ins = np.zeros(len(orphans), dtype=np.int64)
    stand_ins[places] = change[orphan]  # of several the last one stays
    at[orphans] = np.arange(len(row), len(row) + len(orphans))
    trade_key = np.concatenate([key[row], orphans])
    row = np.concatenate([row, stand_ins])

    terms = row.copy()
    busted, corrected = np.zeros(len(row), dtype=np.bool_), np.zeros(len(row), dtype=np.bool_)
    since, fee = fills.ts[row], fills.fee[row]
    np.maximum.at(since, at[root], fills.ts[change])
    is_bust = fills.kind[change] == int(FillKind.BUST)
    busted[at[root[is_bust]]] = True
    corrections, corrected_trades = change[~is_bust], at[root[~is_bust]]
    corrected[corrected_trades] = True
    # They are in order, so that of several for one trade the last one stays.
    terms[corrected_trades] = corrections
    stated = fills.fee[corrections] != UNKNOWN
    fee[corrected_trades[stated]] = fills.fee[corrections[stated]]
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


def _changes(fills: Fills, key: IntArray, ref: IntArray) -> tuple[IntArray, IntArray]:
    """Rows of busts and corrections in order, and the key of the trade that each is about in the end.

    A correction may be about an earlier one; the chain is followed to its beginning. One that leads back to
    itself begins at its smallest id, which no venue sends and which must still mean something.
    """
    rows = np.flatnonzero(fills.kind != int(FillKind.FILL))
    if not len(rows):
        return rows, rows
    rows = rows[in_order(fills, rows, np.zeros(len(rows), dtype=np.int64))]
    target = ref[rows]
    reported = key[fills.kind == int(FillKind.FILL)]
    links = rows[(fills.kind[rows] == int(FillKind.CORRECTION)) & (key[rows] >= 0)]
    links = links[np.isin(key[links], target) & ~np.isin(key[links], reported)]
    if not len(links):
        return rows, target
    text = dict(zip(key[links].tolist(), fills.fill_id.take(pa.array(links)).to_pylist(), strict=True))
    text |= dict(zip(ref[links].tolist(), fills.ref_id.take(pa.array(links)).to_pylist(), strict=True))
    above: dict[int, int] = {}
    for own, about in zip(key[links].tolist(), ref[links].tolist(), strict=True):
        above[own] = min(about, above.get(own, about), key=text.__getitem__)
    roots = {each: _beginning(each, above, text) for each in set(target.tolist()) & above.keys()}
    return rows, np.array([roots.get(each, each) for each in target.tolist()], dtype=np.int64)


def _beginning(key: int, above: dict[int, int], text: dict[int, str]) -> int:
    path = [key]
    while path[-1] in above:
        up = above[path[-1]]
        if up in path:
            return min(path[path.index(up) :], key=text.__getitem__)
        path.append(up)
    return path[-1]
