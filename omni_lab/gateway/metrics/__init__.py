"""What Prometheus scrapes: requests and sockets as they pass, system, jobs and disk when it asks.

`Metrics` keeps the numbers of one application. `MeasuringLayer` stands before everything and measures;
`NamingLayer` stands before the routes and says what was asked by whom.
"""

from omni_lab.gateway.metrics.layers import MeasuringLayer, NamingLayer
from omni_lab.gateway.metrics.metrics import Metrics
from omni_lab.gateway.metrics.routes import metrics_routes

__all__ = ["MeasuringLayer", "Metrics", "NamingLayer", "metrics_routes"]
