"""What is looked at when Prometheus asks: system, account, limits, journal, jobs, streams, alerts, disk.

Each part is looked at on its own: one that cannot answer is counted, and does not take the others along.
"""

from __future__ import annotations

import logging
import math
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from omni_lab.domain import RejectReason
from omni_lab.system.views import State

if TYPE_CHECKING:
    from omni_lab.messaging.bus import Stream, Subscription
    from omni_lab.system.services import Services

logger = logging.getLogger(__name__)

MOST_SYMBOLS = 64
OTHER = "other"
_QUANTILES = {"p50_ns": "0.5", "p99_ns": "0.99", "p999_ns": "0.999"}
_STRATEGY = ("NONE", "RUNNING", "STOPPED", "FAILED")
_SEVERITIES = ("info", "warning", "error", "critical")


class ServicesCollector(Collector):
    """Numbers of the services as they are when somebody asks.

    Parameters
    ----------
    services : Services
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._orders = OrderEvents()
        self._order_events_read()
        self._failures: Counter[str] = Counter()
        self._parts: dict[str, Callable[[], Iterable[Metric]]] = {
            "system": self._system,
            "orders": self._order_events,
            "account": self._account,
            "limits": self._limits,
            "latency": self._latency,
            "journal": self._journal,
            "jobs": self._jobs,
            "streams": self._streams,
            "alerts": self._alerts,
            "disk": self._disk,
        }

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance: a registry would look at the services when it is made."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Look at each part."""
        for name, part in self._parts.items():
            try:
                found = [*part()]
            except Exception:
                self._failures[name] += 1
                logger.exception("metrics of %s", name)
                continue
            yield from found
        failures = CounterMetricFamily(
            "omni_scrape_failures", "Parts that could not be looked at", labels=["part"]
        )
        for name in self._parts:
            failures.add_metric([name], self._failures[name])
        yield failures

    def _system(self) -> Iterator[Metric]:
        now = self._services.system.status()
        yield one_of("omni_system_state", "How the trading system is", "state", get_args(State), now.state)
        yield one_of("omni_strategy_state", "How its strategy is", "state", _STRATEGY, now.strategy_state)
        info = GaugeMetricFamily(
            "omni_system_info", "What runs, and on what", labels=["name", "mode", "source"]
        )
        info.add_metric([now.name, now.mode, now.source], 1)
        yield info
        yield gauge("omni_feed_age_seconds", "Since the last event of the market came in", now.feed_age_s)
        yield gauge("omni_halted", "Kill switches that are on", len(now.halted))
        yield counter(
            "omni_market_events", "Events of the market since the journal began", now.n_market_events
        )
        yield counter("omni_orders", "Orders of the account since the journal began", now.n_orders)
        yield counter("omni_fills", "Fills of the account since the journal began", now.n_fills)

    def _order_events(self) -> Iterator[Metric]:
        self._order_events_read()
        kinds = CounterMetricFamily(
            "omni_order_events", "What became of orders, since the start", labels=["kind"]
        )
        for kind, n in sorted(self._orders.kinds.items()):
            kinds.add_metric([kind], n)
        rejects = CounterMetricFamily(
            "omni_order_rejects",
            "Orders that were refused since the start, by the first reason",
            labels=["reason"],
        )
        for reason in RejectReason.__members__:
            rejects.add_metric([reason], self._orders.rejects[reason])
        yield kinds
        yield rejects
        yield counter(
            "omni_order_events_skipped", "Order events that came too fast to be counted", self._orders.skipped
        )

    def _order_events_read(self) -> None:
        stream = self._services.bus.find("orders")
        if stream is not None:
            self._orders.read(stream)

    def _account(self) -> Iterator[Metric]:
        account = self._services.system.account()
        said = {
            "equity": "Capital and profit, currency",
            "cash": "Equity less positions at their marks, currency",
            "pnl_day": "Profit of the day, currency",
            "realised": "Profit of what was closed since the journal began, currency",
            "unrealised": "Profit of what is open, currency",
        }
        for name, text in said.items():
            yield gauge(f"omni_account_{name}", text, float(getattr(account, name)))
        exposure = GaugeMetricFamily(
            "omni_account_exposure", "Positions at their marks, currency", labels=["kind"]
        )
        exposure.add_metric(["gross"], float(account.gross))
        exposure.add_metric(["net"], float(account.net))
        yield exposure
        positions = GaugeMetricFamily(
            "omni_position_quantity",
            "Units, positive when long; of the other symbols the sum of sizes",
            labels=["symbol"],
        )
        named = set(sorted(self._services.system.status().symbols)[:MOST_SYMBOLS])
        rest = 0.0
        for each in account.positions:
            if each.symbol in named:
                positions.add_metric([each.symbol], float(each.qty))
            else:
                rest += abs(float(each.qty))
        positions.add_metric([OTHER], rest)
        yield positions

    def _limits(self) -> Iterator[Metric]:
        used = GaugeMetricFamily(
            "omni_limit_used_ratio", "How much of a limit is used; from 1 on it refuses", labels=["check"]
        )
        for check, share in limits_used(self._services).items():
            used.add_metric([check], share)
        yield used

    def _latency(self) -> Iterator[Metric]:
        found = self._services.system.latency()
        times = Metric(
            "omni_oms_command_seconds", "Time of commands in the order-management system", "summary"
        )
        worst = GaugeMetricFamily("omni_oms_command_max_seconds", "The longest of them", labels=["stage"])
        for row, stage in enumerate(found["stage"].tolist() if found else []):
            for column, quantile in _QUANTILES.items():
                labels = {"stage": stage, "quantile": quantile}
                times.add_sample("omni_oms_command_seconds", labels, float(found[column][row]) / 1e9)
            times.add_sample("omni_oms_command_seconds_count", {"stage": stage}, float(found["count"][row]))
            worst.add_metric([stage], float(found["max_ns"][row]) / 1e9)
        yield times
        yield worst

    def _journal(self) -> Iterator[Metric]:
        journal = self._services.system.journal()
        yield gauge("omni_journal_bytes", "Size of the journal on the disk", journal.n_bytes)
        yield counter("omni_journal_frames", "Frames of the journal since it began", journal.sequence)
        yield gauge(
            "omni_journal_recovered_frames",
            "Frames that were replayed at the start",
            journal.recovered_frames,
        )

    def _jobs(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("omni_jobs", "Jobs that are in a state", labels=["state"])
        for state, n in self._services.jobs.counts().items():
            jobs.add_metric([state], n)
        yield jobs

    def _streams(self) -> Iterator[Metric]:
        bus = self._services.bus
        numbers = CounterMetricFamily(
            "omni_stream_changes", "Number of a stream's last change", labels=["stream"]
        )
        summed: Counter[str] = Counter()
        markets = 0
        for topic in bus.topics:
            stream = bus.find(topic)
            kind = topic.partition(".")[0]
            markets += kind == "market"
            if kind != "jobs":
                name = topic if kind != "market" or markets <= MOST_SYMBOLS else OTHER
                summed[name] += 0 if stream is None else stream.sequence
        for name, n in summed.items():
            numbers.add_metric([name], n)
        yield numbers

    def _alerts(self) -> Iterator[Metric]:
        alerts = GaugeMetricFamily("omni_alerts_open", "Alerts that have not ended", labels=["severity"])
        stream = self._services.bus.find("alerts")
        found = {} if stream is None else stream.snapshot().patch.get("open", {})
        severities = Counter(each["severity"] for each in found.values())
        for severity in _SEVERITIES:
            alerts.add_metric([severity], severities[severity])
        yield alerts

    def _disk(self) -> Iterator[Metric]:
        directory = self._services.settings.data_dir
        usage = shutil.disk_usage(directory if directory.exists() else ".")
        yield gauge("omni_disk_free_bytes", "Room on the disk of the data directory", usage.free)
        yield gauge("omni_disk_size_bytes", "Size of that disk", usage.total)


class OrderEvents:
    """Events of the stream of orders, counted from when one began to read.

    Attributes
    ----------
    kinds, rejects : Counter
        By kind of event, and by reason.
    skipped : int
        Changes that were no longer remembered when one looked.
    """

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.rejects: Counter[str] = Counter()
        self.skipped = 0
        self._place: Subscription | None = None
        self._lock = threading.Lock()

    def read(self, stream: Stream) -> None:
        """Count what is new."""
        with self._lock:
            if self._place is None or self._place.stream is not stream:
                self._place = stream.follow(after=stream.sequence)
            while told := self._place.take(4096):
                for message in told:
                    for event in message.events:
                        self._count(event)
            self.skipped = self._place.n_skipped

    def _count(self, event: Any) -> None:
        kind = str(event.get("kind", OTHER))
        self.kinds[kind] += 1
        if kind == "REJECTED":
            self.rejects[str(event.get("reason") or OTHER)] += 1


def limits_used(services: Services) -> dict[str, float]:
    """How much of the account's hard limits is used, by check: the most of all levels and instruments."""
    headroom, account = services.system.headroom(), services.system.status().account
    columns = headroom.columns
    rows = (columns["account"] == account) & (columns["severity"] == "hard") & np.isfinite(columns["limit"])
    found: dict[str, float] = {}
    for check, share in zip(columns["check"][rows].tolist(), headroom.used[rows].tolist(), strict=True):
        if check != "KILL_SWITCH" and not math.isnan(share):
            found[check] = max(found.get(check, 0.0), share)
    return found


def gauge(name: str, text: str, value: float) -> Metric:
    """One number that goes up and down."""
    return GaugeMetricFamily(name, text, value=value)


def counter(name: str, text: str, value: float) -> Metric:
    """One number that only grows; its name gets ``_total``."""
    return CounterMetricFamily(name, text, value=value)


def one_of(name: str, text: str, label: str, states: Iterable[str], now: str) -> Metric:
    """One for the state that it is in, zero for the others."""
    family = GaugeMetricFamily(name, text, labels=[label])
    for state in states:
        family.add_metric([state], float(state == now))
    return family
