"""The questions at the door: is this path one, is this host ours, does this page speak for us."""

from __future__ import annotations

import hmac
import re
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from omni_lab.gateway.security.headers import DASHBOARD, Asked
from omni_lab.gateway.security.refusals import RefusedError
from omni_lab.gateway.security.settings import LOOPBACK, SecuritySettings

OPEN: Final = frozenset(
    {
        "/login",
        "/setup",
        "/logout",
        "/health/live",
        "/health/ready",
        "/api/v1/auth/login",
        "/api/v1/auth/refresh",
    }
)
"""Paths that ask nobody who he is; everything else does."""
FORMS: Final = frozenset({"/login", "/setup", "/logout"})
"""Forms of pages without a script: they carry what a header would."""
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_TRICKS = re.compile(rb"//|\\|%2f|%5c|%00|[\x00-\x20\x7f]", re.I)
_LOGINS = frozenset({"/login", "/setup", "/api/v1/auth/login", "/api/v1/auth/refresh"})


def check_path(path: str, raw: bytes) -> None:
    """Refuse what different parts of a server might read as different paths.

    Raises
    ------
    RefusedError
        With 404: two slashes together, a segment ``.`` or ``..``, a back slash, an encoded slash or
        control character.
    """
    if not _is_plain(path, raw):
        raise RefusedError(404, "there is no such path", code=4404, reason="path")


def check_host(host: str | None, settings: SecuritySettings) -> None:
    """Refuse a name that is not ours: a page may have had its own name point here.

    Raises
    ------
    RefusedError
        With 421.
    """
    ours = settings.hosts or (() if settings.users else LOOPBACK)
    name = _without_port(host or "")
    if ours and name not in ours:
        raise RefusedError(421, "this is not the host you are looking for", reason="host")


def check_origin(asked: Asked, settings: SecuritySettings, *, needed: bool) -> None:
    """Refuse what a page of another origin sends.

    Parameters
    ----------
    asked : Asked
    settings : SecuritySettings
    needed : bool
        Whether the origin has to be said: by browsers that open a socket.

    Raises
    ------
    RefusedError
        With 403.
    """
    if asked.origin is None:
        if needed or asked.site in ("cross-site", "same-site"):
            raise RefusedError(403, "from here only pages of this server may do that", reason="origin")
        return
    if asked.origin in settings.origins:
        return
    scheme, _, rest = asked.origin.lower().partition("://")
    default = {"http": "80", "https": "443"}.get(scheme, "")
    own = (asked.host or "").lower()
    same = rest.removesuffix(f":{default}") == own.removesuffix(f":{default}")
    if scheme != ("https" if settings.tls else "http") or not rest or not same:
        raise RefusedError(403, "from there nothing may be done here", reason="origin")


def check_csrf(given: str | None, expected: str) -> None:
    """Refuse what a browser sends without what only a page of ours could read.

    Raises
    ------
    RefusedError
        With 403.
    """
    if not expected or not hmac.compare_digest((given or "").encode(), expected.encode()):
        raise RefusedError(403, "the header X-CSRF-Token is missing or wrong", reason="csrf")


def check_session_id(query: bytes, asked: Asked) -> None:
    """Refuse a session of the dashboard that somebody else has chosen the name of.

    Raises
    ------
    RefusedError
        With 403.
    """
    named = any(name.lower() == "bokeh-session-id" for name, _ in parse_qsl(query.decode("latin-1"), True))
    if named or any(name == b"bokeh-session-id" for name, _ in asked.passed):
        raise RefusedError(403, "a session is not chosen by its name", reason="session id")


def class_of(method: str, path: str) -> str:
    """The class of a request for the limits."""
    if path in _LOGINS and method not in SAFE:
        return "address"
    return "read" if method in SAFE else "write"


def is_dashboard(path: str) -> bool:
    """Whether it is a page, socket or file of the dashboard."""
    return path == DASHBOARD or path.startswith(f"{DASHBOARD}/")


def local_target(wanted: str | None) -> str:
    """Where to go after a log-in: a path of ours, and the dashboard for anything else."""
    target = wanted or ""
    parts = urlsplit(target)
    plain = target.startswith("/") and not parts.scheme and not parts.netloc and "\\" not in target
    if not plain or target.startswith("//") or any(ord(each) < 33 or ord(each) > 126 for each in target):
        return f"{DASHBOARD}"
    return target


def _without_port(host: str) -> str:
    host = host.lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


@lru_cache(4096)
def _is_plain(path: str, raw: bytes) -> bool:
    dots = any(segment in (".", "..") for segment in path.split("/"))
    return path.startswith("/") and not (dots or _TRICKS.search(raw) or "\\" in path or "//" in path)
