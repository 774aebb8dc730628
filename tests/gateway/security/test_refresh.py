"""Refresh tokens: used once, and a thief ends what he stole. In SQLite and in PostgreSQL."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from omni_lab.gateway.security import NotSignedInError, Security, tables
from omni_lab.gateway.security.tokens import Pair
from omni_lab.store.database import reading, sa
from omni_lab.system.people import Role


def begin(security: Security) -> Pair:
    return security.tokens.begin(security.users.get("tom"))


def test_a_refresh_token_used_twice_ends_its_whole_session(either: Security) -> None:
    first, other = begin(either), begin(either)
    second = either.tokens.refresh(first.refresh)
    third = either.tokens.refresh(second.refresh)
    assert either.verify(third.access).id == either.verify(first.access).id
    assert third.refresh_expires == first.refresh_expires  # a session is not made longer by using it
    with pytest.raises(NotSignedInError, match="twice"):
        either.tokens.refresh(first.refresh)
    for pair in (first, second, third):
        with pytest.raises(NotSignedInError):
            either.verify(pair.access)
        with pytest.raises(NotSignedInError):
            either.tokens.refresh(pair.refresh)
    assert either.verify(either.tokens.refresh(other.refresh).access).person.name == "tom"


def test_of_many_who_refresh_at_once_one_wins_and_the_session_ends(either: Security) -> None:
    pair = begin(either)

    def refresh(_: int) -> Pair | None:
        try:
            return either.tokens.refresh(pair.refresh)
        except NotSignedInError:
            return None

    with ThreadPoolExecutor(8) as threads:
        won = [each for each in threads.map(refresh, range(8)) if each is not None]
    assert len(won) == 1
    with pytest.raises(NotSignedInError):
        either.verify(won[0].access)


def test_only_hashes_are_kept(either: Security) -> None:
    pair = begin(either)
    with reading(either.engine) as connection:
        rows = str(connection.execute(sa.select(tables.refreshes)).all())
    assert pair.refresh not in rows
    assert hashlib.sha256(pair.refresh.encode()).hexdigest() in rows


def test_nothing_else_refreshes(either: Security) -> None:
    pair = begin(either)
    for token in ("", "x", pair.access, pair.refresh + "x", pair.refresh[:-1], "\ud800", "'; --"):
        with pytest.raises(NotSignedInError):
            either.tokens.refresh(token)
    either.tokens.refresh(pair.refresh)


def test_what_is_over_is_forgotten_and_refreshes_nothing(
    either: Security, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    pair, began = begin(either), time.time()
    monkeypatch.setattr(time, "time", lambda: began + 14 * 86400 + 1)
    with pytest.raises(NotSignedInError):
        either.tokens.refresh(pair.refresh)
    assert either.tokens.sweep() == 0
    monkeypatch.setattr(time, "time", lambda: began + 15 * 86400 + 1)
    assert either.tokens.sweep() == 2


def test_what_another_process_changes_is_known_within_a_second(
    either: Security, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Security(either.settings)
    pair = begin(other)
    assert either.verify(pair.access).person.role == Role.TRADER
    other.users.set_active("tom", False)
    monkeypatch.setattr(either.directory, "_checked", -10.0)
    either.directory.look()
    with pytest.raises(NotSignedInError):
        either.verify(pair.access)
    other.engine.dispose()
