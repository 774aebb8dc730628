"""Users: names, passwords, roles. A change of any of them ends what the user had signed in to."""

from __future__ import annotations

import re
import secrets
import time
from functools import cache
from typing import Final

from omni_lab.errors import ConfigError, SourceError, StateError
from omni_lab.gateway.security import passwords, tables
from omni_lab.gateway.security.directory import Directory, User
from omni_lab.store.database import exc, reading, sa
from omni_lab.system.people import LOCAL, Role

NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
"""Lower case, so that two names do not differ by that alone."""


class Users:
    """Who may sign in.

    Parameters
    ----------
    engine : Engine
    directory : Directory
        Told after a change.
    cost : int
        Of bcrypt.
    """

    def __init__(self, engine: sa.Engine, directory: Directory, *, cost: int) -> None:
        self._engine = engine
        self._directory = directory
        self._cost = cost

    def all(self) -> list[User]:
        """Every user by name."""
        self._directory.reload()
        return sorted(self._directory.now.users.values(), key=lambda user: user.name)

    def get(self, name: str) -> User:
        """A user.

        Raises
        ------
        SourceError
            If there is none of that name.
        """
        self._directory.reload()
        if (found := self._directory.now.users.get(name)) is None:
            raise SourceError("there is no such user", found=name)
        return found

    def add(self, name: str, password: str, role: Role, *, only_first: bool = False) -> User:
        """A new user.

        Parameters
        ----------
        name : str
            1–64 of ``a-z0-9._-``.
        password : str
        role : Role
        only_first : bool, optional
            Refuse if there is any other.

        Raises
        ------
        ConfigError
            If name or password will not do.
        StateError
            If there is a user of that name, or any with ``only_first``.
        """
        if not NAME.fullmatch(name) or name == LOCAL.name:
            raise ConfigError(
                "this is no name of a user", found=name[:80], expected="1–64 of a-z 0-9 . _ -", where="name"
            )
        passwords.check_new(password, name=name)
        known, now = passwords.hashed(password, cost=self._cost), int(time.time())
        row = {"name": name, "password": known, "role": role.value, "active": True, "version": _version()}
        try:
            with self._engine.begin() as connection:
                tables.changed(connection)  # first: in PostgreSQL its lock lets one in after the other
                if only_first and connection.execute(sa.select(tables.users.c.name).limit(1)).scalar():
                    raise StateError("there is a user already", hint="Let an admin add others.")
                connection.execute(tables.users.insert().values(**row, created=now, changed=now))
        except exc.IntegrityError as error:
            raise StateError("there is a user of that name", found=name, where="name") from error
        return self.get(name)

    def check(self, name: str, password: str) -> User | None:
        """The active user with that password, or None: it takes as long for nobody as for somebody."""
        with reading(self._engine) as connection:
            known = connection.execute(
                sa.select(tables.users.c.password).where(tables.users.c.name == name, tables.users.c.active)
            ).scalar()
        if not passwords.matches(password, str(known or _nobody(self._cost))) or known is None:
            return None
        self._directory.reload()
        return self._directory.now.users.get(name)

    def set_password(self, name: str, password: str) -> None:
        """Change a password."""
        passwords.check_new(password, name=name)
        self._change(name, password=passwords.hashed(password, cost=self._cost))

    def set_role(self, name: str, role: Role) -> None:
        """Change a role."""
        self._change(name, role=role.value)

    def set_active(self, name: str, active: bool) -> None:
        """Let a user sign in again, or not any more."""
        self._change(name, active=active)

    def remove(self, name: str) -> None:
        """Take a user and his keys away.

        Raises
        ------
        SourceError
            If there is none of that name.
        StateError
            If he is the last active admin.
        """
        self._change(name, remove=True)

    def _change(self, name: str, *, remove: bool = False, **values: object) -> None:
        columns = tables.users.c
        with self._engine.begin() as connection:
            tables.changed(connection)
            found = connection.execute(sa.select(tables.users).where(columns.name == name)).one_or_none()
            if found is None:
                raise SourceError("there is no such user", found=name)
            if remove:
                connection.execute(tables.api_keys.delete().where(tables.api_keys.c.owner == name))
                connection.execute(tables.sessions.delete().where(tables.sessions.c.user == name))
                connection.execute(tables.users.delete().where(columns.name == name))
            else:
                raised = {"version": max(found.version + 1, _version()), "changed": int(time.time())}
                connection.execute(
                    tables.users.update().where(columns.name == name).values(**values, **raised)
                )
            admins = sa.select(columns.name).where(columns.active, columns.role == Role.ADMIN.value)
            was_admin = found.active and found.role == Role.ADMIN.value
            if was_admin and connection.execute(admins.limit(1)).scalar() is None:
                raise StateError("this is the last admin", found=name, hint="Make another one first.")
        self._directory.reload()


@cache
def _nobody(cost: int) -> str:
    """What is compared with where there is no such user, so that the answer takes as long."""
    return passwords.hashed(secrets.token_urlsafe(16), cost=cost)


def _version() -> int:
    """Larger than that of an earlier user of the same name, whose tokens must not come back with him."""
    return time.time_ns() // 1_000_000
