"""`Requests`: how many there were and how long they took, counted in the time of a few additions.

The client library locks for each number. Requests are counted in the thread of the event loop alone, and a
scrape that reads amid a count is off by that one request.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

DURATIONS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MOST_ROUTES = 400
"""So many routes have a name of their own; more than an application has."""
OTHER = "other"
_BOUNDS = [*map(str, DURATIONS_S), "+Inf"]
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Routes:
    """Names of routes as labels: a set that cannot grow without end."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def label(self, route: str) -> str:
        """The route, or ``other`` once there are too many."""
        if route not in self._known:
            if len(self._known) >= MOST_ROUTES:
                return OTHER
            self._known.add(route)
        return route


class Requests(Collector):
    """Requests by route, method and class of status.

    Parameters
    ----------
    routes : Routes

    Attributes
    ----------
    in_progress : int
        Requests that are being answered.
    """

    def __init__(self, routes: Routes) -> None:
        self.in_progress = 0
        self._routes = routes
        self._counts: dict[tuple[str, str, int], int] = {}
        self._times: dict[tuple[str, str], list[int]] = {}
        self._sums: dict[tuple[str, str], float] = {}

    def count(self, route: str, method: str, status: int, duration_s: float) -> None:
        """Count one.

        Parameters
        ----------
        route : str
            Its template, as ``/api/v1/orders/{order_id}``.
        method : str
        status : int
            Counted by class, as ``4xx``.
        duration_s : float
        """
        asked = route, method
        times = self._times.get(asked)
        if times is None:
            asked = self._routes.label(route), method if method in _METHODS else OTHER
            times = self._times.setdefault(asked, [0] * len(_BOUNDS))
            self._sums.setdefault(asked, 0.0)
        times[bisect_left(DURATIONS_S, duration_s)] += 1
        self._sums[asked] += duration_s
        key = (*asked, status // 100)
        self._counts[key] = self._counts.get(key, 0) + 1

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Counts, histograms, and what is being answered."""
        counts = CounterMetricFamily(
            "omni_http_requests", "Requests that were answered", labels=["route", "method", "status"]
        )
        for (route, method, status), n in [*self._counts.items()]:
            counts.add_metric([route, method, f"{status}xx"], n)
        yield counts
        text = "From the request's first byte to the answer's last"
        times = HistogramMetricFamily("omni_http_request_duration_seconds", text, labels=["route", "method"])
        for asked, buckets in [*self._times.items()]:
            grown = zip(_BOUNDS, accumulate(buckets), strict=True)
            times.add_metric([*asked], [(bound, n) for bound, n in grown], self._sums[asked])
        yield times
        text = "Requests that are being answered"
        yield GaugeMetricFamily("omni_http_requests_in_progress", text, value=self.in_progress)
