"""``omni serve`` in a process of its own, on a free port."""

import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from omni_lab.config import HOME_VARIABLE

ROOT = Path(__file__).parents[2]


@dataclass
class Process:
    """A gateway in a process of its own."""

    process: subprocess.Popen[str]
    url: str
    lines: list[str]
    client: httpx.Client

    @property
    def n_bytes(self) -> int:
        """Memory that it holds."""
        statm = Path(f"/proc/{self.process.pid}/statm").read_text()
        return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def end(self, how: signal.Signals) -> int:
        """End it; its exit status."""
        self.process.send_signal(how)
        return self.process.wait(30)


@contextmanager
def serving(home: Path, *options: str, verify: ssl.SSLContext | bool = True) -> Iterator[Process]:
    """A gateway of this data directory until the block ends, at the latest."""
    command = [sys.executable, "-m", "omni_lab.cli", "serve", "--port", "0", "--symbols", "AAA", *options]
    environment = {**os.environ, HOME_VARIABLE: str(home), "PYTHONPATH": str(ROOT)}
    with (home / "errors.log").open("ab") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment, cwd=ROOT
        )
        assert process.stdout is not None
        lines: list[str] = []
        try:
            for line in process.stdout:
                lines.append(line.strip())
                if "no password" in line or "One-time token" in line or "signs in" in line:
                    break
            assert lines, (home / "errors.log").read_text()[-3_000:]
            url = lines[0].split()[2].removesuffix("/dashboard,")
            with httpx.Client(base_url=url, timeout=30.0, verify=verify) as client:
                yield Process(process, url, lines, client)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(30)
            process.stdout.close()
