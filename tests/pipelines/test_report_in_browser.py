"""The report as a browser sees it: Debian's Chromium opens the page of a real run."""

import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from omni_lab.config import HOME_VARIABLE
from omni_lab.pipelines import run_pipeline
from omni_lab.pipelines.registry import read_run
from omni_lab.pipelines.report_pdf import print_report
from tests.ui.browser import CHROMIUM, WHY_NOT, chromium

ROOT = Path(__file__).parents[2]
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

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=WHY_NOT)


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


def test_the_pointer_and_the_arrow_keys_read_the_lines_out(report: Path, tmp_path: Path) -> None:
    tip = "document.querySelector('.plot[data-series] .tip').innerText"
    with chromium(tmp_path / "profile") as page:
        page.open(report.as_uri(), width=1100)
        page.wait("document.querySelectorAll('.plot[data-series][tabindex]').length > 0")
        left, top, width, height = page.value(
            "(() => { document.documentElement.style.scrollBehavior = 'auto';"
            " const plot = document.querySelector('.plot[data-series]');"
            " plot.scrollIntoView({block: 'center'}); const box = plot.getBoundingClientRect();"
            " return [box.left, box.top, box.width, box.height]; })()"
        )
        place = {"x": left + 0.5 * width, "y": top + 0.4 * height}
        page.call("Input.dispatchMouseEvent", type="mouseMoved", **place)
        told = page.wait(f"!document.querySelector('.tip').hidden && {tip}").split("\n")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", told[0])
        assert {"Equity", "Drawdown"} <= set(told)
        page.call("Input.dispatchMouseEvent", type="mouseMoved", x=2, y=2)
        page.wait("document.querySelector('.tip').hidden")
        page.value("document.querySelector('.plot[data-series]').focus()")
        page.press("Home")
        first = page.value(tip).split("\n")[0]
        page.press("ArrowRight")
        assert page.value(tip).split("\n")[0] > first
        page.press("End")
        last = page.value(tip)
        page.press("ArrowRight")
        assert page.value(tip) == last, "there is nothing after the end"
        assert (page.console, page.hosts) == ([], {""})


def test_dark_and_light_follow_the_system_until_somebody_chooses(report: Path, tmp_path: Path) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    white, dark = "rgb(255, 255, 255)", "rgb(16, 20, 24)"

    def system(scheme: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        page.call("Emulation.setEmulatedMedia", features=features)

    with chromium(tmp_path / "profile") as page:
        system("light")
        page.open(report.as_uri())
        page.wait(f"document.getElementById('toggle-theme')?.hidden === false && {paper} === '{white}'")
        system("dark")
        page.wait(f"{paper} === '{dark}'")
        page.value("document.getElementById('toggle-theme').click()")
        assert page.value(paper) == white
        page.call("Page.reload")
        page.wait(f"document.getElementById('toggle-theme')?.hidden === false && {paper} === '{white}'")
        page.value("document.getElementById('toggle-theme').click()")
        assert page.value(paper) == dark
        system("light")
        page.wait(f"{paper} === '{white}'")


def test_nothing_is_cut_on_a_phone(report: Path, tmp_path: Path) -> None:
    with chromium(tmp_path / "profile") as page:
        page.open(report.as_uri(), width=390)
        page.wait("document.getElementById('toggle-theme')?.hidden === false")
        assert page.value("document.documentElement.scrollWidth") <= 390


def test_a_report_is_printed_whole_and_without_code(report: Path, tmp_path: Path) -> None:
    record = read_run(report.parent)
    pdf = print_report(record).read_bytes()
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type /Page\b", pdf)) >= 4
    assert [path.name for path in report.parent.iterdir() if path.name.startswith(".")] == []
    with chromium(tmp_path / "profile") as page:
        page.call("Emulation.setEmulatedMedia", media="print")
        page.open(report.as_uri(), width=688)
        page.wait("document.readyState === 'complete'")
        assert page.value(
            "[...document.querySelectorAll('details.code')].every((each) => !each.offsetHeight)"
        )
        assert page.value("document.documentElement.scrollWidth") <= 688
        tallest = "Math.max(...[...document.querySelectorAll('figure img')].map((each) => each.offsetHeight))"
        assert page.value(tallest) < 1000, "a figure fits on a page"
