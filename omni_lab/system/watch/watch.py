"""`Watch`: looks every two seconds, opens and ends alerts, publishes them, and has the channels told."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from omni_lab.errors import ConfigError, SourceError, StateError
from omni_lab.store.database import exc
from omni_lab.system.people import Action, Person
from omni_lab.system.watch.book import AlertBook, PastAlert
from omni_lab.system.watch.rules import RULES, Finding, Rule, Thresholds

if TYPE_CHECKING:
    from omni_lab.messaging.alerts import Alert, Delivery
    from omni_lab.system.services import Services

logger = logging.getLogger(__name__)

LOOK_S = 2.0
CALM_LOOKS = 3
"""An alert ends when so many looks in a row find nothing."""
MOST_MUTE_S = 7 * 86_400.0
_TELL_DUE_S = 60.0
_LONGEST_WHY = 500
_BACKLOG = 1_000
_WORSE = {severity: place for place, severity in enumerate(("info", "warning", "error", "critical"))}


@dataclass(slots=True)
class OpenAlert:
    """An alert that has not ended.

    Attributes
    ----------
    n : int
        Its number in the book.
    finding : Finding
        As it was found last.
    opened_ts : int
        Nanoseconds UTC.
    acknowledged_by : str
        Empty for nobody.
    n_calm : int
        How many looks in a row found nothing.
    """

    n: int
    finding: Finding
    opened_ts: int
    acknowledged_by: str = ""
    n_calm: int = 0

    def told(self) -> dict[str, Any]:
        """As the stream states it."""
        found = self.finding
        return {
            "severity": found.severity,
            "text": found.text,
            "hint": found.hint,
            "ts": self.opened_ts,
            "acknowledged": bool(self.acknowledged_by),
            "acknowledged_by": self.acknowledged_by or None,
        }


class Watch:
    """What people should know of a system that runs.

    Parameters
    ----------
    services : Services
        What is looked at; alerts are published on its bus as ``alerts``, kept in the registry's database,
        and told to its notifier.
    thresholds : Thresholds, optional
    rules : mapping of str to callable, optional
        `RULES` by default.
    look_s : float
        How often it looks.
    """

    def __init__(
        self,
        services: Services,
        *,
        thresholds: Thresholds | None = None,
        rules: Mapping[str, Rule] = RULES,
        look_s: float = LOOK_S,
    ) -> None:
        self._services, self._rules, self._look_s = services, rules, look_s
        self._thresholds = thresholds or Thresholds()
        self._book = AlertBook(services.registry.engine, services.system.config.name)
        self._stream = services.bus.open("alerts", epoch=uuid4().hex, state={"open": {}})
        self._open: dict[str, OpenAlert] = {}
        self._muted: dict[str, int] = {}
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._to_tell: queue.Queue[Alert | None] = queue.Queue(_BACKLOG)
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Take up what was open, and look from now on, in a thread."""
        with self._lock:
            for kept in self._book.unended():
                found = Finding(key=kept.key, severity=kept.severity, text=kept.text, hint=kept.hint)
                self._open[kept.key] = OpenAlert(kept.n, found, kept.opened_ts, kept.acknowledged_by)
            self._muted = self._book.muted()
            self._publish({key: each.told() for key, each in self._open.items()})
        for name, work in (("omni-watch", self._work), ("omni-watch-tells", self._tell)):
            self._threads.append(threading.Thread(target=work, name=name, daemon=True))
            self._threads[-1].start()

    def close(self) -> None:
        """Look no more; alerts that are open stay so in the book."""
        self._over.set()
        self._to_tell.put(None)
        for thread in self._threads:
            thread.join(self._look_s + 5.0)
        self._threads.clear()
        self._services.bus.close("alerts")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> dict[str, dict[str, Any]]:
        """Alerts that have not ended, by key, as the stream states them."""
        with self._lock:
            return {key: each.told() for key, each in self._open.items()}

    def history(self, *, before: int | None = None, most: int = 100) -> list[PastAlert]:
        """Alerts, newest first; with numbers below one.

        Parameters
        ----------
        before : int, optional
        most : int
        """
        return self._book.history(before=before, most=most)

    def acknowledge(self, key: str, *, who: Person, why: str = "") -> dict[str, Any]:
        """Say that somebody knows of an alert; as it is then. It stays open until its cause has ended.

        Raises
        ------
        ForbiddenError
            If he may not trade.
        SourceError
            If no such alert is open.
        """
        who.require(Action.TRADE)
        with self._lock:
            alert = self._open.get(key)
            if alert is None:
                raise SourceError("no alert of this key is open", found=key, expected=[*self._open])
            if not alert.acknowledged_by:
                values = {"acknowledged_ts": time.time_ns(), "why": why[:_LONGEST_WHY]}
                self._book.change(alert.n, acknowledged_by=who.name, **values)
                alert.acknowledged_by = who.name
                self._publish({key: alert.told()}, {"kind": "ACKNOWLEDGED", "key": key, "who": who.name})
            return alert.told()

    def mute(self, key: str, seconds: float, *, who: Person) -> None:
        """Let the channels hear nothing of a key for a while; 0 ends that. It is still shown.

        Raises
        ------
        ForbiddenError
            If he may not trade.
        ConfigError
            If it is longer than a week, or negative.
        """
        who.require(Action.TRADE)
        if not 0 <= seconds <= MOST_MUTE_S:
            raise ConfigError("how long to mute, seconds", found=seconds, expected=f"0 to {MOST_MUTE_S:.0f}")
        until = time.time_ns() + int(seconds * 1e9) if seconds else 0
        with self._lock:
            self._book.mute(key, until, who.name)
            self._muted = self._book.muted()
        logger.info("muted for %.0f s: %s", seconds, key, extra={"by": who.name})

    def test(self, *, who: Person) -> list[Delivery]:
        """Send a test to every channel, and wait for what comes of it.

        Raises
        ------
        ForbiddenError
            If he may not administer.
        StateError
            If there are no channels.
        """
        who.require(Action.ADMINISTER)
        if self._services.notifier is None:
            raise StateError("there are no channels", hint="Write them down in data/alerts.yaml.")
        return self._services.notifier.test()

    def look(self) -> None:
        """Look once at everything."""
        found: dict[str, Finding] = {}
        for name, rule in self._rules.items():
            try:
                found |= {each.key: each for each in rule(self._services, self._thresholds)}
            except Exception as error:
                logger.exception("the rule %s", name)
                text = f"the rule {name} cannot look: {type(error).__name__}"
                found[f"watch:{name}"] = Finding(key=f"watch:{name}", severity="warning", text=text)
        with self._lock:
            self._settle(found)

    def _settle(self, found: Mapping[str, Finding]) -> None:
        for key, finding in found.items():
            before = self._open.get(key)
            if before is None:
                self._begin(finding)
                continue
            before.n_calm = 0
            if before.finding.severity != finding.severity:
                self._changed(before, finding)
            elif before.finding.text != finding.text:
                before.finding = finding
                self._publish({key: before.told()})
        for key in self._open.keys() - found.keys():
            alert = self._open[key]
            alert.n_calm += 1
            if alert.n_calm >= CALM_LOOKS:
                self._end(key, alert)

    def _begin(self, finding: Finding) -> None:
        ts = time.time_ns()
        alert = OpenAlert(self._book.open(finding, ts), finding, ts)
        self._open[finding.key] = alert
        logger.warning("alert: %s", finding.text, extra={"alert": finding.key, "severity": finding.severity})
        self._publish({finding.key: alert.told()}, {"kind": "OPENED", "key": finding.key})
        self._say(finding)

    def _changed(self, alert: OpenAlert, finding: Finding) -> None:
        """It is worse or less bad than it was; what is worse is told, and nobody knows of that yet."""
        worse = _WORSE[finding.severity] > _WORSE[alert.finding.severity]
        alert.finding = finding
        if worse:
            alert.acknowledged_by = ""
        facts = {"severity": finding.severity, "text": finding.text, "acknowledged_by": alert.acknowledged_by}
        self._book.change(alert.n, **facts)
        self._publish({finding.key: alert.told()}, {"kind": "CHANGED", "key": finding.key})
        if worse:
            self._say(finding)

    def _end(self, key: str, alert: OpenAlert) -> None:
        self._book.change(alert.n, ended_ts=time.time_ns())
        del self._open[key]
        logger.info("alert ended: %s", alert.finding.text, extra={"alert": key})
        self._publish({key: None}, {"kind": "ENDED", "key": key})
        self._say(alert.finding, resolved=True)

    def _publish(self, patch: Mapping[str, Any], *events: Mapping[str, Any]) -> None:
        if patch:
            self._stream.publish({"open": dict(patch)}, events)

    def _say(self, finding: Finding, *, resolved: bool = False) -> None:
        from omni_lab.messaging.alerts import Alert

        if self._services.notifier is None or self._muted.get(finding.key, 0) > time.time_ns():
            return
        labels = {"system": self._services.system.config.name, **finding.labels}
        key = f"{self._services.system.config.name}:{finding.key}"
        alert = Alert(finding.severity, finding.text, finding.hint, key, labels, resolved)
        try:
            self._to_tell.put_nowait(alert)
        except queue.Full:
            logger.error("nobody can be told of %s: too many alerts wait", finding.key)

    def _work(self) -> None:
        while not self._over.is_set():
            try:
                self.look()
            except exc.SQLAlchemyError as error:
                logger.warning("the database of alerts does not answer: %s", error)
            self._over.wait(self._look_s)

    def _tell(self) -> None:
        """Have the channels told; in a thread of its own, for they may take their time."""
        notifier = self._services.notifier
        told_due = time.monotonic()
        while notifier is not None:
            try:
                alert = self._to_tell.get(timeout=_TELL_DUE_S / 12)
            except queue.Empty:
                if time.monotonic() - told_due > _TELL_DUE_S:
                    told_due = time.monotonic()
                    notifier.tell_due()
                continue
            if alert is None:
                return
            notifier.send(alert)
