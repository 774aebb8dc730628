"""``GET /metrics``."""

from __future__ import annotations

from fastapi import APIRouter, Response

from omni_lab.gateway.metrics.metrics import CONTENT_TYPE, Metrics
from omni_lab.gateway.routing import needs, router
from omni_lab.system.people import Action


def metrics_routes(metrics: Metrics) -> APIRouter:
    """The route that Prometheus scrapes; it reads with an API key, whose scope may be ``read`` alone.

    Parameters
    ----------
    metrics : Metrics
    """
    routes = router("/metrics", "health")
    asked = needs(Action.READ)
    asked["responses"][200] = {
        "description": "Metrics in the text format of Prometheus, version 0.0.4.",
        "content": {"text/plain": {"example": 'omni_jobs{state="QUEUED"} 0.0\n'}},
    }

    @routes.get("", response_class=Response, **asked)
    def read_metrics() -> Response:
        """Numbers of requests, sockets, the trading system, jobs and the process, for Prometheus."""
        return Response(metrics.page(), headers={"content-type": CONTENT_TYPE})

    return routes
