"""`Metrics`: the numbers of one application, and the page that Prometheus reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Info
from prometheus_client.exposition import generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

import omni_lab
from omni_lab.gateway.metrics.parts import ServicesCollector
from omni_lab.gateway.metrics.requests import Requests, Routes

if TYPE_CHECKING:
    from omni_lab.system.services import Services

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Numbers of one application, in a registry of their own: two applications of a process do not mix.

    Parameters
    ----------
    services : Services, optional
        What is looked at when somebody asks; without it there are the application's own numbers.

    Attributes
    ----------
    registry : CollectorRegistry
        For those who count more.
    requests : Requests
    """

    def __init__(self, services: Services | None = None) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._routes = Routes()
        self.requests = Requests(self._routes)
        self.registry.register(self.requests)
        self._sockets = Gauge("omni_sockets", "Sockets that are open", ("route",), registry=self.registry)
        self._messages = Counter(
            "omni_socket_messages",
            "Messages over sockets",
            ("route", "direction"),
            registry=self.registry,
        )
        Info("omni_build", "What runs", registry=self.registry).info({"version": omni_lab.__version__})
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        if services is not None:
            self.registry.register(ServicesCollector(services))

    def socket(self, route: str) -> SocketNumbers:
        """What is counted of the sockets of a route."""
        name = self._routes.label(route)
        return SocketNumbers(
            self._sockets.labels(name),
            self._messages.labels(name, "sent"),
            self._messages.labels(name, "received"),
        )

    def page(self) -> bytes:
        """Everything, in the text format of Prometheus; looks at the services, and may block."""
        return generate_latest(self.registry)


class SocketNumbers(NamedTuple):
    """What is counted of the sockets of a route.

    Attributes
    ----------
    open : Gauge
    sent, received : Counter
        Messages.
    """

    open: Gauge
    sent: Counter
    received: Counter
