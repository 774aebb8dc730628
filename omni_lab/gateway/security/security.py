"""`Security`: all that the guard needs, wired once for a process."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Final

from omni_lab.gateway.security.api_keys import PREFIX, ApiKeys
from omni_lab.gateway.security.audit import Audit
from omni_lab.gateway.security.directory import Directory, Snapshot
from omni_lab.gateway.security.hashing import Hashing
from omni_lab.gateway.security.limits import Limits, MemoryLimits
from omni_lab.gateway.security.settings import SecuritySettings
from omni_lab.gateway.security.setup import OneTimeToken
from omni_lab.gateway.security.tables import open_tables
from omni_lab.gateway.security.tokens import ACCESS, BROWSER, OF_THIS_MACHINE, Session, Tokens
from omni_lab.gateway.security.users import Users
from omni_lab.gateway.security.vault import Cipher, Secrets

_REMEMBERED: Final = 10_000


class Security:
    """Users, tokens, keys, secrets, limits and the audit log of a gateway.

    Parameters
    ----------
    settings : SecuritySettings

    Attributes
    ----------
    settings : SecuritySettings
    engine : Engine
    directory : Directory
    audit : Audit
    users : Users
    tokens : Tokens
    keys : ApiKeys
    secrets : Secrets
    setup : OneTimeToken
    limits : Limits

    Raises
    ------
    ConfigError
        If database or keys cannot be used.
    MissingExtraError
        If Redis is asked for and its package is not there: extra ``redis``.
    """

    def __init__(self, settings: SecuritySettings) -> None:
        self.settings = settings
        self.engine = open_tables(settings.database)
        cipher = Cipher(settings.key_file)
        keep_s = max(settings.session_s, settings.access_s) + 60
        self.directory = Directory(self.engine, cipher, keep_s=keep_s)
        self.audit = Audit(self.engine)
        self.users = Users(self.engine, self.directory, cost=settings.bcrypt_cost)
        self.tokens = Tokens(self.engine, cipher, self.directory, settings)
        self.keys = ApiKeys(self.engine, self.directory)
        self.secrets = Secrets(self.engine, cipher)
        self.setup = OneTimeToken(self.engine, self.users)
        self.limits: Limits = _limits(settings)
        self.told = Throttle()
        self.hashing = Hashing()
        self._verified: dict[tuple[str, str], tuple[Snapshot, Session]] = {}

    def verify(self, credential: str, *, browser: bool = False) -> Session:
        """Who a token or key speaks for. It is remembered until it ends or anything changes.

        Parameters
        ----------
        credential : str
            An access token or an API key; of a browser, its cookie.
        browser : bool, optional

        Raises
        ------
        NotSignedInError
            If it lets nobody in.
        """
        if not self.settings.users:
            return OF_THIS_MACHINE
        audience = BROWSER if browser else ACCESS
        snapshot = self.directory.now
        known, found = self._verified.get((audience, credential), (None, OF_THIS_MACHINE))
        if known is snapshot and (found.expires is None or found.expires > time.time()):
            return found
        if not browser and credential.startswith(PREFIX):
            session = self.keys.verify(credential)
        else:
            session = self.tokens.verify(credential, audience=audience)
        if len(self._verified) >= _REMEMBERED:
            self._verified.clear()
        self._verified[audience, credential] = snapshot, session
        return session

    def good(self, session: Session) -> bool:
        """Whether a session has not ended since it was verified."""
        if session.kind == "local":
            return True
        return self.keys.good(session) if session.kind == "key" else self.tokens.good(session)

    async def close(self) -> None:
        """Let everything go."""
        await self.limits.close()
        self.hashing.close()
        self.keys.note_use()
        self.engine.dispose()


class Throttle:
    """Says a thing once a minute, so that nobody can fill a log with it.

    Parameters
    ----------
    every_s : float, optional
    most : int, optional
        Things remembered.
    """

    def __init__(self, every_s: float = 60.0, most: int = 10_000) -> None:
        self._every_s = every_s
        self._most = most
        self._said: OrderedDict[tuple[str, ...], list[float]] = OrderedDict()

    def again(self, *thing: str) -> int | None:
        """How often it was left unsaid since it was said last; None if it is to be left unsaid now."""
        now = time.monotonic()
        found = self._said.get(thing)
        if found is not None and now - found[0] < self._every_s:
            found[1] += 1
            return None
        if found is None and len(self._said) >= self._most:
            self._said.popitem(last=False)
        self._said[thing] = [now, 0]
        self._said.move_to_end(thing)
        return 0 if found is None else int(found[1])


def _limits(settings: SecuritySettings) -> Limits:
    if settings.redis is None:
        return MemoryLimits(settings.rates)
    from omni_lab.gateway.security.redis_limits import RedisLimits

    return RedisLimits(settings.redis, settings.rates)
