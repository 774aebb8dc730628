"""What the routes of ``/auth`` take and tell."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from omni_lab.gateway.models import Body, example_of
from omni_lab.gateway.security.audit import Entry
from omni_lab.gateway.security.directory import ApiKey, User
from omni_lab.gateway.security.tokens import Pair
from omni_lab.system.people import Action, Role

Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", description="Of the user.")]
KeyId = Annotated[str, Path(pattern=r"^[0-9a-f]{8}$", description="Of the key.")]
Text = Annotated[str, Field(max_length=1000)]


class LoginIn(Body):
    """Who somebody is, and how he proves it."""

    model_config = ConfigDict(json_schema_extra=example_of(username="ann", password="four words by chance"))

    username: Text = Field(description="Name of the user.")
    password: Text = Field(description="His password.")


class RefreshIn(Body):
    """A refresh token."""

    model_config = ConfigDict(json_schema_extra=example_of(refresh_token="omnir_…"))

    refresh_token: Text = Field(description="Of the log-in or of the refresh before; it is used up.")


class LogoutIn(Body):
    """What to sign out of."""

    refresh_token: Text | None = Field(None, description="Of a session; by default that of the request.")


class TokensOut(BaseModel):
    """Tokens."""

    access_token: str = Field(description="For the header `Authorization: Bearer …`.")
    refresh_token: str = Field(description="For `/auth/refresh`, once.")
    token_type: str = Field(description="Bearer.", examples=["Bearer"])
    expires_in: int = Field(description="How long the access token is good for, seconds.", examples=[900])
    refresh_expires_in: int = Field(description="How long the session lasts, seconds.", examples=[1209600])


class Me(BaseModel):
    """Who asks, and what he may."""

    name: str = Field(description="Name.", examples=["ann"])
    role: Role = Field(description="Role.")
    actions: list[Action] = Field(description="What he may do.")
    kind: str = Field(
        description="How he is known: `local`, `access`, `browser` or `key`.", examples=["access"]
    )
    expires: float | None = Field(description="When that ends, seconds since 1970; null for never.")
    csrf: str | None = Field(description="For the header `X-CSRF-Token`; null where it is not asked for.")


class PasswordIn(Body):
    """A password and the next one."""

    model_config = ConfigDict(
        json_schema_extra=example_of(old="correct horse battery staple", new="four other unrelated words")
    )

    old: Text = Field(description="The password of now.")
    new: Text = Field(description="At least 12 characters.")


class KeyIn(Body):
    """A key to make."""

    model_config = ConfigDict(json_schema_extra=example_of(label="scrape", scopes=["read"], days=365))

    label: str = Field(
        min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$", description="What it is for."
    )
    scopes: list[Annotated[str, Field(max_length=20)]] | None = Field(
        None, max_length=20, description="Actions; all that one's role allows by default."
    )
    days: int | None = Field(None, ge=1, le=3650, description="How long it is good for; for ever by default.")


class Key(BaseModel):
    """A key, without its secret."""

    id: str = Field(description="The part of it that is no secret.", examples=["0a1b2c3d"])
    owner: str = Field(description="Whose it is.", examples=["ann"])
    label: str = Field(description="What it is for.", examples=["scrape"])
    scopes: list[Action] = Field(description="What it may do, if its owner may.")
    created: dt.datetime = Field(description="When it was made.")
    expires: dt.datetime | None = Field(description="When it ends.")
    last_used: dt.datetime | None = Field(description="When it was used last, to a minute.")


class NewKey(Key):
    """A new key."""

    key: str = Field(description="The key itself, told this once.", examples=["omni_0a1b2c3d_…"])


class UserOut(BaseModel):
    """A user."""

    name: str = Field(description="Name.", examples=["ann"])
    role: Role = Field(description="Role.")
    active: bool = Field(description="Whether he may sign in.")
    created: dt.datetime = Field(description="When he was added.")
    changed: dt.datetime = Field(description="When password, role or this was changed last.")


class UserIn(Body):
    """A user to add."""

    model_config = ConfigDict(
        json_schema_extra=example_of(name="ann", password="four words by chance", role="trader")
    )

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", description="A new name.")
    password: Text = Field(description="12 characters to 72 bytes.")
    role: str = Field(pattern="^(viewer|trader|risk|admin)$", description="viewer, trader, risk or admin.")


class UserChange(Body):
    """What is to be different about a user. Whatever it is, he has to sign in again."""

    model_config = ConfigDict(json_schema_extra=example_of(role="risk"))

    password: Text | None = Field(None, description="12 characters to 72 bytes.")
    role: str | None = Field(None, pattern="^(viewer|trader|risk|admin)$", description="A role.")
    active: bool | None = Field(None, description="Whether he may sign in.")


class AuditRow(BaseModel):
    """A row of the audit log."""

    n: int = Field(description="Number, from 1 without a gap.", examples=[1])
    ts: dt.datetime = Field(description="When.")
    person: str = Field(description="Who.", examples=["ann"])
    action: str = Field(description="What.", examples=["login"])
    subject: str = Field(description="To what.")
    outcome: str = Field(description="`ok`, `failed`, `refused` or `limited`.", examples=["ok"])
    address: str = Field(description="From where.", examples=["127.0.0.1"])
    request_id: str = Field(description="Of the request.")
    detail: str = Field(description="More of it, as JSON.", examples=["{}"])
    hash: str = Field(description="SHA-256 over this row and the one before.")


def of_pair(pair: Pair) -> dict[str, Any]:
    """Tokens as `TokensOut` has them."""
    now = dt.datetime.now(dt.UTC).timestamp()
    return {
        "access_token": pair.access,
        "refresh_token": pair.refresh,
        "token_type": "Bearer",
        "expires_in": max(0, int(pair.access_expires - now)),
        "refresh_expires_in": max(0, int(pair.refresh_expires - now)),
    }


def of_key(key: ApiKey) -> dict[str, Any]:
    """A key as `Key` has it."""
    times = {name: _time(getattr(key, name)) for name in ("created", "expires", "last_used")}
    return {
        "id": key.id,
        "owner": key.owner,
        "label": key.label,
        "scopes": sorted(key.scopes),
        **times,
    }


def of_user(user: User) -> dict[str, Any]:
    """A user as `UserOut` has him."""
    times = {name: _time(getattr(user, name)) for name in ("created", "changed")}
    return {"name": user.name, "role": user.role, "active": user.active, **times}


def of_entry(row: Entry) -> dict[str, Any]:
    """A row as `AuditRow` has it."""
    return {name: getattr(row, name) for name in AuditRow.model_fields} | {"ts": _time(row.ts / 1e9)}


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat().replace("+00:00", "Z")
