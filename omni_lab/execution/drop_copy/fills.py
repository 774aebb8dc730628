"""Fills as either side reports them: checked columns of exact numbers, ids as text.

Prices and fees are whole billionths of a currency ("nanos"), quantities whole lots, times nanoseconds UTC:
two fills agree or they do not, and no rounding decides it. Reading them from files is in ``sources.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal, InvalidOperation
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omni_lab.errors import DataError, SchemaError, ShapeError
from omni_lab.typing import AnyArray, BoolArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

NANOS = 10**9
"""Billionths in one of a currency."""
UNKNOWN = -(2**63)
"""A fee that was not stated."""

LARGEST = 2**62
"""Prices, fees and times lie within: their differences fit into 64 bits."""
LARGEST_QTY = 2**40

Text: TypeAlias = Any
"""A column of ids: an Arrow array of strings, null where there is none."""


class FillKind(IntEnum):
    """What a report says: a trade, that one is taken back, or that its terms were others.

    FIX says the same as ExecType (150) F, H and G.
    """

    FILL = 0
    BUST = 1
    CORRECTION = 2


_KINDS = {each.name: each.value for each in FillKind} | {"F": 0, "H": 1, "G": 2, "CORRECT": 2}
# FIX tag 54: a short sale sells, exempt or not.
_SIDES = {"BUY": 1, "B": 1, "1": 1, "SELL": 2, "S": 2, "2": 2, "5": 2, "6": 2}
_REQUIRED = ("symbol", "side", "qty", "ts")
_OPTIONAL = ("fill_id", "ref_id", "order_id", "kind", "account")
_MONEY = ("price", "price_nanos", "fee", "fee_nanos")
# Below this a float says its nearest billionth without doubt.
_PLAIN_FLOAT = 4e6
_MAX64 = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fills:
    """Fills of one side, one row for each report; make them with `Fills.of`.

    Attributes
    ----------
    fill_id, order_id, ref_id : Arrow array of str, length n_fills
        Id that both sides know the execution by (FIX 17); its order; the execution that a bust or correction
        is about (FIX 19). Null where there is none.
    symbol, account : ndarray of int64, shape (n_fills,)
        Places in ``symbols`` and ``accounts``.
    side : ndarray of int64
        1 buys, 2 sells.
    kind : ndarray of int64
        A `FillKind`.
    qty : ndarray of int64
        Lots, positive; a bust may state 0.
    price, fee : ndarray of int64
        Billionths of a currency; a fee is positive where it is paid, `UNKNOWN` where it is not stated.
    ts : ndarray of int64
        When it traded, nanoseconds UTC.
    symbols, accounts : tuple of str
        Names.
    """

    fill_id: Text
    order_id: Text
    ref_id: Text
    symbol: IntArray
    account: IntArray
    side: IntArray
    kind: IntArray
    qty: IntArray
    price: IntArray
    fee: IntArray
    ts: IntArray
    symbols: tuple[str, ...]
    accounts: tuple[str, ...]

    @classmethod
    def of(cls, columns: Mapping[str, Any] | pd.DataFrame | None = None, **more: Any) -> Fills:
        """Fills from columns: a mapping, a pandas, polars or Arrow frame, or keywords.

        Parameters
        ----------
        columns : mapping or frame
            Needed: ``symbol``; ``side``, as BUY, SELL, their first letters, or FIX's numbers; ``qty`` in
            lots; ``ts``, nanoseconds UTC or datetimes; ``price``, or ``price_nanos`` in billionths. Optional:
            ``fill_id``, ``order_id``, ``account`` (text or numbers), ``fee`` or ``fee_nanos``, and for busts
            and corrections ``kind`` and ``ref_id``.
        **more
            The same, by name.

        Raises
        ------
        SchemaError
            If a column is missing or unknown, or holds something else than it should.
        ShapeError
            If columns differ in length.
        DataError
            If a value cannot be used; the first such row is named.
        """
        given = _columns(columns) | more
        known = (*_REQUIRED, *_OPTIONAL, *_MONEY)
        if unknown := sorted(set(given) - set(known)):
            raise SchemaError("a fill has no such column", found=unknown[0], expected=known)
        for name in _REQUIRED:
            if name not in given:
                raise SchemaError(f"fills need a column {name!r}", found=sorted(given))
        if ("price" in given) == ("price_nanos" in given) or {"fee", "fee_nanos"} <= set(given):
            raise SchemaError(
                "a price is stated once, as price or price_nanos; a fee likewise", found=sorted(given)
            )
        n = len(given["symbol"])
        for name, values in given.items():
            if len(values) != n:
                raise ShapeError("columns differ in length", found=len(values), expected=str(n), where=name)
        symbol, symbols = _names(given["symbol"], "symbol", n)
        account, accounts = _names(given.get("account"), "account", n)
        fee = (
            nanos(given["fee"], "fee")
            if "fee" in given
            else _whole(given.get("fee_nanos"), "fee_nanos", n, UNKNOWN)
        )
        made = cls(
            fill_id=_text(given.get("fill_id"), n, "fill_id"),
            order_id=_text(given.get("order_id"), n, "order_id"),
            ref_id=_text(given.get("ref_id"), n, "ref_id"),
            symbol=symbol,
            account=account,
            side=_coded(given["side"], _SIDES, "side", n),
            kind=_coded(given.get("kind"), _KINDS, "kind", n),
            qty=_whole(given["qty"], "qty", n, 0),
            price=nanos(given["price"], "price")
            if "price" in given
            else _whole(given["price_nanos"], "price_nanos", n, 0),
            fee=fee,
            ts=_times(given["ts"]),
            symbols=symbols,
            accounts=accounts,
        )
        _check(made)
        return made

    def __len__(self) -> int:
        return len(self.ts)

    def take(self, rows: IntArray | BoolArray) -> Fills:
        """Some of the rows, in the order given."""
        rows = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        at = pa.array(rows)
        changed = {
            each.name: getattr(self, each.name).take(at)
            if each.name.endswith("_id")
            else getattr(self, each.name)[rows]
            for each in fields(self)
            if not each.name.endswith("s") or each.name == "ts"
        }
        return replace(self, **changed)

    def to_frame(self) -> pd.DataFrame:
        """A pandas frame with names, sides and kinds as words, prices and fees as floats, times in UTC."""
        import pandas as pd

        words = np.array(["", "BUY", "SELL"], dtype=object)
        kinds = np.array([each.name for each in FillKind], dtype=object)
        return pd.DataFrame(
            {
                "ts": pd.DatetimeIndex(self.ts.view("datetime64[ns]"), tz="UTC"),
                "kind": kinds[self.kind],
                "fill_id": self.fill_id.to_pandas(),
                "ref_id": self.ref_id.to_pandas(),
                "order_id": self.order_id.to_pandas(),
                "account": np.array([*self.accounts, ""], dtype=object)[self.account],
                "symbol": np.array([*self.symbols, ""], dtype=object)[self.symbol],
                "side": words[self.side],
                "qty": self.qty,
                "price": self.price / NANOS,
                "fee": np.where(self.fee == UNKNOWN, np.nan, self.fee / NANOS),
            }
        )


def concat(parts: Sequence[Fills]) -> Fills:
    """Several tables of fills as one, rows in the order given."""
    if not parts:
        empty: IntArray = np.zeros(0, dtype=np.int64)
        return Fills.of(symbol=empty, side=empty, qty=empty, ts=empty, price=empty)
    if len(parts) == 1:
        return parts[0]
    symbols, symbol = _joined([part.symbols for part in parts], [part.symbol for part in parts])
    accounts, account = _joined([part.accounts for part in parts], [part.account for part in parts])
    numbers = ("side", "kind", "qty", "price", "fee", "ts")
    texts = ("fill_id", "order_id", "ref_id")
    return Fills(
        symbols=symbols,
        accounts=accounts,
        symbol=symbol,
        account=account,
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in numbers},
        **{name: pa.concat_arrays([getattr(part, name) for part in parts]) for name in texts},
    )


def nanos(values: Any, where: str) -> IntArray:
    """Amounts of a currency in whole billionths, exactly; null and NaN are `UNKNOWN`.

    Parameters
    ----------
    values : array-like of float, int, Decimal or str
        Amounts. A float counts as the decimal that a person would write it as.
    where : str
        What they are called, for the error.

    Raises
    ------
    DataError
        If one is no number, infinite, finer than a billionth, or beyond 64 bits.
    """
    array = np.asarray(values)
    if array.dtype.kind in "iu":
        if len(array) and int(np.abs(array.astype(np.float64)).max()) > _MAX64 // NANOS:
            raise DataError("an amount is beyond 64 bits of billionths", where=where)
        return array.astype(np.int64) * NANOS
    if array.dtype.kind == "f":
        known = ~np.isnan(array)
        if np.isinf(array).any():
            raise DataError(
                "an amount is a finite number", found=float(array[np.isinf(array)][0]), where=where
            )
        if not known.any() or float(np.abs(array[known]).max()) < _PLAIN_FLOAT:
            scaled = np.where(known, array, 0.0) * NANOS
            whole = np.rint(scaled)
            off = np.abs(whole / NANOS - np.where(known, array, 0.0)) > np.abs(array) * 1e-15
            if not (off & known).any():
                return np.where(known, whole, 0).astype(np.int64) + np.where(known, 0, UNKNOWN)
    return np.array([_exact(value, where) for value in array.tolist()], dtype=np.int64).reshape(len(array))


def _exact(value: Any, where: str) -> int:
    if value is None or value != value or value == "":
        return UNKNOWN
    try:
        scaled = Decimal(str(value)) * NANOS
        whole = int(scaled)
    except (InvalidOperation, OverflowError, ValueError):
        raise DataError("an amount is a finite number", found=value, where=where) from None
    if whole != scaled or abs(whole) > _MAX64:
        raise DataError(
            "an amount is a whole number of billionths, below 2^63 of them", found=value, where=where
        )
    return whole


def _columns(given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return dict(given)
    import narwhals as nw

    try:
        frame = nw.from_native(given, eager_only=True)
    except TypeError:
        raise SchemaError("fills come as columns or as a frame", found=type(given).__name__) from None
    return {
        name: frame[name].to_arrow() if frame[name].dtype == nw.String else frame[name].to_numpy()
        for name in frame.columns
    }


def _text(values: Any, n: int, where: str) -> Text:
    """Ids as text; an empty one is none."""
    if values is None:
        return pa.nulls(n, pa.string())
    if not isinstance(values, pa.Array | pa.ChunkedArray):
        values = np.asarray(values)
        if values.dtype.kind == "f":
            raise SchemaError(
                "an id is text or a whole number", found=str(values.dtype), expected="str or int", where=where
            )
        if values.dtype.kind == "O":
            values = [None if v is None or v != v else str(v) for v in values.tolist()]
        elif values.dtype.kind == "U":
            values = values.tolist()
        values = pa.array(values, from_pandas=True)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    values = values.cast(pa.string())
    return pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)


def _names(values: Any, where: str, n: int) -> tuple[IntArray, tuple[str, ...]]:
    """Names as places in the tuple of them, sorted; one that is not stated is the empty name."""
    encoded = pc.fill_null(_text(values, n, where), "").dictionary_encode()
    names = encoded.dictionary.to_pylist()
    ranked = sorted(names)
    place = {name: at for at, name in enumerate(ranked)}
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    return np.array([place[name] for name in names], dtype=np.int64)[codes].astype(np.int64), tuple(ranked)


def _joined(names: list[tuple[str, ...]], codes: list[IntArray]) -> tuple[tuple[str, ...], IntArray]:
    together = tuple(sorted({name for each in names for name in each}))
    place = {name: at for at, name in enumerate(together)}
    moved = [
        np.array([place[name] for name in each], dtype=np.int64)[code]
        for each, code in zip(names, codes, strict=True)
    ]
    return together, np.concatenate(moved)


def _coded(values: Any, words: Mapping[str, int], where: str, n: int) -> IntArray:
    """Words, or their numbers, as numbers."""
    if values is None:
        return np.zeros(n, dtype=np.int64)
    array = np.asarray(values)
    if array.dtype.kind in "iu":
        found = array.astype(np.int64)
        allowed = np.unique(list(words.values()))
        wrong = ~np.isin(found, allowed)
    else:
        encoded = _text(values, n, where).dictionary_encode()
        codes = [words.get(str(word).upper(), -1) for word in encoded.dictionary.to_pylist()]
        index = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        found = np.array([*codes, -1], dtype=np.int64)[index]
        wrong = found < 0
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"unknown {where}",
            found=array[row : row + 1].tolist()[0],
            expected=sorted(words),
            where=f"row {row}",
        )
    return found


def _whole(values: Any, where: str, n: int, absent: int) -> IntArray:
    if values is None:
        return np.full(n, absent, dtype=np.int64)
    array = np.asarray(values)
    if len(array) == 0:
        return np.zeros(0, dtype=np.int64)
    if array.dtype.kind not in "iuf" or (
        array.dtype.kind == "f"
        and not (np.isfinite(array) & (array == np.rint(array)) & (np.abs(array) < 2**53)).all()
    ):
        raise SchemaError("whole numbers are needed", found=str(array.dtype), expected="int64", where=where)
    if array.dtype.kind == "u" and int(array.max()) > _MAX64:
        raise DataError("a number is beyond 64 bits", where=where)
    return array.astype(np.int64)


def _times(values: Any) -> IntArray:
    array = np.asarray(values)
    if array.dtype.kind == "O" and len(array) and hasattr(array[0], "tzinfo"):
        import pandas as pd

        array = pd.DatetimeIndex(array).tz_convert("UTC").tz_localize(None).to_numpy()
    if array.dtype.kind == "M":
        if np.isnat(array).any():
            raise DataError(
                "a fill has a time", found="NaT", where=f"ts, row {int(np.flatnonzero(np.isnat(array))[0])}"
            )
        array = array.astype("datetime64[ns]").view(np.int64)
    return _whole(array, "ts", len(array), 0)


def _check(made: Fills) -> None:
    """Refuse rows that mean nothing, naming the first."""
    about_another = made.kind != FillKind.FILL
    unnamed = np.array([name == "" for name in made.symbols] + [False])[made.symbol]
    lacking: AnyArray = pc.is_null(made.ref_id).to_numpy(zero_copy_only=False)
    circular: AnyArray = pc.fill_null(pc.equal(made.fill_id, made.ref_id), False).to_numpy(
        zero_copy_only=False
    )
    for wrong, what in (
        (unnamed, "a fill has a symbol"),
        ((made.qty <= 0) & (made.kind != FillKind.BUST), "a fill has a quantity of at least one lot"),
        (made.qty < 0, "a quantity is not negative"),
        (made.qty > LARGEST_QTY, "a quantity is at most 2^40 lots"),
        ((made.price != UNKNOWN) & (np.abs(made.price) > LARGEST), "a price is below 2^62 billionths"),
        ((made.fee != UNKNOWN) & (np.abs(made.fee) > LARGEST), "a fee is below 2^62 billionths"),
        (np.abs(made.ts) > LARGEST, "a time is within 2^62 nanoseconds of 1970"),
        ((made.price == UNKNOWN) & (made.kind != FillKind.BUST), "a fill has a price"),
        (about_another & lacking, "a bust or correction names the fill it is about, as ref_id"),
        (~about_another & ~lacking, "only a bust or correction is about another fill"),
        (circular, "a report cannot be about itself"),
    ):
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            facts = {
                "symbol": made.symbols[made.symbol[row]],
                "qty": int(made.qty[row]),
                "kind": FillKind(made.kind[row]).name,
            }
            raise DataError(what, found=facts | {"fill_id": made.fill_id[row].as_py()}, where=f"row {row}")
