"""Every route and socket, for every role, with every kind of bad credential: made from the application."""

import base64
import hashlib
import hmac
import json
import re
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from omni_lab.gateway.routing import ANYBODY
from omni_lab.gateway.security.doorway import OPEN
from omni_lab.system.people import ALLOWED, Action, Role
from tests.gateway.rest.serving import PASSWORD, Gateway

SAFE = ("GET", "HEAD")
FOREIGN = {"Origin": "https://elsewhere.example"}
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def routes(gateway: Gateway) -> list[tuple[str, str, str | None]]:
    """Method, address and action of every route; what stands for ids is an id that nothing has."""
    found = []
    for (method, template), action in gateway.app.state.actions.items():
        path = re.sub(r"\{(order_id|job_id|number|n)[^}]*\}", "999999999", template)
        found.append((method, re.sub(r"\{[^}]*\}", "none-of-ours", path), action))
    return found


def requests(gateway: Gateway) -> list[tuple[str, str, str | None]]:
    return [each for each in routes(gateway) if each[0] != "SOCKET"]


def encoded(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def by_hand(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    """A token signed with HMAC-SHA256, whatever its header says."""
    signed = f"{encoded(header)}.{encoded(claims)}"
    made = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


def bad_tokens(gateway: Gateway, name: str) -> dict[str, str]:
    """Tokens that must let nobody in, by what is wrong with them."""
    good = gateway.token(name)
    header, claims = jwt.get_unverified_header(good), jwt.decode(good, options={"verify_signature": False})
    secret = gateway.security.directory.now.signing[header["kid"]]
    assert jwt.decode(by_hand(header, claims, _bytes(secret)), secret, ["HS256"], audience=claims["aud"])
    past = claims | {"iat": 1, "nbf": 1, "exp": int(time.time()) - 1}
    public = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    revoked = gateway.token(name)
    gateway.security.tokens.end(jwt.decode(revoked, options={"verify_signature": False})["sid"])
    pair = gateway.security.tokens.begin(gateway.security.users.get(name))
    for expected in (200, 401):
        answer = gateway.client.post("/api/v1/auth/refresh", json={"refresh_token": pair.refresh})
        assert answer.status_code == expected, answer.text
    head, body, signature = good.split(".")
    return {
        "expired": by_hand(header, past, _bytes(secret)),
        "not yet": by_hand(header, claims | {"nbf": int(time.time()) + 900}, _bytes(secret)),
        "forged": f"{head}.{body}.{signature[:-8]}{'A' * 8}",
        "promoted": f"{head}.{encoded(claims | {'role': 'admin', 'sub': 'admin'})}.{signature}",
        "another's key": by_hand(header, claims, b"k" * 64),
        "alg none": f"{encoded(header | {'alg': 'none'})}.{body}.",
        "alg None, signed": by_hand(header | {"alg": "None"}, claims, _bytes(secret)),
        "RS256": jwt.encode(claims, RSA, "RS256", headers={"kid": header["kid"], "typ": header["typ"]}),
        "key confusion": by_hand(header, claims, public),
        "a browser's": gateway.security.tokens.begin_browser(gateway.security.users.get(name))[0],
        "another audience": by_hand(header, claims | {"aud": "elsewhere"}, _bytes(secret)),
        "revoked": revoked,
        "replayed": pair.access,
        "no token": "x",
    }


def _bytes(secret: Any) -> bytes:
    return secret if isinstance(secret, bytes) else str(secret).encode()


def test_every_route_says_what_it_needs(gateway: Gateway) -> None:
    silent = [f"{method} {path}" for method, path, action in routes(gateway) if action is None]
    assert not silent
    open_to_all = {path for method, path, action in routes(gateway) if action == ANYBODY}
    assert open_to_all <= OPEN
    document = gateway.client.get("/api/v1/openapi.json").json()
    told = {(method.upper(), path) for path, each in document["paths"].items() for method in each}
    # The document itself is not in the document.
    untold = {path for method, path in gateway.app.state.actions if method != "SOCKET"} - {p for _, p in told}
    assert untold == {"/api/v1/openapi.json", "/login", "/setup", "/logout"}


@pytest.mark.parametrize("role", list(Role))
def test_a_route_lets_in_exactly_the_roles_that_may(guarded: Gateway, role: Role) -> None:
    for method, path, action in requests(guarded):
        if action == ANYBODY:
            continue
        answer = guarded.client.request(method, path, headers=guarded.headers(role.value))
        may = Action(str(action)) in ALLOWED[role]
        assert (answer.status_code not in (401, 403)) is may, (method, path, answer.text)
        assert answer.status_code < 500, (method, path, answer.text)
        if answer.status_code >= 400:
            assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize("role", list(Role))
def test_a_bad_credential_opens_nothing(guarded: Gateway, role: Role) -> None:
    bad = bad_tokens(guarded, role.value)
    asked = {name: {"Authorization": f"Bearer {token}"} for name, token in bad.items()}
    asked |= {"missing": {}, "a bad key": {"X-API-Key": "omni_0000_" + "x" * 43}}
    for method, path, action in requests(guarded):
        if action == ANYBODY:
            continue
        for name, headers in asked.items():
            answer = guarded.client.request(method, path, headers=headers)
            assert answer.status_code == 401, (name, method, path, answer.text)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("role", list(Role))
def test_another_origin_changes_nothing_and_reads_nothing(guarded: Gateway, role: Role) -> None:
    for method, path, action in requests(guarded):
        if action == ANYBODY:
            continue
        answer = guarded.client.request(method, path, headers=guarded.headers(role.value) | FOREIGN)
        if method not in SAFE:
            assert answer.status_code == 403, (method, path, answer.text)
        assert not any(name.startswith("access-control-") for name in answer.headers)


@pytest.mark.parametrize("role", list(Role))
def test_a_cookie_changes_nothing_without_its_csrf_token(guarded: Gateway, role: Role) -> None:
    cookie, _ = guarded.security.tokens.begin_browser(guarded.security.users.get(role.value))
    csrf = jwt.decode(cookie, options={"verify_signature": False})["csrf"]
    browser = {"Cookie": f"{guarded.security.settings.cookie}={cookie}"}
    for method, path, action in requests(guarded):
        if action == ANYBODY or method in SAFE:
            continue
        for wrong in ({}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": csrf[:-1]}):
            answer = guarded.client.request(method, path, headers=browser | wrong)
            assert answer.status_code == 403, (method, path, answer.text)
    right = browser | {"X-CSRF-Token": csrf}
    answer = guarded.client.delete("/api/v1/orders/999999999", headers=right)
    assert answer.status_code == (404 if Action.TRADE in ALLOWED[role] else 403), answer.text


def test_a_socket_lets_in_whoever_may_read_and_nobody_else(guarded: Gateway) -> None:
    sockets = [path for method, path, _ in routes(guarded) if method == "SOCKET"]
    assert len(sockets) >= 5
    bad = bad_tokens(guarded, "trader")
    for path in sockets:
        for name in ("expired", "forged", "alg none", "key confusion", "revoked", "replayed", "no token"):
            assert code_of(guarded, path, {"Authorization": f"Bearer {bad[name]}"}) in (401, 4401), (
                path,
                name,
            )
        assert code_of(guarded, path, {}) in (401, 403, 4401, 4403), path
        assert code_of(guarded, path, guarded.headers("admin") | FOREIGN) in (403, 4403), path
        for role in Role:
            code = code_of(guarded, path, guarded.headers(role.value))
            assert code in (None, 4404), (path, role, code)


def code_of(gateway: Gateway, path: str, headers: dict[str, str]) -> int | None:
    """With what a connection was refused or closed; None where it was served."""
    given = dict(headers)
    origin = given.pop("Origin", None)
    try:
        url = gateway.url.replace("http", "ws", 1) + path
        with connect(url, additional_headers=given, origin=origin, open_timeout=10) as socket:  # type: ignore[arg-type]
            while True:
                message = json.loads(socket.recv(timeout=5))
                if message["type"] != "error":
                    return None
    except InvalidStatus as error:
        return error.response.status_code
    except ConnectionClosed as error:
        return error.rcvd.code if error.rcvd else -1


def test_somebody_else_sees_why_a_log_in_failed_no_better(guarded: Gateway) -> None:
    told = [
        guarded.client.post("/api/v1/auth/login", json={"username": name, "password": password})
        for name, password in (("trader", "wrong password!"), ("nobody", PASSWORD))
    ]
    assert [each.status_code for each in told] == [401, 401]
    facts = [{k: v for k, v in each.json().items() if k != "request_id"} for each in told]
    assert facts[0] == facts[1]
