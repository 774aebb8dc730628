"""Strategies that tests of searches share; worker processes import this module by its name."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

from omni_lab.data import Bars
from omni_lab.strategies import Bar, Context, Strategy
from omni_lab.typing import FloatArray


def crossover(bars: Bars, fast: int, slow: int) -> FloatArray:
    """Long above, short below: the sign of the difference of two moving averages."""
    close = bars.close()[:, 0]
    return np.asarray(np.sign(mean_of(close, fast) - mean_of(close, slow)))


def mean_of(values: FloatArray, window: int) -> FloatArray:
    sums = np.concatenate(([0.0], np.cumsum(values)))
    means = np.full(len(values), np.nan)
    means[window - 1 :] = (sums[window:] - sums[:-window]) / window
    return means


class Above(Strategy):
    """Holds a number of shares while the close is above its average."""

    def __init__(self, window: int, shares: float = 10.0) -> None:
        self.window, self.shares = window, shares

    def on_start(self, ctx: Context) -> None:
        self.average = ctx.sma(self.window)

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        ctx.target(self.shares if bar.close > self.average.value else 0.0)


def deadly(bars: Bars, fast: int, slow: int, marks: str, lives: int) -> FloatArray:
    """Kills its process at one parameter set, as often as it is told to, then behaves."""
    if fast == 4:
        mark = Path(marks)
        died = len(mark.read_text()) if mark.exists() else 0
        if died < lives:
            mark.write_text("x" * (died + 1))
            os.kill(os.getpid(), signal.SIGKILL)
    return crossover(bars, fast, slow)


def named(bars: Bars, how: str) -> FloatArray:
    """Its code holds a set of names, whose order differs from process to process."""
    return np.full(bars.n_times, 1.0 if how in {"long", "always", "all", "in"} else 0.0)


class PickyError(Exception):
    """An error that cannot be rebuilt from its arguments."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"picky about {first} and {second}")


def picky(bars: Bars, fast: int) -> FloatArray:
    if fast == 3:
        raise PickyError(fast, 0)
    if fast == 4:
        raise ValueError("four is refused")
    return np.full(bars.n_times, float(fast) / 10)


def slow_and_noted(bars: Bars, n: int, log: str, pause_s: float = 0.002) -> FloatArray:
    """Notes in a file that it ran."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, f"{n}\n".encode())
    os.close(descriptor)
    time.sleep(pause_s)
    return crossover(bars, 2 + n % 5, 10 + n)


def noted(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()] if path.exists() else []


GRID: dict[str, Any] = {"fast": [3, 4, 5, 8], "slow": [10, 20, 30]}


def signed(bars: Bars, n: int, log: str, pause_s: float = 0.0) -> FloatArray:
    """Notes in a file which process ran it."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    os.close(descriptor)
    time.sleep(pause_s)
    return crossover(bars, 2 + n % 7, 10 + n // 7)
