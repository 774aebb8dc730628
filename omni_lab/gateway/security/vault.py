"""Secrets at rest: Fernet under a list of keys, of which the first encrypts and all decrypt."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from omni_lab.errors import ConfigError, SourceError
from omni_lab.gateway.security import tables
from omni_lab.store.database import reading, sa


class Cipher:
    """The keys of a file, one a line, the newest first.

    Parameters
    ----------
    file : Path
        Made with a first key, for its owner alone, where it is missing.

    Raises
    ------
    ConfigError
        If others may read the file, or what is in it are no keys.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            _write_new(file, [Fernet.generate_key()])
        self._version = 0, 0
        self._fernet = self._read()

    def _read(self) -> MultiFernet:
        found = self.file.stat()
        mode = stat.S_IMODE(found.st_mode)
        self._version = found.st_mtime_ns, found.st_ino
        if mode & 0o077:
            raise ConfigError(
                "others may read the keys of the secrets",
                found=f"{mode:04o}",
                expected="0600",
                where=str(self.file),
                hint="chmod 600, and rotate: omni secrets rotate.",
            )
        try:
            return MultiFernet([Fernet(line) for line in self.file.read_bytes().split()])
        except ValueError as error:
            raise ConfigError(
                "these are no keys of Fernet", where=str(self.file), expected="one a line"
            ) from error

    def encrypt(self, text: str) -> str:
        """What only the holder of the keys can read.

        Call it in a transaction that began with `tables.changed`: `Secrets.rotate` forgets the old keys when
        its own is over.
        """
        found = self.file.stat()
        if (found.st_mtime_ns, found.st_ino) != self._version:
            self._fernet = self._read()
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, sealed: str) -> str:
        """What was encrypted.

        Raises
        ------
        ConfigError
            If none of the keys fits.
        """
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            self._fernet = self._read()  # another process may have put a key before it
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise ConfigError("no key of the file decrypts this secret", where=str(self.file)) from error

    def put_key_first(self) -> None:
        """Encrypt by a new key from now on."""
        _replace(self.file, [Fernet.generate_key(), *self.file.read_bytes().split()])
        self._fernet = self._read()

    def keep_first_key(self) -> None:
        """Forget all keys but the newest: what they encrypted is lost unless it was encrypted again."""
        _replace(self.file, self.file.read_bytes().split()[:1])
        self._fernet = self._read()


class Secrets:
    """Passwords of channels, tokens of data sources: by name.

    Parameters
    ----------
    engine : Engine
    cipher : Cipher
    """

    def __init__(self, engine: sa.Engine, cipher: Cipher) -> None:
        self._engine = engine
        self._cipher = cipher

    def set(self, name: str, value: str) -> None:
        """Keep a secret, in place of the one of that name."""
        with self._engine.begin() as connection:
            tables.changed(connection)
            row = {"value": self._cipher.encrypt(value), "changed": int(time.time())}
            matching = tables.secrets.c.name == name
            if not connection.execute(tables.secrets.update().where(matching).values(**row)).rowcount:
                connection.execute(tables.secrets.insert().values(name=name, **row))

    def get(self, name: str) -> str:
        """A secret.

        Raises
        ------
        SourceError
            If there is none of that name.
        """
        with reading(self._engine) as connection:
            matching = tables.secrets.c.name == name
            sealed = connection.execute(sa.select(tables.secrets.c.value).where(matching)).scalar()
        if sealed is None:
            raise SourceError("there is no such secret", found=name, expected=list(self.names()))
        return self._cipher.decrypt(str(sealed))

    def remove(self, name: str) -> None:
        """Forget a secret."""
        with self._engine.begin() as connection:
            connection.execute(tables.secrets.delete().where(tables.secrets.c.name == name))

    def names(self) -> dict[str, int]:
        """When each was last changed, in seconds since 1970, by name."""
        columns = tables.secrets.c
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(columns.name, columns.changed).order_by(columns.name))
            return {str(row.name): int(row.changed) for row in rows}

    def rotate(self) -> int:
        """Encrypt everything by a new key and forget the old ones; the number of secrets.

        The old keys go only when nothing needs them any more: a process that ends in the middle leaves a file
        that decrypts all.
        """
        n_secrets = 0
        with self._engine.begin() as connection:
            tables.changed(connection)
            self._cipher.put_key_first()
            for table, key in ((tables.secrets, "value"), (tables.signing_keys, "secret")):
                (name,) = table.primary_key.columns
                for row in connection.execute(sa.select(name, table.c[key]).with_for_update()).all():
                    sealed = self._cipher.encrypt(self._cipher.decrypt(row[1]))
                    connection.execute(table.update().where(name == row[0]).values({key: sealed}))
                    n_secrets += table is tables.secrets
        self._cipher.keep_first_key()
        return n_secrets


def _write_new(file: Path, keys: list[bytes]) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(b"\n".join(keys) + b"\n")
        out.flush()
        os.fsync(out.fileno())


def _replace(file: Path, keys: list[bytes]) -> None:
    beside = file.with_name(f"{file.name}.{os.getpid()}.new")
    beside.unlink(missing_ok=True)
    _write_new(beside, keys)
    beside.replace(file)
