"""Watching a market costs no memory: a server that somebody watches beside one that nobody does."""

import time
import tracemalloc
from pathlib import Path

from omni_lab.ui.dashboard.depths import KEPT, STEP_MS, Depths
from tests.gateway.process import Process, serving
from tests.lengths import LONG
from tests.ui.browser import Page
from tests.ui.dashboard.served import complaints, script, shown

SETTLED_S, WATCHED_S, MOST = (480, 600, 2 * 2**20) if LONG else (2, 4, 4 * 2**20)


def look(page: Page, gateway: Process) -> None:
    """Open the page of a market, and see its ladder."""
    page.open(f"{gateway.url}/dashboard/market?symbol=AAA", width=1440, height=900)
    shown(page)
    page.wait(script("box('Ladder').querySelector('tr.bid').dataset.price"))


def test_a_quarter_of_an_hour_of_depth_is_small_and_stays_so() -> None:
    book = {
        "bids": {f"{100 - n}": 10.0 * n for n in range(10)},
        "asks": {f"{101 + n}": 5.0 for n in range(10)},
    }
    depths = Depths()
    tracemalloc.start()
    try:
        for n in range(2 * KEPT):
            depths.sample(book, STEP_MS * n)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2 * 2**20
    assert len(depths.since(None)) == KEPT
    (last,) = depths.since(STEP_MS * (2 * KEPT - 2))
    assert last["t"] == STEP_MS * (2 * KEPT - 1)
    assert last["levels"][:2] == [[100.0, 0.0], [99.0, 10.0]]
    assert last["levels"][-1] == [110.0, 5.0]


def test_watching_a_market_costs_no_memory(browser: Page, tmp_path: Path) -> None:
    homes = [tmp_path / name for name in ("watched", "alone")]
    for home in homes:
        home.mkdir()
    with serving(homes[0]) as watched, serving(homes[1]) as alone:
        # Both have had somebody, so that they have the same imported.
        look(browser, alone)
        look(browser, watched)
        browser.console.clear()
        time.sleep(SETTLED_S)
        sizes = [(watched.n_bytes, alone.n_bytes)]
        for _ in range(10):
            time.sleep(WATCHED_S / 10)
            sizes.append((watched.n_bytes, alone.n_bytes))
        browser.wait(script("box('Ladder').querySelector('tr.bid').dataset.price"))
        assert complaints(browser) == []
        browser.call("Page.navigate", url="about:blank")
    grown = [last - first for first, last in zip(sizes[0], sizes[-1], strict=True)]
    print(f"MB: {[[round(n / 2**20, 1) for n in each] for each in sizes]}")
    # One that has run for a while does not grow, watched or not; one that has just begun still warms up.
    assert (grown[0] if LONG else grown[0] - grown[1]) < MOST, sizes
