"""What Prometheus scrapes is what happened: requests and sockets, orders, account; and who may scrape."""

import time
from datetime import timedelta

import pytest
from websockets.sync.client import connect

from omni_lab.errors import OmniError
from omni_lab.gateway.metrics import Metrics
from omni_lab.system import LOCAL, Services, Ticket
from omni_lab.system.people import Action
from tests.gateway.monitoring.scraping import Samples, of, read
from tests.gateway.rest.serving import Gateway


def scrape(gateway: Gateway) -> Samples:
    answer = gateway.client.get("/metrics", headers=gateway.headers("viewer"))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return read(answer.text)


def grown(before: Samples, after: Samples, name: str, **labels: str) -> float:
    return of(after, name, **labels) - of(before, name, **labels)


def test_requests_are_counted_by_template_method_and_class(guarded: Gateway) -> None:
    before = scrape(guarded)
    trader, client = guarded.headers("trader"), guarded.client
    for number in (1, 2, 3):
        assert client.get(f"/api/v1/orders/{10**9 + number}", headers=trader).status_code == 404
    assert client.get("/api/v1/system", headers=trader).status_code == 200
    assert client.get("/api/v1/system").status_code == 401
    assert client.get("/nowhere/at/all", headers=trader).status_code == 404
    assert client.request("BREW", "/api/v1/system", headers=trader).status_code >= 400
    after = scrape(guarded)
    name = "omni_http_requests_total"
    assert grown(before, after, name, route="/api/v1/orders/{order_id}", method="GET", status="4xx") == 3
    assert grown(before, after, name, route="/api/v1/system", method="GET", status="2xx") == 1
    assert grown(before, after, name, route="refused", method="GET", status="4xx") == 1
    assert grown(before, after, name, route="unmatched", method="GET", status="4xx") == 1
    assert not [each for each in after if "BREW" in str(each) or "nowhere" in str(each)]
    counted = "omni_http_request_duration_seconds_count"
    assert grown(before, after, counted, route="/api/v1/orders/{order_id}", method="GET") == 3
    assert of(after, "omni_http_requests_in_progress") == 1, "this scrape"


def test_sockets_are_counted_while_they_are_open(guarded: Gateway) -> None:
    before = scrape(guarded)
    url = guarded.url.replace("http", "ws") + "/ws/system"
    with connect(url, additional_headers=guarded.headers("viewer")) as socket:
        socket.recv(timeout=10)
        socket.send("{}")
        socket.recv(timeout=10)
        amid = scrape(guarded)
        assert grown(before, amid, "omni_sockets", route="/ws/system") == 1
        assert (
            grown(before, amid, "omni_socket_messages_total", route="/ws/system", direction="received") == 1
        )
        assert grown(before, amid, "omni_socket_messages_total", route="/ws/system", direction="sent") >= 2
    until = time.monotonic() + 10
    while grown(before, scrape(guarded), "omni_sockets", route="/ws/system"):
        assert time.monotonic() < until


def test_the_system_is_told_as_it_is(guarded: Gateway, services: Services) -> None:
    system, symbol = services.system, services.system.status().symbols[0]
    before = scrape(guarded)
    ask = system.book(symbol).depth(1).ask_price[0]
    filled = system.submit(
        Ticket(symbol=symbol, side="BUY", qty=100, price=ask + 1, time_in_force="IOC"), who=LOCAL
    )
    assert filled.cum_qty > 0
    refused = system.submit(Ticket(symbol=symbol, side="BUY", qty=5_000, price=1.0), who=LOCAL)
    assert refused.reason == "ORDER_SIZE"
    until = time.monotonic() + 10
    while not grown(before, after := scrape(guarded), "omni_order_rejects_total", reason="ORDER_SIZE"):
        assert time.monotonic() < until
    account, status = system.account(), system.status()
    assert of(after, "omni_position_quantity", symbol=symbol) == filled.cum_qty
    assert of(after, "omni_account_exposure", kind="net") == pytest.approx(account.net, rel=0.05)
    assert of(after, "omni_fills_total") == status.n_fills > 0
    assert of(after, "omni_orders_total") == status.n_orders
    assert of(after, "omni_system_state", state="RUNNING") == 1
    assert 0 <= of(after, "omni_feed_age_seconds") < 10
    assert 0 <= of(after, "omni_limit_used_ratio", check="DAILY_LOSS") < 1
    assert of(after, "omni_oms_command_seconds", stage="total", quantile="0.99") > 0
    assert of(after, "omni_journal_frames_total") >= of(before, "omni_journal_frames_total") + 2
    assert of(after, "omni_disk_free_bytes") > 0
    assert {of(after, "omni_scrape_failures_total", part=part) for part in ("system", "limits", "disk")} == {
        0
    }


def test_a_key_that_may_only_read_scrapes_and_nobody_else(guarded: Gateway) -> None:
    assert guarded.client.get("/metrics").status_code == 401
    key, _ = guarded.security.keys.make("admin", label="prometheus", scopes=[Action.READ])
    for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}):
        answer = guarded.client.get("/metrics", headers=headers)
        assert answer.status_code == 200, answer.text
        assert key not in answer.text


def test_a_part_that_cannot_be_looked_at_is_counted_and_the_others_are_told(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> object:
        raise OmniError("gone")

    metrics = Metrics(services)
    monkeypatch.setattr(services.system, "journal", away)
    found = read(metrics.page().decode())
    assert of(found, "omni_scrape_failures_total", part="journal") == 1
    assert of(found, "omni_system_state", state="RUNNING") == 1
    assert ("omni_journal_bytes", frozenset()) not in found


def test_labels_cannot_grow_without_end() -> None:
    metrics = Metrics()
    for number in range(2_000):
        metrics.requests.count(f"/r/{number}", f"M{number}", 200, 0.001)
    found = read(metrics.page().decode())
    routes = {dict(labels)["route"] for name, labels in found if name == "omni_http_requests_total"}
    methods = {dict(labels)["method"] for name, labels in found if name == "omni_http_requests_total"}
    assert len(routes) == 401
    assert methods == {"other"}
    assert of(found, "omni_http_requests_total", route="other", method="other", status="2xx") == 1_600


def test_two_applications_of_a_process_do_not_mix() -> None:
    one, other = Metrics(), Metrics()
    one.requests.count("/a", "GET", 200, timedelta(milliseconds=3).total_seconds())
    labels = {"route": "/a", "method": "GET", "status": "2xx"}
    assert of(read(one.page().decode()), "omni_http_requests_total", **labels) == 1
    assert of(read(other.page().decode()), "omni_http_requests_total", **labels) == 0
