"""Users, keys, secrets, the one-time token. In SQLite and in PostgreSQL where a database decides."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import stat
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from cryptography.fernet import Fernet, InvalidToken

from omni_lab.errors import ConfigError, ForbiddenError, OmniError, SourceError, StateError
from omni_lab.gateway.security import NotSignedInError, Security, passwords, tables
from omni_lab.gateway.security.api_keys import ApiKeys
from omni_lab.store.database import reading, sa
from omni_lab.system.people import ALLOWED, LOCAL, Action, Person, Role, read_person, sign_person
from tests.gateway.security.door import PASSWORD, settings_of


def stored(security: Security, table: sa.Table) -> str:
    with reading(security.engine) as connection:
        return str(connection.execute(sa.select(table)).all())


# --- passwords and users --------------------------------------------------------------------------


def test_a_password_is_kept_as_bcrypt_at_the_cost_that_was_set(either: Security) -> None:
    with reading(either.engine) as connection:
        known = connection.execute(sa.select(tables.users.c.password)).scalars().all()
    assert all(
        each.startswith("$2b$04$") and bcrypt.checkpw(PASSWORD.encode(), each.encode()) for each in known
    )
    assert len(set(known)) == 4
    user = either.users.check("tom", PASSWORD)
    assert user is not None
    assert user.role == Role.TRADER
    for name, password in (
        ("tom", PASSWORD + "x"),
        ("tom", ""),
        ("Tom", PASSWORD),
        ("eve", PASSWORD),
        ("", ""),
    ):
        assert either.users.check(name, password) is None
    assert (
        settings_of(Path("x"), bcrypt_cost=12).bcrypt_cost
        == type(either.settings)(database="x", key_file=Path("x")).bcrypt_cost
    )


def test_nobody_takes_as_long_as_somebody(security: Security, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = bcrypt.checkpw

    def check(given: bytes, known: bytes) -> bool:
        asked.append(known[:7].decode())
        return real(given, known)

    monkeypatch.setattr(bcrypt, "checkpw", check)
    security.users.set_active("vera", False)
    for name, password in (
        ("tom", "wrong"),
        ("eve", "wrong"),
        ("vera", PASSWORD),
        ("tom", "x" * 100),
        ("tom", "a\0b"),
    ):
        assert security.users.check(name, password) is None
    assert asked == ["$2b$04$"] * 5


@pytest.mark.parametrize(
    "password",
    [
        "",
        "q9!Zw",
        "x" * 11,
        "a" * 20,
        "abcabcabcabcabc",
        "ann is a good one",
        "x\x00" + "abcdefghijklm",
        "é" * 37,
        "new\nline in a password",
        "a" * 73,
    ],
)
def test_a_bad_password_is_refused_and_not_repeated(password: str) -> None:
    with pytest.raises(ConfigError) as refused:
        passwords.check_new(password, name="ann")
    assert not password or password not in str(refused.value)


def test_the_same_letters_typed_in_two_ways_are_one_password() -> None:
    composed, apart = "caf\u00e9 au lait dix", "cafe\u0301 au lait dix"
    assert passwords.matches(apart, passwords.hashed(composed, cost=4))
    passwords.check_new("\U0001f40e" * 3 + "horse battery", name="ann")


@pytest.mark.parametrize(
    "name", ["", "Ann", "-a", "a b", "a/b", "ä", "x" * 65, "local", "a\n", "../x", "a'--"]
)
def test_a_bad_name_is_refused(security: Security, name: str) -> None:
    with pytest.raises(ConfigError):
        security.users.add(name, PASSWORD, Role.VIEWER)


def test_there_is_always_an_admin(either: Security) -> None:
    changes: list[Callable[[], None]] = [
        lambda: either.users.remove("ada"),
        lambda: either.users.set_role("ada", Role.RISK),
        lambda: either.users.set_active("ada", False),
    ]
    for change in changes:
        with pytest.raises(StateError, match="last admin"):
            change()
        assert either.users.get("ada").active
    either.users.add("abe", PASSWORD, Role.ADMIN)
    both = [threading.Thread(target=_remove, args=(either, name)) for name in ("ada", "abe")]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert len([user for user in either.users.all() if user.role == Role.ADMIN]) == 1


def _remove(security: Security, name: str) -> None:
    with contextlib.suppress(StateError):
        security.users.remove(name)


def test_unknown_and_known_users(either: Security) -> None:
    changes: list[Callable[[], None]] = [
        lambda: either.users.remove("eve"),
        lambda: either.users.set_role("eve", Role.RISK),
    ]
    for change in changes:
        with pytest.raises(SourceError):
            change()
    with pytest.raises(StateError, match="of that name"):
        either.users.add("tom", PASSWORD, Role.ADMIN)
    assert [user.name for user in either.users.all()] == ["ada", "rita", "tom", "vera"]


# --- the first user -------------------------------------------------------------------------------


@pytest.fixture
def empty(database_of_either_kind: str, tmp_path: Path) -> Iterator[Security]:
    made = Security(settings_of(tmp_path, database=database_of_either_kind))
    yield made
    asyncio.run(made.close())


def test_the_one_time_token_makes_one_admin_and_no_other(empty: Security) -> None:
    assert empty.setup.needed
    old = empty.setup.make()
    token = empty.setup.make()
    assert token not in stored(empty, tables.facts)
    for wrong in ("", "x", old, token + "x", "\ud800"):
        with pytest.raises(ForbiddenError):
            empty.setup.redeem(wrong, "ann", PASSWORD)
    with pytest.raises(ConfigError):
        empty.setup.redeem(token, "ann", "short")

    def redeem(name: str) -> str | None:
        try:
            return empty.setup.redeem(token, name, PASSWORD).name
        except OmniError:
            return None

    with ThreadPoolExecutor(4) as threads:
        made = [name for name in threads.map(redeem, ["ann", "bob", "cat", "dan"]) if name]
    assert len(made) == 1
    assert [(user.name, user.role) for user in empty.users.all()] == [(made[0], Role.ADMIN)]
    with pytest.raises(OmniError):
        empty.setup.redeem(token, "eve", PASSWORD)
    assert not empty.setup.needed


def test_its_hour_ends(empty: Security, monkeypatch: pytest.MonkeyPatch) -> None:
    token, began = empty.setup.make(), time.time()
    monkeypatch.setattr(time, "time", lambda: began + 3601)
    with pytest.raises(ForbiddenError):
        empty.setup.redeem(token, "ann", PASSWORD)


# --- keys -----------------------------------------------------------------------------------------


def test_a_key_speaks_for_its_owner_and_never_for_more(either: Security) -> None:
    for name, role in (("vera", Role.VIEWER), ("tom", Role.TRADER), ("rita", Role.RISK), ("ada", Role.ADMIN)):
        text, key = either.keys.make(name, label="all")
        assert text not in stored(either, tables.api_keys)
        session = either.verify(text)
        assert {action for action in Action if session.person.may(action)} == ALLOWED[role] == key.scopes
        for action in Action:
            if action not in ALLOWED[role]:
                with pytest.raises(ForbiddenError):
                    either.keys.make(name, label="more", scopes=[Action.READ, action])
            else:
                narrow, _ = either.keys.make(name, label="one", scopes=[action])
                person = either.verify(narrow).person
                assert [each for each in Action if person.may(each)] == [action]
    text, _ = either.keys.make("ada", label="all")
    either.users.set_role("ada" if len(either.users.all()) == 0 else "tom", Role.VIEWER)
    person = either.verify(either.keys.make("tom", label="now")[0]).person
    assert [each for each in Action if person.may(each)] == [Action.READ]


def test_a_key_shrinks_with_its_owner_and_ends_with_him(either: Security) -> None:
    text, _ = either.keys.make("tom", label="x", scopes=[Action.READ, Action.TRADE])
    session = either.verify(text)
    assert session.person.may(Action.TRADE)
    either.users.set_role("tom", Role.VIEWER)
    assert not either.good(session)
    assert not either.verify(text).person.may(Action.TRADE)
    either.users.set_active("tom", False)
    with pytest.raises(NotSignedInError):
        either.verify(text)
    either.users.set_active("tom", True)
    either.users.remove("tom")
    either.users.add("tom", PASSWORD, Role.TRADER)
    with pytest.raises(NotSignedInError):
        either.verify(text)


def test_a_forged_key_lets_nobody_in(security: Security) -> None:
    text, key = security.keys.make("tom", label="x")
    other, _ = security.keys.make("ada", label="x")
    head, _, tail = text.rpartition("_")
    forged = [text[:-1], text + "x", text.upper(), f"omni_{key.id}_", f"omni_{key.id}", "omni_", "omni__"]
    forged += [
        f"{other.rpartition('_')[0]}_{tail}",
        f" {text}",
        f"{head}_{'A' * 43}",
        text + "é",
        text + "\ud800",
    ]
    for each in forged:
        with pytest.raises(NotSignedInError):
            security.verify(each)


def test_a_key_rotates_with_an_overlap_and_ends(either: Security, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.time()
    old, key = either.keys.make("tom", label="x", scopes=[Action.READ], expires=int(began) + 10 * 86400)
    new, successor = either.keys.rotate(key.id)
    assert (successor.scopes, successor.label) == (key.scopes, key.label)
    assert either.verify(old).person == either.verify(new).person
    monkeypatch.setattr(time, "time", lambda: began + 86400 + 2)
    with pytest.raises(NotSignedInError):
        either.verify(old)
    either.verify(new)
    either.keys.revoke(successor.id)
    with pytest.raises(NotSignedInError):
        either.verify(new)
    with pytest.raises(SourceError):
        either.keys.rotate(successor.id)


def test_use_is_written_down_once_a_minute(either: Security) -> None:
    _, key = either.keys.make("tom", label="x")
    assert key.last_used is None
    assert either.keys.used(key.id)
    assert [each.last_used for each in either.keys.of("tom")] == [pytest.approx(time.time(), abs=5)]
    assert not either.keys.used(key.id)
    fresh = ApiKeys(either.engine, either.directory)
    assert not fresh.used(key.id)


# --- secrets --------------------------------------------------------------------------------------


def test_secrets_are_sealed_by_fernet_and_rotate(either: Security) -> None:
    either.secrets.set("slack", "https://hooks.example/one")
    either.secrets.set("slack", "https://hooks.example/two")
    either.secrets.set("mail", "päss")
    file = either.settings.key_file
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (before,) = file.read_bytes().split()
    with reading(either.engine) as connection:
        sealed = dict(connection.execute(sa.select(tables.secrets.c.name, tables.secrets.c.value)).all())
    assert Fernet(before).decrypt(sealed["slack"].encode()) == b"https://hooks.example/two"
    token = either.tokens.begin(either.users.get("tom")).access

    other = Security(either.settings)
    assert either.secrets.rotate() == 2
    (after,) = file.read_bytes().split()
    assert after != before
    with reading(either.engine) as connection:
        sealed = dict(connection.execute(sa.select(tables.secrets.c.name, tables.secrets.c.value)).all())
    with pytest.raises(InvalidToken):
        Fernet(before).decrypt(sealed["mail"].encode())
    assert Fernet(after).decrypt(sealed["mail"].encode()).decode() == "päss"
    # A process that was there before goes on, and what it writes is sealed by the new key.
    other.secrets.set("third", "3")
    other.tokens.rotate()
    assert (other.secrets.get("slack"), either.secrets.get("third")) == ("https://hooks.example/two", "3")
    fresh = Security(either.settings)
    assert fresh.secrets.get("third") == "3"
    assert fresh.verify(token).person.name == "tom"
    assert list(fresh.secrets.names()) == ["mail", "slack", "third"]
    fresh.secrets.remove("mail")
    with pytest.raises(SourceError):
        fresh.secrets.get("mail")
    other.engine.dispose()
    fresh.engine.dispose()


def test_a_rotation_that_ends_in_the_middle_loses_nothing(
    security: Security, monkeypatch: pytest.MonkeyPatch
) -> None:
    security.secrets.set("slack", "one")
    cipher = security.secrets._cipher
    for step in ("decrypt", "keep_first_key"):
        with monkeypatch.context() as patch:
            patch.setattr(cipher, step, _killed)
            with pytest.raises(KeyboardInterrupt):
                security.secrets.rotate()
        again = Security(security.settings)
        assert again.secrets.get("slack") == "one"
        again.engine.dispose()
    assert security.secrets.rotate() == 1
    assert len(security.settings.key_file.read_bytes().split()) == 1


def _killed(*_: object) -> str:
    raise KeyboardInterrupt


def test_keys_that_others_may_read_are_refused(security: Security) -> None:
    security.settings.key_file.chmod(0o640)
    with pytest.raises(ConfigError, match="0640") as refused:
        Security(security.settings)
    assert "0600" in str(refused.value)
    assert stat.S_IMODE(Path(security.settings.database).stat().st_mode) == 0o600


# --- what the dashboard is told -------------------------------------------------------------------


def test_a_signed_person_is_read_back_and_nothing_else() -> None:
    for person in (
        LOCAL,
        Person("ann", Role.TRADER),
        Person("k", Role.ADMIN, frozenset({Action.READ})),
        Person("n", Role.RISK, frozenset()),
    ):
        signed = sign_person(person, request_id="r", expires=time.time() + 60)
        assert signed.isascii()
        assert "\n" not in signed
        assert read_person(signed) == person
        body, _, mark = signed.partition(".")
        for forged in (
            body,
            f"{body}.",
            f".{mark}",
            f"{body}x.{mark}",
            f"{body}.{mark[:-1]}0x",
            signed + "é",
            "",
        ):
            with pytest.raises(ForbiddenError):
                read_person(forged)
    with pytest.raises(ForbiddenError, match="over"):
        read_person(sign_person(LOCAL, expires=time.time() - 1))


def test_settings_are_checked(tmp_path: Path) -> None:
    good = settings_of(tmp_path)
    wrongs: list[dict[str, Any]] = [{"sockets": 0}, {"bcrypt_cost": 3}, {"rates": {}}, {"access_s": -1}]
    for wrong in wrongs:
        with pytest.raises(ConfigError):
            dataclasses.replace(good, **wrong)
    assert (dataclasses.replace(good, tls=True).cookie, good.cookie) == ("__Host-omni", "omni")
