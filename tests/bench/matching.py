"""The matching engine beside other engines that export the same C ABI (docs/c-abi.md).

Flows of 2,000,000 commands (flows.py) are replayed into every engine by one small program of ours, in rounds
that take turns and in a fresh process each. What is timed is the CPU of the one thread that sends commands
and counts reports. An engine whose reports or book differ from ours fails the run.

    python tests/bench/matching.py --engine /path/to/other.so
    python tests/bench/matching.py --quick --instructions
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows import MIXES, make_flow, write_flow
from table import print_table, progress

ROOT = Path(__file__).resolve().parents[2]
OURS = "OmniLab"
# Callgrind runs fifty times slower, and what it counts does not vary.
COUNTED_COMMANDS = 200_000
CALLGRIND = (
    "valgrind",
    "--tool=callgrind",
    "--collect-atstart=no",
    "--toggle-collect=engine_on_new_order",
    "--toggle-collect=engine_on_cancel",
    "--toggle-collect=engine_on_modify",
)
LEGEND = """
ns         CPU of a command, from its call to the last of its reports; median of rounds [best pass]
ours÷it    CPU of OmniLab over the engine's: less than 1, and OmniLab is faster
instr.     processor instructions of a command, counted by callgrind; reports are counted, too
reports    how many, and the first digits of their SHA-256; engines must agree on it, and on their books
"""


@dataclass(slots=True)
class Row:
    """All rounds of one engine in one flow."""

    name: str
    library: Path
    checked: dict[str, Any] = field(default_factory=dict)
    rounds_ns: list[list[float]] = field(default_factory=list)
    instructions: float | None = None

    @property
    def ns(self) -> float:
        return statistics.median(statistics.median(each) for each in self.rounds_ns)

    @property
    def best_ns(self) -> float:
        return min(min(each) for each in self.rounds_ns)


def run(options: argparse.Namespace, *, n_commands: int, rounds: int) -> tuple[dict[str, Any], list[str]]:
    """Every flow into every engine; the figures, and what went wrong."""
    engines: list[Path] = [path.resolve() for path in options.engine]
    if absent := [str(path) for path in engines if not path.is_file()]:
        raise SystemExit(f"no such engine: {', '.join(absent)}")
    ours, replay = build()
    instructions = options.instructions and shutil.which("valgrind") is not None
    if options.instructions and not instructions:
        print("valgrind is not installed: instructions are not counted")
    report: dict[str, Any] = {}
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix="omni-flows-") as folder:
        for name, mix in MIXES.items():
            print(f"\n(g) Matching, {name}: {n_commands:,} commands; {mix.about}", flush=True)
            progress("making the flow")
            flow = Path(folder) / f"{name}.flow"
            write_flow(flow, make_flow(mix, n_commands, options.seed))
            rows = [Row(OURS, ours), *(Row(label(engine), engine) for engine in engines)]
            measure(rows, replay, flow, rounds)
            if instructions:
                for row in rows:
                    progress(f"counting instructions: {row.name}")
                    row.instructions = count_instructions(row, replay, flow)
            flow.unlink()
            progress("")
            failures += [
                f"{row.name}, {name}: {wrong}" for row in rows[1:] if (wrong := differs(rows[0], row))
            ]
            show(rows)
            report[name] = {row.name: figures(row) for row in rows}
    return report, failures


def build() -> tuple[Path, Path]:
    """The shared library and the program that replays, as the release profile makes them."""
    progress("building the engine")
    command = ["cargo", "build", "--release", "--locked", "--package", "omni-capi", "--features", "replay"]
    done = subprocess.run(
        [*command, "--message-format=json-render-diagnostics"],
        cwd=ROOT / "native",
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    made = [
        Path(file)
        for line in done.stdout.splitlines()
        if (message := json.loads(line))["reason"] == "compiler-artifact"
        and message["target"]["name"] in ("omni_engine", "replay")
        for file in message["filenames"]
    ]
    library = next(path for path in made if path.suffix in (".so", ".dylib", ".dll"))
    program = next(path for path in made if path.stem == "replay")
    return library, program


def label(engine: Path) -> str:
    return engine.stem.removeprefix("lib").removesuffix("_adapter")


def measure(rows: list[Row], replay: Path, flow: Path, rounds: int) -> None:
    for row in rows:
        progress(f"checking: {row.name}")
        row.checked = answer([replay, row.library, flow, "--check"])
    for turn in range(rounds):
        for row in rows:
            progress(f"round {turn + 1} of {rounds}: {row.name}")
            timed = answer([replay, row.library, flow, "--passes", "3"])
            row.rounds_ns.append(timed["ns"])
            if timed["reports"] != row.checked["reports"]:
                raise SystemExit(f"{row.library} reports something else when it is timed")


def answer(command: list[Any]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{command[1]} failed: {done.stderr.strip() or f'exit {done.returncode}'}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def count_instructions(row: Row, replay: Path, flow: Path) -> float:
    """Instructions a command, those of counting its reports included."""
    options = ["--passes", "1", "--commands", str(COUNTED_COMMANDS)]
    with tempfile.NamedTemporaryFile(suffix=".callgrind") as out:
        command = [*CALLGRIND, f"--callgrind-out-file={out.name}", replay, row.library, flow, *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        total = re.search(r"^(?:totals|summary): (\d+)", Path(out.name).read_text(), re.MULTILINE)
    if done.returncode != 0 or total is None:
        raise SystemExit(f"callgrind failed: {done.stderr.strip()}")
    return int(total[1]) / json.loads(done.stdout)["commands"]


def differs(ours: Row, other: Row) -> str:
    wrong = [key for key in ("reports", "sha256", "book") if ours.checked[key] != other.checked[key]]
    return f"{' and '.join(wrong)} differ from ours" if wrong else ""


def show(rows: list[Row]) -> None:
    table = [["", "ns", "[best]", "M/s", "ours÷it", "instr.", "reports", "SHA-256", ""]]
    for row in rows:
        counted = "" if row.instructions is None else f"{row.instructions:.0f}"
        reports, digest = f"{sum(row.checked['reports']):,}", row.checked["sha256"][:12]
        speed = [f"{row.ns:.1f}", f"[{row.best_ns:.1f}]", f"{1e3 / row.ns:.1f}", f"{rows[0].ns / row.ns:.2f}"]
        remark = "WRONG ANSWER" if differs(rows[0], row) else ""
        table.append([row.name, *speed, counted, reports, digest, remark])
    print_table(table)


def figures(row: Row) -> dict[str, Any]:
    return {
        "library": str(row.library),
        "ns_median": row.ns,
        "ns_best": row.best_ns,
        "ns": row.rounds_ns,
        "instructions": row.instructions,
        **row.checked,
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this section, for the suite as a whole and for this script."""
    parser.add_argument(
        "--engine",
        action="append",
        type=Path,
        default=[Path(path) for path in os.environ.get("OMNI_BENCH_ENGINES", "").split(os.pathsep) if path],
        metavar="PATH",
        help="another matching engine with the same C ABI; may be repeated (also: OMNI_BENCH_ENGINES)",
    )
    parser.add_argument("--instructions", action="store_true", help="count them, where valgrind is installed")
    parser.add_argument("--seed", type=int, default=1, help="of the order flows (1)")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the commands, one round")
    parser.add_argument("--rounds", type=int, help="how often each engine is started (5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure there")
    add_arguments(parser)
    arguments = parser.parse_args()
    n_commands, rounds = (200_000, 1) if arguments.quick else (2_000_000, 5)
    report, failures = run(arguments, n_commands=n_commands, rounds=arguments.rounds or rounds)
    print(LEGEND)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1))
    for failure in failures:
        print(f"WRONG ANSWER: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
