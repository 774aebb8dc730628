"""The report as a browser sees it: Debian's Chromium opens the page of a real run."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from omni_lab.config import HOME_VARIABLE
from omni_lab.pipelines import run_pipeline

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="install Chromium (Debian: apt-get install chromium)"
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setenv(HOME_VARIABLE, str(home))
        record = run_pipeline("backtest", values={"symbol": "SYNTH", "lookback_period": 20}, progress=False)
    assert record.status == "succeeded", record.problem
    return record.folder.report_file


def opened(page: Path, profile: Path) -> tuple[str, str]:
    """The page's elements after its scripts ran, and what the console said."""
    assert CHROMIUM is not None
    command = [CHROMIUM, *QUIET, f"--user-data-dir={profile}", "--enable-logging=stderr", "--dump-dom"]
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, "\n".join(console)


def test_the_page_opens_without_a_word_on_the_console(report: Path, tmp_path: Path) -> None:
    elements, console = opened(report, tmp_path)
    assert console == ""
    assert "Does following momentum pay" in elements
    assert "Sharpe ratio" in elements


def test_its_one_script_runs_and_shows_the_button_it_is_for(report: Path, tmp_path: Path) -> None:
    elements, _ = opened(report, tmp_path)
    button = re.search(r"<button[^>]*id=\"toggle-code\"[^>]*>", elements)
    assert button is not None
    assert "hidden" not in button[0]
    # As written, before any script, it is hidden: without scripts it could do nothing.
    written = re.search(r"<button[^>]*id=\"toggle-code\"[^>]*>", report.read_text(encoding="utf-8"))
    assert written is not None
    assert "hidden" in written[0]


def test_every_figure_is_there_and_has_words(report: Path, tmp_path: Path) -> None:
    class Images(HTMLParser):
        found: list[dict[str, str | None]]

        def __init__(self) -> None:
            super().__init__()
            self.found = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag == "img":
                self.found.append(dict(attrs))

    images = Images()
    images.feed(opened(report, tmp_path)[0])
    assert len(images.found) >= 5
    assert all((image["src"] or "").startswith("data:image/") and image["alt"] for image in images.found)
