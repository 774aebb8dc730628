"""Rows for the tests of the tick store."""

from typing import Any

import numpy as np
import pandas as pd

from omni_lab.typing import AnyArray

DAY = 86_400_000_000_000
HOUR = 3_600_000_000_000
MINUTE = 60_000_000_000
SECOND = 1_000_000_000
NOON = 1_577_880_000_000_000_000  # 2020-01-01 12:00 UTC


def trades(
    n_rows: int,
    symbols: tuple[str, ...] = ("A", "B", "C"),
    *,
    seed: int,
    span_ns: int = HOUR,
    start: int = NOON,
) -> dict[str, Any]:
    """Trades in the order of time, with a column of symbols."""
    rng = np.random.default_rng(seed)
    return {
        "ts": np.sort(rng.integers(0, span_ns, n_rows)) + start,
        "symbol": rng.choice(symbols, n_rows),
        "price": rng.integers(90, 110, n_rows) * 10_000,
        "qty": rng.integers(1, 10, n_rows) * 100,
        "match_id": np.arange(n_rows, dtype=np.uint64),
    }


def quotes(
    n_rows: int,
    symbols: tuple[str, ...] = ("A", "B", "C"),
    *,
    seed: int,
    span_ns: int = HOUR,
    start: int = NOON,
) -> dict[str, Any]:
    """Quotes in the order of time, with a column of symbols."""
    rng = np.random.default_rng(seed)
    bid = rng.integers(90, 110, n_rows) * 10_000
    return {
        "ts": np.sort(rng.integers(0, span_ns, n_rows)) + start,
        "symbol": rng.choice(symbols, n_rows),
        "bid_price": bid,
        "bid_qty": rng.integers(1, 10, n_rows) * 100,
        "ask_price": bid + 100,
        "ask_qty": rng.integers(1, 10, n_rows) * 100,
    }


def frame(*batches: dict[str, Any]) -> pd.DataFrame:
    """What a store should return of these batches: sorted by symbol and time, ties in their order."""
    rows = pd.concat([pd.DataFrame(batch) for batch in batches], ignore_index=True)
    return rows.sort_values(["symbol", "ts"], kind="stable", ignore_index=True)


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Assert that a frame of the store has these rows in this order, in the columns of the expected one."""
    assert len(found) == len(expected)
    for name in expected.columns:
        values: AnyArray = found[name].to_numpy()
        if name == "ts":
            values = found[name].to_numpy(dtype="datetime64[ns]").astype(np.int64)
        assert values.tolist() == expected[name].tolist(), name
