"""Replays of captured markets beside hftbacktest: a market maker on levels, and what else a replay costs.

Both replay the same seeded feed with the same latencies, queue and market maker (tests/bench/hft_peer.py, in
an environment of its own), and must agree on looks, orders, fills, position, cash and fees.

    python tests/bench/replay.py
    python tests/bench/replay.py --quick
"""

from __future__ import annotations

import argparse
import functools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from environment import HFT, ROOT
from omni_lab import _native
from omni_lab.data import ItchFile, synthetic_itch
from table import print_table, progress

sys.path.append(str(ROOT))
from tests.oracle import level_feed
from tests.oracle.stepped_quoter import engine

NEVER = 2**62
N_EVENTS = 2_000_000
N_STEPS = 1_000_000
RUN: dict[str, Any] = {
    "feed": "market",
    "queue": "power",
    "power": 3.0,
    "latency": (500_000, 700_000),
    "tick_value": 1.0,
    "maker_rate": -0.00005,
    "taker_rate": 0.0007,
    "interval_ns": 100_000_000,
    "half_spread": 0.5,
    "skew": 0.02,
    "qty": 10,
    "max_position": 100,
    "n_levels": 3,
    "post_only": True,
    "take_every": 0,
    "records": False,
}
RUNS = (
    {**RUN, "name": "market maker, looks every 100 ms"},
    {**RUN, "name": "market maker, looks every 10 ms", "interval_ns": 10_000_000},
    {**RUN, "name": "replay alone", "interval_ns": 10**14},
)
LEGEND = """
ns         CPU of an event of the feed (stepped: of a step), from the prepared feed to the end: median, best
it÷ours    CPU of hftbacktest over OmniLab's, without what it compiles first, of which the line below tells
           Each event is read twice, when it happens and when we hear of it: 64 bytes of levels, 80 of named
           orders, a small part of what memory can give meanwhile. What bounds a replay are branches that
           nobody can foresee: trade or level, there before or not, ours or not
"""


def run(*, quick: bool, rounds: int) -> tuple[dict[str, Any], list[str]]:
    """Measure everything and print the table; the figures by name, and answers that are wrong."""
    n = N_EVENTS // 10 if quick else N_EVENTS
    print(f"\n(k) Replays: {n:,} events of levels and trades", flush=True)
    columns = level_feed.market(n, 1)
    with tempfile.TemporaryDirectory(prefix="omni-replay-") as folder:
        theirs, seconds = peer(Path(folder), columns, rounds)
        orders = named_orders(Path(folder) / "day.itch", n)
    events = level_feed.events(columns)
    feed = _native.TickFeed(events, each_delay_ns=columns["delay"])
    day = _native.TickFeed(orders)
    exact = {**RUN, "queue": "exact", "interval_ns": (day.span[1] - day.span[0]) // 600}
    tasks: dict[str, tuple[int, Callable[[], Callable[[], object]]]] = {
        "prepare levels": (n, lambda: lambda: _native.TickFeed(events, each_delay_ns=columns["delay"])),
        **{each["name"]: (n, lambda each=each: maker(feed, each)) for each in RUNS},
        "stepped from Python": (N_STEPS if not quick else N_STEPS // 10, lambda: stepped(feed, quick=quick)),
        "prepare named orders": (n, lambda: lambda: _native.TickFeed(orders)),
        "market maker, exact queue": (n, lambda: maker(day, exact, tick=100)),
    }
    figures: dict[str, Any] = {}
    wrong = []
    for name, (size, make) in tasks.items():
        progress(name)
        cpu: list[float] = []
        answer: Any = None
        for _ in range(rounds):
            work = make()
            begun = time.process_time()
            answer = work()
            cpu.append((time.process_time() - begun) / size * 1e9)
        figures[name] = {"ns": cpu}
        if name in theirs:
            figures[name]["peer_ns"] = [each / n * 1e9 for each in seconds[name]]
            ours = answer()
            if not np.allclose(ours, theirs[name], rtol=1e-11, atol=1e-6):
                wrong.append(f"{name}: {ours}, and hftbacktest has {theirs[name].tolist()}")
    progress("")
    show(figures, seconds)
    return {"figures": figures, "compile_s": seconds.get("compile"), "answers_checked": len(theirs)}, wrong


def show(figures: dict[str, Any], seconds: dict[str, list[float]]) -> None:
    table = [["", "ns", "best", "million/s", "hftbacktest ns", "best", "million/s", "it÷ours"]]
    for name, figure in figures.items():
        row = [name]
        for each in (figure["ns"], figure.get("peer_ns")):
            row += (
                [f"{median(each):.1f}", f"{min(each):.1f}", f"{1e3 / median(each):.1f}"] if each else [""] * 3
            )
        ratio = f"{median(figure['peer_ns']) / median(figure['ns']):.1f}" if "peer_ns" in figure else ""
        table.append([*row, ratio])
    print_table(table)
    if "compile" in seconds:
        print(f"  hftbacktest compiles the strategy for {seconds['compile'][0]:.1f} s of CPU first")


def maker(feed: _native.TickFeed, settings: dict[str, Any], tick: int = 1) -> Callable[[], object]:
    """A run of the native market maker; it gives a function that says what both engines must agree on."""
    replay = engine(feed, settings, {})
    rule = {"rule": "fixed", "instrument": 0, "tick": tick, "level_step": 1, "half_life": 1.0}
    named = ("half_spread", "skew", "qty", "max_position", "n_levels", "interval_ns")
    rule |= {name: settings[name] for name in named}

    def answers(looks: int) -> list[float]:
        counts = [looks, replay.n_orders, int(np.sum(replay.messages()["kind"] == 2))]
        account = [replay.lots, replay.cash + replay.fees, replay.fees, replay.n_fills, replay.traded_lots]
        return [*counts, *account]

    def work() -> Callable[[], list[float]]:
        return functools.partial(answers, replay.run_quoter(rule, NEVER))

    return work


def stepped(feed: _native.TickFeed, *, quick: bool) -> Callable[[], int]:
    """A loop as a strategy in Python has it: go on, look, and now and then send something."""
    replay, n_steps = engine(feed, RUN, {}), N_STEPS // 10 if quick else N_STEPS
    start, end = feed.span

    def work() -> int:
        step, seen = (end - start) // n_steps, 0
        for until in range(start + step, end, step):
            replay.advance(until)
            bid, ask = replay.bid_ticks, replay.ask_ticks
            seen += 1
            if seen % 1_000 == 0:
                is_buy = replay.lots <= 0
                replay.send(is_buy, bid if is_buy else ask, 10)
        return seen

    return work


def named_orders(path: Path, n: int) -> dict[str, Any]:
    """The events of a made-up ITCH day of one symbol."""
    synthetic_itch(path, messages=n, symbols=1, seed=1, progress=False)
    return ItchFile(path).events().columns()


def peer(
    folder: Path, columns: level_feed.Columns, rounds: int
) -> tuple[dict[str, Any], dict[str, list[float]]]:
    """What hftbacktest makes of the same runs, and the CPU it takes; nothing where it cannot be had."""
    try:
        python = HFT.ensure()
    except (SystemExit, OSError, subprocess.CalledProcessError) as error:
        print(f"  hftbacktest is left out: {error}")
        return {}, {}
    progress("hftbacktest")
    np.savez(folder / "market.npz", **columns, **level_feed.measured_latency(columns, 1))
    (folder / "runs.json").write_text(json.dumps([{**each, "repeat": rounds} for each in RUNS]))
    subprocess.run([python, ROOT / "tests" / "bench" / "hft_peer.py", folder], check=True)
    answers = {}
    for each in RUNS:
        out = np.load(folder / f"{each['name']}.out.npz")
        answers[each["name"]] = np.concatenate([out["counts"], out["final"]])
    return answers, json.loads((folder / "seconds.json").read_text())


def main() -> int:
    """Run this case alone."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the data")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    _, wrong = run(quick=arguments.quick, rounds=arguments.rounds)
    print(LEGEND, *wrong, sep="\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
