"""500 backtests here, in processes, on Dask and on Ray, by one worker and by two.

The strategy is called in Python at every bar, so that one process can do one trial at a time. Clusters are
started before the clock; what a start takes is told beside it. All must come to the same bytes.

    python tests/bench/clusters.py
    python tests/bench/clusters.py --quick
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median

import market as mk
from omni_lab.data import Bars
from omni_lab.domain import Instrument
from omni_lab.simulator import EventSimulator, SimulationConfig
from omni_lab.simulator.clusters import open_cluster
from omni_lab.strategies import Bar, Context, Strategy
from table import print_table, progress, seconds

WORKERS = (1, 2)
GRID = [{"fast": 2 + number % 25, "slow": 30 + number // 25} for number in range(500)]


class Crossover(Strategy):
    """Long above, flat below."""

    def __init__(self, fast: int, slow: int) -> None:
        self.windows = fast, slow

    def on_start(self, ctx: Context) -> None:
        self.fast, self.slow = (ctx.sma(window) for window in self.windows)

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        ctx.target(10.0 if self.fast.value > self.slow.value else 0.0)


def measured(
    sweep: Callable[..., str], rounds: int
) -> tuple[dict[str, list[float]], dict[str, float], set[str]]:
    """Seconds of each sweep and of the start before them, by place, and the hashes that came out.

    Places take turns, so that what else the machine does falls on all of them alike; Ray's do not, for a
    process has one of it.
    """
    hashes, starts, found = set[str](), dict[str, float](), dict[str, list[float]]()

    def take_turns(places: dict[str, dict[str, object]]) -> None:
        for _ in range(rounds):
            for place, options in places.items():
                progress(place)
                begun = time.perf_counter()
                hashes.add(sweep(**options))
                found.setdefault(place, []).append(time.perf_counter() - begun)

    def started(engine: str, workers: int, stack: ExitStack) -> dict[str, dict[str, object]]:
        progress(f"{engine} starts")
        begun = time.perf_counter()
        cluster = stack.enter_context(open_cluster(engine, workers))
        # A worker's first imports are part of its start.
        list(cluster.map(_warm, range(8 * workers)))
        starts[f"{engine}, {workers}"] = time.perf_counter() - begun
        return {f"{engine}, {workers}": {"executor": cluster.name, "workers": workers}}

    places: dict[str, dict[str, object]] = {"one after the other": {"executor": "serial"}}
    for workers in WORKERS:
        places[f"processes, {workers}, with their start"] = {"executor": "processes", "workers": workers}
    with ExitStack() as stack:
        for workers in WORKERS:
            places |= started("dask", workers, stack)
        take_turns(places)
    for workers in WORKERS:
        with ExitStack() as stack:
            take_turns(started("ray", workers, stack))
    return found, starts, hashes


def _warm(item: int) -> int:
    import omni_lab.simulator.research.on_cluster  # noqa: F401

    time.sleep(0.05)
    return item


def main() -> int:
    """Measure and print; 1 if the places disagree."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the bars, one round")
    arguments = parser.parse_args()
    made = mk.minutes(2_000 if arguments.quick else 20_000, seed=3)
    bars = Bars.from_arrays(
        made.ts, made.open, made.high, made.low, made.close, made.volume, instruments=[Instrument("X")]
    )
    sim = EventSimulator(SimulationConfig(initial_capital=mk.CAPITAL), count_trials=False)

    def sweep(**options: object) -> str:
        return sim.sweep(bars, Crossover, GRID, progress=False, **options).sha256  # type: ignore[arg-type]

    found, starts, hashes = measured(sweep, 1 if arguments.quick else 3)
    progress("")
    rows = []
    for place, walls in found.items():
        ones = found.get(place.replace(", 2", ", 1"), walls)
        scaling = median(one / wall for one, wall in zip(ones, walls, strict=True))
        told = f"{scaling:.2f}" if ones is not walls else ""
        rows.append([place, seconds(median(walls)), told, seconds(starts[place]) if place in starts else ""])
    load = os.getloadavg()[0]
    print(f"\n500 backtests of {bars.n_times:,} bars, Python at every bar; the machine's load was {load:.1f}")
    print_table([["", "s", "one worker / two", "start, s"], *rows])
    return len(hashes) != 1


if __name__ == "__main__":
    raise SystemExit(main())
