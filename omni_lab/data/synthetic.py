"""Made-up markets, seeded, so that everything can be tried without any data: bars, and a day of ITCH."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from omni_lab.data.bars import Bars
from omni_lab.domain import Instrument
from omni_lab.errors import ConfigError
from omni_lab.progress import Progress

SYNTHETIC_SYMBOL = "SYNTH"
"""The symbol under which the simulator finds :func:`synthetic_bars`."""

_STEPS_INSIDE_A_BAR = 26
# As many weekdays as nanoseconds in 64 bits can count, and some to spare.
_MOST_BARS = 60_000
_FIRST_CLOSE = datetime(2019, 1, 2, 21, tzinfo=UTC)
_NANOSECONDS_PER_DAY = 86_400_000_000_000


def synthetic_bars(symbol: str = SYNTHETIC_SYMBOL, *, n_bars: int = 1260, seed: int = 7) -> Bars:
    """Daily bars of a made-up share whose drift changes between regimes.

    A two-state Markov chain switches the drift between +45% and −45% a year, each regime lasting sixty days
    on average, at 18% volatility a year; between two closes the price walks in 26 steps, of which the first
    is the overnight gap, so that open, high and low belong to the path of the close. Prices are in cents;
    volume is lognormal and larger on days with larger moves. It trends by construction, so a trend follower
    that makes money on it has shown that it works, not that it would pay.

    Parameters
    ----------
    symbol : str
        Name of the instrument.
    n_bars : int
        Number of weekdays from 2019-01-02 on, at most 60,000 (until the year 2248).
    seed : int
        Same seed, same bars.

    Returns
    -------
    Bars
        Daily bars closing at 21:00 UTC.

    Raises
    ------
    ConfigError
        If ``n_bars`` or ``seed`` cannot be used.
    """
    _check_whole("n_bars", n_bars, 1, _MOST_BARS)
    _check_whole("seed", seed, 0, 2**63 - 1)
    rng = np.random.default_rng(seed)
    switch = rng.random(n_bars) < 1.0 / 60.0
    regime = 1.0 - 2.0 * (np.cumsum(switch) % 2)
    per_step = 252.0 * _STEPS_INSIDE_A_BAR
    noise = rng.standard_normal((n_bars, _STEPS_INSIDE_A_BAR))
    moves = (0.45 * regime / per_step)[:, np.newaxis] + 0.18 / np.sqrt(per_step) * noise
    path = np.round(100.0 * np.exp(np.cumsum(moves.ravel()).reshape(n_bars, _STEPS_INSIDE_A_BAR)), 2)
    volume = np.round(
        1e6 * np.exp(0.3 * rng.standard_normal(n_bars) + 0.25 * np.abs(noise.mean(axis=1)) * 5.0)
    )
    return Bars.from_arrays(
        _weekday_closes(n_bars),
        path[:, 0],
        path.max(axis=1),
        path.min(axis=1),
        path[:, -1],
        volume,
        instruments=[Instrument(symbol, tick_size=0.01)],
        symbol=symbol,
    )


def _check_whole(name: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most:
        raise ConfigError(
            f"{name} cannot be used",
            found=value,
            expected=f"a whole number from {least} to {most}",
            where="synthetic_bars",
        )


def _weekday_closes(n_bars: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    first = int(_FIRST_CLOSE.timestamp()) * 1_000_000_000
    days = np.arange(n_bars * 7 // 5 + 7, dtype=np.int64)
    # Day 0 is a Wednesday.
    weekdays = days[(days + 2) % 7 < 5][:n_bars]
    return np.asarray(first + weekdays * _NANOSECONDS_PER_DAY, dtype=np.int64)


def synthetic_itch(
    path: Path | str, *, messages: int = 1_000_000, symbols: int = 500, seed: int = 1, progress: bool = True
) -> dict[str, Any]:
    """Write a made-up day of ITCH 5.0, as the daily files are framed.

    Every order it names is alive, executions hit the first in line at the best price, no book is crossed in
    trading; activity is concentrated in few symbols and comes in bursts. Prices wander without a purpose, so
    nothing that forecasts them can be right.

    Parameters
    ----------
    path : path
        The file; one that is there is replaced once the day is complete.
    messages, symbols : int
        How many; at least 1,000 messages and 4 a symbol.
    seed : int
        The same numbers give the same bytes, on every machine.
    progress : bool
        Whether to show a bar if it takes longer than two seconds.

    Returns
    -------
    dict
        ``messages`` by type, ``bytes``, and ``orders`` that wait in the end.

    Raises
    ------
    ConfigError
        If there cannot be such a day.
    SourceError
        If the file cannot be written.
    """
    from omni_lab._native import itch_write

    with Progress(messages, "a made-up day", progress, unit="messages") as report:
        return itch_write(path, messages=messages, symbols=symbols, seed=seed, progress=report)
