"""JupyterLab's notebook jobs, asked for as its dialogue does: over the HTTP interface of a real server."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from omni_lab.config import REGISTRY_VARIABLE
from omni_lab.pipelines.registry import RunRegistry
from tests.pipelines.conftest import WriteNotebook

pytest.importorskip("jupyter_scheduler", reason="install the extra 'lab'")
pytest.importorskip("jupyterlab", reason="install the extra 'lab'")

ROOT = Path(__file__).parents[3]
PATIENCE_S = 180
RECORDING = """
from omni_lab.pipelines import RunContext
RunContext(run_dir).record(metrics={"lookback": lookback + 1}, headline={"Symbol": symbol})
print(repr(symbol), stop_loss, weights, reverse)
"""


class Jobs:
    """The jobs of a server."""

    def __init__(self, url: str, process: "subprocess.Popen[bytes]") -> None:
        self.url, self.process = url, process

    def ask(self, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}/scheduler/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": "token t", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            text = answer.read()
        return json.loads(text) if text.strip() else None

    def run(self, name: str, notebook: str, parameters: dict[str, str]) -> dict[str, Any]:
        """A job when it has ended."""
        made = self.ask(
            "jobs",
            {
                "name": name,
                "input_uri": notebook,
                "runtime_environment_name": "python",
                "output_formats": ["ipynb", "html"],
                "parameters": parameters,
            },
        )
        until = time.monotonic() + PATIENCE_S
        while True:
            job: dict[str, Any] = self.ask(f"jobs/{made['job_id']}")
            # Before it begins, jupyter-scheduler says STOPPED of a job.
            if job["status"] in ("COMPLETED", "FAILED"):
                return job
            assert time.monotonic() < until, job
            time.sleep(0.2)


@pytest.fixture
def jobs(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    """JupyterLab as ``make lab`` starts it, without a browser and with a home of its own."""
    monkeypatch.delenv(REGISTRY_VARIABLE, raising=False)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = ROOT / "deploy" / "jupyter" / "jupyter_lab_config.py"
    command = [sys.executable, "-m", "jupyterlab", "--config", str(config), "--no-browser", "--allow-root"]
    command += [f"--port={port}", "--ip=127.0.0.1", "--IdentityProvider.token=t"]
    own = {f"JUPYTER_{name}_DIR": str(project / "jupyter" / name) for name in ("DATA", "CONFIG", "RUNTIME")}
    environment = os.environ | own | {"PYTHONPATH": str(ROOT), "HOME": str(project)}
    log = project / "jupyter.log"
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=project, env=environment, stdout=file, stderr=file)
    made = Jobs(f"http://127.0.0.1:{port}", process)
    try:
        until = time.monotonic() + PATIENCE_S
        while True:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            try:
                made.ask("runtime_environments")
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.2)
        yield made
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def test_a_notebook_job_is_a_run_with_typed_parameters(
    jobs: Jobs, write_notebook: WriteNotebook, project: Path
) -> None:
    write_notebook("toy", RECORDING)
    typed = {"symbol": "007", "lookback": "5", "weights": "0.25, 0.75", "reverse": "true"}
    job = jobs.run("my job", "notebooks/pipelines/toy.ipynb", typed)
    assert job["status"] == "COMPLETED", job
    with RunRegistry() as registry:
        (run,) = registry.list()
    assert (run.pipeline, run.status) == ("toy", "succeeded")
    assert (run.origin.trigger, run.origin.name) == ("jupyter", "my job")
    assert (run.metrics["lookback"], run.headline["Symbol"]) == (6, "007")
    assert run.content["parameters"]["weights"] == [0.25, 0.75]
    jobs.ask(f"jobs/{job['job_id']}/download_files")
    until = time.monotonic() + PATIENCE_S
    while not all(each["file_path"] for each in jobs.ask(f"jobs/{job['job_id']}")["job_files"]):
        assert time.monotonic() < until
        time.sleep(0.2)
    paths = {
        each["file_format"]: project / each["file_path"]
        for each in jobs.ask(f"jobs/{job['job_id']}")["job_files"]
    }
    executed = nbformat.read(paths["ipynb"], as_version=4)  # type: ignore[no-untyped-call]
    assert executed.cells[-1].outputs[0].text == "'007' None [0.25, 0.75] True\n"
    assert paths["html"].read_text().startswith("<!DOCTYPE html>")

    refused = jobs.run("typo", "notebooks/pipelines/toy.ipynb", {"lokback": "5"})
    assert refused["status"] == "FAILED"
    assert "Did you mean 'lookback'" in refused["status_message"]
    with RunRegistry() as registry:
        assert registry.list() == [run], "what is refused is no run"
