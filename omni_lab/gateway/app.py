"""`create_app`: everything that the gateway serves, behind its security layer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import omni_lab
from omni_lab.errors import ForbiddenError, OmniError
from omni_lab.gateway.dashboard import home_routes, mount_dashboard
from omni_lab.gateway.metrics import MeasuringLayer, Metrics, NamingLayer, metrics_routes
from omni_lab.gateway.openapi import document, openapi_routes
from omni_lab.gateway.problems import install
from omni_lab.gateway.replies import Replies
from omni_lab.gateway.routes.alerts import alert_routes
from omni_lab.gateway.routes.backtest import backtest_routes
from omni_lab.gateway.routes.data import data_routes
from omni_lab.gateway.routes.features import feature_routes
from omni_lab.gateway.routes.health import health_routes
from omni_lab.gateway.routes.orders import order_routes
from omni_lab.gateway.routes.portfolio import portfolio_routes
from omni_lab.gateway.routes.risk import risk_routes
from omni_lab.gateway.routes.runs import run_routes
from omni_lab.gateway.routes.schedules import schedule_routes
from omni_lab.gateway.routes.system import system_routes
from omni_lab.gateway.routing import allowed, include
from omni_lab.gateway.security import NotSignedInError, Security, SecurityLayer
from omni_lab.gateway.security.notes import acts_to
from omni_lab.gateway.security.pages import page_routes
from omni_lab.gateway.security.routes import auth_routes
from omni_lab.gateway.settings import GatewaySettings
from omni_lab.gateway.sockets import Authorize, socket_routes
from omni_lab.system.people import Person
from omni_lab.system.services import Services

logger = logging.getLogger(__name__)

API = "/api/v1"
_DAY_S = 86_400.0
_SUBJECTS = (
    portfolio_routes,
    order_routes,
    risk_routes,
    data_routes,
    feature_routes,
    backtest_routes,
    run_routes,
    schedule_routes,
    system_routes,
    alert_routes,
)


def create_app(services: Services, security: Security, settings: GatewaySettings | None = None) -> FastAPI:
    """The application: REST, sockets, dashboard, behind the layer that asks who it is.

    Parameters
    ----------
    services : Services
        Started and stopped by whoever made them.
    security : Security
        Closed when the application ends.
    settings : GatewaySettings, optional
    """
    settings = settings or GatewaySettings()

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        heard = acts_to(security)
        services.system.listeners.append(heard)
        sweeping = asyncio.create_task(_sweep(security))
        yield
        sweeping.cancel()
        services.system.listeners.remove(heard)
        await security.close()

    app = FastAPI(
        title="OmniLab",
        version=omni_lab.__version__,
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.security = security
    app.state.replies = Replies(security.engine, kept_s=settings.replay_hours * 3600.0)
    app.openapi = lambda: document(app)  # type: ignore[method-assign]  # as FastAPI's own page tells
    install(app, allowed)
    app.state.actions, app.state.methods = {}, []
    app.state.metrics = Metrics(services)
    for subject in _SUBJECTS:
        include(app, subject(services), prefix=API)
    include(app, health_routes(services))
    include(app, metrics_routes(app.state.metrics))
    include(app, auth_routes(security), prefix=API)
    include(app, openapi_routes(app), prefix=API)
    include(app, page_routes(security))
    include(app, socket_routes(services, authorize=_authorize(security)))
    if settings.dashboard:
        include(app, home_routes())
        mount_dashboard(app, services)
    # From the inside to the outside.
    app.add_middleware(NamingLayer)
    app.add_middleware(SecurityLayer, security=security)
    app.add_middleware(MeasuringLayer, metrics=app.state.metrics)
    return app


async def _sweep(security: Security) -> None:
    """Forget once a day what nobody can use any more."""
    while True:
        await asyncio.sleep(_DAY_S)
        try:
            await asyncio.to_thread(security.tokens.sweep)
        except OmniError:
            logger.exception("old sessions were not swept")


def _authorize(security: Security) -> Authorize:
    """Who a token belongs to that a client of a socket sends, and until when."""

    def authorize(token: str) -> tuple[Person, float | None]:
        try:
            session = security.verify(token)
        except NotSignedInError as error:
            raise ForbiddenError("this lets nobody in") from error
        return session.person, session.expires

    return authorize
