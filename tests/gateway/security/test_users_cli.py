"""``omni users``, ``keys``, ``secrets`` and ``audit``."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from omni_lab.cli import app
from omni_lab.config import HOME_VARIABLE
from omni_lab.gateway.security import passwords

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    real = passwords.hashed
    monkeypatch.setattr(passwords, "hashed", lambda password, *, cost: real(password, cost=4))
    return tmp_path


def omni(*words: str, typed: str = "", code: int = 0) -> str:
    done = CliRunner().invoke(app, list(words), input=typed)
    assert done.exit_code == code, done.output
    return done.output


def test_users_are_added_changed_and_removed(home: Path) -> None:
    assert "no users" in omni("users", "ls")
    omni("users", "add", "ann", "-r", "admin", typed=f"{PASSWORD}\n{PASSWORD}\n")
    omni("users", "add", "tom", "--stdin", typed=f"{PASSWORD}\n")
    omni("users", "role", "tom", "trader")
    omni("users", "password", "tom", "--stdin", typed="another horse battery\n")
    assert [line.split()[:2] for line in omni("users", "ls").splitlines()[1:]] == [
        ["ann", "admin"],
        ["tom", "trader"],
    ]
    assert "too short" in omni("users", "add", "eve", "--stdin", typed="short\n", code=2)
    assert "one of 'viewer'" in omni("users", "role", "tom", "boss", code=2)
    assert "last admin" in omni("users", "remove", "ann", code=2)
    omni("users", "remove", "tom")
    shown = omni("audit", "show")
    assert [line.split()[4] for line in shown.splitlines()[1:]] == [
        *["user.add", "user.add", "user.role", "user.password", "user.remove"]
    ]
    assert PASSWORD not in shown


def test_a_key_is_printed_once(home: Path) -> None:
    omni("users", "add", "tom", "-r", "trader", "--stdin", typed=f"{PASSWORD}\n")
    key = omni("keys", "add", "tom", "--label", "bot", "--scopes", "read,trade").strip()
    identity = key.split("_")[1]
    new = omni("keys", "rotate", identity).strip()
    listed = omni("keys", "ls")
    assert identity in listed
    assert new.split("_")[1] in listed
    assert key not in listed
    assert new not in listed
    omni("keys", "revoke", identity)
    assert identity not in omni("keys", "ls")
    assert "no such key" in omni("keys", "revoke", identity, code=2)
    assert "may not do more" in omni("keys", "add", "tom", "-l", "x", "--scopes", "administer", code=2)
    assert "no such action" in omni("keys", "add", "tom", "-l", "x", "--scopes", "fly", code=2)


def test_secrets_are_kept_and_rotated_and_never_shown(home: Path) -> None:
    omni("secrets", "set", "slack", "--stdin", typed="https://hooks.example/secret\n")
    before = (home / "gateway" / "keys").read_bytes()
    assert "1 secrets" in omni("secrets", "rotate")
    assert (home / "gateway" / "keys").read_bytes() != before
    assert "slack" in omni("secrets", "ls")
    assert "hooks.example" not in omni("secrets", "ls")
    omni("secrets", "remove", "slack")
    assert "no such secret" in omni("secrets", "remove", "slack", code=2)


def test_the_audit_log_is_verified_and_damage_found(home: Path) -> None:
    omni("users", "add", "ann", "-r", "admin", "--stdin", typed=f"{PASSWORD}\n")
    noted = omni("audit", "verify").split("The end is ")[1].split()[0]
    omni("secrets", "set", "x", "--stdin", typed="y\n")
    assert "2 rows" in omni("audit", "verify", "--noted", noted)
    assert "no row" in omni("audit", "verify", "--noted", "x", code=2)
    with sqlite3.connect(home / "gateway" / "gateway.sqlite") as connection:
        connection.execute("DROP TRIGGER gateway_audit_no_UPDATE")
        connection.execute("UPDATE gateway_audit SET person = 'eve' WHERE n = 1")
    connection.close()
    assert "row 1" in omni("audit", "verify", code=1)
