"""JupyterLab as a person has it: the tour runs, forms and screens answer, nobody outside is asked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.notebook import lab as labs
from tests.ui.browser import CHROMIUM, WHY_NOT, Page, chromium

ROOT = Path(__file__).parents[2]
RUN_S = 400.0
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=WHY_NOT)

HELPERS = (
    """
from omni_lab.execution import OMS
from omni_lab.notebook import form, ladder, orders, replay
from omni_lab.simulator import EventSimulator
from omni_lab.store import DuckDBStore
from omni_lab.strategies import MomentumStrategy
from omni_lab.ui import small_book
""",
    "form('backtest', symbol='IXIC')",
    """
oms = small_book(OMS)
mine = oms.submit('ABC', 'buy', 100, 99.98, account='me')
ladder(oms.book('ABC'), own=[mine])
""",
    "orders(oms, every_s=0.5)",
    """
store = DuckDBStore()
store.ingest('arch', progress=False)
replay(EventSimulator().run_backtest(MomentumStrategy({}), store.load('SPX')), at=300)
""",
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[labs.Lab]:
    served, private = tmp_path_factory.mktemp("served"), tmp_path_factory.mktemp("private")
    shutil.copytree(ROOT / "notebooks", served / "notebooks")
    write_helpers(served / "notebooks" / "helpers.ipynb")
    with labs.jupyterlab(served, private) as running:
        yield running


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("browser") / "profile") as opened:
        yield opened


def write_helpers(path: Path) -> None:
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    title = new_markdown_cell("# Helpers")  # type: ignore[no-untyped-call]
    code = [new_code_cell(source.strip()) for source in HELPERS]  # type: ignore[no-untyped-call]
    made = new_notebook(cells=[title, *code], metadata={"kernelspec": kernel})  # type: ignore[no-untyped-call]
    nbformat.write(made, path)  # type: ignore[no-untyped-call]


def says(text: str) -> str:
    return f"document.body.textContent.includes({text!r})"


def button(text: str) -> str:
    return (
        f"[...document.querySelectorAll('button.jupyter-button')].find(b => b.textContent.trim() == {text!r})"
    )


def field(name: str) -> str:
    rows = "[...document.querySelectorAll('.widget-hbox')]"
    return f"{rows}.find(r => r.firstElementChild?.textContent == {name!r})?.querySelector('input')"


def retype(page: Page, name: str, text: str) -> None:
    page.click(field(name))
    page.value(f"{field(name)}.select()")
    page.write(text)


def keep_pictures(page: Page, artefacts: Path, name: str) -> None:
    for theme in ("Dark", "Light"):
        labs.show_theme(page, theme)
        (artefacts / f"{name}_{theme.lower()}.png").write_bytes(page.picture())


def test_the_tour_runs_from_top_to_bottom(lab: labs.Lab, page: Page, artefacts: Path) -> None:
    labs.open_notebook(page, lab, "notebooks/00_tour.ipynb", height=5600)
    cells = labs.run_all(page, RUN_S)
    assert labs.errors_of(cells) == []
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    keep_pictures(page, artefacts, "tour")
    assert page.hosts == {lab.address.removeprefix("http://")}


def test_helpers_answer_clicks_and_keys(lab: labs.Lab, page: Page, artefacts: Path) -> None:
    labs.open_notebook(page, lab, "notebooks/helpers.ipynb", height=2600)
    assert labs.errors_of(labs.run_all(page, RUN_S)) == []

    # A wrong value is named beside its field, and cannot be run.
    retype(page, "lookback_period", "1")
    page.wait(says("1 is not at least 2 bars"))
    page.wait(f"{button('Run')}.disabled")
    keep_pictures(page, artefacts, "form_wrong")
    retype(page, "lookback_period", "200")
    page.wait(f"!{says('1 is not at least 2 bars')} && !{button('Run')}.disabled")
    page.wait(says("%omni_run backtest symbol=IXIC lookback_period=200"))

    # It runs, cell by cell, while the rest answers.
    page.click(button("Run"))
    page.wait("!!document.querySelector('progress')", RUN_S)
    page.wait(f"!{button('Cancel')}.disabled")

    # An order goes after the second click.
    page.value(
        """
        const is3 = o => o.text.startsWith("3:");
        const orders = [...document.querySelectorAll("select")].find(s => [...s.options].some(is3));
        orders.selectedIndex = [...orders.options].findIndex(is3);
        orders.dispatchEvent(new Event("change", {bubbles: true}));
        """
    )
    page.wait(f"!{button('Cancel it')}.disabled")
    page.click(button("Cancel it"))
    page.click(button("Yes, cancel"))
    page.wait(says("Order 3 was canceled."))
    page.wait(says("Orders: 8 of 8"))

    # The ladder shows whole levels instead of every order.
    drawn = "document.querySelectorAll('svg.omni-ladder rect').length"
    apart = page.value(drawn)
    page.click(
        "[...document.querySelectorAll('.widget-checkbox')].find(c => c.textContent.includes('Every order'))"
        "?.querySelector('input')"
    )
    page.wait(f"{drawn} != {apart}")

    # The slider walks through the backtest.
    page.wait(says("Step 300 of"))
    page.value("document.querySelector('.noUi-handle').focus()")
    page.press("ArrowRight")
    page.wait(says("Step 301 of"))

    page.wait(says("Total return"), RUN_S)
    page.wait(says("✓ succeeded"))
    keep_pictures(page, artefacts, "helpers")
    assert page.hosts == {lab.address.removeprefix("http://")}
