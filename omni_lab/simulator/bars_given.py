"""Bars from whatever a run was given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from omni_lab.data.bars import Bars
from omni_lab.data.times import iso
from omni_lab.errors import ConfigError, DataError


def resolve_bars(
    bars: Any,
    *,
    seed: int,
    symbol: str | None = None,
    symbols: Sequence[str] | None = None,
    start: Any = None,
    end: Any = None,
) -> Bars:
    """Bars from whatever was given: bars, a frame, or symbols of the store."""
    if symbol is not None and symbols is not None:
        raise ConfigError("give symbol or symbols, not both", found=[symbol, *symbols])
    if isinstance(symbols, str):
        symbols = [symbols]
    names = [symbol] if symbol is not None else list(symbols) if symbols is not None else None
    if bars is None:
        if not names:
            raise ConfigError(
                "there is nothing to run on",
                expected="bars=… or symbol=…",
                hint="symbol='SYNTH' needs no data; `omni store ls` lists the symbols of the store.",
            )
        return _from_store(names, seed, start, end)
    if not isinstance(bars, Bars):
        single = names[0] if names and len(names) == 1 else None
        bars = Bars.from_frame(bars, symbol=single)
    if names is not None and tuple(names) != bars.symbols:
        bars = bars.take(names)
    return _between(bars, start, end)


def _from_store(names: list[str], seed: int, start: Any, end: Any) -> Bars:
    from omni_lab.data.synthetic import SYNTHETIC_SYMBOL, synthetic_bars

    if names == [SYNTHETIC_SYMBOL]:
        return _between(synthetic_bars(seed=seed), start, end)
    from omni_lab.store import DuckDBStore

    return DuckDBStore().load(names, start, end)


def _between(bars: Bars, start: Any, end: Any) -> Bars:
    if start is None and end is None:
        return bars
    from omni_lab.store.ranges import parse_range

    available = f"{iso(int(bars.ts[0]))} to {iso(int(bars.ts[-1]))}"
    first, last = parse_range(start, end, available=available, where="run_backtest")
    begin = 0 if first is None else int(np.searchsorted(bars.ts, first, side="left"))
    stop = bars.n_times if last is None else int(np.searchsorted(bars.ts, last, side="right"))
    if begin >= stop:
        raise DataError(
            "there are no bars in the range", found=f"{start} to {end}", hint=f"Available: {available}."
        )
    return bars.slice(begin, stop)
