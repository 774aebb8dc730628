"""The journal, the gate and the order-management system: the benchmarks that lie beside them in native/.

Criterion measures them and keeps its estimates in files; this reads the medians and sets them beside what
each would be replaced by, in the same run. TMPDIR chooses the disk of the journal.

    python tests/bench/native.py
    python tests/bench/native.py --quick
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from table import print_table, progress

ROOT = Path(__file__).resolve().parents[2]
BENCHES = ("append", "gate", "oms")
MANIFEST = ("--manifest-path", str(ROOT / "native" / "Cargo.toml"), "--locked")
LEGEND = """
ns         wall time of one frame, check or command; median
ratio      to the row that is named beside it: more than 1, and this row is faster
"""

# Figures in the order of the table: what it is, Criterion's name of it, and the row that it is set beside.
ROWS = (
    ("journal: a frame in memory", "append 64 B, no sync/nowhere", ""),
    ("journal: a frame to the page cache", "append 64 B, no sync/pwrite", ""),
    ("... with io_uring", "append 64 B, no sync/io_uring", "append 64 B, no sync/pwrite"),
    ("plain write and fdatasync of a frame", "durable 64 B/plain write and fdatasync", ""),
    ("journal: a sync a frame", "durable 64 B/every/pwrite", "durable 64 B/plain write and fdatasync"),
    ("... with io_uring", "durable 64 B/every/io_uring", "durable 64 B/plain write and fdatasync"),
    ("journal: a sync a thousand frames", "durable 64 B/batch of 1000/pwrite", "durable 64 B/every/pwrite"),
    ("journal: frames read and verified", "scan 64 B/frames", ""),
    ("journal: frames of an open", "scan 64 B/open", ""),
    ("gate: a check, no limits", "gate/check_order, no limits", ""),
    ("gate: a check, all limits", "gate/check_order, all limits", ""),
    ("gate: check, open and fill, all limits", "gate/check_order, open and fill, all limits", ""),
    ("gate: a cancel, all limits", "gate/check_cancel, all limits", ""),
    ("system: a command, no journal", "oms/no journal", ""),
    ("system: a command, journal", "oms/journal", "oms/no journal"),
    ("... one by one", "oms/journal, one by one", "oms/journal"),
    ("system: with client ids, no journal", "oms/no journal with client ids", "oms/no journal"),
    ("system: with client ids, journal", "oms/journal with client ids", "oms/no journal"),
    ("... one by one", "oms/journal with client ids, one by one", "oms/journal with client ids"),
)


def run(*, quick: bool) -> dict[str, Any]:
    """Run every benchmark and print the table; the figures by Criterion's names."""
    print("\n(h) Journal, gate and order-management system", flush=True)
    began = time.time()
    progress("building and measuring, some minutes")
    options = ["--quick"] if quick else ["--warm-up-time=1", "--measurement-time=3"]
    command = ["cargo", "bench", *MANIFEST, "--package", "omni-journal", "--package", "omni-oms"]
    command += ["--features", "omni-journal/io_uring", *(f"--bench={bench}" for bench in BENCHES), "--"]
    done = subprocess.run(
        [*command, "--noplot", "--quiet", *options], stdout=subprocess.PIPE, text=True, check=True
    )
    progress("")
    ns = estimates(began)
    labels = {name: label for label, name, _ in ROWS}
    table = [["", "ns", "million/s", "ratio", ""]]
    for label, name, beside in ROWS:
        if name in ns:
            ratio = [f"{ns[beside] / ns[name]:.2f}", f"to {labels[beside]}"] if beside else ["", ""]
            table.append([label, f"{ns[name]:,.1f}", f"{1e3 / ns[name]:,.4g}", *ratio])
    print_table(table)
    bandwidths, stages = said(done.stdout.splitlines())
    print("\n".join(["", *bandwidths, "", "stages of a command with a journal:", *stages]), flush=True)
    return {"ns": ns, "bandwidth": bandwidths, "stages": stages}


def said(lines: list[str]) -> tuple[list[str], list[str]]:
    """What is no time of one thing: bandwidths, and percentiles of the stages with their heading."""
    bandwidths = [line for line in lines if line.startswith("bandwidth")]
    heading = next(at for at, line in enumerate(lines) if line.startswith("ns "))
    return bandwidths, [line for line in lines[heading : heading + 8] if len(line.split()) == 6]


def estimates(began: float) -> dict[str, float]:
    """Median nanoseconds of one element, for everything that was measured since then."""
    command = ["cargo", "metadata", *MANIFEST, "--format-version=1", "--no-deps"]
    metadata = subprocess.run(command, capture_output=True, text=True, check=True)
    folder = Path(json.loads(metadata.stdout)["target_directory"]) / "criterion"
    found = {}
    for file in folder.glob("**/new/estimates.json"):
        if file.stat().st_mtime >= began:
            about = json.loads((file.parent / "benchmark.json").read_text())
            elements = (about["throughput"] or {}).get("Elements", 1)
            found[about["full_id"]] = json.loads(file.read_text())["median"]["point_estimate"] / elements
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="less exact, in a fraction of the time")
    run(quick=parser.parse_args().quick)
    print(LEGEND)
    return 0


if __name__ == "__main__":
    sys.exit(main())
