"""The audit log: a table that only grows, each row with a hash over itself and the row before."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from omni_lab.errors import DataError
from omni_lab.gateway.security import tables
from omni_lab.gateway.security.redact import redact, redact_fields
from omni_lab.store.database import reading, sa

BEGIN: Final = "0" * 64
"""What stands in the first row as the hash of the row before."""
_LOCK = 0x6F6D6E6A  # under which rows are added in PostgreSQL
_LONGEST = 2000
_HASHED = ("n", "ts", "person", "action", "subject", "outcome", "address", "request_id", "detail", "before")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row.

    Attributes
    ----------
    n : int
        From 1, without a gap.
    ts : int
        Nanoseconds since 1970.
    person, action, subject, outcome, address, request_id : str
        Who did what to what, how it ended (``ok``, ``refused``, ``failed``, ``limited``), from where.
    detail : str
        JSON.
    before, hash : str
        SHA-256 of the row before and of this one, hexadecimal.
    """

    n: int
    ts: int
    person: str
    action: str
    subject: str
    outcome: str
    address: str
    request_id: str
    detail: str
    before: str
    hash: str

    def computed_hash(self) -> str:
        """SHA-256 over the JSON array of all columns before it, in order, without spaces."""
        said = json.dumps([getattr(self, name) for name in _HASHED], separators=(",", ":"))
        return hashlib.sha256(said.encode()).hexdigest()


class Audit:
    """Who did what.

    Parameters
    ----------
    engine : Engine
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def record(
        self,
        action: str,
        *,
        person: str = "",
        subject: str = "",
        outcome: str = "ok",
        address: str = "",
        request_id: str = "",
        detail: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Add a row, and wait until it is on disk.

        What looks like a password, token or key is taken out. Texts are cut at 2,000 characters.

        Parameters
        ----------
        action : str
            ``"login"``, ``"order.submit"``, ``"risk.kill"``, ``"user.add"`` and the like.
        person, subject, outcome, address, request_id : str, optional
            As in `Entry`.
        detail : mapping, optional
            Anything JSON holds.
        """
        said = json.dumps(
            redact_fields(dict(detail or {})), separators=(",", ":"), sort_keys=True, default=str
        )
        texts = {
            "person": person,
            "action": action,
            "subject": subject,
            "outcome": outcome,
            "address": address,
            "request_id": request_id,
        }
        clean = {name: redact(text)[:_LONGEST].replace("\0", "\ufffd") for name, text in texts.items()}
        clean["detail"] = said if len(said) <= _LONGEST else json.dumps({"cut": said[: _LONGEST // 2]})
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:n)"), {"n": _LOCK})
            n, before = _end(connection)
            row = Entry(n=n + 1, ts=time.time_ns(), before=before, hash="", **clean)
            values = {name: getattr(row, name) for name in _HASHED} | {"hash": row.computed_hash()}
            connection.execute(tables.audit.insert().values(**values))
            tables.put(connection, tables.AUDIT_END, f"{n + 1} {values['hash']}")
        return Entry(**values)

    def entries(
        self, *, after: int = 0, limit: int = 100, newest_first: bool = False, person: str | None = None
    ) -> list[Entry]:
        """Rows in order.

        Parameters
        ----------
        after : int, optional
            Rows with a greater number; with ``newest_first``, a smaller one unless it is 0.
        limit : int, optional
            How many at most.
        newest_first : bool, optional
        person : str, optional
            Of one person.
        """
        n = tables.audit.c.n
        query = sa.select(tables.audit).order_by(n.desc() if newest_first else n).limit(limit)
        query = (query.where(n < after) if after else query) if newest_first else query.where(n > after)
        if person is not None:
            query = query.where(tables.audit.c.person == person)
        with reading(self._engine) as connection:
            return [Entry(**row._mapping) for row in connection.execute(query)]

    def end(self) -> tuple[int, str]:
        """Number and hash of the newest row: written down elsewhere, they prove what was there by now."""
        with reading(self._engine) as connection:
            return _end(connection)

    def verify(self, *, n: int | None = None, expected_hash: str | None = None) -> int:
        """Recompute the chain.

        Parameters
        ----------
        n, expected_hash : optional
            A row that somebody wrote down, and its hash then.

        Returns
        -------
        int
            The number of rows.

        Raises
        ------
        DataError
            At the first row that was changed, removed or inserted.
        """
        count, before = 0, BEGIN
        while True:
            rows = self.entries(after=count, limit=1000)
            for row in rows:
                count += 1
                _check(row, count, before)
                if n == row.n and expected_hash not in (None, row.hash):
                    raise DataError("this is not the row that was noted", found=row.hash, where=f"row {n}")
                before = row.hash
            # Somebody may be writing meanwhile.
            if not rows and (
                (count, before) == (end := self.end()) or not self.entries(after=count, limit=1)
            ):
                break
        if (count, before) != end:
            raise DataError("the end of the audit log is missing", found=count, expected=end[0])
        if n is not None and n > count:
            raise DataError("the audit log ends before the row that was noted", found=count, expected=n)
        return count


def _check(row: Entry, count: int, before: str) -> None:
    where = f"row {row.n}"
    if row.n != count:
        raise DataError("rows of the audit log are missing", found=row.n, expected=count, where=where)
    if row.before != before:
        raise DataError("the audit log does not continue the row before", where=where)
    if row.hash != row.computed_hash():
        raise DataError("a row of the audit log was changed", where=where)


def _end(connection: sa.Connection) -> tuple[int, str]:
    n, _, digest = (tables.get(connection, tables.AUDIT_END) or f"0 {BEGIN}").partition(" ")
    return int(n), digest
