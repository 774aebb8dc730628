"""A real Prometheus and a real Alertmanager on free ports of this machine, as the project configures them."""

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


def program(name: str, package: str = "prometheus") -> str:
    """Path of a program of a package of Debian."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"install {package} (Debian: apt-get install {package}), which holds {name}")
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

    def close(self) -> None:
        self._client.close()


@contextmanager
def prometheus(target: str, directory: Path, key: str, alertmanager: str) -> Iterator[Prometheus]:
    """Scrape a gateway once a second, with a key, and tell an Alertmanager what fires."""
    config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(DEPLOY / "alerts.yml")]
    (directory / "key").write_text(key)
    (scrape,), (manager,) = config["scrape_configs"], config["alerting"]["alertmanagers"]
    scrape["static_configs"] = [{"targets": [target]}]
    scrape["authorization"] = {"type": "Bearer", "credentials_file": "key"}
    manager["static_configs"] = [{"targets": [alertmanager]}]
    options = [f"--storage.tsdb.path={directory}", "--log.level=warn"]
    with _running(program("prometheus"), directory, config, *options) as address:
        made = Prometheus(f"http://{address}")
        try:
            yield made
        finally:
            made.close()


@contextmanager
def alertmanager(hook: str, directory: Path) -> Iterator[str]:
    """Address of one that tells a webhook at once."""
    config = yaml.safe_load((DEPLOY / "alertmanager.yml").read_text())
    config["route"] |= {"group_wait": "100ms", "group_interval": "1s"}
    (receiver,) = config["receivers"]
    (told,) = receiver["webhook_configs"]
    told["url"] = hook
    command = program("prometheus-alertmanager", "prometheus-alertmanager")
    options = [f"--storage.path={directory}", "--cluster.listen-address=", "--log.level=warn"]
    with _running(command, directory, config, *options) as address:
        yield address


@contextmanager
def _running(command: str, directory: Path, config: dict[str, Any], *options: str) -> Iterator[str]:
    """Address of a program of the Prometheus family with a configuration, once it is ready."""
    file = directory / "config.yml"
    file.write_text(yaml.safe_dump(config))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    listening = [f"--config.file={file}", f"--web.listen-address={address}"]
    log = (directory / "log").open("wb")
    with log, subprocess.Popen([command, *listening, *options], stderr=log, stdout=log) as process:
        try:
            until = time.monotonic() + 60
            while not _is_ready(address):
                assert process.poll() is None, (directory / "log").read_text()
                assert time.monotonic() < until
                time.sleep(0.05)
            yield address
        finally:
            process.terminate()
            process.wait(30)


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/-/ready", timeout=10.0).status_code == 200
    except httpx.TransportError:
        return False
