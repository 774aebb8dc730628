"""What routes depend on: who asks, and whether he may."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from omni_lab.errors import GatewayError
from omni_lab.gateway.security.tokens import Session
from omni_lab.system.people import Action, Person


async def person(connection: HTTPConnection) -> Person:
    """Who asks: a dependency of FastAPI.

    Raises
    ------
    GatewayError
        If no `SecurityLayer` stands before the application.
    """
    found = connection.scope.get("state", {}).get("person")
    if not isinstance(found, Person):
        raise GatewayError("nobody has said who asks", hint="Put the SecurityLayer before the application.")
    return found


async def session(connection: HTTPConnection) -> Session:
    """The session of who asks: a dependency of FastAPI.

    Raises
    ------
    GatewayError
        If no `SecurityLayer` stands before the application.
    """
    await person(connection)
    found = connection.scope["state"]["session"]
    assert isinstance(found, Session)
    return found


class requires:
    """A dependency of FastAPI: who asks, if he may.

    Parameters
    ----------
    action : Action
    """

    def __init__(self, action: Action) -> None:
        self.action = action

    async def __call__(self, connection: HTTPConnection) -> Person:
        """The person.

        Raises
        ------
        ForbiddenError
            If he may not.
        """
        who = await person(connection)
        who.require(self.action)
        return who
