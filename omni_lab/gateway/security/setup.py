"""The first user: whoever has the token that the first start printed makes him."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from typing import Final

from omni_lab.errors import ForbiddenError
from omni_lab.gateway.security import tables
from omni_lab.gateway.security.directory import User
from omni_lab.gateway.security.users import Users
from omni_lab.store.database import reading, sa
from omni_lab.system.people import Role

GOOD_FOR_S: Final = 3600


class OneTimeToken:
    """The token of the first start.

    Parameters
    ----------
    engine : Engine
    users : Users
    """

    def __init__(self, engine: sa.Engine, users: Users) -> None:
        self._engine = engine
        self._users = users

    @property
    def needed(self) -> bool:
        """Whether there is no user yet."""
        with reading(self._engine) as connection:
            return connection.execute(sa.select(tables.users.c.name).limit(1)).scalar() is None

    def make(self) -> str:
        """A token, good for an hour, in place of any before it. It is printed, and kept as a hash."""
        token = f"omni1_{secrets.token_urlsafe(24)}"
        until = int(time.time()) + GOOD_FOR_S
        with self._engine.begin() as connection:
            tables.put(connection, tables.ONE_TIME, f"{until} {_hash(token)}")
        return token

    def redeem(self, token: str, name: str, password: str) -> User:
        """Make the first admin.

        Raises
        ------
        ForbiddenError
            If it is not the token, or its hour is over.
        StateError
            If there is a user already.
        ConfigError
            If name or password will not do; the token can be used again then.
        """
        with reading(self._engine) as connection:
            until, _, known = (tables.get(connection, tables.ONE_TIME) or "0 ").partition(" ")
        if not hmac.compare_digest(known, _hash(token)) or int(until) <= time.time():
            raise ForbiddenError(
                "this is not the one-time token, or its hour is over",
                hint="Start the gateway again: it prints a new one.",
            )
        user = self._users.add(name, password, Role.ADMIN, only_first=True)
        with self._engine.begin() as connection:
            tables.put(connection, tables.ONE_TIME, None)
        return user


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
