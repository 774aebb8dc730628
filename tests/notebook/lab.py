"""JupyterLab on a free port, with settings of its own, and a notebook in it as a browser sees it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omni_lab.config import HOME_VARIABLE
from tests.ui.browser import Page

ROOT = Path(__file__).parents[2]
TOKEN = "of-this-test"
_PATIENCE_S = 120.0
# Cells beyond the window are not in the page: what they gave is asked of the notebook's model.
_PANEL = "[...jupyterapp.shell.widgets('main')].find(w => w.sessionContext)"
_CELLS = f"[...{_PANEL}.content.model.cells].filter(c => c.type == 'code').map(c => c.sharedModel.toJSON())"
# As `make lab` starts it.
_CONFIG = ROOT / "deploy" / "jupyter" / "jupyter_lab_config.py"


@dataclass(frozen=True)
class Lab:
    """A server that runs.

    Attributes
    ----------
    address : str
        Without the token.
    """

    address: str

    def url(self, notebook: str) -> str:
        """Address at which a notebook of the served directory opens."""
        return f"{self.address}/lab/tree/{notebook}?token={TOKEN}&reset"


@contextmanager
def jupyterlab(served: Path, private: Path) -> Iterator[Lab]:
    """JupyterLab over a directory.

    Parameters
    ----------
    served : Path
        Where notebooks lie.
    private : Path
        A new directory for everything that it writes.
    """
    port = _free_port()
    command = [
        *(sys.executable, "-m", "jupyterlab", f"--config={_CONFIG}", "--no-browser"),
        *(f"--ServerApp.root_dir={served}", "--ServerApp.ip=127.0.0.1"),
        *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *(f"--IdentityProvider.token={TOKEN}", "--LabApp.expose_app_in_browser=True", "--allow-root"),
    ]
    with (private / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=served, env=_environment(private), stdout=log, stderr=log)
    lab = Lab(f"http://127.0.0.1:{port}")
    try:
        _wait_for(lab, server, private / "log")
        yield lab
    finally:
        server.terminate()
        server.wait(timeout=_PATIENCE_S)


def open_notebook(page: Page, lab: Lab, notebook: str, *, height: int = 1000) -> None:
    """Open a notebook and wait until its kernel can be asked."""
    page.call("Emulation.setFocusEmulationEnabled", enabled=True)
    page.open(lab.url(notebook), height=height)
    kernel = f"{_PANEL}?.sessionContext.session?.kernel"
    page.wait(f"typeof jupyterapp != 'undefined' && {kernel}?.connectionStatus == 'connected'", _PATIENCE_S)
    page.value(f"jupyterapp.shell.activateById({_PANEL}.id)")


def run_all(page: Page, patience_s: float = _PATIENCE_S) -> list[dict[str, Any]]:
    """Run every cell; the code cells as they are then."""
    run = "jupyterapp.commands.execute('notebook:run-all-cells').finally(() => { window.omniRan = true; })"
    page.value(f"window.omniRan = false; void {run}")
    page.wait("window.omniRan", patience_s)
    cells: list[dict[str, Any]] = page.value(_CELLS)
    return cells


def errors_of(cells: list[dict[str, Any]]) -> list[str]:
    """What cells raised, or wrote to standard error."""
    outputs = [output for cell in cells for output in cell["outputs"]]
    return [
        json.dumps(output)[:2000]
        for output in outputs
        if output["output_type"] == "error" or output.get("name") == "stderr"
    ]


def show_theme(page: Page, theme: str) -> None:
    """JupyterLab's ``Light`` or ``Dark``."""
    page.value(f"jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {theme}'}})")
    page.wait(f"document.body.dataset.jpThemeLight == '{str(theme == 'Light').lower()}'")


def _environment(private: Path) -> dict[str, str]:
    jupyter = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    places = (*jupyter, "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", HOME_VARIABLE)
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, **{name: str(private / name.lower()) for name in places}}


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _wait_for(lab: Lab, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{lab.address}/api?token={TOKEN}"):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not start: {log.read_text()[-2000:]}")
