"""The audit log: its chain recomputed by hand, and every way of changing it found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from omni_lab.errors import DataError
from omni_lab.gateway.security import Security, tables
from omni_lab.store.database import exc, reading, sa

T = tables.audit
TEXTS = ["person", "action", "subject", "outcome", "address", "request_id", "detail"]
Tamper = Callable[[sa.Connection], object]


def fill(security: Security, n_rows: int = 6) -> None:
    for number in range(n_rows):
        security.audit.record("order.submit", person="tom", subject=f"order {number}", detail={"qty": number})


def by_hand(security: Security) -> list[str]:
    """The chain's hashes, from the columns as they lie there."""
    with reading(security.engine) as connection:
        rows = connection.execute(sa.text("SELECT * FROM gateway_audit ORDER BY n")).mappings().all()
    hashes, before = [], "0" * 64
    names = ["n", "ts", *TEXTS]
    for row in rows:
        said = json.dumps([row[name] for name in names] + [before], separators=(",", ":"))
        before = hashlib.sha256(said.encode()).hexdigest()
        hashes.append(before)
    return hashes


def test_each_row_has_a_hash_over_itself_and_the_row_before(either: Security) -> None:
    fill(either)
    either.audit.record("login", person="änn \u2028", outcome="failed", address="::1", request_id="r-1")
    rows = either.audit.entries()
    assert [row.hash for row in rows] == by_hand(either)
    assert [row.n for row in rows] == list(range(1, 8))
    assert either.audit.verify() == 7
    assert either.audit.end() == (7, rows[-1].hash)
    assert either.audit.verify(n=3, expected_hash=rows[2].hash) == 7


def _consistent(connection: sa.Connection) -> None:
    """Change a row and make its own hash fit: the row after it still knows."""
    row = connection.execute(sa.select(T).where(T.c.n == 3)).mappings().one()
    names = ["n", "ts", *TEXTS, "before"]
    said = json.dumps([{**row, "person": "eve"}[name] for name in names], separators=(",", ":"))
    digest = hashlib.sha256(said.encode()).hexdigest()
    connection.execute(T.update().where(T.c.n == 3).values(person="eve", hash=digest))


def _swapped(connection: sa.Connection) -> None:
    for before, after in ((3, 100), (4, 3), (100, 4)):
        connection.execute(T.update().where(T.c.n == before).values(n=after))


def _inserted(connection: sa.Connection) -> None:
    row = dict(connection.execute(sa.select(T).where(T.c.n == 6)).mappings().one())
    connection.execute(T.insert().values(**row | {"n": 7, "before": row["hash"], "hash": "0" * 64}))


def _changed(name: str) -> Tamper:
    return lambda connection: connection.execute(T.update().where(T.c.n == 3).values({name: "eve"}))


TAMPERED: dict[str, Tamper] = {
    **{name: _changed(name) for name in [*TEXTS, "before", "hash"]},
    "ts": lambda c: c.execute(T.update().where(T.c.n == 3).values(ts=1)),
    "a row made to fit": _consistent,
    "two rows swapped": _swapped,
    "a row inserted": _inserted,
    "the first row removed": lambda c: c.execute(T.delete().where(T.c.n == 1)),
    "a row removed": lambda c: c.execute(T.delete().where(T.c.n == 3)),
    "the last row removed": lambda c: c.execute(T.delete().where(T.c.n == 6)),
    "all rows removed": lambda c: c.execute(T.delete()),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_whatever_is_changed_is_found(security: Security, how: str) -> None:
    fill(security)
    assert security.audit.verify() == 6
    with security.engine.begin() as connection:
        for what in ("UPDATE", "DELETE"):  # as somebody who owns the file can
            connection.execute(sa.text(f"DROP TRIGGER gateway_audit_no_{what}"))
        TAMPERED[how](connection)
    with pytest.raises(DataError):
        security.audit.verify()


def test_a_log_written_anew_is_not_the_one_that_was_noted(security: Security) -> None:
    fill(security)
    n, noted = security.audit.end()
    with security.engine.begin() as connection:
        connection.execute(sa.text("DROP TRIGGER gateway_audit_no_DELETE"))
        connection.execute(T.delete())
        tables.put(connection, tables.AUDIT_END, None)
    fill(security)
    assert security.audit.verify() == 6  # the chain alone cannot know
    with pytest.raises(DataError, match="not the row that was noted"):
        security.audit.verify(n=n, expected_hash=noted)
    with pytest.raises(DataError, match="ends before"):
        security.audit.verify(n=7, expected_hash=noted)


def test_the_database_itself_refuses_to_change_a_row(either: Security) -> None:
    fill(either)
    for statement in (T.update().values(person="eve"), T.delete()):
        with pytest.raises(exc.DBAPIError, match="append-only"), either.engine.begin() as connection:
            connection.execute(statement)
    assert either.audit.verify() == 6


def test_many_who_write_at_once_make_one_chain_and_a_reader_is_not_misled(either: Security) -> None:
    other = Security(either.settings)
    with ThreadPoolExecutor(4) as threads:
        written = [threads.submit(fill, each, 8) for each in (either, other, either, other)]
        while not all(each.done() for each in written):
            either.audit.verify()
        for each in written:
            each.result()
    assert either.audit.verify() == 32
    assert [row.hash for row in either.audit.entries()] == by_hand(either)
    other.engine.dispose()


def test_it_holds_no_secret(security: Security) -> None:
    pair = security.tokens.begin(security.users.get("tom"))
    key, _ = security.keys.make("tom", label="x")
    cookie, _ = security.tokens.begin_browser(security.users.get("tom"))
    secrets = [pair.access, pair.refresh, key, cookie, "hunter2 hunter2"]
    for secret in secrets[:-1]:
        security.audit.record(
            f"a {secret}", person=secret, subject=f"x={secret}", detail={"why": f"<{secret}>"}
        )
    security.audit.record(
        "user.password", detail={"password": secrets[-1], "more": {"refresh_token": secrets[-1]}}
    )
    with reading(security.engine) as connection:
        rows = str(connection.execute(sa.select(T)).all())
    assert [secret for secret in secrets if secret in rows] == []
    assert security.audit.verify() == 5


def test_what_is_long_is_cut_and_what_is_odd_is_kept(security: Security) -> None:
    row = security.audit.record("x" * 5000, person="a\0b", detail={"y": "z" * 9000, "n": float("inf")})
    assert (len(row.action), row.person) == (2000, "a\ufffdb")
    assert len(json.loads(row.detail)["cut"]) == 1000
    assert security.audit.verify() == 1


def test_the_newest_come_first_and_one_page_after_the_other(security: Security) -> None:
    fill(security)
    security.audit.record("login", person="ada")
    first = security.audit.entries(newest_first=True, limit=3)
    second = security.audit.entries(newest_first=True, limit=3, after=first[-1].n)
    assert [row.n for row in first + second] == [7, 6, 5, 4, 3, 2]
    assert [row.action for row in security.audit.entries(person="ada")] == ["login"]
