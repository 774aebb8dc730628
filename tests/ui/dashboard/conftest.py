"""One paper system, one server and one browser for the modules that look at pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from omni_lab.config import Settings
from omni_lab.system import SystemConfig
from omni_lab.system.people import LOCAL
from omni_lab.system.services import Services, open_services
from tests.ui.browser import CHROMIUM, WHY_NOT, Page, chromium
from tests.ui.dashboard.served import Served, serve


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A paper system on a synthetic market, with a home of its own."""
    home = tmp_path_factory.mktemp("dashboard")
    settings = Settings(data_dir=home)
    with open_services(SystemConfig(name="shown", symbols=("AAPL", "MSFT")), settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def served(services: Services) -> Iterator[Served]:
    """The dashboard over the module's services."""
    with serve(services) as server:
        yield server


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A browser for all modules."""
    if CHROMIUM is None:
        pytest.skip(WHY_NOT)
    with chromium(Path(tmp_path_factory.mktemp("browser")) / "profile") as page:
        yield page


@pytest.fixture
def page(browser: Page, served: Served) -> Iterator[Page]:
    """The browser with an empty console; whoever changed the person gets the local one back."""
    browser.console.clear()
    browser.hosts.clear()
    yield browser
    served.person = LOCAL
    browser.call("Page.navigate", url="about:blank")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Panel asks Tornado in words that it is about to forget; the server's thread is heard here too."""
    item.add_marker(pytest.mark.filterwarnings("ignore:.*HTTPServerRequest:DeprecationWarning"))
    # A part that came after the page tells of itself whole, to a server that knows it; Panel silences it too.
    item.add_marker(pytest.mark.filterwarnings("ignore:reference already known"))
