"""A real gateway in a thread, over a trading system, a lake and runs that are real, too."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import nbformat
import numpy as np
import pandas as pd
import uvicorn
from fastapi import FastAPI

from omni_lab.gateway.app import create_app
from omni_lab.gateway.security import Rate, Security, SecuritySettings
from omni_lab.gateway.serving import configuration
from omni_lab.gateway.settings import GatewaySettings
from omni_lab.store import DuckDBStore
from omni_lab.system import Services
from omni_lab.system.people import Role
from tests.pipelines.conftest import notebook

PASSWORD = "correct horse battery"
UNHURRIED = dict.fromkeys(("login", "address", "write", "read"), (Rate(1e6, 1e6),))
HOSTILE = "<script>window.stolen = 1</script><img src=x onerror='steal()'><p>harmless</p>"


@dataclass
class Gateway:
    """A running gateway.

    Attributes
    ----------
    url : str
    app : FastAPI
    services : Services
    security : Security
    client : httpx.Client
        That nobody has signed in to.
    """

    url: str
    app: FastAPI
    services: Services
    security: Security
    client: httpx.Client = field(repr=False)

    def people(self) -> None:
        """Make a user of each role, by its name."""
        for role in Role:
            self.security.users.add(role.value, PASSWORD, role)

    def token(self, name: str) -> str:
        """A new access token of a user."""
        return self.security.tokens.begin(self.security.users.get(name)).access

    def headers(self, name: str) -> dict[str, str]:
        """Headers with which a user asks."""
        return {"Authorization": f"Bearer {self.token(name)}"}


@contextmanager
def serving(services: Services, home: Path, settings: GatewaySettings | None = None) -> Iterator[Gateway]:
    """Serve until the block ends, with users of cheap passwords and limits that nobody reaches."""
    settings = settings or GatewaySettings(port=0, dashboard=False)
    guard = SecuritySettings(
        database=str(home / "gateway.sqlite"),
        key_file=home / "keys",
        users=settings.users,
        rates=UNHURRIED,
        bcrypt_cost=4,
        sockets=10_000,
    )
    security = Security(guard)
    app = create_app(services, security, settings)
    server = uvicorn.Server(configuration(app, settings))
    with socket.create_server(("127.0.0.1", 0), backlog=256) as door:
        thread = threading.Thread(target=server.run, args=([door],))
        thread.start()
        url = f"http://127.0.0.1:{door.getsockname()[1]}"
        try:
            with httpx.Client(base_url=url, timeout=30.0) as client:
                yield Gateway(url, app, services, security, client)
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


def fill_lake(lake: Path) -> pd.DataFrame:
    """Store 300 daily bars of two symbols, of which one lacks three sessions; what was stored."""
    days = (pd.bdate_range("2020-01-02", periods=300, tz="UTC") + pd.Timedelta(hours=21)).as_unit("ns")
    random = np.random.default_rng(3)
    frames = []
    for symbol in ("AAA", "BBB"):
        close = 50.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, len(days)))).round(4)
        opened = close * (1 + random.normal(0.0, 0.002, len(days)))
        frame = pd.DataFrame({"ts": days, "symbol": symbol, "open": opened.round(2), "close": close.round(2)})
        frame["high"] = frame[["open", "close"]].max(axis=1) + 0.05
        frame["low"] = frame[["open", "close"]].min(axis=1) - 0.05
        frame["volume"] = random.integers(1_000, 9_000, len(days)).astype(float)
        frames.append(frame if symbol == "AAA" else frame.drop(index=[110, 111, 112]))
    stored = pd.concat(frames, ignore_index=True)
    DuckDBStore(lake).ingest_frame(stored, source="made", progress=False)
    return stored


def leave_runs(services: Services) -> list[str]:
    """Two runs as pipelines leave them, whose notebook means harm; their ids, the newest first."""
    runs_dir = services.settings.runs_dir
    ids: list[str] = []
    for number, sharpe in enumerate((0.5, 0.75)):
        folder = runs_dir / f"2026010{number + 1}-120000-toy-{'ab'[number] * 8}"
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(
            json.dumps(
                {
                    "run_id": folder.name,
                    "pipeline": "toy",
                    "status": "succeeded",
                    "started": f"2026-01-0{number + 1}T12:00:00.000+00:00",
                    "duration_s": 1.5,
                    "parameters": {"symbol": "AAA", "lookback": 10 * (number + 1)},
                    "headline": {"Sharpe": str(sharpe)},
                }
            )
        )
        (folder / "metrics.json").write_text(json.dumps({"sharpe_ratio": sharpe, "skew": None}))
        nbformat.write(_executed(), folder / "notebook.ipynb")  # type: ignore[no-untyped-call]
        (folder / "report.html").write_text(f"<title>report</title>{HOSTILE}")
        ids.insert(0, folder.name)
    assert services.registry.adopt(runs_dir) == len(ids)
    return ids


def _executed() -> nbformat.NotebookNode:
    made = notebook(("md", f"# Toy\n{HOSTILE}"), ("code", "print('said')"))
    page = nbformat.v4.new_output("display_data", {"text/html": HOSTILE})  # type: ignore[no-untyped-call]
    told = nbformat.v4.new_output("stream", name="stdout", text="said\n")  # type: ignore[no-untyped-call]
    made.cells[1].outputs = [told, page]
    return made
