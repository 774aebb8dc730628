"""What parts of OmniLab cost beside the same without them: the risk gate, a second core, kept events.

Nobody else takes part: each row is set beside another one of the same run, and both must come to the same.

    python tests/bench/ours.py
    python tests/bench/ours.py --quick --case gate
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import market as mk
from omni_lab import _native
from omni_lab.data import Bars, ItchFile, synthetic_itch
from omni_lab.domain import Instrument
from omni_lab.execution import Limits
from omni_lab.simulator import EventSimulator, SimulationConfig
from omni_lab.simulator.participants import (
    HawkesFlow,
    InformedFlow,
    MarketMaker,
    ZeroIntelligence,
    simulated_market,
)
from omni_lab.strategies import Bar, Context, Strategy
from table import print_table, progress, seconds

CASES = ("gate", "sweep_scaling", "made_up_market", "rebuild_memory")
WIDE = Limits(
    max_position=1e9,
    max_order_qty=1e9,
    collar_bps=9_999,
    max_notional=1e15,
    order_rate=10**9,
    order_burst=10**9,
    cancel_rate=10**9,
    cancel_burst=10**9,
    max_daily_loss=1e15,
)
"""Every check is made, and none refuses anything."""
HOUR_NS = 3_600 * 10**9
LEGEND = """
ratio      time, or memory, of the row over that of the row named beside it: CPU of all threads for the gate
           and the made-up market, wall for the sweeps, which need two free cores. What both rows came to is
           compared, and must be equal
"""

Row = tuple[str, float, str, str]
Case = tuple[list[Row], dict[str, Any], list[str]]


class Crossover(Strategy):
    """The crossover of the other cases, called at every bar."""

    def on_start(self, ctx: Context) -> None:
        self.fast, self.slow = ctx.sma(mk.FAST), ctx.sma(mk.SLOW)
        self.invested = False

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        above = self.fast.value - self.slow.value > mk.MARGIN
        if above is not self.invested:
            self.invested = above
            (ctx.buy if above else ctx.sell)(mk.QUANTITY)


class Busy(Strategy):
    """An order at every bar: as much work for the gate as bars can give."""

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        (ctx.sell if ctx.index % 2 else ctx.buy)(1)


def bars_of(m: mk.Market) -> Bars:
    """Bars of one instrument."""
    return Bars.from_arrays(m.ts, m.open, m.high, m.low, m.close, m.volume, instruments=[Instrument("SYNTH")])


def gate(rounds: int, scale: int) -> Case:
    """Bars with every limit set beside bars without a gate."""
    m = mk.minutes(1_000_000 // scale)
    bars, rows, found, wrong = bars_of(m), list[Row](), dict[str, Any](), list[str]()
    often = np.resize([1.0, 0.0], m.ts.size)
    work: dict[str, Callable[[EventSimulator], Any]] = {
        "targets": lambda sim: sim.run_targets(bars, m.targets, progress=False),
        "targets, an order a bar": lambda sim: sim.run_targets(bars, often, progress=False),
        "callbacks": lambda sim: sim.run_backtest(Crossover(), bars, progress=False),
        "callbacks, an order a bar": lambda sim: sim.run_backtest(Busy(), bars, progress=False),
    }
    for name, run in work.items():
        cpu: dict[str, list[float]] = {"": [], ", all limits": []}
        ends: dict[str, float] = {}
        for _ in range(rounds):
            for with_gate, limits in (("", None), (", all limits", WIDE)):
                progress(name + with_gate)
                config = SimulationConfig(
                    initial_capital=mk.CAPITAL, commission_rate=mk.FEE_RATE, limits=limits
                )
                sim = EventSimulator(config, count_trials=False)
                begun = time.process_time()
                results = run(sim)
                ends[with_gate] = float(results.equity[-1])
                cpu[with_gate].append(time.process_time() - begun)
                if limits is not None and not results.gate["CHECKED"] == results.gate["PASSED"] > 0:
                    wrong.append(f"{name}: the gate let through {results.gate}")
        plain, gated = (median(each) for each in cpu.values())
        found[name] = {"cpu_s": cpu, "ratio": gated / plain}
        rows += [(name, plain, "", ""), ("... all limits", gated, f"{gated / plain:.2f}", f"to {name}")]
        if len(set(ends.values())) != 1:
            wrong.append(f"{name}: {ends}")
    return rows, found, wrong


def averages(bars: Bars, fast: int, slow: int) -> mk.FloatArray:
    """Targets of one pair of averages."""
    return mk.crossover(bars.close()[:, 0], fast, slow)


def sweep_scaling(rounds: int, scale: int) -> Case:
    """200 pairs of averages, in one place and in two."""
    bars = bars_of(mk.minutes(100_000 // scale, seed=3))
    grid = [{"fast": fast, "slow": slow} for fast, slow in mk.GRID]
    sim = EventSimulator(
        SimulationConfig(initial_capital=mk.CAPITAL, commission_rate=mk.FEE_RATE), count_trials=False
    )
    families: dict[str, Any] = {"200 pairs, NumPy signals": averages, "200 pairs, in the engine": "sma_cross"}
    places: dict[str, dict[str, Any]] = {
        "one thread": {"executor": "serial"},
        "two threads": {"executor": "threads", "workers": 2},
        "two processes": {"executor": "processes", "workers": 2},
    }
    rows, found, wrong = list[Row](), dict[str, Any](), list[str]()
    for name, family in families.items():
        wall: dict[str, list[float]] = {place: [] for place in places}
        ends: dict[str, list[float]] = {}
        for _ in range(rounds):
            for place, options in places.items():
                progress(f"{name}, {place}")
                begun = time.perf_counter()
                swept = sim.sweep(bars, family, grid, kind="quantity", progress=False, **options)
                wall[place].append(time.perf_counter() - begun)
                ends[place] = swept.metrics["final_equity"].tolist()
        least = median(wall["one thread"])
        for place, each in wall.items():
            ratio = median(each) / least
            label = name if place == "one thread" else f"... {place}"
            rows.append(
                (label, median(each), *(("", "") if label == name else (f"{ratio:.2f}", f"to {name}")))
            )
        found[name] = {"wall_s": wall}
        if any(each != ends["one thread"] for each in ends.values()):
            wrong.append(f"{name}: the places disagree")
    return rows, found, wrong


def made_up_market(rounds: int, scale: int) -> Case:
    """Commands a second of a market of participants, alone and with what may be kept of it."""
    people = [
        ZeroIntelligence(limit_rates=(40.0, 30.0, 20.0, 10.0, 5.0), market_rate=15.0, cancel_rates=(0.4,)),
        HawkesFlow(),
        InformedFlow(rate=5.0),
        MarketMaker(),
    ]
    rows, found, wrong = list[Row](), dict[str, Any](), list[str]()
    ways: dict[str, dict[str, Any]] = {
        "made-up market": {"keep_events": False},
        "... events kept": {"keep_events": True},
        "... account sampled every ms": {"keep_events": False, "sample_every_ns": 10**6},
        "... journal of all commands": {"keep_events": False, "journal": ""},
    }
    ends = set()
    for name, options in ways.items():
        cpu, n = [], 0
        for _ in range(rounds):
            progress(name)
            with tempfile.TemporaryDirectory() as folder:
                given = {**options, "journal": folder} if "journal" in options else options
                market = simulated_market(people, seed=5, **given)
                begun = time.process_time()
                market.advance(HOUR_NS // scale)
                cpu.append(time.process_time() - begun)
                n = market.n_commands
                ends.add((n, *market.quote(0)))
        found[name] = {"ns_a_command": [each / n * 1e9 for each in cpu], "n_commands": n}
        base = median(found["made-up market"]["ns_a_command"])
        ns = median(found[name]["ns_a_command"])
        beside = ("", "") if name == "made-up market" else (f"{ns / base:.2f}", "to made-up market")
        rows.append((f"{name} ({1e3 / ns:.2f} million commands/s)", ns * 1e-9 * n, *beside))
    if len(ends) != 1:
        wrong.append(f"made-up market: what is kept changes what happens: {sorted(ends)}")
    return rows, found, wrong


def rebuild_memory(rounds: int, scale: int) -> Case:
    """Peak memory of rebuilding all books of a day, beside what its events take as columns."""
    with tempfile.TemporaryDirectory(prefix="omni-memory-") as folder:
        path = Path(folder) / "day.itch"
        synthetic_itch(path, messages=5_000_000 // scale, symbols=8_000, seed=1, progress=False)
        told = {}
        for name in ("nothing", "stream", "columns"):
            progress(name)
            command = [sys.executable, __file__, "--peak", name, "--capture", str(path)]
            told[name] = json.loads(
                subprocess.run(command, capture_output=True, text=True, check=True).stdout
            )
        size = path.stat().st_size / 2**20
    found = {"capture_mb": size, **told}
    before = told["nothing"]["peak_mb"]
    stream, columns = (told[name]["peak_mb"] - before for name in ("stream", "columns"))
    rows = [
        ("events of a day as columns, then all books, MiB", columns, "", ""),
        ("... batch by batch, MiB", stream, f"{stream / columns:.2f}", "to all columns"),
        ("... beside the capture itself, MiB", size, f"{stream / size:.2f}", "batch by batch to it"),
    ]
    agree = told["stream"]["checksum"] == told["columns"]["checksum"] != 0
    return rows, found, [] if agree else [f"books differ: {told}"]


def peak(name: str, path: Path) -> dict[str, Any]:
    """Peak memory of this process after one way of rebuilding the books of a capture."""
    checksum = 0
    if name == "stream":
        books = _native.FeedBooks(bbo=False, trades=False, notes=False, checksum=True)
        reader = _native.ItchReader(str(path))
        while books.run(reader, 1 << 18):
            pass
        checksum = int(books.checksum)
    elif name == "columns":
        events = ItchFile(path).events(progress=False)
        books = _native.FeedBooks(bbo=False, trades=False, notes=False, checksum=True)
        books.apply(events.columns())
        books.finish()
        checksum = int(books.checksum)
    return {"peak_mb": next(_resident("VmHWM")), "checksum": checksum}


def _resident(field: str) -> Iterator[float]:
    for line in Path(f"/proc/{os.getpid()}/status").read_text().splitlines():
        if line.startswith(field):
            yield int(line.split()[1]) / 1024


MEASURES: dict[str, Callable[[int, int], Case]] = {
    "gate": gate,
    "sweep_scaling": sweep_scaling,
    "made_up_market": made_up_market,
    "rebuild_memory": rebuild_memory,
}


def run(chosen: list[str], *, rounds: int, scale: int) -> tuple[dict[str, Any], list[str]]:
    """Measure what is chosen and print the table; the figures by name, and answers that are wrong."""
    report, failures = {}, list[str]()
    print("\n(l) What parts of it cost, beside the same without them", flush=True)
    for name in chosen:
        rows, report[name], wrong = MEASURES[name](rounds, scale)
        progress("")
        in_mib = name == "rebuild_memory"
        head = ["", "MiB" if in_mib else "s", "ratio", ""]
        print_table(
            [
                head,
                *([label, f"{each:.0f}" if in_mib else seconds(each), *more] for label, each, *more in rows),
            ]
        )
        failures += wrong
    return report, failures


def main() -> int:
    """Run these cases alone."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, one round")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--case", action="append", choices=CASES)
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    parser.add_argument("--capture", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak:
        print(json.dumps(peak(arguments.peak, arguments.capture)))
        return 0
    rounds = arguments.rounds or (1 if arguments.quick else 5)
    _, wrong = run(arguments.case or list(CASES), rounds=rounds, scale=10 if arguments.quick else 1)
    print(LEGEND, *wrong, sep="\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
