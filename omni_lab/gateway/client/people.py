"""Routes of people: oneself, one's keys, users, the audit log."""

from __future__ import annotations

from collections.abc import Sequence

from omni_lab.gateway.client.decode import decode
from omni_lab.gateway.client.subject import Subject, given
from omni_lab.gateway.security.wire import AuditRow, Key, Me, NewKey, UserOut
from omni_lab.system.people import Action, Role


class PeopleRoutes(Subject):
    """Oneself, one's keys, users, the audit log."""

    def me(self) -> Me:
        """Who asks, and what he may do."""
        return self._get(Me, "auth/me")

    def change_password(self, old: str, new: str) -> None:
        """Change one's own password. All one's sessions end."""
        self._post("auth/password", {"old": old, "new": new}, key=None)

    def own_keys(self, *, most: int = 1_000) -> list[Key]:
        """One's API keys, without their secrets."""
        return self._list(Key, "auth/keys", most)

    def add_key(
        self, label: str, *, scopes: Sequence[Action | str] | None = None, days: int | None = None
    ) -> NewKey:
        """Make an API key; the key itself is told this once.

        Parameters
        ----------
        label : str
            What it is for.
        scopes : sequence of Action, optional
            What it may do; all that one's role allows by default.
        days : int, optional
            How long it is good for; for ever by default.
        """
        wanted = None if scopes is None else [str(each) for each in scopes]
        return decode(NewKey, self._post("auth/keys", given(label=label, scopes=wanted, days=days), key=None))

    def rotate_key(self, key_id: str) -> NewKey:
        """A new key in place of one, which still works for a day."""
        return decode(NewKey, self._post(f"auth/keys/{self._name(key_id)}/rotate", key=None))

    def revoke_key(self, key_id: str) -> None:
        """End a key now."""
        self._http.ask("DELETE", f"auth/keys/{self._name(key_id)}")

    def users(self, *, most: int = 1_000) -> list[UserOut]:
        """All users."""
        return self._list(UserOut, "auth/users", most)

    def add_user(self, name: str, password: str, role: Role | str) -> UserOut:
        """Add a user."""
        body = {"name": name, "password": password, "role": str(role)}
        return decode(UserOut, self._post("auth/users", body, key=None))

    def change_user(
        self,
        name: str,
        *,
        password: str | None = None,
        role: Role | str | None = None,
        active: bool | None = None,
    ) -> UserOut:
        """Change a user; he has to sign in again."""
        body = given(password=password, role=None if role is None else str(role), active=active)
        return decode(UserOut, self._http.ask("PATCH", f"auth/users/{self._name(name)}", body=body))

    def remove_user(self, name: str) -> None:
        """Remove a user with his keys."""
        self._http.ask("DELETE", f"auth/users/{self._name(name)}")

    def audit(self, *, person: str | None = None, most: int = 1_000) -> list[AuditRow]:
        """The audit log, the newest first."""
        return self._list(AuditRow, "auth/audit", most, person=person)
