"""As-of joins: beside each row of one table, what another one said last."""

from __future__ import annotations

import numpy as np

from omni_lab.store.ticks.rows import Rows
from omni_lab.typing import AnyArray, IntArray

NAT: int = -(2**63)
"""A time that is none, as NumPy and pandas have it."""


def join_asof(
    left: Rows, right: Rows, before: Rows, *, prefix: str, strict: bool, tolerance_ns: int | None
) -> Rows:
    """Rows of ``left``, each with the last row of ``right`` of its symbol at or before its time.

    Parameters
    ----------
    left : Rows
        Which rows.
    right : Rows
        Of the same symbols in the same order, in the range of ``left``.
    before : Rows
        The last row of each symbol before ``right`` begins; symbols without any have empty runs.
    prefix : str
        Of columns that both have; the time of the row on the right is ``{prefix}ts``.
    strict : bool
        Only rows before the time, not at it: what is known when the row on the left happens.
    tolerance_ns : int, optional
        How old a row may be.

    Returns
    -------
    Rows
        Where there is no row on the right, its time is NaT, floats are NaN, text is empty and integers are 0.
    """
    at = np.full(len(left), -1, dtype=np.int64)
    for i, (_, run) in enumerate(left.runs()):
        start, stop = int(right.starts[i]), int(right.starts[i + 1])
        found = np.searchsorted(right.ts[start:stop], left.ts[run], side="left" if strict else "right") - 1
        # Rows from before the range stand behind those in it.
        n_right, lead = len(right), int(before.starts[i])
        fallback = n_right + lead if before.starts[i + 1] > lead else -1
        at[run] = np.where(found >= 0, found + start, fallback)
    both = {name: np.concatenate([right.columns[name], before.columns[name]]) for name in right.columns}
    has = at >= 0
    if tolerance_ns is not None:
        has &= left.ts - _taken(both["ts"], at, has) <= tolerance_ns
    joined: dict[str, AnyArray] = dict(left.columns)
    for name, values in both.items():
        label = f"{prefix}{name}" if name in left.columns else name
        joined[label] = _taken(values, at, has, missing=NAT if name == "ts" else None)
    return Rows(left.symbols, left.starts, joined)


def _taken(values: AnyArray, at: IntArray, has: AnyArray, missing: int | None = None) -> AnyArray:
    blank: object = {"f": np.nan, "O": ""}.get(values.dtype.kind, 0) if missing is None else missing
    if not len(values):
        return np.full(len(at), blank, dtype=values.dtype)
    return np.where(has, values[np.where(has, at, 0)], np.asarray(blank, dtype=values.dtype))
