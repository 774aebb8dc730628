"""Sessions and their tokens: JWT for a short time, and refresh tokens that are used once."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Any, Final

import jwt

from omni_lab.gateway.security import tables
from omni_lab.gateway.security.directory import Directory, User, user_of
from omni_lab.gateway.security.settings import SecuritySettings
from omni_lab.gateway.security.vault import Cipher
from omni_lab.store.database import sa
from omni_lab.system.people import LOCAL, Person

ISSUER: Final = "omni-lab"
ACCESS: Final = "omni-lab-api"
"""Audience of bearer tokens."""
BROWSER: Final = "omni-lab-browser"
"""Audience of session cookies: neither passes for the other."""
_LONGEST = 4096
_CLAIMS = ["iss", "aud", "sub", "role", "iat", "nbf", "exp", "jti", "ver", "sid"]
_SIGN_FOR_S = 30 * 86400
_TYPE = "at+jwt"


class NotSignedInError(Exception):
    """What was shown lets nobody in.

    Parameters
    ----------
    reason : str
        For the log; whoever asks learns no more than whether its time is over.
    expired : bool, optional
    """

    def __init__(self, reason: str, *, expired: bool = False) -> None:
        super().__init__(reason)
        self.expired = expired


@dataclass(frozen=True, slots=True)
class Session:
    """Who a token speaks for.

    Attributes
    ----------
    person : Person
    id : str
        Of the log-in; of the key for API keys.
    expires : float or None
        Seconds since 1970.
    kind : str
        ``"local"``, ``"access"``, ``"browser"`` or ``"key"``.
    version : int
        Of the user, where it is a token.
    csrf : str
        What a browser has to send with everything that changes something.
    """

    person: Person
    id: str
    expires: float | None
    kind: str
    version: int = 0
    csrf: str = ""


OF_THIS_MACHINE: Final = Session(LOCAL, "local", None, "local")
"""That of local mode."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What a log-in gives to a program: the tokens, and when each ends (seconds since 1970)."""

    access: str
    refresh: str
    access_expires: int
    refresh_expires: int


class Tokens:
    """Makes tokens and reads them.

    Parameters
    ----------
    engine : Engine
    cipher : Cipher
    directory : Directory
    settings : SecuritySettings
    """

    def __init__(
        self, engine: sa.Engine, cipher: Cipher, directory: Directory, settings: SecuritySettings
    ) -> None:
        self._engine = engine
        self._cipher = cipher
        self._directory = directory
        self._settings = settings
        self._rotate_if_due()

    def verify(self, token: str, *, audience: str = ACCESS) -> Session:
        """Who a token speaks for.

        Raises
        ------
        NotSignedInError
            If it was not made here for this audience, is not good now, or its session or user has ended.
        """
        if len(token) > _LONGEST:
            raise NotSignedInError("longer than any token")
        now = self._directory.now
        try:
            header = jwt.get_unverified_header(token)
            secret = now.signing.get(header.get("kid", ""))
            if secret is None or header.get("typ") != _TYPE:
                raise NotSignedInError("signed by no key of ours")
            said = jwt.decode(
                token,
                secret,
                algorithms=["HS256"],
                audience=audience,
                issuer=ISSUER,
                options={"require": _CLAIMS, "strict_aud": True},
            )
        except jwt.ExpiredSignatureError as error:
            raise NotSignedInError("expired", expired=True) from error
        except (jwt.InvalidTokenError, TypeError, ValueError) as error:
            raise NotSignedInError(f"{type(error).__name__}: {error}") from error
        user = now.users.get(said["sub"])
        if user is None or not user.active or user.version != said["ver"] or user.role != said["role"]:
            raise NotSignedInError("the user has changed since")
        if said["sid"] in now.revoked:
            raise NotSignedInError("signed out")
        person, kind = Person(user.name, user.role), "browser" if audience == BROWSER else "access"
        csrf = str(said.get("csrf", ""))
        return Session(person, str(said["sid"]), float(said["exp"]), kind, user.version, csrf)

    def good(self, session: Session) -> bool:
        """Whether the session of a token that was verified has not ended since."""
        now = self._directory.now
        user = now.users.get(session.person.name)
        return (
            user is not None
            and user.active
            and user.version == session.version
            and session.id not in now.revoked
            and (session.expires is None or session.expires > time.time())
        )

    def begin(self, user: User) -> Pair:
        """Sign a program in."""
        now = int(time.time())
        until = now + self._settings.refresh_s
        with self._engine.begin() as connection:
            session = self._new_session(connection, user, "program", until)
            refresh = self._new_refresh(connection, session, until)
        return self._pair(user, session, refresh, until)

    def refresh(self, token: str) -> Pair:
        """New tokens for a refresh token, which is used up by it.

        Raises
        ------
        NotSignedInError
            If it is none of ours or over. One that was used before ends its whole session: one of the two who
            had it has stolen it.
        """
        now, r, s = int(time.time()), tables.refreshes.c, tables.sessions.c
        digest = _hash(token)
        with self._engine.begin() as connection:
            query = sa.select(
                r.session, r.expires, r.used, s.user, s.expires, s.revoked, s.version
            ).select_from(tables.refreshes.join(tables.sessions, r.session == s.id))
            found = connection.execute(query.where(r.hash == digest).with_for_update()).one_or_none()
            replayed = found is not None and found.used is not None
            good = found is not None and not replayed and found.revoked is None and found[4] > now < found[1]
            user = self._user(connection, found) if found is not None and good else None
            if replayed and found is not None:
                self._revoke(connection, s.id == found.session)
            elif found is not None and user is not None:
                connection.execute(tables.refreshes.update().where(r.hash == digest).values(used=now))
                fresh = self._new_refresh(connection, found.session, found[4])
        if found is None or user is None:
            if replayed:
                self._directory.reload()
                raise NotSignedInError("a refresh token was used twice: its session has ended")
            raise NotSignedInError("no refresh token of ours, or over")
        return self._pair(user, str(found.session), fresh, int(found[4]))

    def begin_browser(self, user: User) -> tuple[str, int]:
        """Sign a browser in: what its cookie holds, and when it ends."""
        until = int(time.time()) + self._settings.session_s
        with self._engine.begin() as connection:
            session = self._new_session(connection, user, "browser", until)
        return self._signed(user, session, BROWSER, until), until

    def end(self, session: str) -> None:
        """Sign out: nothing of this session is good any more."""
        with self._engine.begin() as connection:
            self._revoke(connection, tables.sessions.c.id == session)
        self._directory.reload()

    def end_of(self, refresh: str, user: str) -> None:
        """Sign out of the session of a refresh token, if it is that user's."""
        digest, r, s = _hash(refresh), tables.refreshes.c, tables.sessions.c
        with self._engine.begin() as connection:
            of_token = sa.select(r.session).where(r.hash == digest).scalar_subquery()
            self._revoke(connection, sa.and_(s.id == of_token, s.user == user))
        self._directory.reload()

    def end_all(self, user: str) -> None:
        """Sign a user out everywhere."""
        with self._engine.begin() as connection:
            self._revoke(connection, tables.sessions.c.user == user)
        self._directory.reload()

    def rotate(self) -> str:
        """Sign by a new key from now on; the ``kid``. What the old ones signed stays good for its time."""
        now = int(time.time())
        with self._engine.begin() as connection:
            kid = self._new_key(connection, now)
        self._directory.reload()
        return kid

    def sweep(self) -> int:
        """Forget what has been over for a day: sessions, refresh tokens, signing keys; how many rows."""
        past = int(time.time()) - 86400
        keys, n_rows = tables.signing_keys, 0
        with self._engine.begin() as connection:
            for table in (tables.refreshes, tables.sessions):
                n_rows += connection.execute(table.delete().where(table.c.expires < past)).rowcount
            over = keys.c.retired < past - self._settings.session_s
            n_rows += connection.execute(keys.delete().where(over)).rowcount
        return n_rows

    def _rotate_if_due(self) -> None:
        now, keys = int(time.time()), tables.signing_keys.c
        with self._engine.begin() as connection:
            tables.changed(connection)  # its lock lets one process after the other look
            newest = connection.execute(
                sa.select(sa.func.max(keys.created)).where(keys.retired.is_(None))
            ).scalar()
            if newest is None or newest < now - _SIGN_FOR_S:
                self._new_key(connection, now)
        self._directory.reload()

    def _new_key(self, connection: sa.Connection, now: int) -> str:
        keys = tables.signing_keys
        tables.changed(connection)
        connection.execute(keys.update().where(keys.c.retired.is_(None)).values(retired=now))
        kid, secret = secrets.token_hex(8), self._cipher.encrypt(secrets.token_hex(32))
        connection.execute(keys.insert().values(kid=kid, secret=secret, created=now))
        return kid

    def _new_session(self, connection: sa.Connection, user: User, kind: str, until: int) -> str:
        session, now = secrets.token_hex(12), int(time.time())
        row = {"id": session, "user": user.name, "kind": kind, "version": user.version}
        row |= {"created": now, "expires": until}
        connection.execute(tables.sessions.insert().values(**row))
        return session

    def _new_refresh(self, connection: sa.Connection, session: str, until: int) -> str:
        token = f"omnir_{secrets.token_urlsafe(32)}"
        row = {"hash": _hash(token), "session": session, "expires": until}
        connection.execute(tables.refreshes.insert().values(**row))
        return token

    def _revoke(self, connection: sa.Connection, which: sa.ColumnElement[bool]) -> None:
        not_yet = tables.sessions.c.revoked.is_(None)
        connection.execute(tables.sessions.update().where(which, not_yet).values(revoked=int(time.time())))
        tables.changed(connection)

    def _user(self, connection: sa.Connection, session: Any) -> User | None:
        columns = [tables.users.c[each] for each in User.__dataclass_fields__]
        row = connection.execute(sa.select(*columns).where(tables.users.c.name == session.user)).one_or_none()
        return user_of(row) if row is not None and row.active and row.version == session.version else None

    def _pair(self, user: User, session: str, refresh: str, until: int) -> Pair:
        ends = min(int(time.time()) + self._settings.access_s, until)
        return Pair(self._signed(user, session, ACCESS, ends), refresh, ends, until)

    def _signed(self, user: User, session: str, audience: str, until: int) -> str:
        now = int(time.time())
        said: dict[str, str | int] = {
            "iss": ISSUER,
            "aud": audience,
            "sub": user.name,
            "role": user.role.value,
            "iat": now,
            "nbf": now,
            "exp": until,
            "jti": secrets.token_hex(8),
            "ver": user.version,
            "sid": session,
        }
        if audience == BROWSER:
            said["csrf"] = secrets.token_urlsafe(24)
        kid = self._directory.now.kid
        secret = self._directory.now.signing[kid]
        return jwt.encode(said, secret, algorithm="HS256", headers={"kid": kid, "typ": _TYPE})


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
