"""The film on a Panel server as a browser sees it: drawn, walked through by keyboard, asking nobody else."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from omni_lab.figures.theme import LIGHT
from omni_lab.typing import IntArray
from tests.ui.browser import CHROMIUM, WHY_NOT, Page, chromium

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=WHY_NOT)

# Panel keeps its elements in shadow trees, one inside the other.
EVERYTHING = """
    const everything = (function inside(root) {
        const found = [...root.querySelectorAll("*")];
        return found.concat(...found.filter(e => e.shadowRoot).map(e => inside(e.shadowRoot)));
    })(document);
"""

DEEPEST = (
    "(e => { while (e.shadowRoot && e.shadowRoot.activeElement) e = e.shadowRoot.activeElement; return e; })"
)
DEEPEST += "(document.activeElement)"


def script(body: str) -> str:
    return f"(() => {{ {EVERYTHING} return {body} }})()"


def frame(number: int) -> str:
    return script(
        f"everything.some(e => e.className == 'soft' && e.textContent.startsWith('Frame {number} of'))"
    )


@contextmanager
def served(theme: str) -> Iterator[str]:
    """Address of a server of its own."""
    command = [sys.executable, "-m", "tests.ui.serve", theme]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            assert port.isdigit(), server.stderr.read() if server.stderr else port
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.terminate()
            server.wait(timeout=30)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with served("light") as address, chromium(tmp_path_factory.mktemp("browser") / "profile") as page:
        page.open(address)
        page.wait(frame(9))
        yield page


def focus(page: Page, what: str) -> None:
    assert page.wait(script(f"(e => e && (e.focus(), true))(everything.find(e => {what}))"))


def pixels(page: Page) -> IntArray:
    return np.asarray(Image.open(io.BytesIO(page.picture())).convert("RGB")).astype(np.int64)


def share(pixels: IntArray, colour: str) -> float:
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return float((np.abs(pixels - rgb).max(axis=2) < 3).mean())


def test_the_book_is_drawn_in_both_colours(page: Page) -> None:
    seen = pixels(page)
    assert share(seen, LIGHT.buy) > 0.0005
    assert share(seen, LIGHT.sell) > 0.0005
    assert page.value(script("everything.filter(e => e.tagName == 'rect').length")) > 8


def test_the_player_is_reached_and_used_by_keyboard(page: Page) -> None:
    reached = "(e => e && e.tagName == 'BUTTON')(" + DEEPEST + ")"
    for _ in range(12):
        page.press("Tab")
        if page.value(reached):
            break
    assert page.value(reached)
    outline = page.value(f"getComputedStyle({DEEPEST}).outlineStyle")
    assert outline != "none"
    focus(page, "e.tagName == 'BUTTON' && e.className.includes('next')")
    page.press("Enter")
    assert page.wait(frame(10))
    focus(page, "e.tagName == 'INPUT' && e.type == 'range'")
    page.press("ArrowLeft")
    assert page.wait(frame(9))


def test_an_order_is_followed(page: Page) -> None:
    page.value(
        script(
            """(e => {
                e.focus(); e.value = '3';
                e.dispatchEvent(new Event('input', {bubbles: true}));
                e.dispatchEvent(new Event('change', {bubbles: true}));
            })(everything.find(e => e.tagName == 'INPUT' && e.type != 'range' && e.type != 'checkbox'))"""
        )
    )
    page.wait(script("everything.some(e => e.tagName == 'text' && e.textContent.includes('ahead'))"))
    focus(page, "e.tagName == 'BUTTON' && e.textContent.includes('Next event')")
    page.press("Enter")
    assert page.wait(frame(14))


def test_nobody_else_is_asked_and_nothing_is_complained(page: Page) -> None:
    assert all(host.startswith("127.0.0.1:") for host in page.hosts)
    assert [line for line in page.console if "WebGL" not in line] == []


def test_it_fits_a_narrow_screen_and_a_dark_one(tmp_path: Path) -> None:
    with served("dark") as address, chromium(tmp_path / "profile") as page:
        page.open(address, width=390, height=900)
        page.wait(frame(9))
        # Tables scroll by themselves; the page does not.
        assert page.value("document.documentElement.scrollWidth") <= 390
        light = page.value(script("getComputedStyle(everything.find(e => e.className == 'said')).color"))
        assert min(int(part) for part in re.findall(r"\d+", light)[:3]) > 180
