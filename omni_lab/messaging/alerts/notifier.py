"""Who is told what, and when: severities, repeats, quiet hours, and channels that fail alone."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

from omni_lab.config import Settings
from omni_lab.errors import AlertError
from omni_lab.messaging.alerts.alert import (
    BELOW,
    CRITICAL,
    FAILED,
    HELD,
    INFO,
    REPEATED,
    TOLD,
    Alert,
    Delivery,
    Notice,
)
from omni_lab.messaging.alerts.channels import Channel
from omni_lab.messaging.alerts.http import RetryableError
from omni_lab.messaging.alerts.memory import Memory
from omni_lab.messaging.alerts.secrets import without_secrets
from omni_lab.messaging.alerts.settings import AlertSettings, read_alert_settings

logger = logging.getLogger(__name__)

_DETAIL = 300
_FIRST_WAIT_S = 0.5
_T = TypeVar("_T")
_FIRST: int | None = 0
_NOTHING: list[Notice] = []


class Notifier:
    """Tells alerts to channels. Channels are told at once, each in a thread of its own.

    Parameters
    ----------
    settings : AlertSettings
    state : Path
        File that remembers what was told and what waits.
    clock : callable
        The time, UTC.
    wait : callable
        Waits so many seconds before an attempt is repeated.

    Examples
    --------
    >>> notifier = Notifier.from_file()
    >>> notifier.send(Alert("error", "nightly failed", key="schedule:nightly"))
    []
    """

    def __init__(
        self,
        settings: AlertSettings,
        state: Path,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = settings
        self._memory = Memory(state)
        self._clock, self._wait = clock, wait

    @classmethod
    def from_file(cls, path: Path | None = None, *, state: Path | None = None) -> Self:
        """Notifier of a file of channels.

        Parameters
        ----------
        path : Path, optional
            The project's own by default; where that is absent there are no channels, and nobody is told.
        state : Path, optional
            ``alerts.sqlite`` beside the file by default.

        Raises
        ------
        ConfigError
            If the file is not as it should be, with all that is wrong in it.
        """
        file = path or Settings.from_env().alerts_file
        settings = AlertSettings() if path is None and not file.exists() else read_alert_settings(file)
        return cls(settings, state or file.with_suffix(".sqlite"))

    def send(self, alert: Alert) -> list[Delivery]:
        """Tell an alert to every channel that wants it, and what was due on the channels with it.

        Never raises for what a channel or the memory does. A resolution is told where the alert was.

        Returns
        -------
        list of Delivery
            One for each channel, in the order of the file.
        """
        now = self._clock()

        def tell(name: str, channel: Channel) -> Delivery:
            delivery = self._send(name, channel, Notice(alert, now))
            self._tell_due(name, channel, now)
            return delivery

        return self._on_all(tell)

    def tell_due(self) -> list[Delivery]:
        """Tell what waited for the end of quiet hours, and the counts of repeats that were kept back.

        Whoever runs for long calls it once a minute or so; `send` does it too.

        Returns
        -------
        list of Delivery
            One for each alert that was due.
        """
        now, told = self._clock(), list[Delivery]()

        def tell(name: str, channel: Channel) -> Delivery:
            told.extend(self._tell_due(name, channel, now))
            return Delivery(name, TOLD)

        silent = [delivery for delivery in self._on_all(tell) if not delivery.ok]
        return [*told, *silent]

    def test(self) -> list[Delivery]:
        """Send one alert to every channel, whatever the hour and whatever the channel wants."""
        alert = Alert(INFO, "OmniLab can reach you here", "A test. There is nothing to do.", key="test")
        return self._on_all(lambda name, channel: self._deliver(name, channel, Notice(alert, self._clock())))

    def waiting(self) -> Mapping[str, int]:
        """How many alerts wait for the end of quiet hours, by channel."""
        return self._remember(self._memory.waiting, {})

    def _on_all(self, tell: Callable[[str, Channel], Delivery]) -> list[Delivery]:
        """What comes of telling all channels at once; one that does not come to an end is left behind."""
        found: dict[str, Delivery] = {}

        def work(name: str, channel: Channel) -> None:
            found[name] = tell(name, channel)

        channels = self.settings.channels
        threads = [threading.Thread(target=work, args=each, daemon=True) for each in channels.items()]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + self.settings.patience_s
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0.0))
        late = f"no end within {self.settings.patience_s:g} s"
        return [found.get(name) or self._failed(name, late, 1) for name in channels]

    def _send(self, name: str, channel: Channel, notice: Notice) -> Delivery:
        alert, now = notice.alert, notice.at.timestamp()
        if not alert.reaches(channel.at_least):
            return Delivery(name, BELOW, f"only {channel.at_least} and above are told here")
        if alert.resolved and not self._remember(lambda: self._memory.resolve(name, alert), True):
            return Delivery(name, REPEATED, "what it resolves had not been told here yet")
        if self._is_quiet(alert, notice.at) and self._held(name, notice):
            return Delivery(name, HELD, f"quiet hours, {self.settings.quiet}")
        if alert.resolved:
            return self._deliver(name, channel, notice)
        window = self.settings.repeat_after_s
        repeats = self._remember(lambda: self._memory.claim(name, alert, now, window), _FIRST)
        if repeats is None:
            return Delivery(name, REPEATED, f"told within the last {window:g} s")
        delivery = self._deliver(name, channel, Notice(alert, notice.at, repeats))
        if not delivery.ok:
            self._remember(lambda: self._memory.release(name, alert), None)
        return delivery

    def _tell_due(self, name: str, channel: Channel, now: datetime) -> list[Delivery]:
        moment, window = now.timestamp(), self.settings.repeat_after_s
        held, told = _NOTHING, []
        if self.settings.quiet is None or not self.settings.quiet.covers(now):
            held = self._remember(lambda: self._memory.take_held(name), _NOTHING)
        for notice in held:
            # Told now, so that the next of its kind is a repeat.
            self._remember(partial(self._memory.claim, name, notice.alert, moment, window), _FIRST)
        ended = self._remember(lambda: self._memory.take_ended(name, moment, window), _NOTHING)
        for notice in (*held, *ended):
            if self._is_quiet(notice.alert, now):
                self._held(name, notice)
                continue
            delivery = self._deliver(name, channel, notice)
            told.append(delivery)
            if not delivery.ok:
                self._held(name, notice)
        return told

    def _deliver(self, name: str, channel: Channel, notice: Notice) -> Delivery:
        """One alert on one channel, tried again where that may help."""
        settings, detail, attempt = self.settings, "", 0
        for attempt in range(1, settings.attempts + 1):
            if attempt > 1:
                self._wait(_FIRST_WAIT_S * 2 ** (attempt - 2))
            try:
                channel.tell(notice, settings.timeout_s)
            except RetryableError as error:
                detail = str(error)
            except AlertError as error:
                detail = str(error)
                break
            except Exception as error:  # noqa: BLE001 - a channel that fails in any way stops nobody else
                # What an unforeseen error says may hold a secret in any form.
                detail = f"{type(error).__name__} inside the channel"
                break
            else:
                return Delivery(name, TOLD, attempts=attempt)
        return self._failed(name, without_secrets(detail, channel.secrets)[:_DETAIL], attempt)

    def _failed(self, name: str, detail: str, attempts: int) -> Delivery:
        logger.warning("an alert did not reach %s: %s", name, detail)
        return Delivery(name, FAILED, detail, attempts)

    def _is_quiet(self, alert: Alert, moment: datetime) -> bool:
        quiet = self.settings.quiet
        return quiet is not None and alert.severity != CRITICAL and quiet.covers(moment)

    def _held(self, name: str, notice: Notice) -> bool:
        """Whether it could be kept; what cannot be kept is told, whatever the hour."""

        def hold() -> bool:
            self._memory.hold(name, notice)
            return True

        return self._remember(hold, False)

    def _remember(self, action: Callable[[], _T], otherwise: _T) -> _T:
        """What the memory says, or, without one, what lets the alert through."""
        try:
            return action()
        except (sqlite3.Error, OSError, ValueError) as error:
            logger.warning("what was told cannot be remembered: %s", error)
            return otherwise
