"""What means harm is refused, tells nothing of the inside, and leaves the gateway alive."""

import json
import re
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.gateway.rest.conftest import House
from tests.gateway.rest.serving import Gateway
from tests.gateway.rest.test_trading import API, get

CLIMBS = [
    "..",
    "../../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "..\\..\\etc\\passwd",
    "....//....//etc/passwd",
    "%252e%252e%252fetc%252fpasswd",
    "/etc/passwd",
    "a%00b",
    "run.json",
    "",
]
PLACES = [
    "/api/v1/runs/{}",
    "/api/v1/runs/{}/notebook",
    "/api/v1/runs/{}/report",
    "/api/v1/runs/{}/log",
    "/api/v1/data/datasets/{}",
    "/api/v1/backtest/{}/result",
    "/api/v1/schedules/{}",
    "/static/{}",
    "/{}",
]


def raw(gateway: Gateway, path: str) -> tuple[int, bytes]:
    """A request whose path is sent as it is, which no client of ours would do."""
    place = urlsplit(gateway.url)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=10) as line:
        line.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\n\r\n".encode("latin-1")
        )
        answer = b""
        while part := line.recv(65536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body


@pytest.mark.parametrize("place", PLACES)
def test_no_path_leads_out(gateway: Gateway, place: str) -> None:
    for climb in CLIMBS:
        status, body = raw(gateway, place.format(climb))
        assert status in (400, 404, 405, 422) or (climb, place) in {
            ("", "/{}"),
            ("run.json", "/api/v1/runs/{}"),
        }, (
            climb,
            status,
        )
        assert b"root:" not in body
    for climb in CLIMBS:
        answer = gateway.client.get(f"{API}/runs/diff", params={"a": climb, "b": climb})
        assert answer.status_code in (404, 422)
        answer = gateway.client.get(f"{API}/data/bars", params={"symbol": climb or "x"})
        assert answer.status_code in (404, 422)


def test_a_body_that_is_too_large_is_refused_before_it_is_read(gateway: Gateway) -> None:
    large = b'{"why": "' + b"x" * 1_200_000 + b'"}'
    headers = {"Content-Type": "application/json"}
    answer = gateway.client.post(f"{API}/risk/kill", content=large, headers=headers)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"

    def parts() -> Any:
        for start in range(0, len(large), 50_000):
            yield large[start : start + 50_000]

    try:
        answer = gateway.client.post(f"{API}/risk/kill", content=parts(), headers=headers)
        assert answer.status_code == 413
    except httpx.TransportError:
        pass  # it was cut off while it still sent
    assert get(gateway, "/risk")["halted"] == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"symbol": "AAA", "side": "BUY", "qty": NaN}',
        b'{"symbol": "AAA", "side": "BUY", "qty": Infinity}',
        b'{"symbol": "AAA", "side": "BUY", "qty": 1e400}',
        b'{"symbol": "AAA", "side": "BUY", "qty": "5"}',
        b'{"symbol": "AAA", "side": "BUY", "qty": true}',
        b'{"symbol": "AAA", "side": "BUY", "qty": -5}',
        b'{"symbol": "AAA", "side": "BUY", "qty": 1, "admin": true}',
        b'{"symbol": "AAA", "side": "BUY", "qty": 1, "terms": {"account": "street"}}',
        b'{"symbol": "\\ud800", "side": "BUY", "qty": 1}',
        b'{"symbol": "A\x00A", "side": "BUY", "qty": 1}',
        b'{"symbol": "\xff\xfe", "side": "BUY", "qty": 1}',
        b"[" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    ],
)
def test_a_strange_body_is_a_problem_and_no_order(gateway: Gateway, body: bytes) -> None:
    n_orders = gateway.services.system.status().n_orders
    for path in ("/orders", "/orders/preview"):
        answer = gateway.client.post(API + path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (404, 422), answer.text
        assert answer.json()["title"]
    assert gateway.services.system.status().n_orders == n_orders


def test_a_header_that_is_no_key_is_refused(gateway: Gateway) -> None:
    for key in (b"", b"x" * 65, b"a b", b"a\tb", b"\xfc"):
        headers = {b"Idempotency-Key": key, b"Content-Type": b"application/json"}
        answer = gateway.client.post(f"{API}/risk/reset", content=b'{"why": "nothing"}', headers=headers)
        assert answer.status_code == 422, key
    for wanted, told in (("a-b.c_1", True), ("x" * 65, False), ("a b", False)):
        answer = gateway.client.get("/health/live", headers={"X-Request-ID": wanted})
        assert (answer.headers["x-request-id"] == wanted) is told


def test_an_error_tells_nothing_of_the_inside(
    gateway: Gateway, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "postgresql+psycopg://desk:hunter2@db.internal/omni and /var/lib/omni/secret.key"

    def fails() -> None:
        raise RuntimeError(secret)

    monkeypatch.setattr(gateway.services.system, "status", fails)
    answer = gateway.client.get(f"{API}/system")
    assert answer.status_code == 500
    problem = answer.json()
    assert problem["detail"] == "something went wrong here"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert "hunter2" not in answer.text
    assert answer.headers["content-security-policy"]
    monkeypatch.undo()
    inside = (str(house.services.settings.data_dir), "site-packages", "Traceback", "hunter2", "sqlite:")
    for method, path, body in (
        ("GET", f"{API}/runs/nothing", None),
        ("GET", f"{API}/data/bars?symbol=nothing", None),
        ("GET", f"{API}/data/coverage?symbol=AAA&calendar=NOWHERE", None),
        ("POST", f"{API}/backtest", {"pipeline": "nothing"}),
        ("POST", f"{API}/backtest", {"pipeline": "backtest", "parameters": {"x": 1}}),
        ("POST", f"{API}/schedules", {"name": "a", "runs": "nothing", "cron": "* * * * *"}),
        ("GET", f"{API}/backtest/nothing", None),
        ("GET", f"{API}/system/journal", None),
    ):
        answer = gateway.client.request(method, path, json=body)
        assert not [each for each in inside if each in answer.text], (path, answer.text)


def test_what_is_asked_of_a_path_that_has_other_ways_is_told_them_all(gateway: Gateway) -> None:
    answer = gateway.client.put(f"{API}/orders", json={})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "DELETE, GET, POST"
    assert json.loads(answer.content)["status"] == 405


def test_what_would_be_passed_over_in_silence_is_refused(gateway: Gateway) -> None:
    document = gateway.client.get(f"{API}/openapi.json").json()
    guarded = [
        (
            re.sub(r"{\w+}", "1", path),
            [each["name"] for each in operation.get("parameters", []) if each["in"] == "query"],
        )
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method == "get" and operation["x-action"] != "none"
    ]
    assert len(guarded) > 20
    for path, known in guarded:
        answer = gateway.client.get(path, params={**dict.fromkeys(known, "1"), "adjustd": "true"})
        assert answer.status_code == 422, path
        assert answer.json() | {"found": "adjustd", "where": "query"} == answer.json(), path
        assert all(name in answer.json()["expected"] for name in known), path
        for name in known:
            answer = gateway.client.get(path, params=[(name, "1"), (name, "2")])
            assert (answer.status_code, answer.json()["found"]) == (422, name), path
            answer = gateway.client.get(path, params={name: "1"})
            assert "parameter" not in answer.json().get("detail", ""), (path, answer.text)


def test_a_symbol_longer_than_a_file_name_may_be_is_not_found(gateway: Gateway) -> None:
    for path in ("bars", "coverage"):
        answer = gateway.client.get(f"{API}/data/{path}", params={"symbol": "\u0939" * 60})
        assert answer.status_code == 404, answer.text
