"""The layer before everything: who is let in, what is passed on, and every way round it that we know."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from omni_lab.gateway.security import Security
from omni_lab.gateway.security.directory import User
from omni_lab.gateway.security.layer import App
from omni_lab.gateway.security.limits import MemoryLimits
from omni_lab.gateway.security.settings import RATES
from omni_lab.system.people import LOCAL, Action, Person, Role, read_person
from tests.gateway.security.door import (
    HOST,
    PASSWORD,
    PEOPLE,
    application,
    asking,
    bearer,
    in_a_loop,
    settings_of,
    with_people,
)
from tests.lengths import LONG


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Security]:
    made = Security(settings_of(tmp_path, users=False))
    yield made
    asyncio.run(made.close())


async def signed_in(client: httpx.AsyncClient, name: str, password: str = PASSWORD) -> httpx.Response:
    form = {"username": name, "password": password}
    return await client.post("/login", data=form, headers={"origin": str(client.base_url)})


FACTS = ["found", "expected", "where", "hint"]


def is_problem(response: httpx.Response, status: int) -> bool:
    said = response.json()
    return (
        response.status_code == said["status"] == status
        and response.headers["content-type"] == "application/problem+json"
        and said["request_id"] == response.headers["x-request-id"]
        and set(said) == {*FACTS, "type", "title", "status", "detail", "request_id"}
    )


# --- local mode -----------------------------------------------------------------------------------


@in_a_loop
async def _local(security: Security) -> None:
    async with asking(application(security)) as client:
        said = (await client.get("/api/v1/who", headers={"x-request-id": "me.1"})).json()
        assert (said["name"], said["role"], said["expires"]) == ("local", "admin", None)
        assert (await client.post("/api/v1/trade")).status_code == 200
        assert (await client.get("/login")).headers["location"] == "/dashboard"
        # A page of somebody else, in a browser on this machine.
        for origin in ("http://evil.example", "null", "http://127.0.0.1:9999", "https://127.0.0.1:8050", ""):
            assert is_problem(await client.post("/api/v1/trade", headers={"origin": origin}), 403)
        for site in ("cross-site", "same-site"):
            assert is_problem(await client.post("/api/v1/trade", headers={"sec-fetch-site": site}), 403)
        for origin in (HOST, HOST.upper()):
            assert (await client.post("/api/v1/trade", headers={"origin": origin})).status_code == 200
        # A name that somebody else has made point here.
        for host in (
            "evil.example",
            "evil.example:8050",
            "127.0.0.1.evil.example",
            "",
            "localhost@evil",
            "[::2]",
        ):
            assert is_problem(await client.get("/api/v1/who", headers={"host": host}), 421)
        for host in ("localhost", "LOCALHOST:8050", "[::1]:8050", "127.0.0.1"):
            assert (await client.get("/api/v1/who", headers={"host": host})).status_code == 200


def test_in_local_mode_everybody_is_local_but_no_page_of_another(local: Security) -> None:
    _local(local)
    notes = {
        (row.outcome, json.loads(row.detail)["reason"])
        for row in local.audit.entries()
        if "reason" in row.detail
    }
    assert notes == {("refused", "origin"), ("refused", "host")}


# --- who ------------------------------------------------------------------------------------------


@in_a_loop
async def test_everybody_is_who_he_shows_to_be(security: Security) -> None:
    async with asking(application(security)) as client:
        for name, role in PEOPLE.items():
            key, _ = security.keys.make(name, label="x")
            for shown in (bearer(security, name), {"X-API-Key": key}, {"Authorization": f"bearer {key}"}):
                said = (await client.get("/api/v1/who", headers=shown)).json()
                assert (said["name"], said["role"]) == (name, role)
                allowed = Person(name, role).may(Action.TRADE)
                assert (await client.post("/api/v1/trade", headers=shown)).status_code == (
                    200 if allowed else 403
                )
        cookie, _ = security.tokens.begin_browser(security.users.get("ada"))
        bad: list[dict[str, str]] = [
            {},
            {"Authorization": "Bearer x"},
            {"Authorization": "Basic YWRhOng="},
            {"Authorization": f"Bearer {cookie}"},
            {"Authorization": bearer(security, "ada")["Authorization"].removeprefix("Bearer ")},
            {"X-API-Key": "omni_00000000_x"},
            {"X-API-Key": bearer(security, "ada")["Authorization"].removeprefix("Bearer ")},
            {"Cookie": "omni=x"},
            {"Cookie": "__Host-omni=" + cookie},
            {"Authorization": "Bearer x", "Cookie": f"omni={cookie}"},  # what is shown first counts
        ]
        for shown in bad:
            for path in (
                "/api/v1/who",
                "/nothing",
                "/metrics",
                "/static/x.js",
                "/openapi.json",
                "/dashboard/x",
            ):
                response = await client.get(path, headers=shown)
                assert is_problem(response, 401), (shown, path)
                assert response.headers["www-authenticate"].startswith("Bearer")
        assert is_problem(await client.get("/api/v1/who", headers={**bad[1], "X-API-Key": "x"}), 400)
        page = await client.get("/dashboard/orders?symbol=A", headers={"accept": "text/html"})
        assert (page.status_code, page.headers["location"]) == (
            303,
            "/login?next=%2Fdashboard%2Forders%3Fsymbol%3DA",
        )
        assert (await client.get("/health/live")).json() == "ok"


@in_a_loop
async def test_only_we_say_who_asks(security: Security) -> None:
    forged = "X-Omni-Person", "x-omni-person", "X-OMNI-ANYTHING"
    headers = [*((name, "eyJuYW1lIjoiYWRhIn0.00") for name in forged), *bearer(security, "vera").items()]
    async with asking(application(security)) as client:
        said = (await client.get("/api/v1/who", headers=headers)).json()
        assert said["name"] == "vera"
        assert not [name for name in said["headers"] if name.startswith("x-omni")]
        seen = (await client.get("/dashboard", headers=[*headers, ("Cookie", "theme=dark")])).json()[
            "headers"
        ]
    named = dict(seen)
    assert len(named) == len(seen)
    assert read_person(named["x-omni-person"]) == Person("vera", Role.VIEWER)
    assert "authorization" not in named
    assert named["cookie"] == "theme=dark"


@in_a_loop
async def test_the_dashboard_never_sees_a_credential(security: Security) -> None:
    async with asking(application(security)) as client:
        await signed_in(client, "tom")
        client.cookies.set("theme", "dark")
        token = client.cookies["omni"]
        said = (await client.get("/dashboard")).text
        assert token not in said
        assert "theme=dark" in said
        chosen = await client.get("/dashboard?bokeh-session-id=mine")
        assert is_problem(chosen, 403)
        assert is_problem(await client.get("/dashboard?x=1&Bokeh%2DSession-id=mine"), 403)
        assert is_problem(await client.get("/dashboard", headers={"Bokeh-Session-Id": "mine"}), 403)


PATHS = [
    "//api/v1/who",
    "/api//v1/who",
    "/health/live/../../api/v1/who",
    "/health/live/%2e%2e/x",
    "/login/..;/api",
]
PATHS += [
    "/./login",
    "/%2e/login",
    "/login%2f..",
    "/login%2F",
    "/health/live%00",
    "/health\\live",
    "/%5cevil.example",
]
PATHS += [
    "/LOGIN",
    "/Health/Live",
    "/login/",
    "/health/live/",
    "/login;x",
    "/health/live.json",
    "/login%20",
    "/ login",
]
PATHS += [
    "/health/live/extra",
    "/dashboard/../login",
    "/api/v1/auth/login/",
    "/static/..%2f..%2fetc/passwd",
    "*",
]


@pytest.mark.parametrize("path", PATHS)
def test_no_way_of_writing_a_path_leads_round_the_layer(security: Security, path: str) -> None:
    """What is not an open path to the letter asks who it is, or is none."""
    from urllib.parse import unquote

    reached: list[str] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["path"])

    from omni_lab.gateway.security import SecurityLayer

    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": b"",
    }
    scope |= {"headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 1)}
    asyncio.run(SecurityLayer(inner, security)(scope, None, send))  # type: ignore[arg-type]
    assert reached == []
    assert sent[0]["status"] in (401, 404)


@in_a_loop
async def test_a_header_that_may_be_there_once_is_there_once(security: Security) -> None:
    good = bearer(security, "ada")
    async with asking(application(security)) as client:
        for name, value in [
            ("Authorization", good["Authorization"]),
            ("Host", "127.0.0.1"),
            ("X-Request-ID", "b"),
        ]:
            twice = [*good.items(), ("Host", "127.0.0.1"), ("X-Request-ID", "a"), (name, value)]
            assert is_problem(await client.get("/api/v1/who", headers=twice), 400)
        double = [("Cookie", "omni=a"), ("Cookie", "omni=b")]
        assert is_problem(await client.get("/api/v1/who", headers=double), 400)


@in_a_loop
async def test_request_ids_are_the_clients_if_they_are_harmless(security: Security) -> None:
    async with asking(application(security)) as client:
        for given, kept in {
            "a-B_1.z": True,
            "x" * 64: True,
            "x" * 65: False,
            "a b": False,
            "<x>": False,
        }.items():
            answer = await client.get("/health/live", headers={"x-request-id": given})
            assert (answer.headers["x-request-id"] == given) == kept
            assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", answer.headers["x-request-id"])


# --- browsers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", [False, True])
def test_the_cookie_is_for_us_alone(tmp_path: Path, tls: bool) -> None:
    security = with_people(Security(settings_of(tmp_path, tls=tls)))

    @in_a_loop
    async def run() -> None:
        base = "https://desk.example" if tls else HOST
        async with asking(application(security), base=base) as client:
            answer = await signed_in(client, "tom")
            assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard")
            cookie, *flags = [each.strip().lower() for each in answer.headers["set-cookie"].split(";")]
            assert cookie.startswith("__host-omni=" if tls else "omni=")
            assert {"httponly", "samesite=strict", "path=/", "max-age=43200"} == set(flags) - {"secure"}
            assert ("secure" in flags) == tls
            assert not any(flag.startswith("domain") for flag in flags)
            assert ("strict-transport-security" in answer.headers) == tls
            assert (await client.get("/api/v1/auth/me")).json()["kind"] == "browser"

    run()
    asyncio.run(security.close())


@in_a_loop
async def test_a_browser_changes_nothing_without_what_only_our_page_can_read(security: Security) -> None:
    async with asking(application(security)) as client:
        await signed_in(client, "tom")
        csrf = (await client.get("/api/v1/auth/me")).json()["csrf"]
        other, _ = security.tokens.begin_browser(security.users.get("tom"))
        foreign = security.verify(other, browser=True).csrf
        for token in ("", "x", foreign, csrf[:-1], csrf + "x"):
            headers = {"X-CSRF-Token": token, "origin": HOST} if token else {"origin": HOST}
            assert is_problem(await client.post("/api/v1/trade", headers=headers), 403)
            assert is_problem(await client.delete("/api/v1/nothing", headers=headers), 403)
        good = {"X-CSRF-Token": csrf}
        assert (await client.post("/api/v1/trade", headers=good)).status_code == 200
        assert is_problem(
            await client.post("/api/v1/trade", headers={**good, "origin": "http://evil.example"}), 403
        )
        assert is_problem(await client.post("/logout", headers={"origin": "http://evil.example"}), 403)
        assert (await client.post("/logout", data={"csrf": "x"}, headers={"origin": HOST})).status_code == 403
        assert (await client.get("/api/v1/auth/me")).status_code == 200
        out = await client.post("/logout", data={"csrf": csrf}, headers={"origin": HOST})
        assert out.headers["location"] == "/login?out=1"
        assert 'omni=""' in out.headers["set-cookie"]
        client.cookies.set("omni", other, domain="127.0.0.1")
        assert (await client.get("/api/v1/auth/me")).status_code == 200


@in_a_loop
async def test_every_answer_has_the_headers_that_browsers_keep_to(security: Security) -> None:
    async with asking(application(security)) as client:
        for path in ("/health/live", "/api/v1/who", "/login", "/nothing"):
            answer = await client.get(path)
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "same-origin"
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["cache-control"] == "no-store"
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert "server" not in answer.headers
        board = (await client.get("/dashboard", headers=bearer(security, "tom"))).headers
        assert "frame-ancestors 'none'" in board["content-security-policy"]
        assert "http:" not in board["content-security-policy"]


@in_a_loop
async def test_after_signing_in_one_goes_to_a_path_of_ours(security: Security) -> None:
    away = [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "evil",
        "/a\r\nx: y",
    ]
    away += ["\\\\evil.example", "http:/x", "/ä", "", "/\tx"]
    async with asking(application(security)) as client:
        for target in [*away, "/dashboard/orders?symbol=A%20B"]:
            form = {"username": "tom", "password": PASSWORD, "next": target}
            found = (await client.post("/login", data=form)).headers["location"]
            assert found == (target if target not in away else "/dashboard")
            page = (await client.get("/login", params={"next": target})).headers.get("location", "/dashboard")
            assert page.startswith("/dashboard")
            client.cookies.clear()
        page = (await client.get("/login", params={"next": '"><script>alert(1)</script>'})).text
        assert "<script" not in page


# --- how much -------------------------------------------------------------------------------------


@in_a_loop
async def test_a_body_is_as_large_as_it_may_be(security: Security) -> None:
    most = security.settings.body_bytes
    headers = bearer(security, "tom")

    async def chunks(n_bytes: int) -> Any:
        for _ in range(n_bytes // 4096):
            yield b"x" * 4096
        yield b"x" * (n_bytes % 4096)

    async with asking(application(security)) as client:
        for n_bytes, status in ((most, 200), (most + 1, 413), (0, 200)):
            for content in (b"x" * n_bytes, chunks(n_bytes)):
                answer = await client.post("/api/v1/trade", headers=headers, content=content)
                assert answer.status_code == status
                assert status == 413 or answer.json()["bytes"] == n_bytes
        for length in ("-1", "1e3", "9" * 30, "0x10"):
            lying = {**headers, "content-length": length}
            assert is_problem(await client.post("/api/v1/trade", headers=lying, content=b""), 413)


def test_ten_thousand_bad_logins_are_limited_and_written_down_and_harm_nobody(
    security: Security, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_bad = 10_000 if LONG else 600
    security.limits = limits = MemoryLimits(RATES)
    tried: list[str] = []
    real = security.users.check

    def check(name: str, password: str) -> User | None:
        tried.append(name)
        return real(name, password)

    monkeypatch.setattr(security.users, "check", check)
    caplog.set_level(logging.DEBUG)

    @in_a_loop
    async def run() -> None:
        app = application(security)
        async with asking(app, address="10.0.0.6") as attacker, asking(app, address="10.0.0.7") as client:
            good = bearer(security, "tom")
            statuses = []
            for number in range(n_bad):
                said = {"username": "ada" if number % 2 else f"name{number}", "password": f"guess {number}"}
                if number % 3:
                    answer = await attacker.post("/api/v1/auth/login", json=said)
                else:
                    answer = await attacker.post("/login", data=said)
                statuses.append(answer.status_code)
                assert answer.status_code in (401, 429)
                assert answer.status_code == 401 or int(answer.headers["retry-after"]) >= 1
                if number % 50 == 0:
                    assert (await client.get("/api/v1/who", headers=good)).status_code == 200
            assert statuses.count(401) == len(tried) <= 30
            assert tried.count("ada") == 5
            # Who is attacked is not locked out, and his own log-in still works.
            assert (await signed_in(client, "ada")).status_code == 303

    run()
    assert len(limits) < 200
    rows = security.audit.entries(limit=1000)
    assert len([row for row in rows if row.outcome == "failed"]) == len(tried) - 1
    assert 1 <= len([row for row in rows if row.outcome == "limited"]) <= 5
    assert {row.person for row in rows if row.outcome == "failed"} == {"ada", "(unknown)"}
    written = caplog.text + str(rows)
    assert "guess" not in written
    assert PASSWORD not in written
    assert "name0" not in written


@in_a_loop
async def test_unknown_and_known_names_get_the_same_answer(security: Security) -> None:
    security.users.set_active("vera", False)
    answers = set()
    async with asking(application(security)) as client:
        for name, password in (
            ("tom", "wrong"),
            ("eve", "wrong"),
            ("vera", PASSWORD),
            ("x" * 900, "y"),
            ("", ""),
        ):
            answer = await client.post("/api/v1/auth/login", json={"username": name, "password": password})
            said = answer.json()
            said.pop("request_id")
            kept = {k: v for k, v in answer.headers.items() if k not in ("x-request-id", "content-length")}
            answers.add((answer.status_code, json.dumps(said), json.dumps(kept)))
            page = await signed_in(client, name, password)
            assert page.status_code == 401
            assert "Name or password is wrong" in page.text
    assert len(answers) == 1


@in_a_loop
async def test_reads_and_writes_have_limits_of_their_own_person(security: Security) -> None:
    security.limits = MemoryLimits({**RATES, "read": RATES["write"][:1], "write": (RATES["login"][0],)})
    async with asking(application(security)) as client:
        tom, rita = bearer(security, "tom"), bearer(security, "rita")
        reads = [(await client.get("/api/v1/who", headers=tom)).status_code for _ in range(60)]
        assert reads[:50] == [200] * 50
        assert 429 in reads
        writes = [await client.post("/api/v1/trade", headers=tom) for _ in range(6)]
        assert [each.status_code for each in writes] == [200] * 5 + [429]
        assert is_problem(writes[-1], 429)
        assert 1 <= int(writes[-1].headers["retry-after"]) <= 12
        assert (await client.get("/api/v1/who", headers=rita)).status_code == 200
    limited = [row for row in security.audit.entries() if row.outcome == "limited"]
    assert len(limited) == 1  # once a minute


@in_a_loop
async def test_guessing_tokens_is_limited_by_address_and_good_ones_go_on(security: Security) -> None:
    security.limits = MemoryLimits(RATES)
    good = bearer(security, "tom")
    async with asking(application(security)) as client:
        seen = [
            (await client.get("/api/v1/who", headers={"Authorization": f"Bearer {number}"})).status_code
            for number in range(60)
        ]
        assert seen == [401] * 30 + [429] * 30
        assert (await client.get("/api/v1/who", headers=good)).status_code == 200


def test_changes_and_refusals_are_in_the_audit_log(security: Security) -> None:
    @in_a_loop
    async def run() -> None:
        async with asking(application(security)) as client:
            headers = {"x-request-id": "r-7"}
            for _ in range(3):
                await client.post("/api/v1/trade", headers=headers | bearer(security, "vera"))
            await client.post("/api/v1/trade", headers=headers | bearer(security, "tom"))
            await client.get("/api/v1/who", headers=bearer(security, "tom"))

    run()
    rows = [(row.person, row.subject, row.outcome, row.request_id) for row in security.audit.entries()]
    subject = "POST /api/v1/trade"
    assert rows == [("vera", subject, "refused", "r-7"), ("tom", subject, "ok", "r-7")]


# --- sockets --------------------------------------------------------------------------------------


class Socket:
    """A socket in this process."""

    def __init__(self, app: App, path: str, **headers: str) -> None:
        self.sent: list[dict[str, Any]] = []
        self._to: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._to.put_nowait({"type": "websocket.connect"})
        encoded = [(b"host", b"127.0.0.1:8050")]
        encoded += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "websocket",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "scheme": "ws",
        }
        scope |= {"headers": encoded, "subprotocols": [], "client": ("127.0.0.1", 1), "root_path": ""}
        self.task = asyncio.ensure_future(app(scope, self._to.get, self._send))

    async def _send(self, message: Any) -> None:
        self.sent.append(message)
        if message["type"] == "websocket.close":
            self._to.put_nowait({"type": "websocket.disconnect", "code": message.get("code", 1000)})

    async def until(self, kind: str) -> dict[str, Any]:
        for _ in range(1000):
            if found := [each for each in self.sent if each["type"] == kind]:
                return found[-1]
            await asyncio.sleep(0.005)
        raise AssertionError(f"no {kind}: {self.sent}")

    async def leave(self) -> None:
        self._to.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(self.task, 5)


@in_a_loop
async def test_a_socket_is_opened_by_who_may_and_from_here(security: Security) -> None:
    app = application(security)
    cookie, _ = security.tokens.begin_browser(security.users.get("tom"))
    browser, program = (
        {"cookie": f"omni={cookie}"},
        {"authorization": bearer(security, "tom")["Authorization"]},
    )
    evil = {"origin": "http://evil.example"}
    for path in ("/ws/echo", "/dashboard/ws"):
        for shown, code in (
            ({**browser, "origin": HOST}, None),
            (program, None),
            ({**browser, **evil}, 4403),
            ({**browser, "origin": "null"}, 4403),
            (browser, 4403),  # a browser says where it comes from
            ({**program, **evil}, 4403),
            ({"origin": HOST}, 4401),
            ({"cookie": "omni=x", "origin": HOST}, 4401),
            ({"authorization": "Bearer x"}, 4401),
        ):
            socket = Socket(app, path, **shown)
            if code is None:
                assert (await socket.until("websocket.send"))["text"] == "tom"
                await socket.leave()
            else:
                assert (await socket.until("websocket.close"))["code"] == code
                accepted = [each for each in socket.sent if each["type"] == "websocket.accept"]
                assert bool(accepted) == path.startswith("/ws/")
                assert not [each for each in socket.sent if each["type"] == "websocket.send"]
                await socket.task
    assert security.settings.sockets == 20


@in_a_loop
async def test_a_person_has_so_many_sockets_and_no_more(security: Security) -> None:
    app = application(security)
    tom, rita = (bearer(security, name)["Authorization"] for name in ("tom", "rita"))
    sockets = [Socket(app, "/ws/echo", authorization=tom) for _ in range(20)]
    for each in sockets:
        await each.until("websocket.send")
    assert (await Socket(app, "/dashboard/ws", authorization=tom).until("websocket.close"))["code"] == 4429
    other = Socket(app, "/ws/echo", authorization=rita)
    await other.until("websocket.send")
    await sockets.pop().leave()
    again = Socket(app, "/ws/echo", authorization=tom)
    await again.until("websocket.send")
    for each in (*sockets, other, again):
        await each.leave()


@in_a_loop
async def test_a_socket_ends_with_its_session(security: Security) -> None:
    from omni_lab.gateway.security import sockets as room

    room.LOOK_S, before = 0.01, room.LOOK_S  # type: ignore[misc]
    try:
        app = application(security)
        tom = bearer(security, "tom")["Authorization"]
        opened = [Socket(app, path, authorization=tom) for path in ("/ws/echo", "/dashboard/ws")]
        rita = Socket(app, "/ws/echo", authorization=bearer(security, "rita")["Authorization"])
        for each in (*opened, rita):
            await each.until("websocket.send")
        await asyncio.to_thread(security.users.set_password, "tom", "another horse battery")
        for each in opened:
            assert (await each.until("websocket.close"))["code"] == 4401
            await asyncio.wait_for(each.task, 5)
        assert not rita.task.done()
        await rita.leave()
    finally:
        room.LOOK_S = before  # type: ignore[misc]


@in_a_loop
async def test_the_dashboards_socket_ends_with_its_time(tmp_path: Path) -> None:
    from omni_lab.gateway.security import sockets as room

    settings = dataclasses.replace(settings_of(tmp_path), access_s=1)
    security = with_people(Security(settings))
    room.LOOK_S, before = 0.01, room.LOOK_S  # type: ignore[misc]
    try:
        app = application(security)
        tom = bearer(security, "tom")["Authorization"]
        board, stream = (Socket(app, path, authorization=tom) for path in ("/dashboard/ws", "/ws/echo"))
        assert (await board.until("websocket.close"))["code"] == 4401
        await asyncio.wait_for(board.task, 5)
        assert not stream.task.done()  # whoever serves it sees to that: its time may be extended
        await stream.leave()
    finally:
        room.LOOK_S = before  # type: ignore[misc]
        await security.close()


def test_local_is_the_person_of_local_mode(local: Security) -> None:
    assert local.verify("").person == LOCAL
    assert local.good(local.verify("anything"))
