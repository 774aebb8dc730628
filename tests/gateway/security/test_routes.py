"""``/api/v1/auth`` and the pages at the door, as a program and a person use them."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from omni_lab.gateway.security import Security
from omni_lab.gateway.security.limits import MemoryLimits
from omni_lab.gateway.security.settings import RATES
from omni_lab.system.people import ALLOWED, Action, Role
from tests.gateway.security.door import (
    PASSWORD,
    PEOPLE,
    application,
    asking,
    bearer,
    in_a_loop,
    settings_of,
)

API = "/api/v1/auth"


async def login(client: httpx.AsyncClient, name: str, password: str = PASSWORD) -> dict[str, Any]:
    answer = await client.post(f"{API}/login", json={"username": name, "password": password})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def by(told: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {told['access_token']}"}


@in_a_loop
async def test_a_program_signs_in_goes_on_and_signs_out(either: Security) -> None:
    async with asking(application(either)) as client:
        told = await login(client, "tom")
        assert (told["token_type"], told["expires_in"]) == ("Bearer", pytest.approx(900, abs=2))
        assert told["refresh_expires_in"] == pytest.approx(14 * 86400, abs=2)
        me = (await client.get(f"{API}/me", headers=by(told))).json()
        assert (me["name"], me["role"], me["kind"], me["csrf"]) == ("tom", "trader", "access", None)
        assert set(me["actions"]) == ALLOWED[Role.TRADER]
        again = (await client.post(f"{API}/refresh", json={"refresh_token": told["refresh_token"]})).json()
        assert (await client.get(f"{API}/me", headers=by(again))).status_code == 200
        other = await login(client, "tom")
        out = await client.post(
            f"{API}/logout", headers=by(again), json={"refresh_token": other["refresh_token"]}
        )
        assert out.status_code == 204
        for ended in (told, again, other):
            assert (await client.get(f"{API}/me", headers=by(ended))).status_code == 401
            refresh = {"refresh_token": ended["refresh_token"]}
            assert (await client.post(f"{API}/refresh", json=refresh)).status_code == 401
        theirs = await login(client, "rita")
        await client.post(
            f"{API}/logout", headers=bearer(either, "tom"), json={"refresh_token": theirs["refresh_token"]}
        )
        assert (await client.get(f"{API}/me", headers=by(theirs))).status_code == 200
    rows = [(row.action, row.outcome) for row in either.audit.entries()]
    assert ("login", "ok") in rows
    assert ("logout", "ok") in rows
    assert ("refresh", "failed") in rows
    assert either.audit.verify() == len(rows)


@in_a_loop
async def test_one_has_keys_of_ones_own_and_a_key_makes_none(security: Security) -> None:
    async with asking(application(security)) as client:
        tom, vera, ada = (bearer(security, name) for name in ("tom", "vera", "ada"))
        made = await client.post(
            f"{API}/keys", headers=tom, json={"label": "bot", "scopes": ["read", "trade"], "days": 7}
        )
        assert made.status_code == 201
        key = made.json()
        by_key = {"X-API-Key": key["key"]}
        assert (await client.get(f"{API}/me", headers=by_key)).json()["actions"] == ["read", "trade"]
        for name, headers in (("tom", tom), ("vera", vera)):
            items = (await client.get(f"{API}/keys", headers=headers)).json()["items"]
            assert [item["id"] for item in items] == ([key["id"]] if name == "tom" else [])
            assert key["key"] not in json.dumps(items)
        for body in ({"label": "x"}, {"label": "x", "scopes": ["read"]}):
            assert (await client.post(f"{API}/keys", headers=by_key, json=body)).status_code == 403
        assert (await client.post(f"{API}/keys/{key['id']}/rotate", headers=by_key)).status_code == 403
        for scopes, status in ((["administer"], 403), (["fly"], 422), ([], 422), (["read", 5], 422)):
            answer = await client.post(f"{API}/keys", headers=tom, json={"label": "x", "scopes": scopes})
            assert answer.status_code == status, answer.text
        assert (await client.delete(f"{API}/keys/{key['id']}", headers=vera)).status_code == 404
        rotated = (await client.post(f"{API}/keys/{key['id']}/rotate", headers=tom)).json()
        assert (await client.get(f"{API}/me", headers={"X-API-Key": rotated["key"]})).status_code == 200
        assert (await client.delete(f"{API}/keys/{rotated['id']}", headers=ada)).status_code == 204
        assert (await client.get(f"{API}/me", headers={"X-API-Key": rotated["key"]})).status_code == 401
        assert (await client.delete(f"{API}/keys/{rotated['id']}", headers=ada)).status_code == 404
        assert (await client.post(f"{API}/logout", headers=by_key)).status_code == 409


@in_a_loop
async def test_an_admin_keeps_the_users_and_nobody_else_does(either: Security) -> None:
    async with asking(application(either)) as client:
        body = {"name": "uma", "password": "quite another battery", "role": "viewer"}
        for name in PEOPLE:
            may = name == "ada"
            headers = bearer(either, name)
            assert (await client.get(f"{API}/users", headers=headers)).status_code == (200 if may else 403)
            assert (await client.post(f"{API}/users", headers=headers, json=body)).status_code == (
                201 if may else 403
            )
            audit = await client.get(f"{API}/audit", headers=headers, params={"limit": 1})
            assert audit.status_code == (200 if name in ("ada", "rita") else 403)
        ada = bearer(either, "ada")
        uma = await login(client, "uma", body["password"])
        raised = await client.patch(f"{API}/users/uma", headers=ada, json={"role": "admin"})
        assert raised.json()["role"] == "admin"
        assert (await client.get(f"{API}/me", headers=by(uma))).status_code == 401
        for change in ({"active": False}, {"password": "yet another battery"}):
            uma = {"access_token": either.tokens.begin(either.users.get("uma")).access}
            assert (await client.patch(f"{API}/users/uma", headers=ada, json=change)).status_code == 200
            assert (await client.get(f"{API}/me", headers=by(uma))).status_code == 401
        assert (await client.delete(f"{API}/users/uma", headers=ada)).status_code == 204
        assert (await client.delete(f"{API}/users/uma", headers=ada)).status_code == 404
        last = await client.delete(f"{API}/users/ada", headers=ada)
        assert (last.status_code, "last admin" in last.json()["detail"]) == (409, True)
        for bad in ({**body, "password": "short"}, {**body, "role": "god"}, {**body, "x": 1}, {"name": "a"}):
            assert (await client.post(f"{API}/users", headers=ada, json=bad)).status_code == 422
        assert (
            await client.post(f"{API}/users", headers=ada, json={**body, "name": "tom"})
        ).status_code == 409
        first = (await client.get(f"{API}/users", headers=ada, params={"limit": 3})).json()
        rest = (await client.get(f"{API}/users", headers=ada, params={"cursor": first["next"]})).json()
        assert [user["name"] for user in first["items"] + rest["items"]] == sorted(PEOPLE)
        assert rest["next"] is None
        assert "$2b$" not in json.dumps([first, rest])
    written = str(either.audit.entries(limit=1000))
    assert body["password"] not in written
    assert "user.remove" in written


@in_a_loop
async def test_ones_own_password_takes_the_old_one(security: Security) -> None:
    async with asking(application(security)) as client:
        told = await login(client, "tom")
        new = "a fresh horse battery"
        wrong = await client.post(f"{API}/password", headers=by(told), json={"old": "x", "new": new})
        assert wrong.status_code == 403
        changed = await client.post(f"{API}/password", headers=by(told), json={"old": PASSWORD, "new": new})
        assert changed.status_code == 204
        assert (await client.get(f"{API}/me", headers=by(told))).status_code == 401
        await login(client, "tom", new)


def test_without_users_nobody_signs_in(tmp_path: Path) -> None:
    security = Security(settings_of(tmp_path, users=False))

    @in_a_loop
    async def run() -> None:
        async with asking(application(security)) as client:
            body = {"username": "a", "password": "b"}
            assert (await client.post(f"{API}/login", json=body)).status_code == 409
            assert (await client.post(f"{API}/refresh", json={"refresh_token": "x"})).status_code == 409
            assert (await client.get(f"{API}/me")).json()["kind"] == "local"
            assert (await client.post(f"{API}/logout")).status_code == 409
            for path in ("/setup", "/logout"):
                assert (await client.get(path)).status_code == 303

    run()
    asyncio.run(security.close())


def test_the_first_user_is_made_by_the_one_time_token(tmp_path: Path) -> None:
    security = Security(settings_of(tmp_path))
    security.limits = MemoryLimits({**RATES, "address": RATES["write"]})
    token = security.setup.make()

    @in_a_loop
    async def run() -> None:
        async with asking(application(security)) as client:
            assert (await client.get("/dashboard", headers={"accept": "text/html"})).headers[
                "location"
            ] == "/login?next=%2Fdashboard"
            assert (await client.get("/login")).headers["location"] == "/setup"
            form = {"token": token, "username": "ann", "password": PASSWORD, "again": PASSWORD}
            evil = {"origin": "http://evil.example"}
            assert (await client.post("/setup", data=form, headers=evil)).status_code == 403
            for change, status in (
                ({"token": "omni1_x"}, 403),
                ({"again": "x"}, 422),
                ({"username": "A B"}, 422),
            ):
                page = await client.post("/setup", data=form | change)
                assert page.status_code == status
                assert 'role="alert"' in page.text
                assert PASSWORD not in page.text
                assert token not in page.text
            made = await client.post("/setup", data=form)
            assert (made.status_code, made.headers["location"]) == (303, "/dashboard")
            me = (await client.get(f"{API}/me")).json()
            assert (me["name"], set(me["actions"])) == ("ann", set(Action))
            assert (await client.get("/setup")).headers["location"] == "/login"
            late = await client.post("/setup", data={**form, "username": "eve"})
            assert late.status_code == 403

    run()
    assert [user.name for user in security.users.all()] == ["ann"]
    assert token not in str(security.audit.entries())
    asyncio.run(security.close())


@in_a_loop
async def test_the_pages_ask_for_nothing_else_and_repeat_nothing_unescaped(security: Security) -> None:
    async with asking(application(security)) as client:
        nasty = '"><img src=x onerror=alert(1)>'
        page = await client.post("/login", data={"username": nasty, "password": "x", "next": nasty})
        assert page.status_code == 401
        assert "<img" not in page.text
        nonce = re.search(r"style-src 'nonce-([\w-]+)'", page.headers["content-security-policy"])
        assert nonce is not None
        assert f'<style nonce="{nonce[1]}">' in page.text
        other = await client.get("/login")
        assert not re.search(r"<script|src=|url\(|@import|https?:", other.text)
        assert nonce[1] not in other.text
        for form in (b"x" * 9000, b"a=1&a=2", b"\xff=\xfe", b"username=tom&username=ada&password=x"):
            kind = {"content-type": "application/x-www-form-urlencoded"}
            assert (await client.post("/login", content=form, headers=kind)).status_code == 401
        assert (
            await client.post("/login", json={"username": "tom", "password": PASSWORD})
        ).status_code == 401
