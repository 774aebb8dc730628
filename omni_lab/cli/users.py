"""``omni users``, ``keys``, ``secrets`` and ``audit``: who may use the gateway, and who did what."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from omni_lab.cli.app import DAMAGED, group
from omni_lab.errors import ConfigError, DataError

if TYPE_CHECKING:
    from omni_lab.gateway.security import Security
    from omni_lab.system.people import Action, Role

users_app = group("users", "Who may sign in to the gateway.", no_args_is_help=True)
keys_app = group("keys", "API keys of programs.", no_args_is_help=True)
secrets_app = group("secrets", "Passwords and tokens that are kept encrypted.", no_args_is_help=True)
audit_app = group("audit", "Who did what.", no_args_is_help=True)

_CONSOLE = "console"

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the user.")]
RoleName = Annotated[str, typer.Option("--role", "-r", help="viewer, trader, risk or admin.")]
FromStdin = Annotated[bool, typer.Option("--stdin", help="Read it from standard input.")]
KeyId = Annotated[str, typer.Argument(metavar="ID", help="Of the key: the part after omni_.")]
SecretName = Annotated[str, typer.Argument(metavar="NAME", help="Of the secret.")]


@users_app.command("ls")
def users_ls() -> None:
    """List the users."""
    with _security() as security:
        rows = [("NAME", "ROLE", "", "CHANGED")]
        rows += [
            (user.name, user.role.value, "" if user.active else "inactive", _time(user.changed))
            for user in security.users.all()
        ]
    _print(rows, "There are no users. omni serve --users prints a token with which the first is made.")


@users_app.command("add")
def users_add(name: Name, role: RoleName = "viewer", stdin: FromStdin = False) -> None:
    """Add a user; the password is asked for."""
    wanted = _role(role)
    with _security() as security:
        security.users.add(name, _ask("Password", stdin), wanted)
        security.audit.record("user.add", person=_CONSOLE, subject=name, detail={"role": role})
    typer.echo(f"{name} may sign in as {role}.")


@users_app.command("role")
def users_role(
    name: Name, role: Annotated[str, typer.Argument(help="viewer, trader, risk or admin.")]
) -> None:
    """Give a user another role; he has to sign in again."""
    wanted = _role(role)
    with _security() as security:
        security.users.set_role(name, wanted)
        security.audit.record("user.role", person=_CONSOLE, subject=name, detail={"role": role})
    typer.echo(f"{name} is {role} now.")


@users_app.command("password")
def users_password(name: Name, stdin: FromStdin = False) -> None:
    """Change a user's password; he has to sign in again."""
    with _security() as security:
        security.users.get(name)
        security.users.set_password(name, _ask("New password", stdin))
        security.audit.record("user.password", person=_CONSOLE, subject=name)
    typer.echo(f"{name} has a new password.")


@users_app.command("remove")
def users_remove(name: Name) -> None:
    """Remove a user with his keys."""
    with _security() as security:
        security.users.remove(name)
        security.audit.record("user.remove", person=_CONSOLE, subject=name)
    typer.echo(f"{name} may not sign in any more.")


@keys_app.command("ls")
def keys_ls() -> None:
    """List the keys."""
    with _security() as security:
        rows = [("ID", "OWNER", "LABEL", "SCOPES", "EXPIRES", "LAST USED")]
        rows += [
            (
                key.id,
                key.owner,
                key.label,
                " ".join(sorted(key.scopes)),
                _time(key.expires),
                _time(key.last_used),
            )
            for key in security.keys.of()
        ]
    _print(rows, "There are no keys.")


@keys_app.command("add")
def keys_add(
    owner: Annotated[str, typer.Argument(help="The user it speaks for.")],
    label: Annotated[str, typer.Option("--label", "-l", help="What it is for.")],
    scopes: Annotated[
        str, typer.Option(help="Actions with commas between; all of the owner's by default.")
    ] = "",
    days: Annotated[int | None, typer.Option(min=1, help="How long it is good; for ever by default.")] = None,
) -> None:
    """Make a key, and print it: it is told this once."""
    wanted = _scopes(scopes)
    expires = None if days is None else int(dt.datetime.now(dt.UTC).timestamp()) + days * 86400
    with _security() as security:
        text, key = security.keys.make(owner, label=label, scopes=wanted, expires=expires)
        security.audit.record("key.make", person=_CONSOLE, subject=key.id, detail={"owner": owner})
    typer.echo(text)


@keys_app.command("rotate")
def keys_rotate(identity: KeyId) -> None:
    """Print a new key in place of one, which works for another day."""
    with _security() as security:
        text, key = security.keys.rotate(identity)
        security.audit.record("key.rotate", person=_CONSOLE, subject=identity, detail={"new": key.id})
    typer.echo(text)


@keys_app.command("revoke")
def keys_revoke(identity: KeyId) -> None:
    """End a key now."""
    with _security() as security:
        security.keys.revoke(identity)
        security.audit.record("key.revoke", person=_CONSOLE, subject=identity)
    typer.echo(f"The key {identity} is good for nothing any more.")


@secrets_app.command("ls")
def secrets_ls() -> None:
    """List the names of the secrets."""
    with _security() as security:
        rows = [("NAME", "CHANGED"), *((name, _time(at)) for name, at in security.secrets.names().items())]
    _print(rows, "There are no secrets.")


@secrets_app.command("set")
def secrets_set(name: SecretName, stdin: FromStdin = False) -> None:
    """Keep a secret; it is asked for."""
    with _security() as security:
        security.secrets.set(name, _ask("Secret", stdin))
        security.audit.record("secret.set", person=_CONSOLE, subject=name)
    typer.echo(f"{name} is kept.")


@secrets_app.command("remove")
def secrets_remove(name: SecretName) -> None:
    """Forget a secret."""
    with _security() as security:
        security.secrets.get(name)
        security.secrets.remove(name)
        security.audit.record("secret.remove", person=_CONSOLE, subject=name)
    typer.echo(f"{name} is forgotten.")


@secrets_app.command("rotate")
def secrets_rotate() -> None:
    """Encrypt everything by a new key, and sign tokens by a new one; what is signed in stays so."""
    with _security() as security:
        n_secrets = security.secrets.rotate()
        security.tokens.rotate()
        security.audit.record("secret.rotate", person=_CONSOLE, detail={"n": n_secrets})
    typer.echo(f"Encrypted again: {n_secrets} secrets, and the keys that sign. New tokens have a new key.")


@audit_app.command("show")
def audit_show(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many of the newest.")] = 20,
    person: Annotated[str | None, typer.Option(help="Only of this person.")] = None,
) -> None:
    """Print the newest rows of the audit log."""
    with _security() as security:
        found = security.audit.entries(limit=limit, newest_first=True, person=person)
    rows = [("N", "TIME", "PERSON", "ACTION", "SUBJECT", "OUTCOME", "FROM", "")]
    rows += [
        (
            *(str(row.n), _time(row.ts / 1e9), row.person, row.action, row.subject, row.outcome),
            *(row.address, "" if row.detail == "{}" else row.detail),
        )
        for row in reversed(found)
    ]
    _print(rows, "The audit log is empty.")


@audit_app.command("verify")
def audit_verify(
    noted: Annotated[
        str | None, typer.Option(metavar="N:HASH", help="A row that was written down elsewhere.")
    ] = None,
) -> None:
    """Recompute the chain of the audit log; end with 1 if a row was changed, removed or inserted."""
    number, _, digest = (noted or "").partition(":")
    if noted and not (number.isdigit() and digest):
        raise ConfigError("this is no row", found=noted, expected="N:HASH", where="--noted")
    with _security() as security:
        try:
            n_rows = security.audit.verify(
                n=int(number) if noted else None, expected_hash=digest if noted else None
            )
        except DataError as error:
            typer.secho(f"omni: {error}", fg="red", err=True)
            raise typer.Exit(DAMAGED) from error
        end = security.audit.end()
    typer.echo(f"{n_rows} rows, none changed, removed or inserted. The end is {end[0]}:{end[1]}")
    typer.echo("Write that down elsewhere: --noted proves later that these rows are still there.")


@contextmanager
def _security() -> Iterator[Security]:
    from omni_lab.gateway.security import Security, SecuritySettings

    security = Security(SecuritySettings.of(users=True))
    try:
        yield security
    finally:
        asyncio.run(security.close())


def _ask(what: str, stdin: bool) -> str:
    if stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt(what, hide_input=True, confirmation_prompt=True))


def _role(name: str) -> Role:
    from omni_lab.system.people import Role

    if name not in set(Role):
        raise ConfigError("there is no such role", found=name, expected=[role.value for role in Role])
    return Role(name)


def _scopes(text: str) -> frozenset[Action] | None:
    from omni_lab.system.people import Action

    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in set(Action):
            raise ConfigError("there is no such action", found=name, expected=[each.value for each in Action])
    return frozenset(map(Action, names)) or None


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(sep=" ", timespec="seconds")[:19]


def _print(rows: Sequence[tuple[str, ...]], nothing: str) -> None:
    from omni_lab.pipelines.summary import format_table

    typer.echo(format_table(list(rows)) if len(rows) > 1 else nothing)
