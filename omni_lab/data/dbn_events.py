"""Records of Databento as columns of events: orders, levels and trades. Arrays in, arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np

from omni_lab.data.events import EventFlag, EventKind
from omni_lab.errors import DataError
from omni_lab.typing import AnyArray, IntArray

_LAST, _SNAPSHOT, _TOP_OF_BOOK = 128, 32, 64
_NO_PRICE = 2**63 - 1
_BUY, _SELL = 1, 2

Columns = dict[str, AnyArray]


def events_from_orders(
    records: AnyArray, instrument: AnyArray, ts: IntArray, *, pending: dict[tuple[int, int], int]
) -> Columns:
    """Events of ``mbo`` records.

    Parameters
    ----------
    records : structured ndarray, shape (n_records,)
        Whole events of the venue, in the order of the file.
    instrument : ndarray of uint16, shape (n_records,)
        Number of the instrument.
    ts : ndarray of int64, shape (n_records,)
        Time of each, nanoseconds.
    pending : dict
        What fills took from an order of an instrument and no cancel has confirmed yet; kept from batch to
        batch.

    Raises
    ------
    DataError
        If records give only the top of a venue's book, which are no orders.
    """
    if (records["flags"] & _TOP_OF_BOOK).any():
        raise DataError(
            "these records give the top of a book, not orders",
            found="records with the flag F_TOB",
            hint="Ask Databento for mbp-1 of this venue.",
        )
    # Records of one instrument must be neighbours for a fill to be seen beside its trade.
    order = np.argsort(instrument, kind="stable")
    records, instrument, ts = records[order], instrument[order], ts[order]
    action, side = records["action"], _sides(records["side"])
    qty = records["size"].astype(np.int64)
    is_trade, is_fill = action == b"T", action == b"F"
    qty[is_trade] -= _filled(records, instrument, is_trade, is_fill)
    qty = _less_pending(records, instrument, qty, is_fill, pending)
    kinds = np.zeros(256, dtype=np.uint8)
    for code, meaning in zip(b"ACMRTF", _ORDER_KINDS, strict=True):
        kinds[code] = meaning
    kind = kinds[action.view(np.uint8)]
    # A resting order and who hits it stand on opposite sides.
    side = np.where(is_trade & (side > 0), 3 - side, side)
    says_qty = np.isin(kind, _WITH_QTY)
    kept = (kind > 0) & (~says_qty | (qty > 0))
    traded = is_trade | is_fill
    flags = np.where(traded, EventFlag.PRINTABLE, 0) | _snapshot(records)
    columns: Columns = {
        "ts": ts,
        "kind": kind,
        "side": np.where(kind == EventKind.CLEAR, 0, side),
        "flags": flags,
        "instrument": instrument,
        "order_id": np.where(is_trade | (kind == EventKind.CLEAR), 0, records["order_id"]),
        "other_id": np.where(traded, records["sequence"], 0).astype(np.uint64),
        "qty": np.where(says_qty | (kind == EventKind.MODIFY), qty, 0),
        "price": np.where(np.isin(kind, _WITH_PRICE), _prices(records["price"]), 0),
    }
    rows = np.flatnonzero(kept)
    chosen = {name: column[rows] for name, column in columns.items()}
    _mark_last(chosen, rows, records, instrument)
    back = np.argsort(order[rows], kind="stable")
    return {name: column[back] for name, column in chosen.items()}


def events_from_trades(records: AnyArray, instrument: AnyArray, ts: IntArray) -> Columns:
    """Events of ``trades`` records; parameters as :func:`events_from_orders`."""
    side = _sides(records["side"])
    n_records = len(records)
    return {
        "ts": ts,
        "kind": np.full(n_records, EventKind.TRADE, dtype=np.uint8),
        "side": np.where(side > 0, 3 - side, 0),
        "flags": np.full(n_records, EventFlag.PRINTABLE | EventFlag.LAST, dtype=np.uint8),
        "instrument": instrument,
        "other_id": records["sequence"].astype(np.uint64),
        "qty": records["size"].astype(np.int64),
        "price": _prices(records["price"]),
    }


def events_from_levels(
    records: AnyArray, instrument: AnyArray, ts: IntArray, *, before: dict[int, AnyArray]
) -> Columns:
    """Events of records of levels: what changed, then the trade if there is one.

    These are ``mbp-1``, ``mbp-10``, ``tbbo`` and ``bbo-…``. A record shows the levels that the schema keeps;
    one that drops out of sight is taken off.

    Parameters
    ----------
    records, instrument, ts
        As :func:`events_from_orders`.
    before : dict
        Levels of each instrument after the last record; kept from batch to batch.
    """
    order = np.argsort(instrument, kind="stable")
    records, instrument, ts = records[order], instrument[order], ts[order]
    levels = _levels(records)
    earlier = np.empty_like(levels)
    earlier[1:] = levels[:-1]
    starts = np.flatnonzero(np.r_[True, instrument[1:] != instrument[:-1]])
    for start in starts.tolist():
        earlier[start] = before.get(int(instrument[start]), np.zeros_like(levels[0]))
    for end in np.r_[starts[1:] - 1, len(records) - 1].tolist():
        before[int(instrument[end])] = levels[end]
    gone = _differences(earlier, levels, same_qty=False)
    new = _differences(levels, earlier, same_qty=True)
    is_trade = (
        records["action"] == b"T" if "action" in (records.dtype.names or ()) else np.zeros(len(records), bool)
    )
    trades = np.flatnonzero(is_trade)
    side = _sides(records["side"][trades])
    parts = [
        (
            gone[0],
            EventKind.LEVEL,
            gone[1],
            np.zeros(len(gone[0]), np.int64),
            earlier[gone[0], gone[1] - 1, gone[2], 0],
        ),
        (
            new[0],
            EventKind.LEVEL,
            new[1],
            levels[new[0], new[1] - 1, new[2], 1],
            levels[new[0], new[1] - 1, new[2], 0],
        ),
        (
            trades,
            EventKind.TRADE,
            np.where(side > 0, 3 - side, 0),
            records["size"][trades].astype(np.int64),
            _prices(records["price"][trades]),
        ),
    ]
    rows = np.concatenate([part[0] for part in parts])
    kind = np.concatenate([np.full(len(part[0]), part[1], dtype=np.uint8) for part in parts])
    # What goes makes room for what comes; a trade is told last.
    sorting = np.argsort(rows, kind="stable")
    rows, kind = rows[sorting], kind[sorting]
    traded = kind == EventKind.TRADE
    columns: Columns = {
        "ts": ts[rows],
        "kind": kind,
        "side": np.concatenate([part[2] for part in parts])[sorting],
        "flags": np.where(traded, EventFlag.PRINTABLE, 0) | _snapshot(records)[rows],
        "instrument": instrument[rows],
        "other_id": np.where(traded, records["sequence"][rows], 0).astype(np.uint64),
        "qty": np.concatenate([part[3] for part in parts])[sorting],
        "price": np.concatenate([part[4] for part in parts])[sorting],
    }
    _mark_last(columns, rows, records, instrument)
    back = np.argsort(order[rows], kind="stable")
    return {name: column[back] for name, column in columns.items()}


_ORDER_KINDS = (
    EventKind.ADD,
    EventKind.CANCEL,
    EventKind.MODIFY,
    EventKind.CLEAR,
    EventKind.TRADE,
    EventKind.EXECUTE,
)
_WITH_QTY = (EventKind.ADD, EventKind.CANCEL, EventKind.TRADE, EventKind.EXECUTE)
_WITH_PRICE = (EventKind.ADD, EventKind.MODIFY, EventKind.TRADE, EventKind.EXECUTE)


def _filled(records: AnyArray, instrument: AnyArray, is_trade: AnyArray, is_fill: AnyArray) -> IntArray:
    """What the fills right after each trade took, of no more than it traded."""
    sizes = np.where(is_fill, records["size"], 0).astype(np.int64)
    total = np.r_[0, np.cumsum(sizes)]
    # A trade's fills are the run of fills that begins right behind it.
    others = np.flatnonzero(~is_fill)
    trades = np.flatnonzero(is_trade)
    behind = np.searchsorted(others, trades, side="right")
    ends = np.where(behind < len(others), others[np.minimum(behind, len(others) - 1)], len(records))
    ends = np.minimum(ends, np.searchsorted(instrument, instrument[trades], side="right"))
    taken: IntArray = np.minimum(total[ends] - total[trades + 1], records["size"][trades].astype(np.int64))
    return taken


def _less_pending(
    records: AnyArray,
    instrument: AnyArray,
    qty: IntArray,
    is_fill: AnyArray,
    pending: dict[tuple[int, int], int],
) -> IntArray:
    """Quantities with those of cancels lessened by what fills of the same orders have taken before."""
    names = {name for _, name in pending} | set(records["order_id"][is_fill].tolist())
    if not names:
        return qty
    qty = qty.copy()
    rows = np.flatnonzero(np.isin(records["order_id"], np.array(sorted(names), dtype=np.uint64)))
    facts = (records["action"][rows], instrument[rows], records["order_id"][rows])
    for row, action, number, name in zip(rows.tolist(), *(fact.tolist() for fact in facts), strict=True):
        key = (number, name)
        if action == b"F":
            pending[key] = pending.get(key, 0) + int(qty[row])
        elif action in (b"C", b"M", b"A"):
            taken = pending.pop(key, 0)
            if action == b"C":
                qty[row] = max(int(qty[row]) - taken, 0)
    return qty


def _mark_last(columns: Columns, rows: AnyArray, records: AnyArray, instrument: AnyArray) -> None:
    """Set LAST on the last event of each event of the venue, also where the record that says so gave none."""
    flags = columns["flags"].astype(np.uint8)
    ends = np.flatnonzero(records["flags"] & _LAST)
    places = np.searchsorted(rows, ends, side="right") - 1
    ends, places = ends[places >= 0], places[places >= 0]
    own = instrument[rows[places]] == instrument[ends]
    flags[places[own]] |= np.uint8(EventFlag.LAST)
    columns["flags"] = flags


def _levels(records: AnyArray) -> AnyArray:
    """Prices and quantities of shape (n_records, 2 sides, n_levels, 2); 0 and 0 where there is no level."""
    n_levels = sum(name.startswith("bid_px_") for name in records.dtype.names or ())
    levels = np.zeros((len(records), 2, n_levels, 2), dtype=np.int64)
    for side, word in enumerate(("bid", "ask")):
        for level in range(n_levels):
            price = records[f"{word}_px_{level:02d}"]
            qty = records[f"{word}_sz_{level:02d}"].astype(np.int64)
            there = (price != _NO_PRICE) & (qty > 0)
            levels[:, side, level, 0] = np.where(there, price, 0)
            levels[:, side, level, 1] = np.where(there, qty, 0)
    return levels


def _differences(those: AnyArray, others: AnyArray, *, same_qty: bool) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Row, code of the side and level of each level of ``those`` that ``others`` have not in the same row."""
    same = those[:, :, :, None, 0] == others[:, :, None, :, 0]
    same &= others[:, :, None, :, 1] > 0
    if same_qty:
        same &= those[:, :, :, None, 1] == others[:, :, None, :, 1]
    rows, sides, levels = np.nonzero((those[..., 1] > 0) & ~same.any(axis=3))
    return rows, (sides + 1).astype(np.uint8), levels


def _sides(codes: AnyArray) -> AnyArray:
    return np.where(codes == b"B", _BUY, np.where(codes == b"A", _SELL, 0)).astype(np.uint8)


def _prices(prices: AnyArray) -> Any:
    return np.where(prices == _NO_PRICE, 0, prices)


def _snapshot(records: AnyArray) -> AnyArray:
    return np.where(records["flags"] & _SNAPSHOT, EventFlag.SNAPSHOT, 0).astype(np.uint8)
