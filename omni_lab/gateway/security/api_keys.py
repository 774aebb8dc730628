"""API keys: for programs that do not sign in. What is kept of a key is its hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Collection
from typing import Final

from omni_lab.errors import ConfigError, ForbiddenError, SourceError
from omni_lab.gateway.security import tables
from omni_lab.gateway.security.directory import ApiKey, Directory
from omni_lab.gateway.security.tokens import NotSignedInError, Session
from omni_lab.store.database import sa
from omni_lab.system.people import ALLOWED, Action, Person

PREFIX: Final = "omni_"
OVERLAP_S: Final = 86400
"""How long a key that was rotated still works."""
_NOTE_EVERY_S = 60


class ApiKeys:
    """Makes keys and reads them.

    Parameters
    ----------
    engine : Engine
    directory : Directory
    """

    def __init__(self, engine: sa.Engine, directory: Directory) -> None:
        self._engine = engine
        self._directory = directory
        self._used: dict[str, int] = {}
        self._lock = threading.Lock()

    def verify(self, key: str) -> Session:
        """Who a key speaks for: its owner, with no more than its scopes.

        Raises
        ------
        NotSignedInError
            If it is none of ours, over or revoked, or its owner may not sign in.
        """
        identity = key[len(PREFIX) :].partition("_")[0] if key.startswith(PREFIX) else ""
        now = self._directory.now
        found = now.api_keys.get(identity)
        given = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        if found is None or not hmac.compare_digest(found.hash, given):
            raise NotSignedInError("no key of ours")
        owner = now.users.get(found.owner)
        if owner is None or not owner.active:
            raise NotSignedInError("the owner of the key may not sign in")
        if found.expires is not None and found.expires <= time.time():
            raise NotSignedInError("the key is over", expired=True)
        return Session(
            Person(owner.name, owner.role, found.scopes),
            found.id,
            None if found.expires is None else float(found.expires),
            "key",
        )

    def good(self, session: Session) -> bool:
        """Whether a key that was verified is still good for the same."""
        now = self._directory.now
        found, owner = now.api_keys.get(session.id), now.users.get(session.person.name)
        return (
            found is not None
            and owner is not None
            and owner.active
            and owner.role == session.person.role
            and (found.expires is None or found.expires > time.time())
        )

    def make(
        self, owner: str, *, label: str, scopes: Collection[Action] | None = None, expires: int | None = None
    ) -> tuple[str, ApiKey]:
        """A new key: its text, which is never shown again, and its row.

        Parameters
        ----------
        owner : str
        label : str
            What it is for.
        scopes : collection of Action, optional
            What it may do; all that the owner may by default.
        expires : int, optional
            Seconds since 1970; never by default.

        Raises
        ------
        ConfigError
            If it is over already, or may do nothing.
        ForbiddenError
            If the owner may not do what it should.
        SourceError
            If there is no such user.
        """
        self._directory.reload()
        if (user := self._directory.now.users.get(owner)) is None:
            raise SourceError("there is no such user", found=owner)
        wanted = frozenset(ALLOWED[user.role] if scopes is None else scopes)
        if not wanted:
            raise ConfigError("a key that may do nothing", expected=sorted(Action), where="scopes")
        if beyond := wanted - ALLOWED[user.role]:
            raise ForbiddenError(
                "a key may not do more than its owner",
                found=sorted(beyond),
                expected=sorted(ALLOWED[user.role]),
                where="scopes",
            )
        if expires is not None and expires <= time.time():
            raise ConfigError("the key would be over already", found=expires, where="expires")
        identity = secrets.token_hex(4)
        text = f"{PREFIX}{identity}_{secrets.token_urlsafe(32)}"
        row = {
            "id": identity,
            "hash": hashlib.sha256(text.encode()).hexdigest(),
            "owner": owner,
            "label": label[:200],
            "scopes": " ".join(sorted(wanted)),
            "created": int(time.time()),
            "expires": expires,
        }
        with self._engine.begin() as connection:
            connection.execute(tables.api_keys.insert().values(**row))
            tables.changed(connection)
        self._directory.reload()
        return text, self.get(identity)

    def get(self, identity: str) -> ApiKey:
        """A key that is not revoked.

        Raises
        ------
        SourceError
            If there is none.
        """
        if (found := self._directory.now.api_keys.get(identity)) is None:
            raise SourceError("there is no such key", found=identity)
        return found

    def of(self, owner: str | None = None) -> list[ApiKey]:
        """Keys that are not revoked, of one user or all, the oldest first."""
        self.note_use()
        self._directory.reload()
        keys = self._directory.now.api_keys.values()
        return sorted(
            (key for key in keys if owner in (None, key.owner)), key=lambda key: (key.created, key.id)
        )

    def rotate(self, identity: str, *, overlap_s: int = OVERLAP_S) -> tuple[str, ApiKey]:
        """A new key in place of one, which works for a while yet.

        The new one has the same scopes, as far as the owner still has them, and the same length of life.
        """
        old = self.get(identity)
        now = int(time.time())
        owner = self._directory.now.users.get(old.owner)
        allowed = ALLOWED[owner.role] if owner else frozenset()
        expires = None if old.expires is None else now + (old.expires - old.created)
        made = self.make(old.owner, label=old.label, scopes=old.scopes & allowed, expires=expires)
        until = now + overlap_s if old.expires is None else min(old.expires, now + overlap_s)
        self._change(identity, expires=until)
        return made

    def revoke(self, identity: str) -> None:
        """End a key now."""
        self.get(identity)
        self._change(identity, revoked=int(time.time()))

    def used(self, identity: str) -> bool:
        """Remember that a key was used; whether it is time to write down when."""
        now = int(time.time())
        with self._lock:
            self._used[identity] = now
        known = self._directory.now.api_keys.get(identity)
        return known is not None and now - (known.last_used or 0) >= _NOTE_EVERY_S

    def note_use(self) -> None:
        """Write down when keys were used last."""
        with self._lock:
            used, self._used = self._used, {}
        if not used:
            return
        with self._engine.begin() as connection:
            for identity, at in used.items():
                connection.execute(
                    tables.api_keys.update().where(tables.api_keys.c.id == identity).values(last_used=at)
                )
        self._directory.reload()

    def _change(self, identity: str, **values: object) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                tables.api_keys.update().where(tables.api_keys.c.id == identity).values(**values)
            )
            tables.changed(connection)
        self._directory.reload()
