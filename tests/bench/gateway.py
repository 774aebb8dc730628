"""The gateway under load: requests and sockets of many clients at once, beside what one would write instead.

Servers run in processes of their own, one at a time, and what asks in another; both cores are theirs.

    python tests/bench/gateway.py
    python tests/bench/gateway.py --quick
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from table import print_table, progress

HERE = Path(__file__).resolve().parent
RATE = 1_000.0
N_ASKING, N_LISTENING, N_DEAF = 16, 200, 10
ENGINES = {
    "omni": "OmniLab",
    "fastapi": "FastAPI and PyJWT",
    "websockets": "websockets, broadcast",
    "generator": "no server at all",
}
LEGEND = """
CPU        of the thread that serves, microseconds for each request, or for each message to a client; ratios
           are its median over that of the row beside it. Latency of a request counts from when it was due,
           that of a message from when it was published. RSS of the server before and after. `no server`
           answers the same bytes from a bare protocol: what asks could not ask faster
"""


@contextmanager
def server(kind: str, folder: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """A server in a process of its own; what it told of itself, and its process."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = kept | {"OMNI_LAB_HOME": str(folder / kind), "PYTHONPATH": str(HERE.parents[1])}
    command = [sys.executable, str(HERE / "gateway_servers.py"), kind, str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            told = json.loads(process.stdout.readline())
            yield told, process.pid
        finally:
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def ask(kind: str, pid: int, settings: dict[str, Any]) -> dict[str, Any]:
    """Run what asks; its figures, with CPU and memory of the server."""
    command = [sys.executable, str(HERE / "gateway_load.py"), kind]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(settings))
        process.stdin.close()
        if process.stdout.readline() != "begin\n":
            raise RuntimeError(f"nobody asked: {kind}")
        cpu, rss = cpu_s(pid), rss_mb(pid)
        found: dict[str, Any] = json.loads(process.stdout.readline())
        found["rss_mb"] = [rss, rss_mb(pid)]
        found["cpu_us"] = (cpu_s(pid) - cpu) * 1e6 / max(found["n"], 1)
    return found


def cpu_s(pid: int) -> float:
    """Of the thread that serves: ours has a market in others."""
    fields = Path(f"/proc/{pid}/task/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def run(*, quick: bool, rounds: int = 3) -> tuple[dict[str, Any], list[str]]:
    """Measure everything and print the tables; the figures by name, and what is wrong."""
    if missing := [
        name for name in ("fastapi", "jwt", "orjson", "uvicorn", "websockets") if not find_spec(name)
    ]:
        print(f"gateway: left out, {', '.join(missing)} missing: pip install omni-lab[gateway]")
        return {}, []
    seconds, rounds = (2.0, 1) if quick else (5.0, min(rounds, 3))
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}

    def note(case: str, engine: str, figures: dict[str, Any]) -> None:
        found.setdefault(case, {}).setdefault(engine, []).append(figures)

    with tempfile.TemporaryDirectory(prefix="omni-gateway-") as name:
        folder = Path(name)
        for turn in range(rounds):
            for engine in ("omni", "fastapi", "generator", "websockets"):
                progress(f"round {turn + 1} of {rounds}: {ENGINES[engine]}")
                with server(engine, folder / str(turn) if engine == "omni" else folder) as (told, pid):
                    where = {"port": told["port"], "tokens": told["tokens"]}
                    if engine == "omni" and not turn:
                        keep_portfolio(folder, told)
                    if told["path"]:
                        asking = where | {"path": told["path"], "n": N_ASKING, "seconds": seconds}
                        note("fast", engine, ask("rest", pid, asking | {"rate": 0.0}))
                        note("paced", engine, ask("rest", pid, asking | {"rate": RATE}))
                    if told["stream"]:
                        listening = where | {"path": told["stream"], "n": N_LISTENING, "seconds": seconds}
                        note("sockets", engine, ask("sockets", pid, listening | {"n_deaf": 0}))
                        longer = listening | {"n_deaf": N_DEAF, "seconds": 2 * seconds}
                        note("deaf", engine, ask("sockets", pid, longer))
        progress("")
    titles = {
        "fast": f"requests of the portfolio, {N_ASKING} clients as fast as they can",
        "paced": f"the same, {RATE:,.0f} a second",
        "sockets": f"sockets, {N_LISTENING} clients, 20 changes of a book a second",
        "deaf": f"the same, and {N_DEAF} clients who never read",
    }
    print(f"\n(m) The gateway under load, {rounds} rounds of {seconds:.0f} s", flush=True)
    for case, engines in found.items():
        show(titles[case], engines)
    return found, list(wrong_of(found))


def show(title: str, engines: dict[str, list[dict[str, Any]]]) -> None:
    """One table."""
    print(f"  {title}")
    table = [["", "a second", "p50 ms", "p99 ms", "max ms", "CPU µs", "omni÷it", "RSS MB", ""]]
    ours = middle(engines["omni"], "cpu_us")
    for engine, rows in engines.items():
        cpu = middle(rows, "cpu_us")
        rss = " → ".join(f"{statistics.median(row['rss_mb'][end] for row in rows):.0f}" for end in (0, 1))
        wrong = sum(row["n_wrong"] for row in rows)
        figures = [f"{middle(rows, name):.2f}" for name in ("p50_ms", "p99_ms", "max_ms")]
        ratio = f"{ours / cpu:.2f}" if cpu else ""
        remark = f"{wrong} wrong or lost" if wrong else ""
        per_s = f"{middle(rows, 'per_s'):,.0f}"
        table.append([ENGINES[engine], per_s, *figures, f"{cpu:.0f}", ratio, rss, remark])
    print_table(table)


def middle(rows: list[dict[str, Any]], name: str) -> float:
    return statistics.median(row[name] for row in rows)


def wrong_of(found: dict[str, dict[str, list[dict[str, Any]]]]) -> Iterator[str]:
    """Answers of ours that were wrong, and messages that were lost."""
    for case, engines in found.items():
        n_wrong = sum(row["n_wrong"] for row in engines["omni"])
        if n_wrong:
            yield f"gateway, {case}: {n_wrong} answers wrong or messages lost"


def keep_portfolio(folder: Path, told: dict[str, Any]) -> None:
    """What ours answers, for the others to answer, too."""
    import urllib.request

    request = urllib.request.Request(
        f"http://127.0.0.1:{told['port']}{told['path']}",
        headers={"Authorization": f"Bearer {told['tokens'][0]}"},
    )
    with urllib.request.urlopen(request) as answer:
        (folder / "portfolio.json").write_bytes(answer.read())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one round of two seconds")
    _, wrong = run(quick=parser.parse_args().quick)
    print(LEGEND)
    print(*wrong, sep="\n", file=sys.stderr, end="\n" if wrong else "")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
