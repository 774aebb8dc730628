"""The report on paper: Chromium prints the page that is there, by its own print style."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from omni_lab.errors import ConfigError, PipelineError
from omni_lab.pipelines.registry import RunRecord

PDF_FILE = "report.pdf"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")

_FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-pdf-header-footer",
)
_PATIENCE_S = 120.0


def print_report(run: RunRecord, *, browser: str | None = None) -> Path:
    """Print the report of a run next to it.

    Parameters
    ----------
    run : RunRecord
        Whose directory holds ``report.html``.
    browser : str, optional
        The browser's command; the first of `BROWSERS` that is installed by default.

    Returns
    -------
    Path
        ``report.pdf``, whole; code is left out, facts of the run are open.

    Raises
    ------
    ConfigError
        If the run has no report, or there is no browser.
    PipelineError
        If the browser did not print it.
    """
    page, made = run.folder.report_file, run.folder.path / PDF_FILE
    if not page.is_file():
        raise ConfigError(
            "this run has no report",
            found=run.run_id,
            where=str(run.folder.path),
            hint="Its folder was removed, or it ended before its first cell.",
        )
    command = browser or _installed()
    # Written where nobody looks, and moved when it is whole.
    with tempfile.TemporaryDirectory(prefix=".printing-", dir=run.folder.path) as directory:
        printed = Path(directory) / PDF_FILE
        # Chromium refuses its sandbox to root; the page runs no script but ours, by its own policy.
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        places = [f"--user-data-dir={directory}/profile", f"--print-to-pdf={printed}"]
        said = _run([command, *_FLAGS, *sandbox, *places, page.absolute().as_uri()])
        if not printed.is_file():
            raise PipelineError("the browser did not print the report", found=said, where=command)
        printed.replace(made)
    return made


def _run(command: list[str]) -> str:
    """The last line that the browser said."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PipelineError(
            f"the browser did not print the report: {type(error).__name__}", where=command[0]
        ) from error
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]


def _installed() -> str:
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    raise ConfigError(
        "a PDF is printed by Chromium, which is not installed",
        expected=BROWSERS,
        hint="Install it (Debian: apt-get install chromium), or print report.html from any browser.",
    )
