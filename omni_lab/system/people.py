"""Who may do what: four roles, and the actions that each of them has."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from omni_lab.errors import ForbiddenError

PERSON_HEADER: Final = "X-Omni-Person"
"""The header in which the gateway tells the dashboard who asks."""

_OF_THIS_PROCESS: Final = secrets.token_bytes(32)


class Role(StrEnum):
    """What somebody is here for."""

    VIEWER = "viewer"
    TRADER = "trader"
    RISK = "risk"
    ADMIN = "admin"


class Action(StrEnum):
    """What is allowed or not: every route, socket and button names one."""

    READ = "read"
    """See markets, orders, positions, runs."""
    TRADE = "trade"
    """Send, change and cancel orders; start and stop strategies."""
    RUN = "run"
    """Start and cancel backtests and pipelines, edit schedules."""
    HALT = "halt"
    """Throw a kill switch."""
    RESET = "reset"
    """Take a kill switch back."""
    LIMIT = "limit"
    """Change limits."""
    AUDIT = "audit"
    """Read the audit log."""
    ADMINISTER = "administer"
    """Users, keys of others, secrets, alert channels."""


ALLOWED: dict[Role, frozenset[Action]] = {
    Role.VIEWER: frozenset({Action.READ}),
    Role.TRADER: frozenset({Action.READ, Action.TRADE, Action.RUN, Action.HALT}),
    Role.RISK: frozenset({Action.READ, Action.RUN, Action.HALT, Action.RESET, Action.LIMIT, Action.AUDIT}),
    Role.ADMIN: frozenset(Action),
}
"""What each role may do."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who asks.

    Attributes
    ----------
    name : str
        As the audit log and the journal know him.
    role : Role
    scopes : frozenset of Action or None
        Of an API key that may do less than its owner; None for all that the role may.
    """

    name: str
    role: Role
    scopes: frozenset[Action] | None = None

    def may(self, action: Action) -> bool:
        """Whether he is allowed to."""
        return action in ALLOWED[self.role] and (self.scopes is None or action in self.scopes)

    def require(self, action: Action) -> None:
        """Refuse him what he may not do.

        Raises
        ------
        ForbiddenError
            Naming the roles that may.
        """
        if not self.may(action):
            may = sorted(role.value for role, actions in ALLOWED.items() if action in actions)
            limited = "" if self.scopes is None else ", a key of fewer scopes"
            found = f"{self.name} ({self.role.value}{limited})"
            raise ForbiddenError(f"not allowed to {action.value}", found=found, expected=may)


LOCAL = Person("local", Role.ADMIN)
"""The only user of a system that serves this machine alone."""


def sign_person(person: Person, *, request_id: str = "", expires: float | None = None) -> str:
    """What the gateway writes into ``X-Omni-Person``: JSON, and an HMAC by a key of this process alone.

    Parameters
    ----------
    person : Person
    request_id : str, optional
        Of the request that carries it.
    expires : float, optional
        Seconds since 1970; until then it is believed.

    Returns
    -------
    str
        ASCII.
    """
    scopes = None if person.scopes is None else sorted(person.scopes)
    said = {"name": person.name, "role": person.role, "scopes": scopes, "request": request_id, "exp": expires}
    body = base64.urlsafe_b64encode(json.dumps(said, separators=(",", ":")).encode()).decode()
    return f"{body}.{_mark(body)}"


def read_person(signed: str) -> Person:
    """Who asks, by ``X-Omni-Person``.

    Parameters
    ----------
    signed : str
        Of `sign_person`, in this process.

    Raises
    ------
    ForbiddenError
        If it was not signed here, or its time is over.
    """
    body, _, mark = signed.partition(".")
    if not hmac.compare_digest(mark.encode(), _mark(body).encode()):
        raise ForbiddenError("nobody here has signed who asks", where=PERSON_HEADER)
    try:
        said = json.loads(base64.urlsafe_b64decode(body))
        scopes = said["scopes"]
        person = Person(
            said["name"],
            Role(said["role"]),
            None if scopes is None else frozenset(Action(each) for each in scopes),
        )
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise ForbiddenError("it is not said who asks", where=PERSON_HEADER) from error
    if said["exp"] is not None and said["exp"] <= time.time():
        raise ForbiddenError("the time of this session is over", where=PERSON_HEADER, hint="Sign in again.")
    return person


def _mark(body: str) -> str:
    return hmac.new(_OF_THIS_PROCESS, body.encode(), hashlib.sha256).hexdigest()
