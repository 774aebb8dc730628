"""`Client`: the gateway from Python."""

from __future__ import annotations

import ssl
from types import TracebackType
from typing import Self

import httpx

from omni_lab.gateway.client.credentials import Credentials
from omni_lab.gateway.client.http import Http
from omni_lab.gateway.client.people import PeopleRoutes
from omni_lab.gateway.client.research import (
    BacktestRoutes,
    DataRoutes,
    FeatureRoutes,
    RunRoutes,
    ScheduleRoutes,
)
from omni_lab.gateway.client.streams import Stream
from omni_lab.gateway.client.trading import (
    AlertRoutes,
    OrderRoutes,
    PortfolioRoutes,
    RiskRoutes,
    SystemRoutes,
)


class Client:
    """The gateway from Python. Any thread may use it.

    Without a token, a key or a password it asks as nobody, which a gateway in local mode takes for the local
    user. What the gateway refuses is raised as the error that it was there.

    Parameters
    ----------
    url : str
        ``"http://127.0.0.1:8050"``.
    token : str, optional
        An access token.
    key : str, optional
        An API key.
    username, password : str, optional
        Sign in; tokens are renewed before they are over.
    timeout_s : float
        Of a request.
    attempts : int
        How often a request is sent at most where the connection fails or the gateway is busy. What creates
        something carries an idempotency key, so that it is created once.
    tls : SSLContext, optional
        Whom to trust behind ``https``; whom this machine trusts by default.
    transport : httpx.BaseTransport, optional
        In place of the network.

    Attributes
    ----------
    portfolio, orders, risk, system, alerts
        Routes of the trading system.
    data, features, backtests, runs, schedules
        Routes of research.
    people
        Oneself, one's keys, users, the audit log.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8050",
        *,
        token: str | None = None,
        key: str | None = None,
        username: str | None = None,
        password: str | None = None,
        timeout_s: float = 30.0,
        attempts: int = 4,
        tls: ssl.SSLContext | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        credentials = Credentials(token=token, key=key, username=username, password=password)
        self._http = http = Http(
            url,
            credentials,
            timeout_s=timeout_s,
            attempts=attempts,
            transport=transport,
            verify=True if tls is None else tls,
        )
        self._tls = tls
        self.portfolio, self.orders, self.risk = PortfolioRoutes(http), OrderRoutes(http), RiskRoutes(http)
        self.system, self.alerts = SystemRoutes(http), AlertRoutes(http)
        self.data, self.features = DataRoutes(http), FeatureRoutes(http)
        self.backtests, self.runs = BacktestRoutes(http), RunRoutes(http)
        self.schedules = ScheduleRoutes(http)
        self.people = PeopleRoutes(http)

    @property
    def url(self) -> str:
        """Of the gateway."""
        return self._http.url

    def stream(
        self, topic: str, *, after: int | None = None, epoch: str | None = None, patience_s: float = 60.0
    ) -> Stream:
        """A stream, for ``for`` or ``async for``; arguments as of `Stream`."""
        return Stream(self._http, topic, after=after, epoch=epoch, patience_s=patience_s, tls=self._tls)

    def close(self) -> None:
        """Sign out, if it signed in by a password, and close its connections."""
        self._http.sign_out()
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
