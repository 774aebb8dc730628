"""What the layer writes down: whom it turned away, who changed what, who was not allowed to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any

from omni_lab.gateway.security import doorway
from omni_lab.gateway.security.limits import neighbourhood
from omni_lab.gateway.security.refusals import RefusedError
from omni_lab.gateway.security.security import Security
from omni_lab.gateway.security.tokens import Session
from omni_lab.system.acts import Listener
from omni_lab.system.people import Person

logger = logging.getLogger(__name__)

# These write down more of it themselves, or change nothing.
_NOTED_THERE = (
    "/api/v1/auth/",
    "/api/v1/orders/preview",
    "/api/v1/portfolio/optimise",
    "/api/v1/features/compute",
    "/login",
    "/setup",
    "/logout",
)
_LONGEST = 200

NOTED = "noted"
"""What a route leaves in ``scope["state"]`` that has written down itself what somebody changed."""


WRITTEN: ContextVar[bool] = ContextVar("written", default=False)
"""Whether the request that is being answered has a row of its own, so that its acts need none."""


def acts_to(security: Security) -> Listener:
    """A listener of a trading system: writes down what people do on the dashboard, where no route does."""

    def heard(who: Person, name: str, asked: Mapping[str, Any], outcome: str) -> None:
        if not WRITTEN.get():
            security.audit.record(
                f"dashboard.{name}", person=who.name, subject=name, outcome=outcome, detail={"asked": asked}
            )

    return heard


class Notes:
    """Rows of the audit log about requests. The same refusal is written down once a minute.

    Parameters
    ----------
    security : Security
    """

    def __init__(self, security: Security) -> None:
        self._security = security

    async def refused(
        self, scope: MutableMapping[str, Any], refused: RefusedError, request_id: bytes
    ) -> None:
        """Somebody was turned away at the door."""
        near = neighbourhood(_address(scope))
        if (unsaid := self._security.told.again("refused", refused.reason, near)) is None:
            return
        facts = {"status": refused.status, "reason": refused.reason, "unsaid": unsaid}
        logger.warning("refused", extra={**facts, "address": _address(scope)})
        await self._record(scope, "limited" if refused.status == 429 else "refused", request_id, "", facts)

    async def changed(
        self, scope: MutableMapping[str, Any], session: Session | None, status: int, request_id: bytes
    ) -> None:
        """A request was answered: a change is written down, and what somebody was not allowed to."""
        forbidden, path = status == 403, scope["path"]
        if session is None or not (forbidden or (scope["method"] not in doorway.SAFE and status < 400)):
            return
        if not forbidden and path.startswith(_NOTED_THERE):
            return
        name = session.person.name
        thing = ("forbidden", name, scope["method"], path[:_LONGEST])
        if forbidden and self._security.told.again(*thing) is None:
            return
        facts = {"status": status, "kind": session.kind}
        await self._record(scope, "refused" if forbidden else "ok", request_id, name, facts)

    async def _record(
        self,
        scope: MutableMapping[str, Any],
        outcome: str,
        request_id: bytes,
        person: str,
        detail: dict[str, object],
    ) -> None:
        await asyncio.to_thread(
            self._security.audit.record,
            "request",
            person=person,
            subject=f"{scope.get('method', 'SOCKET')} {scope['path']}"[:_LONGEST],
            outcome=outcome,
            address=_address(scope),
            request_id=request_id.decode(),
            detail=detail,
        )


def _address(scope: MutableMapping[str, Any]) -> str:
    return str((scope.get("client") or ("",))[0])
