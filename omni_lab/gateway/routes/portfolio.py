"""``/api/v1/portfolio``: what the account is worth, what it holds, and how it came there."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Response

from omni_lab.execution.views import Position
from omni_lab.gateway.answers import Fresh, answer, number_cursor, page
from omni_lab.gateway.models import Page, model_of
from omni_lab.gateway.routes.optimise import add_optimise
from omni_lab.gateway.routing import Cursor, Limit, needs, router
from omni_lab.system.people import Action
from omni_lab.system.services import Services
from omni_lab.system.views import Account, EquityCurve


def portfolio_routes(services: Services) -> APIRouter:
    """The routes of the portfolio."""
    routes, system = router("/portfolio", "portfolio"), services.system
    account = Fresh(system.account)

    @routes.get("", response_model=model_of(Account), **needs(Action.READ))
    async def portfolio() -> Response:
        """What the account is worth now, with its positions; at most 20 ms old."""
        return Response(account(), media_type="application/json")

    @routes.get("/positions", response_model=Page[model_of(Position)], **needs(Action.READ))  # type: ignore[misc]
    def positions(limit: Limit = 100, cursor: Cursor = None) -> Response:
        """Positions of the account, in the order of its instruments."""
        first = number_cursor(cursor)
        held = list(enumerate(system.account().positions))[first : first + limit + 1]
        shown = page(held, limit, lambda each: each[0] + 1)
        return answer(shown | {"items": [position for _, position in shown["items"]]})

    @routes.get("/equity", response_model=model_of(EquityCurve), **needs(Action.READ))
    def equity(
        since: Annotated[int | None, Query(ge=0, lt=2**63, description="Only after this, ns UTC.")] = None,
        points: Annotated[
            int, Query(ge=2, le=100_000, description="At most so many, evenly chosen.")
        ] = 5_000,
    ) -> Response:
        """Samples of the account, one a second, thinned evenly where there are more than asked for."""
        curve = system.equity(since=since)
        n = len(curve.ts)
        chosen = np.unique(np.linspace(0, n - 1, points).round().astype(np.int64)) if n > points else slice(n)
        names = ("ts", "equity", "pnl_day", "gross", "net")
        return answer({name: np.ascontiguousarray(getattr(curve, name)[chosen]) for name in names})

    add_optimise(routes, services)
    return routes
