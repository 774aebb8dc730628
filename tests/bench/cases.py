"""What is measured, on which data, and who takes part."""

from __future__ import annotations

from dataclasses import dataclass

OURS = ("omni.loaded", "omni.from_arrays")
NAMES = {
    "omni.loaded": "OmniLab, bars loaded",
    "omni.from_arrays": "OmniLab, from NumPy arrays",
    "raptorbt": "raptorbt",
    "phasor": "phasor-trader",
    "vectorbt.rust": "vectorbt, Rust kernels",
    "vectorbt.numba": "vectorbt, Numba kernels",
    "backtesting_py": "backtesting.py",
    "nautilus": "NautilusTrader 2",
    "openquanter": "OpenQuanter",
    "plain_numpy": "limit: NumPy formula, no orders",
    "compiled_loop": "limit: plain loop in C",
}
VECTORISED = (*OURS, "raptorbt", "phasor", "vectorbt.rust", "vectorbt.numba")
LIMITS = ("plain_numpy", "compiled_loop")
# One rounds commissions to cents, the other drops a fee on the fee; others keep to the tolerance of a case.
TOLERANCE = {"nautilus": 5.0}
RELATIVE_TOLERANCE = {"raptorbt": 1e-6}


@dataclass(frozen=True, slots=True)
class Case:
    """What is run, on which data, by whom; `size` counts the bars that an engine works through."""

    name: str
    title: str
    data: str
    size: int
    engines: tuple[str, ...]
    tolerance: float
    reference: str = ""


def all_cases(scale: int) -> list[Case]:
    minutes, days, sweep_bars = 1_000_000 // scale, 2_520 // scale, 100_000 // scale
    return [
        Case(
            "arrays",
            f"(a) {minutes:,} one-minute bars, SMA 20/100, market orders at the next open, 2 bps",
            "minutes",
            minutes,
            (*VECTORISED, "backtesting_py", *LIMITS),
            tolerance=0.005,
        ),
        Case(
            "arrays_with_signals",
            f"(a) the same, the {minutes:,} signals computed while the clock runs",
            "minutes",
            minutes,
            (*VECTORISED, *LIMITS),
            tolerance=0.005,
        ),
        Case(
            "callback",
            f"(b) the same {minutes:,} bars, a Python strategy called for each",
            "minutes",
            minutes,
            (*OURS, "openquanter", "raptorbt", "nautilus", "backtesting_py"),
            tolerance=0.005,
            reference="arrays",
        ),
        Case(
            "rebalance",
            f"(c) 500 symbols × {days:,} days, weights by the z-score of 21 days, rebalanced daily",
            "panel",
            500 * days,
            (*OURS, "phasor", "vectorbt.rust", "vectorbt.numba", *LIMITS),
            tolerance=1.0,  # millionths of a share, on an equity of 1e8
        ),
        Case(
            "sweep",
            f"(d) 200 pairs of averages over {sweep_bars:,} bars, signals included",
            "sweep",
            200 * sweep_bars,
            (*VECTORISED, *LIMITS),
            tolerance=0.005 * 200,
        ),
    ]


COLD = (
    ("omni.loaded", "arrays_with_signals"),
    ("plain_numpy", "arrays_with_signals"),
    ("raptorbt", "arrays_with_signals"),
    ("phasor", "arrays_with_signals"),
    ("openquanter", "callback"),
    ("nautilus", "callback"),
    ("backtesting_py", "callback"),
    ("vectorbt.rust", "arrays_with_signals"),
    ("vectorbt.numba", "arrays_with_signals"),
)
SECTIONS = (
    *("arrays", "arrays_with_signals", "callback", "rebalance", "sweep", "cold", "memory"),
    *("matching", "native", "store", "feeds", "replay", "breaks", "papermill", "gateway", "dashboard"),
    *("gate", "sweep_scaling", "made_up_market", "rebuild_memory"),
)
