"""`Http`: requests that sign in, try again where that is harmless, and raise our errors."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx

from omni_lab.errors import ConfigError, GatewayError, OmniError
from omni_lab.gateway.client.credentials import Credentials
from omni_lab.gateway.client.problems import error_of

BACKOFF_S = 0.1
LONGEST_WAIT_S = 5.0


class Http:
    """Requests to one gateway. Any thread may make them.

    Parameters
    ----------
    url : str
        Of the gateway, without a path.
    credentials : Credentials
    timeout_s : float
        Of a request.
    attempts : int
        How often a request is sent at most, if it does not come through.
    transport : httpx.BaseTransport, optional
        In place of the network.
    verify : object
        As of httpx: a context of TLS, or whether certificates are checked.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        timeout_s: float,
        attempts: int,
        transport: httpx.BaseTransport | None = None,
        verify: Any = True,
    ) -> None:
        self.url = url.rstrip("/")
        if not self.url.startswith(("http://", "https://")):
            raise ConfigError("this is no address of a gateway", found=url, expected="http://HOST:PORT")
        self._credentials, self._attempts = credentials, attempts
        self._client = httpx.Client(
            base_url=self.url, timeout=timeout_s, transport=transport, verify=verify, trust_env=False
        )

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def get(self, path: str, _good: tuple[int, ...] = (), **query: Any) -> Any:
        """What a route answers; also with a status that is good enough."""
        return self.ask("GET", path, query=query, good=_good)

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        key: str | None = None,
        repeats: bool = False,
        good: tuple[int, ...] = (),
    ) -> Any:
        """What a route answers.

        Parameters
        ----------
        method, path : str
            Path below ``/api/v1``; one that begins with a slash is from the root.
        query : mapping, optional
            What is None is left out.
        body : object, optional
            JSON.
        key : str, optional
            Idempotency key: with one, a POST is sent again where it may not have come through. ``""`` makes
            one.
        repeats : bool
            A POST that may come twice without a key.
        good : tuple of int
            Statuses besides those of success whose content is wanted.

        Returns
        -------
        object
            JSON as objects, text as text, anything else as bytes; None where there is nothing.

        Raises
        ------
        OmniError
            What the gateway's problem stands for.
        GatewayError
            If it cannot be reached.
        """
        where = f"{method} {path}"
        if key == "":
            key = secrets.token_hex(16)
        headers = {} if key is None else {"Idempotency-Key": key}
        asked = {name: _word(value) for name, value in (query or {}).items() if value is not None}
        repeats = repeats or method != "POST" or key is not None
        renewed = False
        for attempt in range(1, self._attempts + 1):
            said = self._credentials.headers(self._plainly)
            try:
                answer = self._client.request(
                    method, _full(path), params=asked, json=body, headers=headers | said
                )
            except httpx.TransportError as error:
                again = repeats or isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
                if not again or attempt == self._attempts:
                    raise _unreachable(error, self.url, where) from error
                time.sleep(BACKOFF_S * 2 ** (attempt - 1))
                continue
            if answer.is_success or answer.status_code in good:
                return _content(answer)
            if answer.status_code == 401 and self._credentials.renews and not renewed:
                renewed = True
                self._credentials.token(self._plainly, instead_of=said["Authorization"].split()[-1])
                continue
            wait = self._wait(answer, repeats)
            if wait is None or attempt == self._attempts:
                raise self._error(answer, where)
            time.sleep(wait)
        raise self._error(answer, where)

    @property
    def credentials(self) -> Credentials:
        """Who asks."""
        return self._credentials

    def headers(self, *, instead_of: str | None = None) -> dict[str, str]:
        """Who asks, for a socket; with another token than the one that was refused."""
        if instead_of is not None:
            self._credentials.token(self._plainly, instead_of=instead_of)
        return self._credentials.headers(self._plainly)

    def sign_out(self) -> None:
        """Give up what was signed in with a password; a gateway that is gone has nothing to give up."""
        if self._credentials.is_signed_in:
            with suppress(httpx.TransportError):
                self._client.post(_full("auth/logout"), headers=self._credentials.known)
            self._credentials.forget()

    def _plainly(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask without saying who: signing in itself. A refresh token must not be sent twice."""
        where = f"POST {path}"
        try:
            answer = self._client.post(_full(path), json=body)
        except httpx.TransportError as error:
            raise _unreachable(error, self.url, where) from error
        if not answer.is_success:
            raise self._error(answer, where)
        told: Mapping[str, Any] = _content(answer) or {}
        return told

    def _wait(self, answer: httpx.Response, repeats: bool) -> float | None:
        """How long to wait before the same is asked again; None if that is of no use."""
        if answer.status_code == 429 or (answer.status_code == 503 and repeats):
            try:
                wait = float(answer.headers.get("Retry-After", BACKOFF_S))
            except ValueError:
                return None
            return wait if wait <= LONGEST_WAIT_S else None
        return None

    def _error(self, answer: httpx.Response, where: str) -> OmniError:
        try:
            told = answer.json()
        except ValueError:
            told = None
        return error_of(answer.status_code, told, where=where)


def _word(value: Any) -> str:
    """A value in a query."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _full(path: str) -> str:
    return path if path.startswith("/") else f"/api/v1/{path}"


def _content(answer: httpx.Response) -> Any:
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    if not answer.content:
        return None
    if kind == "application/json":
        return answer.json()
    return answer.text if kind.startswith("text/") else answer.content


def _unreachable(error: httpx.TransportError, url: str, where: str) -> GatewayError:
    return GatewayError(
        "the gateway cannot be reached",
        found=f"{type(error).__name__}: {error}",
        where=f"{where} at {url}",
        hint="Is it running? `omni serve` starts it.",
    )
