"""The benchmark suite: OmniLab beside what a user would pick instead, on one machine, in one run.

Every engine runs in interpreters of its own, in rounds that take turns, so that what else the machine does
falls on all of them. What is timed is CPU, in user and system mode and all threads together, from prepared
arrays to final equity; see worker.py. Ratios are what to trust: seconds depend on the machine. The answers
are compared, too, and a wrong one fails the run.

    python tests/bench/run.py             # everything, some minutes
    python tests/bench/run.py --quick     # a tenth of the data, one round, without what compiles for a minute
    python tests/bench/run.py --case arrays --case sweep --json results.json
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import breaks
import dashboard
import environment
import feeds
import gateway
import matching
import native
import ours
import papermill_runs
import replay
import store
from cases import COLD, NAMES, OURS, RELATIVE_TOLERANCE, SECTIONS, TOLERANCE, VECTORISED, Case, all_cases
from table import print_table, progress, seconds

HERE = Path(__file__).resolve().parent
LEGEND = """
CPU s      user and system, all threads, from arrays in memory (frames or lists of bars where an engine takes
           those) to the equity of every step, of the sweep to that of the last; median of rounds [best run]
loaded÷it  CPU of OmniLab, its bars loaded before the clock starts, over the engine's; arrays÷it the same of
           OmniLab from NumPy arrays, which are checked and put on the tick grid while the clock runs
first      CPU of the first run in a fresh interpreter, with what is compiled on first use
off by     how far the final equity is from the NumPy formula of the case, or of the engine's own rules
"""


@dataclass(slots=True)
class Row:
    """All rounds of one engine in one case."""

    engine: str
    answers: list[dict[str, Any]] = field(default_factory=list)
    missing: str = ""

    @property
    def cpu_s(self) -> list[float]:
        """One figure a round: the median of its runs."""
        return [statistics.median(answer["cpu_s"]) for answer in self.answers]

    @property
    def best_s(self) -> float:
        return min(float(cpu) for answer in self.answers for cpu in answer["cpu_s"])

    @property
    def takes_long(self) -> bool:
        """Whether two rounds are enough of it: a run, or the import before it, takes seconds."""
        return any(answer["process_s"] > 5.0 for answer in self.answers)


class Bench:
    """Runs workers and keeps what they answer."""

    def __init__(self, folder: Path, python_of_peers: Path, *, rounds: int, quick: bool) -> None:
        self.folder, self.python_of_peers, self.rounds, self.quick = folder, python_of_peers, rounds, quick
        # Compiled kernels are cached for this run alone, so that the first round shows what compiling costs.
        # Runs are counted as trials, as anybody's are, but not among the project's.
        # Bytecode is kept for this run, as any installation keeps it after its first start, also where the
        # machine says that none is written.
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self.environment = {
            **kept,
            "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
            "NUMBA_CACHE_DIR": str(folder / "numba"),
            "OMNI_LAB_HOME": str(folder / "home"),
            "PYTHONWARNINGS": "ignore",
        }
        self.report: dict[str, Any] = {"machine": machine(), "rounds": rounds, "cases": {}}
        self.failures: list[str] = []

    def python_of(self, engine: str) -> str:
        return sys.executable if engine.startswith("omni") else str(self.python_of_peers)

    def make_markets(self, scale: int) -> None:
        """In a process of its own: this one stays small, for children start out as its copy."""
        subprocess.run([sys.executable, HERE / "market.py", self.folder, str(scale)], check=True)

    def work(self, engine: str, case: str, data: str, *options: str) -> dict[str, Any]:
        worker, folder = str(HERE / "worker.py"), str(self.folder / data)
        command = [self.python_of(engine), worker, engine, case, folder, *options]
        start = time.perf_counter()
        done = subprocess.run(
            command, cwd=HERE, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            last = done.stderr.strip().splitlines()[-1:] or ["no message"]
            return {"missing": f"failed: {last[0]}"}
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return {**answer, "process_s": time.perf_counter() - start}

    def run_case(self, case: Case) -> None:
        print(f"\n{case.title}", flush=True)
        rows = [Row(engine) for engine in case.engines]
        for turn in range(self.rounds):
            for row in rows:
                if row.missing or (turn >= 2 and row.takes_long):
                    continue
                if self.quick and row.engine == "vectorbt.numba":
                    row.missing = "left out of --quick"
                    continue
                progress(f"round {turn + 1} of {self.rounds}: {NAMES[row.engine]}")
                answer = self.work(row.engine, case.name, case.data)
                if "missing" in answer:
                    row.missing = answer["missing"]
                else:
                    row.answers.append(answer)
        answer = self.work("plain_numpy", case.reference or case.name, case.data, "--once")
        reference = answer.get("final_equity")
        progress("")
        self.show(case, rows, reference)

    def show(self, case: Case, rows: list[Row], reference: float | None) -> None:
        median = {row.engine: statistics.median(row.cpu_s) for row in rows if row.answers}
        ours = [median.get(engine) for engine in OURS]
        table = [
            ["", "CPU s", "[best]", "M bars/s", "loaded÷it", "arrays÷it", "wall s", "first", "off by", ""]
        ]
        entries: dict[str, Any] = {}
        about = {"title": case.title, "reference": reference, "engines": entries}
        self.report["cases"][case.name] = about
        for row in rows:
            if not row.answers:
                table.append([NAMES[row.engine], "missing", *[""] * 7, row.missing])
                entries[row.engine] = {"missing": row.missing}
                continue
            cpu, last = median[row.engine], row.answers[-1]
            own = last["expected_by_own_formula"]
            expected = reference if own is None else own
            off_by, wrong = self.check(case, row.engine, last["final_equity"], expected)
            remarks = [wrong, last["note"], "" if own is None else "own formula"]
            wall = statistics.median(w for answer in row.answers for w in answer["wall_s"])
            first = max(answer["first_cpu_s"] for answer in row.answers)
            ratios = [f"{our / cpu:.2f}" if our else "" for our in ours]
            table.append(
                [
                    NAMES[row.engine],
                    seconds(cpu),
                    f"[{seconds(row.best_s)}]",
                    f"{case.size / cpu / 1e6:.2f}",
                    *ratios,
                    seconds(wall),
                    seconds(first),
                    f"{off_by:.1e}",
                    "; ".join(filter(None, remarks)),
                ]
            )
            entries[row.engine] = {
                "cpu_s_median": cpu,
                "cpu_s_best": row.best_s,
                "bars_per_cpu_s": case.size / cpu,
                "omni_over_it": dict(zip(OURS, [our / cpu if our else None for our in ours], strict=True)),
                "wall_s_median": wall,
                "first_cpu_s": first,
                "final_equity": last["final_equity"],
                "expected": expected,
                "off_by": off_by,
                "rounds": row.answers,
            }
        print_table(table)

    def check(self, case: Case, engine: str, found: float, expected: float | None) -> tuple[float, str]:
        """How far the answer is from the expected one, and a remark if that is too far."""
        if expected is None:
            return math.nan, ""
        off_by = abs(found - expected)
        relative = RELATIVE_TOLERANCE.get(engine, 0.0) * abs(expected)
        if off_by <= max(TOLERANCE.get(engine, case.tolerance), relative):
            return off_by, ""
        self.failures.append(f"{NAMES[engine]}, {case.name}: {found} instead of {expected}")
        return off_by, "WRONG ANSWER"

    def run_cold(self) -> None:
        print("\n(e) From a cold interpreter to the first result (2,000 bars), and imports alone", flush=True)
        commands = {
            f"{NAMES[engine].removesuffix(', bars loaded')}: first result": [
                self.python_of(engine),
                "cold.py",
                engine,
                case,
                str(self.folder / "small"),
            ]
            for engine, case in COLD
            if not (self.quick and engine.startswith("vectorbt"))
        }
        for statement in ("pass", "import numpy", "import omni_lab", "import omni_lab.simulator"):
            commands[f"python -c '{statement}'"] = [sys.executable, "-c", statement]
        figures: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        missing: dict[str, str] = {}
        for turn in range(self.rounds + 1):  # the first turn reads the disk and compiles, and does not count
            for name, command in commands.items():
                if name in missing:
                    continue
                progress(f"round {turn} of {self.rounds}: {name}")
                code, wall, cpu = self.time_child(command)
                if code != 0:
                    missing[name] = f"exit {code}"
                elif turn > 0:
                    figures[name].append((wall, cpu))
        progress("")
        table = [["", "wall s", "[best]", "CPU s", "[best]", "", "", "", "", ""]]
        entries: dict[str, Any] = {}
        self.report["cases"]["cold"] = entries
        for name, pairs in figures.items():
            if not pairs:
                table.append([name, "missing", *[""] * 7, missing.get(name, "")])
                continue
            walls, cpus = [w for w, _ in pairs], [c for _, c in pairs]
            entries[name] = {"wall_s": walls, "cpu_s": cpus}
            wall, cpu = statistics.median(walls), statistics.median(cpus)
            best = [f"[{seconds(min(each))}]" for each in (walls, cpus)]
            table.append([name, seconds(wall), best[0], seconds(cpu), best[1], "", "", "", "", ""])
        print_table(table)

    def time_child(self, command: list[str]) -> tuple[int, float, float]:
        """Exit code, wall and CPU seconds of a process from its start to its end."""
        start = time.perf_counter()
        with subprocess.Popen(
            command, cwd=HERE, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as child:
            _, status, usage = os.wait4(child.pid, 0)
            wall = time.perf_counter() - start
            child.returncode = os.waitstatus_to_exitcode(status)
        return child.returncode, wall, usage.ru_utime + usage.ru_stime

    def run_memory(self, case: Case) -> None:
        print(f"\n(f) Peak memory of one run of (a), {case.size:,} bars, in a fresh interpreter", flush=True)
        table = [["", "peak MB", "before", "", "", "", "", "", "", ""]]
        entries: dict[str, Any] = {}
        self.report["cases"]["memory"] = entries
        for engine in (*VECTORISED, "plain_numpy"):
            if self.quick and engine == "vectorbt.numba":
                continue
            progress(NAMES[engine])
            answer = self.work(engine, case.name, case.data, "--once")
            progress("")
            if "missing" in answer:
                table.append([NAMES[engine], "missing", *[""] * 7, answer["missing"]])
                continue
            figures = [f"{answer['peak_mb']:.0f}", f"{answer['before_mb']:.0f}"]
            table.append([NAMES[engine], *figures, *[""] * 7])
            entries[engine] = {"peak_mb": answer["peak_mb"], "before_mb": answer["before_mb"]}
        print_table(table)
        print("  before: after the imports, with the arrays in memory, when the clock starts")


def machine() -> dict[str, Any]:
    def model() -> Iterator[str]:
        cpuinfo = Path("/proc/cpuinfo")
        for line in cpuinfo.read_text().splitlines() if cpuinfo.is_file() else ():
            if line.startswith("model name"):
                yield line.partition(":")[2].strip()

    return {
        "processor": next(model(), platform.processor()),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, one round")
    parser.add_argument("--rounds", type=int, help="how often each engine is started (5)")
    parser.add_argument("--case", action="append", choices=SECTIONS, help="only this; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure there")
    matching.add_arguments(parser)
    feeds.add_arguments(parser)
    arguments = parser.parse_args()
    rounds = arguments.rounds or (1 if arguments.quick else 5)
    chosen = arguments.case or SECTIONS

    with tempfile.TemporaryDirectory(prefix="omni-bench-") as folder:
        alone = [name for name in ours.CASES if name in chosen]
        has_peers = not set(chosen) <= {
            "matching",
            "native",
            "store",
            "feeds",
            "replay",
            "breaks",
            "papermill",
            "gateway",
            "dashboard",
            *alone,
        }
        peers = environment.BENCH.ensure() if has_peers else Path(sys.executable)
        bench = Bench(Path(folder), peers, rounds=rounds, quick=arguments.quick)
        scale = 10 if arguments.quick else 1
        if has_peers:
            bench.make_markets(scale)
        about = bench.report["machine"]
        load = f"load {about['load_average']:.2f}"
        print(f"{about['processor']}, {about['cores']} cores, {load}; {rounds} rounds.")
        cases = all_cases(scale)
        for case in cases:
            if case.name in chosen:
                bench.run_case(case)
        if "cold" in chosen:
            bench.run_cold()
        if "memory" in chosen:
            bench.run_memory(cases[0])
        if "matching" in chosen:
            flows, wrong = matching.run(arguments, n_commands=2_000_000 // scale, rounds=rounds)
            bench.report["matching"] = flows
            bench.failures += wrong
        if "native" in chosen:
            bench.report["native"] = native.run(quick=arguments.quick)
        if "store" in chosen:
            bench.report["store"] = store.run(quick=arguments.quick)
        if "feeds" in chosen:
            bench.report["feeds"], wrong = feeds.run(arguments, rounds=rounds)
            bench.failures += wrong
        if "breaks" in chosen:
            bench.report["breaks"], wrong = breaks.run(quick=arguments.quick)
            bench.failures += wrong
        if "papermill" in chosen:
            bench.report["papermill"], wrong = papermill_runs.run(quick=arguments.quick, rounds=rounds)
            bench.failures += wrong
        if "gateway" in chosen:
            bench.report["gateway"], wrong = gateway.run(quick=arguments.quick, rounds=rounds)
            bench.failures += wrong
        if "dashboard" in chosen:
            bench.report["dashboard"], wrong = dashboard.run(quick=arguments.quick, rounds=rounds)
            bench.failures += wrong
        if "replay" in chosen:
            bench.report["replay"], wrong = replay.run(quick=arguments.quick, rounds=rounds)
            bench.failures += wrong
        if alone:
            os.environ["OMNI_LAB_HOME"] = str(Path(folder) / "home")
            bench.report["ours"], wrong = ours.run(alone, rounds=rounds, scale=scale)
            bench.failures += wrong
    versions = {
        (name, version)
        for case in bench.report["cases"].values()
        for entry in case.get("engines", {}).values()
        for answer in entry.get("rounds", ())
        for name, version in answer["versions"].items()
    }
    bench.report["versions"] = sorted(" ".join(each) for each in versions)
    if has_peers:
        print("\n" + ", ".join(bench.report["versions"]))
        print(LEGEND)
    if "matching" in chosen:
        print(matching.LEGEND)
    if "native" in chosen:
        print(native.LEGEND)
    if "store" in chosen:
        print(store.LEGEND)
    if "feeds" in chosen:
        print(feeds.LEGEND)
    if "replay" in chosen:
        print(replay.LEGEND)
    if "papermill" in chosen:
        print(papermill_runs.LEGEND)
    if "gateway" in chosen:
        print(gateway.LEGEND)
    if "dashboard" in chosen:
        print(dashboard.LEGEND)
    if alone:
        print(ours.LEGEND)
    if arguments.json:
        arguments.json.write_text(json.dumps(bench.report, indent=1))
    for failure in bench.failures:
        print(f"WRONG ANSWER: {failure}", file=sys.stderr)
    return 1 if bench.failures else 0


if __name__ == "__main__":
    sys.exit(main())
