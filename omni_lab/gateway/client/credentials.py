"""How a client says who it is: nothing, a token, an API key, or a name and a password that get tokens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from omni_lab.errors import ConfigError, ForbiddenError

EARLY_S = 30.0
"""A token is replaced this long before it is over, or at half of its life if that is shorter."""

Post = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""Asks a route for something without saying who asks."""


class Credentials:
    """How a client says who it is. Any thread may ask for it; one token is fetched for all.

    Parameters
    ----------
    token : str, optional
        An access token that somebody else looks after.
    key : str, optional
        An API key.
    username, password : str, optional
        Sign in, and again where the refresh token is no longer good.

    Raises
    ------
    ConfigError
        If there is more than one of these, or half of one.
    """

    def __init__(
        self,
        *,
        token: str | None = None,
        key: str | None = None,
        username: str | None = None,
        password: str | None = None,
    ) -> None:
        given = [token is not None, key is not None, username is not None or password is not None]
        if sum(given) > 1 or (username is None) != (password is None):
            raise ConfigError("sign in by a token, by a key, or by username and password")
        self._token, self._key = token, key
        self._username, self._password = username, password
        self._refresh: str | None = None
        self._renew_at = 0.0
        self._lock = threading.Lock()

    @property
    def renews(self) -> bool:
        """Whether there is more to be had than what was given."""
        return self._username is not None

    @property
    def is_due(self) -> bool:
        """Whether the token is nearly over."""
        return self.renews and time.monotonic() >= self._renew_at

    def headers(self, post: Post) -> dict[str, str]:
        """Of a request, with a token that is good for a while."""
        if self._key is not None:
            return {"X-API-Key": self._key}
        self.token(post)
        return self.known

    def token(self, post: Post, *, instead_of: str | None = None) -> str | None:
        """The access token; a new one if it is nearly over, or the one that was refused.

        Parameters
        ----------
        post : callable
        instead_of : str, optional
            A token that was refused.
        """
        if not self.renews:
            return self._token
        with self._lock:
            if self._token is None or self.is_due or self._token == instead_of:
                self._take(self._ask(post))
            return self._token

    @property
    def is_signed_in(self) -> bool:
        """Whether this signed in by itself."""
        return self.renews and self._token is not None

    @property
    def known(self) -> dict[str, str]:
        """Headers with the token that there is, good or not."""
        return {} if self._token is None else {"Authorization": f"Bearer {self._token}"}

    def forget(self) -> None:
        """Forget the tokens."""
        with self._lock:
            self._token = self._refresh = None

    def _ask(self, post: Post) -> Mapping[str, Any]:
        if self._refresh is not None:
            # Used once: what was sent and not answered must not be sent again.
            refresh, self._refresh = self._refresh, None
            try:
                return post("auth/refresh", {"refresh_token": refresh})
            except ForbiddenError:
                pass
        return post("auth/login", {"username": self._username, "password": self._password})

    def _take(self, told: Mapping[str, Any]) -> None:
        self._token, self._refresh = told["access_token"], told.get("refresh_token")
        life = float(told.get("expires_in", 900.0))
        self._renew_at = time.monotonic() + life - min(EARLY_S, life / 2)
