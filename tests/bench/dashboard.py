"""The dashboard: how soon Market is painted, what ten changes a second cost, and a cloud of a million points.

    python tests/bench/dashboard.py
    python tests/bench/dashboard.py --quick

A paper system on a synthetic market is served in a process of its own; headless Chromium looks at Market. The
server's processor time is measured without and with the browser; the difference is what the page costs.
Memory is that of a server that is watched for ten minutes beside one that nobody watches: both remember the
orders of the day.

Pictures of a million points are made in an event loop that also wakes up every five milliseconds: how late it
does is how long they kept it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LEGEND = (
    "dashboard: Market in headless Chromium, ladder, depth, quotes, trades and tape at 10 Hz; percent of one"
    " core of the server, with the page less without it; memory after two minutes and ten more. Cloud:"
    " wall and processor time of pictures of 1,000,000 points, and how long they kept the event loop at most."
)
N_POINTS = 1_000_000
_HEARTBEAT_S = 0.005
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_COUNT = """(kind => { const send = kind.send; window.shown = 0; kind.send = function (data) {
    if (typeof data === "string" && data.includes('"shown"')) window.shown++;
    return send.call(this, data); }; })(WebSocket.prototype)"""
_READY = "window.omni && !document.body.classList.contains('waiting')"
_LADDER = """(function inside(root) { return [...root.querySelectorAll("*")].some(e =>
    e.matches("table.ladder tr.bid") && e.dataset.price || e.shadowRoot && inside(e.shadowRoot));
    })(document)"""


def run(*, quick: bool, rounds: int = 3) -> tuple[dict[str, Any], list[str]]:
    """Measure and print; the figures, and what is wrong."""
    sys.path.insert(0, str(ROOT))
    if missing := [
        name for name in ("fastapi", "hvplot", "panel", "uvicorn", "websocket") if not find_spec(name)
    ]:
        print(f"dashboard: left out, {', '.join(missing)} missing: pip install omni-lab[dashboard,gateway]")
        return {}, []
    cloud = measure_cloud()
    from tests.ui.browser import CHROMIUM, chromium

    if CHROMIUM is None:
        print("dashboard: the rest is left out, there is no Chromium")
        return {"cloud": cloud}, []
    seconds = 5.0 if quick else 60.0
    found: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="omni-dashboard-") as name, server(Path(name)) as (port, pid):
        idle = share(pid, seconds / 2)
        for turn in range(1 if quick else min(rounds, 3)):
            with chromium(Path(name) / f"profile{turn}") as page:
                began = time.monotonic()
                page.open(f"http://127.0.0.1:{port}/dashboard/market", width=1440, height=900)
                page.wait(f"({_READY}) && {_LADDER}")
                content = time.monotonic() - began
                paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
                painted = page.value(paint) / 1e3
                page.value(_COUNT)
                start = time.monotonic()
                busy = share(pid, seconds)
                per_s = page.value("window.shown") / (time.monotonic() - start)
            found.append(
                {
                    "paint_s": painted,
                    "content_s": content,
                    "cpu_percent": busy - idle,
                    "per_s": per_s,
                }
            )
    figures: dict[str, Any] = {key: statistics.median(row[key] for row in found) for key in found[0]}
    settled, watched = (5.0, 20.0) if quick else (120.0, 600.0)
    memory = measure_memory(settled, watched)
    print(
        f"\n(n) The dashboard, Market for {seconds:.0f} s, {len(found)} times; the system alone {idle:.1f} %"
    )
    print(
        f"  first paint {figures['paint_s']:.2f} s, ladder {figures['content_s']:.2f} s,"
        f" {figures['per_s']:.1f} changes/s shown, {figures['cpu_percent']:.1f} % of one core"
    )
    print(
        f"  memory over {watched:.0f} s: watched {memory['watched'][0]:.1f} MB and"
        f" {memory['watched'][1]:+.1f}, not watched {memory['alone'][0]:.1f} MB and {memory['alone'][1]:+.1f}"
    )
    return {**figures, "idle_percent": idle, "memory_mb": memory, "cloud": cloud}, []


def measure_memory(settled: float, watched: float) -> dict[str, tuple[float, float]]:
    """Megabytes of a server that is watched and of one that is not: after a while, and what comes later."""
    from tests.ui.browser import chromium

    with (
        tempfile.TemporaryDirectory(prefix="omni-dashboard-") as name,
        server(Path(name) / "watched") as (port, pid),
        server(Path(name) / "alone") as (other_port, other_pid),
        chromium(Path(name) / "profile") as page,
    ):
        # Both have had somebody, so that both have the same imported.
        for each in (other_port, port):
            page.open(f"http://127.0.0.1:{each}/dashboard/market", width=1440, height=900)
            page.wait(f"({_READY}) && {_LADDER}")
        pids = {"watched": pid, "alone": other_pid}
        time.sleep(settled)
        before = {which: rss_mb(each) for which, each in pids.items()}
        time.sleep(watched)
        return {which: (before[which], rss_mb(each) - before[which]) for which, each in pids.items()}


def measure_cloud() -> dict[str, dict[str, float]]:
    """Make pictures of a million points in a fresh interpreter, and print what they cost."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(Path(__file__).resolve()), "--cloud"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=True)
    found: dict[str, dict[str, float]] = json.loads(done.stdout)
    print(f"\n(n) A cloud of {N_POINTS:,} points, 1,000 × 340 pixels")
    for name, each in found.items():
        print(
            f"  {name:32} {each['wall_s']:6.2f} s, CPU {each['cpu_s']:5.2f} s,"
            f" loop kept {each['kept_ms']:4.0f} ms at most"
        )
    return found


async def clouds() -> dict[str, dict[str, float]]:
    """Figures of the warm-up, the first picture, and of others."""
    import numpy as np

    from omni_lab.ui.dashboard import raster
    from omni_lab.ui.dashboard.components.cloud import picture

    rng = np.random.default_rng(17)
    x, y = 1.7e12 + 1_000.0 * np.arange(N_POINTS), 1e-4 * rng.standard_t(5, N_POINTS)
    found: dict[str, dict[str, float]] = {}
    late = [0.0]

    async def beat() -> None:
        while True:
            due = time.perf_counter() + _HEARTBEAT_S
            await asyncio.sleep(_HEARTBEAT_S)
            late.append(time.perf_counter() - due)

    async def measure(name: str, work: Callable[[], Awaitable[Any]]) -> Any:
        late[:] = [0.0]
        wall, cpu = time.perf_counter(), time.process_time()
        made = await work()
        figures = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
        found[name] = {**figures, "kept_ms": 1e3 * max(late)}
        return made

    heart = asyncio.create_task(beat())
    await measure("warm-up: imports, compiling", lambda: asyncio.wrap_future(raster.warm_up()))
    points = await measure("points taken over", lambda: raster.in_worker(raster.cloud_of, x, y))
    for name, view in (
        ("first picture", None),
        ("the next", None),
        ("a tenth of the time", (x[0], x[N_POINTS // 10], -1e-3, 1e-3)),
    ):

        def draw(view: Any = view) -> Awaitable[Any]:
            return raster.in_worker(picture, points, view, (1_000, 340), "dark")

        await measure(name, draw)
    heart.cancel()
    return found


@contextmanager
def server(home: Path) -> Iterator[tuple[int, int]]:
    """Port and process of a dashboard."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(Path(__file__).resolve()), "--serve", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            yield int(json.loads(process.stdout.readline())), process.pid
        finally:
            process.terminate()
            process.wait(timeout=30)


def serve(home: Path) -> None:
    """Serve until ended."""
    import socket

    import uvicorn
    from fastapi import FastAPI
    from panel.io.fastapi import add_applications

    from omni_lab.config import Settings
    from omni_lab.system import SystemConfig
    from omni_lab.system.services import open_services
    from omni_lab.ui.dashboard import dashboard_apps

    with (
        open_services(SystemConfig(name="bench"), Settings(data_dir=home)) as services,
        socket.socket() as at,
    ):
        at.bind(("127.0.0.1", 0))
        app = FastAPI()
        add_applications(dict(dashboard_apps(services)), app=app)
        print(json.dumps(at.getsockname()[1]), flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[at])


def share(pid: int, seconds: float) -> float:
    """Percent of one core that a process uses."""
    before, start = cpu_s(pid), time.monotonic()
    time.sleep(seconds)
    return 100.0 * (cpu_s(pid) - before) / (time.monotonic() - start)


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 2**20


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--serve", type=Path)
    parser.add_argument("--cloud", action="store_true")
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
    elif arguments.cloud:
        print(json.dumps(asyncio.run(clouds())))
    else:
        run(quick=arguments.quick)
