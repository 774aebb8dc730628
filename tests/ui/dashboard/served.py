"""The dashboard on a server of its own in a thread, as a gateway mounts it, and what a browser sees of it."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from panel.io.fastapi import add_applications

from omni_lab.system.people import LOCAL, Person
from omni_lab.system.services import Services
from omni_lab.ui.dashboard import dashboard_apps
from tests.ui.browser import Page

_PATIENCE_S = 30.0

# Panel keeps its elements in shadow trees, one inside the other.
EVERYTHING = """
    const everything = (function inside(root) {
        const found = [...root.querySelectorAll("*")];
        return found.concat(...found.filter(e => e.shadowRoot).map(e => inside(e.shadowRoot)));
    })(document);
    const all = (selector) => everything.filter(e => e.matches(selector));
    const one = (selector) => all(selector)[0];
    const box = (title) => one(`section.box[aria-label="${title}"]`);
    const said = (selector, text) => all(selector).find(e => e.textContent.includes(text));
"""


class Served:
    """A dashboard that is served.

    Attributes
    ----------
    services : Services
    url : str
        Of the first page.
    person : Person
        Who opens the next session.
    """

    def __init__(self, services: Services, url: str, person: Person = LOCAL) -> None:
        self.services = services
        self.url = url
        self.person = person

    def person_of(self, _: Mapping[str, str]) -> Person:
        """Who somebody is."""
        return self.person


@contextmanager
def serve(services: Services, apps: Mapping[str, Any] | None = None) -> Iterator[Served]:
    """The dashboard over these services, or other applications, on a free port, until the block ends."""
    # Ten lines a second for each screen, which pytest would keep.
    logging.getLogger("panel").setLevel(logging.WARNING)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    served = Served(services, f"http://127.0.0.1:{listening.getsockname()[1]}/dashboard")
    app = FastAPI()
    mounted: dict[str, Any] = dict(apps or dashboard_apps(services, served.person_of))
    add_applications(mounted, app=app)
    config = uvicorn.Config(app, log_level="warning", lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        wait(lambda: server.started)
        yield served
    finally:
        server.should_exit = True
        thread.join(timeout=_PATIENCE_S)
        listening.close()
        assert not thread.is_alive(), "the server did not stop"


def wait(happened: Callable[[], Any], patience_s: float = _PATIENCE_S) -> Any:
    """What a function gives as soon as that is something true."""
    deadline = time.monotonic() + patience_s
    while not (value := happened()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)
    return value


def script(body: str) -> str:
    """An expression over all elements of a page: ``all(selector)``, ``one``, ``box(title)``, ``said``."""
    return f"(() => {{ {EVERYTHING} return {body} }})()"


def go(page: Page, served: Served, slug: str, *, width: int = 1440, height: int = 900, **query: str) -> None:
    """Open a page of the dashboard, and wait until it is shown."""
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    page.open(f"{served.url}/{slug}?{asked}", width=width, height=height)
    page.wait(f"location.pathname.endsWith('/{slug}') && document.readyState == 'complete'")
    shown(page)


def shown(page: Page) -> None:
    """Wait until the page that was asked for is there."""
    page.wait("document.body && window.omni && !document.body.classList.contains('waiting')")


def says(page: Page, selector: str, text: str) -> Any:
    """Wait until an element says something; what it says."""
    found = f"said({json.dumps(selector)}, {json.dumps(text)})"
    return page.wait(script(f"({found} || {{}}).textContent"))


def click(page: Page, selector: str, text: str = "") -> None:
    """Click on the first element of a selector that says something."""
    found = f"said({json.dumps(selector)}, {json.dumps(text)})"
    page.click(script(found))


def rows_of(page: Page, title: str) -> list[list[str]]:
    """Cells of a table as they are read."""
    cells = "[...r.querySelectorAll('td')].map(c => c.textContent)"
    found: list[list[str]] = page.value(
        script(
            f"(b => b ? [...b.querySelectorAll('tbody tr')].map(r => {cells}) : [])(box({json.dumps(title)}))"
        )
    )
    return found


def complaints(page: Page) -> list[str]:
    """What the page wrote to the console, without what headless Chromium says of itself."""
    return [line for line in page.console if "WebGL" not in line]


def picture(page: Page, artefacts: Path, name: str) -> None:
    """Keep a picture of the window."""
    (artefacts / f"dashboard-{name}.png").write_bytes(page.picture())


def accessibility(page: Page) -> list[str]:
    """What axe-core finds that is serious, of the rules of WCAG 2.2 A and AA, as rule and element."""
    if not page.value("Boolean(window.axe)"):
        page.value(resources.files("axe_core_python").joinpath("axe.min.js").read_text() + ";0")
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    options = json.dumps({"runOnly": {"type": "tag", "values": tags}, "resultTypes": ["violations"]})
    found = page.value(
        f"axe.run(document, {options}).then(r => JSON.stringify(r.violations"
        ".filter(v => v.impact === 'serious' || v.impact === 'critical')"
        ".flatMap(v => v.nodes.map(n => `${v.id}: ${n.html.slice(0, 160)} ${n.failureSummary || ''}`))))"
    )
    complaints: list[str] = json.loads(found)
    return complaints
