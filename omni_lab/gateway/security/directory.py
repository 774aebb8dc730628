"""What everybody who checks credentials has to know, in memory: it is read again when somebody changed it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from omni_lab.gateway.security import tables
from omni_lab.gateway.security.vault import Cipher
from omni_lab.store.database import exc, reading, sa
from omni_lab.system.people import Action, Role

logger = logging.getLogger(__name__)

STALE_S: Final = 1.0
"""How old what is in memory may be: by then a user removed elsewhere is not let in any more."""


@dataclass(frozen=True, slots=True)
class User:
    """A user as his row says, without the password."""

    name: str
    role: Role
    active: bool
    version: int
    created: int
    changed: int


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as its row says."""

    id: str
    hash: str
    owner: str
    label: str
    scopes: frozenset[Action]
    created: int
    expires: int | None
    last_used: int | None
    revoked: int | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All of it at one time.

    Attributes
    ----------
    changes : int
        How many changes there had been.
    users : mapping of str to User
    api_keys : mapping of str to ApiKey
        Not revoked ones.
    signing : mapping of str to bytes
        Secrets by ``kid``, also retired ones that may have tokens left.
    kid : str
        Of the one that signs; empty where there is none.
    revoked : frozenset of str
        Sessions ended of which an access token or cookie may still be good by its time.
    """

    changes: int
    users: Mapping[str, User]
    api_keys: Mapping[str, ApiKey]
    signing: Mapping[str, bytes]
    kid: str
    revoked: frozenset[str]


class Directory:
    """The newest snapshot.

    Parameters
    ----------
    engine : Engine
    cipher : Cipher
        Opens the signing keys.
    keep_s : int
        How long the longest token lives that is not in a table.
    """

    def __init__(self, engine: sa.Engine, cipher: Cipher, *, keep_s: int) -> None:
        self._engine = engine
        self._cipher = cipher
        self._keep_s = keep_s
        self._lock = threading.Lock()
        self._checked = 0.0
        self._listeners: list[Callable[[], None]] = []
        self.now = self._read()

    def listen(self, told: Callable[[], None]) -> None:
        """Be told, in whichever thread, after it has changed."""
        self._listeners.append(told)

    @property
    def stale(self) -> bool:
        """Whether it is time to look."""
        return time.monotonic() - self._checked > STALE_S

    def look(self) -> None:
        """Read it again if somebody changed it. A database that does not answer leaves what there is."""
        if not self.stale or not self._lock.acquire(blocking=False):
            return
        try:
            self._checked = time.monotonic()
            with reading(self._engine) as connection:
                if int(tables.get(connection, tables.CHANGES) or 0) == self.now.changes:
                    return
        except exc.SQLAlchemyError:
            logger.exception("users and keys cannot be read")
            return
        finally:
            self._lock.release()
        self.reload()

    def reload(self) -> None:
        """Read it again."""
        with self._lock:
            self.now = self._read()
        for told in self._listeners:
            told()

    def _read(self) -> Snapshot:
        self._checked = time.monotonic()
        with reading(self._engine) as connection:
            # The number first: a change that comes in between is read twice, not missed.
            changes = int(tables.get(connection, tables.CHANGES) or 0)
            since = int(time.time()) - self._keep_s
            signing, sessions = tables.signing_keys.c, tables.sessions.c
            keys = connection.execute(
                sa.select(tables.signing_keys).order_by(signing.created, signing.kid)
            ).all()
            secrets = {
                str(row.kid): bytes.fromhex(self._cipher.decrypt(row.secret))
                for row in keys
                if row.retired is None or row.retired >= since
            }
            current = [str(row.kid) for row in keys if row.retired is None]
            ended = connection.execute(sa.select(sessions.id).where(sessions.revoked >= since))
            return Snapshot(
                changes=changes,
                users={user.name: user for user in map(user_of, connection.execute(sa.select(*_USER)))},
                api_keys={
                    key.id: key
                    for key in map(api_key_of, connection.execute(sa.select(tables.api_keys)))
                    if key.revoked is None
                },
                signing=secrets,
                kid=current[-1] if current else "",
                revoked=frozenset(str(row.id) for row in ended),
            )


_USER = [tables.users.c[name] for name in ("name", "role", "active", "version", "created", "changed")]


def user_of(row: sa.Row[Any]) -> User:
    """A user by the columns of his row, the password left out."""
    name, role, active, version, created, changed = tuple(row)
    return User(
        str(name), Role(str(role)), bool(active), int(str(version)), int(str(created)), int(str(changed))
    )


def api_key_of(row: sa.Row[Any]) -> ApiKey:
    """A key by its row."""
    values = dict(row._mapping)
    values["scopes"] = frozenset(Action(each) for each in str(values["scopes"]).split())
    return ApiKey(**values)
