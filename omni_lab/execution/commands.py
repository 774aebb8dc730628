"""Columns of commands, checked before any of them acts."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

import numpy as np

from omni_lab.domain import (
    CommandKind,
    OrderType,
    PegReference,
    PostOnly,
    SelfTrade,
    Side,
    TimeInForce,
    TradingPhase,
    TrailUnit,
    Trigger,
)
from omni_lab.errors import DataError, SchemaError, ShapeError
from omni_lab.typing import AnyArray, ArrayLike

DEFAULTS: Mapping[str, int] = {
    "kind": CommandKind.NEW,
    "ts": 0,
    "order_id": 0,
    "client_order_id": 0,
    "account": 0,
    "instrument": 0,
    "side": Side.BUY,
    "order_type": OrderType.LIMIT,
    "time_in_force": TimeInForce.DAY,
    "self_trade": SelfTrade.ALLOW,
    "post_only": PostOnly.NO,
    "qty": 0,
    "price": 0,
    "stop_price": 0,
    "trail": 0,
    "trail_unit": TrailUnit.NONE,
    "trigger": Trigger.NONE,
    "peg_reference": PegReference.NONE,
    "peg_offset": 0,
    "display_qty": -1,
    "min_qty": 0,
    "all_or_none": 0,
    "expire_at": 0,
    "phase": TradingPhase.CONTINUOUS,
    "address": 0,
    "value": 0,
}
"""The columns that commands may have, and what stands in those that are absent; ``ts`` is the clock then."""

_CODES: Mapping[str, type[IntEnum]] = {
    "kind": CommandKind,
    "side": Side,
    "order_type": OrderType,
    "time_in_force": TimeInForce,
    "self_trade": SelfTrade,
    "post_only": PostOnly,
    "trail_unit": TrailUnit,
    "trigger": Trigger,
    "peg_reference": PegReference,
    "phase": TradingPhase,
}
_UNSIGNED = frozenset({"order_id", "address", "value"})
_ANY_SIZE = "client_order_id"
_NAMES_ALL = frozenset({CommandKind.MASS_CANCEL, CommandKind.SET_PHASE})


def check_columns(given: Mapping[str, ArrayLike], *, clock: int, n_instruments: int) -> dict[str, AnyArray]:
    """Every column of `DEFAULTS`, of one length, with values that commands can have.

    Parameters
    ----------
    given : mapping of str to array_like
        Whole numbers; a scalar stands for a column of it.
    clock : int
        What ``ts`` is where the column is absent.
    n_instruments : int
        How many there are: a phase or a mark for another one is refused here.

    Returns
    -------
    dict of str to ndarray
        int64; ``order_id``, ``address`` and ``value`` uint64; ``client_order_id`` objects. In ``account`` and
        ``instrument`` -1 stands for all.

    Raises
    ------
    SchemaError
        If a column is unknown or does not hold whole numbers.
    ShapeError
        If columns differ in length.
    DataError
        If a value is no code, or does not fit; it names the column and the row.
    """
    columns, n_rows = whole_columns(given)
    if _ANY_SIZE in columns:
        columns[_ANY_SIZE] = columns[_ANY_SIZE].astype(object)
    whole = dict(DEFAULTS) | {"ts": clock}
    filled = {
        name: np.broadcast_to(columns.get(name, _whole(name, default)), (n_rows,))
        for name, default in whole.items()
    }
    _check_codes(filled)
    # Who throws it and why are texts, which stand in no column.
    is_switch = filled["kind"] == CommandKind.KILL_SWITCH
    _refuse(
        "kind",
        filled["kind"],
        is_switch,
        "is thrown and reset by a command of its own, which says who and why",
    )
    _check_numbers(filled, n_instruments)
    return filled


def whole_columns(given: Mapping[str, ArrayLike]) -> tuple[dict[str, AnyArray], int]:
    """The columns that were given, as whole numbers; which of these a command can have is not looked at.

    Returns
    -------
    columns : dict of str to ndarray
        int64; ``order_id``, ``address`` and ``value`` uint64; ``client_order_id`` uint64 or objects. A scalar
        has no dimension.
    n_rows : int
        How many commands they make.

    Raises
    ------
    SchemaError, ShapeError, DataError
        As `check_columns`.
    """
    for name in given:
        if name not in DEFAULTS:
            raise SchemaError("unknown column of commands", found=name, expected=list(DEFAULTS))
    columns = {name: _whole(name, values) for name, values in given.items()}
    lengths = {name: len(column) for name, column in columns.items() if column.ndim}
    if len(set(lengths.values())) > 1:
        raise ShapeError("columns of commands differ in length", found=lengths)
    return columns, next(iter(lengths.values()), 1 if columns else 0)


def _whole(name: str, values: ArrayLike) -> AnyArray:
    array = np.asarray(values)
    if array.ndim > 1:
        raise ShapeError(
            "a column of commands has one dimension", found=array.shape, where=f"column {name!r}"
        )
    if name == _ANY_SIZE:
        return _client_order_ids(array)
    if array.dtype.kind not in "iub":
        if array.size:
            raise SchemaError(
                "whole numbers are needed", found=array.dtype, expected="int64", where=f"column {name!r}"
            )
        array = array.astype(np.int64)
    kind = np.uint64 if name in _UNSIGNED else np.int64
    if array.dtype != kind:
        wrong = array < 0 if kind is np.uint64 else array > np.iinfo(np.int64).max
        _refuse(name, array, wrong & (array.dtype.kind != "b"), "does not fit into 64 bits")
    return array.astype(kind, copy=False)


def _client_order_ids(array: AnyArray) -> AnyArray:
    if array.dtype.kind in "iu" and not (array < 0).any():
        return array.astype(np.uint64, copy=False)
    if array.dtype.kind in "iuO" and all(_is_id(value) for value in np.atleast_1d(array).tolist()):
        return array
    raise SchemaError("a client order id is a whole number below 2^128", found=array.dtype, where=_ANY_SIZE)


def _check_codes(columns: Mapping[str, AnyArray]) -> None:
    for name, kind in _CODES.items():
        known = [int(member) for member in kind]
        wrong = ~np.isin(columns[name], known)
        if name == "side":
            wrong &= ~((columns["kind"] == CommandKind.MASS_CANCEL) & (columns[name] == 0))
        _refuse(name, columns[name], wrong, f"is no {kind.__name__}")
    _refuse("all_or_none", columns["all_or_none"], ~np.isin(columns["all_or_none"], (0, 1)), "is not 0 or 1")


def _check_numbers(columns: Mapping[str, AnyArray], n_instruments: int) -> None:
    kinds, instruments = columns["kind"], columns["instrument"]
    may_be_all = np.isin(kinds, [int(kind) for kind in _NAMES_ALL])
    for name in ("account", "instrument"):
        numbers = columns[name]
        wrong = (numbers < np.where(may_be_all, -1, 0)) | (numbers >= 2**32)
        _refuse(name, numbers, wrong, "is no number that an account or instrument could have")
    must_exist = np.isin(kinds, (int(CommandKind.SET_PHASE), int(CommandKind.MARK)))
    everything = (kinds == CommandKind.SET_PHASE) & np.isin(instruments, (-1, 2**32 - 1))
    unknown = must_exist & ~everything & (instruments >= n_instruments)
    _refuse("instrument", instruments, unknown, f"is no instrument: there are {n_instruments}")


def _refuse(name: str, column: AnyArray, wrong: AnyArray, what: str) -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        value = np.atleast_1d(column)[rows[0]].item()
        raise DataError(f"{name} {what}", found=value, where=f"column {name!r}, row {rows[0]}")


def _is_id(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < 2**128
