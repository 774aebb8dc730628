"""``/login``, ``/setup`` and ``/logout``: pages without a script that ask no other host for anything."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from urllib.parse import parse_qsl, quote

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from omni_lab.errors import ConfigError, ForbiddenError, OmniError, StateError
from omni_lab.gateway.routing import open_to_all, router
from omni_lab.gateway.security.doorway import local_target
from omni_lab.gateway.security.html import login_page, logout_page, setup_page
from omni_lab.gateway.security.limits import neighbourhood
from omni_lab.gateway.security.refusals import RefusedError
from omni_lab.gateway.security.security import Security
from omni_lab.gateway.security.signing_in import address_of, record, sign_in
from omni_lab.gateway.security.tokens import Session

_MOST_FORM_BYTES = 8192


def page_routes(security: Security) -> APIRouter:
    """The pages at the root for browsers, left out of the OpenAPI.

    Parameters
    ----------
    security : Security
    """
    routes = router("", "pages")
    hidden = {"include_in_schema": False, **open_to_all()}

    @routes.get("/login", **hidden)
    async def login(request: Request, next: str = "", out: str = "") -> Response:
        if not security.settings.users:
            return _away(local_target(next))
        if await run_in_threadpool(lambda: security.setup.needed):
            return _away("/setup")
        if _browser(request) is not None:
            return _away(local_target(next))
        return _page(lambda nonce: login_page(nonce, target=next, said="You are signed out." if out else ""))

    @routes.post("/login", **hidden)
    async def enter(request: Request) -> Response:
        form = await _form(request)
        target, name = local_target(form.get("next")), form.get("username", "")
        if not security.settings.users:
            return _away(target)
        try:
            user = await sign_in(security, request, name, form.get("password", ""))
        except RefusedError as refused:
            said = refused.detail if refused.hint is None else f"{refused.detail}. {refused.hint}"
            return _page(lambda nonce: login_page(nonce, target=target, name=name, wrong=said), refused)
        cookie, _ = await run_in_threadpool(security.tokens.begin_browser, user)
        return _with_cookie(security, _away(target), cookie)

    @routes.get("/setup", **hidden)
    async def setup(request: Request) -> Response:
        if not security.settings.users or not await run_in_threadpool(lambda: security.setup.needed):
            return _away("/login")
        return _page(setup_page)

    @routes.post("/setup", **hidden)
    async def begin(request: Request) -> Response:
        form = await _form(request)
        name, password = form.get("username", ""), form.get("password", "")
        if not security.settings.users:
            return _away("/login")
        try:
            if wait := await security.limits.take("login", f"{neighbourhood(address_of(request))} /setup"):
                raise StateError("too many attempts", hint=f"Try again in {wait:.0f} s.")
            if password != form.get("again", ""):
                raise ConfigError("the two passwords are different", where="password")
            redeem = security.setup.redeem
            user = await security.hashing.run(lambda: redeem(form.get("token", ""), name, password))
        except OmniError as error:
            await record(security, request, "setup", outcome="failed", reason=error.what)
            said = error.what if error.hint is None else f"{error.what}. {error.hint}"
            status = 403 if isinstance(error, ForbiddenError) else 422
            return _page(lambda nonce: setup_page(nonce, name=name, wrong=said), RefusedError(status, said))
        await record(security, request, "setup", name=user.name)
        cookie, _ = await run_in_threadpool(security.tokens.begin_browser, user)
        return _with_cookie(security, _away("/dashboard"), cookie)

    @routes.get("/logout", **hidden)
    async def leave(request: Request) -> Response:
        session = _browser(request)
        if session is None:
            return _away("/login")
        return _page(lambda nonce: logout_page(nonce, name=session.person.name, csrf=session.csrf))

    @routes.post("/logout", **hidden)
    async def left(request: Request) -> Response:
        session = _browser(request)
        if session is None:
            return _away("/login")
        given = (await _form(request)).get("csrf", "")
        if not secrets.compare_digest(given.encode(), session.csrf.encode()):
            again = RefusedError(403, "this form is not of this session")
            return _page(lambda nonce: logout_page(nonce, name=session.person.name, csrf=session.csrf), again)
        await run_in_threadpool(security.tokens.end, session.id)
        await record(security, request, "logout", name=session.person.name)
        response = _away("/login?out=1")
        settings = security.settings
        response.delete_cookie(settings.cookie, secure=settings.tls, httponly=True, samesite="strict")
        return response

    return routes


def _browser(request: Request) -> Session | None:
    session: Session | None = request.scope["state"]["session"]
    return session if session is not None and session.kind == "browser" else None


def _away(target: str) -> Response:
    return RedirectResponse(quote(target, safe="/?&=%#~.:,+-_@!$'()*;"), 303)


def _page(render: Callable[[str], str], refused: RefusedError | None = None) -> Response:
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    response = HTMLResponse(render(nonce), 200 if refused is None else refused.status, headers)
    if refused is not None:
        response.raw_headers.extend(each for each in refused.headers if each[0] == b"retry-after")
    return response


def _with_cookie(security: Security, response: Response, cookie: str) -> Response:
    settings = security.settings
    response.set_cookie(
        settings.cookie,
        cookie,
        max_age=settings.session_s,
        path="/",
        secure=settings.tls,
        httponly=True,
        samesite="strict",
    )
    return response


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form; nothing of what is no form, too large, or there twice."""
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded" or len(body) > _MOST_FORM_BYTES:
        return {}
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=10)
    except ValueError:
        return {}
    form = dict(pairs)
    return form if len(form) == len(pairs) else {}
