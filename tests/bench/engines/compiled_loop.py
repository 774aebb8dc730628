"""A plain loop in C, compiled by the bench: as fast as this can be done, without orders, checks or reports.

The loop keeps rolling sums, trades at the next open and writes the equity of every bar. It is the limit to
chase, not a peer: nobody can do research with it.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

import market as mk
from engines import Setup
from market import FloatArray, Market

NEEDS = ("numpy",)
SOURCE = Path(__file__).with_name("compiled_loop.c")


def available() -> str | None:
    """What is missing, if something is."""
    return None if shutil.which("cc") else "no C compiler (cc)"


def build() -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "loop.so"
        subprocess.run(
            ["cc", "-O3", "-march=native", "-shared", "-fPIC", SOURCE, "-o", library, "-lm"], check=True
        )
        loop = ctypes.CDLL(str(library))
    array = np.ctypeslib.ndpointer(dtype=np.float64, flags="C_CONTIGUOUS")
    for name in ("targets_loop", "crossover_loop", "rebalance_loop"):
        getattr(loop, name).restype = ctypes.c_double
    loop.targets_loop.argtypes = [array, array, array, array, ctypes.c_long, ctypes.c_double, ctypes.c_double]
    loop.crossover_loop.argtypes = [
        array, array, array, ctypes.c_long, ctypes.c_long, ctypes.c_long,
        ctypes.c_double, ctypes.c_double, ctypes.c_double, ctypes.c_double,
    ]  # fmt: skip
    loop.rebalance_loop.argtypes = [
        array, array, array, array, array, ctypes.c_long, ctypes.c_long, ctypes.c_double, ctypes.c_double
    ]  # fmt: skip
    return loop


def arrays(m: Market) -> Setup:
    loop = build()

    def work() -> float:
        equity = np.empty(len(m.close))
        return float(
            loop.targets_loop(m.open, m.close, m.targets, equity, len(m.close), mk.CAPITAL, mk.FEE_RATE)
        )

    return lambda: work


def arrays_with_signals(m: Market) -> Setup:
    loop = build()
    return lambda: lambda: crossover(loop, m.open, m.close, mk.FAST, mk.SLOW)


def sweep(m: Market) -> Setup:
    loop = build()
    return lambda: lambda: sum(crossover(loop, m.open, m.close, fast, slow) for fast, slow in mk.GRID)


def rebalance(m: Market) -> Setup:
    loop = build()

    def work() -> float:
        n_days, n_symbols = m.close.shape
        equity, held = np.empty(n_days), np.zeros(n_symbols)
        return float(
            loop.rebalance_loop(
                m.open, m.close, m.targets, equity, held, n_days, n_symbols, mk.PORTFOLIO_CAPITAL, mk.FEE_RATE
            )
        )

    return lambda: work


def crossover(loop: ctypes.CDLL, opens: FloatArray, close: FloatArray, fast: int, slow: int) -> float:
    equity = np.empty(len(close))
    return float(
        loop.crossover_loop(
            opens, close, equity, len(close), fast, slow, mk.MARGIN, mk.QUANTITY, mk.CAPITAL, mk.FEE_RATE
        )
    )
