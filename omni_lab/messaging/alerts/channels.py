"""Channels that are reached by a request: Slack, PagerDuty, any webhook. Each is a shape of JSON."""

import hashlib
import hmac
import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from itertools import accumulate
from typing import Any, Protocol

from omni_lab.messaging.alerts.alert import INFO, Notice
from omni_lab.messaging.alerts.http import post_json
from omni_lab.messaging.alerts.secrets import Secret

PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"
SIGNATURE_HEADER = "X-OmniLab-Signature"
TIME_HEADER = "X-OmniLab-Timestamp"

_MARKS = {"info": "ℹ️", "warning": "⚠️", "error": "❌", "critical": "🚨"}
# What the services take at most, in characters, with room for the mark in front.
_SLACK_TITLE, _SLACK_TEXT, _SLACK_FACTS = 140, 2900, 2900
_PAGERDUTY_SUMMARY, _PAGERDUTY_KEY, _PAGERDUTY_TEXT = 1024, 255, 20_000


class Channel(Protocol):
    """A way to reach somebody.

    Attributes
    ----------
    at_least : str
        Least severity that is told here.
    """

    at_least: str

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must not be read in anything that is said about a delivery."""

    @property
    def address(self) -> str:
        """Where it leads, without secrets."""

    def tell(self, notice: Notice, timeout_s: float) -> None:
        """Tell it once; AlertError if that failed, and RetryableError if trying again may help."""


@dataclass(slots=True, kw_only=True)
class Slack:
    """An incoming webhook of Slack, or of what speaks like it."""

    url: Secret
    at_least: str = INFO

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The address: whoever has it may post."""
        return (self.url,)

    @property
    def address(self) -> str:
        """As in the file."""
        return str(self.url)

    def tell(self, notice: Notice, timeout_s: float) -> None:
        """Post a message of blocks."""
        post_json(self.url.reveal(), slack_message(notice), timeout_s=timeout_s)


@dataclass(slots=True, kw_only=True)
class PagerDuty:
    """An integration of PagerDuty's Events API v2: an alert triggers, its resolution resolves, by its key."""

    routing_key: Secret
    url: str = PAGERDUTY_URL
    at_least: str = INFO

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The key of the integration."""
        return (self.routing_key,)

    @property
    def address(self) -> str:
        """Where events go."""
        return self.url

    def tell(self, notice: Notice, timeout_s: float) -> None:
        """Send one event."""
        post_json(self.url, pagerduty_event(notice, self.routing_key.reveal()), timeout_s=timeout_s)


@dataclass(slots=True, kw_only=True)
class Webhook:
    """Any address that takes JSON; signed where a secret is shared with it."""

    url: Secret
    secret: Secret | None = None
    headers: Mapping[str, Secret] = field(default_factory=dict)
    at_least: str = INFO

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Address, shared secret and headers."""
        return (self.url, *([self.secret] if self.secret else []), *self.headers.values())

    @property
    def address(self) -> str:
        """As in the file."""
        return str(self.url)

    def tell(self, notice: Notice, timeout_s: float) -> None:
        """Post the alert, with a signature over the time and the body."""
        body = json.dumps(webhook_document(notice)).encode()
        headers = {name: value.reveal() for name, value in self.headers.items()}
        if self.secret is not None:
            moment = str(int(notice.at.timestamp()))
            headers |= {TIME_HEADER: moment, SIGNATURE_HEADER: signature(body, moment, self.secret.reveal())}
        post_json(self.url.reveal(), None, raw=body, headers=headers, timeout_s=timeout_s)


def signature(body: bytes, moment: str, secret: str) -> str:
    """``sha256=`` and the HMAC of ``moment.body``: who checks it knows the sender and, by the time, a replay.

    Parameters
    ----------
    body : bytes
        As received.
    moment : str
        The header `TIME_HEADER`, seconds since 1970.
    secret : str
        Shared with the receiver.
    """
    return "sha256=" + hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()


def webhook_document(notice: Notice) -> dict[str, Any]:
    """The alert as plain JSON."""
    alert = notice.alert
    return {
        "severity": alert.severity,
        "title": alert.title,
        "text": alert.text,
        "key": alert.key,
        "labels": dict(alert.labels),
        "resolved": alert.resolved,
        "repeats": notice.repeats,
        "at": _iso(notice.at),
    }


def slack_message(notice: Notice) -> dict[str, Any]:
    """Header, text and facts as blocks; ``text`` is what a notification shows."""
    alert = notice.alert
    mark = "✅" if alert.resolved else _MARKS[alert.severity]
    title = f"{mark} {notice.headline}"
    header = {"type": "plain_text", "text": _cut(title, _SLACK_TITLE), "emoji": True}
    blocks: list[dict[str, Any]] = [{"type": "header", "text": header}]
    if alert.text:
        text = {"type": "mrkdwn", "text": _marked(alert.text, _SLACK_TEXT)}
        blocks.append({"type": "section", "text": text})
    facts = " · ".join(
        [alert.severity, *(f"{name} {value}" for name, value in alert.labels.items()), _iso(notice.at)]
    )
    elements = [{"type": "mrkdwn", "text": _marked(facts, _SLACK_FACTS)}]
    return {
        "text": _marked(title, _SLACK_TEXT),
        "blocks": [*blocks, {"type": "context", "elements": elements}],
    }


def pagerduty_event(notice: Notice, routing_key: str) -> dict[str, Any]:
    """A trigger, or a resolution, under the key of the alert."""
    alert = notice.alert
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": "resolve" if alert.resolved else "trigger",
        "dedup_key": _short_key(alert.key),
    }
    if not alert.resolved:
        event["client"] = "OmniLab"
        event["payload"] = {
            "summary": _cut(notice.headline, _PAGERDUTY_SUMMARY),
            "source": alert.labels.get("host") or "omni-lab",
            "severity": alert.severity,
            "timestamp": _iso(notice.at),
            "custom_details": {**alert.labels, "text": _cut(alert.text, _PAGERDUTY_TEXT)},
        }
    return event


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _marked(text: str, length: int) -> str:
    """Text that Slack shows as it is: escaped, and cut where no escape is cut in two."""
    marked = [escape(letter, quote=False) for letter in text]
    ends = list(accumulate(map(len, marked)))
    if not ends or ends[-1] <= length:
        return "".join(marked)
    return "".join(marked[: bisect_right(ends, length - 1)]) + "…"


def _short_key(key: str) -> str:
    return key if len(key) <= _PAGERDUTY_KEY else hashlib.sha256(key.encode()).hexdigest()
