"""Captured feeds: a synthetic ITCH day decoded to columns, rebuilt into all books, written to Parquet.

A yardstick may be named that says what the machine allows: a program that takes a capture, the highest order
id and the highest stock locate, and prints lines of JSON with ``task``, ``ns`` and ``check``. Its check value
of the books must be ours.

    python tests/bench/feeds.py
    python tests/bench/feeds.py --capture day.itch --floor ./floor
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from omni_lab import _native
from omni_lab.data import ItchFile, synthetic_itch
from table import print_table, progress

N_SYMBOLS = 8_000
BATCH = 1 << 18
# Columns of one batch that fit the cache; larger ones cost as much again in fresh pages.
COLUMNS_BATCH = 1 << 14
LEGEND = """
ns         CPU of a message, all threads and reading the file included: median of rounds [best]
RSS        peak memory of a process of its own that does nothing else, MB
floor      what the yardstick needs for the same, where one was named with --floor or OMNI_BENCH_FLOOR
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this case can be told."""
    parser.add_argument("--capture", type=Path, metavar="FILE", help="an ITCH day instead of a made-up one")
    parser.add_argument("--floor", default=os.environ.get("OMNI_BENCH_FLOOR"), help="yardstick for feeds")


def run(arguments: argparse.Namespace, *, rounds: int) -> tuple[dict[str, Any], list[str]]:
    """Measure everything and print the table; the figures by name, and answers that are wrong."""
    with tempfile.TemporaryDirectory(prefix="omni-feeds-") as folder:
        path = arguments.capture or Path(folder) / "day.itch"
        figures: dict[str, Any] = {}
        if arguments.capture is None:
            n = 500_000 if arguments.quick else 5_000_000
            begun = time.process_time()
            synthetic_itch(path, messages=n, symbols=N_SYMBOLS, seed=1, progress=False)
            figures["generator"] = {"ns": [(time.process_time() - begun) / n * 1e9]}
        n = ItchFile(path).stats(progress=False).n_messages
        print(f"\n(j) Market feeds: {n:,} messages, {path.stat().st_size / 1e6:,.0f} MB", flush=True)
        sums = set()
        for name, work in TASKS.items():
            progress(name)
            found = [_timed(work, path, Path(folder)) for _ in range(rounds)]
            figures[name] = {"ns": [cpu / n * 1e9 for cpu, _ in found], "rss_mb": _peak(name, path)}
            sums |= {answer for _, answer in found if name.startswith("books")}
        floor = _floor(arguments.floor, path) if arguments.floor else {}
    table = [["", "ns", "best", "million/s", "RSS", "floor", "ratio"]]
    for name, figure in figures.items():
        ns, best = median(figure["ns"]), min(figure["ns"])
        least = floor.get(FLOORS.get(name, ""), {}).get("ns")
        shown = [name, f"{ns:.1f}", f"{best:.1f}", f"{1e3 / ns:.2f}", f"{figure.get('rss_mb', 0):.0f}"]
        table.append([*shown, *((f"{least:.1f}", f"{ns / least:.2f}") if least else ("", ""))])
    print_table(table)
    checks = {f"{value:016x}" for value in sums} | {
        row["check"] for task, row in floor.items() if "book" in task
    }
    wrong = [f"books of {path.name} differ: {sorted(checks)}"] if len(checks) > 1 else []
    return {"figures": figures, "floor": floor}, wrong


def walk(path: Path, _: Path) -> int:
    """Frames, types and lengths."""
    return int(_native.itch_scan(str(path))["bytes"])


def columns(path: Path, _: Path) -> int:
    """Event columns, batch by batch, as NumPy arrays."""
    reader, n = _native.ItchReader(str(path)), 0
    while (batch := reader.events(COLUMNS_BATCH)) is not None:
        n += len(batch["ts"])
    return n


def books(path: Path, _: Path) -> int:
    """Full books of all symbols with best prices after every message."""
    kept = _native.FeedBooks(bbo=False, trades=False, notes=False, checksum=True)
    reader = _native.ItchReader(str(path))
    while kept.run(reader, BATCH):
        pass
    return int(kept.checksum)


def bbo(path: Path, _: Path) -> int:
    """The same, and a table of every change of the best prices in Python."""
    kept = _native.FeedBooks(trades=False, notes=False)
    reader, n = _native.ItchReader(str(path)), 0
    while kept.run(reader, BATCH):
        n += len(kept.take()["bbo"]["ts"])
    return n


def parquet(path: Path, folder: Path) -> int:
    """A Parquet file for each type of message, with every field."""
    return sum(ItchFile(path).to_parquet(folder / "parquet", progress=False).values())


TASKS: dict[str, Callable[[Path, Path], int]] = {
    "scan": walk,
    "event columns": columns,
    "books, all symbols": books,
    "BBO table": bbo,
    "Parquet, all fields": parquet,
}
FLOORS = {
    "scan": "walk+pf",
    "event columns": "columns+pf branchless",
    "books, all symbols": "book+bbo L3 look=16",
}


def _timed(work: Callable[[Path, Path], int], path: Path, folder: Path) -> tuple[float, int]:
    begun = time.process_time()
    answer = work(path, folder)
    return time.process_time() - begun, answer


def _peak(name: str, path: Path) -> float:
    """Peak memory of a task in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--capture", str(path), "--peak", name], capture_output=True, check=True
    )
    return float(done.stdout) / 1024


def _floor(program: str, path: Path) -> dict[str, Any]:
    kept = subprocess.run(
        [program, str(path), "40000000", "8200"], capture_output=True, text=True, check=True
    )
    return {row["task"]: row for row in map(json.loads, kept.stdout.splitlines())}


def main() -> int:
    """Run this case alone."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the data")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    add_arguments(parser)
    arguments = parser.parse_args()
    if arguments.peak:
        import resource

        with tempfile.TemporaryDirectory() as folder:
            TASKS[arguments.peak](arguments.capture, Path(folder))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return 0
    _, wrong = run(arguments, rounds=arguments.rounds)
    print(LEGEND, *wrong, sep="\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
