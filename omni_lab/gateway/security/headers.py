"""Headers: those of a request that say who asks, and those that every answer carries."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from omni_lab.gateway.security.refusals import RefusedError

Headers = list[tuple[bytes, bytes]]

_ONCE = frozenset(
    b"host origin authorization x-api-key x-csrf-token x-request-id content-length transfer-encoding "
    b"sec-fetch-site content-type".split()
)
_READ = b"host origin cookie authorization x-api-key x-csrf-token sec-fetch-site content-length".split()
_OURS = b"x-omni-"
"""Only we say what begins so."""
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

DASHBOARD: Final = "/dashboard"

STRICT: Final = b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
"""Content security policy of everything that is no page of the dashboard."""

# Bokeh and Panel set styles and load their models in scripts of the page; a CustomJS callback is a
# `new Function`, and a component with code of its own is imported from a blob. Nothing comes from elsewhere.
OF_DASHBOARD: Final = (
    b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    b"style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    b"connect-src 'self' blob:; worker-src 'self' blob:; frame-src 'self' blob:; object-src 'none'; "
    b"base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says in its headers; None where it says nothing.

    Attributes
    ----------
    host, origin, cookie, authorization, api_key, csrf, site, length : str or None
    chunked : bool
        Whether a body comes without its length.
    request_id : bytes or None
    passed : list of (bytes, bytes)
        The headers without those that only we may set.
    html : bool
        Whether it is a browser that wants a page.
    """

    host: str | None
    origin: str | None
    cookie: str | None
    authorization: str | None
    api_key: str | None
    csrf: str | None
    site: str | None
    length: str | None
    chunked: bool
    request_id: bytes | None
    passed: Headers
    html: bool


def read(headers: Iterable[tuple[bytes, bytes]]) -> Asked:
    """Read the headers of a request.

    Raises
    ------
    RefusedError
        If one is there twice that may be there once.
    """
    found: dict[bytes, bytes] = {}
    passed: Headers = []
    for name, value in headers:
        if name in _ONCE and name in found:
            raise RefusedError(
                400, f"the header {name.decode('latin-1')} is there twice", reason="header twice"
            )
        found[name] = found[name] + b"; " + value if name in found and name == b"cookie" else value
        if not name.startswith(_OURS) and name != b"x-request-id":
            passed.append((name, value))

    said = {name: found[name].decode("latin-1") for name in _READ if name in found}
    identity = found.get(b"x-request-id")
    return Asked(
        host=said.get(b"host"),
        origin=said.get(b"origin"),
        cookie=said.get(b"cookie"),
        authorization=said.get(b"authorization"),
        api_key=said.get(b"x-api-key"),
        csrf=said.get(b"x-csrf-token"),
        site=said.get(b"sec-fetch-site"),
        length=said.get(b"content-length"),
        chunked=b"transfer-encoding" in found,
        request_id=identity if identity and _REQUEST_ID.fullmatch(identity) else None,
        passed=passed,
        html=b"text/html" in found.get(b"accept", b""),
    )


def cookie(header: str | None, name: str) -> str | None:
    """A cookie's value; None where there is none.

    Raises
    ------
    RefusedError
        If it is there twice: a page of another subdomain may have put one before ours.
    """
    values = [
        value
        for each in (header or "").split(";")
        for key, _, value in [each.strip().partition("=")]
        if key == name
    ]
    if len(values) > 1:
        raise RefusedError(400, "the session cookie is there twice", reason="cookie twice")
    return values[0] if values else None


def secured(headers: Headers, *, dashboard: bool, tls: bool, request_id: bytes) -> Headers:
    """The headers of an answer with ours; what a route sets itself of policies and caching stays.

    Parameters
    ----------
    headers : list of (bytes, bytes)
    dashboard : bool
        Whether it is a page of the dashboard.
    tls : bool
    request_id : bytes
    """
    there = {name.lower() for name, _ in headers}
    ours = [*_always(dashboard, tls), (b"x-request-id", request_id)]
    kept = [(name, value) for name, value in headers if name.lower() not in (b"server", b"x-request-id")]
    return kept + [(name, value) for name, value in ours if name not in there or name == b"x-request-id"]


@cache
def _always(dashboard: bool, tls: bool) -> Headers:
    ours = [
        (b"content-security-policy", OF_DASHBOARD if dashboard else STRICT),
        (b"x-frame-options", b"DENY"),
        (b"cache-control", b"no-cache" if dashboard else b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    ]
    if tls:
        ours.append((b"strict-transport-security", b"max-age=31536000; includeSubDomains"))
    return ours
