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


def measured(sweep: Callable[..., str], rounds: int) -> tuple[dict[str, tuple[float, float]], set[str]]:
    """Seconds of a sweep and of the start before it, by place, and the hashes that came out."""
    found, hashes = dict[str, tuple[float, float]](), set[str]()

    def timed(place: str, start_s: float, **options: object) -> None:
        walls = []
        for _ in range(rounds):
            progress(place)
            begun = time.perf_counter()
            hashes.add(sweep(**options))
            walls.append(time.perf_counter() - begun)
        found[place] = median(walls), start_s

    timed("one after the other", 0.0, executor="serial")
    for workers in WORKERS:
        timed(f"processes, {workers}, with their start", 0.0, executor="processes", workers=workers)
    for engine in ("dask", "ray"):
        for workers in WORKERS:
            progress(f"{engine} starts")
            begun = time.perf_counter()
            with open_cluster(engine, workers) as cluster:
                # A worker's first imports are part of its start.
                list(cluster.map(_warm, range(8 * workers)))
                timed(
                    f"{engine}, {workers}",
                    time.perf_counter() - begun,
                    executor=cluster.name,
                    workers=workers,
                )
    return found, hashes


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

    found, hashes = measured(sweep, 1 if arguments.quick else 3)
    progress("")
    alone = found["one after the other"][0]
    rows = [
        [place, seconds(wall), f"{alone / wall:.2f}", seconds(start) if start else ""]
        for place, (wall, start) in found.items()
    ]
    load = os.getloadavg()[0]
    print(f"\n500 backtests of {bars.n_times:,} bars, Python at every bar; the machine's load was {load:.1f}")
    print_table([["", "s", "times as fast", "start, s"], *rows])
    return len(hashes) != 1


if __name__ == "__main__":
    raise SystemExit(main())
