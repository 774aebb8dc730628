"""One engine, one case, in an interpreter of its own; the answer is one line of JSON.

CPU time is that of this process in user and system mode, all threads together, from prepared arrays to final
equity. The first run is reported by itself: it holds what is compiled or loaded on first use. An engine that
compiles nothing and takes seconds is not run again.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.metadata
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

LONG_S = 2.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("engine")
    parser.add_argument("case")
    parser.add_argument("data", type=Path)
    parser.add_argument(
        "--budget-s", type=float, default=1.0, help="run again while less CPU than this was used"
    )
    parser.add_argument("--max-runs", type=int, default=5)
    parser.add_argument("--once", action="store_true", help="the first run alone")
    arguments = parser.parse_args()
    with contextlib.redirect_stdout(sys.stderr):  # engines greet
        answer = measure(arguments)
    print(json.dumps(answer))


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    module, _, variant = arguments.engine.partition(".")
    try:
        engine = importlib.import_module(f"engines.{module}")
    except ImportError as error:
        return {"missing": f"{error.name or error} is not installed"}
    absent = engine.available() if hasattr(engine, "available") else None
    if absent:
        return {"missing": absent}

    import market

    data = market.load(arguments.data)
    cases = getattr(engine, variant) if variant else engine
    setup = getattr(cases, arguments.case)(data)
    work = setup()
    before_mb = memory_mb("VmRSS")
    first_cpu, first_wall, equity = timed(work)
    runs: list[tuple[float, float]] = []
    compiles = getattr(cases, "COMPILES", False)
    if first_cpu > LONG_S and not compiles:
        runs.append((first_cpu, first_wall))
    elif not arguments.once:
        while len(runs) < arguments.max_runs and sum(cpu for cpu, _ in runs) < arguments.budget_s:
            cpu, wall, equity = timed(setup())
            runs.append((cpu, wall))
    peak_mb = memory_mb("VmHWM")
    own_formula = getattr(engine, f"expected_{arguments.case}", None)
    return {
        "final_equity": equity,
        "expected_by_own_formula": None if own_formula is None else own_formula(data),
        "first_cpu_s": first_cpu,
        "first_wall_s": first_wall,
        "cpu_s": [cpu for cpu, _ in runs],
        "wall_s": [wall for _, wall in runs],
        "before_mb": before_mb,
        "peak_mb": peak_mb,
        "versions": {
            "Python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in engine.NEEDS},
        },
        "note": getattr(engine, "NOTES", {}).get(arguments.case, ""),
    }


def timed(work: Any) -> tuple[float, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    equity = work()
    return time.process_time() - cpu, time.perf_counter() - wall, float(equity)


def memory_mb(field: str) -> float:
    """Resident memory of this process alone, now (VmRSS) or at its peak (VmHWM).

    The peak that getrusage tells would hold that of the parent, from before this program was loaded.
    """
    status = Path(f"/proc/{os.getpid()}/status")
    if not status.is_file():
        return float("nan")
    return next(
        int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith(field)
    )


if __name__ == "__main__":
    main()
