"""Databases for tests: a file of SQLite, or a PostgreSQL server of the tests' own, started here and stopped.

Fixtures of every test: ``postgres`` is its address, ``database_of_either_kind`` an empty database of each.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

_NUMBERS = count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of the tests' own, on a free port of this machine."""
    pytest.importorskip(
        "psycopg", reason="install the extra that holds it: pip install 'omni-lab[postgresql]'"
    )
    found = shutil.which("initdb") or next(
        iter(sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")))), ""
    )
    if not found:
        pytest.skip("install PostgreSQL (Debian: postgresql), or put its initdb on the PATH")
    binaries = Path(found).resolve().parent
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # It refuses to run as root; whoever is root lends it another user.
    user: dict[str, Any] = {"user": "nobody"} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="omni-pg-"))
    try:
        if user:
            shutil.chown(folder, "nobody")
        make = [str(binaries / "initdb"), "-D", str(folder / "data"), "-U", "omni", "-A", "trust", "-N"]
        subprocess.run(make, check=True, capture_output=True, cwd=folder, **user)
        options = ["-D", str(folder / "data"), "-h", "127.0.0.1", "-p", str(port), "-k", str(folder), "-F"]
        with subprocess.Popen(
            [str(binaries / "postgres"), *options],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **user,
        ) as server:
            try:
                _wait_for(server, port)
                yield f"postgresql+psycopg://omni@127.0.0.1:{port}/postgres"
            finally:
                server.send_signal(signal.SIGINT)
                server.wait(30)
    finally:
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_of_either_kind(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of either kind."""
    if request.param == "sqlite":
        yield str(tmp_path / "omni.sqlite")
        return
    yield new_database(request.getfixturevalue("postgres"))


def new_database(server: str) -> str:
    """Address of an empty database on a server."""
    import psycopg

    name = f"t{os.getpid()}_{next(_NUMBERS)}"
    with psycopg.connect(server.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload,unused-ignore]
    return server.removesuffix("postgres") + name


def _wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    import psycopg

    for _ in range(300):
        assert server.poll() is None, "the server has ended"
        try:
            psycopg.connect(host="127.0.0.1", port=port, user="omni", dbname="postgres").close()
            return
        except psycopg.OperationalError:
            time.sleep(0.1)
    raise AssertionError("the server does not answer")
