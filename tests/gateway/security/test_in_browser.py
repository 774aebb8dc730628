"""The door as a browser sees it, with the dashboard behind it: what is served, allowed, and refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from omni_lab.config import Settings
from omni_lab.gateway.settings import GatewaySettings
from omni_lab.system import SystemConfig
from omni_lab.system.services import open_services
from tests.gateway.rest.serving import PASSWORD, Gateway, serving
from tests.ui.browser import CHROMIUM, WHY_NOT, Page, chromium
from tests.ui.dashboard.served import accessibility

pytestmark = pytest.mark.filterwarnings("ignore:.*HTTPServerRequest:DeprecationWarning")

DARK = [{"name": "prefers-color-scheme", "value": "dark"}]
LIGHT = [{"name": "prefers-color-scheme", "value": "light"}]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    pytest.importorskip("panel", reason="install the extra that holds it: pip install 'omni-lab[dashboard]'")
    home = tmp_path_factory.mktemp("door")
    config = SystemConfig(name="door", symbols=("AAPL",))
    with (
        open_services(config, Settings(data_dir=home)) as services,
        serving(services, home, GatewaySettings(port=0, users=True)) as made,
    ):
        made.people()
        yield made


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip(WHY_NOT)
    with chromium(tmp_path_factory.mktemp("browser") / "profile") as opened:
        yield opened


def fill(page: Page, **fields: str) -> None:
    for name, text in fields.items():
        page.click(f"document.getElementById('{name}')")
        page.value(f"document.getElementById('{name}').select()")
        page.write(text)
    page.press("Enter")


def test_a_person_signs_in_works_and_signs_out(gateway: Gateway, page: Page, artefacts: Path) -> None:
    page.open(f"{gateway.url}/dashboard/orders?theme=dark", width=1024, height=768)
    page.wait("location.pathname === '/login' && document.readyState === 'complete'")
    for name, scheme in (("dark", DARK), ("light", LIGHT)):
        page.call("Emulation.setEmulatedMedia", features=scheme)
        assert accessibility(page) == []
        (artefacts / f"login-{name}.png").write_bytes(page.picture())
    assert [said for said in page.console if "favicon" not in said] == []
    fill(page, username="trader", password="not this one")
    page.wait("Boolean(document.getElementById('wrong'))")
    page.open(page.value("location.href"), width=390, height=800)
    page.console.clear()
    page.wait("document.readyState === 'complete' && Boolean(document.getElementById('username'))")
    assert page.value("document.documentElement.scrollWidth") <= 390
    fill(page, username="trader", password=PASSWORD)
    page.wait("location.pathname.startsWith('/dashboard') && Boolean(window.Bokeh?.documents?.length)")
    page.wait("document.readyState === 'complete'")
    assert page.hosts == {gateway.url.removeprefix("http://")}
    assert "omni" not in page.value("document.cookie")
    assert "eyJhbGciOiJIUzI1NiIsImtpZCI6" not in page.value("document.documentElement.outerHTML")
    # What the policy forbids is told on the console, and so is every script that does not load.
    refused = [said for said in page.console if "Content Security Policy" in said or "Refused" in said]
    assert refused == []
    page.open(f"{gateway.url}/dashboard/risk", width=1024, height=768)
    page.wait("location.pathname === '/dashboard/risk' && Boolean(document.querySelector('.leave'))")
    page.click("document.querySelector('.leave')")
    page.wait("location.pathname === '/logout' && Boolean(document.querySelector('button'))")
    assert accessibility(page) == []
    page.press("Enter")
    page.wait("location.pathname === '/login' && document.body?.textContent.includes('signed out')")
    page.open(f"{gateway.url}/dashboard")
    page.wait("location.pathname === '/login'")


def cookie_of(gateway: Gateway, name: str) -> str:
    cookie, _ = gateway.security.tokens.begin_browser(gateway.security.users.get(name))
    return f"omni={cookie}"


def socket_of_panel(
    gateway: Gateway, token: str, origin: str | None, headers: dict[str, str]
) -> ClientConnection:
    return connect(
        gateway.url.replace("http://", "ws://") + "/dashboard/ws",
        origin=None if origin is None else Origin(origin),
        subprotocols=[Subprotocol("bokeh"), Subprotocol(token)],
        additional_headers=headers,
    )


def everything(socket: ClientConnection) -> None:
    while True:
        socket.recv(timeout=20)


def test_panels_own_socket_opens_for_our_pages_alone(gateway: Gateway) -> None:
    good = cookie_of(gateway, "viewer")
    page = gateway.client.get("/dashboard", headers={"cookie": good})
    assert page.status_code == 200
    token = page.text.split('"token":"')[1].split('"')[0]
    refused: list[tuple[str | None, dict[str, str]]] = [
        ("http://evil.example", {"Cookie": good}),
        (gateway.url.replace("127.0.0.1", "localhost"), {"Cookie": good}),
        ("null", {"Cookie": good}),
        (None, {"Cookie": good}),
        (gateway.url, {}),
        (gateway.url, {"Cookie": "omni=x"}),
        ("http://evil.example", gateway.headers("viewer")),
    ]
    for origin, headers in refused:
        with pytest.raises(InvalidStatus) as answer:
            socket_of_panel(gateway, token, origin, headers)
        assert answer.value.response.status_code == 403
    with socket_of_panel(gateway, token, gateway.url, {"Cookie": good}) as socket:
        assert "ACK" in str(socket.recv(timeout=20))
        gateway.security.users.set_active("viewer", False)
        with pytest.raises(ConnectionClosed) as closed:
            everything(socket)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
    gateway.security.users.set_active("viewer", True)
