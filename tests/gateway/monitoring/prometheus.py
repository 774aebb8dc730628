"""A real Prometheus on a free port of this machine, with the configuration that the project ships."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

DEPLOY = Path(__file__).parents[3] / "deploy" / "monitoring"


def program(name: str) -> str:
    """Path of a program of Debian's package."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"install Prometheus (Debian: apt-get install prometheus), which holds {name}")
    return found


class Prometheus:
    """One that runs."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=10.0)

    def ask(self, path: str, **query: str) -> Any:
        """The data of an answer."""
        answer = self._client.get(f"/api/v1/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def value(self, expression: str) -> list[float]:
        """Values of an instant query."""
        return [float(each["value"][1]) for each in self.ask("query", query=expression)["result"]]

    def is_ready(self) -> bool:
        try:
            return self._client.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def close(self) -> None:
        self._client.close()


@contextmanager
def prometheus(target: str, directory: Path, key: str) -> Iterator[Prometheus]:
    """Scrape a gateway once a second, with a key."""
    command = program("prometheus")
    config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(DEPLOY / "alerts.yml")]
    (directory / "key").write_text(key)
    (scrape,) = config["scrape_configs"]
    scrape["static_configs"] = [{"targets": [target]}]
    scrape["authorization"] = {"type": "Bearer", "credentials_file": "key"}
    file = directory / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    options = [f"--config.file={file}", f"--storage.tsdb.path={directory}", f"--web.listen-address={address}"]
    log = (directory / "log").open("wb")
    with log, subprocess.Popen([command, *options, "--log.level=warn"], stderr=log) as process:
        made = Prometheus(f"http://{address}")
        try:
            until = time.monotonic() + 60
            while not made.is_ready():
                assert process.poll() is None, (directory / "log").read_text()
                assert time.monotonic() < until
                time.sleep(0.05)
            yield made
        finally:
            made.close()
            process.terminate()
            process.wait(30)
