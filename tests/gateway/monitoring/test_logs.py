"""A log of one JSON object a line: whose request it was, and never a secret."""

import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest
from websockets.sync.client import connect

from omni_lab.gateway.logs import Asked, JsonFormatter, asked_now, configure_logging
from tests.gateway.rest.serving import PASSWORD, Gateway


@pytest.fixture
def log() -> Iterator[StringIO]:
    """What the process logs; as before afterwards."""
    root = logging.getLogger()
    theirs = logging.getLogger("uvicorn.access")
    before, level, disabled = [*root.handlers], root.level, theirs.disabled
    written = StringIO()
    configure_logging(stream=written)
    yield written
    root.handlers[:] = before
    root.setLevel(level)
    theirs.disabled = disabled


def lines(log: StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_a_request_is_one_line_with_who_asked_and_its_id(guarded: Gateway, log: StringIO) -> None:
    headers = guarded.headers("trader") | {"X-Request-ID": "my-request.1"}
    guarded.client.get("/api/v1/orders/1000000001?note=private", headers=headers)
    guarded.client.get("/api/v1/system?token=private")
    found = [line for line in lines(log) if line["logger"] == "omni_lab.gateway.access"]
    assert set(found[0]) >= {"ts", "level", "logger", "event", "request_id", "person"}
    asked = {line["request_id"]: line for line in found}["my-request.1"]
    assert (asked["route"], asked["status"], asked["person"]) == ("/api/v1/orders/{order_id}", 422, "trader")
    refused = next(line for line in found if line["status"] == 401)
    assert (refused["route"], refused["path"], refused["person"]) == ("refused", "/api/v1/system", "")
    assert refused["request_id"]
    assert "private" not in str(found)


def test_a_socket_is_one_line_when_it_ends(guarded: Gateway, log: StringIO) -> None:
    url = guarded.url.replace("http", "ws") + "/ws/account"
    with connect(url, additional_headers=guarded.headers("viewer")) as socket:
        socket.recv(timeout=10)
    for _ in range(200):
        found = [line for line in lines(log) if line.get("route") == "/ws/account"]
        if found:
            break
        guarded.client.get("/health/live")
    assert [(line["method"], line["person"], line["status"]) for line in found] == [
        ("SOCKET", "viewer", 1000)
    ]


def test_what_is_logged_for_a_request_has_its_id(log: StringIO) -> None:
    asked = Asked()
    asked.request_id, asked.person = "abc", "ada"
    token = asked_now.set(asked)
    try:
        logging.getLogger("anything").warning("said %s", "so", extra={"n": 3, "person": "somebody else"})
        try:
            raise ValueError("why")
        except ValueError:
            logging.getLogger("anything").exception("failed")
    finally:
        asked_now.reset(token)
    said, failed = lines(log)
    assert (said["event"], said["request_id"], said["person"], said["n"]) == ("said so", "abc", "ada", 3)
    assert "ValueError: why" in str(failed["exception"])
    assert log.getvalue().count("\n") == 2


def test_no_secret_is_written(guarded: Gateway, log: StringIO) -> None:
    token = guarded.token("admin")
    key, _ = guarded.security.keys.make("admin", label="x")
    logging.getLogger("uvicorn.error").error("header Authorization: Bearer %s", token)
    logging.getLogger("anything").error("%s", {"password": PASSWORD, "key": key}, extra={"api_key": key})
    try:
        raise RuntimeError(f"cannot reach https://ada:{PASSWORD.split()[0]}@example.org")
    except RuntimeError:
        logging.getLogger("anything").exception("away")
    for way in (f"/api/v1/{token}", f"/api/v1/{key}"):
        guarded.client.get(way, headers={"Authorization": f"Bearer {token}", "Cookie": f"omni={token}"})
        guarded.client.get(way)
    assert len(lines(log)) >= 7
    for secret in (token, key, PASSWORD, "ada:correct"):
        assert secret not in log.getvalue()


def test_a_line_is_a_line_whatever_is_in_it(log: StringIO) -> None:
    odd = {"odd": object(), "deep": {1: {2, 3}}}
    record = logging.getLogger("any").makeRecord(
        "a\nb", logging.ERROR, "f", 1, "two\nlines \x00 \ud800", (), None, extra=odd
    )
    # Not to all handlers: those of pytest cannot send half a character to its main process.
    next(h for h in logging.getLogger().handlers if isinstance(h.formatter, JsonFormatter)).handle(record)
    assert len(lines(log)) == 1
